"""The gate: what is looked at when a task's turn has come, before it is performed.

A task with a condition runs only if that holds. One that takes what there is, and finds nothing, is
skipped. Both look at results, which runs code of the user's, so the worker that has claimed the
task does it, outside the lock. A condition whose verdict comes for each item is looked at for each
item.
"""

from __future__ import annotations

import reprlib
from ast import literal_eval
from time import perf_counter_ns
from typing import Any

from ....errors import BindingError, described, listed
from ....model.events import Entry, Failure, Items, State, ended, entered
from ....model.flow import Edge
from ....model.forms.edges import CONDITIONS, MAPPED, WAITS
from ....model.refs import MISSING, is_missing, is_ref
from ....strangers import harmless, text_of
from ...runtime.interrupts import allow_interrupts, is_interrupt
from ..backend import SETTLED, Backend, Scheduling, Worker
from ..history import learn
from ..limits.admission import Admission, Limits
from ..protocols import Cache
from .items import Partial
from .mapped import MappedTasks

__all__ = ["Gate"]


class Gate:
    """Lets the tasks of a run pass, or not."""

    def __init__(
        self,
        scheduler: Scheduling,
        maps: MappedTasks,
        cache: Cache | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._scheduler, self._cache = scheduler, cache
        self._admission = None if limits is None else Admission(scheduler, limits)
        self._maps, self._frontier = maps, scheduler.frontier
        self._plan, self._values = scheduler.run.plan, scheduler.run.record.values
        if cache is not None:
            cache.begin(scheduler)

    def look_at(self, slot: int, backend: Backend, worker: Worker) -> tuple[Any, Entry] | None:
        settled = self.settles(slot)
        if settled is not None:
            return settled
        if self._scheduler.is_map(slot):
            return self._maps.gather(slot)
        if not self.admits(slot):
            return MISSING, SETTLED
        if backend.starts_at_claim:
            self._scheduler.started(slot, backend, worker, perf_counter_ns())
        return None

    def settles(self, slot: int) -> tuple[Any, Entry] | None:
        if self._admission is not None and self._admission.has_waited(slot):
            return None  # it was looked at before
        stopped = self._stops(slot)
        if stopped is not None:
            return MISSING, stopped
        if self._cache is None or self._scheduler.is_map(slot):
            return None
        return self._cache.find(slot)

    def admits(self, slot: int) -> bool:
        return self._admission is None or self._admission.admits(slot)

    def reserve(self, slot: int) -> None:
        """Keep what a task asks for, which was just claimed and will run; under the lock."""
        is_to_run = self._cache is None and self._frontier.owner(slot) not in self._plan.gated
        if self._admission is not None and is_to_run and not self._scheduler.is_map(slot):
            self._admission.reserve(slot)

    def leave(self, slot: int) -> None:
        """Say that a task, or an attempt at it, has ended; under the lock."""
        if self._admission is not None:
            self._admission.leave(slot)

    def call_back(self) -> None:
        """Have all be ready that wait to be admitted, as nothing new begins; under the lock."""
        if self._admission is not None:
            self._admission.call_back()

    @property
    def is_awaited(self) -> bool:
        """Whether a task waits for the time at which it is admitted."""
        return self._admission is not None and self._admission.is_awaited

    def keep(self, slot: int, value: Any, entry: Entry) -> None:
        if self._cache is not None and entry[1] is State.SUCCEEDED:
            self._cache.keep(slot, value, entry)

    def is_cached(self, task: int, items: Items) -> bool:
        return self._cache is not None and self._cache.ended(task, *items)

    def learn(self) -> None:
        """Have the run remembered, which has just ended, and admit nobody any more."""
        if self._admission is not None:
            self._admission.close()
        learn(self._scheduler.run)
        if self._cache is not None:
            self._cache.remember()

    def _stops(self, slot: int) -> Entry | None:
        """Return how a task, or an item, ends that does not run; None if it is to run."""
        plan, now = self._plan, perf_counter_ns()
        task = self._frontier.owner(slot)
        if task not in plan.gated:
            return None
        try:
            reason = allow_interrupts(self._reason)(task, slot)
        except BaseException as error:  # what is asked for its truth is the user's
            if is_interrupt(error):
                raise
            failure = Failure(perf_counter_ns(), error)
            return ended(slot, State.FAILED, perf_counter_ns(), now, 0, failure)
        return entered(slot, State.SKIPPED, now, reason) if reason else None

    def part(self) -> None:
        """Let go of the run."""
        if self._cache is not None:
            self._cache.part()
            self._scheduler.workers.dropped.append(self._cache)  # who lets go of what it has open
            self._cache = None
        del self._scheduler

    def _reason(self, task: int, slot: int) -> str:
        """Return why a task does not run, or an empty string."""
        plan = self._plan
        edges = plan.flow.incoming[plan.flow.tasks[task]]
        for edge in edges:
            if edge.kind in CONDITIONS and self._is_due(edge, task, slot):
                value = self._value(edge, slot)
                if not self._holds(edge, value):
                    return f"skipped: {_verdict(edge, value)}"
        taken = [edge for edge in edges if edge.kind not in WAITS]
        due = [edge for edge in taken if edge.optional and self._is_due(edge, task, slot)]
        gone = [edge for edge in due if is_missing(self._value(edge, slot))]
        maps = plan.maps.get(task, ())
        if slot == task and maps and all(edge.kind == "each_wait" for edge in maps):
            gone += [edge for edge in maps if not self._maps.is_one_by_one(edge)]
            taken = list(maps)
        if gone and (len(gone) == len(taken) or self._lacks_items(gone, task, slot)):
            names = listed([edge._replace(optional=False).origin for edge in gone])
            return f"skipped: nothing came of {names}"
        return ""

    def _lacks_items(self, gone: list[Edge], task: int, slot: int) -> bool:
        """Tell whether a mapped task lacks a list of items, or all that could tell them."""
        maps = self._plan.maps
        if slot != task or task not in maps:
            return False
        bringing = [edge for edge in maps[task] if edge.kind != "each_wait"]
        lacking = [edge for edge in gone if edge.kind in MAPPED]
        is_all = bool(bringing) and len(lacking) == len(bringing)
        return is_all or any(edge.kind != "each" for edge in lacking)

    def _is_due(self, edge: Edge, task: int, slot: int) -> bool:
        """Tell whether an edge is looked at now: for a mapped task, or for each of its items."""
        if task not in self._plan.maps:
            return True
        if edge.kind in MAPPED:
            is_by_item = self._maps.is_one_by_one(edge)
            return (slot != task) is is_by_item or (slot != task and edge.kind == "each")
        return (slot != task) is (edge.kind not in CONDITIONS or self._is_by_item(edge))

    def _is_by_item(self, edge: Edge) -> bool:
        """Tell whether a condition is looked at for each item; its verdicts may be there before."""
        if self._maps.is_one_by_one(edge) or not self._plan.is_stream(edge):
            return self._plan.is_stream(edge)
        verdicts = self._values[self._plan.index[edge.source]]
        return isinstance(verdicts, list) or is_ref(verdicts)

    def _value(self, edge: Edge, slot: int) -> Any:
        """Return what an edge brings."""
        plan, maps = self._plan, self._maps
        task = self._frontier.owner(slot)
        origin = plan.origin_of(edge)
        if slot != task and maps.is_one_by_one(edge):
            found = maps.of_item(edge, slot - maps.where[task].first)
            return found if origin.key is None else origin._replace(kind="each").value((), found)
        if slot != task and edge.kind in CONDITIONS:
            found = self._verdict_of_item(edge, task, slot)
            return found if origin.key is None else origin._replace(kind="each").value((), found)
        return origin.whole(Partial(self._values, maps.partial))

    def _verdict_of_item(self, edge: Edge, task: int, slot: int) -> Any:
        """Return for an item what was kept of an earlier run, or was given, as a list."""
        verdicts = self._values[self._plan.index[edge.source]]
        if is_ref(verdicts):
            verdicts = verdicts.fetch()
        first, count = self._maps.where[task]
        if len(verdicts) != count:
            raise BindingError(
                f"task '{edge.target}' runs for {count:,} items, and '{edge.source}' has "
                f"{len(verdicts):,} results to decide about them",
                remedy=f"give '{edge.source}' as many results as there are items",
                **self._plan.flow.at(edge),
            )
        return verdicts[slot - first]

    def _holds(self, edge: Edge, value: Any) -> bool:
        if is_missing(value):
            return edge.kind == "unless"
        if is_ref(value):
            value = value.fetch()
        try:
            is_true = (
                bool(value) if edge.equals is None else bool(value == literal_eval(edge.equals))
            )
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise BindingError(
                f"task '{edge.target}': '{edge}' cannot be decided: {described(error)}",
                remedy=f"let '{edge.source}' return True or False",
                **self._plan.flow.at(edge),
            ) from error
        return is_true is (edge.kind == "when")


def _verdict(edge: Edge, value: Any) -> str:
    """Say in words which verdict has kept a task from running.

    Examples
    --------
    >>> _verdict(Edge("check", "report", "when"), 0)
    "'check' was false"
    >>> print(_verdict(Edge("kind", "report", "when", equals='"big"'), "small"))
    'kind' was 'small', not "big"
    """
    origin = edge._replace(optional=False).origin
    if is_missing(value):
        return f"nothing came of '{origin}'"
    if edge.equals is None:
        return f"'{origin}' was {'true' if edge.kind == 'unless' else 'false'}"
    if edge.kind == "unless":
        return f"'{origin}' was {edge.equals}"
    if is_ref(value):
        value = value.fetch()
    return f"'{origin}' was {harmless(text_of(value, reprlib.repr), 60)}, not {edge.equals}"
