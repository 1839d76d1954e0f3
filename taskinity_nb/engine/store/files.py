"""The form of a kept result: a header with sizes and checksums, its pickle, and its buffers apart.

The same bytes lie in a file of their own, or in the index if they are few. Whoever reads a file
maps its buffers copy-on-write, so that an array of any size is there at once. What is read is
compared with its checksum or digest; buffers of a large file are trusted if the file is still the
very one that was written or verified before, in this life of the machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import pickle
import stat
import struct
import zlib
from collections.abc import Sequence
from io import FileIO

from ..rerun.buffers import Buffers, bulk
from ..transport.mapping import bounds, private_copy, write_parts

__all__ = [
    "DamagedError",
    "Parts",
    "file_name",
    "pack",
    "read_bytes",
    "read_file",
    "size_of",
    "stamp_of",
    "write_file",
]

MAGIC = b"tnbresu2"

TRUSTED = 2**20
"""Bytes of buffers from which on a file is taken at its word if it is the one that was verified."""

_HEADER = struct.Struct("<8s16sQIII")  # magic, name, pickle: size, checksum; buffers, their parts
_BUFFER = struct.Struct("<Q?I")  # size, whether it may not be written to, how many parts it has
_PART = struct.Struct("<Q16s")  # size, digest
_CHECK = struct.Struct("<I")

Parts = list[memoryview]


class DamagedError(Exception):
    """What was read is not what was written; the text says in what way."""


def file_name(digest: str) -> str:
    """Return the name of the file of a result with this digest, which may be any text.

    Examples
    --------
    >>> len(file_name("a digest"))
    32
    """
    return hashlib.blake2b(digest.encode(), digest_size=16).hexdigest()


def size_of(parts: Parts) -> int:
    """Return how many bytes the file has that these are the parts of.

    Examples
    --------
    >>> parts = pack("its digest", b"pickled", [])
    >>> size_of(parts) == parts[0].nbytes
    True
    """
    return list(bounds([part.nbytes for part in parts]))[-1]


def pack(
    digest: str,
    pickled: bytes,
    buffers: Sequence[pickle.PickleBuffer],
    known: Buffers | None = None,
) -> Parts:
    """Return the parts of the file of a result: its header with its pickle, then its buffers.

    Buffers whose digests are `known` are not gone through.
    """
    raw = [buffer.raw() for buffer in buffers]
    known = known or Buffers()
    digests = [known.parts(part) for part in raw]
    counts = len(raw), sum(map(len, digests))
    name = bytes.fromhex(file_name(digest))
    head = [_HEADER.pack(MAGIC, name, len(pickled), zlib.crc32(pickled), *counts)]
    for part, parts in zip(raw, digests, strict=True):
        head.append(_BUFFER.pack(part.nbytes, part.readonly, len(parts)))
    head += [_PART.pack(*part) for parts in digests for part in parts]
    whole = b"".join(head)
    return [memoryview(whole + _CHECK.pack(zlib.crc32(whole)) + pickled), *raw]


class _Head:
    """What the header of a result says."""

    def __init__(self, start: bytes, digest: str) -> None:
        if len(start) < _HEADER.size:
            raise DamagedError("it is cut off")
        magic, name, self.size, self.check, count, parts = _HEADER.unpack_from(start)
        if magic != MAGIC or name.hex() != file_name(digest):
            raise DamagedError("its header is another")
        self.middle = _HEADER.size + count * _BUFFER.size
        self.end = self.middle + parts * _PART.size + _CHECK.size

    def fill(self, start: bytes) -> None:
        """Read what follows, and compare it with its checksum."""
        if len(start) < self.end:
            raise DamagedError("it is cut off")
        inside = self.end - _CHECK.size
        if _CHECK.unpack_from(start, inside)[0] != zlib.crc32(start[:inside]):
            raise DamagedError("its header is another")
        self.buffers = list(_BUFFER.iter_unpack(start[_HEADER.size : self.middle]))
        self.parts = _PART.iter_unpack(start[self.middle : inside])
        sizes = [self.end + self.size, *(size for size, _, _ in self.buffers)]
        self.starts = list(bounds(sizes))

    def is_pickle(self, pickled: bytes) -> None:
        """Compare the pickle with its checksum."""
        if len(pickled) != self.size or zlib.crc32(pickled) != self.check:
            raise DamagedError("its content is another")

    def cut(self, memory: memoryview, *, is_trusted: bool) -> Parts:
        """Return the buffers in the memory of the whole."""
        parts = []
        for start, (size, is_readonly, count) in zip(self.starts[1:], self.buffers, strict=False):
            part = memory[start : start + size]
            if not is_trusted:
                self._verify(part, count)
            parts.append(part.toreadonly() if is_readonly else part)
        return parts

    def _verify(self, buffer: memoryview, count: int) -> None:
        """Compare a buffer with the digests of so many parts of it."""
        at = 0
        for size, digest in itertools.islice(self.parts, count):
            if bulk(buffer[at : at + size]) != digest:
                raise DamagedError("its content is another")
            at += size
        if at != buffer.nbytes:
            raise DamagedError("its content is another")


def read_bytes(data: bytes, digest: str) -> tuple[bytes, Parts]:
    """Return the pickle and the buffers of a result from bytes that hold the whole of it.

    Raises
    ------
    DamagedError
        If they are not what was written.

    Examples
    --------
    >>> data = bytes(pack("its digest", b"pickled", [])[0])
    >>> read_bytes(data, "its digest")
    (b'pickled', [])
    """
    head = _Head(data, digest)
    head.fill(data)
    if len(data) != head.starts[-1]:
        raise DamagedError("it is cut off")
    pickled = data[head.end : head.end + head.size]
    head.is_pickle(pickled)
    if not head.buffers:
        return pickled, []
    return pickled, head.cut(memoryview(bytearray(data)), is_trusted=False)


def read_file(path: str, digest: str, stamp: str) -> tuple[bytes, Parts, str]:
    """Return the pickle, the buffers, mapped, and the stamp of a file.

    Parameters
    ----------
    stamp : str
        What `stamp_of` has returned when the file was written, or was verified the last time.

    Raises
    ------
    DamagedError
        If the file is not what was written.
    OSError
        If there is none.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    with open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, flags)) as file:
        start = file.read(2**16)
        head = _Head(start, digest)
        start = _read_on(file, start, head.end)
        head.fill(start)
        status = os.fstat(file.fileno())
        if status.st_size != head.starts[-1] or not stat.S_ISREG(status.st_mode):
            raise DamagedError("it is cut off")
        whole = head.end + head.size
        pickled = _read_on(file, start, whole)[head.end : whole]
        head.is_pickle(pickled)
        now = _stamp(status)
        if not head.buffers:
            return pickled, [], now
        is_trusted = status.st_size - whole > TRUSTED and stamp == now
        try:
            memory = memoryview(private_copy(file, status.st_size))
        except ValueError as error:
            raise DamagedError("it is cut off") from error
        return pickled, head.cut(memory, is_trusted=is_trusted), now


