"""Tasks in this process: in the calling thread, in our threads, or in a user's thread pool."""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import Context
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Any

from ...errors import ExecutorError
from ...model.events import Entry, Failure, State
from ...model.refs import MISSING, is_ref
from ...model.run import Run
from ...model.task import Task
from ...strangers import text_of, traceback_of
from ...values import REPEATABLE
from ..remote.process import forks
from ..remote.process.cpu_time import core_wait
from ..remote.process.forks import leave_if_forked
from ..remote.process.frames import user_frames
from ..remote.process.printed import Output
from ..runtime.interrupts import allow_interrupts, is_interrupt
from ..runtime.waiting import acquire_within
from ..scheduling.backend import LoopBackend, Perform, Worker, numbered
from ..scheduling.failures import timed_out

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["CallingThread", "PoolThreads", "Threads", "fetched"]


SUCCEEDED = State.SUCCEEDED  # what is asked for at each task

BRIEF = 50_000
"""Nanoseconds in which a thread computes throughout, as far as we know: its CPU clock, which is
slow to read, is not read more often."""

SPARSE = 10_000_000
"""Nanoseconds between two questions how long a thread has waited for a core, which take longer
still; of what is shorter it is not known."""


class InProcess(LoopBackend):
    """A backend that works in this process, each task in its own copy of the caller's context."""

    starts_at_claim = True
    is_here = True

    def __init__(self, run: Run, workers: int) -> None:
        super().__init__(run, numbered("thread"), workers)
        self._functions: list[Callable[..., Any]] = []
        self._endings: dict[Perform, Callable[[], None]] = {}

    def performer(self) -> Perform:
        scheduler, plan = self.scheduler, self.run.plan
        if not self._functions:
            self._functions = self._callables()
        functions, count, note = self._functions, len(plan.bindings), self.run.record.note
        slots_of = [None] * count if scheduler.has_refs else plan.slots
        value_of = self.run.record.values.__getitem__
        copy_of_context, finish = scheduler.screen.context.copy, self._finisher()
        output = Output(outer=scheduler.screen.outer)
        timed, generation = scheduler.retries.timed, forks.generation

        read = cpu_before = 0  # when the thread's CPU clock was read, and what it said
        waited_before = 0  # likewise; where the system does not tell, it is never asked again
        asked = sys.maxsize if core_wait() is None else 0

        def perform(task: int, worker: Worker) -> tuple[Any, Entry]:
            nonlocal read, cpu_before, asked, waited_before
            entry: Entry
            if timed:
                worker.output = output
            started = perf_counter_ns()
            if started - read > BRIEF:
                cpu_before, read = thread_time_ns(), started
                if started - asked > SPARSE:
                    waited_before, asked = core_wait() or 0, started
            try:
                slots, context = slots_of[task] if task < count else None, copy_of_context()
                if slots is not None:  # nearly always, so nobody is asked for the arguments
                    value = context.run(functions[task], *map(value_of, slots))
                else:
                    value = self._call(task, context)
                if value is not None and id(type(value)) not in REPEATABLE:
                    value = context.run(finish, task, value)
            except BaseException as error:  # whatever a task raises is its own failure
                leave_if_forked(generation, error)
                if is_interrupt(error):
                    raise
                finished = perf_counter_ns()
                failure = Failure(finished, error, user_frames(traceback_of(error)))
                cpu = min(thread_time_ns() - cpu_before, finished - started)
                value, entry = MISSING, (task, State.FAILED, finished, started, cpu, failure)
            else:
                finished = perf_counter_ns()
                cpu = finished - started
                if cpu > BRIEF:
                    now = thread_time_ns()
                    cpu, cpu_before, read = min(now - cpu_before, cpu), now, finished
                    if finished - asked > SPARSE:
                        waited, asked = core_wait() or 0, finished
                        note(task, waited=waited - waited_before)
                        waited_before = waited
                entry = (task, SUCCEEDED, finished, started, cpu, finished)
            if generation != forks.generation:
                leave_if_forked(generation)
            if not output.is_empty and not worker.abandoned:
                note(task, output=output.take())
            return value, entry

        self._endings[perform] = scheduler.proxies.capture(output)
        return perform

    def _call(self, task: int, context: Context) -> Any:
        """Call the function of a task or an item, whose arguments are not just results."""
        scheduler = self.scheduler
        args, kwargs = scheduler.arguments(task)
        if scheduler.has_refs:
            args, kwargs = fetched(args, kwargs)
        function = self._functions[scheduler.owner(task)]
        return context.run(function, *args, **kwargs)

    def _finisher(self) -> Callable[[int, Any], Any]:
        """Return what makes of a slot's result what is handed on; it may run code of the user's."""
        owner, finish = self.scheduler.owner, self.run.plan.finish
        return lambda slot, value: finish(owner(slot))(value)

    def dismiss(self, perform: Perform) -> None:
        self._endings.pop(perform)()

    def park(self, worker: Worker) -> None:
        proxies = self.scheduler.proxies
        proxies.shut()
        try:
            self._wait(worker)
        finally:
            proxies.open()

    def _wait(self, worker: Worker) -> None:
        super().park(worker)

    def _callables(self) -> list[Callable[..., Any]]:
        """Return what to call for each task."""
        plan = self.run.plan
        distinct = {id(binding): binding for binding in plan.bindings}
        known = {key: self._callable(binding.task) for key, binding in distinct.items()}
        return [known[id(binding)] for binding in plan.bindings]

    def _callable(self, task: Task) -> Callable[..., Any]:
        """Return the function itself, where nothing stands before or after it."""
        is_plain = task.validate_input is None and task.validate_output is None
        return task.function if is_plain else task


