"""The inspector in JupyterLab, in a real browser: live, after a run, and with hostile objects."""

from __future__ import annotations

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FUNCTIONS = """%load_ext taskinity_nb
import threading, time
import pandas as pd
from matplotlib.figure import Figure
from taskinity_nb import task

go = threading.Event()

def load(path):
    print("reading", path)
    return pd.DataFrame({"city": ["Gdańsk", "Kraków", "Łódź"],
                         "people": [486_000, 804_000, 652_000], "area": [262.0, 326.9, 293.3]})

@task(retries=2)
def density(load, unit="km²"):
    '''People for each square kilometre.'''
    table = load.assign(density=load["people"] / load["area"])
    print("computed for", unit)
    return table.sort_values("density")

def chart(density):
    time.sleep(0.05)
    figure = Figure(figsize=(5, 3))
    ax = figure.add_subplot()
    ax.bar(density["city"], density["density"])
    ax.set_ylabel("people for each km²")
    return figure

def names(load):
    return list(load["city"]) * 4

def letters(name):
    time.sleep(0.01 * len(name))
    if name == "Kraków":
        raise ValueError(f"no letters in {name!r}")
    return sorted(name)

def report(chart, density):
    rows = density.to_dict("records")
    widest = max(row["width"] for row in rows)
    return f"{chart}: {widest}"

def hold(load):
    go.wait(60)
    return "held"
"""

CITIES = """%%flow -w 3 -i {"path": "cities.csv"} --no-gantt --on-error continue -o run
flow Cities:
    load -> [density, names]
    density -> chart
    [chart, density] -> report
    names -> map letters
"""

HELD = """%%flow --workers 2 --input {"path": "cities.csv"} --no-gantt --output held
flow Held:
    load -> hold
    hold -> after
"""

PWN = "<script>window.pwned = 1</script><img src=x onerror=window.pwned=1>\\\"'&]]>"

HOSTILE = f'''
PWN = "{PWN}"

class Page:
    def __init__(self, what): self.what = what
    def _repr_html_(self): return f"<b>bold</b>{{PWN}}<script>parent.pwned = 1</script>"
    def __repr__(self): return PWN

class Raises:
    def __repr__(self): raise RuntimeError(PWN)

class Picture:
    def _repr_svg_(self):
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="pwn()">'
                '<script>parent.pwned = 1</script><circle cx="20" cy="20" r="18"/></svg>')

class Never:
    def __repr__(self):
        while True: pass

def page(): print(PWN); return Page(PWN)
def raises(page): return Raises()
def picture(raises): return Picture()
def never(picture): return Never()
def huge(never): return "x" * 10_000_000
def fails(huge): raise type(PWN, (Exception,), {{}})(PWN)
'''

HOSTILE_FLOW = """%%flow --no-gantt --on-error continue --output bad
flow Hostile:
    page -> raises -> picture -> never -> huge -> fails
"""

CELLS = [
    FUNCTIONS,
    CITIES,
    "run.inspect()",
    "def after(hold): return hold.upper()",
    HELD,
    HOSTILE,
    HOSTILE_FLOW,
    "bad.inspect()",
    "run.inspect('letters')",
]
PANEL = ".taskinity-flow-panel"

PAINTED = """
async () => {
  await Promise.all([...document.querySelectorAll('.taskinity-flow-panel img')]
    .map((image) => image.decode().catch(() => null)));
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
}
"""
"""Waits until the pictures are painted."""


@pytest.fixture(scope="module")
def place(kept_lab):
    with kept_lab.new_folder() as place:
        for name in ("after.ipynb", "dark.ipynb", "live.ipynb", "hostile.ipynb"):
            write_notebook(place.folder / name, CELLS)
        yield place


def node(lab, task):
    return lab.page.locator(f'.taskinity-flow g[data-task="{task}"]')


def part(lab, name):
    return lab.page.locator(f'{PANEL} [data-part="{name}"]')


def open_task(lab, task):
    node(lab, task).click()
    lab.page.wait_for_selector(f'{PANEL}[aria-label="Task {task}"]')


def previewed(lab):
    """Wait until all previews are there."""
    lab.page.wait_for_selector(f'{PANEL} [data-kind="waiting"]', state="detached")


def seen(lab, name):
    """Take a picture of the panel, previews and all."""
    previewed(lab)
    assert lab.violations(".taskinity-flow") == []
    lab.page.evaluate("p => document.querySelector(p).scrollIntoView({block: 'end'})", PANEL)
    lab.page.evaluate(PAINTED)
    return lab.screenshot(f"inspector-{name}")


def inspected(lab, cell):
    lab.run_cell(cell)
    lab.page.wait_for_selector(PANEL)


