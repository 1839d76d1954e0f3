"""No more at once than there is: resources and rates of a run."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import functions as fn
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskinity_nb import ExecutorError, FlowError, Task, TaskError, rate, run, skip, start
from taskinity_nb.engine.scheduling.limits.pool import PASSES, Pool
from taskinity_nb.model.limits.capacities import Rate, capacities


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestPool:
    @given(st.data())
    def test_nobody_has_too_much_and_nobody_waits_for_nothing(self, data):
        there_is = {"a": data.draw(st.integers(1, 4)), "b": data.draw(st.integers(1, 3))}
        pool = Pool(there_is, Clock())
        has: dict[int, Any] = {}
        waits: dict[int, Any] = {}
        coming: dict[int, Any] = {}

        def ask(key: int) -> None:
            demand = coming.pop(key)
            (has if pool.take(key, demand) else waits)[key] = demand

        def free(name: str) -> float:
            return there_is[name] - sum(dict(demand).get(name, 0) for demand in has.values())

        for key in range(data.draw(st.integers(1, 30))):
            if has and data.draw(st.booleans()):
                gone = data.draw(st.sampled_from(sorted(has)))
                del has[gone]
                for served in pool.give_back(gone):
                    has[served] = waits.pop(served)
            names = data.draw(st.sets(st.sampled_from("ab"), min_size=1))
            demand = tuple(
                (name, data.draw(st.integers(1, there_is[name]))) for name in sorted(names)
            )
            coming[key] = demand
            if data.draw(st.booleans()):
                pool.reserve(key, demand)
            for each in data.draw(st.lists(st.sampled_from(sorted(coming)), unique=True)):
                ask(each)
            assert free("a") >= 0 and free("b") >= 0
        for each in sorted(coming):
            ask(each)
        while has:
            gone = min(has)
            del has[gone]
            for served in pool.give_back(gone):
                has[served] = waits.pop(served)
            assert free("a") >= 0 and free("b") >= 0
            if waits:  # who has waited longest lacks something
                oldest = waits[min(waits)]
                assert any(free(name) < amount for name, amount in oldest)
        assert not waits

    @given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), min_size=1, max_size=40))
    def test_in_no_stretch_of_time_begins_more_than_the_rate(self, asked):
        clock = Clock()
        pool = Pool({"calls": Rate(3, 1.0)}, clock)
        began: list[tuple[float, int]] = []
        waiting: dict[int, int] = {}
        for key, (pause, amount) in enumerate(asked):
            until = clock.now + pause
            while (due := pool.due()) is not None and due <= until:
                clock.now = max(clock.now, due)
                began += [(clock.now, waiting.pop(served)) for served in pool.serve()]
            clock.now = until
            if pool.take(key, (("calls", amount),)):
                began.append((clock.now, amount))
            else:
                waiting[key] = amount
        while waiting:
            due = pool.due()
            assert due is not None
            clock.now = max(clock.now, due)
            began += [(clock.now, waiting.pop(served)) for served in pool.serve()]
        for at, _ in began:
            assert sum(amount for when, amount in began if at <= when < at + 1.0) <= 3

    def test_a_rate_that_is_free_just_after_it_was_asked_is_due_at_once(self):
        """Nothing else would come to serve who waits for it."""
        clock = Clock()
        pool = Pool({"calls": Rate(1, 1.0), "api": 1}, clock)
        call, both = (("calls", 1.0),), (("api", 1.0), ("calls", 1.0))
        assert pool.take(0, call) and not pool.take(1, both)
        assert pool.due() == 1.0
        clock.now = 1.5
        assert pool.due() == 1.5
        assert pool.serve() == [1] and pool.due() is None

    def test_who_was_claimed_first_goes_first_whoever_asks_first(self):
        pool = Pool({"api": 1}, Clock())
        one = (("api", 1.0),)
        for key in (0, 1, 2):
            pool.reserve(key, one)
        assert [pool.take(key, one) for key in (2, 0)] == [False, True]
        assert pool.give_back(0) == []  # 1 has got it, and is about to ask
        assert pool.take(1, one) and pool.give_back(1) == [2]

    def test_who_waits_longest_goes_first(self):
        pool = Pool({"api": 1}, Clock())
        one = (("api", 1.0),)
        assert pool.take(0, one)
        assert not any(pool.take(key, one) for key in (1, 2, 3))
        assert [pool.give_back(key) for key in (0, 1, 2, 3)] == [[1], [2], [3], []]

    def test_one_that_asks_for_much_is_not_passed_for_ever(self):
        pool = Pool({"seats": 2}, Clock())
        small, large = (("seats", 1.0),), (("seats", 2.0),)
        assert pool.take(0, small) and not pool.take(1, large)
        passed = 0
        at_work = [0]
        for key in range(2, 100):
            if pool.take(key, small):
                passed += 1
                at_work.append(key)
            served = pool.give_back(at_work.pop(0)) if at_work else []
            if 1 in served:
                break
            at_work += served
        assert passed <= PASSES

    def test_fractions_add_up(self):
        pool = Pool({"share": 1.0}, Clock())
        tenth = (("share", 0.1),)
        assert all(pool.take(key, tenth) for key in range(10))
        assert not pool.take(10, tenth)


class TestWritten:
    @pytest.mark.parametrize(
        ("text", "amount", "seconds"),
        [("10/s", 10, 1), ("3 / 500 ms", 3, 0.5), ("100/min", 100, 60), ("1e3/2h", 1000, 7200)],
    )
    def test_a_rate(self, text, amount, seconds):
        assert rate(text) == Rate(amount, seconds) and rate(str(rate(text))) == rate(text)

    @pytest.mark.parametrize(
        "text", ["", "10", "10/", "/s", "0/s", "-1/s", "10/day", "1/0s", 10, None]
    )
    def test_what_is_no_rate(self, text):
        with pytest.raises(FlowError, match="a rate is a text such as"):
            rate(text)

    def test_sizes_and_numbers(self):
        given = {"memory": "1.5 GiB", "disk": "3MB", "api": 2, "calls": "5/s", "x": rate("1/h")}
        assert capacities(given) == {
            "memory": 1.5 * 2**30, "disk": 3e6, "api": 2.0, "calls": Rate(5, 1), "x": Rate(1, 3600),
        }  # fmt: skip

    @pytest.mark.parametrize(
        "wrong", [{"api": 0}, {"api": -1}, {"api": "many"}, {"api": None}, {"api": float("nan")},
                  {"api": True}, {"api": "5 PB"}, {3: 1}, [1], 7, "api"],
    )  # fmt: skip
    def test_what_says_not_how_much_there_is(self, wrong):
        with pytest.raises(FlowError, match="resource"):
            run("one", namespace={"one": lambda: 1}, resources=wrong)


def stretch(*_: Any, seconds: float = 0.02) -> tuple[float, float]:
    """Return when it began and ended, by a clock that all processes share."""
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


async def awaited(*_: Any) -> tuple[float, float]:
    began = time.monotonic()
    await asyncio.sleep(0.02)
    return began, time.monotonic()


def twelve() -> list[int]:
    return list(range(12))


def most_at_once(stretches: list[tuple[float, float]], amount: float = 1.0) -> float:
    """Return how much was in use at once, at most."""
    changes = [(began, amount) for began, _ in stretches] + [(end, -amount) for _, end in stretches]
    used = most = 0.0
    for _, change in sorted(changes):
        used += change
        most = max(most, used)
    return most


class TestRuns:
    @pytest.mark.parametrize("limit", [1, 3])
    def test_items(self, executor, limit):
        names = {"twelve": twelve, "call": Task(stretch, resources={"api": 1})}
        done = run(
            "twelve -> map call", namespace=names, executor=executor, workers=4,
            resources={"api": limit},
        )  # fmt: skip
        assert most_at_once(done["call"]) <= limit

    def test_tasks_of_several_executors(self):
        flow = "[a, b, c, d, e, f]"
        names = {
            name: Task(awaited if name in "ab" else stretch, resources={"api": 1},
                       executor="processes" if name in "cd" else None)
            for name in "abcdef"
        }  # fmt: skip
        done = run(flow, namespace=names, workers=4, resources={"api": 2})
        assert most_at_once(list(done.values())) <= 2

    def test_much_and_little(self, executor):
        names = {
            name: Task(stretch, resources={"memory": 3e9 if name in "cf" else 1e9})
            for name in "abcdefgh"
        }
        flow = "\n".join(names)
        done = run(
            flow, namespace=names, executor=executor, workers=4, resources={"memory": "3.5 GB"}
        )
        large = [done[name] for name in "cf"]
        for began, ended in large:
            others = [done[name] for name in names if done[name] != (began, ended)]
            assert all(end <= began or start >= ended for start, end in others)

    def test_a_rate(self):
        names = {"twelve": twelve, "call": Task(stretch, resources={"calls": 1})}
        done = run("twelve -> map call", namespace=names, workers=8, resources={"calls": "5/0.3s"})
        # Counted from the start of the run, since a call may begin later than it was let.
        begun = sorted(item.started for item in done.tasks["call"].items)
        assert all(at >= number // 5 * 0.3 for number, at in enumerate(begun))

    def test_of_those_whose_turn_has_come_the_first_has_it(self):
        """The one with the longer way to go is claimed first, however quick the next worker is."""
        names = {name: Task(fn.one, resources={"api": 1}) for name in ("low", "high")}
        names |= {f"after{i}": abs for i in range(3)}
        for number in range(50):  # each a flow of which nothing is known
            text = f"flow F{number}:\n  low\n  high -> after0 -> after1 -> after2"
            done = run(text, namespace=names, workers=4, resources={"api": 1})
            assert done.tasks["high"].started < done.tasks["low"].started

    def test_waiting_is_told_and_takes_no_worker(self):
        opened, begun = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            opened.wait(30)

        def other() -> str:
            assert begun.wait(30)
            return "done"

        names = {
            "hold": Task(hold, resources={"api": 1}),
            "held": Task(str, resources={"api": 1}),
            "other": other,
            "free": str,
        }
        going = start(
            "hold\nother -> [held, free]", namespace=names, workers=2, resources={"api": 1}
        )
        deadline = time.monotonic() + 30
        while not (going.tasks["free"].state.is_final and going.tasks["held"].waited_for):
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)
        assert str(going.tasks["held"].state) == "ready"
        assert going.tasks["held"].waited_for == "api" and going.tasks["free"].waited_for == ""
        opened.set()
        assert going.wait()["held"] == "done"
        assert going.tasks["held"].waited_for == "api"

    def test_between_attempts_it_has_nothing(self):
        tried: list[int] = []

        def fails_once() -> str:
            tried.append(1)
            if len(tried) == 1:
                raise ValueError("once")
            return "at last"

        names = {
            "fails": Task(fails_once, retries=1, retry_delay=0.2, resources={"api": 1}),
            "other": Task(stretch, resources={"api": 1}),
        }
        done = run("fails\nother", namespace=names, workers=2, resources={"api": 1})
        assert done["fails"] == "at last"
        assert done.tasks["other"].finished < done.tasks["fails"].started

    def test_after_a_failure_nothing_begins_that_waits(self, executor):
        names = {"twelve": twelve, "fail": Task(fn.awkward, resources={"api": 1}),
                 "call": Task(stretch, resources={"api": 1})}  # fmt: skip
        with pytest.raises(TaskError) as caught:
            run("fail\ntwelve -> map call", namespace=names, executor=executor, workers=3,
                resources={"api": 1}, on_error="stop")  # fmt: skip
        states = {str(record.state) for record in caught.value.run.tasks.values()}
        assert not states & {"ready", "running", "pending"}

    def test_who_skips_and_who_is_skipped_has_nothing(self):
        def leave_out() -> None:
            skip("no need")

        one = Task(fn.one, resources={"api": 1})
        out = Task(leave_out, resources={"api": 1})
        names = {"no": lambda: False, "out": out, "never": one, "last": one}
        done = run("no\nnever when no\nout -.-> also\nlast", namespace={**names, "also": fn.one},
                   workers=2, resources={"api": 1}, on_error="continue")  # fmt: skip
        assert done["last"] == 1 and str(done.tasks["never"].state) == "skipped"

    def test_what_is_cached_waits_for_nothing(self, tmp_path):
        names = {"twelve": twelve, "call": Task(stretch, resources={"calls": 1})}
        for limit in ("100/s", "1/h"):
            done = run("twelve -> map call", namespace=names, cache=tmp_path,
                       resources={"calls": limit})  # fmt: skip
        assert done.tasks["call"].saved is not None

    def test_cancelled_while_it_waits(self):
        names = {
            "call": Task(fn.one, resources={"calls": 1}),
            "again": Task(fn.one, resources={"calls": 1}),
        }
        going = start("call\nagain", namespace=names, resources={"calls": "1/h"})
        while not any(record.waited_for for record in going.tasks.values()):
            threading.Event().wait(0.005)
        going.cancel()
        assert str(going.state) == "cancelled"

    def test_of_a_rate_alone_nobody_works_and_the_run_goes_on(self, executor):
        names = {name: Task(fn.one, resources={"calls": 1}) for name in "abc"}
        done = run("a\nb\nc", namespace=names, executor=executor, resources={"calls": "1/0.2s"})
        assert dict(done) == {"a": 1, "b": 1, "c": 1}
        begun = sorted(record.started for record in done.tasks.values())
        assert all(at >= number * 0.2 for number, at in enumerate(begun))


class TestRefused:
    def test_nobody_says_how_much_there_is(self):
        with pytest.raises(ExecutorError) as caught:
            run("one", namespace={"one": Task(fn.one, resources={"api": 1})}, resources={"apis": 3})
        assert str(caught.value) == (
            "task 'one' asks for 1 of 'api', and nothing says how much there is\n"
            'say it: run(..., resources={"api": 4}); of a cluster\'s own, Dask and Ray know'
        )

    @pytest.mark.parametrize(("limit", "told"), [(3, "3"), ("3/s", "3/s")])
    def test_more_than_there_is(self, limit, told):
        with pytest.raises(ExecutorError) as caught:
            run(
                "one",
                namespace={"one": Task(fn.one, resources={"api": 5})},
                resources={"api": limit},
            )
        assert str(caught.value) == (
            f"task 'one' asks for 5 of 'api', and there is {told}\n"
            "it would wait for ever: give the run more of 'api', or let it ask for less"
        )
