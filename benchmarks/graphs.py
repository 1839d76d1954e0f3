"""Task graphs to measure with: shapes of any size, and recorded workflows read from files.

A file is JSON in one of three formats. The plain one is
``{"tasks": [{"id": "a", "upstream": [], "seconds": 1.5}, ...]}``. The others are those of WfFormat,
in which the WfCommons project publishes recorded runs (https://wfcommons.org/format): since version
1.5 the graph is in ``workflow.specification.tasks``, and the times in ``workflow.execution.tasks``;
before, both are in ``workflow.tasks`` (up to 1.2, ``workflow.jobs``), where tasks refer to each
other by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from math import isqrt
from pathlib import Path
from typing import Any

__all__ = ["SHAPES", "Graph", "chain", "fan", "read_workflow", "read_workflows", "stencil", "tree"]


@dataclass(frozen=True)
class Graph:
    """Which task waits for which, and how long each takes.

    Attributes
    ----------
    name : str
        What it is called.
    upstream : mapping of str to sequence of str
        For each task, those that it waits for. Names are Python identifiers.
    seconds : mapping of str to float
        For each task, how long it takes; empty for tasks that do nothing.
    """

    name: str
    upstream: Mapping[str, Sequence[str]]
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """All edges, in the order of the tasks that they lead into."""
        return [(before, task) for task, sources in self.upstream.items() for before in sources]

    @property
    def last_tasks(self) -> list[str]:
        """The tasks that nothing waits for."""
        awaited = {before for sources in self.upstream.values() for before in sources}
        return [task for task in self.upstream if task not in awaited]

    def lower_bound(self, workers: int) -> float:
        """Return the seconds that no schedule on so many workers can beat.

        Examples
        --------
        >>> diamond = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
        >>> graph = Graph("diamond", diamond, {"a": 1.0, "b": 2.0, "c": 3.0, "d": 1.0})
        >>> graph.lower_bound(1), graph.lower_bound(2)
        (7.0, 5.0)
        """
        ends: dict[str, float] = {}
        for task in TopologicalSorter(self.upstream).static_order():
            begin = max((ends[before] for before in self.upstream[task]), default=0.0)
            ends[task] = begin + self.seconds[task]
        return max(max(ends.values(), default=0.0), sum(self.seconds.values()) / workers)

    def scaled(self, factor: float) -> Graph:
        """Return the graph with all times multiplied by `factor`."""
        seconds = {task: value * factor for task, value in self.seconds.items()}
        return Graph(self.name, self.upstream, seconds)


# Shapes, each with the given number of tasks.


def fan(tasks: int) -> Graph:
    """One task, and all others after it.

    Examples
    --------
    >>> fan(3).upstream
    {'t0': [], 't1': ['t0'], 't2': ['t0']}
    """
    return Graph("fan", {f"t{i}": ["t0"] if i else [] for i in range(tasks)})


def chain(tasks: int) -> Graph:
    """One task after the other.

    Examples
    --------
    >>> chain(3).upstream
    {'t0': [], 't1': ['t0'], 't2': ['t1']}
    """
    return Graph("chain", {f"t{i}": [f"t{i - 1}"] if i else [] for i in range(tasks)})


def stencil(tasks: int) -> Graph:
    """Rows that make a square; a task waits for the one above it and that one's neighbours.

    Examples
    --------
    >>> stencil(9).upstream["t4"], stencil(9).upstream["t8"]
    (['t0', 't1', 't2'], ['t4', 't5'])
    """
    width = max(1, isqrt(tasks))

    def above(task: int) -> Iterator[str]:
        row, column = divmod(task, width)
        if row:
            for neighbour in range(max(0, column - 1), min(width, column + 2)):
                yield f"t{(row - 1) * width + neighbour}"

    return Graph("stencil", {f"t{i}": list(above(i)) for i in range(tasks)})


def tree(tasks: int) -> Graph:
    """A binary tree whose leaves come first, as in a sum of many numbers by pairs.

    Examples
    --------
    >>> tree(3).upstream
    {'t0': [], 't1': [], 't2': ['t1', 't0']}
    """

    def before(task: int) -> list[str]:
        place = tasks - 1 - task  # as in a heap: 0 is the root, the last task
        pair = (tasks - 1 - 2 * place - 1, tasks - 1 - 2 * place - 2)
        return [f"t{below}" for below in pair if below >= 0]

    return Graph("tree", {f"t{i}": before(i) for i in range(tasks)})


SHAPES: tuple[Callable[[int], Graph], ...] = (fan, chain, stencil, tree)


# Files.


def read_workflows(folder: Path) -> tuple[list[Graph], list[str]]:
    """Read all workflows of a folder and the folders in it.

    Returns
    -------
    list of Graph
        In the order of the files' paths, each named after its file.
    list of str
        Why others of its JSON files could not be read.
    """
    graphs, problems = [], []
    for path in sorted(folder.rglob("*.json")):
        try:
            graphs.append(read_workflow(path))
        except (OSError, ValueError) as error:
            problems.append(f"{path.name}: {error}")
    return graphs, problems


def read_workflow(path: Path) -> Graph:
    """Read one file; its tasks are renamed to t0, t1, ... in the order of the file.

    Raises
    ------
    ValueError
        If it holds no workflow.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        upstream, seconds = _parts(content)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a workflow ({type(error).__name__}: {error})") from error
    if not upstream:
        raise ValueError("a workflow without tasks")
    names = {task: f"t{i}" for i, task in enumerate(upstream)}
    graph = Graph(
        path.stem,
        {names[task]: [names[before] for before in befores] for task, befores in upstream.items()},
        {names[task]: seconds[task] for task in upstream},
    )
    try:
        TopologicalSorter(graph.upstream).prepare()
    except CycleError as error:
        raise ValueError("its tasks wait for each other in a cycle") from error
    return graph


