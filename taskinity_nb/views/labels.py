"""Texts that know how wide they are: a ruler, and labels that never leave their bars."""

from __future__ import annotations

import math
import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ..formatting import elided
from .fonts import typeset
from .palette import INK

__all__ = ["BarLabel", "Ruler"]

MARGIN = 2.0
"""Pixels between a label and the sides of its bar, at least."""


class BarLabel(Text):
    """A label in the middle of a bar, drawn only while it fits into it.

    Parameters
    ----------
    text : str
        The label.
    extent : tuple of float
        The bar, in data: left, top, right, bottom.
    size : float
        Of the font, in points.
    """

    def __init__(self, text: str, extent: tuple[float, float, float, float], size: float) -> None:
        left, top, right, bottom = extent
        shown, family = typeset(text)
        super().__init__(
            (left + right) / 2, (top + bottom) / 2, shown, color=INK, fontsize=size, family=family,
            ha="center", va="center_baseline", parse_math=False, clip_on=True, zorder=4,
        )  # fmt: skip
        self.extent = extent
        self.set_in_layout(False)

    def fits(self, renderer: Any = None) -> bool:
        """Tell whether the text lies inside its bar at the present size and zoom."""
        left, top, right, bottom = self.extent
        corners = self.axes.transData.transform([(left, bottom), (right, top)])
        bar, text = Bbox(corners), self.get_window_extent(renderer)
        return bool(
            bar.x0 + MARGIN <= text.x0 and text.x1 <= bar.x1 - MARGIN
            and min(bar.y0, bar.y1) <= text.y0 and text.y1 <= max(bar.y0, bar.y1)
        )  # fmt: skip

    def draw(self, renderer: Any) -> None:
        """Draw the label, if it fits."""
        if self.fits(renderer):
            super().draw(renderer)


class Ruler:
    """Measures texts in the pixels of an axes' figure, as it is now."""

    def __init__(self, ax: Axes) -> None:
        self.width = float(ax.get_window_extent().width)
        self.pixels_per_point = ax.get_figure(root=True).dpi / 72
        left, right = ax.get_xlim()
        self._scale = self.width / (right - left)
        self._text = Text(figure=ax.get_figure(root=True), parse_math=False)
        self._known: dict[tuple[str, float, str], float] = {}

    def pixels(self, seconds: float) -> float:
        """Return the width of a stretch of the time axis."""
        return seconds * self._scale

    def measure(self, text: str, size: float, weight: str = "normal") -> float:
        """Return the width of a text."""
        key = (text, size, weight)
        if key not in self._known:
            shown, family = typeset(text)
            self._text.set(text=shown, fontsize=size, fontweight=weight, family=family)
            self._known[key] = float(self._text.get_window_extent().width)
        return self._known[key]

    def shortened(self, text: str, size: float, room: float) -> str:
        """Return a text, or as much of it as tells it apart, or nothing if there is no room."""
        least = 0.35 * size * self.pixels_per_point
        if len(text) * least > room * 3:
            return ""
        wide = self.measure(text, size)
        if wide <= room:
            return text
        length = int(len(text) * room / wide)
        while length >= max(6, 0.3 * len(text)):
            short = elided(text, length)
            if self.measure(short, size) <= room:
                return short
            length -= 1
        return ""

    def cut(self, text: str, size: float, room: float, weight: str = "normal") -> str:
        """Return a text, cut at its end to the room there is."""
        wide = self.measure(text, size, weight)
        if wide <= room:
            return text
        length = max(1, math.floor(len(text) * room / wide))
        while length > 1 and self.measure(text[:length] + "…", size, weight) > room:
            length -= 1
        return text[:length].rstrip() + "…"

    def wrapped(self, text: str, size: float) -> str:
        """Return a text in lines that are no wider than the axes."""
        lines = [""]
        for word in re.findall(r"\([^)]*\)|\d+ %|\S+", text):  # these stay together
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.measure(longer, size, "bold") > self.width:
                lines.append(word)
            else:
                lines[-1] = longer
        return "\n".join(self.cut(line, size, self.width, "bold") for line in lines)
