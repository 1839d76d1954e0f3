"""Without a notebook: the picture in characters, and the bar, in a terminal and without one."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import PATIENCE
from runs import make_run

from taskinity_nb import parse_dsl, progress_bar, run, start
from taskinity_nb.engine.observers import watch
from taskinity_nb.engine.runtime.waiting import SignalSafeEvent
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.graph.ascii_graph import flow_picture

HERE = Path(__file__).parents[2]

CELL = """
import sys, time
from taskinity_nb.engine.remote.process.capture import beneath
get_ipython().run_line_magic("load_ext", "taskinity_nb")
def fetch():
    while sys.stderr.isatty() and type(beneath("stderr")).__name__ != "_Above": time.sleep(0.01)
    print("fetched " + "much " * 9)
    return [1, 2]
def clean(fetch): sys.stderr.write("cleaned\\n"); return fetch
def count(fetch): raise ValueError("no rows")
get_ipython().run_cell_magic("flow", "--on-error continue -o r", "fetch -> [clean, count]")
get_ipython().run_cell("get_ipython().run_cell_magic('flow', '--no-run', 'a -> b')")
print("then", dict(r), type(sys.stdout).__name__)
"""

SCRIPT = """
import pathlib, sys, time
from taskinity_nb import progress_bar, run
def split():
    while not pathlib.Path("shown").exists(): time.sleep(0.01)
    return range(7)
def work(n):
    for word in ("part", "of", "a", "line"): print(word, end=" ")
    print(n)
    return 1 // n
names = {"split": split, "work": work}
if __name__ == "__main__":
    run("split -> map work", namespace=names, on_error="continue",
        observers=[progress_bar, lambda events, run: pathlib.Path("shown").touch()])
"""


def in_terminal(command, cwd):
    """Return what a program writes to a terminal of 80 columns."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    program = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, cwd=cwd, env=environment, close_fds=True
    )
    os.close(its)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:
        pass  # how a terminal says that its last program has ended
    finally:
        os.close(ours)
    assert program.wait(PATIENCE) == 0, b"".join(parts)
    return b"".join(parts).decode().replace("\r\n", "\n")


def seen(written):
    """Return the lines as they stand on the screen in the end."""
    lines = []
    for line in written.removesuffix("\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def without_terminal(command, cwd):
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE,
        check=True,
    )  # fmt: skip


# The picture in characters.


def edges_in(picture, tasks):
    """Read the edges back, as a person does: follow each rail down, and to the right at a tap."""
    edges, rails = set(), {}
    for line in picture.splitlines()[1:]:
        signs, name = re.fullmatch(r"  ([●▼▶│├└┼┴─ ]+) (\w+).*", line).groups()
        cells = signs[::2]
        place = next(i for i, sign in enumerate(cells) if sign in "●▼▶")
        for i, sign in enumerate(cells):
            if i < place and sign in "├└┼┴":
                edges.add((rails[i], name))
                assert signs[2 * i + 1] == "─"
            if sign in "└┴":
                del rails[i]
        if cells[place] == "▼":
            edges.add((rails[place], name))
        rails[place] = name
    return edges


@st.composite
def flows(draw):
    count = draw(st.integers(1, 14))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    chosen = draw(st.lists(pairs, max_size=24))
    edges = sorted({(f"t{min(p)}", f"t{max(p)}") for p in chosen if p[0] != p[1]})
    return Flow("Any", edges, tasks=[f"t{i}" for i in range(count)])


@settings(max_examples=150, deadline=None)
@given(flows())
def test_the_picture_shows_just_the_edges(flow):
    picture = flow_picture(flow)
    if picture.startswith("<Flow"):
        return
    assert edges_in(picture, flow.tasks) == {(edge.source, edge.target) for edge in flow.edges}
    assert len(picture.splitlines()) == 1 + len(flow.tasks)


def test_the_flow_of_the_readme():
    flow = parse_dsl("""
        flow DataProcessing:
            description: "Parallel data processing flow"
            fetch -> split -> [batch_1, batch_2, batch_3]
            [batch_1, batch_2, batch_3] -> merge
    """)
    assert flow_picture(flow, {"merge": "put together"}).splitlines() == [
        "DataProcessing: 6 tasks",
        "  Parallel data processing flow",
        "  ● fetch",
        "  ▼ split",
        "  ├─▶ batch_1",
        "  ├─│─▶ batch_2",
        "  └─│─│─▶ batch_3",
        "    └─┴─▼ merge  (put together)",
    ]


def test_what_is_no_plain_arrow_is_told():
    flow = parse_dsl("scan -> map work as w -> collect\nscan -.-> collect\nscan.log -> report")
    picture = flow_picture(flow)
    assert "w  (calls work; for each item of scan)" in picture
    assert "collect  (only waits for scan)" in picture
    assert "report  (takes .log of scan)" in picture


def test_a_large_flow_is_a_list():
    wide = Flow("Wide", [("a", f"b{i}") for i in range(30)] + [(f"b{i}", "c") for i in range(30)])
    many = Flow("Many", [(f"t{i}", f"t{i + 1}") for i in range(99)])
    for flow in (wide, many):
        assert flow_picture(flow).startswith(f"<Flow {flow.name}: ")


# The bar.


