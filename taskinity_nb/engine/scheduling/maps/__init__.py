"""Mapped tasks and their items, and what is looked at before a task or an item runs.

Which of them goes first is not decided here: `frontier` does.
"""
