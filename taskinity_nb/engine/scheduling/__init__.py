"""When each task runs, and what is written down of it.

Nothing here knows how a task is performed: that is a backend's trade.
"""
