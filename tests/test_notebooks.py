"""The tutorials: run as tests, saved with their outputs, with a script beside the first."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from clusters import on_ray

from taskinity_nb.shell.tutorial import tutorial_path

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ON_CLUSTERS = ROOT / "notebooks" / "03_from_laptop_to_cluster.ipynb"

LIGHTER = {
    "01_basic_parallel": [(1, r"stdlib\"), \"megabytes\": 3", r"stdlib\"), \"megabytes\": 0.5")],
    "02_how_many_workers": [
        (1, "repeats=3", "repeats=1"),
        (1, r"\"megabytes\": 2.5", r"\"megabytes\": 0.3"),
        (1, "11125), ('if', 5579), ('return', 3956)", "1351), ('if', 865), ('return', 806)"),
    ],
    "03_from_laptop_to_cluster": [(3, "8_000_000", "800_000"), (1, "3.1412645", "3.14074")],
    "05_real_flows": [
        (1, "input folder, files = 8", "input folder, files = 3"),
        (1, r"\"files\": 8", r"\"files\": 3"),
        (1, "2.4923949019288023", "2.9869237340907304"),
    ],
}
"""What a tutorial measures or computes less of here: how often it is written, and what instead."""


def lighter(path, folder):
    """Return a tutorial that takes less time, written to a folder; or as it is."""
    if path.stem not in LIGHTER:
        return path
    text = path.read_text(encoding="utf-8")
    for times, long, short in LIGHTER[path.stem]:
        assert text.count(long) == times, long
        text = text.replace(long, short)
    made = folder / path.name
    made.write_text(text, encoding="utf-8")
    return made


def python(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_as_test(path, folder, **environment):
    """Compare what is the same on every machine; what is measured is tagged to be left out."""
    python(
        "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "--nbval",
        "--nbval-current-env", "--nbval-cell-timeout=120", lighter(path, folder), cwd=ROOT,
        **environment,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in NOTEBOOKS if path != ON_CLUSTERS],
    ids=lambda path: path.stem,
)
def test_runs_and_shows_what_is_saved(path, tmp_path):
    run_as_test(path, tmp_path)


@pytest.mark.slow
@on_ray
def test_the_one_on_clusters_runs_and_shows_what_is_saved(cluster, tmp_path):
    run_as_test(ON_CLUSTERS, tmp_path, **cluster.address)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_saved_with_outputs_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {kind for cell in code for output in cell.outputs for kind in output.get("data", {})}
    assert {"image/svg+xml", "image/png"} <= kinds
    assert not [kind for kind in kinds if "widget" in kind]
    assert "widgets" not in notebook.metadata
    failed = [cell for cell in code if any(o.output_type == "error" for o in cell.outputs)]
    assert all("raises-exception" in cell.metadata.get("tags", []) for cell in failed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_names_no_folder_of_the_machine_it_was_made_on(path):
    text = path.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


@pytest.mark.slow
def test_the_script_beside_the_first_tutorial(tmp_path):
    printed = python(ROOT / "notebooks" / "basic_parallel.py", 0.2, cwd=tmp_path)
    assert printed.count("Execution time: ") == 4
    assert "times as fast" in printed
    assert (tmp_path / "basic_parallel.png").read_bytes().startswith(b"\x89PNG")


class References(HTMLParser):
    """What a page would load from elsewhere."""

    def __init__(self):
        super().__init__()
        self.loaded, self.images = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href") and tag in ("script", "link", "img", "iframe"):
                kind = value.partition(";")[0]
                (self.images if kind.startswith("data:image/") else self.loaded).append(kind)


WITH_THE_LIGHTER = """
import runpy, sys
import nbformat
path, read = sys.argv.pop(), nbformat.read
nbformat.read = lambda asked, as_version: read(path, as_version)
runpy.run_module("taskinity_nb", run_name="__main__")
"""
"""Does what ``-m`` does."""


@pytest.mark.slow
def test_python_m_taskinity_nb(tmp_path):
    path = lighter(tutorial_path(), tmp_path)
    printed = python("-W", "error", "-c", WITH_THE_LIGHTER, path, cwd=tmp_path)
    for line in ("sequential         1", "threads            3", "processes          3"):
        assert line in printed
    assert "jupyter lab" in printed
    references = References()
    page = (tmp_path / "taskinity_nb_report.html").read_text(encoding="utf-8")
    references.feed(page)
    assert references.loaded == []
    assert "data:image/png" in references.images
    assert "data-task" in page or "data:image/svg+xml" in references.images
    assert "most used names" in page


def test_the_tutorial_is_found():
    assert tutorial_path() in NOTEBOOKS
