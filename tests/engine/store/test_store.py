"""A store of results: what is written is found again, by several threads, stores and kernels."""

from __future__ import annotations

import os
import threading

import numpy as np
import pandas as pd
import pytest

from taskinity_nb.engine.store.store import CannotKeep, CannotRead, Store

FACTS = {"seconds": 0.5, "flow": "f", "task": "load", "item": None, "parts": {"code": ["abc", 1]}}

VALUES = {
    "none": None,
    "number": 5,
    "text": "ä" * 40_000,
    "large text": "b" * 2_000_000,
    "dict": {"a": [1, 2.5, (3,)], "b": {4}},
    "array": np.arange(100),
    "larger array": np.arange(100_000.0),
    "columns": np.asfortranarray(np.arange(60_000.0).reshape(200, 300)),
    "every other": np.arange(100_000)[::2],
    "objects": np.array([1, "a", None] * 20_000, dtype=object),
    "nothing": np.zeros((0, 3)),
    "frame": pd.DataFrame({"a": np.arange(50_000), "b": ["word"] * 50_000}),
    "exception": ValueError("no"),
    "function": len,
}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "cache")
    yield store
    store.close()


def same(one, other):
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and (one == other).all()
    return type(one) is type(other) and repr(one) == repr(other)


def test_what_is_written_is_read(store):
    for name, value in VALUES.items():
        entry = store.write(name, f"digest of {name}", value, **FACTS)
        found = store.find(name)
        assert found == entry, name
        assert same(value, store.read(found)), name
    assert store.find("another") is None


def test_another_store_reads_it(store, tmp_path):
    for name, value in VALUES.items():
        store.write(name, f"digest of {name}", value, **FACTS)
    store.close()
    other = Store(tmp_path / "cache")
    for name, value in VALUES.items():
        assert same(value, other.read(other.find(name))), name
    other.close()


def test_threads_share_a_store(store):
    wrong = []

    def work(number):
        for n in range(50):
            key, value = f"{n}", np.full(10_000, n)
            store.write(key, f"d{n}", value, **FACTS)
            if not (store.read(store.find(key)) == value).all():
                wrong.append((number, n))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(os.listdir(store.path / "results")) == 50
    assert not os.listdir(store.path / "tmp")


def test_a_result_that_is_gone_is_a_miss(store):
    store.write("key", "digest", np.arange(100_000), **FACTS)
    entry = store.find("key")
    for file in (store.path / "results").iterdir():
        file.unlink()
    with pytest.raises(CannotRead, match="no longer in the cache"):
        store.read(entry)
    assert store.find("key") is None


def test_a_generator_cannot_be_kept(store):
    with pytest.raises(CannotKeep, match=r"its result cannot be pickled \(a generator\)"):
        store.write("key", "digest", (n for n in [1]), **FACTS)
    assert store.find("key") is None
