"""Texts in charts: fonts that can write them, how wide they are, labels that fit their bars."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ...formatting import elided, printable
from ..style.palette import INK
from .figure import figure_of

__all__ = ["DEJAVU", "BarLabel", "Ruler", "typeset"]

DEJAVU = "DejaVu Sans"

WIDE = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR",
    "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback",
    "Microsoft YaHei", "SimHei", "Yu Gothic", "Meiryo", "Malgun Gothic", "PingFang SC",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS", "Unifont",
)  # fmt: skip
"""Fonts of the usual systems that hold what DejaVu lacks."""

MARGIN = 2.0
"""Pixels between a label and the sides of its bar, at least."""


class BarLabel(Text):
    """A label in the middle of a bar, drawn only while it fits into it.

    `extent` is the bar, in data: left, top, right, bottom.
    """

    is_on_paper = False

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
        if self.axes is None:
            return False
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
        figure = figure_of(ax)
        self.pixels_per_point = figure.dpi / 72
        left, right = ax.get_xlim()
        self._scale = self.width / (right - left)
        self._text = Text(figure=figure, parse_math=False)
        self._known: dict[tuple[str, float, str], float] = {}

    def pixels(self, seconds: float) -> float:
        """Return the width of an interval of the time axis."""
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


def typeset(text: str) -> tuple[str, list[str]]:
    """Return a text and the fonts to write it with.

    A character that no font holds becomes a box, because matplotlib warns of each one.

    Examples
    --------
    >>> typeset("größe")
    ('größe', ['DejaVu Sans'])
    """
    text = printable(text)
    missing = {ord(c) for c in text} - _characters(DEJAVU)
    if not missing:
        return text, [DEJAVU]
    families = [DEJAVU]
    for family in _installed():
        held = missing & _characters(family)
        if held:
            families.append(family)
            missing -= held
        if not missing:
            break
    return "".join("□" if ord(c) in missing else c for c in text), families


@cache
def _installed() -> tuple[str, ...]:
    known = set(font_manager.get_font_names())
    return tuple(family for family in WIDE if family in known)


@cache
def _characters(family: str) -> frozenset[int]:
    path = font_manager.findfont(family)
    return frozenset(font_manager.get_font(path).get_charmap())
