"""What a Gantt chart shows, before anything is drawn: bars in lanes, in panels, and their words.

A worker has one row. Tasks that overlap on it (coroutines, a cluster's worker with several
threads, a task that was left behind) lie in lanes of that row, so that bars never cover each other.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..model.events import State
from ..model.run import Run
from .words import counted, elided, label_of, on_workers, outcome, printable, speed, time_text

__all__ = ["Bar", "Chart", "Panel", "Row", "chart_of", "panel_of", "replayed"]

FAILURES = (State.FAILED, State.TIMED_OUT)


class Bar(NamedTuple):
    """One stretch of work: seconds from the run's start, in a lane that is counted from the top."""

    task: str
    lane: int
    start: float
    end: float
    state: State
    critical: bool = False


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

    @property
    def lanes(self) -> int:
        """Number of lanes of all rows; at least one, so that an empty panel has a place."""
        return max(1, sum(row.lanes for row in self.rows))

    @property
    def end(self) -> float:
        """Where the time axis has to reach for this panel, in seconds."""
        return max([self.makespan, *(bar.end for bar in self.bars)])


class Chart(NamedTuple):
    """All panels, top down; the tasks in the order of their colours; and the words."""

    panels: tuple[Panel, ...]
    tasks: tuple[str, ...]
    labels: dict[str, str]
    title: str
    subtitle: str
    summary: str


def chart_of(runs: tuple[Run, ...]) -> Chart:
    """Choose what to draw of some runs: the sequential one above, replayed if there is none.

    A run is compared with the sequential run if both succeeded; otherwise with its own tasks one
    after the other, because a run that stopped half-way has not done the same work.

    Parameters
    ----------
    runs : tuple of Run
        At least one.

    Returns
    -------
    Chart
    """
    measured = [run for run in runs if run.executor == "sequential"]
    others = [run for run in runs if run.executor != "sequential"]
    same = all(run.flow == runs[0].flow for run in runs)
    # Tasks that get in each other's way take longer; the least work is nearest to a sequential run.
    sound = [run for run in others if run.state is State.SUCCEEDED]
    source = min(sound or others, key=lambda run: run.work) if others and not measured else None
    longest = max([*(run.makespan for run in runs), source.work if source and same else 0.0])

    panels = [_measured(run, longest, bound=not others) for run in measured]
    if source and source.done and same and source.work:
        panels.append(replayed(source, longest, alone=len(others) == 1))
    gains = [_gain(run, source, measured, same) for run in others]
    panels += [
        _measured(run, longest, bound=True, gain=gain if len(others) > 1 else None)
        for run, gain in zip(others, gains, strict=True)
    ]

    names = list(dict.fromkeys(run.flow.name for run in runs))
    tasks = dict.fromkeys(task for run in runs for task in run.flow.tasks)
    labels = {call.name: label_of(call) for run in runs for call in run.plan.calls}
    best = max(zip(gains, others, strict=True), key=lambda pair: pair[0] or 0.0, default=None)
    main = best[1] if best else runs[0]
    told = [f"{on_workers(run)} {time_text(run.makespan, longest)}" for run in measured]
    if source and source.done and same and source.work:
        told.append(f"sequential {time_text(source.work, longest)} (replayed)")
    for run, gain in zip(others, gains, strict=True):
        told.append(f"{on_workers(run)} {time_text(run.makespan, longest)}")
        told += [speed(gain)] if gain else []
        told += [run.state.value] if run.state is not State.SUCCEEDED else []
    return Chart(
        tuple(panels),
        tuple(tasks),
        labels,
        _title(main, best[0] if best else None, longest, several=len(others) > 1),
        _subtitle(names, main if len(runs) - len(measured) <= 1 else None, labels, longest),
        printable(f"Gantt of {', '.join(names)}: {', '.join(told)}"),
    )


def panel_of(run: Run, heading: str = "") -> Panel:
    """Return the bars of a run as it was, one for each task that was started.

    A task that still runs reaches to now; the attempts before a task's last are bars of their own.
    """
    path = set(run.critical_path)
    now = run.makespan
    by_worker: dict[str, list[Bar]] = {}
    retried = False
    for name, record in list(run.tasks.items()):
        retried = retried or record.attempts > 1
        if record.started is None:
            continue
        end = max(record.started, now if record.finished is None else record.finished)
        bar = Bar(name, 0, record.started, end, record.state, name in path and end > record.started)
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
    return Panel(heading, tuple(bars), tuple(rows), run.makespan)


