"""The first tutorial, run from a shell: what a newcomer sees first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..errors import FlowError
from .notebook import execute, write_notebook_page

__all__ = ["run_tutorial", "tutorial_path"]

TUTORIAL = "01_basic_parallel.ipynb"
TABLE = "speed-up-table"
"""The tag of the cell that prints the table."""


def run_tutorial(output: Path) -> int:
    """Run it, write its page, print its table; return the exit code."""
    path = tutorial_path()
    print(f"Running the tutorial {path.name} ...", flush=True)
    notebook = execute(path)
    write_notebook_page(output, "taskinity_nb: basic parallel execution", notebook)
    print(f"\n{table(notebook)}")
    print(f"The graph, the charts and the results: {output.resolve()}")
    folder = "notebooks" if path.parent.name == "notebooks" else path.parent
    print(f"Open the notebooks: {Path(sys.executable).parent / 'jupyter'} lab {folder}")
    return 0


def tutorial_path() -> Path:
    """Return the tutorial, from the package or from the clone that it is part of."""
    here = Path(__file__).parent.parent
    for folder in (here.parent / "notebooks", here / "tutorials"):
        if (folder / TUTORIAL).exists():
            return folder / TUTORIAL
    raise FlowError(f"the tutorial {TUTORIAL} is not part of this installation")


def table(notebook: Any) -> str:
    """Return what the cell with the speed-up table printed."""
    for cell in notebook.cells:
        if TABLE in cell.metadata.get("tags", []):
            return "".join(output.text for output in cell.outputs)
    raise FlowError(f"no cell of the tutorial has the tag '{TABLE}'")
