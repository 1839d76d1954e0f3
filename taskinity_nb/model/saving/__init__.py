"""How runs and what they hold are pickled and copied: results and records travel, handles do not.

What runs a flow may not be here: a run that is read back is one that has ended.
"""
