"""Tasks that are ``async def``: all of a run's on one event loop, in a thread of its own.

They wait beside each other, and beside the other workers, so they do not count as workers; the loop
takes as many as `MOST_AT_ONCE`.
"""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter_ns, thread_time_ns
from typing import Any

from ...errors import ExecutorError, described
from ...model.events import Entry, Failure, State, ended
from ...model.refs import MISSING
from ...model.run import Run
from ...strangers import traceback_of
from ..remote.process import forks
from ..remote.process.capture import capture_in_context
from ..remote.process.forks import leave_if_forked
from ..remote.process.frames import user_frames
from ..remote.process.printed import Output
from ..scheduling.backend import SETTLED, Backend, Worker, numbered
from ..scheduling.failures import timed_out
from .threads import fetched

__all__ = ["CoroutinesBackend"]

MOST_AT_ONCE = 10_000
"""Tasks that may wait on the loop at once."""


class CoroutinesBackend(Backend):
    """The places on the loop: there is always one more, up to `MOST_AT_ONCE`.

    Everything but `wake`, `start`, `end_attempt`, `finish` and `stop` happens in the loop's thread.
    """

    starts_at_claim = True

    def __init__(self, run: Run) -> None:
        super().__init__(run, numbered("async"), 1)
        self.unused, self.unnamed = [next(self._names)], 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._changed: asyncio.Event
        self._at_work: dict[Worker, asyncio.Task[None]] = {}
        self._late: set[Worker] = set()
        self._generation = forks.generation

    def wake(self) -> bool:
        if self._thread is None:
            self.starting = 1
            self._thread = threading.Thread(target=self.loop, name="event loop", daemon=True)
            return True
        if threading.current_thread() is not self._thread:
            self._in_loop(lambda: self._changed.set())
        return False

    def rest(self, worker: Worker) -> None:
        """Do nothing: it is the loop that waits."""

    def start(self) -> None:
        assert self._thread is not None
        self._thread.start()

    def end_attempt(self, worker: Worker) -> bool:
        self._late.add(worker)
        self._in_loop(lambda: self._at_work[worker].cancel() if worker in self._at_work else None)
        return True

    def finish(self) -> None:
        self._in_loop(lambda: self._changed.set())

    def stop(self) -> None:
        self._in_loop(self._cancel_all)

    def _in_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(call)
            except RuntimeError:  # it is closed: the run has ended
                return

    # In the loop's thread.

    def loop(self) -> None:
        with self.scheduler.lock:
            self.starting, self.in_use = 0, 1
        try:
            with asyncio.Runner() as runner:  # it ends what is left on the loop
                try:
                    runner.run(self._main())
                except BaseException as error:  # from a task of the user's own
                    self._break_off(error)
        except BaseException as error:  # no loop could be made, or what is left does not end well
            self._break_off(error)
        finally:
            with self.scheduler.lock:
                self.in_use = 0
            self.scheduler.workers.see_who_is_left(self)

    def _break_off(self, error: BaseException) -> None:
        if self.scheduler.finished.is_set():  # the run is not concerned: it is told as anywhere
            threading.excepthook(
                threading.ExceptHookArgs((type(error), error, traceback_of(error), self._thread))
            )
            return
        ended = ExecutorError(
            f"the event loop was ended by {described(error)}",
            remedy="catch it in what was started with asyncio.create_task",
        )
        ended.__cause__ = error
        self.scheduler.break_off(ended)

    async def _main(self) -> None:
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while not (self.scheduler.stopped or self.scheduler.finished.is_set()):
            self._changed.clear()
            self._take()
            await self._changed.wait()
        if self._at_work:
            await asyncio.wait(self._at_work.values())

    def _cancel_all(self) -> None:
        for task in self._at_work.values():
            task.cancel()
        self._changed.set()

    def _take(self) -> None:
        """Take all that is ready."""
        scheduler = self.scheduler
        copy_of_context = scheduler.screen.context.copy
        assert self._loop is not None
        while len(self._at_work) < MOST_AT_ONCE:
            worker = Worker(self.unused.pop() if self.unused else next(self._names))
            with scheduler.lock:
                task = scheduler.claim(self, worker)
            if task is None:
                self.unused.append(worker.name)
                break
            if not self._at_work:
                scheduler.proxies.open()
            self._at_work[worker] = self._loop.create_task(
                self._do(task, worker), context=copy_of_context()
            )
        scheduler.workers.catch_up()

    async def _do(self, task: int, worker: Worker) -> None:
        try:
            await self._perform_and_settle(task, worker)
        except BaseException as error:  # a defect here: never a hanging run
            self.scheduler.break_off(error)

    async def _perform_and_settle(self, task: int, worker: Worker) -> None:
        scheduler = self.scheduler
        is_held = task in scheduler.held
        seen = scheduler.gate.look_at(task, self, worker) if is_held else None
        value, entry = seen or await self._perform(task, worker)
        if is_held and seen is None and value is not MISSING:
            scheduler.gate.keep(task, value, entry)
        if scheduler.stopped:
            return
        if entry is SETTLED:  # it waits to be admitted
            self._go_on(worker)
            return
        worker.attempt += 1  # so that a time-out which is noticed now ends nothing any more
        scheduler.give(task, value, entry)
        self._late.discard(worker)
        self._go_on(worker)

    def _go_on(self, worker: Worker) -> None:
        """Let a place on the loop be taken by another task."""
        del self._at_work[worker]
        if not self._at_work:
            self.scheduler.proxies.shut()
        self.unused.append(worker.name)
        self._changed.set()

    async def _perform(self, task: int, worker: Worker) -> tuple[Any, Entry]:
        scheduler = self.scheduler
        output, cpu = Output(outer=scheduler.screen.outer), [0]
        capture_in_context(output)
        started = perf_counter_ns()
        value: Any = MISSING
        entry: Entry | None = None
        try:
            args, kwargs = scheduler.arguments(task)
            if scheduler.has_refs:
                args, kwargs = fetched(args, kwargs)
            value = await _counted(scheduler.task_of(task)(*args, **kwargs), cpu)
            value = self.run.plan.finish(scheduler.owner(task))(value)
        except BaseException as error:  # whatever a task raises is its own failure
            leave_if_forked(self._generation, error)
            finished = perf_counter_ns()
            failure = Failure(finished, error, user_frames(traceback_of(error)))
            entry = ended(task, State.FAILED, finished, started, cpu[0], failure)
        leave_if_forked(self._generation)
        finished = perf_counter_ns()
        if worker in self._late:
            late = timed_out(scheduler.name_of(task), scheduler.task_of(task).timeout)
            value = MISSING
            entry = ended(task, State.TIMED_OUT, finished, started, cpu[0], Failure(finished, late))
        if not output.is_empty:
            self.run.record.note(task, output=output.take())
        return value, entry or ended(task, State.SUCCEEDED, finished, started, cpu[0], finished)


@types.coroutine
def _counted(coroutine: Coroutine[Any, Any, Any], cpu: list[int]) -> Generator[Any, Any, Any]:
    """Await a coroutine, and count the nanoseconds of processor time of its steps."""
    value: Any = None
    thrown: BaseException | None = None
    while True:
        begun = thread_time_ns()
        try:
            awaited = coroutine.send(value) if thrown is None else coroutine.throw(thrown)
        except StopIteration as end:
            return end.value
        finally:
            cpu[0] += thread_time_ns() - begun
        value = thrown = None
        try:
            value = yield awaited
        except BaseException as error:
            thrown = error
