"""The picture of a flow: DOT, layout, SVG and PNG, folding.

Nothing here moves or listens: that is `views.live`.
"""
