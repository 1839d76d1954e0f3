"""Running flows: `run`, `start`, and the two functions of the usage guide."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from ..dsl import parse_dsl
from ..errors import ExecutorError, FlowError, suggestion
from ..model.binding import resolve
from ..model.flow import Flow
from ..model.plan import Plan
from ..model.run import Run
from .resuming import kept_results
from .scheduler import Crew, OnError, Scheduler
from .watching import Observer, watch

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = [
    "EXECUTORS",
    "available_cores",
    "run",
    "run_flow_from_dsl",
    "run_parallel_flow_from_dsl",
    "start",
]

EXECUTORS = ("sequential", "threads", "processes")
"""The executors that have a word."""


def run(
    flow: Flow | str,
    inputs: Any = None,
    *,
    executor: str | Executor = "threads",
    workers: int | None = None,
    namespace: Mapping[str, Any] | None = None,
    on_error: OnError = "raise",
    resume: Run | None = None,
    observers: Sequence[Observer] = (),
) -> Run:
    """Run a flow and wait for its end.

    Parameters
    ----------
    flow : Flow or str
        What to run; a text is parsed.
    inputs : object, optional
        A mapping of parameter names (or ``"task.parameter"``) to values, or one value for the first
        task.
    executor : str or concurrent.futures.Executor
        ``"sequential"``, ``"threads"``, ``"processes"``, or any executor; it is not shut down.
    workers : int, optional
        How many tasks may run at once; by default the standard library's number of threads, the
        number of cores for processes, or what the executor has.
    namespace : mapping of str to callable, optional
        Where the functions are; by default ``__main__`` (the notebook), then the registered tasks.
    on_error : {"raise", "stop", "continue"}
        After a task has failed: finish what does not depend on it and then raise; start nothing new
        and then raise; or finish and return the run.
    resume : Run, optional
        An earlier run of the flow: what it has a result for is kept, unless its function or inputs
        have changed or it follows a task that runs again.
    observers : sequence of callable
        Each is called with ``(list of Event, run)``, some times a second and at the end.

    Returns
    -------
    Run
        A mapping of task name to result, and the record.

    Raises
    ------
    DSLSyntaxError, UnknownTaskError, BindingError
        Before anything runs, if the flow cannot.
    TaskError
        If a task failed; its ``.run`` holds what was computed.
    Cancelled
        If it was interrupted or cancelled; its ``.run`` holds what was finished.
    ExecutorError
        If the executor is unknown, closed or breaks.

    Examples
    --------
    >>> functions = {"load": lambda: [3, 4], "total": lambda numbers: sum(numbers)}
    >>> result = run("load -> total", namespace=functions)
    >>> result["total"], result.result
    (7, 7)
    """
    scheduler = _schedule(flow, inputs, executor, workers, namespace, on_error, resume, observers)
    try:
        scheduler.start()
        scheduler.wait()
    except KeyboardInterrupt:
        cancelled = scheduler.interrupted()
        if on_error != "continue":
            raise cancelled from None
    return scheduler.run


def start(
    flow: Flow | str,
    inputs: Any = None,
    *,
    executor: str | Executor = "threads",
    workers: int | None = None,
    namespace: Mapping[str, Any] | None = None,
    on_error: OnError = "raise",
    resume: Run | None = None,
    observers: Sequence[Observer] = (),
) -> Run:
    """Start a flow and return at once; the parameters are those of `run`.

    Returns
    -------
    Run
        Going on: ``run.wait(timeout=None)``, ``run.cancel()``, ``run.done``.

    Examples
    --------
    >>> going = start("answer", namespace={"answer": lambda: 42})
    >>> going.wait()["answer"]
    42
    """
    scheduler = _schedule(flow, inputs, executor, workers, namespace, on_error, resume, observers)
    if executor == "sequential":
        threading.Thread(target=scheduler.start, name="taskinity_nb", daemon=True).start()
    else:
        scheduler.start()
    return scheduler.run


def run_flow_from_dsl(dsl: str, input_data: Any = None) -> Run:
    """Run the flow of a text, one task after the other.

    Parameters
    ----------
    dsl : str
        The text of the flow.
    input_data : object, optional
        Its inputs, as in `run`.

    Examples
    --------
    >>> from taskinity_nb import task
    >>> @task
    ... def twice(number): return 2 * number
    >>> run_flow_from_dsl("twice", 21)["twice"]
    42
    """
    return run(dsl, input_data, executor="sequential")


def run_parallel_flow_from_dsl(
    dsl: str,
    input_data: Any = None,
    executor: str | Executor | None = None,
    max_workers: int | None = None,
) -> Run:
    """Run the flow of a text in parallel.

    Parameters
    ----------
    dsl : str
        The text of the flow.
    input_data : object, optional
        Its inputs, as in `run`.
    executor : str or concurrent.futures.Executor, optional
        As in `run`; threads by default. It is not shut down.
    max_workers : int, optional
        How many tasks may run at once.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from taskinity_nb import task
    >>> @task
    ... def halve(number): return number / 2
    >>> with ThreadPoolExecutor(max_workers=4) as executor:
    ...     run_parallel_flow_from_dsl("halve", 84, executor=executor)["halve"]
    42.0
    """
    chosen = "threads" if executor is None else executor
    return run(dsl, input_data, executor=chosen, workers=max_workers)


def available_cores() -> int:
    """Return the number of cores that this process may use (its affinity and its control group).

    Examples
    --------
    >>> available_cores() >= 1
    True
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as limit:
            quota, period = limit.read().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))


