"""How all of the scripts here measure, and how they write down what they found.

Contestants take turns in one process: each repeat calls each of them once, so that a machine that
becomes slower or faster favours none. What counts is the median.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

__all__ = [
    "README",
    "WORKERS",
    "Times",
    "aligned",
    "in_turns",
    "machine",
    "options_of",
    "positive",
    "timed",
    "versions",
    "write_table",
]

WORKERS = 2
README = Path(__file__).with_name("README.md")

Times = dict[str, float]
"""Seconds of one call, by what they were spent on."""


def in_turns(
    contests: Mapping[str, Sequence[Callable[[], Times]]], repeats: int, uncounted: int = 1
) -> dict[str, Times]:
    """Call everything once a repeat, after some rounds that are not counted; return the medians."""
    times: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in contests}
    for turn in range(uncounted + repeats):
        for name, contest in contests.items():
            for measured in contest:
                gc.collect()
                gc.freeze()  # what is left of others costs this one nothing
                parts = measured()
                gc.unfreeze()
                for part, seconds in parts.items() if turn >= uncounted else ():
                    times[name][part].append(seconds)
    return {
        name: {part: statistics.median(seconds) for part, seconds in parts.items()}
        for name, parts in times.items()
    }


def timed(name: str, call: Callable[[], object]) -> Callable[[], Times]:
    """Return a call that says how long it took, until its result is there."""

    def measured() -> Times:
        begun = perf_counter()
        result = call()
        seconds = perf_counter() - begun
        del result
        return {name: seconds}

    return measured


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table, the first row being its head; numbers are on the right.

    Examples
    --------
    >>> print(aligned([["graph", "ours"], ["fan", "4.5"]]))
    | graph | ours |
    | ----- | ---: |
    | fan   |  4.5 |
    """
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, f"| {' | '.join(rule)} |")
    return "\n".join(lines)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> str:
    """Say what it was measured on."""
    return f"Python {platform.python_version()}, {sys.platform}, {cores()} cores"


def versions(*packages: str) -> str:
    """Name the versions of packages, and those that are not installed.

    Examples
    --------
    >>> versions("no-such-package")
    'not installed, so left out: no-such-package'
    """
    told, missing = [], []
    for package in packages:
        try:
            told.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        told.append(f"not installed, so left out: {', '.join(missing)}")
    return ", ".join(told)


def write_table(name: str, table: str, readme: Path = README) -> None:
    """Replace what stands between the two markers of a name in a file."""
    markers = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not begin or not end:
        raise SystemExit(f"{readme.name} has no lines '{markers[0]}' and '{markers[1]}'")
    readme.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def options_of(doc: str | None, repeats: int) -> argparse.ArgumentParser:
    """Return a parser of the options that all scripts have."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--repeats", type=positive, default=repeats, metavar="N")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    parser.add_argument("--readme", type=Path, default=README, help=argparse.SUPPRESS)
    return parser


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not {text!r}")
    return int(text)
