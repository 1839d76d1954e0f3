"""What a Gantt chart shows, before anything is drawn: bars in lanes, in panels.

A worker has one row. Tasks that overlap on it (coroutines, a cluster's worker with several
threads, a task that was abandoned) lie in lanes of that row, so that bars never cover each other.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...analysis.waiting import Waiting, waiting_in
from ...formatting import time_text
from ...model.events import State
from ...model.record import TaskRun
from ...model.run import Run

__all__ = [
    "Bar",
    "Panel",
    "Row",
    "Span",
    "cut_off",
    "most_at_once",
    "outer_boxes",
    "panel_of",
    "replayed",
]

SIMULATED = "simulated"
"""The executor of a run that was predicted."""

MOST_BARS = 2000
"""Bars of a panel from which on neighbouring items of a mapped task become one band."""


MOST_SPANS = 5
"""Lanes of flows in the flow; of more at once, none is shown."""


class Bar(NamedTuple):
    """One interval of work: seconds from the run's start, in a lane counted from the top."""

    task: str
    lane: int
    start: float
    end: float
    state: State
    critical: bool = False
    item: int | None = None
    number: int = 1
    """How many items of a mapped task a band stands for."""
    submitted: float | None = None
    """When it was handed over, and from then on the worker was held; None for when it started."""
    received: float | None = None
    """When its result was back; None for when it ended."""

    def labelled(self, label: str) -> str:
        """Return what to call it, given the label of its task."""
        if self.item is None:
            return label
        return f"{label} ×{self.number:,}".strip() if self.number > 1 else f"{label}[{self.item}]"


class Span(NamedTuple):
    """How long the tasks of a flow in the flow took together: seconds from the run's start."""

    box: str
    lane: int
    start: float
    end: float


class Row(NamedTuple):
    """A worker: its label, its first lane and how many lanes it has."""

    label: str
    first: int
    lanes: int


class Panel(NamedTuple):
    """One run: its bars and rows, its words, and its lower bound in seconds, if it has one."""

    heading: str
    bars: tuple[Bar, ...]
    rows: tuple[Row, ...]
    makespan: float
    bound: float | None = None
    bound_label: str = ""
    is_cut: bool = False
    """Whether it goes on beyond what is drawn."""
    is_replayed: bool = False
    """Whether nothing ran like this: tasks that were measured elsewhere, one after the other."""
    spans: tuple[Span, ...] = ()
    """The flows in the flow, above the rows."""
    waits: tuple[Waiting, ...] = ()
    """How many tasks wait for resources, below the rows."""

    @property
    def lanes(self) -> int:
        """Number of lanes of all rows; at least one, so that an empty panel has a place."""
        return max(1, sum(row.lanes for row in self.rows))

    @property
    def span_lanes(self) -> int:
        """Number of lanes of the flows in the flow."""
        return max((span.lane + 1 for span in self.spans), default=0)

    @property
    def end(self) -> float:
        """Where the time axis has to reach for this panel, in seconds."""
        return max([self.makespan, *(bar.end for bar in self.bars)])


def panel_of(run: Run, heading: str = "") -> Panel:
    """Return the bars of a run as it was, one for each task or item that was started.

    A task that still runs reaches to now; the attempts before a task's last are bars of their own.
    """
    critical = _critical(run)
    now = run.makespan
    by_worker: dict[str, list[Bar]] = {}
    retried = False
    for name, record, started in _ran(run):
        retried = retried or record.attempts > 1
        end = max(started, now if record.finished is None else record.finished)
        is_critical = record in critical and end > started
        bar = Bar(
            name, 0, started, end, record.state, is_critical, record.item,
            submitted=record.submitted, received=record.received,
        )  # fmt: skip
        by_worker.setdefault(record.worker or "", []).append(bar)
    if retried:
        for worker, bar in _earlier_attempts(run):
            by_worker.setdefault(worker, []).append(bar)
    bars: list[Bar] = []
    rows: list[Row] = []
    lanes = 0
    for number, worker in enumerate(sorted(by_worker, key=_natural), 1):
        placed, used = _in_lanes(by_worker[worker], lanes)
        bars += placed
        rows.append(Row(f"worker {number}", lanes, used))
        lanes += used
    spans = _spans(bars, outer_boxes(run.flow.tasks))
    merged = tuple(_merged(bars, run.makespan))
    waits = waiting_in(run)
    return Panel(heading, merged, tuple(rows), run.makespan, spans=spans, waits=waits)


def outer_boxes(tasks: Iterable[str]) -> dict[str, str]:
    """Return the outermost flow in the flow of each task that is in one, or is its result.

    Examples
    --------
    >>> outer_boxes(["load", "Prep.Deep.scan", "Prep"])
    {'Prep.Deep.scan': 'Prep', 'Prep': 'Prep'}
    """
    found = {task: task.partition(".")[0] for task in tasks if "." in task}
    names = set(found.values())
    return found | {task: task for task in tasks if task in names}


def _spans(bars: Iterable[Bar], boxes: Mapping[str, str]) -> tuple[Span, ...]:
    """Return the time that each box has taken; none of boxes that are too many."""
    ends: dict[str, tuple[float, float]] = {}
    for bar in bars if boxes else ():
        if (box := boxes.get(bar.task)) is not None:
            start, end = ends.get(box, (bar.start, bar.end))
            ends[box] = min(start, bar.start), max(end, bar.end)
    all_spans = [Bar(box, 0, start, end, State.SUCCEEDED) for box, (start, end) in ends.items()]
    placed, lanes = _in_lanes(all_spans, 0)
    if lanes > MOST_SPANS:
        return ()
    return tuple(Span(bar.task, bar.lane, bar.start, bar.end) for bar in placed)