def test_what_a_task_did_is_seen_after_the_run(place):
    with open_notebook(place, "after.ipynb") as lab:
        lab.run_cell(0)
        lab.run_cell(1)
        inspected(lab, 2)
        assert "Click a task" in lab.page.locator(PANEL).inner_text()
        seen(lab, "empty")
        open_task(lab, "report")
        error = part(lab, "error").inner_text()
        assert "---->" in error and 'max(row["width"] for row in rows)' in error
        assert "KeyError: 'width'" in error
        assert "def report(chart, density):" in part(lab, "source").inner_text()
        lab.page.wait_for_selector(f'{PANEL} [data-part="arguments"] img')
        seen(lab, "failed")
        # A table is a table, in a frame where nothing can run.
        open_task(lab, "density")
        frame = lab.page.frame_locator(f'{PANEL} [data-part="result"] iframe')
        frame.locator("table tbody tr").nth(2).wait_for()
        assert frame.locator("table tbody tr").count() == 3
        assert "Kraków" in frame.locator("table").inner_text()
        assert part(lab, "result").locator("iframe").get_attribute("sandbox") == ""
        assert "computed for km²" in part(lab, "stdout").inner_text()
        seen(lab, "table")
        # A figure is a picture.
        open_task(lab, "chart")
        lab.page.wait_for_selector(f'{PANEL} [data-part="result"] img')
        width = "document.querySelector('[data-part=\"result\"] img').naturalWidth"
        lab.page.wait_for_function(f"() => {width} > 100")
        seen(lab, "figure")
        # Items can be sorted, and looked into.
        open_task(lab, "letters")
        rows = part(lab, "items").locator("tbody tr")
        rows.nth(11).wait_for()
        assert rows.count() == 12
        part(lab, "items").locator("th button", has_text="error").click()
        assert "no letters in" in rows.first.inner_text()
        seen(lab, "items")
        rows.first.locator("button").click()
        lab.page.wait_for_selector(f'{PANEL}[aria-label="Task letters[1]"]')
        assert "raise ValueError" in part(lab, "error").inner_text()
        lab.page.wait_for_selector(f'{PANEL} [data-part="arguments"] pre')
        assert part(lab, "arguments").locator("pre").inner_text() == "'Kraków'"
        seen(lab, "item")


def test_in_the_dark_with_the_keyboard(place):
    with open_notebook(place, "dark.ipynb", dark=True) as lab:
        lab.run_cell(0)
        lab.run_cell(1)
        inspected(lab, 2)
        node(lab, "density").focus()
        lab.page.keyboard.press("Enter")
        lab.page.wait_for_selector(f'{PANEL}[aria-label="Task density"]:focus')
        lab.page.wait_for_selector(f'{PANEL} [data-part="result"] iframe')
        seen(lab, "dark")
        lab.page.keyboard.press("Escape")
        lab.page.wait_for_selector(f'{PANEL}[aria-label="Inspector"]')
        assert lab.page.evaluate("document.activeElement.dataset.task") == "density"
        open_task(lab, "report")
        lab.page.wait_for_selector(f'{PANEL} [data-part="arguments"] img')
        seen(lab, "dark-failed")


def test_a_task_is_looked_into_while_the_cell_runs(place):
    with open_notebook(place, "live.ipynb") as lab:
        lab.run_cell(0)
        lab.run_cell(3)
        lab.run_cell(4, wait=False)
        lab.page.wait_for_selector('.taskinity-flow g[data-task="hold"][data-state="running"]')
        open_task(lab, "hold")
        assert "running" in part(lab, "state").inner_text()
        lab.page.wait_for_selector(f'{PANEL} [data-part="arguments"] iframe')
        assert "go.wait(60)" in part(lab, "source").inner_text()
        assert "*" in lab.prompt(4)
        seen(lab, "live")
        open_task(lab, "after")
        assert "pending" in part(lab, "state").inner_text()
        assert "takes the result of 'hold'" in part(lab, "arguments").inner_text()
        lab.page.keyboard.press("Escape")
        lab.page.locator('button[data-action="cancel"]').click()
        lab.wait_for_prompt(4)
        assert lab.page.locator(PANEL).is_hidden()


def test_hostile_objects_are_inert_and_bounded(place):
    with open_notebook(place, "hostile.ipynb") as lab:
        lab.run_cell(5)
        lab.run_cell(0)
        lab.run_cell(6)
        inspected(lab, 7)
        for task in ("page", "raises", "picture", "never", "huge", "fails"):
            open_task(lab, task)
            previewed(lab)
            seen(lab, f"hostile-{task}")
            assert lab.page.evaluate("window.pwned") is None
        assert "onerror" in part(lab, "error").inner_text()