def _cores_of_threads() -> int:
    """Return how many threads of this Python can compute at once: one, if it has the lock."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return 1 if has_lock else available_cores()


def _schedule(
    flow: Flow | str,
    inputs: Any,
    executor: str | Executor,
    workers: int | None,
    namespace: Mapping[str, Any] | None,
    on_error: OnError,
    resume: Run | None,
    observers: Sequence[Observer],
) -> Scheduler:
    _refuse_in_starting_process()
    if on_error not in get_args(OnError):
        hint = suggestion(str(on_error), get_args(OnError))
        raise FlowError(f"on_error is 'raise', 'stop' or 'continue', not {on_error!r}", remedy=hint)
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise FlowError(f"workers is a whole number from 1 on, not {workers!r}")
    if isinstance(flow, str):
        flow = parse_dsl(flow)
    plan = resolve(flow, inputs, namespace)
    run, crew = _crew(plan, executor, workers)
    kept = kept_results(plan, resume) if resume is not None else None
    scheduler = Scheduler(run, crew, on_error, kept)
    run._handle = scheduler
    if observers:
        scheduler.when_finished.append(watch(run, observers, scheduler.finished))
    return scheduler


def _crew(plan: Plan, executor: str | Executor, workers: int | None) -> tuple[Run, Crew]:
    """Choose who does the work."""
    if isinstance(executor, str):
        return _crew_by_word(plan, executor, workers)
    if not callable(getattr(executor, "submit", None)):
        raise ExecutorError(
            f"an executor is a word or has 'submit'; this is {type(executor).__name__}",
            remedy=f"the words are {', '.join(EXECUTORS)}",
        )
    if isinstance(executor, type):
        raise ExecutorError(
            f"'{executor.__name__}' is a class, not an executor",
            remedy=f"make one: {executor.__name__}(max_workers=4)",
        )
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    size = getattr(executor, "_max_workers", None)
    count = workers or (size if isinstance(size, int) else available_cores())
    if isinstance(size, int):
        count = min(count, size)
    kinds = [kind.__name__ for kind in type(executor).__mro__]
    name = type(executor).__name__
    if isinstance(executor, ThreadPoolExecutor) and "InterpreterPoolExecutor" not in kinds:
        from .local import PoolThreads

        run = Run(plan, name, count, cores=_cores_of_threads())
        return run, PoolThreads(run, executor)
    from .foreign import Foreign

    is_local = isinstance(executor, ProcessPoolExecutor)
    run = Run(plan, name, count, cores=available_cores() if is_local else math.inf)
    return run, Foreign(run, executor)


def _crew_by_word(plan: Plan, word: str, workers: int | None) -> tuple[Run, Crew]:
    if word == "sequential":
        from .local import CallingThread

        run = Run(plan, word, 1)
        return run, CallingThread(run)
    if word == "threads":
        from .local import Threads

        count = workers or min(32, available_cores() + 4)
        run = Run(plan, word, count, cores=_cores_of_threads())
        return run, Threads(run)
    if word == "processes":
        from .processes import Processes

        run = Run(plan, word, workers or available_cores(), cores=available_cores())
        return run, Processes(run)
    raise ExecutorError(
        f"there is no executor '{word}'",
        remedy=suggestion(word, EXECUTORS) or f"the words are {', '.join(EXECUTORS)}",
    )


def _refuse_in_starting_process() -> None:
    """Stop a script that a starting worker process imports again, before it runs itself again."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and getattr(processes.current_process(), "_inheriting", False):
        from .foreign import GUARD

        raise FlowError("a flow was started while a worker process was starting", remedy=GUARD)
