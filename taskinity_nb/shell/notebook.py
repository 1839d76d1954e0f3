"""A notebook that is run from top to bottom, and its page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FlowError
from .inputs import inputs_of
from .page import write_page

__all__ = ["execute", "run_notebook", "write_notebook_page"]

PARAMETERS = "parameters"
"""The tag of the cell after which inputs are set, as papermill has it."""

OF_FLOWS = ("functions", "executor", "workers", "targets", "on_error", "keep", "cache", "resources")
"""Options that the cells of a notebook say themselves."""


def run_notebook(options: argparse.Namespace) -> int:
    """Run a notebook as the options of the command say; return the exit code."""
    for name in OF_FLOWS:
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise FlowError(
                f"'{option}' is for a flow in a file: the cells of a notebook say that themselves"
            )
    try:
        notebook = execute(options.file, inputs_of(options.input), is_quiet=options.quiet)
        failed = None
    except CellError as error:
        notebook, failed = error.notebook, error
    if options.report is not None:
        write_notebook_page(options.report, options.file.stem, notebook)
        print(f"The notebook with its outputs: {options.report.resolve()}")
    if failed is not None:
        print(failed, file=sys.stderr)
    return int(failed is not None)


class CellError(FlowError):
    """A cell has failed; what was run so far is in `notebook`."""

    def __init__(self, message: str, notebook: Any = None) -> None:
        super().__init__(message)
        self.notebook = notebook


def execute(path: Path, inputs: Mapping[str, Any] | None = None, *, is_quiet: bool = True) -> Any:
    """Run a notebook in a new kernel, in its own folder; return it with its outputs.

    Parameters
    ----------
    path : Path
        The notebook, which stays as it is.
    inputs : mapping of str to object, optional
        What is set after the cell with the tag ``parameters``, or else at the beginning.
    is_quiet : bool, optional
        Whether no bar shows how far it is.

    Raises
    ------
    FlowError
        If there is no such notebook, or nothing that could run it.
    CellError
        If a cell failed.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise FlowError(
            f"to run a notebook needs Jupyter: {error}", remedy='pip install "taskinity-nb[lab]"'
        ) from error
    notebook = nbformat.reads(_text_of(path), as_version=4)
    if inputs:
        text = "\n".join(f"{name} = {value!r}" for name, value in inputs.items())
        cell = nbformat.v4.new_code_cell(text, metadata={"tags": ["injected-parameters"]})
        notebook.cells.insert(_place_of_inputs(notebook.cells), cell)
    resources = {"metadata": {"path": str(path.resolve().parent)}}
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources)
    with _bar(len(notebook.cells), is_quiet) as bar:
        client.on_cell_complete = lambda **_: bar.update()
        try:
            client.execute()
        except CellExecutionError as error:
            raise CellError(f"a cell of {path.name} failed:\n{error}", notebook) from error
    return notebook


def _text_of(path: Path) -> str:
    """Return the text of a notebook, if it is one."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text)
    except OSError as error:
        raise FlowError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise FlowError(f"{path} cannot be read: it is no notebook") from error
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise FlowError(f"{path} cannot be read: it is no notebook")
    return text


def _place_of_inputs(cells: Any) -> int:
    tagged = [n for n, cell in enumerate(cells) if PARAMETERS in cell.metadata.get("tags", [])]
    return tagged[0] + 1 if tagged else 0


def _bar(cells: int, is_quiet: bool) -> Any:
    from tqdm import tqdm

    # None: only where a terminal shows it.
    return tqdm(total=cells, unit="cell", leave=False, disable=True if is_quiet else None)


def write_notebook_page(path: Path, title: str, notebook: Any) -> None:
    """Write a notebook with its outputs as one page."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    light = HtmlFormatter(style="default", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="monokai", nobackground=True).get_style_defs(".highlight")
    write_page(path, title, body, f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}")
