"""What a run may keep of an earlier one, and why.

A task keeps its result if it has one there, if its function, its inputs and the sources of its
arguments are what they were, and if all tasks that it waits for keep theirs. Of a mapped task that
failed, the items that did not are kept likewise. A result that the earlier run has let go of counts
as kept, unless a task that takes it runs again: then it has to be made again too. The same goes for
an item that was let go of by itself.

What functions and inputs were is written down as fingerprints before a run starts, because a
notebook changes them under the same names. A run that may never be resumed writes down no more than
takes some milliseconds; a task that uses more runs again then, and says so. A run that resumes
writes down everything.

A result that holds something of a class that was defined again since is not kept either.

A result that was given counts as an input: what follows it is kept if the same is given again. A
task that was left out of the earlier run, or is to run again, has nothing that may be kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ...model.events import State
from ...model.forms.call import Call
from ...model.plan import Plan
from ...model.record import TaskRun
from ...model.refs import RELEASED, is_missing
from ...model.run import Run
from ...values import is_once
from ..transport.nested import Nested
from ..transport.reach import reach
from .fingerprint import Fingerprint, Printer
from .given import GIVEN
from .outdated import Outdated
from .told import constant_changed

__all__ = ["Kept", "Prints", "kept_of", "prints_of"]

UNCHANGED = "kept: nothing that it depends on has changed"
UNNEEDED = f"{UNCHANGED}; nothing needs its result, which was released"


class Prints(NamedTuple):
    """The fingerprints of a plan: of its functions, by the id of their task, and its constants.

    `classes` tells the classes that they reach from others of the same name; `given` are those of
    the results that are given, by task.
    """

    functions: dict[int, Fingerprint]
    constants: list[Fingerprint]
    classes: dict[tuple[str, str], int]
    given: dict[str, Fingerprint]


class Kept(NamedTuple):
    """What is kept: results by slot, those of items by slot and item; and why, for each task."""

    results: dict[int, Any]
    items: dict[int, dict[int, Any]]
    reasons: dict[int, str]


def prints_of(
    plan: Plan, given: Mapping[str, Any] = MappingProxyType({}), *, is_bounded: bool = False
) -> Prints:
    """Return the fingerprints of a plan as it is now, or what of them takes some milliseconds.

    Examples
    --------
    >>> from taskinity_nb import parse_dsl
    >>> def one(): return 1
    >>> plan = parse_dsl("one").explain(namespace={"one": one})
    >>> prints_of(plan) == prints_of(plan, is_bounded=True)
    True
    """
    printer = Printer(is_bounded=is_bounded)
    functions = {id(task): printer.take(task) for task in plan.tasks}
    constants = [printer.take(value) for value in plan.constants]
    results = {name: printer.take(value) for name, value in given.items()}
    if printer.may_run_flows:
        nested = Nested(plan)
        for task in plan.tasks:
            named = nested.named_by(list(reach(task)))
            if named is not None:
                functions[id(task)] = printer.take_together(task, named.all)
    return Prints(functions, constants, printer.classes, results)


def kept_of(
    plan: Plan,
    prints: Prints,
    earlier: Run,
    before: Prints,
    given: Mapping[int, Any] = MappingProxyType({}),
    rerun: Collection[str] = (),
) -> Kept:
    """Return what of `earlier` is still right under `plan`, by the fingerprints of both plans.

    What is `given`, by slot, counts as kept; the tasks of `rerun` run again whatever they are.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> functions = {"load": lambda: 3, "double": lambda load: 2 * load}
    >>> first = run("load -> double", namespace=functions)
    >>> functions["double"] = lambda load: load + load
    >>> second = first.resume()
    >>> [str(task.state) for task in second.tasks.values()], second.tasks["double"].why
    (['cached', 'succeeded'], 'runs again: its function has changed')
    """
    comparison = _Comparison(plan, prints, earlier, before, given, rerun)
    comparison.look()
    while comparison.finds_missing():
        comparison.look()
    return comparison.kept


class _Comparison:
    def __init__(
        self,
        plan: Plan,
        prints: Prints,
        earlier: Run,
        before: Prints,
        given: Mapping[int, Any],
        rerun: Collection[str],
    ) -> None:
        self.plan, self.prints = plan, prints
        self.given, self.rerun = given, rerun
        self.differing: set[str] = set()  # given, but not known to be what was there before
        self.earlier, self.before = earlier, before
        self.records = earlier.tasks
        self.missing: set[int] = set()  # tasks whose result was released, but is needed
        self.missing_items: set[tuple[int, int]] = set()  # likewise items, by task and place
        self.outdated = Outdated(
            (task.function for task in plan.tasks),
            is_like_before=before.classes.items() <= prints.classes.items(),
        )
        self.streamed = {s for of in plan.streams(plan.maps.keys()).values() for s in of}
        self.kept = Kept({}, {}, {})
        self.skipped: set[int] = set()  # tasks that will be skipped once more

    def look(self) -> None:
        """Decide about all tasks."""
        self.kept, self.skipped = Kept({}, {}, {}), set()
        for name in self.plan.order:
            if name in self.plan.extent.given:
                self.take_given(name)
            elif name not in self.plan.extent.left_out:
                self.look_at(name)

    def take_given(self, name: str) -> None:
        """Take a result that is given, and find out whether it was given then too."""
        slot = self.plan.index[name]
        self.kept.results[slot], self.kept.reasons[slot] = self.given[slot], GIVEN
        now, then = self.prints.given[name], self.before.given.get(name)
        if then is None or _changed(name, now, then) or _lack(name, now, then):
            self.differing.add(name)

    def finds_missing(self) -> bool:
        """Find results that are needed, though they were released; return whether there are any."""
        plan, results = self.plan, self.kept.results
        before = len(self.missing) + len(self.missing_items)
        for name in reversed(plan.order):
            slot = plan.index[name]
            items = self.kept.items.get(slot, {})
            released = {place for place, value in items.items() if value is RELEASED}
            if not released and results.get(slot) is not RELEASED:
                continue
            consumers = [
                plan.index[edge.target]
                for edge in plan.flow.downstream[name]
                if edge.kind != "wait" and plan.extent.runs(edge.target)
            ]
            is_last = not consumers or name in plan.extent.targets
            again = [t for t in consumers if t not in results or t in self.missing]
            if results.get(slot) is RELEASED and (is_last or again):
                self.missing.add(slot)
            there = [self.kept.items.get(consumer, {}) for consumer in again]
            self.missing_items |= {
                (slot, place)
                for place in released
                if is_last or any(place not in items for items in there)
            }
        return len(self.missing) + len(self.missing_items) > before

    def look_at(self, name: str) -> None:
        """Decide about a task, after those that it waits for."""
        slot = self.plan.index[name]
        record = self.records.get(name)
        change = "it is new" if record is None else self._change(name)
        if record is not None and name in self.rerun:
            change = "it was named in rerun"
        stream = self.plan.stream_of(name)
        again = [
            edge.source
            for edge in self.plan.flow.upstream[name]
            if self.plan.index[edge.source] not in self.kept.results.keys() | self.skipped
            or edge.source in self.differing
        ]
        if not change and again:
            change = f"'{again[0]}' {'was given' if again[0] in self.differing else 'runs again'}"
            if again != [stream]:
                stream = None
        else:
            stream = None
        value = (
            None if record is None else self.earlier.record.values[self.earlier.plan.index[name]]
        )
        if not change and (not is_missing(value) or value is RELEASED or (record and record.items)):
            change, stream = self._lack(name), None
        is_outdated = False
        if not change and not is_missing(value):
            change = self.outdated.reason(value)
            is_outdated = bool(change)
        if record is not None and is_outdated and record.items:
            self._keep_items(slot, record.items, None)
        elif record is None or (change and stream is None):
            self.kept.reasons[slot] = f"runs again: {change}"
        elif not change and value is RELEASED and slot not in self.missing:
            self.kept.results[slot] = value
            self.kept.reasons[slot] = UNNEEDED
        elif not change and _is_read(value, record):
            self.kept.reasons[slot] = "runs again: its result can be read only once"
        elif record.items and slot in self.streamed and not change and _has_gaps(record):
            self._keep_items(slot, record.items, None)
        elif not change and not is_missing(value):
            self.kept.results[slot] = value
            self.kept.reasons[slot] = UNCHANGED
        elif record.items and (value is not RELEASED or slot in self.streamed):
            self._keep_items(slot, record.items, stream)
        else:
            if not change and record.state is State.SKIPPED and record.error is None:
                self.skipped.add(slot)  # by what decides about it, which is what it was
            released = "its result was released"
            had = "it has no result" if record.state.is_final else "it had not ended"
            self.kept.reasons[slot] = f"runs again: {released if value is RELEASED else had}"

    def _keep_items(self, slot: int, items: Any, stream: str | None) -> None:
        """Keep the results of items, in a stream those whose own item is kept too."""
        of_stream = None if stream is None else self.kept.items.get(self.plan.index[stream], {})
        values = [self.earlier.record.values[item.slot] for item in items]
        may_go = slot in self.streamed
        kept = {
            place: value
            for place, value in enumerate(values)
            if (of_stream is None or place in of_stream)
            and (
                (may_go and value is RELEASED and (slot, place) not in self.missing_items)
                if is_missing(value)
                else not (is_once(value) or self.outdated.reason(value))
            )
        }
        self.kept.items[slot] = kept
        again = f"{len(items) - len(kept)} of {len(items)} items"
        if not kept and all(value is RELEASED for value in values):
            again = "its result was released"
        self.kept.reasons[slot] = f"runs again: {again}"

    def _change(self, name: str) -> str:
        """Return what is not as it was, or an empty string."""
        plan, earlier = self.plan, self.earlier.plan
        if not earlier.extent.runs(name):
            was_given = name in earlier.extent.given
            return "its result was given then" if was_given else "it was left out then"
        edges = [edge._replace(target="") for edge in plan.flow.incoming[name]]
        if edges != [edge._replace(target="") for edge in earlier.flow.incoming[name]]:
            return "its edges have changed"
        now, then = plan.calls[plan.index[name]], earlier.calls[earlier.index[name]]
        functions = self.prints.functions[id(now.task)], self.before.functions[id(then.task)]
        return _changed("its function", *functions) or self._changed_source(now, then)

    def _changed_source(self, now: Call, then: Call) -> str:
        if told := constant_changed(self.plan.flow, self.earlier.plan.flow, now, then):
            return told
        sources = [(*call.positional, *call.keywords) for call in (now, then)]
        kinds = [[(name, origin._replace(slot=0)) for name, origin in source] for source in sources]
        rules = [(call.late, call.optional) for call in (now, then)]
        if kinds[0] != kinds[1] or rules[0] != rules[1]:
            return "its arguments come from elsewhere"
        return next(filter(None, (_changed(*each) for each in self._constants(now, then))), "")

    def _lack(self, name: str) -> str:
        """Return what of a task, nothing of which has changed otherwise, could not be compared."""
        now = self.plan.calls[self.plan.index[name]]
        then = self.earlier.plan.calls[self.earlier.plan.index[name]]
        functions = self.prints.functions[id(now.task)], self.before.functions[id(then.task)]
        pairs = [("its function", *functions), *self._constants(now, then)]
        return next(filter(None, (_lack(*each) for each in pairs)), "")

    def _constants(self, now: Call, then: Call) -> Iterator[tuple[str, Fingerprint, Fingerprint]]:
        """Yield what a task takes that is no result: what it is, as it is and as it was."""
        plan, earlier = self.plan, self.earlier.plan
        for edge in plan.flow.incoming[now.name]:  # what is mapped over, or decides
            if edge.source in plan.inputs:
                yield (
                    f"the input '{edge.source}'",
                    self.prints.constants[plan.inputs[edge.source] - len(plan.bindings)],
                    self.before.constants[earlier.inputs[edge.source] - len(earlier.bindings)],
                )
        sources = [(*call.positional, *call.keywords) for call in (now, then)]
        for (name, origin), (_, other) in zip(*sources, strict=True):
            if origin.kind in ("input", "inputs", "default"):
                yield (
                    f"its {'default' if origin.kind == 'default' else 'input'} '{name}'",
                    self.prints.constants[origin.slot - len(plan.bindings)],
                    self.before.constants[other.slot - len(earlier.bindings)],
                )


def _changed(what: str, now: Fingerprint, then: Fingerprint) -> str:
    """Say what has changed, as far as that was written down; a file that was not there may come."""
    if now.digest != then.digest and not then.lacks:
        return f"{what} has changed"
    for path, state in then.files.items():
        if state is not None and now.files.get(path) != state:
            return f"the file '{path}', which it uses, has changed"
    return ""


def _lack(what: str, now: Fingerprint, then: Fingerprint) -> str:
    """Say what could not be compared, because it was not written down then or is not now."""
    lacks = then.lacks or now.lacks
    if not lacks:
        return ""
    name, why = next(iter(lacks.items()))
    named = f"'{name}', which it uses," if name else what
    if name in now.lacks:
        return f"{named} {now.lacks[name]}"
    return f"{named} {why}; this run has done so"


def _has_gaps(record: TaskRun) -> bool:
    """Tell whether items of a map were left out of its list, so that places there are others."""
    return any(item.state is State.SKIPPED for item in record.items or ())


def _is_read(value: Any, record: TaskRun) -> bool:
    """Tell whether a result may have been used up by who took it; of a map, that of an item."""
    return is_once(value) or (
        bool(record.items) and isinstance(value, list) and any(map(is_once, value))
    )
