"""How values, functions, classes and exceptions become bytes, and what they are again elsewhere.

It travels to the cluster, like all of `remote`: the standard library and cloudpickle, nothing else.
"""
