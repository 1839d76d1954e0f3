"""Runs that a store remembers, so that another process knows what tasks took.

What was run with a cache is written down there when it ends. Another process recalls it when a run
of the same flow has that cache, and when somebody asks for the history.
"""

from __future__ import annotations

import base64
import functools
import json
import pickle
import threading
import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...model.events import Items, State
from ...model.flow import Flow
from ...model.run import Run
from ...strangers import is_interrupt
from ..rerun.fingerprint import combined
from ..rerun.resume import Prints
from ..scheduling.history import PastRun, Took, add_past, past_of
from ..store.entries import DAMAGE
from ..store.facts import RunRow
from ..store.store import Store, default_path
from .opening import let_go, store_for

__all__ = ["note", "recall", "recall_from"]

LARGEST_FLOW = 100_000
"""Characters of a flow that is kept with each of its runs; a larger one has to be there to ask."""

_seen: dict[tuple[Path, str], int] = {}
"""The newest run that was recalled, by the store and the structure of the flow, empty for all."""

_own: dict[Path, set[int]] = {}
"""The runs that this process has written down, and those that it has recalled, by the store."""

_lock = threading.RLock()  # reentrant: the garbage collector may end a run


def note(store: Store, run: Run, prints: Prints, facts: Mapping[str, Any]) -> None:
    """Write down a run that has ended, with more facts about its tasks."""
    past = past_of(run)
    if past is None:
        return
    past.given = _given(run, prints)
    record = {
        "ended": past.ended,
        "executor": past.executor,
        "workers": past.workers,
        "state": past.state.value,
        "makespan": past.makespan,
        "waited": past.waited,
        "given": past.given,
        "tasks": _packed(past.of_tasks()),
        "items": _packed(past.of_items()),
        "peaks": _packed(past.peaks),
        "flow": _saved(run.flow),
        **facts,
    }
    flow = run.flow
    number = store.note_run(flow.name, structure_of(flow), past.started, json.dumps(record))
    if number is not None:
        with _lock:
            _own.setdefault(store.path, set()).add(number)


def recall(flow: Flow | None) -> None:
    """Recall runs from the usual folder, and from those that this process has used."""
    with _lock:
        paths = list(dict.fromkeys([default_path(), *_own]))
    for path in paths:
        if (path / "index.db").is_file():
            store = store_for(path, "earlier runs are not known")
            if store is not None:
                try:
                    recall_from(store, flow)
                finally:
                    let_go(store)


def recall_from(store: Store, flow: Flow | None, *, is_once: bool = False) -> None:
    """Recall runs of a flow, or of all, from a store; with `is_once`, unless that was done."""
    structure = None if flow is None else structure_of(flow)
    place = store.path, structure or ""
    with _lock:
        after = _seen.get(place, 0)
        own = _own.setdefault(store.path, set())
        if is_once and place in _seen:
            return
        rows = store.runs(structure, after)
        _seen[place] = max([after, *(row.id for row in rows)])
        rows = [row for row in rows if row.id not in own]
        found = [(row.id, _read(row, flow)) for row in rows]
        own.update(number for number, past in found if past is not None)
    add_past([past for _, past in found if past is not None])


@functools.lru_cache(64)
def structure_of(flow: Flow) -> str:
    """Return what two flows have in common that are equal, in any process.

    Examples
    --------
    >>> one, other = (Flow("Example", [("a", name)]) for name in "bc")
    >>> structure_of(one) == structure_of(Flow("Example", [("a", "b")])) != structure_of(other)
    True
    """
    return combined([
        flow.name,
        sorted(flow.functions.items()),
        sorted((task, [repr(tuple(edge)) for edge in edges])
               for task, edges in flow.incoming.items()),
        sorted((task, sorted((name, repr(value)) for name, value in values.items()))
               for task, values in flow.constants.items()),
        sorted((name, repr(value)) for name, value in flow.inputs.items()),
        sorted((name, repr(part)) for name, part in flow.parts.items()),
        sorted((name, structure_of(part)) for name, part in flow.flows.items()),
    ])  # fmt: skip


def _given(run: Run, prints: Prints) -> str:
    """Return what tells the inputs of a run apart."""
    constants = [constant.digest for constant in prints.constants]
    given = sorted((name, found.digest) for name, found in prints.given.items())
    return combined([constants, given, sorted(run.plan.extent.left_out)])


def _packed(nanoseconds: Mapping[int, int]) -> str:
    columns = array("q", [*nanoseconds, *nanoseconds.values()])
    return base64.b85encode(zlib.compress(columns.tobytes(), 1)).decode("ascii")


def _unpacked(text: str) -> dict[int, int]:
    columns = array("q", zlib.decompress(base64.b85decode(text)))
    half = len(columns) // 2
    return dict(zip(columns[:half], columns[half:], strict=True))


@functools.lru_cache(64)
def _saved(flow: Flow) -> str:
    """Return a flow as text; without its functions, and empty if it is large."""
    if len(flow.tasks) + len(flow.edges) > LARGEST_FLOW // 10:
        return ""
    text = base64.b85encode(zlib.compress(pickle.dumps(_without_functions(flow)))).decode("ascii")
    return text if len(text) <= LARGEST_FLOW else ""


def _without_functions(flow: Flow) -> Flow:
    """Return a flow that is equal; of what was written, in which other flows stand, the name."""
    written = None if flow.written is flow else Flow(flow.name)
    return Flow(
        flow.name, flow.edges, flow.tasks, flow.description, flow.functions,
        constants=flow.constants, inputs=flow.inputs, parts=flow.parts,
        flows={name: _without_functions(part) for name, part in flow.flows.items()},
        written=written,
    )  # fmt: skip


def _read(row: RunRow, flow: Flow | None) -> PastRun | None:
    """Return the run of a row; None if it is damaged, or of a flow that is not known."""
    try:
        told = json.loads(row.record)
        flow = _flow_of(told["flow"]) if flow is None else flow
        if flow is None or structure_of(flow) != row.structure:
            return None
        tasks, items = _unpacked(told["tasks"]), _unpacked(told["items"])
        count = len(flow.tasks)
        where = {task: Items(count + place, 1) for place, task in enumerate(items)}
        slots = [*tasks, *(count + place for place in range(len(items)))]
        took = Took(array("q", slots), array("q", [*tasks.values(), *items.values()]))
        return PastRun.recalled(
            flow, took, where,
            ended=float(told["ended"]), executor=str(told["executor"]), given=str(told["given"]),
            workers=int(told["workers"]), state=State(told["state"]),
            makespan=float(told["makespan"]), waited=float(told["waited"]),
            peaks=_unpacked(told["peaks"]) if "peaks" in told else {},
        )  # fmt: skip
    except (*DAMAGE, zlib.error):
        return None


def _flow_of(text: str) -> Flow | None:
    try:
        found = pickle.loads(zlib.decompress(base64.b85decode(text))) if text else None
    except BaseException as error:  # of another version of this package, say
        if is_interrupt(error):
            raise
        return None
    return found if isinstance(found, Flow) else None
