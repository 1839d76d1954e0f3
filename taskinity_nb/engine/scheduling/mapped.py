"""The items of mapped tasks: what they are, which arguments they get, what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from time import perf_counter_ns, thread_time_ns
from typing import Any

from ...errors import BindingError, is_skip
from ...model.events import Entry, Failure, Frame, Items, State, ended, entered, running
from ...model.refs import MISSING, RELEASED, ResultRef, is_missing, is_ref
from ...strangers import traceback_of
from ...values import is_frame
from ..remote.process.frames import user_frames
from ..runtime.interrupts import allow_interrupts, is_interrupt
from .backend import Scheduling
from .failures import FailedItem, map_error

__all__ = ["MappedTasks", "items_of"]


def items_of(result: Any, source: str, task: str) -> list[Any]:
    """Return the items of a result that a task is mapped over; of a mapping, its pairs.

    Raises
    ------
    BindingError
        If it has no items, or is a text.

    Examples
    --------
    >>> items_of({"a": 1, "b": 2}, "load", "work")
    [('a', 1), ('b', 2)]
    """
    if isinstance(result, Mapping):
        return list(result.items())
    if is_frame(result):
        rows = "df.itertuples()" if hasattr(result, "itertuples") else "df.iter_rows(named=True)"
        raise BindingError(
            f"task '{task}' is mapped over the result of '{source}', a {type(result).__name__}, "
            "whose items are its columns",
            remedy=f"let '{source}' return the rows, {rows}, or list(df.columns)",
        )
    if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
        what = "text" if isinstance(result, (str, bytes)) else "no items"
        raise BindingError(
            f"task '{task}' is mapped over the result of '{source}', which has {what}: "
            f"it is {type(result).__name__}",
            remedy=f"let '{source}' return a list, or write '{source} -> {task}' without 'map'",
        )
    return list(result)


class GatheredRef(ResultRef):
    """The results of items, some of which are not in this process."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        there = [part for part in parts if is_ref(part) and part.place]
        self.place = ", ".join(dict.fromkeys(part.place for part in there))
        self.nbytes = sum(part.nbytes or 0 for part in there) if there else None
        self._whole: list[Any] | None = None

    def fetch(self) -> list[Any]:
        if self._whole is None:
            self._whole = [p.fetch() if is_ref(p) else p for p in self.parts]
        return self._whole

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.parts,)  # a part travels as what it stands for


