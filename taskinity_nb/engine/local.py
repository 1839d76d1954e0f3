"""Tasks in this process: in the calling thread, in our threads, or in a user's thread pool."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Any

from ..errors import ExecutorError
from ..model.events import Entry, State
from ..model.run import MISSING, Run
from ..model.task import Task
from .frames import user_frames
from .scheduler import Crew, Perform

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["CallingThread", "PoolThreads", "Threads"]


def performer(run: Run, interruptible: bool) -> Perform:
    """Return how a task of a run is performed here, each in its own copy of the caller's context.

    Parameters
    ----------
    run : Run
        Where the values are.
    interruptible : bool
        Whether a `KeyboardInterrupt` may come from the keyboard, as in the main thread.
    """
    values, arguments = run._values, run.plan.arguments
    functions = [_without_detour(call.task) for call in run.plan.calls]
    copy_of_context = contextvars.copy_context().copy

    def perform(task: int, worker: str) -> tuple[Any, Entry]:
        started, cpu = perf_counter_ns(), thread_time_ns()
        try:
            args, kwargs = arguments(task, values)
            value = copy_of_context().run(functions[task], *args, **kwargs)
        except BaseException as error:  # whatever a task raises is its own failure
            if interruptible and isinstance(error, KeyboardInterrupt):
                raise
            cpu, finished = thread_time_ns() - cpu, perf_counter_ns()
            frames = user_frames(error.__traceback__)
            detail = (started, cpu, finished, error, frames)
            return MISSING, (task, State.FAILED, finished, detail)
        cpu, finished = thread_time_ns() - cpu, perf_counter_ns()
        return value, (task, State.SUCCEEDED, finished, (started, cpu, finished))

    return perform


def _without_detour(task: Task) -> Callable[..., Any]:
    """Return what to call: the function itself, where no validator stands before or after it."""
    plain = task.validate_input is None and task.validate_output is None
    return task.function if plain else task


class CallingThread(Crew):
    """One worker: the thread that starts the run, so that breakpoints and Ctrl-C work in it."""

    starts_at_claim = True

    def __init__(self, run: Run) -> None:
        super().__init__(run, "main")
        self.names = ("main",)
        is_main = threading.current_thread() is threading.main_thread()
        self._perform = performer(run, interruptible=is_main)

    def add(self, loop: Callable[[], None]) -> None:
        loop()

    def worker(self, name: str) -> Perform:
        return self._perform


class Threads(Crew):
    """Threads of our own, started when there is something to do for them."""

    starts_at_claim = True

    def __init__(self, run: Run) -> None:
        super().__init__(run, "thread")
        self._perform = performer(run, interruptible=False)

    def worker(self, name: str) -> Perform:
        return self._perform


class PoolThreads(Threads):
    """A user's thread pool: a loop leaves it as soon as it has nothing to do."""

    parks = False

    def __init__(self, run: Run, pool: Executor) -> None:
        super().__init__(run)
        self._pool = pool
        self._futures: list[Future[None]] = []

    def add(self, loop: Callable[[], None]) -> None:
        try:
            self._futures.append(self._pool.submit(loop))
        except RuntimeError as error:
            raise ExecutorError(
                f"the thread pool takes no more work: {error}",
                remedy="pass a pool that is open, and keep it open until the run has ended",
            ) from error

    def stop(self) -> None:
        """Withdraw the loops that were never started."""
        for future in self._futures:
            future.cancel()
