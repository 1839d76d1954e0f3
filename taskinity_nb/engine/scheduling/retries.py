"""Trying a task again, and ending an attempt that takes too long."""

from __future__ import annotations

import threading
from time import perf_counter_ns

from ...errors import BindingError, FlowError, UnpicklableError, WorkerLost, described
from ...model.events import Entry, Failure, State, ended, entered
from ...model.refs import MISSING
from ...strangers import add_note, lineage
from ...values import OnceError, is_once, kind_of
from ..runtime.interrupts import is_interrupt
from ..runtime.timers import Timers
from .backend import Backend, Scheduling, Worker
from .failures import timed_out

__all__ = ["Retries"]

NOT_THE_TASKS_OWN = (BindingError, UnpicklableError, WorkerLost, OnceError)
"""Failures on the way to a task or back, after which trying again is of no use."""


class Retries:
    """Which attempts are ended, and which are followed by another (see `Attempts`)."""

    def __init__(self, scheduler: Scheduling) -> None:
        self._scheduler = scheduler
        self._retries: dict[int, int] = {}  # how often a task was tried again
        self._waiting: dict[int, Entry] = {}  # tasks that wait for it, and how they failed
        self._timers = Timers(scheduler.break_off)
        self.timed = any(task.timeout for task in scheduler.run.plan.tasks)
        """Whether any task has a timeout."""

    @property
    def are_awaited(self) -> bool:
        return bool(self._waiting)

    def delay(self, task: int, entry: Entry) -> float | None:
        """Return the seconds before a failed task is tried again, or None if it is not.

        It is called outside the scheduler's lock, since it may call a function of the user's.
        """
        if entry[1] is State.SKIPPED:
            return None
        options, error = self._scheduler.task_of(task), entry[5].error
        retry = self._retries.get(task, 0) + 1
        if retry > options.retries:
            return None
        try:
            if issubclass(type(error), NOT_THE_TASKS_OWN):
                return None
            if entry[1] is not State.TIMED_OUT and not _is_one_of(error, options.retry_on):
                return None
            args, kwargs = self._scheduler.arguments(task)
            read = next(filter(is_once, (*args, *kwargs.values())), None)
            if read is not None:  # the next attempt would begin where this one has stopped
                add_note(error, f"it was not tried again: {kind_of(read)} can be read only once")
                return None
            self._retries[task] = retry
            return max(0.0, options.delay_before(retry))
        except BaseException as broken:  # the callable is the user's, and so are the classes
            if is_interrupt(broken):
                raise
            add_note(error, f"it was not tried again: retry_delay raised {described(broken)}")
            return None

    def again(self, task: int, entry: Entry, delay: float) -> None:
        """Write down that a task is tried again; while it waits it holds no worker."""
        self._scheduler.log += entered(task, State.RETRYING, entry[2], entry[5].error)
        self._scheduler.run.record.forget_output(task)
        self._waiting[task] = entry
        if delay:
            self._timers.set(delay, self._wait_is_over, task)
        else:
            self._start_again(task)

    def _start_again(self, task: int) -> None:
        """Make a task ready again, unless another failure has stopped the run meanwhile."""
        scheduler, entry = self._scheduler, self._waiting.pop(task)
        if scheduler.on_error == "stop" and scheduler.first_failed is not None:
            scheduler.settle(task, MISSING, entry)
            return
        scheduler.log += entered(task, State.READY, perf_counter_ns())
        scheduler.frontier.again(task)
        scheduler.workers.wake_others()

    def _wait_is_over(self, task: int) -> None:
        """Let a task that has waited for its next attempt be taken."""
        with self._scheduler.lock:
            if self._scheduler.stopped:
                return
            self._start_again(task)
        self._scheduler.workers.catch_up()

    def watch(self, task: int, backend: Backend, worker: Worker) -> None:
        """Have an attempt ended when its time is up."""
        timeout = self._scheduler.task_of(task).timeout
        if timeout is not None:
            if worker.meter is not None:
                worker.meter.restart()
            attempt = task, backend, worker, worker.attempt, timeout
            self._timers.set(timeout, self._time_is_up, *attempt)

    def _time_is_up(
        self, task: int, backend: Backend, worker: Worker, attempt: int, timeout: float
    ) -> None:
        """End an attempt, or abandon its worker to it and have another take the place."""
        scheduler = self._scheduler
        left = backend.time_left(worker, timeout)
        with scheduler.lock:
            if scheduler.stopped or worker.attempt != attempt:
                return
            if left > 0.0:
                self._timers.set(left, self._time_is_up, task, backend, worker, attempt, timeout)
                return
            if backend.end_attempt(worker):
                return
            worker.abandoned = True
            if worker.meter is not None:
                worker.meter.read()
            if worker.output is not None and not worker.output.is_empty:
                scheduler.run.record.note(task, output=worker.output.take())
        if callable(scheduler.task_of(task).retry_delay):  # it may take as long as it likes
            rest = threading.Thread(target=self._abandon, args=(task, backend, worker), daemon=True)
            rest.start()
        else:
            self._abandon(task, backend, worker)

    def _abandon(self, task: int, backend: Backend, worker: Worker) -> None:
        """Write down that an attempt has failed whose worker goes on, and let another come."""
        scheduler = self._scheduler
        timeout, now = scheduler.task_of(task).timeout or 0.0, perf_counter_ns()
        failure = Failure(now, timed_out(scheduler.name_of(task), timeout, backend.unstoppable))
        spent = None if worker.meter is None else worker.meter.last
        cpu = None if spent is None else min(spent.cpu, round(timeout * 1e9))
        entry = ended(task, State.TIMED_OUT, now, now - round(timeout * 1e9), cpu, failure)
        delay = self.delay(task, entry)
        with scheduler.lock:
            backend.give_back(worker.name)
            if scheduler.stopped:
                return
            if spent is not None:
                scheduler.run.record.note(task, waited=spent.waited)
            scheduler.settle(task, MISSING, entry, delay)
            if not scheduler.finished.is_set():
                scheduler.workers.wake_others()
        scheduler.workers.catch_up()

    def close(self) -> None:
        """Wait for nothing more."""
        self._timers.close()


def _is_one_of(error: BaseException, kinds: type | tuple[type, ...]) -> bool:
    """Tell whether an exception is one of these; of one that could not travel, its bases tell."""
    if isinstance(error, kinds):
        return True
    bases = error.stands_for if isinstance(error, FlowError) else ()
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    return any(lineage(kind)[0] in bases for kind in wanted)
