"""What goes first of what is ready: the ranks of tasks, and the items of mapped ones.

Nothing here decides what is ready: that is the frontier's trade.
"""
