"""`compare`: the same flow in several ways, in turns, and what is left of it."""

from __future__ import annotations

import gc
import io
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import functions as fn
import pytest
from runs import make_run

from taskinity_nb import Comparison, Flow, FlowError, TaskError, compare, run
from taskinity_nb.analysis.measuring.compare import Case, _Tally
from taskinity_nb.analysis.measuring.turns import Setup, Turn, in_turns
from taskinity_nb.views.terminal import progress_line

FLOW = "load -> [left, right] -> join"
FUNCTIONS = {
    "load": lambda: 1, "left": lambda x: x, "right": lambda x: x, "join": lambda x, y: x + y
}  # fmt: skip
LOAD = Flow("Load", tasks=["load"])


def past(seconds, **options):
    return make_run(LOAD, [("load", "w", 0, seconds)], **options)


def case(label, seconds, *, executor="threads", workers=2, baseline=1.0, first=2.0, flow=LOAD):
    made = make_run(flow, [("load", "w", 0, 0.5)], executor=executor, workers=workers)
    return Case(
        label, seconds, baseline, executor=executor, workers=workers, first=first, run=made
    )  # fmt: skip


def comparison(*cases, baseline="sequential", flow=LOAD):
    return Comparison(flow, cases, baseline, "3.12.1", 4)


class TestMeasuring:
    def test_cases_take_turns(self, monkeypatch):
        order = []

        def spy(flow, inputs, *, executor, workers, namespace, **others):
            order.append((executor, workers))
            return run(
                flow, inputs, executor=executor, workers=workers, namespace=namespace, **others
            )

        monkeypatch.setattr("taskinity_nb.analysis.measuring.compare.run", spy)
        found = compare(
            FLOW, executors=("sequential", "threads"), workers=[1, 2], repeats=2,
            namespace=FUNCTIONS,
        )  # fmt: skip
        assert order == [("sequential", None), ("threads", 1), ("threads", 2)] * 3
        assert [(one.label, one.executor, one.workers) for one in found.cases] == [
            ("sequential", "sequential", 1),
            ("threads, 1 worker", "threads", 1),
            ("threads, 2 workers", "threads", 2),
        ]
        assert [len(one.seconds) for one in found.cases] == [2, 2, 2]

    def test_the_first_run_is_told_apart(self):
        calls = []

        def load():
            calls.append(None)
            if len(calls) == 1:
                threading.Event().wait(0.2)

        (only,) = compare("load", executors="sequential", namespace={"load": load}).cases
        assert len(calls) == 4 and len(only.seconds) == 3
        assert only.first >= 0.2 and only.min < only.first

    def test_processes(self):
        found = compare(
            "one -> double", None, executors=["processes"], workers=2, repeats=1,
            namespace={"one": fn.one, "double": fn.double},
        )  # fmt: skip
        assert found.cases[0].run.state == "succeeded" and found.cases[0].workers == 2

    def test_a_users_executor(self):
        with ThreadPoolExecutor(2) as pool:
            found = compare(FLOW, executors=pool, workers=[1, 2, 8], namespace=FUNCTIONS)
            assert pool.submit(abs, -1).result() == 1
        assert [one.label for one in found.cases] == [
            "ThreadPoolExecutor, 1 worker", "ThreadPoolExecutor, 2 workers"
        ]  # fmt: skip
        assert [one.workers for one in found.cases] == [1, 2]

    def test_an_empty_flow(self):
        found = compare(Flow("Empty", []), executors="sequential", repeats=1)
        assert found.speedup == 1.0

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"executors": ()}, "nothing to compare"),
            ({"workers": 0}, "workers is a whole number from 1 on, not 0"),
            ({"workers": [2, True]}, "workers is a whole number from 1 on, not True"),
            ({"repeats": 0}, "repeats is a whole number from 1 on, not 0"),
            ({"executors": "thread"}, "there is no executor 'thread'"),
        ],
    )
    def test_mistakes(self, options, said):
        with pytest.raises(FlowError, match=said):
            compare(FLOW, namespace=FUNCTIONS, **options)

    def test_a_task_that_fails(self):
        with pytest.raises(TaskError, match="'join'"):
            compare(FLOW, namespace=FUNCTIONS | {"join": lambda x, y: x / 0})


