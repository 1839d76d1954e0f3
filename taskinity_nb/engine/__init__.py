"""Running a flow: when and where its tasks run, and what comes back.

Nothing here imports IPython, matplotlib or a widget.
"""
