"""Predictions: exact for given durations, right about recorded runs, quick."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import functions as fn
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import make_run

from taskinity_nb import Flow, FlowError, State, Timeline, plot_gantt, run, simulate
from taskinity_nb.analysis.prediction.predictor import Predictor
from taskinity_nb.analysis.prediction.simulate import play
from taskinity_nb.analysis.prediction.workload import workload_of
from taskinity_nb.model.flow import Edge

DIAMOND = Flow("Diamond", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
SECONDS = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.5}


def spans(timeline):
    return [(row.task, row.worker, row.start, row.end) for row in timeline.rows]


class TestGivenDurations:
    @pytest.mark.parametrize(
        "text",
        [
            "flow F:\n input n\n a -> b",
            "flow F:\n input n, k = 3\n a -> b(depth=k)\n n -> b",
            "flow F:\n input inputs\n a -> b",
            "a -> b(depth=2)",
            "pd.io.read as a -> b",
        ],
    )
    def test_inputs_constants_and_modules_need_not_be_there(self, text):
        assert simulate(text, 2, {"a": 1, "b": 2}).makespan == 3

    def test_functions_that_are_bound_are_not_asked(self):
        flow = Flow("F", [("a", "b")]).bind({"a": lambda path: path, "b": lambda a, more: a})
        assert simulate(flow, 2, {"a": 1, "b": 2}).makespan == 3

    def test_workers_who_have_nothing_to_do_cost_nothing(self):
        assert simulate(DIAMOND, 10**9, SECONDS).makespan == 4.5

    def test_the_longest_way_goes_first(self):
        assert spans(simulate(DIAMOND, 1, SECONDS)) == [
            ("a", 1, 0.0, 1.0), ("c", 1, 1.0, 4.0), ("b", 1, 4.0, 6.0), ("d", 1, 6.0, 6.5),
        ]  # fmt: skip
        assert spans(simulate(DIAMOND, 2, SECONDS)) == [
            ("a", 1, 0.0, 1.0), ("c", 1, 1.0, 4.0), ("b", 2, 1.0, 3.0), ("d", 1, 4.0, 4.5),
        ]  # fmt: skip

    def test_a_task_without_one_takes_as_long_as_is_usual(self):
        assert simulate("a -> b -> c", 1, {"a": 1.0, "b": 3.0}).makespan == 6.0

    def test_nothing_is_known(self):
        with pytest.raises(FlowError, match="how long the tasks of flow 'Diamond' take"):
            simulate(DIAMOND, 2)

    def test_an_earlier_run_is_known(self):
        def slow(*_):
            time.sleep(0.05)

        run("slow -> [slow as b, slow as c]", namespace={"slow": slow})
        assert 0.15 <= simulate("slow -> [slow as b, slow as c]", 1).makespan < 1

    @pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True, None])
    def test_wrong_workers(self, workers):
        with pytest.raises(FlowError, match="workers is a whole number from 1 on"):
            simulate(DIAMOND, workers, SECONDS)

    def test_wrong_durations(self):
        with pytest.raises(FlowError, match="has no task 'x'"):
            simulate(DIAMOND, 1, {"x": 1.0})
        for seconds in (-1.0, float("nan"), float("inf"), 10**400, "1", None, True, 1j):
            with pytest.raises(FlowError, match="the duration of 'a' is a number of seconds"):
                simulate(DIAMOND, 1, {"a": seconds})

    def test_durations_are_whatever_maps(self):
        assert simulate("a -> b", 1, pd.Series({"a": 1.0, "b": 2.0})).makespan == 3.0
        for wrong in ([1.0, 2.0], 3.0):
            with pytest.raises(FlowError, match="durations maps tasks to seconds, and is no"):
                simulate("a -> b", 1, wrong)


class TestRunsThatWereCutOff:
    def recorded(self, *intervals, **options):
        return make_run(DIAMOND, intervals, **options)

    def test_what_was_skipped_is_skipped_again(self):
        ran = self.recorded(
            ("a", "w", 0, 1), ("c", "v", 1, 3),
            others={"b": State.SKIPPED, "d": (State.SKIPPED, "b")},
        )  # fmt: skip
        assert simulate(ran, 1).makespan == pytest.approx(3.0)

    def test_what_was_cut_off_takes_as_long_as_is_usual(self):
        ran = self.recorded(
            ("a", "w", 0, 1), ("b", "w", 1, 1.1, State.CANCELLED),
            ("c", "v", 1, 1.1, State.CANCELLED),
            state=State.CANCELLED, others={"d": State.CANCELLED},
        )  # fmt: skip
        assert simulate(ran, 1).makespan == pytest.approx(4.0)

    def test_or_longer_if_it_did(self):
        ran = self.recorded(
            ("a", "w", 0, 1), ("b", "w", 1, 6, State.TIMED_OUT), ("c", "v", 1, 2),
            others={"d": (State.UPSTREAM_FAILED, "b")},
        )  # fmt: skip
        assert simulate(ran, 1).makespan == pytest.approx(8.0)

    def test_of_one_that_was_cancelled_at_once_nothing_is_known(self):
        ran = self.recorded(
            ("a", "w", 0, 0.02, State.CANCELLED),
            state=State.CANCELLED, others=dict.fromkeys("bcd", State.CANCELLED),
        )  # fmt: skip
        with pytest.raises(FlowError, match="nothing is known of how long"):
            simulate(ran, 1)
        assert simulate(ran, 1, dict.fromkeys("abcd", 1.0)).makespan == 4.0
        assert not Predictor(ran).in_seconds
        assert Predictor(ran).predict("threads", 1).makespan == 4.0

    @given(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60),
        st.lists(st.floats(0, 10), min_size=31, max_size=31),
        st.integers(1, 8),
    )
    @settings(deadline=None)
    def test_any_schedule_is_one(self, pairs, seconds, workers):
        """No task before what it waits for, none beside another on its worker; Graham's bounds."""
        edges = [(f"t{a}", f"t{b}") for a, b in pairs if a < b]
        flow = Flow("any", edges, [f"t{i}" for i in range(31)])
        known = {f"t{i}": s for i, s in enumerate(seconds)}
        timeline = simulate(flow, workers, known)
        rows = {row.task: row for row in timeline.rows}
        assert rows.keys() == set(flow.tasks)
        for edge in flow.edges:
            assert rows[edge.source].end <= rows[edge.target].start
        for worker in range(1, workers + 1):
            busy = sorted((r.start, r.end) for r in timeline.rows if r.worker == worker)
            assert all(a[1] <= b[0] for a, b in pairwise(busy))
        bound = timeline.run.lower_bound(workers)
        assert timeline.makespan >= bound * (1 - 1e-6) - 1e-6
        assert timeline.makespan <= 2 * bound + 1e-6  # Graham 1969: 2 - 1 / workers


