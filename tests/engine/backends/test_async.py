"""Tasks that are ``async def``: beside each other, and beside the other workers."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading
import warnings

import functions as fn
import pytest

from taskinity_nb import (
    Cancelled,
    ExecutorError,
    Flow,
    MapError,
    State,
    Task,
    TaskError,
    run,
    skip,
    start,
)

NAMES = vars(fn)
HERE = ["sequential", "threads", "processes", "thread pool", "spawn"]


@pytest.fixture(params=HERE)
def executor(request, pools):
    return pools.get(request.param, request.param)


class Meeting:
    """Nobody leaves before `number` tasks are there, on one event loop."""

    def __init__(self, number):
        self.number = number
        self.all_there = asyncio.Event()

    async def wait(self, *_):
        self.number -= 1
        if not self.number:
            self.all_there.set()
        await asyncio.wait_for(self.all_there.wait(), 60)


async def twice(x):
    await asyncio.sleep(0)
    return 2 * x


async def fail(x):
    await asyncio.sleep(0)
    return x / 0


class TestResults:
    def test_between_other_tasks(self, executor):
        names = NAMES | {"twice": twice}
        result = run("one -> twice -> double", namespace=names, executor=executor)
        assert dict(result) == {"one": 1, "twice": 2, "double": 4}

    def test_record(self, executor):
        result = run("one -> twice", namespace=NAMES | {"twice": twice}, executor=executor)
        record = result.tasks["twice"]
        stamps = [record.ready, record.submitted, record.started, record.finished, record.received]
        assert stamps == sorted(stamps)
        assert record.attempts == 1
        assert record.worker == ("main" if executor == "sequential" else "async-1")
        assert 0 <= record.cpu <= record.duration

    def test_of_items(self, executor):
        names = NAMES | {"scan": lambda: range(5), "twice": twice}
        result = run("scan -> map twice -> map double", namespace=names, executor=executor)
        assert result["double"] == [0, 4, 8, 12, 16]

    def test_one_that_is_mapped_over(self, executor):
        async def scan():
            return iter([1, 2])

        names = NAMES | {"scan": scan}
        result = run("scan -> map double", namespace=names, executor=executor)
        assert result["scan"] == [1, 2]
        assert result["double"] == [2, 4]

    def test_nothing_else(self, executor):
        async def first():
            return 1

        names = {"first": first, "twice": twice}
        assert run("first -> twice", namespace=names, executor=executor)["twice"] == 2

    def test_a_function_that_returns_a_coroutine_is_told(self):
        """Only an ``async def`` is known before it runs; a partial of one is, too."""
        import functools

        names = {"one": fn.one, "twice": functools.partial(twice)}
        assert run("one -> twice", namespace=names)["twice"] == 2

    def test_an_object_whose_call_is_async(self):
        class Doubler:
            async def __call__(self, x):
                return 2 * x

        assert run("one -> twice", namespace=NAMES | {"twice": Doubler()})["twice"] == 2


class TestAtOnce:
    def test_a_thousand(self):
        """They meet on the loop, while two threads work beside it."""
        meeting = Meeting(1000)
        names = dict.fromkeys([f"t{i}" for i in range(1000)], meeting.wait)
        result = run(Flow("meeting", tasks=names), namespace=names, workers=2)
        assert result.state is State.SUCCEEDED
        assert result.workers == 2

    def test_a_thousand_items(self):
        names = {"scan": lambda: range(1000), "meet": Meeting(1000).wait}
        result = run("scan -> map meet", namespace=names, workers=1)
        assert result["meet"] == [None] * 1000
        workers = {item.worker for item in result.tasks["meet"].items}
        assert len(workers) == 1000

    def test_beside_a_thread(self):
        """A coroutine and a thread wait for each other."""
        there = threading.Event()

        async def tell():
            there.set()
            await asyncio.wait_for(told.wait(), 30)

        async def make_told():
            nonlocal told
            told = asyncio.Event()
            return asyncio.get_running_loop()

        def thread(loop):
            assert there.wait(30)
            loop.call_soon_threadsafe(told.set)

        told = None
        names = {"make_told": make_told, "tell": tell, "thread": thread}
        text = "make_told -.-> tell\nmake_told -> thread"
        assert run(text, namespace=names, workers=1).state is State.SUCCEEDED

    def test_one_loop_for_all(self):
        async def loop():
            return id(asyncio.get_running_loop())

        names = {"a": loop, "b": loop, "same": lambda a, b: a == b}
        assert run("a -.-> b\n[a, b] -> same", namespace=names)["same"] is True

    def test_names_of_workers_are_used_again(self):
        names = {"a": twice, "b": twice, "start": lambda: 1}
        result = run("start -> a -> b", namespace=names)
        assert {result.tasks[name].worker for name in "ab"} == {"async-1"}


class TestFailures:
    def test_one(self, executor):
        names = NAMES | {"fail": fail}
        with pytest.raises(TaskError, match="task 'fail' failed: ZeroDivisionError") as caught:
            run("one -> [fail, double]\nfail -> collect", namespace=names, executor=executor)
        assert dict(caught.value.run) == {"one": 1, "double": 2}
        assert [frame[2] for frame in caught.value.run.tasks["fail"].frames] == ["fail"]
        assert str(caught.value.run.tasks["collect"].state) == "upstream_failed"

    def test_of_items(self, executor):
        async def reciprocal(x):
            return 1 / x

        names = {"scan": lambda: [1, 0], "reciprocal": reciprocal}
        with pytest.raises(MapError, match=r"reciprocal\[1\] on 0: ZeroDivisionError"):
            run("scan -> map reciprocal", namespace=names, executor=executor)

    @pytest.mark.parametrize("error", [SystemExit(3), fn.Base("x"),
                                       asyncio.CancelledError(), StopIteration(1)])  # fmt: skip
    @pytest.mark.parametrize("executor", ["sequential", "threads"])
    def test_whatever_it_raises(self, error, executor):
        async def odd():
            raise error

        names = {"odd": odd, "one": fn.one}
        result = run(Flow("odd", tasks=["odd", "one"]), namespace=names, executor=executor,
                     on_error="continue")  # fmt: skip
        assert dict(result) == {"one": 1}
        assert str(result.tasks["odd"].state) == "failed"
        kind = RuntimeError if isinstance(error, StopIteration) else type(error)
        assert type(result.errors["odd"]) is kind

    def test_retries(self, executor):
        calls = []

        async def flaky():
            calls.append(1)
            if len(calls) < 3:
                raise OSError("again")
            return len(calls)

        names = {"flaky": Task(flaky, retries=2, retry_delay=0.001)}
        result = run("flaky", namespace=names, executor=executor)
        assert result["flaky"] == 3
        assert result.tasks["flaky"].attempts == 3

    def test_validators(self, executor):
        names = {
            "start": lambda x: x,
            "twice": Task(
                twice,
                validate_input=lambda x: x > 0,
                validate_output=lambda result: result < 100,
            ),
        }
        text = "start -> twice"
        assert run(text, {"x": 4}, namespace=names, executor=executor)["twice"] == 8
        for x, which in ((-1, "validate_input"), (50, "validate_output")):
            with pytest.raises(TaskError, match=f"{which} of 'twice' returned False"):
                run(text, {"x": x}, namespace=names, executor=executor)

    def test_skip(self, executor):
        async def nothing(x):
            skip("not today")

        names = NAMES | {"nothing": nothing}
        result = run("one -> nothing -> double", namespace=names, executor=executor)
        assert [str(record.state) for record in result.tasks.values()] == [
            "succeeded", "skipped", "skipped",
        ]  # fmt: skip

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_timeout(self, executor):
        """It is cancelled, which it may see; its neighbours go on."""
        seen = []

        async def hold(one):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        names = NAMES | {"hold": Task(hold, timeout=0.05), "twice": twice}
        result = run("one -> [hold, twice]", namespace=names, executor=executor,
                     on_error="continue")  # fmt: skip
        assert seen == ["cancelled"]
        assert str(result.tasks["hold"].state) == "timed_out"
        assert str(result.errors["hold"]) == "task 'hold' has not ended in 0.05 s"
        assert result["twice"] == 2

    def test_a_timeout_is_tried_again(self):
        calls = []

        async def hold():
            calls.append(1)
            if len(calls) == 1:
                await asyncio.Event().wait()
            return len(calls)

        result = run("hold", namespace={"hold": Task(hold, timeout=0.1, retries=1)})
        assert result["hold"] == 2
        states = [str(event.state) for event in result.events]
        again = ["retrying", "ready", "running"]
        assert states == ["ready", "running", *again, "succeeded"]

    def test_a_task_of_its_own_that_is_left(self):
        """What it has started on the loop ends with the run."""
        ended = threading.Event()

        async def leave():
            async def background():
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()

            leave.kept = asyncio.create_task(background())
            await asyncio.sleep(0)
            return 1

        assert run("leave", namespace={"leave": leave})["leave"] == 1
        assert ended.wait(30)

    def test_a_task_of_its_own_that_raises_system_exit(self):
        """It ends the loop, so it ends the run; nobody waits for ever."""

        async def leave():
            async def background():
                sys.exit(3)

            leave.kept = asyncio.create_task(background())
            await asyncio.Event().wait()

        with pytest.raises(
            ExecutorError, match="the event loop was ended by SystemExit: 3"
        ) as caught:
            run("one -.-> leave", namespace=NAMES | {"leave": leave})
        assert isinstance(caught.value.__cause__, SystemExit)
        assert dict(caught.value.run) == {"one": 1}
        with pytest.raises(TaskError, match="task 'leave' failed: SystemExit: 3"):
            run("leave", namespace={"leave": leave}, executor="sequential")
        assert run("twice", {"x": 1}, namespace={"twice": twice})["twice"] == 2


class TestSurroundings:
    def test_context_variables(self, executor):
        variable = contextvars.ContextVar("variable", default="unset")

        async def read(*_):
            seen = variable.get()
            variable.set("by a task")
            await asyncio.sleep(0)
            return seen

        variable.set("by the caller")
        names = {"a": read, "b": read}
        result = run("a -.-> b", namespace=names, executor=executor)
        assert dict(result) == {"a": "by the caller", "b": "by the caller"}
        assert variable.get() == "by the caller"

    def test_inside_a_running_loop(self, executor):
        """A notebook's cell runs in one."""

        async def cell():
            return run("one -> twice", namespace=NAMES | {"twice": twice}, executor=executor)

        assert asyncio.run(cell())["twice"] == 2

    def test_nobody_forgets_to_await(self):
        """A run that is cancelled leaves no coroutine behind that was never awaited."""
        begun = threading.Event()

        async def hold():
            begun.set()
            await asyncio.Event().wait()

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            going = start("hold -.-> twice", {"x": 1}, namespace={"hold": hold, "twice": twice})
            assert begun.wait(30)
            going.cancel()
        with pytest.raises(Cancelled):
            going.wait(10)
        assert [str(record.state) for record in going.tasks.values()] == ["cancelled"] * 2

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_interrupt(self, executor):
        """Ctrl-C reaches the main thread, and ends what waits on the loop."""
        ended = threading.Event()

        async def hold(one):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(Cancelled) as caught:
                run("one -> hold", namespace=NAMES | {"hold": hold}, executor=executor)
        finally:
            signal.signal(signal.SIGINT, before)
        assert dict(caught.value.run) == {"one": 1}
        assert ended.wait(30)
        assert run("one", namespace=NAMES, executor=executor)["one"] == 1
