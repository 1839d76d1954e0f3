"""Any other ``concurrent.futures.Executor``: a task travels to it as bytes, and is called there.

A thread here stands for each task in flight; never more are in flight than there are workers, so
that priorities mean something and "running" is true.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from functools import partial
from itertools import count
from time import perf_counter_ns, time_ns
from typing import Any

from ...errors import ExecutorError, described
from ...model.events import Entry
from ...model.run import Run
from ...strangers import is_interrupt, text_of, type_name
from ..remote.call import CallResult, run_call_quietly
from ..remote.surroundings.followed import run_following
from ..runtime.main_module import give_spec
from ..scheduling.backend import LoopBackend, Perform, Worker, numbered
from ..transport.codec import Encoder, failure, unpack
from .following import what_to_follow
from .start_marks import StartMarks
from .threads import fetched

__all__ = ["FuturesBackend"]

GUARD = (
    "if this is a script, put the code that starts the run under "
    "'if __name__ == \"__main__\":', because each worker process imports the script again"
)

SEE = "see whether it runs a plain function: executor.submit(abs, -3).result()"

SHUT = "shutdown"
"""What the text of an error says that an executor raises which takes nothing any more."""

KINDS = ("value", "error", "lost error", "unpicklable")
"""What a `CallResult` may be here."""


class FuturesBackend(LoopBackend):
    """The workers of somebody else's executor."""

    unstoppable = "what runs on an executor of your own"

    def __init__(self, run: Run, executor: Executor, workers: int) -> None:
        super().__init__(run, numbered(type(executor).__name__), workers)
        self._executor = executor
        self._encoder = Encoder(run.plan)
        self._futures: dict[str, Future[tuple[Any, ...]]] = {}
        self._numbers = count(time_ns())
        self._marks = StartMarks(executor)
        self._run_call: Callable[..., tuple[Any, ...]] = run_call_quietly
        if isinstance(executor, ProcessPoolExecutor):  # its processes are on this machine
            give_spec()
            self._run_call = partial(run_following, what_to_follow())

    def performer(self) -> Perform:
        return self._perform

    def release(self) -> None:
        self._encoder.forget()

    def time_left(self, worker: Worker, timeout: float) -> float:
        return self._marks.time_left(worker.name, timeout)

    def stop(self) -> None:
        """Withdraw what has not started; what runs elsewhere is abandoned."""
        for future in list(self._futures.values()):
            future.cancel()

    def _perform(self, slot: int, worker: Worker) -> tuple[Any, Entry]:
        scheduler = self.scheduler
        name, task, note = scheduler.name_of(slot), scheduler.owner(slot), self.run.record.note
        try:
            args, kwargs = fetched(*scheduler.arguments(slot))
            function = self._encoder.function(task)
            arguments = self._encoder.arguments(task, args, kwargs, lambda: name)
        except BaseException as error:  # looking for a key runs code of the user's
            if is_interrupt(error):
                raise
            return failure(slot, error)
        mark = self._marks.new(worker.name) if scheduler.task_of(slot).timeout else ""
        submitted = perf_counter_ns()
        try:
            epoch, number = self._encoder.epoch, next(self._numbers)
            future = self._executor.submit(self._run_call, function, arguments, epoch, number, mark)
            self._futures[worker.name] = future
            scheduler.started(slot, self, worker, submitted)
            reply = future.result()
        except BaseException as error:  # an executor of somebody else's may raise anything
            if is_interrupt(error):
                raise
            raise _ended(error, name) from error
        if mark and not worker.abandoned:  # else the name is another's already
            self._marks.ended(worker.name)
        call = _checked(reply, name)
        value, entry = unpack(name, slot, submitted, call)
        note(slot, waited=call.waited)
        if any(call.output) and not worker.abandoned:
            note(slot, output=call.output)
            scheduler.screen.show(call.output)
        return value, entry


def _checked(reply: Any, name: str) -> CallResult:
    """Return how a call ended, if that is what came: the executor is somebody else's."""
    is_whole = type(reply) is tuple and len(reply) == len(CallResult._fields)
    if is_whole and type(reply[0]) is str and reply[0] in KINDS:
        return CallResult(*reply)
    raise ExecutorError(
        f"the executor gave a {type_name(reply)} for task '{name}', "
        "and not what the function returned that it was given",
        remedy=SEE,
    )


def _ended(error: BaseException, name: str) -> ExecutorError:
    """Return the error of a run whose executor does not work any more."""
    reason, kind = text_of(error) or type_name(error), type(error)
    if issubclass(kind, BrokenExecutor):
        return ExecutorError(
            f"the executor broke while task '{name}' was with it: {reason}", remedy=GUARD
        )
    if issubclass(kind, CancelledError) or (issubclass(kind, RuntimeError) and SHUT in reason):
        return ExecutorError(
            f"the executor was closed while task '{name}' was with it: {reason}",
            remedy="keep it open until the run has ended",
        )
    return ExecutorError(f"the executor did not run task '{name}': {described(error)}", remedy=SEE)
