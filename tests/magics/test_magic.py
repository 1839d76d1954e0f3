"""``%%flow`` in a real kernel: what the front end gets while the cell runs, and what is saved."""

from __future__ import annotations

import re
from base64 import b64decode
from xml.etree import ElementTree

import nbformat
import pytest
from kernels import new_kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter

FUNCTIONS = """
import time
from taskinity_nb import task

def load(path="x"): return [1, 2, 3]

@task(name="add them up")
def total(load): return sum(load)

def slow(load):
    time.sleep(0.4)
    return load

def broken(load):
    return 1 / 0

class Point:
    def __init__(self, x): self.x = x

def make(load): return Point(len(load))
def move(make):
    assert isinstance(make, Point)
    return Point(make.x + 1)
"""


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    cell = kernel.run(FUNCTIONS)
    assert not cell.error, cell.error
    return kernel


def no_frame_of_ours(error):
    return "taskinity_nb/" not in error and "site-packages" not in error


class TestRunning:
    def test_a_task_whose_function_has_no_name(self, kernel):
        kernel.run("import functools\npart = task(name='a part')(functools.partial(int, 3))")
        cell = kernel.run("%%flow --no-gantt\npart")
        assert not cell.error, cell.error
        assert "a part" in cell.outputs[0]["image/svg+xml"]

    def test_states_reach_the_front_end_while_the_cell_runs(self, kernel):
        cell = kernel.run("%%flow\nload -> [slow, total]")
        assert not cell.error
        kinds = [message["msg_type"] for message in cell.messages]
        snapshots = [
            (place, message["content"]["data"]["state"]["states"])
            for place, message in enumerate(cell.messages)
            if message["msg_type"] == "comm_msg"
            and "states" in message["content"]["data"].get("state", {})
        ]
        running = [place for place, states in snapshots if "R" in states]
        assert running, "no snapshot shows a running task"
        assert running[0] < kinds.index("execute_result")
        assert any("s" in states and "R" in states for _, states in snapshots)

    def test_what_is_saved(self, kernel):
        graph, gantt, run = kernel.run("%%flow -o r\nload -> total").outputs
        assert set(graph) == {"image/svg+xml", "image/png", "text/plain"}
        drawn = ElementTree.fromstring(graph["image/svg+xml"])
        states = {
            g.get("data-task"): g.get("data-state") for g in drawn.iter() if g.get("data-task")
        }
        assert states == {"load": "succeeded", "total": "succeeded"}
        assert "add them up" in "".join(drawn.itertext())
        assert b64decode(gantt["image/png"]).startswith(b"\x89PNG")
        assert gantt["text/plain"].startswith("Gantt of flow: ")
        assert run["text/plain"].startswith("<Run flow: 2 succeeded; ")
        assert "add them up" in run["text/html"]
        assert kernel.value("r['total'], _").startswith("(6, <Run flow")

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_executors(self, kernel, executor):
        cell = kernel.run(f"%%flow -e {executor} -w 2 --no-gantt -o r\nload -> make -> move")
        assert not cell.error, cell.error
        assert len(cell.outputs) == 2
        assert kernel.value("type(r['move']) is Point, r['move'].x") == "(True, 4)"

    @pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
    def test_a_users_process_pool(self, kernel, method):
        made = kernel.run(
            "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
            f"pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r}))"
        )
        assert not made.error, made.error
        cell = kernel.run("%%flow -e pool --no-gantt -o r\nload -> make -> move")
        assert not cell.error, cell.error
        assert kernel.value("type(r['move']) is Point, r['move'].x") == "(True, 4)"
        assert kernel.value("pool.submit(abs, -3).result(); pool.shutdown(); 'closed by its user'")

    def test_inputs_and_a_redefined_function(self, kernel):
        kernel.run("def give(n): return n\ndef twice(give): return 2 * give")
        kernel.run("%%flow -i n=21 --no-gantt -o r\ngive -> twice")
        assert kernel.value("r['twice']") == "42"
        kernel.run("def twice(give): return 'redefined'")
        kernel.run('%%flow --input {"n": 1} --no-gantt -o r\ngive -> twice')
        assert kernel.value("r['twice']") == "'redefined'"

    def test_compare_measures_a_sequential_run(self, kernel):
        gantt = kernel.run("%%flow --compare -w 2\nload -> [slow as s1, slow as s2]").outputs[1]
        assert "(replayed)" not in gantt["text/plain"]
        assert "sequential 8" in gantt["text/plain"].replace("0.8", "8")

    def test_more_tasks_than_a_chart_is_drawn_of(self, kernel):
        kernel.run("import taskinity_nb.magics.cell_view as magic; usual = magic.MOST_IN_CHART")
        kernel.run("magic.MOST_IN_CHART = 1")
        cell = kernel.run("%%flow\nload -> total")
        kernel.run("magic.MOST_IN_CHART = usual")
        assert cell.printed == "(no chart of more than 1 tasks; plot_gantt(run) draws it)\n"
        assert len(cell.outputs) == 2

    def test_no_run_only_draws(self, kernel):
        cell = kernel.run("%%flow --no-run -o f\nload -> nothing_like_it")
        assert set(cell.outputs[0]) >= {"image/svg+xml", "text/plain"}
        assert kernel.value("type(f).__name__") == "'Flow'"

    def test_background(self, kernel):
        kernel.run("import threading; gate = threading.Event()\ndef held(): return gate.wait(30)")
        cell = kernel.run("%%flow --background --no-gantt -o r\nheld")
        assert not cell.error
        assert kernel.value("r.done") == "False"
        assert kernel.value("gate.set(); r.wait(); r['held']") == "True"

    def test_a_part_of_a_flow(self, kernel):
        """Up to a task, where what follows is not written yet; then from a result that is given."""
        kernel.run("def first(): return 20\ndef then(first): return first + 1")
        text = "flow Part:\n    first -> then -> unwritten -> more"
        cell = kernel.run(f"%%flow --targets then -o r\n{text}")
        assert not cell.error, cell.error
        assert kernel.value("r.result, r.tasks['more'].why") == (
            "(21, \"left out: not needed for 'then'\")"
        )
        drawn = ElementTree.fromstring(cell.outputs[0]["image/svg+xml"])
        states = {g.get("data-task"): g.get("data-state") for g in drawn.iter()}
        assert states["unwritten"] == "skipped"
        cell = kernel.run(f"%%flow --targets then --override first=[4][0] -o r\n{text}")
        assert not cell.error, cell.error
        assert kernel.value("r.result, str(r.tasks['first'].state)") == "(5, 'cached')"
        cell = kernel.run(f"%%flow --targets first,then --resume --rerun then -o r\n{text}")
        assert not cell.error, cell.error
        assert kernel.value("r.result, r.tasks['then'].why") == (
            "({'first': 20, 'then': 21}, 'runs again: it was named in rerun')"
        )
        for option in ("--compare", "--background"):
            cell = kernel.run(f"%%flow --targets then --override first=5 -o r {option}\n{text}")
            assert not cell.error, cell.error
            assert kernel.value("r.wait().result") == "6"

    def test_a_name_in_the_line_that_is_no_task(self, kernel):
        cell = kernel.run("%%flow --targets total,lod\nload -> total")
        assert "line 1, column 24: --targets names 'lod', which is no task" in cell.error
        assert "^^^" in cell.error
        assert "did you mean 'load'?" in cell.error

    def test_resume(self, kernel):
        kernel.run("def first(): return 1\ndef then(first): 1 / 0")
        kernel.run("%%flow --no-gantt\nflow Resumed:\n    first -> then")
        kernel.run("def then(first): return first + 1")
        cell = kernel.run("%%flow --resume --no-gantt -o r\nflow Resumed:\n    first -> then")
        assert not cell.error, cell.error
        assert kernel.value("r['then'], str(r.tasks['first'].state)") == "(2, 'cached')"

    def test_a_cache(self, kernel, tmp_path):
        kernel.run(f"from pathlib import Path; place = Path({str(tmp_path)!r}) / 'its own'")
        kernel.run("def first(): return 1\ndef then(first): return first + 1")
        for state in ("succeeded", "cached"):
            cell = kernel.run("%%flow --cache place -o r\nflow Kept:\n    first -> then")
            assert not cell.error, cell.error
            states = f"{{'{state}'}}"
            assert kernel.value("r['then'], {str(t.state) for t in r.tasks.values()}") == (
                f"(2, {states})"
            )
        kernel.run(f"import os; os.environ['TASKINITY_CACHE'] = {str(tmp_path / 'usual')!r}")
        cell = kernel.run("%flow r.flow --cache --background -o again")
        assert not cell.error, cell.error
        assert kernel.value("again.wait()['then'], (place.parent / 'usual').is_dir()") == (
            "(2, True)"
        )

    def test_on_error_continue(self, kernel):
        cell = kernel.run("%%flow --on-error continue --no-gantt -o r\nload -> [broken, total]")
        assert not cell.error
        assert kernel.value("dict(r)") == "{'load': [1, 2, 3], 'total': 6}"

    def test_prints_of_threads_stay_in_the_cell(self, kernel):
        kernel.run("def say(): print('said in a thread')")
        assert kernel.run("%%flow --no-gantt\nsay").printed == "said in a thread\n"


