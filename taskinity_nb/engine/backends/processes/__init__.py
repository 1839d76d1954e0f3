"""Our own pool of worker processes, and the backend that works with it.

What runs in such a process and elsewhere alike lies in `engine.remote`.
"""
