"""What people see in JupyterLab and in Notebook 7 while a flow runs, in a real browser."""

from __future__ import annotations

import re

import pytest
from browsers import install_aside, open_notebook, serve, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FUNCTIONS = """
import time

for number in range(30):
    exec(f"def step_{number}(*before): time.sleep({0.3 + 0.03 * (number * 7 % 11)})")
"""

GRID = """%%flow --workers 3 --output run
flow Grid:
    step_0 -> [step_1, step_2, step_3, step_4, step_5]
    [step_1, step_2] -> [step_6, step_7, step_8, step_9, step_10]
    [step_3, step_4, step_5] -> [step_11, step_12, step_13, step_14, step_15]
    [step_6, step_7, step_8] -> [step_16, step_17, step_18, step_19, step_20]
    [step_9, step_10, step_11] -> [step_21, step_22, step_23]
    [step_12, step_13, step_14, step_15] -> [step_24, step_25, step_26]
    [step_16, step_17, step_18, step_19, step_20] -> step_27
    [step_21, step_22, step_23, step_24, step_25, step_26] -> step_28
    [step_27, step_28] -> step_29
"""

LONG = """%%flow --workers 2 --no-gantt --output long
flow Long:
    wait_long -> [after_1, after_2]
"""

CELLS = [
    "%load_ext taskinity_nb\n" + FUNCTIONS,
    GRID,
    "def wait_long(): time.sleep(60)\ndef after_1(x): pass\ndef after_2(x): pass",
    LONG,
    "print(long.state, 'next')",
    "import ipykernel; print(ipykernel.__version__)",
]

HALF_WAY = """
() => document.querySelectorAll('.taskinity-flow g[data-state="succeeded"]').length >= 10
"""

# Counts the different states of the live graph for as long as the cell has its star.
COUNT_STATES = """
number => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[number];
  window.seen = new Set();
  const look = () => {
    const busy = cell.querySelector('.jp-InputPrompt').textContent.includes('*');
    const nodes = cell.querySelectorAll('.taskinity-flow g[data-task]');
    if (busy && nodes.length) window.seen.add([...nodes].map((n) => n.dataset.state).join());
    if (cell.isConnected) requestAnimationFrame(look);
  };
  look();
}
"""


# Presses Cancel; returns the milliseconds until the cell has lost its star.
CANCEL = """
async (number) => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[number];
  const began = performance.now();
  cell.querySelector('button[data-action="cancel"]').click();
  while (cell.querySelector('.jp-InputPrompt').textContent.includes('*')) {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - began;
}
"""


OLDER_KERNEL = "ipykernel==7.3.*"
"""It sends replies by another way than 7.4, which decides whether a busy cell hears a click."""


@pytest.fixture(scope="module", params=["lab", "notebook", "lab with an older kernel"])
def served(request, tmp_path_factory, kept_browser):
    app, _, older = request.param.partition(" ")
    if older:
        aside = install_aside(OLDER_KERNEL, tmp_path_factory.mktemp("aside"))
        serving = serve(tmp_path_factory.mktemp("older"), app, aside=aside)
    else:
        serving = request.getfixturevalue(f"kept_{app}").new_folder()
    with serving as place:
        for name in ("live.ipynb", "cancel.ipynb"):
            write_notebook(place.folder / name, CELLS)
        yield place, older


def seen_in_the_dark(lab, name):
    lab.use_theme(dark=True)
    lab.screenshot(name)
    lab.use_theme(dark=False)


@pytest.mark.parametrize("served", ["lab", "notebook"], indirect=True)
def test_the_graph_lives_while_the_cell_runs(served):
    place, _ = served
    live = "live" if place.app == "lab" else f"live-{place.app}"
    with open_notebook(place, "live.ipynb") as lab:
        lab.run_cell(0)
        lab.page.evaluate(COUNT_STATES, 1)
        lab.run_cell(1, wait=False)
        lab.page.wait_for_function(HALF_WAY)
        lab.screenshot(f"{live}-running")
        told = lab.page.locator(".taskinity-flow-counts").inner_text()
        assert re.match(r"\d+ of 30 tasks done", told)
        done = lab.page.locator('.taskinity-flow g[data-state="succeeded"]').first
        assert re.search(r"\d (ms|s)", done.locator('[data-part="detail"]').text_content())
        if place.app == "lab":
            seen_in_the_dark(lab, "dark-running")
        lab.wait_for_prompt(1)
        assert lab.page.evaluate("window.seen.size") >= 8  # a slow machine draws fewer of them
        # What stays is a picture, and no widget.
        lab.page.wait_for_selector(".taskinity-flow", state="detached")
        kinds = lab.output(1).locator(".jp-RenderedSVG img, .jp-RenderedImage img")
        assert kinds.count() >= 2
        lab.screenshot(f"{live}-done")
        if place.app == "lab":
            seen_in_the_dark(lab, "dark-done")


def test_cancel_ends_a_cell_that_blocks(served):
    place, older = served
    with open_notebook(place, "cancel.ipynb") as lab:
        lab.run_cell(0)
        lab.run_cell(2)
        lab.run_cell(3, wait=False)
        lab.page.wait_for_selector('.taskinity-flow g[data-task="wait_long"][data-state="running"]')
        took = lab.page.evaluate(CANCEL, 3)
        print(f"\n{place.app}: the cell ended {took:.0f} ms after Cancel was pressed")
        lab.wait_for_prompt(3)
        assert "Cancelled" in lab.output(3).inner_text()
        lab.run_cell(4)
        assert "cancelled next" in lab.output(4).inner_text()
        lab.run_cell(5)
        assert lab.output(5).inner_text().startswith("7.3.") == bool(older)
