"""The SVG of a flow: made small and safe once, painted for each set of states.

Graphviz decides where things are; what it draws is read by an XML parser and written anew, with
colours as attributes (stylesheets are lost on the way to some readers), with nothing that links
anywhere, and with nothing that two pictures on one page could share by accident, such as ids.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...formatting import elided, visible
from ...model.events import State
from ..style.palette import CRITICAL, EDGE, INK, LOOKS
from .dot import MOST_READ, PAGE
from .layout import FONT

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["ALONE", "EACH_ITEM", "SVG", "Chip", "chips", "glyph", "paint", "tidy"]

SVG = "http://www.w3.org/2000/svg"
FAMILY = f"{FONT},Verdana,sans-serif"
INSET = 3.0
"""Points between the two outlines of a mapped task."""

EACH_ITEM = "each item"
"""What stands in a mapped task while the number of its items is not known."""

ALONE = "translate(0 6.5)"
"""Where the name of a task stands while nothing is told of its run."""

LEAST_SCALE = 0.6
"""A picture is not shown smaller than this: nobody could read it."""

LEAST_ROW = 256.0
"""Points that a row of the legend may have; a picture that gets one later has room for it."""

_NUMBER = re.compile(r"-?\d+\.\d+")


def glyph(sign: str) -> str:
    """Return a sign such that no browser draws it as an emoji."""
    return "▶\ufe0e" if sign == "▶" else sign


def tidy(drawn: bytes, flow: Flow, *, details: bool = False, count: int | None = None) -> str:
    """Return Graphviz's SVG of `flow` as one that is ready to be painted, all tasks pending.

    Each task is a ``g`` with ``data-task``, ``data-state`` and ``data-index``, its place in
    ``flow.tasks``; in it, the outline that changes is marked ``data-part="box"``, the sign
    ``data-part="sign"``, the lines of its name ``data-part="name"``, and with `details`, the last
    line, which tells of its run, ``data-part="detail"``. `count` is the number of tasks, if the
    nodes of `flow` stand for more.
    """
    old = ElementTree.fromstring(drawn)
    _, _, width, height = map(float, old.get("viewBox", "0 0 0 0").split())
    told = f"Flow {visible(flow.name)}: {count or len(flow.tasks):,} tasks"
    root = Element("svg", {"xmlns": SVG, "role": "group", "aria-label": told})
    _resize(root, max(width, LEAST_ROW + 8) if details else width, height)
    SubElement(root, "title").text = told
    if flow.description:
        SubElement(root, "desc").text = visible(elided(flow.description, MOST_READ))
    graph = old[0]
    picture = SubElement(
        root, "g",
        {"transform": graph.get("transform", "").replace("scale(1 1) rotate(0) ", ""),
         "font-family": FAMILY, "font-size": "10", "text-anchor": "middle",
         "stroke-linejoin": "round"},
    )  # fmt: skip
    edges = SubElement(picture, "g", {"fill": "none", "stroke": EDGE})
    nodes = SubElement(picture, "g", {"fill": INK})
    mapped = {edge.target for edge in flow.edges if edge.kind == "map"}
    index = {task: i for i, task in enumerate(flow.tasks)}
    for part in graph:
        name = part.findtext(f"{{{SVG}}}title", "")
        if part.get("class") == "edge":
            _add_edge(edges, part, name)
        elif part.get("class") == "node":
            _add_node(nodes, part, name, index[name], mapped=name in mapped, detail=details)
        elif part.tag == f"{{{SVG}}}text":
            _add_text(picture, part, fill=EDGE)
            picture[-1].set("x", "0")
    return ElementTree.tostring(root, encoding="unicode")


def _rounded(numbers: str) -> str:
    """Write coordinates to a tenth of a point: the SVG of a large flow shrinks by a third."""
    return _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers)


def _add_edge(parent: Element, part: Element, name: str) -> None:
    source, _, target = name.partition("->")
    edge = SubElement(parent, "g", {"data-source": source, "data-target": target})
    for shape in part:
        kind = shape.tag.removeprefix(f"{{{SVG}}}")
        if kind == "path":
            path = SubElement(edge, "path", {"d": _rounded(shape.get("d", ""))})
            if shape.get("stroke-dasharray"):
                path.attrib |= {"stroke-dasharray": "1.6 4", "stroke-width": "1.6"}
        elif kind in ("polygon", "polyline"):
            SubElement(edge, kind, {"fill": EDGE, "points": _rounded(shape.get("points", ""))})
        elif kind == "text":
            _add_text(edge, shape, fill=EDGE, stroke="none", **{"font-size": "9"})


def _add_text(parent: Element, old: Element, **attributes: str) -> None:
    place = {"x": _rounded(old.get("x", "0")), "y": _rounded(old.get("y", "0"))}
    anchor = old.get("text-anchor", "middle")
    if anchor != "middle":
        place["text-anchor"] = anchor
    SubElement(parent, "text", place | attributes).text = (old.text or "").strip()


def _add_node(
    parent: Element, part: Element, name: str, index: int, *, mapped: bool, detail: bool
) -> None:
    numbers = [float(n) for n in _NUMBER.findall(_outline(part))]
    left, right = min(numbers[::2]), max(numbers[::2])
    top, bottom = min(numbers[1::2]), max(numbers[1::2])
    node = SubElement(
        parent, "g", {"data-task": name, "data-state": "", "data-index": str(index), "role": "img"}
    )
    SubElement(node, "title")
    if mapped:
        _add_box(node, left, top, right, bottom, {"fill": "none"})
        left, top, right, bottom = left + INSET, top + INSET, right - INSET, bottom - INSET
    _add_box(node, left, top, right, bottom, {"data-part": "box"})
    sign = {"data-part": "sign", "x": f"{left + 12:.1f}", "y": f"{(top + bottom) / 2 + 3.6:.1f}"}
    SubElement(node, "text", sign)
    named = SubElement(node, "g", {"data-part": "name"})
    for text in part.iter(f"{{{SVG}}}text"):
        _add_text(named, text)
        named[-1].set("x", f"{float(text.get('x', '0')) + 5:.1f}")  # half the room of the sign
    if detail:
        last = named[-1]
        named.remove(last)
        node.append(last)
        last.attrib |= {"data-part": "detail", "font-size": "8.5"}
    _paint_node(node, State.PENDING, EACH_ITEM if mapped and detail else "")


def _outline(part: Element) -> str:
    for shape in part:
        numbers = shape.get("d") or shape.get("points")
        if numbers:
            # Whole numbers too get a decimal point, so that one pattern finds them all.
            return re.sub(r"-?\d+(\.\d+)?", lambda n: f"{float(n[0]):.2f}", numbers)
    raise ValueError("Graphviz drew no outline")


def _add_box(
    node: Element, left: float, top: float, right: float, bottom: float, more: dict[str, str]
) -> None:
    box = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rx": 5}
    SubElement(node, "rect", {k: f"{v:.1f}" for k, v in box.items()} | {"stroke": EDGE} | more)


def _paint_node(node: Element, state: State, detail: str = "", critical: bool = False) -> None:
    look = LOOKS[state]
    told = f"{node.get('data-task')}: {state.words}"
    node.set("data-state", state.value)
    node.set("aria-label", told)
    for part in node:
        if part.tag == "title":
            part.text = told
        elif part.get("data-part") == "box":
            part.attrib |= {"fill": look.fill, "stroke-width": f"{look.width:g}", "stroke": EDGE}
            if critical:
                part.attrib |= {"stroke": CRITICAL, "stroke-width": "2.4"}
            part.attrib.pop("stroke-dasharray", None)
            if look.dash:
                part.set("stroke-dasharray", look.dash)
        elif part.get("data-part") == "sign":
            part.text = glyph(look.sign)
        elif part.get("data-part") == "detail":
            part.text = detail
            named = node.find("g[@data-part='name']")
            if named is not None:  # in the middle, if it stands there alone
                named.attrib.pop("transform", None)
                if not detail:
                    named.set("transform", ALONE)


def _resize(root: Element, width: float, height: float) -> None:
    """Set the size; a picture wider than a page is shown smaller, within reason, lest it be cut."""
    scale = min(1.0, max(PAGE / max(width, 1.0), LEAST_SCALE))
    root.attrib |= {
        "width": f"{width * scale:.6g}pt",
        "height": f"{height * scale:.6g}pt",
        "viewBox": f"0 0 {width:g} {height:g}",
    }


class Chip(NamedTuple):
    """One entry of the legend: where it is, in points from the corner, and what it says.

    One without a state tells what an outline means.
    """

    x: float
    y: float
    width: float
    state: State | None
    text: str


CHIP_HEIGHT = 17.0


def chips(counts: Mapping[State, int], width: float, outlines: Sequence[str] = ()) -> list[Chip]:
    """Return the legend of the states that occur, in rows of at most `width` points."""
    told: list[tuple[State | None, str]] = [
        (state, f"{glyph(look.sign)} {counts[state]:,} {state.words}")
        for state, look in LOOKS.items()
        if counts.get(state)
    ]
    row: list[Chip] = []
    x = y = 0.0
    for state, text in [*told, *((None, text) for text in outlines)]:
        wide = round(6.0 * len(text) + 12, 1)
        if x and x + wide > width:
            x, y = 0.0, y + CHIP_HEIGHT + 5
        row.append(Chip(x, y, wide, state, text))
        x += wide + 6
    return row


def paint(
    svg: str,
    states: Mapping[str, State],
    details: Mapping[str, str] | None = None,
    critical: Sequence[str] = (),
    counts: Mapping[State, int] | None = None,
) -> str:
    """Return the SVG of a flow with its tasks in these states, and a legend under it.

    The SVG is what `tidy` or an earlier call returned. A task without a state is pending. `details`
    are told where there is a line for that, `critical` is the path that is marked, and `counts`
    what the legend counts, if not the nodes.
    """
    root = ElementTree.fromstring(svg.replace(f' xmlns="{SVG}"', "", 1))
    root.set("xmlns", SVG)
    for old in root.findall("g[@data-part='legend']"):
        root.remove(old)
        _resize(root, *map(float, old.get("data-without", "").split()))
    found = {}
    for node in root.iterfind("g/g/g[@data-task]"):
        name = node.get("data-task", "")
        found[name] = State(states.get(name, State.PENDING))
        _paint_node(node, found[name], (details or {}).get(name, ""), name in critical)
    steps = set(pairwise(critical))
    for edge in root.iterfind("g/g/g[@data-source]"):
        is_step = (edge.get("data-source", ""), edge.get("data-target", "")) in steps
        edge.attrib |= {"stroke": CRITICAL, "stroke-width": "2"} if is_step else {}
    _add_legend(root, counts or Counter(found.values()), with_critical=bool(critical))
    return ElementTree.tostring(root, encoding="unicode")


def _add_legend(root: Element, counts: Mapping[State, int], *, with_critical: bool) -> None:
    _, _, width, height = map(float, root.get("viewBox", "").split())
    row = chips(counts, max(width - 8, LEAST_ROW), ["critical path"] if with_critical else [])
    if not row:
        return
    legend = SubElement(
        root, "g",
        {"data-part": "legend", "data-without": f"{width:g} {height:g}", "font-family": FAMILY,
         "font-size": "9", "text-anchor": "middle", "fill": INK},
    )  # fmt: skip
    for chip in row:
        x, y = chip.x + 4, chip.y + height + 6
        box = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{chip.width:g}",
               "height": f"{CHIP_HEIGHT:g}", "rx": "5"}  # fmt: skip
        if chip.state is None:
            box |= {"fill": LOOKS[State.PENDING].fill, "stroke": CRITICAL, "stroke-width": "2.4"}
        else:
            look = LOOKS[chip.state]
            box |= {"fill": look.fill, "stroke": EDGE, "stroke-width": f"{look.width:g}"}
            box |= {"stroke-dasharray": look.dash} if look.dash else {}
        group = SubElement(legend, "g", {"data-legend": chip.state or "critical"})
        SubElement(group, "rect", box)
        place = {"x": f"{x + chip.width / 2:g}", "y": f"{y + 11.8:g}"}
        SubElement(group, "text", place).text = chip.text
    right = max(chip.x + chip.width for chip in row) + 8
    _resize(root, max(width, right), height + row[-1].y + CHIP_HEIGHT + 10)
