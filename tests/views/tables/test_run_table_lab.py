"""A run's table in JupyterLab, whose own look of tables it must outdo, on a narrow page."""

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """%load_ext taskinity_nb
def load(): return 1
def a_task_with_a_name_that_goes_on_and_on_and_on_and_on_and_ends(load):
    raise ValueError('no ' * 60)
"""
FLOW = """%%flow --no-gantt --on-error continue
load -> a_task_with_a_name_that_goes_on_and_on_and_on_and_on_and_ends
"""
LOOKS = """() => {
  const cells = [...document.querySelectorAll('.jp-OutputArea tbody tr:last-child td')];
  return cells.map((cell) => getComputedStyle(cell).textAlign);
}"""
FITS = """width => {
  const table = document.querySelector('.jp-OutputArea table');
  const { left, right } = table.parentElement.getBoundingClientRect();
  const notebook = document.querySelector('.jp-Notebook').getBoundingClientRect();
  return right <= width && right <= notebook.right && right - left > notebook.width / 2;
}"""
"""Tells whether what is around the table has taken the width that the page has now."""


def test_columns_stay_on_the_page(kept_lab):
    with kept_lab.new_folder() as place:
        path = write_notebook(place.folder / "table.ipynb", [SETUP, FLOW])
        with open_notebook(place, path.name, size=(460, 1200)) as lab:
            lab.run_cell(0)
            lab.run_cell(1)
            lab.page.locator(".jp-OutputArea table").wait_for()
            for dark in (False, True):
                lab.use_theme(dark)
                for width in (460, 1400):
                    lab.page.set_viewport_size({"width": width, "height": 1200})
                    assert_fits(lab, width)
                    lab.screenshot(f"table-{width}-{'dark' if dark else 'light'}")


def assert_fits(lab, width):
    lab.page.wait_for_function(FITS, arg=width)
    told = ["left", "left", "right", "right", "left", "right", "left"]
    assert lab.page.evaluate(LOOKS) == told
    if width > 1000:
        table = lab.page.locator(".jp-OutputArea table")
        inside, around = table.bounding_box(), table.locator("xpath=..").bounding_box()
        assert inside["x"] + inside["width"] <= around["x"] + around["width"] + 1
