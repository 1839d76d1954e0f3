"""``%%flow``: reads the cell, and calls the floors below."""

from __future__ import annotations

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
from ..model.task import is_task, registered_tasks
from ..strangers import add_note
from ..views.style.environment import close_unused_pipes, in_kernel, say
from ..views.style.guard import drawn_or_said
from .autoreload import teach_autoreload
from .completion import IDENTIFIER, flow_matcher
from .names import what_is_hidden
from .options import HELP, Options, read_options
from .outputs import Outputs, cell_of
from .preload import Preload
from .words import without_semicolon

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..views.explorer.explorer import Explorer

__all__ = ["FlowMagics", "load", "unload"]

MOST_IN_CHART = 20_000
"""Tasks; a chart of more takes longer than anybody who did not ask for it wants to wait."""

Bound = TypeVar("Bound")

UNASKED = 1.0
"""Seconds; nobody has lost the thread over a run that takes less, so nothing is said of it."""


@magics_class
class FlowMagics(Magics):
    """The cell magic ``%%flow``."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.notebook = shell
        self.last_runs: dict[str, Run] = {}
        self.outputs = Outputs(shell)

    def take_over(self, earlier: object) -> None:
        """Know what the magic knew before the extension was loaded again."""
        if isinstance(earlier, FlowMagics):
            self.last_runs, self.outputs = earlier.last_runs, earlier.outputs

    @no_var_expand
    @cell_magic
    def flow(self, line: str, cell: str) -> Flow | Run | Explorer | None:
        options = read_options(line, self.notebook.user_ns)
        text, is_silent = without_semicolon(cell)
        flow = parse_dsl(f"\n{text}")  # so that lines are counted as in the cell
        options.check(flow)
        value = self._perform(flow, options)
        return None if options.silent or is_silent else value

    def _perform(self, flow: Flow, options: Options) -> Flow | Run | Explorer:
        if not options.run:
            return self._bound(flow, options, flow)
        if options.resume and flow.name not in self.last_runs:
            say(
                f"nothing to resume: no earlier run of '{flow.name}' in this kernel; all of it runs"
            )
        if options.explore:
            return self._explore(flow, options)
        if options.background:
            return self._bound(flow, options, self._run_in_background(flow, options))
        with defer_interrupts():  # an interrupt ends the run; what comes of that is bound and drawn
            return self._run(flow, options)

    flow.__doc__ = HELP

    def _bound(self, flow: Flow, options: Options, value: Bound) -> Bound:
        """Bind what the cell returns, in place of what it returned the last time."""
        self._push(options, value)
        self.outputs.replace(cell_of(self.notebook, flow, options.output), value)
        return value

    def _push(self, options: Options, value: object) -> None:
        if options.output is not None:
            if hidden := what_is_hidden(options.output, self.notebook.user_ns):
                say(hidden)
            self.notebook.push({options.output: value})

    def _labels(self, flow: Flow) -> dict[str, str]:
        """Return what people call the tasks that were given a name of their own."""
        from ..views.style.words import label_of, own_labels

        labels: dict[str, str] = {}
        for name in flow.tasks:
            function = flow.function_of(name)
            for names in (self.notebook.user_ns, registered_tasks()):
                found = names.get(function)
                if is_task(found):
                    labels.setdefault(name, label_of(name, found))
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
            "keep": options.keep,
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
            if error.run is not None:
                runs.append(error.run)
                if options.output is None:
                    add_note(error, "the run, with what it has computed: sys.last_value.run")
            if isinstance(error, Cancelled):
                view.gantt = False  # who cancels wants an answer, and not to wait for a chart
            raise
        except BindingError as error:
            options.locate(error)
            raise
        finally:
            if runs:
                self.last_runs[flow.name] = self._bound(flow, options, runs[-1])
            view.end(runs)
        return runs[-1]

    def _explore(self, flow: Flow, options: Options) -> Explorer:
        from ..views.explorer.explorer import Explorer

        def keep(run: Run) -> None:
            self.last_runs[flow.name] = run
            self._push(options, run)

        known = self._arguments(flow, options)
        arguments = {name: known[name] for name in ("inputs", "executor", "workers", "namespace")}
        explorer = Explorer(flow, **arguments, on_run=keep)
        self.outputs.replace(cell_of(self.notebook, flow, options.output), explorer)
        return explorer

    def _run_in_background(self, flow: Flow, options: Options) -> Run:
        view = _View(flow, options, self._labels(flow))
        going = start(flow, **self._arguments(flow, options), observers=[view.watch_to_end])
        view.cancel = going.cancel
        self.last_runs[flow.name] = going
        return going


class _View:
    """What one cell shows: the graph, and when the run has ended the chart."""

    def __init__(self, flow: Flow, options: Options, labels: dict[str, str]) -> None:
        from ..views.live.live_graph import LiveGraph

        self.gantt = options.gantt
        self._run: Run | None = None
        self.cancel: Callable[[], None] = lambda: (
            self._run.cancel() if self._run is not None else None
        )
        self._graph = LiveGraph(flow, lambda: self.cancel(), labels=labels)
        with drawn_or_said("the flow", "it runs all the same"):
            self._graph.show()
        self._chart: Any = None
        if options.background and options.gantt:
            self._chart = display({"text/plain": ""}, raw=True, display_id=True)

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
            return
        with drawn_or_said("the graph", "the run is as it is"):
            self._graph.finish(runs[-1])
        with drawn_or_said("the chart", "plot_gantt(run) raises it"):
            self._draw_chart(runs)
        with drawn_or_said("the advice", "advise(run) raises it"):
            self._advise(runs[-1])

    def _draw_chart(self, runs: list[Run]) -> None:
        records = runs[-1].tasks.values()
        if not self.gantt or not any(record.started is not None for record in records):
            return
        if len(records) > MOST_IN_CHART:
            print(f"(no chart of more than {MOST_IN_CHART:,} tasks; plot_gantt(run) draws it)")
            return
        from ..views.charts.plots import gantt_bundle

        bundle, facts = gantt_bundle(*runs)
        show = display if self._chart is None else self._chart.update
        show(bundle, metadata=facts, raw=True)

    def _advise(self, run: Run) -> None:
        """Say below the chart what would make a run better, if there is anything worth saying."""
        sound = run.state is State.SUCCEEDED and run.makespan >= UNASKED
        if not self.gantt or not sound or len(run.on_workers()) > MOST_IN_CHART:
            return
        from ..analysis.advice.advise import advise
        from ..views.tables.advice import advice_to_html

        advice = advise(run)
        if advice:
            display({"text/html": advice_to_html(advice), "text/plain": repr(advice)}, raw=True)


_preloads: list[Preload] = []
"""What imports what the first cell needs, if that is not over."""


def load(shell: InteractiveShell) -> None:
    """Register the magic and its Tab completion with a shell."""
    from IPython.extensions import autoreload

    before = shell.magics_manager.registry.get(FlowMagics.__name__)
    shell.register_magics(FlowMagics)
    shell.magics_manager.registry[FlowMagics.__name__].take_over(before)
    teach_autoreload(autoreload)
    unload(shell)
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers.append(flow_matcher(shell))
    shell.events.register("post_run_cell", close_unused_pipes)
    if in_kernel():
        _preloads[:] = [Preload(shell)]
        _preloads[0].begin()


def unload(shell: InteractiveShell) -> None:
    """Take the Tab completion back, and what is done between cells."""
    for preload in _preloads:
        preload.end()
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers[:] = [
            matcher
            for matcher in completer.custom_matchers
            if getattr(matcher, "matcher_identifier", "") != IDENTIFIER
        ]
    if close_unused_pipes in shell.events.callbacks["post_run_cell"]:
        shell.events.unregister("post_run_cell", close_unused_pipes)
