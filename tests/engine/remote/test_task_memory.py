"""How much memory tasks take: what is measured in a process, and told of a run."""

from __future__ import annotations

import builtins
import copy
import importlib
import mmap
import pickle
import random
import time

import pytest

from taskinity_nb import TaskError, run, task
from taskinity_nb.engine.remote.process import memory
from taskinity_nb.engine.remote.process.memory import LEAST, memory_gauge

try:
    import numpy
except ImportError:
    numpy = None

MEASURES = memory_gauge() is not None
MB = 1_000_000

pytestmark = pytest.mark.skipif(not MEASURES, reason="the system does not tell")


def take(item):
    """Take so many megabytes, in one of several ways."""
    way, megabytes = item
    if way == "bytearray":
        return len(bytearray(megabytes * MB))
    if way == "array":
        return len(numpy.ones(megabytes * MB // 8))
    if way == "pieces":
        return len([b"x" * 100_000 for _ in range(10 * megabytes)])
    if way == "first" and numpy is not None:  # what a library takes that begins
        numpy.ones(1_000_000)
    if way == "import":
        for name in ("decimal", "xml.dom.minidom", "email.message", "sqlite3", "http.client"):
            importlib.import_module(name)
    if way == "keep":
        builtins.kept = [*getattr(builtins, "kept", ()), b"x" * (megabytes * MB // 10)]
    return 0


def raises(megabytes):
    held = bytearray(megabytes * MB)
    raise ValueError(f"{len(held)} bytes are too many")


def measured(items):
    namespace = {"items": lambda: items, "take": take}
    recorded = run("items -> map take", namespace=namespace, executor="processes", workers=1)
    return recorded.tasks["take"]


def missed(items, records):
    """Return those whose peak is not what they say that they take, by 5 % or what counters lag."""
    told = [(record.peak_memory or 0, megabytes * MB, way)
            for (way, megabytes), record in zip(items, records, strict=True)
            if way not in ("first", "import", "keep", "nothing")]  # fmt: skip
    return [one for one in told if abs(one[0] - one[1]) > max(0.05 * one[1], 2 * LEAST)]


WAYS = ("bytearray", "pieces", "import", "keep", "nothing")


@pytest.mark.parametrize("seed", range(2))
def test_peaks_of_tasks_that_follow_each_other_in_any_order(seed):
    ways = WAYS if numpy is None else (*WAYS, "array")
    items = [(way, megabytes) for way in ways for megabytes in (5, 50, 300)] * 2
    random.Random(seed).shuffle(items)
    items[:0] = [("nothing", 0), ("first", 1)]
    # The system may take back pages of files in the midst of a task, which then seems to take less.
    assert len(missed(items, measured(items).items)) <= 2


@pytest.mark.slow
def test_the_peak_of_a_large_one():
    items = [("bytearray", 1000), ("bytearray", 5), ("pieces", 1000), ("bytearray", 5)]
    recorded = measured(items)
    assert not missed(items, recorded.items)
    assert recorded.peak_memory == max(item.peak_memory for item in recorded.items)


def test_what_takes_hardly_anything_is_not_told():
    recorded = measured([("nothing", 0)] * 50)
    assert recorded.peak_memory is None
    assert all(item.peak_memory is None for item in recorded.items)


def test_of_a_task_that_fails():
    with pytest.raises(TaskError) as caught:
        run("raises(megabytes=30)", namespace={"raises": raises}, executor="processes")
    assert caught.value.run.tasks["raises"].peak_memory == pytest.approx(30 * MB, rel=0.2)


def test_an_attempt_that_took_much_is_not_forgotten_over_its_end():
    namespace = {"hold": task(retries=1)(lambda: len(bytearray(20 * MB)))}
    recorded = run("hold", namespace=namespace, executor="processes")
    assert recorded.tasks["hold"].peak_memory == pytest.approx(20 * MB, rel=0.2)


def test_arguments_count_and_results_on_their_way_do_not():
    namespace = {"made": lambda: b"x" * (20 * MB), "looked": len}
    recorded = run("made -> looked", namespace=namespace, executor="processes", workers=1)
    assert recorded.tasks["made"].peak_memory == pytest.approx(20 * MB, rel=0.2)


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_where_tasks_share_a_process_it_is_not_known(executor):
    recorded = run("take(item=['bytearray', 20])", namespace={"take": take}, executor=executor)
    assert recorded.tasks["take"].peak_memory is None


def test_it_stays_with_a_run_that_is_saved():
    recorded = measured([("bytearray", 20)])
    for other in (copy.copy(recorded), pickle.loads(pickle.dumps(recorded))):
        assert other.peak_memory == recorded.peak_memory > 19 * MB


class TestGauge:
    def test_less_than_can_be_told(self):
        gauge = memory_gauge()
        gauge.begin(time.perf_counter_ns())
        held = bytearray(LEAST // 8)
        assert gauge.peak() is None and held

    def test_where_the_system_does_not_tell(self, monkeypatch, tmp_path):
        monkeypatch.setattr(memory, "ABOUT", str(tmp_path))
        assert memory_gauge() is None

    def test_where_the_mark_is_not_set_back(self, monkeypatch):
        monkeypatch.setattr(memory.MemoryGauge, "_set_back", lambda self: None)
        with mmap.mmap(-1, 30 * MB) as taken:  # not what the C library has still at hand
            taken.write(b"x" * len(taken))
        assert memory_gauge() is None

    def test_where_the_c_library_keeps_what_is_free(self, monkeypatch):
        """It is another library: what was freed may be missed, and nothing fails."""
        gauge = memory_gauge()
        gauge._is_sought = True  # and was not found
        gauge.begin(time.perf_counter_ns())
        held = bytearray(100 * MB)
        assert gauge.peak() > 90 * MB
        gauge.begin(time.perf_counter_ns())
        assert gauge.peak() is None and held  # what is held was there before
