"""What is remembered of each flow: its last runs in this process, and what its tasks took.

Of a run its results are not kept, only how long its tasks took. That is written down when it ends,
which has to be quick, also for 100,000 tasks; so it is packed column by column, without a loop, and
the rest is found out when somebody looks. What tasks took is what they weigh when the next run
orders them; one that was not seen yet weighs as much as the median of the others.

A flow is known again by its name and structure, so that an edited text begins anew.

Runs of other processes are there too once somebody has recalled them: who knows of some is put in
by `recall_with`. A run asks nobody.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from statistics import median
from typing import Any

from ...model.events import Items, State
from ...model.flow import Flow
from ...model.run import Run
from .order.ranks import ranked
from .order.took import NOTHING, Took, items_of, peaks_in, took

__all__ = [
    "MOST_RUNS", "NOTHING", "PastRun", "Took", "add_past", "learn", "order_of", "past_of",
    "past_runs", "peaks_of", "recall", "recall_with", "remember", "took", "weights_of",
]  # fmt: skip

MOST_FLOWS = 64
"""Flows that are remembered; the one that has not run for longest is forgotten."""

MOST_RUNS = 100
"""Runs of a flow that are remembered."""

MOST_SECONDS = 1_000_000
"""Durations of tasks that are remembered of a flow: of a large one, fewer runs."""

SHORTEST = 20e-6
"""Seconds a task, of a run; where all took less, the order in which they go does not matter."""

PLAIN = frozenset(map(id, (type(None), bool, int, float, complex, str, bytes)))
"""Classes of inputs whose values are compared, by their ids: another class may have no hash."""

MOST_GIVEN = 1000
"""Inputs that are looked at."""

_known: OrderedDict[Flow, _Known] = OrderedDict()
_numbers = itertools.count()
_lock = threading.Lock()


def _gone() -> None:
    """Return the run of what was read back: there is none."""


class PastRun:
    """A run that has ended, without its results.

    Attributes
    ----------
    flow : Flow
        What was run.
    ended : float
        When it ended, in seconds since 1970.
    executor : str
        Name of the executor.
    workers : int
        How many tasks could run at once.
    state : State
        How it ended.
    makespan : float
        Seconds from its start to its end.
    number : int
        How many runs of any flow were known before it.
    waited : float
        Seconds that its tasks waited for a core, as far as the system tells.
    given : str
        What tells its inputs apart, in any process; empty where that was not asked for.
    peaks : dict of int to int
        Bytes of memory that each task took at most, by slot, where that is known.
    """

    __slots__ = (
        "_given", "_items", "_run", "_took", "ended", "executor", "flow", "given", "makespan",
        "number", "peaks", "state", "waited", "workers",
    )  # fmt: skip

    def __init__(self, run: Run, took: Took) -> None:
        self.flow = run.flow
        self.number = next(_numbers)
        self.ended = time.time()
        self.executor = run.executor
        self.workers = run.workers
        self.state: State = run.state
        self.makespan = run.makespan
        self.waited = sum(note.waited or 0 for note in run.record.notes.values()) * 1e-9
        self._given = _digest((*run.plan.constants, *run.plan.left_out, *run.plan.extent.given))
        self.given = ""
        self._took = took
        self._items = items_of(run) if run.plan.maps else {}
        self.peaks = peaks_in(run, self._items)
        self._run: Callable[[], Run | None] = weakref.ref(run)

    @classmethod
    def recalled(cls, flow: Flow, took: Took, items: dict[int, Items], **facts: Any) -> PastRun:
        """Return a run of another process, of which these facts are known."""
        past = cls.__new__(cls)
        known = {"flow": flow, "_took": took, "_items": items, "_given": None, "peaks": {}, **facts}
        past.__setstate__({"number": next(_numbers), **known})
        return past

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the run itself, which it does not hold."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "_run"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._run = _gone

    @property
    def name(self) -> str:
        """Name of the flow."""
        return self.flow.name

    def is_like(self, other: PastRun) -> bool:
        """Tell whether it was the same flow on as many workers of the same kind, given the same.

        Of what was given, plain numbers and texts are compared; of other values, of which class
        they are.
        """
        mine, theirs = ((one.flow, one.executor, one.workers) for one in (self, other))
        if self.given and other.given:
            return mine == theirs and self.given == other.given
        return mine == theirs and self._given is not None and self._given == other._given

    @property
    def place(self) -> tuple[float, int]:
        """What runs are sorted by: when they ended."""
        return self.ended, self.number

    @property
    def started(self) -> float:
        """When it started, in seconds since 1970."""
        return self.ended - self.makespan

    @property
    def run(self) -> Run | None:
        """The run itself, as long as something else holds it."""
        return self._run()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds from start to end of each task that succeeded; of all its items together."""
        names = self.flow.tasks
        owners = {
            first + item: task
            for task, (first, number) in self._items.items()
            for item in range(number)
        }
        total: dict[int, int] = {}
        for slot, nanoseconds in zip(*self._took, strict=True):
            task = owners.get(slot, slot)
            own = 0 if slot in self._items else nanoseconds  # a mapped task only gathers
            total[task] = total.get(task, 0) + own
        return {names[task]: total[task] * 1e-9 for task in sorted(total)}

    def of_tasks(self) -> dict[int, int]:
        """Return nanoseconds from start to end of each task that succeeded, by slot."""
        count = len(self.flow.tasks)
        return {slot: one for slot, one in zip(*self._took, strict=True) if slot < count}

    def of_items(self) -> dict[int, int]:
        """Return nanoseconds of all items together of each mapped task, by its slot."""
        known = dict(zip(*self._took, strict=True))
        return {
            task: sum(known.get(first + item, 0) for item in range(number))
            for task, (first, number) in self._items.items()
        }

    @property
    def task_seconds(self) -> float:
        """Seconds that all tasks took together, waiting for a core or a lock included."""
        return sum(self.seconds.values())

    @property
    def peak_memory(self) -> dict[str, int]:
        """Bytes of memory that each task took at most, a mapped one for an item, where known."""
        return {self.flow.tasks[slot]: peak for slot, peak in sorted(self.peaks.items())}

    def __repr__(self) -> str:
        return f"<PastRun {self.name}: {self.state} in {self.makespan:.3g} s>"


