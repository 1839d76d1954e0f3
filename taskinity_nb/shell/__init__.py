"""The commands of ``python -m taskinity_nb``: what they are told, what they call and print.

Nothing here that a notebook needs.
"""
