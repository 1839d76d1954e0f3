"""What is kept of an earlier run, and calling one task of it again, here and now.

Nothing here schedules: a kept result is handed to the scheduler.
"""
