"""Notebooks that are run with other parameters, as papermill does."""

from __future__ import annotations

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

ensure_event_loop()  # the client of this thread makes it when it needs it, and keeps it

FUNCTIONS = """%load_ext taskinity_nb
from taskinity_nb import flow_from
def fit(depth): return f"fitted with {depth}"
prep = flow_from(fit)
"""


def parametrised(notebook, **parameters):
    """Put a cell behind the one that is tagged "parameters", as papermill does."""
    lines = ["# Parameters", *(f"{name} = {value!r}" for name, value in parameters.items())]
    cell = nbformat.v4.new_code_cell("\n".join(lines))
    cell.metadata["tags"] = ["injected-parameters"]
    place = next(
        place
        for place, each in enumerate(notebook.cells)
        if "parameters" in each.metadata.get("tags", ())
    )
    notebook.cells.insert(place + 1, cell)


FLOWS = [
    "%%flow --input depth=depth -o run --no-gantt\nfit",
    "%%flow --input depth=depth -o run --no-gantt\nflow F:\n    input depth = 1\n    fit",
    "%flow prep --input depth=depth -o run --no-gantt",
]


@pytest.mark.parametrize("depth", [3, 7])
def test_an_injected_parameter_is_the_input(depth):
    notebook = nbformat.v4.new_notebook()
    settings = nbformat.v4.new_code_cell("depth = 3")
    settings.metadata["tags"] = ["parameters"]
    shown = (text for flow in FLOWS for text in (flow, "print(run['fit'])"))
    notebook.cells = [settings, *map(nbformat.v4.new_code_cell, (FUNCTIONS, *shown))]
    if depth != 3:
        parametrised(notebook, depth=depth)
    NotebookClient(notebook, kernel_name="python3").execute()
    printed = [out["text"] for cell in notebook.cells for out in cell.outputs if "text" in out]
    assert printed == [f"fitted with {depth}\n"] * 3
