"""What breaks, and what is left: processes that die, values that cannot travel, interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import (
    Cancelled,
    ExecutorError,
    Flow,
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


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
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
