"""Advice: each kind speaks of a run that has its fault, and is silent about one that has not.

Most runs here are written down with exact times, so that no machine is too busy for a test; those
that really run have margins that no other work on the machine uses up.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import make_run

from taskinity_nb import Advice, Flow, State, advise, run, task
from taskinity_nb.analysis import judgement, metrics
from taskinity_nb.analysis.advice import evidence, kept
from taskinity_nb.analysis.advice.kept import bytes_of
from taskinity_nb.analysis.judgement import judge
from taskinity_nb.engine.remote.process.cpu_time import core_wait
from taskinity_nb.engine.runtime.memory_limit import Memory
from taskinity_nb.model.events import Helpers
from taskinity_nb.model.flow import Edge
from taskinity_nb.model.metrics import threads_of
from taskinity_nb.model.refs import RELEASED

CORES = 4


@pytest.fixture
def four_cores(monkeypatch):
    """A machine of 4 cores, whatever this one has."""
    for module in (evidence, metrics, judgement):
        monkeypatch.setattr(module, "available_cores", lambda: CORES)


def kinds(run):
    return [advice.kind for advice in advise(run)]


def rounds(number, at_once, seconds, *, every=None, **options):
    """Return a run of tasks that wait for nothing, in rounds of one for each worker."""
    every = every or seconds
    flow = Flow("Rounds", tasks=[f"t{i}" for i in range(number)])
    intervals = [
        (name, f"w{i % at_once}", i // at_once * every, i // at_once * every + seconds)
        for i, name in enumerate(flow.tasks)
    ]
    return make_run(flow, intervals, **{"workers": at_once, **options})


def each(flow, value):
    return dict.fromkeys(flow.tasks, value)


def mapped(seconds, at_once, **options):
    """Return a run of ``f -> map g``: the items one after the other on each worker in turns."""
    free = [1.0] * at_once
    intervals = [("f", "w0", 0.0, 1.0)]
    for item, took in enumerate(seconds):
        worker = free.index(min(free))
        intervals.append((f"g[{item}]", f"w{worker}", free[worker], free[worker] + took))
        free[worker] += took
    flow = Flow("Mapped", [Edge("f", "g", "map")])
    return make_run(flow, intervals, **{"workers": at_once, "cpu": 0.01, **options})


@pytest.mark.usefixtures("four_cores")
class TestSmallTasks:
    def test_it_speaks(self):
        (advice,) = advise(rounds(1000, 2, 0.000_05, every=0.000_5))
        assert advice.kind == "small_tasks"
        assert advice.sentence.startswith("1,000 tasks took less time")
        assert advice.figures["usual"] == pytest.approx(0.000_05)
        assert advice.figures["cost"] == pytest.approx(0.000_45)
        assert advice.figures["batch"] in (200, 201)
        assert advice.gain == pytest.approx(998 * 0.000_45 / 2)

    def test_of_items_it_says_what_to_map_over(self):
        intervals = [("f", "w", 0, 0.1)]
        intervals += [(f"g[{i}]", "w", 0.1 + i / 1e3, 0.1 + i / 1e3 + 1e-5) for i in range(500)]
        recorded = make_run(Flow("Mapped", [Edge("f", "g", "map")]), intervals)
        (advice,) = advise(recorded)
        assert "map over lists of items" in advice.remedy

    def test_in_a_chain(self):
        flow = Flow("Chain", [(f"t{i}", f"t{i + 1}") for i in range(299)])
        intervals = [(name, "w", i / 1e3, i / 1e3 + 1e-5) for i, name in enumerate(flow.tasks)]
        assert kinds(make_run(flow, intervals)) == ["small_tasks"]

    def test_silent_where_tasks_take_longer(self):
        assert "small_tasks" not in kinds(rounds(1000, 2, 0.01, every=0.010_5, cpu=0.01))

    def test_silent_where_handing_out_costs_little(self):
        assert "small_tasks" not in kinds(rounds(1000, 2, 0.000_5, every=0.000_6, cpu=0.01))

    def test_silent_about_a_few(self):
        assert "small_tasks" not in kinds(rounds(20, 2, 0.000_05, every=0.02))

    def test_a_real_run(self):
        names = {"f": lambda: range(30_000), "g": abs}
        recorded = run("f -> map g", namespace=names, executor="sequential")
        assert "small_tasks" in kinds(recorded)

    def test_a_real_run_without(self):
        names = {"f": lambda: range(60), "g": lambda item: time.sleep(0.005)}
        assert "small_tasks" not in kinds(run("f -> map g", namespace=names, workers=4))


@pytest.mark.usefixtures("four_cores")
class TestHeldByLock:
    """Four threads; a task that computes for 1 s and takes 4 s has waited for the lock."""

    def test_it_speaks(self):
        (advice,) = advise(rounds(8, 4, 4.0, cpu=0.25, cores=1))
        assert advice.kind == "held_by_lock"
        assert (advice.figures["cpu"], advice.figures["waiting"]) == (8.0, 24.0)
        assert advice.gain == pytest.approx(6.0, abs=0.1)
        assert 'executor="processes"' in advice.remedy

    def test_silent_where_tasks_wait(self):
        assert kinds(rounds(8, 4, 4.0, cpu=0.01, cores=1, workers=8)) == []

    def test_silent_where_libraries_let_go_of_the_lock(self):
        assert kinds(rounds(8, 4, 4.0, cpu=0.9, cores=1)) == []

    def test_silent_without_the_lock(self):
        assert kinds(rounds(8, 4, 4.0, cpu=0.9, cores=4)) == []

    def test_silent_where_nothing_runs_beside_it(self):
        chain = Flow("Chain", [("a", "b"), ("b", "c")])
        intervals = [("a", "w", 0, 1), ("b", "w", 1, 2), ("c", "w", 2, 3)]
        assert kinds(make_run(chain, intervals, cpu=1.0, cores=1, workers=4)) == []

    def test_silent_in_processes(self):
        assert kinds(rounds(8, 4, 4.0, cpu=1.0, cores=4, executor="processes")) == []

    def test_on_a_busy_machine_it_speaks_all_the_same(self):
        """The task that has the lock waits for a core half of the time, and the others for it."""
        flow = rounds(8, 4, 8.0).flow
        recorded = rounds(8, 4, 8.0, cpu=1 / 8, cores=1, waits=each(flow, 1.0))
        assert {"held_by_lock", "busy_machine"} == set(kinds(recorded))

    @pytest.mark.slow
    @pytest.mark.skipif(core_wait() is None, reason="the system does not tell")
    def test_real_runs(self):
        """Each computes for 0.1 s without letting go of the lock, or sleeps."""
        names = {"f": lambda: range(8), "g": lambda item: hold_lock(0.1)}
        assert "held_by_lock" in kinds(run("f -> map g", namespace=names, workers=4))
        names["g"] = lambda item: time.sleep(0.2)
        assert "held_by_lock" not in kinds(run("f -> map g", namespace=names, workers=4))

    def test_silent_on_one_core(self, monkeypatch):
        for module in (evidence, metrics, judgement):
            monkeypatch.setattr(module, "available_cores", lambda: 1)
        assert "held_by_lock" not in kinds(rounds(8, 4, 4.0, cpu=0.25, cores=1))


@pytest.mark.usefixtures("four_cores")
class TestWaitsInProcesses:
    def test_it_speaks(self):
        (advice,) = advise(rounds(8, 8, 1.0, cpu=0.02, cores=4, executor="processes"))
        assert advice.kind == "waits_in_processes"
        assert 'executor="threads"' in advice.remedy
        assert advice.figures["cpu"] == pytest.approx(0.16)

    def test_silent_where_tasks_compute(self):
        assert kinds(rounds(8, 4, 1.0, cpu=0.9, cores=4, executor="processes")) == []

    def test_silent_in_threads(self):
        assert kinds(rounds(8, 8, 1.0, cpu=0.02, cores=1)) == []

    def test_silent_where_a_core_is_what_they_waited_for(self):
        flow = rounds(8, 8, 1.0).flow
        recorded = rounds(
            8, 8, 1.0, cpu=0.05, cores=4, executor="processes", waits=each(flow, 0.94)
        )
        assert "waits_in_processes" not in kinds(recorded)

    def test_silent_where_a_library_computes_for_them(self):
        flow = rounds(8, 8, 1.0).flow
        recorded = rounds(
            8, 8, 1.0, cpu=0.05, cores=4, executor="processes", helpers=each(flow, Helpers(0.4, 1))
        )
        assert "waits_in_processes" not in kinds(recorded)

    def test_a_real_run(self):
        names = {"f": lambda: range(4), "g": lambda item: time.sleep(0.2)}
        recorded = run("f -> map g", namespace=names, executor="processes", workers=2)
        assert "waits_in_processes" in kinds(recorded)

    @pytest.mark.slow
    @pytest.mark.skipif(core_wait() is None, reason="the system does not tell")
    def test_a_real_run_without(self):
        names = {"f": lambda: range(4), "g": lambda item: compute(0.1)}
        recorded = run("f -> map g", namespace=names, executor="processes", workers=2)
        assert "waits_in_processes" not in kinds(recorded)


@pytest.mark.usefixtures("four_cores")
class TestWorkers:
    def test_too_few(self):
        (advice,) = advise(rounds(16, 2, 1.0, cpu=0.01))
        assert advice.kind == "too_few_workers"
        assert advice.figures["knee"] == 16
        assert advice.gain == pytest.approx(7.0, abs=0.1)
        assert advice.remedy == "run it with workers=16"

    def test_one_after_the_other(self):
        waits = advise(rounds(4, 1, 1.0, cpu=0.01, executor="sequential"))
        assert [advice.remedy for advice in waits] == ['run it with executor="threads", workers=4']
        computes = advise(rounds(16, 1, 1.0, cpu=1.0, executor="sequential"))
        assert [advice.remedy for advice in computes] == [
            'run it with executor="processes", workers=4'
        ]

    def test_a_users_pool(self):
        (advice,) = advise(rounds(16, 2, 1.0, cpu=0.01, executor="ThreadPoolExecutor"))
        assert advice.remedy == "give the executor max_workers=16"

    def test_silent_where_they_are_enough(self):
        assert kinds(rounds(16, 16, 1.0, cpu=0.01)) == []

    def test_silent_where_most_of_the_time_is_spent_on_the_way(self):
        flow = rounds(60, 2, 1.0).flow
        recorded = rounds(
            60, 2, 0.01, every=0.05, cpu=0.5, handovers=each(flow, (0.02, 0.02)),
            executor="processes", cores=4,
        )  # fmt: skip
        assert "too_few_workers" not in kinds(recorded)

    def test_silent_where_the_cores_are_the_limit(self):
        assert kinds(rounds(16, 4, 1.0, cpu=1.0, cores=4, executor="processes")) == []

    def test_silent_where_tasks_wait_for_each_other(self):
        chain = Flow("Chain", [("a", "b"), ("b", "c")])
        intervals = [("a", "w", 0, 1), ("b", "w", 1, 2), ("c", "w", 2, 3)]
        assert kinds(make_run(chain, intervals, workers=4)) == []

    def test_too_many(self):
        (advice,) = advise(rounds(2, 2, 1.0, cpu=0.01, workers=12))
        assert (advice.kind, advice.gain) == ("too_many_workers", 0.0)
        assert advice.sentence == "The flow has no use for 12 workers; 2 would do."
        assert advice.remedy == "run it with workers=2"

    @pytest.mark.parametrize("usual", [1, CORES, CORES + 4])
    def test_silent_about_a_number_that_nobody_chose(self, usual):
        assert "too_many_workers" not in kinds(rounds(2, 2, 1.0, cpu=0.01, workers=usual))

    def test_silent_about_one_too_many(self):
        assert kinds(rounds(9, 9, 1.0, cpu=0.01, workers=10)) == []

    def test_silent_where_tasks_do_not_count_as_workers(self):
        """Twenty fetch at once on the event loop; no number of workers changes that."""

        @task
        async def fetch(item):
            raise NotImplementedError

        recorded = mapped([1.0] * 20, 20, workers=2)
        recorded.plan.bindings[1] = recorded.plan.bindings[1]._replace(task=fetch)
        assert kinds(recorded) == []

    @pytest.mark.slow
    def test_real_runs(self):
        names = {"f": lambda: range(16), "g": lambda item: time.sleep(0.1)}
        few = run("f -> map g", namespace=names, workers=2)
        is_busy = judge(few).kind == "busy"  # others have the cores, and who sleeps wakes up late
        assert ("busy_machine" if is_busy else "too_few_workers") in kinds(few)
        recorded = run("f -> map g", namespace=names, workers=16)
        assert "too_few_workers" not in kinds(recorded)
        names["f"] = lambda: range(2)
        assert "too_many_workers" in kinds(run("f -> map g", namespace=names, workers=41))


@pytest.mark.usefixtures("four_cores")
class TestOneTask:
    FLOW = Flow("Diamond", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])

    def of(self, b, c, **options):
        intervals = [("a", "w1", 0, 1), ("b", "w1", 1, 1 + b), ("c", "w2", 1, 1 + c)]
        last = 1 + max(b, c)
        return make_run(self.FLOW, [*intervals, ("d", "w1", last, last + 1)], **options)

    def test_it_speaks(self):
        (advice,) = advise(self.of(2, 10))
        assert (advice.kind, advice.figures["task"]) == ("one_task", "c")
        assert advice.sentence == "The run waits for one task, 'c'."
        assert advice.gain == pytest.approx(5.0)

    def test_silent_where_it_is_like_the_others(self):
        assert kinds(self.of(2, 2)) == []

    def test_silent_where_there_is_as_much_else_to_do(self):
        flow = Flow("Wide", tasks=["long", *(f"t{i}" for i in range(10))])
        intervals = [("long", "w1", 0, 10), *((f"t{i}", "w2", i, i + 1) for i in range(10))]
        assert "one_task" not in kinds(make_run(flow, intervals, cpu=0.01))

    def test_silent_about_some_that_are_equally_long(self):
        assert "one_task" not in kinds(rounds(4, 4, 10.0))
        assert "one_task" not in kinds(self.of(10, 10))

    def test_silent_about_a_flow_of_one_task(self):
        assert kinds(make_run(Flow("One", tasks=["t"]), [("t", "w", 0, 10)])) == []

    def test_silent_about_one_after_the_other(self):
        assert "one_task" not in kinds(self.of(2, 10, workers=1, executor="sequential"))

    def test_silent_about_a_mapped_task(self):
        assert "one_task" not in kinds(mapped([10.0] * 4, 4))

    @pytest.mark.slow
    def test_real_runs(self):
        def wait(seconds):
            return lambda *_: time.sleep(seconds)

        names = {"a": wait(0.01), "b": wait(0.01), "c": wait(0.6), "d": wait(0.01)}
        assert "one_task" in kinds(run(self.FLOW, namespace=names, workers=2))
        names = dict.fromkeys("abcd", wait(0.2))
        assert "one_task" not in kinds(run(self.FLOW, namespace=names, workers=2))


@pytest.mark.usefixtures("four_cores")
class TestCostlyTransfer:
    def of(self, before, after, seconds=0.05):
        every = before + seconds + after
        flow = Flow("Rounds", tasks=[f"t{i}" for i in range(16)])
        return rounds(
            16, 4, seconds, every=every, handovers=each(flow, (before, after)),
            executor="processes", cores=4, cpu=1.0,
        )  # fmt: skip

    def test_it_speaks(self):
        (advice,) = advise(self.of(0.1, 0.1))
        assert advice.kind == "costly_transfer"
        assert advice.figures["compute"] == pytest.approx(0.8)
        assert advice.figures["transfer"] == pytest.approx(16 * 0.2 - 4 * 0.1)
        assert "and 13 more" in advice.sentence

    def test_silent_where_work_takes_longer(self):
        assert "costly_transfer" not in kinds(self.of(0.01, 0.01))

    def test_silent_about_what_a_worker_imports_first(self):
        flow = rounds(8, 4, 1.0).flow
        ways = {name: (2.0, 0.01) if i < 4 else (0.01, 0.01) for i, name in enumerate(flow.tasks)}
        recorded = rounds(
            8, 4, 0.5, every=3.0, handovers=ways, executor="processes", cores=4, cpu=1.0
        )
        assert "costly_transfer" not in kinds(recorded)

    def test_silent_in_threads(self):
        flow = rounds(16, 4, 1.0).flow
        recorded = rounds(16, 4, 0.05, every=0.25, handovers=each(flow, (0.1, 0.1)), cpu=0.01)
        assert "costly_transfer" not in kinds(recorded)

    def test_real_runs(self):
        names = {
            "make": lambda: [str(i) for i in range(400_000)],
            "small": lambda: "a word",
            "use": lambda value: (time.sleep(0.02), len(value))[1],
            "pause": lambda value: time.sleep(0.1),
        }
        text = "make -> [use as u1, use as u2, use as u3]"
        recorded = run(text, namespace=names, executor="processes", workers=1)
        assert "costly_transfer" in kinds(recorded)
        text = "small -> [pause as u1, pause as u2, pause as u3]"
        recorded = run(text, namespace=names, executor="processes", workers=1)
        assert "costly_transfer" not in kinds(recorded)


@pytest.mark.usefixtures("four_cores")
class TestStraggler:
    def test_it_speaks(self):
        (advice,) = advise(mapped([1.0] * 7 + [8.0], 4))
        assert (advice.kind, advice.figures["item"]) == ("straggler", "g[7]")
        assert advice.sentence == "One item, 'g[7]', holds up the others."
        assert advice.gain == pytest.approx(7.0, abs=0.1)

    def test_several(self):
        (advice,) = advise(mapped([1.0] * 38 + [9.0, 9.5], 8))
        assert advice.sentence == "Some items, 'g[39]' and 1 other, hold up the rest."

    def test_silent_where_all_are_alike(self):
        assert kinds(mapped([1.0, 1.5, 1.2, 0.9, 1.1, 1.3, 2.0, 1.0], 8)) == []

    def test_silent_where_long_ones_are_usual(self):
        assert kinds(mapped([1.0] * 6 + [8.0] * 2, 8)) == []

    def test_silent_where_nothing_waits_for_it(self):
        assert "straggler" not in kinds(mapped([4.0] + [1.0] * 60, 4))

    def test_silent_about_three_items(self):
        assert "straggler" not in kinds(mapped([1.0, 1.0, 8.0], 4))

    @pytest.mark.slow
    def test_real_runs(self):
        def wait(item):
            time.sleep(1.0 if item == 7 else 0.05)

        names = {"f": lambda: range(8), "g": wait}
        assert "straggler" in kinds(run("f -> map g", namespace=names, workers=4))
        names["g"] = lambda item: time.sleep(0.2)
        assert "straggler" not in kinds(run("f -> map g", namespace=names, workers=4))


@pytest.mark.usefixtures("four_cores")
class TestOversubscribed:
    def of(self, helpers, workers=4, **options):
        flow = rounds(8, workers, 1.0).flow
        options = {"cpu": 0.25, "waits": each(flow, 0.7), **options}
        return rounds(
            8, workers, 1.0, executor="processes", cores=4, helpers=each(flow, helpers), **options
        )

    def test_it_speaks(self):
        found = advise(self.of(Helpers(0.75, 3, ("openblas",))))
        (advice,) = [advice for advice in found if advice.kind == "oversubscribed"]
        assert "(openblas)" in advice.sentence
        assert (advice.figures["threads"], advice.figures["at_once"]) == (4.0, 4)
        assert advice.gain == pytest.approx(8 * 0.7 / 4 * 0.75)
        assert "threadpool_limits(1)" in advice.remedy

    def test_what_they_waited_is_not_blamed_on_others(self):
        assert "busy_machine" not in kinds(self.of(Helpers(0.75, 3)))

    def test_silent_where_it_computes_alone(self):
        assert "oversubscribed" not in kinds(self.of(Helpers(0.0, 0)))
        assert kinds(rounds(8, 4, 1.0, cpu=1.0, executor="processes", cores=4)) == []

    def test_silent_where_helpers_do_little(self):
        assert "oversubscribed" not in kinds(self.of(Helpers(0.05, 3)))

    def test_silent_where_there_are_cores_enough(self):
        assert "oversubscribed" not in kinds(self.of(Helpers(0.75, 3), workers=1))
        assert "oversubscribed" not in kinds(self.of(Helpers(0.25, 1), workers=2))

    def test_how_many_threads(self):
        recorded = self.of(Helpers(0.75, 8))
        assert threads_of(recorded.tasks["t0"]) == pytest.approx(4.0)
        assert threads_of(self.of(Helpers(5.0, 2)).tasks["t0"]) == 3.0
        assert threads_of(self.of(Helpers(1.0, 2), cpu=0.0).tasks["t0"]) == 2.0

    @pytest.mark.slow
    def test_real_runs(self, tmp_path):
        """Two tasks that meet, in two processes; each computes in four threads, or in one."""
        names = {"with_helpers": compute_with_helpers, "alone": compute_alone}
        for name, speaks in (("with_helpers", True), ("alone", False)):
            folder = tmp_path / name
            folder.mkdir()
            recorded = run(
                f"{name} as a\n{name} as b", {"folder": str(folder)}, namespace=names,
                executor="processes", workers=2,
            )  # fmt: skip
            assert ("oversubscribed" in kinds(recorded)) is speaks
        assert recorded.tasks["a"].helpers is None or recorded.tasks["a"].helpers.cpu < 0.05

    @pytest.mark.slow
    def test_threadpoolctl_names_the_library(self):
        """Where a library has just one thread, as on one core, it has no helpers."""
        recorded = run("multiply", namespace={"multiply": multiply}, executor="processes")
        helpers = recorded.tasks["multiply"].helpers
        assert helpers is None or "openblas" in helpers.libraries or not recorded["multiply"]


@pytest.mark.usefixtures("four_cores")
class TestBusyMachine:
    def of(self, waited, workers=4, **options):
        flow = rounds(8, workers, 1.0).flow
        options = {"cpu": 1.0 - waited, "waits": each(flow, waited), **options}
        return rounds(8, workers, 1.0, executor="processes", cores=4, **options)

    def test_it_speaks(self):
        (advice,) = advise(self.of(0.5))
        assert advice.kind == "busy_machine"
        assert advice.figures["unexplained"] == pytest.approx(4.0)

    def test_silent_on_a_quiet_machine(self):
        assert kinds(self.of(0.05)) == []

    def test_silent_where_the_own_workers_are_more_than_the_cores(self):
        """Eight on four cores: each has half of one, and waits the other half."""
        assert "busy_machine" not in kinds(self.of(0.5, workers=8))

    def test_silent_where_a_ratio_is_said_all_the_same(self):
        """Tasks that sleep and seldom compute: they waited little of the time that they took."""
        recorded = self.of(0.05, cpu=0.01)
        assert judge(recorded).holds
        assert "busy_machine" not in kinds(recorded)

    def test_silent_where_nobody_knows(self):
        assert "busy_machine" not in kinds(self.of(0.5, waits={}))

    def test_silent_where_tasks_are_too_short_to_tell(self):
        """They wait for the process that hands them out, which is this run too."""
        flow = rounds(400, 4, 0.0008).flow
        options = {"cpu": 0.0004, "waits": each(flow, 0.0004), "cores": 4}
        recorded = rounds(400, 4, 0.0008, executor="processes", **options)
        assert "busy_machine" not in kinds(recorded)

    @pytest.mark.skipif(
        core_wait() is None or not hasattr(os, "sched_setaffinity"), reason="the system cannot tell"
    )
    @pytest.mark.slow
    def test_a_real_run(self):
        """The task and three other processes are held on one core."""
        core = min(os.sched_getaffinity(0))
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                code = (
                    f"import os; os.sched_setaffinity(0, {{{core}}}); print(flush=True)\nwhile 1: 0"
                )
                burner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
                stack.callback(burner.communicate)
                stack.callback(burner.kill)
                burner.stdout.readline()
            recorded = run(
                "compute_on", {"core": core}, namespace={"compute_on": compute_on},
                executor="processes", workers=1,
            )  # fmt: skip
        assert "busy_machine" in kinds(recorded)


def compute(seconds):
    """Compute for some seconds of this thread's processor time."""
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        hashlib.sha256(bytes(100_000)).digest()  # which lets go of the interpreter's lock


