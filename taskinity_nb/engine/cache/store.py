"""Results on disk: found by a key, kept once for each content, by several kernels at once."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import CacheError, CacheWarning
from ..remote.process.forks import after_fork
from . import files
from .entries import COLUMNS, DAMAGE, Entry, TaskInfo, entry_of, row_of
from .index import Index, check_of
from .pickling import Names, dumps, loads
from .place import Place, default_path
from .reasons import CannotKeep, CannotRead, in_words
from .session import Session, mark_of
from .sweeping import clear, sweep, trim

__all__ = ["CannotKeep", "CannotRead", "Entry", "Store", "TaskInfo", "default_path"]

SMALL = 2**15
"""Bytes below which a result lies in the index, instead of in a file of its own."""

MOST_USES = 1000
"""Uses that are noted before they are written down."""

_BY_KEY = f'SELECT {COLUMNS}, "check" FROM entries WHERE key = ? AND NOT doomed'
_LATEST = (
    f'SELECT {COLUMNS}, "check" FROM entries WHERE flow = ? AND task = ? AND item IS ? '
    "ORDER BY made DESC LIMIT 1"
)


class Store:
    """A folder of results. Threads may share it; a forked process has a session of its own in it.

    Parameters
    ----------
    path : path
        The folder, which is made if it is not there.
    limit : int
        Bytes that `trim` leaves at most.

    Raises
    ------
    CacheError
        If the folder cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(Path(folder) / "cache")
    ...     facts = {"seconds": 0.5, "flow": "f", "task": "load", "item": None, "parts": {}}
    ...     _ = store.write("its key", "its digest", [1, 2], **facts)
    ...     found = store.read(store.find("its key"))
    ...     store.close()
    >>> found
    [1, 2]
    """

    def __init__(self, path: str | os.PathLike[str], *, limit: int = 5 * 2**30) -> None:
        self._place = Place(path)
        self.path: Path = self._place.path
        self.limit = limit
        self._said: set[str] = set()
        self._used: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()
        self._names = Names()
        self._is_closed = False
        try:
            self._session = Session(self._place.users)
            try:
                self._index = Index(self._place.index, self._say)
                sweep(self._place, self._index)
            except BaseException:
                self._session.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise CacheError(
                f"the cache {self._place.named} cannot be used: {in_words(error)}",
                remedy="give another folder, as in cache='my_cache', or set TASKINITY_CACHE",
            ) from error
        _open.add(self)

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key, which stays until it is read or the store is closed."""
        mark = mark_of(key)
        try:
            self._session.hold(mark)
            row = self._index.one(_BY_KEY, (key,))
            entry = None if row is None else entry_of(row)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be read: {in_words(error)}")
            entry = None
        except DAMAGE:
            self._drop(key)
            entry = None
        if entry is None or entry.key != key:
            self._let_go(mark)
            return None
        self._note_use(key)
        return entry

    def read(self, entry: Entry) -> Any:
        """Return the result of an entry: another one each time.

        Raises
        ------
        CannotRead
            If it is gone or damaged, or if what it refers to is not here.
        """
        if reason := self.differs(entry):
            raise CannotRead(reason)
        try:
            pickled, buffers = self._bytes_of(entry)
        except FileNotFoundError:
            self._drop(entry.key, entry.digest)
            raise CannotRead("its result is no longer in the cache") from None
        except files.DamagedError as error:
            self._drop(entry.key, entry.digest)
            self._warn(f"the result of '{entry.task}' is damaged ({error}) and is made again")
            raise CannotRead("its result in the cache is damaged") from error
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be read: {in_words(error)}")
            raise CannotRead(f"the cache cannot be read: {in_words(error)}") from error
        value = loads(pickled, buffers)
        self._let_go(mark_of(entry.key))
        return value

    def differs(self, entry: Entry) -> str:
        """Return why the classes here are not those that an entry refers to, or an empty text."""
        return self._names.differ(entry.classes) if entry.classes else ""

    def refresh(self) -> None:
        """Have classes and functions compared anew: the user may have defined them again."""
        self._names = Names()

    def write(
        self,
        key: str,
        digest: str,
        value: Any,
        *,
        seconds: float,
        flow: str,
        task: str,
        item: int | None,
        parts: Mapping[str, Any],
    ) -> Entry:
        """Keep a result; one with the same key is replaced, one of the same content is shared.

        Raises
        ------
        CannotKeep
            If it cannot be pickled, or there is no room for it.
        """
        try:
            pickled, apart, classes = dumps(value, self._names)
            packed = files.pack(digest, pickled, apart)
            size = sum(part.nbytes for part in packed)
            now = time.time()
            entry = Entry(key, digest, size, seconds, flow, task, item, now, now, parts, classes)
            if size < SMALL:
                self._insert(entry, b"".join(packed))
            else:
                self._insert_file(entry, packed)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"results cannot be written: {in_words(error)}")
            raise CannotKeep(f"its result cannot be written: {in_words(error)}") from error
        return entry

    def latest(self, flow: str, task: str, item: int | None) -> Entry | None:
        """Return the newest entry of a task, or of an item of it."""
        try:
            row = self._index.one(_LATEST, (flow, task, item))
            return None if row is None else entry_of(row)
        except (sqlite3.Error, *DAMAGE):
            return None

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

    def info(self) -> list[TaskInfo]:
        """Return what is kept of each task; what tasks share counts for each."""
        self._write_uses()
        rows = self._index.all(
            "SELECT flow, task, count(*), sum(size), sum(seconds * hits), max(used) FROM entries "
            "GROUP BY flow, task ORDER BY flow, task"
        )
        return [TaskInfo(*row) for row in rows]

    def clear(self, task: str | None = None) -> tuple[int, int]:
        """Remove the entries of a task, or all; return how many these were, and their bytes."""
        return clear(self._place, self._index, task)

    def trim(self) -> None:
        """Remove what was not used for longest until the limit holds; what is in use stays."""
        try:
            self._write_uses()
            trim(self._place, self._index, self.limit)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be made smaller: {in_words(error)}")

    def close(self) -> None:
        """Write down what was used, and let go of the folder; more than once does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        _open.discard(self)
        self._write_uses()
        self._session.close()
        self._index.close()

    def let_go(self) -> None:
        """Say that nothing that was found before will be read any more."""
        self._session.let_go_of_all()

    def part(self) -> None:
        """Begin anew in a forked process, whose files are not those of the other one."""
        self._lock = threading.Lock()
        self._used = {}
        self._session.part()
        self._index.part()
        self._session = Session(self._place.users)

    def _bytes_of(self, entry: Entry) -> tuple[bytes, files.Parts]:
        row = self._index.one("SELECT data, stamp FROM results WHERE digest = ?", (entry.digest,))
        if row is None:
            raise FileNotFoundError
        data, stamp = row
        if data is not None:
            return files.read_bytes(data, entry.digest)
        path = self._file(entry.digest)
        pickled, buffers, now = files.read_file(str(path), entry.digest, stamp)
        if now != stamp:
            with self._index.changing() as rows:
                rows.execute("UPDATE results SET stamp = ? WHERE digest = ?", (now, entry.digest))
        return pickled, buffers

    def _file(self, digest: str) -> Path:
        return self._place.results / files.file_name(digest)

    def _insert(self, entry: Entry, data: bytes) -> None:
        with self._index.changing() as rows:
            self._insert_rows(rows, entry, data, "")

    def _insert_file(self, entry: Entry, packed: files.Parts) -> None:
        path, mark = self._file(entry.digest), bytes.fromhex(files.file_name(entry.digest))
        self._place.complete()
        written = files.write_file(str(self._place.tmp), self._session.name, packed)
        try:
            self._session.hold(mark)
            with self._index.changing() as rows:
                os.replace(written, path)
                self._insert_rows(rows, entry, None, files.stamp_of(str(path)))
        except BaseException:  # an interrupt too
            Path(written).unlink(missing_ok=True)
            raise
        self._let_go(mark)

    def _insert_rows(self, rows: Any, entry: Entry, data: bytes | None, stamp: str) -> None:
        before = rows.execute("SELECT digest FROM entries WHERE key = ?", (entry.key,)).fetchone()
        if before is not None and before[0] != entry.digest:
            rows.execute("UPDATE results SET former = ? WHERE digest = ?", (entry.key, before[0]))
        result = entry.digest, entry.size, data, stamp
        rows.execute(
            "INSERT OR REPLACE INTO results (digest, size, data, stamp) VALUES (?, ?, ?, ?)", result
        )
        fields, check = row_of(entry)
        marks = ", ".join("?" * 12)
        rows.execute(
            f'INSERT OR REPLACE INTO entries ({COLUMNS}, "check") VALUES ({marks})',
            (*fields, check),
        )

    def _note_use(self, key: str) -> None:
        with self._lock:
            self._used[key] = time.time(), self._used.get(key, (0.0, 0))[1] + 1
            is_much = len(self._used) >= MOST_USES
        if is_much:
            self._write_uses()

    def _write_uses(self) -> None:
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        try:
            with self._index.changing() as rows:
                rows.executemany(
                    "UPDATE entries SET used = max(used, ?), hits = hits + ? WHERE key = ?",
                    [(when, hits, key) for key, (when, hits) in used.items()],
                )
        except sqlite3.Error as error:
            self._warn(f"it cannot be written to: {in_words(error)}")

    def _drop(self, key: str, digest: str = "") -> None:
        """Forget an entry, and a result that is damaged or gone; then it is made again."""
        try:
            with self._index.changing() as rows:
                rows.execute("DELETE FROM entries WHERE key = ?", (key,))
                if digest:
                    rows.execute("DELETE FROM entries WHERE digest = ?", (digest,))
                    rows.execute("DELETE FROM results WHERE digest = ?", (digest,))
                    self._file(digest).unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be written to: {in_words(error)}")
        self._let_go(mark_of(key))

    def _let_go(self, mark: bytes) -> None:
        try:
            self._session.let_go(mark)
        except OSError as error:
            self._warn(f"it cannot be written to: {in_words(error)}")

    def _warn(self, what: str) -> None:
        """Say once what is wrong."""
        with self._lock:
            is_said = what in self._said
            self._said.add(what)
        if not is_said:
            warnings.warn(CacheWarning(f"the cache {self.path}: {what}"), stacklevel=3)

    _say = _warn


_open: weakref.WeakSet[Store] = weakref.WeakSet()


@after_fork
def _forked() -> None:
    for store in list(_open):
        store.part()
