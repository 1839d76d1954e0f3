"""Whether what is said of runs holds on a busy machine, beside a stopwatch around a plain loop.

python benchmarks/honesty.py [--busy N] [--seconds S] [--flows N] [--repeats N] [--write]

Other processes keep the machine busy meanwhile. Of each flow, all sentences with a figure are
printed: of its charts, its table, advice, the explorer and a comparison. The exit code is 1 if one
of them contradicts the stopwatch.
"""

from __future__ import annotations

import hashlib
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple

from measuring import aligned, machine, options_of, positive, write_table

from taskinity_nb import Run, advise, compare, plot_gantt, plot_speedup, run
from taskinity_nb.views.explorer.state import ExplorerState, sentence
from taskinity_nb.views.tables.comparison import comparison_table
from taskinity_nb.views.tables.run import run_table

__all__ = ["Said", "Watch", "claims", "main", "verdict"]

NEAR = 1.25
"""A figure is right that differs from the stopwatch by no more than such a factor."""

PAYS = 1.2
"""Two workers pay that are so much faster than one."""

IDLE_WORK = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    sum(range(100_000))
"""
"""What a busy process does, as long as this one lives."""

UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
TIME = r"(?P<time>[\d.,]+) (?P<unit>µs|ms|s|min)\b"
BOUND = r"(?P<bound>at least |up to |)"
SEQUENTIAL = (
    rf"sequential {BOUND}{TIME} \(replayed\)",
    rf"replayed [^:]*: {BOUND}{TIME}",
    rf"{BOUND}{TIME} of work",
    rf"1 = one task after the other, {BOUND}{TIME}",
)
RATIO = (
    r"(?P<times>[\d.,]+) times (?P<way>faster|slower|as fast)|(?P<none>no faster)|nothing is faster"
)
WORKERS = r"(?i:up to (?P<workers>\d+) workers pay|(?P<one>one worker is enough))"
IN_PROCESSES = rf"in processes on \d+ cores? it would take at least {TIME}"


class Watch(NamedTuple):
    """What the stopwatch says: seconds of the plain loop and of the run, each time."""

    loops: tuple[float, ...]
    runs: tuple[float, ...]

    @property
    def times(self) -> tuple[float, float]:
        """Between which ratios the run was faster than the loop."""
        return min(self.loops) / max(self.runs), max(self.loops) / min(self.runs)


class Said(NamedTuple):
    """One figure that was said: its kind, its value, and whether it is only a bound."""

    kind: str
    value: float
    bound: str = ""


def claims(text: str) -> list[Said]:
    """Return the figures of a sentence that a stopwatch can judge.

    Examples
    --------
    >>> claims("2.0 times faster than one after the other; at least 3.50 s of work")
    [Said(kind='times', value=2.0, bound=''), Said(kind='loop', value=3.5, bound='at least')]
    >>> claims("Up to 3 workers pay; more gain nothing"), claims("too short to judge")
    ([Said(kind='workers', value=3.0, bound='')], [])
    """
    found = []
    for match in re.finditer(RATIO, text):
        number = float((match["times"] or "1").replace(",", ""))
        found.append(Said("times", 1 / number if match["way"] == "slower" else number))
    for pattern in SEQUENTIAL:
        for match in re.finditer(pattern, text):
            found.append(Said("loop", _seconds(match), match["bound"].strip()))
    for match in re.finditer(WORKERS, text):
        found.append(Said("workers", float(match["workers"] or 1)))
    for match in re.finditer(IN_PROCESSES, text):
        found.append(Said("processes", _seconds(match), "at least"))
    return found


def _seconds(match: re.Match[str]) -> float:
    return float(match["time"].replace(",", "")) * UNITS[match["unit"]]


def verdict(said: Said, watch: Watch, processes: Callable[[], float]) -> str:
    """Return in words how a figure contradicts the stopwatch; nothing if it does not.

    `processes` measures what the same takes in processes, where that is said.

    Examples
    --------
    >>> watch = Watch((2.0, 2.2), (2.0, 2.1))
    >>> verdict(Said("times", 1.1), watch, float)
    ''
    >>> verdict(Said("loop", 1.0, "at least"), watch, float)
    ''
    >>> verdict(Said("times", 0.25), watch, float)
    '0.25 times, the stopwatch 0.95 to 1.10'
    """
    low, high = watch.times
    stopwatch = f"the stopwatch {low:.2f} to {high:.2f}"
    if said.kind == "times":
        return _between(said, low, high, f"{said.value:.2f} times, {stopwatch}")
    if said.kind == "workers":
        wrong = high < 1 / PAYS if said.value > 1 else low > PAYS
        return f"{said.value:.0f} workers, {stopwatch} times" if wrong else ""
    seconds = watch.loops if said.kind == "loop" else (processes(),)
    told = f"{said.value:.2f} s, the stopwatch {min(seconds):.2f} to {max(seconds):.2f} s"
    return _between(said, min(seconds), max(seconds), told)


def _between(said: Said, low: float, high: float, told: str) -> str:
    is_low = said.value < low / NEAR and said.bound != "at least"
    is_high = said.value > high * NEAR and said.bound != "up to"
    return told if is_low or is_high else ""


# The flows.


class Flowing(NamedTuple):
    """A flow of four tasks: what each does, and what runs it."""

    name: str
    text: str
    functions: dict[str, Callable[..., Any]]
    executor: str
    workers: int

    def loop(self) -> None:
        """Do the same in a plain loop."""
        results: dict[str, Any] = {}
        for name in "abcd":
            results[name] = self.functions[name]()


def count(rounds: int) -> Callable[..., int]:
    """Return a task that computes in Python, and holds the interpreter's lock."""

    def counting(*results: Any) -> int:
        number = 0
        for each in range(rounds):
            number += each % 7
        return number

    return counting


