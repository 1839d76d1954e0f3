"""Somebody else's cluster: it gets the graph in stretches, keeps the data, and binds the tasks."""
