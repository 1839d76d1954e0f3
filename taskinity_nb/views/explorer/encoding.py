"""What the explorer shows, as numbers and words: bars of two runs in one chart, ranges of sliders.

A bar is six numbers, so that hundreds of them travel in one small message: its start and its length
in seconds, its row, its task, its item (-1 for none), and its state (its place in `State`).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

from ...analysis.prediction.simulate import Timeline
from ...engine.scheduling.limits.demands import MEMORY
from ...formatting import counted, size_of, size_text, time_text
from ...model.events import State
from ...model.flow import Flow
from ...model.limits.capacities import Capacities
from ...model.run import Run
from ...strangers import is_interrupt
from ..charts.gantt_bars import Panel, panel_of
from ..style.words import LEAST_MEMORY, error_line

__all__ = [
    "Laid", "Slider", "as_given", "as_number", "errors_of", "inputs_of", "laid_over", "off_by",
    "packed", "peak_told", "sliders_of", "steps_of",
]  # fmt: skip

STATES = tuple(State)
MOST_ERRORS = 10


class Slider(NamedTuple):
    """An input of the flow that can be set: where a number may be moved to, a switch, or a text."""

    name: str
    value: Any
    least: float
    most: float
    whole: bool
    """Whether it takes whole numbers only."""
    kind: Literal["number", "switch", "text"] = "number"

    def takes(self, value: Any) -> bool:
        """Tell whether it can be set to a value, which a browser has sent."""
        if self.kind == "number":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and self.least <= value <= self.most
        return type(value) is type(self.value) and (value is True or value is False or (
            len(value) <= LONGEST_TEXT
        ))  # fmt: skip


class Laid(NamedTuple):
    """A run that was measured, ready to be laid over its prediction."""

    bars: bytes
    rows: int
    makespan: float


def packed(timeline: Timeline) -> tuple[bytes, int]:
    """Return the bars of a prediction, and the number of its rows.

    Examples
    --------
    >>> from taskinity_nb import simulate
    >>> bars, rows = packed(simulate("a -> b", 4, {"a": 1.0, "b": 2.0}))
    >>> array("f", bars).tolist(), rows
    ([0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 1.0, 2.0, 0.0, 1.0, -1.0, 0.0], 1)
    """
    index = timeline.plan.index
    numbers = array("f")
    for task, item, worker, start, end in timeline.rows:
        place = -1 if item is None else item
        numbers.extend((start, end - start, worker - 1, index[task], place, 0))
    return numbers.tobytes(), max((row.worker for row in timeline.rows), default=1)


def laid_over(run: Run, timeline: Timeline | None) -> Laid:
    """Return the bars of a run, its workers in the rows of those that were to do the same."""
    panel = panel_of(run)
    rows = _rows(panel, timeline)
    index = run.plan.index
    numbers = array("f")
    for bar in panel.bars:
        place = -1 if bar.item is None else bar.item
        numbers.extend(
            (bar.start, bar.end - bar.start, rows[bar.lane], index[bar.task], place,
             STATES.index(bar.state))
        )  # fmt: skip
    return Laid(numbers.tobytes(), max(rows.values(), default=0) + 1, run.makespan)


def _rows(panel: Panel, timeline: Timeline | None) -> dict[int, int]:
    """Return for each lane its row: the worker with which it has the most seconds in common."""
    planned = {(row.task, row.item): row.worker - 1 for row in timeline.rows} if timeline else {}
    common: dict[tuple[int, int], float] = {}
    for bar in panel.bars:
        row = planned.get((bar.task, bar.item))
        if row is not None:
            common[bar.lane, row] = common.get((bar.lane, row), 0.0) + bar.end - bar.start
    rows: dict[int, int] = {}
    taken: set[int] = set()
    for lane, row in sorted(common, key=lambda pair: -common[pair]):
        if lane not in rows and row not in taken:
            rows[lane] = row
            taken.add(row)
    free = (row for row in range(10**9) if row not in taken)
    return rows | {lane: next(free) for lane in range(panel.lanes) if lane not in rows}


def off_by(predicted: float, measured: float, source: str = "") -> str:
    """Write how far a prediction was off, and if it need be said, what it came from.

    Examples
    --------
    >>> off_by(1.24, 1.31)
    'predicted 1.24 s, measured 1.31 s: 5 % too quick'
    >>> off_by(2.0, 1.0).rpartition(": ")[2], off_by(1.0, 1.001).rpartition(": ")[2]
    ('100 % too slow', 'less than 1 % off')
    """
    longest = max(predicted, measured)
    words = f"predicted {time_text(predicted, longest)}{source and f' {source}'}"
    words += f", measured {time_text(measured, longest)}"
    per_cent = round(100 * abs(predicted / measured - 1)) if measured else 0
    if not per_cent:
        return f"{words}: less than 1 % off"
    return f"{words}: {per_cent:,} % too {'quick' if predicted < measured else 'slow'}"


def peak_told(timeline: Timeline, resources: Capacities) -> str:
    """Write how much memory tasks take at once, at most, and of how much; "" if it is not known.

    Examples
    --------
    >>> from taskinity_nb import simulate
    >>> peak_told(simulate("a -> b", 4, {"a": 1.0, "b": 2.0}), {"memory": 4e9})
    ''
    """
    peak, there_is = timeline.peak_memory or 0, resources.get(MEMORY)
    if peak < LEAST_MEMORY:
        return ""
    if not isinstance(there_is, float):
        return f"peak {size_text(peak)}"
    told = f"peak {size_of(peak, there_is)}"
    if peak > there_is:
        return f"{told}: too much"
    waiting = sum(MEMORY in wait.resource.split(", ") for wait in timeline.waits)
    verb = "waits" if waiting == 1 else "wait"
    return f"{told}; {counted(waiting, 'task')} {verb} for it" if waiting else told


def errors_of(run: Run | None, error: BaseException) -> str:
    """Write what went wrong in a run: the error that it raised, and what else failed."""
    text = str(error).strip() or error_line(error)
    others = [
        f"task '{task}' failed too: {error_line(why)}"
        for task, why in (run.errors if run is not None else {}).items()
        if task != getattr(error, "task", None)
    ]
    if len(others) > MOST_ERRORS:
        others[MOST_ERRORS:] = [f"… and {len(others) - MOST_ERRORS} more"]
    return "\n".join([text, *others])


def inputs_of(flow: Flow, inputs: Any) -> Any:
    """Return the inputs with which a flow runs: those that are given, or else its own defaults.

    Examples
    --------
    >>> inputs_of(Flow("Example", tasks=["fit"], inputs={"depth": 3, "path": ...}), "data")
    {'depth': 3, 'path': 'data'}
    """
    defaults = {name: held.value for name, held in flow.inputs.items() if held is not None}
    needed = [name for name in flow.inputs if name not in defaults]
    if inputs is not None and not isinstance(inputs, Mapping):
        names = needed if len(needed) == 1 else list(flow.inputs)
        return {**defaults, names[0]: inputs} if len(names) == 1 else inputs
    given = dict(inputs or {})
    for name in [name for name in defaults if flow.is_lifted(name)]:
        if name.rpartition(".")[2] in given:  # which goes to the flow in this one
            del defaults[name]
    return {**defaults, **given} if defaults else inputs


def sliders_of(inputs: Any, declared: Collection[str] = ()) -> list[Slider]:
    """Return a slider for each input of a flow that is a number.

    A choice is none, such as ``True`` or a member of an enumeration; nor is a number that a browser
    does not know, or that has no room beside it. Of the inputs that a flow has declared, a truth
    value is a switch, and a text of one line can be edited.

    Examples
    --------
    >>> [tuple(slider) for slider in sliders_of({"n": 40, "path": "data", "scale": 0.5})]
    [('n', 40, 0, 100, True, 'number'), ('scale', 0.5, 0.0, 1.0, False, 'number')]
    >>> sliders_of(-3)[0].least, sliders_of(None), sliders_of({"x": 5e-324, "y": float("inf")})
    (-10, [], [])
    """
    named = inputs if isinstance(inputs, Mapping) else {"input": inputs}
    sliders = []
    for name, value in named.items():
        number = as_number(value)
        if number is not None:
            sliders.append(_slider(str(name), number))
        elif name in declared and type(value) is bool:
            sliders.append(Slider(str(name), value, 0, 1, True, "switch"))
        elif name in declared and type(value) is str and len((value + ".").splitlines()) == 1:
            sliders.append(Slider(str(name), value, 0, 0, True, "text"))
    return sliders


def as_number(value: Any) -> float | None:
    """Return what a slider shows of an input, or None if that is no number that it could show.

    Examples
    --------
    >>> from decimal import Decimal
    >>> as_number(3), as_number(Decimal("0.5")), as_number(True), as_number("3"), as_number(-1e308)
    (3, 0.5, None, None, None)
    """
    if isinstance(value, bool | Enum) or not isinstance(value, Real | Decimal):
        return None
    try:
        number = int(value) if isinstance(value, Integral) else float(value)
    except BaseException as error:  # too large; or of a class of the user's
        if is_interrupt(error):
            raise
        return None
    if isinstance(number, int):
        return number if abs(number) < EXACT else None
    return number if number == 0 or LEAST <= abs(number) <= MOST else None


def as_given(value: Any, before: Any) -> Any:
    """Return a number as an input of the type that it had before.

    Examples
    --------
    >>> from fractions import Fraction
    >>> as_given(4, 3), as_given(0.5, Fraction(1, 3))
    (4, Fraction(1, 2))
    """
    kind = type(before)
    if kind in (int, float):
        return value
    try:
        return kind(repr(value)) if isinstance(before, Decimal) else kind(value)
    except BaseException as error:  # its class takes something else
        if is_interrupt(error):
            raise
        return value


LONGEST_TEXT = 10_000
"""Characters of a text that can be set."""

EXACT = 2**53
"""Whole numbers from here on are not exact in a browser."""

LEAST, MOST = 1e-300, 1e300
"""Floats beside which there is room in both directions."""


def _slider(name: str, value: float) -> Slider:
    """Make room on both sides: from zero to about twice the value, round numbers."""
    whole = isinstance(value, int)
    size = abs(value) * 2 or (10 if whole else 1.0)
    digits, power = f"{size:.9e}".split("e")
    leading = next(number for number in (1, 2, 5, 10) if number >= float(digits) - 1e-8)
    most = float(f"{leading}e{power}")
    if whole:
        most = max(10, round(most))
    zero: float = 0 if whole else 0.0
    return Slider(name, value, -most, zero, whole) if value < 0 else Slider(
        name, value, zero, most, whole
    )  # fmt: skip


def steps_of(cores: int, most: int, *others: int) -> list[int]:
    """Return numbers of workers to choose from: all where it matters, then ever further apart.

    It matters up to twice the cores; beyond, there are four to each doubling. Those that are set
    are among them.

    Examples
    --------
    >>> steps_of(2, 64)
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64]
    """
    steps = {*range(1, min(2 * cores, most) + 1), most, *others}
    size = 2
    while size < most:
        steps |= {size * quarters // 4 for quarters in range(4, 8)}
        size *= 2
    return sorted(step for step in steps if 1 <= step <= most)
