"""Recorded workflows, read from files.

A file is JSON in one of three formats. The plain one is
``{"tasks": [{"id": "a", "upstream": [], "seconds": 1.5}, ...]}``. The others are those of WfFormat,
in which the WfCommons project publishes recorded runs (https://wfcommons.org/format): since version
1.5 the graph is in ``workflow.specification.tasks``, and the times in ``workflow.execution.tasks``;
before, both are in ``workflow.tasks`` (up to 1.2, ``workflow.jobs``), where tasks refer to each
other by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from graphs import Graph

__all__ = ["read_workflow", "read_workflows"]


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
