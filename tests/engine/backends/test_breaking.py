"""What breaks, and what is left: processes that die, values that cannot travel, interrupts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import (
    Cancelled,
    ExecutorError,
    Flow,
    State,
    Task,
    TaskError,
    UnpicklableError,
    WorkerLost,
    run,
    start,
)

NAMES = vars(fn)


def wait_for(path):
    """Wait for a file that another process makes."""
    deadline = time.monotonic() + 30
    while not Path(path).exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        threading.Event().wait(0.005)


class TestDeadWorkers:
    def test_only_the_task_of_the_dead_worker_fails(self):
        flow = Flow("lost", [("one", "double")], tasks=["kill_self"])
        with pytest.raises(TaskError, match="killed by SIGKILL") as caught:
            run(flow, namespace=NAMES, executor="processes", workers=2)
        error = caught.value
        assert isinstance(error.__cause__, WorkerLost)
        assert dict(error.run) == {"one": 1, "double": 2}
        assert error.run.tasks["kill_self"].attempts == 3
        states = [str(e.state) for e in error.run.events if e.task == "kill_self"]
        assert states == ["ready", *["running", "retrying"] * 2, "running", "failed"]
        assert run("one", namespace=NAMES, executor="processes")["one"] == 1

    def test_a_second_attempt_may_succeed(self, tmp_path):
        inputs = {"marker": str(tmp_path / "marker")}
        result = run("kill_self_once", inputs, namespace=NAMES, executor="processes")
        assert result["kill_self_once"] == "second attempt"
        assert result.tasks["kill_self_once"].attempts == 2

    @pytest.mark.parametrize(
        ("function", "end"),
        [("segfault", "killed by SIGSEGV"), ("leave_at_once", "exit code 7")],
    )
    def test_what_it_died_of_is_told(self, function, end):
        result = run(function, namespace=NAMES, executor="processes", on_error="continue")
        error = result.errors[function]
        assert isinstance(error, WorkerLost)
        assert f"task '{function}': its worker process died under it ({end})" in str(error)
        assert "in each of 3 attempts" in str(error)
        assert result.tasks[function].attempts == 3

    def test_its_neighbours_do_not_notice(self, tmp_path):
        """A task that is at work while three workers die beside it has one attempt."""
        marker = tmp_path / "marker"
        names = NAMES | {"after": lambda: Path(marker).touch()}
        text = "kill_self\nwait_for_file"
        result = run(text, {"marker": str(marker)}, namespace=names, executor="processes",
                     workers=2, on_error="continue",
                     observers=[self.touch_after_failure(marker)])  # fmt: skip
        assert isinstance(result.errors["kill_self"], WorkerLost)
        record = result.tasks["wait_for_file"]
        assert (str(record.state), record.attempts) == ("succeeded", 1)

    @staticmethod
    def touch_after_failure(marker):
        def observer(events, run):
            if run.tasks["kill_self"].state.is_final:
                Path(marker).touch()

        return observer

    def test_retries_are_counted_apart(self, tmp_path):
        """A worker that dies takes none of the attempts that a task has for its own failures."""
        names = {"f": Task(fn.die_then_fail_then_succeed, retries=1)}
        result = run("f", {"folder": str(tmp_path)}, namespace=names, executor="processes")
        assert result["f"] == "third attempt"
        assert result.tasks["f"].attempts == 3

    def test_many_short_tasks_in_one_batch(self):
        """Those that travelled with the one that dies are not lost."""
        names = {"scan": lambda: range(400), "work": fn.die_at_200}
        warm = run("scan -> map work", namespace=names | {"scan": lambda: range(200)},
                   executor="processes", workers=2)  # fmt: skip
        assert warm["work"] == list(range(200))
        result = run("scan -> map work", namespace=names, executor="processes", workers=2,
                     on_error="continue")  # fmt: skip
        items = result.tasks["work"].items
        assert [item.item for item in items if not item.has_result] == [200]
        assert [item.result for item in items if item.has_result] == [
            i for i in range(400) if i != 200
        ]

    def test_a_users_pool_that_breaks(self):
        pool = ProcessPoolExecutor(1)
        with pool, pytest.raises(ExecutorError, match="the executor broke while task") as caught:
            run("one -.-> kill_self", namespace=NAMES, executor=pool)
        assert dict(caught.value.run) == {"one": 1}
        assert str(caught.value.run.tasks["kill_self"].state) == "cancelled"

    def test_cancel_kills_what_runs_in_a_process(self, tmp_path):
        marker = tmp_path / "marker"
        going = start("hold", {"marker": str(marker)}, namespace=NAMES, executor="processes")
        wait_for(marker)
        going.cancel()
        with pytest.raises(Cancelled):
            going.wait(10)
        assert run("one", namespace=NAMES, executor="processes")["one"] == 1


class TestUsersExecutors:
    @pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
    def test_one_that_is_shut_down_meanwhile(self, kind, tmp_path):
        """What is with it ends; what was to follow finds it closed."""
        marker = tmp_path / "marker"
        with kind(1) as pool:
            going = start("one -.-> wait_for_file -.-> double -> collect",
                          {"marker": str(marker), "x": 1}, namespace=NAMES, executor=pool,
                          on_error="continue")  # fmt: skip
            while "one" not in going:
                threading.Event().wait(0.001)
            pool.shutdown(wait=False)
            marker.touch()
            try:
                going.wait(30)
            except ExecutorError as error:
                assert error.run is going
                assert "keep it open until the run has ended" in str(error)
                assert going.state is State.FAILED
            else:  # a thread pool's own thread went on to the end without asking for another
                assert kind is ThreadPoolExecutor
                assert going["double"] == 2
        assert going["one"] == 1
        assert all(record.state.is_final for record in going.tasks.values())
        assert run("one", namespace=NAMES)["one"] == 1

    def test_threads_that_are_asked_for_after_the_end_of_their_pool(self):
        """A loop of the pool ends when it has nothing to do, and cannot be started again."""
        begun, gate = threading.Event(), threading.Event()

        async def wait(one):
            begun.set()
            while not gate.is_set():
                await asyncio.sleep(0.001)

        pool = ThreadPoolExecutor(1)
        going = start("one -> wait -> collect", namespace=NAMES | {"wait": wait}, executor=pool)
        assert begun.wait(30)
        pool.shutdown()
        gate.set()
        with pytest.raises(ExecutorError, match="the thread pool takes no more work") as caught:
            going.wait(30)
        assert caught.value.run is going
        assert sorted(going) == ["one", "wait"]
        assert str(going.tasks["collect"].state) == "cancelled"

    def test_one_that_breaks_under_a_neighbour(self, tmp_path):
        marker = tmp_path / "marker"
        with ProcessPoolExecutor(2) as pool:
            with pytest.raises(ExecutorError, match="the executor broke while task") as caught:
                run("one -.-> [hold, kill_after]", {"marker": str(marker)}, namespace=NAMES,
                    executor=pool)  # fmt: skip
            assert isinstance(caught.value.__cause__, BrokenExecutor)
            result = caught.value.run
            assert dict(result) == {"one": 1}
            assert {str(result.tasks[name].state) for name in ("hold", "kill_after")} == {
                "cancelled"
            }

    def test_one_that_is_no_pool(self):
        """Whatever has `submit` will do."""

        class Direct(Executor):
            def submit(self, call, /, *args, **kwargs):
                future = Future()
                future.set_result(call(*args, **kwargs))
                return future

        result = run("one -> double", namespace=NAMES, executor=Direct(), workers=2)
        assert result["double"] == 2

    def test_one_that_cannot_submit(self):
        class Broken(Executor):
            def submit(self, call, /, *args, **kwargs):
                raise OSError("no line")

        with pytest.raises((ExecutorError, OSError), match="no line"):
            run("one", namespace=NAMES, executor=Broken())
        assert run("one", namespace=NAMES)["one"] == 1

    def test_a_thread_pool_that_all_its_tasks_use(self):
        """With fewer tasks at once than it has threads, its own tasks find one."""
        with ThreadPoolExecutor(2) as pool:

            def outer():
                return pool.submit(fn.one).result(timeout=30)

            names = {f"t{i}": outer for i in range(20)}
            result = run(Flow("nested", tasks=names), namespace=names, executor=pool, workers=1)
            assert set(result.values()) == {1}

    def test_a_flow_on_the_pool_that_its_task_is_on(self):
        with ThreadPoolExecutor(2) as pool:

            def outer():
                return run("one -> double", namespace=NAMES, executor=pool)["double"]

            names = {"outer": outer, "double": fn.double}
            assert run("outer -> double", namespace=names, executor=pool)["double"] == 4


class TestForks:
    """A child that a task forks is no worker, however it leaves the task."""

    @pytest.mark.parametrize("how", ["return", "raise", "exit", "print"])
    def test_the_child_goes_no_further(self, executor, how, capfd, recwarn):
        names = {"fork": fn.fork, "double": fn.double}
        result = run("fork -> double", {"how": how}, namespace=names, executor=executor)
        code = {"return": 0, "raise": 1, "exit": 5, "print": 0}[how]
        assert result["fork"] == code
        assert result["double"] == 2 * code
        assert result.tasks["fork"].stdout == ""
        assert len([e for e in result.events if e.state.is_final]) == 2

    @pytest.mark.parametrize("executor", ["sequential", "threads"])
    @pytest.mark.parametrize(("how", "code"), [("return", 0), ("raise", 1), ("exit", 5)])
    def test_async(self, executor, how, code, recwarn):
        async def fork():
            return fn.fork(how)

        assert run("fork", namespace={"fork": fork}, executor=executor)["fork"] == code

    def test_a_process_of_multiprocessing(self, executor):
        names = {"in_a_process": fn.in_a_process}
        assert run("in_a_process", namespace=names, executor=executor)["in_a_process"] == 42


class TestValidators:
    @pytest.mark.parametrize("which", ["validate_input", "validate_output"])
    def test_one_that_raises(self, executor, which):
        names = NAMES | {"double": Task(fn.double, **{which: fn.divide})}
        with pytest.raises(TaskError, match="task 'double' failed: ZeroDivisionError") as caught:
            run("one -> double -> collect", namespace=names, executor=executor)
        assert dict(caught.value.run) == {"one": 1}
        assert caught.value.run.tasks["double"].frames[-1][2] == "divide"

    def test_one_that_exits(self, executor):
        names = NAMES | {"double": Task(fn.double, validate_input=lambda x: fn.leave())}
        with pytest.raises(TaskError, match="task 'double' failed: SystemExit: 3"):
            run("one -> double", namespace=names, executor=executor)

    def test_one_that_kills(self):
        names = NAMES | {"double": Task(fn.double, validate_input=lambda x: fn.kill_self())}
        with pytest.raises(TaskError, match="killed by SIGKILL"):
            run("one -> double", namespace=names, executor="processes")


class TestUnpicklable:
    def failure(self, text, names, executor):
        with pytest.raises(TaskError) as caught:
            run(text, namespace=names, executor=executor)
        assert isinstance(caught.value.__cause__, UnpicklableError)
        return str(caught.value.__cause__)

    @pytest.fixture(params=["processes", "fork"])
    def executor(self, request, pools):
        return pools.get(request.param, request.param)

    def test_result(self, executor):
        message = self.failure("lock", NAMES, executor)
        assert "task 'lock': its result, a lock, cannot be sent back" in message

    def test_argument_is_named(self, executor):
        with pytest.raises(TaskError) as caught:
            run("add", {"a": 1, "b": threading.Lock()}, namespace=NAMES, executor=executor)
        message = str(caught.value.__cause__)
        assert "task 'add': parameter 'b' (input 'b'), a lock, cannot be sent" in message
        assert "create it inside the task" in message

    def test_function(self, executor):
        lock = threading.Lock()
        names = {"guarded": lambda: lock.locked()}
        message = self.failure("guarded", names, executor)
        assert "task 'guarded': its function cannot be sent to another process" in message


def script(tmp_path, body):
    """Start a script whose `flow` may be interrupted; it says 'begun' first."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(body), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


