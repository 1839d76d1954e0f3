"""A flow as an SVG that is ready to be painted: all tasks pending.

How large each box and label is, is measured here; Graphviz says where they go. Colours are
attributes, since stylesheets are lost on the way to some readers; nothing links anywhere, and there
is nothing that two pictures on one page could share by accident, such as ids.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...formatting import elided, visible
from ...model.events import State
from ..style.palette import EDGE, INK
from .dot import (
    LEVEL_GAP,
    MOST_READ,
    NODE_GAP,
    direction,
    heading_lines,
    in_order,
    lines_of,
)
from .layout import EdgePlace, Point, layout
from .svg import EACH_ITEM, FAMILY, LEAST_ROW, SVG, paint_node, resize
from .text_width import width

if TYPE_CHECKING:
    from ...model.flow import Edge, Flow

__all__ = ["draw"]

SIZE, SMALL, SMALLEST = 10.0, 9.0, 8.5
"""Points: of names, of what stands at edges, of what is told of a run."""

LINE = 13.0
"""Points from one line of a name to the next."""

BELOW = 0.36
"""How far below the middle of a line its letters stand, in their size."""

SIGN = 10.0
"""Points that the sign of the state has before the name."""

ROOM = (10.0, 4.3)
"""Points between a name and the sides of its box."""

LEAST = (36.0, 24.5)
"""Points that a box has at least."""

INSET = 3.0
"""Points between the two outlines of a mapped task."""

MARGIN = 4.0
"""Points around the picture."""

ARROW = 7.0
"""Points that the head of an arrow is long."""

SLOW_LINKS = 800
"""From here on Graphviz takes shortcuts; without them, 6,000 links would take eight seconds."""

WIDEST, WIDEST_OF_MAP = "00.00 s", "00,000 of 00,000 · 00.0 s"
"""What the line that tells of a task's run has room for, and that of a mapped one."""

MOST_KEYS = 3
"""Keys that stand at a line, or one more; else it is said how many more there are."""

MOST_KEY = 40
"""Characters of a key; of a longer one the middle is left out."""

HEADING_SCALE = 1.08
"""A browser may have another font than ours, in which a heading is wider."""


class _Box(NamedTuple):
    lines: list[str]
    width: float
    height: float
    is_mapped: bool


class _Line(NamedTuple):
    """What is drawn between two boxes: edges of one kind, with their keys."""

    source: str
    target: str
    kind: str
    text: str


def draw(
    flow: Flow,
    labels: Mapping[str, str] | None = None,
    *,
    details: bool = False,
    counted: Collection[str] = (),
    count: int | None = None,
    links: int = 0,
) -> str:
    """Return a flow as SVG, all tasks pending.

    Each task is a ``g`` with ``data-task``, ``data-state`` and ``data-index``, its place in
    ``flow.tasks``; in it, the outline that changes is marked ``data-part="box"``, the sign
    ``data-part="sign"``, the lines of its name ``data-part="name"``, and with `details`, the last
    line, which tells of its run, ``data-part="detail"``.

    Parameters
    ----------
    flow : Flow
        What to draw.
    labels : mapping of str to str, optional
        What to call a task in the picture, instead of its name.
    details : bool
        Whether there is a line for what a run tells of a task.
    counted : collection of str
        Of which tasks that line is how many of it are done.
    count : int, optional
        The number of tasks, if the nodes of `flow` stand for more.
    links : int
        How many levels all edges cross together.

    Raises
    ------
    FlowError
        If there is no Graphviz, or it fails.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> svg = draw(Flow("Example", [("load", "save")]))
    >>> svg.count("data-task="), "</script>" in svg
    (2, False)
    """
    mapped = {edge.target for edge in flow.edges if edge.kind == "map"}
    boxes = {
        task: _box(
            lines_of(flow, task, labels),
            (WIDEST_OF_MAP if task in mapped or task in counted else WIDEST) if details else "",
            task in mapped,
        )
        for task in flow.tasks
    }
    lines = _lines(flow.edges)
    placed = layout(_source(flow, boxes, lines, links), len(boxes), len(lines))
    root, top, picture = _frame(flow, placed.width, placed.height, count, with_legend=details)
    edges = SubElement(picture, "g", {"fill": "none", "stroke": EDGE})
    nodes = SubElement(picture, "g", {"fill": INK})
    for number, line in enumerate(lines):
        _add_edge(edges, line, placed.edges[number])
    for index, (task, box) in enumerate(boxes.items()):
        _add_node(nodes, task, index, box, placed.nodes[index], with_detail=details)
    for number, text in enumerate(heading_lines(flow)):
        place = {"x": "0", "y": _n(LINE * (number + 0.5) + BELOW * SIZE - top)}
        SubElement(picture, "text", place | {"text-anchor": "start", "fill": EDGE}).text = text
    return ElementTree.tostring(root, encoding="unicode")


