"""Attempts that take too long, and tasks that run elsewhere than the others."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor

import functions as fn
import pytest

from taskinity_nb import ExecutorError, Flow, MapError, State, Task, TaskError, run, task

NAMES = vars(fn)


@pytest.fixture
def gate():
    """An event for which tasks wait that are to be abandoned; set in the end."""
    event = threading.Event()
    yield event
    event.set()


def states_of(run, name):
    return [str(event.state) for event in run.events if event.task == name]


class TestProcesses:
    def test_the_worker_is_killed_and_its_neighbours_go_on(self, tmp_path):
        marker = tmp_path / "marker"
        names = NAMES | {"hold": Task(fn.hold, timeout=0.3)}
        flow = Flow("late", [("hold", "collect"), ("one", "double")])
        inputs = {"marker": str(marker)}
        with pytest.raises(TaskError, match=r"task 'hold' has not ended in 0\.3 s") as caught:
            run(flow, inputs, namespace=names, executor="processes", workers=2)
        result = caught.value.run
        assert isinstance(caught.value.__cause__, TimeoutError)
        assert dict(result) == {"one": 1, "double": 2}
        record = result.tasks["hold"]
        assert str(record.state) == "timed_out"
        assert record.attempts == 1
        assert record.duration == pytest.approx(0.3)
        assert str(result.tasks["collect"].state) == "upstream_failed"
        with pytest.raises(ProcessLookupError):
            os.kill(int(marker.read_text()), 0)

    def test_one_worker_is_replaced(self, tmp_path):
        """A flow that has but one goes on with another one, and so does the next run."""
        names = NAMES | {"hold": Task(fn.hold, timeout=0.3)}
        flow = Flow("late", tasks=["hold", "pid", "one"])
        inputs = {"marker": str(tmp_path / "marker")}
        result = run(flow, inputs, namespace=names, executor="processes", workers=1,
                     on_error="continue")  # fmt: skip
        assert (result["one"], str(result.tasks["hold"].state)) == (1, "timed_out")
        assert result["pid"] != int((tmp_path / "marker").read_text())
        assert run("pid", namespace=names, executor="processes", workers=1)["pid"] == result["pid"]

    def test_is_tried_again(self, tmp_path):
        names = {"hold_once": Task(fn.hold_once, timeout=0.5, retries=1)}
        inputs = {"marker": str(tmp_path / "marker")}
        result = run("hold_once", inputs, namespace=names, executor="processes")
        assert result["hold_once"] == "second attempt"
        again = ["retrying", "ready", "running"]
        assert states_of(result, "hold_once") == ["ready", "running", *again, "succeeded"]

    def test_of_items(self, tmp_path):
        names = {
            "scan": lambda: [str(tmp_path / "a"), "", str(tmp_path / "b")],
            "hold_if": Task(fn.hold_if, timeout=0.3),
        }
        with pytest.raises(MapError, match="2 of 3 items failed") as caught:
            run("scan -> map hold_if", namespace=names, executor="processes", workers=2)
        items = caught.value.run.tasks["hold_if"].items
        assert [str(item.state) for item in items] == ["timed_out", "succeeded", "timed_out"]
        assert str(caught.value.items[0][2]) == "task 'hold_if[0]' has not ended in 0.3 s"

    def test_many_that_end_just_in_time_or_not(self):
        """Whoever is first, the clock or the task, each task ends once and every worker lives."""
        names = {f"t{i}": Task(fn.nap, timeout=0.01) for i in range(40)}
        flow = Flow("race", tasks=names)
        result = run(flow, {"seconds": 0.009}, namespace=names, executor="processes", workers=2,
                     on_error="continue")  # fmt: skip
        assert {str(record.state) for record in result.tasks.values()} <= {"succeeded", "timed_out"}
        ended = [event.task for event in result.events if event.state.is_final]
        assert sorted(ended) == sorted(names)
        assert run("one", namespace=NAMES, executor="processes", workers=2)["one"] == 1


class TestThreads:
    @pytest.mark.parametrize("executor", ["threads", "own pool"])
    def test_another_takes_the_place(self, executor, gate):
        """It is abandoned: what follows runs in another thread, and the run ends without it."""
        went_on = threading.Event()

        def hold():
            gate.wait(60)
            print("unheard")
            went_on.set()

        names = NAMES | {"hold": Task(hold, timeout=0.05)}
        flow = Flow("late", [("one", "double")], tasks=["hold"])
        pool = ThreadPoolExecutor(2)
        result = run(flow, namespace=names, executor=pool if executor == "own pool" else executor,
                     workers=1, on_error="continue")  # fmt: skip
        assert dict(result) == {"one": 1, "double": 2}
        assert str(result.tasks["hold"].state) == "timed_out"
        assert str(result.errors["hold"]) == (
            "task 'hold' has not ended in 0.05 s; its thread cannot be stopped, and goes on unseen"
        )
        assert result.tasks["double"].worker == "thread-1"
        gate.set()
        assert went_on.wait(30)
        pool.shutdown()
        assert states_of(result, "hold") == ["ready", "running", "timed_out"]
        assert result.tasks["hold"].stdout == ""

    def test_the_number_of_workers_holds(self, gate):
        """After two were abandoned, two run at once, and no third."""
        meeting = threading.Barrier(2)
        running, most, lock = 0, 0, threading.Lock()

        def meet(*_):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            meeting.wait(30)
            with lock:
                running -= 1

        late = Task(lambda: gate.wait(60), timeout=0.05)
        names = {"a": late, "b": late} | {f"t{i}": meet for i in range(10)}
        flow = Flow("late", tasks=names)
        result = run(flow, namespace=names, workers=2, on_error="continue")
        assert most == 2
        assert {str(result.tasks[name].state) for name in "ab"} == {"timed_out"}
        assert len({record.worker for record in result.tasks.values()}) == 2

    def test_is_tried_again(self, gate):
        calls = []

        def hold():
            calls.append(1)
            if len(calls) == 1:
                gate.wait(60)
            return len(calls)

        names = {"hold": Task(hold, timeout=0.2, retries=1), "double": fn.double}
        result = run("hold -> double", namespace=names, workers=1)
        assert dict(result) == {"hold": 2, "double": 4}
        again = ["retrying", "ready", "running"]
        assert states_of(result, "hold") == ["ready", "running", *again, "succeeded"]

    def test_not_unless_the_error_is_meant_to_be(self, gate):
        """A timeout is tried again whatever `retry_on` says: that is about the task's own."""
        names = {"hold": Task(lambda: gate.wait(60), timeout=0.02, retries=1, retry_on=KeyError)}
        result = run("hold", namespace=names, on_error="continue")
        assert result.tasks["hold"].attempts == 2

    def test_each_attempt_has_its_own_time(self):
        calls = []

        def fail_late():
            calls.append(1)
            if len(calls) < 4:
                raise ValueError
            return len(calls)

        names = {"f": Task(fail_late, timeout=60, retries=3, retry_delay=lambda n: 0.001)}
        assert run("f", namespace=names)["f"] == 4

    def test_its_result_comes_too_late(self, gate):
        """What it returns afterwards is nobody's."""
        done = threading.Event()

        class Result:
            def __del__(self):
                done.set()

        def hold():
            gate.wait(60)
            return Result()

        result = run("hold", namespace={"hold": Task(hold, timeout=0.02)}, on_error="continue")
        gate.set()
        assert done.wait(30)
        assert dict(result) == {}

    def test_one_that_is_in_time(self, executor):
        names = {"one": Task(fn.one, timeout=60), "double": Task(fn.double, timeout=60)}
        begun = time.monotonic()
        assert run("one -> double", namespace=names, executor=executor)["double"] == 2
        assert time.monotonic() - begun < 50


