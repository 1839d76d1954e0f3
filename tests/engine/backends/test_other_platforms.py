"""What processes do without what only Linux has: a stand-in for Windows and macOS, on Linux.

The workers are spawned, killed by their numbers, and take no tickets; large values lie on the disk,
in folders that go by their paths and have no locks. What the systems themselves do is not tried.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import functions as fn
import numpy as np
import pytest

from taskinity_nb import Cancelled, Task, WorkerLost, run, start
from taskinity_nb.engine.backends.processes import group, pool, tickets
from taskinity_nb.engine.transport import folder, ownership, workspace

NAMES = vars(fn)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Take away what only Linux has, and end the workers that have been made without it."""
    monkeypatch.setattr(pool, "_warm", warm := [])
    monkeypatch.setattr(pool, "context_of_workers", lambda: multiprocessing.get_context("spawn"))
    monkeypatch.setattr(group, "CAN_LEAD", False)
    monkeypatch.setattr(group, "open_process", lambda pid: None)
    monkeypatch.setattr(tickets, "CAN_SHARE", False)
    monkeypatch.setattr(workspace, "_roots", roots := {})
    monkeypatch.setattr(workspace, "MEMORY", str(tmp_path / "no memory"))
    monkeypatch.setattr(workspace.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(folder, "CAN_HOLD", False)
    monkeypatch.setattr(ownership, "CAN_HOLD", False)
    monkeypatch.setattr(ownership, "fcntl", None)
    before = set(pool._all)
    yield
    deadline = time.monotonic() + 30
    while not pool._all - before <= set(warm):  # a thread is about to give one back
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    for process in warm:
        process.pipe.close()
        process.reap()
    for root in roots.values():
        root.leave()


def make(size):
    return np.arange(size, dtype=np.float64)


def total(make):
    return float(make.sum())


def test_large_values(tmp_path):
    names = {"make": make, "total": total}
    result = run("make -> total", {"size": 400_000}, namespace=names, executor="processes")
    assert result["total"] == 400_000 * 399_999 / 2
    assert np.array_equal(result["make"], make(400_000))
    assert list(tmp_path.glob(".taskinity-nb-workspace-*/run-*/*"))
    result.release()
    del result


def test_many_short_tasks():
    names = {"scan": lambda: range(200), "double": fn.double}
    result = run("scan -> map double", namespace=names, executor="processes", workers=2)
    assert result["double"] == [2 * x for x in range(200)]


def test_time_outs():
    names = {"nap": Task(fn.nap, timeout=0.3), "one": fn.one}
    result = run("nap\none", {"seconds": 60}, namespace=names, executor="processes", workers=2,
                 on_error="continue")  # fmt: skip
    assert dict(result) == {"one": 1}
    assert str(result.tasks["nap"].state) == "timed_out"


def test_a_worker_that_dies():
    result = run("leave_at_once", namespace=NAMES, executor="processes", on_error="continue")
    assert isinstance(result.errors["leave_at_once"], WorkerLost)
    assert run("one", namespace=NAMES, executor="processes")["one"] == 1


def test_cancel(tmp_path):
    marker = tmp_path / "marker"
    going = start("hold", {"marker": str(marker)}, namespace=NAMES, executor="processes")
    deadline = time.monotonic() + 30
    while not marker.exists() or not marker.read_text():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    going.cancel()
    with pytest.raises(Cancelled):
        going.wait(30)
    while os.path.exists(f"/proc/{marker.read_text()}"):  # it is a child of this process
        multiprocessing.active_children()
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
