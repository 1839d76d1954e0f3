"""The pictures of the fourth tutorial: what a reader sees who runs its cells in JupyterLab.

With ``TAKE_PICTURES=1`` they are taken anew for the tutorial; otherwise they are only taken.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from browsers import SCREENSHOTS, open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TUTORIAL = Path(__file__).parent.parent / "notebooks" / "04_watch_inspect_explore.ipynb"
PICTURES = TUTORIAL.parent / "images" if os.environ.get("TAKE_PICTURES") else SCREENSHOTS
PANEL = ".taskinity-flow-panel"


@pytest.fixture(scope="module")
def cells():
    """The tutorial's cells of code; what it keeps in a name is shown here."""
    notebook = nbformat.read(TUTORIAL, as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [s.replace("inspector = ", "").replace("explorer = ", "") for s in sources]


@pytest.fixture
def opened(kept_lab):
    with kept_lab.new_folder() as folder:
        yield folder


def place(cells, start):
    return next(i for i, cell in enumerate(cells) if start in cell)


def test_what_moves_in_the_tutorial(cells, opened):
    write_notebook(opened.folder / "tutorial.ipynb", cells)
    PICTURES.mkdir(exist_ok=True)
    with open_notebook(opened, "tutorial.ipynb", size=(1000, 1300)) as lab:
        page = lab.page
        watched = place(cells, "%%flow --workers 4 --input days=365 --on-error")
        for number in range(watched):
            lab.run_cell(number)
        lab.run_cell(watched, wait=False)
        page.wait_for_selector('.taskinity-flow g[data-task="read"][data-state="running"]')
        page.wait_for_function(
            "() => /^[4-9] of 12/.test(document.querySelector"
            '(\'.taskinity-flow g[data-task="read"] [data-part="detail"]\').textContent)'
        )
        # Of the page: to picture an element takes longer, and the run goes on.
        box = page.locator(".taskinity-flow").bounding_box()
        page.screenshot(path=PICTURES / "live.png", clip=box)
        lab.wait_for_prompt(watched)

        inspected = place(cells, "run.inspect(")
        lab.run_cell(inspected)
        rows = page.locator(f'{PANEL} [data-part="items"] tbody tr')
        rows.first.wait_for()
        page.locator(f'{PANEL} [data-part="items"] th button', has_text="error").click()
        rows.first.locator("button").click()
        page.wait_for_selector(f'{PANEL}[aria-label="Task read[5]"]')
        page.wait_for_selector(f'{PANEL} [data-part="arguments"] pre')
        assert "n/a" in page.locator(f'{PANEL} [data-part="error"]').inner_text()
        page.locator(".taskinity-flow").screenshot(path=PICTURES / "inspector.png")

        explored = place(cells, "explore(run")
        for number in range(inspected + 1, explored + 1):
            lab.run_cell(number)
        page.locator('.taskinity-explorer button[data-action="run"]').click()
        page.wait_for_selector('.taskinity-explorer path[data-part="measured"]')
        page.wait_for_selector('.taskinity-explorer[data-going="no"]')
        page.mouse.move(0, 0)
        page.locator(".taskinity-explorer").screenshot(path=PICTURES / "explorer.png")
