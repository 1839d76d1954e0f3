"""Facts of the last runs of each flow in this process, without their results.

What is written down when a run ends has to be quick, also for 100,000 tasks, so it is packed column
by column, without a loop; the rest is found out when somebody looks.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import compress, repeat
from operator import is_, sub
from typing import Any, NamedTuple

from ...model.events import WIDTH, Items, State
from ...model.flow import Flow
from ...model.run import Run

__all__ = ["MOST_RUNS", "NOTHING", "PastRun", "Took", "past_runs", "remember", "took"]

MOST_FLOWS = 64
"""Flows that are remembered; the one that has not run for longest is forgotten."""

MOST_RUNS = 20
"""Runs of a flow that are remembered."""

MOST_SECONDS = 1_000_000
"""Durations of tasks that are remembered of a flow: of a large one, fewer runs."""

_past: OrderedDict[Flow, deque[PastRun]] = OrderedDict()
_numbers = itertools.count()
_lock = threading.Lock()


class Took(NamedTuple):
    """How long tasks, and items of mapped ones, took that succeeded: slots and nanoseconds."""

    slots: array[int]
    nanoseconds: array[int]


NOTHING = Took(array("q"), array("q"))


def took(log: list[Any]) -> Took:
    """Read from a log how long what succeeded took, where it is written down when that began.

    Examples
    --------
    >>> took([7, State.RUNNING, 5, "w", 5, None, 7, State.SUCCEEDED, 9, 5, 4, 9])
    Took(slots=array('q', [7]), nanoseconds=array('q', [4]))
    """
    ended = list(map(is_, log[1::WIDTH], repeat(State.SUCCEEDED)))
    slots = list(compress(log[::WIDTH], ended))
    moments = list(compress(log[2::WIDTH], ended))
    starts = list(compress(log[3::WIDTH], ended))
    if None in starts:
        worked = [start is not None for start in starts]
        slots, moments, starts = (list(compress(c, worked)) for c in (slots, moments, starts))
    return Took(array("q", slots), array("q", map(sub, moments, starts)))


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
        How many runs of any flow had ended before it.
    """

    __slots__ = (
        "_items", "_run", "_took", "ended", "executor", "flow", "makespan",
        "number", "state", "workers",
    )  # fmt: skip

    def __init__(self, run: Run, took: Took) -> None:
        self.flow = run.flow
        self.number = next(_numbers)
        self.ended = time.time()
        self.executor = run.executor
        self.workers = run.workers
        self.state: State = run.state
        self.makespan = run.makespan
        self._took = took
        self._items = _items_of(run) if run.plan.maps else {}
        self._run = weakref.ref(run)

    @property
    def name(self) -> str:
        """Name of the flow."""
        return self.flow.name

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
        for slot, took in zip(*self._took, strict=True):
            task = owners.get(slot, slot)
            own = 0 if slot in self._items else took  # a mapped task only gathers
            total[task] = total.get(task, 0) + own
        return {names[task]: total[task] * 1e-9 for task in sorted(total)}

    @property
    def task_seconds(self) -> float:
        """Seconds that all tasks took together, waiting for a core or a lock included."""
        return sum(self.seconds.values())

    def __repr__(self) -> str:
        return f"<PastRun {self.name}: {self.state} in {self.makespan:.3g} s>"


def _items_of(run: Run) -> dict[int, Items]:
    """Return where the items of each mapped task are."""
    log = run._log
    return {log[place * WIDTH]: log[(place + 1) * WIDTH - 1] for place in _places(log)}


def _places(log: list[Any]) -> Iterator[int]:
    """Yield which facts of a log tell of items."""
    kinds = list(map(type, log[WIDTH - 1 :: WIDTH]))
    place = -1
    for _ in range(kinds.count(Items)):
        place = kinds.index(Items, place + 1)
        yield place


def remember(run: Run, took: Took) -> None:
    """Write down the facts of a run that has ended, which is not kept alive.

    Parameters
    ----------
    run : Run
        What has ended.
    took : Took
        What its log says.
    """
    past = PastRun(run, took)
    with _lock:
        runs = _past.get(run.flow)
        if runs is None:
            runs = _past[run.flow] = deque(maxlen=MOST_RUNS)
        _past.move_to_end(run.flow)
        runs.append(past)
        while len(runs) > 2 and sum(len(one._took.slots) for one in runs) > MOST_SECONDS:
            runs.popleft()
        while len(_past) > MOST_FLOWS:
            _past.popitem(last=False)


def past_runs() -> dict[Flow, list[PastRun]]:
    """Return the runs that are remembered of each flow, the newest last."""
    with _lock:
        return {flow: list(runs) for flow, runs in _past.items()}
