"""``python -m taskinity_nb``: runs the first tutorial and writes what it shows as one HTML page.

``python -m taskinity_nb cache`` tells what the cache keeps, and removes it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .errors import FlowError

TUTORIAL = "01_basic_parallel.ipynb"
TABLE = "speed-up-table"
"""The tag of the cell that prints the table."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>taskinity_nb: basic parallel execution</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }}
pre {{ padding: .6rem .8rem; margin: .4rem 0; }}
.input_area pre, .highlight pre {{ background: #8881; border-left: 3px solid #8888; }}
.prompt, .anchor-link {{ display: none; }}
img, svg {{ max-width: 100%; height: auto; }}
.output_png img {{ background: white; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .15rem .7rem; }}
.ansi-bold {{ font-weight: bold; }}
.ansi-red-fg {{ color: #d33; }}
.ansi-green-fg {{ color: #2a2; }}
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the tutorial, or do what is asked of the cache; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["cache"]:
        return cache(given[1:])
    parser = argparse.ArgumentParser(prog="python -m taskinity_nb", description=__doc__)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("taskinity_nb_report.html"), metavar="FILE",
        help="where the page is written (default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args(given)
    try:
        path = tutorial_path()
        print(f"Running the tutorial {path.name} ...", flush=True)
        notebook = execute(path)
        options.output.write_text(page(notebook), encoding="utf-8")
    except (FlowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{table(notebook)}")
    print(f"The graph, the charts and the results: {options.output.resolve()}")
    folder = "notebooks" if path.parent.name == "notebooks" else path.parent
    print(f"Open the notebooks: {Path(sys.executable).parent / 'jupyter'} lab {folder}")
    return 0


def cache(arguments: list[str]) -> int:
    """Tell what the cache keeps, or remove it; return the exit code."""
    from .engine.cache.contents import cache_info, clear_cache

    parser = argparse.ArgumentParser(
        prog="python -m taskinity_nb cache", description="Tell what the cache keeps, or remove it."
    )
    parser.add_argument(
        "action", nargs="?", choices=("info", "clear"), default="info",
        help="what to do (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "task", nargs="?", metavar="TASK", help="clear: only what is kept of this task"
    )
    parser.add_argument(
        "--path", metavar="DIR", help="the folder (default: .taskinity/cache, or $TASKINITY_CACHE)"
    )
    options = parser.parse_args(arguments)
    if options.action == "info" and options.task is not None:
        parser.error("info takes no TASK: it tells of all")
    try:
        is_info = options.action == "info"
        print(cache_info(options.path) if is_info else clear_cache(options.task, options.path))
    except (FlowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def tutorial_path() -> Path:
    """Return the tutorial, from the package or from the clone that it is part of."""
    here = Path(__file__).parent
    for folder in (here.parent / "notebooks", here / "tutorials"):
        if (folder / TUTORIAL).exists():
            return folder / TUTORIAL
    raise FlowError(f"the tutorial {TUTORIAL} is not part of this installation")


def execute(path: Path) -> Any:
    """Run a notebook from top to bottom in a new kernel; return it with its outputs."""
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise FlowError(
            f"the tutorial needs Jupyter: {error}", remedy='pip install "taskinity-nb[lab]"'
        ) from error
    notebook = nbformat.read(path, as_version=4)
    try:
        NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    except CellExecutionError as error:
        raise FlowError(f"a cell of {path.name} failed:\n{error}") from error
    return notebook


def table(notebook: Any) -> str:
    """Return what the cell with the speed-up table printed."""
    for cell in notebook.cells:
        if TABLE in cell.metadata.get("tags", []):
            return "".join(output.text for output in cell.outputs)
    raise FlowError(f"no cell of the tutorial has the tag '{TABLE}'")


def page(notebook: Any) -> str:
    """Return a notebook as one HTML page that needs nothing else."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    light = HtmlFormatter(style="default", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="monokai", nobackground=True).get_style_defs(".highlight")
    style = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    return PAGE.format(style=style, body=body)


if __name__ == "__main__":
    raise SystemExit(main())
