"""Edges, constants, inputs and parts of a flow, and what is said of those that do not fit.

Functions are not found here, and no text is read.
"""