class TestSequential:
    def test_is_found_out_when_it_returns(self):
        names = NAMES | {"nap": Task(fn.nap, timeout=0.01)}
        flow = Flow("late", [("nap", "collect"), ("one", "double")])
        with pytest.raises(TaskError, match=r"task 'nap' has not ended in 0\.01 s") as caught:
            run(flow, {"seconds": 0.1}, namespace=names, executor="sequential")
        result = caught.value.run
        assert dict(result) == {"one": 1, "double": 2}
        record = result.tasks["nap"]
        assert (str(record.state), record.worker) == ("timed_out", "main")
        assert record.duration >= 0.1

    def test_is_tried_again(self, tmp_path):
        calls = []

        def slow_once():
            calls.append(1)
            time.sleep(0.5 if len(calls) == 1 else 0)
            return len(calls)

        names = {"f": Task(slow_once, timeout=0.25, retries=1)}
        assert run("f", namespace=names, executor="sequential")["f"] == 2

    def test_async(self):
        async def slow():
            time.sleep(0.1)

        names = {"f": Task(slow, timeout=0.01)}
        result = run("f", namespace=names, executor="sequential", on_error="continue")
        assert str(result.tasks["f"].state) == "timed_out"


@pytest.mark.slow
class TestUsersProcesses:
    def test_is_reported_and_abandoned(self, tmp_path):
        from concurrent.futures import ProcessPoolExecutor

        gate = tmp_path / "gate"
        names = NAMES | {"wait_for_file": Task(fn.wait_for_file, timeout=0.3)}
        with ProcessPoolExecutor(2) as pool:
            result = run("one -> double\nwait_for_file", {"marker": str(gate)}, namespace=names,
                         executor=pool, on_error="continue")  # fmt: skip
            gate.touch()
            assert str(result.tasks["wait_for_file"].state) == "timed_out"
            assert "goes on unseen" in str(result.errors["wait_for_file"])
            assert "thread" not in str(result.errors["wait_for_file"])
            assert result["double"] == 2
            assert run("one", namespace=NAMES, executor=pool)["one"] == 1

    def test_the_clock_starts_when_the_task_begins(self):
        """Not when it is handed over: the pool is still at something else."""
        from concurrent.futures import ProcessPoolExecutor

        names = {name: Task(fn.nap, timeout=1) for name in ("a", "b")}
        with ProcessPoolExecutor(1) as pool:
            busy = pool.submit(fn.nap, 1.5)
            result = run(Flow("queue", tasks=names), {"seconds": 0.1}, namespace=names,
                         executor=pool, workers=1)  # fmt: skip
            assert busy.result() is None
        for record in result.tasks.values():
            assert (str(record.state), record.attempts) == ("succeeded", 1)

    def test_while_the_pool_gets_ready(self):
        from concurrent.futures import ProcessPoolExecutor

        names = {"one": Task(fn.one, timeout=0.7)}
        with ProcessPoolExecutor(1, initializer=fn.nap, initargs=(1,)) as pool:
            assert run("one", namespace=names, executor=pool)["one"] == 1

    def test_behind_one_that_goes_on_unseen(self, tmp_path):
        """What waits for the worker that is lost is not late; it is done when that comes back."""
        from concurrent.futures import ProcessPoolExecutor

        gate = tmp_path / "gate"
        names = {
            "wait_for_file": Task(fn.wait_for_file, timeout=0.5),
            "one": Task(fn.one, timeout=0.5),
        }

        def open_late(events, run):
            if str(run.tasks["wait_for_file"].state) == "timed_out":
                threading.Timer(1, gate.touch).start()

        with ProcessPoolExecutor(1) as pool:
            flow = Flow("queue", tasks=names)
            result = run(flow, {"marker": str(gate)}, namespace=names, executor=pool,
                         on_error="continue", observers=[open_late])  # fmt: skip
        assert dict(result) == {"one": 1}
        assert str(result.tasks["wait_for_file"].state) == "timed_out"

    def test_in_an_executor_whose_workers_see_other_files(self):
        """They cannot say when they begin, so it counts from the moment of handing over."""

        class Elsewhere(Executor):
            def __init__(self):
                self.pool = ThreadPoolExecutor(2)

            def submit(self, function, *arguments):
                return self.pool.submit(function, *arguments[:3])  # without the mark

        executor = Elsewhere()
        for names in ({"nap": Task(fn.nap, timeout=0.2)}, {"one": Task(fn.one, timeout=60)}) * 2:
            (name,) = names
            inputs = {"seconds": 1} if name == "nap" else None
            result = run(name, inputs, namespace=names, executor=executor, on_error="continue")
            assert str(result.tasks[name].state) == {"nap": "timed_out", "one": "succeeded"}[name]
        executor.pool.shutdown()


