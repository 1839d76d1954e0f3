"""Advice on results that are large and stay, although no task takes them any more."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ...engine.runtime.memory_limit import memory_left
from ...engine.scheduling.limits.demands import MEMORY
from ...formatting import percent, quoted, size_text, time_text
from ...model.refs import is_missing, is_ref
from ...model.run import Run
from .evidence import Advice, Case

__all__ = ["bytes_of", "kept_results"]

SHARE = 0.1
"""Share of the memory there is; what less is held is missed by nobody."""

LONG = 1.0
"""Seconds for which a result has to be held,"""

PART = 0.2
"""and share of the makespan: what is held at the end anyway is let go of a little earlier."""

MOST_ITEMS = 10_000
"""Parts of a list that are looked at."""


def kept_results(case: Case) -> Advice | None:
    """Tell of large results that are held until the end of the run, long after they were taken."""
    run, there_is = case.run, _memory_there_is(case.run)
    if there_is is None:
        return None
    sizes: dict[str, int] = {}
    held: dict[str, float] = {}
    for name, followers in run.flow.downstream.items():
        taken = [run.tasks[edge.target].finished for edge in followers]
        ends = [moment for moment in taken if moment is not None]
        seconds = run.makespan - max(ends) if ends and len(ends) == len(taken) else 0.0
        value = run.record.values[run.plan.index[name]]
        if seconds >= max(LONG, PART * run.makespan) and not is_missing(value):
            sizes[name], held[name] = bytes_of(value), seconds
    large = sorted((name for name in sizes if sizes[name]), key=lambda name: -sizes[name])
    total = sum(sizes.values())
    if total < SHARE * there_is:
        return None
    longest = max(held[name] for name in large)
    return Advice(
        "kept_results",
        f"Results of {quoted(large)} ({size_text(total)}) are held for {time_text(longest)} "
        f"though no task takes them any more.",
        f"{percent(total / there_is)} of {size_text(round(there_is))} of memory, in a run of "
        f"{time_text(run.makespan)}",
        'run it with keep="last", which lets go of a result when the last task has taken it; you '
        "cannot look at it then",
        0.0,
        {"tasks": ", ".join(large), "bytes": total, "seconds": longest, "memory": there_is,
         "makespan": run.makespan},
    )  # fmt: skip


def _memory_there_is(run: Run) -> float | None:
    """Return how much memory the run may take, or else the machine has; None if unknown."""
    given = run.resources.get(MEMORY)
    if isinstance(given, float):
        return given
    machine = memory_left()
    return None if machine is None else float(machine.limit)


def bytes_of(value: Any) -> int:
    """Return how many bytes a result has that is large for sure: bytes, arrays, tables, in lists.

    Nothing is asked of other values, whose own code may do anything: they count for nothing.

    Examples
    --------
    >>> bytes_of(b"12345"), bytes_of([b"123", bytearray(4), "text"]), bytes_of(object())
    (5, 7, 0)
    """
    if is_ref(value):
        return 0  # it lies elsewhere
    sizes = _sizes()
    parts = value[:MOST_ITEMS] if type(value) in (list, tuple) else [value]
    seen = {id(part): part for part in parts}  # one and the same is there once
    known = ((sizes.get(id(type(part))), part) for part in seen.values())
    return sum(size(part) for size, part in known if size is not None)


def _sizes() -> dict[int, Callable[[Any], int]]:
    """Return what tells how large an object is, by the id of its type, as far as there are any."""
    found: dict[int, Callable[[Any], int]] = {id(bytes): len, id(bytearray): len}
    known: list[tuple[str, str, Callable[[Any], int]]] = [
        ("numpy", "ndarray", lambda array: array.nbytes),
        ("pandas", "DataFrame", lambda table: int(table.memory_usage().sum())),
        ("pandas", "Series", lambda column: column.memory_usage()),
    ]
    for module, name, size in known:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None:
            found[id(kind)] = size
    return found