def test_a_cell_in_a_terminal(tmp_path):
    (tmp_path / "cell.py").write_text(CELL, encoding="utf-8")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--quick", "cell.py"]
    written = in_terminal(command, tmp_path)
    assert "fetch -> " not in written and "  ├─▶ clean\n  └─▶ count\n" in written
    assert re.search(r"flow +\d+%\|.*\| 0 of 3 tasks \[", written)
    assert re.search(r"flow 100%\|█+\| 3 of 3 tasks \[\d\d:\d\d<00:00, 1 failed\]", written)
    lines = seen(written)
    assert "fetched " + "much " * 8 + "much" in lines and "cleaned" in lines
    assert "flow: 3 tasks, 2 succeeded, 1 failed" in lines
    assert not [line for line in lines if "%|" in line]  # the text says the same
    assert lines[-1].startswith("then {'fetch': [1, 2], 'clean': [1, 2]} ")
    assert "_Above" not in lines[-1]


def test_a_cell_without_a_terminal(tmp_path):
    (tmp_path / "cell.py").write_text(CELL, encoding="utf-8")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--quick", "cell.py"]
    done = without_terminal(command, tmp_path)
    assert done.stderr == "cleaned\n"
    lines = done.stdout.splitlines()
    assert lines[:4] == ["flow: 3 tasks", "  ● fetch", "  ├─▶ clean", "  └─▶ count"]
    shown = [line.removeprefix("Out[1]: ") for line in lines]
    assert shown[shown.index("flow: 2 tasks") + 1 :][:2] == ["  ● a", "  ▼ b"]
    assert "flow: 3 tasks, 2 succeeded, 1 failed" in lines


FORK = "ProcessPoolExecutor(3, multiprocessing.get_context('fork'))"
IMPORTS = "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"


OTHERS = [pytest.param(each, marks=pytest.mark.slow) for each in ("'sequential'", FORK)]


@pytest.mark.parametrize("executor", ["'threads'", "'processes'", *OTHERS])
def test_a_script_in_a_terminal(tmp_path, executor):
    text = SCRIPT.replace("observers=", f"executor={executor}, workers=3, observers=")
    text = IMPORTS + text
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    lines = seen(in_terminal([sys.executable, "script.py"], tmp_path))
    assert sorted(line for line in lines if "part" in line) == [
        f"part of a line {n}" for n in range(7)
    ]
    # At its exit, Python sometimes complains of a pool that nobody has shut down.
    bar = [line for line in lines if line.startswith("flow")][-1]
    assert re.fullmatch(r"flow 100%\|█+\| 8 of 8 steps \[\d\d:\d\d<00:00, 1 failed\]", bar)


def test_a_script_without_a_terminal(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = without_terminal([sys.executable, "script.py"], tmp_path)
    assert done.stderr == ""
    assert done.stdout.count("part") == 7


def test_in_a_notebook_it_is_text(kept_kernel):
    kernel = kept_kernel.as_new()
    cell = kernel.run(
        "from taskinity_nb import progress_bar, run\n"
        "r = run('a', namespace={'a': lambda: print('said')}, observers=[progress_bar])"
    )
    assert not cell.error, cell.error
    assert not cell.of("display_data", "comm_open")
    assert "1 of 1 tasks [" in cell.printed and "said\n" in cell.printed


@pytest.mark.parametrize("done_before", [False, True])
def test_an_observer_is_told_of_the_end_once(done_before):
    told, ends = threading.Event(), []

    def observer(events, run):
        ends.append(run.done)
        told.set()

    flow, finished = Flow("Small", tasks=["load"]), SignalSafeEvent()
    going = make_run(flow, [("load", "w", 0, 1)], state=None if done_before else State.RUNNING)
    wait = watch(going, [observer], finished)
    assert told.wait(PATIENCE)  # of all that happened
    going.record.state = State.SUCCEEDED
    finished.set()
    assert wait()
    assert ends == ([True] if done_before else [False, True])


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_two_bars_at_once_leave_the_streams_as_they_were(monkeypatch):
    screens = Screen(), Screen()
    monkeypatch.setattr(sys, "stdout", screens[0])
    monkeypatch.setattr(sys, "stderr", screens[1])
    going = []
    for name in "ab":
        go, shown = threading.Event(), threading.Event()

        def work(go=go, name=name):
            go.wait(PATIENCE)
            print("said by", name)

        observers = [progress_bar, lambda events, run, shown=shown: shown.set()]
        going.append((start(name, namespace={name: work}, observers=observers), go))
        assert shown.wait(PATIENCE)
    for run_, go in going:  # the first one goes first
        go.set()
        run_.wait()
    assert (sys.stdout, sys.stderr) == screens
    assert screens[0].getvalue() == "said by a\nsaid by b\n"


@pytest.mark.slow
def test_each_of_two_runs_that_are_compared_has_a_bar(tmp_path):
    cell = CELL.replace("--on-error continue -o r", "--compare --on-error continue -o r")
    (tmp_path / "cell.py").write_text(cell, encoding="utf-8")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--quick", "cell.py"]
    written = in_terminal(command, tmp_path)
    assert len(re.findall(r"flow 100%\|█+\| 3 of 3 tasks", written)) >= 2
    assert "_Above" not in written.splitlines()[-1]


def test_one_bar_a_run():
    result = run("a", namespace={"a": list}, observers=[progress_bar, progress_bar])
    progress_bar([], result)
    assert result.done


def test_what_an_inspector_is_where_there_are_no_widgets():
    done = run("one -> two", namespace={"one": lambda: 1, "two": lambda one: 2})
    assert repr(done.inspect()) == "flow: 2 tasks, 2 succeeded\n  ✓ one\n  ✓ two"
    assert repr(done.inspect("two")).splitlines()[3].startswith("<TaskRun two: succeeded in ")
