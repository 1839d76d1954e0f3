"""What scheduling costs: microseconds a task, for tasks that do nothing.

    python benchmarks/overhead.py [--tasks N] [--repeats N] [--write] [--workflows FOLDER]

Everything is measured in turns, in one process: each repeat runs every contestant once on each
graph, so that a machine that becomes slower or faster favours none.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from graphs import SHAPES, Graph, read_workflows

from taskinity_nb import Flow, run

__all__ = ["main"]

WORKERS = 2
README = Path(__file__).with_name("README.md")
MARKERS = ("<!-- overhead: begin -->", "<!-- overhead: end -->")
SHORTEST_RUN = 0.5
"""Seconds that the lower bound of a recorded workflow is scaled to."""

Times = dict[str, float]
"""Seconds of one repeat, by what they were spent on."""


def nothing(*results: Any) -> None:
    """Take whatever is upstream, and do nothing with it."""


# The contestants. What is prepared in a function's outer part is not measured.


def prepare_ours(graph: Graph) -> Callable[[], Times]:
    """Run a `Flow` on threads, with everything recorded, to the folded record."""
    functions = dict.fromkeys(graph.upstream, "nothing")
    flow = Flow(graph.name, graph.edges, graph.upstream, functions=functions)
    namespace = {"nothing": nothing}

    def measured() -> Times:
        begun = perf_counter()
        finished = run(flow, namespace=namespace, executor="threads", workers=WORKERS)
        ran = perf_counter()
        assert len(finished.tasks) == len(graph.upstream)
        folded = perf_counter()
        return {
            "taskinity_nb": folded - begun,
            "plan": ran - begun - finished.makespan,
            "schedule": finished.makespan,
            "fold": folded - ran,
        }

    return measured


def prepare_dask(graph: Graph) -> Callable[[], Times]:
    """Run the same graph with dask's scheduler for threads, on the pool that it keeps."""
    import dask.threaded

    tasks = {task: (nothing, *befores) for task, befores in graph.upstream.items()}
    wanted = graph.last_tasks

    def measured() -> Times:
        begun = perf_counter()
        dask.threaded.get(tasks, wanted, num_workers=WORKERS)
        return {"dask": perf_counter() - begun}

    return measured


def prepare_baseline(graph: Graph, pool: ThreadPoolExecutor) -> Callable[[], Times]:
    """Do the least with the standard library: graphlib, a warm pool, a queue; record nothing."""
    functions = dict.fromkeys(graph.upstream, nothing)

    def measured() -> Times:
        begun = perf_counter()
        run_with_graphlib(graph.upstream, functions, pool)
        return {"graphlib": perf_counter() - begun}

    return measured


def run_with_graphlib(
    upstream: Mapping[str, Sequence[str]],
    functions: Mapping[str, Callable[..., Any]],
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


# The overhead.


def measure_overhead(tasks: int, repeats: int) -> dict[str, Times]:
    """Return the medians for each shape, in microseconds a task."""
    with ThreadPoolExecutor(WORKERS) as pool:
        contests: dict[str, list[Callable[[], Times]]] = {}
        for shape in SHAPES:
            graph = shape(tasks)
            contests[graph.name] = [
                prepare_ours(graph), prepare_dask(graph), prepare_baseline(graph, pool),
            ]  # fmt: skip
        medians = in_turns(contests, repeats)
    return {
        name: {part: 1e6 * seconds / tasks for part, seconds in times.items()}
        for name, times in medians.items()
    }


def in_turns(
    contests: Mapping[str, Sequence[Callable[[], Times]]], repeats: int
) -> dict[str, Times]:
    """Call everything once a repeat, after one call that is not counted; return the medians."""
    times: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in contests}
    for turn in range(1 + repeats):
        for name, contest in contests.items():
            for measured in contest:
                gc.collect()
                gc.freeze()  # what is left of others costs this one nothing
                parts = measured()
                gc.unfreeze()
                for part, seconds in parts.items() if turn else ():
                    times[name][part].append(seconds)
    return {
        name: {part: statistics.median(seconds) for part, seconds in parts.items()}
        for name, parts in times.items()
    }


