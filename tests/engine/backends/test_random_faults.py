"""Workers that are killed, stopped or out of memory at any moment, and what is left of them."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sizes import sized

from taskinity_nb import Task, TaskError, WorkerLost, run
from taskinity_nb.engine.backends.processes import pool

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.xdist_group("test_random_faults")]

RUNS = sized(40, 400)

FLOW = "load -> [one, two, three] -> total\nload -> map each -> total"
EXPECTED = {
    "load": [0, 1, 2, 3], "one": 1, "two": 2, "three": 3, "each": [0, 10, 20, 30],
    "total": (1, 2, 3, [0, 10, 20, 30], 2_000_000),
}  # fmt: skip


def load():
    return list(range(4))


def takes_a_while(number):
    def work(load):
        time.sleep(0.003)
        return number

    return work


def each(n):
    time.sleep(0.002)
    return 10 * n


def total(one, two, three, each):
    large = bytearray(2_000_000)
    return one, two, three, each, len(large)


def starve():
    """Have a worker that has no memory left for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, hard))
    try:
        return bytearray(500_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def resident(pid):
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:  # it was killed while it had nothing to do, and is found at the next run
        return 0
    return int(pages) * resource.getpagesize()


def workers():
    with pool._lock:
        return [process._process.pid for process in pool._all]


def strike(how, after):
    """Do something to one of the workers, a moment after a run has begun."""
    time.sleep(after)
    found = workers()
    if found:
        pid = random.Random(after).choice(found)
        try:
            os.kill(pid, signal.SIGKILL if how == "kill" else signal.SIGSTOP)
            if how == "stop":
                time.sleep(0.05)
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:  # it has ended meanwhile
            return


def in_memory():
    """Return what runs of this process have in memory."""
    return list(Path("/dev/shm").glob(f".taskinity-nb-*-{os.getpid()}-*/run-*"))


def test_runs_are_right_or_say_what_was_lost():
    names = {"load": load, "each": each, "total": total}
    names |= {name: takes_a_while(n) for n, name in enumerate(("one", "two", "three"), 1)}
    draw = random.Random(7)
    before, sizes, said = set(in_memory()), [], 0
    for _ in range(RUNS):
        how = draw.choice(["kill", "stop", "memory", "nothing"])
        flow, space = FLOW, dict(names)
        if how == "memory":
            space["three"] = lambda load: len(starve())
        thread = threading.Thread(target=strike, args=(how, draw.uniform(0, 0.02)))
        if how in ("kill", "stop"):
            thread.start()
        try:
            result = run(flow, namespace=space, executor="processes", workers=2)
        except TaskError as error:
            said += 1
            cause = error.__cause__
            assert isinstance(cause, MemoryError if how == "memory" else WorkerLost)
            assert error.task in EXPECTED and f"'{error.task}'" in str(error)
            found = dict(error.run)
            assert found == {name: EXPECTED[name] for name in found}
        else:
            assert how != "memory" and dict(result) == EXPECTED
        if thread.ident is not None:
            thread.join()
        del space, flow
        result = cause = None  # the names would keep the run
        sizes.append(max(map(resident, workers()), default=0))
    assert said >= RUNS // 8
    deadline = time.monotonic() + 30  # who watched a killed worker may hold its run a while
    while not set(in_memory()) <= before:
        assert time.monotonic() < deadline, in_memory()
        time.sleep(0.01)
    late = sizes[-min(100, RUNS // 2) :]
    third = len(late) // 3
    assert min(late[-third:]) < min(late[:third]) + 5_000_000


def processes_with(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def test_what_a_task_has_started_ends_with_its_time(tmp_path):
    seconds = f"{os.getpid() + 10_000}.5"

    def begin(kind):
        command = ["sleep", seconds]
        if kind == 0:
            subprocess.Popen(command)
        elif kind == 1:
            subprocess.Popen(f"sleep {seconds} & sleep {seconds}; true", shell=True)
        else:
            code = f"import subprocess; subprocess.run(['sleep', '{seconds}'])"
            subprocess.Popen([sys.executable, "-c", code])
        time.sleep(60)

    draw = random.Random(3)
    for _ in range(max(4, RUNS // 5 * 2)):
        task = Task(begin, timeout=draw.uniform(0.05, 0.4))
        with pytest.raises(TaskError) as caught:
            run("begin", {"kind": draw.randrange(3)}, namespace={"begin": task},
                executor="processes", workers=2)  # fmt: skip
        assert isinstance(caught.value.__cause__, TimeoutError)
        del caught
        until = time.monotonic() + 20
        while processes_with(seconds.encode()) and time.monotonic() < until:
            time.sleep(0.01)
        assert not processes_with(seconds.encode())
