"""What an SVG of ours is made of: nothing that could do or fetch anything, so nobody strips it."""

from __future__ import annotations

from xml.etree import ElementTree

__all__ = ["is_harmless_svg", "states_in"]

ELEMENTS = {"svg", "g", "title", "desc", "path", "polygon", "polyline", "rect", "text"}
ATTRIBUTES = {
    "width", "height", "viewBox", "xmlns", "role", "aria-label", "transform", "font-family",
    "font-size", "text-anchor", "stroke-linejoin", "fill", "stroke", "stroke-width",
    "stroke-dasharray", "d", "points", "x", "y", "rx",
}  # fmt: skip
"""No ``style``, no ``href``, no ``id``, no event; besides, there is ``data-*``."""


def is_harmless_svg(svg: str) -> bool:
    """Tell whether an SVG is small, and of these elements and attributes alone."""
    root = ElementTree.fromstring(svg)
    kinds = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
    attributes = {name for element in root.iter() for name in element.attrib}
    unknown = {name for name in attributes if not name.startswith("data-")} - ATTRIBUTES
    values = " ".join(value for element in root.iter() for value in element.attrib.values())
    return len(svg) < 100_000 and kinds <= ELEMENTS and not unknown and "url(" not in values


def states_in(svg: str) -> dict[str, str]:
    """Return the state of each task in a picture."""
    root = ElementTree.fromstring(svg)
    return {
        element.get("data-task", ""): element.get("data-state", "")
        for element in root.iter()
        if element.get("data-task")
    }
