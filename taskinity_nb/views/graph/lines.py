"""The lines of a drawing: which edges are one line, what stands at it, and how it is drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, SubElement

from ...formatting import elided, visible
from ...model.forms.edges import CONDITIONS, MAPPED, WAITS
from ..style.palette import EDGE
from .forms import drawn_edges, key_of, tail_of
from .layout import EdgePlace, Point
from .text_width import width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...model.flow import Flow

__all__ = [
    "BELOW", "MOST_KEY", "SMALL", "Line", "Rect", "add_line", "around_labels", "in_points",
    "lines_between",
]  # fmt: skip

SMALL = 9.0
"""Points, of what stands at edges."""

BELOW = 0.36
"""How far below the middle of a line its letters stand, in their size."""

WIDEST_VERDICT = ": 0000000000"
"""What stands behind a condition when a run has decided."""

WIDEST_OF_ITEMS = ": 00,000 of 00,000 true"
"""What stands there where it is decided for each item."""

GAP = 4.0
"""Points between the frame of a box and what is in it."""

MOST_KEYS = 3
"""Keys that stand at a line, or one more; else it is said how many more there are."""

MOST_KEY = 40
"""Characters of a key; of a longer one the middle is left out."""


class Rect(NamedTuple):
    """A place in points."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> Rect:
        return Rect(self.left - by, self.top, self.right + by, self.bottom)

    def meets(self, other: Rect) -> bool:
        """Tell whether the two have something in common."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and self.top < other.bottom and other.top < self.bottom

    def cuts(self, other: Rect) -> bool:
        """Tell whether the left or the right side of this one goes through the other."""
        sides = (self.left, self.right)
        return self.meets(other) and any(other.left < side < other.right for side in sides)


class Line(NamedTuple):
    """What is drawn between two boxes: edges of one kind, with their keys."""

    source: str
    target: str
    kind: str
    text: str
    room: float = 0.0

    @property
    def is_mapped(self) -> bool:
        return self.kind in MAPPED

    @property
    def is_dotted(self) -> bool:
        return self.kind in WAITS

    def label_at(self, place: EdgePlace) -> Rect:
        """Return where the text at the line is, with what a run adds to it."""
        x, y = place.label or place.path[0]
        half = self.room / 2
        return Rect(x - half, y - SMALL / 2, x + half, y + SMALL / 2)


def around_labels(
    frames: Mapping[str, Rect], nodes: Mapping[str, Rect], labels: list[Rect]
) -> dict[str, Rect]:
    """Return the frames of boxes, wider where they would cut a label and there is room for that.

    Examples
    --------
    >>> frames, nodes = {"P": Rect(0, 0, 50, 90)}, {"b": Rect(80, 5, 99, 9)}
    >>> around_labels(frames, nodes, [Rect(30, 40, 60, 50)])["P"].right
    64.0
    >>> around_labels(frames, nodes, [Rect(30, 40, 79, 50)])["P"].right
    50
    """
    placed = dict(frames)
    for name in reversed([*frames]):  # the inner ones first
        within = f"{name}."
        for _ in labels:
            frame = placed[name]
            inner = [rect.grown(GAP) for box, rect in placed.items() if box.startswith(within)]
            cut = [rect.grown(GAP) for rect in labels if frame.cuts(rect)]
            held = [frame, *inner, *cut]
            wide = frame._replace(
                left=min(rect.left for rect in held), right=max(rect.right for rect in held)
            )
            others = [
                rect
                for other, rect in (*nodes.items(), *placed.items())
                if other != name and not other.startswith(within)
                and not name.startswith(f"{other}.")
            ]  # fmt: skip
            if wide == frame or any(wide.meets(rect.grown(GAP)) for rect in others):
                break
            placed[name] = wide
    return placed


def lines_between(flow: Flow, *, with_verdicts: bool = False) -> list[Line]:
    """Return what is drawn of edges: those of one kind between the same two tasks are one line.

    With `with_verdicts`, a condition has room for what a run decides.
    """
    keys: dict[tuple[str, str, str, str], list[str]] = {}
    mapped = {edge.target for edge in flow.edges if edge.kind in MAPPED}
    conditions = {edge[:2] for edge in flow.edges if edge.kind in CONDITIONS}
    for edge in drawn_edges(flow):
        if edge.kind == "each_wait" and edge[:2] in conditions:
            continue  # a condition waits too
        ends = edge.source, edge.target, edge.kind, visible(tail_of(flow, edge))
        found = keys.setdefault(ends, [])
        key = "" if edge.kind in CONDITIONS else key_of(flow, edge)
        found += [elided(visible(key), MOST_KEY)] if key else []
    lines = []
    for (source, target, kind, tail), found in keys.items():
        gap = "" if tail == "?" else " "
        text = f"{_listed(found)}{gap}{tail}".strip()
        verdict = WIDEST_OF_ITEMS if target in mapped else WIDEST_VERDICT
        verdict = verdict if with_verdicts and kind in CONDITIONS else ""
        lines.append(Line(source, target, kind, text, width(text + verdict, SMALL)))
    return lines


def _listed(keys: list[str]) -> str:
    left = len(keys) - MOST_KEYS
    return ", ".join(keys) if left < 2 else f"{', '.join(keys[:MOST_KEYS])} and {left:,} more"


def add_line(parent: Element, line: Line, place: EdgePlace) -> None:
    edge = SubElement(parent, "g", {"data-source": line.source, "data-target": line.target})
    if line.kind in CONDITIONS:
        edge.set("data-condition", line.text)
    first, *others = (f"{in_points(point.x)},{in_points(point.y)}" for point in place.path)
    path = SubElement(edge, "path", {"d": f"M{first}C{' '.join(others)}"})
    if line.is_dotted:
        path.attrib |= {"stroke-dasharray": "1.6 4", "stroke-width": "1.6"}
    if place.tip is not None:
        for points in _heads(line, place.path[-1], place.tip):
            told = " ".join(f"{in_points(point.x)},{in_points(point.y)}" for point in points)
            SubElement(edge, "polygon", {"fill": EDGE, "points": told})
    if place.label is not None and line.text:
        where = {"x": in_points(place.label.x), "y": in_points(place.label.y + BELOW * SMALL)}
        look = {"fill": EDGE, "stroke": "none", "font-size": in_points(SMALL)}
        if line.kind in CONDITIONS:  # it begins where it will begin when a verdict stands behind it
            where["x"] = in_points(place.label.x - line.room / 2)
            look["text-anchor"] = "start"
        SubElement(edge, "text", where | look).text = line.text


def _heads(line: Line, end: Point, tip: Point) -> list[list[Point]]:
    """Return the arrowheads from the end of a path to where it points: a map has two."""
    long = math.dist(end, tip)
    if not long:
        return []
    ahead = Point((tip.x - end.x) / long, (tip.y - end.y) / long)

    def at(along: float, aside: float) -> Point:
        """Return a point so far before the tip, and so far from the way there."""
        return Point(
            tip.x - along * ahead.x - aside * ahead.y, tip.y - along * ahead.y + aside * ahead.x
        )

    if line.is_dotted:
        half = 0.45 * long
        return [[tip, at(long, half), at(0.65 * long, 0), at(long, -half)]]
    number = 2 if line.is_mapped else 1
    each = long / number
    half = 0.35 * each
    return [
        [at(each * i, 0), at(each * (i + 1), half), at(each * (i + 1), -half)]
        for i in range(number)
    ]


def in_points(number: float) -> str:
    """Write a length to a tenth of a point: the SVG of a large flow shrinks by a third."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
