"""What holds a run back, with the figures that show it.

Nothing here draws, and nothing runs a task.
"""
