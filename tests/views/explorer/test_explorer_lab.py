"""The explorer in JupyterLab, in Notebook 7 and in Voilà, in a real browser."""

from __future__ import annotations

import re

import pytest
from browsers import open_notebook, open_voila, serve, write_notebook
from sizes import sized

from taskinity_nb.engine.runtime.cores import available_cores
from taskinity_nb.views.explorer.encoding import steps_of

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

DECLARED = """%%flow --explore --output run
flow Train:
    input depth = 3, fast = False, path = "data/2024", rate = 0.1
    fit
"""

FIT = "def fit(depth, fast, path, rate): return depth, fast, path"

BLOCK = """%%flow --no-gantt
block
"""

SPOIL = """explore("load -> spoil", {"n": 1})"""

HUNDREDS = """
names = [f"t{i}" for i in range(500)]
big = parse_dsl("\\n".join(f"t{i // 7} -> t{i}" for i in range(1, 500)))
explore(simulate(big, 8, {name: 0.1 + i % 13 for i, name in enumerate(names)}).run)
"""

STEPS = steps_of(available_cores(), 64, 1)

SLOW = """explore("load -> [clean, block]", {"n": 1}, workers=2)"""

# Moves the slider as a hand does, and returns the milliseconds until another chart is drawn.
MOVE = """
async ([value, steps, patience]) => {
  const root = document.querySelector('.taskinity-explorer');
  const input = root.querySelector('input[data-set="workers"]');
  const bars = () => root.querySelector('[data-part="predicted"]')?.getAttribute('d');
  const point = () => root.querySelector('[data-part="point"]').getAttribute('cx');
  const before = [bars(), point()];
  const began = performance.now();
  input.value = steps.indexOf(value);
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
        write_notebook(place.folder / "dark.ipynb", [FUNCTIONS, SPOIL, SLOW])
        write_notebook(place.folder / "large.ipynb", [FUNCTIONS, HUNDREDS])
        write_notebook(place.folder / "keys.ipynb", [FUNCTIONS, EXPLORE])
        cells = [FUNCTIONS, FIT, DECLARED, "print(run['fit'])"]
        write_notebook(place.folder / "declared.ipynb", cells)
        yield place


in_lab = pytest.mark.parametrize("place", ["lab"], indirect=True)
"""What is the explorer's own, and the same in both: the next one's code is JupyterLab's."""


def move(lab, workers, patience=20_000):
    took = lab.page.evaluate(MOVE, [workers, STEPS, patience])
    assert took >= 0, f"the chart of {workers} workers was not drawn"
    return took


def press_run(page):
    page.locator('.taskinity-explorer button[data-action="run"]').click()
    page.wait_for_selector('.taskinity-explorer[data-going="yes"]')


def told(page):
    return page.locator(".taskinity-explorer .told").inner_text()


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "dark", "width"),
    [("lab", False, 1400), *sized([], [("notebook", True, 460)])],
    indirect=["place"],
)
def test_what_the_text_declares_can_be_set(place, dark, width):
    with open_notebook(place, "declared.ipynb", size=(width, 1000)) as lab:
        page = lab.page
        lab.use_theme(dark)
        for cell in range(3):
            lab.run_cell(cell)
        page.wait_for_selector(".taskinity-explorer")
        switch = page.locator('.taskinity-explorer input[data-set="fast"]')
        text = page.locator('.taskinity-explorer input[data-set="path"]')
        assert (switch.is_checked(), text.input_value()) == (False, "data/2024")
        switch.focus()
        page.keyboard.press("Space")
        text.fill("data/2025")
        text.press("Home")
        page.keyboard.type("my ")
        assert text.input_value() == "my data/2025"  # where the cursor was
        assert lab.violations(".taskinity-explorer") == []
        lab.screenshot(f"declared-{width}")
        page.locator('.taskinity-explorer button[data-action="run"]').click()
        page.wait_for_function(
            "document.querySelector('.taskinity-explorer .status').innerText.includes('succeeded')"
        )
        lab.run_cell(3)
        assert "(3, True, 'my data/2025')" in lab.output(3).inner_text()


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
        # A picture is left, and the explorer stays.
        for _ in range(2):
            page.locator('.taskinity-explorer button[data-action="picture"]').click()
            lab.output(1).locator("img").wait_for()
        assert lab.output(1).locator("img").count() == 1
        assert page.locator(".taskinity-explorer").is_visible()


