"""What of a notebook was edited: fingerprints notice it, in each process, and words name it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import edits
import pytest

from taskinity_nb.engine.cache.parts import difference

EDITS = edits.edits()


def look(folder, first, seed):
    """Return what a process of its own knows of each edit."""
    done = subprocess.run(
        [sys.executable, edits.__file__, str(folder), first],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def found(folder):
    return look(folder, "before", "0")


def differ(parts, others):
    return {key: part[0] for key, part in parts.items()} != {
        key: part[0] for key, part in others.items()
    }


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(name, found, folder):
    (digest, before), (new_digest, after) = found[name]
    words = EDITS[name].words.replace("FOLDER", str(folder))
    assert difference(before, after) == ("" if words == "same" else words)
    assert differ(before, after) == (words != "same")
    files = [key for key in before if key.startswith("the file")]
    if not files:
        assert (digest != new_digest) == (words != "same")
    if words != "same":
        assert difference(after, before)


def test_there_are_edits_of_each_kind():
    assert len(EDITS) >= 60
    assert Path(edits.__file__).with_suffix(".txt").exists()


@pytest.mark.slow
def test_each_process_finds_the_same(found, folder):
    wrong = []
    for first, seed in [("after", "1"), ("before", "77")]:
        others = look(folder, first, seed)
        wrong += [name for name in EDITS if others[name] != found[name]]
    assert not wrong
