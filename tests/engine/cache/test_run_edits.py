"""What runs again in a kernel after an edit is what has to, and the reason names the edit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import run_edits
from run_edits import EDITS

KERNELS = [
    (("1", "sequential"), ("77", "processes")),
    *(
        pytest.param(each, marks=pytest.mark.slow)
        for each in [
            (("0", "threads"), ("1", "threads")),
            (("77", "processes"), ("0", "sequential")),
        ]
    ),
]


def look(folder, half, seed, executor):
    """Return what becomes of all flows in a process of its own."""
    done = subprocess.run(
        [sys.executable, run_edits.__file__, str(folder), half, executor],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=KERNELS, ids=str)
def kernels(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    before, after = request.param
    return folder, look(folder, "before", *before), look(folder, "after", *after)


def test_what_has_to_run_again_does_and_the_reason_names_the_edit(kernels):
    folder, _, after = kernels
    wrong = {}
    for name, edit in EDITS.items():
        wanted = {task: why.replace("FOLDER", str(folder)) for task, why in edit.again.items()}
        found = {task: why for task, (state, why) in after[name].items() if state != "cached"}
        is_right = found.keys() == wanted.keys() and all(
            why == f"runs again: {wanted[task]}" or why.startswith(f"{wanted[task]}: ")
            for task, why in found.items()
        )
        if not is_right:
            wrong[name] = found, wanted
    assert not wrong


def test_everything_was_kept_in_the_first_kernel(kernels):
    wrong = [each for found in kernels[1].values() for each in found.values()]
    assert [each for each in wrong if each != ["succeeded", ""]] == []


def test_there_are_edits_of_each_kind():
    assert len(EDITS) >= 60
