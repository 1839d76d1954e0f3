"""METG(50 %): the shortest tasks with which two workers are still half busy.

    python benchmarks/metg.py [--tasks N] [--quick] [--repeats N] [--write]

After E. Slaughter et al., "Task Bench: A Parameterized Benchmark for Evaluating Parallel Runtime
Performance", SC 2020. The graph is a stencil. Its tasks compute without the interpreter's lock, as
NumPy does, by hashing zeros: how many tells how long. How fast two threads hash when nobody
schedules anything is measured in turns with the rest, and is what counts as fully busy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from threading import Thread
from time import perf_counter

from graphs import stencil
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
from peers import FAST, OURS, SLOW, Peer, installed
from work import LARGEST, hash_bytes, hashing

__all__ = ["main", "metg"]

DURATIONS = tuple(2.0**power * 1e-6 for power in range(13, 0, -1))
"""Seconds that the tasks take, from 8 ms to 2 µs."""

SHOWN = DURATIONS[-8:-2][::-1]
"""Those for which the table tells how busy the workers were."""

SECONDS = 0.25
"""Of work in a run, unless that takes more tasks than there may be."""

ENOUGH = 0.3
"""A peer whose workers are less busy than this is not asked for shorter tasks."""

SLOWEST = {"Ray", "dask.distributed"}
"""The only ones that are asked for tasks of more than a millisecond."""

Curve = dict[float, float]
"""How busy the workers were, by the duration of the tasks, from long ones to short ones."""


def flat_out(count: int, calls: int) -> Callable[[], Times]:
    """Return what hashes on all workers at once, with nothing to schedule."""

    def repeat() -> None:
        for _ in range(calls):
            hash_bytes(count)

    def measured() -> Times:
        threads = [Thread(target=repeat) for _ in range(WORKERS)]
        begun = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"flat out": (perf_counter() - begun) / (count * calls * WORKERS)}

    return measured


def per_byte(name: str, count: int, call: Callable[[], object]) -> Callable[[], Times]:
    """Return a run that hashes so many bytes, and says how long each took."""

    def measured() -> Times:
        begun = perf_counter()
        call()
        return {name: (perf_counter() - begun) / count}

    return measured


def curves(peers: Sequence[Peer], most: int, repeats: int) -> dict[str, Curve]:
    """Measure how busy the workers are, with shorter and shorter tasks."""
    found: dict[str, Curve] = {peer.name: {} for peer in peers}
    reference = flat_out(LARGEST // 64, 64)
    speed = 1 / (WORKERS * in_turns({"": [reference]}, 5)[""]["flat out"])  # of one worker
    going = list(peers)
    for seconds in DURATIONS:
        asked = [peer for peer in going if seconds < 0.002 or peer.name in SLOWEST]
        if not asked:
            continue
        count = min(LARGEST, round(seconds * speed))
        graph = stencil(min(most, max(36, round(SECONDS / seconds))))
        with ExitStack() as stack:
            contest = [reference] + [
                per_byte(peer.name, count * len(graph.upstream), stack.enter_context(opened))
                for peer in asked
                for opened in [peer.open(graph, hashing(count))]
            ]
            times = in_turns({"": contest}, repeats)[""]
        for peer in asked:
            busy = found[peer.name][seconds] = times["flat out"] / times[peer.name]
            if busy < ENOUGH:
                going.remove(peer)
    return found


def metg(curve: Curve, share: float = 0.5) -> float | None:
    """Return the shortest task with which the workers are busy for a share of their time.

    Examples
    --------
    >>> metg({8.0: 0.9, 4.0: 0.75, 2.0: 0.25, 1.0: 0.2})
    2.8284271247461903
    """
    for (long, busier), (short, idler) in reversed(list(pairwise(curve.items()))):
        if idler < share <= busier:
            return long * (short / long) ** ((busier - share) / (busier - idler))
    return None


def table(wanted: Sequence[Peer], found: dict[str, Curve], tasks: int) -> str:
    """Write down the shortest tasks, and some of the way there."""
    packages = [peer.package for peer in wanted if peer.package]
    rows = [["", "METG(50 %)", "/ ours", *(f"busy at {1e6 * at:.0f} µs" for at in SHOWN)]]
    ours = metg(found[OURS.name])
    for peer in installed(wanted):
        least = metg(found[peer.name])
        told = f"{1e6 * least:,.1f} µs" if least else "–"
        ratio = f"{least / ours:.1f}" if least and ours else "–"
        busy = [f"{found[peer.name][at]:.0%}" if at in found[peer.name] else "–" for at in SHOWN]
        rows.append([peer.name, told, ratio, *busy])
    about = f"A stencil of up to {tasks:,} tasks, {WORKERS} workers; {machine()}; medians."
    return f"{about} {versions(*packages)}.\n\n{aligned(rows)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the table if that is asked for."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--tasks", type=positive, default=2500, metavar="N")
    parser.add_argument("--quick", action="store_true", help="leave out Ray and dask.distributed")
    options = parser.parse_args(arguments)
    slow = [] if options.quick else [peer for peer in SLOW if peer.name in SLOWEST]
    wanted = [OURS, *FAST, *slow]
    found = curves(installed(wanted), options.tasks, options.repeats)
    text = table(wanted, found, options.tasks)
    print(text)
    if options.write:
        write_table("metg", text, options.readme)


if __name__ == "__main__":
    main()
