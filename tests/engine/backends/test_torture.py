"""Workers that are killed and kernels that are interrupted, again and again at random moments."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from queue import Empty

import pytest
from kernels import Cell, new_kernel
from sizes import sized

pytestmark = [pytest.mark.slow, pytest.mark.long]

KILLS = """
    import faulthandler, json, os, random, signal, sys, threading, time
    from multiprocessing import forkserver
    from taskinity_nb import Flow, TaskError, WorkerLost, run
    from taskinity_nb.engine.backends.processes import pool
    from taskinity_nb.engine.transport import workspace

    def work(*numbers):
        end = time.perf_counter() + 0.004
        while time.perf_counter() < end:
            pass
        return 1 + sum(n if isinstance(n, int) else len(n) for n in numbers)

    def large(*numbers):
        return bytes(1_500_000 + sum(numbers))

    rows = [f"a{i}" for i in range(8)]
    FLOW = Flow("torture", [
        *(("begin", row) for row in rows),
        *((row, row.replace("a", "b")) for row in rows),
        *((row.replace("a", "b"), "end") for row in rows),
    ])
    NAMES = {name: large if name in ("b1", "b2", "b3") else work for name in FLOW.tasks}

    def kill_one(moment, chance, ended):
        ended.wait(moment)
        while not ended.is_set():
            pids = [p._process.pid for p in list(pool._all)]
            pids = [pid for pid in pids if pid is not None]
            if pids:
                try:
                    os.kill(chance.choice(pids), signal.SIGKILL)
                except ProcessLookupError:  # it had just been killed, in the run before
                    pass
                return
            time.sleep(0.0005)

    def torture(number, length):
        chance = random.Random(number)
        moment = chance.choice([0.0, chance.uniform(0.0, 1.2 * length)])
        if chance.random() < 0.05:  # who starts them is not there either
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        if chance.random() < 0.2:  # no worker is warm
            for process in list(pool._all):
                process.kill()
        ended = threading.Event()
        killer = threading.Thread(target=kill_one, args=(moment, chance, ended))
        killer.start()
        try:
            result = run(FLOW, namespace=NAMES, executor="processes", workers=2)
            told = "right"
        except TaskError as error:
            assert isinstance(error.__cause__, WorkerLost), error
            assert f"task '{error.task}'" in str(error)
            result, told = error.run, "told"
        finally:
            ended.set()
            killer.join()
        assert all(record.state.is_final for record in result.tasks.values())
        for name, record in result.tasks.items():
            assert (name in result) == (str(record.state) == "succeeded")
            assert name not in result or result[name] == EXPECTED[name]
        if told == "right":
            assert len(result) == len(EXPECTED)
        return told

    if __name__ == "__main__":
        faulthandler.dump_traceback_later(240, exit=True)  # what hangs is seen
        EXPECTED = dict(run(FLOW, namespace=NAMES, executor="sequential"))
        length = run(FLOW, namespace=NAMES, executor="processes", workers=2).makespan
        ends = [torture(number, length) for number in range(*map(int, sys.argv[1:]))]
        at_work = [t for t in threading.enumerate() if t.name == "taskinity_nb"]
        for thread in at_work:
            thread.join(10)
        print(json.dumps({
            "right": ends.count("right"),
            "told": ends.count("told"),
            "at work": sum(thread.is_alive() for thread in at_work),
            "workdirs": [root.path for root in workspace._roots.values()],
        }))
"""


def processes_of(session):
    """Return the numbers of the processes of a session that have not ended."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session, *_ = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_session) == session and state != "Z":
            pids.append(int(path.parent.name))
    return pids


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("first", range(0, sized(50, 200), 50))
def test_a_worker_is_killed_at_a_random_moment(tmp_path, first):
    """Right results, or an error that names the task; nothing hangs, and nothing is left behind."""
    script = tmp_path / "kills.py"
    script.write_text(textwrap.dedent(KILLS), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script), str(first), str(first + 50)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    out, err = process.communicate(timeout=300)
    assert (err, process.returncode) == ("", 0)
    told = json.loads(out)
    assert told["right"] + told["told"] == 50
    assert told["right"] > 40
    assert told["at work"] == 0
    wait_until(lambda: not processes_of(process.pid))
    assert told["workdirs"]
    assert not any(map(os.path.exists, told["workdirs"]))


# Interrupts.

INTERRUPTS = sized(8, 67)
"""Of each executor."""

