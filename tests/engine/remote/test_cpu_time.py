"""What computes beside a task in its process: who did, how much, and that nobody did."""

from __future__ import annotations

import importlib.util
import threading
import time

import pytest

from taskinity_nb import run
from taskinity_nb.engine.remote.process import cpu_time
from taskinity_nb.engine.remote.process.cpu_time import LEAST, HelperClock


def compute(seconds):
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        sum(range(1000))


def helped(seconds):
    helper = threading.Thread(target=compute, args=(seconds,))
    helper.start()
    helper.join()


class TestHelperClock:
    def test_a_helper_is_seen(self):
        clock = HelperClock()
        clock.begin()
        helped(0.05)
        nanoseconds, threads, _ = clock.end()
        assert nanoseconds >= 0.9 * 50_000_000
        assert threads == 1  # it has ended, but there was one

    def test_who_computes_alone_has_none(self):
        clock = HelperClock()
        clock.begin()
        compute(0.05)
        told = clock.end()
        assert told is None or told[0] < 5 * LEAST

    def test_without_threadpoolctl_no_library_is_named(self, monkeypatch):
        monkeypatch.setattr(cpu_time, "find_spec", lambda name: None)
        clock = HelperClock()
        clock.begin()
        helped(0.05)
        assert clock.end()[2] == ()

    @pytest.mark.skipif(
        importlib.util.find_spec("threadpoolctl") is None, reason="it is not installed"
    )
    def test_libraries_are_named_once(self):
        names = cpu_time._libraries()
        assert names == tuple(sorted(set(names)))


class TestRecord:
    @pytest.mark.parametrize(("executor", "is_known"), [("processes", True), ("threads", False)])
    def test_of_a_run(self, executor, is_known):
        names = {"f": lambda: range(2), "g": lambda item: helped(0.1 * item)}
        recorded = run("f -> map g", namespace=names, executor=executor, workers=1)
        alone, with_helper = recorded.tasks["g"].items
        assert alone.helpers is None
        assert (with_helper.helpers is not None) is is_known
        if is_known:
            assert with_helper.helpers.cpu >= 0.09
            # A library that this process has loaded for another test may have threads of its own.
            assert with_helper.helpers.threads >= 1
