"""Hundreds of random runs in which one task is hostile: none hangs, each ends with results or with
an error that names the task, and the executor works afterwards.

A run that does not costs the interpreter that it is in; the next one goes on behind it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sizes import sized
from torture import KINDS
from torture_places import PLACES

SCRIPT = Path(__file__).parents[2] / "torture_runs.py"

CHUNK = 100

MOST_FAILURES = 10
"""Runs that may go wrong before a chunk is given up."""


def tried(first: int, last: int, folder: Path) -> list[str]:
    """Try the runs with these numbers; return what is wrong with them."""
    failures: list[str] = []
    while first < last and len(failures) < MOST_FAILURES:
        told, stacks = folder / f"told-{first}", folder / f"stacks-{first}"
        told.touch()
        with stacks.open("w", encoding="utf-8") as stderr:  # workers would keep a pipe open
            child = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(first), str(last), str(told)],
                stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
            )  # fmt: skip
            child.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # workers of a pool whose owner did not close it
        case, problems = "", None
        for line in map(json.loads, told.read_text(encoding="utf-8").splitlines()):
            first, case = line["seed"], line.get("case", case)
            problems = line.get("problems")
        if problems is None:
            problems = [f"the interpreter ended:\n{stacks.read_text(encoding='utf-8')[:8000]}"]
        if problems:
            failures.append(f"{'; '.join(problems)}\n  {case}")
        first += 1
    if first < last:
        failures.append(f"runs from {first} on were given up")
    return failures


def report(failures: list[str]) -> str:
    return "\n".join(
        [*failures, f"{len(failures)} failures; one alone: python tests/{SCRIPT.name} SEED"]
    )


def test_each_place_meets_each_kind():
    """Since their numbers have no divisor in common, and they take turns."""
    assert math.gcd(len(PLACES), len(KINDS)) == 1
    assert len(PLACES) >= 30
    assert len(KINDS) >= 30


@pytest.mark.slow
def test_each_place_once(tmp_path):
    failures = tried(0, len(PLACES), tmp_path)
    assert not failures, report(failures)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("first", range(0, sized(200, 2000), CHUNK))
def test_hostile_runs(tmp_path, first):
    failures = tried(first, first + CHUNK, tmp_path)
    assert not failures, report(failures)
