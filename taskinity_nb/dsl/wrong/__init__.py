"""What is wrong in a text that is no flow: where, and what was probably meant.

Nothing here is called for a text that is right.
"""
