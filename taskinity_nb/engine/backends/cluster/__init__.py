"""Runs on Dask and Ray: what is handed over, and how what comes back is written down.

What runs on the cluster itself lies in `engine.remote`.
"""
