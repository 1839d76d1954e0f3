"""Results on disk: found by a key, kept once for each content, by several kernels at once.

Nothing here knows of flows and runs, or of what a key is made of.
"""
