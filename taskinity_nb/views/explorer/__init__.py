"""The sliders that answer how many workers are worth having.

What is predicted comes from `analysis.prediction`.
"""
