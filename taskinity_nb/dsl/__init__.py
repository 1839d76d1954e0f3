"""The language: text to flow and back, with positions in its errors.

Nothing here knows of functions, values or runs.
"""