class TestWhatIsKept:
    def test_no_result_stays_alive(self):
        class Large:
            pass

        made = weakref.WeakSet()

        def load():
            value = Large()
            gc.collect()
            made.add(value)
            most.append(len(made))
            return value

        most = []
        found = compare("load", executors=["sequential", "threads"], namespace={"load": load})
        gc.collect()
        assert len(made) == 0 and len(most) == 8
        assert max(most) <= 2  # the one before may still be on its way out
        assert all(not one.run.tasks["load"].has_result for one in found.cases)

    @pytest.mark.parametrize(
        ("makespans", "median"),
        [((5,), 5), ((3, 1, 2), 2), ((1, 2, 3, 4), 2), ((9, 1, 8, 2, 5), 5), ((7, 7, 7), 7)],
    )
    def test_the_run_of_median_makespan_is_kept(self, makespans, median):
        tally = _Tally(len(makespans))
        tally.add(Turn(0, 0, 99.0, past(99)))
        for number, makespan in enumerate(makespans, 1):
            tally.add(Turn(number, 0, float(makespan), past(makespan)))
        kept = tally.case("x")
        assert kept.run.makespan == median
        assert kept.first == 99.0 and kept.seconds == tuple(map(float, makespans))

    def test_runs_that_cannot_be_the_median_are_let_go(self):
        tally = _Tally(3)
        for number, makespan in enumerate((99, 3, 1, 2)):
            tally.add(Turn(number, 0, float(makespan), past(makespan)))
        assert [one.makespan for one in tally._runs] == [2]

    def test_a_run_is_gone_before_the_next(self):
        alive = []
        refs = []

        def once(setup):
            gc.collect()
            alive.append(sum(ref() is not None for ref in refs))
            made = past(1)
            refs.append(weakref.ref(made))
            return made

        in_turns([Setup("a", "threads", 1)], 3, once, lambda turn: None)
        assert alive == [0, 0, 0]


class TestComparison:
    def test_speedups_are_median_by_median(self):
        found = compare(FLOW, executors=("threads", "sequential"), namespace=FUNCTIONS)
        threads, sequential = found.cases
        assert found.baseline == "sequential" and sequential.speedup == 1.0
        assert threads.speedup == sequential.median / threads.median
        assert found.best is min(found.cases, key=lambda one: one.median)
        assert found.speedup == found.best.speedup

    def test_without_a_sequential_run_one_worker_is_the_baseline(self):
        found = compare(FLOW, executors="threads", workers=[2, 1], namespace=FUNCTIONS)
        assert found.baseline == "threads, 1 worker"
        assert found.case("threads, 1 worker").speedup == 1.0

    def test_without_a_baseline(self):
        found = compare(FLOW, executors="threads", workers=2, namespace=FUNCTIONS)
        assert found.baseline is None and found.speedup is None
        assert "speed-up" not in repr(found)

    def test_it_is_frozen(self):
        found = comparison(case("a", (1.0,)))
        with pytest.raises(AttributeError):
            found.cases = ()
        with pytest.raises(AttributeError):
            found.cases[0].first = 0.0

    def test_a_case_by_its_label(self):
        found = comparison(case("sequential", (1.0,)), case("threads, 2 workers", (1.0,)))
        assert found.case("sequential") is found.cases[0]
        with pytest.raises(FlowError, match="did you mean 'sequential'"):
            found.case("sequentiel")
        with pytest.raises(FlowError, match="the cases are: sequential; threads, 2 workers"):
            found.case(2)


