"""A plan is a flow with its functions and the source of each parameter, compiled once.

A run keeps its values in one list of slots: the tasks' results, then the constants of the plan; an
argument is the number of its slot. `binding` decides which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ..errors import BindingError, listed, suggestion
from ..formatting import counted
from ..values import Key, collected, for_several, picked
from ..values import listed as as_list
from .flow import Edge, Flow
from .forms.edges import CONDITIONS, MAPPED, WAITS, condition
from .forms.items import Aligned
from .refs import MISSING, is_missing, is_ref
from .saving.functions import parts_of_plan
from .saving.values import Saver
from .signature import Signature
from .task import Task

__all__ = ["Binding", "Call", "Origin", "Plan", "edge_to_add"]


class Origin(NamedTuple):
    """Where an argument comes from: the slot of its value, and what is picked of it.

    Attributes
    ----------
    slot : int
        Where the value is.
    kind : str
        What it is: ``"item"`` of a mapped task, whose items are those of the value (or of what is
        picked of it); ``"each"``, for which it is the result of another mapped task for the same
        item.
    name : str
        What the task or the input is called.
    key : str, int or tuple, optional
        What is picked, as `values.picked` understands it.
    label : str
        What the part is called for which `key` stands.
    place : int, optional
        Where a task takes several items side by side: which of them.
    is_optional : bool
        Whether nothing may be there.
    default : int, optional
        The slot of what the argument is then; without it, there is no argument.
    """

    slot: int
    kind: Literal["result", "item", "each", "input", "inputs", "default", "constant"]
    name: str
    key: Key | None = None
    label: str = ""
    place: int | None = None
    is_optional: bool = False
    default: int | None = None

    @property
    def is_of_item(self) -> bool:
        """Whether it differs from item to item."""
        return self.kind in ("item", "each")

    def value(self, values: Sequence[Any], item: Any = None) -> Any:
        """Return the argument: the item, the value of the slot, or a key or attribute of it.

        It is `MISSING` where nothing is there and may be so.
        """
        if not self.is_of_item:
            found = self.whole(values)
        else:
            found = item if self.place is None else item[self.place]
            if self.kind == "each":
                found = self._picked(found)
        return values[self.default] if self.default is not None and found is MISSING else found

    def whole(self, values: Sequence[Any]) -> Any:
        """Return the value of the slot, or a key or attribute of it; of an item, all items."""
        return self._picked(values[self.slot])

    def _picked(self, whole: Any) -> Any:
        if self.key is None or is_missing(whole):
            return whole
        if is_ref(whole):
            whole = whole.fetch()
        found = picked(whole, self.key, MISSING)
        if found is not MISSING or self.is_optional:
            return found
        raise self._nothing_there(whole)

    def _nothing_there(self, whole: Any) -> BindingError:
        kind = type(whole).__name__
        what = "input" if self.kind == "input" else "result of"
        if isinstance(self.key, tuple):
            names = [name for name in self.key[1] if name != "_"]
            came = f"a {kind}"
            if hasattr(whole, "__len__"):
                came += f" with {counted(len(whole), 'element')}"
            if isinstance(whole, Mapping):
                came = f"a {kind} with {_named([str(key) for key in whole], 'key')}"
            return BindingError(
                f"the {what} '{self.name}' has no parts {listed(names)}: it is {came}",
                remedy=f"let '{self.name}' return {len(self.key[1])} values, "
                f"or a dict with the keys {listed(names)}",
            )
        known: list[str]
        if isinstance(self.key, int):
            length = f", which has {counted(len(whole), 'element')}" if _sized(whole) else ""
            return BindingError(
                f"the {what} '{self.name}', a {kind}{length}, has no element {self.key}",
                remedy="positions count from 0",
            )
        if isinstance(whole, Mapping):
            word, known = "key", [str(key) for key in whole]
        else:
            word, known = "attribute", [name for name in dir(whole) if not name.startswith("_")]
        return BindingError(
            f"the {what} '{self.name}', a {kind}, has no {word} '{self.key}'",
            remedy=suggestion(self.key or "", known) or f"it has {listed(known)}",
        )

    def __str__(self) -> str:
        there = ", if there is one" if self.is_optional else ""
        if self.is_of_item:
            what = str(self._replace(kind="result", is_optional=False))
            return (
                f"{'each item of' if self.kind == 'item' else 'for the same item,'} {what}{there}"
            )
        if self.kind == "inputs":
            return "the flow's inputs"
        if self.kind in ("default", "constant"):
            return "its default" if self.kind == "default" else f"the constant {self.name}"
        whole = f"input {self.name!r}" if self.kind == "input" else f"result of {self.name}"
        if self.key is None:
            return f"{whole}{there}"
        if isinstance(self.key, tuple):
            return f"part '{self.label}' of the {whole}{there}"
        what = f"element {self.key}" if isinstance(self.key, int) else f"'{self.key}'"
        return f"{what} of the {whole}{there}"


def _sized(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "shape")


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
        return not any(
            origin.key is not None or origin.is_of_item or origin.is_optional
            for _, origin in self.positional
        )

    def present(self, values: Sequence[Any], item: Any = None) -> Call:
        """Return the call without what it may take, and which is not there."""
        return self._replace(
            positional=tuple([o for o in self.positional if _is_there(o[1], values, item)]),
            keywords=tuple([o for o in self.keywords if _is_there(o[1], values, item)]),
        )

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
            if origin.is_of_item and isinstance(result, (tuple, list)):
                if len(self.mappings) == 1 and len(result) == len(self.late):
                    return dict(zip(self.late, result, strict=True))
                raise self._no_spread(origin, result, flow)
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

    def _no_spread(self, origin: Origin, item: Sequence[Any], flow: Flow) -> BindingError:
        return self._error(
            flow,
            f"cannot take an item of '{origin.name}' for {_named(self.late, 'parameter')}: "
            f"it is a {type(item).__name__} with {counted(len(item), 'element')}",
            f"let each item be a tuple of {len(self.late)} values, or give the function as many "
            "parameters without a default as an item has elements",
        )

    def _no_mapping(self, origin: Origin, result: Any, flow: Flow) -> BindingError:
        edges = (edge_to_add(flow, self.name, parameter) for parameter in self.late)
        several = len(self.mappings) > 1
        return self._error(
            flow,
            f"cannot take the result{'s' if several else ''} of {self._sources} for "
            f"{_named(self.late, 'parameter')}: their number differs, so only the keys of a "
            f"mapping could do, and '{origin.name}' returned {type(result).__name__}",
            next(filter(None, edges), "")
            or self._parts_to_name(origin, result)
            or f"give the function one parameter for each result, or let '{origin.name}' return "
            f"a dict with the {_named(self.late, 'key')}",
        )

    def _parts_to_name(self, origin: Origin, result: Any) -> str:
        """Say how the parts of a tuple go to the parameters, if there are as many."""
        if not isinstance(result, (tuple, list)) or origin.key is not None:
            return ""
        if len(self.mappings) > 1 or len(result) != len(self.late):
            return ""
        names = ", ".join(self.late)
        return (
            f"name the parts of the {type(result).__name__}: '{names} = {origin.name}', "
            f"and '[{names}] -> {self.name}'"
        )

    def _error(self, flow: Flow, what: str, remedy: str) -> BindingError:
        message = f"task '{self.name}': {self.signature.text(self.name)} {what}"
        return BindingError(message, remedy=remedy, **flow.at(self.name))


def _is_there(origin: Origin, values: Sequence[Any], item: Any) -> bool:
    if not origin.is_optional or origin.default is not None:
        return True
    return origin.value(values, item) is not MISSING


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
    inputs : mapping of str to int
        The slots of those inputs of the flow that arrows come from.
    """

    def __init__(
        self,
        flow: Flow,
        bindings: list[Binding],
        slots: list[tuple[int, ...] | None],
        calls: dict[int, Call],
        constants: tuple[Any, ...],
        inputs: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.flow = flow
        self.bindings = bindings
        self.slots = slots
        self.constants = constants
        self.inputs = inputs
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
    def maps(self) -> dict[int, tuple[Edge, ...]]:
        """The edges over whose items each mapped task runs, by the task's slot."""
        maps: dict[int, tuple[Edge, ...]] = {}
        for edge in self.flow.edges:
            if edge[2] in MAPPED:
                slot = self.index[edge.target]
                maps[slot] = (*maps.get(slot, ()), edge)
        return maps

    @cached_property
    def _items(self) -> Aligned:
        return Aligned(self.flow, self.index, self.maps)

    def stream_of(self, name: str) -> str | None:
        """Return the first of the mapped tasks whose items a mapped task takes one by one."""
        sources = self._items.streams.get(self.index[name])
        return self.flow.tasks[sources[0]] if sources else None

    def items_origins(self, index: int) -> list[Origin]:
        """Return where the items of a mapped task come from, for each edge that brings some."""
        return [self.origin_of(edge) for edge in self.maps[index] if edge.kind != "each_wait"]

    def origin_of(self, edge: Edge) -> Origin:
        """Return where what an edge brings comes from."""
        key: Key | None = edge.key
        part = self.flow.parts.get(edge.key) if isinstance(edge.key, str) else None
        if part is not None and part.task == edge.source:
            index = part.key
            key = (index, part.names) if part.names and isinstance(index, int) else index
        kind: Literal["result", "item", "each", "input"] = "result"
        if edge.kind in MAPPED:
            kind = "each" if edge.kind == "each" else "item"
        slot = self.index.get(edge.source)
        if slot is None:
            slot, kind = self.inputs[edge.source], "item" if kind == "item" else "input"
        label = "" if edge.key is None else str(edge.key)
        return Origin(slot, kind, edge.source, key, label, None, edge.optional)

    def streams(self, mapped: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Return for those of the `mapped` tasks that take items of others of them: which."""
        found = {
            task: tuple(source for source in sources if source in mapped)
            for task, sources in self._items.streams.items()
            if task in mapped
        }
        return {task: sources for task, sources in found.items() if sources}

    def is_stream(self, edge: Edge) -> bool:
        """Tell whether a mapped task takes the items of an edge one by one, as they come."""
        sources = self._items.streams.get(self.index[edge.target], ())
        return self.index.get(edge.source) in sources and edge in self._items.one_by_one

    @cached_property
    def tolerant(self) -> dict[int, frozenset[int]]:
        """The tasks that go on where one before them has no result, by the slot of that one."""
        found: dict[int, set[int]] = {}
        strict: set[tuple[int, int]] = set()
        for edge in self.flow.edges:
            source = self.index.get(edge.source)
            if source is None:
                continue
            pair = source, self.index[edge.target]
            if edge.optional:
                found.setdefault(source, set()).add(pair[1])
            else:
                strict.add(pair)
        return {
            source: frozenset(t for t in targets if (source, t) not in strict)
            for source, targets in found.items()
        }

    @cached_property
    def conditions(self) -> dict[int, tuple[Edge, ...]]:
        """The conditions of each task that has some, as edges, by the task's slot."""
        found: dict[int, tuple[Edge, ...]] = {}
        for edge in self.flow.edges:
            if edge.kind in CONDITIONS:
                slot = self.index[edge.target]
                found[slot] = (*found.get(slot, ()), edge)
        return found

    @cached_property
    def gated(self) -> frozenset[int]:
        """The tasks of which it is known only when it is their turn whether they run."""
        optional = {self.index[edge.target] for edge in self.flow.edges if edge.optional}
        return frozenset(optional | self.conditions.keys())

    @cached_property
    def listed(self) -> frozenset[int]:
        """The tasks whose result is mapped over; that of a mapped task is a list already."""
        edges = [edge for edges in self.maps.values() for edge in edges if edge.key is None]
        sources = (self.index.get(edge.source) for edge in edges if edge.kind != "each_wait")
        return frozenset(s for s in sources if s is not None and s not in self.maps)

    @cached_property
    def shared(self) -> frozenset[int]:
        """The tasks whose result, or that of each item, goes to more than one task or item."""
        takers: dict[str, int] = {}
        for edge in self.flow.edges:
            if edge[2] not in WAITS and edge.key is None:
                goes_to_each = edge.kind not in MAPPED and self.index[edge.target] in self.maps
                takers[edge.source] = takers.get(edge.source, 0) + 1 + goes_to_each
        several = [name for name, number in takers.items() if number > 1]
        return frozenset(self.index[name] for name in several if name in self.index)

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
        if index in self.gated:
            call = call.present(values, item)
        keywords = {name: origin.value(values, item) for name, origin in call.keywords}
        if call.mappings:
            keywords |= call.from_keys(values, self.flow, item)
        return [origin.value(values, item) for _, origin in call.positional], keywords

    def saved(self, saver: Saver) -> tuple[Any, ...]:
        """Return how it is pickled: functions by their names, constants by `saver`."""
        parts = self.bindings, self.calls.known, self.constants
        bindings, known, constants = parts_of_plan(*parts, saver)
        return Plan, (self.flow, bindings, self.slots, known, constants, dict(self.inputs))

    def __reduce__(self) -> tuple[Any, ...]:
        return self.saved(Saver(is_strict=False))

    def __copy__(self) -> Plan:
        return self  # nothing of it ever changes

    def __deepcopy__(self, _: Any) -> Plan:
        return self

    def __repr__(self) -> str:
        lines = [self.flow.name]
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
                if edge.kind in ("wait", "each_wait") or not (rows or edge.kind in CONDITIONS)
            ]
            lines += [
                f"    (runs {condition(edge)})"
                for edge in self.flow.incoming[call.name]
                if edge.kind in CONDITIONS
            ]
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
