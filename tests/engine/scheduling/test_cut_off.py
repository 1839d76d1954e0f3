"""What tasks had of the cores that were cut off, and so could not tell it."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from taskinity_nb import Cancelled, State, TaskError, run, start
from taskinity_nb.engine.remote.process.cpu_time import core_wait
from taskinity_nb.views.charts.plots import plot_gantt

pytestmark = pytest.mark.skipif(core_wait() is None, reason="the system does not tell")


def count(seconds=0.6):
    """Compute in Python, which never lets go of the lock for long."""
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        number += sum(range(100))
    return number


def cancelled(text, functions, after, **options):
    """Return a run that was cancelled after some seconds in which its tasks ran."""
    going = start(text, namespace=functions, **options)
    first = [name for name, before in going.flow.upstream.items() if not before]
    while any(going.tasks[name].started is None for name in first):
        time.sleep(0.001)
    time.sleep(after)
    going.cancel()
    with contextlib.suppress(Cancelled):
        going.wait(30)
    return going


def test_tasks_that_hold_the_lock_are_not_four_workers_worth():
    over = threading.Event()

    def count_on():
        while not over.is_set():
            sum(range(100))

    functions = {**dict.fromkeys("abcd", count_on), "join": lambda *_: 0}
    ended = cancelled("[a, b, c, d] -> join", functions, 0.4, workers=4)
    over.set()
    ran = [ended.tasks[name] for name in "abcd"]
    assert all(record.state is State.CANCELLED and record.cpu is not None for record in ran)
    took = max(record.duration for record in ran)
    assert sum(record.cpu for record in ran) < 2.0 * took  # a change of hands costs both
    assert ended.speedup < 2.0  # about 1, unless the machine gives one of them no turn
    ax = plot_gantt(ended)
    assert ax.get_title().startswith("Cancelled after 0 of 5 tasks; threads on 4 workers in")
    assert "faster" not in ax.get_title() + repr(ax)


def test_in_processes_each_computes():
    ended = cancelled("a", {"a": lambda: count(20)}, 0.4, executor="processes", workers=1)
    record = ended.tasks["a"]
    assert record.cpu > 0.0 and record.cpu + record.waited <= record.duration + 0.05


def test_what_sleeps_has_not_computed():
    ended = cancelled("a", {"a": lambda: time.sleep(0.5)}, 0.2, workers=1)
    assert ended.tasks["a"].cpu < 0.05
    assert ended.work == pytest.approx(ended.tasks["a"].duration)


def test_what_came_before_on_the_same_worker_does_not_count():
    def compute():
        while time.thread_time() < 0.2:
            sum(range(1000))

    functions = {"a": compute, "b": lambda a: time.sleep(0.5)}
    going = start("a -> b", namespace=functions, workers=1)
    while going.tasks["b"].started is None:
        time.sleep(0.001)
    time.sleep(0.1)
    going.cancel()
    with contextlib.suppress(Cancelled):
        going.wait(30)
    assert going.tasks["a"].cpu > 0.15 and going.tasks["b"].cpu < 0.05


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_what_took_too_long(executor):
    from taskinity_nb import task

    late = task(timeout=0.3)(lambda: count(0.7))
    with pytest.raises(TaskError) as caught:
        run("late", namespace={"late": late}, executor=executor)
    record = caught.value.run.tasks["late"]
    assert record.state is State.TIMED_OUT
    assert record.cpu > 0.0
    assert record.cpu + record.waited <= 0.3 + 0.05
