"""What a run delegates to: waiting for its end, cancelling, resuming, replaying, letting go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled
from ..model.events import State
from ..model.run import Run
from .interrupts import held, let_in
from .reports import cancelled, task_error
from .resuming import Prints, constant_prints_of, function_prints_of

if TYPE_CHECKING:
    from .scheduler import Scheduler

__all__ = ["Handle"]


class Handle:
    """The caller's hold on a run that the engine drives.

    Parameters
    ----------
    scheduler : Scheduler
        Who drives it.
    again : callable
        Runs the flow once more, with what this run has a result for; takes the options of `run`.
    prints : Prints, optional
        What functions and inputs are, if that is known already.
    """

    def __init__(
        self, scheduler: Scheduler, again: Callable[..., Run], prints: Prints | None = None
    ) -> None:
        self._scheduler = scheduler
        self._again = again
        self.prints = prints
        self._functions: dict[int, str] = {}
        self.when_finished: list[Callable[[], object]] = []

    def take_function_prints(self) -> None:
        """Write down what functions are, before a task can change what its function names."""
        if self.prints is None:
            self._functions = let_in(function_prints_of)(self._scheduler.run.plan)

    def take_prints(self) -> None:
        """Write down what functions and inputs are now, for a later run that resumes this one."""
        if self.prints is None:
            plan = self._scheduler.run.plan
            constants = let_in(constant_prints_of)(plan)
            self.prints = Prints(self._functions or function_prints_of(plan), constants)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end, and raise what the run is to raise."""
        scheduler = self._scheduler
        if not let_in(scheduler.finished.wait)(timeout):
            name = scheduler.run.flow.name
            raise TimeoutError(f"flow '{name}' has not ended in {timeout} s; it goes on")
        for follow_up in self.when_finished:
            follow_up()
        self._raise_error()

    def cancel(self) -> None:
        """Cancel what has not started, stop what can be stopped, and end the run."""
        with held():
            self._scheduler.end_early(State.CANCELLED)

    def interrupted(self) -> Cancelled:
        """Cancel the run after an interrupt; return the exception that tells so."""
        self.cancel()
        return cancelled(self._scheduler.run, "interrupted")

    def resume(self, **options: Any) -> Run:
        """Run the flow again, with what this run has results for."""
        return self._again(**options)

    def replay(self, task: str, item: int | None = None) -> Any:
        """Call a task again, here and now."""
        from .replaying import replay

        __tracebackhide__ = True
        return replay(self._scheduler.run, task, item)

    def release(self) -> None:
        """Let the engine let go of results too."""
        self._scheduler.release()

    def _raise_error(self) -> None:
        scheduler = self._scheduler
        run = scheduler.run
        if scheduler.broken is not None:
            raise scheduler.broken
        if scheduler.on_error == "continue":
            return
        if run.state is State.CANCELLED:
            raise cancelled(run, "cancelled")
        if scheduler.first_failed is not None:
            error, cause = task_error(run, run.flow.tasks[scheduler.first_failed])
            raise error from cause
