"""The box of a flow in a flow is closed and opened in JupyterLab: while it runs, and afterwards."""

from __future__ import annotations

import pytest
from browsers import open_notebook, write_notebook
from sizes import sized

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long]

SETUP = """%load_ext taskinity_nb
import threading
gate = threading.Event()
def find(): return 3
def read(path): return path
def clean(read): gate.wait(60); return read
def train(Prep): return sorted(Prep)
def count(read): return 1
"""

TEXT = """
flow Prep:
    input path
    path -> read -> [clean, count]

flow Main:
    find -> Prep -> train
"""

RUN = f"%%flow --no-gantt --background --workers 2 --output run{TEXT}"

END = "gate.set(); run.wait(); print(run.state)"

WHERE = """
([image, name]) => {
  const [, text] = /^[^,]*,(.*)$/s.exec(image.src);
  const root = new DOMParser().parseFromString(decodeURIComponent(text), 'image/svg+xml');
  const svg = root.documentElement;
  const { width, height } = image.getBoundingClientRect();
  document.body.append(svg);
  svg.style = `position: absolute; visibility: hidden; width: ${width}px; height: ${height}px`;
  const box = svg.querySelector(name).getBoundingClientRect();
  const frame = svg.getBoundingClientRect();
  svg.remove();
  return { x: box.x + box.width / 2 - frame.x, y: box.y + box.height / 2 - frame.y };
}
"""
"""Where in a picture something is, as a browser draws it."""

SHOWS = """
([image, name, is_there]) => {
  const [, text] = /^[^,]*,(.*)$/s.exec(image.src);
  const svg = new DOMParser().parseFromString(decodeURIComponent(text), 'image/svg+xml');
  return Boolean(svg.querySelector(name)) === is_there;
}
"""

PICTURE = ".jp-RenderedSVG img"
NAME, CLOSED, INSIDE = (
    'g[data-box="Prep"]',
    'g[data-task="Prep"][data-closed]',
    '[data-task="Prep.read"]',
)
IN_NOTEBOOK_7 = sized([], [("notebook", "dark", 1100)])
"""What is the same there, as its code is JupyterLab's, is not tried each time."""

PANEL = ".taskinity-flow-over .taskinity-flow-panel"
LOOKS = [("lab", "light", 1400), ("lab", "dark", 460), *IN_NOTEBOOK_7]


@pytest.fixture(scope="module", params=["lab", *{place for place, _, _ in IN_NOTEBOOK_7}])
def place(request):
    with request.getfixturevalue(f"kept_{request.param}").new_folder() as place:
        for _, look, width in LOOKS:
            write_notebook(place.folder / f"{look}-{width}.ipynb", [SETUP, RUN])
        write_notebook(place.folder / "again.ipynb", [SETUP, RUN])
        yield place


def begun(lab):
    lab.run_cell(0)
    lab.run_cell(1)
    lab.page.wait_for_selector('.taskinity-flow g[data-task="Prep.clean"][data-state="running"]')


def end(lab):
    lab.page.evaluate(
        "code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done.then(() => null)",
        END,
    )


def picture(lab):
    image = lab.output(1).locator(PICTURE)
    image.wait_for()
    return image


def click(lab, name):
    image = picture(lab)
    image.click(position=lab.page.evaluate(WHERE, [image.element_handle(), name]))


def wait_for(lab, name, is_there=True):
    """Wait until the picture that stays shows something, or does no longer."""
    handle = picture(lab).element_handle()
    lab.page.wait_for_function(SHOWS, arg=[handle, name, is_there])
    lab.page.wait_for_function("image => image.complete && image.naturalWidth", arg=handle)


@pytest.mark.parametrize(("place", "look", "width"), LOOKS, indirect=["place"])
def test_a_box_is_closed_and_opened(place, look, width):
    with open_notebook(
        place, f"{look}-{width}.ipynb", dark=look == "dark", size=(width, 900)
    ) as lab:
        shown = f"boxes-{place.app}-{look}-{width}"
        begun(lab)
        live = lab.page.locator(".taskinity-flow")
        lab.screenshot(f"{shown}-live")
        live.locator(NAME).click()
        live.locator(CLOSED).filter(has_text="2 of 4").wait_for()
        assert live.locator(INSIDE).count() == 0
        lab.screenshot(f"{shown}-live-closed")
        # With the keyboard: the name of what was turned has the focus.
        assert lab.page.evaluate("document.activeElement.dataset.task") == "Prep"
        lab.page.keyboard.press("Enter")
        live.locator(INSIDE).wait_for()
        assert lab.page.evaluate("document.activeElement.dataset.box") == "Prep"
        lab.page.keyboard.press("Enter")
        live.locator(CLOSED).wait_for()
        # What is closed stays so when the run has ended, and is opened by a click.
        end(lab)
        wait_for(lab, CLOSED)
        lab.screenshot(f"{shown}-closed")
        click(lab, CLOSED)
        wait_for(lab, INSIDE)
        assert lab.page.locator(PANEL).count() == 0
        lab.screenshot(f"{shown}-open")
        click(lab, INSIDE)
        lab.page.wait_for_selector(f'{PANEL}[aria-label="Task Prep.read"]')
        lab.page.keyboard.press("Escape")
        click(lab, NAME)
        wait_for(lab, CLOSED)
        wait_for(lab, INSIDE, False)
        spot = lab.page.evaluate(WHERE, [picture(lab).element_handle(), CLOSED])
        picture(lab).hover(position=spot)
        assert picture(lab).get_attribute("title") == "Prep: succeeded; click to open it"


def test_a_page_that_was_loaded_anew_shows_what_is_closed(place):
    with open_notebook(place, "again.ipynb", size=(1100, 900)) as lab:
        begun(lab)
        end(lab)
        wait_for(lab, NAME)
        lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        lab.page.wait_for_selector(".jp-mod-dirty", state="detached")
        click(lab, NAME)
        wait_for(lab, CLOSED)
        lab.page.reload()
        picture(lab)
        lab.page.wait_for_selector(f'{PICTURE}[tabindex="0"]')
        wait_for(lab, CLOSED)
        click(lab, CLOSED)
        wait_for(lab, INSIDE)
