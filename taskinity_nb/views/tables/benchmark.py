"""A benchmark as a table, and as a chart: medians as bars, every repeat as a dot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...formatting import UNITS, counted, one_line, time_text, time_unit
from ...model.events import State
from ..style.palette import EDGE, INK, LOOKS
from .columns import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ...analysis.measuring.benchmark import PerformanceBenchmark

__all__ = ["draw_timings", "timings_table"]

WIDTH, ROW, MARGINS = 8.0, 0.44, 0.95
"""Inches: the figure, a bar with the space around it, and what lies above and below the bars."""
LONGEST_LABEL = 36
ROOM = 1.4
"""The axis ends at so many times the longest time, so that the words beside it fit."""


def timings_table(bench: PerformanceBenchmark) -> Table:
    """Return the measurements of a benchmark as a table.

    Examples
    --------
    >>> from taskinity_nb.analysis.measuring.benchmark import Measurement, PerformanceBenchmark
    >>> bench = PerformanceBenchmark("sums")
    >>> bench.results.append(Measurement("threads", (0.2, 0.4), baseline=0.6))
    >>> print("\\n".join(timings_table(bench).text().splitlines()[1:]))
             median     min    mean   stdev  repeats  speed-up
    threads  300 ms  200 ms  300 ms  141 ms        2      2.00
    """
    compared = any(one.speedup is not None for one in bench.results)
    head = ["", "median", "min", "mean", "stdev", "repeats"] + ["speed-up"] * compared
    rows = []
    for one in bench.results:
        times = (one.median, one.min, one.mean, one.stdev)
        row = [one_line(one.label) + " *" * one.is_coarse]
        row += ["" if math.isnan(seconds) else time_text(seconds) for seconds in times]
        row.append(str(len(one.seconds)))
        if compared:
            row.append("" if one.speedup is None else f"{one.speedup:.2f}")
        rows.append(row)
    facts = f"Python {bench.python}, {counted(bench.cores, 'core')}"
    if not rows:
        facts = "nothing measured yet"
    clock = max((one.clock for one in bench.results if one.is_coarse), default=None)
    note = "* too short to be measured: reading the clock takes {}; let one call do more"
    notes = [] if clock is None else [note.format(time_text(clock))]
    return Table(one_line(bench.name), facts, head, rows, notes=notes)


def draw_timings(bench: PerformanceBenchmark, ax: Axes | None = None) -> Axes:
    """Draw the measurements of a benchmark that has some, the first on top.

    Examples
    --------
    >>> from taskinity_nb.analysis.measuring.benchmark import PerformanceBenchmark
    >>> bench = PerformanceBenchmark("sums", repeats=3)
    >>> measured = bench.measure("a thousand", sum, range(1000))
    >>> [label.get_text() for label in draw_timings(bench).get_yticklabels()]
    ['a thousand']
    """
    from ..charts.figure import fitted_axes
    from ..charts.settings import default_settings

    with default_settings():
        ink = INK if ax is None else ax.xaxis.label.get_color()
        if ax is None:
            ax = fitted_axes(repr(bench), (WIDTH, MARGINS + ROW * len(bench.results)))
        _draw(bench, ax, ink)
    return ax


def _draw(bench: PerformanceBenchmark, ax: Axes, ink: Any) -> None:
    results = bench.results
    longest = max(measured.max for measured in results)
    unit, scale = time_unit(longest, UNITS)
    rows = range(len(results))
    fill = LOOKS[State.RUNNING].fill
    ax.barh(rows, [one.median / scale for one in results], height=0.62, color=fill, edgecolor=EDGE)
    for row, one in zip(rows, results, strict=True):
        ax.hlines(row, one.min / scale, one.max / scale, color=ink, linewidth=1.2)
        times = [seconds / scale for seconds in one.seconds]
        ax.plot(times, [row] * len(times), "o", color=ink, markersize=3.5, alpha=0.6, mew=0)
        words = time_text(one.median)
        if one.speedup is not None:
            words += f"  ({one.speedup:.2f}×)"
        ax.annotate(
            words, (one.max / scale, row), (7, 0), textcoords="offset points", va="center",
            fontsize=9, color=ink,
        )  # fmt: skip
    _axes(bench, ax, ink, unit, longest / scale)


def _axes(bench: PerformanceBenchmark, ax: Axes, ink: Any, unit: str, longest: float) -> None:
    from ..charts.style import Styled
    from ..charts.text_fit import typeset

    style = Styled(ax, ink)
    style.plan_titles(one_line(bench.name), "", wrap=False)
    written = [typeset(style.beside(one_line(one.label, LONGEST_LABEL))) for one in bench.results]
    ax.set_yticks(range(len(written)), [text for text, _ in written])
    lowest = len(written) - 0.4
    ax.set_ylim(lowest, lowest - style.stretched(lowest + 0.6)[0])
    ax.set_xlim(0, ROOM * (longest or 1.0))
    compared = any(one.speedup is not None for one in bench.results)
    note = "; × is the speed-up over sequential" if compared else ""
    style.labels(f"median in {unit}; a dot is one repeat{note}", unit=unit)
    style.spines(("bottom",), axis="x")
    for label, (_, fonts) in zip(ax.get_yticklabels(), written, strict=True):
        label.set(family=fonts, parse_math=False)
    style.titles("left")
