"""Why a task ran or did not, as a table of what it was compared by."""

from __future__ import annotations

import time

from ...formatting import printable
from ...model.outlook.why import Part, Why
from .columns import Table

__all__ = ["why_table"]

MOST_ROWS = 100


def why_table(why: Why) -> Table:
    """Return why a task ran or did not as a table: a row for each part, those that changed first.

    Examples
    --------
    >>> from taskinity_nb.model.events import State
    >>> part = Part("'n' (its input)", "has changed", "1", "2")
    >>> told = Why("grow", State.SUCCEEDED, "runs again: 'n' has changed", None, (part,))
    >>> print(why_table(told).text())
    grow: succeeded; runs again: 'n' has changed
    part
    'n' (its input)  was 1 and is 2
    """
    parts = sorted(why.parts, key=lambda part: not part.change)
    shown, notes = parts[:MOST_ROWS], list(why.items)
    if len(parts) > MOST_ROWS:
        notes.append(f"… and {len(parts) - MOST_ROWS:,} more parts")
    if why.made is not None:
        then = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(why.made))
        notes.append(f"compared with its result of {then}")
    state = why.state.words
    facts = why.reason if why.reason.startswith(state) else f"{state}; {why.reason}"
    rows = [_row(part) for part in shown]
    return Table(
        printable(why.task), printable(facts), ("part", ""), rows, (),
        list(map(printable, notes)),
    )  # fmt: skip


def _row(part: Part) -> list[str]:
    told = part.change or "is as it was"
    if part.change and part.then and part.now and part.then != part.now:
        told = f"was {part.then} and is {part.now}"
    elif part.now or part.then:
        told += f": {part.now or part.then}"
    return [printable(part.name), printable(told)]
