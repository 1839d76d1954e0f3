"""What the tasks of the benchmarks do; an importable module, so that every process finds it."""

from __future__ import annotations

import ctypes
import hashlib
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = [
    "LARGEST",
    "hash_bytes",
    "hashing",
    "holding",
    "made",
    "nothing",
    "sleeping",
    "summed",
    "wake_in_time",
]

LARGEST = 64 * 2**20
_zeros = memoryview(bytes(LARGEST))


def nothing(*results: Any) -> None:
    """Take whatever is upstream, and do nothing with it."""


def hash_bytes(count: int) -> None:
    """Hash so many zeros, without the interpreter's lock from 2,048 bytes on."""
    hashlib.sha256(_zeros[:count])


def hashing(count: int) -> Callable[..., None]:
    """Return a task that hashes so many bytes."""

    def hash_zeros(*results: Any) -> None:
        hash_bytes(count)

    return hash_zeros


def wake_in_time() -> None:
    """Ask Linux to wake sleepers on time, this thread's and those that it starts from now on.

    Otherwise each sleeps for up to 50 microseconds more, in case others can be woken with it.
    """
    if sys.platform == "linux":
        set_timer_slack = 29
        ctypes.CDLL(None).prctl(set_timer_slack, 1)


def sleeping(seconds: float) -> Callable[..., None]:
    """Return a task that takes anything and sleeps."""

    def sleep(*results: Any) -> None:
        time.sleep(seconds)

    return sleep


def holding(seconds: float, size: int) -> Callable[..., None]:
    """Return a task that takes anything, and sleeps while it holds so many bytes."""

    def hold(*results: Any) -> None:
        begun = time.perf_counter()
        held = bytearray(b"x") * size  # zeros would not be resident
        time.sleep(max(0.0, seconds - (time.perf_counter() - begun)))
        del held

    return hold


@cache
def made(megabytes: int) -> Any:
    """Return an array, the same each time, so that what is measured is handing it on."""
    import numpy as np

    return np.ones(megabytes * 125_000)


def summed(array: Any) -> float:
    """Read all of an array."""
    return float(array.sum())
