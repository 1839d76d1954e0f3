"""A task that runs once for each item of a result."""

from __future__ import annotations

import threading
from collections import UserDict

import functions as fn
import pytest
from sizes import sized

from taskinity_nb import BindingError, Flow, MapError, State, Task, TaskError, run, skip, start

NAMES = vars(fn)


def reciprocal(x):
    return 1 / x


def states_of(items):
    return [str(item.state) for item in items]


class TestItems:
    def test_of_a_list(self, executor):
        names = NAMES | {"scan": lambda: [3, 1, 2]}
        result = run("scan -> map double -> collect", namespace=names, executor=executor)
        assert dict(result) == {"scan": [3, 1, 2], "double": [6, 2, 4], "collect": ([6, 2, 4],)}
        record = result.tasks["double"]
        assert [item.name for item in record.items] == ["double[0]", "double[1]", "double[2]"]
        for place, item in enumerate(record.items):
            stamps = [item.ready, item.submitted, item.started, item.finished, item.received]
            assert stamps == sorted(stamps)
            assert (item.item, item.attempts, item.result) == (place, 1, result["double"][place])
            assert item.worker
            assert record.started <= item.started <= item.finished <= record.finished
        assert record.worker is None
        assert result.tasks["collect"].ready >= max(item.received for item in record.items)

    @pytest.mark.parametrize(
        ("scan", "items"),
        [
            (lambda: (1, 2), [1, 2]),
            (lambda: {"a": 1, "b": 2}, [("a", 1), ("b", 2)]),
            (lambda: UserDict(a=1), [("a", 1)]),
            (lambda: {7}, [7]),
            (lambda: range(3), [0, 1, 2]),
            (lambda: (x * x for x in range(3)), [0, 1, 4]),
            (lambda: map(str, range(2)), ["0", "1"]),
            (lambda: iter([1, 2]), [1, 2]),
        ],
        ids=["tuple", "dict", "mapping", "set", "range", "generator", "map", "iterator"],
    )
    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes", "spawn"])
    def test_of_any_iterable(self, executor, pools, scan, items):
        names = {"scan": scan, "same": lambda x: x}
        executor = pools.get(executor, executor)
        assert run("scan -> map same", namespace=names, executor=executor)["same"] == items

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_rows_of_an_array(self, executor):
        numpy = pytest.importorskip("numpy")
        names = {"scan": lambda: numpy.arange(6).reshape(3, 2), "total": lambda row: row.sum()}
        assert run("scan -> map total", namespace=names, executor=executor)["total"] == [1, 5, 9]

    def test_an_empty_list(self, executor):
        names = {"scan": list, "work": fn.double, "again": fn.double, "collect": len}
        text = "scan -> map work -> map again -> collect"
        result = run(text, namespace=names, executor=executor)
        assert dict(result) == {"scan": [], "work": [], "again": [], "collect": 0}
        assert result.tasks["work"].items == ()

    def test_an_iterator_is_a_list_for_everybody(self, executor):
        """The task that made it runs it, and two tasks can be mapped over it."""
        names = {"scan": lambda: iter("ab"), "same": lambda x: x, "whole": lambda x: x}
        text = "scan -> [map same as one, map same as two, whole]"
        result = run(text, namespace=names, executor=executor)
        assert [result[name] for name in ("scan", "one", "two", "whole")] == [["a", "b"]] * 4

    def test_the_other_results_are_given_whole(self, executor):
        names = {
            "scan": lambda: [1, 2],
            "rates": lambda: [10, 20],
            "work": lambda rates, item, plus: (item, rates, plus),
        }
        text = "rates -> work\nscan -> map work"
        result = run(text, {"plus": 5}, namespace=names, executor=executor)
        assert result["work"] == [(1, [10, 20], 5), (2, [10, 20], 5)]

    def test_by_the_name_of_the_task(self):
        names = {"scan": lambda: [1, 2], "load": lambda: 7, "work": lambda load, scan: (load, scan)}
        text = "scan -> map work\nload -> work"
        assert run(text, namespace=names)["work"] == [(7, 1), (7, 2)]

    def test_over_a_key(self, executor):
        names = {"load": lambda: {"files": [1, 2], "root": "r"}, "work": fn.double}
        assert run("load.files -> map work", namespace=names, executor=executor)["work"] == [2, 4]

    @pytest.mark.parametrize("scan", [lambda: 3, lambda: "text", lambda: None])
    def test_of_what_has_none(self, executor, scan):
        with pytest.raises(TaskError, match="task 'work' failed") as caught:
            names = {"scan": scan, "work": fn.double, "collect": fn.collect}
            run("scan -> map work -> collect", namespace=names, executor=executor)
        error = caught.value
        assert isinstance(error.__cause__, BindingError)
        assert "task 'work' is mapped over the result of 'scan'" in str(error)
        assert "write 'scan -> work' without 'map'" in str(error)
        assert str(error.run.tasks["collect"].state) == "upstream_failed"

    def test_a_key_that_is_not_there(self):
        names = {"load": lambda: {"fils": [1]}, "work": fn.double}
        with pytest.raises(TaskError, match="has no key 'files'") as caught:
            run("load.files -> map work", namespace=names)
        assert "did you mean 'fils'?" in str(caught.value)

    def test_an_iterator_that_raises_is_its_own_tasks_failure(self, executor):
        def broken():
            yield 1
            raise ValueError("no second")

        names = {"scan": broken, "work": fn.double}
        with pytest.raises(TaskError, match="task 'scan' failed: ValueError: no second"):
            run("scan -> map work", namespace=names, executor=executor)

    def test_an_iterable_that_raises(self):
        class Broken:
            def __iter__(self):
                raise ValueError("no items today")

        names = {"scan": Broken, "work": fn.double}
        with pytest.raises(TaskError, match="task 'work' failed: ValueError: no items today"):
            run("scan -> map work", namespace=names)

    def test_keys_of_an_item_fill_parameters(self, executor):
        """What is left of the rules holds for an item as for a result."""
        names = {"scan": lambda: [{"a": 1, "b": 2}, {"a": 3, "b": 4}], "add": fn.add}
        assert run("scan -> map add", namespace=names, executor=executor)["add"] == [3, 7]