class MappedTasks:
    """The mapped tasks of a run whose items are known; what a backend asks, `Mapped` says.

    All but `gather` and `arguments` are called under the scheduler's lock.

    Attributes
    ----------
    where : dict of int to Items
        The slots of the items of each.
    """

    def __init__(self, scheduler: Scheduling, kept: Mapping[int, Mapping[int, Any]]) -> None:
        self._scheduler = scheduler
        self._plan = scheduler.run.plan
        self._values = scheduler.run.record.values
        self._frontier = scheduler.frontier
        self._log = scheduler.log
        self._kept = dict(kept)  # results of an earlier run, by task and item
        self._items: dict[int, list[Any] | None] = {}  # None for those of a stream
        self._began: dict[int, int] = {}
        self._failed: dict[int, list[FailedItem]] = {}
        self._frames: dict[int, tuple[Frame, ...]] = {}  # of failed items, by slot
        self._gone: dict[int, tuple[State, int | None]] = {}
        """What an item without a result means to the same item of the next task, and the cause."""
        self._lost: dict[int, tuple[State, int | None]] = {}  # likewise of a task, its first one
        self._closed: set[int] = set()
        self.where: dict[int, Items] = {}

    def gather(self, task: int) -> tuple[Any, Entry]:
        plan = self._plan
        edge = plan.maps[task]
        source = plan.index[edge.source]
        started, cpu = perf_counter_ns(), thread_time_ns()
        try:
            items = None
            if edge.key or source not in self.where:
                whole = plan.items_origin(task).whole(self._values)
                if is_ref(whole):
                    whole = whole.fetch()
                items = allow_interrupts(items_of)(whole, edge.source, edge.target)
        except BaseException as error:  # iterating runs code of the user's
            if is_interrupt(error):
                raise
            now = perf_counter_ns()
            frames = user_frames(traceback_of(error))
            failure = Failure(now, error, frames)
            return MISSING, ended(task, State.FAILED, now, started, thread_time_ns() - cpu, failure)
        return items, running(task, perf_counter_ns(), None, started)

    def expand(self, task: int, items: list[Any] | None, entry: Entry) -> None:
        """Write down which items a task has; they are taken instead of it."""
        kept = self._kept.pop(task, {})
        where, now, log = self._make_slots(task, items), entry[2], self._log
        self._began[task] = now
        log += (*entry[:5], where)
        for item, value in sorted(kept.items()):
            self._values[where.first + item] = value
            log += entered(where.first + item, State.CACHED, now)
        done = {where.first + item for item in kept}
        ready, lost = self._frontier.expand(task, where.first, where.number, done)
        for slot in ready:
            log += entered(slot, State.READY, now)
        self._lose(lost, now)
        self._scheduler.workers.wake_others()
        self._scheduler.abandon_after_failure()
        self.close_if_ended(task)

    def _make_slots(self, task: int, items: list[Any] | None) -> Items:
        source = self._plan.index[self._plan.maps[task].source]
        count = self.where[source].number if items is None else len(items)
        self._items[task] = items
        self.where[task] = where = Items(len(self._values), count)
        self._values.extend([MISSING] * count)
        return where

    def settle(self, slot: int, value: Any, entry: Entry) -> None:
        """Write down how an item ended; with the last one, its task ends."""
        scheduler, log = self._scheduler, self._log
        task = self._frontier.owner(slot)
        if value is not MISSING:
            log += entry
            self._values[slot] = value
            for follower in self._frontier.done(slot):
                log += (follower, State.READY, entry[5], None, None, None)
            if len(scheduler.backends) > 1:
                scheduler.workers.wake_others()
        else:
            error = entry[5].error
            if is_skip(error):
                self._gone[slot] = (State.SKIPPED, slot)
                log += entered(slot, State.SKIPPED, entry[2], error)
            else:
                self._fail(slot, task, entry)
            lost, _ = self._frontier.fail(slot)
            self._lose(lost, entry[2])
            scheduler.abandon_after_failure()
        self.close_if_ended(task)

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
            source = self._plan.index[self._plan.maps[task].source]
            before = slot - self.where[task].first + self.where[source].first
            state, cause = self._gone[slot] = self._gone[before]
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
        failed = self._failed.get(task)
        if failed:
            failed.sort(key=itemgetter(0))
            error = map_error(self._plan.flow.tasks[task], failed, count)
            failure = Failure(now, error, self._frames[first + failed[0][0]])
            return MISSING, ended(task, State.FAILED, now, began, 0, failure)
        if task in self._lost:
            state, cause = self._lost[task]
            return MISSING, entered(task, state, now, cause)
        values = self._values[first : first + count]
        values = [value for value in values if not is_missing(value)]  # none of a skip
        is_here = not any(is_ref(value) for value in values)
        whole = values if is_here else GatheredRef(values)
        return whole, ended(task, State.SUCCEEDED, now, began, 0, now)

    def arguments(self, slot: int) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a task or an item."""
        task = self._frontier.owner(slot)
        values = self._values
        item = self.item(slot) if task != slot else None
        return self._plan.arguments(task, values, item)

    def item(self, slot: int) -> Any:
        task = self._frontier.owner(slot)
        place = slot - self.where[task].first
        items = self._items[task]
        if items is not None:
            return items[place]
        source = self._plan.index[self._plan.maps[task].source]
        return self._values[self.where[source].first + place]

    def previous_in_stream(self, slot: int) -> int | None:
        task = self._frontier.owner(slot)
        if self._items[task] is not None:
            return None
        source = self._plan.index[self._plan.maps[task].source]
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
