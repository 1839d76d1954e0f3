"""Run dependent functions in parallel from a notebook cell, and see what happens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .display import Renderer, set_renderer
from .dsl.flow_from import flow_from
from .dsl.read import parse_dsl, parse_flows
from .dsl.write import to_dsl, to_mermaid
from .engine.run import run, run_flow_from_dsl, run_parallel_flow_from_dsl, start
from .engine.scheduling.history import recall_with
from .errors import (
    BindingError,
    Cancelled,
    CycleError,
    DSLSyntaxError,
    ExecutorError,
    FlowError,
    FlowWarning,
    MapError,
    NoResultError,
    TaskError,
    UnknownTaskError,
    UnpicklableError,
    WorkerLost,
    let_items_travel,
    skip,
)
from .model.events import Event, State
from .model.flow import Flow
from .model.limits.capacities import rate
from .model.plan import Plan
from .model.record import TaskRun
from .model.run import Run
from .model.task import Task, task

if TYPE_CHECKING:
    from .analysis.advice.advise import Advice, advise
    from .analysis.history import history
    from .analysis.measuring.benchmark import PerformanceBenchmark, benchmark
    from .analysis.measuring.compare import Comparison, compare
    from .analysis.prediction.simulate import Timeline, simulate
    from .engine.cache.contents import cache_info, clear_cache
    from .versions import show_versions
    from .views.charts.plots import plot_gantt, plot_speedup
    from .views.explorer.explorer import explore
    from .views.terminal.progress_bar import progress_bar

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "BindingError",
    "Cancelled",
    "Comparison",
    "CycleError",
    "DSLSyntaxError",
    "Event",
    "ExecutorError",
    "Flow",
    "FlowError",
    "FlowWarning",
    "MapError",
    "NoResultError",
    "PerformanceBenchmark",
    "Plan",
    "Run",
    "State",
    "Task",
    "TaskError",
    "TaskRun",
    "Timeline",
    "UnknownTaskError",
    "UnpicklableError",
    "WorkerLost",
    "advise",
    "benchmark",
    "cache_info",
    "clear_cache",
    "compare",
    "explore",
    "flow_from",
    "history",
    "parse_dsl",
    "parse_flows",
    "plot_gantt",
    "plot_speedup",
    "progress_bar",
    "rate",
    "run",
    "run_flow_from_dsl",
    "run_parallel_flow_from_dsl",
    "show_versions",
    "simulate",
    "skip",
    "start",
    "task",
    "to_dsl",
    "to_mermaid",
]

_HEAVY = {
    "Advice": "analysis.advice.advise",
    "Comparison": "analysis.measuring.compare",
    "PerformanceBenchmark": "analysis.measuring.benchmark",
    "advise": "analysis.advice.advise",
    "benchmark": "analysis.measuring.benchmark",
    "cache_info": "engine.cache.contents",
    "clear_cache": "engine.cache.contents",
    "compare": "analysis.measuring.compare",
    "history": "analysis.history",
    "Timeline": "analysis.prediction.simulate",
    "explore": "views.explorer.explorer",
    "plot_gantt": "views.charts.plots",
    "plot_speedup": "views.charts.plots",
    "progress_bar": "views.terminal.progress_bar",
    "show_versions": "versions",
    "simulate": "analysis.prediction.simulate",
}
"""Names whose modules are imported when they are first used."""


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HEAVY[name]}", __name__), name)


def _renderer() -> Renderer:
    from .views import renderers

    return renderers


set_renderer(_renderer)


def _pack_map_error(error: MapError) -> tuple[Any, ...]:
    from .engine.transport.travel import reduced

    return reduced(error)


let_items_travel(_pack_map_error)


def _recall(flow: Flow | None) -> None:
    from .engine.cache.remembered import recall

    recall(flow)


recall_with(_recall)


if "IPython.extensions.autoreload" in sys.modules:  # our extension need not be loaded for this
    from .magics.autoreload import teach_autoreload

    teach_autoreload(sys.modules["IPython.extensions.autoreload"])


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Register ``%%flow``: what ``%load_ext taskinity_nb`` calls."""
    from .magics.flow import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take back what needs taking back: what ``%unload_ext taskinity_nb`` calls."""
    from .magics.flow import unload

    unload(shell)
