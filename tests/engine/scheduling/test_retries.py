"""Tasks that are tried again, and tasks that skip themselves."""

from __future__ import annotations

import random
import threading
import time

import functions as fn
import pytest

from taskinity_nb import Cancelled, Flow, State, Task, TaskError, run, skip, start, task

NAMES = vars(fn)


def flaky(failures, error=ValueError):
    """Return a function that fails so often before it succeeds, and the list of its calls."""
    calls = []

    def function():
        calls.append(time.monotonic())
        if len(calls) <= failures:
            raise error(f"attempt {len(calls)}")
        return len(calls)

    return function, calls


def states_of(run, name):
    return [str(event.state) for event in run.events if event.task == name]


class TestRetries:
    @pytest.mark.parametrize("executor", ["sequential", "threads", "thread pool"])
    def test_until_it_succeeds(self, executor, pools):
        function, _ = flaky(2)
        names = {"f": Task(function, retries=2), "double": fn.double}
        result = run("f -> double", namespace=names, executor=pools.get(executor, executor))
        assert dict(result) == {"f": 3, "double": 6}
        again = ["retrying", "ready", "running"]
        assert states_of(result, "f") == ["ready", "running", *again, *again, "succeeded"]
        assert result.tasks["f"].attempts == 3

    @pytest.mark.parametrize("executor", ["processes", "fork", "spawn"])
    def test_in_processes(self, executor, pools, tmp_path):
        names = {"fail_once": Task(fn.fail_once, retries=1)}
        inputs = {"marker": str(tmp_path / "marker")}
        result = run("fail_once", inputs, namespace=names, executor=pools.get(executor, executor))
        assert result["fail_once"] == "second attempt"
        assert result.tasks["fail_once"].attempts == 2

    def test_no_more_often_than_told(self):
        function, calls = flaky(9)
        with pytest.raises(TaskError, match="ValueError: attempt 3"):
            run("f", namespace={"f": Task(function, retries=2)})
        assert len(calls) == 3

    def test_only_after_the_failures_that_are_named(self):
        function, calls = flaky(9, KeyError)
        for retry_on in (OSError, (OSError, ValueError)):
            calls.clear()
            with pytest.raises(TaskError, match="KeyError"):
                run("f", namespace={"f": Task(function, retries=2, retry_on=retry_on)})
            assert len(calls) == 1

    def test_what_is_not_the_tasks_own_is_not_tried_again(self):
        names = {"lock": Task(fn.lock, retries=5)}
        result = run("lock", namespace=names, executor="processes", on_error="continue")
        assert result.tasks["lock"].attempts == 1

    def test_a_delay_holds_no_worker(self):
        """With one worker, another task runs while the first waits for its next attempt."""
        order = []
        first = iter([ValueError("again"), None])

        def waits():
            order.append("waits")
            if (error := next(first)) is not None:
                raise error

        names = {
            "waits": Task(waits, retries=1, retry_delay=0.5),
            "other": lambda: order.append("other"),
        }
        for executor in ("sequential", "threads"):
            order.clear()
            first = iter([ValueError("again"), None])
            run(Flow("f", tasks=["waits", "other"]), namespace=names, executor=executor, workers=1)
            assert order == ["waits", "other", "waits"]

    def test_the_delay_may_depend_on_the_attempt(self):
        asked = []
        function, calls = flaky(2)
        options = {
            "retries": 2,
            "retry_delay": lambda attempt: asked.append(attempt) or 0.01 * attempt,
        }
        run("f", namespace={"f": Task(function, **options)})
        assert asked == [1, 2]
        assert calls[1] - calls[0] >= 0.01
        assert calls[2] - calls[1] >= 0.02

    def test_a_delay_that_raises_ends_the_attempts(self):
        function, calls = flaky(1)
        with pytest.raises(TaskError) as caught:
            run("f", namespace={"f": Task(function, retries=1, retry_delay=lambda attempt: 1 / 0)})
        assert caught.value.__cause__.__notes__ == [
            "it was not tried again: retry_delay raised ZeroDivisionError: division by zero"
        ]
        assert len(calls) == 1

    def test_exponential(self):
        slow = Task(fn.one, retries=9, retry_delay="exponential")
        random.seed(1)
        for retry, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (20, 60.0)):
            delays = [slow.delay_before(retry) for _ in range(50)]
            assert longest / 2 <= min(delays) < max(delays) <= longest

    def test_a_cancelled_run_does_not_wait_for_a_delay(self):
        failed = threading.Event()

        def fail():
            failed.set()
            raise ValueError

        going = start("f", namespace={"f": Task(fail, retries=1, retry_delay=600)})
        assert failed.wait(30)
        while going.tasks["f"].state is not State.RETRYING:
            threading.Event().wait(0.001)
        going.cancel()
        with pytest.raises(Cancelled):
            going.wait(5)
        assert str(going.tasks["f"].state) == "cancelled"

    def test_a_failure_that_stops_the_run_ends_the_waiting_too(self):
        names = {
            "waits": Task(fn.raise_value_error, retries=1, retry_delay=0.01),
            "leave": fn.leave,
        }
        flow = Flow("f", tasks=["waits", "leave"])
        with pytest.raises(TaskError, match="task 'leave' failed") as caught:
            run(flow, namespace=names, executor="sequential", on_error="stop")
        assert str(caught.value.run.tasks["waits"].state) == "failed"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"retries": -1}, "retries is a whole number from 0 on, not -1"),
            ({"retries": True}, "retries is a whole number"),
            (
                {"retry_delay": -1},
                "retry_delay is seconds, a callable of the attempt, or 'exponential'",
            ),
            ({"retry_delay": "linear"}, "not 'linear'"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(TypeError, match=message):
            task(**options)(fn.one)


class TestSkip:
    def test_a_branch(self, executor):
        names = NAMES | {"pick": lambda x: skip("nothing to do") if x == 1 else x}
        result = run("one -> [pick, double] \n pick -> collect", namespace=names, executor=executor)
        assert dict(result) == {"one": 1, "double": 2}
        assert result.state is State.SUCCEEDED
        assert str(result.tasks["pick"].state) == "skipped"
        assert str(result.tasks["pick"].error) == "nothing to do"
        assert str(result.tasks["collect"].state) == "skipped"
        assert result.tasks["collect"].cause == "pick"
        assert result.errors == {}

    def test_is_no_failure_to_try_again(self):
        calls = []
        names = {"f": Task(lambda: calls.append(1) or skip(), retries=3)}
        run("f", namespace=names)
        assert len(calls) == 1

    def test_a_careless_except_does_not_catch_it(self):
        def careless():
            try:
                skip()
            except Exception:
                return "caught"

        assert "careless" not in run("careless", namespace={"careless": careless})