INTERRUPTED = """
    import signal, time
    from taskinity_nb import Cancelled, run

    def first():
        return 1

    def hold(first):
        open({marker!r}, "w").close()
        time.sleep(60)

    def after(hold):
        return hold

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        try:
            run("first -> hold -> after", executor={executor!r})
        except Cancelled as error:
            states = [str(record.state) for record in error.run.tasks.values()]
            print(dict(error.run), states, flush=True)
        print(run("first", executor={executor!r})["first"], flush=True)
"""


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_an_interrupt_keeps_what_is_finished_and_the_next_run_works(tmp_path, executor):
    marker = tmp_path / "begun"
    process = script(tmp_path, INTERRUPTED.format(executor=executor, marker=str(marker)))
    wait_for(marker)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert err == ""
    assert out.splitlines() == ["{'first': 1} ['succeeded', 'cancelled', 'cancelled']", "1"]
    assert process.returncode == 0


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    marker = tmp_path / "pid"
    process = script(
        tmp_path,
        f"""
        import os, time
        from pathlib import Path
        from taskinity_nb import run

        def tell():
            return os.getpid()

        if __name__ == "__main__":
            pid = run("tell", executor="processes", workers=1)["tell"]
            Path({str(marker)!r} + ".new").write_text(str(pid))
            os.rename({str(marker)!r} + ".new", {str(marker)!r})
            time.sleep(60)
        """,
    )
    wait_for(marker)
    worker = int(marker.read_text())
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.01)
    pytest.fail("the worker outlived its parent")


