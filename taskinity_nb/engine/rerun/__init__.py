"""What is kept of an earlier run, and calling a task of it again.

Nothing here performs the tasks of a run.
"""
