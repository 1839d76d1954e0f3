"""Our own pool of worker processes, and the backend that works with it.

Nothing here is for other executors: what runs elsewhere alike lies in `engine.remote`.
"""
