"""After a failed run: the run itself, and the frame in which a debugger begins."""

from __future__ import annotations

import pytest
from terminals import Terminal

FUNCTIONS = """
import os, sys, threading
from taskinity_nb import run, start
def load(): return [1, 2, 0]
def broken(load):
    secret = 42
    return inside(load)
def inside(rows):
    return 1 / 0
async def waits(load):
    return inside(load)
def each(n): return 1 / n
def unpicklable(load): return threading.Lock()
def dies(load): os._exit(3)
def coloured(load):
    print("\\x1b[1;31mred\\x1b[0m and " + "\\x1b[32m" * 60 + "green")
    raise ValueError("\\x1b[1;31mred\\x1b[0m")
def frames():
    names, traceback = [], sys.last_traceback
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return names
"""


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    cell = kernel.run(FUNCTIONS)
    assert not cell.error, cell.error
    return kernel


@pytest.mark.parametrize(
    ("cell", "last"),
    [
        ("%%flow\nload -> broken", ["broken", "inside"]),
        ("%%flow -e sequential -o r\nload -> broken", ["broken", "inside"]),
        ("%%flow -w 3\nload -> [broken, load as other]", ["broken", "inside"]),
        ("%%flow\nload -> waits", ["waits", "inside"]),
        ("%%flow\nload -> map each", ["each"]),
        ("run('load -> broken')", ["broken", "inside"]),
        ("start('load -> broken').wait()", ["broken", "inside"]),
    ],
)
def test_the_traceback_ends_in_the_task(kernel, cell, last):
    for _ in range(2):  # `%tb` shows the same once more
        error = kernel.run(cell.replace("%%flow", "%%flow --no-gantt")).error
        assert error.count("ZeroDivisionError: division by zero") == 2
        assert kernel.value(f"frames()[-{len(last)}:]") == repr(last)
        assert kernel.value("[f for f in frames() if f in ('flow', '_run', 'wait')]") == "[]"
        kernel.run("%tb")
        assert kernel.value(f"frames()[-{len(last)}:]") == repr(last)


@pytest.mark.parametrize(
    ("tasks", "call"),
    [("load -> broken", "replay('broken')"), ("load -> map each", "replay('each', 2)")],
)
def test_of_another_process_there_is_no_frame(kernel, tasks, call):
    error = kernel.run(f"%%flow -e processes --no-gantt -o r\n{tasks}").error
    said = f"(it ran in another process, so %debug finds no frame of it; sys.last_value.run.{call}"
    assert said in error
    assert error.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in kernel.run(f"sys.last_value.run.{call}").error
    assert kernel.value("frames()[-1] in ('inside', 'each')") == "True"


def test_the_run_can_be_reached(kernel):
    error = kernel.run("%%flow --no-gantt\nload -> broken").error
    assert error.splitlines()[-1] == "the run, with what it has computed: sys.last_value.run"
    assert kernel.value("sys.last_value.run['load']") == "[1, 2, 0]"
    assert "sys.last_value" not in kernel.run("%%flow --no-gantt -o r\nload -> broken").error


@pytest.mark.parametrize("task", ["unpicklable", "dies"])
def test_an_error_of_ours_is_told_once(kernel, task):
    error = kernel.run(f"%%flow -e processes --no-gantt -o r\nload -> {task}").error
    first, *more = error.splitlines()
    assert error.count(f"task '{task}'") == 1
    assert first.startswith(f"TaskError: task '{task}' failed: its ")
    assert not [line for line in more if line[5:40] in first or line.startswith("TaskError")]


def test_what_a_terminal_obeys_goes_as_a_whole(kernel):
    error = kernel.run("%%flow --no-gantt -o r\nload -> coloured")
    lines = error.error.splitlines()
    assert lines[0] == "TaskError: task 'coloured' failed: ValueError: red"
    assert lines[-3:] == ["ValueError: red", "its stdout:", "    red and green"]


@pytest.mark.slow
def test_the_debugger_begins_in_the_task(tmp_path):
    terminal = Terminal(tmp_path)
    try:
        terminal.run("%load_ext taskinity_nb")
        terminal.run("load = lambda: 0")
        terminal.run("broken = lambda load: [one := 20, two := 22, 1 / load]")
        magic = "get_ipython().run_cell_magic('flow', '--no-gantt', 'load -> broken')"
        terminal.run(magic)
        terminal.run("%debug", "ipdb>")
        terminal.type("p ('sum', one + two)\r")
        terminal.until("('sum', 42)")
        terminal.type("q\r")
        terminal.until(f"In [{terminal.cells + 1}]:")
        terminal.run("%pdb on")
        terminal.run(magic, "ipdb>")
        terminal.type("p ('sum', one + two)\r")
        terminal.until("('sum', 42)")
    finally:
        terminal.close()
