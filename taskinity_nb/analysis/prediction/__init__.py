"""How a run would go on other workers.

Nothing here draws, and nothing runs a task.
"""
