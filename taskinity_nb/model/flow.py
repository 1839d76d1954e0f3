"""A flow is the validated DAG of task names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType, ModuleType
from typing import Any

from ..display import renderer
from ..errors import Span
from ..formatting import counted
from .forms.edges import Edge, EdgeKind, Part, as_edges
from .forms.home import Homes, Namespace, home, read_homes, saved_homes
from .forms.literals import Constant, InputName, constant, default_of
from .forms.structure import Source, Structure
from .forms.validity import check

__all__ = ["Edge", "EdgeKind", "Flow", "Source", "Structure"]

USUAL = frozenset({"result", "wait"})
"""Kinds of edges that most are of."""

PLAIN = ("result", None, False)
"""Kind, key and whether it is optional, of an edge that brings a result and nothing else."""


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """The validated DAG of task names.

    Two flows are equal when they agree in name, tasks, the functions of the tasks, constants,
    inputs, parts, the flows that they use, and the edges into each task with their kinds and their
    order, which decides arguments.

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
        For a task that is not called by its function's name: the function's name, which may have
        dots in it (``pandas.read_csv``).
    source : Source, optional
        Where the flow was read from, for later errors.
    constants : mapping of str to mapping of str to object
        For a task, the parameters that take a literal, or the value of an `InputName`.
    inputs : mapping of str to object
        The flow's inputs and their defaults, which are literals; ``...`` where there is none.
    parts : mapping of str to Part
        Names for parts of the results of tasks.
    flows : mapping of str to Flow
        Flows that stand for functions in this one, by their names.
    written : Flow, optional
        Of a flow in which others were put in place of their names: the flow as it was written.

    Raises
    ------
    CycleError
        If a task would wait for itself.
    FlowError
        If a task's name is no identifier, edges contradict each other, or a constant is no literal.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "clean"), ("clean", "save")])
    >>> flow.tasks
    ('load', 'clean', 'save')
    >>> [edge.source for edge in flow.upstream["save"]]
    ['clean']
    """

    name: str
    edges: tuple[Edge, ...]
    tasks: tuple[str, ...]
    description: str
    functions: Mapping[str, str]
    source: Source | None
    constants: Mapping[str, Mapping[str, Constant | InputName]]
    inputs: Mapping[str, Constant | None]
    parts: Mapping[str, Part]
    flows: Mapping[str, Flow]
    homes: Homes
    """Where the functions of tasks are that were bound; it has no part in equality."""
    _written: Flow | None
    _places: Mapping[Any, tuple[Flow, Any]]

    def __init__(
        self,
        name: str = "flow",
        edges: Iterable[Edge | tuple[str, str]] = (),
        tasks: Iterable[str] = (),
        description: str = "",
        functions: Mapping[str, str] | None = None,
        source: Source | None = None,
        *,
        constants: Mapping[str, Mapping[str, Any]] | None = None,
        inputs: Mapping[str, Any] | None = None,
        parts: Mapping[str, Part] | None = None,
        flows: Mapping[str, Flow] | None = None,
        written: Flow | None = None,
    ) -> None:
        write = object.__setattr__
        known = {
            name: None if value is None or value is ... else default_of(name, value)
            for name, value in (inputs or {}).items()
        }
        arrows = as_edges(edges)
        names = dict.fromkeys([tasks] if isinstance(tasks, str) else tasks)
        for edge in arrows:
            if edge[0] not in known:
                names[edge[0]] = None
            names[edge[1]] = None
        renamed = {task: f for task, f in (functions or {}).items() if f != task}
        given = {
            task: MappingProxyType({p: constant(value) for p, value in values.items()})
            for task, values in (constants or {}).items()
            if values
        }
        write(self, "name", name)
        write(self, "edges", arrows)
        write(self, "tasks", tuple(names))
        write(self, "description", description)
        write(self, "source", source)
        write(self, "_places", {})
        held: dict[str, Mapping[str, Any]] = {"functions": renamed, "constants": given}
        held |= {"inputs": known, "parts": parts or {}, "flows": flows or {}, "homes": {}}
        for attribute, mapping in held.items():
            write(self, attribute, MappingProxyType(dict(mapping)))
        write(self, "_written", written)
        check(self)

    def at(self, part: str | Edge | tuple[str, str]) -> dict[str, Any]:
        """Return where a part of the flow stands in the text, as arguments of an error.

        That is a task, an input or an edge; or a constant, by its task and its parameter.
        """
        if part in self._places:
            flow, there = self._places[part]
            return flow.at(there)
        places = self.source
        if places is None:
            return {}
        span: Span | None
        if isinstance(part, Edge):
            span = places.edges.get(part)
        elif isinstance(part, tuple):
            span = places.constants.get(part) or places.tasks.get(part[0])
        else:
            span = places.tasks.get(part) or places.inputs.get(part)
        return {"text": places.text, "span": span} if span else {}

    @property
    def written(self) -> Flow:
        """The flow as somebody wrote it, with the names of other flows in it."""
        return self._written or self

    @cached_property
    def _incoming(self) -> dict[str, tuple[Edge, ...]]:
        incoming: dict[str, list[Edge]] = {task: [] for task in self.tasks}
        for edge in self.edges:
            incoming[edge[1]].append(edge)
        return {task: tuple(edges) for task, edges in incoming.items()}

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges into each task, in the order of the text, those from inputs too."""
        return MappingProxyType(self._incoming)

    @cached_property
    def upstream(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges into each task from other tasks, in the order of the text."""
        if not self.inputs:
            return self.incoming
        known = self.inputs
        return MappingProxyType(
            {task: tuple([e for e in edges if e[0] not in known])
             for task, edges in self._incoming.items()}
        )  # fmt: skip

    @cached_property
    def downstream(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges out of each task, in the order of the text."""
        outgoing: dict[str, list[Edge]] = {task: [] for task in self.tasks}
        for edge in self.edges:
            if edge[0] in outgoing:
                outgoing[edge[0]].append(edge)
        return MappingProxyType({task: tuple(edges) for task, edges in outgoing.items()})

    @cached_property
    def structure(self) -> Structure:
        """The flow in numbers, which every run of it shares."""
        index = {name: i for i, name in enumerate(self.tasks)}
        waiting = [0] * len(index)
        followers: list[list[int]] = [[] for _ in index]
        # Two edges may connect the same tasks (two keys of a result): one wait all the same.
        known = self.inputs
        for source, target in dict.fromkeys([edge[:2] for edge in self.edges]):
            if source not in known:
                followers[index[source]].append(index[target])
                waiting[index[target]] += 1
        sources = [
            tuple([index[edge[0]] for edge in edges])
            if all([edge[2:5] == PLAIN and edge[0] not in known for edge in edges])
            and all([edge[6] is None for edge in edges])
            and task not in self.constants
            else None
            for task, edges in self._incoming.items()
        ]
        return Structure(index, waiting, followers, sources)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The tasks, each after those it waits for."""
        return tuple(map(self.tasks.__getitem__, self.structure.order()))

    @cached_property
    def special(self) -> tuple[Edge, ...]:
        """The edges that do more than to bring a result or to wait, in the order of the text."""
        return tuple([edge for edge in self.edges if edge[2] not in USUAL or edge[4]])

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

    def explain(self, inputs: Any = None, namespace: Namespace = None, cache: Any = None) -> Any:
        """Show where each parameter of each task would get its value, without running anything.

        Parameters
        ----------
        inputs : object, optional
            The inputs that the flow would be run with.
        namespace : mapping of str to callable, or module, optional
            Where the functions are; by default the notebook's, then the registered tasks.
        cache : bool or path, optional
            Of `run`: then it is told of each task whether it would run, and why.

        Returns
        -------
        Plan or Forecast
            Its text is the explanation; a forecast is what there is with a cache.

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
        return renderer().export(self, "plan", inputs, namespace, cache)

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
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Flow("Example", [("load", "save")]).save(f"{folder}/flow.dot")
        """
        renderer().export(self, "file", path)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return renderer().mimebundle(self)

    def bind(self, namespace: Mapping[str, Any] | ModuleType) -> Flow:
        """Return the flow with functions of its own, wherever it is run from.

        Parameters
        ----------
        namespace : module, or mapping of str to object
            Where its functions are. A module (or, in a module, ``globals()``) is looked into when
            the flow runs; of a mapping, what it holds now counts, whatever it holds later.
            A module travels by its name, other functions by `cloudpickle`.

        Examples
        --------
        >>> from taskinity_nb import run
        >>> flow = Flow("Example", tasks=["answer"]).bind({"answer": lambda: 42})
        >>> run(flow).result
        42
        """
        place = home(namespace, map(self.function_of, self.tasks))
        return self.bound_to({task: place for task in self.tasks})

    def bound_to(self, homes: Homes) -> Flow:
        """Return the flow with these places for the functions of its tasks."""
        bound = object.__new__(Flow)
        vars(bound).update(vars(self))
        return bound.placed(homes, self._places)

    def placed(self, homes: Homes, places: Mapping[Any, tuple[Flow, Any]]) -> Flow:
        """Return this flow, which was just made, with homes and with places in other flows."""
        object.__setattr__(self, "homes", MappingProxyType(dict(homes)))
        object.__setattr__(self, "_places", places)
        return self

    def is_lifted(self, name: str) -> bool:
        """Tell whether an input is that of a flow in this one, to which nothing gives a value."""
        return "." in name and name in self._places

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return (
            self.name,
            frozenset(self.functions.items()),
            frozenset(self._incoming.items()),
            frozenset((task, frozenset(each.items())) for task, each in self.constants.items()),
            frozenset(self.inputs.items()),
            frozenset(self.parts.items()),
            frozenset(self.flows.items()),
        )

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

    def _parts(self) -> tuple[Any, ...]:
        return (
            self.name, self.edges, self.tasks, self.description, dict(self.functions),
            {task: dict(values) for task, values in self.constants.items()}, dict(self.inputs),
            dict(self.parts), dict(self.flows), self._written, saved_homes(self),
        )  # fmt: skip

    def __copy__(self) -> Flow:
        return self  # nothing of it ever changes

    def __deepcopy__(self, _: Any) -> Flow:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, self._parts()


def _made_again(
    name: str, edges: Any, tasks: Any, description: str, functions: Any,
    constants: Any, inputs: Any, parts: Any, flows: Any, written: Flow | None, homes: Any = (),
) -> Flow:  # fmt: skip
    """Make a flow that was pickled."""
    made = Flow(
        name, edges, tasks, description, functions,
        constants=constants, inputs=inputs, parts=parts, flows=flows, written=written,
    )  # fmt: skip
    return made.bound_to(read_homes(homes)) if homes else made
