"""What runs where a task runs, on another machine too, and is sent there.

Only the standard library, cloudpickle, `strangers` and the cluster's own library may be imported.
"""
