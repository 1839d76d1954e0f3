"""Chooses who does the work of a run: a backend for each executor that its tasks ask for."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import ExecutorError, suggestion
from ..model.limits.capacities import Capacities
from ..model.plan import Plan
from ..model.run import Run
from .runtime import at_first  # noqa: F401  # it is to be imported with the package
from .runtime.cores import available_cores
from .scheduling.backend import Backend

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from .backends.cluster.client import ClusterClient

__all__ = ["EXECUTORS", "backends_for", "check_executor", "cores_of", "processes_at_hand"]

EXECUTORS = ("sequential", "threads", "processes", "dask", "ray")
"""The executors that have a word."""


def backends_for(
    plan: Plan,
    executor: str | Executor,
    workers: int | None,
    resources: Capacities = MappingProxyType({}),
) -> tuple[Run, list[Backend], list[int] | None]:
    """Return a new run of a plan, who works for it, and the backend of each task.

    `executor` performs the tasks that ask for nothing else, of which `workers` may run at once.
    Of `resources` the run has so much; what tasks ask for beside these is a cluster's.

    Raises
    ------
    ExecutorError
        If there is no such executor.
    """
    run, backend = _main_backend(plan, executor, workers)
    run.resources = dict(resources)
    backends = [backend]
    mixed = any(task.is_async or task.executor is not None for task in plan.tasks)
    if executor == "sequential" or not mixed:
        _check_resources(plan, backends, [0] * len(plan.bindings), resources)
        return run, backends, None
    queue_of: dict[object, int] = {executor if isinstance(executor, str) else id(executor): 0}
    queues = []
    for binding in plan.bindings:
        task = binding.task
        wanted: str | Executor | None = "async" if task.is_async else task.executor
        queue = 0
        if wanted is not None:
            key = wanted if isinstance(wanted, str) else id(wanted)
            if key not in queue_of:
                queue_of[key] = len(backends)
                backends.append(_backend(run, wanted, None))
            queue = queue_of[key]
        queues.append(queue)
    _check_resources(plan, backends, queues, resources)
    return run, backends, queues if len(backends) > 1 else None


def _main_backend(plan: Plan, executor: str | Executor, workers: int | None) -> tuple[Run, Backend]:
    name = executor if isinstance(executor, str) else type(executor).__name__
    if _is_cluster(executor):
        name = "ray" if executor == "ray" else "dask"
        _connect(executor, workers)  # the run begins when the cluster is there
    run = Run(plan, name, 1)
    backend = _backend(run, executor, workers)
    run.workers = backend.workers
    run.cores = cores_of(executor)
    run.machine = max(run.cores, available_cores())
    return run, backend


def _backend(run: Run, executor: str | Executor, workers: int | None) -> Backend:
    """Return who works on an executor."""
    if executor == "sequential":
        from .backends.threads import CallingThread

        return CallingThread(run)
    if executor == "threads":
        from .backends.threads import Threads

        return Threads(run, workers or min(32, available_cores() + 4))
    if executor == "processes":
        from .backends.processes.backend import Processes

        return Processes(run, workers or available_cores())
    if executor == "async":
        from .backends.coroutines import CoroutinesBackend

        return CoroutinesBackend(run)
    if _is_cluster(executor):
        from .backends.cluster.backend import Cluster

        return Cluster(run, _connect(executor, workers))
    if isinstance(executor, str):
        raise ExecutorError(
            f"there is no executor '{executor}'",
            remedy=suggestion(executor, EXECUTORS) or f"the words are {', '.join(EXECUTORS)}",
        )
    check_executor(executor)
    size = getattr(executor, "_max_workers", None)
    count = workers or (size if isinstance(size, int) else available_cores())
    if isinstance(size, int):
        count = min(count, size)
    if _is_thread_pool(executor):
        from .backends.threads import PoolThreads

        return PoolThreads(run, executor, count)
    from .backends.futures import FuturesBackend

    return FuturesBackend(run, executor, count)


def _is_cluster(executor: object) -> bool:
    """Tell whether something is a word, an address or a client of a cluster."""
    if isinstance(executor, str):
        return executor in ("dask", "ray") or "://" in executor
    # A client is known by its name, so that the library it comes from need not be imported.
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(executor).__mro__]
    return "distributed.client.Client" in kinds


def _connect(executor: Any, workers: int | None) -> ClusterClient:
    """Return the way to a cluster."""
    if executor == "ray":
        from .backends.cluster.ray import connect as connect_to_ray

        return connect_to_ray(workers)
    from .backends.cluster.dask import connect

    return connect(executor, workers or (available_cores() if executor == "dask" else None))


def _check_resources(
    plan: Plan, backends: Sequence[Backend], queues: Sequence[int], limited: Collection[str]
) -> None:
    """Let a task be refused that asks for resources of which nobody says how much there is."""
    if not any(task.resources for task in plan.tasks):
        return
    for binding, queue, name in zip(plan.bindings, queues, plan.flow.tasks, strict=True):
        wanted = binding.task.resources
        if asked := {word: wanted[word] for word in wanted if word not in limited}:
            backends[queue].check_resources(name, asked)


def check_executor(executor: object) -> None:
    """Raise an `ExecutorError` if something is neither a word nor an executor."""
    if executor in EXECUTORS or _is_cluster(executor):
        return
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


def processes_at_hand() -> int:
    """Return how many worker processes wait for something to do."""
    from .backends.processes.pool import at_hand

    return at_hand()


def _is_thread_pool(executor: object) -> bool:
    from concurrent.futures import ThreadPoolExecutor

    kinds = [kind.__name__ for kind in type(executor).__mro__]
    return isinstance(executor, ThreadPoolExecutor) and "InterpreterPoolExecutor" not in kinds


def cores_of(executor: str | Executor) -> float:
    """Return how many tasks can compute at once, as far as that is known."""
    if executor == "sequential":
        return math.inf
    if executor == "threads":
        return _cores_of_threads()
    if executor in ("processes", "dask"):
        return available_cores()
    from concurrent.futures import ProcessPoolExecutor

    if _is_thread_pool(executor):
        return _cores_of_threads()
    return available_cores() if isinstance(executor, ProcessPoolExecutor) else math.inf


def _cores_of_threads() -> int:
    """Return how many threads of this Python can compute at once: one, if it has the lock."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return 1 if has_lock else available_cores()
