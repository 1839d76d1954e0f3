"""What is told of why tasks run: before a run, and afterwards.

Nothing here finds it out: the engine does.
"""
