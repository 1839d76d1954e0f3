"""What a run finds in a store, and puts there: keys, and why a result is made again.

Nothing here decides when a task runs, or knows how results lie on disk.
"""
