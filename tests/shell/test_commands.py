"""The commands of ``python -m taskinity_nb``, as a shell calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

FLOW = """
flow Etl:
    input n = 3
    load -> clean -> steps.total as total
    clean -> report
"""
OWN = """
def load(n): return list(range(n))
def clean(load): return [number for number in load if number]
def report(clean): print("rows:", len(clean)); return len(clean)
"""
STEPS = "def total(clean): return sum(clean) / len(clean)\n"


def command(*arguments, cwd, **options):
    whole = [sys.executable, "-W", "error", "-m", "taskinity_nb", *map(str, arguments)]
    done = subprocess.run(whole, cwd=cwd, capture_output=True, text=True, check=False, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path):
    for name, text in {"etl.flow": FLOW, "etl.py": OWN, "steps.py": STEPS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_flow_finds_the_functions_beside_it(folder, tmp_path_factory, executor):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = folder / "etl.flow"
    code, out, err = command("run", path, "-e", executor, "-i", "n=5", cwd=elsewhere)
    assert (code, err) == (0, "")
    assert out.startswith(f"rows: 4\nEtl: {executor}")
    assert [line.split()[0] for line in out.splitlines()[3:]] == ["succeeded"] * 4


def test_what_fails_is_told_with_its_place_and_the_exit_code(folder):
    code, out, err = command("run", "etl.flow", "--input", "n=1", cwd=folder)
    assert code == 1
    assert "failed     total" in out
    assert err.startswith("TaskError: task 'total' (function 'steps.total') failed: ZeroDivisionEr")
    assert f"File {folder / 'steps.py'}, line 1, in total" in err
    assert "\x1b" not in err
    assert command("run", "etl.flow", "-i", "n=1", "--on-error", "continue", cwd=folder)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.flow"], "none.flow cannot be read: No such file or directory"),
        (["etl.flow", "-i", "m=1"], "BindingError: no task takes the input 'm'"),
        (["etl.flow", "-i", "3"], "'3' is no input\nwrite --input NAME=VALUE"),
        (["etl.flow", "-i", "n=1", "-i", "n=2"], "the input 'n' is given twice"),
        (["etl.flow", "-e", "pro"], "ExecutorError: there is no executor 'pro'"),
        (["etl.flow", "-f", "nowhere"], "there is no module 'nowhere'"),
        (["etl.flow", "-f", "nowhere.py"], "there is no file nowhere.py"),
        (["bad.flow"], "bad.flow, line 1, column 6: '=>' is not an arrow here"),
        (["latin.flow"], "latin.flow cannot be read: it is no text in UTF-8"),
        (["raises.flow"], "'raises' cannot be imported: ValueError: no data"),
        (["lacks.flow"], "'lacks' cannot be imported: ModuleNotFoundError: No module named 'no_s"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(folder, arguments, told):
    (folder / "bad.flow").write_text("load => clean")
    (folder / "latin.flow").write_bytes(b"l\xe4den -> clean")
    for name, text in {
        "raises": "raise ValueError('no data')", "lacks": "import no_such_module"
    }.items():  # fmt: skip
        (folder / f"{name}.flow").write_text("load -> clean")
        (folder / f"{name}.py").write_text(text)
    code, out, err = command("run", *arguments, cwd=folder)
    assert (code, out) == (1, "")
    assert err.replace(f"{folder}{os.sep}", "").startswith(told)


def test_a_file_with_the_name_of_another_module_is_refused(folder, tmp_path_factory):
    (folder / "json.flow").write_text("load -> clean")
    (folder / "json.py").write_text(OWN)
    code, _, err = command("run", folder / "json.flow", cwd=tmp_path_factory.mktemp("elsewhere"))
    assert code == 1
    assert err.startswith(f"{folder / 'json.py'} cannot be imported: 'json' is the name of another")


def test_nothing_that_is_given_is_evaluated(folder):
    (folder / "say.py").write_text("def say(what): print(type(what).__name__, what)")
    (folder / "say.flow").write_text("say")
    for given, told in {"1+1": "str 1+1", "[1, 2]": "list [1, 2]", "a,b": "str a,b"}.items():
        code, out, _ = command("run", "say.flow", "-q", "-i", f"what={given}", cwd=folder)
        assert (code, out) == (0, f"{told}\n")


def test_targets_cache_and_resources_are_those_of_run(folder):
    arguments = ["run", "etl.flow", "-t", "load,clean", "--cache", "kept", "--resources", "api=3"]
    first = command(*arguments, cwd=folder)[1]
    again = command(*arguments, cwd=folder)[1]
    assert first.count("succeeded  ") == again.count("cached  ") == 2


def test_a_report_is_one_page_that_asks_for_nothing(folder):
    path = folder / "report.html"
    (folder / "etl.flow").write_text(FLOW.replace("Etl", "<b>Etl</b>").replace("<b>Etl</b>", "Etl"))
    code, out, _ = command("run", "etl.flow", "--report", path, cwd=folder)
    page = path.read_text()
    assert code == 0
    assert f"The graph, the chart and the table: {path}" in out
    assert 'src="data:image/svg+xml;base64,' in page
    assert 'src="data:image/png;base64,' in page
    assert "<table" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    code, _, _ = command("run", "etl.flow", "-i", "n=1", "--report", path, cwd=folder)
    assert code == 1
    assert "ZeroDivisionError" in path.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_an_interrupt_ends_the_run_and_is_told(folder):
    (folder / "wait.flow").write_text("begin -> wait")
    (folder / "wait.py").write_text(
        "import pathlib, time\n"
        "def begin(): return 1\n"
        "def wait(begin):\n    pathlib.Path('begun').touch()\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "taskinity_nb", "run", "wait.flow", "-e", "sequential"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (folder / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "flow 'flow' was interrupted: 1 of 2 tasks had finished\n"
    assert "cancelled  wait" in out


def test_a_flow_is_drawn_without_its_functions(tmp_path):
    (tmp_path / "few.flow").write_text("flow Few:\n    load -> [clean, count]\n")
    code, out, _ = command("draw", "few.flow", "-o", "-", cwd=tmp_path)
    assert (code, out) == (0, "Few: 3 tasks\n  ● load\n  ├─▶ clean\n  └─▶ count\n")
    assert command("draw", "few.flow", cwd=tmp_path)[:2] == (0, "few.svg\n")
    assert (tmp_path / "few.svg").read_text().startswith("<svg")
    assert command("draw", "few.flow", "-o", "few.png", cwd=tmp_path)[0] == 0
    assert (tmp_path / "few.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = command("draw", "few.flow", "-o", "few.gif", cwd=tmp_path)
    assert code == 1
    assert ".svg" in err


def _notebook(path, *cells):
    made = nbformat.v4.new_notebook()
    for text, *tags in cells:
        made.cells.append(nbformat.v4.new_code_cell(text, metadata={"tags": tags}))
    nbformat.write(made, path)


@pytest.mark.slow
def test_a_notebook_runs_with_inputs_and_its_failure_is_told(tmp_path):
    path = tmp_path / "day.ipynb"
    _notebook(path, ("n = 1", "parameters"), ("print('rows', n)\nopen('seen', 'w').write(str(n))",))
    before = path.read_bytes()
    code, out, _ = command("run", path, "-i", "n=7", "-r", tmp_path / "day.html", cwd="/")
    assert code == 0
    assert (tmp_path / "seen").read_text() == "7"
    assert path.read_bytes() == before
    assert "rows 7" in (tmp_path / "day.html").read_text()
    assert "day.html" in out
    _notebook(path, ("'before'",), ("1 / 0",))
    code, out, err = command("run", path, "-r", tmp_path / "failed.html", cwd="/")
    assert code == 1
    assert "a cell of day.ipynb failed:" in err
    assert "ZeroDivisionError" in err
    assert "before" in (tmp_path / "failed.html").read_text()


def test_what_a_notebook_says_itself_is_refused(tmp_path):
    code, _, err = command("run", "day.ipynb", "-e", "processes", cwd=tmp_path)
    assert code == 1
    assert err.startswith("'--executor' is for a flow in a file")
    (tmp_path / "day.ipynb").write_text(json.dumps({"cells": 3}))
    code, _, err = command("run", "day.ipynb", cwd=tmp_path)
    assert (code, err) == (1, "day.ipynb cannot be read: it is no notebook\n")


def test_what_is_no_command_is_told_with_those_there_are(tmp_path):
    code, _, err = command("frobnicate", cwd=tmp_path)
    assert code == 2
    assert "(choose from 'run', 'draw', 'cache', 'doctor')" in err or "choose from run" in err
    assert command("--help", cwd=tmp_path)[0] == 0