class TestRecordedRuns:
    def test_as_it_was(self):
        recorded = make_run(
            DIAMOND, [("a", "w1", 0, 1), ("b", "w1", 1, 3), ("c", "w2", 1, 4), ("d", "w1", 4, 4.5)]
        )
        assert simulate(recorded, 2).makespan == pytest.approx(4.5)
        assert simulate(recorded, 1).makespan == pytest.approx(6.5)
        assert simulate(recorded, 1, {"b": 0.0}).makespan == pytest.approx(4.5)

    def test_what_was_kept_takes_no_time(self):
        recorded = make_run(
            DIAMOND, [("b", "w", 0, 2), ("c", "w", 2, 5), ("d", "w", 5, 6)],
            others={"a": State.CACHED},
        )  # fmt: skip
        timeline = simulate(recorded, 2)
        assert [row.task for row in timeline.rows] == ["c", "b", "d"]
        assert timeline.makespan == pytest.approx(4.0)

    def test_items_of_a_map_run_beside_each_other(self):
        flow = Flow("S", [Edge("f", "wait", "map"), Edge("wait", "end")])
        items = [(f"wait[{item}]", "w", 1 + item, 2 + item) for item in range(6)]
        recorded = make_run(flow, [("f", "w", 0, 1), *items, ("end", "w", 7, 8)], workers=1)
        timeline = simulate(recorded, 3)
        assert {row.item for row in timeline.rows if row.task == "wait"} == set(range(6))
        assert timeline.makespan == pytest.approx(4)
        assert simulate(recorded, 1).makespan == pytest.approx(8)
        assert timeline.run.critical_path == ("f", "wait", "end")

    def test_a_map_after_a_map_streams(self):
        flow = Flow("S", [Edge("f", "g", "map"), Edge("g", "h", "map"), Edge("h", "end")])
        names = {"f": lambda: range(4), "g": lambda x: x, "h": lambda x: x, "end": len}
        recorded = run(flow, namespace=names, executor="sequential")
        timeline = simulate(recorded, 2)
        ends = {(row.task, row.item): row.end for row in timeline.rows}
        starts = {(row.task, row.item): row.start for row in timeline.rows}
        assert all(starts["h", item] >= ends["g", item] for item in range(4))
        assert len(timeline.rows) == 10

    def test_an_item_goes_on_before_another_one_begins(self):
        names = {"f": lambda: range(3), "g": lambda x: x, "h": lambda x: x}
        recorded = run("f -> map g -> map h", namespace=names, executor="sequential")
        rows = [(row.task, row.item) for row in simulate(recorded, 1).rows]
        assert rows[1:] == [(task, item) for item in range(3) for task in "gh"]

    def test_an_empty_map(self):
        names = {"f": list, "g": abs, "end": len}
        recorded = run("f -> map g -> end", namespace=names)
        assert [row.task for row in simulate(recorded, 2).rows] == ["f", "end"]

    def test_tasks_that_compute_share_the_cores(self):
        """Eight tasks that compute, on threads of one core: more workers do not help."""
        flow = Flow("Compute", tasks=[f"t{i}" for i in range(8)])
        intervals = [(f"t{i}", "w1", i, i + 1) for i in range(8)]
        recorded = make_run(flow, intervals, workers=1)
        recorded.cores = 1
        load = workload_of(recorded)._replace(shares=[1.0] * 8, cores=1.0)
        assert play(load, 4).makespan == pytest.approx(8.0)
        assert play(load._replace(cores=2.0), 4).makespan == pytest.approx(4.0)
        assert play(load._replace(shares=[0.5] * 8), 4).makespan == pytest.approx(4.0, rel=0.01)

    def test_threads_that_never_computed_at_once_have_one_core(self):
        def compute():
            begun = time.thread_time()
            while time.thread_time() - begun < 0.02:
                pass

        names = {"compute": compute}
        recorded = run("[compute as a, compute as b] -.-> compute", namespace=names, workers=2)
        assert workload_of(recorded).cores == 1

    def test_tasks_that_wait_do_not_share(self):
        barrier = threading.Barrier(2)
        names = {"wait": lambda: barrier.wait(30) and None}
        recorded = run("wait as a\nwait as b", namespace=names, workers=2)
        assert simulate(recorded, 2).makespan < 30