def _digest(given: tuple[Any, ...]) -> int:
    """Return what tells inputs apart, and asks nothing of values of the user's classes."""
    return hash(tuple(
        (id(type(value)), value if id(type(value)) in PLAIN else None)
        for value in given[:MOST_GIVEN]
    ))  # fmt: skip


class _Known:
    """What is known of one flow.

    Attributes
    ----------
    runs : deque of PastRun
        The newest last.
    seconds : dict of int to float
        How long each task took when it succeeded last.
    peaks : dict of int to int
        How many bytes of memory each task took when that was known last.
    order : list of int or None
        The tasks by rank, once somebody has asked for it.
    """

    __slots__ = ("order", "peaks", "runs", "seconds")

    def __init__(self) -> None:
        self.runs: deque[PastRun] = deque(maxlen=MOST_RUNS)
        self.seconds: dict[int, float] = {}
        self.peaks: dict[int, int] = {}
        self.order: list[int] | None = None


def _of(flow: Flow) -> _Known:
    """Return what is known of a flow, now the last one that goes; under the lock."""
    known = _known.get(flow)
    if known is None:
        known = _known[flow] = _Known()
    _known.move_to_end(flow)
    while len(_known) > MOST_FLOWS:
        _known.popitem(last=False)
    return known


def learn(run: Run) -> None:
    """Remember that a run was, and how long its tasks took that succeeded."""
    count = len(run.plan.bindings)
    if run.makespan < SHORTEST * count:
        remember(run, NOTHING)
        return
    slots, nanoseconds = of_all = took(run.record.log)
    remember(run, of_all)
    pairs = zip(slots, nanoseconds, strict=True)
    new = {slot: one * 1e-9 for slot, one in pairs if slot < count}  # without items
    with _lock:
        known = _of(run.flow)
        known.seconds = known.seconds | new
        if known.seconds:
            known.order = None


def remember(run: Run, took: Took) -> None:
    """Write down what is known of a run that has ended, which is not kept alive."""
    past = PastRun(run, took)
    with _lock:
        known = _of(run.flow)
        known.peaks = known.peaks | past.peaks
        runs = known.runs
        runs.append(past)
        while len(runs) > 2 and sum(len(one._took.slots) for one in runs) > MOST_SECONDS:
            runs.popleft()


def past_of(run: Run) -> PastRun | None:
    """Return what was remembered of a run that has just ended."""
    with _lock:
        known = _known.get(run.flow)
        runs = list(known.runs) if known is not None else []
    return next((past for past in reversed(runs) if past._run() is run), None)


def add_past(recalled: list[PastRun]) -> None:
    """Remember runs of other processes, each once, among those of this one."""
    with _lock:
        for past in sorted(recalled, key=lambda one: one.place):
            known = _known.get(past.flow)
            if known is None:  # it is the first to be forgotten
                known = _known[past.flow] = _Known()
                _known.move_to_end(past.flow, last=False)
            runs = sorted([*known.runs, past], key=lambda one: one.place)
            known.runs = deque(runs, maxlen=MOST_RUNS)
            took = {slot: one * 1e-9 for slot, one in past.of_tasks().items()}
            is_newest = runs[-1] is past
            known.seconds = known.seconds | took if is_newest else took | known.seconds
            peaks = past.peaks
            known.peaks = known.peaks | peaks if is_newest else peaks | known.peaks
            known.order = None
        while len(_known) > MOST_FLOWS:
            _known.popitem(last=False)


_recall: Callable[[Flow | None], None] | None = None


def recall_with(ask: Callable[[Flow | None], None]) -> None:
    """Have `recall` ask somebody who knows of runs of other processes, and adds them."""
    global _recall
    _recall = ask


def recall(flow: Flow | None = None) -> None:
    """Remember what other processes have run: of a flow, or of all."""
    if _recall is not None:
        _recall(flow)


def past_runs() -> dict[Flow, list[PastRun]]:
    """Return the runs that are remembered of each flow, the newest last."""
    with _lock:
        return {flow: list(known.runs) for flow, known in _known.items() if known.runs}


def weights_of(flow: Flow) -> list[float] | None:
    """Return the seconds of each task, or None if nothing is known."""
    with _lock:
        known = _known.get(flow)
        seconds = known.seconds if known is not None else {}
    if not seconds:
        return None
    usual = median(seconds.values())
    return [seconds.get(slot, usual) for slot in range(len(flow.tasks))]


def peaks_of(flow: Flow) -> dict[int, int]:
    """Return the bytes that each task took when that was known last, by slot."""
    with _lock:
        known = _known.get(flow)
        return known.peaks if known is not None else {}


def order_of(flow: Flow) -> list[int]:
    """Return the tasks of a flow by rank, the first one first.

    Examples
    --------
    >>> order_of(Flow("Example", [("load", "save"), ("load", "show"), ("show", "print")]))
    [0, 2, 1, 3]
    """
    with _lock:
        known = _known.get(flow)
        order = known.order if known is not None else None
    if order is None:
        order = ranked(flow.structure.followers, weights_of(flow))
        with _lock:
            _of(flow).order = order
    return order
