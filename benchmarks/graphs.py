"""Task graphs to measure with: shapes of any size, and graphs like those of real workflows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from math import isqrt
from random import Random

__all__ = [
    "SHAPES",
    "WORKFLOWS",
    "Graph",
    "chain",
    "epigenomics",
    "fan",
    "montage",
    "stencil",
    "tree",
]


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

    @property
    def levels(self) -> list[list[str]]:
        """The tasks by how many others they stand behind at most."""
        levels: list[list[str]] = []
        sorter = TopologicalSorter(self.upstream)
        sorter.prepare()
        while sorter.is_active():
            levels.append(list(sorter.get_ready()))
            sorter.done(*levels[-1])
        return levels

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

    def stronger_bound(self, workers: int) -> float:
        """Return a lower bound that sees where there are too few tasks for all workers.

        Tasks that have at least so much before them and so much after them can only run between,
        and need there what `packed` says. The most of that, over some choices of before and after,
        is no less than `lower_bound`.

        Examples
        --------
        >>> tasks = {"a": [], "b": ["a"], "c": ["a"], "d": ["a"]}
        >>> graph = Graph("fan", tasks, {"a": 3.0, "b": 1.0, "c": 1.0, "d": 1.0})
        >>> graph.lower_bound(2), graph.stronger_bound(2)
        (4.0, 4.5)
        """
        befores: dict[str, float] = {}
        afters = dict.fromkeys(self.upstream, 0.0)
        order = list(TopologicalSorter(self.upstream).static_order())
        for task in order:
            ends = (befores[before] + self.seconds[before] for before in self.upstream[task])
            befores[task] = max(ends, default=0.0)
        for task in reversed(order):
            for before in self.upstream[task]:
                afters[before] = max(afters[before], afters[task] + self.seconds[task])
        tasks = [(befores[task], afters[task], self.seconds[task]) for task in order]
        bound = self.lower_bound(workers)
        for least_before in _some(befores.values()):
            late = [(after, seconds) for before, after, seconds in tasks if before >= least_before]
            for least_after in _some(afters.values()):
                between = [seconds for after, seconds in late if after >= least_after]
                if any(between):
                    bound = max(bound, least_before + packed(between, workers) + least_after)
        return bound

    def scaled(self, factor: float) -> Graph:
        """Return the graph with all times multiplied by `factor`."""
        seconds = {task: value * factor for task, value in self.seconds.items()}
        return Graph(self.name, self.upstream, seconds)


def packed(seconds: Sequence[float], workers: int) -> float:
    """Return a lower bound for independent tasks.

    Their work divided by the workers; and of the ``k * workers + 1`` longest, some worker has
    ``k + 1``, which take no less than the shortest ``k + 1`` of these.

    Examples
    --------
    >>> packed([1.0, 1.0, 1.0], 2), packed([4.0, 1.0, 1.0], 3)
    (2.0, 4.0)
    """
    longest = sorted(seconds, reverse=True)
    found = max(longest[0], sum(longest) / workers)
    for k in range(1, (len(longest) - 1) // workers + 1):
        last = k * workers
        found = max(found, sum(longest[last - k : last + 1]))
    return found


def _some(values: Iterable[float]) -> list[float]:
    """Return at most a hundred of some values, evenly."""
    distinct = sorted(set(values))
    return distinct[:: len(distinct) // 100 + 1]


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


# Graphs like those of two well-known scientific workflows, for where there are no recorded ones.


def montage(tasks: int) -> Graph:
    """A mosaic of the sky: images, their overlaps, one model of them all, images again, a mosaic.

    Examples
    --------
    >>> [len(level) for level in montage(25).levels]
    [5, 10, 1, 1, 5, 1, 1, 1]
    """
    images = _at_least(tasks, 10) // 5
    overlaps = tasks - 2 * images - 5
    graph = _Growing("montage")
    projected = [graph.add([], 10.0) for _ in range(images)]
    compared = []
    for i in range(overlaps):
        pair = {projected[i % images], projected[(i + 1 + i // images) % images]}
        compared.append(graph.add(sorted(pair), 1.0))
    model = graph.add([graph.add(compared, 8.0)], 40.0)
    corrected = [graph.add([image, model], 2.0) for image in projected]
    graph.add([graph.add([graph.add(corrected, 5.0)], 30.0)], 2.0)
    return graph.grown()


def epigenomics(tasks: int) -> Graph:
    """Reads of a genome: one split, chains of four steps of which the last is long, one merge.

    Examples
    --------
    >>> [len(level) for level in epigenomics(24).levels]
    [1, 5, 5, 5, 5, 1, 1, 1]
    """
    left = _at_least(tasks, 8) - 4
    graph = _Growing("epigenomics")
    split = graph.add([], 20.0)
    ends = []
    while left:
        end, steps = split, (3.0, 1.0, 1.0, 40.0)[: min(4, left)]
        for seconds in steps:
            end = graph.add([end], seconds)
        ends.append(end)
        left -= len(steps)
    graph.add([graph.add([graph.add(ends, 15.0)], 10.0)], 10.0)
    return graph.grown()


class _Growing:
    """A graph to which tasks are added; their times vary, in the same way each time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._upstream: dict[str, list[str]] = {}
        self._seconds: dict[str, float] = {}
        self._random = Random(0)

    def add(self, upstream: list[str], seconds: float) -> str:
        task = f"t{len(self._upstream)}"
        self._upstream[task] = upstream
        self._seconds[task] = seconds * self._random.lognormvariate(0.0, 0.4)
        return task

    def grown(self) -> Graph:
        return Graph(self._name, self._upstream, self._seconds)


def _at_least(tasks: int, least: int) -> int:
    if tasks < least:
        raise ValueError(f"such a graph has {least} tasks at least, not {tasks}")
    return tasks


WORKFLOWS: tuple[Callable[[int], Graph], ...] = (montage, epigenomics)
