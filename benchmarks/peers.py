"""The contestants that run a graph: this package, its peers, and the least that one can do.

A contestant is a context manager: it is given a graph and the function of all of its tasks, gets
ready what a user would have ready (the graph in its own form, a pool, a client), and yields what is
measured. Each task takes the results of the tasks before it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from graphlib import TopologicalSorter
from importlib.util import find_spec
from queue import SimpleQueue
from typing import Any, NamedTuple

from graphs import Graph
from measuring import WORKERS

from taskinity_nb import Flow, Run, run

__all__ = ["DASK", "FAST", "OURS", "SLOW", "Peer", "flow_of", "installed", "run_with_graphlib"]

Function = Callable[..., Any]


class Peer(NamedTuple):
    """Somebody who runs graphs.

    Attributes
    ----------
    name : str
        What the tables call it.
    open : callable
        Gets ready to run a graph whose tasks all call the same function.
    package : str
        The distribution that it is in; empty if it comes with Python.
    module : str
        What to import of it.
    shapes : tuple of str
        The only graphs that it can be asked to run; empty if it runs all.
    most : int
        Tasks that it can be asked to get ready in a time that one can wait for.
    """

    name: str
    open: Callable[[Graph, Function], AbstractContextManager[Callable[[], object]]]
    package: str = ""
    module: str = ""
    shapes: tuple[str, ...] = ()
    most: int = sys.maxsize


def installed(peers: Iterable[Peer]) -> list[Peer]:
    """Return those that can be imported."""
    return [peer for peer in peers if not peer.module or find_spec(peer.module)]


def flow_of(graph: Graph, name: str = "") -> Flow:
    """Return a graph as a `Flow` whose tasks all call ``work``."""
    functions = dict.fromkeys(graph.upstream, "work")
    return Flow(name or graph.name, graph.edges, graph.upstream, functions=functions)


@contextmanager
def ours(graph: Graph, function: Function) -> Iterator[Callable[[], Run]]:
    """Run a `Flow` on threads, with everything recorded."""
    flow, namespace = flow_of(graph), {"work": function}
    yield lambda: run(flow, namespace=namespace, executor="threads", workers=WORKERS)


@contextmanager
def dask_threaded(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Run the same graph with dask's scheduler for threads, on the pool that it keeps."""
    import dask.threaded

    tasks = {task: (function, *befores) for task, befores in graph.upstream.items()}
    wanted = graph.last_tasks
    yield lambda: dask.threaded.get(tasks, wanted, num_workers=WORKERS)