def replayed(run: Run, longest: float, *, alone: bool = True, bound: str = "") -> Panel:
    """Return a run's tasks one after the other, as long as they were measured.

    `bound` are words for work that is known from one side only (see `Judgement.bound`).
    """
    held_back = run.work < 0.95 * sum(record.duration or 0.0 for record in run.on_workers())
    how = "as if no task had waited for another" if held_back else "from the measured durations"
    if run.executor == SIMULATED:
        how = "with the same durations"
    heading = f"sequential, replayed {how}"
    if not alone:
        heading = f"{heading} of {run.executor}"
    critical = _critical(run)
    place = {name: i for i, name in enumerate(run.plan.order)}
    bars: list[Bar] = []
    time = 0.0
    for name, record, _ in sorted(_ran(run), key=lambda ran: place[ran[0]]):
        if record.duration is not None:
            end = time + run.effort_of(record)
            is_critical = record in critical and end > time
            bars.append(Bar(name, 0, time, end, record.state, is_critical, record.item))
            time = end
    rows = (Row("worker 1", 0, 1),) if bars else ()
    text = f"{heading}: {bound}{time_text(time, longest)}"
    return Panel(text, tuple(_merged(bars, time)), rows, time, is_replayed=True)


def _ran(run: Run) -> list[tuple[str, TaskRun, float]]:
    """Return what was started, with the name of its task and when: tasks, or a map's items."""
    return [
        (record.task, record, record.started)
        for record in run.on_workers()
        if record.started is not None
    ]


def _critical(run: Run) -> set[TaskRun]:
    """Return the records on the critical path; of a mapped task, its longest item."""
    records = (run.tasks[name] for name in run.critical_path)
    return {max(record.items, key=run.effort_of) if record.items else record for record in records}


def _merged(bars: list[Bar], makespan: float) -> list[Bar]:
    """Make bands of the items of a mapped task that are too many to be told apart."""
    if len(bars) <= MOST_BARS:
        return bars
    least = makespan / MOST_BARS
    bands: dict[int, Bar] = {}  # the last one of each lane
    merged: list[Bar] = []
    for bar in bars:
        band = bands.get(bar.lane)
        if band is None:
            bands[bar.lane] = bar
            continue
        alike = (band.task, band.state) == (bar.task, bar.state)
        if alike and bar.item is not None and bar.start - band.end < least:
            bands[bar.lane] = band._replace(
                end=bar.end, number=band.number + bar.number,
                critical=band.critical or bar.critical,
            )  # fmt: skip
        else:
            merged.append(band)
            bands[bar.lane] = bar
    return merged + list(bands.values())


def cut_off(panel: Panel, most: float) -> Panel:
    """Return a panel of which only the first `most` seconds are shown."""
    bars = tuple(
        bar._replace(end=min(bar.end, most), received=None)
        for bar in panel.bars
        if bar.start < most
    )
    spans = [span._replace(end=min(span.end, most)) for span in panel.spans if span.start < most]
    heading = f"{panel.heading} (goes on beyond this chart)"
    return panel._replace(
        bars=bars, makespan=most, heading=heading, is_cut=True, spans=tuple(spans),
        waits=tuple(waiting for each in panel.waits if (waiting := each.cut_off(most))),
    )  # fmt: skip


def most_at_once(panel: Panel) -> int:
    """Count how many tasks overlapped at most; coroutines and lost threads are beyond workers."""
    return _in_lanes(panel.bars, 0)[1]


def _natural(worker: str) -> list[tuple[int, str]]:
    """Sort ``thread-10`` after ``thread-2``."""
    parts = [part.lstrip("0") for part in re.split(r"([0-9]+)", worker)]
    return [(len(part) if i % 2 else 0, part) for i, part in enumerate(parts)]


def _in_lanes(bars: Iterable[Bar], first: int) -> tuple[list[Bar], int]:
    """Put each bar into the uppermost lane that is free, and return how many were needed."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    placed: list[Bar] = []
    lanes = 0
    for bar in sorted(bars, key=lambda bar: (bar.start, bar.end)):
        while busy and busy[0][0] <= bar.start + 1e-9:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, lanes = lanes, lanes + 1
        heapq.heappush(busy, (bar.end, lane))
        placed.append(bar._replace(lane=first + lane))
    return placed, lanes


def _earlier_attempts(run: Run) -> Iterable[tuple[str, Bar]]:
    """Yield the attempts that were followed by another one, with their workers."""
    open_attempts: dict[tuple[str, int | None], tuple[str, float]] = {}
    for event in run.events:
        attempt = event.task, event.item
        if event.state is State.RUNNING:
            open_attempts[attempt] = (event.worker or "", event.time)
        elif event.state is State.RETRYING and attempt in open_attempts:
            worker, start = open_attempts.pop(attempt)
            record = run.tasks[event.task]
            if event.item is not None and record.items is not None:
                record = record.items[event.item]
            if start >= (record.started or 0.0):
                continue  # the last one: the record has it
            end = max(start, event.time)
            yield worker, Bar(event.task, 0, start, end, State.RETRYING, item=event.item)
