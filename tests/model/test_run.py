"""What a run tells of itself beside its results."""

from __future__ import annotations

import pytest
from runs import make_run

from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.graph.picture import Picture
from taskinity_nb.views.style.palette import CRITICAL

CHAIN = Flow("Chain", [("load", "clean"), ("clean", "save")])


@pytest.mark.parametrize(
    ("others", "intervals", "path"),
    [
        ({"load": State.CACHED}, [("clean", "w", 0, 1), ("save", "w", 1, 2)], ("clean", "save")),
        ({"load": State.CACHED, "clean": State.CACHED}, [("save", "w", 1, 2)], ("save",)),
        (dict.fromkeys(CHAIN.tasks, State.CACHED), [], ()),
        ({"save": (State.UPSTREAM_FAILED, "clean")},
         [("load", "w", 0, 1), ("clean", "w", 1, 2, ValueError("no"))], ("load", "clean")),
        ({"clean": State.SKIPPED, "save": State.SKIPPED}, [("load", "w", 0, 1)], ("load",)),
        ({"clean": State.CANCELLED, "save": State.CANCELLED}, [("load", "w", 0, 1)], ("load",)),
    ],
)  # fmt: skip
def test_only_what_ran_is_on_the_critical_path(others, intervals, path):
    run = make_run(CHAIN, intervals, others=others)
    assert run.critical_path == path
    svg = Picture(CHAIN, details=True).svg(
        {name: record.state for name, record in run.tasks.items()}, {}, run.critical_path
    )
    assert (CRITICAL in svg) == bool(path)
