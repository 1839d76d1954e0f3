"""What a run leaves behind is its outcome, wherever the notebook is executed and shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64decode

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from kernels import AS_NEW, NO_HISTORY, PATIENCE, new_kernel
from nbclient import NotebookClient

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
PICTURES = {"image/png", "image/svg+xml", "text/plain"}

FUNCTIONS = """%load_ext taskinity_nb
import threading, time
import ipywidgets as widgets
from IPython.display import clear_output, display
gate = threading.Event()
def load(): return [1, 2]
def held(load): return gate.wait(60)
def slow(load): time.sleep(0.2)
def broken(load): return 1 / 0
def clearing(load):
    for step in range(5):
        clear_output(wait=True)
        print("step", step)
flow = lambda options, text: get_ipython().run_cell_magic("flow", options, text)
"""

UNFINISHED = re.compile(r"\b(running|ready|pending)\b")


def notebook_of(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    return notebook


@pytest.fixture(scope="module")
def executed():
    """Execute FUNCTIONS and cells without anybody who looks; return what is saved.

    The notebooks have one kernel, in which nothing is left of those before.
    """
    manager = AsyncKernelManager(kernel_name="python3")
    run_sync(manager.start_kernel)(extra_arguments=[NO_HISTORY])

    def execute(*cells):
        notebook = notebook_of("%load_ext taskinity_nb", AS_NEW, FUNCTIONS, *cells)
        client = NotebookClient(notebook, km=manager, timeout=PATIENCE, allow_errors=True)
        client.execute()
        client.kc.stop_channels()
        del notebook.cells[:2]
        return notebook

    execute()  # what it keeps for all of them is there before a test begins
    yield execute
    run_sync(manager.shutdown_kernel)(now=True)


def states(bundle):
    return dict(re.findall(r'data-task="(\w+)" data-state="(\w+)"', bundle["image/svg+xml"]))


def kinds(cell):
    return [output.output_type for output in cell.outputs]


def is_final(notebook):
    """Tell whether nothing in a notebook says that something is going on, or needs a kernel."""
    saved = nbformat.writes(notebook).partition('"cells"')[2]
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    told = " ".join(str(output.get("data", "")) for output in outputs)
    return not UNFINISHED.search(told) and WIDGET_VIEW not in saved


@pytest.mark.slow
class TestWhereNobodyLooks:
    """As with nbclient, papermill, ``jupyter execute`` and ``nbconvert --execute``."""

    def test_a_cell_that_blocks(self, executed):
        notebook = executed("%%flow\nload -> slow")
        graph, chart, run = (output.data for output in notebook.cells[1].outputs)
        assert set(graph) == PICTURES and states(graph) == {
            "load": "succeeded",
            "slow": "succeeded",
        }
        assert chart["text/plain"].startswith("Gantt") and "<table" in run["text/html"]
        assert is_final(notebook) and not notebook.metadata.get("widgets")

    @pytest.mark.parametrize("later", ["run.wait(); None", "while not run.done: time.sleep(0.01)"])
    def test_in_the_background(self, executed, later):
        notebook = executed("%%flow --background -o run\nload -> held", f"gate.set()\n{later}")
        graph, chart, run = (output.data for output in notebook.cells[1].outputs)
        assert states(graph) == {"load": "succeeded", "held": "succeeded"}
        assert chart["text/plain"].startswith("Gantt") and chart["image/png"]
        assert run["text/plain"].startswith("<Run flow: 2 succeeded; ")
        assert "<table" in run["text/html"] and "<img" not in run["text/html"]
        assert not notebook.cells[2].outputs
        assert is_final(notebook)

    def test_it_ends_between_two_cells(self, executed):
        notebook = executed(
            "%%flow --background -o run\nload -> held",
            "threading.Timer(0.2, gate.set).start()",
            "time.sleep(1)",
            "'later'",
        )
        assert states(notebook.cells[1].outputs[0].data)["held"] == "succeeded"
        assert is_final(notebook)

    def test_it_fails_in_the_background(self, executed):
        notebook = executed(
            "%%flow --background -o run\nload -> [held, broken]", "gate.set(); run.wait()"
        )
        graph, error, run = (output.data for output in notebook.cells[1].outputs)
        assert states(graph)["broken"] == "failed"
        assert error["text/plain"].startswith("TaskError: task 'broken' failed: ZeroDivisionError")
        assert "return 1 / 0" in error["text/plain"] and "\x1b" not in error["text/plain"]
        assert "<pre" in error["text/html"] and "ZeroDivisionError" in run["text/html"]
        assert notebook.cells[2].outputs[-1].ename == "TaskError"
        assert is_final(notebook)

    def test_it_goes_on_when_the_notebook_ends(self):
        """And its kernel, which is shut down."""
        notebook = notebook_of(FUNCTIONS, "%%flow --background\nload -> held")
        NotebookClient(notebook, timeout=PATIENCE, extra_arguments=[NO_HISTORY]).execute()
        graph, _, run = (output.data for output in notebook.cells[1].outputs)
        assert graph["text/plain"] == "<Flow flow: 2 tasks, 1 edge>\n  load -> held"
        assert run["text/plain"].startswith("<Run flow: 2 tasks, started in the background; ")
        assert WIDGET_VIEW not in graph

    def test_a_run_that_no_cell_showed(self, executed):
        notebook = executed(
            "import taskinity_nb\nrun = taskinity_nb.start('load -> held')\nrun", "gate.set()",
            "run.wait(); None",
        )  # fmt: skip
        (run,) = (output.data for output in notebook.cells[1].outputs)
        assert run["text/plain"].startswith("<Run flow: 2 succeeded; ")
        assert is_final(notebook)

    @pytest.mark.leaves(
        "threads", "descriptors", reason="ZeroMQ keeps a thread that has sent much to a widget"
    )
    def test_in_an_output_widget(self, executed):
        block = "out = widgets.Output()\ndisplay(out)\nwith out:\n    "
        notebook = executed(
            block + "flow('', 'load -> slow')",
            block + "display(flow('--background -o run', 'load -> held'))",
            "gate.set(); run.wait(); None",
        )
        models = notebook.metadata.widgets[WIDGET_STATE]["state"]

        def content(bundle):
            model = models[bundle[WIDGET_VIEW]["model_id"]]["state"]
            return [output["data"] for output in model["outputs"]]

        def leaves(bundle):
            inside = content(bundle) if WIDGET_VIEW in bundle else None
            return [bundle] if inside is None else [one for b in inside for one in leaves(b)]

        graph, chart = leaves(notebook.cells[1].outputs[0].data)
        assert states(graph) == {"load": "succeeded", "slow": "succeeded"} and chart["image/png"]
        graph, chart, run = leaves(notebook.cells[2].outputs[0].data)
        assert states(graph) == {"load": "succeeded", "held": "succeeded"} and chart["image/png"]
        assert run["text/plain"].startswith("<Run flow: 2 succeeded; ")

    @pytest.mark.leaves(
        "threads", "descriptors", reason="ZeroMQ keeps a thread that has sent much to a widget"
    )
    def test_what_a_cell_has_captured(self, executed):
        notebook = executed(
            "%%capture kept\n%%flow --background -o run\nload -> held",
            "gate.set(); run.wait(); None",
            "kept.show()",
        )
        models = notebook.metadata.widgets[WIDGET_STATE]["state"]
        graph, chart, run = (
            models[output.data[WIDGET_VIEW]["model_id"]]["state"]["outputs"][0]["data"]
            for output in notebook.cells[3].outputs
            if WIDGET_VIEW in output.data
        )
        assert states(graph) == {"load": "succeeded", "held": "succeeded"} and chart["image/png"]
        assert run["text/plain"].startswith("<Run flow: 2 succeeded; ")

    def test_a_task_that_clears_the_output(self, executed):
        notebook = executed(
            "%%flow\nload -> clearing",
            "%%flow --background -o run\nload -> clearing",
            "run.wait(); None",
        )
        for cell in notebook.cells[1:3]:
            shown = [output.data for output in cell.outputs if "data" in output]
            assert states(shown[0]) == {"load": "succeeded", "clearing": "succeeded"}
            assert shown[1]["text/plain"].startswith("Gantt")
            assert shown[2]["text/plain"].startswith("<Run flow: 2 succeeded; ")
        assert kinds(notebook.cells[1]) == [
            "display_data",
            "stream",
            "display_data",
            "execute_result",
        ]
        assert is_final(notebook)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["jupyter execute", "nbconvert", "papermill"])
def test_the_programs_that_execute_notebooks(program, tmp_path):
    commands = {
        "jupyter execute": ["nbclient.cli", "--inplace", "page.ipynb"],
        "nbconvert": ["nbconvert", "--execute", "--to", "notebook", "--inplace", "page.ipynb"],
        "papermill": ["papermill", "--cwd", ".", "page.ipynb", "page.ipynb"],
    }
    if program == "papermill":
        pytest.importorskip("papermill")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
    cells = (
        FUNCTIONS, "%%flow --background -o run\nload -> held", "gate.set(); run.wait(); None",
        "%%flow\nload -> slow",
    )  # fmt: skip
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook, path)
    command = [sys.executable, "-m", *commands[program]]
    if program == "jupyter execute":
        command[1:3] = ["-c", "from nbclient.cli import main; main()"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE)
    done = nbformat.read(path, 4)
    for cell in (done.cells[-3], done.cells[-1]):
        graph, chart, run = (output.data for output in cell.outputs)
        assert set(states(graph).values()) == {"succeeded"}
        assert chart["text/plain"].startswith("Gantt") and "<table" in run["text/html"]
    assert is_final(done)


@pytest.mark.slow
class TestErrorsFirst:
    """A reader sees the error above the chart."""

    def test_a_cell_that_blocks(self, executed):
        cell = executed("%%flow\nload -> [broken, slow]").cells[1]
        assert kinds(cell) == ["display_data", "error", "display_data"]
        assert states(cell.outputs[0].data)["broken"] == "failed"
        assert cell.outputs[2].data["text/plain"].startswith("Gantt")

    def test_the_run_goes_on(self, executed):
        cell = executed("%%flow --on-error continue\nload -> [broken, slow]").cells[1]
        assert kinds(cell) == ["display_data", "stream", "display_data", "execute_result"]
        assert cell.outputs[1].text == (
            "task 'broken' failed: ZeroDivisionError: division by zero\n"
        )

    def test_a_tall_graph_is_drawn_smaller(self, executed):
        chain = " -.-> ".join(f"load as l{number}" for number in range(30))
        graph = executed(f"%%flow --no-gantt\nload -> broken -.-> {chain}").cells[1].outputs[0].data
        height = re.search(r'<svg[^>]* height="([\d.]+)pt"', graph["image/svg+xml"])
        assert float(height[1]) * 4 / 3 <= 481
        box = re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', graph["image/svg+xml"])
        assert float(box[1]) > 1000


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    assert not kernel.run(FUNCTIONS).error
    return kernel


class TestTheValue:
    """A run as the value of a cell: graph and table."""

    def test_the_cell_of_the_flow_shows_its_graph_once(self, kernel):
        value = kernel.run("%%flow -o run\nload -> slow").outputs[-1]
        assert "<table" in value["text/html"] and "<img" not in value["text/html"]

    def test_another_cell_shows_both(self, kernel):
        kernel.run("%%flow -o run\nload -> slow")
        (value,) = kernel.run("run").outputs
        assert value["text/html"].index("<img") < value["text/html"].index("<table")
        drawn = re.search(r"base64,([\w+/=]+)", value["text/html"])[1]
        assert b'data-state="succeeded"' in b64decode(drawn)
        assert value["text/plain"].startswith("<Run flow: 2 succeeded; ")

    def test_one_that_goes_on_is_shown_as_it_is(self, kernel):
        kernel.run("gate.clear()\nimport taskinity_nb\nrun = taskinity_nb.start('load -> held')")
        (value,) = kernel.run("run").outputs
        assert "after its start)" in value["text/html"]
        assert kernel.value("gate.set(); run.wait(); _ is run") == "True"

    def test_nothing_of_ours_stays_on_the_shell(self, kernel):
        kernel.run("%%flow\nload -> clearing")
        assert kernel.value("'clear_output' in vars(get_ipython().display_pub)") == "False"


def test_what_cannot_be_drawn_is_said(kernel):
    kernel.run(
        "import taskinity_nb.views.live.live_graph as module; usual = module.Picture.svg\n"
        "def full(*_, **__): raise OSError('the disk is full')\n"
        "module.Picture.svg = full"
    )
    cell = kernel.run("%%flow --no-gantt -o run\nload -> slow")
    kernel.run("module.Picture.svg = usual")
    assert not cell.error, cell.error
    assert cell.outputs[0]["text/plain"].endswith("(no picture: OSError: the disk is full)")
    assert cell.outputs[-1]["text/plain"].startswith("<Run flow: 2 succeeded; ")


def test_a_graph_that_is_cleared_is_shown_again(kernel):
    """With the widget and its button; what another cell clears is none of its business."""
    clears = "def clears():\n    clear_output(wait=True)\n    print('cleared')"
    kernel.run("gate.clear()\n" + clears)
    kernel.run("%%flow --background --no-gantt -o run\nclears -.-> load -> held")
    cell = kernel.run("%%flow -w 1 --no-gantt\nclears -.-> load -> slow")
    views = [shown["data"].get(WIDGET_VIEW) for shown in cell.of("display_data")]
    assert len(views) == 2 and views[0] == views[1] is not None
    later = kernel.run("clear_output(); time.sleep(0.1)")
    assert not later.of("display_data")
    assert not kernel.run("gate.set(); run.wait(); None").error


class TestTerminals:
    """Where outputs are text, and stay as they are."""

    CODE = "def load(): return 1\nget_ipython().run_cell_magic('flow', {!r}, 'load')"

    @pytest.mark.slow
    def test_jupyter_console(self, tmp_path):
        pytest.importorskip("jupyter_console")
        pexpect = pytest.importorskip("pexpect")
        (tmp_path / "jupyter_console_config.py").write_text(
            "c.ZMQTerminalInteractiveShell.image_handler = 'stream'\n"
            "c.ZMQTerminalInteractiveShell.stream_image_handler = ['sh', '-c', 'cat >> shown']\n"
        )
        arguments = ["-m", "jupyter_console", "--simple-prompt"]
        console = pexpect.spawn(
            sys.executable, arguments, timeout=PATIENCE, encoding="utf-8", cwd=str(tmp_path),
            dimensions=(60, 200),
            env=os.environ | {"TERM": "dumb", "JUPYTER_CONFIG_DIR": str(tmp_path)},
        )  # fmt: skip
        told = ""
        for code in (
            "%load_ext taskinity_nb",  # what comes before it is the kernel's
            "import time; load = lambda: time.sleep(0.5); load.__name__ = 'load'",
            "get_ipython().run_cell_magic('flow', '', 'load')",
            "run = get_ipython().run_cell_magic('flow', '--background', 'load'); run",
            "run.wait()",
            "exit",
        ):
            console.expect(r"In \[\d+\]: ")
            told += console.before if "load_ext" not in code else ""
            console.sendline(code)
        console.expect(pexpect.EOF)
        console.close()
        told += console.before or ""
        assert told.count("flow: 1 task, 1 succeeded\r\n  ✓ load") == 2
        assert "started in the background>" in told
        assert not UNFINISHED.search(told)
        shown = (tmp_path / "shown").read_bytes()
        assert shown.count(b"\x89PNG") == 2  # a chart of each run

    @pytest.mark.parametrize(
        "options", ["", pytest.param("--background -o run", marks=pytest.mark.slow)]
    )
    def test_ipython(self, options):
        code = self.CODE.format(options) + "\nif 'run' in dir(): run.wait()"
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--no-banner", "--quick", "--ext=taskinity_nb",
             "-c", code],
            capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE,
        )  # fmt: skip
        assert "flow: 1 task, 1 succeeded\n  ✓ load\n" in done.stdout
        assert done.stdout.count("Gantt of flow") == 1


@pytest.mark.slow
def test_a_kernel_that_is_shut_down_shows_what_went_on_as_cancelled():
    with new_kernel() as (kernel, manager):
        kernel.run(FUNCTIONS)
        shown = kernel.run("%%flow --background\nload -> held").of("display_data")
        manager.shutdown_kernel(now=False)
        ended = {}
        while len(ended) < len(shown):
            message = kernel.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "update_display_data":
                content = message["content"]
                ended[content["transient"]["display_id"]] = content["data"]
    graph, why, run = (ended[content["transient"]["display_id"]] for content in shown)
    assert states(graph)["held"] == "cancelled"
    assert why["text/plain"].startswith("Cancelled: flow 'flow' was cancelled")
    assert "1 cancelled" in run["text/plain"]
