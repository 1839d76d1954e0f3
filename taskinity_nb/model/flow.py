"""A flow is the validated DAG of task names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from ..display import renderer
from ..errors import CycleError, FlowError, Span, listed
from ..formatting import counted

__all__ = ["Edge", "EdgeKind", "Flow", "Source", "Structure"]

EdgeKind = Literal["result", "wait", "map"]
KINDS = get_args(EdgeKind)


class Edge(NamedTuple):
    """One arrow: `target` receives the result of `source`, or only waits for it.

    `kind` is ``"result"`` (the target receives the result), ``"wait"`` (it only waits) or ``"map"``
    (it runs once for each item of the result); `key` picks one key or attribute of the result.
    """

    source: str
    target: str
    kind: EdgeKind = "result"
    key: str | None = None

    def __str__(self) -> str:
        arrow = "-.->" if self.kind == "wait" else "->"
        key = f".{self.key}" if self.key else ""
        return f"{self.source}{key} {arrow} {'map ' if self.kind == 'map' else ''}{self.target}"


class Source(NamedTuple):
    """The text a flow was read from, and where its tasks and edges stand in it."""

    text: str
    tasks: Mapping[str, Span]
    edges: Mapping[Edge, Span]


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


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """The validated DAG of task names.

    Two flows are equal when they agree in name, tasks, the functions of the tasks, and the edges
    into each task with their kinds and their order, which decides arguments.

    Parameters
    ----------
    name : str
        Name of the flow.
    edges : iterable of Edge or tuple
        The arrows. A repeated edge is one edge.
    tasks : iterable of str
        Tasks, in order; those that only the edges name follow them.
    description : str
        Free text.
    functions : mapping of str to str
        For a task that is not called by its function's name: the function's name.
    source : Source, optional
        Where the flow was read from, for later errors.

    Raises
    ------
    CycleError
        If a task would wait for itself.
    FlowError
        If a task's name is no identifier, two mapped edges lead into one task, or two kinds of
        edges connect the same two tasks.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "clean"), ("clean", "save")])
    >>> flow.tasks
    ('load', 'clean', 'save')
    >>> [edge.source for edge in flow.upstream["save"]]
    ['clean']
    """

    name: str = "flow"
    edges: tuple[Edge, ...] = ()
    tasks: tuple[str, ...] = ()
    description: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    source: Source | None = None

    def __init__(
        self,
        name: str = "flow",
        edges: Iterable[Edge | tuple[str, str]] = (),
        tasks: Iterable[str] = (),
        description: str = "",
        functions: Mapping[str, str] | None = None,
        source: Source | None = None,
    ) -> None:
        arrows = tuple(dict.fromkeys(e if type(e) is Edge else _edge(e) for e in edges))
        names = dict.fromkeys([tasks] if isinstance(tasks, str) else tasks)
        for edge in arrows:
            names[edge.source] = None
            names[edge.target] = None
        renamed = {task: f for task, f in (functions or {}).items() if f != task}
        write = object.__setattr__
        write(self, "name", name)
        write(self, "edges", arrows)
        write(self, "tasks", tuple(names))
        write(self, "description", description)
        write(self, "functions", MappingProxyType(renamed))
        write(self, "source", source)
        self._check_names()
        self._check_kinds()
        self._check_cycles()

    def _check_names(self) -> None:
        for edge in self.edges:
            if edge.kind not in KINDS:
                raise FlowError(f"the kind of an edge is {listed(KINDS)}, not {edge.kind!r}")
        for task in self.tasks:
            if not isinstance(task, str) or not task.isidentifier():
                raise FlowError(
                    f"a task's name is a Python identifier, not {task!r}", **self.at(task)
                )
        for task in self.functions:
            if task not in self._incoming:
                raise FlowError(f"'{task}' has a function but is no task of the flow")

    def _check_kinds(self) -> None:
        kinds: dict[tuple[str, str], Edge] = {}
        mapped: dict[str, Edge] = {}
        for edge in self.edges:
            first = kinds.setdefault((edge.source, edge.target), edge)
            if first.kind != edge.kind:
                raise FlowError(
                    f"'{edge}' contradicts '{first}'",
                    remedy="keep one of the two",
                    **self.at(edge),
                )
            if edge.kind == "map" and mapped.setdefault(edge.target, edge) != edge:
                raise FlowError(
                    f"'{edge.target}' is mapped over two results, "
                    f"'{mapped[edge.target].source}' and '{edge.source}'",
                    remedy="a task runs over the items of one result; drop one 'map'",
                    **self.at(edge),
                )

    def _check_cycles(self) -> None:
        """Walk depth first, in the order of the text; an edge to an open task closes a cycle."""
        done: set[str] = set()
        for root in self.tasks:
            if root in done:
                continue
            path = {root: None}
            stack = [(root, iter(self.downstream[root]))]
            while stack:
                task, edges = stack[-1]
                edge = next(edges, None)
                if edge is None:
                    stack.pop()
                    path.pop(task)
                    done.add(task)
                elif edge.target in path:
                    names = list(path)
                    cycle = (*names[names.index(edge.target) :], edge.target)
                    error = CycleError(
                        f"the tasks wait for each other in a cycle: {_shortened(cycle)}",
                        remedy="remove one of these arrows",
                        **self.at(edge),
                    )
                    error.path = cycle
                    raise error
                elif edge.target not in done:
                    path[edge.target] = None
                    stack.append((edge.target, iter(self.downstream[edge.target])))

    def at(self, part: str | Edge) -> dict[str, Any]:
        """Return where a task or an edge stands in the text, as arguments of an error."""
        if self.source is None:
            return {}
        places = self.source
        span = places.tasks.get(part) if isinstance(part, str) else places.edges.get(part)
        return {"text": self.source.text, "span": span} if span else {}

    @cached_property
    def _incoming(self) -> dict[str, tuple[Edge, ...]]:
        incoming: dict[str, list[Edge]] = {task: [] for task in self.tasks}
        for edge in self.edges:
            incoming[edge.target].append(edge)
        return {task: tuple(edges) for task, edges in incoming.items()}

    @cached_property
    def upstream(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges into each task, in the order of the text."""
        return MappingProxyType(self._incoming)

    @cached_property
    def downstream(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges out of each task, in the order of the text."""
        outgoing: dict[str, list[Edge]] = {task: [] for task in self.tasks}
        for edge in self.edges:
            outgoing[edge.source].append(edge)
        return MappingProxyType({task: tuple(edges) for task, edges in outgoing.items()})

    @cached_property
    def structure(self) -> Structure:
        """The flow in numbers, which every run of it shares."""
        index = {name: i for i, name in enumerate(self.tasks)}
        waiting = [0] * len(index)
        followers: list[list[int]] = [[] for _ in index]
        # Two edges may connect the same tasks (two keys of a result): one wait all the same.
        for source, target in dict.fromkeys([edge[:2] for edge in self.edges]):
            followers[index[source]].append(index[target])
            waiting[index[target]] += 1
        sources = [
            tuple([index[edge[0]] for edge in edges])
            if all([edge[2] == "result" and edge[3] is None for edge in edges])
            else None
            for edges in self.upstream.values()
        ]
        return Structure(index, waiting, followers, sources)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The tasks, each after those it waits for."""
        return tuple(map(self.tasks.__getitem__, self.structure.order()))

    @property
    def last_tasks(self) -> tuple[str, ...]:
        """The tasks that nothing follows."""
        return tuple(task for task in self.tasks if not self.downstream[task])

    def ancestors(self, task: str) -> set[str]:
        """Return all tasks that `task` waits for, directly or not."""
        seen: set[str] = set()
        stack = [task]
        while stack:
            sources = {edge.source for edge in self.upstream[stack.pop()]} - seen
            seen |= sources
            stack += sources
        return seen

    def function_of(self, task: str) -> str:
        """Return the name of the function that `task` calls."""
        return self.functions.get(task, task)

    def explain(self, inputs: Any = None, namespace: Mapping[str, Any] | None = None) -> Any:
        """Show where each parameter of each task would get its value, without running anything.

        Parameters
        ----------
        inputs : object, optional
            The inputs that the flow would be run with.
        namespace : mapping of str to callable, optional
            Where the functions are; by default the notebook's, then the registered tasks.

        Returns
        -------
        Plan
            Its text is the explanation.

        Raises
        ------
        UnknownTaskError, BindingError
            What a run would raise before it starts.

        Examples
        --------
        >>> flow = Flow("Example", [("load", "double")])
        >>> flow.explain(namespace={"load": lambda: 3, "double": lambda x: 2 * x})
        Example
          load()
          double(x)
            x  <- result of load
        """
        return renderer().export(self, "plan", inputs, namespace)

    def to_graphviz(self) -> Any:
        """Return the DAG as a ``graphviz.Digraph``."""
        return renderer().export(self, "graphviz")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture of the DAG to a file.

        Parameters
        ----------
        path : str or path-like
            Its ending says in what form: ``.svg``, ``.png``, or ``.dot`` for the text that Graphviz
            reads.

        Raises
        ------
        FlowError
            If the ending is another one, or the flow cannot be drawn.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Flow("Example", [("load", "save")]).save(f"{folder}/flow.dot")
        ...     "load -> save" in Path(folder, "flow.dot").read_text()
        True
        """
        renderer().export(self, "file", path)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return renderer().mimebundle(self)

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return self.name, frozenset(self.functions.items()), frozenset(self._incoming.items())

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, Flow) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        tasks, edges = counted(len(self.tasks), "task"), counted(len(self.edges), "edge")
        return f"<Flow {self.name}: {tasks}, {edges}>"

    def __reduce__(self) -> tuple[Any, ...]:
        functions = dict(self.functions)
        return Flow, (self.name, self.edges, self.tasks, self.description, functions, None)


def _edge(pair: Any) -> Edge:
    """Make an edge of a tuple; a string of two letters is none, nor is a list of targets."""
    parts = tuple(pair) if isinstance(pair, (tuple, list)) else ()
    if len(parts) not in (2, 3, 4) or not all(isinstance(part, str) for part in parts[:3]):
        raise FlowError(
            f"an edge is a pair of names, not {pair!r}",
            remedy='write ("a", "b") for each arrow, or read a text with parse_dsl("a -> [b, c]")',
        )
    return Edge(*parts)


def _shortened(path: tuple[str, ...]) -> str:
    """Write a path with arrows; of a long one the middle is left out."""
    if len(path) > 12:
        path = (*path[:6], f"… ({len(path) - 11} more) …", *path[-5:])
    return " -> ".join(path)
