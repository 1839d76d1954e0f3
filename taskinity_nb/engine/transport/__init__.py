"""How values get from process to process of this machine: codec, shared memory, folders.

Nothing here starts a process, or decides when a task runs.
"""
