"""What a run delegates to: waiting for its end, cancelling, resuming, replaying, letting go."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, ExecutorError
from ..model.events import State
from ..model.outlook.why import Comparing
from ..model.run import Run
from .observers import Observer, watch
from .rerun.resume import Prints
from .runtime.interrupts import allow_interrupts, defer_interrupts
from .scheduling.failures import cancelled, task_error
from .scheduling.letting_go import forget_data

if TYPE_CHECKING:
    from .scheduling.scheduler import Scheduler

__all__ = ["Control"]


class Control:
    """The engine's side of a run. It is called with the run, which holds it, and does not hold it.

    `again` runs the flow once more, with what a run has a result for; it takes that run and options
    of `run`. `called` is what `run` was given, but for the flow. What functions and inputs were at
    the start is in `prints`.

    Attributes
    ----------
    maps : MappedTasks
        The items of mapped tasks.
    compared : Comparing or None
        Who knows what tasks were compared with, if the run has a cache.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        again: Callable[..., Run],
        called: Mapping[str, Any],
        prints: Prints,
    ) -> None:
        self._scheduler = scheduler
        self._backends = scheduler.backends
        self.maps = scheduler.maps
        self._again = again
        self.called = called
        self.prints = prints
        self.compared: Comparing | None = None
        self.when_finished: list[Callable[[], object]] = []

    def start(self) -> None:
        """Start the workers; a sequential run is done then."""
        self._scheduler.start()

    def wait(self, run: Run, timeout: float | None = None) -> None:
        """Wait for the end, and raise what the run is to raise."""
        with ExitStack() as stack:
            if not self._scheduler.finished.is_set():
                for backend in self._backends:
                    stack.enter_context(backend.awaited())
            has_ended = allow_interrupts(self._scheduler.finished.wait)(timeout)
        if not has_ended:
            raise TimeoutError(f"flow '{run.flow.name}' has not ended in {timeout} s; it goes on")
        self._scheduler.workers.drop()
        for follow_up in self.when_finished:
            follow_up()
        self._raise_error(run)

    def cancel(self) -> None:
        """Cancel what has not started, stop what can be stopped, and end the run."""
        with defer_interrupts():
            self._scheduler.end_early(State.CANCELLED)

    def break_off(self, error: BaseException) -> None:
        """End the run because of what went wrong outside the tasks."""
        with defer_interrupts():
            self._scheduler.break_off(error)

    def interrupted(self, run: Run) -> Cancelled:
        """Cancel the run after an interrupt; return the exception that tells so."""
        self.cancel()
        return cancelled(run, "interrupted")

    def resume(self, run: Run, **options: Any) -> Run:
        """Run the flow again, with what this run has results for."""
        return self._again(run, **options)

    def replay(self, run: Run, task: str, item: int | None = None) -> Any:
        """Call a task again, here and now."""
        from .rerun.replay import replay

        __tracebackhide__ = True
        return replay(run, task, item)

    def release(self, run: Run) -> None:
        """Let the engine let go of results too, and of what the frames of exceptions hold."""
        for task in self.maps.where:
            self.maps.release(task)
        for backend in self._backends:
            backend.release()
        forget_data(run.record.log)

    def follow(self, run: Run, observer: Observer) -> None:
        """Tell an observer of the run, which may have begun; waiting waits for it as well."""
        self.when_finished.append(watch(run, [observer], self._scheduler.finished))

    def error(self, run: Run) -> BaseException | None:
        """Return what waiting for the run raises, if anything; it is made anew."""
        scheduler, cause = self._scheduler, None
        error: BaseException
        if scheduler.broken is not None:
            error = copy.copy(scheduler.broken)  # which is kept without the run that keeps it
            cause = scheduler.broken.__cause__
            if isinstance(error, ExecutorError):
                error.run = run
        elif scheduler.on_error == "continue":
            return None
        elif run.state is State.CANCELLED:
            error = cancelled(run, "cancelled")
        elif scheduler.first_failed is not None:
            error, cause = task_error(run, run.flow.tasks[scheduler.first_failed])
        else:
            return None
        error.__cause__ = cause
        return error

    def _raise_error(self, run: Run) -> None:
        error = self.error(run)
        try:
            if error is not None:
                raise error from error.__cause__
        finally:
            del error  # or it would hold the frame that holds it
