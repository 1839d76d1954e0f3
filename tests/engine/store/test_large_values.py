"""Large arrays and frames are mapped: there at once, without a copy, and one's own to write to."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from stores import FACTS, started

from taskinity_nb.engine.store.store import Store

SIZE = 2**25
"""Numbers in an array of 256 MB."""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_a_large_array_is_mapped(tmp_path):
    store = Store(tmp_path / "cache")
    store.write("key", "digest", np.arange(float(SIZE)), **FACTS)
    code = """
import time, numpy
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
store = Store(folder)
before, began = resident(), time.perf_counter()
value = store.read(store.find("key"))
took, grown = time.perf_counter() - began, resident() - before
began = time.perf_counter()
value.sum()
say(took), say(time.perf_counter() - began), say(grown)
value[5] = -1
value += 0
assert value[5] == -1
other = store.read(store.find("key"))
assert other[5] == 5 and (other[6:] == value[6:]).all()
"""
    process = started(store.path, code)
    took, looked_through, grown = map(float, process.communicate()[0].split())
    assert process.returncode == 0
    assert took < looked_through
    assert grown < 20_000_000
    assert store.read(store.find("key"))[5] == 5
    store.close()


def test_one_may_write_to_what_was_read(tmp_path):
    store = Store(tmp_path / "cache")
    fixed = np.arange(10_000)
    fixed.flags.writeable = False
    frame = pd.DataFrame({"a": np.arange(100_000), "b": np.arange(100_000.0)})
    values = {"array": np.arange(10_000), "frame": frame, "small": np.arange(5)}
    for name, value in values.items():
        store.write(name, name, value, **FACTS)
        for _ in range(2):
            found = store.read(store.find(name))
            if name == "frame":
                assert found.equals(frame)
                found.loc[3, "a"] = -1
                assert found["a"][3] == -1
            else:
                assert (found == value).all()
                found[3] = -1
    store.write("fixed", "fixed", fixed, **FACTS)
    assert not store.read(store.find("fixed")).flags.writeable
    store.close()


def test_what_was_read_outlives_its_file(tmp_path):
    store = Store(tmp_path / "cache", limit=0)
    store.write("key", "digest", np.arange(3_000_000), **FACTS)
    value = store.read(store.find("key"))
    store.trim()
    assert not os.listdir(store.path / "results")
    store.close()
    assert (value == np.arange(3_000_000)).all()


def test_buffers_are_aligned(tmp_path):
    store = Store(tmp_path / "cache")
    store.write("key", "digest", [np.arange(n) for n in (5000, 5001, 7)], **FACTS)
    first, second, _ = store.read(store.find("key"))
    assert first.ctypes.data % 64 == second.ctypes.data % 64 == 0
    store.close()
