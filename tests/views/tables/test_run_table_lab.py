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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [460, 1400])
def test_columns_stay_on_the_page(kept_lab, dark, width):
    with kept_lab.new_folder() as place:
        path = write_notebook(place.folder / "table.ipynb", [SETUP, FLOW])
        with open_notebook(place, path.name, dark=dark, size=(width, 1200)) as lab:
            lab.run_cell(0)
            lab.run_cell(1)
            table = lab.page.locator(".jp-OutputArea table")
            table.wait_for()
            told = ["left", "left", "right", "right", "left", "right", "left"]
            assert lab.page.evaluate(LOOKS) == told
            around = table.locator("xpath=..").bounding_box()
            assert around["x"] + around["width"] <= width
            if width > 1000:
                inside = table.bounding_box()
                assert inside["x"] + inside["width"] <= around["x"] + around["width"] + 1
            lab.screenshot(f"table-{width}-{'dark' if dark else 'light'}")
