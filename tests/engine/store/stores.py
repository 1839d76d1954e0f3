"""What several tests of the store need: values that can be told right from wrong, and processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

FACTS = {"seconds": 0.5, "flow": "f", "task": "load", "item": None, "parts": {"code": ["abc", 1]}}


def value_of(number):
    """Return the value that belongs to a key: small, in a file, a text, seldom a large one."""
    if number % 16 == 5:
        return np.full(2_200_000, float(number))
    return [
        {"number": number, "row": list(range(number % 50))},
        np.full(10_000, number),
        f"{number} " * 10_000,
    ][number % 3]


def is_right(number, value):
    expected = value_of(number)
    if isinstance(expected, np.ndarray):
        return value.dtype == expected.dtype and np.array_equal(value, expected)
    return value == expected


def put(store, number):
    return store.write(f"key {number}", f"digest {number}", value_of(number), **FACTS)


BEGINNING = """
import sys, random
sys.path[:0] = {paths!r}
from stores import FACTS, is_right, put, value_of
from taskinity_nb.engine.store.store import CannotKeep, CannotRead, Store
folder = {folder!r}
def say(what):
    print(what, flush=True)
"""


def started(folder, code):
    """Start a process that runs code with a store in mind."""
    text = BEGINNING.format(paths=sys.path, folder=str(folder)) + code
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