class TestMixedExecutors:
    def test_values_cross(self, pools):
        """Threads, processes, a user's pools and the event loop inside one run."""

        async def on_loop(x):
            return x + 1

        names = {
            "start": lambda: [1],
            "a": Task(fn.where, executor="processes"),
            "b": Task(fn.where, executor=pools["thread pool"]),
            "c": Task(fn.where, executor="threads"),
            "d": Task(fn.where, executor=pools["spawn"]),
            "e": on_loop,
        }
        names["e"] = Task(self.append_here)
        result = run("start -> a -> b -> c -> d -> e", namespace=names)
        here = os.getpid()
        pids = result["e"][1:]
        assert [pid == here for pid in pids] == [False, True, True, False, True]
        workers = [result.tasks[name].worker for name in ("start", "a", "b", "c", "d", "e")]
        assert [worker.rpartition("-")[0] for worker in workers] == [
            "thread", "process", "thread", "thread", "ProcessPoolExecutor", "async",
        ]  # fmt: skip

    @staticmethod
    async def append_here(x):
        return [*x, os.getpid()]

    @pytest.mark.parametrize("executor", ["threads", "processes", "thread pool", "fork"])
    def test_from_any_to_any(self, executor, pools):
        names = {
            "start": lambda: [1],
            "a": Task(fn.where, executor="processes"),
            "b": Task(fn.where, executor="threads"),
            "c": fn.where,
            "fan": lambda *results: len(results),
        }
        text = "start -> [a, b, c] -> fan\n"
        result = run(text, namespace=names, executor=pools.get(executor, executor))
        assert result["fan"] == 3
        assert result["a"][1] != os.getpid() == result["b"][1]

    def test_the_same_executor_is_one_backend(self):
        """A task that asks for what the run has anyway shares its workers."""
        running, most, lock = 0, 0, threading.Lock()

        def watch():
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.001)
            with lock:
                running -= 1

        names = {f"a{i}": watch for i in range(8)} | {
            f"b{i}": Task(watch, executor="threads") for i in range(8)
        }
        run(Flow("one backend", tasks=names), namespace=names, executor="threads", workers=1)
        assert most == 1

    def test_workers_of_another_backend_do_not_count(self):
        """With one worker, a thread of the run and a process wait for each other."""
        meeting = threading.Barrier(2)
        names = {
            "a": lambda: meeting.wait(30),
            "b": Task(lambda: meeting.wait(30), executor=ThreadPoolExecutor(1)),
        }
        result = run(Flow("two backends", tasks=names), namespace=names, workers=1)
        assert sorted(result.values()) == [0, 1]

    def test_sequential_keeps_all_in_the_calling_thread(self):
        names = {"thread": Task(fn.thread, executor="processes")}
        result = run("thread", namespace=names, executor="sequential")
        assert result["thread"] == threading.get_ident()

    def test_maps(self):
        names = {
            "scan": lambda: range(4),
            "cpu": Task(fn.double, executor="processes"),
            "io": Task(fn.double, executor="threads"),
            "collect": sum,
        }
        text = "scan -> map cpu -> map io -> collect"
        for executor in ("threads", "processes"):
            assert run(text, namespace=names, executor=executor)["collect"] == 24

    def test_a_dead_worker_in_a_run_on_threads(self):
        names = NAMES | {"kill_self": Task(fn.kill_self, executor="processes")}
        with pytest.raises(TaskError, match="killed by SIGKILL") as caught:
            run(Flow("mixed", tasks=["kill_self", "one"]), namespace=names)
        assert dict(caught.value.run) == {"one": 1}

    def test_a_pool_that_is_closed(self):
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        names = NAMES | {"double": Task(fn.double, executor=pool)}
        with pytest.raises(ExecutorError, match="the thread pool takes no more work") as caught:
            run("one -> double", namespace=names)
        assert dict(caught.value.run) == {"one": 1}
        assert caught.value.run.state is State.FAILED

    @pytest.mark.parametrize("executor", ["sequential", "cluster", 3, ThreadPoolExecutor])
    def test_options_that_make_no_sense(self, executor):
        with pytest.raises(
            TypeError, match="the executor of a task is 'threads', 'processes', 'dask'"
        ):
            task(executor=executor)(fn.one)

    def test_an_async_task_takes_none(self):
        with pytest.raises(TypeError, match="it takes no executor"):
            task(executor="threads")(self.append_here)

    @pytest.mark.parametrize("timeout", [0, -1, "2", True])
    def test_timeouts_that_make_no_sense(self, timeout):
        with pytest.raises(TypeError, match="timeout is a number of seconds above 0"):
            task(timeout=timeout)(fn.one)
