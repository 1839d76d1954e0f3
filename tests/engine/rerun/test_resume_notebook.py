"""``%%flow --resume`` in a real kernel: what was edited runs again, and what hangs on it."""

from __future__ import annotations

import pytest

SETUP = """
def join(name, results):
    with open({calls!r}, "a") as calls:
        print(name, file=calls)
    return "".join(results) + name

{functions}
"""

BATCHES = [f"batch_{number}" for number in range(8)]
CHECKS = [name.replace("batch", "check") for name in BATCHES]
TASKS = ["load", "split", *BATCHES, *CHECKS, "merge", "report"]
"""Twenty tasks, of which one fails at first."""

FLOW = "\n".join(
    [
        "flow Batches:",
        "    load -> split",
        f"    split -> [{', '.join(BATCHES)}]",
        *(f"    {batch} -> {check}" for batch, check in zip(BATCHES, CHECKS, strict=True)),
        f"    [{', '.join(CHECKS)}] -> merge -> report",
    ]
)

STATES = "{name: str(task.state) for name, task in r.tasks.items()}"


def function(name, body=""):
    return f'def {name}(*results):\n    {body}\n    return join("{name}", results)\n'


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, kept_kernel):
    """A kernel, a cell with the functions, and the file into which they write that they ran."""
    calls = tmp_path_factory.mktemp("resume") / "calls"
    functions = "\n".join(function(name, "pass") for name in TASKS)
    return kept_kernel.as_new(), SETUP.format(functions=functions, calls=str(calls)), calls


class Notebook:
    """The cells of one notebook, and what ran when one was run."""

    def __init__(self, kernel, calls, executor):
        self.kernel = kernel
        self.calls = calls
        self.line = f"%%flow -e {executor} -o r --no-gantt"

    def run(self, *options):
        """Run the flow's cell; return its error, what was called, and the states."""
        self.calls.write_text("")
        cell = self.kernel.run(f"{' '.join([self.line, *options])}\n{FLOW}")
        calls = self.calls.read_text().split()
        assert len(calls) == len(set(calls)), "a task runs once"
        return cell.error, set(calls), eval(self.kernel.value(STATES))

    def edit(self, name, body):
        cell = self.kernel.run(function(name, body))
        assert not cell.error, cell.error


OTHERS = [pytest.param(each, marks=pytest.mark.slow) for each in ("processes", "sequential")]


@pytest.fixture(params=["threads", *OTHERS])
def notebook(kernel, request):
    kernel, functions, calls = kernel
    assert not kernel.run(functions).error  # another test has edited some
    return Notebook(kernel, calls, request.param)


def states_of(running, others="cached"):
    return {name: "succeeded" if name in running else others for name in TASKS}


def test_one_task_of_twenty_is_fixed(notebook):
    after = {"check_5", "merge", "report"}
    notebook.edit("check_5", "raise ValueError('no such column')")
    error, calls, states = notebook.run()
    assert "task 'check_5' failed: ValueError: no such column" in error
    assert len(TASKS) == 20
    assert calls == set(TASKS) - after
    assert states == states_of(set(TASKS)) | {
        "check_5": "failed", "merge": "upstream_failed", "report": "upstream_failed",
    }  # fmt: skip

    notebook.edit("check_5", "pass")
    error, calls, states = notebook.run("--resume")
    assert not error
    assert calls == after
    assert states == states_of(after)
    assert notebook.kernel.value("len(r), r['report'].count('load')") == "(20, 8)"

    error, calls, states = notebook.run("--resume")
    assert not error
    assert calls == set()
    assert states == states_of(set())


def test_an_edited_task_runs_again_with_all_that_hangs_on_it(notebook):
    notebook.edit("batch_2", "pass")
    error, _, _ = notebook.run()
    assert not error
    notebook.edit("batch_2", "results = [result.upper() for result in results]")
    error, calls, states = notebook.run("--resume")
    assert not error
    after = {"batch_2", "check_2", "merge", "report"}
    assert calls == after
    assert states == states_of(after)
    assert notebook.kernel.value("'LOADSPLITbatch_2check_2' in r['report']") == "True"


def test_a_fix_far_down_and_an_edit_far_up(notebook):
    """Both at once, and a cell that was only run again changes nothing."""
    notebook.edit("split", "pass")
    notebook.edit("report", "raise ValueError('no paper')")
    error, _, _ = notebook.run()
    assert "no paper" in error
    notebook.edit("report", "pass")
    notebook.edit("split", "pass")
    _, calls, states = notebook.run("--resume")
    assert calls == {"report"}
    assert states == states_of({"report"})

    notebook.edit("split", "results = results[::-1] + ('/',)")
    error, calls, states = notebook.run("--resume")
    assert not error
    assert calls == set(TASKS) - {"load"}
    assert states == states_of(set(TASKS) - {"load"})


def test_what_is_kept_and_why_is_shown(notebook):
    notebook.edit("check_7", "raise ValueError('why')")
    notebook.run()
    notebook.edit("check_7", "pass")
    notebook.run("--resume")
    why = eval(notebook.kernel.value("{name: task.why for name, task in r.tasks.items()}"))
    assert why["load"] == "kept: nothing that it depends on has changed"
    assert why["check_7"] == "runs again: its function has changed"
    assert why["merge"] == "runs again: 'check_7' runs again"
    assert "its function has changed" in notebook.kernel.run("r").outputs[-1]["text/html"]
