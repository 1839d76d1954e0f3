"""Runs without an engine: what happened is written into the log, then closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taskinity_nb.model.binding import resolve
from taskinity_nb.model.events import Failure, State
from taskinity_nb.model.flow import Flow
from taskinity_nb.model.run import Run

__all__ = ["make_run"]

Stretch = tuple[str, str, float, float] | tuple[str, str, float, float, Any]


def make_run(
    flow: Flow,
    stretches: Iterable[Stretch] = (),
    *,
    executor: str = "threads",
    workers: int = 2,
    state: State | None = None,
    makespan: float | None = None,
    others: dict[str, Any] | None = None,
) -> Run:
    """Return a run of `flow` in which just this happened.

    Parameters
    ----------
    flow : Flow
        What "ran"; each of its tasks gets a function that takes anything.
    stretches : iterable of (task, worker, start, end) or (task, worker, start, end, how)
        Seconds from the run's start; `how` is the final state (succeeded, if it is left out), an
        exception with which the task failed, or None for a task that still runs.
    executor, workers
        As in a `Run`.
    state : State, optional
        That of the run; by default FAILED if a task failed, otherwise SUCCEEDED.
    makespan : float, optional
        Seconds; by default the end of the last stretch.
    others : dict of str to State or (State, str)
        How tasks ended that were never started, with the task that is the cause.
    """
    run = Run(
        resolve(flow, None, {flow.function_of(n): _anything for n in flow.tasks}), executor, workers
    )
    run._origin = run._record.origin = origin = 1_000_000_000
    log = run._log
    index, ends = run.plan.index, [0.0]
    failed = False
    for task, worker, start, end, *rest in stretches:
        how = rest[0] if rest else State.SUCCEEDED
        i, began, ended = index[task], origin + round(start * 1e9), origin + round(end * 1e9)
        cpu = round((end - start) * 0.5e9)
        log += (i, State.READY, began, None, None, None)
        log += (i, State.RUNNING, began, worker, began, None)
        if isinstance(how, BaseException):
            log += (i, State.FAILED, ended, began, cpu, Failure(ended, how))
        elif how is State.TIMED_OUT:
            log += (i, how, ended, began, cpu, Failure(ended, TimeoutError("too long")))
        elif how is State.RETRYING:
            log += (i, how, ended, ValueError("once more"), None, None)
        elif how is State.CANCELLED:
            log += (i, how, ended, None, None, None)
        elif how is State.SUCCEEDED:
            log += (i, how, ended, began, cpu, ended)
            run._values[i] = task
        failed = failed or isinstance(how, BaseException) or how is State.TIMED_OUT
        ends.append(end)
    last = max(ends) if makespan is None else makespan
    for task, how in (others or {}).items():
        ending, cause = how if isinstance(how, tuple) else (how, None)
        detail = None if cause is None else index[cause]
        log += (index[task], ending, origin + round(last * 1e9), detail, None, None)
    run._ended = origin + round(last * 1e9)
    run._state = state or (State.FAILED if failed else State.SUCCEEDED)
    return run


def _anything(*results: Any, **named: Any) -> None:
    """Take anything."""
