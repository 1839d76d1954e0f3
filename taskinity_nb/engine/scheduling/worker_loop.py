"""The workers of a run: the loop that each of them runs, and how loops are started and woken.

Why no wake-up is lost stands in `scheduler`, whose lock is meant here by "the lock".
"""

from __future__ import annotations

import os
import threading
from typing import Any

from ...errors import ExecutorError, FlowError, described
from ...model.events import Entry
from ...model.refs import MISSING
from ..runtime.interrupts import is_interrupt
from ..runtime.locks import spin_acquire
from .backend import SETTLED, Backend, LoopBackend, Perform, Scheduling, Worker
from .cut_off import Meter

__all__ = ["WorkerLoop"]


class WorkerLoop:
    """Whoever claims tasks for a scheduler; what others may ask of it, `Loops` says.

    Attributes
    ----------
    dropped : list
        What is let go of as soon as the lock is free.
    by_name : dict of str to Worker
        The last worker of each name.
    """

    def __init__(self, scheduler: Scheduling) -> None:
        self._scheduler = scheduler
        self._to_start: list[Backend] = []  # backends of which one more loop is to be started
        self.dropped: list[Any] = []
        self.by_name: dict[str, Worker] = {}
        self._dropping = threading.RLock()  # reentrant: what goes may be code that waits for a run

    def loop(self, backend: LoopBackend) -> None:
        """One worker: claim a task, have it performed, settle it, take the next."""
        scheduler, to_start, dropped = self._scheduler, self._to_start, self.dropped
        lock, held = scheduler.lock, scheduler.held
        worker = self._enter(backend)
        if worker is None:
            return
        perform: Perform | None = None
        is_interrupted = False
        try:
            if scheduler.stopped or scheduler.finished.is_set():
                return
            perform = self._performer(backend, worker)
            if perform is None:
                return
            task = self._claim(backend, worker)
            while True:
                if to_start or dropped:
                    self.catch_up()
                if task is None:
                    if worker.abandoned or scheduler.stopped or scheduler.finished.is_set():
                        return
                    backend.park(worker)
                    task = self._claim(backend, worker)
                    continue
                if task in held:
                    value, entry = self._pass(task, backend, worker, perform)
                else:
                    value, entry = perform(task, worker)
                delay = None
                if value is MISSING:
                    if scheduler.stopped or worker.abandoned:
                        return
                    if entry is SETTLED:
                        worker.attempt += 1
                        task = self._claim(backend, worker)
                        continue
                    delay = scheduler.retries.delay(task, entry)
                if not lock.acquire(False):  # nearly never, so it is asked here, without a call
                    spin_acquire(lock)
                try:
                    worker.attempt += 1
                    if scheduler.stopped or worker.abandoned:
                        return
                    scheduler.settle(task, value, entry, delay)
                    value = None  # a parked worker holds on to nothing
                    task = scheduler.claim(backend, worker)
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
                    backend.dismiss(perform)
                    perform = None  # it holds the results
            finally:
                self._leave(backend, worker, is_interrupted)

    def _pass(
        self, task: int, backend: LoopBackend, worker: Worker, perform: Perform
    ) -> tuple[Any, Entry]:
        """Have a task looked at, performed if it is to be, and its result kept."""
        gate = self._scheduler.gate
        seen = gate.look_at(task, backend, worker)
        if seen is not None:
            return seen
        value, entry = perform(task, worker)
        if value is not MISSING:
            gate.keep(task, value, entry)
        return value, entry

    def _enter(self, backend: LoopBackend) -> Worker | None:
        """Give this loop a name, and have it known by that, with what its thread has used."""
        with self._scheduler.lock:
            worker = backend.enter()
            if worker is not None:
                self.by_name[worker.name] = worker
        if worker is not None and backend.is_here:
            worker.meter = Meter(os.getpid(), threading.get_native_id())
        return worker

    def _claim(self, backend: LoopBackend, worker: Worker) -> int | None:
        with self._scheduler.lock:
            return self._scheduler.claim(backend, worker)

    def _leave(self, backend: LoopBackend, worker: Worker, is_interrupted: bool) -> None:
        """Say that a worker has ended; who interrupts one cancels the run anyway."""
        with self._scheduler.lock:
            backend.leave(worker)
        if not is_interrupted:
            self.see_who_is_left(backend)

    def _performer(self, backend: LoopBackend, worker: Worker) -> Perform | None:
        """Return how a new worker performs tasks; None if it cannot, and others go on without."""
        scheduler = self._scheduler
        try:
            return backend.performer()
        except BaseException as error:
            if is_interrupt(error):
                raise
            with scheduler.lock:
                backend.leave(worker, for_good=True)
            self._end_if_alone(backend, error)
            return None

    def not_started(self, backend: Backend, error: BaseException) -> None:
        with self._scheduler.lock:
            backend.starting -= 1
        self._end_if_alone(backend, error)

    def _end_if_alone(self, backend: Backend, error: BaseException) -> None:
        """End the run, unless there are others who can do what one that has not come would do."""
        scheduler = self._scheduler
        with scheduler.lock:
            if not backend.has_nobody or scheduler.finished.is_set():
                return
            slot = scheduler.frontier.peek(backend.queue)
            if slot is None:  # what it was to do is not to be done any more
                return
            name = scheduler.name_of(slot)
        why, remedy, cause = described(error), "run.resume() keeps what is done", error
        if isinstance(error, FlowError):
            why, remedy, cause = error.message, error.remedy, error.__cause__ or error
        ended = ExecutorError(f"no worker can be started for task '{name}': {why}", remedy=remedy)
        ended.__cause__ = cause
        scheduler.break_off(ended)

    def see_who_is_left(self, backend: Backend) -> None:
        self.catch_up()
        scheduler = self._scheduler
        with scheduler.lock:
            has_ended = scheduler.finished.is_set()
            if has_ended:
                scheduler.part()
            elif self._is_going_on(backend):
                return
            else:
                name, left = scheduler.run.flow.name, scheduler.left
        if has_ended:
            self.drop()
            return
        scheduler.break_off(
            ExecutorError(
                f"all workers of flow '{name}' have ended, and {left} of its tasks have not",
                remedy="this is a fault of taskinity_nb: please report it; run.resume() goes on",
            )
        )

    def _is_going_on(self, backend: Backend) -> bool:
        """Tell whether what is left has somebody who will do it, though a worker has ended."""
        scheduler = self._scheduler
        is_missed = backend.has_nobody and scheduler.frontier.ready(backend.queue)
        is_awaited = scheduler.retries.are_awaited or scheduler.gate.is_awaited
        is_alone = all(backend.has_nobody for backend in scheduler.backends)
        return not (is_missed or (is_alone and not is_awaited))

    def wake(self, backend: Backend) -> None:
        """Have one more worker work; who wakes the next."""
        if backend.wake():
            self._to_start.append(backend)

    def catch_up(self) -> None:
        """Do what must not be done under the lock: start loops, let go of the user's values."""
        self.drop()
        while self._to_start:
            try:
                backend = self._to_start.pop()
            except IndexError:  # another worker was quicker
                return
            try:
                backend.start()
            except BaseException as error:  # no more threads, a closed pool
                if is_interrupt(error):
                    raise
                self.not_started(backend, error)

    def drop(self) -> None:
        """Let go of what is to be let go of; when this returns, it has gone."""
        with self._dropping:
            self.dropped.clear()

    def wake_others(self) -> None:
        frontier = self._scheduler.frontier
        for backend in self._scheduler.backends:
            if frontier.ready(backend.queue):
                self.wake(backend)
