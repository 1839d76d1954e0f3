"""A comparison as a table: a row for each case."""

from __future__ import annotations

from ...analysis.measuring.compare import Comparison
from ...formatting import counted, one_line, speed, time_text
from .columns import Table

__all__ = ["comparison_table"]

HEAD = ("", "workers", "median", "min", "max", "first run", "speed-up")


def comparison_table(comparison: Comparison) -> Table:
    """Return a comparison as a table.

    Examples
    --------
    >>> from taskinity_nb.analysis.measuring.compare import compare
    >>> comparison = compare("load", executors="sequential", repeats=1, namespace={"load": list})
    >>> comparison_table(comparison).text().splitlines()[1].split()
    ['workers', 'median', 'min', 'max', 'first', 'run', 'speed-up']
    """
    repeats = counted(len(comparison.cases[0].seconds), "repeat")
    cores = counted(comparison.cores, "core")
    facts = f"{repeats} in turns after a first run; Python {comparison.python}, {cores}"
    head = HEAD if comparison.baseline is not None else HEAD[:-1]
    name = one_line(comparison.flow.name)
    return Table(name, facts, head, _rows(comparison), notes=_notes(comparison))


def _rows(comparison: Comparison) -> list[list[str]]:
    rows = []
    for case in comparison.cases:
        row = [one_line(case.label), str(case.workers)]
        row += [time_text(seconds) for seconds in (case.median, case.min, case.max, case.first)]
        if comparison.baseline is not None:
            row.append("" if case.speedup is None else f"{case.speedup:.2f}")
        rows.append(row)
    return rows


def _notes(comparison: Comparison) -> list[str]:
    """Return in words what the table says, unless there is nothing to say."""
    best, base = comparison.best, comparison.baseline
    if base is None or best.speedup is None or len(comparison.cases) == 1:
        return []
    judgement = comparison.judgement
    if not judgement.holds:
        return [judgement.words]
    if best.label == base:
        return [f"nothing is faster than {one_line(base)}"]
    gain = speed(best.speedup)
    rivals = [case.label for case in comparison.cases if case is not best and case.min <= best.max]
    doubt = ""
    if rivals:
        others = one_line(rivals[0]) if len(rivals) == 1 else f"{len(rivals)} others"
        doubt = f"; its times and those of {others} overlap"
    return [f"{one_line(best.label)}: {gain} than {one_line(base)}{doubt}"]
