"""Real workflows: how close a schedule comes to the shortest one that is possible.

    python benchmarks/workflows.py [--workflows FOLDER] [--workers N ...] [--repeats N] [--write]

The tasks sleep for as long as they were recorded to take, scaled down. Each flow runs twice: first
nothing is known of it, then what its tasks took the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import mean
from time import perf_counter

from graphs import WORKFLOWS, Graph
from measuring import (
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
from recorded import read_workflows
from work import sleeping, wake_in_time

from taskinity_nb import Flow, run

__all__ = ["main"]

OURS = ("first run", "second run")
DASK = "dask.threaded"
LEAST = "least"
"""What a stronger bound than the usual one says that no schedule can beat."""
GENERATED = 200
"""Tasks of a graph where none are recorded."""


def timed_ours(graph: Graph, workers: int) -> Callable[[], Times]:
    """Run a flow that is new, and once more."""
    functions = {task: sleeping(seconds) for task, seconds in graph.seconds.items()}
    numbers = count()

    def measured() -> Times:
        name = f"workflow_{next(numbers)}"  # another name, another flow: nothing is known of it
        flow = Flow(name, graph.edges, graph.upstream)
        times = {}
        for part in OURS:
            begun = perf_counter()
            run(flow, namespace=functions, executor="threads", workers=workers)
            times[part] = perf_counter() - begun
        return times

    return measured


def dasks(graph: Graph, workers: int) -> Callable[[], object]:
    """Run the same with dask's scheduler for threads."""
    import dask.threaded

    tasks = {
        task: (sleeping(graph.seconds[task]), *befores) for task, befores in graph.upstream.items()
    }
    return partial(dask.threaded.get, tasks, graph.last_tasks, num_workers=workers)


def measure(graphs: Sequence[Graph], workers: int, seconds: float, repeats: int) -> list[Times]:
    """Return for each graph the medians of makespan / lower bound."""
    contests, bounds = {}, {}
    for graph in graphs:
        small = graph.scaled(seconds / graph.lower_bound(workers))
        contests[graph.name] = [timed_ours(small, workers)]
        if find_spec("dask"):
            contests[graph.name].append(timed(DASK, dasks(small, workers)))
        bounds[graph.name] = small.lower_bound(workers), small.stronger_bound(workers)
    ratios = []
    for name, times in in_turns(contests, repeats, uncounted=0).items():
        bound, stronger = bounds[name]
        relative = {part: taken / bound for part, taken in times.items()}
        ratios.append({LEAST: stronger / bound, **relative})
    return ratios


def table(graphs: Sequence[Graph], ratios: Mapping[int, Sequence[Times]]) -> str:
    """Write down the ratios of all graphs for all numbers of workers, and their means."""
    rows = [["graph", "tasks", "workers", LEAST, *OURS, DASK]]
    everything: list[Times] = []
    for place, graph in enumerate(graphs):
        for workers, of in ratios.items():
            everything.append(of[place])
            about = [graph.name, f"{len(graph.upstream):,}", str(workers)]
            rows.append([*about, *figures([of[place]])])
    rows.append(["mean", "", "", *figures(everything)])
    second = OURS[-1]
    told = [f"over the stronger bound {mean(of[second] / of[LEAST] for of in everything):.3f}"]
    if DASK in everything[0]:
        told.append(f"{DASK} over it {mean(of[DASK] / of[second] for of in everything):.3f}")
    return f"{aligned(rows)}\n\nThe {second}, on average: {'; '.join(told)}."


def figures(times: Sequence[Times]) -> list[str]:
    """Write down the means of what was measured."""
    return [f"{mean(of[who] for of in times):.3f}" if who in times[0] else "–"
            for who in (LEAST, *OURS, DASK)]  # fmt: skip


def graphs_to_run(folder: Path | None) -> tuple[list[Graph], list[str]]:
    """Return recorded workflows, or generated ones where there are none, and what is to be said."""
    if folder is None:
        found, notes = [], ["No recorded workflows were at hand; these graphs are generated."]
    elif not folder.is_dir():
        raise SystemExit(f"There is no folder '{folder}'.")
    else:
        read, problems = read_workflows(folder)
        found = [graph for graph in read if graph.lower_bound(1)]
        notes = [f"Passed over {problem}" for problem in problems]
        notes += [f"Passed over {graph.name}: its tasks take no time"
                  for graph in read if graph not in found]  # fmt: skip
        if not found:
            notes.append("There is no workflow in that folder; these graphs are generated.")
    return found or [shape(GENERATED) for shape in WORKFLOWS], notes


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the table if that is asked for."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--workflows", type=Path, metavar="FOLDER", help="recorded ones")
    parser.add_argument("--workers", type=positive, nargs="+", default=[4, 8, 16], metavar="N")
    parser.add_argument(
        "--seconds", type=float, default=0.5, metavar="S", help="that the lower bound is scaled to"
    )
    options = parser.parse_args(arguments)
    graphs, notes = graphs_to_run(options.workflows)
    wake_in_time()
    ratios = {
        workers: measure(graphs, workers, options.seconds, options.repeats)
        for workers in options.workers
    }
    told = (
        f"Makespan / lower bound, the bound being {options.seconds:g} s; medians. "
        f"{machine()}; {versions('dask')}."
    )
    text = "\n\n".join([" ".join([told, *notes]), table(graphs, ratios)])
    print(text)
    if options.write:
        write_table("workflows", text, options.readme)


if __name__ == "__main__":
    main()
