"""Clusters: what a task costs that does nothing, over what Dask and Ray themselves take for it.

    python benchmarks/clusters.py [--tasks N] [--repeats N] [--write]

Dask and Ray have two worker processes each, on this machine, and get the same graphs: from us as a
flow, and as they would be given them without us, by `client.get` and by calls of a remote function.
A Ray that runs already is taken where RAY_ADDRESS names it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from graphs import SHAPES, Graph
from measuring import (
    WORKERS,
    Times,
    aligned,
    in_turns,
    machine,
    options_of,
    positive,
    versions,
    write_table,
)
from peers import flow_of
from work import nothing

from taskinity_nb import run

__all__ = ["main"]

OURS, THEIRS = "ours", "theirs"

Contest = Callable[[Graph], tuple[Callable[[], object], Callable[[], object]]]
"""Returns for a graph how we run it, and how the cluster does without us."""


@contextmanager
def dask_cluster() -> Iterator[tuple[Contest, Callable[[], None]]]:
    """Start a Dask cluster; yield the contest, and what waits until the cluster has forgotten."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    with cluster, Client(cluster) as client:

        def contest(graph: Graph) -> tuple[Callable[[], object], Callable[[], object]]:
            flow, names = flow_of(graph), {"work": nothing}
            tasks = {task: (nothing, *befores) for task, befores in graph.upstream.items()}
            wanted = graph.last_tasks
            return (
                lambda: run(flow, namespace=names, executor=client),
                lambda: client.get(tasks, wanted),
            )

        def forgotten() -> None:
            while cluster.scheduler.tasks:
                client.sync(_nothing_yet)

        yield contest, forgotten


async def _nothing_yet() -> None:
    """Let the loop of the client, which is the scheduler's too, do what it has to."""
    import asyncio

    await asyncio.sleep(0.01)


@contextmanager
def ray_cluster() -> Iterator[tuple[Contest, Callable[[], None]]]:
    """Start Ray, or go to one; yield the contest, and what need not wait for anything."""
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
    else:
        ray.init(
            num_cpus=WORKERS, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet
        )  # fmt: skip
    remote = ray.remote(nothing)

    def contest(graph: Graph) -> tuple[Callable[[], object], Callable[[], object]]:
        flow, names = flow_of(graph), {"work": nothing}

        def plain() -> object:
            results: dict[str, Any] = {}
            for task, befores in graph.upstream.items():
                results[task] = remote.remote(*[results[before] for before in befores])
            return ray.get([results[task] for task in graph.last_tasks])

        return lambda: run(flow, namespace=names, executor="ray"), plain

    try:
        yield contest, lambda: None
    finally:
        ray.shutdown()


CLUSTERS = {"dask": ("distributed", dask_cluster), "ray": ("ray", ray_cluster)}


def measure(cluster: str, tasks: int, repeats: int) -> dict[str, Times]:
    """Return the medians of a cluster, in seconds, by graph."""
    with CLUSTERS[cluster][1]() as (contest, forgotten):
        contests = {}
        for shape in SHAPES:
            graph = shape(tasks)
            ours, theirs = contest(graph)
            contests[graph.name] = [
                _timed(OURS, ours, forgotten), _timed(THEIRS, theirs, forgotten)
            ]  # fmt: skip
        return in_turns(contests, repeats)


def _timed(
    name: str, call: Callable[[], object], forgotten: Callable[[], None]
) -> Callable[[], Times]:
    """Return a call that says how long it took, and then lets go of the results."""

    def measured() -> Times:
        begun = perf_counter()
        result = call()
        seconds = perf_counter() - begun
        if hasattr(result, "release"):
            result.release()
        del result
        forgotten()
        return {name: seconds}

    return measured


def table(times: dict[str, dict[str, Times]], tasks: int) -> str:
    """Write down microseconds a task, and how much more ours take than theirs."""
    rows = [["graph"]]
    for cluster in times:
        rows[0] += [cluster, f"taskinity_nb on {cluster}", f"ours / {cluster}"]
    for shape in next(iter(times.values())):
        row = [shape]
        for of_cluster in times.values():
            theirs, ours = of_cluster[shape][THEIRS], of_cluster[shape][OURS]
            row += [f"{theirs / tasks * 1e6:,.0f}", f"{ours / tasks * 1e6:,.0f}",
                    f"{ours / theirs:.2f}"]  # fmt: skip
        rows.append(row)
    return aligned(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the table if that is asked for."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--tasks", type=positive, default=500, metavar="N")
    options = parser.parse_args(arguments)
    there = [name for name, (module, _) in CLUSTERS.items() if find_spec(module)]
    times = {name: measure(name, options.tasks, options.repeats) for name in there}
    text = (
        f"{options.tasks:,} tasks that do nothing, {WORKERS} worker processes; microseconds a "
        f"task, medians. {machine()}; {versions('distributed', 'ray')}."
    )
    if times:
        text += f"\n\n{table(times, options.tasks)}"
    print(text)
    if options.write:
        write_table("clusters", text, options.readme)


if __name__ == "__main__":
    main()