class TestAdvice:
    """It stands below the chart of a run of a second or more, where there is something to say."""

    CELL = "%%flow {}\nload -> [{}]"

    def outputs(self, kernel, options, tasks):
        tasks = ", ".join(f"slow as s{number}" for number in range(tasks))
        cell = kernel.run(self.CELL.format(options, tasks))
        assert not cell.error, cell.error
        return cell.outputs

    def test_it_is_shown(self, kernel):
        _, gantt, advice, run = self.outputs(kernel, "-w 2", 6)
        assert gantt["text/plain"].startswith("Gantt")
        assert advice["text/plain"].startswith("The flow could use 6 workers; it had 2.")
        assert "<strong>The flow could use 6 workers; it had 2.</strong>" in advice["text/html"]
        assert run["text/plain"].startswith("<Run")

    @pytest.mark.slow
    def test_nothing_is_said(self, kernel):
        kernel.run("def slow(load):\n    time.sleep(1.1)")
        assert len(self.outputs(kernel, "-w 3", 3)) == 3
        kernel.run("def slow(load):\n    time.sleep(0.1)")
        assert len(self.outputs(kernel, "-w 2", 6)) == 3  # over in less than a second
        kernel.run(FUNCTIONS)
        assert len(self.outputs(kernel, "-w 2 --no-gantt", 6)) == 2

    @pytest.mark.slow
    def test_of_a_run_that_failed_nothing_is_said(self, kernel):
        cell = kernel.run("%%flow -w 1 --on-error continue\nload -> [slow, slow as t, broken]")
        assert len(cell.outputs) == 3

    @pytest.mark.slow
    def test_in_the_background(self, kernel):
        tasks = ", ".join(f"slow as s{number}" for number in range(6))
        sent = kernel.send(self.CELL.format("-w 2 --background", tasks))
        said = "The flow could use 6 workers"
        text = ""
        while not text.startswith(said):  # what comes late of the cell before is passed over
            received = kernel.client.get_iopub_msg(timeout=60)
            text = received["content"].get("data", {}).get("text/plain", "")
        assert received["parent_header"]["msg_id"] == sent


