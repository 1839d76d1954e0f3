"""Hands large values from process to process of one machine without sending their bytes.

Pickle's protocol 5 gives away the large buffers of a value (the data of an array, say) instead of
copying them into the pickle. `pack` writes them to one file in a folder that lies in memory, and
returns a `SharedPickle`: the name of the file and the small rest of the pickle. These travel, the
data stay where they are. Whoever opens it maps the file copy-on-write: what is only read is
shared by all, what is written is each one's own, and the file stays as it was packed.

A file that cannot be written, because the file system is full or the folder is gone, is no reason
to lose a value: the next folder is tried, and at last the value is pickled whole.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import FlowError, NoResultError
from ...model.refs import ResultRef
from ...strangers import described, is_interrupt
from ..remote.pickling.pickler import LARGE, PLAIN, dumps
from .mapping import bounds, private_copy, write_parts
from .ownership import new_file
from .workspace import WorkDir

__all__ = [
    "SharedPickle", "StoredResult", "open_parts", "open_shared", "pack", "split", "write",
]  # fmt: skip


class SharedPickle(NamedTuple):
    """A pickled value whose large parts lie in a file.

    ``tuple(shared)`` is plain data that travels as it is, and ``SharedPickle(*fields)`` makes the
    same of it again. One that is itself pickled, alone or within something else, arrives as the
    value.

    Attributes
    ----------
    path : str
        The file.
    sizes : tuple of int
        Bytes of each part of the file.
    pickled : bytes
        The rest of the pickle. Empty if that is large too: then it is the last part of the file.

    Examples
    --------
    >>> workdir = WorkDir()
    >>> shared = pack(bytearray(2_000_000), *workdir.folders)
    >>> fields = pickle.loads(pickle.dumps(tuple(shared)))
    >>> SharedPickle(*fields) == shared
    True
    >>> arguments = pickle.loads(pickle.dumps(([shared], {})))
    >>> arguments == ([bytearray(2_000_000)], {})
    True
    >>> workdir.close()
    """

    path: str
    sizes: tuple[int, ...]
    pickled: bytes

    def open(self) -> Any:
        """Return the value: another one each time, which may be written to.

        Raises
        ------
        NoResultError
            If the file is gone.
        """
        return open_shared(*self)

    def __reduce__(self) -> tuple[Any, ...]:
        return open_shared, tuple(self)


def pack(value: Any, *folders: str, back: bool = False) -> bytes | SharedPickle:
    """Pickle a value; what is large of it goes into a file.

    What the methods of the value raise comes through. Of the folders, the next one is tried if the
    one before does not take the file. The pickle is a plain one if nothing in the value is large
    (from `LARGE` bytes on), or no folder takes it. What goes `back` to the caller refers to what is
    the caller's own (see `identity`), except in a file, which others read too.

    Examples
    --------
    >>> pickle.loads(pack({"small": 5}))
    {'small': 5}
    """
    if not folders:
        return dumps(value, back=back)
    parts: list[memoryview] = []
    if type(value) in PLAIN:  # soon done: it has no parts, and names nothing
        pickled = dumps(value)
    else:
        named: dict[int, Any] = {}
        pickled, parts = split(value, back=back, named=named)
        if named and (parts or len(pickled) >= LARGE):
            pickled, parts = split(value)
    is_whole = not parts
    rest = pickled
    if len(pickled) >= LARGE:
        parts.append(memoryview(pickled))
        rest = b""
    if not parts:
        return pickled
    try:
        path = write(folders, parts)
    except OSError:  # whatever ails the folders, the value is sound
        return pickled if is_whole else dumps(value)
    return SharedPickle(path, tuple(part.nbytes for part in parts), rest)


def split(value: Any, **options: Any) -> tuple[bytes, list[memoryview]]:
    """Pickle a value; return the pickle, and the large buffers that are not in it.

    What the methods of the value raise comes through. The options are those of `dumps`.
    """
    parts: list[memoryview] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        try:
            part = buffer.raw()
        except BufferError:  # it is not contiguous; the pickler knows what to say about that
            return True
        if part.nbytes < LARGE:
            return True
        parts.append(part)
        return False

    return dumps(value, stays, **options), parts


def open_shared(path: str, sizes: tuple[int, ...], pickled: bytes) -> Any:
    """Return the value of a `SharedPickle` with these fields; a pickled one comes here.

    Raises
    ------
    NoResultError
        If the file is gone.
    """
    *starts, end = bounds(sizes)
    memory = _map(path, end)
    parts = [memory[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    rest = pickled or parts.pop()
    return pickle.loads(rest, buffers=parts)


def open_parts(pickled: bytes, files: Sequence[tuple[str, int]]) -> Any:
    """Return a value whose large parts lie each in a file of its own, as `open_shared` does.

    `files` are their paths and sizes; if nothing is pickled, the last one is the pickle.
    """
    parts = [_map(path, size) for path, size in files]
    rest = pickled or parts.pop()
    return pickle.loads(rest, buffers=parts)


def _map(path: str, size: int) -> memoryview:
    try:
        with open(path, "rb", buffering=0) as file:
            return memoryview(private_copy(file, size))
    except FileNotFoundError as error:
        raise NoResultError(
            f"a large value ({size:,} bytes) is gone with its file {path}: "
            "its run was released, or the process that began the run has ended",
            remedy="keep the run for as long as its results are needed, or run the flow again",
        ) from error


def write(folders: Sequence[str], parts: Sequence[memoryview]) -> str:
    """Write a new file, in the first folder that takes it; return its path.

    Raises
    ------
    OSError
        If none does.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            return _write(folder, parts)
    raise OSError(f"no folder takes a large value ({sum(part.nbytes for part in parts):,} bytes)")


def _write(folder: str, parts: Sequence[memoryview]) -> str:
    """Write a new file, the whole of it or nothing; return its path."""
    file = new_file(folder)
    try:
        with file:
            write_parts(file, parts)
    except BaseException:  # an interrupt too
        with contextlib.suppress(OSError):  # the folder may have gone meanwhile
            os.unlink(str(file.name))
        raise
    return str(file.name)


class StoredResult(ResultRef):
    """A result in a file, which goes with it; it travels as what it is.

    The folder that the file is in, that of `workdir`, stays as long as something in it is needed.

    Examples
    --------
    >>> workdir = WorkDir()
    >>> stored = StoredResult(pack(bytearray(2_000_000), *workdir.folders), workdir)
    >>> del workdir
    >>> stored.fetch() == bytearray(2_000_000), stored.fetch() is stored.fetch()
    (True, True)
    """

    def __init__(self, shared: SharedPickle, workdir: WorkDir) -> None:
        self._shared = shared
        self._workdir = workdir
        self._opened: list[Any] = []
        self._lock = threading.Lock()
        # At exit, `WorkDir` removes the whole folder.
        weakref.finalize(self, _remove, shared.path, os.getpid()).atexit = False

    def fetch(self) -> Any:
        with self._lock:
            if not self._opened:
                self._opened.append(self._open())
            return self._opened[0]

    def _open(self) -> Any:
        """Return the value; what its class raises there must not end the program of who asks."""
        try:
            return self._shared.open()
        except BaseException as error:
            if issubclass(type(error), Exception) or is_interrupt(error):
                raise
            raise FlowError(f"a result cannot be read: {described(error)}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return self._shared.__reduce__()


def _remove(path: str, pid: int) -> None:
    """Remove a file, unless this is a fork of the process whose it is.

    The path may be an old one, but its random names are those of no other file.
    """
    if pid == os.getpid():
        with contextlib.suppress(OSError):
            os.unlink(path)
