"""What a run may use at once: how it is written, and whether a plan can do with it.

Nothing here knows how tasks are held back: that is the scheduler's trade.
"""
