"""What a terminal or a script shows: bars and lines of progress.

Nothing here needs a browser; a flow in characters is drawn by `views.graph`.
"""
