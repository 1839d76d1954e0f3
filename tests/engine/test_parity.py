"""The same answer wherever it runs: small programs in a real notebook, on every executor."""

from __future__ import annotations

import json
import os
from pathlib import Path

import parity
import pytest
from clusters import on_both
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


SPAWN = "processes (spawn)"
"""This has a kernel of its own, in which there is no other way to start a process."""


ALONE = [list(parity.IN_PROCESS), ["processes"], [SPAWN], ["process pool"]]
"""What shares a kernel: what is forked would inherit what the programs before have left there."""


def cell_of(executors, folder):
    """Return a cell that runs all programs on executors, and prints where they differ."""
    spawn = "import multiprocessing\nmultiprocessing.get_all_start_methods = lambda: ['spawn']\n"
    return f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import parity
{spawn if SPAWN in executors else ""}
parity.begin({str(folder)!r})
found = parity.compared({executors!r}, get_ipython().run_cell)
print('@' + found)
"""


def check(cell):
    stdout = "".join(c["text"] for c in cell.of("stream") if c["name"] == "stdout")
    differences = json.loads(stdout.rpartition("@")[2])  # warnings of the programs may come after
    assert not differences, "\n".join(
        f"{t} on {name}\n  {a}\n  {b}" for name, t, a, b in differences
    )


@pytest.mark.slow
@pytest.mark.parametrize("executors", ALONE, ids=", ".join)
def test_each_program_gives_the_same(executors, tmp_path):
    with new_kernel() as (kernel, _):
        cell = Cell(list(kernel.messages(kernel.send(cell_of(executors, tmp_path)), patience=300)))
        assert not cell.error, cell.error
        check(cell)


@pytest.mark.slow
@on_both
def test_each_program_gives_the_same_on_a_cluster(cluster, tmp_path):
    check(cluster.run(cell_of([cluster.executor], tmp_path)))
