"""What follows a run: the live graph, its widget or its text, the inspector.

Nothing here lays out a graph; how long the rest takes is only estimated.
"""
