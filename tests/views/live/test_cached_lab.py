"""What is cached, in JupyterLab: live, afterwards, in the inspector, and what lies in the cache."""

import re

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """%load_ext taskinity_nb
import threading, time
from taskinity_nb import cache_info, task

go = threading.Event()
go.set()

def load():
    time.sleep(0.3)
    return [1, 2, 3]

def slow(n):
    time.sleep(0.2)
    return n * n

@task(cache=False)
def hold(slow):
    go.wait(60)
    return sum(slow)
"""
FLOW = """%%flow --cache kept --no-gantt
flow Kept:
    load -> map slow -> hold
"""
PANEL = ".taskinity-flow-panel"


LOOKS = [(460, True), (1400, False)]


def each(lab, looks):
    """Have the page be narrow and dark, or wide and light; yield the width."""
    for width, dark in looks:
        lab.page.set_viewport_size({"width": width, "height": 1200})
        lab.use_theme(dark)
        yield width


def test_what_was_saved_is_told(kept_lab):
    held = FLOW.replace("--no-gantt", "--no-gantt --background")
    cells = [SETUP, FLOW, "go.clear()", held, "go.set()", "cache_info('kept')"]
    with kept_lab.new_folder() as place:
        path = write_notebook(place.folder / "kept.ipynb", cells)
        with open_notebook(place, path.name, dark=True) as lab:
            for number in range(4):
                lab.run_cell(number)
            out, page = lab.output(3), lab.page
            node = out.locator("g[data-task='load'][data-state='cached']").first
            node.wait_for()
            detail = "g[data-task='{}'] [data-part='detail']"
            assert re.fullmatch(r"−\d\.\d s", out.locator(detail.format("load")).text_content())
            items = out.locator(detail.format("slow")).text_content()
            assert re.fullmatch(r"3 of 3 · −\d\.\d s", items)
            for width in each(lab, LOOKS):
                node.click()
                panel = page.locator(f"{PANEL}[aria-label='Task load']").last
                panel.get_by_text(re.compile(r"cached: .+ saved")).wait_for()
                lab.screenshot(f"cached-live-{width}")
                page.keyboard.press("Escape")
            lab.run_cell(4)
            lab.run_cell(5)
            table = lab.output(5).locator("table")
            table.wait_for()
            assert table.locator("tbody tr").count() == 2
            for width in each(lab, reversed(LOOKS)):
                assert table.locator("i[aria-hidden]").first.bounding_box()["width"] > 40
                lab.screenshot(f"cached-table-{width}")
