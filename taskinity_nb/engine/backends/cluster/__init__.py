"""Runs on Dask and Ray: what is handed over, and how what comes back is written down.

Nothing here runs on the cluster: that lies in `engine.remote`.
"""