@in_lab
def test_keys_move_the_sliders_and_not_the_notebook(place):
    with open_notebook(place, "keys.ipynb", size=(1100, 1300)) as lab:
        page = lab.page
        lab.run_cell(0)
        lab.run_cell(1)
        slider = page.locator('.taskinity-explorer input[data-set="workers"]')
        slider.click()
        page.keyboard.press("Home")
        said = []
        for key in [
            "ArrowRight",
            "ArrowUp",
            "ArrowRight",
            "ArrowLeft",
            "ArrowDown",
            "End",
            "PageDown",
            "Home",
        ]:
            page.keyboard.press(key)
            said.append(page.locator(".taskinity-explorer output").first.inner_text())
        shown = [said[0], *said[1:6], said[-1]]
        assert shown == ["2", "3", "4", "3", "2", "64", "1"]
        assert slider.evaluate("one => document.activeElement === one")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert page.locator(".taskinity-explorer output").nth(1).inner_text() == "41"
        choice = page.locator('.taskinity-explorer select[data-set="executor"]')
        choice.focus()
        page.keyboard.press("ArrowUp")
        assert choice.input_value() == "sequential"
        assert choice.evaluate("one => document.activeElement === one")
        cells = page.locator(".jp-Notebook .jp-CodeCell").count()
        run = page.locator('.taskinity-explorer button[data-action="run"]')
        run.focus()
        for key in ("b", "a", "j"):  # would make cells, and go to others
            page.keyboard.press(key)
        assert page.locator(".jp-Notebook .jp-CodeCell").count() == cells
        page.keyboard.press("Enter")
        page.wait_for_selector(".taskinity-explorer path[data-part='measured']")


@in_lab
def test_errors_are_shown_and_what_was_cancelled(place):
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
        nothing = page.locator('.taskinity-explorer button[data-action="picture"]')
        assert nothing.is_disabled() and "nothing to draw" in nothing.get_attribute("title")
        lab.run_cell(2)
        lab.output(2).locator('button[data-action="run"]').click()
        lab.page.wait_for_selector('.taskinity-flow g[data-task="clean"][data-state="succeeded"]')
        lab.output(2).locator('.taskinity-explorer button[data-action="cancel"]').click()
        lab.output(2).locator('.taskinity-explorer[data-going="no"]').wait_for()
        assert "2 of 3 tasks done, 1 cancelled" in lab.output(2).inner_text()
        assert "last run: cancelled" in lab.output(2).inner_text()
        assert lab.violations(".taskinity-explorer") == []
        lab.screenshot(f"explorer-cancelled-{place.app}")


@in_lab
def test_hundreds_of_bars_move(place):
    with open_notebook(place, "large.ipynb", dark=True, size=(1100, 1500)) as lab:
        lab.run_cell(0)
        lab.run_cell(1)
        lab.page.wait_for_selector(".taskinity-explorer")
        moves = sorted(move(lab, workers) for workers in (1, 4, 16, 2, 8, 5, 3, 7, 12))
        typical, most = moves[4], moves[-1]
        print(f"\n{place.app}: 500 tasks drawn {typical:.0f} ms after a move, {most:.0f} at most")
        lab.screenshot(f"explorer-dark-{place.app}")


def test_in_voila(tmp_path, kept_browser):
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
        assert not page.locator('.taskinity-explorer button[data-action="picture"]').is_visible()
        move(app, 1)
        app.screenshot("explorer-voila")
