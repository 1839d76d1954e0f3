"""What a task starts ends with its worker, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import Task, run, start
from taskinity_nb.engine.backends.processes import group, pool

pytestmark = pytest.mark.skipif(not group.CAN_LEAD, reason="groups end together on Linux only")

PATIENCE = 30


def wait_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def pid_in(path):
    """Return the number that a process writes to a file."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def is_gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


# What a task starts; each writes the number of a process that sleeps.

SLEEP = "echo $$ > {path}.new; mv {path}.new {path}; exec sleep 333"


def command(path):
    return subprocess.Popen(["sh", "-c", SLEEP.format(path=path)])


def command_of_a_shell(path):
    return subprocess.Popen(["sh", "-c", f"sh -c '{SLEEP.format(path=path)}' & wait"])


def _sleep(path):
    fn.write_whole(path, f"{os.getpid()}\n")
    time.sleep(333)


def _start(path, method):
    child = multiprocessing.get_context(method).Process(target=_sleep, args=(path,))
    child.start()
    return child


def forked(path):
    return _start(path, "fork")


def spawned(path):
    return _start(path, "spawn")


def of_a_fork_server(path):
    return _start(path, "forkserver")


def of_a_nested_run(path):
    threading.Thread(
        target=run, args=("_sleep", {"path": path}),
        kwargs={"executor": "processes", "namespace": {"_sleep": _sleep}, "workers": 1},
    ).start()  # fmt: skip


def begin(path, how, marker=""):
    """Start something that goes on, and go on oneself, or end."""
    started = how(path)
    if marker:
        fn.wait_for_file(marker)
    return None if started else 0


KINDS = (
    command, command_of_a_shell, forked, spawned, of_a_fork_server, of_a_nested_run,
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pid"


class TestEndedAtOnce:
    @pytest.mark.parametrize("how", KINDS)
    def test_cancelled(self, how, path):
        inputs = {"path": str(path), "how": how, "marker": "never"}
        going = start("begin", inputs, namespace={"begin": begin}, executor="processes")
        pid = pid_in(path)
        assert not is_gone(pid)
        going.cancel()
        wait_until(lambda: is_gone(pid))

    @pytest.mark.slow
    def test_out_of_time(self, path):
        inputs = {"path": str(path), "how": command, "marker": "never"}
        names = {"begin": Task(begin, timeout=2)}
        result = run("begin", inputs, namespace=names, executor="processes", on_error="continue")
        assert str(result.tasks["begin"].state) == "timed_out"
        wait_until(lambda: is_gone(pid_in(path)))

    def test_a_worker_that_dies_by_itself(self, path):
        def die():
            command(path)
            pid_in(path)
            os._exit(3)

        run("die", namespace={"die": die}, executor="processes", on_error="continue")
        wait_until(lambda: is_gone(pid_in(path)))

    def test_on_a_system_where_groups_have_numbers_only(self, path, monkeypatch):
        monkeypatch.setattr(group, "WHOLE_GROUP", 1 << 20)
        self.test_cancelled(command_of_a_shell, path)
        path.unlink()
        self.test_a_worker_that_dies_by_itself(path)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_the_end_of_who_began_the_run(self, number, path, tmp_path):
        """A task does not go on for nobody; nor does what it has started."""
        script = tmp_path / "script.py"
        mine = tmp_path / "mine"
        script.write_text(
            textwrap.dedent(f"""
            import os, subprocess, time
            from taskinity_nb import run

            def work():
                with open({str(mine)!r} + ".new", "w") as file:
                    print(os.getpid(), file=file)
                os.rename({str(mine)!r} + ".new", {str(mine)!r})
                subprocess.run(["sh", "-c", {SLEEP.format(path=path)!r}])

            if __name__ == "__main__":
                run("work", executor="processes")
        """)
        )
        child = subprocess.Popen([sys.executable, str(script)])
        pids = pid_in(path), pid_in(mine)
        child.send_signal(number)
        assert child.wait(PATIENCE) == -number
        wait_until(lambda: all(map(is_gone, pids)))


class TestLeft:
    """What a task has left when it ends goes on until its worker ends."""

    def leave(self, how, path):
        run("begin", {"path": str(path), "how": how}, namespace={"begin": begin},
            executor="processes", workers=1)  # fmt: skip
        pid = pid_in(path)
        run("one", namespace={"one": fn.one}, executor="processes", workers=1)
        assert not is_gone(pid)
        return pid

    @pytest.mark.parametrize("how", [command, forked])
    def test_a_worker_that_has_been_idle_for_long(self, how, path):
        """It finds that nobody has a use for it: its pipe is closed."""
        pid = self.leave(how, path)
        worker = pool._warm[-1]
        worker.pipe.close()
        wait_until(lambda: is_gone(pid))
        wait_until(lambda: is_gone(worker._process.pid))
        pool._warm.remove(worker)
        worker.reap()

    def test_what_has_left_the_group_on_purpose_stays(self, path):
        def daemon(path):
            subprocess.Popen(["sh", "-c", SLEEP.format(path=path)], start_new_session=True)

        pid = self.leave(daemon, path)
        worker = pool._warm.pop()
        worker.kill()
        worker.reap()
        assert not is_gone(pid)
        os.kill(pid, signal.SIGKILL)