class TestDisplay:
    def test_text(self):
        found = comparison(
            case("sequential", (1.0, 1.1, 0.9), executor="sequential", workers=1, first=1.5),
            case("threads, 2 workers", (0.5, 0.4, 0.6)),
        )
        assert repr(found).splitlines() == [
            "Load: 3 repeats in turns after a first run; Python 3.12.1, 4 cores",
            "                    workers  median     min     max  first run  speed-up",
            "sequential                1  1.00 s  900 ms  1.10 s     1.50 s      1.00",
            "threads, 2 workers        2  500 ms  400 ms  600 ms     2.00 s      2.00",
            "threads, 2 workers: 2.0 times faster than sequential",
        ]

    def test_doubt(self):
        a, b = case("sequential", (1.0, 1.1)), case("threads", (0.9, 1.2))
        c = case("pool", (0.8, 1.1))
        two, three = comparison(a, b), comparison(a, b, c)
        assert "no faster than sequential" in repr(two).replace("nothing is", "no")
        assert "overlap" in repr(three) and "2 others" in repr(three)

    def test_html_is_escaped(self):
        flow = Flow("<b>&", tasks=["load"])
        found = comparison(
            case("<i>\x00", (1.0,), flow=flow), case("b", (0.5,)), baseline="<i>\x00", flow=flow
        )
        page = found._repr_html_()
        assert "&lt;b&gt;&amp;" in page and "&lt;i&gt;" in page
        assert "<b>" not in page and "<i>" not in page and "\x00" not in page
        assert page.count("<tr>") == 3 and page.count("<div") == page.count("</div>")


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestProgress:
    def test_a_line_in_a_terminal(self, monkeypatch):
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        compare("load", executors=["sequential", "threads"], repeats=1, namespace={"load": list})
        told = [line.removesuffix("\x1b[K") for line in stream.getvalue().split("\r")]
        assert told[:3] == [
            "", "comparing flow, first run: sequential", "comparing flow, first run: threads"
        ]  # fmt: skip
        assert told[-1] == ""  # nothing is left behind

    def test_the_line_goes_when_a_task_fails(self, monkeypatch):
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        with pytest.raises(TaskError):
            compare("load", executors="sequential", namespace={"load": lambda: 1 / 0})
        assert stream.getvalue().endswith("\r\x1b[K")

    @pytest.mark.parametrize("stream", [io.StringIO(), None])
    def test_nothing_where_nobody_looks(self, monkeypatch, stream):
        monkeypatch.setattr(sys, "stderr", stream)
        compare("load", executors="sequential", repeats=1, namespace={"load": list})
        assert stream is None or stream.getvalue() == ""

    def test_quick_runs_are_not_told_one_by_one(self, monkeypatch):
        clock = iter(range(1000))
        written = []
        monkeypatch.setattr(progress_line, "_writer", lambda: (written.append, written.append))
        monkeypatch.setattr(progress_line.time, "monotonic", lambda: next(clock) * 1e-3)
        with progress_line.Progress("f", ["a", "b"], 9) as line:
            for number in range(10):
                for place in range(2):
                    line.before(number, place)
        assert written[:2] == ["comparing f, first run: a", "comparing f, first run: b"]
        assert len(written) == 3 and written[-1].startswith("comparing f: 20 runs in ")

    def test_slow_runs_are_told_with_the_time_that_is_left(self, monkeypatch):
        written, now = [], [0.0]
        monkeypatch.setattr(progress_line, "_writer", lambda: (written.append, written.append))
        monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
        with progress_line.Progress("f", ["slow", "quick"], 2) as line:
            for number in range(3):
                for place, seconds in enumerate((10.0, 0.1)):
                    line.before(number, place)
                    now[0] += seconds
        assert written[2:] == [
            "comparing f, repeat 1 of 2: slow; about 20 s left",
            "comparing f, repeat 1 of 2: quick; about 10 s left",
            "comparing f, repeat 2 of 2: slow; about 10 s left",
            "comparing f, repeat 2 of 2: quick",
            "comparing f: 6 runs in 30.3 s",
        ]

    def test_one_output_in_a_notebook(self, kept_kernel):
        kernel = kept_kernel.as_new()
        kernel.run("import taskinity_nb as t")
        cell = kernel.run(
            "t.compare('f', executors='sequential', repeats=1, namespace={'f': list})"
        )
        assert not cell.error and not cell.printed
        line, table = cell.outputs
        assert line["text/plain"].startswith("comparing flow: 2 runs in ")
        assert "<table" in table["text/html"] and "sequential" in table["text/plain"]
        assert len(cell.of("update_display_data")) >= 2
