"""A process that is stopped for a while, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from taskinity_nb.engine.runtime import timers as timers_module

PROGRAM = """
    import sys, time
    from pathlib import Path
    from taskinity_nb import Task, run

    def work(marker):
        Path(marker).touch()
        time.sleep(1)
        return "in time"

    def late(marker):
        time.sleep(60)

    if __name__ == "__main__":
        names = {{"work": Task(work, timeout=2.5), "late": Task(late, timeout=1.5)}}
        result = run("work\\nlate", {{"marker": "marker"}}, executor={executor!r}, workers=2,
                     namespace=names, on_error="continue")
        print(*(record.state for record in result.tasks.values()))
"""


@pytest.mark.slow
def test_no_task_is_late_for_it(tmp_path):
    """Both are stopped for the same four seconds."""
    children = []
    try:
        for executor in ("threads", "processes"):
            folder = tmp_path / executor
            folder.mkdir()
            program = folder / "program.py"
            program.write_text(textwrap.dedent(PROGRAM).format(executor=executor))
            child = subprocess.Popen([sys.executable, str(program)], cwd=folder, text=True,
                                     stdout=subprocess.PIPE)  # fmt: skip
            children.append(child)
            deadline = time.monotonic() + 60
            while not (folder / "marker").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGSTOP)
        time.sleep(4)
        for child in children:
            os.kill(child.pid, signal.SIGCONT)
        said = [child.communicate(timeout=60)[0] for child in children]
        assert said == ["succeeded timed_out\n"] * 2
    finally:
        for child in children:
            with child:
                child.kill()


def test_what_waits_is_put_off_by_as_much(monkeypatch):
    """The clock jumps by a minute while the process computes nothing."""
    jump = [0.0]
    clock = time.monotonic
    monkeypatch.setattr(timers_module.time, "monotonic", lambda: clock() + jump[0])
    timers = timers_module.Timers()
    rung = []
    timers.set(1.2, lambda: rung.append(clock()))
    begun = clock()
    time.sleep(0.1)
    jump[0] = 60.0
    while not rung:
        assert clock() < begun + 30
        time.sleep(0.01)
    timers.close()
    assert rung[0] - begun >= 1.0
