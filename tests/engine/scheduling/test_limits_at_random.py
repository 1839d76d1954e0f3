"""Random flows with random limits: they end, and never is more in use at once than there is.

Each task writes a line when it begins and one when it ends, at the end of a file that all have in
common, whatever process they are in: the order of the lines is that in which it happened.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sizes import sized

from taskinity_nb import Flow, Task, run
from taskinity_nb.model.flow import Edge
from taskinity_nb.model.limits.capacities import Rate

FLOWS = 200

PAUSE = 0.0002
"""Seconds that a task takes, so that others can begin meanwhile."""


@dataclass
class Use:
    """A task that tells when it begins and ends, and returns a list of so many items."""

    name: str
    path: str
    length: int = 2

    @contextmanager
    def told(self) -> Iterator[None]:
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, f"+{self.name}\n".encode())
            yield
            os.write(file, f"-{self.name}\n".encode())
        finally:
            os.close(file)

    def __call__(self, *results: Any) -> list[int]:
        with self.told():
            time.sleep(PAUSE)
        return list(range(self.length))

    async def later(self, *results: Any) -> list[int]:
        with self.told():
            await asyncio.sleep(PAUSE)
        return list(range(self.length))


@dataclass
class Case:
    """A flow, what its tasks ask for, and how much there is."""

    flow: Flow
    asked: dict[str, dict[str, float]]
    there_is: dict[str, Any]
    is_async: set[str]
    workers: int

    def namespace(self, path: str) -> dict[str, Task]:
        made = {}
        for place, name in enumerate(self.flow.tasks):
            use = Use(name, path, length=place % 4)
            function = use.later if name in self.is_async else use
            made[name] = Task(function, resources=self.asked[name])
        return made


def case_of(seed: int) -> Case:
    """Return a random flow with limits: whole amounts, fractions and rates."""
    chance = random.Random(seed)
    there_is: dict[str, Any] = {"api": chance.randint(1, 4), "memory": chance.choice([1.0, 2.5])}
    if chance.random() < 0.3:
        there_is["calls"] = Rate(chance.randint(2, 5), 0.002)
    names = [f"t{i}" for i in range(chance.randint(3, 14))]
    edges, asked = [], {}
    for place, name in enumerate(names):
        sources = chance.sample(names[:place], min(place, chance.choice([0, 1, 1, 2, 3])))
        kinds = [chance.choice(["result", "result", "wait"]) for _ in sources]
        if sources and chance.random() < 0.3:
            kinds[0] = "map"
        edges += [Edge(source, name, kind) for source, kind in zip(sources, kinds, strict=True)]
        asked[name] = {
            resource: chance.choice(
                [1, 1, most] if isinstance(most, int) else [0.1, most / 3, most]
            )
            for resource, most in [("api", there_is["api"]), ("memory", there_is["memory"]),
                                   ("calls", 1)]
            if resource in there_is and chance.random() < 0.6
        }  # fmt: skip
    is_async = {name for name in names if chance.random() < 0.3}
    return Case(Flow("random", edges, names), asked, there_is, is_async, chance.randint(1, 6))


def check(case: Case, lines: list[str]) -> None:
    """Count along the lines."""
    used: dict[str, float] = defaultdict(float)
    limits = {name: most for name, most in case.there_is.items() if not isinstance(most, Rate)}
    for line in lines:
        for resource, amount in case.asked[line[1:]].items():
            used[resource] += amount if line[0] == "+" else -amount
        for resource, most in limits.items():
            assert used[resource] <= most + 1e-9, f"{resource}: {used[resource]} of {most}"
    assert all(abs(used[resource]) < 1e-9 for resource in limits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "flows"),
    [
        ("sequential", FLOWS),
        ("threads", FLOWS),
        pytest.param("processes", sized(40, FLOWS), marks=pytest.mark.long),
    ],
)
def test_flows_with_limits_end_and_never_is_more_in_use_than_there_is(
    executor: str, flows: int, tmp_path: Path
) -> None:
    for seed in range(flows):
        case = case_of(seed)
        path = tmp_path / f"{seed}"
        path.touch()
        done = run(
            case.flow, namespace=case.namespace(str(path)), executor=executor,
            workers=case.workers, resources=case.there_is,
        )  # fmt: skip
        assert str(done.state) == "succeeded", seed
        lines = path.read_text().split()
        assert len(lines) == 2 * len(done.on_workers()), seed
        check(case, lines)
