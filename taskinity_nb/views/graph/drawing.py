"""A flow as an SVG that is ready to be painted: all tasks pending.

How large each box and label is, is measured here; Graphviz says where they go. Colours are
attributes, since stylesheets are lost on the way to some readers; nothing links anywhere, and there
is nothing that two pictures on one page could share by accident, such as ids.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...formatting import elided, visible
from ...model.events import State
from ...model.forms.edges import CONDITIONS, MAPPED
from ..style.palette import EDGE, INK, LOOKS
from .dot import (
    LEVEL_GAP,
    MOST_READ,
    NODE_GAP,
    direction,
    heading_lines,
    in_order,
    lines_of,
)
from .forms import Box, boxes_of, may_be_skipped, short_name
from .layout import Layout, Point, layout
from .lines import (
    BELOW,
    MOST_KEY,
    SMALL,
    Line,
    Rect,
    add_line,
    around_labels,
    in_points,
    lines_between,
)
from .svg import EACH_ITEM, FAMILY, LEAST_ROW, SVG, paint_node, resize
from .text_width import width

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["draw"]

SIZE, SMALLEST = 10.0, 8.5
"""Points: of names, of what is told of a run."""

LINE = 13.0
"""Points from one line of a name to the next."""

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

WIDEST_WITH_SKIPPED = "00,000 of 00,000, 00,000 skipped · 00.0 s"
"""Likewise, if items of it may be skipped."""

TAB = 14.0
"""Points that the name of a box is high."""

SLANT = 6.0
"""Points that an input leans to the right, half of it beyond its place."""

HEADING_SCALE = 1.08
"""A browser may have another font than ours, in which a heading is wider."""


class _Box(NamedTuple):
    lines: list[str]
    width: float
    height: float
    is_mapped: bool


def draw(
    flow: Flow,
    labels: Mapping[str, str] | None = None,
    *,
    details: bool = False,
    counted: Collection[str] = (),
    closed: Collection[str] = (),
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
    closed : collection of str
        Which of the tasks stand for a box that is closed; they are marked ``data-closed``.
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
    mapped = {edge.target for edge in flow.edges if edge.kind in MAPPED}
    skipped = may_be_skipped(flow)

    def detail(task: str) -> str:
        if not details or (task not in mapped and task not in counted):
            return WIDEST if details else ""
        return WIDEST_WITH_SKIPPED if task in skipped else WIDEST_OF_MAP

    boxes = {
        task: _box(_lines_of(flow, task, labels, closed), detail(task), task in mapped)
        for task in flow.tasks
    } | {name: _input_box(lines_of(flow, name)) for name in flow.inputs}
    lines, frames = lines_between(flow, with_verdicts=details), boxes_of(flow, flow.inputs)
    placed = layout(_source(flow, boxes, lines, links, frames), len(boxes), len(lines))
    root, top, picture = _frame(flow, placed.width, placed.height, count, with_legend=details)
    if frames:
        around = SubElement(picture, "g", {"fill": "none"})
        for rect in _frames_at(frames, boxes, lines, placed).values():
            _add_rect(around, *rect[:2], rect.right - rect.left, rect.bottom - rect.top, {})
    edges = SubElement(picture, "g", {"fill": "none", "stroke": EDGE})
    nodes = SubElement(picture, "g", {"fill": INK})
    for number, line in enumerate(lines):
        add_line(edges, line, placed.edges[number])
    for index, (task, box) in enumerate(boxes.items()):
        if task in flow.inputs:
            _add_input(nodes, task, box, placed.nodes[index])
            continue
        node = _add_node(nodes, task, index, box, placed.nodes[index], with_detail=details)
        if task in closed:
            node.set("data-closed", "yes")
    for number, name in enumerate(frames):
        _add_tab(nodes, name, placed.frames[number][2])
    for number, text in enumerate(heading_lines(flow)):
        place = {"x": "0", "y": in_points(LINE * (number + 0.5) + BELOW * SIZE - top)}
        SubElement(picture, "text", place | {"text-anchor": "start", "fill": EDGE}).text = text
    return ElementTree.tostring(root, encoding="unicode")


def _lines_of(
    flow: Flow, task: str, labels: Mapping[str, str] | None, closed: Collection[str]
) -> list[str]:
    first, *others = lines_of(flow, task, labels)
    return [f"▸ {first}" if task in closed else first, *others]


def _box(lines: list[str], detail: str, is_mapped: bool) -> _Box:
    widest = max([*(width(line, SIZE) for line in lines), width(detail, SMALLEST)])
    more = 2 * INSET if is_mapped else 0.0
    wide = max(LEAST[0], SIGN + widest + 2 * ROOM[0]) + more
    tall = max(LEAST[1], LINE * (len(lines) + bool(detail)) + 2 * ROOM[1]) + more
    return _Box(lines, wide, tall, is_mapped)


def _input_box(lines: list[str]) -> _Box:
    wide = max(LEAST[0], max(width(line, SIZE) for line in lines) + ROOM[0] + 2 * SLANT)
    return _Box(lines, wide, LEAST[1], False)


def _source(
    flow: Flow,
    boxes: Mapping[str, _Box],
    lines: list[Line],
    links: int,
    frames: Mapping[str, Box],
) -> str:
    """Return what Graphviz is asked: numbers alone."""
    place = {node: i for i, node in enumerate(boxes)}
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
    # Without a label of its own, a line lies on the condition that leads to the same task.
    beside = {(line.source, line.target) for line in lines if line.kind in CONDITIONS}
    for number, line in enumerate(lines):
        look = f"id={number}"
        if line.kind != "result":
            look += f" arrowhead={'normalnormal' if line.is_mapped else 'vee'}"
        if line.text or (line.source, line.target) in beside:
            look += f" label={_room(math.ceil(line.room) + 8)}"
        told.append(f"{place[line.source]} -> {place[line.target]} [{look}]")
    numbers = {name: i for i, name in enumerate(frames)}

    def framed(name: str) -> str:
        inner = [str(place[node]) for node in frames[name].nodes]
        inner += map(framed, frames[name].boxes)
        room = _room(_tab_width(name), TAB)
        return f"subgraph cluster_{numbers[name]} {{label={room} labeljust=l {' '.join(inner)}}}"

    told += [framed(name) for name in frames if "." not in name]
    return "digraph {\n" + "\n".join(told) + "\n}\n"


def _room(wide: float, tall: float = 13) -> str:
    """Return a label of Graphviz that keeps room free, and holds nothing."""
    size = f'WIDTH="{math.ceil(wide)}" HEIGHT="{tall:g}"'
    look = f'<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" {size}>'
    return f"{look}<TR><TD></TD></TR></TABLE>>"


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
    place = f"translate({in_points(MARGIN)} {in_points(top + MARGIN)})"
    look = {"transform": place, "font-family": FAMILY, "font-size": in_points(SIZE),
            "text-anchor": "middle", "stroke-linejoin": "round"}  # fmt: skip
    return root, top, SubElement(root, "g", look)


def _frames_at(
    frames: Mapping[str, Box], boxes: Mapping[str, _Box], lines: list[Line], placed: Layout
) -> dict[str, Rect]:
    """Return where the frames of boxes are drawn, around what stands at edges too."""
    nodes = {}
    for number, (name, box) in enumerate(boxes.items()):
        (x, y), wide, tall = placed.nodes[number], box.width / 2, box.height / 2
        nodes[name] = Rect(x - wide, y - tall, x + wide, y + tall)
    corners = {name: placed.frames[number][:2] for number, name in enumerate(frames)}
    labels = [line.label_at(placed.edges[i]) for i, line in enumerate(lines) if line.text]
    found = {name: Rect(*first, *last) for name, (first, last) in corners.items()}
    return around_labels(found, nodes, labels)


def _add_node(
    parent: Element, task: str, index: int, box: _Box, middle: Point, *, with_detail: bool
) -> Element:
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
    sign = {"data-part": "sign", "x": in_points(left + 12), "y": in_points(middle.y + BELOW * SIZE)}
    SubElement(node, "text", sign)
    named = SubElement(node, "g", {"data-part": "name"})
    x = in_points(middle.x + SIGN / 2)
    y = middle.y - LINE * (len(box.lines) + with_detail) / 2 + LINE / 2 + BELOW * SIZE
    for number, text in enumerate(box.lines):
        SubElement(named, "text", {"x": x, "y": in_points(y + LINE * number)}).text = text
    if with_detail:
        look = {"data-part": "detail", "font-size": in_points(SMALLEST)}
        place = {"x": x, "y": in_points(y + LINE * len(box.lines))}
        SubElement(node, "text", place | look)
    paint_node(node, State.PENDING, EACH_ITEM if box.is_mapped and with_detail else "")
    return node


def _add_input(parent: Element, name: str, box: _Box, middle: Point) -> None:
    """Draw an input: it has no state, and leans."""
    node = SubElement(parent, "g", {"data-input": name, "role": "img"})
    node.set("aria-label", f"input {box.lines[0]}")
    SubElement(node, "title").text = f"input {box.lines[0]}"
    left, right = middle.x - box.width / 2, middle.x + box.width / 2
    top, bottom, half = middle.y - box.height / 2, middle.y + box.height / 2, SLANT / 2
    corners = ((left + half, top), (right + half, top), (right - half, bottom),
               (left - half, bottom))  # fmt: skip
    points = " ".join(f"{in_points(x)},{in_points(y)}" for x, y in corners)
    look = {"fill": LOOKS[State.PENDING].fill, "stroke": EDGE, "points": points}
    SubElement(node, "polygon", look)
    place = {"x": in_points(middle.x), "y": in_points(middle.y + BELOW * SIZE)}
    SubElement(node, "text", place).text = box.lines[0]


def _add_tab(parent: Element, name: str, middle: Point) -> None:
    """Draw the name of a box on its frame, over the edges that come in."""
    tab = SubElement(parent, "g", {"data-box": name, "font-size": in_points(SMALL)})
    SubElement(tab, "title").text = name
    wide = _tab_width(name)
    look = {"fill": LOOKS[State.PENDING].fill, "data-part": "box"}
    _add_rect(tab, middle.x - wide / 2, middle.y - TAB / 2, wide, TAB, look)
    place = {"x": in_points(middle.x), "y": in_points(middle.y + BELOW * SMALL)}
    SubElement(tab, "text", place).text = _tab_text(name)


def _tab_text(name: str) -> str:
    return f"▾ {elided(visible(short_name(name)), MOST_KEY)}"


def _tab_width(name: str) -> float:
    return width(_tab_text(name), SMALL) + 10


def _add_rect(
    node: Element, left: float, top: float, wide: float, tall: float, more: dict[str, str]
) -> None:
    box = {"x": left, "y": top, "width": wide, "height": tall, "rx": 5}
    SubElement(node, "rect", {k: in_points(v) for k, v in box.items()} | {"stroke": EDGE} | more)


def _up(number: float) -> float:
    return math.ceil(10 * number) / 10
