"""What people look at.

Nothing here decides what runs, or what a run means.
"""
