"""Reading a ``%%flow`` line: its words, its options, and their values.

Nothing here runs a flow or shows anything: that is what the magics do.
"""
