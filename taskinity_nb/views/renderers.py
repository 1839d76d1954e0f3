"""Which look belongs to which type: the renderer that `taskinity_nb` puts in.

Nothing heavy is imported here: what draws imports its libraries when it draws for the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from html import escape
from typing import Any

from ..analysis.advice.evidence import Advice, AdviceList
from ..analysis.export import frame_of, write_trace
from ..analysis.history import History
from ..analysis.measuring.benchmark import PerformanceBenchmark
from ..analysis.measuring.compare import Comparison
from ..display import Plain
from ..engine.cache.contents import CacheInfo
from ..errors import FlowError
from ..model.binding import resolve
from ..model.flow import Flow
from ..model.forms.expand import drawable
from ..model.outlook.forecast import Forecast
from ..model.outlook.why import Why
from ..model.run import Run
from .charts.plots import plot_speedup
from .graph.dot import flow_text, to_graphviz
from .graph.picture import flow_mimebundle, save_picture
from .style.guard import made_or_told
from .style.words import facts_of
from .tables.advice import advice_to_html, advice_to_text
from .tables.benchmark import draw_timings, timings_table
from .tables.cache import cache_table
from .tables.columns import Table
from .tables.comparison import comparison_table
from .tables.forecast import forecast_html, forecast_text
from .tables.history import draw_history, history_table
from .tables.run import run_table
from .tables.run_value import run_html, show_run
from .tables.why import why_table
from .terminal.progress_line import Progress as progress
from .tracebacks import render_error

__all__ = [
    "export", "html", "inspect", "mimebundle", "plot", "progress", "show", "text", "traceback"
]  # fmt: skip

_plain = Plain()

mimebundle = singledispatch(_plain.mimebundle)


@mimebundle.register
def _(flow: Flow) -> tuple[dict[str, Any], dict[str, Any]]:
    def without_picture(why: str) -> dict[str, Any]:
        return {"text/plain": f"{flow_text(flow)}\n({why})"}

    bundle = made_or_told("the flow", lambda: flow_mimebundle(drawable(flow)), without_picture)
    return bundle, facts_of(bundle)


html = singledispatch(_plain.html)
html.register(Advice, lambda advice: advice_to_html([advice]))
html.register(AdviceList, advice_to_html)

text = singledispatch(_plain.text)
text.register(Advice, advice_to_text)


def _tabulate(kind: type, table: Callable[[Any], Table]) -> None:
    def as_html(shown: Any) -> str:
        return made_or_told(
            "the table", lambda: table(shown).html(), lambda why: f"<div>({escape(why)})</div>"
        )

    def as_text(shown: Any) -> str:
        return made_or_told("the table", lambda: table(shown).text(), lambda why: f"({why})")

    html.register(kind, as_html)
    text.register(kind, as_text)


_tabulate(CacheInfo, cache_table)
_tabulate(Comparison, comparison_table)
_tabulate(History, history_table)
_tabulate(PerformanceBenchmark, timings_table)
_tabulate(Run, run_table)
_tabulate(Why, why_table)
html.register(Run, run_html)
html.register(Forecast, forecast_html)
text.register(Forecast, forecast_text)

show = singledispatch(_plain.show)
show.register(Run, show_run)

traceback = singledispatch(_plain.traceback)
traceback.register(FlowError, render_error)

plot = singledispatch(_plain.plot)
plot.register(Comparison, plot_speedup)
plot.register(History, draw_history)
plot.register(PerformanceBenchmark, draw_timings)

inspect = singledispatch(_plain.inspect)
export = singledispatch(_plain.export)


@inspect.register
def _(run: Run, task: str | None) -> Any:
    from .live.inspector import inspect
    from .live.live_graph import run_states_text

    def in_words() -> str:
        told = "" if task is None else f"\n{run.tasks[task]!r}"
        return run_states_text(run) + told

    widget = inspect(run, task)
    widget.in_words = in_words
    return widget


@export.register
def _(flow: Flow, form: str, *options: Any) -> Any:
    exports: dict[str, Callable[..., Any]] = {
        "graphviz": to_graphviz, "plan": _explained, "file": save_picture,
    }  # fmt: skip
    return exports[form](flow if form == "plan" else drawable(flow), *options)


def _explained(flow: Flow, inputs: Any, namespace: Any, cache: Any) -> Any:
    """Return the plan of a flow, or with a cache what a run would do."""
    if cache is None or cache is False:
        return resolve(flow, inputs, namespace)
    from ..engine.cache.forecast import forecast

    return forecast(flow, inputs, namespace, cache)


@export.register
def _(run: Run, form: str, *options: Any) -> Any:
    assert form in ("frame", "trace"), form
    return frame_of(run) if form == "frame" else write_trace(run, *options)
