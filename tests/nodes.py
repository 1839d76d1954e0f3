"""Tasks of random flows, for any process; what they do follows from their data."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass

from taskinity_nb import skip

__all__ = ["FOREVER", "Node", "digest"]

FOREVER = 1_000
"""Failures in a row that no task is tried often enough to outlive."""


def digest(*values: object) -> int:
    """Return a number that stands for some values, the same in each process."""
    return zlib.crc32(repr(values).encode())


@dataclass(frozen=True)
class Node:
    """A task that takes anything; calling it with the same arguments ends in the same way.

    Attributes
    ----------
    name : str
        Name of the task.
    length : int or None
        It returns a list of so many numbers, or else one number.
    failures : int
        So many attempts fail before one succeeds.
    error : type
        What they raise.
    skips : bool
        Whether it skips itself.
    odd_items : int
        Of a mapped task: about one item in so many fails, and one skips; 0 for none.
    folder : str
        Where attempts are counted.
    """

    name: str
    length: int | None = None
    failures: int = 0
    error: type[Exception] = ValueError
    skips: bool = False
    odd_items: int = 0
    folder: str = ""

    def fate(self, args: tuple[object, ...]) -> tuple[int, bool]:
        """Return how many attempts with these arguments fail, and whether it skips itself then."""
        if not self.odd_items:
            return self.failures, self.skips
        number = digest(self.name, args) % (2 * self.odd_items)
        return (self.failures or FOREVER) if number == 0 else 0, number == 1

    def value(self, args: tuple[object, ...]) -> object:
        """Return what it returns for these arguments."""
        if self.length is None:
            return digest(self.name, args)
        return [digest(self.name, args, place) for place in range(self.length)]

    def __call__(self, *args: object) -> object:
        failures, skips = self.fate(args)
        if failures and (failures == FOREVER or self.attempt(args) <= failures):
            raise self.error(f"{self.name}: {digest(args)}")
        if skips:
            skip(self.name)
        return self.value(args)

    def attempt(self, args: tuple[object, ...]) -> int:
        """Count the attempts with these arguments, in a file that grows by a byte with each."""
        with open(os.path.join(self.folder, f"{self.name}-{digest(args)}"), "ab") as file:
            file.write(b".")
            file.flush()
            return file.tell()
