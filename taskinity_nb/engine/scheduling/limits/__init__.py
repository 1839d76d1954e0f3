"""Holding back tasks that ask for more than is free, in a run and in a simulation.

Nothing here decides what is ready or what goes first: that is the frontier's trade.
"""
