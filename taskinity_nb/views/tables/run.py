"""A run as a table: what its value shows in a notebook, as HTML.

The tasks of a flow in the flow stand below a row that tells of them together, as a box does in the
picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from ...analysis.judgement import judge
from ...formatting import counted, printable, size_text, time_text
from ...model.events import State
from ...model.record import TaskRun
from ...model.run import Run
from ..graph.folding import state_of
from ..graph.forms import boxes_of, boxes_with
from ..style.palette import INK, LOOKS
from ..style.words import (
    error_line,
    items_done,
    labels_of,
    memory_text,
    on_workers,
    reasons_of,
    saved_by_cache,
    share_done,
)
from .columns import Table

__all__ = ["run_table"]

MOST_ROWS = 200
HEAD = ("state", "task", "start", "duration", "worker", "CPU", "memory", "")
NUMBERS = (2, 3, 5, 6)
MEMORY = HEAD.index("memory")
"""A column that is there if a task has something to tell in it."""


def run_table(run: Run) -> Table:
    """Return a run as a table: a row for each task, of up to 200, the failed ones among them.

    Above the tasks of a box is a row for it, with the sum of the seconds that they took.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> run = Run(resolve(Flow("Example", tasks=["load"]), None, {"load": list}), "threads", 2)
    >>> print("\\n".join(run_table(run).text().splitlines()[1:]))
    state    task  start  duration  worker  CPU
    pending  load
    """
    records, left_out = _chosen(run)
    labels = labels_of(run.plan)
    tasks = _by_box(run)
    rows, signs, faint = list[list[str]](), list[str](), list[int]()

    def add(cells: list[str], state: State, name: str, depth: int) -> None:
        before = "  " * depth
        rows.append([cells[0], before + cells[1], *cells[2:]])
        signs.append(_sign(state))
        inside = cells[1].startswith(name)
        faint.append(len(before) + (name.rfind(".") + 1 if inside else 0))

    told = set[str]()
    for record in records:
        around = boxes_with(record.name, tasks)
        for depth, box in enumerate(around):
            if box not in told:
                told.add(box)
                cells, state = _cells_of_box(box, tasks[box], run.makespan)
                add(cells, state, box, depth)
        cells = _cells(record, labels[record.name], run.makespan)
        if record.name in tasks:
            cells[1] += " (its result)"
        add(cells, record.state, record.name, len(around))
    head, numbers = list(HEAD), list(NUMBERS)
    if not any(row[MEMORY] for row in rows):
        for row in (head, *rows):
            del row[MEMORY]
        numbers.remove(MEMORY)
    return Table(*_caption(run), head, rows, numbers, left_out, signs, faint)


def _by_box(run: Run) -> dict[str, list[TaskRun]]:
    """Return the tasks of each box, those of the boxes in it too."""
    boxes = boxes_of(run.flow)
    tasks: dict[str, list[TaskRun]] = {box: [] for box in boxes}
    for name, record in run.tasks.items() if boxes else ():
        for box in boxes_with(name, boxes):
            tasks[box].append(record)
    return tasks


def _cells_of_box(box: str, records: list[TaskRun], longest: float) -> tuple[list[str], State]:
    counts = Counter(record.state for record in records)
    parts = [part for record in records for part in record.items or (record,)]

    def total(numbers: Iterable[float | None]) -> str:
        known = [number for number in numbers if number is not None]
        return f"Σ {time_text(sum(known), longest)}" if known else ""

    begun = [record.started for record in records if record.started is not None]
    state = state_of(counts)
    cells = [
        state.words, box, time_text(min(begun), longest) if begun else "",
        total(part.duration for part in parts), "", total(part.cpu for part in parts),
        memory_text(max(records, key=lambda record: record.peak_memory or 0)),
        share_done(counts, "tasks"),
    ]  # fmt: skip
    return list(map(printable, cells)), state


def _sign(state: State) -> str:
    look = LOOKS[state]
    return f'<span style="background:{look.fill};color:{INK}">{look.sign}</span>&nbsp;'


def _caption(run: Run) -> tuple[str, str]:
    records = list(run.tasks.values())
    makespan = run.makespan
    facts = [on_workers(run), run.state.value, counted(len(records), "task")]
    facts.append(time_text(makespan, makespan))
    facts += [told] if (told := saved_by_cache(run)) else []
    if run.executor != "sequential" and run.done and run.work:
        said = judge(run)
        facts += [f"{said.bound}{time_text(run.work)} of work"] if said.tells_work else []
        facts += [said.words] if said.kind in ("busy", "lock") else []
    return printable(run.flow.name), printable(", ".join(facts))


def _chosen(run: Run) -> tuple[list[TaskRun], list[str]]:
    """Return what to show, in the order of the text, and a line that tells what is left out."""
    records = list(run.tasks.values())
    if len(records) <= MOST_ROWS:
        return records, []
    failed = [record.name for record in records if record.state.is_failure]
    shown = set(islice(dict.fromkeys([*failed, *run.tasks]), MOST_ROWS))
    more = counted(len(records) - len(shown), "more task")
    return [record for record in records if record.name in shown], [f"… and {more}"]


def _cells(record: TaskRun, label: str, longest: float) -> list[str]:
    def told(seconds: float | None) -> str:
        return "" if seconds is None else time_text(seconds, longest)

    state = record.state.words
    if record.attempts > 1:
        state += f" ({record.attempts} attempts)"
    notes = [] if record.items is None else [items_done(record, "items")]
    if record.error is not None:
        notes.append(error_line(record.error))
    notes += reasons_of(record)
    if record.place and record.nbytes is not None:
        notes.append(f"{size_text(record.nbytes)} on {record.place}")
    name = record.name if label == record.name else f"{record.name} ({label})"
    worker = record.worker or ""
    cells = (
        state, name, told(record.started), told(record.duration), worker, told(record.cpu),
        memory_text(record), "; ".join(notes),
    )  # fmt: skip
    return list(map(printable, cells))
