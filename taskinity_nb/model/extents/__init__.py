"""Which tasks of a flow run.

Nothing is re-exported here: import from the modules.
"""
