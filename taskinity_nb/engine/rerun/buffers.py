"""What stands for the bytes of buffers, however large: each is gone through once, by all cores.

Many bytes are cut into pieces, whose digests are hashed once more. Several threads do so at once,
since hashing lets other threads go on. SHA-256 is what most processors have instructions for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b, sha256
from typing import Any

from ..runtime.cores import available_cores

__all__ = ["MANY", "Buffers", "bulk"]

MANY = 2**20
"""Bytes from which on they are cut into pieces."""

PIECE = 2**24
"""Bytes of a piece. After each the thread may have to wait until another one lets it go on."""

MOST_THREADS = 4

NOTED = 2**14
"""Bytes of a buffer of which it is noted where it lies."""


def bulk(data: Any) -> bytes:
    """Return a digest of bytes, of which there may be very many.

    Examples
    --------
    >>> len(bulk(b"a few")), len(bulk(bytes(MANY)))
    (16, 16)
    >>> bulk(bytes(MANY)) == bulk(bytes(MANY + 1))
    False
    """
    with memoryview(data) as whole:
        size = whole.nbytes
        if size < MANY:
            return blake2b(whole, digest_size=16).digest()
        digests = _each([whole[start : start + PIECE] for start in range(0, size, PIECE)])
    return blake2b(b"%d:" % size + b"".join(digests), digest_size=16).digest()


def _each(pieces: list[memoryview]) -> list[bytes]:
    threads = min(len(pieces), MOST_THREADS, available_cores())
    if threads > 1:
        try:
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(_digest, pieces))
        except RuntimeError:  # the interpreter is about to end, and starts no more threads
            pass
    return list(map(_digest, pieces))


def _digest(piece: memoryview) -> bytes:
    return sha256(piece, usedforsecurity=False).digest()


class Buffers:
    """The digests of the buffers of one value, by where they lie, while nothing changes.

    Who pickles the value then needs not go through them again.

    Examples
    --------
    >>> import numpy
    >>> buffers, array = Buffers(), numpy.zeros(10_000)
    >>> found = buffers.digest(array.view("u1"))
    >>> buffers.parts(memoryview(array).cast("B")) == [(80_000, found)]
    True
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, int, bytes]] = {}

    def digest(self, row: Any) -> bytes:
        """Return the digest of an array of bytes, and note where it lies."""
        found = bulk(row)
        if row.nbytes >= NOTED:
            self._known[_address(row)] = row, row.nbytes, found
        return found

    def parts(self, raw: memoryview) -> list[tuple[int, bytes]]:
        """Return the parts of a buffer whose digests tell all of it: their sizes and digests."""
        parts = list(self._parts(raw)) if self._known and raw.nbytes else []
        if sum(size for size, _ in parts) == raw.nbytes and raw.nbytes:
            return parts
        return [(raw.nbytes, bulk(raw))]

    def _parts(self, raw: memoryview) -> Iterable[tuple[int, bytes]]:
        """Yield those that are known, from the beginning on, as far as they lie side by side."""
        at = _address(sys.modules["numpy"].frombuffer(raw, "u1"))
        end = at + raw.nbytes
        while (known := self._known.get(at)) is not None and at + known[1] <= end:
            yield known[1:]
            at += known[1]


def _address(array: Any) -> int:
    place: int = array.__array_interface__["data"][0]
    return place
