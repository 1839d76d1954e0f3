"""A page that is reloaded while a flow runs is right again, and stays so when the run ends."""

from __future__ import annotations

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    """%load_ext taskinity_nb
import threading
gates = {name: threading.Event() for name in ("held", "last")}
def load(): return 1
def broken(load): return 1 / 0
def held(load): gates["held"].wait(60)
def last(held): gates["last"].wait(60)
""",
    """%%flow --background --on-error continue --output run
flow Reloaded:
    load -> [broken, held]
    held -> last
""",
    "gates['held'].set()",
    "gates['last'].set(); run.wait(); print('ended')",
]

STATES = """
() => Object.fromEntries([...document.querySelectorAll('.taskinity-flow g[data-task]')]
  .map((task) => [task.dataset.task, task.dataset.state]))
"""


def node(task, state):
    return f'.taskinity-flow g[data-task="{task}"][data-state="{state}"]'


@pytest.fixture
def place(kept_lab):
    with kept_lab.new_folder() as place:
        write_notebook(place.folder / "page.ipynb", CELLS)
        yield place


def test_the_states_are_right_again(place):
    with open_notebook(place, "page.ipynb") as lab:
        lab.run_cell(0)
        lab.run_cell(1)
        lab.page.wait_for_selector(node("held", "running"))
        lab.page.wait_for_selector(node("broken", "failed"))
        lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        lab.page.wait_for_selector(".jp-mod-dirty", state="detached")
        lab.page.reload()
        lab.page.wait_for_selector(node("held", "running"))
        lab.screenshot("reload-running")
        assert lab.page.evaluate(STATES) == {
            "load": "succeeded", "broken": "failed", "held": "running", "last": "pending",
        }  # fmt: skip
        # It goes on being told, and the buttons work.
        lab.run_cell(2)
        lab.page.wait_for_selector(node("last", "running"))
        lab.screenshot("reload-later")
        lab.run_cell(3)
        lab.page.wait_for_selector(node("last", "succeeded"))
        lab.page.wait_for_selector('button[data-action="cancel"]', state="hidden")
        lab.screenshot("reload-done")
        lab.page.locator(node("broken", "failed")).click()
        lab.page.wait_for_selector('.taskinity-flow-panel :text("ZeroDivisionError")')