def _read_on(file: FileIO, start: bytes, size: int) -> bytes:
    """Return at least so many bytes of a file as `size` says, of which some are read."""
    parts, have = [start], len(start)
    if size > os.fstat(file.fileno()).st_size:
        raise DamagedError("it is cut off")
    while have < size:
        part = file.read(size - have)
        if not part:
            raise DamagedError("it is cut off")
        parts.append(part)
        have += len(part)
    return b"".join(parts) if len(parts) > 1 else start


def write_file(folder: str, owner: str, parts: Parts) -> str:
    """Write a new file, the whole of it or nothing, into a folder; return its path.

    Its name begins with that of its owner.

    Raises
    ------
    OSError
        If there is no room for it.
    """
    path = os.path.join(folder, f"{owner}-{os.urandom(8).hex()}")
    try:
        with open(path, "xb", buffering=0, opener=_open_private) as file:
            write_parts(file, parts)
            if not _boot and sum(part.nbytes for part in parts[1:]) > TRUSTED:
                os.fsync(file.fileno())  # else what was lost with the power would be trusted
    except BaseException:  # an interrupt too
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    return path


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def stamp_of(path: str) -> str:
    """Return what tells a file from what it would be if anybody had written to it since."""
    return _stamp(os.stat(path))


def _stamp(status: os.stat_result) -> str:
    seen = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino]
    return json.dumps([*seen, _boot])


def _boot_of_machine() -> str:
    """Return what tells this life of the machine from others, in which a disk may lose the last."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


_boot = _boot_of_machine()