def overhead_table(medians: Mapping[str, Times], tasks: int) -> str:
    """Write the medians as a Markdown table, with what they were measured with."""
    rows = [
        ["graph", "taskinity_nb", "dask.threaded", "graphlib + pool", "dask / ours",
         "plan", "schedule", "fold"],
        ["---"] + ["---:"] * 7,
    ]  # fmt: skip
    for name, of in medians.items():
        ours, theirs = of["taskinity_nb"], of["dask"]
        values = (ours, theirs, of["graphlib"])
        parts = (of["plan"], of["schedule"], of["fold"])
        row = [name, *(f"{value:.1f}" for value in values), f"{theirs / ours:.1f}"]
        rows.append(row + [f"{value:.1f}" for value in parts])
    told = (
        f"{tasks:,} tasks that do nothing, {WORKERS} workers; microseconds a task, medians. "
        f"Python {platform.python_version()}, {cores()} cores, dask {version('dask')}."
    )
    return f"{told}\n\n{aligned(rows)}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write the rows of a Markdown table, the second being its rule, so that columns align."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        if number == 1:
            cells = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_table(table: str, readme: Path = README) -> None:
    """Replace what stands between the markers of a file."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(MARKERS[0])
    _, end, after = rest.partition(MARKERS[1])
    if not begin or not end:
        raise SystemExit(f"{readme.name} has no lines '{MARKERS[0]}' and '{MARKERS[1]}'")
    readme.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


# Recorded workflows.


def prepare_workflow(graph: Graph, workers: int) -> list[Callable[[], Times]]:
    """Run a graph whose tasks sleep, with ours and with dask."""
    import dask.threaded

    functions = {task: sleeper(seconds) for task, seconds in graph.seconds.items()}
    flow = Flow("workflow", graph.edges, graph.upstream)
    tasks = {task: (functions[task], *befores) for task, befores in graph.upstream.items()}
    wanted = graph.last_tasks

    def ours() -> Times:
        begun = perf_counter()
        run(flow, namespace=functions, executor="threads", workers=workers)
        return {"taskinity_nb": perf_counter() - begun}

    def theirs() -> Times:
        begun = perf_counter()
        dask.threaded.get(tasks, wanted, num_workers=workers)
        return {"dask": perf_counter() - begun}

    return [ours, theirs]


def sleeper(seconds: float) -> Callable[..., None]:
    """Return a function that takes anything and sleeps."""

    def sleep(*results: Any) -> None:
        time.sleep(seconds)

    return sleep


def measure_workflows(folder: Path, workers: int, repeats: int) -> str:
    """Return a table of the workflows of a folder, or why there is none."""
    if not folder.is_dir():
        return f"There is no folder '{folder}'."
    graphs, problems = read_workflows(folder)
    notes = [f"Passed over {problem}" for problem in problems]
    if not graphs:
        return "\n".join([f"There is no workflow in '{folder}'.", *notes])
    contests, bounds, counts = {}, {}, {}
    for graph in graphs:
        bound = graph.lower_bound(workers)
        if not bound:
            notes.append(f"Passed over {graph.name}: its tasks take no time")
            continue
        small = graph.scaled(SHORTEST_RUN / bound)
        contests[graph.name] = prepare_workflow(small, workers)
        bounds[graph.name] = small.lower_bound(workers)
        counts[graph.name] = len(graph.upstream)
    rows = [["workflow", "tasks", "taskinity_nb", "dask.threaded"], []]
    for name, of in in_turns(contests, repeats).items():
        relative = [f"{of[who] / bounds[name]:.3f}" for who in ("taskinity_nb", "dask")]
        rows.append([name, str(counts[name]), *relative])
    rows[1] = ["---"] * len(rows[0])
    told = (
        f"Makespan / lower bound on {workers} workers; the times are scaled to a bound of "
        f"{SHORTEST_RUN} s and slept."
    )
    return "\n".join([told, "", aligned(rows), *notes])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the table if that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=positive, default=2000, metavar="N")
    parser.add_argument("--repeats", type=positive, default=7, metavar="N")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    parser.add_argument("--workflows", type=Path, metavar="FOLDER", help="also run recorded ones")
    parser.add_argument(
        "--workers", type=positive, default=4, metavar="N", help="for the workflows (default: 4)"
    )
    options = parser.parse_args(arguments)
    table = overhead_table(measure_overhead(options.tasks, options.repeats), options.tasks)
    print(table)
    if options.write:
        write_table(table)
    if options.workflows is not None:
        print()
        print(measure_workflows(options.workflows, options.workers, options.repeats))


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
