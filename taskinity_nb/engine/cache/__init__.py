"""Results that survive the kernel: a folder with files by content, and an index that finds them.

Nothing here decides when a task runs, or asks what a function does.
"""
