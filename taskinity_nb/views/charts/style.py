"""What all charts have in common: fonts and inks, titles above the axes, a legend below them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.transforms import Transform, offset_copy

from ..style.palette import EDGE
from .figure import WIDTH, figure_of
from .text_fit import DEJAVU, Ruler, typeset

__all__ = ["COLOURS", "SIZE", "Styled"]

COLOURS = (
    "#5ea0ff", "#ffaf49", "#99f28c", "#b77db9", "#baccff", "#6ea160", "#5bf6b4", "#cbbdca",
)  # fmt: skip
"""Fills of tasks. Found by search: under normal sight and three deficiencies the smallest ΔE (1976)
between two of them, or from a failed bar, a cancelled one and the page, is 20; text is 5.5:1."""

SIZE, SUBTITLE, TITLE = 8.5, 9.0, 11.5
"""Points of the fonts."""


class Styled:
    """One chart in one axes; `ink` is the colour of its texts."""

    def __init__(self, ax: Axes, ink: Any) -> None:
        self.ax, self.ink = ax, ink
        self.ruler = Ruler(ax)
        self.title_lines = 1
        self.legend_height = 0.0

    def place_in(self, inner: float, below: float, left: float, right: float) -> None:
        """Give the figure its height, and the axes their place in it, in inches."""
        height = 0.42 + 0.2 * self.title_lines + inner + below
        figure_of(self.ax).set_size_inches(WIDTH, height)
        self.ax.set_position(
            (left / WIDTH, below / height, 1 - (left + right) / WIDTH, inner / height)
        )

    def off(self, transform: Transform, x: float, y: float) -> Transform:
        """Return a transform to so many points beside what another leads to."""
        return offset_copy(transform, figure_of(self.ax), x, y, "points")

    def titles(self, title: str, subtitle: str, beside: float = 0.0, *, wrap: bool = True) -> None:
        """Write above the axes, and `beside` inches to their left."""
        ax, ruler = self.ax, self.ruler
        room = ruler.width + beside * figure_of(ax).dpi
        text, family = typeset(title)
        text = ruler.wrapped(text, TITLE) if wrap else ruler.cut(text, TITLE, room, "bold")
        self.title_lines = text.count("\n") + 1
        written = ax.set_title(
            text, x=1 - room / ruler.width, ha="left", pad=21, fontsize=TITLE, fontweight="bold",
            color=self.ink,
        )  # fmt: skip
        written.set(parse_math=False, family=family)
        text, family = typeset(ruler.cut(subtitle, SUBTITLE, room))
        ax.text(
            0, 1, text, fontsize=SUBTITLE, family=family, parse_math=False, color=self.ink,
            va="bottom", gid="subtitle", transform=self.off(ax.transAxes, -72 * beside, 6),
        )  # fmt: skip

    def labels(self, x: str, y: str = "") -> None:
        """Write what the axes count."""
        self.ax.set_xlabel(x, color=self.ink, fontsize=SUBTITLE, family=DEJAVU)
        if y:
            self.ax.set_ylabel(y, color=self.ink, fontsize=SUBTITLE, family=DEJAVU)

    def spines(self, visible: Collection[str], **grid: Any) -> None:
        """Draw the lines of the axes, of which some are there, and a grid below everything."""
        ax = self.ax
        ax.tick_params(
            colors=EDGE, labelcolor=self.ink, labelsize=SIZE, labelfontfamily=DEJAVU, length=3
        )
        if "left" not in visible:
            ax.tick_params(axis="y", length=0)
        ax.grid(**{"color": EDGE, "linewidth": 0.6, "alpha": 0.25, **grid})
        ax.set_axisbelow(True)
        for side, spine in ax.spines.items():
            spine.set_visible(side in visible)
            spine.set_color(EDGE)

    def columns(self, texts: Sequence[str], room: float) -> int:
        """Return in how many columns a legend fits; a handle has room for so many letters."""
        widest = max(self.ruler.measure(typeset(text)[0], SIZE) for text in texts)
        each = widest + room * self.ruler.pixels_per_point * SIZE
        columns = max(1, min(len(texts), int(self.ruler.width / each)))
        return -(-len(texts) // -(-len(texts) // columns))

    def legend(
        self, handles: Sequence[Any], texts: Sequence[str], columns: int, **look: Any
    ) -> None:
        """Name what is drawn below the axes, where nothing is drawn."""
        legend = self.ax.legend(
            handles, [""] * len(texts), loc="upper left", ncols=columns, frameon=False,
            bbox_to_anchor=(0, 0), bbox_transform=self.off(self.ax.transAxes, 0, -39),
            borderaxespad=0, borderpad=0, columnspacing=1.5, fontsize=SIZE, **look,
        )  # fmt: skip
        # A legend leaves out what begins with an underscore, so the names are written afterwards.
        for written, (text, family) in zip(legend.get_texts(), map(typeset, texts), strict=True):
            written.set(text=text, color=self.ink, family=family, parse_math=False)
