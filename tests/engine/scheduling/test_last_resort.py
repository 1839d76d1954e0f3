"""Whatever the user's code does where the engine calls it, the run ends, and says how."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from taskinity_nb import Cancelled, ExecutorError, MapError, State, Task, TaskError, run, start
from taskinity_nb.engine.runtime.timers import Timers

HERE = ["sequential", "threads", "thread pool"]


@pytest.fixture(params=HERE)
def here(request, pools):
    """Each executor in this process."""
    return pools.get(request.param, request.param)


def one(*_):
    return 1


def leave(*_):
    raise SystemExit(3)


def ends(going):
    """Wait for a run that must not hang."""
    try:
        going.wait(20)
    except TimeoutError:
        pytest.fail("it hangs")
    except BaseException as error:
        return error
    return None


class Quiet(BaseException):
    """Something that no `except Exception` catches."""


class TestWhereTheEngineCallsTheUser:
    @pytest.mark.parametrize("kind", [SystemExit, Quiet, GeneratorExit, asyncio.CancelledError])
    def test_a_delay(self, here, kind):
        def delay(attempt):
            raise kind("no delay")

        def fail():
            raise ValueError("first")

        names = {"fail": Task(fail, retries=3, retry_delay=delay), "other": one}
        error = ends(start("fail\nother", namespace=names, executor=here))
        assert isinstance(error, TaskError)
        assert error.task == "fail"
        assert isinstance(error.__cause__, ValueError)
        assert f"it was not tried again: retry_delay raised {kind.__name__}" in str(
            error.__cause__.__notes__
        )
        assert error.run["other"] == 1

    def test_a_class_to_retry_on(self, here):
        class Meta(type):
            def __instancecheck__(cls, instance):
                raise SystemExit(3)

        class Never(Exception, metaclass=Meta):
            pass

        def fail():
            raise ValueError("first")

        names = {"fail": Task(fail, retries=3, retry_on=Never)}
        error = ends(start("fail", namespace=names, executor=here))
        assert isinstance(error, TaskError)
        assert error.run.tasks["fail"].attempts == 1

    def test_a_delay_after_a_time_out(self):
        """The thread of the timers goes on, and so do the time-outs of others."""
        gate = threading.Event()
        slow = Task(gate.wait, timeout=0.05, retries=2, retry_delay=leave)
        stuck = Task(gate.wait, timeout=0.1, retries=1, retry_delay=lambda _: gate.wait(20) and 0)
        last = Task(gate.wait, timeout=0.3)
        names = {"slow": slow, "stuck": stuck, "last": last}
        going = start("slow\nstuck\nlast", {"timeout": 30}, namespace=names, on_error="continue",
                      workers=3)  # fmt: skip
        deadline = time.monotonic() + 20
        while going.tasks["last"].state is not State.TIMED_OUT and time.monotonic() < deadline:
            time.sleep(0.01)
        assert going.tasks["last"].state is State.TIMED_OUT
        gate.set()
        assert ends(going) is None
        assert going.tasks["slow"].state is State.TIMED_OUT

    def test_the_keys_of_a_result(self, here):
        class Keys(dict):
            def __contains__(self, key):
                raise SystemExit(3)

        names = {"load": Keys, "take": one, "other": one}
        error = ends(start("load.x -> take\nother", namespace=names, executor=here))
        assert (type(error), error.task) == (TaskError, "take")
        assert error.run["other"] == 1

    @pytest.mark.parametrize("kind", [SystemExit, Quiet, MemoryError])
    def test_the_items_of_a_map(self, here, kind):
        class Items:
            def __iter__(self):
                yield 1
                raise kind("no more")

        names = {"load": Items, "take": one, "other": one}
        error = ends(start("load -> map take\nother", namespace=names, executor=here))
        assert (type(error), error.task) == (TaskError, "take")
        assert error.run["other"] == 1

    def test_the_text_of_an_item_and_of_its_error(self, here):
        class Item:
            def __repr__(self):
                raise SystemExit(3)

        class Shy(Exception):
            def __str__(self):
                raise SystemExit(3)

            __repr__ = __str__

        def fail(item):
            raise Shy

        names = {"load": lambda: [Item(), Item()], "fail": fail, "other": one}
        error = ends(start("load -> map fail\nother", namespace=names, executor=here))
        assert isinstance(error, MapError)
        assert "fail[0] on (its text cannot be shown: repr() raised SystemExit): Shy" in str(error)
        assert [place for place, _, _ in error.items] == [0, 1]
        assert error.run["other"] == 1

    def test_a_class_that_lies(self, here):
        class Liar(Exception):
            @property
            def __class__(self):
                raise SystemExit(3)

        def fail():
            raise Liar("who am I")

        error = ends(start("fail -> one\nother", executor=here,
                           namespace={"fail": fail, "one": one, "other": one}))  # fmt: skip
        assert (type(error), error.task) == (TaskError, "fail")
        assert error.run["other"] == 1

    def test_a_coroutine_that_ends_the_loop(self):
        async def fail():
            raise SystemExit(3)

        names = {"fail": Task(fail, retries=1, retry_delay=leave), "other": one}
        error = ends(start("fail\nother", namespace=names))
        assert (type(error), error.task) == (TaskError, "fail")
        assert error.run["other"] == 1

    def test_no_event_loop_can_be_made(self, monkeypatch):
        """As where descriptors are used up."""

        class Full(asyncio.Runner):
            def __enter__(self):
                raise OSError(24, "Too many open files")

        async def wait():
            return 1

        monkeypatch.setattr(asyncio, "Runner", Full)
        error = ends(start("wait\none", namespace={"wait": wait, "one": one}))
        assert isinstance(error, ExecutorError)
        assert "the event loop was ended by OSError: [Errno 24] Too many open files" in str(error)
        assert error.run.tasks["wait"].state is State.CANCELLED


class TestNothingOfTheUsersUnderTheLock:
    def test_a_slow_text_of_an_item(self):
        """Neither a chain beside it nor a cancel waits until the failed items can be shown."""
        gate = threading.Event()

        class Slow:
            def __repr__(self):
                gate.wait(20)
                return "slow"

        def fail(item):
            raise ValueError

        after = []
        names = {"load": lambda: [Slow() for _ in range(8)], "fail": fail}
        names |= {"a": one, "b": one, "hold": lambda b: after.append(1) or gate.wait(20)}
        going = start("load -> map fail\na -> b -> hold", namespace=names, workers=2)
        deadline = time.monotonic() + 15
        while not (going.tasks["fail"].state.is_final and after) and time.monotonic() < deadline:
            time.sleep(0.01)
        begun = time.monotonic()
        going.cancel()
        assert time.monotonic() - begun < 10
        gate.set()
        assert isinstance(ends(going), Cancelled)

    @pytest.mark.parametrize("keep", ["all", "last"])
    def test_a_finalizer_that_cancels_the_run(self, here, keep):
        begun = threading.Event()
        going = None

        class Last:
            def __del__(self):
                if going is not None:
                    going.cancel()

        class Loop:
            def __init__(self):
                self.loop = self, Last()

        def load():
            begun.wait(20)
            for _ in range(50):
                Loop()  # for the cycle collector, whenever it comes
            return Last()

        names = {"load": load, "take": one, "more": lambda take: [[] for _ in range(50_000)]}
        going = start("load -> take -> more", namespace=names, executor=here, keep=keep)
        begun.set()
        ends(going)
        assert going.done


class TestTimers:
    def test_a_call_that_raises_ends_no_other(self):
        rung, broken = threading.Event(), []
        timers = Timers(broken.append)
        timers.set(0.0, leave)
        timers.set(0.01, rung.set)
        assert rung.wait(20)
        assert [type(error) for error in broken] == [SystemExit]
        timers.close()

    @pytest.mark.parametrize("delay", [float("inf"), 1e10, float(2**63), 1e300])
    def test_a_time_beyond_what_the_system_can_wait(self, delay):
        rung = threading.Event()
        timers = Timers()
        timers.set(delay, rung.set)
        timers.set(0.01, rung.set)
        assert rung.wait(20)
        timers.close()


class Box:
    """Something that can be referred to weakly."""


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def is_gone(reference):
    """Wait for the threads of a run, which hold it until they are at their end."""
    deadline = time.monotonic() + 10
    while reference() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    return reference() is None


@pytest.mark.usefixtures("without_collector")
class TestFreedAtOnce:
    """A run that nobody names any more goes without the cycle collector."""

    TEXT = "load -> [a, b] -> c\nload -> map work -> all"

    @staticmethod
    def names():
        names = {"load": lambda: [Box(), Box()], "a": lambda load: Box(), "b": lambda load: Box()}
        return names | {"c": lambda a, b: Box(), "work": lambda item: Box(), "all": one}

    @pytest.mark.parametrize("keep", ["all", "last"])
    def test_one_that_succeeded(self, here, keep):
        done = run(self.TEXT, namespace=self.names(), executor=here, keep=keep)
        kept, gone = weakref.ref(done["c"]), weakref.ref(done)
        done.tasks, done.makespan, done.speedup  # noqa: B018
        del done
        assert is_gone(gone)
        assert is_gone(kept)

    @pytest.mark.parametrize("executor", ["processes", "fork", "threads and async"])
    def test_elsewhere(self, executor, pools):
        async def wait(load):
            return Box()

        names = {"load": lambda: bytearray(3_000_000), "a": len, "b": lambda load: load}
        if executor == "threads and async":
            executor, names = "threads", names | {"b": wait}
        done = run("load -> [a, b]", namespace=names, executor=pools.get(executor, executor))
        gone = weakref.ref(done)
        del done
        assert is_gone(gone)

    def test_one_that_failed(self, here):
        def fail(load):
            local = Box()
            raise ValueError(local)

        names = self.names() | {"a": fail, "work": fail}
        try:
            run(self.TEXT, namespace=names, executor=here)
        except TaskError as error:
            gone = weakref.ref(error.run)
            assert error.run.tasks["a"].error is not None
        assert is_gone(gone)

    def test_one_that_was_cancelled(self):
        gate = threading.Event()
        going = start("hold", namespace={"hold": lambda: gate.wait(20)})
        gone = weakref.ref(going)
        going.cancel()
        del going
        gate.set()
        assert is_gone(gone)

    def test_one_that_broke(self):
        class Closed:
            def submit(self, *_):
                raise RuntimeError("closed")

        try:
            run("one", namespace={"one": one}, executor=Closed())
        except ExecutorError as error:
            gone = weakref.ref(error.run)
        assert is_gone(gone)

    def test_one_that_observers_were_told_of(self, here):
        told = []
        done = run("one", namespace={"one": one}, executor=here,
                   observers=[lambda events, _: told.append(len(events))])  # fmt: skip
        gone = weakref.ref(done)
        del done
        assert is_gone(gone)
        assert told

    def test_one_that_was_waited_for_twice(self):
        going = start("one", namespace={"one": one})
        going.wait().wait()
        gone = weakref.ref(going)
        del going
        assert is_gone(gone)


@pytest.mark.parametrize("where", ["scheduling.maps.gate.learn", "cache.run_cache.note"])
def test_a_defect_where_runs_are_remembered(here, where, monkeypatch, tmp_path):
    def learn(*_):
        raise LookupError("nowhere")

    monkeypatch.setattr(f"taskinity_nb.engine.{where}", learn)
    going = start("one -> two", namespace={"one": one, "two": abs}, executor=here, cache=tmp_path)
    assert ends(going) is None
    assert going["two"] == 1
