"""The public name of `taskinity_nb.analysis.measuring.benchmark`."""

from __future__ import annotations

from .analysis.measuring.benchmark import Measurement, PerformanceBenchmark, benchmark

__all__ = ["Measurement", "PerformanceBenchmark", "benchmark"]
