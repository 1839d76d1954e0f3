"""Notebooks that are run with other parameters, as papermill does."""

from __future__ import annotations

import nbformat
import pytest

FUNCTIONS = """from taskinity_nb import flow_from
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
def test_an_injected_parameter_is_the_input(kept_kernel, depth):
    notebook = nbformat.v4.new_notebook()
    settings = nbformat.v4.new_code_cell("depth = 3")
    settings.metadata["tags"] = ["parameters"]
    shown = (text for flow in FLOWS for text in (flow, "print(run['fit'])"))
    notebook.cells = [settings, *map(nbformat.v4.new_code_cell, (FUNCTIONS, *shown))]
    if depth != 3:
        parametrised(notebook, depth=depth)
    kernel = kept_kernel.as_new()
    done = [kernel.run(cell.source) for cell in notebook.cells]
    assert not any(cell.error for cell in done)
    printed = [cell.printed for cell in done if cell.printed]
    assert printed == [f"fitted with {depth}\n"] * 3
