"""How results become arguments: each parameter of a task is filled by the first rule that fits.

0. The text gives it a constant.
1. It is named after an upstream task (``split``, or ``split_result``): that task's result; or
   after the part that an edge picks (``split.left -> work``).
2. The parameters without a default that are still unfilled are as many as the results that are not
   yet taken: the results fill them, in the order in which the text gives the edges.
3. It is named after a key of the flow's inputs (``"load.path"`` addresses one task); then, if the
   counts agree, the results left fill the rest in order, and those that may be missing fill what
   has a default, in order. If all parameters have defaults, results fill the first ones in order.
4. The results left are mappings: it is filled from their keys by name, when they are known. An item
   may be a tuple, whose elements fill the parameters in order.
5. Inputs that are no mapping go whole to the only parameter without a default of each task without
   upstream; a mapping goes whole to a parameter called ``inputs`` or ``input_data``.
6. ``*args`` takes the results that are left, ``**kwargs`` takes them by task name; parameters
   without a default in front of ``*args`` come first, those behind it take no result by its place.

What is left over, or missing, is an error before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter
from types import ModuleType
from typing import Any, Literal

from ..errors import BindingError
from ..strangers import is_interrupt
from .extents.absent import NOBODY, Absent
from .extents.extent import WHOLE, Choose, Extent
from .flow import Flow
from .forms.call import Call, fill_first, fill_with_what_there_is
from .forms.edges import MAPPED, WAITS, local_name
from .forms.expand import with_flows
from .forms.literals import InputName
from .forms.misfits import Misfits, with_defaults
from .forms.origin import Origin
from .lookup import find_tasks, not_looked_at
from .plan import Binding, Plan
from .signature import Signature
from .task import Task

__all__ = ["WHOLE_INPUTS", "resolve"]

ANY_NUMBER = -1
"""How many results ``*args`` takes."""

WHOLE_INPUTS = ("inputs", "input_data")
"""Parameters that get all inputs at once."""


def resolve(
    flow: Flow,
    inputs: Any = None,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    choose: Choose | None = None,
) -> Plan:
    """Find the function of each task and the source of each of its parameters.

    Parameters
    ----------
    flow : Flow
        The names.
    inputs : object, optional
        The inputs of the flow; None means that there are none.
    namespace : mapping of str to callable, or module, optional
        Where the functions are; by default ``__main__`` (the notebook), then the registered tasks.
        What is not callable is passed over, also in the parts of a `ChainMap`.
    choose : callable, optional
        Returns which tasks of the flow run; the others need no functions and no arguments.

    Raises
    ------
    UnknownTaskError
        If a name has no function.
    BindingError
        If parameters, results and inputs do not fit together.

    Examples
    --------
    >>> def load(path): return [path]
    >>> def count(items): return len(items)
    >>> flow = Flow("Example", [("load", "count")])
    >>> resolve(flow, {"path": "data"}, {"load": load, "count": count})
    Example
      load(path)
        path  <- input 'path'
      count(items)
        items  <- result of load
    """
    known = inputs if isinstance(inputs, Mapping) else {}
    flows: dict[str, Flow] = {}
    looked_at = None if choose else WHOLE
    tasks = find_tasks(flow, namespace, known, flows, looked_at)
    if flows:

        def bind(one: Flow, given: Mapping[str, Any]) -> Sequence[Call]:
            found = find_tasks(one, namespace, known, extent=looked_at)
            return _bound(one, given, found).plan().calls

        flow = with_flows(flow, flows, namespace, known, bind, (flow,), looked_at)
    extent = choose(flow) if choose else WHOLE
    if flows or choose:
        tasks = find_tasks(flow, namespace, known, extent=extent)
    binder = _bound(flow, inputs, tasks, extent)
    plan, absent = binder.plan(), Absent(flow, namespace, extent)
    binder.misfits.check_inputs_taken(plan.calls, binder.taken, binder.whole_taken, absent)
    return plan


def _bound(flow: Flow, inputs: Any, tasks: dict[str, Task], extent: Extent = WHOLE) -> _Binder:
    binder = _Binder(flow, inputs, tasks, extent)
    for slot, name in enumerate(flow.tasks):
        binder.bind(slot, name)
    return binder


class _Binder:
    """Applies the rules to one task after the other, and notes which inputs are taken."""

    def __init__(self, flow: Flow, inputs: Any, tasks: dict[str, Task], extent: Extent) -> None:
        self.flow = flow
        self.incoming = dict(flow.incoming)
        self.tasks, self.extent = tasks, extent
        self.taken: set[str] = set()
        if flow.inputs:
            if isinstance(inputs, Mapping):  # what goes to a flow in the flow is taken there
                lifted = (name for name in flow.inputs if flow.is_lifted(name))
                self.taken |= {name.rpartition(".")[2] for name in lifted if name not in inputs}
            inputs = with_defaults(flow, inputs, extent)
        self.inputs = inputs
        self.keys: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
        self.index = flow.structure.index
        self.misfits = Misfits(flow, inputs)
        self.sources = flow.structure.sources
        self.bindings: list[Binding] = []
        self.slots: list[tuple[int, ...] | None] = []
        self.calls: dict[int, Call] = {}
        self.constants: list[Any] = []
        self.constant_slots: dict[tuple[str, str], int] = {}
        self.whole_taken = False
        self.known: dict[int, tuple[Binding, int | None]] = {}
        self.sources_of: dict[str, int] = {}
        """The slots of the inputs that arrows come from."""
        taken = (e for e in flow.edges if e.source in flow.inputs and extent.runs(e.target))
        for name in dict.fromkeys(edge.source for edge in taken if flow.inputs):
            self.sources_of[name] = self._constant("input", name, self.keys[name]).slot
            self.taken.add(name)
        self.origins = Plan(flow, [], [], {}, (), self.sources_of)

    def plan(self) -> Plan:
        """Return what was found out."""
        parts = self.bindings, self.slots, self.calls, tuple(self.constants), self.sources_of
        return Plan(self.flow, *parts, self.extent)

    def bind(self, slot: int, name: str) -> None:
        """Fill the parameters of one task, the short way where the rules lead to the same."""
        task = self.tasks.get(name)
        if task is None:  # it does not run
            self.bindings.append(NOBODY)
            return self.slots.append(())
        known = self.known.get(id(task))
        if known is None:
            signature = self._signature(name, task)
            known = self.known[id(task)] = Binding(task, signature), self._taken(signature)
        binding, taken = known
        self.bindings.append(binding)
        sources = self.sources[slot]
        if sources is not None and (taken == len(sources) or taken == ANY_NUMBER):
            self.slots.append(sources)
            return
        call = self.calls[slot] = self._call(name, task, binding.signature)
        simple = tuple([origin.slot for _, origin in call.positional])
        may_lack = any(edge.optional for edge in self.incoming[name])
        self.slots.append(simple if call.is_simple and not may_lack else None)

    def _signature(self, name: str, task: Task) -> Signature:
        try:
            signature = Signature(task.function)
        except BaseException as error:  # what it says of itself may be code of the user's
            if is_interrupt(error):
                raise
            raise not_looked_at(name, error) from error
        if signature.is_async_generator:
            raise BindingError(
                f"task '{name}': {signature.text(name)} is an 'async def' with 'yield', "
                "which gives no result",
                remedy="collect what it yields in a list, and return that",
                **self.flow.at(name),
            )
        return signature

    def _taken(self, signature: Signature) -> int | None:
        """Return how many results fill the parameters if only the order of the edges can do so.

        By rules 2 and 6; None where other rules have a say.
        """
        if self.inputs is not None or signature.double_star:
            return None
        if signature.star:
            return None if signature.named else ANY_NUMBER
        names = {parameter.name for parameter in signature.named}
        names |= {name.removesuffix("_result") for name in names}
        behind = any(p.kind is Parameter.KEYWORD_ONLY for p in signature.named)
        return None if behind or not names.isdisjoint(self.index) else len(signature.ordered)

    def _call(self, name: str, task: Task, signature: Signature) -> Call:
        """Fill the parameters of one task by the rules of this module's docstring."""
        given = self._given(name, signature)
        left = [o for o, parameter in self._brought(name) if parameter is None]
        filled: dict[str, Origin] = {p: o for p, o in given.items() if p in signature.names}
        if len(left) == 1 and all(p in filled for p in signature.required):
            may_lack = any(e.optional for e in self.incoming[name] if e.kind not in WAITS)
            left = [origin._replace(is_optional=may_lack) for origin in left]
        late: tuple[str, ...] = ()
        optional: tuple[str, ...] = ()
        mappings: tuple[Origin, ...] = ()
        if signature.named:
            self._by_upstream_name(name, signature, filled, left)
            in_order = left
            optionals = [origin for origin in left if origin.is_optional]
            left = [origin for origin in left if not origin.is_optional]
            self._in_order(signature, filled, left)  # rule 2
            self._from_inputs(name, signature, filled)  # rules 3 and 5
            takes_more = bool(signature.star or signature.double_star)
            self._in_order(signature, filled, left, takes_more)  # the end of rule 3
            missing = tuple(p for p in signature.required if p not in filled)
            together = [o for o in in_order if o in left or o in optionals]
            if left and fill_first(signature, filled, together, given):
                left, optionals = [], []
            fill_with_what_there_is(signature, filled, optionals)
            self.misfits.check_optional(signature, name, filled, missing, optionals)
            by_keys = [p for p in signature.ordered if p not in signature.positional_only]
            if missing and not (left and missing[0] in by_keys):  # none behind ``*args``
                raise self.misfits.missing(signature, name, missing[0], left)
            free_names = [p.name for p in signature.named if p.name not in filled]
            if len(free_names) == len(missing) == 1 < len(left) and not takes_more:
                raise self.misfits.two_for_one(signature, name, missing[0], left)
            if missing:  # rule 4
                free = (p.name for p in signature.named if p.name not in filled)
                optional = tuple(p for p in free if p not in {*missing, *signature.positional_only})
                late, mappings, left = missing, tuple(left), []
            left += optionals
        rest: list[Origin] = []
        spread: list[Origin] = []
        if signature.star:  # rule 6
            rest = left
        elif signature.double_star:
            spread = left
        elif left and (signature.parameters or any(o.kind == "input" for o in left)):
            raise self.misfits.not_taken(signature, name, left)
        positional: list[tuple[str, Origin]] = []
        keywords: list[tuple[str, Origin]] = []
        if signature.named:
            positional, keywords = self._passed(name, signature, filled, bool(rest))
        if rest:
            star = f"*{signature.star}"
            positional += [(star, origin) for origin in rest]
        keywords += [(one.label or local_name(one.name, name), one) for one in spread]
        keywords += [(p, origin) for p, origin in given.items() if p not in signature.names]
        passed = (tuple(positional), tuple(keywords))
        return Call(name, task, signature, *passed, late, optional, mappings)

    def _brought(self, name: str) -> list[tuple[Origin, str | None]]:
        """Return what the edges into a task bring, and the parameter for which each is meant."""
        edges = [edge for edge in self.incoming[name] if edge.kind not in WAITS]
        several = sum(edge.kind in MAPPED for edge in edges) > 1
        place = 0
        brought = []
        for edge in edges:
            origin = self.origins.origin_of(edge)
            if len(edges) == 1:  # without it, the task is skipped
                origin = origin._replace(is_optional=False)
            if several and edge.kind in MAPPED:
                origin = origin._replace(place=place)
                place += 1
            brought.append((origin, edge.parameter))
        return brought

    def _given(self, name: str, signature: Signature) -> dict[str, Origin]:
        """Return what the text says a parameter is: a constant, or which edge it takes."""
        given = {p: origin for origin, p in self._brought(name) if p is not None}
        for parameter, value in self.flow.constants.get(name, {}).items():
            if parameter not in signature.names and not signature.double_star:
                raise self.misfits.no_parameter(signature, name, parameter)
            if not isinstance(value, InputName):
                origin = self._constant("constant", value.text, value.value)
                given[parameter] = origin
                continue
            if value.name not in self.keys:
                raise self.misfits.no_value(name, parameter, value.name)
            given[parameter] = self._constant("input", value.name, self.keys[value.name])
            self.taken.add(value.name)
        return given

    @staticmethod
    def _by_upstream_name(
        task: str, signature: Signature, filled: dict[str, Origin], left: list[Origin]
    ) -> None:
        if not left:
            return
        names = {origin.label: origin for origin in left if origin.label}
        called = {local_name(origin.name, task): origin for origin in left}
        names |= {f"{word}_result": origin for word, origin in called.items()}
        names |= called  # a task's own name comes first
        free = [p.name for p in signature.named if p.name not in filled]
        found = {name: names[name] for name in free if name in names}
        filled |= found
        if found:
            used = set(found.values())
            left[:] = [origin for origin in left if origin not in used]

    @staticmethod
    def _in_order(
        signature: Signature,
        filled: dict[str, Origin],
        left: list[Origin],
        takes_more: bool = False,
    ) -> None:
        """Fill what has no default with the results left, if there are as many (or more)."""
        if not left:
            return
        unfilled = [name for name in signature.ordered if name not in filled]
        if len(left) == len(unfilled) or (takes_more and len(left) > len(unfilled)):
            filled.update(zip(unfilled, left, strict=False))
            del left[: len(unfilled)]

    def _from_inputs(self, name: str, signature: Signature, filled: dict[str, Origin]) -> None:
        if self.inputs is None:
            return
        if not isinstance(self.inputs, Mapping):
            required = [name for name in signature.required if name not in filled]
            if not self.flow.upstream[name] and len(required) == 1:
                filled[required[0]] = self._constant("inputs", "", self.inputs)
                self.whole_taken = True
            return
        for parameter in [p.name for p in signature.named if p.name not in filled]:
            for key in (f"{name}.{parameter}", parameter):
                if key in self.keys:
                    filled[parameter] = self._constant("input", key, self.keys[key])
                    self.taken.add(key)
                    break
            else:
                if parameter in WHOLE_INPUTS:
                    filled[parameter] = self._constant("inputs", "", self.inputs)
                    self.whole_taken = True

    def _constant(
        self, kind: Literal["input", "inputs", "default", "constant"], name: str, value: Any
    ) -> Origin:
        slot = self.constant_slots.setdefault((kind, name), len(self.index) + len(self.constants))
        if slot == len(self.index) + len(self.constants):
            self.constants.append(value)
        return Origin(slot, kind, name)

    def _passed(
        self, name: str, signature: Signature, filled: Mapping[str, Origin], starred: bool
    ) -> tuple[list[tuple[str, Origin]], list[tuple[str, Origin]]]:
        """Divide named arguments into those passed by position and those passed by name.

        Before starred ones, and before a positional-only parameter, a default is passed too.
        """
        positional: list[tuple[str, Origin]] = []
        keywords: list[tuple[str, Origin]] = []
        gap = False
        for i, parameter in enumerate(signature.named):
            origin = filled.get(parameter.name)
            if parameter.kind is Parameter.KEYWORD_ONLY:
                gap = True
            elif origin is None and not gap:
                later = {p.name for p in signature.named[i:]} & signature.positional_only
                if starred or any(p in filled for p in later):
                    key = f"{name}.{parameter.name}"
                    origin = self._constant("default", key, parameter.default)
                else:
                    gap = True
            if origin is not None:
                if origin.is_optional:
                    key = f"{name}.{parameter.name}"
                    default = self._constant("default", key, parameter.default)
                    origin = origin._replace(default=default.slot)
                (keywords if gap else positional).append((parameter.name, origin))
        return positional, keywords
