"""A run as the value of a cell: its graph and its table, which become final when it ends."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from weakref import WeakKeyDictionary

from ...engine.control import Control
from ...formatting import counted, printable, time_text
from ...model.events import Event
from ...model.run import Run
from ..graph.picture import Picture
from ..graph.verdicts import verdicts_of
from ..live.places import Place, message_id
from ..style.environment import in_kernel
from ..style.guard import made_or_told
from ..style.words import details_of, labels_of, own_labels
from .run import run_table

__all__ = ["end_values", "graph_html", "graph_is_in_cell", "run_html", "run_text", "show_run"]

LARGEST_PICTURE = 200_000
"""Characters of a picture; a larger one is not put before a table."""

_lock = threading.Lock()
_cells: WeakKeyDictionary[Run, str] = WeakKeyDictionary()
"""The cell that shows the live graph of a run, and tells when the run has ended."""
_going: WeakKeyDictionary[Run, list[Place]] = WeakKeyDictionary()
"""Where a run is shown that has not ended."""


def graph_is_in_cell(run: Run) -> None:
    """Say that the running cell shows the graph of a run, and calls `end_values` at its end."""
    _cells[run] = message_id()


def run_html(run: Run) -> str:
    """Return a run as HTML: its table, in a kernel below its graph.

    The graph is left out if the running cell shows it already.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> html = run_html(Run(resolve(Flow("Example", tasks=["a"]), None, {"a": list}), "threads", 2))
    >>> "<table " in html, "<img " in html
    (True, False)
    """
    return _html(run, message_id())


def _html(run: Run, cell: str) -> str:
    table = made_or_told(
        "the table", lambda: run_table(run).html(), lambda why: f"<div>({escape(why)})</div>"
    )
    if not cell or _cells.get(run) == cell:
        return table
    note = ""
    if not run.done:
        note = f"<div>(as it was {time_text(run.makespan)} after its start)</div>"
    return f"<div>{graph_html(run)}{table}{note}</div>"


def graph_html(run: Run, told: Mapping[str, str] | None = None) -> str:
    """Return the graph of a run as HTML, as it is now; or why it is not drawn.

    What is `told` of each task of a run that has not been stands in place of what it did.
    """

    def drawn_graph() -> str:
        states = {name: record.state for name, record in run.tasks.items()}
        picture = Picture(run.flow, own_labels(labels_of(run.plan)), details=True)
        if told is not None:
            return picture.svg(states, told)
        return picture.svg(states, details_of(run), run.critical_path, verdicts_of(run))

    drawn = made_or_told("the graph", drawn_graph, lambda why: f"<div>({escape(why)})</div>")
    if not drawn.startswith("<svg"):
        return drawn
    if len(drawn) > LARGEST_PICTURE:
        return "<div>(run.inspect() shows the graph)</div>"
    data = b64encode(drawn.encode()).decode("ascii")
    name = escape(printable(run.flow.name))
    return f'<img alt="Graph of {name}" src="data:image/svg+xml;base64,{data}">'


def show_run(run: Run) -> None:
    """Show a run that goes on; what is shown becomes final when it ends.

    Raises
    ------
    NotImplementedError
        If it has ended, or nothing that is shown can be replaced: IPython shows it as any value.
    """
    if run.done or not isinstance(run.control, Control) or not in_kernel():
        raise NotImplementedError
    place = Place(lambda: run.done)
    has_view = run in _cells
    if has_view and _cells[run] == place.cell:
        more = ""
        if not place.is_watched:
            more = "; a later cell that waits for it, with wait(), has its outcome shown here"
        name, facts = printable(run.flow.name), _started(run) + more
        html = f"<div><strong>{escape(name)}</strong>: {facts}</div>"
        place.show({"text/plain": f"<Run {name}: {facts}>", "text/html": html})
    else:
        place.show(_bundle(run, place.cell))
    with _lock:
        places = _going.setdefault(run, [])
        places.append(place)
        is_first = len(places) == 1
    if run.done:
        end_values(run)
    elif is_first and not has_view:
        run.control.follow(run, _end_when_done)


def run_text(run: Run) -> str:
    """Return a run as text, in the cell that has just started it as what stays true of it.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> run_text(Run(resolve(Flow("Example", tasks=["a"]), None, {"a": list}), "threads", 2))[:13]
    '<Run Example:'
    """
    if run.done or _cells.get(run) != message_id():
        return repr(run)
    return f"<Run {printable(run.flow.name)}: {_started(run)}>"


def _started(run: Run) -> str:
    return f"{counted(len(run.flow.tasks), 'task')}, started in the background"


def _bundle(run: Run, cell: str) -> dict[str, Any]:
    return {"text/plain": repr(run), "text/html": _html(run, cell)}


def _end_when_done(_: Sequence[Event], run: Run) -> None:
    if run.done:
        end_values(run)


def end_values(run: Run) -> None:
    """Have a run that has ended shown as it is now, wherever it was shown before."""
    with _lock:
        places = _going.pop(run, [])
    for place in places:
        place.end(_bundle(run, place.cell))
