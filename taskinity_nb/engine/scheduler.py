"""The scheduler: decides when each task runs, and writes down what happened.

There is no coordinator. Each worker runs `Scheduler.loop`: it claims the best ready task, has it
performed, settles it and takes the next, all under one lock that is held for a microsecond. What
differs between threads, processes and other executors is only how a task is performed (`Perform`)
and who runs the loops (`Crew`).

A worker that finds nothing ready parks, if its crew has threads of its own, or else ends; a task
that becomes ready while nobody is free to take it wakes a parked worker or has one more started.

The log (`model.events`) is the truth: every entry is appended under the lock, in order, and what
comes after the end of a task is not appended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any, Literal

from ..errors import (
    BindingError,
    Cancelled,
    ExecutorError,
    Skip,
    TaskError,
    UnpicklableError,
    WorkerLost,
    described,
)
from ..model.events import Entry, State
from ..model.run import MISSING, Run
from .alarm import Alarm
from .frontier import Frontier
from .learning import learn, weights_of

__all__ = ["Crew", "OnError", "Perform", "Scheduler"]

OnError = Literal["raise", "stop", "continue"]

NOT_THE_TASKS_OWN = (BindingError, UnpicklableError, WorkerLost)
"""Failures on the way to a task or back, after which trying again is of no use."""

Perform = Callable[[int, str], tuple[Any, Entry]]
"""Runs a task for a worker; returns its value (MISSING if it failed) and its last log entry."""


class Crew:
    """Who runs the loops: daemon threads of our own, unless a subclass has others.

    A thread cannot be killed, so one that is left behind must not hold up the interpreter's end.

    Attributes
    ----------
    names : tuple of str
        The workers' names; there are as many workers.
    parks : bool
        Whether a worker that has nothing to do waits, instead of ending.
    starts_at_claim : bool
        Whether a task starts when it is claimed, so that the scheduler stamps its start.
    """

    parks = True
    starts_at_claim = False
    scheduler: Scheduler

    def __init__(self, run: Run, names: str) -> None:
        self.run = run
        self.names = tuple(f"{names}-{i + 1}" for i in range(run.workers))

    def add(self, loop: Callable[[], None]) -> None:
        """Run one more loop, soon."""
        threading.Thread(target=loop, name="taskinity_nb", daemon=True).start()

    def worker(self, name: str) -> Perform:
        """Return how this worker performs a task."""
        raise NotImplementedError

    def release(self, perform: Perform) -> None:
        """Say that a worker has ended."""

    def stop(self) -> None:
        """Stop what runs, as far as that is possible."""


class Scheduler:
    """Runs a plan to its end; the handle of its run.

    Parameters
    ----------
    run : Run
        Where results and the log are written.
    crew : Crew
        Who does the work.
    on_error : {"raise", "stop", "continue"}
        What a failed task means to the rest, and to `wait`.
    kept : mapping of int to object
        Results of an earlier run, by the task's number.
    """

    def __init__(
        self, run: Run, crew: Crew, on_error: OnError, kept: Mapping[int, Any] | None = None
    ) -> None:
        plan = run.plan
        self.run = run
        self.crew = crew
        crew.scheduler = self
        self.on_error = on_error
        self.finished = threading.Event()
        self.when_finished: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._kept = kept or {}
        weights = weights_of(plan.flow)
        self._frontier = Frontier(plan.waiting, plan.followers, weights, done=self._kept)
        self._left = len(plan.calls) - len(self._kept)  # tasks that have not ended
        self._stopped = False  # nothing new starts, and what still runs is not waited for
        self._idle: list[Any] = []  # gates of the parked workers
        self._unused = list(reversed(crew.names))  # names of workers whose loop does not run
        self._broken: BaseException | None = None
        self._first_failed: int | None = None
        self._retries: dict[int, int] = {}  # how often a task was tried again
        self._waiting: dict[int, Entry] = {}  # tasks that wait for it, and how they failed
        self._alarm = Alarm(self._ring)

    # Life of a run.

    def start(self) -> None:
        """Write down what is ready, and start as many workers as can be used."""
        log, now = self.run._log, self.run._origin
        for task, value in self._kept.items():
            self.run._values[task] = value
            log.append((task, State.CACHED, now, None))
        log.extend((task, State.READY, now, None) for task in self._frontier.starting())
        if not self._left:
            self._finish()
        try:
            self._start_loops(min(len(self._frontier), len(self._unused)))
        except ExecutorError as error:
            self._end_early(State.FAILED, error)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end, and raise what the run is to raise."""
        if not self.finished.wait(timeout):
            name = self.run.flow.name
            raise TimeoutError(f"flow '{name}' has not ended in {timeout} s; it goes on")
        for follow_up in self.when_finished:
            follow_up()
        self.raise_error()

    def cancel(self) -> None:
        """Cancel what has not started, stop what can be stopped, and end the run."""
        self._end_early(State.CANCELLED)

    def interrupted(self) -> Cancelled:
        """Cancel the run after an interrupt; return the exception that tells so."""
        self.cancel()
        return self._cancelled("interrupted")

    def _end_early(self, state: State, error: BaseException | None = None) -> None:
        with self._lock:
            if self.finished.is_set() or self._stopped:
                return
            self._stopped = True
            self._broken = error
            log, now = self.run._log, perf_counter_ns()
            ended = {entry[0] for entry in log if entry[1].is_final}
            names = range(len(self.run.plan.calls))
            log.extend((task, State.CANCELLED, now, None) for task in names if task not in ended)
            self._finish(state)
        self.crew.stop()

    def _finish(self, state: State | None = None) -> None:
        failed = self._first_failed is not None
        self.run._ended = perf_counter_ns()
        self.run._state = state or (State.FAILED if failed else State.SUCCEEDED)
        for gate in self._idle:
            gate.release()
        self._idle.clear()
        self._alarm.close()
        learn(self.run.flow, self.run._log)
        self.finished.set()

    # The workers.

    def loop(self) -> None:
        """One worker: claim a task, have it performed, settle it, take the next."""
        lock, crew = self._lock, self.crew
        with lock:
            if self._stopped or not self._unused:
                return
            name = self._unused.pop()
        perform: Perform | None = None
        gate = threading.Lock()
        gate.acquire()
        try:
            perform = crew.worker(name)
            with lock:
                task, more = self._claim(name, gate)
            while True:
                if more:
                    self._start_loops(more)
                if task is None:
                    if not crew.parks or self._stopped or self.finished.is_set():
                        return
                    gate.acquire()
                    with lock:
                        task, more = self._claim(name, gate)
                    continue
                value, entry = perform(task, name)
                delay = self._delay_of_retry(task, entry) if value is MISSING else None
                with lock:
                    if self._stopped:
                        return
                    if delay is None:
                        self._settle(task, value, entry)
                    else:
                        self._retry(task, entry, delay)
                    task, more = self._claim(name, gate)
        except Exception as error:  # a broken executor, or a defect here: never a hanging run
            self._end_early(State.FAILED, error)
        finally:
            with lock:
                self._unused.append(name)
            if perform is not None:
                crew.release(perform)

    def _claim(self, name: str, gate: Any) -> tuple[int | None, int]:
        """Take the next task, and wake others if there is more; count the loops to be started."""
        frontier = self._frontier
        task = None if self._stopped else frontier.take()
        if task is None:
            if self.crew.parks and not self.finished.is_set():
                self._idle.append(gate)
            return None, 0
        if self.crew.starts_at_claim:
            now = perf_counter_ns()
            self.run._log.append((task, State.RUNNING, now, (name, now)))
        return task, self._wake() if len(frontier) else 0

    def _wake(self) -> int:
        """Wake a parked worker, who wakes the next; else count the loop to be started."""
        if self._idle:
            self._idle.pop().release()
            return 0
        return 1 if self._unused else 0

    def _settle(self, task: int, value: Any, entry: Entry) -> None:
        """Write down how a task ended, and what became ready."""
        log = self.run._log
        self._left -= 1
        if value is MISSING and isinstance(entry[3][3], Skip):
            self._skip(task, entry)
        elif value is MISSING:
            log.append(entry)
            self._fail(task, entry)
        else:
            log.append(entry)
            self.run._values[task] = value
            received = entry[3][2]
            for follower in self._frontier.done(task):
                log.append((follower, State.READY, received, None))
        if not self._left:
            self._finish()

    def _delay_of_retry(self, task: int, entry: Entry) -> float | None:
        """Return the seconds before a failed task is tried again, or None if it is not."""
        options, error = self.run.plan.calls[task].task, entry[3][3]
        retry = self._retries.get(task, 0) + 1
        if retry > options.retries or not isinstance(error, options.retry_on):
            return None
        if isinstance(error, NOT_THE_TASKS_OWN):
            return None
        self._retries[task] = retry
        try:
            return max(0.0, options.delay_before(retry))
        except Exception as broken:  # the callable is the user's
            error.add_note(f"it was not tried again: retry_delay raised {described(broken)}")
            return None

    def _retry(self, task: int, entry: Entry, delay: float) -> None:
        """Write down that a task is tried again; while it waits it holds no worker."""
        self.run._log.append((task, State.RETRYING, entry[2], entry[3][3]))
        self._waiting[task] = entry
        if delay:
            self._alarm.set(delay, task)
        else:
            self._start_again(task)

    def _start_again(self, task: int) -> None:
        """Make a task ready again, unless another failure has stopped the run meanwhile."""
        entry = self._waiting.pop(task)
        if self.on_error == "stop" and self._first_failed is not None:
            self._settle(task, MISSING, entry)
            return
        self.run._log.append((task, State.READY, perf_counter_ns(), None))
        self._frontier.again(task)

    def _ring(self, task: int) -> None:
        """Let a task that has waited for its next attempt be taken."""
        with self._lock:
            if self._stopped:
                return
            self._start_again(task)
            more = self._wake()
        try:
            self._start_loops(more)
        except ExecutorError as error:
            self._end_early(State.FAILED, error)

    def _skip(self, task: int, entry: Entry) -> None:
        """Write down that a task skipped itself and its branch."""
        log, now = self.run._log, entry[3][2]
        log.append((task, State.SKIPPED, entry[2], entry[3][3]))
        lost = self._frontier.fail(task)
        log.extend((descendant, State.SKIPPED, now, task) for descendant in lost)
        self._left -= len(lost)

    def _fail(self, task: int, entry: Entry) -> None:
        if self._first_failed is None:
            self._first_failed = task
        log, now = self.run._log, entry[3][2]
        lost = self._frontier.fail(task)
        log.extend((descendant, State.UPSTREAM_FAILED, now, task) for descendant in lost)
        self._left -= len(lost)
        if self.on_error == "stop":
            rest = self._frontier.abandon()
            log.extend((task, State.CANCELLED, now, None) for task in rest)
            self._left -= len(rest)

    def _start_loops(self, count: int) -> None:
        for _ in range(count):
            self.crew.add(self.loop)

    def started(self, task: int, worker: str, submitted: int) -> None:
        """Write down that a task was handed to a worker far away."""
        with self._lock:
            if not self._stopped:
                self.run._log.append((task, State.RUNNING, submitted, (worker, submitted)))

    def retrying(self, task: int, error: BaseException) -> bool:
        """Write down that a task is tried again; return whether it should be."""
        with self._lock:
            if not self._stopped:
                self.run._log.append((task, State.RETRYING, perf_counter_ns(), error))
            return not self._stopped

    # What the caller is told.

    def raise_error(self) -> None:
        """Raise what the run is to raise, now that it has ended."""
        if self._broken is not None:
            if isinstance(self._broken, ExecutorError):
                self._broken.run = self.run
            raise self._broken
        if self.on_error == "continue":
            return
        if self.run.state is State.CANCELLED:
            raise self._cancelled("cancelled")
        if self._first_failed is not None:
            first, *others = self.run.errors.items()
            raise self._task_error(first, others) from first[1]

    def _cancelled(self, how: str) -> Cancelled:
        kept = len(self.run)
        total = len(self.run.plan.calls)
        error = Cancelled(
            f"flow '{self.run.flow.name}' was {how}: {kept} of {total} tasks were finished",
            remedy="their results are in the run: this exception's '.run'",
        )
        error.run = self.run
        return error

    def _task_error(
        self, first: tuple[str, BaseException], others: list[tuple[str, BaseException]]
    ) -> TaskError:
        task, cause = first
        name = self.run.flow.function_of(task)
        called = f" (function '{name}')" if name != task else ""
        error = TaskError(f"task '{task}'{called} failed: {described(cause)}")
        error.run = self.run
        error.task = task
        for other, reason in others:
            error.add_note(f"task '{other}' failed too: {described(reason)}")
        return error
