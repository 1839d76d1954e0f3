"""Memory: many tasks that need much, in a control group that has little.

    python benchmarks/memory.py [--tasks N] [--megabytes N] [--limit N] [--workers N] [--write]

Each run has a group of its own, of `limit` megabytes, and its workers are there before the clock
starts. The best that fits is the largest number of workers of which none is ended when nothing is
held back.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from measuring import aligned, machine, options_of, positive, write_table

from taskinity_nb import TaskError, run

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from groups import can_make_groups, memory_group

__all__ = ["main"]

HELD, FREE = "taskinity_nb", "nothing held back"
FLOW = "flow Memory:\n    sizes -> map hold -> total"


def sizes(count: int, megabytes: int) -> list[int]:
    """Return what each item is to hold."""
    return [megabytes] * count


def hold(size: int, seconds: float) -> int:
    """Hold so much for a while."""
    until = time.monotonic() + seconds
    held = bytearray(size * 1_000_000)
    held[::4096] = bytes(len(held[::4096]))
    time.sleep(max(0.0, until - time.monotonic()))
    return len(held)


def total(sizes: list[int]) -> int:
    """Add up."""
    return sum(sizes)


class Way(NamedTuple):
    """How a way went, in its group."""

    seconds: float
    peak: int
    kills: int
    is_right: bool


def go(how: str, tasks: int, megabytes: int, seconds: float, workers: int) -> dict[str, Any]:
    """Start the workers, learn what a task takes, and run; in a group already."""

    def once(count: int, megabytes: int, seconds: float, **options: Any) -> Any:
        inputs = {"count": count, "megabytes": megabytes, "seconds": seconds}
        return run(FLOW, inputs, executor="processes", namespace=globals(), **options)

    unbounded = {} if how == HELD else {"resources": {"memory": "1000 TB"}}
    once(2 * workers, 1, 0.05, workers=workers)
    once(1, megabytes, 0.05, workers=1)
    begun = time.perf_counter()
    try:
        total = once(tasks, megabytes, seconds, workers=workers, **unbounded)["total"]
        is_right = total == tasks * megabytes * 1_000_000
    except TaskError:
        is_right = False
    return {"seconds": time.perf_counter() - begun, "is_right": is_right}


def measured(limit: int, how: str, *sizes: float) -> Way:
    """Have a script of ours run in a new group."""
    with memory_group(limit * 1_000_000) as group:
        code = "\n".join([
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})",
            "import json, memory",
            f"print(json.dumps(memory.go(*{(how, *sizes)!r})))",
        ])  # fmt: skip
        said = group.run(code)
        if said.returncode:
            raise RuntimeError(said.stderr)
        return Way(**json.loads(said.stdout), peak=group.peak, kills=group.kills)


def middle(repeats: int, *arguments: Any) -> Way:
    """Return the median of the seconds, and the worst of all else."""
    ways = [measured(*arguments) for _ in range(repeats)]
    return Way(
        median(way.seconds for way in ways),
        max(way.peak for way in ways),
        max(way.kills for way in ways),
        all(way.is_right for way in ways),
    )


def row(name: str, way: Way) -> list[str]:
    """Write down how a way went."""
    return [name, f"{way.seconds:.2f}", f"{way.peak / 1e6:,.0f}", str(way.kills),
            "yes" if way.is_right else "no"]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the table if that is asked for."""
    parser = options_of(__doc__, repeats=3)
    for name, usual in {"tasks": 24, "megabytes": 300, "limit": 2000, "workers": 8}.items():
        parser.add_argument(f"--{name}", type=positive, default=usual, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S")
    options = parser.parse_args(arguments)
    text = f"taskinity_nb was not measured: no control group can be made. {machine()}."
    if can_make_groups():
        size = options.tasks, options.megabytes, options.seconds
        rows = [["", "seconds", "peak, MB", "ended", "right"]]
        for how in (HELD, FREE):
            way = middle(options.repeats, options.limit, how, *size, options.workers)
            rows.append(row(f"{how}, {options.workers} workers", way))
        fewer = options.workers
        while way.kills and fewer > 1:
            fewer -= 1
            way = middle(options.repeats, options.limit, FREE, *size, fewer)
            rows.append(row(f"{FREE}, {fewer} workers", way))
        text = (
            f"{options.tasks} tasks that hold {options.megabytes} MB for {options.seconds:g} s, in "
            f"{options.limit} MB; medians. {machine()}.\n\n{aligned(rows)}"
        )
    print(text)
    if options.write:
        write_table("memory", text, options.readme)


if __name__ == "__main__":
    main()
