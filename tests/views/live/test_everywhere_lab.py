"""What people see of a run that has ended, in JupyterLab, Notebook 7 and Voilà."""

from __future__ import annotations

import json

import pytest
from browsers import open_notebook, open_voila, serve, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FUNCTIONS = """%load_ext taskinity_nb
import threading, time
import ipywidgets as widgets
from IPython.display import clear_output, display
gate = threading.Event()
def load(): return [1, 2]
def held(load): return gate.wait(60)
def slow(load): time.sleep(0.3)
def broken(load): return 1 / 0
def clearing(load):
    for step in range(20):
        clear_output(wait=True)
        print("step", step)
        time.sleep(0.05)
    gate.wait(60)
flow = lambda options, text: get_ipython().run_cell_magic("flow", options, text)
"""

IN_OUTPUT = """out = widgets.Output()
display(out)
with out:
    print("kept")
    display(flow("{}", "load -> {}"))
"""

INTERACT = """@widgets.interact(number=(1, 5))
def tried(number=2):
    print("number", number)
    return flow("-w 1", "load -> slow")
"""

ASKED = INTERACT.replace("interact", "interact_manual")
"""It runs when it is clicked. What `interact` shows at once may stop Voilà, with any function:
nbclient writes it back into a socket that it also waits for, and so misses the reply.
"""

CELLS = [
    FUNCTIONS,
    IN_OUTPUT.format("", "slow"),
    IN_OUTPUT.format("--background -o run", "held"),
    "gate.set(); run.wait(); print('ended')",
    INTERACT,
    "gate.clear()",
    "%%flow --background -o run\nload -> clearing",
    "gate.set(); run.wait(); print('ended')",
    "%%flow --background -o run\nload -> [slow, broken]",
    "%%flow\nload -> [" + ", ".join(f"broken as b{number}" for number in range(24)) + "]",
    "run",
]

GONE = ["running", "pending", "ready", "started in the background", "not found"]
WIDGET = ".taskinity-flow"
IMAGES = ".jp-RenderedSVG img, .jp-RenderedImage img"


@pytest.fixture(scope="module", params=["lab", "notebook"])
def place(request):
    with request.getfixturevalue(f"kept_{request.param}").new_folder() as place:
        yield place


def has_ended(lab, cell, pictures):
    """Wait until a cell shows pictures and a table, and nothing that goes on."""
    output = lab.output(cell)
    lab.page.wait_for_function(
        "([cell, images, widget, pictures]) => {"
        " const shown = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[cell];"
        " return shown.querySelectorAll(images).length === pictures"
        " && !shown.querySelector(widget) && shown.querySelector('table'); }",
        arg=[cell, IMAGES, WIDGET, pictures],
    )
    text = output.inner_text()
    assert not [word for word in GONE if word in text], text
    assert "succeeded" in text
    return text


def test_the_outcome_stays(place):
    write_notebook(place.folder / "page.ipynb", CELLS)
    with open_notebook(place, "page.ipynb", size=(1100, 1000)) as lab:
        page = lab.page
        lab.run_cell(0)
        lab.run_cell(1)
        assert "kept" in has_ended(lab, 1, 2)
        lab.run_cell(2)
        lab.output(2).locator(f'{WIDGET} g[data-task="held"][data-state="running"]').wait_for()
        lab.run_cell(3)
        assert "kept" in has_ended(lab, 2, 2)
        lab.screenshot(f"everywhere-output-{place.app}")
        lab.run_cell(4)
        has_ended(lab, 4, 2)
        # With the mouse: Notebook 7 takes the keys of this slider for itself.
        slider = lab.output(4).locator(".noUi-base")
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
        lab.output(4).locator(':text("number 5")').first.wait_for()
        has_ended(lab, 4, 2)
        lab.run_cell(5)
        lab.run_cell(6)
        page.wait_for_selector(':text("step 19")')
        cancel = lab.output(6).locator('button[data-action="cancel"]')
        assert cancel.is_visible()
        lab.screenshot(f"everywhere-cleared-{place.app}")
        lab.run_cell(7)
        assert "step 19" in has_ended(lab, 6, 2)
        # An error is what is seen first.
        lab.run_cell(8)
        lab.output(8).locator("pre:text(\"TaskError: task 'broken' failed\")").wait_for()
        has_ended(lab, 8, 1)
        lab.run_cell(9)
        chart = lab.output(9).locator(".jp-RenderedImage img")
        chart.wait_for()
        lab.output(9).scroll_into_view_if_needed()
        error = lab.output(9).locator(':text("TaskError")').first
        top = lab.output(9).bounding_box()["y"]
        assert error.bounding_box()["y"] - top < 600
        assert error.bounding_box()["y"] < chart.bounding_box()["y"]
        lab.screenshot(f"everywhere-failed-{place.app}")
        lab.run_cell(10)
        shown = lab.output(10)
        graph, table = shown.locator("img"), shown.locator("table")
        assert graph.bounding_box()["y"] < table.bounding_box()["y"]
        lab.screenshot(f"everywhere-value-{place.app}")
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        page.wait_for_selector(".jp-mod-dirty", state="detached")
    saved = json.loads((place.folder / "page.ipynb").read_text("utf-8"))
    for number in (6, 8):
        kinds = {
            kind for output in saved["cells"][number]["outputs"] for kind in output.get("data", {})
        }
        assert not any("widget" in kind for kind in kinds)


def test_in_voila(tmp_path, kept_browser):
    cells = [
        FUNCTIONS,
        "button = widgets.Button(description='End')\nbutton.on_click(lambda _: gate.set())\nbutton",
        "%%flow --background -o run\nload -> held",
        "%%flow\nload -> slow",
        ASKED,
    ]
    write_notebook(tmp_path / "app.ipynb", cells)
    with serve(tmp_path, "voila") as place, open_voila(place, "app.ipynb") as app:
        page = app.page
        page.wait_for_selector(f'{WIDGET} g[data-task="held"][data-state="running"]')
        app.screenshot("everywhere-voila-going")
        page.locator('button:has-text("End")').click()
        page.wait_for_selector(WIDGET, state="detached")
        page.locator('button:has-text("Run Interact")').click()
        page.wait_for_function("document.querySelectorAll('table').length >= 3")
        app.screenshot("everywhere-voila")
        text = page.locator("body").inner_text()
        assert not [word for word in GONE if word in text], text
        assert page.locator(IMAGES).count() == 6
