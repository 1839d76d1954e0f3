"""What a run with a cache would do, told before it runs.

The scheduler of a run plays it without workers: what is in the cache is settled as in a run, so
that keys are made by the same code. What is not there does not run; it stays pending, and so does
what follows it, of which nobody knows: what runs again may give what it gave before. But a task
whose function no result was ever made by is going to run, whatever it gets.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

from ...formatting import counted, short_time
from ...model.events import Items, State, entered, entries
from ...model.flow import Flow
from ...model.outlook.forecast import Forecast, Kind, Outlook
from ...model.plan import Plan
from ...model.run import Run
from ...values import kind_of
from ..rerun.given import GIVEN, given_slots, planned
from ..rerun.inputs import takers
from ..rerun.resume import prints_of
from ..scheduling.scheduler import Scheduler
from ..store.store import Store
from .opening import let_go, path_of, store_for
from .run_cache import RunCache

__all__ = ["forecast", "forecast_of"]

FIRST = "runs for the first time"


def forecast(
    flow: Flow,
    inputs: Any = None,
    namespace: Any = None,
    cache: Any = True,
    *,
    targets: Any = None,
    overrides: Any = None,
    rerun: Any = (),
) -> Forecast:
    """Return what a run would do; the parameters are those of `run`.

    Nothing of the user's functions runs, nothing is written into the cache, and inputs that can be
    gone through only once are not touched.

    Examples
    --------
    >>> space = {"load": lambda: [1, 2], "total": lambda load: sum(load)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     told = forecast(Flow("Example", [("load", "total")]), None, space, folder)
    >>> [(one.task, one.words) for one in told]
    [('load', 'runs for the first time'), ('total', 'runs for the first time')]
    """
    plan, given, again = planned(
        flow, inputs, namespace, targets=targets, overrides=overrides, rerun=rerun
    )
    with _store_of(cache) as store:
        return forecast_of(plan, store, given, again)


def forecast_of(
    plan: Plan, store: Store, given: Mapping[str, Any] | None = None, rerun: Collection[str] = ()
) -> Forecast:
    """Return what the run of a plan would do with a store, given some results."""
    return _Rehearsal(plan, store, given or {}, rerun).forecast()


@contextmanager
def _store_of(cache: Any) -> Iterator[Store]:
    """Open the store that an option means; one that is not there is not made for this."""
    path = path_of(cache)
    with tempfile.TemporaryDirectory(prefix="taskinity-") as empty:
        is_there = path is not None and path.is_dir()
        store = store_for(path if is_there else empty, "nothing is known to be cached")
        store = store or store_for(empty)
        assert store is not None
        try:
            yield store
        finally:
            let_go(store)


class _Looking(RunCache):
    """Looks results up, and says nothing of it to the store."""

    is_use = False

    def keep_open(self) -> None:
        """Leave the store to who has opened it."""
        self._at_end.detach()

    def why(self, slot: int) -> str:
        return self._calls[slot].why if slot in self._calls else ""

    def seconds(self, slot: int) -> float | None:
        """Return what a hit saves; None if it was none."""
        return self._calls[slot].saved if slot in self._calls else None

    def certain(self, slot: int) -> str:
        """Return why a call runs whatever its arguments are; an empty text if that depends."""
        call = self._call(slot)
        name, item = call.name, call.item
        if refusal := self._keys.refusal(slot):
            return f"not cached: {refusal}"
        if name in self._rerun:
            return "runs again: it was named in rerun"
        function = self._keys.function(slot)
        if self._store.function(function) is not None:
            return ""
        flow = self._scheduler.run.flow.name
        stored = self._store.latest(flow, name, item) or self._store.latest(flow, name, 0)
        if stored is None:
            return FIRST
        words = self._change_of_function(slot, function, stored)[2]
        return f"runs again: {words}" if words else ""


class _Rehearsal:
    """A run that is played without workers.

    Attributes
    ----------
    looked : set of int
        The tasks and items whose turn has come, and which are not in the cache.
    doubtful : set of int
        The tasks that may come to be skipped.
    """

    def __init__(
        self, plan: Plan, store: Store, given: Mapping[str, Any], rerun: Collection[str]
    ) -> None:
        self.plan, self.run = plan, Run(plan, "sequential", 1)
        self.cache = _Looking(store, rerun)
        self.cache.keep_open()
        self.cache.prints = prints_of(plan, given)
        kept = given_slots(plan, given)
        for slot in kept:
            self.run.record.note(slot, why=GIVEN)
        self.scheduler = Scheduler(self.run, [], kept=kept, cache=self.cache)
        self.scheduler.left += 1  # so it never ends, and nobody learns from it
        self.unread = {plan.index[name]: slot for slot, name in takers(plan)}
        self.looked: set[int] = set()
        self.known: dict[int, Outlook] = {}
        self.doubtful = set(plan.gated)
        for name in plan.order if self.doubtful else ():
            before = (plan.index[edge.source] for edge in plan.flow.upstream[name])
            if not self.doubtful.isdisjoint(before):
                self.doubtful.add(plan.index[name])

    def forecast(self) -> Forecast:
        self._play()
        self._forget_steps()
        outlooks = tuple(self._outlook(self.plan.index[name]) for name in self.plan.order)
        by_name = {one.task: one for one in outlooks}
        values = self.run.record.values
        values[:] = [None] * len(values)  # what was read is not kept alive
        self.run.record.end(State.SUCCEEDED, perf_counter_ns())
        return Forecast(self.run, tuple(by_name[name] for name in self.plan.flow.tasks))

    def _play(self) -> None:
        scheduler = self.scheduler
        scheduler.start()
        while (slot := scheduler.frontier.take()) is not None:
            if scheduler.owner(slot) in self.unread:
                continue
            seen = scheduler.gate.settles(slot)
            if seen is None and scheduler.is_map(slot):
                seen = scheduler.maps.gather(slot)
            if seen is None:
                self.looked.add(slot)
                continue
            with scheduler.lock:
                scheduler.settle(slot, *seen)

    def _forget_steps(self) -> None:
        """Have what is not settled pending, as it is before a run."""
        log = self.run.record.log
        told = [entry for entry in entries(log) if entry[1] is not State.READY]
        last = {slot: state for slot, state, *_ in told}
        now = perf_counter_ns()
        told += [entered(s, State.PENDING, now) for s, how in last.items() if not how.is_final]
        log[:] = [part for entry in told for part in entry]
        self.run.record.fold()

    def _outlook(self, slot: int) -> Outlook:
        found = self.known.get(slot)
        if found is None:
            where = self.scheduler.maps.where.get(slot)
            found = self._of_call(slot) if where is None else self._of_items(slot, where)
            self.known[slot] = found
        return found

    def _of_call(self, slot: int) -> Outlook:
        """Tell of a task, or of an item."""
        name, task = self.scheduler.name_of(slot), self.scheduler.owner(slot)
        record = self.run.record.tasks[task]
        if slot != task:
            record = (record.items or ())[slot - self.scheduler.maps.where[task].first]
        saved = self.cache.seconds(slot)
        if saved is not None:
            return Outlook(name, "cached", record.why, saved)
        if record.state.is_failure:
            return Outlook(name, "ends", f"fails: {record.error}")
        if record.state.is_final:
            cause = f"because of '{record.cause}'" if record.cause else record.state.words
            return Outlook(name, "ends", record.why or cause)
        if slot in self.looked:
            why = self.cache.why(slot) or FIRST
            return Outlook(name, "runs", why)
        if task not in self.doubtful and (certain := self.cache.certain(slot)):
            return Outlook(name, "runs", certain)
        return Outlook(name, "may run", f"may run: {self._what_comes_before(slot)}")

    def _what_comes_before(self, slot: int) -> str:
        """Say what has to end before anybody knows whether a task, or an item, runs."""
        task = self.scheduler.owner(slot)
        if task in self.unread:
            value = self.plan.constants[self.unread[task] - len(self.plan.bindings)]
            return f"its input, {kind_of(value)}, is read when it runs"
        for edge in self.plan.flow.upstream[self.plan.flow.tasks[task]]:
            before = self.plan.index[edge.source]
            if slot != task and self.scheduler.maps.is_one_by_one(edge):
                where = self.scheduler.maps.where
                before = where[before].first + slot - where[task].first
            found = self._outlook(before)
            if found.kind == "may run":
                return found.words.rpartition("may run: ")[2]
            if found.kind == "runs":
                return f"'{found.task}' {_shortly(found.words)}"
        return "what it takes is known only then"

    def _of_items(self, task: int, where: Items) -> Outlook:
        """Tell of a mapped task whose items are known."""
        name = self.plan.flow.tasks[task]
        items = [self._outlook(slot) for slot in range(where.first, where.first + where.number)]
        kinds = Counter[str](one.kind for one in items)
        saved = sum(one.seconds for one in items)
        if not items:
            return Outlook(name, "ends", "has no items")
        if kinds["cached"] == len(items):
            return Outlook(name, "cached", f"cached: {short_time(saved)} saved", saved, kinds)
        record = self.run.record.tasks[task]
        if record.state.is_final:
            return self._of_call(task)._replace(items=kinds, seconds=saved)
        told = []
        if kinds["cached"]:
            told.append(f"{kinds['cached']} of {counted(len(items), 'item')} cached")
        for how in ("runs", "may run"):
            first = next((one.words for one in items if one.kind == how), "")
            if kinds[how] == len(items):
                told.append(first)
            elif kinds[how]:
                told.append(f"{kinds[how]} {_of_several(first, kinds[how])}")
        kind: Kind = "runs" if kinds["runs"] else "may run"
        return Outlook(name, kind, "; ".join(told), saved, kinds)


def _shortly(words: str) -> str:
    """Say of a task that runs that it does, without the reason.

    Examples
    --------
    >>> _shortly("runs again: it was named in rerun"), _shortly("2 of 3 items cached; 1 runs again")
    ('runs again', 'runs for some of its items')
    """
    if words.startswith("not cached"):
        return "is not cached"
    known = next((each for each in (FIRST, "runs again") if words.startswith(each)), "")
    return known or "runs for some of its items"


def _of_several(words: str, number: int) -> str:
    """Say of items what one of them does.

    Examples
    --------
    >>> _of_several("runs for the first time", 2)
    'run for the first time'
    """
    return words.replace("runs", "run", 1) if number > 1 and words.startswith("runs") else words
