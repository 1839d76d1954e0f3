"""Utilities under the names of the usage guide."""
