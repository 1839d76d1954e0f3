"""The SVG of a flow, painted for each set of states, with a legend of those that occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...formatting import visible
from ...model.events import State
from ..style.palette import CRITICAL, EDGE, INK, LOOKS
from ..style.words import MINUS
from .dot import PAGE
from .text_width import FONT

__all__ = [
    "ALONE", "EACH_ITEM", "FAMILY", "LEAST_ROW", "SVG", "Chip", "Condition", "chips", "glyph",
    "paint", "paint_node", "resize",
]  # fmt: skip

Condition = tuple[str, str, str]
"""The source and the target of an edge that is a condition, and what stands at it."""

SVG = "http://www.w3.org/2000/svg"
FAMILY = f"{FONT},Verdana,sans-serif"
EACH_ITEM = "each item"
"""What stands in a mapped task while the number of its items is not known."""

ALONE = "translate(0 6.5)"
"""Where the name of a task stands while nothing is told of its run."""

LEAST_SCALE = 0.6
"""A picture is not shown smaller than this: nobody could read it."""

LEAST_ROW = 256.0
"""Points that a row of the legend may have; a picture that gets one later has room for it."""


def glyph(sign: str) -> str:
    """Return a sign such that no browser draws it as an emoji."""
    return "▶\ufe0e" if sign == "▶" else sign


def paint_node(node: Element, state: State, detail: str = "", critical: bool = False) -> None:
    """Show a task in a state."""
    look = LOOKS[state]
    told = f"{node.get('data-task')}: {state.words}"
    if MINUS in detail:
        told += f", {detail.partition(MINUS)[2].partition(' · ')[0]} saved"
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


def resize(root: Element, width: float, height: float) -> None:
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
    verdicts: Mapping[Condition, str] | None = None,
) -> str:
    """Return the SVG of a flow with its tasks in these states, and a legend under it.

    The SVG is what `draw` or an earlier call returned. A task without a state is pending. `details`
    are told where there is a line for that, `critical` is the path that is marked, and `counts`
    what the legend counts, if not the nodes. `verdicts` stand behind the conditions that decided.
    """
    root = ElementTree.fromstring(svg.replace(f' xmlns="{SVG}"', "", 1))
    root.set("xmlns", SVG)
    for old in root.findall("g[@data-part='legend']"):
        root.remove(old)
        resize(root, *map(float, old.get("data-without", "").split()))
    found = {}
    for node in root.iterfind("g/g/g[@data-task]"):
        name = node.get("data-task", "")
        found[name] = State(states.get(name, State.PENDING))
        paint_node(node, found[name], (details or {}).get(name, ""), name in critical)
    steps = set(pairwise(critical))
    for edge in root.iterfind("g/g/g[@data-source]"):
        is_step = (edge.get("data-source", ""), edge.get("data-target", "")) in steps
        edge.attrib |= {"stroke": CRITICAL, "stroke-width": "2"} if is_step else {}
        _tell_verdict(edge, verdicts or {})
    _add_legend(root, counts or Counter(found.values()), with_critical=bool(critical))
    return ElementTree.tostring(root, encoding="unicode")


def _tell_verdict(edge: Element, verdicts: Mapping[Condition, str]) -> None:
    condition, text = edge.get("data-condition"), edge.find("text")
    if condition is None or text is None:
        return
    ends = edge.get("data-source", ""), edge.get("data-target", "")
    told = verdicts.get((*ends, condition))
    text.text = condition if told is None else f"{condition}: {visible(told)}"


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
    resize(root, max(width, right), height + row[-1].y + CHIP_HEIGHT + 10)