def _box(lines: list[str], detail: str, is_mapped: bool) -> _Box:
    widest = max([*(width(line, SIZE) for line in lines), width(detail, SMALLEST)])
    more = 2 * INSET if is_mapped else 0.0
    wide = max(LEAST[0], SIGN + widest + 2 * ROOM[0]) + more
    tall = max(LEAST[1], LINE * (len(lines) + bool(detail)) + 2 * ROOM[1]) + more
    return _Box(lines, wide, tall, is_mapped)


def _lines(edges: Iterable[Edge]) -> list[_Line]:
    """Return what is drawn of edges: those of one kind between the same two tasks are one line."""
    keys: dict[tuple[str, str, str], list[str]] = {}
    for edge in edges:
        found = keys.setdefault((edge.source, edge.target, edge.kind), [])
        found += [elided(visible(f".{edge.key}"), MOST_KEY)] if edge.key else []
    return [
        _Line(*ends, " ".join([_listed(found), "map" if ends[2] == "map" else ""]).strip())
        for ends, found in keys.items()
    ]


def _listed(keys: list[str]) -> str:
    left = len(keys) - MOST_KEYS
    return ", ".join(keys) if left < 2 else f"{', '.join(keys[:MOST_KEYS])} and {left:,} more"


def _source(flow: Flow, boxes: Mapping[str, _Box], lines: list[_Line], links: int) -> str:
    """Return what Graphviz is asked: numbers alone."""
    place = {task: i for i, task in enumerate(flow.tasks)}
    way = direction(flow, {task: (box.width, box.height) for task, box in boxes.items()})
    graph = f"rankdir={way} nodesep={NODE_GAP} ranksep={LEVEL_GAP}"
    if links > SLOW_LINKS:
        graph += " splines=polyline nslimit=0.5 nslimit1=0.5 mclimit=0.1"
    told = [
        f"graph [{graph}]",
        'node [shape=box fixedsize=true label=""]',
        f"edge [arrowsize={ARROW / 10:g}]",
    ]
    for task in in_order(flow, way):
        box = boxes[task]
        told.append(f"{place[task]} [width={box.width / 72:.4f} height={box.height / 72:.4f}]")
    for number, line in enumerate(lines):
        look = f"id={number}"
        if line.kind != "result":
            look += f" arrowhead={'normalnormal' if line.kind == 'map' else 'vee'}"
        if line.text:
            size = f'WIDTH="{math.ceil(width(line.text, SMALL)) + 8}" HEIGHT="13"'
            look += f' label=<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" {size}>'
            look += "<TR><TD></TD></TR></TABLE>>"
        told.append(f"{place[line.source]} -> {place[line.target]} [{look}]")
    return "digraph {\n" + "\n".join(told) + "\n}\n"


