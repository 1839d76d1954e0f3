"""What one cell shows: the graph, and when the run has ended the chart, or what failed."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..model.events import Event, State
from ..model.flow import Flow
from ..model.run import Run
from ..views.style.environment import in_kernel, say
from ..views.style.guard import drawn_or_said
from ..views.style.words import saved_by_cache

if TYPE_CHECKING:
    from ..views.live.places import Place
    from .line.options import Options

__all__ = ["CellView"]

MOST_IN_CHART = 20_000
"""Tasks; a chart of more takes longer than anybody who did not ask for it wants to wait."""

LAST_PICTURES = 3.0
"""Seconds that a kernel which is shut down waits for the pictures of a run; then it is killed."""

UNASKED = 1.0
"""Seconds; nobody has lost the thread over a run that takes less, so nothing is said of it."""


class CellView:
    """What one cell shows.

    Below the graph a reader looks for the error first. So a traceback stands above the chart; of a
    run in the background, which raises nothing in its cell, the error stands in the chart's place.
    What cannot be drawn is said in a line.

    Attributes
    ----------
    gantt : bool
        Whether there is to be a chart.
    is_raised : bool
        Whether the cell raises what ended the run.
    """

    def __init__(self, flow: Flow, options: Options, labels: dict[str, str]) -> None:
        from ..views.live.live_graph import LiveGraph
        from ..views.live.places import Place

        self.gantt = options.gantt
        self.is_raised = False
        self._ended = threading.Event()
        self._run: Run | None = None
        self.cancel: Callable[[], None] = lambda: (
            self._run.cancel() if self._run is not None else None
        )
        is_over = self._is_over if options.background else None
        self._graph = LiveGraph(flow, lambda: self.cancel(), labels=labels, is_over=is_over)
        self._below: Place | None = None
        with drawn_or_said("the flow", "it runs all the same"):
            self._graph.show()
            if options.background and in_kernel():
                self._below = Place(is_over)
                self._below.show({"text/plain": ""})

    def take(self, run: Run) -> None:
        """Show this run."""
        from ..views.tables.run_value import graph_is_in_cell

        self._run = run
        self.cancel = run.cancel
        graph_is_in_cell(run)
        if self._below is not None:
            atexit.register(self._leave)
            if self._ended.is_set():
                atexit.unregister(self._leave)

    def _leave(self) -> None:
        """Show that the run is cancelled: the kernel is shut down."""
        self.cancel()
        self._ended.wait(LAST_PICTURES)

    def _is_over(self) -> bool:
        return self._run is not None and self._run.done

    def watch(self, events: Sequence[Event], run: Run) -> None:
        """Follow a run."""
        self._run = run
        self._graph(events, run)

    def watch_to_end(self, events: Sequence[Event], run: Run) -> None:
        """Follow a run, and show how it ended."""
        self.watch(events, run)
        if run.done:
            self.end([run])

    def end(self, runs: list[Run]) -> None:
        """Leave behind what is to be saved with the notebook."""
        if not runs:
            self._graph.abandon()
            if self._below is not None:
                self._below.end()
            return
        with drawn_or_said("the graph", "the run is as it is"):
            self._graph.finish(runs[-1])
        if self._below is not None:
            self._end_below(runs[-1], self._below)
        elif self.is_raised and in_kernel():
            self._draw_below_traceback(runs)
        else:
            self._tell_failures(runs[-1])
            self._draw(runs)

    def _end_below(self, run: Run, place: Place) -> None:
        """Show what failed, or else the chart, and then the run's value."""
        from ..views.tables.failures import failures_bundle
        from ..views.tables.run_value import end_values

        shown: dict[str, Any] | None = None
        facts: dict[str, Any] = {}
        try:
            with drawn_or_said("the errors", "run.errors has them"):
                shown = failures_bundle(run)
            if shown is None and self._wants_chart(run):
                shown, facts = self._chart([run])
        finally:
            place.end(shown, facts)
            if shown is not None and facts and (advice := self._advice(run)):
                place.add(advice)
            with drawn_or_said("the run", "the run is as it is"):
                end_values(run)
            self._ended.set()
            atexit.unregister(self._leave)

    def _tell_failures(self, run: Run) -> None:
        from ..views.tables.failures import failures_text

        told = failures_text(run)
        if told and not self.is_raised:
            say(told)

    def _draw_below_traceback(self, runs: list[Run]) -> None:
        from ..views.live.places import after_cell

        if self.gantt and not after_cell(lambda: self._draw(runs)):
            say("(no chart of a run that failed; plot_gantt(run) draws it)")

    def _draw(self, runs: list[Run]) -> None:
        """Show the chart, and below it what would make the run better."""
        if not self._wants_chart(runs[-1]):
            return
        bundle, facts = self._chart(runs)
        if bundle is not None:
            display(bundle, metadata=facts, raw=True)
        if advice := self._advice(runs[-1]):
            display(advice, raw=True)

    def _wants_chart(self, run: Run) -> bool:
        records = run.tasks.values()
        if self.gantt and not any(record.started is not None for record in run.on_workers()):
            told = saved_by_cache(run)
            if told and run.state is State.SUCCEEDED:
                say(f"(no chart: {told})")
                return False
        if not self.gantt or not any(record.started is not None for record in records):
            return False
        if len(records) > MOST_IN_CHART:
            say(f"(no chart of more than {MOST_IN_CHART:,} tasks; plot_gantt(run) draws it)")
            return False
        return True

    def _chart(self, runs: list[Run]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Return the chart as it is shown, and what is told of it; None if it cannot be drawn."""
        with drawn_or_said("the chart", "plot_gantt(run) raises it"):
            from ..views.charts.plots import gantt_bundle

            return gantt_bundle(*runs)
        return None, {}

    def _advice(self, run: Run) -> dict[str, Any] | None:
        """Return what would make a run better, as it is shown, if anything is worth saying."""
        sound = run.state is State.SUCCEEDED and run.makespan >= UNASKED
        if not sound or len(run.on_workers()) > MOST_IN_CHART:
            return None
        with drawn_or_said("the advice", "advise(run) raises it"):
            from ..analysis.advice.advise import advise
            from ..views.tables.advice import advice_to_html

            if advice := advise(run):
                return {"text/html": advice_to_html(advice), "text/plain": repr(advice)}
        return None
