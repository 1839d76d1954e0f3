"""Processes: what a task costs that does nothing, and what it costs to hand on a large array.

    python benchmarks/processes.py [--chain N] [--fan N] [--megabytes N] [--repeats N] [--write]

The other pools know no graph: for the chain they are given each task when the one before it has
ended, for the fan all at once, by `submit` and by `map(chunksize=1)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from graphs import Graph, chain, fan
from measuring import (
    WORKERS,
    Times,
    aligned,
    in_turns,
    machine,
    options_of,
    positive,
    timed,
    versions,
    write_table,
)
from peers import flow_of
from work import made, nothing, summed

from taskinity_nb import Run, run

__all__ = ["main"]

OURS = "taskinity_nb"
LOKY = "loky"
STANDARD = "ProcessPoolExecutor"


@contextmanager
def open_pools() -> Iterator[dict[str, Executor]]:
    """Open the other pools, and have their processes started."""
    with ProcessPoolExecutor(WORKERS) as pool:
        pools: dict[str, Executor] = {STANDARD: pool}
        list(pool.map(nothing, range(10 * WORKERS)))  # before there are threads: it forks
        if find_spec("loky"):
            from loky import get_reusable_executor

            pools[LOKY] = get_reusable_executor(max_workers=WORKERS, timeout=3600)
        yield pools
        if LOKY in pools:
            pools[LOKY].shutdown()


# What is measured.


def run_ours(graph: Graph) -> Callable[[], Run]:
    """Run a graph on our processes."""
    flow = flow_of(graph)
    return partial(run, flow, namespace={"work": nothing}, executor="processes", workers=WORKERS)


def one_by_one(pool: Executor, tasks: int) -> None:
    """Submit each task of a chain with the result of the one before it."""
    result: Any = ()
    for _ in range(tasks):
        result = pool.submit(nothing, result).result()


def all_at_once(pool: Executor, tasks: int) -> None:
    """Submit the tasks of a fan."""
    first = pool.submit(nothing).result()
    for future in [pool.submit(nothing, first) for _ in range(tasks - 1)]:
        future.result()


def mapped(pool: Executor, tasks: int) -> None:
    """Map the tasks of a fan, each in a message of its own."""
    first = pool.submit(nothing).result()
    for _ in pool.map(nothing, [first] * (tasks - 1), chunksize=1):
        pass


def hand_on_ours(megabytes: int) -> Callable[[], Run]:
    """Make an array in one task, and read it in the next."""
    functions = {"make": partial(made, megabytes), "read": summed}
    return partial(run, "make -> read", namespace=functions, executor="processes", workers=WORKERS)


def hand_on(pool: Executor, megabytes: int) -> None:
    """Do the same with a pool: the array comes here, and goes from here to the next task."""
    array = pool.submit(made, megabytes).result()
    pool.submit(summed, array).result()


# The tables.


def measure(
    pools: dict[str, Executor], tasks: tuple[int, int], megabytes: int, repeats: int
) -> dict[str, Times]:
    """Return the medians, in seconds, of the chain, the fan and the array."""
    links, leaves = tasks
    contests = {
        "chain": [timed(OURS, run_ours(chain(links)))],
        "fan": [timed(OURS, run_ours(fan(leaves)))],
    }
    if find_spec("numpy"):
        contests["array"] = [timed(OURS, hand_on_ours(megabytes))]
    for name, pool in pools.items():
        contests["chain"].append(timed(name, partial(one_by_one, pool, links)))
        contests["fan"].append(timed(f"{name}: submit", partial(all_at_once, pool, leaves)))
        contests["fan"].append(timed(f"{name}: map", partial(mapped, pool, leaves)))
        if "array" in contests:
            contests["array"].append(timed(name, partial(hand_on, pool, megabytes)))
    return in_turns(contests, repeats)


def table(times: Times, unit: float) -> str:
    """Write down how long each took, and how much longer than ours."""
    rows = [["", "time", "/ ours"]]
    for name, seconds in times.items():
        rows.append([name, f"{seconds / unit:,.1f}", f"{seconds / times[OURS]:.1f}"])
    return aligned(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the tables if that is asked for."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--chain", type=positive, default=1000, metavar="N")
    parser.add_argument("--fan", type=positive, default=10_000, metavar="N")
    parser.add_argument("--megabytes", type=positive, default=100, metavar="N")
    options = parser.parse_args(arguments)
    tasks = options.chain, options.fan
    with open_pools() as pools:
        times = measure(pools, tasks, options.megabytes, options.repeats)
    parts = [f"{WORKERS} processes; medians. {machine()}; {versions('loky', 'numpy')}."]
    for shape, count in zip(("chain", "fan"), tasks, strict=True):
        parts.append(f"A {shape} of {count:,} tasks that do nothing, microseconds a task:")
        parts.append(table(times[shape], count * 1e-6))
    if "array" in times:
        parts.append(f"An array of {options.megabytes} MB from one task to the next, milliseconds:")
        parts.append(table(times["array"], 1e-3))
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        write_table("processes", text, options.readme)


if __name__ == "__main__":
    main()
