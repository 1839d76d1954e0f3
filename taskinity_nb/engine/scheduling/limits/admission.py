"""Admission: a task whose turn has come begins only if what it asks for is free.

One that has to wait lets go of its worker, which goes on with others. When what it waits for has
come back, it has that, and is ready once more, in its old place: it does not wait twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import NamedTuple

from ....model.limits.capacities import Capacities
from ...runtime.timers import Timers
from ..backend import Scheduling
from .pool import Demand, Pool

__all__ = ["Admission", "Limits"]


class Limits(NamedTuple):
    """How much a run may use at once, and what each of its tasks asks for, by slot."""

    capacities: Capacities
    demands: dict[int, Demand]


class Admission:
    """Has the tasks of a run wait for what they ask for."""

    def __init__(self, scheduler: Scheduling, limits: Limits) -> None:
        self._scheduler, self._demands = scheduler, limits.demands
        self._pool = Pool(limits.capacities, monotonic)
        self._timers = Timers(scheduler.break_off)
        self._due: float | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether a task waits for its time, so that it is no wonder if nobody works."""
        return self._due is not None

    def admits(self, slot: int) -> bool:
        """Tell whether a task may begin; if not, it will be claimed again. Not under the lock."""
        scheduler = self._scheduler
        demand = self._demands.get(scheduler.owner(slot))
        if demand is None:
            return True
        with scheduler.lock:
            if scheduler.stopped or self._pool.take(slot, demand):
                return True
            scheduler.run.record.note(slot, waited_for=", ".join(self._pool.short_of(demand)))
            self._see_when()
        if scheduler.on_error == "stop" and scheduler.first_failed is not None:
            scheduler.withdraw(())  # nothing new begins, so this one would wait for nothing
        return False

    def has_waited(self, slot: int) -> bool:
        """Tell whether a task has what it has waited for, and now only needs a worker."""
        return self._pool.has_served(slot)

    # Under the lock.

    def reserve(self, slot: int) -> None:
        """Keep for a task that was just claimed what it will ask for, or its place in the queue.

        Else whoever comes to ask first would have it, and not who was claimed first.
        """
        demand = self._demands.get(self._scheduler.owner(slot))
        if demand is not None:
            self._pool.reserve(slot, demand)

    def leave(self, slot: int) -> None:
        """Say that a task, or an attempt at it, has ended: others may have what it had."""
        self._serve(self._pool.give_back(slot))

    def call_back(self) -> None:
        """Have all that wait be ready, since none of them is going to begin."""
        for slot in self._pool.clear():
            self._scheduler.frontier.again(slot)

    def _serve(self, served: Iterable[int]) -> None:
        for slot in served:
            self._scheduler.frontier.again(slot)
        if served:
            self._scheduler.workers.wake_others()
        self._see_when()

    def _see_when(self) -> None:
        """Look when a rate will let somebody begin, and be called then."""
        due = self._pool.due()
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self._timers.set(max(0.0, due - monotonic()), self._time_has_come)

    def _time_has_come(self) -> None:
        scheduler = self._scheduler
        with scheduler.lock:
            if scheduler.stopped or scheduler.finished.is_set():
                return
            self._due = None
            self._serve(self._pool.serve())
        scheduler.workers.catch_up()

    def close(self) -> None:
        """Wait for nothing more."""
        self._timers.close()
