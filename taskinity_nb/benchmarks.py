"""The public name of `taskinity_nb.analysis.benchmarks`."""

from __future__ import annotations

from .analysis.benchmarks import Measurement, PerformanceBenchmark, benchmark

__all__ = ["Measurement", "PerformanceBenchmark", "benchmark"]
