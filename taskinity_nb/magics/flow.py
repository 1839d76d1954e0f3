"""``%%flow``: reads the cell, and calls the floors below."""

from __future__ import annotations

import atexit
import threading
from collections import ChainMap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand
from IPython.display import display

from ..dsl.read import parse_dsl
from ..engine.rerun.inputs import collected_inputs, repeatable_inputs
from ..engine.run import run, start
from ..engine.runtime.interrupts import defer_interrupts
from ..errors import BindingError, Cancelled, ExecutorError, TaskError
from ..model.events import Event, State
from ..model.flow import Flow
from ..model.run import Run
from ..model.task import Task, registered_tasks
from ..views.style.environment import in_kernel, say
from .autoreload import teach_autoreload
from .completion import IDENTIFIER, flow_matcher
from .options import HELP, Options, read_options

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..views.explorer.explorer import Explorer
    from ..views.live.places import Place

__all__ = ["FlowMagics", "load", "unload"]

MOST_IN_CHART = 20_000
"""Tasks; a chart of more takes longer than anybody who did not ask for it wants to wait."""

Bound = TypeVar("Bound")

LAST_PICTURES = 3.0
"""Seconds that a kernel which is shut down waits for the pictures of a run; then it is killed."""

UNASKED = 1.0
"""Seconds; nobody has lost the thread over a run that takes less, so nothing is said of it."""


@magics_class
class FlowMagics(Magics):
    """The cell magic ``%%flow``."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.notebook = shell
        self.last_runs: dict[str, Run] = {}

    @no_var_expand
    @cell_magic
    def flow(self, line: str, cell: str) -> Flow | Run | Explorer:
        options = read_options(line, self.notebook.user_ns)
        flow = parse_dsl(f"\n{cell}")  # so that lines are counted as in the cell
        if not options.run:
            return self._bound(options, flow)
        if options.explore:
            return self._explore(flow, options)
        if options.background:
            return self._bound(options, self._run_in_background(flow, options))
        with defer_interrupts():  # an interrupt ends the run; what comes of that is bound and drawn
            return self._run(flow, options)

    flow.__doc__ = HELP

    def _bound(self, options: Options, value: Bound) -> Bound:
        if options.output is not None:
            self.notebook.push({options.output: value})
        return value

    def _labels(self, flow: Flow) -> dict[str, str]:
        """Return what people call the tasks that were given a name of their own."""
        from ..views.style.words import label_of, own_labels

        labels = {}
        for name in flow.tasks:
            function = flow.function_of(name)
            found = self.notebook.user_ns.get(function) or registered_tasks().get(function)
            if isinstance(found, Task):
                labels[name] = label_of(name, found)
        return own_labels(labels)

    def _arguments(self, flow: Flow, options: Options) -> dict[str, Any]:
        runs_again = options.compare or options.explore
        prepared = repeatable_inputs if runs_again else collected_inputs
        return {
            "inputs": prepared(options.inputs),
            "executor": options.executor,
            "workers": options.workers,
            "namespace": ChainMap(self.notebook.user_ns, dict(registered_tasks())),
            "on_error": options.on_error,
            "resume": self.last_runs.get(flow.name) if options.resume else None,
        }

    def _run(self, flow: Flow, options: Options) -> Run:
        arguments = self._arguments(flow, options)
        runs: list[Run] = []
        view = _View(flow, options, self._labels(flow))
        try:
            if options.compare:
                one_by_one = {**arguments, "executor": "sequential", "workers": None}
                runs.append(run(flow, **one_by_one, observers=[view.watch]))
            runs.append(run(flow, **arguments, observers=[view.watch]))
        except (TaskError, Cancelled, ExecutorError) as error:
            view.is_raised = True
            if error.run is not None:
                runs.append(error.run)
            if isinstance(error, Cancelled):
                view.gantt = False  # who cancels wants an answer, and not to wait for a chart
            raise
        except BindingError as error:
            options.locate(error)
            raise
        finally:
            if runs:
                self.last_runs[flow.name] = self._bound(options, runs[-1])
                view.take(runs[-1])
            view.end(runs)
        return runs[-1]

    def _explore(self, flow: Flow, options: Options) -> Explorer:
        from ..views.explorer.explorer import Explorer

        def keep(run: Run) -> None:
            self.last_runs[flow.name] = self._bound(options, run)

        known = self._arguments(flow, options)
        arguments = {name: known[name] for name in ("inputs", "executor", "workers", "namespace")}
        return Explorer(flow, **arguments, on_run=keep)

    def _run_in_background(self, flow: Flow, options: Options) -> Run:
        view = _View(flow, options, self._labels(flow))
        try:
            going = start(flow, **self._arguments(flow, options), observers=[view.watch_to_end])
        except BaseException as error:
            view.end([])
            if isinstance(error, BindingError):
                options.locate(error)
            raise
        view.take(going)
        self.last_runs[flow.name] = going
        return going


class _View:
    """What one cell shows: the graph, and when the run has ended the chart, or what failed.

    Below the graph a reader looks for the error first. So a traceback stands above the chart; of a
    run in the background, which raises nothing in its cell, the error stands in the chart's place.
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
        self._graph.show()
        self._below: Place | None = None
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
        from ..views.live.places import bundle_of
        from ..views.tables.failures import failures_bundle
        from ..views.tables.run_value import end_values

        shown, advice = None, None
        try:
            shown = failures_bundle(run)
            if shown is None and self._wants_chart(run):
                from ..views.charts.plots import plot_gantt

                shown = bundle_of(plot_gantt(run).figure)
                advice = self._advice(run)
        finally:
            place.end(shown)
            if advice:
                place.add(bundle_of(advice))
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
        from ..views.charts.plots import plot_gantt

        display(plot_gantt(*runs).figure)
        advice = self._advice(runs[-1])
        if advice:
            display(advice)

    def _wants_chart(self, run: Run) -> bool:
        records = run.tasks.values()
        if not self.gantt or not any(record.started is not None for record in records):
            return False
        if len(records) > MOST_IN_CHART:
            say(f"(no chart of more than {MOST_IN_CHART:,} tasks; plot_gantt(run) draws it)")
            return False
        return True

    def _advice(self, run: Run) -> Any:
        """Return what would make a run better, if there is anything worth saying."""
        sound = run.state is State.SUCCEEDED and run.makespan >= UNASKED
        if not sound or len(run.on_workers()) > MOST_IN_CHART:
            return None
        from ..analysis.advice.advise import advise

        return advise(run)


def load(shell: InteractiveShell) -> None:
    """Register the magic and its Tab completion with a shell."""
    from IPython.extensions import autoreload

    shell.register_magics(FlowMagics)
    formatter: Any = shell.display_formatter
    formatter.formatters["text/plain"].for_type(
        Run, lambda run, printer, _: printer.text(_text_of(run))
    )
    teach_autoreload(autoreload)
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        unload(shell)
        completer.custom_matchers.append(flow_matcher(shell))


def _text_of(run: Run) -> str:
    from ..views.tables.run_value import run_text

    return run_text(run)


def unload(shell: InteractiveShell) -> None:
    """Take the Tab completion back."""
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers[:] = [
            matcher
            for matcher in completer.custom_matchers
            if getattr(matcher, "matcher_identifier", "") != IDENTIFIER
        ]
