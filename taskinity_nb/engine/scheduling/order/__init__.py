"""What goes first of what is ready: ranks, items of maps, and what tasks took in earlier runs.

Nothing here decides what is ready: that is the frontier's trade.
"""
