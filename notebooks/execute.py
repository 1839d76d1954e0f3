"""Run notebooks from top to bottom and save them with their outputs, as they are committed.

    python notebooks/execute.py [NOTEBOOK ...]

Without a name, all that lie here. Of widgets no state is saved: without a kernel they are dead, and
the pictures beside them say what they said.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def execute(path: Path) -> None:
    """Run one notebook in its own folder, and save it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times, different at each run
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for chosen in map(Path, sys.argv[1:] or sorted(HERE.glob("*.ipynb"))):
        print(chosen)
        execute(chosen)
