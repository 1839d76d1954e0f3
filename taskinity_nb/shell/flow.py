"""A flow that lies in a file: where its functions are, its run and its picture."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from base64 import b64encode
from collections import ChainMap
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

from ..dsl.read import parse_dsl
from ..engine.run import run
from ..errors import Cancelled, FlowError, described
from ..model.flow import Flow
from ..model.limits.capacities import capacities
from ..model.run import Run
from ..views.graph.ascii_graph import flow_picture
from .inputs import inputs_of
from .page import write_page

__all__ = ["draw_file", "functions_for", "read_flow", "run_file"]

CANCELLED = 130
"""The exit code of what was interrupted: what a shell expects."""


def read_flow(path: Path) -> Flow:
    """Return the flow of a file; of several, the last, in which the others can be used.

    Raises
    ------
    FlowError
        If there is no such file, or its text is no flow; it names the file.

    Examples
    --------
    >>> read_flow(Path("no_such.flow"))
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.FlowError: no_such.flow cannot be read: No such file or directory
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise FlowError(f"{path} cannot be read: {why}") from error
    try:
        return parse_dsl(text)
    except FlowError as error:
        raise FlowError(f"{path}, {error}") from error


def functions_for(flow: Flow, path: Path, given: str | None) -> Mapping[str, Any] | ModuleType:
    """Return where the functions of a flow in a file are.

    Parameters
    ----------
    flow : Flow
        The flow. The modules that it names, as in ``steps.load``, are imported.
    path : Path
        Its file. Modules in the same folder can be imported.
    given : str or None
        A Python file, or the name of a module; by default the file beside it with the same name, if
        there is one.

    Raises
    ------
    FlowError
        If there is no such file or module, or if it raises something.
    """
    _can_import_from(path.parent)
    own = path.with_suffix(".py")
    if given is None and own.exists():
        given = str(own)
    module = None if given is None else _module(given)
    found = {} if module is None else vars(module)
    named = {flow.function_of(task) for task in flow.tasks}
    roots = {name.split(".")[0] for name in named if "." in name} - found.keys()
    imported = {root: _imported(root, named) for root in sorted(roots)}
    others = {root: each for root, each in imported.items() if each is not None}
    return module if module is not None and not others else ChainMap(others, found)


def _can_import_from(folder: Path) -> None:
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)


def _module(given: str) -> ModuleType:
    """Return the module that a name or the path of a file means."""
    if not given.endswith(".py"):
        found = _imported(given, ())
        if found is None:
            raise FlowError(f"there is no module '{given}'", remedy="write --functions FILE.py")
        return found
    path = Path(given).resolve()
    if not path.exists():
        raise FlowError(f"there is no file {given}")
    _can_import_from(path.parent)
    found = _imported(path.stem, ())
    place = getattr(found, "__file__", None)
    if found is None or place is None or Path(place).resolve() != path:
        raise FlowError(
            f"{given} cannot be imported: '{path.stem}' is the name of another module",
            remedy="give the file another name",
        )
    return found


def _imported(name: str, named: Any) -> ModuleType | None:
    """Import a module, and what lies in it as far as functions are named there; or None."""
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise _failed(name, error) from error
    except Exception as error:
        raise _failed(name, error) from error
    for each in named:
        inner = each.rpartition(".")[0]
        while inner.startswith(f"{name}."):
            if _imported(inner, ()) is not None:
                break
            inner = inner.rpartition(".")[0]
    return found


def _failed(name: str, error: BaseException) -> FlowError:
    return FlowError(f"'{name}' cannot be imported: {described(error)}")


def run_file(options: argparse.Namespace) -> int:
    """Run the flow of a file as the options of the command say; return the exit code."""
    from ..display import renderer
    from ..views.terminal.progress_bar import progress_bar

    flow = read_flow(options.file)
    namespace = functions_for(flow, options.file, options.functions)
    optional = {
        "executor": options.executor, "workers": options.workers, "on_error": options.on_error,
        "keep": options.keep, "cache": options.cache, "targets": _names(options.targets),
        "resources": options.resources and capacities(options.resources),
    }  # fmt: skip
    inputs = inputs_of(options.input) or None
    given = {name: value for name, value in optional.items() if value is not None}
    observers = [] if options.quiet else [progress_bar]
    ended: Run | None = None
    code = 0
    try:
        ended = run(flow, inputs, namespace=namespace, observers=observers, **given)
        code = int(any(record.error is not None for record in ended.tasks.values()))
    except Cancelled as error:
        ended, code = error.run, CANCELLED
        print(error.message, file=sys.stderr)
    except FlowError as error:
        ended, code = getattr(error, "run", None), 1
        print(_plain("\n".join(renderer().traceback(error))), file=sys.stderr)
    if ended is not None and not options.quiet:
        print(renderer().text(ended))
    if ended is not None and options.report is not None:
        write_page(options.report, f"{ended.flow.name}: {ended.state}", _report(ended))
        print(f"The graph, the chart and the table: {options.report.resolve()}")
    return code


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _plain(text: str) -> str:
    """Return a text without colours, unless a terminal shows it."""
    return text if sys.stderr.isatty() else re.sub(r"\x1b\[\d+m", "", text)


def _report(ended: Run) -> str:
    """Return what is shown of a run as HTML: its graph, its chart and its table."""
    from ..display import renderer
    from ..views.charts.plots import plot_gantt
    from ..views.style.guard import made_or_told
    from ..views.tables.run_value import graph_html

    def chart() -> str:
        data, facts = plot_gantt(ended)._repr_png_()  # type: ignore[attr-defined]
        source = b64encode(data).decode("ascii")
        return (
            f'<img alt="{escape(facts["alt"])}" width="{facts["width"]}" '
            f'src="data:image/png;base64,{source}">'
        )

    drawn = made_or_told("the chart", chart, lambda why: f"<div>({escape(why)})</div>")
    parts = [f"<h1>{escape(ended.flow.name)}</h1>", graph_html(ended), drawn]
    return "\n".join([*parts, renderer().html(ended) or ""])


def draw_file(path: Path, output: Path | None) -> int:
    """Draw the flow of a file, into a file or in characters; return the exit code."""
    flow = read_flow(path)
    if output == Path("-"):
        print(flow_picture(flow))
        return 0
    output = path.with_suffix(".svg") if output is None else output
    flow.save(output)
    print(output)
    return 0
