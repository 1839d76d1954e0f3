"""What follows a run in a notebook: the live graph, its widget, the inspector.

Nothing here lays out or predicts.
"""