class TestErrors:
    """Each shows the user's text or function, and no frame of the package."""

    def shown(self, kernel, cell):
        error = kernel.run(cell).error
        assert no_frame_of_ours(error), error
        return error

    @pytest.mark.parametrize(
        ("cell", "parts"),
        [
            ("%%flow\nload -> totl", ["line 2, column 9", "    ^^^^", "did you mean 'total'?"]),
            ("%%flow\nload -> total -> load", ["load -> total -> load", "^^^^", "cycle"]),
            ("%%flow\nload => total", ["line 2, column 6", "load => total", "^^"]),
            ("%%flow --executr threads\nload", ["%%flow --executr threads", "^^^^^^^^^",
                                                "did you mean '--executor'?"]),
            ("%%flow\ntotal", ["total(load) has no value for 'load'", "^^^^^"]),
            ("%%flow -i pth=3\nload -> total", ["no task takes the input 'pth'", "'path'",
                                                "%%flow -i pth=3\n    |           ^^^\n"]),
            (
                '%%flow -i {"path": 1, "pth": 2}\nload -> total',
                ['%%flow -i {"path": 1, "pth": 2}\n    |                       ^^^^^\n'],
            ),
            ("%%flow -e time\nload -> total", ["an executor is a word", "^^^^"]),
            ("%%flow\n[load, load as again] -> total", ["does not take the result of 'again'",
                                                        "again -.-> total"]),
            ("%%flow\n# nothing", ["no task", "load -> clean"]),
        ],
    )  # fmt: skip
    def test_before_anything_runs(self, kernel, cell, parts):
        shown = self.shown(kernel, cell)
        for part in parts:
            assert part in shown, shown

    def test_an_empty_cell(self, kernel):
        assert "the cell body is empty" in kernel.run("%%flow\n").printed

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_a_task_that_raises(self, kernel, executor):
        shown = self.shown(kernel, f"%%flow -e {executor} --no-gantt -o r\nload -> [broken, total]")
        lines = shown.splitlines()
        assert lines[0] == "TaskError: task 'broken' failed: ZeroDivisionError: division by zero"
        assert lines[2].startswith("Cell In[")
        assert lines[2].endswith(", in broken")
        assert any(line.startswith("---->") and "return 1 / 0" in line for line in lines)
        assert lines[-1] == "ZeroDivisionError: division by zero"
        assert kernel.value("dict(r)") == "{'load': [1, 2, 3], 'total': 6}"

    def test_the_graph_and_the_chart_are_there_all_the_same(self, kernel):
        graph, gantt = kernel.run("%%flow\nload -> [broken, slow]").outputs
        assert 'data-state="failed"' in graph["image/svg+xml"]
        assert "image/png" in gantt


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_finished():
    with new_kernel() as (kernel, manager):
        kernel.run(FUNCTIONS + "\ndef forever(load):\n    time.sleep(600)")
        for executor in ("sequential", "threads", "processes"):
            sent = kernel.send(f"%%flow -e {executor} -o r\nload -> forever -> total")
            seen = []
            for message in kernel.messages(sent):
                seen.append(message)
                state = message["content"].get("data", {}).get("state", {})
                if "R" in state.get("states", "")[1:2]:
                    manager.interrupt_kernel()
            error = next(m["content"] for m in seen if m["msg_type"] == "error")
            assert error["ename"] == "Cancelled"
            assert kernel.value("dict(r), str(r.state)") == "({'load': [1, 2, 3]}, 'cancelled')"
            assert not kernel.run(f"%%flow -e {executor}\nload").error


