"""The runs that a store knows of: how long their tasks took, and no results."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from .index import Index
from .reasons import in_words

__all__ = ["MOST_RUNS", "RunRow", "Runs"]

MOST_RUNS = 100
"""Runs of flows of one name that are kept."""

MOST_IN_ALL = 2000
"""Runs that are kept."""

SHARE = 20
"""What part of a store runs may take, at most: the one in so many."""

_NEWEST = (
    "SELECT id FROM (SELECT id, row_number() OVER newest AS place, sum(length(record)) OVER newest "
    "AS total FROM runs {where} WINDOW newest AS (ORDER BY id DESC)) "
    "WHERE place = 1 OR (place <= ? AND total <= ?)"
)


class RunRow(NamedTuple):
    """A run: its number in the index, its flow, when it started in seconds since 1970, the rest."""

    id: int
    flow: str
    structure: str
    started: float
    record: str


class Runs:
    """What a store does with runs."""

    _index: Index
    limit: int

    def _warn(self, what: str) -> None:
        raise NotImplementedError

    def note_run(self, flow: str, structure: str, started: float, record: str) -> int | None:
        """Write a run down, and forget the oldest; return its number, None if that failed."""
        kept, most = _NEWEST.format(where="WHERE flow = ?"), self.limit // SHARE
        try:
            with self._index.changing() as rows:
                made = rows.execute(
                    "INSERT INTO runs (flow, structure, started, record) VALUES (?, ?, ?, ?)",
                    (flow, structure, started, record),
                )
                rows.execute(
                    f"DELETE FROM runs WHERE flow = ? AND id NOT IN ({kept})",
                    (flow, flow, MOST_RUNS, most // 4),
                )
                kept = _NEWEST.format(where="")
                rows.execute(f"DELETE FROM runs WHERE id NOT IN ({kept})", (MOST_IN_ALL, most))
        except sqlite3.Error as error:
            self._warn(f"runs cannot be written down: {in_words(error)}")
            return None
        return made.lastrowid

    def runs(self, structure: str | None, after: int) -> list[RunRow]:
        """Return the runs of flows of one structure, or of all, with numbers above `after`."""
        where, values = ("", ()) if structure is None else (" AND structure = ?", (structure,))
        query = f"SELECT id, flow, structure, started, record FROM runs WHERE id > ?{where}"
        try:
            return [RunRow(*row) for row in self._index.all(query, (after, *values))]
        except sqlite3.Error as error:
            self._warn(f"its runs cannot be read: {in_words(error)}")
            return []
