"""Measuring flows and functions in turns.

Nothing here draws what was measured.
"""
