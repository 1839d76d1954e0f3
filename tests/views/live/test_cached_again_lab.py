"""The same notebook twice, each time in a new kernel: the second finds what the first has made."""

import re
from urllib.parse import unquote

import pytest
from browsers import open_notebook, write_notebook
from sizes import sized

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    """%load_ext taskinity_nb
import time
import numpy as np
import pandas as pd

FACTOR = 2

def load():
    time.sleep(1.5)
    return pd.DataFrame({"x": np.arange(200_000), "y": 1.0})

def part(load):
    time.sleep(1.5)
    return load[load.x % 2 == 0]

def fit(n, part):
    time.sleep(1)
    return n * FACTOR * len(part)

def best(fit):
    return max(fit)
""",
    """%%flow --cache kept -o made
flow Kept:
    input ns = [1, 2, 3]
    load -> part -> fit -> best
    ns -> map fit
""",
    """states = [str(each.state) for each in made.tasks.values()]
print(made["best"], round(made.makespan, 3), states)
""",
]


PICTURE = ".jp-RenderedSVG img"
SAVED = re.compile(r"−[\d.]+ s")


@pytest.mark.long
@pytest.mark.parametrize("dark", sized([True], [False, True]))
def test_a_new_kernel_shows_what_another_has_made(kept_lab, dark):
    with kept_lab.new_folder() as place:
        told = {}
        for name in ("first", "second"):
            path = write_notebook(place.folder / f"{name}.ipynb", CELLS)
            with open_notebook(place, path.name, dark=dark, size=(1100, 1400)) as lab:
                for number in range(3):
                    lab.run_cell(number)
                text = lab.output(2).inner_text()
                told[name] = re.fullmatch(r"(\d+) ([\d.]+) (\[.*\])", text.strip()).groups()
                picture = lab.output(1).locator(PICTURE).first
                picture.wait_for()
                lab.screenshot(f"cached-{name}-{'dark' if dark else 'light'}")
                saved = SAVED.findall(unquote(picture.get_attribute("src")))
                assert bool(saved) == (name == "second"), saved
        (value, took, states), (again, took_again, states_again) = told["first"], told["second"]
        assert value == again == "600000"
        assert "cached" not in states
        assert states_again == str(["cached"] * 4)
        assert float(took_again) < float(took) / 4
