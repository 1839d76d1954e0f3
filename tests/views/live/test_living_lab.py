"""The picture that stays when a run has ended answers clicks, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import pytest
from browsers import open_notebook, open_voila, serve, write_notebook
from sizes import sized

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """%load_ext taskinity_nb
import threading
gates = {}
def load(path="numbers.csv"):
    print("loading", path)
    return [1, 2, 3]
def held(load): gates.setdefault("held", threading.Event()).wait(60); return "held"
def broken(load): return load["no such key"]
def after(broken): pass
def part(load, _number=iter(range(10_000))):
    if next(_number) % 24 == 7: raise ValueError("no seventh part")
def names(count): return ", ".join(f"part as p{i}" for i in range(count))
"""

TEXT = """
text = f\"\"\"flow Living:
    load -> [held, broken]
    broken -> after
    load -> [{names(24)}]
\"\"\"
"""

RUN = """options = "--on-error continue --no-gantt --background --workers 3 --output run"
get_ipython().run_cell_magic("flow", options, text); None"""

END = "gates['held'].set(); run.wait(); print(run.state)"

KEPT = "from taskinity_nb.views.live.kept import kept\nprint(len(kept))"

CELLS = [SETUP + TEXT, RUN, KEPT]

WHERE = """
([image, task]) => {
  const [, text] = /^[^,]*,(.*)$/s.exec(image.src);
  const root = new DOMParser().parseFromString(decodeURIComponent(text), 'image/svg+xml');
  const svg = root.documentElement;
  svg.style = 'position: absolute; visibility: hidden';
  const { width, height } = image.getBoundingClientRect();
  document.body.append(svg);
  Object.assign(svg.style, { width: `${width}px`, height: `${height}px` });
  const box = svg.querySelector(`g[data-task="${task}"]`).getBoundingClientRect();
  const frame = svg.getBoundingClientRect();
  svg.remove();
  return { x: box.x + box.width / 2 - frame.x, y: box.y + box.height / 2 - frame.y };
}
"""
"""Where in a picture a task is, as a browser draws it."""

PANEL = ".taskinity-flow-over .taskinity-flow-panel"
PICTURE = ".jp-RenderedSVG img"


@pytest.fixture(scope="module", params=["lab", "notebook"])
def place(request):
    with request.getfixturevalue(f"kept_{request.param}").new_folder() as place:
        for name in ("ends", "dark", "again", "narrow"):
            write_notebook(place.folder / f"{name}.ipynb", CELLS)
        yield place


@pytest.fixture
def problems():
    return []


def heard(lab, problems):
    """Write down what the browser complains of."""
    lab.page.on("pageerror", lambda error: problems.append(str(error)))
    lab.page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if "taskinity" in message.text.lower() or "anywidget" in message.text.lower()
            else None
        ),
    )


def node(task, state=""):
    wanted = f'[data-state="{state}"]' if state else ""
    return f'.taskinity-flow g[data-task="{task}"]{wanted}'


def panel(title):
    return f'{PANEL}[aria-label="{title}"]'


def picture(lab):
    image = lab.output(1).locator(PICTURE)
    image.wait_for()
    return image


def click(lab, task):
    image = picture(lab)
    place = lab.page.evaluate(WHERE, [image.element_handle(), task])
    image.click(position=place)


def begun(lab):
    lab.run_cell(0)
    lab.run_cell(1)
    lab.page.wait_for_selector(node("held", "running"))
    lab.page.wait_for_selector(node("p0", "failed"))


def end(lab):
    """End the run, without a click on a cell that the panel may lie over."""
    lab.page.evaluate(
        "code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done.then(() => null)",
        END,
    )


def assert_in_sight(lab, selector):
    box = lab.page.locator(selector).bounding_box()
    size = lab.page.viewport_size
    assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"], box
    assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"], box


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "look"),
    [("lab", "ends"), *sized([], [("notebook", "dark")])],
    indirect=["place"],
)
def test_what_was_open_stays_open_and_the_picture_answers(place, look, problems):
    with open_notebook(place, f"{look}.ipynb", dark=look == "dark", size=(1400, 800)) as lab:
        heard(lab, problems)
        begun(lab)
        shown = f"{place.app}-{look}"
        # A fan opens where it is, and can be folded again.
        size = lab.page.locator(".taskinity-flow-picture svg").bounding_box()
        lab.page.locator(node("p0")).click()
        lab.page.wait_for_selector(node("p23"))
        lab.screenshot(f"living-{shown}-opened")
        lab.page.locator(".taskinity-flow-folds button").click()
        lab.page.wait_for_selector(node("p23"), state="detached")
        assert lab.page.evaluate("document.activeElement.dataset.task") == "p0"
        # The panel is in sight, and stays while a fan is opened, and when the run has ended.
        lab.page.locator(node("held")).click()
        lab.page.wait_for_selector(panel("Task held"))
        assert_in_sight(lab, PANEL)
        lab.screenshot(f"living-{shown}-open")
        lab.page.locator(node("p0")).click()
        lab.page.wait_for_selector(node("p23"))
        lab.page.locator(".taskinity-flow-folds button").click()
        lab.page.wait_for_selector(node("p23"), state="detached")
        end(lab)
        final = picture(lab).bounding_box()
        assert abs(final["width"] - size["width"]) <= 2
        lab.page.wait_for_selector(f'{panel("Task held")} :text("succeeded")')
        lab.page.wait_for_timeout(2000)  # it would have gone by then
        assert lab.page.locator(panel("Task held")).is_visible()
        lab.screenshot(f"living-{shown}-stays")
        lab.page.locator(PANEL).locator('[data-action="close"]').click()
        assert lab.page.locator(PANEL).is_hidden()
        # A click on the picture opens it again; of a fan, the list, what failed first.
        click(lab, "broken")
        lab.page.wait_for_selector(panel("Task broken"))
        assert_in_sight(lab, PANEL)
        assert "TypeError" in lab.page.locator(PANEL).inner_text()
        assert lab.violations(PANEL) == []
        lab.screenshot(f"living-{shown}-task")
        click(lab, "p0")
        lab.page.wait_for_selector(panel("Tasks: part × 24"))
        rows = lab.page.locator(f"{PANEL} tbody tr")
        assert "no seventh part" in rows.first.inner_text() and rows.count() == 24
        assert lab.violations(PANEL) == []
        lab.screenshot(f"living-{shown}-fan")
        rows.first.locator("button").click()
        lab.page.locator(f'{PANEL} :text("ValueError")').first.wait_for()
        lab.page.locator(f'{PANEL} button:text("part × 24")').click()
        lab.page.wait_for_selector(panel("Tasks: part × 24"))
        # With the keyboard.
        lab.page.keyboard.press("Escape")
        assert lab.page.locator(PANEL).is_hidden()
        assert lab.page.evaluate("document.activeElement.nodeName") == "IMG"
        lab.page.keyboard.press("Enter")
        lab.page.wait_for_selector(f"{panel('Tasks: all tasks')}:focus")
        lab.page.keyboard.press("Escape")
        # It says that it can be clicked.
        lab.page.mouse.move(5, 5)
        spot = lab.page.evaluate(WHERE, [picture(lab).element_handle(), "load"])
        picture(lab).hover(position=spot)
        assert "pointer" in picture(lab).get_attribute("style")
        assert picture(lab).get_attribute("title").startswith("load: succeeded")
    assert problems == []


def test_after_a_reload_and_without_the_kernel(place, problems):
    with open_notebook(place, "again.ipynb", size=(1400, 800)) as lab:
        begun(lab)
        end(lab)
        lab.run_cell(2)
        assert lab.output(2).inner_text().strip() == "1"
        # Another run in the cell takes its place, and no widget of the first is left.
        lab.run_cell(1)
        picture(lab)
        lab.run_cell(2)
        assert lab.output(2).inner_text().strip() == "1"
        lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        lab.page.wait_for_selector(".jp-mod-dirty", state="detached")
        lab.page.reload()
        picture(lab)
        lab.page.wait_for_selector(f'{PICTURE}[tabindex="0"]')
        heard(lab, problems)
        click(lab, "broken")
        lab.page.wait_for_selector(panel("Task broken"))
        lab.screenshot(f"living-{place.app}-reloaded")
        # Where the kernel is another one, it is a picture as any other.
        lab.page.evaluate(
            "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        lab.page.wait_for_selector(f'{PICTURE}[tabindex="0"]', state="detached")
        assert lab.page.locator(PANEL).is_hidden()
        click(lab, "broken")
        lab.page.wait_for_timeout(1000)  # nothing happens
        assert lab.page.locator(PANEL).is_hidden()
        lab.screenshot(f"living-{place.app}-restarted")
    assert problems == []


@pytest.mark.parametrize("place", ["lab"], indirect=True)
def test_in_a_narrow_window(place):
    with open_notebook(place, "narrow.ipynb", size=(460, 800)) as lab:
        begun(lab)
        size = lab.page.locator(".taskinity-flow-picture svg").bounding_box()
        lab.page.locator(node("broken")).click()
        lab.page.wait_for_selector(panel("Task broken"))
        assert_in_sight(lab, PANEL)
        lab.screenshot(f"living-{place.app}-narrow")
        lab.page.keyboard.press("Escape")
        end(lab)
        assert abs(picture(lab).bounding_box()["width"] - size["width"]) <= 2
        click(lab, "broken")
        lab.page.wait_for_selector(panel("Task broken"))
        assert_in_sight(lab, PANEL)
        lab.screenshot(f"living-{place.app}-narrow-done")


def test_in_voila(tmp_path, kept_browser):
    cells = [SETUP, "%%flow --on-error continue --no-gantt\nflow V:\n    load -> broken -> after"]
    with serve(tmp_path, "voila") as place:
        write_notebook(place.folder / "app.ipynb", cells)
        with open_voila(place, "app.ipynb") as app:
            image = app.page.locator('img[tabindex="0"]')
            image.wait_for()
            image.click(position=app.page.evaluate(WHERE, [image.element_handle(), "broken"]))
            app.page.wait_for_selector(panel("Task broken"))
            assert "TypeError" in app.page.locator(PANEL).inner_text()
            app.screenshot("living-voila")