class TestStreams:
    def test_each_item_goes_on_by_itself(self):
        """The second step of one item runs while the first step of the other one does not end."""
        second = threading.Event()

        def first(x):
            if x == 1:
                assert second.wait(30)
            return x

        def then(x):
            if x == 0:
                second.set()
            return 10 * x

        names = {"scan": lambda: [0, 1], "first": first, "then": then, "collect": fn.collect}
        result = run("scan -> map first -> map then -> collect", namespace=names, workers=2)
        assert result["collect"] == ([0, 10],)

    def test_in_processes(self, tmp_path):
        ready = tmp_path / "ready"
        names = {
            "scan": lambda: [0, 1],
            "first": Task(fn.wait_if_one),
            "then": Task(fn.touch_if_zero),
        }
        inputs = {"marker": str(ready)}
        text = "scan -> map first -> map then"
        result = run(text, inputs, namespace=names, executor="processes", workers=2)
        assert result["then"] == [0, 1]

    def test_three_in_a_row(self, executor):
        names = {"scan": lambda: range(5), **dict.fromkeys("abc", fn.double)}
        text = "scan -> map a -> map b -> map c"
        result = run(text, namespace=names, executor=executor)
        assert (result["b"], result["c"]) == ([0, 4, 8, 12, 16], [0, 8, 16, 24, 32])
        assert len(result.tasks["c"].items) == 5

    def test_two_after_one(self, executor):
        names = {"scan": lambda: range(3), **dict.fromkeys("abc", fn.double), "add": fn.add}
        text = "scan -> map a -> [map b, map c]\n[b, c] -> add"
        assert run(text, namespace=names, executor=executor)["add"] == [0, 4, 8, 0, 4, 8]

    def test_one_that_waits_for_another_task_too(self, executor):
        names = {
            "scan": lambda: [1, 2],
            "a": fn.double,
            "late": lambda a: sum(a),
            "b": lambda item, late: (item, late),
        }
        result = run("scan -> map a -> late\na -> map b\nlate -> b", namespace=names,
                     executor=executor)  # fmt: skip
        assert result["b"] == [(2, 6), (4, 6)]

    def test_of_lists_is_cut_only_by_a_task(self):
        """A map after a map goes on with each result as it is; to go into it, a task is needed."""
        names = {
            "scan": lambda: [[1, 2], [3]],
            "a": lambda row: [2 * x for x in row],
            "flat": lambda a: [x for row in a for x in row],
            "b": lambda x: x,
        }
        assert run("scan -> map a -> map b", namespace=names)["b"] == [[2, 4], [6]]
        assert run("scan -> map a -> flat -> map b", namespace=names)["b"] == [2, 4, 6]

    def test_a_key_of_all_results_is_no_stream(self):
        class Row(list):
            first = property(lambda self: self[:1])

        names = {"scan": lambda: Row([1, 2]), "work": fn.double}
        assert run("scan.first -> map work", namespace=names)["work"] == [2]


