"""The explorer in JupyterLab, in Notebook 7 and in Voilà, in a real browser."""

from __future__ import annotations

import re

import pytest
from browsers import open_notebook, open_voila, serve, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FUNCTIONS = """%load_ext taskinity_nb
import threading
from taskinity_nb import explore, parse_dsl, run, simulate

opened = threading.Event()

def load(n): threading.Event().wait(0.4 + n / 1000)
def clean(x): threading.Event().wait(1.2)
def count(x): threading.Event().wait(0.8)
def report(*a): threading.Event().wait(0.4)
def block(): opened.wait(60)
def spoil(x): raise ValueError("<b>no such column</b>")
"""

EXPLORE = """%%flow --explore --input {"n": 40} --workers 1 --output run
load -> [clean, count] -> report
"""

BLOCK = """%%flow --no-gantt
block
"""

SPOIL = """explore("load -> spoil", {"n": 1})"""

HUNDREDS = """
names = [f"t{i}" for i in range(500)]
big = parse_dsl("\\n".join(f"t{i // 7} -> t{i}" for i in range(1, 500)))
explore(simulate(big, 8, {name: 0.1 + i % 13 for i, name in enumerate(names)}).run)
"""

# Moves the slider as a hand does, and returns the milliseconds until another chart is drawn.
MOVE = """
async ([value, patience]) => {
  const root = document.querySelector('.taskinity-explorer');
  const input = root.querySelector('input[data-set="workers"]');
  const bars = () => root.querySelector('[data-part="predicted"]')?.getAttribute('d');
  const point = () => root.querySelector('[data-part="point"]').getAttribute('cx');
  const before = [bars(), point()];
  const began = performance.now();
  input.value = value;
  input.dispatchEvent(new Event('input'));
  while (bars() === before[0] || point() === before[1]) {
    if (performance.now() - began > patience) return -1;
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - began;
}
"""


@pytest.fixture(scope="module", params=["lab", "notebook"])
def place(request):
    with request.getfixturevalue(f"kept_{request.param}").new_folder() as place:
        cells = [FUNCTIONS, EXPLORE, BLOCK, "print(run.workers)"]
        write_notebook(place.folder / "explore.ipynb", cells)
        write_notebook(place.folder / "dark.ipynb", [FUNCTIONS, SPOIL, HUNDREDS])
        yield place


def move(lab, workers, patience=20_000):
    took = lab.page.evaluate(MOVE, [str(workers), patience])
    assert took >= 0, f"the chart of {workers} workers was not drawn"
    return took


def press_run(page):
    page.locator('.taskinity-explorer button[data-action="run"]').click()
    page.wait_for_selector('.taskinity-explorer[data-going="yes"]')


def told(page):
    return page.locator(".taskinity-explorer .told").inner_text()


def test_sliders_react_and_run_really_runs(place):
    with open_notebook(place, "explore.ipynb", size=(1100, 1300)) as lab:
        page = lab.page
        lab.run_cell(0)
        lab.run_cell(1)
        page.wait_for_selector(".taskinity-explorer")
        assert told(page) == "No durations are known yet, so each task counts 1: 4 on 1 worker."
        assert lab.violations(".taskinity-explorer") == []
        move(lab, 2)
        assert "3 on 2 workers" in told(page)
        press_run(page)
        assert page.locator('.taskinity-explorer button[data-action="cancel"]').is_visible()
        page.wait_for_selector('.taskinity-flow g[data-state="running"]')  # the live graph
        move(lab, 1)  # while the run goes on
        page.wait_for_selector('.taskinity-explorer[data-going="no"]')
        page.wait_for_function(
            "() => /Predicted .* on 1 worker/.test("
            "document.querySelector('.taskinity-explorer .told').textContent)"
        )
        move(lab, 2)
        press_run(page)
        page.wait_for_selector('.taskinity-explorer[data-going="no"]')
        page.wait_for_selector('.taskinity-explorer path[data-part="measured"]')
        assert re.fullmatch(
            r"Predicted [\d.]+ m?s, measured [\d.]+ m?s: "
            r"(\d+ % too (quick|slow)|less than 1 % off)\.",
            told(page),
        )
        lab.screenshot(f"explorer-{place.app}")
        # While a cell blocks the kernel.
        lab.run_cell(2, wait=False)
        page.wait_for_selector('.taskinity-flow g[data-task="block"][data-state="running"]')
        for workers in (1, 2, 1):
            move(lab, workers)
        assert "*" in lab.prompt(2)
        lab.output(2).locator('button[data-action="cancel"]').click()
        lab.wait_for_prompt(2)
        lab.run_cell(3)
        assert lab.output(3).inner_text().strip() == "2"
        # What is left is a picture.
        page.locator('.taskinity-explorer button[data-action="close"]').click()
        page.wait_for_selector(".taskinity-explorer", state="detached")
        assert lab.output(1).locator("img").count() == 1


def test_errors_are_shown_and_hundreds_of_bars_move(place):
    with open_notebook(place, "dark.ipynb", dark=True, size=(1100, 1500)) as lab:
        page = lab.page
        lab.run_cell(0)
        lab.run_cell(1)
        page.wait_for_selector(".taskinity-explorer")
        page.locator('.taskinity-explorer button[data-action="run"]').click()
        page.wait_for_selector(".taskinity-explorer .problem")
        page.wait_for_selector('.taskinity-explorer[data-going="no"]')
        problem = page.locator(".taskinity-explorer .problem")
        assert problem.inner_text() == "task 'spoil' failed: ValueError: <b>no such column</b>"
        assert lab.violations(".taskinity-explorer") == []
        page.locator('.taskinity-explorer button[data-action="close"]').click()
        page.wait_for_selector(".taskinity-explorer", state="detached")
        lab.run_cell(2)
        page.wait_for_selector(".taskinity-explorer")
        moves = sorted(move(lab, workers) for workers in (1, 4, 16, 2, 9, 5, 3, 7, 12))
        typical, most = moves[4], moves[-1]
        print(f"\n{place.app}: 500 tasks drawn {typical:.0f} ms after a move, {most:.0f} at most")
        lab.screenshot(f"explorer-dark-{place.app}")


def test_in_voila(tmp_path):
    write_notebook(tmp_path / "app.ipynb", [FUNCTIONS, EXPLORE])
    with serve(tmp_path, "voila") as place, open_voila(place, "app.ipynb") as app:
        page = app.page
        page.wait_for_selector(".taskinity-explorer")
        move(app, 2)
        press_run(page)
        page.wait_for_selector('.taskinity-flow g[data-state="running"]')
        page.wait_for_selector('.taskinity-explorer[data-going="no"]')
        page.wait_for_selector('.taskinity-explorer path[data-part="measured"]')
        assert "measured" in told(page)
        assert not page.locator('.taskinity-explorer button[data-action="close"]').is_visible()
        move(app, 1)
        app.screenshot("explorer-voila")
