"""The room around axes of a user, which stay where they are: what does not fit goes inside."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from matplotlib.axes import Axes

from .figure import GanttFigure, figure_of

__all__ = ["Room", "room_around"]

OF_OTHERS = 30.0
"""Points that belong to the ticks and the label below other axes."""


class Room(NamedTuple):
    """Points around axes where nothing else is drawn."""

    above: float
    below: float
    left: float


def room_around(ax: Axes) -> Room:
    """Measure the room around axes; there is no end to it where a layout makes it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> room_around(Figure(figsize=(1, 1)).add_axes((0.25, 0.25, 0.5, 0.5)))
    Room(above=18.0, below=18.0, left=18.0)
    >>> room_around(Figure(layout="tight").add_subplot()).above
    inf
    """
    figure = figure_of(ax)
    if isinstance(figure, GanttFigure) or figure.get_layout_engine() is not None:
        return Room(inf, inf, inf)
    box, page = ax.bbox, figure.bbox
    above, below, left = page.y1 - box.y1, box.y0 - page.y0, box.x0 - page.x0
    of_others = OF_OTHERS * figure.dpi / 72
    for other in (other.bbox for other in figure.axes if other is not ax):
        if other.x0 < box.x1 and box.x0 < other.x1:
            if other.y0 >= box.y1:
                above = min(above, other.y0 - box.y1 - of_others)
            if other.y1 <= box.y0:
                below = min(below, box.y0 - other.y1)
        elif other.y0 < box.y1 and box.y0 < other.y1 and other.x1 <= box.x0:
            left = min(left, box.x0 - other.x1)
    return Room(*(round(float(pixels) * 72 / figure.dpi, 3) for pixels in (above, below, left)))
