"""What a cache keeps, as a table: where bytes and seconds go."""

from __future__ import annotations

from ...engine.cache.contents import CacheInfo
from ...formatting import counted, elided, printable, short_time, size_text
from .columns import Table, bar
from .history import clock

__all__ = ["cache_table"]

HEAD = ("task", "results", "size", "", "saved", "", "last used")
NUMBERS, BARS = (1, 2, 4), (3, 5)
MOST_ROWS = 50


def cache_table(info: CacheInfo) -> Table:
    """Return what a cache keeps as a table, with a bar for the bytes and the seconds of each task.

    Examples
    --------
    >>> from pathlib import Path
    >>> cache_table(CacheInfo(Path("kept"))).text()
    'cache kept: empty'
    """
    name = f"cache {printable(elided(_shown(info), 40))}"
    if not info.rows:
        return Table(name, "empty", HEAD, [])
    tasks = counted(len(info), "task")
    facts = [
        f"{counted(info.entries, 'result')} of {tasks}",
        f"{size_text(info.bytes)} on disk of {size_text(info.limit)}",
        f"{short_time(info.seconds)} saved so far" if info.seconds else "nothing saved yet",
    ]
    more = len(info) - MOST_ROWS
    notes = [f"… and {counted(more, 'more task')}"] if more > 0 else []
    rows, head = _rows(info), HEAD
    return Table(name, ", ".join(facts), head, rows, NUMBERS, notes, bars=BARS)


def _rows(info: CacheInfo) -> list[list[str]]:
    most_bytes = max(row.bytes for row in info)
    most_seconds = max(row.seconds for row in info)
    flows = {row.flow for row in info}
    rows = []
    for row in info[:MOST_ROWS]:
        name = row.task if len(flows) == 1 else f"{row.task} of {row.flow}"
        size = row.bytes / most_bytes if most_bytes else 0.0
        saved = row.seconds / most_seconds if most_seconds else 0.0
        rows.append([
            printable(name), f"{row.entries:,}", size_text(row.bytes), bar(size),
            short_time(row.seconds) if row.seconds else "", bar(saved), clock(row.used),
        ])  # fmt: skip
    return rows


def _shown(info: CacheInfo) -> str:
    """Return the folder, as it is seen from the one of the notebook if it is in that."""
    here = type(info.path).cwd()
    return str(info.path.relative_to(here) if info.path.is_relative_to(here) else info.path)
