"""The live graph without sight or mouse: what axe-core finds wrong with it in JupyterLab."""

from __future__ import annotations

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FLOW = ".taskinity-flow"

SIZE = (1100, 2600)
"""So that no cell is out of sight: what JupyterLab does not draw, nobody can look at."""

FUNCTIONS = """%load_ext taskinity_nb
import threading
from taskinity_nb import task

go, gate = threading.Event(), threading.Event()

def load(): return 1
def fail(load): raise ValueError("no")
def after(fail): pass
def stay(load): go.wait(60)
def last(stay): pass
def hold(load): gate.wait(60)

for number in range(80):
    exec(f"def many_{number}(hold): pass")
"""

SMALL = """%%flow --background --no-gantt --on-error continue --output small
flow Small:
    description: "Some fail, one waits"
    load -> [fail, stay]
    fail -> after
    stay -> last
"""

LARGE = f"""%%flow --background --no-gantt --output large
flow Large:
    load -> hold
    hold -> [{", ".join(f"many_{number}" for number in range(80))}]
"""

ASK = """# a run that takes its time to be cancelled
from taskinity_nb.views.live.live_graph import LiveGraph

graph = LiveGraph(small.flow, lambda: None)
graph.show()
graph([], small)
"""

INSPECT = "go.set(); small.wait(); small.inspect()"


@pytest.fixture(scope="module")
def place(kept_lab):
    with kept_lab.new_folder() as place:
        for name in ("light.ipynb", "dark.ipynb"):
            write_notebook(place.folder / name, [FUNCTIONS, SMALL, ASK, INSPECT, LARGE])
        yield place


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(place, theme):
    with open_notebook(place, f"{theme}.ipynb", dark=theme == "dark", size=SIZE) as lab:
        lab.run_cell(0)
        lab.run_cell(1)
        lab.page.wait_for_selector(f'{FLOW} g[data-task="after"][data-state="upstream_failed"]')
        lab.page.wait_for_selector(f'{FLOW} g[data-task="stay"][data-state="running"]')
        assert lab.violations(FLOW) == []
        lab.run_cell(2)
        cancel = lab.output(2).locator(f'{FLOW} button[data-action="cancel"]')
        cancel.click()
        lab.page.wait_for_selector(f'{FLOW} button[data-action="cancel"]:disabled')
        lab.screenshot(f"axe-{theme}-asked")
        assert lab.violations(FLOW) == []
        lab.run_cell(3)
        lab.page.wait_for_selector(f'{FLOW} g[data-task="last"][data-state="succeeded"]')
        lab.screenshot(f"axe-{theme}-done")
        assert lab.violations(FLOW) == []
        lab.run_cell(4)
        lab.page.wait_for_selector(".taskinity-flow-zoom")
        lab.screenshot(f"axe-{theme}-large")
        assert lab.violations(FLOW) == []
        zoom = lab.output(4).locator(".taskinity-flow-zoom button").first
        zoom.evaluate("button => { button.textContent = ''; button.ariaLabel = null; }")
        (found,) = lab.violations(FLOW)  # so it does look
        assert found.startswith("button-name: ")
