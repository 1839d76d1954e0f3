"""The items of mapped tasks: what they are, which arguments they get, what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from operator import itemgetter
from time import perf_counter_ns, thread_time_ns
from typing import Any

from ....errors import BindingError, is_skip
from ....model.events import Entry, Failure, Frame, Items, State, ended, entered, running
from ....model.flow import Edge
from ....model.refs import MISSING, RELEASED, is_missing, is_ref
from ....strangers import traceback_of
from ...remote.process.frames import user_frames
from ...runtime.interrupts import allow_interrupts, is_interrupt
from ..backend import Scheduling
from ..consumers import Consumers
from ..failures import FailedItem, map_error
from .items import GatheredRef, Partial, Side, items_of

__all__ = ["MappedTasks"]


class MappedTasks:
    """The mapped tasks of a run whose items are known; what a backend asks, `Mapped` says.

    All but `gather` and `arguments` are called under the scheduler's lock.

    Attributes
    ----------
    where : dict of int to Items
        The slots of the items of each.
    partial : dict of int to list
        Of a mapped task that failed, the results of its other items, for who takes what there is.
    """

    def __init__(
        self,
        scheduler: Scheduling,
        kept: Mapping[int, Mapping[int, Any]],
        consumers: Consumers | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._plan = scheduler.run.plan
        self._values = scheduler.run.record.values
        self._frontier = scheduler.frontier
        self._log = scheduler.log
        self._kept = dict(kept)  # results of an earlier run, by task and item
        self._one_by_one = consumers.one_by_one if consumers else {}
        self._feeding: dict[int, list[int]] = {}  # by task, those of them that it takes items of
        self._takers: dict[int, int] = {}  # by slot, how many still take its result, if fewer
        self._items: dict[int, list[Any] | Side | None] = {}  # None for those of a stream
        self._began: dict[int, int] = {}
        self._failed: dict[int, list[FailedItem]] = {}
        self._frames: dict[int, tuple[Frame, ...]] = {}  # of failed items, by slot
        self._gone: dict[int, tuple[State, int | None]] = {}
        """What an item without a result means to the same item of the next task, and the cause."""
        self._lost: dict[int, tuple[State, int | None]] = {}  # likewise of a task, its first one
        self._closed: set[int] = set()
        self.where: dict[int, Items] = {}
        self.partial: dict[int, list[Any]] = {}

    def gather(self, task: int) -> tuple[Any, Entry]:
        started, cpu = perf_counter_ns(), thread_time_ns()
        try:
            items = self._gathered(task)
        except BaseException as error:  # iterating runs code of the user's
            if is_interrupt(error):
                raise
            now = perf_counter_ns()
            frames = user_frames(traceback_of(error))
            failure = Failure(now, error, frames)
            return MISSING, ended(task, State.FAILED, now, started, thread_time_ns() - cpu, failure)
        return items, running(task, perf_counter_ns(), None, started)

    def _gathered(self, task: int) -> list[Any] | Side | None:
        """Return the items of a task: one of each edge, side by side or in every combination."""
        plan, name = self._plan, self._plan.flow.tasks[task]
        edges = [edge for edge in plan.maps[task] if edge.kind != "each_wait"]
        lists: list[list[Any] | None] = []
        gone: list[Edge] = []
        for edge in edges:
            if self.is_one_by_one(edge):
                lists.append(None)
                continue
            whole = plan.origin_of(edge).whole(Partial(self._values, self.partial))
            if edge.kind == "each" and edge.optional and is_missing(whole):
                lists.append([])  # filled below: each item goes on without it
                gone.append(edge)
                continue
            if is_ref(whole):
                whole = whole.fetch()
            lists.append(allow_interrupts(items_of)(whole, edge.source, name))
        if gone:
            there = [p for p in zip(lists, edges, strict=True) if p[1] not in gone]
            nothing = [MISSING] * self._count(*there[0])
            lists = [nothing if e in gone else p for p, e in zip(lists, edges, strict=True)]
        known = [each for each in lists if each is not None]
        waits = [edge for edge in plan.maps[task] if edge.kind == "each_wait"]
        if known and any(edge.kind == "product" for edge in edges):
            return list(product(*known))
        counts = {edge: self._count(each, edge) for each, edge in zip(lists, edges, strict=True)}
        counts |= {edge: self._count(None, edge) for edge in waits if self.is_one_by_one(edge)}
        if len(set(counts.values())) > 1:
            numbers = [f"'{edge.origin}' {count:,}" for edge, count in counts.items()]
            raise BindingError(
                f"task '{name}' takes items side by side, and their numbers differ: "
                + ", ".join(numbers),
                remedy="give them as many items each, or write 'product' for every combination",
                **plan.flow.at((edges or waits)[-1]),
            )
        if not known:
            return None
        if len(lists) == 1:
            return known[0]
        return list(zip(*known, strict=True)) if len(known) == len(lists) else Side(lists)

    def _count(self, items: list[Any] | None, edge: Edge) -> int:
        return self.where[self._plan.index[edge.source]].number if items is None else len(items)

    def is_one_by_one(self, edge: Edge) -> bool:
        """Tell whether the items of an edge, or its verdicts, come from those of a mapped task."""
        return self._plan.is_stream(edge) and self._plan.index[edge.source] in self.where

    def expand(self, task: int, items: list[Any] | Side | None, entry: Entry) -> None:
        """Write down which items a task has; they are taken instead of it."""
        kept = self._kept.pop(task, {})
        where, now, log = self._make_slots(task, items), entry[2], self._log
        self._began[task] = now
        if self._one_by_one:
            self._feeding[task] = [s for s in self._sources(task) if s in self._one_by_one]
        log += (*entry[:5], where)
        for item, value in sorted(kept.items()):
            self._values[where.first + item] = value
            log += entered(where.first + item, State.CACHED, now)
        done = {where.first + item for item in kept}
        if task in self._scheduler.gated:
            self._scheduler.held.update(range(where.first, where.first + where.number))
        ready, lost = self._frontier.expand(task, where.first, where.number, done)
        for slot in ready:
            log += entered(slot, State.READY, now)
        self._lose(lost, now)
        self._scheduler.workers.wake_others()
        self._scheduler.abandon_after_failure()
        self.close_if_ended(task)

    def _make_slots(self, task: int, items: list[Any] | Side | None) -> Items:
        known = items if isinstance(items, list) else self.where[self._sources(task)[0]]
        count = known.number if isinstance(known, Items) else len(known)
        self._items[task] = items
        self.where[task] = where = Items(len(self._values), count)
        self._values.extend([MISSING] * count)
        return where

    def _sources(self, task: int) -> list[int]:
        """Return the mapped tasks whose items a mapped task waits for one by one."""
        streams = self._plan.streams(self.where.keys() | {task})
        return list(streams.get(task, ()))

    def settle(self, slot: int, value: Any, entry: Entry) -> None:
        """Write down how an item ended; with the last one, its task ends."""
        scheduler, log = self._scheduler, self._log
        task = self._frontier.owner(slot)
        if value is not MISSING:
            log += entry
            self._values[slot] = value
            for follower in self._frontier.done(slot):
                log += (follower, State.READY, entry[5], None, None, None)
            for source in self._feeding.get(task, ()):
                self._let_go(source, slot - self.where[task].first)
            if len(scheduler.backends) > 1:
                scheduler.workers.wake_others()
        else:
            if entry[1] is State.SKIPPED:
                self._gone[slot] = (State.SKIPPED, slot)
                log += entry
            elif is_skip(entry[5].error):
                self._gone[slot] = (State.SKIPPED, slot)
                log += entered(slot, State.SKIPPED, entry[2], entry[5].error)
            else:
                self._fail(slot, task, entry)
            lost, ready = self._frontier.fail(slot)
            for follower in ready:
                log += entered(follower, State.READY, entry[2])
            self._lose(lost, entry[2])
            if ready and len(scheduler.backends) > 1:
                scheduler.workers.wake_others()
            scheduler.abandon_after_failure()
        self.close_if_ended(task)

    def _let_go(self, task: int, place: int) -> None:
        """Say that a task that takes an item's result is done; release it after the last one."""
        slot = self.where[task].first + place
        left = self._takers.pop(slot, self._one_by_one[task]) - 1
        if left:
            self._takers[slot] = left
        else:
            self._scheduler.workers.dropped.append(self._values[slot])
            self._values[slot] = RELEASED

    def _fail(self, slot: int, task: int, entry: Entry) -> None:
        failure, place = entry[5], slot - self.where[task].first
        self._log += entry
        self._failed.setdefault(task, []).append((place, self.item(slot), failure.error))
        self._frames[slot] = failure.frames
        self._gone[slot] = (State.UPSTREAM_FAILED, slot)
        if self._scheduler.first_failed is None:
            self._scheduler.first_failed = task

    def _lose(self, slots: Sequence[int], now: int) -> None:
        """Write down that items will never run, because the same item of a task before has not."""
        tasks: dict[int, None] = {}
        for slot in slots:
            task = self._frontier.owner(slot)
            place = slot - self.where[task].first
            tolerant = self._plan.tolerant
            strict = (s for s in self._sources(task) if task not in tolerant.get(s, ()))
            before = (self.where[source].first + place for source in strict)
            state, cause = next(self._gone[each] for each in before if each in self._gone)
            self._gone[slot] = (state, cause)
            if state is not State.SKIPPED:
                self._lost.setdefault(task, (state, cause))
            self._log += entered(slot, state, now, cause)
            tasks[task] = None
        for task in tasks:
            self.close_if_ended(task)

    def cancel(self, slot: int) -> None:
        """Remember that an item will not run, because the run goes no further."""
        self._gone[slot] = (State.CANCELLED, None)
        self._lost.setdefault(self._frontier.owner(slot), self._gone[slot])

    def close_if_ended(self, task: int) -> None:
        """End a mapped task if none of its items is left."""
        if not self._frontier.left(task) and task not in self._closed:
            self._closed.add(task)
            self._scheduler.settle(task, *self._close(task))

    def _close(self, task: int) -> tuple[Any, Entry]:
        """Return value and last log entry of a mapped task whose items have all ended."""
        began, now = self._began[task], perf_counter_ns()
        first, count = self.where[task]
        failed, values = self._failed.get(task), self._values[first : first + count]
        is_released = task in self._one_by_one or any(value is RELEASED for value in values)
        values = [value for value in values if not is_missing(value)]  # none of a skip
        if values and (failed or task in self._lost) and task in self._plan.tolerant:
            self.partial[task] = values
        is_cached = self._scheduler.gate.is_cached(task, self.where[task])
        if failed:
            failed.sort(key=itemgetter(0))
            error = map_error(self._plan.flow.tasks[task], failed, count)
            failure = Failure(now, error, self._frames[first + failed[0][0]])
            return MISSING, ended(task, State.FAILED, now, began, 0, failure)
        if task in self._lost:
            state, cause = self._lost[task]
            return MISSING, entered(task, state, now, cause)
        is_here = not any(is_ref(value) for value in values)
        whole = RELEASED if is_released else values if is_here else GatheredRef(values)
        if is_cached:
            return whole, ended(task, State.CACHED, now, None, None, now)
        return whole, ended(task, State.SUCCEEDED, now, began, 0, now)

    def arguments(self, slot: int) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a task or an item."""
        task = self._frontier.owner(slot)
        values = Partial(self._values, self.partial) if self.partial else self._values
        item = self.item(slot) if task != slot else None
        return self._plan.arguments(task, values, item)

    def item(self, slot: int) -> Any:
        task = self._frontier.owner(slot)
        place = slot - self.where[task].first
        items = self._items[task]
        if isinstance(items, list):
            return items[place]
        edges = [edge for edge in self._plan.maps[task] if edge.kind != "each_wait"]
        parts = items.lists if items is not None else [None] * len(edges)
        found = [
            self.of_item(edge, place) if part is None else part[place]
            for part, edge in zip(parts, edges, strict=True)
        ]
        return found[0] if len(found) == 1 else tuple(found)

    def of_item(self, edge: Edge, place: int) -> Any:
        """Return the result of another mapped task for an item."""
        return self._values[self.where[self._plan.index[edge.source]].first + place]

    def previous_in_stream(self, slot: int) -> int | None:
        task = self._frontier.owner(slot)
        edges = self._plan.maps[task]
        if self._items[task] is not None or task in self._scheduler.gated:
            return None
        if len(edges) > 1 or edges[0].key is not None:
            return None
        source = self._plan.index[edges[0].source]
        return self.where[source].first + slot - self.where[task].first

    def next_in_stream(self, slot: int) -> list[int]:
        task = self._frontier.owner(slot)
        place = slot - self.where[task].first
        followers = [each for each in self._frontier.streams_of(task) if each in self.where]
        return [self.where[follower].first + place for follower in followers]

    def release(self, task: int) -> list[Any]:
        """Let go of the items of a mapped task and of their results; return what was there."""
        if task not in self.where:
            return []
        first, count = self.where[task]
        gone = [self._items.pop(task), self._values[first : first + count]]
        self._values[first : first + count] = [RELEASED] * count
        self._items[task] = None
        return gone

    def part(self) -> None:
        """Let go of the run, which has ended, and of what its tasks raised."""
        self._failed.clear()
        del self._scheduler, self._log
