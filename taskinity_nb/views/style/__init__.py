"""Colours, words and the place where we are shown, the same in all views.

Nothing here draws anything by itself.
"""