@pytest.mark.slow
def test_a_script_ends_at_once_after_its_last_run(tmp_path):
    """Also when its workers have not been given back by then."""
    for _ in range(10):
        process = script(
            tmp_path,
            """
            from taskinity_nb import run

            def one():
                return 1

            if __name__ == "__main__":
                flow = "[one, one as two, one as three]"
                print(run(flow, executor="processes", workers=3)["two"])
            """,
        )
        out, err = process.communicate(timeout=20)
        assert (out, err, process.returncode) == ("1\n", "", 0)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    process = script(
        tmp_path,
        """
        from taskinity_nb import run

        def one():
            return 1

        print(run("one", executor="processes")["one"])
        """,
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert 'if __name__ == "__main__":' in err.splitlines()[-1]


@pytest.mark.parametrize(
    "method",
    ["fork", *(pytest.param(each, marks=pytest.mark.slow) for each in ("spawn", "forkserver"))],
)
def test_a_script_with_a_pool_of_its_own(tmp_path, method):
    """Functions and classes of ``__main__`` travel to a user's process pool."""
    process = script(
        tmp_path,
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from taskinity import run_parallel_flow_from_dsl, task

        class Point:
            def __init__(self, x):
                self.x = x

        @task()
        def make(x):
            return Point(x)

        @task
        def move(make):
            assert isinstance(make, Point)
            return Point(make.x + 1)

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with ProcessPoolExecutor(2, mp_context=context) as executor:
                result = run_parallel_flow_from_dsl("make -> move", {{"x": 3}}, executor=executor)
                point = result["move"]
                print(type(point) is Point, point.x)
        """,
    )
    out, err = process.communicate(timeout=30)
    assert (out, err) == ("True 4\n", "")
