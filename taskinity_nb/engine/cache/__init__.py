"""Results that outlive the kernel: where they lie, under which keys, and why one is made again.

Nothing here decides when a task runs.
"""