def fetched(args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments that are all in this process."""
    here = [value.fetch() if is_ref(value) else value for value in args]
    named = {k: v.fetch() if is_ref(v) else v for k, v in kwargs.items()}
    return here, named


class CallingThread(InProcess):
    """One worker: the thread that starts the run, so that breakpoints and Ctrl-C work in it."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, 1)
        self.unused, self.unnamed = ["main"], 0
        self._late: set[int] = set()

    def start(self) -> None:
        self.loop()

    def _wait(self, worker: Worker) -> None:
        allow_interrupts(acquire_within)(worker.wakeup)

    def performer(self) -> Perform:
        perform = super().performer()

        def perform_in_time(task: int, worker: Worker) -> tuple[Any, Entry]:
            value, entry = perform(task, worker)
            if worker.attempt not in self._late:
                return value, entry
            error = timed_out(self.scheduler.name_of(task), self.scheduler.task_of(task).timeout)
            late = (task, State.TIMED_OUT, *entry[2:5], Failure(entry[2], error))
            return MISSING, late

        if not self.scheduler.retries.timed:
            return perform
        self._endings[perform_in_time] = self._endings.pop(perform)
        return perform_in_time

    def end_attempt(self, worker: Worker) -> bool:
        self._late.add(worker.attempt)  # it is found to be late when it returns
        return True

    def _callable(self, task: Task) -> Callable[..., Any]:
        function = super()._callable(task)
        if task.is_async:
            from ..runtime.blocking import blocking

            function = blocking(function)
        return allow_interrupts(function)

    def _finisher(self) -> Callable[[int, Any], Any]:
        return allow_interrupts(super()._finisher())


class Threads(InProcess):
    """Threads of our own, started when there is something to do for them."""


_waiting: weakref.WeakKeyDictionary[Executor, int] = weakref.WeakKeyDictionary()
"""How many of its own threads wait for runs on a pool."""

_lock = threading.Lock()


class PoolThreads(Threads):
    """A user's thread pool: a loop leaves it as soon as it has nothing to do."""

    def __init__(self, run: Run, pool: Executor, workers: int) -> None:
        super().__init__(run, workers)
        self._pool = pool
        self._futures: set[Future[None]] = set()

    def rest(self, worker: Worker) -> None:
        self.leave(worker)  # it ends, so that the pool's thread is free for others

    def start(self) -> None:
        try:
            future = self._pool.submit(self.loop)
        except RuntimeError as error:
            raise _closed(text_of(error)) from error
        self._futures.add(future)
        future.add_done_callback(self._ended)

    def _ended(self, future: Future[None]) -> None:
        self._futures.discard(future)
        if future.cancelled():  # before it had begun
            self.scheduler.workers.not_started(self, _closed("it has cancelled what was waiting"))

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        if threading.current_thread() not in getattr(self._pool, "_threads", ()):
            yield
            return
        with _lock:
            waiting = _waiting[self._pool] = _waiting.get(self._pool, 0) + 1
        try:
            if waiting >= self._pool._max_workers:  # type: ignore[attr-defined]
                raise ExecutorError(
                    f"all {waiting} threads of the pool wait for runs on this pool itself, and "
                    "none is left to do the tasks of these",
                    remedy="give the inner run another pool or executor='threads', or make the "
                    "pool larger",
                )
            yield
        finally:
            with _lock:
                _waiting[self._pool] -= 1

    def stop(self) -> None:
        """Withdraw the loops that were never started."""
        for future in list(self._futures):
            future.cancel()


def _closed(why: str) -> ExecutorError:
    return ExecutorError(
        f"the thread pool takes no more work: {why}",
        remedy="pass a pool that is open, and keep it open until the run has ended",
    )
