"""What a run means: figures, history, predictions, advice, measurements.

Nothing here draws.
"""
