"""A run for other programs: a table of pandas, and a file for a trace viewer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from ..errors import FlowError
from ..model.record import TaskRun
from ..model.run import Run
from .metrics import handovers, transfer_of, wait_of

__all__ = ["frame_of", "trace_of", "write_trace"]

PROCESS = 1
"""The number of the only process in a trace: a worker is a thread of it."""


def frame_of(run: Run) -> Any:
    """Return a run as a ``pandas.DataFrame`` (see `Run.to_frame`)."""
    try:
        import pandas
    except ImportError as error:
        raise FlowError(
            f"to_frame makes a table of pandas, which cannot be imported ({error})",
            remedy="pip install pandas",
        ) from error
    ways = handovers(run)
    flows = {name[:end] for name in run.tasks for end, sign in enumerate(name) if sign == "."}
    rows = [_cells(record, ways, flows) for record in _rows(run)]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
    frame = pandas.DataFrame(columns)
    return frame.astype(COLUMNS)


COLUMNS = {
    "task": "object", "flow": "object", "item": "Int64", "state": "object", "worker": "object",
    "ready": float, "submitted": float, "started": float, "finished": float, "received": float,
    "wait": float, "compute": float, "transfer": float, "cpu": float, "waited": float,
    "waited_for": "object", "saved": float, "peak_memory": "Int64", "attempts": int,
}  # fmt: skip
"""The columns of a frame and what is in them."""


def _rows(run: Run) -> Iterator[TaskRun]:
    """Yield each task, followed by its items if it is mapped."""
    for record in run.tasks.values():
        yield record
        yield from record.items or ()


def _cells(
    record: TaskRun, ways: dict[TaskRun, tuple[float, float]], flows: Container[str]
) -> tuple[Any, ...]:
    # What bears the name of a flow in the flow is its result.
    flow = record.task if record.task in flows else record.task.rpartition(".")[0]
    return (
        record.task, flow, record.item, str(record.state), record.worker,
        record.ready, record.submitted, record.started, record.finished, record.received,
        wait_of(record), record.duration, transfer_of(record, ways.get(record)), record.cpu,
        record.waited, record.waited_for, record.saved, record.peak_memory,
        record.attempts,
    )  # fmt: skip


def write_trace(run: Run, path: str | Path) -> Path:
    """Write a run into a file for a trace viewer (see `Run.to_chrome_trace`)."""
    path = Path(path)
    path.write_text(json.dumps(trace_of(run), allow_nan=False) + "\n", encoding="utf-8")
    return path


def trace_of(run: Run) -> dict[str, Any]:
    """Return a run in the Trace Event Format, which Perfetto and ``chrome://tracing`` open.

    Examples
    --------
    >>> from taskinity_nb.engine.run import run
    >>> trace = trace_of(run("one -> two", namespace={"one": lambda: 1, "two": abs}))
    >>> [event["ph"] for event in trace["traceEvents"]]
    ['M', 'X', 'X', 's', 'f', 'M', 'M']
    """
    rows = _Rows()
    ways = handovers(run)
    bars = {
        record: _bar(run, record, rows, ways)
        for record in sorted(_started(run), key=lambda record: record.started or 0.0)
    }
    events = [
        _name("process_name", 0, run.flow.name),
        *bars.values(),
        *_arrows(run, bars),
        *_memory(bars),
        *rows.names(),
    ]
    about = {"executor": run.executor, "workers": run.workers, "state": str(run.state)}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about}


def _started(run: Run) -> list[TaskRun]:
    return [record for record in run.on_workers() if record.started is not None]


class _Rows:
    """The rows of a trace: one for each worker, more where its tasks overlap."""

    def __init__(self) -> None:
        self._free: dict[str, list[tuple[int, float]]] = {}  # numbers, and when each is free
        self._names: list[str] = []

    def take(self, worker: str, start: float, end: float) -> int:
        """Return the number of a row of a worker that is free from `start` on."""
        rows = self._free.setdefault(worker, [])
        for place, (number, free) in enumerate(rows):
            if free <= start:
                rows[place] = (number, end)
                return number
        number = len(self._names) + 1
        self._names.append(f"{worker} ({len(rows) + 1})" if rows else worker)
        rows.append((number, end))
        return number

    def names(self) -> Iterator[dict[str, Any]]:
        """Yield the events that name the rows and put them in order."""
        for number, name in enumerate(self._names, 1):
            yield _name("thread_name", number, name)
            sort = {"name": "thread_sort_index", "ph": "M", "pid": PROCESS, "tid": number}
            yield {**sort, "args": {"sort_index": number}}


def _name(kind: str, row: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": PROCESS, "tid": row, "args": {"name": name}}


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _bar(
    run: Run, record: TaskRun, rows: _Rows, ways: dict[TaskRun, tuple[float, float]]
) -> dict[str, Any]:
    """Return the event that stands for a task; one that still runs reaches to now."""
    start = record.started or 0.0
    end = max(start, run.makespan if record.finished is None else record.finished)
    about = {
        "task": record.task, "item": record.item, "state": str(record.state),
        "attempts": record.attempts, "cpu": record.cpu, "queue wait": wait_of(record),
        "transfer": transfer_of(record, ways.get(record)), "waited for a core": record.waited,
        "peak memory": record.peak_memory,
    }  # fmt: skip
    return {
        "name": record.name,
        "cat": "task",
        "ph": "X",
        "ts": _micro(start),
        "dur": _micro(end - start),
        "pid": PROCESS,
        "tid": rows.take(record.worker or "", start, end),
        "args": {name: value for name, value in about.items() if value is not None},
    }


def _memory(bars: dict[TaskRun, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the events of a counter: what the tasks that run at a moment take at most, in bytes."""
    steps = dict[float, int]()
    for record, bar in bars.items():
        if record.peak_memory is not None:
            for moment, by in ((bar["ts"], 1), (round(bar["ts"] + bar["dur"], 3), -1)):
                steps[moment] = steps.get(moment, 0) + by * record.peak_memory
    taken = 0
    for moment in sorted(steps):
        taken += steps[moment]
        yield {"name": "peak memory", "ph": "C", "ts": moment, "pid": PROCESS, "tid": 0,
               "args": {"bytes": taken}}  # fmt: skip


def _arrows(run: Run, bars: dict[TaskRun, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a pair of events for each task that another one waited for.

    What waited for all items of a mapped task has its arrow from the one that ended last.
    """
    tasks, numbers = run.tasks, itertools.count(1)
    for name, record in tasks.items():
        stream = run.plan.stream_of(name)
        for edge in run.flow.upstream[name]:
            one_by_one = edge.source == stream
            before = tasks[edge.source]
            last = max(before.items or (before,), key=lambda one: one.finished or 0.0)
            for target in (record,) if record.items is None else record.items:
                source = last
                if one_by_one and before.items and target.item is not None:
                    source = before.items[target.item]
                if source in bars and target in bars:
                    yield from _arrow(next(numbers), bars[source], bars[target])


def _arrow(number: int, source: dict[str, Any], target: dict[str, Any]) -> Iterator[dict[str, Any]]:
    common = {"name": "after", "cat": "after", "id": number, "pid": PROCESS}
    # An end of an arrow belongs to the bar in which it lies, so it leaves just before the bar ends.
    leaves = min(round(source["ts"] + 0.999 * source["dur"], 3), target["ts"])
    yield {**common, "ph": "s", "ts": leaves, "tid": source["tid"]}
    yield {**common, "ph": "f", "bp": "e", "ts": target["ts"], "tid": target["tid"]}
