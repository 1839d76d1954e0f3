"""What a worker has in common with its caller: taken there, and put in force where tasks run.

It travels to clusters, so only the standard library, cloudpickle and `strangers` may be imported.
"""
