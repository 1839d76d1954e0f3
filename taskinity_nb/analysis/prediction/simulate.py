"""Predicts a run at another number of workers, from the durations of one that was recorded.

The schedule is found by the engine's own `Frontier`, so a prediction follows the same policy as a
real run. A task holds its worker from when it is handed over until its result is back, as long as
was measured. Tasks that compute share the cores: while all that run ask for more than there are,
each is slowed down by as much (processor sharing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from math import inf
from typing import Any, NamedTuple

from ...engine.scheduling.frontier import Frontier
from ...engine.scheduling.limits.pool import Pool
from ...engine.scheduling.order.ranks import ranked
from ...errors import FlowError
from ...formatting import counted, not_whole
from ...model.events import Items, State, ended, entered, running
from ...model.flow import Flow
from ...model.limits.capacities import Rate
from ...model.plan import Plan
from ...model.run import Run
from .memory import most_together
from .workload import Workload, workload_of

__all__ = ["Row", "Timeline", "Wait", "play", "simulate"]


class Row(NamedTuple):
    """One task in a timeline: seconds from the start, and the number of its worker, from 1."""

    task: str
    item: int | None
    worker: int
    start: float
    end: float


class Wait(NamedTuple):
    """How long one task in a timeline waits for resources, of which its turn has come."""

    task: str
    item: int | None
    resource: str
    start: float
    end: float


@dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """A run as it would be: who does what when. `plot_gantt` draws it like a run.

    Attributes
    ----------
    plan : Plan
        What would run.
    workers : int
        On how many workers.
    makespan : float
        Seconds from start to end.
    rows : list of Row
        The tasks, and the items of mapped ones, in the order in which they would start.
    peak_memory : int or None
        The most bytes of memory that tasks would take which run at the same moment; None if of none
        it is known.
    waits : list of Wait
        The tasks and items that would wait for a resource, in the order in which they would start.
    """

    plan: Plan
    workers: int
    makespan: float
    _spans: Sequence[tuple[int, int, float, float]] = field(default=())
    _items: Mapping[int, Items] = field(default_factory=dict)
    _memory: Mapping[int, float] = field(default_factory=dict)
    _waits: Mapping[int, tuple[float, str]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[Row]:
        return [
            Row(*self._names[slot], worker + 1, start, end)
            for slot, worker, start, end in self._spans
        ]

    @cached_property
    def waits(self) -> list[Wait]:
        waits = self._waits
        return [
            Wait(*self._names[slot], waits[slot][1], waits[slot][0], start)
            for slot, _, start, _ in self._spans
            if slot in waits
        ]

    @cached_property
    def peak_memory(self) -> int | None:
        spans = ((slot, start, end) for slot, _, start, end in self._spans)
        return most_together(spans, self._memory)

    @cached_property
    def _names(self) -> dict[int, tuple[str, int | None]]:
        """The task of each slot, and which of its items that is."""
        names = self.plan.flow.tasks
        owners: dict[int, tuple[str, int | None]] = {
            i: (name, None) for i, name in enumerate(names)
        }
        for task, (first, number) in self._items.items():
            owners |= {first + item: (names[task], item) for item in range(number)}
        return owners

    @cached_property
    def run(self) -> Run:
        """The same as a `Run` that succeeded, without results."""
        log: list[Any] = []
        moments = {slot: start for slot, _, start, _ in self._spans}
        for task, items in self._items.items():
            began = min((moments[s] for s in range(items.first, items.first + items.number)),
                        default=0.0)  # fmt: skip
            at = round(began * 1e9)
            log += running(task, at, None, at, items)
        for slot, worker, start, end in self._spans:
            began, finished = round(start * 1e9), round(end * 1e9)
            if slot in self._waits:
                log += entered(slot, State.READY, round(self._waits[slot][0] * 1e9))
            log += running(slot, began, f"worker-{worker + 1}", began)
            log += ended(slot, State.SUCCEEDED, finished, began, 0, finished)
        for task, items in self._items.items():
            ends = [end for s, _, _, end in self._spans if 0 <= s - items.first < items.number]
            finished = round(max(ends, default=0.0) * 1e9)
            log += ended(task, State.SUCCEEDED, finished, None, 0, finished)
        end = round(self.makespan * 1e9)
        run = Run.recorded(self.plan, "simulated", self.workers, log, ended=end)
        for slot, (_, resource) in self._waits.items():
            run.record.note(slot, waited_for=resource)
        return run

    def __repr__(self) -> str:
        workers = counted(self.workers, "worker")
        return f"<Timeline {self.plan.flow.name} on {workers}: {self.makespan:.3g} s>"


def simulate(
    run_or_flow: Run | Flow | str,
    workers: int,
    durations: Mapping[str, float] | None = None,
    *,
    resources: Mapping[str, float | str | Rate] | None = None,
) -> Timeline:
    """Predict how a flow would run on a number of workers.

    List scheduling by the longest way (see `taskinity_nb.engine.scheduling.frontier`), with the
    durations and the overheads of a run that was recorded, or with durations that are given.

    Parameters
    ----------
    run_or_flow : Run, Flow or str
        A recorded run; or a flow, of which earlier runs in this process are known, or for which
        `durations` are given.
    workers : int
        On how many workers.
    durations : mapping of str to float, optional
        Seconds of tasks, instead of what was measured.
    resources : mapping of str to float or str, optional
        How much there would be at once of what tasks ask for, as in `run`; by default what the run
        had.

    Returns
    -------
    Timeline

    Raises
    ------
    FlowError
        If nothing is known of the durations, or a name or a number is wrong.

    Examples
    --------
    >>> seconds = {"load": 1.0, "a": 2.0, "b": 2.0, "save": 0.5}
    >>> [simulate("load -> [a, b] -> save", n, seconds).makespan for n in (1, 2, 3)]
    [5.5, 3.5, 3.5]
    """
    if wrong := not_whole("workers", workers):
        raise FlowError(wrong)
    return play(workload_of(run_or_flow, durations, resources), workers)


def play(load: Workload, workers: int) -> Timeline:
    """Schedule a workload on a number of workers."""
    slots = len(load.plan.bindings)
    frontier = _frontier_of(load)
    crowded = workers * max(load.shares, default=0.0) > load.cores
    clock: _Clock = _SharedClock(load) if crowded else _Clock(load)
    free = list(range(min(workers, slots + len(load.seconds))))  # more have nothing to do
    spans: list[tuple[int, int, float, float]] = []
    now = 0.0
    take, done = frontier.take, frontier.done
    demands = {} if load.limits is None else load.limits.demands
    pool = Pool({} if load.limits is None else load.limits.capacities, lambda: now)
    waits: dict[int, tuple[float, str]] = {}

    def end(slot: int) -> None:
        for served in pool.give_back(slot):
            frontier.again(served)
        done(slot)
        if slot >= slots:
            task = frontier.owner(slot)
            if not frontier.left(task):
                done(task)

    unknown = set(load.items)
    while True:
        while free and (slot := take()) is not None:
            if slot in unknown:
                unknown.discard(slot)
                frontier.expand(slot, *load.items[slot])
                if not load.items[slot].number:
                    done(slot)
                continue
            demand = demands.get(frontier.owner(slot)) if demands else None
            if demand is None or pool.take(slot, demand):
                clock.start(slot, heappop(free), now)
            else:
                waits[slot] = now, ", ".join(pool.short_of(demand))
        due = pool.due() if demands else None
        ended = clock.next(inf if due is None else due)
        if not ended:
            if due is None:
                break
            now = due
            for slot in pool.serve():
                frontier.again(slot)
            continue
        now = ended[0][0]
        for _, slot, worker, start, finish in ended:
            spans.append((slot, worker, start, finish))
            heappush(free, worker)
            end(slot)
    spans.sort(key=lambda span: (span[2], span[1]))
    return Timeline(load.plan, workers, now, spans, load.items, load.memory, waits)


def _frontier_of(load: Workload) -> Frontier:
    """Return what tells which task is next, the longest way first."""
    plan, structure = load.plan, load.plan.flow.structure
    weights = load.seconds[: len(structure.waiting)]
    for task, (first, number) in load.items.items():
        weights[task] = sum(load.seconds[first : first + number])
    return Frontier(
        structure.waiting,
        structure.followers,
        ranked(structure.followers, weights),
        load.done,
        streams=plan.streams(load.items.keys()),
    )


End = tuple[float, int, int, float, float]
"""When its result is back, slot, worker, start and finish."""


class _Clock:
    """Tells which task ends next, where each has a core to itself."""

    def __init__(self, load: Workload) -> None:
        self._load = load
        self._ends: list[End] = []

    def start(self, slot: int, worker: int, now: float) -> None:
        """Have a worker take a task."""
        load = self._load
        start = now + load.gap + load.before[slot]
        finish = start + load.seconds[slot]
        heappush(self._ends, (finish + load.after[slot], slot, worker, start, finish))

    def next(self, until: float) -> list[End]:
        """Return the tasks that end at the next moment at which one does; none if that is later."""
        ends = self._ends
        if not ends or ends[0][0] > until:
            return []
        now = [heappop(ends)]
        while ends and ends[0][0] == now[0][0]:
            now.append(heappop(ends))
        return now


class _Running:
    """A task that runs while others do."""

    __slots__ = ("left", "share", "slot", "start", "worker")

    def __init__(self, slot: int, worker: int, start: float, left: float, share: float) -> None:
        self.slot, self.worker, self.start, self.left, self.share = slot, worker, start, left, share


class _SharedClock(_Clock):
    """Likewise, where tasks that compute slow each other down."""

    def __init__(self, load: Workload) -> None:
        super().__init__(load)
        self._running: list[_Running] = []
        self._now = 0.0

    def start(self, slot: int, worker: int, now: float) -> None:
        load = self._load
        extra = load.gap + load.before[slot] + load.after[slot]
        total = extra + load.seconds[slot]
        share = load.shares[slot] * load.seconds[slot] / total if total else 0.0
        start = now + load.gap + load.before[slot]
        self._now = now
        self._running.append(_Running(slot, worker, start, total, share))

    def next(self, until: float) -> list[End]:
        running = self._running
        if not running:
            return []
        longer = _slowdowns([one.share for one in running], self._load.cores)
        step = min(one.left * by for one, by in zip(running, longer, strict=True))
        step = min(step, until - self._now)
        self._now += step
        ended: list[End] = []
        for one, by in zip(running, longer, strict=True):
            one.left -= step / by
            if one.left <= 1e-12:
                finish = max(one.start, self._now - self._load.after[one.slot])
                ended.append((self._now, one.slot, one.worker, min(one.start, finish), finish))
        gone = {end[1] for end in ended}
        self._running = [one for one in running if one.slot not in gone]
        return ended


def _slowdowns(shares: list[float], cores: float) -> list[float]:
    """Return by how much each task takes longer, if they compute for these shares of their time.

    Computing takes longer by a factor that is the same for all, such that the cores are just busy.

    Examples
    --------
    >>> _slowdowns([1.0, 1.0, 1.0], cores=2), _slowdowns([0.25, 1.0], cores=2)
    ([1.5, 1.5, 1.5], [1.0, 1.0])
    """
    factor = 1.0
    while True:
        longer = [1.0 - share + share * factor for share in shares]
        crowd = sum(share / by for share, by in zip(shares, longer, strict=True)) / cores
        if crowd <= 1.001:
            return longer
        factor *= crowd
