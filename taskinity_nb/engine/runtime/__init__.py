"""Interrupts, waiting, timers, locks: what threads need that is not of flows.

Nothing here knows of tasks or runs.
"""