def _frame(
    flow: Flow, wide: float, tall: float, count: int | None, *, with_legend: bool
) -> tuple[Element, float, Element]:
    """Return the SVG, how tall its heading is, and the group that the picture is drawn in."""
    told = f"Flow {visible(flow.name)}: {count or len(flow.tasks):,} tasks"
    root = Element("svg", {"xmlns": SVG, "role": "group", "aria-label": told})
    lines = heading_lines(flow)
    top = LINE * len(lines) + 5 if lines else 0.0
    heading = max((width(line, SIZE) for line in lines), default=0.0) * HEADING_SCALE
    least = LEAST_ROW if with_legend else 0.0
    resize(root, _up(max(wide, heading, least) + 2 * MARGIN), _up(top + tall + 2 * MARGIN))
    SubElement(root, "title").text = told
    if flow.description:
        SubElement(root, "desc").text = visible(elided(flow.description, MOST_READ))
    look = {"transform": f"translate({_n(MARGIN)} {_n(top + MARGIN)})", "font-family": FAMILY,
            "font-size": _n(SIZE), "text-anchor": "middle", "stroke-linejoin": "round"}  # fmt: skip
    return root, top, SubElement(root, "g", look)


def _add_node(
    parent: Element, task: str, index: int, box: _Box, middle: Point, *, with_detail: bool
) -> None:
    node = SubElement(
        parent, "g", {"data-task": task, "data-state": "", "data-index": str(index), "role": "img"}
    )
    SubElement(node, "title")
    left, top = middle.x - box.width / 2, middle.y - box.height / 2
    wide, tall = box.width, box.height
    if box.is_mapped:
        _add_rect(node, left, top, wide, tall, {"fill": "none"})
        left, top, wide, tall = left + INSET, top + INSET, wide - 2 * INSET, tall - 2 * INSET
    _add_rect(node, left, top, wide, tall, {"data-part": "box"})
    sign = {"data-part": "sign", "x": _n(left + 12), "y": _n(middle.y + BELOW * SIZE)}
    SubElement(node, "text", sign)
    named = SubElement(node, "g", {"data-part": "name"})
    x = _n(middle.x + SIGN / 2)
    y = middle.y - LINE * (len(box.lines) + with_detail) / 2 + LINE / 2 + BELOW * SIZE
    for number, text in enumerate(box.lines):
        SubElement(named, "text", {"x": x, "y": _n(y + LINE * number)}).text = text
    if with_detail:
        look = {"data-part": "detail", "font-size": _n(SMALLEST)}
        place = {"x": x, "y": _n(y + LINE * len(box.lines))}
        SubElement(node, "text", place | look)
    paint_node(node, State.PENDING, EACH_ITEM if box.is_mapped and with_detail else "")


def _add_rect(
    node: Element, left: float, top: float, wide: float, tall: float, more: dict[str, str]
) -> None:
    box = {"x": left, "y": top, "width": wide, "height": tall, "rx": 5}
    SubElement(node, "rect", {k: _n(v) for k, v in box.items()} | {"stroke": EDGE} | more)


def _add_edge(parent: Element, line: _Line, place: EdgePlace) -> None:
    edge = SubElement(parent, "g", {"data-source": line.source, "data-target": line.target})
    first, *others = (f"{_n(point.x)},{_n(point.y)}" for point in place.path)
    path = SubElement(edge, "path", {"d": f"M{first}C{' '.join(others)}"})
    if line.kind == "wait":
        path.attrib |= {"stroke-dasharray": "1.6 4", "stroke-width": "1.6"}
    if place.tip is not None:
        for points in _heads(line.kind, place.path[-1], place.tip):
            told = " ".join(f"{_n(point.x)},{_n(point.y)}" for point in points)
            SubElement(edge, "polygon", {"fill": EDGE, "points": told})
    if place.label is not None:
        where = {"x": _n(place.label.x), "y": _n(place.label.y + BELOW * SMALL)}
        look = {"fill": EDGE, "stroke": "none", "font-size": _n(SMALL)}
        SubElement(edge, "text", where | look).text = line.text


def _heads(kind: str, end: Point, tip: Point) -> list[list[Point]]:
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

    if kind == "wait":
        half = 0.45 * long
        return [[tip, at(long, half), at(0.65 * long, 0), at(long, -half)]]
    number = 2 if kind == "map" else 1
    each = long / number
    half = 0.35 * each
    return [
        [at(each * i, 0), at(each * (i + 1), half), at(each * (i + 1), -half)]
        for i in range(number)
    ]


def _n(number: float) -> str:
    """Write a length to a tenth of a point: the SVG of a large flow shrinks by a third."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _up(number: float) -> float:
    return math.ceil(10 * number) / 10
