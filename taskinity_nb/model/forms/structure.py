"""A flow in numbers, and where its parts stand in a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from ...errors import Span
from .edges import Edge

__all__ = ["Source", "Structure"]


class Source(NamedTuple):
    """The text a flow was read from, and where its parts stand in it.

    A constant is found by the names of its task and its parameter.
    """

    text: str
    tasks: Mapping[str, Span]
    edges: Mapping[Edge, Span]
    inputs: Mapping[str, Span] = MappingProxyType({})
    constants: Mapping[tuple[str, str], Span] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Structure:
    """A DAG in numbers: a task is its place in ``flow.tasks``.

    `waiting` counts for each task how many others it waits for, and `followers` has those that wait
    for it. `sources` has those whose results it takes, in order; None where an edge into it takes
    a key, maps or only waits.
    """

    index: dict[str, int]
    waiting: list[int]
    followers: list[list[int]]
    sources: list[tuple[int, ...] | None]

    def order(self) -> list[int]:
        """Return the tasks, each after those it waits for."""
        waiting = self.waiting.copy()
        ready = [i for i, count in enumerate(waiting) if not count]
        for i in ready:  # grows while it is walked
            for follower in self.followers[i]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    ready.append(follower)
        return ready
