"""What is removed from a store: what killed processes left, what was not used for longest, all.

A file goes while nobody else may write to the index, together with the row that tells of it: who
would put the same result there again does so before or after.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from .files import file_name
from .index import Index
from .place import Place
from .session import dead_in, mark_of, marks_in

__all__ = ["clear", "sweep", "trim"]

AT_ONCE = 500
"""Entries that are removed while others wait."""

_ROW = "length(parts) + length(files) + length(classes) + 600"
"""About the bytes that the row of an entry takes in the index, with what finds it."""

_FILES = "SELECT digest FROM results WHERE data IS NULL"
_OLDEST = f"SELECT key, digest, size, {_ROW} FROM entries ORDER BY size <= ?, used, made"
_WEIGHTS = (
    "SELECT coalesce(sum(size), 0) FROM results",
    f"SELECT coalesce(sum({_ROW}), 0) FROM entries",
    "SELECT coalesce(sum(length(parts) + 200), 0) FROM functions",
    "SELECT coalesce(sum(length(record) + 200), 0) FROM runs",
)

EMPTY = 2**17
"""About the bytes of a store without results."""

MOST_FUNCTIONS = 10_000
"""Functions of which is kept what they consist of."""


def sweep(place: Place, index: Index) -> None:
    """Remove what processes have left that were killed while they wrote."""
    written = os.listdir(place.tmp)
    for path, marks in dead_in(place.users):
        for name in written:
            if name.startswith(path.name):
                (place.tmp / name).unlink(missing_ok=True)
        _remove_nameless(place, index, marks)
    for name in written:
        if not (place.users / name.partition("-")[0]).exists():
            (place.tmp / name).unlink(missing_ok=True)


def _remove_nameless(place: Place, index: Index, marks: Iterable[bytes]) -> None:
    """Remove files that were moved into place, if their rows were not written any more."""
    names = [mark.hex() for mark in marks if (place.results / mark.hex()).exists()]
    if not names:
        return
    with index.changing() as rows:
        known = {file_name(digest) for (digest,) in rows.execute(_FILES)}
        for name in names:
            if name not in known:
                (place.results / name).unlink(missing_ok=True)


def trim(place: Place, index: Index, limit: int) -> None:
    """Remove entries that were not used for longest, until no more than `limit` bytes are left."""
    _remove_unknown(place, index)
    if _files(index) + index.bytes_used() + EMPTY <= limit:
        return
    spared: set[str] = set()
    is_smaller = False
    while doomed := _doom(index, limit, spared):
        held = _held(place)
        spared |= {key for key in doomed if mark_of(key) in held}
        for start in range(0, len(doomed), AT_ONCE):
            _execute(place, index, doomed[start : start + AT_ONCE], spared, held)
        is_smaller = is_smaller or not spared.issuperset(doomed)
    _forget_functions(index)
    if is_smaller:
        index.shrink(limit - _files(index))


def _forget_functions(index: Index) -> None:
    with index.changing() as rows:
        rows.execute(
            "DELETE FROM functions WHERE digest NOT IN "
            "(SELECT digest FROM functions ORDER BY made DESC LIMIT ?)",
            (MOST_FUNCTIONS,),
        )


def _files(index: Index) -> int:
    """Return the bytes of all files of results."""
    return int(index.one("SELECT coalesce(sum(size), 0) FROM results WHERE data IS NULL")[0])


def _doom(index: Index, limit: int, spared: set[str]) -> list[str]:
    """Mark the entries that are to go, first what is too large alone; return their keys."""
    doomed: list[str] = []
    with index.changing() as rows:
        rows.execute("UPDATE entries SET doomed = 0 WHERE doomed")  # of who was killed at this
        excess = EMPTY - limit
        for query in _WEIGHTS:
            excess += rows.execute(query).fetchone()[0]
        if excess <= 0:
            return doomed
        uses = dict(rows.execute("SELECT digest, count(*) FROM entries GROUP BY digest"))
        for key, digest, size, more in rows.execute(_OLDEST, (limit,)):
            if key in spared:
                continue
            doomed.append(key)
            uses[digest] -= 1
            excess -= more + (0 if uses[digest] else size)
            if excess <= 0:
                break
        rows.executemany("UPDATE entries SET doomed = 1 WHERE key = ?", [(key,) for key in doomed])
    return doomed


def _held(place: Place) -> set[bytes]:
    held: set[bytes] = set()
    for name in os.listdir(place.users):
        held |= marks_in(place.users / name)
    return held


def _execute(
    place: Place, index: Index, doomed: list[str], spared: set[str], held: set[bytes]
) -> None:
    """Remove entries that are still marked, and results that no entry has any more."""
    with index.changing() as rows:
        rows.executemany(
            "UPDATE entries SET doomed = 0 WHERE key = ?",
            [(key,) for key in doomed if key in spared],
        )
        rows.executemany(
            "DELETE FROM entries WHERE key = ? AND doomed",
            [(key,) for key in doomed if key not in spared],
        )
        _remove_results(place, rows, held)


def _remove_results(place: Place, rows: Any, held: set[bytes]) -> None:
    """Remove results that no entry has, nor one whose entry was replaced and is still held."""
    found = rows.execute(
        "SELECT digest, data IS NULL, former FROM results "
        "WHERE digest NOT IN (SELECT digest FROM entries)"
    ).fetchall()
    for digest, is_file, former in found:
        if former and mark_of(former) in held:
            continue
        if is_file:
            (place.results / file_name(digest)).unlink(missing_ok=True)
        rows.execute("DELETE FROM results WHERE digest = ?", (digest,))


def _remove_unknown(place: Place, index: Index) -> None:
    """Remove files of which an index told that is no more."""
    names = set(os.listdir(place.results))
    if len(names) <= index.one(f"SELECT count(*) FROM ({_FILES})")[0]:
        return
    with index.changing() as rows:
        names -= {file_name(digest) for (digest,) in rows.execute(_FILES)}
        for name in names:
            (place.results / name).unlink(missing_ok=True)


def clear(place: Place, index: Index, task: str | None) -> tuple[int, int]:
    """Remove the entries of a task, or all."""
    with index.changing() as rows:
        where, values = ("", ()) if task is None else (" WHERE task = ?", (task,))
        count = rows.execute(f"SELECT count(*) FROM entries{where}", values).fetchone()[0]
        before = _bytes(rows)
        rows.execute(f"DELETE FROM entries{where}", values)
        if task is None:
            rows.execute("DELETE FROM functions")
        _remove_results(place, rows, set())
        freed = before - _bytes(rows)
    _remove_unknown(place, index)
    index.shrink()
    return count, freed


def _bytes(rows: Any) -> int:
    return int(rows.execute("SELECT coalesce(sum(size), 0) FROM results").fetchone()[0])
