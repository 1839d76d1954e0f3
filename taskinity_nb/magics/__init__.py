"""The cell magic: its options, its completion, and what a cell does.

Nothing below imports from here.
"""
