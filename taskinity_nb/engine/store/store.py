"""Results on disk: found by a key, kept once for each content, by several kernels at once."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import CacheError, CacheWarning
from ..remote.process.forks import after_fork
from ..rerun.buffers import Buffers
from . import entries, files
from .entries import DAMAGE, Entry, Found, TaskInfo, entry_of, newest, row_of
from .facts import Facts
from .files import pack, size_of
from .index import Index, MovedError
from .pickling import Names, dumps, loads
from .place import Place, default_path
from .reasons import CannotKeep, CannotRead, in_words
from .session import Session, mark_of
from .sweeping import clear, sweep, trim

__all__ = ["CannotKeep", "CannotRead", "Entry", "Store", "TaskInfo", "default_path"]

SMALL = 2**15
"""Bytes below which a result lies in the index, instead of in a file of its own."""

NONE: Mapping[str, Any] = MappingProxyType({})

MOST_USES = 1000
"""Uses that are noted before they are written down."""


class Store(Facts):
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
                self._index = Index(self._place.index, self._warn, self._place.complete)
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

    def glance(self, flow: str, tasks: Sequence[str], items: range | None) -> dict[str, Any]:
        """Return what `find` is faster with: by their keys, what was kept last, if it is small.

        It is of tasks, or of some items of the first of them. Nobody has found it so far.
        """
        try:
            return {row[0]: row for row in self._index.all(*newest(flow, tasks, items))}
        except sqlite3.Error as error:
            self._warn(f"it cannot be read: {in_words(error)}")
            return {}

    def find(self, key: str, *, is_use: bool = True, row: Any = None) -> Entry | None:
        """Return the entry with this key, which stays until it is read or the store is closed.

        That counts as a use of it, unless somebody only wants to know. `row` is what `glance` has
        returned for the key.
        """
        try:
            row = row or self._index.one(entries.BY_KEY, (key,))
            if row is not None and row[-2] is None:  # its file might go before it is read
                self._session.hold(mark_of(key))
                row = self._index.one(entries.BY_KEY, (key,))
                if row is None or row[-2] is not None:
                    self._let_go(mark_of(key))
            entry = None if row is None else entry_of(row)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be read: {in_words(error)}")
            entry = None
        except DAMAGE:
            self._warn("an entry of its index is damaged, and its result is made again")
            self._change("DELETE FROM entries WHERE key = ?", (key,))
            entry = None
        if entry is None or entry.key != key:
            return None
        if is_use:
            self._note_use(key)
        return entry

    def read(self, entry: Entry) -> Any:
        """Return the result of an entry: another one each time.

        Raises
        ------
        CannotRead
            If it is gone or damaged, or if what it refers to is not here.
        """
        is_here = isinstance(entry, Found) and entry.row[0] is not None
        try:
            if reason := self.differs(entry):
                raise CannotRead(reason)
            return loads(*self._bytes_of(entry))
        finally:
            if not is_here:
                self._let_go(mark_of(entry.key))

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
        files: Mapping[str, Any] = NONE,
        buffers: Buffers | None = None,
    ) -> Entry:
        """Keep a result; one with the same key is replaced, one of the same content is shared.

        The digest of the entry begins with the one that is given, and a full stop. Of `buffers`
        the digests are known.

        Raises
        ------
        CannotKeep
            If it cannot be pickled, or there is no room for it.
        """
        pickled, apart, classes = dumps(value, self._names)
        # Equal results share a file only if they are built alike: `[x, x]` is not `[x, y]`.
        digest = f"{digest}.{hashlib.blake2b(pickled, digest_size=8).hexdigest()}"
        now = time.time()
        packed = pack(digest, pickled, apart, buffers)
        size = size_of(packed)
        entry = Entry(key, digest, size, seconds, flow, task, item, now, now, parts, files, classes)
        try:
            try:
                return self._insert(entry, packed)
            except MovedError:
                return self._insert(entry, packed)  # into the index that was begun anew
        except (OSError, sqlite3.Error) as error:
            self._warn(f"results cannot be written: {in_words(error)}")
            raise CannotKeep(f"its result cannot be written: {in_words(error)}") from error

    def latest(self, flow: str, task: str, item: int | None) -> Entry | None:
        """Return the newest entry of a task, or of an item of it."""
        try:
            row = self._index.one(entries.LATEST, (flow, task, item))
            return None if row is None else entry_of(row)
        except (sqlite3.Error, *DAMAGE):
            return None

    def has_run(self, flow: str, task: str) -> bool:
        """Tell whether anything is kept of a task, or of its items."""
        try:
            return self._index.one(entries.HAS_RUN, (flow, task)) is not None
        except sqlite3.Error:
            return False

    def info(self) -> list[TaskInfo]:
        """Return what is kept of each task; what tasks share counts for each."""
        self._write_uses()
        try:
            rows = self._index.all(entries.INFO)
        except sqlite3.Error as error:
            raise CacheError(f"the cache {self.path} cannot be read: {in_words(error)}") from error
        return [TaskInfo(*row) for row in rows]

    def clear(self, task: str | None = None) -> tuple[int, int]:
        """Remove the entries of a task, or all; return how many these were, and their bytes."""
        try:
            return clear(self._place, self._index, task)
        except (OSError, sqlite3.Error) as error:
            raise CacheError(
                f"the cache {self.path} cannot be cleared: {in_words(error)}"
            ) from error

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

    def _renew(self) -> None:
        """Begin anew in a forked process, whose files are not those of the other one."""
        self._lock, self._used = threading.Lock(), {}
        self._index.part()
        self._names = Names()
        try:
            self._session.renew()
        except OSError as error:
            self._warn(f"it cannot be written to: {in_words(error)}")

    def _bytes_of(self, entry: Entry) -> tuple[bytes, files.Parts]:
        digest, row = entry.digest, entry.row if isinstance(entry, Found) else None
        try:
            if row is None or row[0] is None:
                row = self._index.one("SELECT data, stamp FROM results WHERE digest = ?", (digest,))
            if row is None:
                raise FileNotFoundError
            if row[0] is not None:
                return files.read_bytes(row[0], digest)
            pickled, buffers, stamp = files.read_file(str(self._file(digest)), digest, str(row[1]))
            if stamp != row[1]:
                self._change("UPDATE results SET stamp = ? WHERE digest = ?", (stamp, digest))
            return pickled, buffers
        except FileNotFoundError:
            self._drop_result(digest, row)
            raise CannotRead("its result is no longer in the cache") from None
        except (files.DamagedError, *DAMAGE) as error:
            self._drop_result(digest, row)
            self._warn(f"the result of '{entry.task}' is damaged ({error}) and is made again")
            raise CannotRead("its result in the cache is damaged") from error
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be read: {in_words(error)}")
            raise CannotRead(f"the cache cannot be read: {in_words(error)}") from error

    def _file(self, digest: str) -> Path:
        return self._place.results / files.file_name(digest)

    def _insert(self, entry: Entry, packed: files.Parts) -> Entry:
        if entry.size < SMALL:
            data = b"".join(packed)
            with self._index.changing() as rows:
                self._insert_rows(rows, entry, data, "")
            return entry
        return self._shared(entry) or self._insert_file(entry, packed)

    def _shared(self, entry: Entry) -> Entry | None:
        """Put an entry beside others of the same content, if the file of that is as it was."""
        path, query = self._file(entry.digest), "SELECT size, stamp FROM results WHERE digest = ?"
        if not path.exists():
            return None
        with self._index.changing() as rows:
            found = rows.execute(query, (entry.digest,)).fetchone()
            if found is None or not path.exists() or files.stamp_of(str(path)) != found[1]:
                return None
            entry = entry._replace(size=found[0])
            self._insert_entry(rows, entry)
        return entry

    def _insert_file(self, entry: Entry, packed: files.Parts) -> Entry:
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
        return entry

    def _insert_rows(self, rows: Any, entry: Entry, data: bytes | None, stamp: str) -> None:
        result = entry.digest, entry.size, data, stamp
        rows.execute(entries.INSERT_RESULT, result)
        self._insert_entry(rows, entry)

    def _insert_entry(self, rows: Any, entry: Entry) -> None:
        fields, check = row_of(entry)
        if not rows.execute(entries.INSERT, (*fields, check)).rowcount:  # there is one already
            rows.execute(entries.NOTE_FORMER, (entry.key, entry.digest))
            rows.execute(entries.REPLACE, (*fields, check))

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

    def _drop_result(self, digest: str, row: tuple[Any, Any] | None) -> None:
        """Forget a result that is damaged or gone, unless it was written again meanwhile."""
        try:
            with self._index.changing() as rows:
                query = "SELECT data, stamp FROM results WHERE digest = ?"
                if rows.execute(query, (digest,)).fetchone() == row:
                    rows.execute("DELETE FROM entries WHERE digest = ?", (digest,))
                    rows.execute("DELETE FROM results WHERE digest = ?", (digest,))
                    self._file(digest).unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be written to: {in_words(error)}")

    def _change(self, query: str, values: tuple[Any, ...]) -> None:
        """Change a row, or say why that is not possible: it is for later runs."""
        try:
            with self._index.changing() as rows:
                rows.execute(query, values)
        except sqlite3.Error as error:
            self._warn(f"it cannot be written to: {in_words(error)}")

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


_open: weakref.WeakSet[Store] = weakref.WeakSet()


@after_fork
def _forked() -> None:
    for store in list(_open):
        store._renew()