class TestTimeline:
    def test_it_shows_itself(self):
        timeline = simulate(DIAMOND, 2, SECONDS)
        assert isinstance(timeline, Timeline)
        assert repr(timeline) == "<Timeline Diamond on 2 workers: 4.5 s>"

    def test_it_is_drawn_like_a_run(self):
        timeline = simulate(DIAMOND, 2, SECONDS)
        assert timeline.run.speedup == pytest.approx(6.5 / 4.5)
        assert timeline.run.critical_path == ("a", "c", "d")
        assert "simulated on 2 workers" in repr(plot_gantt(timeline))

    def test_as_a_run_it_has_no_results(self):
        assert dict(simulate("one", 1, {"one": 1.0}).run) == {}
        assert simulate("one", 1, {"one": 1.0}).plan.calls[0].task.function is not fn.one


FOUR = Flow("Four", tasks=list("abcd"))
PEAKS = {name: (place + 1) * 10_000_000 for place, name in enumerate("abcd")}


class TestMemory:
    """Four tasks of 1 s that take 10, 20, 30 and 40 MB, on any number of workers."""

    def recorded(self, **options):
        intervals = [(name, "w0", place, place + 1.0) for place, name in enumerate("abcd")]
        return make_run(FOUR, intervals, workers=1, cpu=0.0, **options)

    def test_what_runs_at_the_same_moment_adds_up(self):
        measured = self.recorded(peaks=PEAKS)
        found = [simulate(measured, workers).peak_memory for workers in (1, 2, 4)]
        assert found == [40_000_000, 70_000_000, 100_000_000]

    def test_what_was_not_measured_takes_what_it_asks_for(self):
        recorded = self.recorded(asks={"a": {"memory": 5e6}, "b": {"memory": 1e9}},
                                 peaks={"b": 20_000_000})  # fmt: skip
        assert simulate(recorded, 4).peak_memory == 25_000_000

    def test_where_nothing_is_known_nothing_is_said(self):
        assert simulate(self.recorded(), 4).peak_memory is None

    def test_of_a_mapped_task_each_item_has_its_own(self):
        flow = Flow("Mapped", [Edge("f", "g", "map")])
        intervals = [("f", "w0", 0.0, 1.0)]
        intervals += [(f"g[{i}]", "w0", i + 1.0, i + 2.0) for i in range(4)]
        peaks = {
            f"g[{i}]": (i + 1) * 10_000_000 for i in range(3)
        }  # the last takes next to nothing
        recorded = make_run(flow, intervals, workers=1, cpu=0.0, peaks=peaks)
        assert simulate(recorded, 4).peak_memory == 60_000_000
        asking = make_run(flow, intervals, workers=1, cpu=0.0, asks={"g": {"memory": 5e6}})
        assert simulate(asking, 4).peak_memory == 20_000_000

    def test_with_a_limit_it_stays_below(self):
        asks = {name: {"memory": peak} for name, peak in PEAKS.items()}
        recorded = self.recorded(peaks=PEAKS, asks=asks, resources={"memory": "60 MB"})
        assert simulate(recorded, 4).peak_memory == 60_000_000
        assert simulate(recorded, 4, resources={"memory": "1 GB"}).peak_memory == 100_000_000

    def test_who_waits_is_told_and_drawn(self):
        asks = {name: {"api": 1} for name in "abc"}
        recorded = self.recorded(asks=asks, resources={"api": 1})
        timeline = simulate(recorded, 4)
        assert timeline.waits == [
            ("b", None, "api", 0.0, 1.0), ("c", None, "api", 0.0, 2.0),
        ]  # fmt: skip
        tasks = timeline.run.tasks
        assert [record.waited_for for record in tasks.values()] == ["", "api", "api", ""]
        assert tasks["c"].ready == 0.0 and tasks["c"].submitted == 2.0

    def test_to_wait_for_a_resource_is_no_cost_of_the_next_task(self):
        names = list("abc")
        intervals = [(name, "w0", float(place), place + 0.1) for place, name in enumerate(names)]
        recorded = make_run(
            Flow("Rated", tasks=names), intervals, workers=1, cpu=0.0,
            asks={name: {"calls": 1} for name in names}, resources={"calls": "1/s"},
            waited_for={name: (0.0, "calls") for name in "bc"},
        )  # fmt: skip
        assert simulate(recorded, 1).makespan == pytest.approx(2.1)
        faster = simulate(recorded, 1, resources={"calls": "10/s"})
        assert faster.makespan == pytest.approx(0.3)
