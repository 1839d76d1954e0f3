"""Who performs tasks: threads, coroutines, processes, other executors, clusters.

Nothing here decides what runs next: that is the scheduler's trade.
"""
