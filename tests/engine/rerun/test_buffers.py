"""The digests of buffers: of their content alone, and taken once."""

from __future__ import annotations

import hashlib
import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from taskinity_nb.engine.rerun import buffers as module
from taskinity_nb.engine.rerun.buffers import MANY, bulk
from taskinity_nb.engine.rerun.fingerprint import taken, taken_apart


def _raw(value):
    apart = []
    pickle.dumps(value, 5, buffer_callback=apart.append)
    return [buffer.raw() for buffer in apart]


@pytest.mark.parametrize("size", [0, 1, MANY - 1, MANY, 10 * MANY + 5])
def test_a_digest_is_that_of_the_content_alone(size):
    data = np.arange(size).astype("u1")
    found = bulk(data)
    assert found == bulk(data.tobytes()) == bulk(bytearray(data))
    if size:
        data[-1] ^= 1
        assert bulk(data) != found


def test_numbers_count_as_their_bytes():
    data = np.arange(10_000.0).reshape(100, -1)
    assert bulk(data) == bulk(data.tobytes())


def test_without_blake3_it_takes_longer(monkeypatch):
    """There is none for a browser, for example."""
    monkeypatch.setitem(sys.modules, "blake3", None)
    module._many.cache_clear()
    try:
        assert bulk(bytes(MANY)) == hashlib.blake2b(bytes(MANY), digest_size=16).digest()
    finally:
        module._many.cache_clear()


VALUES = {
    "array": lambda: np.arange(1_000_000),
    "fortran": lambda: np.asfortranarray(np.arange(1_000_000.0).reshape(1000, 1000)),
    "two": lambda: [np.arange(500_000), {"other": np.arange(500_000.0)}],
    "frame": lambda: pd.DataFrame({name: np.arange(100_000) for name in "abc"}),
    "of one block": lambda: pd.DataFrame(np.arange(300_000.0).reshape(3, -1).T, columns=[*"abc"]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_pickled_is_not_gone_through_again(kind, monkeypatch):
    value = VALUES[kind]()
    raw = _raw(value)
    found, known = taken_apart(value)
    assert found == taken(value)
    monkeypatch.setattr(module, "bulk", None)
    parts = [known.parts(buffer) for buffer in raw if buffer.nbytes > 2**14]
    assert parts
    assert all(sum(size for size, _ in each) for each in parts)


@pytest.mark.parametrize(
    "made", [lambda: np.arange(1_000_000)[::2], lambda: np.arange(1_000_000)[10:-10]]
)
def test_what_is_cut_out_of_an_array_has_the_digest_of_its_own_content(made):
    value = made()
    _, known = taken_apart(value)
    for buffer in _raw(value):
        assert [digest for _, digest in known.parts(buffer)] == [bulk(value.copy())]