class TestFailures:
    def test_the_others_are_kept(self, executor):
        names = NAMES | {"scan": lambda: [1, 0, 4], "reciprocal": reciprocal}
        text = "scan -> map reciprocal -> collect"
        with pytest.raises(MapError) as caught:
            run(text, namespace=names, executor=executor)
        error = caught.value
        assert str(error) == (
            "task 'reciprocal': 1 of 3 items failed\n"
            "  reciprocal[1] on 0: ZeroDivisionError: division by zero"
        )
        assert [(item, on, type(why)) for item, on, why in error.items] == [
            (1, 0, ZeroDivisionError)
        ]
        assert error.__cause__ is error.items[0][2]
        assert error.task == "reciprocal"
        assert dict(error.run) == {"scan": [1, 0, 4]}
        record = error.run.tasks["reciprocal"]
        assert states_of(record.items) == ["succeeded", "failed", "succeeded"]
        assert [item.result for item in record.items if item.has_result] == [1.0, 0.25]
        assert record.items[1].error is error.items[0][2]
        assert record.items[1].frames[-1][2] == "reciprocal"
        collect = error.run.tasks["collect"]
        assert (str(collect.state), collect.cause) == ("upstream_failed", "reciprocal")

    def test_continue(self, executor):
        names = NAMES | {"scan": lambda: [0, 1, 0], "reciprocal": reciprocal}
        result = run("scan -> map reciprocal -> collect", namespace=names, executor=executor,
                     on_error="continue")  # fmt: skip
        assert result.state is State.FAILED
        error = result.errors["reciprocal"]
        assert isinstance(error, MapError)
        assert [(item, on) for item, on, _ in error.items] == [(0, 0), (2, 0)]

    def test_many(self):
        names = {"scan": lambda: range(1000), "fail": lambda x: 1 // 0}
        with pytest.raises(MapError) as caught:
            run("scan -> map fail", namespace=names)
        lines = str(caught.value).splitlines()
        assert lines[0] == "task 'fail': 1000 of 1,000 items failed"
        assert lines[-1] == "  … and 990 more"
        assert len(lines) == 12
        assert [item for item, _, _ in caught.value.items] == list(range(1000))

    def test_an_item_without_a_text(self):
        class Shy:
            def __repr__(self):
                raise RuntimeError

        names = {"scan": lambda: [Shy()], "fail": lambda x: 1 // 0}
        with pytest.raises(MapError, match=r"fail\[0\] on <Shy instance at \w+>: Zero"):
            run("scan -> map fail", namespace=names)

    def test_in_a_stream(self, executor):
        """An item that failed is missing in what follows; the others go through."""
        names = NAMES | {"scan": lambda: [1, 0, 4], "reciprocal": reciprocal}
        text = "scan -> map reciprocal -> map double -> collect"
        result = run(text, namespace=names, executor=executor, on_error="continue")
        record = result.tasks["double"]
        assert states_of(record.items) == ["succeeded", "upstream_failed", "succeeded"]
        assert record.items[1].cause == "reciprocal[1]"
        assert [item.result for item in record.items if item.has_result] == [2.0, 0.5]
        assert str(record.state) == "upstream_failed"
        assert record.cause == "reciprocal[1]"
        assert str(result.tasks["collect"].state) == "upstream_failed"
        assert list(result.errors) == ["reciprocal"]

    def test_stop(self):
        names = {"scan": lambda: [0, 1, 2], "reciprocal": reciprocal, "same": lambda x: x}
        text = "scan -> map reciprocal -> map same"
        with pytest.raises(MapError) as caught:
            run(text, namespace=names, executor="sequential", on_error="stop")
        tasks = caught.value.run.tasks
        assert states_of(tasks["reciprocal"].items) == ["failed", "cancelled", "cancelled"]
        assert str(tasks["reciprocal"].state) == "failed"
        assert all(record.state.is_final for record in tasks.values())

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_stop_counts_every_item_once(self, executor):
        names = {"scan": lambda: range(40), "reciprocal": reciprocal}
        for _ in range(10):
            with pytest.raises(MapError) as caught:
                run("scan -> map reciprocal", namespace=names, executor=executor, workers=4,
                    on_error="stop")  # fmt: skip
            events = caught.value.run.events
            ended = [event.item for event in events if event.item is not None
                     and event.state.is_final]  # fmt: skip
            assert sorted(ended) == list(range(40))

    def test_skip(self, executor):
        """An item that skips itself is left out."""
        names = NAMES | {
            "scan": lambda: [1, 2, 3, 4],
            "odd": lambda x: x if x % 2 else skip("even"),
        }
        text = "scan -> map odd -> map double -> collect"
        result = run(text, namespace=names, executor=executor)
        assert (result["odd"], result["collect"]) == ([1, 3], ([2, 6],))
        assert states_of(result.tasks["odd"].items) == ["succeeded", "skipped"] * 2
        assert states_of(result.tasks["double"].items) == ["succeeded", "skipped"] * 2
        assert str(result.tasks["odd"].items[1].error) == "even"
        assert result.state is State.SUCCEEDED

    def test_retries(self, executor, tmp_path):
        names = {
            "scan": lambda: [str(tmp_path / name) for name in "ab"],
            "fail_once": Task(fn.fail_once, retries=1),
        }
        result = run("scan -> map fail_once", namespace=names, executor=executor)
        assert result["fail_once"] == ["second attempt"] * 2
        assert [item.attempts for item in result.tasks["fail_once"].items] == [2, 2]

    def test_a_dead_worker(self, tmp_path):
        names = {
            "scan": lambda: [str(tmp_path / name) for name in "abc"],
            "kill_self_once": fn.kill_self_once,
        }
        result = run("scan -> map kill_self_once", namespace=names, executor="processes")
        assert result["kill_self_once"] == ["second attempt"] * 3

    def test_an_item_that_cannot_travel(self):
        names = {"scan": lambda: 1, "same": lambda x: x,
                 "locks": Task(lambda x: [threading.Lock(), 5], executor="threads")}  # fmt: skip
        with pytest.raises(MapError) as caught:
            run("scan -> locks -> map same", namespace=names, executor="processes")
        assert "task 'same': parameter 'x' (each item of result of locks)" in str(caught.value)
        assert [item for item, _, _ in caught.value.items] == [0]

    def test_cancel(self):
        begun, gate = threading.Event(), threading.Event()

        def hold(x):
            if x == 1:
                begun.set()
                gate.wait(30)
            return x

        names = {"scan": lambda: range(5), "hold": hold, "same": lambda x: x}
        going = start("scan -> map hold -> map same", namespace=names, workers=1)
        assert begun.wait(30)
        going.cancel()
        gate.set()
        tasks = going.tasks
        assert states_of(tasks["hold"].items) == ["succeeded", *["cancelled"] * 4]
        assert str(tasks["hold"].state) == "cancelled"
        ended = [event for event in going.events if event.state.is_final]
        assert len(ended) == len({(event.task, event.item) for event in ended})


class TestEvents:
    def test_of_items(self):
        names = {"scan": lambda: [7, 8], "same": lambda x: x}
        result = run("scan -> map same", namespace=names, executor="sequential")
        assert [(e.task, e.item, str(e.state)) for e in result.events][3:] == [
            ("same", None, "ready"),
            ("same", None, "running"),
            ("same", 0, "ready"),
            ("same", 1, "ready"),
            ("same", 0, "running"),
            ("same", 0, "succeeded"),
            ("same", 1, "running"),
            ("same", 1, "succeeded"),
            ("same", None, "succeeded"),
        ]

    def test_items_are_dealt_to_all_workers(self):
        meeting = threading.Barrier(3)
        names = {"scan": lambda: range(3), "meet": lambda x: meeting.wait(timeout=30) * 0}
        result = run("scan -> map meet", namespace=names, workers=3)
        assert len({item.worker for item in result.tasks["meet"].items}) == 3


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("executor", ["sequential", "threads", "processes", "thread pool"])
def test_many_thousand_items(executor, pools):
    count = sized(20_000, 100_000)
    names = {"scan": lambda: range(count), "double": fn.double, "collect": sum}
    text = "scan -> map double -> map double as again -> collect"
    result = run(text, namespace=names, executor=pools.get(executor, executor))
    assert result["collect"] == 4 * sum(range(count))
    assert all(item.state is State.SUCCEEDED for item in result.tasks["again"].items)


def test_a_flow_that_is_made_by_hand():
    flow = Flow("by hand", [("scan", "double", "map")])
    assert run(flow, namespace=NAMES | {"scan": lambda: [1]})["double"] == [2]
