"""The same answer wherever it runs: small programs in a real notebook, on every executor."""

from __future__ import annotations

import json
import os
from pathlib import Path

import parity
import pytest
from kernels import Cell, new_kernel

TESTS = Path(parity.__file__).parent
DOCS = TESTS.parent / "docs" / "executors.md"

BEGIN, END = "<!-- parity: begin -->\n", "\n<!-- parity: end -->"


def test_the_docs_say_so():
    before, _, rest = DOCS.read_text("utf-8").partition(BEGIN)
    said, _, after = rest.partition(END)
    if os.environ.get("UPDATE_GOLDEN"):
        DOCS.write_text(before + BEGIN + parity.table() + END + after, "utf-8")
    else:
        assert said == parity.table()


@pytest.mark.slow
@pytest.mark.parametrize(
    "executor",
    [
        pytest.param(each, marks=[pytest.mark.xdist_group("clusters")] * (each in ("dask", "ray")))
        for each in parity.EXECUTORS
    ],
)
def test_each_program_gives_the_same(executor, tmp_path):
    spawn = "import multiprocessing\nmultiprocessing.get_all_start_methods = lambda: ['spawn']\n"
    cell = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import parity
{spawn if "spawn" in executor else ""}
parity.begin({str(tmp_path)!r})
found = parity.compared([{executor!r}], get_ipython().run_cell)
"""
    with new_kernel() as (kernel, _):
        done = Cell(list(kernel.messages(kernel.send(cell), patience=300)))
        assert not done.error, done.error
        printed = kernel.run("print('@' + found)").printed
    differences = json.loads(printed.rpartition("@")[2])
    assert not differences, "\n".join(f"{t}\n  {a}\n  {b}" for _, t, a, b in differences)
