"""Results as tables, in HTML and in plain text.

Nothing here measures or draws charts, but for what a table's `plot` asks for.
"""
