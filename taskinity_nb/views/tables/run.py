"""A run as a table: what its value shows in a notebook, as HTML."""

from __future__ import annotations

from itertools import islice

from ...analysis.judgement import judge
from ...formatting import counted, printable, size_text, time_text
from ...model.record import TaskRun
from ...model.run import Run
from ..style.palette import INK, LOOKS
from ..style.words import error_line, items_done, labels_of, on_workers, reasons_of
from .columns import Table

__all__ = ["run_table"]

MOST_ROWS = 200
HEAD = ("state", "task", "start", "duration", "worker", "CPU", "")
NUMBERS = (2, 3, 5)


def run_table(run: Run) -> Table:
    """Return a run as a table: a row for each task, of up to 200, the failed ones among them.

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
    rows = [_cells(record, labels[record.name], run.makespan) for record in records]
    signs = [_sign(one) for one in records]
    boxes = [record.name.rfind(".") + 1 for record in records]  # of inlined flows
    return Table(*_caption(run), HEAD, rows, NUMBERS, left_out, signs, boxes)


def _sign(record: TaskRun) -> str:
    look = LOOKS[record.state]
    return f'<span style="background:{look.fill};color:{INK}">{look.sign}</span>&nbsp;'


def _caption(run: Run) -> tuple[str, str]:
    records = list(run.tasks.values())
    makespan = run.makespan
    facts = [on_workers(run), run.state.value, counted(len(records), "task")]
    facts.append(time_text(makespan, makespan))
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
        "; ".join(notes),
    )  # fmt: skip
    return list(map(printable, cells))
