"""What a run may keep of an earlier one, and why.

A task keeps its result if it has one there, if its function, its inputs and the sources of its
arguments are what they were, and if all tasks that it waits for keep theirs. Of a mapped task that
failed, the items that did not are kept likewise. A result that the earlier run has let go of counts
as kept, unless a task that takes it runs again: then it has to be made again too.

What functions and inputs were is written down as fingerprints when a run starts, because a notebook
changes them under the same names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...model.plan import Call, Plan
from ...model.record import TaskRun
from ...model.refs import RELEASED, is_missing
from ...model.run import Run
from ...values import is_once
from .fingerprint import digest, fingerprint

__all__ = ["Kept", "Prints", "constant_prints_of", "function_prints_of", "kept_of", "prints_of"]

UNCHANGED = "kept: nothing that it depends on has changed"
UNNEEDED = f"{UNCHANGED}; nothing needs its result, which was released"


class Prints(NamedTuple):
    """The fingerprints of a plan: of its functions, by the id of their task, and its constants."""

    functions: dict[int, str]
    constants: list[str]


class Kept(NamedTuple):
    """What is kept: results by slot, those of items by slot and item; and why, for each task."""

    results: dict[int, Any]
    items: dict[int, dict[int, Any]]
    reasons: dict[int, str]


def prints_of(plan: Plan) -> Prints:
    """Return the fingerprints of a plan as it is now.

    Examples
    --------
    >>> from taskinity_nb import parse_dsl
    >>> def one(): return 1
    >>> plan = parse_dsl("one").explain(namespace={"one": one})
    >>> prints_of(plan) == prints_of(plan)
    True
    """
    return Prints(function_prints_of(plan), constant_prints_of(plan))


def function_prints_of(plan: Plan) -> dict[int, str]:
    """Return the fingerprints of a plan's functions, by the id of their task."""
    return {id(task): fingerprint(task) for task in plan.tasks}


def constant_prints_of(plan: Plan) -> list[str]:
    """Return the fingerprints of a plan's constants; of large inputs this takes a while."""
    return [digest(value) for value in plan.constants]


def kept_of(plan: Plan, prints: Prints, earlier: Run, before: Prints) -> Kept:
    """Return what of `earlier` is still right under `plan`, by the fingerprints of both plans.

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
    comparison = _Comparison(plan, prints, earlier, before)
    comparison.look()
    while comparison.finds_missing():
        comparison.look()
    return comparison.kept


class _Comparison:
    def __init__(self, plan: Plan, prints: Prints, earlier: Run, before: Prints) -> None:
        self.plan, self.prints = plan, prints
        self.earlier, self.before = earlier, before
        self.records = earlier.tasks
        self.missing: set[int] = set()  # tasks whose result was released, but is needed
        self.kept = Kept({}, {}, {})

    def look(self) -> None:
        """Decide about all tasks."""
        self.kept = Kept({}, {}, {})
        for name in self.plan.order:
            self.look_at(name)

    def finds_missing(self) -> bool:
        """Find results that are needed, though they were released; return whether there are any."""
        plan, results, before = self.plan, self.kept.results, len(self.missing)
        for name in reversed(plan.order):
            if results.get(plan.index[name]) is RELEASED:
                edges = plan.flow.downstream[name]
                consumers = [plan.index[edge.target] for edge in edges if edge.kind != "wait"]
                if not consumers or any(t not in results or t in self.missing for t in consumers):
                    self.missing.add(plan.index[name])
        return len(self.missing) > before

    def look_at(self, name: str) -> None:
        """Decide about a task, after those that it waits for."""
        slot = self.plan.index[name]
        record = self.records.get(name)
        change = "it is new" if record is None else self._change(name)
        stream = self.plan.stream_of(name)
        again = [
            edge.source
            for edge in self.plan.flow.upstream[name]
            if self.plan.index[edge.source] not in self.kept.results
        ]
        if not change and again:
            change = f"'{again[0]}' runs again"
            if again != [stream]:
                stream = None
        else:
            stream = None
        value = (
            None if record is None else self.earlier.record.values[self.earlier.plan.index[name]]
        )
        if record is None or (change and stream is None):
            self.kept.reasons[slot] = f"runs again: {change}"
        elif not change and value is RELEASED and slot not in self.missing:
            self.kept.results[slot] = value
            self.kept.reasons[slot] = UNNEEDED
        elif not change and _is_read(value, record):
            self.kept.reasons[slot] = "runs again: its result can be read only once"
        elif not change and not is_missing(value):
            self.kept.results[slot] = value
            self.kept.reasons[slot] = UNCHANGED
        elif record.items and value is not RELEASED:
            self._keep_items(slot, record.items, stream)
        else:
            released = "its result was released"
            had = "it has no result" if record.state.is_final else "it had not ended"
            self.kept.reasons[slot] = f"runs again: {released if value is RELEASED else had}"

    def _keep_items(self, slot: int, items: Any, stream: str | None) -> None:
        """Keep the results of items, in a stream those whose own item is kept too."""
        of_stream = None if stream is None else self.kept.items.get(self.plan.index[stream], {})
        kept = {
            place: self.earlier.record.values[item.slot]
            for place, item in enumerate(items)
            if item.has_result
            and (of_stream is None or place in of_stream)
            and not is_once(self.earlier.record.values[item.slot])
        }
        self.kept.items[slot] = kept
        self.kept.reasons[slot] = f"runs again: {len(items) - len(kept)} of {len(items)} items"

    def _change(self, name: str) -> str:
        """Return what is not as it was, or an empty string."""
        plan, earlier = self.plan, self.earlier.plan
        edges = [edge._replace(target="") for edge in plan.flow.upstream[name]]
        if edges != [edge._replace(target="") for edge in earlier.flow.upstream[name]]:
            return "its edges have changed"
        now, then = plan.calls[plan.index[name]], earlier.calls[earlier.index[name]]
        functions = self.prints.functions[id(now.task)], self.before.functions[id(then.task)]
        if functions[0] != functions[1]:
            return "its function has changed"
        return self._changed_source(now, then)

    def _changed_source(self, now: Call, then: Call) -> str:
        plan, earlier = self.plan, self.earlier.plan
        sources = [(*call.positional, *call.keywords) for call in (now, then)]
        kinds = [[(name, origin._replace(slot=0)) for name, origin in source] for source in sources]
        rules = [(call.late, call.optional) for call in (now, then)]
        if kinds[0] != kinds[1] or rules[0] != rules[1]:
            return "its arguments come from elsewhere"
        for (name, origin), (_, other) in zip(*sources, strict=True):
            if origin.kind in ("input", "inputs", "default"):
                constants = (
                    self.prints.constants[origin.slot - len(plan.bindings)],
                    self.before.constants[other.slot - len(earlier.bindings)],
                )
                if constants[0] != constants[1]:
                    what = "default" if origin.kind == "default" else "input"
                    return f"its {what} '{name}' has changed"
        return ""


def _is_read(value: Any, record: TaskRun) -> bool:
    """Tell whether a result may have been used up by who took it; of a map, that of an item."""
    return is_once(value) or (
        bool(record.items) and isinstance(value, list) and any(map(is_once, value))
    )
