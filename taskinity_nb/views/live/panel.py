"""What the inspector's panel tells of one task, or of one item of a mapped one.

All of it is text, or numbers, and bounded; only what objects make of themselves is added later.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...formatting import cut, time_text
from ...model.saving.functions import AbsentFunction
from ..style.palette import CODES
from ..style.words import error_line, items_done, memory_text, reasons_of
from ..tracebacks import error_text

if TYPE_CHECKING:
    from ...model.record import TaskRun
    from ...model.run import Run
    from ...model.task import Task

__all__ = ["MOST_ROWS", "details_of", "rows_of", "task_rows"]

MOST_ROWS = 1000
"""Items that are listed; of more those that failed, the slowest, and the first."""

LONGEST_OUTPUT, LONGEST_SOURCE = 20_000, 20_000
"""Characters."""

MOMENTS = ("ready", "submitted", "started", "finished", "received")


def details_of(run: Run, record: TaskRun) -> dict[str, Any]:
    """Return what is known of a task or an item, without what its objects look like.

    Returns
    -------
    dict
        ``name``, ``task`` and ``item``; ``state`` (a character of `CODES`); ``facts``, pairs of a
        word and what it is; ``note``, ``error``, ``stdout``, ``stderr`` and ``source``, texts; and
        ``items``, rows as `rows_of` returns them, if it has any.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> done = run("answer", namespace={"answer": lambda: 42}, executor="sequential")
    >>> details = details_of(done, done.tasks["answer"])
    >>> details["name"], details["state"], [word for word, _ in details["facts"]]
    ('answer', 's', ['took', 'CPU', 'worker', 'attempts', 'times'])
    """
    task = record.task
    binding = run.plan.bindings[run.plan.index[task]]
    told: dict[str, Any] = {
        "name": record.name,
        "task": task,
        "item": record.item,
        "state": CODES[record.state],
        "facts": _facts(record),
        "note": _note(record, task),
        "error": "" if record.error is None else _middle(error_text(record.error, record.frames)),
        "stdout": _last(record.stdout),
        "stderr": _last(record.stderr),
        "source": source_of(binding.task),
    }
    if record.items is not None:
        rows, left_out = rows_of(record.items)
        told["items"] = {"rows": rows, "note": left_out, "what": "item"}
    return told


def _facts(record: TaskRun) -> list[tuple[str, str]]:
    moments = [(name, getattr(record, name)) for name in MOMENTS]
    known = [(name, at) for name, at in moments if at is not None]
    longest = max([at for _, at in known], default=0.0)
    facts = [("took", "" if record.duration is None else time_text(record.duration))]
    if record.items is not None:
        facts.append(("items", items_done(record, "done")))
    facts.append(("CPU", "" if record.cpu is None else time_text(record.cpu)))
    facts.append(("waited for a core", time_text(record.waited) if record.waited else ""))
    facts.append(("memory", memory_text(record)))
    facts.append(("worker", cut(record.worker or "", longest=100)))
    if record.items is None:
        facts.append(("attempts", str(record.attempts or "")))
    facts.append(("times", ", ".join(f"{name} {time_text(at, longest)}" for name, at in known)))
    return [(word, what) for word, what in facts if what]


def _note(record: TaskRun, task: str) -> str:
    """Say why a task is as it is, and what to do about it, where there is something to say."""
    notes = reasons_of(record)
    if record.state.is_failure and record.items is None:
        item = "" if record.item is None else f", item={record.item}"
        notes.append(f"run.replay({task!r}{item}) calls it again, for %debug")
    return cut("; ".join(notes))


def rows_of(records: Sequence[TaskRun]) -> tuple[list[list[Any]], str]:
    """Return the rows of a list of items, and a line that tells of those it leaves out.

    A row has its place in the list, what it is called, the character of its state, milliseconds or
    None, the worker, and the first line of the error. Of more than `MOST_ROWS`, these are the first
    that failed, the slowest, and the first.
    """
    places: Sequence[int] = range(len(records))
    left_out = ""
    if len(records) > MOST_ROWS:
        failed = [i for i in places if records[i].state.is_failure][: MOST_ROWS // 2]
        slow = sorted(places, key=lambda i: -(records[i].duration or 0.0))[: MOST_ROWS // 4]
        chosen = dict.fromkeys([*failed, *slow])
        for place in places:
            if len(chosen) == MOST_ROWS:
                break
            chosen.setdefault(place)
        places = sorted(chosen)
        more = len(records) - MOST_ROWS
        left_out = (
            f"{more:,} more are not listed: here are those that failed, the slowest, the first"
        )
    return [_row(place, records[place]) for place in places], left_out


def _row(place: int, record: TaskRun) -> list[Any]:
    name = record.name if record.item is None else str(record.item)
    took = None if record.duration is None else round(record.duration * 1e3, 3)
    error = "" if record.error is None else cut(error_line(record.error))
    code = CODES[record.state]
    return [place, name, code, took, cut(record.worker or "", longest=100), error]


def task_rows(
    run: Run, tasks: Sequence[str] | None = None, *, failed_first: bool = False
) -> dict[str, Any]:
    """Return the list of a run's tasks, or of some of them, where not each has its own picture."""
    records, place = run.record.tasks, run.plan.index
    chosen = records if tasks is None else [records[place[task]] for task in tasks]
    rows, left_out = rows_of(chosen)
    if failed_first:
        rows.sort(key=lambda row: not chosen[row[0]].state.is_failure)
    return {"rows": rows, "note": left_out, "what": "task"}


def source_of(task: Task) -> str:
    """Return the source text of a task's function; empty where it is not known."""
    try:
        absent = task.function if isinstance(task.function, AbsentFunction) else None
        text = inspect.getsource(task.function) if absent is None else absent.source
    except Exception:  # built in, typed at a prompt, or an object of a kind of its own
        return ""
    return cut(inspect.cleandoc(f"\n{text}"), longest=LONGEST_SOURCE)


def _last(text: str) -> str:
    if len(text) <= LONGEST_OUTPUT:
        return cut(text, longest=LONGEST_OUTPUT)
    kept = text[-LONGEST_OUTPUT:]
    return cut(f"… (the last {LONGEST_OUTPUT:,} characters)\n{kept}", longest=len(text))


def _middle(text: str) -> str:
    """Cut a long traceback where the least is lost: a recursion is the same again and again."""
    half = LONGEST_OUTPUT // 2
    if len(text) > LONGEST_OUTPUT:
        text = f"{text[:half]}\n…\n{text[-half:]}"
    return cut(text, longest=len(text))
