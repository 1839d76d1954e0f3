"""Limits: whether a run with them goes as it is predicted to, in seconds and in bytes.

    python benchmarks/limits.py [--flows N] [--workflows FOLDER] [--seconds S] [--write]

Of random flows with random limits, whose tasks sleep, each is run on each local executor, and
compared with a simulation of the same; again if it is far off, since other programs make a run
longer. Then workflows, whose tasks sleep and hold some memory, run
on two worker processes without a limit; from that, more workers with too little memory for all of
them are predicted, and run.
"""

from __future__ import annotations

import os
import statistics
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from graphs import Graph
from measuring import aligned, machine, options_of, positive, write_table
from work import holding, sleeping, wake_in_time
from workflows import graphs_to_run

from taskinity_nb import Flow, Run, Task, run, simulate
from taskinity_nb.analysis.prediction.memory import most_together
from taskinity_nb.formatting import percent, size_text, time_text

__all__ = ["main"]

EXECUTORS = ("sequential", "threads", "processes")

SHORTEST, LONGEST = 0.02, 0.06
"""Seconds of a task in a random flow: so long that it is the schedule that counts."""

NEAR, NEAR_ENOUGH = 0.05, 0.1
"""How far from its prediction a random flow may be, and a workflow."""

FIRST, WORKERS = 2, 8
"""On how many worker processes a workflow is measured, and is predicted."""

LARGEST = 100_000_000
"""Bytes of a task in a workflow, at most,"""

FILLED = 200_000_000
"""and in a second, so that filling them is but a small part of its time."""

SHARE = 0.6
"""Of the memory that a workflow would take without a limit, how much there is."""

EVERY = 0.005
"""Seconds between two looks at how much memory the worker processes have."""


# Random flows.


class Limited(NamedTuple):
    """A flow, its functions, and how much there is of what they ask for."""

    flow: Flow
    functions: dict[str, Task]
    resources: dict[str, float]
    workers: int


def random_flow(seed: int) -> Limited:
    """Return a flow of 5 to 25 sleeping tasks, of which most ask for something."""
    chance = Random(seed)
    there_is: dict[str, float] = {"api": chance.randint(1, 4), "share": 1.0}
    names = [f"t{i}" for i in range(chance.randint(5, 25))]
    edges = []
    functions = {}
    for place, name in enumerate(names):
        sources = chance.sample(names[:place], min(place, chance.choice([0, 1, 1, 2, 3])))
        edges += [(source, name) for source in sources]
        asked = {}
        if chance.random() < 0.6:
            asked["api"] = chance.choice([1, 1, 1, there_is["api"]])
        if chance.random() < 0.3:
            asked["share"] = chance.choice([0.2, 0.5, 0.9])
        functions[name] = Task(sleeping(chance.uniform(SHORTEST, LONGEST)), resources=asked)
    return Limited(Flow(f"random {seed}", edges, names), functions, there_is, chance.randint(2, 6))


def off_by(limited: Limited, executor: str, repeats: int) -> float:
    """Run a flow, and return which share of its prediction it was off, at the best of some times.

    What it is predicted from are the durations of this very run: what counts is in which order
    tasks go, and who waits for whom. One that is near enough is not run again.
    """
    nearest = float("inf")
    for _ in range(repeats):
        done = run(
            limited.flow, namespace=limited.functions, executor=executor, workers=limited.workers,
            resources=limited.resources,
        )  # fmt: skip
        nearest = min(nearest, abs(done.makespan / simulate(done, done.workers).makespan - 1))
        if nearest <= NEAR:
            break
    return nearest