def replayed(run: Run, longest: float, *, alone: bool = True) -> Panel:
    """Return a run's tasks one after the other, as long as they were measured."""
    held_back = run.work < 0.95 * sum(record.duration or 0.0 for record in run.tasks.values())
    what = "CPU seconds, since tasks waited for a core" if held_back else "measured durations"
    heading = f"sequential, replayed from the {what}"
    if not alone:
        heading = f"{heading} of {run.executor}"
    path = set(run.critical_path)
    efforts = run.efforts
    bars: list[Bar] = []
    time = 0.0
    for name in run.plan.order:
        state = run.tasks[name].state
        if run.tasks[name].duration is not None:
            end = time + efforts[name]
            bars.append(Bar(name, 0, time, end, state, name in path and end > time))
            time = end
    rows = (Row("worker 1", 0, 1),) if bars else ()
    return Panel(f"{heading}: {time_text(time, longest)}", tuple(bars), rows, time)


def _measured(run: Run, longest: float, *, bound: bool, gain: float | None = None) -> Panel:
    panel = panel_of(run)
    idle = run.workers - len(panel.rows)
    parts = [f"{on_workers(run)}: {time_text(run.makespan, longest)}"]
    parts += [speed(gain)] if gain else []
    parts += [f"{idle} without a task"] if idle > 0 and panel.bars else []
    parts += [text] if (text := outcome(run)) else []
    panel = panel._replace(heading=", ".join(parts))
    path = sum(map(run.efforts.__getitem__, run.critical_path))
    at_once = max(run.workers, _at_once(panel))
    least = path if run.executor == "sequential" else run.lower_bound(at_once)
    if not bound or not run.done or least <= 0:
        return panel
    if run.executor == "sequential":
        why = "critical path, on any number of workers"
    elif least <= path * (1 + 1e-9):
        why = "critical path"
    else:
        why = f"work / {_capacity(run.workers, at_once)}"
    label = f"lower bound {time_text(least, longest)} ({why})"
    return panel._replace(bound=least, bound_label=label)


def _at_once(panel: Panel) -> int:
    """Count how many tasks overlapped at most; coroutines and lost threads are beyond workers."""
    return _in_lanes(panel.bars, 0)[1]


def _capacity(workers: int, at_once: int) -> str:
    return counted(workers, "worker") if at_once <= workers else f"{at_once} at once"


def _gain(run: Run, source: Run | None, measured: list[Run], same: bool) -> float | None:
    """Return how many times faster a run was than one after the other, if that can be told."""
    if not run.done or not run.work or not run.makespan:
        return None
    if not same or (source is run and not measured):
        return run.speedup
    if run.state is not State.SUCCEEDED:
        return None if measured else run.speedup
    base = measured[0] if measured else source
    if base is None or base.state is not State.SUCCEEDED:
        return None
    return (base.makespan if measured else base.work) / run.makespan


def _title(run: Run, gain: float | None, longest: float, *, several: bool) -> str:
    records = list(run.tasks.values())
    total = counted(len(records), "task")
    if not records:
        return "A flow without tasks"
    if not any(record.started is not None for record in records):
        return f"No task of {len(records)} ran ({outcome(run) or 'all cached'})"
    said = ""
    if run.state is State.FAILED:
        said = f"{sum(record.state in FAILURES for record in records)} of {total} failed"
    elif run.state is not State.SUCCEEDED:
        finished = sum(record.state is State.SUCCEEDED for record in records)
        said = f"{run.state.value.capitalize()}: {finished} of {total} succeeded"
    if run.executor == "sequential":
        told = f"one after the other in {time_text(run.makespan, longest)}"
    elif gain is None:
        told = f"{on_workers(run)} in {time_text(run.makespan, longest)}"
    else:
        who = f"{run.executor} " if several else ""
        at_once = max(1, run.workers, _at_once(panel_of(run)))
        where = "with" if at_once > run.workers else "on"
        told = (
            f"{who}{speed(gain)} than one after the other {where} "
            f"{_capacity(run.workers, at_once)} ({100 * gain / at_once:.0f} % efficiency)"
        )
    return f"{said}; {told}" if said else told[:1].upper() + told[1:]


def _subtitle(names: list[str], run: Run | None, labels: dict[str, str], longest: float) -> str:
    text = elided(", ".join(names), 60 if run is None else 36)
    if run is None:
        return f"{text}; outlined: the critical path"
    efforts = run.efforts
    path = [name for name in run.critical_path if efforts[name]]
    if not path:
        return text
    seconds = sum(efforts[name] for name in path)
    shown = [labels[name] for name in path]
    if len(shown) > 6:
        shown = [*shown[:3], f"… {len(shown) - 5} more …", *shown[-2:]]
    return f"{text}; outlined: critical path, {time_text(seconds, longest)}: {' → '.join(shown)}"


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
    open_attempts: dict[str, tuple[str, float]] = {}
    for event in run.events:
        if event.state is State.RUNNING:
            open_attempts[event.task] = (event.worker or "", event.time)
        elif event.state is State.RETRYING and event.task in open_attempts:
            worker, start = open_attempts.pop(event.task)
            if start >= (run.tasks[event.task].started or 0.0):
                continue  # the last one: the record has it
            yield worker, Bar(event.task, 0, start, max(start, event.time), State.RETRYING)