def hold_lock(seconds):
    """Compute for some seconds in Python alone."""
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        sum(range(1000))


def compute_on(core):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        compute(0.3)
    finally:
        os.sched_setaffinity(0, before)


def meet(folder):
    """Wait until the other task is here, too."""
    Path(folder, str(os.getpid())).touch()
    while len(os.listdir(folder)) < 2:
        time.sleep(0.01)


def compute_alone(folder):
    meet(folder)
    compute(0.3)


def compute_with_helpers(folder):
    meet(folder)
    helped = threading.Barrier(4)

    def help_out():
        compute(0.3)
        helped.wait()
        time.sleep(1)  # a library's threads are still there when it has computed

    for _ in range(3):
        threading.Thread(target=help_out, daemon=True).start()
    compute(0.3)
    helped.wait()


def multiply():
    """Multiply matrices for half a second; tell whether that took more than one thread."""
    import numpy

    matrix, begun = numpy.full((1500, 1500), 0.01), time.thread_time()
    whole = time.process_time()
    while time.thread_time() - begun < 0.3:
        matrix @ matrix
    return time.process_time() - whole > 1.5 * (time.thread_time() - begun)


def held(number, limit, *, workers=8, name="api", amount=1.0, rest=(), **options):
    """Return a run of `number` tasks of 1 s of which as many ran at once as a limit let.

    The names of `rest` follow each other, each for so many seconds, beside them.
    """
    tasks = [f"t{i}" for i in range(number)]
    at_once = int(limit // amount)
    intervals = [(task, f"w{i % at_once}", i // at_once, i // at_once + 1.0)
                 for i, task in enumerate(tasks)]  # fmt: skip
    end = 0.0
    for link, seconds in rest:
        intervals.append((link, "w", end, end + seconds))
        end += seconds
    chain = [task for task, _ in rest]
    flow = Flow("Held", list(itertools.pairwise(chain)), tasks + chain)
    given = {
        "workers": workers, "cpu": 0.01, "resources": {name: limit},
        "asks": {task: {name: amount} for task in tasks},
        "waited_for": {task: (0.0, name) for task in tasks[at_once:]},
    }  # fmt: skip
    return make_run(flow, intervals, **{**given, **options})


@pytest.mark.usefixtures("four_cores")
class TestTooLittle:
    def test_it_speaks(self):
        (advice,) = advise(held(24, 3))
        assert advice.kind == "too_little"
        assert str(advice) == (
            "api=3 held 21 tasks back.\n"
            "    Evidence: predicted with api=9: 3.00 s instead of 8.00 s; more of it than that "
            "saves less than 5 %.\n"
            '    Remedy: run it with resources={"api": 9}, if what stands behind it can bear that.'
        )
        assert advice.gain == pytest.approx(5.0)

    def test_of_a_rate(self):
        flow = Flow("Rated", tasks=[f"t{i}" for i in range(20)])
        recorded = make_run(
            flow, [(name, f"w{i % 8}", i / 2, i / 2 + 0.1) for i, name in enumerate(flow.tasks)],
            workers=8, cpu=0.01, resources={"calls": "2/s"}, asks=each(flow, {"calls": 1}),
            waited_for={name: (0.0, "calls") for name in flow.tasks[2:]},
        )  # fmt: skip
        (advice,) = advise(recorded)
        assert advice.sentence == "calls=2/s held 18 tasks back."
        assert advice.figures["enough"] in ("16/s", "24/s")

    def test_of_memory_it_is_a_size(self):
        """Small tasks keep busy whom the large ones leave free, so no worker is one too many."""
        large = [f"big{i}" for i in range(8)]
        flow = Flow("Two", tasks=[*large, *(f"s{i}" for i in range(8))])
        recorded = make_run(
            flow, [(name, f"w{i % 4}", i // 4, i // 4 + 1.0) for i, name in enumerate(flow.tasks)],
            workers=4, cpu=0.01, resources={"memory": "1 GB"}, makespan=8.0,
            asks={name: {"memory": 1e9} for name in large},
            waited_for={name: (0.0, "memory") for name in large[1:]},
        )  # fmt: skip
        (advice,) = advise(recorded)
        assert advice.sentence == "memory=1 GB held 7 tasks back."
        assert 'resources={"memory": "2 GB"}' in advice.remedy

    def test_silent_where_more_helps_little(self):
        assert "too_little" not in kinds(held(40, 7))

    def test_silent_where_nobody_waited(self):
        assert "too_little" not in kinds(held(24, 3, waited_for={}))

    def test_silent_where_the_critical_path_is_as_long(self):
        assert "too_little" not in kinds(held(24, 3, rest=[(f"u{i}", 1.0) for i in range(8)]))

    def test_what_was_held_back_is_no_cost_of_handing_out(self):
        flow = Flow("Rated", tasks=[f"t{i}" for i in range(100)])
        recorded = make_run(
            flow, [(name, "w0", i / 10, i / 10 + 1e-4) for i, name in enumerate(flow.tasks)],
            cpu=0.01, resources={"calls": "10/s"}, asks=each(flow, {"calls": 1}),
            waited_for={name: (0.0, "calls") for name in flow.tasks[1:]},
        )  # fmt: skip
        assert "small_tasks" not in kinds(recorded)


@pytest.mark.usefixtures("four_cores")
class TestTooMuch:
    def test_it_speaks(self):
        """20 tasks that wait for 10 of what there is, beside a chain of 10 s."""
        recorded = held(20, 10, workers=12, rest=[(f"u{i}", 1.0) for i in range(10)])
        advice = next(advice for advice in advise(recorded) if advice.kind == "too_much")
        assert str(advice) == (
            "api=2 would do; more of it saves nothing.\n"
            "    Evidence: predicted: 10.0 s with api=2, 10.0 s with api=10, although 10 tasks "
            "waited for it.\n"
            '    Remedy: run it with resources={"api": 2}, and leave the rest to others.'
        )
        assert advice.gain == 0

    def test_silent_where_it_is_what_the_run_waits_for(self):
        assert "too_much" not in kinds(held(24, 3))

    def test_silent_where_nobody_waited(self):
        recorded = held(20, 10, workers=12, rest=[(f"u{i}", 1.0) for i in range(10)], waited_for={})
        assert "too_much" not in kinds(recorded)

    def test_silent_where_one_task_needs_it_all(self):
        recorded = held(4, 10, amount=9.0, workers=12, rest=[(f"u{i}", 1.0) for i in range(10)])
        assert "too_much" not in kinds(recorded)


@pytest.mark.usefixtures("four_cores")
class TestTooManyForMemory:
    def of(self, limit, workers=8, peak=700_000_000, **options):
        recorded = rounds(24, 6, 1.0)
        return rounds(24, 6, 1.0, cpu=0.01, executor="processes", workers=workers,
                      peaks=each(recorded.flow, peak), asks=each(recorded.flow, {"memory": peak}),
                      resources={"memory": limit}, **options)  # fmt: skip

    def test_it_speaks(self):
        found = {advice.kind: advice for advice in advise(self.of("4.5 GB"))}
        advice = found["too_many_for_memory"]
        assert "too_many_workers" not in found and "too_few_workers" not in found
        assert str(advice) == (
            "6 workers fit into memory, 7 do not; it had 8.\n"
            "    Evidence: predicted: tasks that run at once take 4.2 of 4.5 GB on 6 workers, and "
            "would take 4.9 GB on 7.\n"
            "    Remedy: run it with workers=6, which takes as long; or let each task take less, "
            "by smaller parts."
        )

    def test_silent_where_all_fit(self):
        assert "too_many_for_memory" not in kinds(self.of("8 GB"))

    def test_silent_where_most_fit(self):
        assert "too_many_for_memory" not in kinds(self.of("5 GB"))

    def test_silent_where_nothing_is_known(self):
        recorded = rounds(24, 6, 1.0, cpu=0.01, workers=8, resources={"memory": "4 GB"})
        assert "too_many_for_memory" not in kinds(recorded)

    def test_silent_where_others_are_of_use(self):
        """Tasks that take nothing keep busy whom the large ones leave free."""
        flow = Flow("Two", tasks=[*(f"big{i}" for i in range(4)), *(f"s{i}" for i in range(12))])
        recorded = make_run(
            flow, [(name, f"w{i % 4}", i // 4, i // 4 + 1.0) for i, name in enumerate(flow.tasks)],
            workers=4, cpu=0.01, executor="processes", resources={"memory": "1 GB"},
            peaks={f"big{i}": 1_000_000_000 for i in range(4)},
            asks={f"big{i}": {"memory": 1e9} for i in range(4)},
        )  # fmt: skip
        assert "too_many_for_memory" not in kinds(recorded)


@pytest.mark.usefixtures("four_cores")
class TestKeptResults:
    FLOW = Flow("Kept", [("load", "fit"), ("fit", "tune"), ("tune", "report")])

    def of(self, value, *, fit=2.0, resources=(("memory", 1_000),)):
        recorded = make_run(
            self.FLOW,
            [("load", "w0", 0, 1), ("fit", "w0", 1, 1 + fit), ("tune", "w0", 1 + fit, 40),
             ("report", "w0", 40, 41)],
            cpu=0.01, workers=1, resources=dict(resources),
        )  # fmt: skip
        recorded.record.values[0] = value
        return recorded

    def test_it_speaks(self):
        found = [advice for advice in advise(self.of(bytes(300))) if advice.kind == "kept_results"]
        assert repr(found[0]) == (
            "Results of 'load' (300 B) are held for 38.0 s though no task takes them any more.\n"
            "    Evidence: 30 % of 1 kB of memory, in a run of 41.0 s.\n"
            '    Remedy: run it with keep="last", which lets go of a result when the last task has '
            "taken it; you cannot look at it then."
        )

    def test_silent_where_they_are_small(self):
        assert "kept_results" not in kinds(self.of(bytes(99)))

    def test_silent_where_they_are_taken_to_the_end(self):
        assert "kept_results" not in kinds(self.of(bytes(300), fit=35.0))

    def test_silent_where_they_are_gone(self):
        assert "kept_results" not in kinds(self.of(RELEASED))

    def test_silent_about_the_last_one(self):
        recorded = self.of(None)
        recorded.record.values[3] = bytes(900)
        assert "kept_results" not in kinds(recorded)

    def test_of_what_is_not_known_nobody_is_asked(self):
        class Kind(type):
            def __hash__(self):
                raise AssertionError

        class Odd(metaclass=Kind):
            def __len__(self):
                raise AssertionError

        assert bytes_of([Odd(), bytes(3)]) == 3

    def test_arrays_and_tables(self):
        array = numpy.zeros(100)
        table = pandas.DataFrame({"x": array})
        assert bytes_of(array) == 800
        assert bytes_of([array, array, table["x"]]) == 800 + table["x"].memory_usage()
        assert bytes_of(table) == int(table.memory_usage().sum())

    def test_without_a_limit_what_counts_is_the_machine(self, monkeypatch):
        monkeypatch.setattr(kept, "memory_left", lambda: Memory(1000, 0, "all that it has"))
        assert "kept_results" in kinds(self.of(bytes(300), resources=()))
        monkeypatch.setattr(kept, "memory_left", lambda: None)
        assert "kept_results" not in kinds(self.of(bytes(300), resources=()))


@pytest.mark.usefixtures("four_cores")
class TestAdvise:
    def test_what_saves_most_comes_first(self):
        flow = Flow("Two", [Edge("f", "g", "map")])
        intervals = [("f", "w0", 0, 6)]
        intervals += [(f"g[{i}]", f"w{i % 2}", 6 + i // 2, 7 + i // 2) for i in range(8)]
        intervals[-1] = ("g[7]", "w1", 9, 19)
        recorded = make_run(
            flow, intervals, cpu=0.01, executor="processes", cores=4, workers=2,
            handovers={"f": (0.5, 0)},
        )  # fmt: skip
        found = advise(recorded)
        assert len(found) > 1
        assert [advice.gain for advice in found] == sorted((a.gain for a in found), reverse=True)

    @pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.RUNNING])
    def test_silent_about_a_run_that_did_not_succeed(self, state):
        recorded = rounds(16, 2, 1.0, cpu=0.01)
        recorded.record.state = state
        assert advise(recorded) == []

    def test_silent_about_a_short_run(self):
        assert advise(rounds(16, 2, 0.01, cpu=0.01)) == []

    def test_no_run(self):
        with pytest.raises(TypeError, match=r"takes a run, not str: advise\(run\)"):
            advise("run")

    def test_every_piece_says_all_that_it_should(self):
        for advice in advise(rounds(16, 2, 1.0, cpu=0.01)):
            assert isinstance(advice, Advice)
            assert advice.sentence.endswith(".")
            assert advice.evidence
            assert advice.remedy
            assert not advice.evidence.endswith(".")
            assert not advice.remedy.endswith(".")
            assert advice.figures
            assert hash(advice)
            assert pickle.loads(pickle.dumps(advice)) == advice
            with pytest.raises(AttributeError):
                advice.kind = "other"

    def test_it_shows_itself(self):
        found = advise(rounds(16, 2, 1.0, cpu=0.01))
        assert (
            repr(found)
            == repr(found[0])
            == (
                "The flow could use 16 workers; it had 2.\n"
                "    Evidence: predicted: 1.00 s instead of 8.00 s; from then on a further worker "
                "saves less than 5 %.\n"
                "    Remedy: run it with workers=16."
            )
        )
        assert "<strong>The flow could use 16 workers; it had 2.</strong>" in found._repr_html_()
        assert found._repr_html_() == found[0]._repr_html_()
        nothing = advise(rounds(16, 16, 1.0, cpu=0.01))
        assert (repr(nothing), nothing._repr_html_()) == ("[]", None)

    def test_texts_are_escaped(self):
        odd = "<b>\n&\x1b[31m"
        advice = Advice("odd", f"It is {odd}.", odd, odd)
        assert "<b>" not in advice._repr_html_()
        assert "&lt;b&gt; &amp; [31m" in advice._repr_html_()
        assert len(repr(advice).splitlines()) == 3
        assert "\x1b" not in repr(advice)

    @given(
        st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20),
        st.lists(
            st.tuples(*[st.floats(0, 10)] * 4, st.floats(0, 1), st.integers(0, 3)),
            min_size=12, max_size=12,
        ),
        st.sampled_from(["threads", "processes", "sequential", "ThreadPoolExecutor", "Other"]),
        st.integers(1, 20),
        st.sampled_from([1, 2, float("inf")]),
    )  # fmt: skip
    @settings(deadline=None)
    def test_it_never_raises(self, pairs, tasks, executor, workers, cores):
        flow = Flow("any", [(f"t{a}", f"t{b}") for a, b in pairs if a < b],
                    [f"t{i}" for i in range(12)])  # fmt: skip
        recorded = make_run(
            flow,
            [(f"t{i}", f"w{w}", a, a + b) for i, (a, b, _, _, _, w) in enumerate(tasks)],
            handovers={f"t{i}": (min(a, c), d) for i, (a, _, c, d, _, _) in enumerate(tasks)},
            waits={f"t{i}": c for i, (_, _, c, _, _, _) in enumerate(tasks) if i % 2},
            helpers={f"t{i}": Helpers(c, w) for i, (_, _, c, _, _, w) in enumerate(tasks)},
            cpu={f"t{i}": share for i, (_, _, _, _, share, _) in enumerate(tasks)},
            executor=executor, workers=workers, cores=cores,
        )  # fmt: skip
        for advice in advise(recorded):
            assert advice.gain >= 0
            assert repr(advice)
