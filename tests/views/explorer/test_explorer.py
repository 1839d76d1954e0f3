"""The explorer: what it predicts and says, what it sends for each move, and what it really runs."""

from __future__ import annotations

import sys
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from runs import make_run

from taskinity_nb import BindingError, FlowError, State, explore, parse_dsl, run
from taskinity_nb.analysis.prediction.predictor import Predictor
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.explorer.encoding import errors_of, laid_over, off_by, sliders_of, steps_of
from taskinity_nb.views.explorer.state import ExplorerState
from taskinity_nb.views.live.live_graph import WIDGET_VIEW

FAN = Flow("Fan", [("a", "b"), ("a", "c"), ("a", "d")])
SEQUENCE = (("a", "w1", 0, 1), ("b", "w1", 1, 3), ("c", "w2", 1, 3), ("d", "w1", 3, 5))


def fan(**options):
    return make_run(FAN, SEQUENCE, cpu=0.0, **options)


def bars_of(data):
    numbers = array("f")
    numbers.frombytes(data)
    return [tuple(numbers[i : i + 6]) for i in range(0, len(numbers), 6)]


def says(state, **settings):
    state.set(settings)
    return state.traits()["shown"]["told"]


class TestWhatIsPredicted:
    def test_without_durations_each_task_counts_one(self):
        state = ExplorerState(FAN, workers=1)
        traits = state.traits()
        assert traits["shown"]["makespan"] == 4 and not traits["shown"]["seconds"]
        assert says(state, workers=3) == (
            "No durations are known yet, so each task counts 1: 2 on 3 workers."
        )
        assert says(state, executor="sequential").endswith("4 one after the other.")

    def test_each_move_sends_the_schedule(self):
        state = ExplorerState(FAN, workers=1, run=fan())
        state.set({"workers": 3})
        traits = state.traits()
        assert bars_of(traits["predicted"]) == [
            (0, 1, 0, 0, -1, 0),
            (1, 2, 0, 1, -1, 0),
            (1, 2, 1, 2, -1, 0),
            (1, 2, 2, 3, -1, 0),
        ]
        assert traits["shown"]["rows"] == 3 and traits["shown"]["makespan"] == 3
        assert traits["shown"]["told"] == (
            "Predicted 3.00 s on 3 workers, 2.3 times faster than on one."
        )
        assert traits["measured"] == b""

    def test_the_curve_has_a_point_for_each_run(self):
        traits = ExplorerState(FAN, run=fan()).traits()
        assert dict(traits["curve"]["points"])[3] == pytest.approx(7 / 3)
        assert traits["curve"]["knee"] == 3
        (point,) = traits["curve"]["measured"]
        assert point["workers"] == 2 and point["speed"] == pytest.approx(1.4)
        other = ExplorerState(FAN, executor="processes", run=fan())  # it ran on threads
        assert other.traits()["curve"]["measured"] == []

    def test_what_was_simulated_was_not_measured(self):
        timeline = Predictor(fan(), "threads").predict("threads", 2)
        traits = ExplorerState(FAN, run=timeline.run).traits()
        assert traits["shown"]["told"] == (
            "Predicted 5.00 s on 2 workers, 1.4 times faster than on one."
        )
        assert traits["curve"]["measured"] == [] and not traits["measured"]

    def test_items_of_a_map_are_bars(self):
        flow = parse_dsl("scan -> map work")
        measured = make_run(
            flow, [("scan", "w", 0, 1), ("work[0]", "w", 1, 2), ("work[1]", "v", 1, 2)], cpu=0.0
        )
        bars = bars_of(ExplorerState(flow, workers=2, run=measured).traits()["predicted"])
        assert [bar[3:5] for bar in bars] == [(0, -1), (1, 0), (1, 1)]

    def test_the_memory_that_tasks_take_at_once(self):
        peaks = dict.fromkeys(FAN.tasks, 1_000_000_000)
        asks = {name: {"memory": 1e9} for name in FAN.tasks}

        def told(workers, **options):
            recorded = fan(peaks=peaks, asks=asks, **options)
            state = ExplorerState(FAN, workers=workers, run=recorded, resources=recorded.resources)
            return state.traits()["shown"]["memory"]

        assert [told(workers) for workers in (1, 3)] == ["peak 1 GB", "peak 3 GB"]
        two = {"memory": "2.5 GB"}
        assert told(1, resources=two) == "peak 1 of 2.5 GB"
        assert told(3, resources=two) == "peak 2 of 2.5 GB; 1 task waits for it"
        assert told(3, resources={"memory": "1.2 GB"}).endswith("of 1.2 GB; 2 tasks wait for it")

    def test_more_memory_than_there_is(self):
        recorded = fan(peaks={FAN.tasks[1]: 3_000_000_000}, resources={"memory": "2.5 GB"})
        state = ExplorerState(FAN, workers=1, run=recorded, resources=recorded.resources)
        assert state.traits()["shown"]["memory"] == "peak 3 of 2.5 GB: too much"

    def test_of_memory_nothing_is_said_where_it_is_not_known(self):
        state = ExplorerState(FAN, run=fan(), resources={"memory": 1e9})
        assert state.traits()["shown"]["memory"] == ""

    def test_threads_share_the_lock_and_processes_do_not(self, monkeypatch):
        monkeypatch.setattr("taskinity_nb.analysis.metrics.available_cores", lambda: 4)
        computing = make_run(FAN, SEQUENCE, cpu=1.0, executor="processes", cores=4)
        predictor = Predictor(computing, "processes")
        assert predictor.predict("processes", 3).makespan == pytest.approx(3)
        assert predictor.predict("threads", 3).makespan > 6

    def test_a_pool_has_only_so_many_workers(self):
        with ThreadPoolExecutor(2) as pool:
            state = ExplorerState(FAN, executor=pool, workers=8)
            assert list(state.executors)[-1] == "ThreadPoolExecutor (yours)"
            assert state.counting.workers == 2
            assert says(state, workers=1).endswith("4 on 1 worker.")

    def test_two_pools_of_one_kind_are_told_apart(self):
        with ThreadPoolExecutor(2) as one, ThreadPoolExecutor(3) as other:
            state = ExplorerState(FAN, executor=other, run=fan(), ran_on=one, workers=8)
            assert state.executors["ThreadPoolExecutor (yours)"] is other
            assert state.executors["ThreadPoolExecutor (yours, 2)"] is one
            assert state.counting.workers == 3
            state = ExplorerState(FAN, executor=one, run=fan(), ran_on=one)
            assert len(state.executors) == 4

    @pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4"])
    def test_workers_that_are_none(self, workers):
        with pytest.raises(FlowError, match="workers is a whole number from 1 on"):
            explore(FAN, workers=workers)

    def test_neither_a_flow_nor_a_run(self):
        with pytest.raises(TypeError, match=r"explore takes a flow or a run, not int"):
            explore(3)

    def test_a_run_that_goes_on(self):
        going = make_run(FAN, [("a", "w", 0, 1, None)], state=State.RUNNING)
        with pytest.raises(FlowError, match="not done"):
            explore(going)


