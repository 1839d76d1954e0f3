"""The workers of a run: the loop that each of them runs, and how loops are started and woken.

Why no wake-up is lost stands in `scheduler`, whose lock is meant here by "the lock".
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ...errors import ExecutorError, FlowError, described
from ...model.record import MISSING
from ..runtime.interrupts import is_interrupt
from ..runtime.locks import take_turn
from .backend import Crew, Perform, Seat

if TYPE_CHECKING:
    from .scheduler import Scheduler

__all__ = ["Workers"]


class Workers:
    """Whoever claims tasks for a scheduler.

    Attributes
    ----------
    dropped : list
        What is let go of as soon as the lock is free.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._to_start: list[Crew] = []  # crews of which one more loop is to be started
        self.dropped: list[Any] = []
        self._dropping = threading.RLock()  # reentrant: what goes may be code that waits for a run

    def loop(self, crew: Crew) -> None:
        """One worker: claim a task, have it performed, settle it, take the next."""
        scheduler, to_start, dropped = self._scheduler, self._to_start, self.dropped
        lock, mapped = scheduler.lock, scheduler.mapped
        with lock:
            seat = crew.enter()
        if seat is None:
            return
        perform: Perform | None = None
        is_interrupted = False
        try:
            if scheduler.stopped or scheduler.finished.is_set():
                return
            perform = self._worker(crew, seat)
            if perform is None:
                return
            with lock:
                task = scheduler.claim(crew, seat)
            while True:
                if to_start or dropped:
                    self.catch_up()
                if task is None:
                    if seat.left_behind or scheduler.stopped or scheduler.finished.is_set():
                        return
                    crew.park(seat)
                    with lock:
                        task = scheduler.claim(crew, seat)
                    continue
                if task in mapped:
                    value, entry = scheduler.maps.gather(task)
                else:
                    value, entry = perform(task, seat)
                delay = None
                if value is MISSING:
                    if scheduler.stopped or seat.left_behind:
                        return
                    delay = scheduler.attempts.delay(task, entry)
                if not lock.acquire(False):  # nearly never, so it is asked here, without a call
                    take_turn(lock)
                try:
                    seat.turn += 1
                    if scheduler.stopped or seat.left_behind:
                        return
                    scheduler.settle(task, value, entry, delay)
                    value = None  # a parked worker holds on to nothing
                    task = scheduler.claim(crew, seat)
                finally:
                    lock.release()
        except BaseException as error:  # a broken executor, or a defect here: never a hanging run
            is_interrupted = is_interrupt(error)
            if is_interrupted:
                raise  # to who has called for the run, and cancels it
            scheduler.break_off(error)
        finally:
            try:
                if perform is not None:
                    crew.dismiss(perform)
            finally:
                with lock:
                    crew.leave(seat)
                if not is_interrupted:
                    self.see_who_is_left(crew)

    def _worker(self, crew: Crew, seat: Seat) -> Perform | None:
        """Return how a new worker performs tasks; None if it cannot, and others go on without."""
        scheduler = self._scheduler
        try:
            return crew.worker()
        except BaseException as error:
            if is_interrupt(error):
                raise
            with scheduler.lock:
                crew.leave(seat, for_good=True)
            self._end_if_alone(crew, error)
            return None

    def not_started(self, crew: Crew, error: BaseException) -> None:
        """Say that a loop that was asked for does not begin; the others go on, if there are any."""
        with self._scheduler.lock:
            crew.starting -= 1
        self._end_if_alone(crew, error)

    def _end_if_alone(self, crew: Crew, error: BaseException) -> None:
        """End the run, unless there are others who can do what one that has not come would do."""
        scheduler = self._scheduler
        with scheduler.lock:
            if not crew.has_nobody or scheduler.finished.is_set():
                return
            slot = scheduler.frontier.peek(crew.lane)
            if slot is None:  # what it was to do is not to be done any more
                return
            name = scheduler.name_of(slot)
        why, remedy, cause = described(error), "run.resume() keeps what is done", error
        if isinstance(error, FlowError):
            why, remedy, cause = error.message, error.remedy, error.__cause__ or error
        ended = ExecutorError(f"no worker can be started for task '{name}': {why}", remedy=remedy)
        ended.__cause__ = cause
        scheduler.break_off(ended)

    def see_who_is_left(self, crew: Crew) -> None:
        """Say that a worker has ended; with the last one, the run ends, however it stands."""
        self.catch_up()
        scheduler = self._scheduler
        with scheduler.lock:
            if scheduler.finished.is_set():
                scheduler.part()
                return
            is_missed = crew.has_nobody and scheduler.frontier.ready(crew.lane)
            is_alone = all(crew.has_nobody for crew in scheduler.crews)
            if not (is_missed or (is_alone and not scheduler.attempts.are_awaited)):
                return
            name, left = scheduler.run.flow.name, scheduler.left
        scheduler.break_off(
            ExecutorError(
                f"all workers of flow '{name}' have ended, and {left} of its tasks have not",
                remedy="this is a fault of taskinity_nb: please report it; run.resume() goes on",
            )
        )

    def wake(self, crew: Crew) -> None:
        """Have one more worker work; who wakes the next."""
        if crew.wake():
            self._to_start.append(crew)

    def catch_up(self) -> None:
        """Do what must not be done under the lock: start loops, let go of the user's values."""
        self.drop()
        while self._to_start:
            try:
                crew = self._to_start.pop()
            except IndexError:  # another worker was quicker
                return
            try:
                crew.start()
            except BaseException as error:  # no more threads, a closed pool
                if is_interrupt(error):
                    raise
                self.not_started(crew, error)

    def drop(self) -> None:
        """Let go of what is to be let go of; when this returns, it has gone."""
        with self._dropping:
            self.dropped.clear()

    def wake_others(self) -> None:
        """Wake a worker of each crew that has something to do now."""
        frontier = self._scheduler.frontier
        for crew in self._scheduler.crews:
            if frontier.ready(crew.lane):
                self.wake(crew)
