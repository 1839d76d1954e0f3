"""Runs without an engine: what happened is written into the log, then closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taskinity_nb.model.binding import resolve
from taskinity_nb.model.events import Failure, Helpers, Items, State
from taskinity_nb.model.flow import Flow
from taskinity_nb.model.limits.capacities import capacities
from taskinity_nb.model.refs import MISSING
from taskinity_nb.model.run import Run
from taskinity_nb.model.task import Task

__all__ = ["calls", "make_run"]

Interval = tuple[str, str, float, float] | tuple[str, str, float, float, Any]


def make_run(
    flow: Flow,
    intervals: Iterable[Interval] = (),
    *,
    executor: str = "threads",
    workers: int = 2,
    state: State | None = None,
    makespan: float | None = None,
    others: dict[str, Any] | None = None,
    cpu: float | dict[str, float] = 0.5,
    handovers: dict[str, tuple[float, float]] | None = None,
    waits: dict[str, float] | None = None,
    helpers: dict[str, Helpers] | None = None,
    peaks: dict[str, int] | None = None,
    cores: float | None = None,
    asks: dict[str, dict[str, float]] | None = None,
    resources: dict[str, Any] | None = None,
    waited_for: dict[str, tuple[float, str]] | None = None,
) -> Run:
    """Return a run of `flow` in which just this happened.

    Parameters
    ----------
    flow : Flow
        What "ran"; each of its tasks gets a function that takes anything.
    intervals : iterable of (task, worker, start, end) or (task, worker, start, end, how)
        Seconds from the run's start; `how` is the final state (succeeded, if it is left out), an
        exception with which the task failed, or None for a task that still runs. An item of a
        mapped task is called ``"task[0]"``.
    executor, workers
        As in a `Run`.
    state : State, optional
        That of the run; by default FAILED if a task failed, otherwise SUCCEEDED.
    makespan : float, optional
        Seconds; by default the end of the last interval.
    others : dict of str to State or (State, str)
        How tasks ended that were never started, with the task that is the cause.
    cpu : float or dict of str to float
        Which share of its time each task, or this one, computed.
    handovers : dict of str to (float, float)
        Seconds from submission to start, and from finish to when the result was back.
    waits : dict of str to float
        Seconds that a task's process waited for a core.
    helpers : dict of str to Helpers
        What computed beside a task.
    peaks : dict of str to int
        Bytes of memory that a task took at most.
    cores : float, optional
        As in a `Run`.
    asks : dict of str to dict
        What a task asks for.
    resources : dict of str to float or str
        How much there was of it, as in `run`.
    waited_for : dict of str to (float, str)
        Since when a task was ready, in seconds, and for which resources it waited.
    """
    functions: dict[str, Any] = {flow.function_of(name): _anything for name in flow.tasks}
    for task, asked in (asks or {}).items():
        functions[flow.function_of(task)] = Task(_anything, resources=asked)
    plan = resolve(flow, None, functions)
    run = Run(plan, executor, workers)
    run.resources = capacities(resources)
    run.record.origin = origin = 1_000_000_000
    log = run.record.log
    if cores is not None:
        run.cores = cores
    intervals = list(intervals)
    index, ends = dict(run.plan.index), [0.0]
    mapped = _start_maps(run, index, intervals)
    failed = False
    for task, worker, start, end, *rest in intervals:
        how = rest[0] if rest else State.SUCCEEDED
        i, began, ended = index[task], origin + round(start * 1e9), origin + round(end * 1e9)
        before, after = (round(s * 1e9) for s in (handovers or {}).get(task, (0, 0)))
        share = cpu if isinstance(cpu, float | int) else cpu.get(task, 0.5)
        computed, received = round((end - start) * share * 1e9), ended + after
        if waits and task in waits:
            run.record.note(i, waited=round(waits[task] * 1e9))
        if helpers and task in helpers:
            run.record.note(i, helpers=helpers[task])
        run.record.note(i, peak=(peaks or {}).get(task))
        since, resource = (waited_for or {}).get(task, (None, None))
        run.record.note(i, waited_for=resource)
        ready = began - before if since is None else origin + round(since * 1e9)
        log += (i, State.READY, ready, None, None, None)
        log += (i, State.RUNNING, began, worker, began - before, None)
        if isinstance(how, BaseException):
            log += (i, State.FAILED, ended, began, computed, Failure(received, how))
        elif how is State.TIMED_OUT:
            error = TimeoutError("too long")
            log += (i, how, ended, began, computed, Failure(received, error))
        elif how is State.RETRYING:
            log += (i, how, ended, ValueError("once more"), None, None)
        elif how is State.CANCELLED:
            log += (i, how, ended, None, None, None)
        elif how is State.SUCCEEDED:
            log += (i, how, ended, began, computed, received)
            run.record.values[i] = task
        failed = failed or isinstance(how, BaseException) or how is State.TIMED_OUT
        ends.append(end + after * 1e-9)
    for task, items in mapped.items():
        last = max((end for name, _, _, end, *_ in intervals if name in items), default=0.0)
        ended = origin + round(last * 1e9)
        log += (index[task], State.SUCCEEDED, ended, None, 0, ended)
    last = max(ends) if makespan is None else makespan
    for task, how in (others or {}).items():
        ending, cause = how if isinstance(how, tuple) else (how, None)
        detail = None if cause is None else index[cause]
        log += (index[task], ending, origin + round(last * 1e9), detail, None, None)
    ending = state or (State.FAILED if failed else State.SUCCEEDED)
    run.record.end(ending, origin + round(last * 1e9))
    return run


def calls(
    number: int, *, limit: int = 1, resource: str = "api", seconds: float = 1.0, **options: Any
) -> Run:
    """Return a run of tasks of 1 s of which as many ran at once as the limit let."""
    flow = Flow("Calls", tasks=[f"call{i}" for i in range(number)])
    begun = {name: i // limit * seconds for i, name in enumerate(flow.tasks)}
    intervals = [(name, f"w{i % limit}", begun[name], begun[name] + seconds)
                 for i, name in enumerate(flow.tasks)]  # fmt: skip
    waited = {name: (0.0, resource) for name in flow.tasks[limit:]}
    return make_run(flow, intervals, workers=8, waited_for=waited, **options)


def _start_maps(
    run: Run, index: dict[str, int], intervals: list[Interval]
) -> dict[str, dict[str, float]]:
    """Give the items among the intervals slots, and start their tasks; return items by task."""
    mapped: dict[str, dict[str, float]] = {}
    for name, _, start, *_ in intervals:
        if name not in index:
            mapped.setdefault(name.partition("[")[0], {})[name] = start
    for task, items in mapped.items():
        first = len(run.record.values)
        run.record.values += [MISSING] * len(items)
        index.update((f"{task}[{place}]", first + place) for place in range(len(items)))
        began = run.record.origin + round(min(items.values()) * 1e9)
        run.record.log += (index[task], State.READY, began, None, None, None)
        run.record.log += (index[task], State.RUNNING, began, None, began, Items(first, len(items)))
    return mapped


def _anything(*results: Any, **named: Any) -> None:
    """Take anything."""
