"""What a store knows beside results: what functions consist of, and how long tasks took in runs."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from .entries import DAMAGE
from .index import Index, check_of
from .reasons import in_words

__all__ = ["MOST_RUNS", "Facts", "RunRow"]

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


class Facts:
    """What a store knows beside results."""

    _index: Index
    limit: int

    def _warn(self, what: str) -> None:
        raise NotImplementedError

    def note_function(self, digest: str, parts: Mapping[str, Any]) -> None:
        """Keep what a function consists of, to be compared with what it is later."""
        text = json.dumps(dict(parts))
        row = digest, text, time.time(), check_of(digest, text)
        try:
            with self._index.changing() as rows:
                rows.execute("INSERT OR REPLACE INTO functions VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            self._warn(f"results cannot be written: {in_words(error)}")

    def function(self, digest: str) -> dict[str, Any] | None:
        """Return what `note_function` has kept, or None."""
        try:
            row = self._index.one(
                'SELECT parts, "check" FROM functions WHERE digest = ?', (digest,)
            )
            if row is None or row[1] != check_of(digest, row[0]):
                return None
            found: dict[str, Any] = json.loads(row[0])
            return found
        except (sqlite3.Error, *DAMAGE):
            return None

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
