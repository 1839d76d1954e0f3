"""The index of a store: an SQLite database in WAL mode, one connection a process behind a lock.

A database that is damaged, or that another version of this package has written, is moved aside,
and a new one begun. One that somebody has moved or removed meanwhile is opened anew. SQLite finds
out much, but not each byte that was changed, so rows carry checksums of their own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import marshal
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .reasons import is_busy, is_damage
from .session import alone

__all__ = ["SCHEMA", "Index", "MovedError", "check_of"]

SCHEMA = 3
"""The version of the tables; raised when they change."""

BUSY = 60.0
"""Seconds to wait for other kernels, each of which writes for milliseconds."""

_TABLES = """
CREATE TABLE entries (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, size INTEGER NOT NULL, seconds REAL NOT NULL,
    flow TEXT NOT NULL, task TEXT NOT NULL, item INTEGER, made REAL NOT NULL, used REAL NOT NULL,
    parts TEXT NOT NULL, files TEXT NOT NULL, classes TEXT NOT NULL, "check" INTEGER NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0, doomed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX of_tasks ON entries (flow, task, item, made);
CREATE INDEX of_digests ON entries (digest);
CREATE TABLE results (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, data BLOB, stamp TEXT NOT NULL,
    former TEXT NOT NULL DEFAULT ''
);
CREATE INDEX of_files ON results (size) WHERE data IS NULL;
CREATE TABLE functions (
    digest TEXT PRIMARY KEY, parts TEXT NOT NULL, made REAL NOT NULL, "check" INTEGER NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, flow TEXT NOT NULL, structure TEXT NOT NULL, started REAL NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX of_flows ON runs (flow, started);
"""

_SCHEMA_OF = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"

_ERRORS = sqlite3.Error, UnicodeDecodeError
"""What a damaged database may make of a statement; the latter where a text is none."""

_left: list[sqlite3.Connection] = []
"""Connections of the process that this one was forked from: to close them would disturb it."""


@functools.cache
def _schema() -> list[Any]:
    """Return what a database with these tables says of them."""
    with contextlib.closing(sqlite3.connect(":memory:")) as rows:
        rows.executescript(_TABLES)
        return rows.execute(_SCHEMA_OF).fetchall()


def check_of(*fields: Any) -> int:
    """Return the checksum of a row.

    Examples
    --------
    >>> check_of("a", 1) == check_of("a", 1), check_of("a", 1) == check_of("a1")
    (True, False)
    """
    found = hashlib.blake2b(marshal.dumps(fields, 2), digest_size=8).digest()
    return int.from_bytes(found, "big", signed=True)


class MovedError(sqlite3.DatabaseError):
    """The database was damaged, and has been moved aside: a new one is begun."""


class Index:
    """The database in one file.

    Parameters
    ----------
    say : callable
        Told what was wrong with a database that was moved aside.
    make : callable, optional
        Makes the folder, which somebody may remove at any time.

    Raises
    ------
    sqlite3.Error
        If it cannot be opened, nor a new one made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index = Index(Path(folder) / "index.db", print)
    ...     with index.changing() as rows:
    ...         _ = rows.execute("INSERT INTO runs VALUES (1, 'f', 's', 0.5, '{}')")
    ...     found = index.one("SELECT flow, started FROM runs")
    ...     index.close()
    >>> found
    ('f', 0.5)
    """

    def __init__(
        self, path: Path, say: Callable[[str], None], make: Callable[[], None] | None = None
    ) -> None:
        self.path, self._name = path, str(path)
        self._say = say
        self._make = make
        self._lock = threading.RLock()
        self._rows: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_closed = False
        with self._lock:
            self._connected()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to who reads."""
        with self._lock:
            rows = self._connected()
            try:
                yield rows
            except _ERRORS as error:
                self._judge(error)
                raise

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to who writes, alone of all kernels; all is done, or nothing."""
        with self._lock:
            rows = self._connected()
            try:
                rows.execute("BEGIN IMMEDIATE")
                try:
                    yield rows
                    rows.execute("COMMIT")
                except BaseException:
                    if rows.in_transaction:
                        rows.execute("ROLLBACK")
                    raise
            except _ERRORS as error:
                self._judge(error)
                raise

    def one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row that a query finds, or None."""
        return self._asked(lambda rows: rows.execute(query, values).fetchone())

    def all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows that a query finds."""
        found: list[Any] = self._asked(lambda rows: rows.execute(query, values).fetchall())
        return found

    def _asked(self, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        """Return what the database answers; instead of a damaged one, the new one is asked."""
        try:
            return self._answer(ask)
        except MovedError:
            return self._answer(ask)

    def _answer(self, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        with self._lock:  # which is what `reading` does, in less time
            rows = self._connected()
            try:
                return ask(rows)
            except _ERRORS as error:
                self._judge(error)
                raise

    def bytes_used(self) -> int:
        """Return how many bytes of the database hold something."""
        with self.reading() as rows:
            pages, free, size = (
                rows.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def shrink(self, most: int | None = None) -> None:
        """Give free pages back to the file system, as far as nobody else is at work.

        If it still holds more than `most` bytes, it is written anew without gaps.
        """
        with self.reading() as rows:
            rows.execute("PRAGMA busy_timeout = 0")
            try:
                rows.executescript("PRAGMA incremental_vacuum")  # which goes through all its steps
                if most is not None and self.bytes_used() > most:
                    rows.execute("VACUUM")
                rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
            finally:
                rows.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._is_closed = True
            self._disconnect()

    def part(self) -> None:
        """Leave the connection to the process that this one was forked from."""
        if self._rows is not None:
            _left.append(self._rows)
        self._rows = None
        self._lock = threading.RLock()

    def _connected(self) -> sqlite3.Connection:
        """Return the connection to the database that is at the path now."""
        if self._is_closed:
            raise sqlite3.ProgrammingError("the store is closed")
        if self._rows is not None:
            if _identity(self._name) == self._identity:
                return self._rows
            self._disconnect()
        try:
            return self._connect()
        except _ERRORS as error:
            try:
                self._judge(error)
            except MovedError:
                return self._connect()
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._make is not None:
            self._make()
        with alone(self.path.with_suffix(".lock")):
            rows = sqlite3.connect(
                self.path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                self._identity = _identity(self.path)
                self._prepare(rows)
            except BaseException:
                rows.close()
                raise
        self._rows = rows
        return rows

    def _prepare(self, rows: sqlite3.Connection) -> None:
        """Make the tables, or see that they are ours."""
        rows.execute("PRAGMA auto_vacuum = INCREMENTAL")
        rows.execute("PRAGMA journal_mode = WAL").fetchall()
        rows.execute("PRAGMA synchronous = NORMAL")
        rows.execute("PRAGMA wal_autocheckpoint = 4000").fetchall()
        version = rows.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not rows.execute("SELECT name FROM sqlite_master").fetchone():
            rows.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {SCHEMA};COMMIT;")
        elif version != SCHEMA:
            raise sqlite3.DatabaseError("another version of taskinity_nb has written it")
        elif rows.execute(_SCHEMA_OF).fetchall() != _schema():
            raise sqlite3.DatabaseError("its tables are not those that were made")
        os.chmod(self.path, 0o600)

    def _judge(self, error: sqlite3.Error | UnicodeDecodeError) -> None:
        """Move the database aside if an error says that it is damaged, and raise a `MovedError`."""
        if self._is_closed or not self._is_damage(error):
            return
        self._disconnect()
        with alone(self.path.with_suffix(".lock")):
            self._move()
        self._say(f"its index is begun anew, and all results are made again: {error}")
        raise MovedError(str(error)) from error

    def _move(self) -> None:
        if self._identity is None or _identity(self.path) != self._identity:
            return  # another kernel has done so
        for ending in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.path}{ending}")
        os.replace(self.path, self.path.with_suffix(".aside"))

    def _is_damage(self, error: sqlite3.Error | UnicodeDecodeError) -> bool:
        """Tell whether the file is damaged; a byte in it may say that it must not be written to."""
        if not isinstance(error, sqlite3.Error):  # its error has a text that is none
            return True
        name = getattr(error, "sqlite_errorname", "")
        return is_damage(error) or (name == "SQLITE_READONLY" and os.access(self.path, os.W_OK))

    def _disconnect(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None:
            with contextlib.suppress(sqlite3.Error):
                rows.close()


def _identity(path: str | Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
