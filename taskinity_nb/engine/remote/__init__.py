"""What runs where a task runs, on another machine too, and is sent there.

Nothing but the standard library and cloudpickle may be imported here.
"""
