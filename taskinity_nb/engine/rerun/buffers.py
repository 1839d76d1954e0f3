"""What stands for the bytes of buffers, however large: each is gone through once.

BLAKE3 goes through many bytes several times as fast as what the standard library has, and lets
other threads go on meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from typing import Any

__all__ = ["MANY", "Buffers", "bulk"]

MANY = 2**12
"""Bytes from which on BLAKE3 is faster."""

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
        return _few(whole) if whole.nbytes < MANY else _many()(whole)


def _few(data: memoryview) -> bytes:
    return blake2b(data, digest_size=16).digest()


@cache
def _many() -> Callable[[memoryview], bytes]:
    """Return what goes through many bytes; it is imported by who has some."""
    try:
        from blake3 import blake3
    except ImportError:  # it is not made for every machine: not for a browser, say
        return _few
    # One thread: those of its own are lost in a forked process, which would wait for them.
    return lambda data: blake3(data.cast("B")).digest(16)


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
