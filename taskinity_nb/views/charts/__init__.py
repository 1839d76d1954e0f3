"""Charts by matplotlib: Gantt, speed-up, durations.

Nothing here needs a notebook.
"""
