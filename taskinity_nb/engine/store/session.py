"""Who uses a store: a file for each that is open, locked as long as its process lives.

In it stands what its owner is about to do. An entry that it has found is to stay until it is read:
the key is written there *before* the index is asked, and who takes entries away marks them in the
index before it looks here, so one of both sees the other. A result that its owner moves into place
is named there before, so that one without an entry is found if the owner is killed in between.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows; there what a killed process leaves behind stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["Session", "alone", "dead_in", "mark_of", "marks_in"]

_WIDTH = 17
"""Bytes of a line: a sign and a mark."""

_CLOSED = -1

_NAME = re.compile("[0-9a-f]{16}")


def mark_of(text: str) -> bytes:
    """Return what stands for a key in the file of a session.

    Examples
    --------
    >>> len(mark_of("a key"))
    16
    """
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Session:
    """What one open store has in use.

    Raises
    ------
    OSError
        If the file cannot be made, or not be locked.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     session = Session(Path(folder))
    ...     session.hold(mark_of("a key"))
    ...     held = marks_in(session.path) == {mark_of("a key")}
    ...     session.close()
    ...     held, os.listdir(folder)
    (True, [])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = _CLOSED
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[bytes] = Counter()
        self._pid = os.getpid()
        while self._file == _CLOSED:
            self.name = os.urandom(8).hex()
            self.path = self._folder / self.name
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._file = os.open(self.path, flags, 0o600)
            try:
                if fcntl is not None:
                    fcntl.flock(self._file, fcntl.LOCK_EX)
                if os.stat(self.path).st_ino != os.fstat(self._file).st_ino:
                    raise FileNotFoundError
            except FileNotFoundError:  # somebody took it for that of a dead process
                self._leave()
            except BaseException:
                self.close()
                raise

    def hold(self, mark: bytes) -> None:
        """Note that something is in use."""
        with self._lock:
            self._add(b"+" + mark)
            self._held[mark] += 1

    def let_go(self, mark: bytes) -> None:
        """Note that it is in use no more; nothing happens if it was not."""
        with self._lock:
            if (count := self._held[mark]) > 1:
                self._held[mark] = count - 1
            else:
                del self._held[mark]
            if count == 1 and self._held:
                self._add(b"-" + mark)
            elif count == 1:
                os.truncate(self._file, 0)

    def let_go_of_all(self) -> None:
        """Note that nothing is in use."""
        with self._lock:
            self._held.clear()
            os.truncate(self._file, 0)

    def _add(self, line: bytes) -> None:
        """Write a line, the whole of it or nothing."""
        written = os.write(self._file, line)
        if written < len(line):
            os.truncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """End the session."""
        if self._pid == os.getpid():
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        self._leave()

    def renew(self) -> None:
        """Begin another one in a forked process, whose file this one is not."""
        self._leave()
        self._begin()

    def _leave(self) -> None:
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)


def marks_in(path: Path) -> set[bytes]:
    """Return what a session has in use; too much rather than too little, if it is at work."""
    found: set[bytes] = set()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return found
    for start in range(0, len(data) - _WIDTH + 1, _WIDTH):
        sign, mark = data[start : start + 1], data[start + 1 : start + _WIDTH]
        if sign == b"-":
            found.discard(mark)
        else:
            found.add(mark)
    return found


@contextlib.contextmanager
def _if_dead(path: Path) -> Iterator[bool]:
    """Tell whether the owner of a session has ended; meanwhile nobody else is told so."""
    if fcntl is None:
        yield False
        return
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # it has just closed
        yield False
        return
    try:
        yield _lock_now(file)
    finally:
        os.close(file)


def _lock_now(file: int) -> bool:
    """Lock a file, unless somebody has; return whether that was possible."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def dead_in(folder: Path) -> Iterator[tuple[Path, set[bytes]]]:
    """Yield the sessions whose owners have ended, with what they had in use; then they are gone."""
    for name in os.listdir(folder):
        path = folder / name
        if _NAME.fullmatch(name):
            with _if_dead(path) as is_dead:
                if is_dead:
                    yield path, marks_in(path)
                    path.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Do something while nobody else does it who locks the same file."""
    if fcntl is None:
        yield
        return
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
