"""Whether what a run took can be compared with anything; all sentences with a ratio ask here.

A ratio is said where a stopwatch beside a plain loop would say the same. It would not, if the run
did not do all of its work, if it was over at once, if other programs had the cores, or if it is not
known what tasks would have taken alone, since they took turns at the interpreter's lock. Then what
is known is said instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ..engine.runtime.cores import available_cores
from ..formatting import counted
from ..model.events import State
from ..model.metrics import interval_of, own_waits
from ..model.record import TaskRun
from ..model.run import Run

__all__ = ["LEAST", "Judgement", "Waits", "judge", "judge_times", "waits_of"]

LEAST = 0.3
"""Seconds of work; of less, starting threads and processes is a part that nobody asks about."""

NOTICED = 0.05
"""Seconds that tasks have to wait for other programs, so that anybody notices."""

DOUBT = 0.1
"""Share of the work that may be in doubt, so that a ratio still says something."""

NEARLY_ALWAYS = 0.8
"""Share of their time that threads compute, one at a time, which get a core whenever they want."""

BRIEF = 0.001
"""Seconds; what shorter tasks waited for may be this process, which hands them out."""

COMPUTES = 0.2
"""Share of its time: a task that computes for less hardly waits for a core."""

BUSY = "the machine was busy with other work: no comparison"
SHORT = "too short to judge"
LOCK = "the tasks took turns at the interpreter's lock"

_known: WeakKeyDictionary[Run, Judgement] = WeakKeyDictionary()
"""Of runs that are done."""


class Judgement(NamedTuple):
    """What may be said of a run.

    Attributes
    ----------
    kind : str
        Empty if a ratio may be said; otherwise why not, in a word: ``"going"``, ``"incomplete"``,
        ``"nothing"``, ``"retried"``, ``"short"``, ``"busy"`` or ``"lock"``.
    words : str
        The same for people.
    note : str
        What is not known of a run of which a ratio may be said.
    tells_work : bool
        Whether it may be said what the tasks would take one after the other. Beside other programs,
        one task has more of the cores than several beside each other.
    """

    kind: str = ""
    words: str = ""
    note: str = ""
    tells_work: bool = True

    @property
    def holds(self) -> bool:
        """Whether a ratio may be said."""
        return not self.kind

    @property
    def bound(self) -> str:
        """What to say before the work: it is known exactly, or only from below.

        Who took turns at the lock may have waited for something else at the same time.
        """
        return "at least " if self.kind == "lock" else ""


class Waits(NamedTuple):
    """What the tasks of a run waited for, in seconds.

    Attributes
    ----------
    tasks : int
        Of how many tasks it is known how long they waited for a core.
    needed : float
        For how long these asked for a core: what they computed and waited.
    waited : float
        How long they waited.
    foreign : float
        How long they waited for cores that no task of the run had.
    lock : float
        Up to how long tasks waited for the interpreter's lock.
    unknown : float
        What tasks that compute took beside computing, where nothing tells what for.
    """

    tasks: int
    needed: float
    waited: float
    foreign: float
    lock: float
    unknown: float


def waits_of(
    run: Run, records: Iterable[TaskRun] | None = None, cores: float | None = None
) -> Waits:
    """Return what the tasks of a run, or these of them, waited for, on a machine of some cores."""
    ran = run.on_workers() if records is None else list(records)
    intervals = [one for record in ran if (one := interval_of(record)) is not None]
    told = [one for one in intervals if one.waited is not None and one.duration >= BRIEF]
    waited = sum(one.wait for one in told)
    cores = min(available_cores(), run.machine or run.cores) if cores is None else cores
    caused = sum(own_waits(told, cores)) if waited else 0.0
    lock = unknown = 0.0
    for record in ran:
        duration, cpu = record.duration, record.cpu or 0.0
        if duration is None:
            continue
        effort = run.effort_of(record)
        if run.cores == 1:
            lock += max(0.0, duration - effort - min(record.waited or 0.0, duration))
        if record.waited is None and cpu >= COMPUTES * effort:
            unknown += max(0.0, effort - cpu)
    needed = sum((one.cpu or 0.0) + one.wait for one in told)
    return Waits(len(told), needed, waited, max(0.0, waited - caused), lock, unknown)


def judge(run: Run) -> Judgement:
    """Tell whether a ratio may be said of a run, such as how many times faster it was.

    Examples
    --------
    >>> from taskinity_nb.engine.run import run
    >>> judge(run("one -> two", namespace={"one": lambda: 1, "two": abs})).words
    'too short to judge'
    """
    known = _known.get(run)
    if known is None:
        was_done = run.done
        known = _judged(run)
        if was_done:
            _known[run] = known
    return known


def _judged(run: Run) -> Judgement:
    """Look at all tasks of a run."""
    records = list(run.tasks.values())
    if not run.done:
        done = sum(record.state.is_success for record in records)
        return Judgement("going", f"running: {done} of {counted(len(records), 'task')} succeeded")
    if run.state is not State.SUCCEEDED:
        return Judgement("incomplete", _left_off(run, records))
    ran = [record for record in run.on_workers() if record.duration is not None]
    if not ran:
        return Judgement("nothing", "no task ran")
    again = sum(record.attempts > 1 for record in ran)
    if again:
        return Judgement("retried", f"{counted(again, 'task')} tried again: no comparison")
    work, waits = run.work, waits_of(run)
    if work < LEAST:
        is_known = waits.foreign + waits.unknown < DOUBT * work
        return Judgement("short", SHORT, tells_work=is_known)
    takes_turns = waits.lock >= DOUBT * work
    if waits.foreign >= max(NOTICED, DOUBT * work) and not (
        takes_turns and _had_a_core(ran, waits)
    ):
        return Judgement("busy", BUSY, tells_work=False)
    if takes_turns:
        return Judgement("lock", LOCK)
    if waits.unknown >= DOUBT * work:
        return Judgement(note="not known here: whether tasks waited for a core")
    return Judgement()


def _had_a_core(ran: list[TaskRun], waits: Waits) -> bool:
    """Tell whether threads that take turns at the interpreter's lock had a core nearly always.

    At each turn one wakes up, and is a moment without a core: what each of them waits tells nothing
    of other programs then, but how much all of them could compute does.
    """
    starts = [record.started for record in ran if record.started is not None]
    ends = [record.finished for record in ran if record.finished is not None]
    return waits.needed - waits.waited >= NEARLY_ALWAYS * (max(ends) - min(starts))


def _left_off(run: Run, records: list[TaskRun]) -> str:
    """Tell how far a run came that did not succeed."""
    failed = sum(record.state.is_failure for record in records)
    if run.state is State.FAILED and failed:
        return f"{failed} of {counted(len(records), 'task')} failed"
    done = sum(record.state.is_success for record in records)
    how = "ended" if run.state is State.FAILED else run.state.words
    return f"{how} after {done} of {counted(len(records), 'task')}"


def judge_times(runs: Iterable[Run], seconds: Iterable[float]) -> Judgement:
    """Tell whether times may be compared that were measured around whole runs, such as these.

    Then a stopwatch was there, so it is no matter what tasks would take alone.
    """
    found = [judge(run) for run in runs]
    for kind in ("going", "incomplete", "nothing", "retried"):
        if (why := next((one for one in found if one.kind == kind), None)) is not None:
            return why
    if max(seconds, default=0.0) < LEAST:
        return Judgement("short", SHORT)
    return next((one for one in found if one.kind == "busy"), Judgement())