class TestAsking:
    def test_help(self, kernel):
        reply = kernel.run("%%flow?").reply
        text = reply["payload"][0]["data"]["text/plain"]
        assert "%%flow [options]" in text
        assert "--executor" in text

    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("%%flow --exec", {"--executor"}),
            ("%%flow --executor pro", {"processes"}),
            ("%%flow --on-error ", {"raise", "stop", "continue"}),
            ("%%flow\nload -> to", {"total"}),
            ("%%flow\nload as fresh_name\nfresh", {"fresh_name"}),
        ],
    )
    def test_tab(self, kernel, cell, expected):
        reply = kernel.client.complete(cell, len(cell), reply=True, timeout=30)["content"]
        assert expected <= set(reply["matches"])
        typed = cell[reply["cursor_start"] : reply["cursor_end"]]
        assert all(match.startswith(typed) for match in expected)


@pytest.mark.slow
def test_a_saved_notebook_and_its_html_show_both_pictures(tmp_path):
    notebook = nbformat.v4.new_notebook()
    sources = ["%load_ext taskinity_nb", FUNCTIONS, "%%flow\nload -> [slow, total]"]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    NotebookClient(notebook, timeout=60).execute()
    graph, gantt, run = (output.data for output in notebook.cells[-1].outputs)
    assert 'data-state="succeeded"' in graph["image/svg+xml"]
    assert 'data-state="running"' not in graph["image/svg+xml"]
    assert "image/png" in gantt
    assert not [data for data in (graph, gantt, run) if any("widget" in kind for kind in data)]
    html, _ = HTMLExporter().from_notebook_node(notebook)
    images = re.findall(r'<img[^>]*src="data:(image/[a-z+]+);base64,', html)
    assert sorted(images) == ["image/png", "image/svg+xml"]


class TestAnnotations:
    @pytest.mark.parametrize("option", ["", "--compare -w 2", "--background"])
    def test_what_cannot_fit_is_said_once_a_cell(self, kernel, option):
        kernel.run("def text() -> str: return 'a'\ndef number(x: int): return x")
        for action in ("default", "always", "default"):  # a cell that is run again says it again
            kernel.run(
                "import taskinity_nb, warnings\n"
                f"warnings.filterwarnings('{action}', category=taskinity_nb.FlowWarning)"
            )
            cell = kernel.run(f"%%flow --no-gantt {option}\n\ntext -> number")
            assert not cell.error, cell.error
            assert cell.printed.count("FlowWarning") == 1
            assert "FlowWarning: line 3, column 9: 'text' gives str" in cell.printed
            assert "  3 | text -> number\n    |         ^^^^^^\n" in cell.printed
            assert no_frame_of_ours(cell.printed)
