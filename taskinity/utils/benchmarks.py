"""`taskinity_nb.benchmarks` under the name of the usage guide."""

from __future__ import annotations

from taskinity_nb.benchmarks import Measurement, PerformanceBenchmark, benchmark

__all__ = ["Measurement", "PerformanceBenchmark", "benchmark"]
