"""What a task had of the cores that is cut off in the middle, asked from outside.

It cannot tell itself: a thread that goes on unseen, or a process that is killed. Where the system
tells nothing of other threads, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import perf_counter_ns
from typing import NamedTuple, Protocol

from ...model.events import UNKNOWN, Entry, Note, State, entered, entries
from ...model.record import Record
from ..remote.process.cpu_time import counts_of

__all__ = ["Meter", "Metered", "Spent", "cut_off"]


class Spent(NamedTuple):
    """Nanoseconds that a task has computed, and those that it has waited for a core."""

    cpu: int
    waited: int


class Meter:
    """Counts for one thread, of this process or of another, since it was made or started again.

    Attributes
    ----------
    since : int
        When that was, in nanoseconds.
    last : Spent or None
        What was read last.
    """

    __slots__ = ("_before", "_process", "_thread", "last", "since")

    def __init__(self, process: int, thread: int) -> None:
        self._process, self._thread = process, thread
        self.last: Spent | None = None
        self.restart()

    def is_of(self, process: int) -> bool:
        """Tell whether it counts for a thread of a process."""
        return self._process == process

    def restart(self) -> None:
        """Count from now on."""
        self.since = perf_counter_ns()
        self._before = counts_of(self._process, self._thread)

    def read(self) -> Spent | None:
        """Return the nanoseconds since it has started; None where the system does not tell."""
        now, before = counts_of(self._process, self._thread), self._before
        self.last = None
        if now is not None and before is not None:
            self.last = Spent(max(0, now[0] - before[0]), max(0, now[1] - before[1]))
        return self.last


class Metered(Protocol):
    """A worker whose thread is known, if it is."""

    meter: Meter | None


def cut_off(record: Record, slots: Iterable[int], workers: Mapping[str, Metered]) -> None:
    """Write down that all tasks are cancelled that have not ended, and what they have spent.

    `slots` has the tasks and the items, `workers` those of the run by their names.
    """
    log, now = record.log, perf_counter_ns()
    ended = {slot for slot, how, *_ in entries(log) if how.is_final}
    spent = _spent_so_far(entries(log), record.notes, workers)
    for slot in slots:
        if slot in spent:
            log += (slot, State.CANCELLED, now, None, spent[slot].cpu, None)
            record.note(slot, waited=spent[slot].waited)
        elif slot not in ended:
            log += entered(slot, State.CANCELLED, now)


def _spent_so_far(
    facts: Iterable[Entry], notes: Mapping[int, Note], workers: Mapping[str, Metered]
) -> dict[int, Spent]:
    """Return what the tasks have spent that run, given all facts, and the workers by their names.

    A worker's thread counts for all that it has done. What has ended has told itself what it took.
    """
    at: dict[int, tuple[str, int]] = {}
    before: dict[str, list[tuple[int, int, int]]] = {}
    for slot, state, moment, first, second, _ in facts:
        if state is State.RUNNING:
            at[slot] = first, moment
        elif slot in at and state is not State.READY:
            worker, started = at.pop(slot)
            cpu = second if isinstance(second, int) else 0
            before.setdefault(worker, []).append(
                (started, cpu, notes.get(slot, UNKNOWN).waited or 0)
            )
    found = {}
    for slot, (name, started) in at.items():
        meter = workers[name].meter if name in workers else None
        spent = None if meter is None else meter.read()
        if meter is None or spent is None:
            continue
        ended = [one for one in before.get(name, ()) if one[0] >= meter.since]
        took = perf_counter_ns() - started
        cpu = min(took, max(0, spent.cpu - sum(one[1] for one in ended)))
        waited = max(0, spent.waited - sum(one[2] for one in ended))
        found[slot] = Spent(cpu, min(took - cpu, waited))
    return found
