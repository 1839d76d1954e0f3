"""Puts flows in place of the tasks that are called by their names.

The tasks of a flow `Prep` become ``Prep.clean``. What leads to `Prep` goes to its inputs, which are
tied to the parameters that take them; without inputs, it goes to the tasks that nothing leads to.
What `Prep` gives is the result of its only last task, or else a dict of those of its last tasks,
which a task called `Prep` makes.

Where `Prep` runs once for each item, the tasks in it that depend on the item do so, and are tied
item by item. What does not depend on the item runs once. An input that a condition looks at, or of
which a part is taken, is a task there, ``Prep.path``, which gives the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ...errors import BindingError, FlowError, listed, suggestion
from ...values import gathered, itself
from ..flow import Flow
from .edges import CONDITIONS, MAPPED, WAITS, Edge, EdgeKind, Part, local_name
from .literals import Constant, InputName

__all__ = ["Taken", "inline"]


class Taken(NamedTuple):
    """An input of a flow that one of its tasks takes, as an edge, and the parameter for it."""

    edge: Edge
    parameter: str | None


def inline(
    flow: Flow, flows: Mapping[str, Flow], takers: Callable[[Flow], list[Taken] | None]
) -> Flow:
    """Return a flow with other flows in place of some of its tasks.

    Parameters
    ----------
    flow : Flow
        The flow.
    flows : mapping of str to Flow
        Which flow stands in place of which task; these have no flows in them any more.
    takers : callable
        Returns what in such a flow takes its inputs; None if that is not known, since its functions
        are not.

    Raises
    ------
    BindingError
        If what leads to a flow and its inputs do not fit together.
    FlowError
        If a flow that has maps in it is to run once for each item.

    Examples
    --------
    >>> prep = Flow("Prep", [("load", "clean")])
    >>> flow = Flow("Example", [("Prep", "train")], flows={"Prep": prep})
    >>> print(*inline(flow, {"Prep": prep}, lambda flow: []).edges, sep=", ")
    Prep.load -> Prep.clean, Prep.clean -> train
    """
    whole = _Whole(flow)
    inner = {task: _Inner(task, flow, flows[task], takers(flows[task])) for task in flow.tasks
             if task in flows}  # fmt: skip
    for task in flow.tasks:
        if task in inner:
            whole.add(inner[task])
        else:
            whole.add_task(task)
    for edge in flow.edges:
        whole.tie(edge, inner)
    for name, part in flow.parts.items():
        of = inner.get(part.task)
        whole.parts[name] = part if of is None else part._replace(task=of.result)
    return whole.flow()


class _Bound(NamedTuple):
    """What an input of a flow in the flow is: what an edge brings, or a value."""

    edge: Edge | None = None
    value: Constant | InputName | None = None


class _Whole:
    """The parts of the flow that is made."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.tasks: list[str] = []
        self.edges: list[Edge] = []
        self.functions: dict[str, str] = {}
        self.constants: dict[str, dict[str, Any]] = {}
        self.inputs: dict[str, Any] = dict(flow.inputs)
        self.parts: dict[str, Part] = {}
        self.homes: dict[str, Mapping[str, Any]] = {}
        self.places: dict[Any, tuple[Flow, Any]] = {}

    def add_task(self, task: str) -> None:
        """Take over a task as it is."""
        flow = self._flow
        self.tasks.append(task)
        self.functions[task] = flow.function_of(task)
        if task in flow.constants:
            self.constants[task] = dict(flow.constants[task])
        if task in flow.homes:
            self.homes[task] = flow.homes[task]

    def add(self, inner: _Inner) -> None:
        """Take over the tasks of a flow, and how they are tied."""
        flow, prefix = inner.flow, inner.name
        for task in flow.tasks:
            name = f"{prefix}.{task}"
            self.tasks.append(name)
            self.functions[name] = flow.function_of(task)
            self.places[name] = flow, task
            home = flow.homes.get(task, self._flow.homes.get(prefix))
            if home is not None:
                self.homes[name] = home
            for parameter, value in flow.constants.get(task, {}).items():
                if isinstance(value, InputName) and value.name in flow.inputs:
                    taken = Taken(Edge(value.name, task), parameter)
                    self._give(inner, taken)
                else:
                    self.constants.setdefault(name, {})[parameter] = value
        for name, default in inner.lifted.items():
            self.inputs[name] = default
            self.places[name] = flow, name.removeprefix(f"{prefix}.")
        tied = {each.edge: each for each in inner.taken}
        for edge in flow.edges:  # their order decides arguments
            if edge.source not in flow.inputs:
                self._add_inner(inner, edge)
            else:
                self._give(inner, tied.pop(edge, Taken(edge, None)))
        for each in tied.values():
            self._give(inner, each)
        for name, part in flow.parts.items():
            self.parts[f"{prefix}.{name}"] = part._replace(task=f"{prefix}.{part.task}")
        if inner.result == prefix:
            self.tasks.append(prefix)
            self.functions[prefix] = gathered.__name__
            self.homes[prefix] = {gathered.__name__: gathered}
            for task in flow.last_tasks:
                kind: EdgeKind = "each" if task in inner.by_item else "result"
                source = f"{prefix}.{task}"
                self.edges.append(
                    Edge(source, prefix, kind, optional=inner.may_skip(task), parameter=task)
                )

    def _give(self, inner: _Inner, taken: Taken) -> None:
        """Tie a task to what an input is: to an edge, a constant or an input of the whole."""
        edge, parameter = taken
        name, bound = f"{inner.name}.{edge.target}", inner.bound[edge.source]
        is_plain = edge.kind == "result" and edge.key is None
        if bound.edge is None:
            if is_plain and parameter is not None:
                self.constants.setdefault(name, {})[parameter] = bound.value
                return
            value = bound.value
            if isinstance(value, Constant):
                fixed = f"{inner.name}.{edge.source}"
                self.inputs[fixed] = value
                value = InputName(fixed)
            assert value is not None
            made = edge._replace(source=value.name, target=name, parameter=parameter)
            self.edges.append(made)
            self.places[made] = inner.flow, edge
            return
        outer = bound.edge
        if outer.kind in MAPPED and edge.kind in MAPPED:
            raise self._map_in_map(inner, edge)
        if edge.source in inner.by_item and (edge.kind in CONDITIONS or edge.key is not None):
            self._add_item(inner, edge.source, outer)
            optional = edge.optional or outer.optional
            self._add_inner(inner, edge._replace(optional=optional, parameter=parameter), edge)
            return
        if outer.key is not None and edge.key is not None:
            raise FlowError(
                f"'{name}' takes a part of the input that '{outer}' gives, which is a part already",
                remedy="take one of the two inside a task",
                **self._flow.at(outer),
            )
        made = edge._replace(
            source=outer.source, target=name, parameter=parameter,
            key=outer.key if edge.key is None else edge.key,
            optional=edge.optional or outer.optional,
            kind=outer.kind if edge.kind == "result" else edge.kind,
        )  # fmt: skip
        self.edges.append(made)
        self.places[made] = self._flow, outer

    def _add_item(self, inner: _Inner, name: str, outer: Edge) -> None:
        """Add a task that gives the item which an input is, for conditions to look at."""
        task = f"{inner.name}.{name}"
        made = outer._replace(target=task, parameter="item")
        if task not in self.functions:
            self.tasks.append(task)
            self.edges.append(made)
            self.functions[task] = itself.__name__
            self.homes[task] = {itself.__name__: itself}
            self.places |= {task: (inner.flow, name), made: (self._flow, outer)}

    def _add_inner(self, inner: _Inner, edge: Edge, place: Edge | None = None) -> None:
        """Take over an edge between two tasks of a flow in the flow; `place` is it as written."""
        prefix, by_item, key = inner.name, edge.source in inner.by_item, edge.key
        if isinstance(key, str) and key in inner.flow.parts:
            key = f"{prefix}.{key}"
        ends = f"{prefix}.{edge.source}", f"{prefix}.{edge.target}"
        made = edge._replace(source=ends[0], target=ends[1], key=key)
        if by_item and edge.kind not in CONDITIONS:
            if edge.kind in MAPPED:
                raise self._map_in_map(inner, edge)
            made = made._replace(kind="each_wait" if edge.kind == "wait" else "each")
        elif by_item:
            waits = Edge(made.source, made.target, "each_wait", optional=edge.optional)
            if waits not in self.edges:
                self.edges.append(waits)
        self.edges.append(made)
        self.places[made] = inner.flow, place or edge

    def _map_in_map(self, inner: _Inner, edge: Edge) -> FlowError:
        name = inner.flow.name
        return FlowError(
            f"the flow '{name}' runs once for each item, and '{edge}' in it maps the items of "
            "that: a map in a map",
            remedy=f"write a function for it, 'def {name.lower()}_of(item): "
            f"return run({name}, item).result', and map that",
            **self._flow.at(inner.name),
        )

    def tie(self, edge: Edge, inner: Mapping[str, _Inner]) -> None:
        """Take over an edge of the flow itself."""
        source, target = inner.get(edge.source), inner.get(edge.target)
        sources = [edge]
        if source is not None:
            if edge.kind == "wait":
                lasts = source.flow.last_tasks
                sources = [edge._replace(source=f"{source.name}.{task}") for task in lasts]
            elif edge.key in source.flow.last_tasks and source.result == source.name:
                sources = [edge._replace(source=f"{source.name}.{edge.key}", key=None)]
            else:
                sources = [edge._replace(source=source.result)]
        for one in sources:
            if target is None:
                targets = [one.target]
            elif edge.kind in WAITS or edge in target.plain:
                targets = [f"{target.name}.{task}" for task in target.first]
            else:
                self._move(edge, one, target)
                continue
            for name in targets:
                made = one._replace(target=name)
                self.edges.append(made)
                self.places[made] = self._flow, edge

    def _move(self, edge: Edge, one: Edge, target: _Inner) -> None:
        """Let what an input of a flow was tied to begin where the edge truly does."""
        for place, made in enumerate(self.edges):
            if self.places.get(made) == (self._flow, edge):
                key = one.key if edge.key is not None else made.key
                moved = made._replace(source=one.source, key=key)
                self.edges[place] = moved
                self.places[moved] = self._flow, edge

    def flow(self) -> Flow:
        """Return the flow."""
        flow = self._flow
        made = Flow(
            flow.name, self.edges, self.tasks, flow.description, self.functions, flow.source,
            constants=self.constants, inputs=self.inputs, parts=self.parts, written=flow.written,
        )  # fmt: skip
        return made.placed(self.homes, self.places)


