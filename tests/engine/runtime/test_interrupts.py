"""Interrupts that come at a bad moment, and what they must not harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import functions as fn
import pytest

from taskinity_nb import Cancelled, State, run, start
from taskinity_nb.engine.backends.processes import pool
from taskinity_nb.engine.runtime import interrupts
from taskinity_nb.engine.runtime.interrupts import allow_interrupts, defer_interrupts
from taskinity_nb.engine.runtime.waiting import SignalSafeEvent

NAMES = vars(fn)


def interrupt():
    signal.raise_signal(signal.SIGINT)


class TestHeld:
    def test_it_comes_at_the_end_of_the_block(self):
        reached = []
        with pytest.raises(KeyboardInterrupt), defer_interrupts():
            interrupt()
            reached.append(1)
        assert reached == [1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_it_is_allowed_once(self):
        with defer_interrupts():
            interrupt()
            with pytest.raises(KeyboardInterrupt):
                allow_interrupts(lambda: pytest.fail("it is not called"))()
            assert allow_interrupts(lambda: "called")() == "called"

    def test_blocks_inside_of_blocks(self):
        with defer_interrupts():
            with pytest.raises(KeyboardInterrupt), defer_interrupts():
                allow_interrupts(interrupt)()
            with defer_interrupts():
                interrupt()
            with pytest.raises(KeyboardInterrupt):
                allow_interrupts(abs)(1)
        assert interrupts._holds == []

    def test_one_who_insists_is_not_held_back(self, monkeypatch):
        monkeypatch.setattr(interrupts, "PATIENCE", 0.0)
        with defer_interrupts():
            interrupt()
            with pytest.raises(KeyboardInterrupt):
                interrupt()

    def test_it_is_not_raised_after_what_was_interrupted_already(self):
        with pytest.raises(Cancelled), defer_interrupts():
            interrupt()
            raise Cancelled("by the one before")

    def test_a_handler_of_the_users(self):
        came = []
        before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
        try:
            with defer_interrupts():
                interrupt()
                assert came == []
            assert came == [1]
            assert run("one", namespace={"one": interrupt}, executor="sequential")["one"] is None
            assert came == [1, 1]
        finally:
            signal.signal(signal.SIGINT, before)

    def test_one_of_a_finalizer_ends_what_is_waited_for_after_it(self):
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            with defer_interrupts(in_finalizer=True):
                signal.raise_signal(signal.SIGINT)
            time.sleep(30)
        assert time.monotonic() - begun < 20

    def test_nothing_is_raised_in_a_finalizer(self):
        with pytest.raises(KeyboardInterrupt):
            with defer_interrupts(in_finalizer=True):
                interrupt()
            SignalSafeEvent().wait(10)

    def test_other_threads_have_nothing_to_do_with_it(self):
        with defer_interrupts():
            thread = threading.Thread(
                target=lambda: allow_interrupts(defer_interrupts().__enter__)()
            )
            thread.start()
            thread.join()
            assert len(interrupts._holds) == 1


class TestRuns:
    @pytest.mark.parametrize("executor", ["sequential", "threads"])
    def test_while_the_inputs_are_looked_at(self, executor):
        """Which a run that resumes does before it begins."""

        class Inputs(list):
            def __reduce__(self):
                interrupt()
                return list, ()

        before = run("double", {"x": Inputs([1])}, namespace=NAMES, executor=executor)
        with pytest.raises(KeyboardInterrupt):
            before.resume()
        assert before["double"] == [1, 1]
        assert type(sys.stdout).__name__ != "StreamProxy"
        assert run("one", namespace=NAMES, executor=executor)["one"] == 1

    def test_while_a_sequential_run_finds_items(self):
        def items():
            yield 1
            interrupt()

        class Items:
            def __iter__(self):
                return items()

        names = {"make": Items, "double": fn.double}
        with pytest.raises(Cancelled) as caught:
            run("make -> map double", namespace=names, executor="sequential")
        assert list(caught.value.run) == ["make"]
        assert caught.value.run.tasks["double"].state is State.CANCELLED

    def test_while_a_sequential_run_waits_for_the_next_attempt(self):
        from taskinity_nb import Task

        def fail():
            threading.Timer(0.1, interrupt_main).start()
            raise ValueError

        def interrupt_main():
            os.kill(os.getpid(), signal.SIGINT)

        began = time.monotonic()
        with pytest.raises(Cancelled):
            run("fail", namespace={"fail": Task(fail, retries=1, retry_delay=60)},
                executor="sequential")  # fmt: skip
        assert time.monotonic() - began < 10

    def test_an_interrupt_that_is_raised_in_another_thread_is_the_tasks_own(self):
        def fail():
            raise KeyboardInterrupt

        going = start("fail", namespace={"fail": fail}, executor="sequential", on_error="continue")
        assert isinstance(going.wait(10).errors["fail"], KeyboardInterrupt)

    def test_cancelled_before_it_has_begun(self, monkeypatch):
        threads = []
        monkeypatch.setattr(threading.Thread, "start", lambda thread: threads.append(thread))
        going = start("one", namespace=NAMES, executor="sequential")
        monkeypatch.undo()
        going.cancel()
        threads[0].run()
        assert [str(event.state) for event in going.events] == ["cancelled"]
        assert type(sys.stdout).__name__ != "StreamProxy"


FORK_SERVER = """
    import os, signal
    from multiprocessing import forkserver
    from taskinity_nb import run
    from taskinity_nb.engine.backends.processes import pool

    def one():
        return 1

    if __name__ == "__main__":
        first = run("one", executor="processes", workers=1)["one"]
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        second = run("one", executor="processes", workers=1)["one"]
        for process in list(pool._all):  # they are killed, though who started them is gone
            process.kill()
        print(first, second, run("one", executor="processes", workers=1)["one"])
"""


class TestWorkers:
    def none_is_warm(self):
        for process in list(pool._all):
            process.kill()

    def test_one_that_is_killed_while_it_starts(self, monkeypatch):
        self.none_is_warm()
        started = pool.WorkerProcess.__init__
        killed = []

        def start_and_kill(process):
            started(process)
            if not killed:
                killed.append(process._process.pid)
                os.kill(process._process.pid, signal.SIGKILL)

        monkeypatch.setattr(pool.WorkerProcess, "__init__", start_and_kill)
        result = run("one", namespace=NAMES, executor="processes", workers=1)
        assert (result["one"], len(killed)) == (1, 1)

    def test_a_fork_server_that_is_killed(self, tmp_path):
        """In a process of its own, since a user's pool may have the same fork server."""
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(FORK_SERVER), encoding="utf-8")
        done = subprocess.run([sys.executable, str(script)], capture_output=True, timeout=60)
        assert (done.stdout, done.stderr, done.returncode) == (b"1 1 1\n", b"", 0)

    def test_a_stream_that_is_broken_is_not_a_dead_worker(self, monkeypatch):
        class Broken:
            def write(self, text):
                raise BrokenPipeError

        monkeypatch.setattr(sys, "stdout", Broken())
        with pytest.warns(RuntimeWarning, match="stdout raised BrokenPipeError"):
            result = run("speak", namespace={"speak": lambda: print("hello")}, executor="processes")
        assert (result.tasks["speak"].stdout, result.tasks["speak"].attempts) == ("hello\n", 1)