class TestInputs:
    def test_sliders_have_room_on_both_sides(self):
        shown = sliders_of({"n": 40, "rate": 0.02, "debt": -7, "none": 0, "path": "x", "on": True})
        assert [(one.name, one.least, one.most, one.whole) for one in shown] == [
            ("n", 0, 100, True),
            ("rate", 0.0, pytest.approx(0.05), False),
            ("debt", -20, 0, True),
            ("none", 0, 10, True),
        ]
        assert sliders_of({"far": float("inf"), "huge": 10**400, "exact": 2**60}) == []

    def test_what_is_set_is_what_runs(self):
        state = ExplorerState(FAN, {"n": 40, "path": "x", "rate": 0.5})
        state.set({"values": [7.0, 0.25]})
        assert state.given(state.settings) == {"n": 7, "path": "x", "rate": 0.25}
        assert ExplorerState(FAN, 3).given(ExplorerState(FAN, 3).settings) == 3
        assert ExplorerState(FAN, "x").given(ExplorerState(FAN, "x").settings) == "x"

    def test_inputs_that_the_text_declares_can_be_set(self):
        text = 'flow F:\n input n = 4, fast = True, how = "a", sizes = [1, 2], path, none = None\nf'
        flow = parse_dsl(text)
        state = ExplorerState(flow, {"path": "data", "other": "x", "on": True}, workers=2)
        assert [(one.name, one.kind) for one in state.sliders] == [
            ("n", "number"), ("fast", "switch"), ("how", "text"), ("path", "text"),
        ]  # fmt: skip
        assert state.settings.values == (4, True, "a", "data")
        state.set({"values": [6, False, "b", "more data"]})
        assert state.given(state.settings) == {
            "n": 6, "fast": False, "how": "b", "path": "more data", "sizes": [1, 2], "none": None,
            "other": "x", "on": True,
        }  # fmt: skip
        state.set({"values": [True, 1, None, 3]})
        assert state.settings.values == (6, False, "b", "more data")
        assert ExplorerState(flow, "data", workers=2).inputs["path"] == "data"

    def test_what_is_set_of_them_is_told(self):
        flow = parse_dsl('flow F:\n input fast = True, how = "a"\n f(fast=fast, how=how)')
        run(flow, namespace={"f": lambda fast, how: 1})
        told = says(ExplorerState(flow, workers=1), values=[False, "b"])
        assert told.startswith(
            "How long it takes with fast = False, how = 'b' is not predicted; "
            "with fast = True, how = 'a': predicted "
        )

    def test_what_is_set_of_them_runs(self):
        flow = parse_dsl('flow F:\n input n = 4, fast = True, how = "a"\n f')
        explorer = explore(flow, namespace={"f": lambda n, fast, how: (n, fast, how)}, workers=1)
        explorer._hear({"action": "set", "values": [5, False, "b"]})
        explorer.start()
        assert explorer.wait()["f"] == (5, False, "b")
        again = explore(explorer.run)
        assert again._state.settings.values == (5, False, "b")

    def test_an_input_of_a_flow_in_the_flow(self):
        flow = parse_dsl("flow P:\n input n = 4\n f(n=n)\nflow F:\n P -> g")
        names = {"f": lambda n: n, "g": lambda P: P}
        explorer = explore(flow, namespace=names, workers=1)
        assert [(one.name, one.value) for one in explorer._state.sliders] == [("P.n", 4)]
        explorer._hear({"action": "set", "values": [5]})
        explorer.start()
        assert explorer.wait()["g"] == 5

    def test_a_prediction_says_with_which_inputs_the_run_was(self):
        state = ExplorerState(FAN, {"n": 40}, run=fan())
        assert says(state, workers=1, values=[50]) == (
            "How long it takes with n = 50 is not predicted; "
            "with n = 40: predicted 7.00 s on 1 worker."
        )
        assert state.traits()["shown"]["for"] == "n = 40"
        assert state.traits() and says(state, workers=1, values=[40]) == (
            "Predicted 7.00 s on 1 worker."
        )
        assert state.traits()["shown"]["for"] == ""

    @pytest.mark.parametrize(
        "number",
        [
            5e-324, -5e-324, 1e-310, float("nan"), float("-inf"), 1.7e308, -1e308, 2**53, -(2**60),
            10**400, Fraction(10**400), Decimal("NaN"), Decimal("Infinity"), True, np.True_,
            np.float64("nan"), 1j, State.RUNNING, "3", None, IntEnum("Choice", "a b").a,
        ],
        ids=repr,
    )  # fmt: skip
    def test_what_no_slider_can_show_has_none(self, number):
        state = ExplorerState(FAN, {"n": number}, workers=2)
        assert state.sliders == []
        assert state.given(state.settings)["n"] is number

    @pytest.mark.parametrize(
        ("number", "moved"),
        [
            (np.int64(4), np.int64(5)), (np.float32(0.1), np.float32(0.05)), (-0.0, 0.5),
            (Fraction(1, 3), Fraction(1, 4)), (Decimal("0.1"), Decimal("0.05")),
            (np.uint8(7), np.uint8(3)), (2**53 - 1, 5), (1e300, 1e299), (-1e-300, -1e-301),
            (9.999999999999e-5, 1e-4), (1e22, 1e21),
        ],
        ids=repr,
    )  # fmt: skip
    def test_a_number_keeps_its_type(self, number, moved):
        state = ExplorerState(FAN, {"n": number}, workers=2)
        (slider,) = state.sliders
        assert slider.least <= slider.value <= slider.most
        assert slider.least < slider.most
        assert state.given(state.settings)["n"] is number
        state.set({"values": [float(moved)]})
        given = state.given(state.settings)["n"]
        assert (type(given), given) == (type(moved), moved)
        alone = ExplorerState(FAN, number, workers=2)
        alone.set({"values": [float(moved)]})
        assert alone.given(alone.settings) == moved

    def test_any_float_has_a_range_or_no_slider(self):
        for power in range(-324, 309):
            for digits in ("1", "1.5", "2.5", "4.9999999999", "5", "9.999999999999999"):
                for sign in ("", "-"):
                    for slider in sliders_of(float(f"{sign}{digits}e{power}")):
                        assert slider.least <= slider.value <= slider.most < float("inf")

    def test_workers_are_chosen_finely_where_it_matters(self):
        assert steps_of(2, 64)[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
        for cores in (1, 2, 3, 6, 8, 48, 128):
            steps = steps_of(cores, 64, 37)
            assert steps[: min(2 * cores, 64)] == list(range(1, min(2 * cores, 64) + 1))
            assert steps == sorted(set(steps)) and steps[-1] == 64 and 37 in steps
            ratios = [b / a for a, b in pairwise(steps) if a > 2]
            assert max(ratios) <= 1.5
        assert 200 in ExplorerState(FAN, workers=200).steps

    @pytest.mark.parametrize(
        "message",
        [
            {"workers": "many", "executor": "dusk", "values": ["x"]},
            {"workers": None, "executor": None, "values": [1, 2]},
            {"values": [10**9]},
            {"values": [float("nan")]},
            {},
        ],
    )
    def test_what_cannot_be_set_is_left(self, message):
        state = ExplorerState(FAN, {"n": 40}, workers=2)
        before = state.settings
        state.set(message)
        assert state.settings == before


class TestWhatWasMeasured:
    def test_a_run_that_was_cancelled_is_not_said_to_be_measured(self):
        state = ExplorerState(FAN, workers=2, run=fan())
        state.remember(state.counting, fan(state=State.CANCELLED), None)
        assert state.traits()["shown"]["how"] == "cancelled after"

    def test_it_lies_over_the_prediction_that_was_made_before(self):
        state = ExplorerState(FAN, workers=2, run=fan(workers=3))
        predicted = state.predict(state.counting)
        told = state.remember(state.counting, fan(makespan=5.5), predicted)
        assert told == "predicted 5.00 s, measured 5.50 s: 9 % too quick"
        traits = state.traits()
        assert traits["shown"]["measured"] == 5.5 and traits["shown"]["makespan"] == 5
        assert traits["shown"]["speed"] == pytest.approx(dict(traits["curve"]["points"])[2])
        assert len(bars_of(traits["measured"])) == 4
        assert {bar[5] for bar in bars_of(traits["measured"])} == {list(State).index("succeeded")}
        assert traits["shown"]["how"] == "measured"
        state.set({"workers": 3})
        assert "from this very run" in state.traits()["shown"]["told"]
        state.set({"workers": 4})
        assert state.traits()["measured"] == b""
        state.set({"workers": 2})
        assert state.traits()["measured"] == traits["measured"]

    def test_only_the_last_run_can_be_shown_beside_it(self):
        state = ExplorerState(FAN, {"n": 40}, workers=2, run=fan())
        assert state.shown()[1]
        state.set({"values": [50]})
        state.remember(state.counting, fan(makespan=5.5), None)
        assert state.shown()[1]
        state.set({"values": [40]})  # it ran, but the last run had another input
        assert state.traits()["measured"] and not state.shown()[1]

    def test_a_worker_has_the_row_of_the_one_that_was_to_do_the_same(self):
        timeline = Predictor(fan(), "threads").predict("threads", 2)
        rows = {row.task: row.worker - 1 for row in timeline.rows}
        swapped = make_run(FAN, [("a", "w2", 0, 1), ("c", "w1", 1, 3), ("b", "w2", 1, 3),
                                 ("d", "w2", 3, 5)])  # fmt: skip
        for task, bar in zip(("c", "a", "b"), bars_of(laid_over(swapped, timeline).bars),
                             strict=False):  # fmt: skip
            assert bar[2] == rows[task]

    def test_a_run_that_failed_teaches_nothing(self):
        state = ExplorerState(FAN, workers=2)
        failed = make_run(FAN, [("a", "w", 0, 1, ValueError("no"))])
        assert state.remember(state.counting, failed, None).startswith("failed after")
        assert not state.in_seconds
        traits = state.traits()
        assert traits["curve"]["measured"] == []
        assert traits["measured"] and not traits["predicted"]  # seconds are no tasks

    def test_how_far_it_was_off(self):
        assert off_by(1.24, 1.31).endswith("5 % too quick")
        assert off_by(0.4, 0.2) == "predicted 400 ms, measured 200 ms: 100 % too slow"
        assert off_by(0.0, 0.0).endswith("less than 1 % off")

    def test_all_errors_are_told(self):
        failed = make_run(FAN, [("a", "w", 0, 1), ("b", "w", 1, 2, ValueError("no")),
                                ("c", "w", 2, 3, KeyError("k"))])  # fmt: skip
        text = errors_of(failed, ValueError("no\nat all"))
        assert text.splitlines() == [
            "no",
            "at all",
            "task 'b' failed too: ValueError: no",
            "task 'c' failed too: KeyError: 'k'",
        ]

    def test_one_that_resumed_is_predicted_from_as_a_whole(self):
        """What is run from here computes all tasks, also those that it had from an earlier run."""
        flow = Flow("Resumed", [("a", "b")])
        resumed = make_run(flow, [("b", "thread-1", 0, 2)], others={"a": State.CACHED})
        state = ExplorerState(flow, None, "threads", 1, resumed, "threads")
        assert state.told() == "predicted 4.00 s on 1 worker"
        assert state.traits()["shown"]["measured"] is None


class TestRunning:
    NAMES = {"a": lambda n=1: n, "b": lambda x: x, "c": lambda x: x, "d": lambda x: x}  # noqa: RUF012

    def test_run_really_runs_with_what_is_set(self):
        explorer = explore(FAN, {"n": 40}, namespace=self.NAMES, workers=2)
        send(explorer, {"action": "set", "workers": 3, "values": [50], "view": "v", "number": 8})
        assert explorer.widget.answered == {"view": "v", "number": 8}
        send(explorer, {"action": "run"})
        assert explorer.wait(30)["a"] == 50
        assert explorer.run.workers == 3
        assert explorer.widget.going == "no" and explorer.widget.status == "last run: succeeded"
        assert "measured" in explorer.widget.shown["told"]
        assert explorer.widget.measured
        assert len(explorer.box.children) == 2

    def test_a_run_is_explored_with_its_own_functions_and_inputs(self):
        with ThreadPoolExecutor(2) as pool:
            measured = run(FAN, {"n": 4}, namespace=self.NAMES, executor=pool)
            explorer = explore(measured)
            assert explorer.run is measured
            assert explorer.widget.settings["executor"] == "ThreadPoolExecutor (yours)"
            explorer.start()
            assert explorer.wait(30)["a"] == 4 and explorer.run is not measured

    def test_an_error_is_shown(self):
        names = {**self.NAMES, "b": lambda x: 1 / 0}
        explorer = explore(FAN, namespace=names, workers=2)
        explorer.start()
        explorer.wait(30)
        assert explorer.widget.problem == "task 'b' failed: ZeroDivisionError: division by zero"
        assert explorer.widget.status == "last run: failed" and explorer.run["d"] == 1
        assert len(bars_of(explorer.widget.measured)) == 4

    def test_a_flow_that_cannot_run_is_told_at_once_and_again(self):
        explorer = explore(FAN, {"m": 1}, namespace=self.NAMES)
        assert explorer.widget.problem.startswith("As it is, the flow cannot run: ")
        with pytest.raises(BindingError) as caught:
            run(FAN, {"m": 1}, namespace=self.NAMES)
        explorer.start()
        assert explorer.wait(30) is None
        assert explorer.widget.problem == str(caught.value)
        assert explorer.widget.status == "nothing ran"

    def test_whatever_keeps_it_from_starting_is_shown(self):
        class Inputs(dict):
            def items(self):
                raise SystemExit("not today")

        explorer = explore(FAN, namespace=self.NAMES)
        explorer._state.inputs = Inputs(n=1)
        explorer.start()
        assert explorer.wait(30) is None
        assert explorer.widget.going == "no" and explorer.widget.problem == "not today"

    def test_cancel(self):
        began, goes_on = threading.Event(), threading.Event()

        def first():
            began.set()
            goes_on.wait(30)

        explorer = explore("first -> last", namespace={"first": first, "last": lambda: None})
        explorer.start()
        assert began.wait(30)
        explorer.start()  # one at a time
        with pytest.raises(TimeoutError, match="it goes on"):
            explorer.wait(0)
        send(explorer, {"action": "set", "workers": 7})  # sliders go on meanwhile
        assert explorer.widget.settings["workers"] == 7 and explorer.widget.going == "yes"
        send(explorer, {"action": "cancel"})
        cancelled = explorer.wait(30)
        goes_on.set()
        assert cancelled.state is State.CANCELLED
        assert explorer.widget.status == "last run: cancelled" and not explorer.widget.problem

    def test_who_asked_is_told_of_each_run(self):
        from taskinity_nb.views.explorer.explorer import Explorer

        told = []
        explorer = Explorer(FAN, None, self.NAMES, on_run=told.append)
        explorer.start()
        assert explorer.wait(30) is told[0]


def send(explorer, content):
    """Do what a message of the browser does."""
    explorer.widget._handle_custom_msg(content, [])


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    assert not kernel.run("def load(n=1): return n\ndef twice(n): return 2 * n").error
    made = kernel.run("from taskinity_nb import *\nr = run('load -> twice', {'n': 4})")
    assert not made.error
    return kernel


class TestInAKernel:
    def test_the_cell_shows_the_explorer_and_runs_nothing(self, kernel):
        cell = kernel.run(
            "%%flow --explore --input n=4 --output unbound\nflow Ab:\n  load -> twice"
        )
        assert not cell.error, cell.error
        shown, place = cell.outputs
        assert set(shown) == {WIDGET_VIEW, "text/plain"}
        assert place["text/html"] == ""
        assert shown["text/plain"].startswith("<Explorer of Ab: no durations")
        assert "NameError" in kernel.run("unbound").error

    def test_the_name_is_bound_when_a_run_is_done(self, kernel):
        kernel.run("%%flow --explore --input n=4 --output r\nload -> twice")
        cell = kernel.run("e = _; e.start(); e.wait(); print(r is e.run, r['twice'])")
        assert cell.printed == "True 8\n", cell.error
        cell = kernel.run("%%flow --resume --input n=4 --output again\nload -> twice")
        assert kernel.value("[str(t.state) for t in again.tasks.values()]") == (
            "['cached', 'cached']"
        )

    def test_its_button_runs_with_a_cache_if_it_was_given_one(self, kernel, tmp_path):
        kernel.run(f"place = {str(tmp_path / 'kept')!r}")
        kernel.run("%%flow --explore --input n=4 --output first --cache place\nload -> twice")
        kernel.run("e = _; e.start(); e.wait()")
        cell = kernel.run("again = explore(first); again.start(); again.wait()")
        assert not cell.error, cell.error
        states = "[str(t.state) for t in {}.run.tasks.values()]"
        assert kernel.value(states.format("e")) == "['succeeded', 'succeeded']"
        assert kernel.value(states.format("again")) == "['cached', 'cached']"
        cell = kernel.run("e = explore(first, cache=False); e.start(); e.wait()")
        assert kernel.value(states.format("e")) == "['succeeded', 'succeeded']"

    def test_where_there_are_no_widgets_there_is_a_picture(self, kernel):
        cell = kernel.run("explore(r)")
        shown, _ = cell.outputs
        assert set(shown) == {WIDGET_VIEW, "image/png", "text/plain"}

    def test_a_picture_is_left_beside_the_widget(self, kernel):
        cell = kernel.run(
            "from IPython.display import display\ne = explore(r); display(e)\ne.leave_picture()"
        )
        shown, picture = cell.outputs
        assert WIDGET_VIEW in shown
        assert set(picture) == {"image/png", "text/plain"}
        assert not list(cell.of("comm_close"))

    def test_a_picture_can_be_left_without_the_widget(self, kernel):
        cell = kernel.run(
            "from IPython.display import display\ne = explore(r); display(e)\ne.close()"
        )
        shown, place = cell.outputs
        assert set(shown) == {"image/png", "text/plain"}
        assert place["text/html"] == ""
        opened = [content["comm_id"] for content in cell.of("comm_open")]
        closed = [content["comm_id"] for content in cell.of("comm_close")]
        assert len(opened) == 4 and set(opened) == set(closed)  # two widgets and their layouts

    def test_what_does_not_go_together(self, kernel):
        error = kernel.run("%%flow --explore --compare\nload -> twice").error
        assert "'--explore' does not go with '--compare'" in error


def test_in_a_terminal_it_is_text(capsys):
    explore(FAN)._ipython_display_()
    assert capsys.readouterr().out.startswith("<Explorer of Fan: no durations are known yet")


def test_the_javascript_reaches_for_nothing():
    folder = Path(sys.modules["taskinity_nb.views.explorer.encoding"].__file__).parent / "static"
    for name in ("explorer.js", "explorer.css"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "innerHTML" not in text and "import(" not in text
        assert text.count("://") == text.count("http://www.w3.org/2000/svg")