def digest(seconds: float) -> Callable[..., str]:
    """Return a task that computes without the lock."""
    block, begun, size = bytes(2**20), time.thread_time(), 0
    while time.thread_time() - begun < 0.05:
        hashlib.sha256(block)
        size += 1
    blocks = max(1, round(size * seconds / 0.05))

    def hashing(*results: Any) -> str:
        total = hashlib.sha256()
        for _ in range(blocks):
            total.update(block)
        return total.hexdigest()

    return hashing


def sleep(seconds: float) -> Callable[..., None]:
    """Return a task that waits."""

    def sleeping(*results: Any) -> None:
        time.sleep(seconds)

    return sleeping


def mixed(*parts: Callable[..., Any]) -> Callable[..., None]:
    """Return a task that does one after the other."""

    def doing(*results: Any) -> None:
        for part in parts:
            part()

    return doing


def rounds_of(seconds: float) -> int:
    """Return how many rounds of `count` take so many seconds of a core."""
    begun = time.thread_time()
    count(1_000_000)()
    return max(1, round(1_000_000 * seconds / (time.thread_time() - begun)))


def flows(seconds: float) -> list[Flowing]:
    """Return ten flows whose tasks take about so long."""
    rounds, half = rounds_of(seconds), rounds_of(seconds / 2)
    counts, sleeps = dict.fromkeys("abcd", count(rounds)), dict.fromkeys("abcd", sleep(seconds))
    hashes = dict.fromkeys("abcd", digest(seconds))
    both = dict.fromkeys("abcd", mixed(count(half), sleep(seconds / 2)))
    some = {**sleeps, "a": count(rounds), "b": count(rounds)}
    wide, chain = "[a, b]\n[c, d]", "a -> b -> c -> d"
    return [
        Flowing("count, 4 threads", wide, counts, "threads", 4),
        Flowing("count, 2 processes", wide, counts, "processes", 2),
        Flowing("count, 4 processes", wide, counts, "processes", 4),
        Flowing("hash, 2 threads", wide, hashes, "threads", 2),
        Flowing("sleep, 4 threads", wide, sleeps, "threads", 4),
        Flowing("sleep, 4 processes", wide, sleeps, "processes", 4),
        Flowing("count and sleep, 4 threads", wide, both, "threads", 4),
        Flowing("count and sleep, 4 processes", wide, both, "processes", 4),
        Flowing("count, a chain, 2 threads", chain, counts, "threads", 2),
        Flowing("some count, some sleep, 2 processes", wide, some, "processes", 2),
    ]


# What is said.


def started(flow: Flowing) -> Run:
    """Run a flow."""
    return run(flow.text, namespace=flow.functions, executor=flow.executor, workers=flow.workers)


