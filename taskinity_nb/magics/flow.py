"""``%%flow`` and ``%flow``: reads the cell or the line, and calls the floors below."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from ..dsl.read import parse_dsl
from ..engine.rerun.given import collected_overrides
from ..engine.rerun.inputs import collected_inputs, repeatable_inputs
from ..engine.run import run, start
from ..engine.runtime.interrupts import defer_interrupts
from ..errors import BindingError, Cancelled, ExecutorError, TaskError
from ..model.annotations.misfits import said_once
from ..model.extents.expanded import expanded
from ..model.flow import Flow
from ..model.run import Run
from ..model.task import is_task, registered_tasks
from ..strangers import add_note
from ..views.style.environment import close_unused_pipes, in_kernel, say
from .autoreload import teach_autoreload
from .cell_view import CellView
from .completion import IDENTIFIER, flow_matcher
from .editor import Editor
from .existing import read_line
from .line.options import Options, read_options
from .line.usage import HELP
from .line.words import without_semicolon
from .names import what_is_hidden
from .outputs import Outputs, cell_of
from .preload import Preload
from .writing import WRITER_HELP, cell_of_functions, write_next_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..model.outlook.forecast import Forecast
    from ..views.explorer.explorer import Explorer

__all__ = ["FlowMagics", "load", "unload"]

WITHOUT_CACHE = "all of it runs, where --cache would go by what is on disk"

Bound = TypeVar("Bound")


@magics_class
class FlowMagics(Magics):
    """The magics ``%%flow``, ``%flow`` and ``%flow_from``."""

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
    @line_cell_magic
    def flow(self, line: str, cell: str | None = None) -> Flow | Run | Explorer | Forecast | None:
        is_silent = False
        if cell is None:
            flow, options = read_line(line, self.notebook.user_ns)
        else:
            options = read_options(line, self.notebook.user_ns)
            text, is_silent = without_semicolon(cell)
            flow = parse_dsl(f"\n{text}")  # so that lines are counted as in the cell
        options.check(flow)
        value = self._perform(flow, options)
        return None if options.silent or is_silent else value

    def _perform(self, flow: Flow, options: Options) -> Flow | Run | Explorer | Forecast:
        if not options.run and not options.cache:
            return self._bound(flow, options, flow)
        if options.run and options.resume and flow.name not in self.last_runs:
            then = "it goes by the cache" if options.cache else WITHOUT_CACHE
            say(f"nothing to resume: no earlier run of '{flow.name}' in this kernel; {then}")
        written = flow
        flow = expanded(flow, options.inputs, self._namespace(), options.parts.choose())
        options.parts.check(flow, options.line)
        if not options.run:
            return self._forecast(flow, written, options)
        if options.explore:
            return self._explore(flow, options)
        if options.background:
            return self._bound(flow, options, self._run_in_background(flow, options))
        # An interrupt ends the run; what comes of that is bound and drawn.
        with defer_interrupts(), said_once():
            return self._run(flow, options)

    flow.__doc__ = HELP

    @no_var_expand
    @line_magic
    def flow_from(self, line: str) -> None:
        text = cell_of_functions(line, self.notebook.user_ns)
        if not write_next_cell(self.notebook, text):
            print(text)

    flow_from.__doc__ = WRITER_HELP

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
            function, home = flow.function_of(name), flow.homes.get(name)
            everywhere = (self.notebook.user_ns, registered_tasks())
            for names in everywhere if home is None else (home,):
                found = names.get(function)
                if is_task(found):
                    labels.setdefault(name, label_of(name, found))
        return own_labels(labels)

    def _namespace(self) -> ChainMap[str, Any]:
        return ChainMap(self.notebook.user_ns, dict(registered_tasks()))

    def _arguments(self, flow: Flow, options: Options) -> dict[str, Any]:
        runs_again = options.compare or options.explore
        prepared = repeatable_inputs if runs_again else collected_inputs
        return {
            "inputs": prepared(options.inputs),
            "executor": options.executor,
            "workers": options.workers,
            "namespace": self._namespace(),
            "on_error": options.on_error,
            "keep": options.keep,
            "resume": self.last_runs.get(flow.name) if options.resume else None,
            "targets": options.parts.targets,
            "overrides": collected_overrides(options.parts.overrides),
            "rerun": options.parts.rerun,
            "cache": options.cache,
            "resources": options.resources,
        }

    def _run(self, flow: Flow, options: Options) -> Run:
        arguments = self._arguments(flow, options)
        runs: list[Run] = []
        view = CellView(flow, options, self._labels(flow))
        try:
            if options.compare:
                one_by_one = {**arguments, "executor": "sequential", "workers": None}
                runs.append(run(flow, **one_by_one, observers=[view.watch]))
            runs.append(run(flow, **arguments, observers=[view.watch]))
        except (TaskError, Cancelled, ExecutorError) as error:
            view.is_raised = True
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
                view.take(runs[-1])
            view.end(runs)
        return runs[-1]

    def _forecast(self, flow: Flow, written: Flow, options: Options) -> Forecast:
        """Tell what a run with the cache would do; the name is still that of the flow."""
        from ..engine.cache.forecast import forecast

        parts = options.parts
        try:
            found = forecast(
                flow, options.inputs, self._namespace(), options.cache,
                targets=parts.targets, overrides=parts.overrides, rerun=parts.rerun,
            )  # fmt: skip
        except BindingError as error:
            options.locate(error)
            raise
        self._push(options, written)
        self.outputs.replace(cell_of(self.notebook, written, options.output), found)
        return found

    def _explore(self, flow: Flow, options: Options) -> Explorer:
        from ..views.explorer.explorer import Explorer

        def keep(run: Run) -> None:
            self.last_runs[flow.name] = run
            self._push(options, run)

        known = self._arguments(flow, options)
        names = ("inputs", "executor", "workers", "namespace", "cache", "resources")
        arguments = {name: known[name] for name in names}
        explorer = Explorer(flow, **arguments, on_run=keep)
        self.outputs.replace(cell_of(self.notebook, flow, options.output), explorer)
        return explorer

    def _run_in_background(self, flow: Flow, options: Options) -> Run:
        view = CellView(flow, options, self._labels(flow))
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


_until_unloaded: list[Preload | Editor] = []
"""What imports what the first cell needs, if that is not over."""


def load(shell: InteractiveShell) -> None:
    """Register the magic and its Tab completion with a shell."""
    from IPython.extensions import autoreload

    before = shell.magics_manager.registry.get(FlowMagics.__name__)
    shell.register_magics(FlowMagics)
    shell.magics_manager.registry[FlowMagics.__name__].take_over(before)
    formatter: Any = shell.display_formatter
    formatter.formatters["text/plain"].for_type(
        Run, lambda run, printer, _: printer.text(_text_of(run))
    )
    teach_autoreload(autoreload)
    unload(shell)
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers.append(flow_matcher(shell))
    shell.events.register("post_run_cell", close_unused_pipes)
    if in_kernel():
        _until_unloaded[:] = [Preload(shell), Editor(shell)]
        for part in _until_unloaded:
            part.begin()


def _text_of(run: Run) -> str:
    from ..views.tables.run_value import run_text

    return run_text(run)


def unload(shell: InteractiveShell) -> None:
    """Take the Tab completion back, and what is done between cells."""
    for part in _until_unloaded:
        part.end()
    _until_unloaded.clear()
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers[:] = [
            matcher
            for matcher in completer.custom_matchers
            if getattr(matcher, "matcher_identifier", "") != IDENTIFIER
        ]
    if close_unused_pipes in shell.events.callbacks["post_run_cell"]:
        shell.events.unregister("post_run_cell", close_unused_pipes)
