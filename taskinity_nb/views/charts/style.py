"""What all charts have in common: fonts and inks, titles above the axes, a legend below them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Transform, offset_copy

from ..style.palette import EDGE
from .figure import WIDTH, figure_of
from .room import room_around
from .text_fit import DEJAVU, Ruler, typeset

__all__ = ["COLOURS", "SIZE", "Styled"]

COLOURS = (
    "#5ea0ff", "#ffaf49", "#99f28c", "#b77db9", "#baccff", "#6ea160", "#5bf6b4", "#cbbdca",
)  # fmt: skip
"""Fills of tasks. Found by search: under normal sight and three deficiencies the smallest ΔE (1976)
between two of them, or from a failed bar, a cancelled one and the page, is 20; text is 5.5:1."""

SIZE, SUBTITLE, TITLE = 8.5, 9.0, 11.5
"""Points of the fonts."""

TITLE_LINE, SUBTITLE_LINE, GAP = 15.0, 19.0, 4.0
LABEL_BELOW, LABEL_LEFT = 29.0, 42.0
"""Points that a line of a title takes, and the labels of the axes with what lies between."""

MOST_INSIDE = 0.35
"""The part of axes that may be written on, where there is no room around them."""


class Styled:
    """One chart in one axes; `ink` is the colour of its texts."""

    def __init__(self, ax: Axes, ink: Any) -> None:
        self.ax, self.ink = ax, ink
        self.ruler = Ruler(ax)
        self.room = room_around(ax)
        self.tall = float(ax.get_window_extent().height) / self.ruler.pixels_per_point
        self.header = self.footer = 0.0
        self.title_lines = 1
        self.legend_height = 0.0

    def plan_titles(
        self, title: str, subtitle: str, beside: float = 0.0, *, wrap: bool = True
    ) -> None:
        """Choose what is written above the axes, and `beside` inches to their left.

        If there is no room above them, it goes inside, as far as it leaves most of them free;
        `header` is how many points it takes there.
        """
        ruler = self.ruler = Ruler(self.ax)
        wide = ruler.width + beside * figure_of(self.ax).dpi
        self.title_from = 1 - wide / ruler.width, -72 * beside
        title, self.title_family = typeset(title)
        text = ruler.wrapped(title, TITLE) if wrap else ruler.cut(title, TITLE, wide, "bold")
        lines = text.split("\n")
        below = SUBTITLE_LINE if subtitle else 0.0
        if len(lines) * TITLE_LINE + (below or 2 * GAP) > self.room.above:
            fit = max(1, int((self.tall * MOST_INSIDE - below) / TITLE_LINE))
            if fit < len(lines):
                rest = title.removeprefix(" ".join(lines[: fit - 1])).strip()
                lines = [*lines[: fit - 1], ruler.cut(rest, TITLE, wide, "bold")]
            if TITLE_LINE + below > self.tall * MOST_INSIDE:
                subtitle, below = "", 0.0
            self.header = len(lines) * TITLE_LINE + below + GAP
        self.title_lines = len(lines)
        self.title_text, self.subtitle = "\n".join(lines), ruler.cut(subtitle, SUBTITLE, wide)

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

    def titles(self, loc: Literal["center", "left"] = "center") -> None:
        """Write what was planned."""
        ax = self.ax
        inside = self.header > 0
        pad = -2 if inside else 21 if self.subtitle else 6
        written = ax.set_title(
            self.title_text, loc=loc, x=self.title_from[0], y=1, ha="left", pad=pad,
            va="top" if inside else "baseline", fontsize=TITLE, fontweight="bold", color=self.ink,
        )  # fmt: skip
        written.set(parse_math=False, family=self.title_family)
        if self.subtitle:
            self._subtitle(-self.title_lines * TITLE_LINE - 2 if inside else 6)
        if inside:  # what lies behind them ends there
            share = self.header / self.tall
            behind = Rectangle(
                (0, 1 - share), 1, share, transform=ax.transAxes, facecolor=ax.get_facecolor(),
                edgecolor="none", zorder=1,
            )  # fmt: skip
            ax.add_patch(behind)

    def _subtitle(self, height: float) -> None:
        text, family = typeset(self.subtitle)
        self.ax.text(
            0, 1, text, fontsize=SUBTITLE, family=family, parse_math=False, color=self.ink,
            va="top" if self.header else "bottom", gid="subtitle", zorder=3,
            transform=self.off(self.ax.transAxes, self.title_from[1], height),
        )  # fmt: skip

    def stretched(self, free: float) -> tuple[float, float]:
        """Return how long an axis has to be of which so much is to be free, and how much is below.

        Above is the header, below the legend if it has a place of its own.
        """
        one = free / max(1.0, self.tall - self.header - self.footer)
        return self.tall * one, self.footer * one

    @property
    def has_room_for_label(self) -> bool:
        """Whether the label of the x axis fits below its ticks; else units stand at the ticks."""
        return self.room.below >= LABEL_BELOW

    def labels(self, x: str, y: str = "", unit: str = "") -> None:
        """Write what the axes count, inside them where there is no room."""
        ax = self.ax
        look: dict[str, Any] = dict(color=self.ink, fontsize=SUBTITLE, family=DEJAVU)
        if self.has_room_for_label:
            ax.set_xlabel(x, **look)
        elif unit:
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} {unit}"))
        else:
            place = self.off(ax.transAxes, -4, 3)
            ax.text(1, 0, x, ha="right", va="bottom", transform=place, gid="x label", **look)
        if not y:
            return
        if self.room.left >= LABEL_LEFT:
            ax.set_ylabel(y, **look)
        else:
            place = self.off(ax.transAxes, 4, 0)
            ax.text(
                0, 0.5, y, ha="left", va="center", rotation=90, transform=place, gid="y label",
                **look,
            )  # fmt: skip

    def beside(self, text: str) -> str:
        """Return a text as much of which is left as fits beside the axes."""
        return self.ruler.cut(
            text, SIZE, max(0.0, self.room.left - 8) * self.ruler.pixels_per_point
        )

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
        self,
        handles: Sequence[Any],
        texts: Sequence[str],
        columns: int,
        *,
        high: bool = False,
        **look: Any,
    ) -> None:
        """Name what is drawn, below the axes; without room there in them, or not at all."""
        height = 1.7 * SIZE * -(-len(texts) // columns)
        place: dict[str, Any] = dict(
            loc="upper left", bbox_to_anchor=(0, 0), frameon=False, borderaxespad=0, borderpad=0,
            bbox_transform=self.off(self.ax.transAxes, 0, -39),
        )  # fmt: skip
        if height + 39 > self.room.below:
            if height > self.tall * MOST_INSIDE:
                return
            at_label = not self.footer and not self.has_room_for_label
            place = dict(
                loc="lower right", bbox_to_anchor=(1, 0), facecolor=self.ax.get_facecolor(),
                edgecolor="none", borderaxespad=0,
                bbox_transform=self.off(self.ax.transAxes, -2, 16 if at_label else 2),
            )  # fmt: skip
            if high:
                place["loc"] = "upper right"
                place["bbox_to_anchor"] = (1, 1 - self.header / self.tall)
        legend = self.ax.legend(
            handles, [""] * len(texts), ncols=columns, columnspacing=1.5, fontsize=SIZE,
            **place, **look,
        )  # fmt: skip
        # A legend leaves out what begins with an underscore, so the names are written afterwards.
        for written, (text, family) in zip(legend.get_texts(), map(typeset, texts), strict=True):
            written.set(text=text, color=self.ink, family=family, parse_math=False)