def sayings(flow: Flowing, made: Run, repeats: int) -> Iterator[tuple[str, str]]:
    """Yield all that is said of a run with a figure, and where."""
    chart = plot_gantt(made)
    yield "chart, title", chart.get_title()
    yield "chart, text", repr(chart)
    for text in chart.texts:
        if str(text.get_gid() or "").startswith("heading"):
            yield "chart, panel", text.get_text()
    yield "table", run_table(made).facts
    speedup = plot_speedup(made)
    yield "speed-up, title", speedup.get_title()
    yield "speed-up, text", repr(speedup)
    for text in speedup.texts:
        if text.get_gid() == "subtitle":
            yield "speed-up, below the title", text.get_text()
    for advice in advise(made):
        yield "advice", f"{advice.sentence} {advice.evidence}."
    state = ExplorerState(made.flow, run=made, ran_on=flow.executor, executor=flow.executor)
    state.set({"workers": flow.workers + 1})
    yield "explorer", sentence(state.told())
    found = compare(
        flow.text, namespace=flow.functions, executors=["sequential", flow.executor],
        workers=flow.workers, repeats=repeats,
    )  # fmt: skip
    yield "comparison", "; ".join(comparison_table(found).notes)
    yield "comparison, chart", found.plot().get_title()


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Keep so many processes busy meanwhile."""
    command = [sys.executable, "-c", IDLE_WORK, str(os.getpid())]
    others = [subprocess.Popen(command) for _ in range(number)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def watched(flow: Flowing, repeats: int) -> tuple[Watch, Run]:
    """Time a plain loop and the run in turns; return the run in the middle, too."""
    started(flow)  # starts processes, which is not counted
    loops, runs = [], []
    for _ in range(repeats):
        begun = perf_counter()
        flow.loop()
        loops.append(perf_counter() - begun)
        begun = perf_counter()
        made = started(flow)
        runs.append((perf_counter() - begun, made))
    runs.sort(key=lambda one: one[0])
    return Watch(tuple(loops), tuple(one for one, _ in runs)), runs[len(runs) // 2][1]


def in_processes(flow: Flowing) -> Callable[[], float]:
    """Return what measures the longest of two runs of the same in processes."""

    def measure() -> float:
        other = flow._replace(executor="processes")
        return max(started(other).makespan for _ in range(2))

    return measure


def judged(flow: Flowing, repeats: int) -> list[str]:
    """Print what is said of a flow, each with its verdict; return a row for the table."""
    watch, made = watched(flow, repeats)
    loop, wall = statistics.median(watch.loops), statistics.median(watch.runs)
    print(f"\n{flow.name}: a plain loop {loop:.2f} s, the run {wall:.2f} s", flush=True)
    figures = wrong = 0
    for where, text in sayings(flow, made, repeats):
        text = " ".join(text.split())
        found = claims(text)
        faults = [fault for said in found if (fault := verdict(said, watch, in_processes(flow)))]
        figures, wrong = figures + len(found), wrong + len(faults)
        sign = "WRONG" if faults else "holds" if found else "     "
        print(f"  {sign}  {where}: {text}{''.join(f' <- {fault}' for fault in faults)}", flush=True)
    low, high = watch.times
    return [flow.name, f"{loop:.2f} s", f"{wall:.2f} s", f"{low:.2f} to {high:.2f}",
            str(figures), str(wrong)]  # fmt: skip


def main() -> None:
    """Measure, print, and with ``--write`` put the table into README.md."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--busy", type=int, default=3, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.4, metavar="S")
    parser.add_argument("--flows", type=positive, default=10, metavar="N")
    options = parser.parse_args()
    rows = [["flow", "plain loop", "run", "times", "figures said", "that contradict"]]
    with busy(options.busy):
        for flow in flows(options.seconds)[: options.flows]:
            rows.append(judged(flow, options.repeats))
    heading = (
        f"What taskinity_nb says of runs beside {options.busy} busy processes, and a stopwatch; "
        f"medians. {machine()}."
    )
    table = f"{heading}\n\n{aligned(rows)}"
    print(f"\n{table}")
    if options.write:
        write_table("honesty", table, options.readme)
    if any(int(row[-1]) for row in rows[1:]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
