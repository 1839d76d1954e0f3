"""A plan is a flow with its functions and the source of each parameter, compiled once.

A run keeps its values in one list of slots: the tasks' results, then the constants of the plan; an
argument is the number of its slot. `binding` decides which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ..values import Key, collected, for_several, gathered
from ..values import listed as as_list
from .extents.extent import WHOLE, Extent
from .flow import Edge, Flow
from .forms.call import Call
from .forms.edges import CONDITIONS, MAPPED, WAITS, condition
from .forms.items import Aligned
from .forms.origin import Origin
from .saving.functions import parts_of_plan, saved_flow
from .saving.values import Saver
from .signature import Signature
from .task import Task

__all__ = ["Binding", "Plan"]


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
    extent : Extent
        Which tasks run.
    """

    def __init__(
        self,
        flow: Flow,
        bindings: list[Binding],
        slots: list[tuple[int, ...] | None],
        calls: dict[int, Call],
        constants: tuple[Any, ...],
        inputs: Mapping[str, int] = MappingProxyType({}),
        extent: Extent = WHOLE,
    ) -> None:
        self.flow = flow
        self.bindings = bindings
        self.slots = slots
        self.constants = constants
        self.inputs = inputs
        self.extent = extent
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
    def left_out(self) -> dict[int, str]:
        """The slots of the tasks that do not run, and why."""
        return {self.index[name]: why for name, why in self.extent.left_out.items()}

    @cached_property
    def maps(self) -> dict[int, tuple[Edge, ...]]:
        """The edges over whose items each mapped task runs, by the task's slot."""
        maps: dict[int, tuple[Edge, ...]] = {}
        for edge in self.flow.special:
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
        # A part of a flow in the flow is called there by its own name.
        label = "" if edge.key is None else str(edge.key).rpartition(".")[2]
        within = self._around(edge.source, key) if isinstance(key, str) else ""
        return Origin(slot, kind, edge.source, key, label, None, edge.optional, within=within)

    def _around(self, source: str, key: str) -> str:
        """Return the flow in the flow whose result `source` gives, if a task in it is `key`."""
        groups = source, source.rpartition(".")[0]
        return next((group for group in groups if group and f"{group}.{key}" in self.index), "")

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
        for edge in self.flow.edges if any(each.optional for each in self.flow.special) else ():
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
        for edge in self.flow.special:
            if edge.kind in CONDITIONS:
                slot = self.index[edge.target]
                found[slot] = (*found.get(slot, ()), edge)
        return found

    @cached_property
    def gated(self) -> frozenset[int]:
        """The tasks of which it is known only when it is their turn whether they run."""
        optional = {self.index[edge.target] for edge in self.flow.special if edge.optional}
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
        saved = parts_of_plan(self.bindings, self.calls.known, self.constants, saver)
        bindings, known, constants = saved
        return Plan, (
            saved_flow(self.flow),
            bindings,
            self.slots,
            known,
            constants,
            dict(self.inputs),
            self.extent,
        )

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
            if not self.extent.runs(call.name):
                lines.append(f"  {call.name}: {self.extent.left_out.get(call.name, 'given')}")
                continue
            text = call.signature.text(call.name)
            if call.task.function is gathered:
                lines += [f"  {call.name}: a dict of its results", *_aligned(call.keywords)]
                continue
            called = "" if text.startswith(f"{call.name}(") else f"{call.name}: "
            lines.append(f"  {called}{text}")
            rows = [(name, str(origin)) for name, origin in call.positional + call.keywords]
            keys = " or ".join(origin.name for origin in call.mappings)
            rows += [(name, f"key {name!r} of the result of {keys}") for name in call.late]
            rows += [
                (name, f"key {name!r} of the result of {keys}, or its default")
                for name in call.optional
            ]
            lines += _aligned(rows)
            upstream = self.flow.upstream[call.name]
            conditions = [edge for edge in self.flow.incoming[call.name] if edge.kind in CONDITIONS]
            decide = {edge.source for edge in conditions}
            lines += [
                f"    (waits for {edge.source})"
                for edge in upstream
                if edge.kind == "wait"
                or (edge.kind == "each_wait" and edge.source not in decide)
                or not (rows or edge.kind in CONDITIONS)
            ]
            lines += [f"    (runs {condition(edge)})" for edge in conditions]
            lines += said.get(call.name, [])
        return "\n".join(lines)


def _aligned(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Return a line for each name and where it comes from."""
    told = list(rows)
    width = max((len(name) for name, _ in told), default=0)
    return [f"    {name:<{width}}  <- {origin}" for name, origin in told]


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
