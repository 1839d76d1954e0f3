"""The digests of buffers: the same however many threads take them, and taken once."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from taskinity_nb.engine.rerun import buffers as module
from taskinity_nb.engine.rerun.buffers import MANY, PIECE, bulk
from taskinity_nb.engine.rerun.fingerprint import taken, taken_apart


def _raw(value):
    apart = []
    pickle.dumps(value, 5, buffer_callback=apart.append)
    return [buffer.raw() for buffer in apart]


@pytest.mark.parametrize("size", [0, 1, MANY - 1, MANY, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_a_digest_is_that_of_the_content_alone(size, monkeypatch):
    data = np.arange(size, dtype="u1")
    found = bulk(data)
    monkeypatch.setattr(module, "MOST_THREADS", 1)
    assert bulk(data.tobytes()) == found
    if size:
        data[-1] ^= 1
        assert bulk(data) != found


def test_pieces_that_have_changed_places_are_another_content():
    data = np.zeros(2 * PIECE, "u1")
    data[:PIECE] = 1
    assert bulk(data) != bulk(data[::-1].copy())


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
