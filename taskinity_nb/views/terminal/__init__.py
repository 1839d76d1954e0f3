"""What a terminal shows: a flow in characters, bars.

Nothing here needs a browser.
"""