def _parts(content: Any) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Return the upstream tasks and the seconds of each task, in whichever format."""
    if "tasks" in content:
        tasks = content["tasks"]
        seconds = {task["id"]: float(task["seconds"]) for task in tasks}
        return _linked([(task["id"], task["upstream"], ()) for task in tasks], {}), seconds
    workflow = content["workflow"]
    if "specification" in workflow:
        if "execution" not in workflow:
            raise ValueError("a workflow that was not executed has no run times")
        tasks = workflow["specification"]["tasks"]
        executed = workflow["execution"]["tasks"]
        seconds = {task["id"]: float(task["runtimeInSeconds"]) for task in executed}
        links = [(t["id"], t.get("parents", ()), t.get("children", ())) for t in tasks]
        return _linked(links, {}), {task["id"]: seconds.get(task["id"], 0.0) for task in tasks}
    tasks = workflow["tasks"] if "tasks" in workflow else workflow["jobs"]
    links = [(t["name"], t.get("parents", ()), t.get("children", ())) for t in tasks]
    aliases = {task["id"]: task["name"] for task in tasks if "id" in task}
    runtimes = {t["name"]: t.get("runtimeInSeconds", t.get("runtime", 0.0)) for t in tasks}
    return _linked(links, aliases), {task: float(value) for task, value in runtimes.items()}


def _linked(
    links: Sequence[tuple[str, Sequence[str], Sequence[str]]], aliases: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the upstream tasks of each task; an edge may be told at either end, or at both."""
    upstream: dict[str, dict[str, None]] = {task: {} for task, _, _ in links}
    if len(upstream) < len(links):
        raise ValueError("two of its tasks have the same name")

    def known(task: str) -> str:
        found = task if task in upstream else aliases.get(task)
        if found is None:
            raise ValueError(f"a task refers to '{task}', which it does not hold")
        return found

    for task, parents, children in links:
        for parent in parents:
            upstream[task][known(parent)] = None
        for child in children:
            upstream[known(child)][task] = None
    return {task: list(befores) for task, befores in upstream.items()}