def schedules(flows: int, repeats: int) -> str:
    """Return the table of how far runs of random flows are from their predictions."""
    found: dict[str, list[float]] = {executor: [] for executor in EXECUTORS}
    wait_on_processes(6)
    for seed in range(flows):
        limited = random_flow(seed)
        plenty = dict.fromkeys(limited.resources, 1000.0)  # teaches how long the tasks take
        run(limited.flow, namespace=limited.functions, workers=32, resources=plenty)
        for executor, offs in found.items():
            offs.append(off_by(limited, executor, repeats))
    rows = [["taskinity_nb", "flows", "median", "95 of 100", "most", f"within {percent(NEAR)}"]]
    for executor, offs in found.items():
        offs.sort()
        near = sum(off <= NEAR for off in offs)
        rows.append([
            executor, str(len(offs)), share(statistics.median(offs)),
            share(offs[min(len(offs) - 1, 95 * len(offs) // 100)]), share(offs[-1]), str(near),
        ])  # fmt: skip
    return aligned(rows)


# Workflows that take memory.


def sizes_of(graph: Graph) -> dict[str, int]:
    """Make up how many bytes each task holds."""
    chance = Random(graph.name)
    return {
        task: min(chance.randint(LARGEST // 10, LARGEST), round(seconds * FILLED))
        for task, seconds in graph.seconds.items()
    }


def with_memory(graph: Graph, repeats: int) -> list[str] | None:
    """Measure a workflow, predict it with a limit, and run it so; return a row of the table.

    It is run again if it is far off, and of some times the nearest counts. None if the system does
    not tell how much memory tasks take.
    """
    sizes = sizes_of(graph)
    functions = {
        task: Task(holding(seconds, sizes[task])) for task, seconds in graph.seconds.items()
    }
    flow = Flow(f"{graph.name} with memory", graph.edges, graph.upstream)
    found: list[tuple[float, list[str]]] = []
    for _ in range(repeats):
        first = performed(flow, functions, FIRST)
        usual = simulate(first, WORKERS).peak_memory
        if usual is None:
            return None
        limit = max(SHARE * usual, 1.1 * max(sizes.values()))
        predicted = simulate(first, WORKERS, resources={"memory": limit})
        wait_on_processes(WORKERS)
        with watched() as watch:
            measured = performed(flow, functions, WORKERS, {"memory": limit})
        assert predicted.peak_memory is not None
        peak = together(measured)
        peak_off = peak / predicted.peak_memory - 1
        off = measured.makespan / predicted.makespan - 1
        told = [
            graph.name, f"{len(graph.upstream):,}", size_text(usual), size_text(round(limit)),
            size_text(predicted.peak_memory), size_text(peak), size_text(watch()), share(peak_off),
            time_text(predicted.makespan), time_text(measured.makespan), share(off),
        ]  # fmt: skip
        found.append((max(abs(peak_off), abs(off)), told))
        if found[-1][0] <= NEAR_ENOUGH:
            break
    return min(found)[1]


def performed(
    flow: Flow, functions: Mapping[str, Task], workers: int, resources: Any = None
) -> Run:
    """Run a flow on worker processes."""
    return run(
        flow, namespace=functions, executor="processes", workers=workers, resources=resources
    )


def wait_on_processes(workers: int) -> None:
    """Have so many worker processes be there already."""
    warm = {f"w{i}": sleeping(0.05) for i in range(workers)}
    run(Flow("warm", tasks=warm), namespace=warm, executor="processes", workers=workers)


def together(done: Run) -> int:
    """Return the most bytes that tasks took which ran at the same moment, as each was measured."""
    tasks = list(done.tasks.values())
    peaks = {place: task.peak_memory or 0 for place, task in enumerate(tasks)}
    return (
        most_together(
            ((place, task.started, task.finished) for place, task in enumerate(tasks)), peaks
        )
        or 0
    )


@contextmanager
def watched() -> Iterator[Callable[[], int]]:
    """Look again and again at the memory of the worker processes, more than at the beginning."""
    over = threading.Event()
    before: dict[str, int] = {}
    most = 0

    def look() -> None:
        nonlocal most
        while not over.wait(EVERY):
            now = resident()
            for process, size in now.items():
                before.setdefault(process, size)
            most = max(most, sum(size - before[process] for process, size in now.items()))

    before |= resident()
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield lambda: most
    finally:
        over.set()
        watcher.join()


def resident() -> dict[str, int]:
    """Return how many bytes are resident of each process that descends from this one."""
    found: dict[str, int] = {}
    page = os.sysconf("SC_PAGE_SIZE")
    left = [str(os.getpid())]
    while left:
        process = left.pop()
        try:
            for children in Path(f"/proc/{process}/task").glob("*/children"):
                left += children.read_text().split()
            if process != str(os.getpid()):
                found[process] = page * int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue  # it has ended meanwhile
    return found


def memory(graphs: Sequence[Graph], seconds: float, repeats: int) -> str:
    """Return the table of how far workflows with a memory limit are from their predictions."""
    rows = [[
        "workflow", "tasks", "without limit", "limit", "predicted peak", "by tasks",
        "by the system", "off", "predicted", "measured", "off",
    ]]  # fmt: skip
    for graph in graphs:
        row = with_memory(graph.scaled(seconds / graph.lower_bound(WORKERS)), repeats)
        if row is not None:
            rows.append(row)
    return aligned(rows)


def share(part: float) -> str:
    """Write a share of one.

    Examples
    --------
    >>> share(0.0312)
    '3.1 %'
    """
    return f"{100 * part:.1f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the tables if that is asked for."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--workflows", type=Path, metavar="FOLDER", help="recorded ones")
    parser.add_argument("--flows", type=positive, default=200, metavar="N")
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="S", help="that the lower bound is scaled to"
    )
    options = parser.parse_args(arguments)
    graphs, notes = graphs_to_run(options.workflows)
    wake_in_time()
    parts = [
        f"How far runs with limits are from what is predicted of them. {machine()}.",
        schedules(options.flows, options.repeats),
        " ".join([
            f"Workflows, measured on {FIRST} worker processes without a limit, predicted and run "
            f"on {WORKERS} with one.", *notes,
        ]),
        memory(graphs, options.seconds, options.repeats),
    ]  # fmt: skip
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        write_table("limits", text, options.readme)


if __name__ == "__main__":
    main()
