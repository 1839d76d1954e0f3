"""Large flows in JupyterLab: how far behind the browser is, and how they look."""

from __future__ import annotations

import json
from statistics import median

import pytest
from browsers import open_notebook, write_notebook
from sizes import sized

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASKS = 10_000

SETUP = f"""
%load_ext taskinity_nb
import json, threading, time
from taskinity_nb import parse_dsl

names = ", ".join(f"work as w{{i}}" for i in range({TASKS}))
text = f"flow Large:\\n    begin -> [{{names}}]\\n    [{{names}}] -> end"
def begin(): return 0
def work(begin): time.sleep(0.002); print("x" * 9, end="\\n")
def end(*results): return len(results)
"""

WATCHED = (
    """get_ipython().run_cell_magic("flow", "--no-gantt --workers 8 --output large", text); None"""
)

# Tells when each number of tasks was done, on the clock that the browser reads too.
TOLD = """
now, begun = time.time() - time.perf_counter(), large.record.origin * 1e-9
print(json.dumps([(now + begun + t.finished) * 1e3 for t in large.tasks.values()]))
"""

# Writes down when the browser showed which number.
WATCH = """
() => {
  window.seen = [];
  const notebook = document.querySelector('.jp-Notebook');
  const look = () => {
    const counts = document.querySelector('.taskinity-flow-counts');
    const text = counts ? counts.textContent : '';
    const last = window.seen.at(-1);
    if (text && (!last || last[1] !== text)) window.seen.push([Date.now(), text]);
    if (notebook.isConnected) requestAnimationFrame(look);
  };
  look();
}
"""

SIZES = {5: 2, 60: 12, **sized({300: 30}, {1000: 100})}
"""How many tasks a picture has, and how many of them are on a level."""

GROWN = """
from taskinity_nb.model.events import State
gate = threading.Event()
def fine(*before): return 1
def wrong(*before): raise ValueError("no")
def held(*before): gate.wait(120)
def grown(tasks, wide):
    lines = []
    for i in range(tasks):
        for j in {i - wide, i - wide - 1} if i % wide else {i - wide}:
            if j >= 0: lines.append(f"{name(j)} -> {name(i)}")
    return f"flow Grown{tasks}:\\n" + "\\n".join(lines)
def name(i): return ("held_" if i % 11 == 3 else "wrong_" if i % 17 == 4 else "fine_") + str(i)
for i in range(1000):
    globals()[name(i)] = held if i % 11 == 3 else wrong if i % 17 == 4 else fine
"""


@pytest.fixture(scope="module")
def place(kept_lab):
    shown = [
        f'get_ipython().run_cell_magic("flow", "--no-gantt --background --on-error continue '
        f'--workers 3 --output run_{tasks}", grown({tasks}, {wide})); None'
        for tasks, wide in SIZES.items()
    ]
    with kept_lab.new_folder() as place:
        write_notebook(place.folder / "large.ipynb", [SETUP, WATCHED, TOLD])
        write_notebook(place.folder / "sizes.ipynb", [SETUP + GROWN, *shown, "gate.set()"])
        yield place


def test_the_browser_keeps_up_with_ten_thousand_tasks(place):
    with open_notebook(place, "large.ipynb") as lab:
        lab.run_cell(0)
        lab.page.evaluate(WATCH)
        lab.run_cell(1)
        printed = lab.output(1).inner_text().count("x" * 9)
        seen = lab.page.evaluate("window.seen")
        lab.run_cell(2)
        done = sorted(json.loads(lab.output(2).inner_text()))
        lab.screenshot("large-done")
    assert printed == TASKS
    begun = done[0]
    shown = [(at, int(text.split()[0].replace(",", ""))) for at, text in seen]
    behind = [at - done[number - 1] for at, number in shown if 1 < number < TASKS]
    whole = done[-1] - begun
    rate = len([at for at, _ in shown if at > begun]) / (whole / 1e3)
    print(f"\n{len(behind)} looks, {rate:.1f} a second, {median(behind):.0f} ms behind, "
          f"at most {max(behind):.0f}")  # fmt: skip
    assert len(behind) >= 2
    assert rate <= 15.5
    assert median(behind) <= whole / 4  # one that does not keep up is further behind each time


def pictured(lab, selector, looks, name):
    """Take pictures of all sizes, in the light and in the dark."""
    for look in looks:
        lab.use_theme(look == "dark")
        for number, tasks in enumerate(SIZES, start=1):
            element = lab.output(number).locator(selector).first
            element.screenshot(path=lab.screenshot(name.format(tasks, look)))


@pytest.mark.long
def test_pictures_of_every_size(place):
    with open_notebook(place, "sizes.ipynb", size=(1100, 1100)) as lab:
        lab.run_cell(0)
        for number, tasks in enumerate(SIZES, start=1):
            lab.run_cell(number)
            flow = lab.output(number).locator(".taskinity-flow")
            flow.locator('g[data-task][data-state="running"]').first.wait_for(state="attached")
            assert flow.locator("g[data-task]").count() == tasks
        pictured(lab, ".taskinity-flow", ("light", "dark"), "size-{}-{}")
        lab.run_cell(len(SIZES) + 1)
        for number in range(1, len(SIZES) + 1):
            lab.output(number).locator(".jp-RenderedSVG img").first.wait_for()
        pictured(lab, ".jp-RenderedSVG img", ("dark", "light"), "size-{}-{}-done")