@contextmanager
def graphlib_and_pool(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Do the least with the standard library: graphlib, a warm pool, a queue; record nothing."""
    functions = dict.fromkeys(graph.upstream, function)
    with ThreadPoolExecutor(WORKERS) as pool:
        yield lambda: run_with_graphlib(graph.upstream, functions, pool)


def run_with_graphlib(
    upstream: Mapping[str, Sequence[str]],
    functions: Mapping[str, Function],
    pool: ThreadPoolExecutor,
) -> dict[str, Any]:
    """Run a graph on a pool, submitting each task when it is ready; return all results."""
    sorter = TopologicalSorter(upstream)
    sorter.prepare()
    done: SimpleQueue[Future[Any]] = SimpleQueue()
    task_of: dict[Future[Any], str] = {}
    results: dict[str, Any] = {}
    while sorter.is_active():
        for task in sorter.get_ready():
            arguments = [results[before] for before in upstream[task]]
            future = pool.submit(functions[task], *arguments)
            task_of[future] = task
            future.add_done_callback(done.put)
        future = done.get()
        task = task_of.pop(future)
        results[task] = future.result()
        sorter.done(task)
    return results


@contextmanager
def pool_by_levels(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Hand each level of the graph to a plain pool, and wait for it before the next."""
    levels = graph.levels

    def measured() -> dict[str, Any]:
        results: dict[str, Any] = {}
        for level in levels:
            futures = {
                task: pool.submit(function, *[results[before] for before in graph.upstream[task]])
                for task in level
            }
            results |= {task: future.result() for task, future in futures.items()}
        return results

    with ThreadPoolExecutor(WORKERS) as pool:
        yield measured


@contextmanager
def joblib_by_levels(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Make one call of joblib's threads of each level, which is what it is made for."""
    from joblib import Parallel, delayed

    levels = graph.levels

    def measured() -> dict[str, Any]:
        results: dict[str, Any] = {}
        for level in levels:
            calls = [
                delayed(function)(*[results[before] for before in graph.upstream[task]])
                for task in level
            ]
            results |= dict(zip(level, parallel(calls), strict=True))
        return results

    with Parallel(n_jobs=WORKERS, backend="threading") as parallel:
        yield measured


@contextmanager
def pipefunc(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Map a pipefunc pipeline over nothing, on threads, its results in memory."""
    from pipefunc import PipeFunc, Pipeline

    calls = {count: _with_parameters(function, count) for count in range(4)}
    parts = [
        PipeFunc(
            calls[len(befores)],
            output_name=task,
            renames={f"p{place}": before for place, before in enumerate(befores)},
        )
        for task, befores in graph.upstream.items()
    ]
    pipeline = Pipeline(parts, validate_type_annotations=False)
    with ThreadPoolExecutor(WORKERS) as pool:
        yield lambda: pipeline.map({}, executor=pool, storage="dict", show_progress=False)


def _with_parameters(function: Function, count: int) -> Function:
    """Return a function of exactly so many parameters, as pipefunc wants it."""
    return (
        lambda: function(),
        lambda p0: function(p0),
        lambda p0, p1: function(p0, p1),
        lambda p0, p1, p2: function(p0, p1, p2),
    )[count]


@contextmanager
def tawazi(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Run a tawazi DAG on threads."""
    from tawazi import dag, xn

    node = xn(function)

    def described() -> tuple[Any, ...]:
        results: dict[str, Any] = {}
        for task, befores in graph.upstream.items():
            results[task] = node(*[results[before] for before in befores])
        return tuple(results[task] for task in graph.last_tasks)

    yield dag(described, max_concurrency=WORKERS)


@contextmanager
def ray(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Submit everything to Ray's processes at once, and get what comes last."""
    import ray

    if not ray.is_initialized():  # which takes seconds, and stays so until exit
        options = {"include_dashboard": False, "log_to_driver": False}
        ray.init(num_cpus=WORKERS, logging_level=logging.ERROR, **options)
    remote = ray.remote(function)

    def measured() -> object:
        results: dict[str, Any] = {}
        for task, befores in graph.upstream.items():
            results[task] = remote.remote(*[results[before] for before in befores])
        return ray.get([results[task] for task in graph.last_tasks])

    yield measured


@contextmanager
def distributed(graph: Graph, function: Function) -> Iterator[Callable[[], object]]:
    """Run the graph on a dask.distributed worker with threads, in this process."""
    from distributed import Client

    tasks = {task: (function, *befores) for task, befores in graph.upstream.items()}
    wanted = graph.last_tasks
    with Client(
        processes=False, n_workers=1, threads_per_worker=WORKERS, dashboard_address=None
    ) as client:
        yield lambda: client.get(tasks, wanted)


OURS = Peer("taskinity_nb", ours)
DASK = Peer("dask.threaded", dask_threaded, "dask", "dask")
FAST = (DASK, Peer("graphlib + pool", graphlib_and_pool))
SLOW = (
    Peer("pool by levels", pool_by_levels),
    Peer("joblib", joblib_by_levels, "joblib", "joblib", ("fan",)),
    Peer("pipefunc", pipefunc, "pipefunc", "pipefunc", most=200),
    Peer("tawazi", tawazi, "tawazi", "tawazi"),
    Peer("Ray", ray, "ray", "ray"),
    Peer("dask.distributed", distributed, "distributed", "distributed"),
)
"""Those that are asked for few tasks only, because that is what they are made for."""
