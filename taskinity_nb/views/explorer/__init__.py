"""The sliders that answer how many workers are worth having.

Nothing here predicts: that comes from `analysis.prediction`.
"""
