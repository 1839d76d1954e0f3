"""A run as a table: what its value shows in a notebook, as HTML and as plain text."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import NamedTuple

from ..formatting import counted, printable, size_text, time_text
from ..model.events import State
from ..model.run import Run, TaskRun
from .palette import EDGE, INK, LOOKS
from .words import error_line, items_done, labels_of, on_workers

__all__ = ["run_to_html", "run_to_text"]

MOST_ROWS = 200
HEAD = ("state", "task", "start", "duration", "worker", "CPU", "")
NUMBERS = ("start", "duration", "CPU")


class _Row(NamedTuple):
    state: State
    cells: tuple[str, ...]


def run_to_html(run: Run) -> str:
    """Return a run as an HTML table: a row for each task, of up to 200, the failed ones among them.

    Styles stand in the elements, because a ``<style>`` is removed where a notebook is not trusted.
    Whatever comes from users is escaped.

    Parameters
    ----------
    run : Run
        Done or not.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> run = Run(resolve(Flow("Example", tasks=["load"]), None, {"load": list}), "threads", 2)
    >>> "<td" in run_to_html(run) and "pending" in run_to_html(run)
    True
    """
    rows, left_out = _rows(run)
    line = f"border-bottom: 1px solid {EDGE}; padding: 2px 10px; vertical-align: top"
    aligned = [
        f"{'right' if name in NUMBERS else 'left'}; white-space: {'nowrap' if name else 'normal'}"
        for name in HEAD
    ]
    head = "".join(
        f'<th style="{line}; text-align: {style}">{name}</th>'
        for name, style in zip(HEAD, aligned, strict=True)
    )
    body = []
    for row in rows:
        look = LOOKS[row.state]
        chip = (
            f'<span style="background-color: {look.fill}; color: {INK}; border-radius: 3px; '
            f'padding: 0 5px">{look.sign}</span>&nbsp;'
        )
        cells = [chip + escape(row.cells[0]), *map(escape, row.cells[1:])]
        body.append("<tr>" + "".join(
            f'<td style="{line}; text-align: {style}">{cell}</td>'
            for cell, style in zip(cells, aligned, strict=True)
        ) + "</tr>")  # fmt: skip
    more = f"<div>{escape(left_out)}</div>" if left_out else ""
    table = (
        '<table style="border-collapse: collapse; margin: 4px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )
    name, facts = _caption(run)
    return (
        f"<div><div><strong>{escape(name)}</strong>: {escape(facts)}</div>"
        f"{table if body else ''}{more}</div>"
    )


def run_to_text(run: Run) -> str:
    """Return a run as plain text in columns, with the rows of `run_to_html`.

    Parameters
    ----------
    run : Run
        Done or not.

    Returns
    -------
    str
        A caption, a head, and a line for each task.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> run = Run(resolve(Flow("Example", tasks=["load"]), None, {"load": list}), "threads", 2)
    >>> print("\\n".join(run_to_text(run).splitlines()[1:]))
    state      task  start  duration  worker  CPU
    ○ pending  load
    """
    rows, left_out = _rows(run)
    lines = [HEAD] if rows else []
    lines += [(f"{LOOKS[row.state].sign} {row.cells[0]}", *row.cells[1:]) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    caption = ": ".join(_caption(run))
    told = [
        "  ".join(
            cell.rjust(width) if name in NUMBERS else cell.ljust(width)
            for name, cell, width in zip(HEAD, line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([caption, *told, *([left_out] if left_out else [])])


def _caption(run: Run) -> tuple[str, str]:
    records = list(run.tasks.values())
    makespan = run.makespan
    facts = [on_workers(run), run.state.value, counted(len(records), "task")]
    facts.append(time_text(makespan, makespan))
    if run.executor != "sequential" and run.done and run.work:
        facts.append(f"{time_text(run.work)} of work")
    return printable(run.flow.name), printable(", ".join(facts))


def _rows(run: Run) -> tuple[list[_Row], str]:
    """Return the rows to show, in the order of the text, and a line that tells what is left out."""
    records = list(run.tasks.values())
    longest = run.makespan
    shown = [record for record in records if record.state.is_failure][:MOST_ROWS]
    if len(records) <= MOST_ROWS:
        shown = records
    else:
        failed = {record.name for record in shown}
        others = (record for record in records if record.name not in failed)
        chosen = failed | {record.name for record in islice(others, MOST_ROWS - len(failed))}
        shown = [record for record in records if record.name in chosen]
    labels = labels_of(run.plan)
    rows = [_row(record, labels[record.name], longest) for record in shown]
    more = len(records) - len(shown)
    return rows, f"… and {counted(more, 'more task')}" if more else ""


def _row(record: TaskRun, label: str, longest: float) -> _Row:
    def told(seconds: float | None) -> str:
        return "" if seconds is None else time_text(seconds, longest)

    state = record.state.words
    if record.attempts > 1:
        state += f" ({record.attempts} attempts)"
    notes = [] if record.items is None else [f"{items_done(record)} items"]
    if record.error is not None:
        notes.append(error_line(record.error))
    elif record.cause is not None:
        notes.append(f"because of {record.cause}")
    if record.why:
        notes.append(record.why)
    if record.place and record.nbytes is not None:
        notes.append(f"{size_text(record.nbytes)} on {record.place}")
    name = record.name if label == record.name else f"{record.name} ({label})"
    worker = record.worker or ""
    cells = (
        state, name, told(record.started), told(record.duration), worker, told(record.cpu),
        "; ".join(notes),
    )  # fmt: skip
    return _Row(record.state, tuple(map(printable, cells)))
