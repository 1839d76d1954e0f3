"""What scheduling costs: microseconds a task, for tasks that do nothing.

    python benchmarks/overhead.py [--tasks N ...] [--quick] [--repeats N] [--write]

The first table grows the graphs; the second asks more peers, for few tasks.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from time import perf_counter

from graphs import SHAPES, Graph
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
)  # fmt: skip
from peers import DASK, FAST, OURS, SLOW, Peer, flow_of, installed
from work import nothing

from taskinity_nb import run

__all__ = ["main"]

FEW = 1000
"""Tasks for the peers that are not made for many."""

LARGE = 50_000
"""From so many tasks on, two repeats are enough, with no round before them."""


def timed_ours(graph: Graph) -> Callable[[], Times]:
    """Run a flow that ran before, one that did not, and look at the record."""
    known = flow_of(graph)
    run(known, namespace={"work": nothing}, executor="threads", workers=WORKERS)
    numbers = count()

    def measured() -> Times:
        fresh = flow_of(graph, f"{graph.name}_{next(numbers)}")
        times = {}
        for part, flow in (("first run", fresh), (OURS.name, known)):
            begun = perf_counter()
            finished = run(flow, namespace={"work": nothing}, executor="threads", workers=WORKERS)
            ran = perf_counter()
            recorded = len(finished.tasks)  # folds the log
            times |= {part: ran - begun, "fold": perf_counter() - ran}
            assert recorded == len(graph.upstream)
            del finished
            gc.collect()
        return times

    return measured


def measure(tasks: int, peers: Sequence[Peer], repeats: int) -> Iterator[tuple[str, Times]]:
    """Yield the medians for each shape, in microseconds a task: ours and the peers'."""
    for shape in SHAPES:
        graph = shape(tasks)
        asked = {
            peer.name: (peer, shape(min(tasks, peer.most)))
            for peer in peers
            if not peer.shapes or graph.name in peer.shapes
        }
        with ExitStack() as stack:
            contest = [timed_ours(graph)] + [
                timed(name, stack.enter_context(peer.open(theirs, nothing)))
                for name, (peer, theirs) in asked.items()
            ]
            few = min(repeats, 2) if tasks >= LARGE else repeats
            times = in_turns({graph.name: contest}, few, int(tasks < LARGE))[graph.name]
        counts = {name: len(theirs.upstream) for name, (_, theirs) in asked.items()}
        yield (
            graph.name,
            {part: 1e6 * seconds / counts.get(part, tasks) for part, seconds in times.items()},
        )


def growth_table(sizes: Sequence[int], repeats: int) -> str:
    """Measure how the cost of a task grows with their number."""
    peers = installed(FAST)
    names = [OURS.name, *(peer.name for peer in peers)]
    head = ["graph", "tasks", *names, "dask / ours", f"ours / ours at {sizes[0]:,}",
            "first run", "fold"]  # fmt: skip
    rows = [head]
    smallest: dict[str, float] = {}
    for size in sizes:
        for graph, of in measure(size, peers, repeats):
            cost = of[OURS.name]
            ratio = f"{of[DASK.name] / cost:.1f}" if DASK in peers else "–"
            growth = cost / smallest.setdefault(graph, cost)
            row = [graph, f"{size:,}", *figures(of, names), ratio, f"{growth:.2f}"]
            rows.append(row + figures(of, ["first run", "fold"]))
    told = (
        f"Tasks that do nothing, {WORKERS} workers; microseconds a task, medians. "
        f"{machine()}; {versions('dask')}."
    )
    return f"{told}\n\n{aligned(rows)}"


def peers_table(tasks: int, repeats: int) -> str:
    """Measure what the others cost."""
    peers = installed(SLOW)
    names = [OURS.name, *(peer.name for peer in peers)]
    rows = [["graph", *names]]
    for graph, of in measure(tasks, peers, repeats):
        rows.append([graph, *figures(of, names)])
    packages = [peer.package for peer in SLOW if peer.package]
    told = f"{tasks:,} tasks that do nothing; microseconds a task. {versions(*packages)}."
    return f"{told}\n\n{aligned(rows)}"


def figures(of: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """Write down what was measured, and a dash for what was not."""
    return [f"{of[name]:,.1f}" if name in of else "–" for name in names]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the tables if that is asked for."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument(
        "--tasks", type=positive, nargs="+", default=[1000, 10_000, 100_000], metavar="N"
    )
    parser.add_argument("--quick", action="store_true", help="leave out the peers that are slow")
    options = parser.parse_args(arguments)
    sizes = sorted(options.tasks)
    tables = [growth_table(sizes, options.repeats)]
    if not options.quick:
        tables.append(peers_table(min(FEW, sizes[0]), max(1, options.repeats // 2)))
    text = "\n\n".join(tables)
    print(text)
    if options.write:
        write_table("overhead", text, options.readme)


if __name__ == "__main__":
    main()
