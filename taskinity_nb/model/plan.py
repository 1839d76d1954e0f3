"""A plan is a flow with its functions and the source of each parameter, compiled once.

A run keeps its values in one list of slots: the tasks' results, then the constants of the plan; an
argument is the number of its slot. `binding` decides which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ..errors import BindingError, listed, suggestion
from ..values import collected, for_several, picked
from ..values import listed as as_list
from .flow import Edge, Flow
from .refs import is_ref
from .saving.functions import parts_of_plan
from .saving.values import Saver
from .signature import Signature
from .task import Task

__all__ = ["Binding", "Call", "Origin", "Plan", "edge_to_add"]

MISSING_KEY = object()


class Origin(NamedTuple):
    """Where an argument comes from: the slot of its value, and what is picked of it."""

    slot: int
    kind: Literal["result", "item", "input", "inputs", "default"]
    name: str
    key: str | None = None

    def value(self, values: Sequence[Any], item: Any = None) -> Any:
        """Return the argument: the item, the value of the slot, or a key or attribute of it."""
        if self.kind == "item":
            return item
        return self.whole(values)

    def whole(self, values: Sequence[Any]) -> Any:
        """Return the value of the slot, or a key or attribute of it; of an item, all items."""
        whole = values[self.slot]
        if is_ref(whole) and self.key is not None:
            whole = whole.fetch()
        if self.key is None:
            return whole
        found = picked(whole, self.key, MISSING_KEY)
        if found is not MISSING_KEY:
            return found
        if isinstance(whole, Mapping):
            kind, known = "key", [str(key) for key in whole]
        else:
            kind, known = "attribute", [name for name in dir(whole) if not name.startswith("_")]
        raise BindingError(
            f"the result of '{self.name}', a {type(whole).__name__}, has no {kind} '{self.key}'",
            remedy=suggestion(self.key, known) or f"it has {listed(known)}",
        )

    def __str__(self) -> str:
        if self.kind == "item":
            return f"each item of {self._replace(kind='result')}"
        if self.key is not None:
            return f"'{self.key}' of the result of {self.name}"
        if self.kind == "inputs":
            return "the flow's inputs"
        return {"result": "result of {}", "input": "input {!r}", "default": "its default"}[
            self.kind
        ].format(self.name)


class Call(NamedTuple):
    """How one task is called.

    Attributes
    ----------
    name : str
        Name of the task in the flow.
    task : Task
        Its function and options.
    signature : Signature
        What its function takes.
    positional : tuple of (str, Origin)
        Parameters that are passed by position.
    keywords : tuple of (str, Origin)
        Parameters that are passed by name.
    late : tuple of str
        Parameters that are filled from the keys of `mappings`, once these are known (rule 4).
    optional : tuple of str
        Likewise, but they have a default.
    mappings : tuple of Origin
        Results whose keys fill `late` and `optional`.
    """

    name: str
    task: Task
    signature: Signature
    positional: tuple[tuple[str, Origin], ...] = ()
    keywords: tuple[tuple[str, Origin], ...] = ()
    late: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    mappings: tuple[Origin, ...] = ()

    @property
    def is_simple(self) -> bool:
        """Whether the arguments are just the values of some slots."""
        if self.keywords or self.mappings:
            return False
        return not any(origin.key or origin.kind == "item" for _, origin in self.positional)

    def from_keys(self, values: Sequence[Any], flow: Flow, item: Any = None) -> dict[str, Any]:
        """Return the arguments that come from the keys of results (rule 4).

        Raises
        ------
        BindingError
            If a result is no mapping, two of them hold a parameter's key, or none does.
        """
        found: dict[str, Any] = {}
        holders: dict[str, str] = {}
        results: list[Mapping[str, Any]] = []
        for origin in self.mappings:
            result = origin.value(values, item)
            if is_ref(result):
                result = result.fetch()
            if not isinstance(result, Mapping):
                raise self._no_mapping(origin, result, flow)
            results.append(result)
            for key in (*self.late, *self.optional):
                if key in result:
                    if key in holders:
                        raise self._error(
                            flow,
                            f"finds '{key}' in two results, "
                            f"that of '{holders[key]}' and that of '{origin.name}'",
                            "rename one of the keys, or name the parameter after a task",
                        )
                    holders[key] = origin.name
                    found[key] = result[key]
        for key in self.late:
            if key not in found:
                held = [str(key) for result in results for key in result]
                raise self._error(
                    flow,
                    f"has no value for '{key}'; the result of {self._sources} has "
                    f"the keys {listed(held)}",
                    edge_to_add(flow, self.name, key)
                    or suggestion(key, held)
                    or f"let a task in front of it return a dict with the key '{key}', "
                    "or give the parameter a default",
                )
        return found

    @property
    def _sources(self) -> str:
        return " and ".join(f"'{origin.name}'" for origin in self.mappings)

    def _no_mapping(self, origin: Origin, result: Any, flow: Flow) -> BindingError:
        edges = (edge_to_add(flow, self.name, parameter) for parameter in self.late)
        several = len(self.mappings) > 1
        return self._error(
            flow,
            f"cannot take the result{'s' if several else ''} of {self._sources} for "
            f"{_named(self.late, 'parameter')}: their number differs, so only the keys of a "
            f"mapping could do, and '{origin.name}' returned {type(result).__name__}",
            next(filter(None, edges), "")
            or f"give the function one parameter for each result, or let '{origin.name}' return "
            f"a dict with the {_named(self.late, 'key')}",
        )

    def _error(self, flow: Flow, what: str, remedy: str) -> BindingError:
        message = f"task '{self.name}': {self.signature.text(self.name)} {what}"
        return BindingError(message, remedy=remedy, **flow.at(self.name))


def _named(names: Sequence[str], what: str) -> str:
    return f"{what}{'s' if len(names) > 1 else ''} {listed(names)}"


def edge_to_add(flow: Flow, name: str, parameter: str) -> str:
    """Say how the task `name` can get the result that its parameter is named after, if it is.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "clean"), ("clean", "report")])
    >>> edge_to_add(flow, "report", "load_result")
    "add the edge 'load -> report'"
    """
    names = (parameter, parameter.removesuffix("_result"))
    source = next((name for name in names if name in flow.upstream), None)
    if source is None:
        return ""
    if source == name:
        return f"'{name}' cannot receive its own result"
    if name in flow.ancestors(source):
        return f"'{source}' comes after '{name}', so it cannot give it a value"
    edge = f"{source} -> {name}"
    if any(e.source == source and e.kind == "wait" for e in flow.upstream[name]):
        return f"'{name}' only waits for '{source}': write '{edge}' instead of the dotted arrow"
    if source in flow.ancestors(name):
        return f"add the edge '{edge}'"
    return f"'{source}' is a task of the flow: add the edge '{edge}'"


class Binding(NamedTuple):
    """A function as a task of a flow calls it; one object for all tasks that have it."""

    task: Task
    signature: Signature


class Plan:
    """A flow with its functions and the source of each parameter.

    A flow of many tasks has mostly such as take what is upstream in order. Of these the plan knows
    the slots that fill the parameters; their `Call` is made when somebody asks for it.

    Attributes
    ----------
    flow : Flow
        The flow.
    bindings : list of Binding
        The function of each task, in the order of ``flow.tasks``.
    slots : list of (tuple of int, or None)
        For each task, the slots of its arguments, if these are just the values of some slots.
    calls : Calls
        How each task is called.
    constants : tuple
        Values that are known before the run; they follow the results in the list of slots.
    index : dict of str to int
        The slot of each task.
    """

    def __init__(
        self,
        flow: Flow,
        bindings: list[Binding],
        slots: list[tuple[int, ...] | None],
        calls: dict[int, Call],
        constants: tuple[Any, ...],
    ) -> None:
        self.flow = flow
        self.bindings = bindings
        self.slots = slots
        self.constants = constants
        self.index = flow.structure.index
        self.calls = Calls(self, calls)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The tasks, each after those it waits for."""
        return self.flow.order

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The functions, each once."""
        return tuple({id(binding): binding.task for binding in self.bindings}.values())

    @cached_property
    def maps(self) -> dict[int, Edge]:
        """The edge over whose items each mapped task runs, by the task's slot."""
        return {self.index[edge.target]: edge for edge in self.flow.edges if edge.kind == "map"}

    def stream_of(self, name: str) -> str | None:
        """Return the mapped task whose items a mapped task takes one by one, if there is one."""
        edge = self.maps.get(self.index[name])
        is_stream = edge is not None and edge.key is None and self.index[edge.source] in self.maps
        return edge.source if edge is not None and is_stream else None

    def items_origin(self, index: int) -> Origin:
        """Return where the items of a mapped task come from."""
        edge = self.maps[index]
        return Origin(self.index[edge.source], "item", edge.source, edge.key)

    def streams(self, mapped: Collection[int]) -> dict[int, int]:
        """Return for those of the `mapped` tasks that take items of another of them: which one."""
        of = {task: self.stream_of(self.flow.tasks[task]) for task in mapped}
        sources = {task: self.index[name] for task, name in of.items() if name is not None}
        return {task: source for task, source in sources.items() if source in mapped}

    @cached_property
    def listed(self) -> frozenset[int]:
        """The tasks whose result is mapped over; that of a mapped task is a list already."""
        sources = (self.index[edge.source] for edge in self.maps.values() if not edge.key)
        return frozenset(source for source in sources if source not in self.maps)

    @cached_property
    def shared(self) -> frozenset[int]:
        """The tasks whose result, or that of each item, goes to more than one task or item."""
        takers: dict[str, int] = {}
        for edge in self.flow.edges:
            if edge.kind != "wait" and edge.key is None:
                goes_to_each = edge.kind != "map" and self.index[edge.target] in self.maps
                takers[edge.source] = takers.get(edge.source, 0) + 1 + goes_to_each
        return frozenset(self.index[name] for name, number in takers.items() if number > 1)

    def finish(self, index: int) -> Callable[[Any], Any]:
        """Return what makes of the result of a task, or of an item, what is handed on."""
        if index in self.listed:
            return as_list
        return for_several if index in self.shared else collected

    def arguments(
        self, index: int, values: Sequence[Any], item: Any = None
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a task, given the values of all slots.

        Parameters
        ----------
        index : int
            Slot of the task.
        values : sequence
            The slots.
        item : object, optional
            The item, of a mapped task.

        Raises
        ------
        BindingError
            If a parameter is to be filled from a result's keys, and they do not fit.
        """
        slots = self.slots[index]
        if slots is not None:
            return [values[slot] for slot in slots], {}
        call = self.calls[index]
        keywords = {name: origin.value(values, item) for name, origin in call.keywords}
        if call.mappings:
            keywords |= call.from_keys(values, self.flow, item)
        return [origin.value(values, item) for _, origin in call.positional], keywords

    def saved(self, saver: Saver) -> tuple[Any, ...]:
        """Return how it is pickled: functions by their names, constants by `saver`."""
        parts = self.bindings, self.calls.known, self.constants
        bindings, known, constants = parts_of_plan(*parts, saver)
        return Plan, (self.flow, bindings, self.slots, known, constants)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.saved(Saver(is_strict=False))

    def __copy__(self) -> Plan:
        return self  # nothing of it ever changes

    def __deepcopy__(self, _: Any) -> Plan:
        return self

    def __repr__(self) -> str:
        from .annotations.misfits import remarks

        lines, said = [self.flow.name], remarks(self)
        for call in self.calls:
            text = call.signature.text(call.name)
            called = "" if text.startswith(f"{call.name}(") else f"{call.name}: "
            lines.append(f"  {called}{text}")
            rows = [(name, str(origin)) for name, origin in call.positional + call.keywords]
            keys = " or ".join(origin.name for origin in call.mappings)
            rows += [(name, f"key {name!r} of the result of {keys}") for name in call.late]
            rows += [
                (name, f"key {name!r} of the result of {keys}, or its default")
                for name in call.optional
            ]
            width = max((len(name) for name, _ in rows), default=0)
            lines += [f"    {name:<{width}}  <- {origin}" for name, origin in rows]
            lines += [
                f"    (waits for {edge.source})"
                for edge in self.flow.upstream[call.name]
                if edge.kind == "wait" or not rows
            ]
            lines += said.get(call.name, [])
        return "\n".join(lines)


class Calls(Sequence[Call]):
    """How each task of a plan is called; what is not known yet is made when it is asked for."""

    def __init__(self, plan: Plan, known: dict[int, Call]) -> None:
        self._plan = plan
        self.known = known

    def __len__(self) -> int:
        return len(self._plan.bindings)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        call = self.known.get(index)
        if call is None:
            call = self.known[index] = self._make(range(len(self))[index])
        return call

    def __iter__(self) -> Iterator[Call]:
        return (self[i] for i in range(len(self)))

    def _make(self, index: int) -> Call:
        plan = self._plan
        tasks, slots, (task, signature) = plan.flow.tasks, plan.slots[index], plan.bindings[index]
        assert slots is not None
        names = [f"*{signature.star}"] * len(slots) if signature.star else signature.ordered
        origins = (Origin(slot, "result", tasks[slot]) for slot in slots)
        return Call(tasks[index], task, signature, tuple(zip(names, origins, strict=True)))