SETUP = """
import os, sys, threading, time
from pathlib import Path

def finish(name, seconds):
    time.sleep(seconds)
    Path({folder!r}, name).touch()
    return name

{functions}
def pause(seconds=0.0):
    time.sleep(seconds)
    return seconds
"""

FUNCTION = """
def t{number}(*before): return finish("t{number}", {seconds})
"""

FLOW = """flow Interrupted:
    t0 -> [t1, t2, t3, t4]
    [t1, t2] -> t5
    [t3, t4] -> t6
    [t5, t6] -> t7
"""

CHECK = """
(
    r is not None,
    sorted(r) if r is not None else [],
    r is None or (r.done and all(record.state.is_final for record in r.tasks.values())
                  and all((name in r) == (str(record.state) == "succeeded")
                          for name, record in r.tasks.items())),
    type(sys.stdout).__name__,
)
"""


class Interrupts:
    """A kernel that is interrupted again and again."""

    def __init__(self, kernel, manager, executor, folder):
        self.kernel, self.manager = kernel, manager
        self.executor, self.folder = executor, folder
        functions = "".join(
            FUNCTION.format(number=number, seconds=0.01 + 0.005 * number) for number in range(8)
        )
        self.run(SETUP.format(functions=functions, folder=str(folder)))
        self.slowest = 0.0
        self.ends = Counter()

    def run(self, code):
        cell = self.kernel.run(code)
        assert not cell.error, cell.error
        return cell

    def cell(self, executor, gantt):
        options = "" if gantt else " --no-gantt"
        return f"%%flow -e {executor} -w 2 -o r{options}\n{FLOW}"

    def measure(self, executor, gantt=True):
        """Return how long the cell takes."""
        began = time.monotonic()
        self.run(self.cell(executor, gantt))
        return time.monotonic() - began

    def answer(self, sent):
        """Wait for the end of a cell.

        An interrupt that comes when the kernel itself is at work, before or after our code, may
        cost it the message that the cell has ended; so another one is asked for.
        """
        cell = Cell()
        try:
            for message in self.kernel.messages(sent, patience=1.5):
                cell.messages.append(message)
        except Empty:
            self.ends["lost by the kernel"] += 1
            self.run("pass")
        return cell

    def interrupt(self, moment, gantt):
        """Run the cell, interrupt it, and look at what is left."""
        for path in self.folder.iterdir():
            path.unlink()
        self.run("r = None")
        sent = self.kernel.send(self.cell(self.executor, gantt))
        time.sleep(moment)
        interrupted, wall = time.monotonic(), time.time()
        self.manager.interrupt_kernel()
        cell = self.answer(sent)
        answered = time.monotonic() - interrupted
        self.slowest = max(self.slowest, answered)
        assert answered < 2.0
        names = [content["ename"] for content in cell.of("error")]
        assert names in ([], ["Cancelled"], ["KeyboardInterrupt"]), cell.error
        self.ends.update(names or ["in time"])
        finished = {path.name for path in self.folder.iterdir() if path.stat().st_mtime < wall}
        bound, kept, is_sound, stream = eval(self.kernel.value(CHECK))
        assert is_sound
        assert stream == "OutStream", "what listens to a task's output was left behind"
        assert bound or not finished
        just_now = {name for name in finished - set(kept)
                    if wall - (self.folder / name).stat().st_mtime < 0.1}  # fmt: skip
        assert finished - set(kept) <= just_now
        if not names and bound:
            assert len(kept) == 8
        self.run(f"%%flow -e {self.executor} -w 2 -o s --no-gantt\npause")
        assert self.kernel.value("s['pause']") == "0.0"


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_kernel_is_interrupted_at_a_random_moment(tmp_path, executor):
    """It answers, keeps what was finished, and runs the next flow."""
    chance = random.Random(executor)
    with new_kernel() as (kernel, manager):
        interrupts = Interrupts(kernel, manager, executor, tmp_path)
        interrupts.measure("threads")  # a cold kernel draws slowly; the worker processes are cold
        lengths = {True: 0.5, False: 0.5}
        for number in range(INTERRUPTS):
            if number == INTERRUPTS // 5:
                lengths = {gantt: interrupts.measure(executor, gantt) for gantt in lengths}
            gantt = number % 3 == 0
            interrupts.interrupt(chance.uniform(0.0, 1.1 * lengths[gantt]), gantt)
        threads = kernel.value("sorted(t.name for t in threading.enumerate())")
        print(executor, interrupts.ends, f"{interrupts.slowest:.2f} s", threads)
        assert interrupts.ends["Cancelled"] > INTERRUPTS // 12
        assert "observers" not in threads
