"""Tasks that are looked at before they run, where other things happen to them too."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskinity_nb import BindingError, Cancelled, Task, TaskError, run, start


def states(result):
    return {name: str(record.state) for name, record in result.tasks.items()}


class Undecided:
    def __bool__(self):
        raise KeyError("neither")


def fail(*_):
    raise ValueError("no")


def sleep(load):
    time.sleep(60)


class TestAttempts:
    @pytest.mark.parametrize("text", ["load -> work\nwork when yes", "[bad?, load] -> work"])
    def test_a_gated_task_is_tried_again(self, text, executor, tmp_path):
        work = Task(Twice(str(tmp_path / "attempts")), retries=1)
        names = {"load": Give(1), "yes": Give(True), "bad": fail, "work": work}
        result = run(text, namespace=names, executor=executor, on_error="continue")
        assert result["work"] == "second"
        assert result.tasks["work"].attempts == 2

    def test_items_of_a_gated_map_are_tried_again(self, executor, tmp_path):
        work = Task(Twice(str(tmp_path / "attempts")), retries=1)
        names = {"load": Give([1]), "yes": Give(True), "work": work}
        result = run("load -> map work\nwork when yes", namespace=names, executor=executor)
        assert result["work"] == ["second"]

    def test_a_gated_task_takes_too_long(self):
        names = {"load": Give(1), "yes": Give(True), "work": Task(sleep, timeout=0.1),
                 "after": Default()}  # fmt: skip
        result = run("load -> work\nwork when yes\n[work?, load] -> after", namespace=names,
                     executor="processes", on_error="continue")  # fmt: skip
        assert states(result)["work"] == "timed_out"
        assert result["after"] == ("none", 1)

    def test_the_verdict_cannot_be_had(self, executor):
        names = {"odd": Undecided, "work": Give(1), "after": Default(), "load": Give(2)}
        text = "work when odd\n[work?, load] -> after"
        result = run(text, namespace=names, executor=executor, on_error="continue")
        assert type(result.errors["work"]) is BindingError
        assert "'work when odd' cannot be decided" in str(result.errors["work"])
        assert result["after"] == ("none", 2)
        with pytest.raises(TaskError, match="cannot be decided"):
            run(text, namespace=names, executor=executor)


class Give:
    def __init__(self, value):
        self.value = value

    def __call__(self):
        return self.value


class Default:
    def __call__(self, work="none", load=0):
        return work, load


class Twice:
    def __init__(self, path):
        self.path = path

    def __call__(self, load, bad=None):
        with open(self.path, "a+b") as file:
            file.write(b".")
            file.flush()
            if file.tell() == 1:
                raise ValueError("first")
        return "second"


class TestStops:
    def test_who_would_take_what_there_is_does_not_begin(self, executor):
        names = {"bad": fail, "after": Default(), "load": Give(2)}
        with pytest.raises(TaskError) as caught:
            run("[bad?, load] -> after", namespace=names, executor=executor, on_error="stop")
        assert states(caught.value.run)["after"] == "cancelled"

    def test_cancelled_while_a_branch_runs(self):
        begun, go_on = threading.Event(), threading.Event()

        def work():
            begun.set()
            go_on.wait(60)

        names = {"yes": lambda: True, "work": work, "after": lambda work=1, yes=2: (work, yes),
                 "other": lambda: 1, "never": lambda: False}  # fmt: skip
        text = "work when yes\n[work?, yes] -> after\nother when never"
        going = start(text, namespace=names)
        assert begun.wait(60)
        going.cancel()
        go_on.set()
        with pytest.raises(Cancelled):
            going.wait(60)
        assert states(going)["work"] == states(going)["after"] == "cancelled"


class TestPlaces:
    """Tasks with executors of their own, and async ones."""

    @pytest.mark.parametrize("where", ["threads", "sequential", "processes"])
    def test_a_failure_wakes_who_is_somewhere_else(self, where):
        with ThreadPoolExecutor(1) as pool:
            names = {"bad": fail, "load": Give(2), "items": Give([1, 2, 3]),
                     "odd": Odd(), "after": Task(Default(), executor=pool),
                     "each": Task(Maybe(), executor=pool)}  # fmt: skip
            text = "[bad?, load] -> after\nitems -> map odd\n[odd?, items] -> zip each"
            result = run(text, namespace=names, executor=where, on_error="continue")
        assert result["after"] == ("none", 2)
        assert result["each"] == [(1, 1), ("none", 2), (3, 3)]

    def test_async_tasks_are_gated(self, executor):
        async def work(load):
            await asyncio.sleep(0)
            return load

        async def never(load):
            raise AssertionError

        names = {"load": Give(3), "yes": Give(True), "no": Give(False), "work": work,
                 "never": never, "after": lambda never="none", work=0: (never, work)}  # fmt: skip
        text = "load -> [work, never]\nwork when yes\nnever when no\n[never?, work] -> after"
        assert run(text, namespace=names, executor="threads")["after"] == ("none", 3)


class Odd:
    def __call__(self, number):
        if number % 2 == 0:
            raise ValueError
        return number


class Maybe:
    def __call__(self, odd="none", items=0):
        return odd, items


class TestSideBySide:
    """The items of a list, and what became of each."""

    def test_a_list_stands_beside_what_was_made_of_it(self, executor):
        names = {"items": Give([1, 2, 3]), "odd": Odd(), "each": Maybe()}
        text = "items -> map odd\n[odd, items] -> zip each"
        result = run(text, namespace=names, executor=executor, on_error="continue")
        assert result.tasks["each"].results == [(1, 1), (3, 3)]
        assert [str(item.state) for item in result.tasks["each"].items] == [
            "succeeded", "upstream_failed", "succeeded",
        ]  # fmt: skip

    def test_an_input_stands_beside_what_was_made_of_it(self, executor):
        text = "input items\nitems -> map odd\n[items, odd?] -> zip each"
        names = {"odd": Odd(), "each": Maybe()}
        result = run(text, {"items": [1, 2]}, namespace=names, executor=executor,
                     on_error="continue")  # fmt: skip
        assert result["each"] == [(1, 1), ("none", 2)]