class _Inner:
    """A flow in the flow: where what leads to it goes.

    Attributes
    ----------
    first : list of str
        The tasks that nothing leads to.
    plain : set of Edge
        The edges to it that go to these tasks, and not to an input.
    bound : dict of str to _Bound
        What each input is.
    lifted : dict of str to object
        The inputs that nothing gives a value: they are inputs of the whole.
    taken : list
        Which parameters take which input.
    by_item : set of str
        The tasks that run once for each item, and inputs that are tasks.
    result : str
        The task whose result is that of the flow.
    """

    def __init__(self, name: str, outer: Flow, flow: Flow, taken: list[Taken] | None) -> None:
        self.name, self.outer, self.flow = name, outer, flow
        self.first = [task for task in flow.tasks if not flow.upstream[task]]
        brought = [edge for edge in outer.incoming[name] if edge.kind not in WAITS]
        self.plain = set() if flow.inputs else set(brought)
        self.bound = self._bind(brought) if flow.inputs else {}
        self.lifted: dict[str, Any] = {}
        for key, default in flow.inputs.items():
            if key not in self.bound:
                self.lifted[f"{name}.{key}"] = default
                self.bound[key] = _Bound(value=InputName(f"{name}.{key}"))
        if taken is None:  # nothing is known of its functions: it is only to be drawn
            given = [e for e in flow.edges if e.source in flow.inputs and e.kind not in WAITS]
            known = {edge.source for edge in given}
            free = [key for key, one in self.bound.items() if one.edge and key not in known]
            given += [Edge(key, task) for key in free for task in self.first]
            taken = [Taken(edge, None) for edge in given]
        self.taken = taken
        if any(edge.kind == "product" for edge in brought):
            raise FlowError(
                f"'product' leads to one task, and '{name}' is a flow",
                remedy="write a task that takes the parts, and map the flow over its results: "
                f"'[a, b] -> product pair -> map {flow.name}'",
                **outer.at(name),
            )
        self.by_item = self._by_item(brought)
        lasts = flow.last_tasks
        self.result = f"{name}.{lasts[0]}" if len(lasts) == 1 else name
        if any("." not in task and task == name for task in lasts) and len(lasts) > 1:
            raise FlowError(f"the flow '{name}' has a last task of its own name")

    def _bind(self, brought: list[Edge]) -> dict[str, _Bound]:
        """Give the inputs what leads to the flow, and its constants, by the rules of binding."""
        name, inputs = self.name, self.flow.inputs
        bound: dict[str, _Bound] = {}
        for key, value in self.outer.constants.get(name, {}).items():
            if key not in inputs:
                raise BindingError(
                    f"the flow '{self.flow.name}' has no input '{key}'",
                    remedy=suggestion(key, inputs) or f"its inputs are {listed(list(inputs))}",
                    **self.outer.at((name, key)),
                )
            bound[key] = _Bound(value=value)
        left: list[Edge] = []
        for edge in brought:
            words = (local_name(edge.source, name), str(edge.key))
            word = next((word for word in words if word in inputs and word not in bound), None)
            if word is None:
                left.append(edge)
            else:
                bound[word] = _Bound(edge)
        free = [key for key in inputs if key not in bound]
        needed = [key for key in free if inputs[key] is None]
        names = needed if len(needed) == len(left) else free
        if len(names) < len(left) or (len(names) != len(left) and left and len(needed) > len(left)):
            raise BindingError(
                f"the flow '{self.flow.name}' has the inputs {listed(list(inputs))}, and "
                f"{listed([edge.origin for edge in left])} cannot all be given to one each",
                remedy="name an input after the task that gives it, or give the flow as many "
                "inputs as results lead to it",
                **self.outer.at(left[0]),
            )
        bound |= {key: _Bound(edge) for key, edge in zip(names, left, strict=False)}
        return bound

    def _by_item(self, brought: Iterable[Edge]) -> set[str]:
        flow = self.flow
        mapped = [edge for edge in brought if edge.kind in MAPPED]
        if not mapped:
            return set()
        found = set(self.first) if self.plain else set()
        items = {key for key, one in self.bound.items() if one.edge and one.edge.kind in MAPPED}
        found.update(taken.edge.target for taken in self.taken if taken.edge.source in items)
        for task, given in flow.constants.items():
            if any(isinstance(v, InputName) and v.name in items for v in given.values()):
                found.add(task)
        for edge in flow.edges:
            if edge.source in items and (edge.kind in CONDITIONS or edge.key is not None):
                found |= {edge.source, edge.target}
        for task in flow.order:
            if any(edge.source in found for edge in flow.upstream[task]):
                found.add(task)
        return found

    def may_skip(self, task: str) -> bool:
        """Tell whether a task may be left out by a condition, its own or that of another."""
        flow = self.flow
        tasks = {task, *flow.ancestors(task)}
        return any(e.kind in CONDITIONS for each in tasks for e in flow.incoming[each])
