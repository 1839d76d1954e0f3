"""How a state looks: fill, outline and sign, the same in the widget, the SVG and the Gantt chart.

The fills stay apart under normal sight and three colour-vision deficiencies, black text is readable
on each, and both a white and a black page can lie behind them. No state is told by colour alone.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.events import State

__all__ = ["CODES", "CRITICAL", "EDGE", "INK", "LOOKS", "Look"]

INK = "#1a1a1a"
"""Text and outlines on a fill."""

EDGE = "#7a7a7a"
"""Arrows and axes: readable on white and on black."""


CRITICAL = "#d6336c"
"""Outline of the critical path in the graph: 4.5:1 on white, 4.2:1 on black, and like no state."""


class Look(NamedTuple):
    """How one state is drawn; `width` is that of the outline, in points; `dash` as in SVG."""

    fill: str
    sign: str
    width: float = 1.0
    dash: str = ""


LOOKS: dict[State, Look] = {
    State.PENDING: Look("#fcf8f7", "○", dash="4 3"),
    State.READY: Look("#fcf8f7", "○", width=2.4),
    State.RUNNING: Look("#badbfe", "▶", width=2.4),
    State.RETRYING: Look("#fed716", "↻", width=2.4),
    State.SUCCEEDED: Look("#58c671", "✓"),
    State.CACHED: Look("#cc8deb", "≡"),
    State.FAILED: Look("#e25a00", "✗", width=2.4),
    State.TIMED_OUT: Look("#e25a00", "◷", width=2.4),
    State.UPSTREAM_FAILED: Look("#b8babb", "↯", dash="2 2"),
    State.SKIPPED: Look("#b8babb", "⊘", dash="2 2"),
    State.CANCELLED: Look("#8b8a8a", "■"),
}

CODES: dict[State, str] = dict(zip(State, "prRyscftuxk", strict=True))
"""The character that stands for a state in a snapshot of a run."""
