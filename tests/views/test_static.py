"""What stays of a flow without its kernel: in files, on paper, in a notebook nobody trusts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import nbformat
import pytest
from kernels import new_kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from svgs import is_harmless_svg, states_in

WIDGET = "application/vnd.jupyter.widget"

FUNCTIONS = """%load_ext taskinity_nb
import threading
from taskinity_nb import task
go = threading.Event()

def load(path="x"): return [1, 2, 3]
@task(name="add them up")
def total(load): return sum(load)
def broken(load): return {}["no such key"]
def after(broken): pass
def held(load): return go.wait(60)
"""
GOOD = "%%flow -o good\nflow Good:\n    description: 'what is shown'\n    load -> total"
BAD = "%%flow -o bad\nflow Bad:\n    load -> [broken, total]\n    broken -> after"
GOOD_STATES = {"load": "succeeded", "total": "succeeded"}
BAD_STATES = GOOD_STATES | {"broken": "failed", "after": "upstream_failed"}


@pytest.fixture(scope="module")
def notebook():
    """A notebook that has run in a kernel that is gone."""
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in (FUNCTIONS, GOOD, BAD)]
    made.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    NotebookClient(made, timeout=60, allow_errors=True).execute()
    return made


@pytest.fixture(scope="module")
def html(notebook):
    return HTMLExporter().from_notebook_node(notebook)[0]


def views(notebook):
    """Return the outputs that wait for a kernel."""
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.outputs]
    return [bundle for bundle in data if any(kind.startswith(WIDGET) for kind in bundle)]


# Files.


def test_nothing_in_it_waits_for_a_kernel(notebook):
    assert not views(notebook)
    assert "widgets" not in notebook.metadata
    good, bad = (cell.outputs for cell in notebook.cells[1:])
    for graph, gantt in (good[:2], bad[::2]):
        assert set(graph.data) == {"image/svg+xml", "image/png", "text/plain"}
        assert set(gantt.data) == {"image/png", "text/plain"}
        for png in (graph.data["image/png"], gantt.data["image/png"]):
            assert b64decode(png).startswith(b"\x89PNG")
    assert states_in(good[0].data["image/svg+xml"]) == GOOD_STATES
    assert states_in(bad[0].data["image/svg+xml"]) == BAD_STATES
    assert "✗ broken (failed)" in bad[0].data["text/plain"]
    assert bad[1].output_type == "error" and bad[1].ename == "TaskError"


def test_no_sanitiser_finds_anything_in_the_picture(notebook):
    for cell in notebook.cells[1:]:
        assert is_harmless_svg(cell.outputs[0].data["image/svg+xml"])


def test_html(html):
    assert f'<script type="{WIDGET}-view+json"' not in html
    images = re.findall(r'<img[^>]*src="data:(image/[a-z+]+);base64,([^"]+)"', html)
    kinds = [kind for kind, _ in images]
    assert kinds == ["image/svg+xml", "image/png"] * 2
    drawn = [b64decode(image).decode() for kind, image in images if kind == "image/svg+xml"]
    assert [states_in(svg) for svg in drawn] == [GOOD_STATES, BAD_STATES]


def test_markdown(notebook):
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    named = re.findall(r"!\[\w+\]\(([^)]+)\)", text)
    files = resources["outputs"]
    assert [name.rpartition(".")[2] for name in named] == ["svg", "png"] * 2
    svgs = [files[name].decode() for name in named if name.endswith(".svg")]
    assert [states_in(svg) for svg in svgs] == [GOOD_STATES, BAD_STATES]
    assert all(files[name].startswith(b"\x89PNG") for name in named if name.endswith(".png"))
    assert "TaskError" in text


def test_what_is_in_the_pictures_is_said_beside_them(notebook):
    for cell in notebook.cells[1:]:
        graph, gantt = (one for one in cell.outputs if one.output_type == "display_data")
        for kind in ("image/svg+xml", "image/png"):
            assert graph.metadata[kind]["alt"] == graph.data["text/plain"].partition("\n")[0]
        assert gantt.metadata["image/png"]["alt"] == gantt.data["text/plain"]
        assert gantt.metadata["image/png"]["alt"].startswith("Gantt of ")


@pytest.mark.slow
def test_html_with_alternative_texts_as_the_docs_say(notebook, tmp_path):
    page, said = converted(notebook, tmp_path, "--to html --template classic")
    assert "Alternative text is missing" not in said
    texts = re.findall(r'<img[^>]* alt="([^"]*)"', page)
    assert texts == [
        one.data["text/plain"].partition("\n")[0]
        for cell in notebook.cells[1:]
        for one in cell.outputs
        if one.output_type == "display_data"
    ]


@pytest.mark.slow
def test_latex_without_inkscape_as_the_docs_say(notebook, tmp_path):
    page, _ = converted(notebook, tmp_path, "--to latex")
    named = re.findall(r"\{(page_files/[^{}]+)\}", page)
    assert [Path(name).suffix for name in named] == [".png"] * 4
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in named)


def converted(notebook, folder, options):
    """Convert a notebook with the options that the docs give; return the page and what is said."""
    docs = (Path(__file__).parents[2] / "docs/where_it_works.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"^ *jupyter nbconvert ({re.escape(options)}.*) \S+$", docs, re.M)
    nbformat.write(notebook, folder / "page.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", *shlex.split(command), "page.ipynb"],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (page,) = (path for path in folder.glob("page.*") if path.suffix != ".ipynb")
    return page.read_text(encoding="utf-8"), done.stderr


# Where there are no widgets.

NO_WIDGETS = "import sys; sys.modules['anywidget'] = sys.modules['ipywidgets'] = None"
"""A cell that comes before the extension, which imports them while the kernel is idle."""


@pytest.fixture(scope="module")
def bare_kernel():
    with new_kernel(NO_WIDGETS) as (kernel, _):
        yield kernel


@pytest.mark.slow
def test_without_anywidget_the_picture_itself_is_drawn_again(bare_kernel):
    kernel = bare_kernel
    kernel.run(FUNCTIONS + "def held(load): return go.wait(60)\ndef last(held): pass")
    cell = kernel.send("%%flow --background --no-gantt -o r\nload -> [held, total]\nheld -> last")
    shown = []
    for message in kernel.messages(cell):
        shown.append(message)
    while not states_of(shown)[-1:] or states_of(shown)[-1]["held"] != "running":
        shown.append(next_of(kernel, cell))
    assert kernel.value("go.set(); r.wait(); r['total']") == "6"
    kinds = {kind for message in shown for kind in message["content"].get("data", {})}
    assert not [kind for kind in kinds if "widget" in kind]
    assert not [m for m in shown if m["msg_type"].startswith("comm")]
    cell = kernel.run("%%flow --no-gantt\nload -> [held, total]\nheld -> last")
    assert not cell.error, cell.error
    assert set(states_in(cell.outputs[0]["image/svg+xml"]).values()) == {"succeeded"}
    assert {"image/png", "text/plain"} < set(cell.outputs[0])


@pytest.mark.slow
def test_what_came_soon_after_a_picture_is_shown_when_it_is_time(bare_kernel):
    kernel = bare_kernel
    kernel.run(FUNCTIONS + "seen = threading.Event()\ndef first(): return seen.wait(60)")
    kernel.run("def held(first): return go.wait(60)")
    kernel.run("from taskinity_nb.views.live import live_graph; live_graph.SLOWEST = 1.0")
    cell = kernel.send("%%flow --background --no-gantt -o r\nfirst -> held")
    shown = list(kernel.messages(cell))
    while states_of(shown)[-1]["first"] != "running":
        shown.append(next_of(kernel, cell))
    kernel.send("seen.set()")  # then nothing happens until `go` is set
    while states_of(shown)[-1]["held"] != "running":
        shown.append(next_of(kernel, cell))
    assert kernel.value("go.set(); r.wait(); r['held']") == "True"
    kernel.run("live_graph.SLOWEST = 0.5")


def states_of(messages):
    data = [message["content"].get("data", {}) for message in messages]
    return [states_in(d["image/svg+xml"]) for d in data if "image/svg+xml" in d]


def next_of(kernel, cell):
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == cell:
            return message


# Browsers.


@pytest.fixture
def place(kept_lab):
    with kept_lab.new_folder() as place:
        yield place


@pytest.mark.browser
@pytest.mark.slow
def test_on_paper(html, tmp_path, kept_browser):
    pypdf = pytest.importorskip("pypdf")
    from browsers import SCREENSHOTS
    from chromium import open_page

    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    with open_page(size=(1000, 1400)) as page:
        page.goto((tmp_path / "page.html").as_uri())
        page.pdf(path=str(tmp_path / "page.pdf"))
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=str(SCREENSHOTS / "static-html.png"), full_page=True)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "page.pdf").pages)
    for told in ("add them up", "broken", "1 upstream failed", "critical path", "TaskError"):
        assert told in " ".join(text.split()), text


@pytest.mark.browser
@pytest.mark.slow
def test_a_notebook_that_is_not_trusted_shows_the_png(notebook, place):
    from browsers import open_notebook

    nbformat.write(notebook, place.folder / "stranger.ipynb")
    with open_notebook(place, "stranger.ipynb") as lab:
        lab.page.wait_for_function("document.querySelectorAll('.jp-RenderedImage img').length == 4")
        lab.screenshot("static-untrusted")
        assert lab.page.locator(".jp-RenderedSVG").count() == 0
        widths = lab.page.evaluate(
            "[...document.querySelectorAll('.jp-RenderedImage img')].map((i) => i.naturalWidth)"
        )
        assert min(widths) > 100


@pytest.mark.browser
@pytest.mark.slow
def test_a_notebook_that_was_saved_and_opened_again_shows_the_picture(place):
    from browsers import open_notebook, write_notebook

    path = write_notebook(place.folder / "saved.ipynb", [FUNCTIONS, GOOD, BAD])
    with open_notebook(place, path.name) as lab:
        for number in range(3):
            lab.run_cell(number)
        lab.page.wait_for_selector(".taskinity-flow", state="detached")
        lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        lab.page.wait_for_selector(".jp-mod-dirty", state="detached")
    saved = nbformat.read(path, as_version=4)
    assert not views(saved) and "widgets" not in saved.metadata
    assert states_in(saved.cells[2].outputs[0].data["image/svg+xml"]) == BAD_STATES
    with open_notebook(place, path.name) as lab:
        lab.page.wait_for_function("document.querySelectorAll('.jp-RenderedSVG').length == 2")
        lab.screenshot("static-reopened")
        shown = lab.page.locator(".jp-Notebook").inner_text()
        assert "not found" not in shown and "add them up" in shown
