"""Any other ``concurrent.futures.Executor``: a task travels to it in an envelope.

A thread here stands for each task in flight; never more are in flight than there are workers, so
that priorities mean something and "running" is true.
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from time import perf_counter_ns
from typing import Any

from ..errors import ExecutorError, FlowError
from ..model.events import Entry
from ..model.run import Run
from .envelope import open_envelope
from .packing import Packer, failure, unpack
from .scheduler import Crew, Perform

__all__ = ["Foreign"]

GUARD = (
    "if this is a script, put the code that starts the run under "
    "'if __name__ == \"__main__\":', because each worker process imports the script again"
)


class Foreign(Crew):
    """The workers of somebody else's executor."""

    def __init__(self, run: Run, executor: Executor) -> None:
        super().__init__(run, run.executor)
        self._executor = executor
        self._packer = Packer(run.plan)
        self._futures: dict[str, Future[tuple[Any, ...]]] = {}

    def worker(self, name: str) -> Perform:
        return self._perform

    def stop(self) -> None:
        """Withdraw what has not started; what runs elsewhere is left behind."""
        for future in list(self._futures.values()):
            future.cancel()

    def _perform(self, task: int, worker: str) -> tuple[Any, Entry]:
        plan = self.run.plan
        try:
            args, kwargs = plan.arguments(task, self.run._values)
            function = self._packer.function(task)
            arguments = self._packer.arguments(task, args, kwargs)
        except FlowError as error:
            return failure(task, error)
        submitted = perf_counter_ns()
        try:
            future = self._executor.submit(open_envelope, function, arguments)
            self._futures[worker] = future
            self.scheduler.started(task, worker, submitted)
            reply = future.result()
        except (BrokenExecutor, CancelledError, RuntimeError) as error:
            reason = str(error) or type(error).__name__
            broken = isinstance(error, BrokenExecutor)
            raise ExecutorError(
                f"the executor {'broke' if broken else 'was closed'} while task "
                f"'{plan.calls[task].name}' was with it: {reason}",
                remedy=GUARD if broken else "keep it open until the run has ended",
            ) from error
        return unpack(plan.calls[task], task, submitted, reply)
