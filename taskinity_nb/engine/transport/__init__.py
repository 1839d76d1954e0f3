"""How values get from process to process of this machine: codec, shared memory, folders.

Nothing here knows of tasks that run, or of who runs them.
"""
