"""`history`: what is remembered of runs, without keeping them or their results alive."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from runs import make_run

from taskinity_nb import Flow, FlowError, State, TaskError, history, run, start
from taskinity_nb.analysis.history import History, Slower
from taskinity_nb.engine.scheduling.history import (
    MOST_RUNS,
    NOTHING,
    PastRun,
    learn,
    past_runs,
    remember,
    took,
)
from taskinity_nb.views.tables.history import history_table

MEMORY = "taskinity_nb.engine.scheduling.history"
CHAIN = Flow("Chain", [("load", "clean"), ("clean", "save")])


def recorded(seconds, flow=CHAIN, **options):
    """Remember a run whose tasks took so long, one after the other; return it."""
    intervals, now = [], 0.0
    for task, took_ in zip(flow.tasks, seconds, strict=True):
        intervals.append((task, "w", now, now + took_))
        now += took_
    made = make_run(flow, intervals, cpu=0.0, **options)
    remember(made, took(made.record.log))
    return made


class TestWhatIsRemembered:
    def test_the_facts(self):
        begun = time.time()
        made = run("load -> clean", namespace={"load": list, "clean": sorted}, workers=3)
        (row,) = history()
        assert (row.name, row.executor, row.workers, row.state) == (
            "flow", "threads", 3, State.SUCCEEDED
        )  # fmt: skip
        assert row.flow == made.flow and row.run is made
        assert row.makespan == made.makespan
        assert begun - 1 <= row.started <= row.ended <= time.time()
        assert list(row.seconds) == ["load", "clean"]
        for name, seconds in row.seconds.items():
            assert seconds == pytest.approx(made.tasks[name].duration)

    def test_neither_the_run_nor_its_results_are_kept(self):
        class Large:
            pass

        made = run("load", namespace={"load": Large})
        refs = [weakref.ref(made), weakref.ref(made["load"])]
        del made
        gc.collect()
        assert [ref() for ref in refs] == [None, None]
        (row,) = history()
        assert row.run is None and row.seconds.keys() == {"load"}
        assert row.task_seconds == pytest.approx(row.seconds["load"])

    def test_failed_and_cancelled_runs(self):
        with pytest.raises(TaskError):
            run("good -> bad", namespace={"good": list, "bad": lambda x: 1 / 0})
        began, go_on = threading.Event(), threading.Event()
        going = start("hold", namespace={"hold": lambda: began.set() or go_on.wait(30)})
        assert began.wait(30)
        going.cancel()
        go_on.set()
        cancelled, failed = history()
        assert (cancelled.state, failed.state) == (State.CANCELLED, State.FAILED)
        assert failed.seconds.keys() == {"good"} and cancelled.seconds == {}

    def test_items_are_counted_together(self):
        made = run(
            "load -> map twice -> map thrice -> collect",
            namespace={"load": lambda: [1, 2, 3], "twice": lambda x: 2 * x,
                       "thrice": lambda x: 3 * x, "collect": sum},
        )  # fmt: skip
        assert made["collect"] == 36
        (row,) = history()
        assert list(row.seconds) == ["load", "twice", "thrice", "collect"]
        for name in ("twice", "thrice"):
            items = made.tasks[name].items
            assert row.seconds[name] == pytest.approx(sum(item.duration for item in items))

    def test_kept_results_take_no_time(self):
        broken = {"load": list, "save": lambda x: 1 / 0}
        with pytest.raises(TaskError) as caught:
            run("load -> save", namespace=broken)
        caught.value.run.resume(namespace=broken | {"save": lambda x: x})
        assert history()[0].seconds.keys() == {"save"}

    def test_the_last_runs_of_a_flow(self):
        for _ in range(MOST_RUNS + 5):
            recorded([0.1, 0.2, 0.3])
        assert len(history()) == MOST_RUNS
        numbers = [row.number for row in history()]
        assert numbers == sorted(numbers, reverse=True)

    def test_the_last_flows(self, monkeypatch):
        monkeypatch.setattr(f"{MEMORY}.MOST_FLOWS", 2)
        for name in ("a", "b", "a", "c"):
            recorded([0.1], Flow(name, tasks=["load"]))
        assert [row.name for row in history()] == ["c", "a", "a"]

    def test_fewer_runs_of_a_large_flow(self, monkeypatch):
        monkeypatch.setattr(f"{MEMORY}.MOST_SECONDS", 10)
        for _ in range(5):
            recorded([0.1, 0.2, 0.3])
        assert len(history()) == 3

    def test_tasks_too_quick_to_matter_are_not_written_down(self):
        flow = Flow("Quick", tasks=[f"t{i}" for i in range(3000)])
        made = make_run(flow, [("t0", "w", 0, 1e-3)])
        learn(made)
        assert history(flow)[0].seconds == {}


class TestWhich:
    def test_by_name_text_or_flow(self):
        recorded([0.1], Flow("a", tasks=["load"]))
        recorded([0.1], Flow("b", tasks=["load"]))
        recorded([0.1], Flow("a", tasks=["save"]))
        assert [list(row.flow.tasks) for row in history("a")] == [["save"], ["load"]]
        assert [row.name for row in history("flow b:\n load")] == ["b"]
        assert [row.name for row in history(Flow("a", tasks=["load"]))] == ["a"]
        assert len(history("load -> save")) == 0 and len(history()) == 3

    def test_a_changed_flow_begins_anew(self):
        recorded([0.1, 0.1], Flow("a", [("load", "save")]))
        recorded([0.1, 0.1], Flow("a", [("save", "load")]))
        with pytest.raises(FlowError, match="only one run of flow 'a' is remembered"):
            history().last_two()

    def test_something_else(self):
        with pytest.raises(TypeError, match="a flow or its name, not int"):
            history(3)

    def test_it_is_a_sequence(self):
        first, last = recorded([0.1, 0.2, 0.3]), recorded([0.1, 0.2, 0.3])
        found = history()
        assert [row.run for row in found] == [last, first]
        assert found[0].run is last and found[-1] in found
        assert isinstance(found[1:], History) and len(found[1:]) == 1
        with pytest.raises(AttributeError):
            found.rows = ()


class TestSlower:
    def test_what_lost_most_comes_first(self):
        recorded([0.1, 0.2, 0.3])
        recorded([0.2, 0.6, 0.31])
        assert history().slower() == [
            Slower("clean", pytest.approx(0.2), pytest.approx(0.6)),
            Slower("load", pytest.approx(0.1), pytest.approx(0.2)),
        ]
        assert [one.ratio for one in history().slower()] == pytest.approx([3, 2])
        assert [one.task for one in history().slower(by=1.0)] == ["clean", "load", "save"]
        assert history().slower(by=4) == []

    def test_less_than_a_millisecond_is_noise(self):
        recorded([0.0001, 0.2, 0.3])
        recorded([0.0009, 0.2, 0.3])
        assert history().slower() == []

    def test_only_what_ran_both_times(self):
        run("load", namespace={"load": list})
        recorded([0.1, 0.2, 0.3])
        made = make_run(CHAIN, [("load", "w", 0, 0.5), ("clean", "w", 0.5, 1, ValueError("x"))])
        remember(made, took(made.record.log))
        assert [one.task for one in history("Chain").slower()] == ["load"]

    def test_from_nothing(self):
        assert Slower("t", 0.0, 1.0).ratio == float("inf")

    def test_too_few_runs(self):
        for call in (History(()).slower, History(()).plot):
            with pytest.raises(FlowError, match="no run is remembered"):
                call()
        recorded([0.1, 0.2, 0.3])
        for call in (history().slower, history().plot):
            with pytest.raises(FlowError, match="only one run of flow 'Chain'"):
                call()


class TestTable:
    def test_text(self):
        recorded([0.1, 0.2, 0.3], workers=4)
        recorded([0.1, 0.2, 0.6], workers=4)
        recorded([0.1], Flow("Other", tasks=["x"]), executor="sequential", workers=1,
                 state=State.FAILED)  # fmt: skip
        lines = [line.split("  ") for line in repr(history()).splitlines()]
        assert lines[0] == ["the last 3 runs of 2 flows"]
        told = [[cell.strip() for cell in line if cell.strip()] for line in lines[1:]]
        assert told[0] == [
            "started", "flow", "executor", "state", "workers", "makespan", "in tasks", "than before"
        ]  # fmt: skip
        assert told[1][1:] == ["Other", "sequential", "failed", "1", "100 ms", "100 ms"]
        assert told[2][1:] == [
            "Chain", "threads", "succeeded", "4", "900 ms", "900 ms", "1.5 times slower"
        ]  # fmt: skip
        assert told[3][1:] == ["Chain", "threads", "succeeded", "4", "600 ms", "600 ms"]

    def test_like_is_compared_with_like(self):
        recorded([0.1, 0.2, 0.6], executor="processes")
        recorded([0.1, 0.2, 0.9], workers=3)
        recorded([0.1, 0.2, 0.3])
        recorded([0.2, 0.4, 0.6], executor="processes")
        recorded([0.001, 0.002, 0.003], workers=5)
        recorded([0.001, 0.002, 0.001], workers=5)
        ends = [row[-1] for row in history_table(history()).rows]
        assert ends == ["too short to judge", "", "1.3 times slower", "", "", ""]
        assert [one.task for one in history()[2:].slower()] == ["clean", "load"]

    def test_what_waited_for_other_programs_is_not_compared(self):
        flow = Flow("Busy", tasks=["a"])
        for waited in (0.0, 0.5):
            made = make_run(flow, [("a", "w", 0.0, 1.0 + waited)], waits={"a": waited})
            remember(made, took(made.record.log))
        assert "the machine was busy: no comparison" in repr(history())

    def test_what_was_given_makes_a_difference(self):
        for number in (1, 2, 2):
            run("x", {"n": number}, namespace={"x": lambda n: time.sleep(0.31)})
        newest, same, other = history()
        assert newest.is_like(same) and not newest.is_like(other)
        assert history().before(same) is None

    def test_one_flow(self):
        recorded([0.1, 0.2, 0.3])
        assert repr(history()).startswith("the last 1 run of flow Chain\n")

    def test_many_rows(self):
        row = PastRun(recorded([0.1, 0.2, 0.3]), NOTHING)
        many = History((row,) * 60)
        assert repr(many).endswith("… and 10 more runs")
        assert many._repr_html_().count("<tr>") == 51

    def test_another_day(self):
        recorded([0.1, 0.2, 0.3])
        history()[0].ended -= 10 * 86_400
        assert repr(history()).splitlines()[2][:2] == "20"

    def test_html_is_escaped(self):
        name = "<b>&\x00"
        recorded([0.1], Flow(name, tasks=["x"]), executor="<i>")
        page = history()._repr_html_()
        assert "&lt;b&gt;&amp; </td>" in page and "&lt;i&gt;" in page
        assert "<b>" not in page and "<i>" not in page and "\x00" not in page
        assert page.count("<div") == page.count("</div>")

    def test_nothing(self):
        assert repr(history()) == "no run is remembered"
        assert "no run is remembered" in history()._repr_html_()


def written(ax):
    return [text.get_text() for text in ax.texts]


class TestPlot:
    def test_both_alive_are_a_gantt_chart(self):
        older = recorded([0.1, 0.2, 0.3], executor="threads")
        newer = recorded([0.1, 0.4, 0.3], executor="threads")
        ax = history().plot()
        assert isinstance(ax, Axes)
        assert ax.get_title() == (
            "The last run was 1.3 times slower than the one before (800 ms, before 600 ms)"
        )
        told = written(ax)
        assert "Chain; slower: clean 2.0 times" in told
        headings = [text for text in told if " ms" in text and ", " in text and ":" in text[:3]]
        assert [text.partition(", ")[2] for text in headings] == [
            "threads on 2 workers: 600 ms", "threads on 2 workers: 800 ms"
        ]  # fmt: skip
        assert repr(ax).startswith("Gantt of Chain: the last run was 1.3 times slower")
        assert (older.done, newer.done) == (True, True)

    def test_two_that_are_not_alike(self):
        older = recorded([0.1, 0.2, 0.3], executor="threads")
        newer = recorded([0.1, 0.4, 0.3], executor="sequential", workers=1)
        ax = history().plot()
        assert ax.get_title() == (
            "It ran sequential, before threads on 2 workers (800 ms, before 600 ms)"
        )
        assert "Chain" in written(ax) and older.done and newer.done
        with pytest.raises(FlowError, match="no earlier run of flow 'Chain' was like the last"):
            history().slower()

    def test_one_that_is_gone_leaves_bars(self):
        recorded([0.1, 0.2, 0.3])
        last = recorded([0.1, 0.4, 0.3])
        gc.collect()
        assert history()[1].run is None and history()[0].run is last
        ax = history().plot()
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(
            [100, 200, 300, 100, 400, 300]
        )
        assert [label.get_text() for label in ax.get_yticklabels()] == ["load", "clean", "save"]
        assert ax.get_title().startswith("The last run was 1.3 times slower")
        assert ax._repr_png_()[0].startswith(b"\x89PNG")

    def test_the_tasks_that_changed_most(self):
        flow = Flow("Wide", tasks=[f"x_{i}" for i in range(40)])
        recorded([0.1] * 40, flow)
        recorded([0.1] * 39 + [0.3], flow)
        gc.collect()
        ax = history().plot()
        ax.get_figure().draw_without_rendering()
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert len(labels) == 24 and "x_39" in labels
        assert "of 40 tasks, those that changed most" in written(ax)[0]

    def test_without_a_task_that_succeeded(self):
        for _ in range(2):
            with pytest.raises(TaskError):
                run("bad", namespace={"bad": lambda: 1 / 0})
        gc.collect()
        ax = history().plot()
        ax.get_figure().draw_without_rendering()
        assert ax.get_title().startswith("The last run failed (")

    def test_given_axes(self):
        recorded([0.1, 0.2, 0.3])
        recorded([0.1, 0.2, 0.3])
        gc.collect()
        ax = Figure().add_subplot()
        assert history().plot(ax) is ax
        assert "as fast as the one before" in ax.get_title()


def test_runs_end_in_many_threads():
    def many():
        for _ in range(30):
            run("load", namespace={"load": list}, executor="sequential")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (runs,) = past_runs().values()
    assert len(runs) == MOST_RUNS and len({one.number for one in runs}) == MOST_RUNS
