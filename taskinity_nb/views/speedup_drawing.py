"""How a chart of speed-up over workers is drawn: nothing is written where something is drawn."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import offset_copy

from ..formatting import counted, elided
from .drawing import COLOURS, PAPER, WIDTH
from .figure import GanttAxes, GanttFigure
from .fonts import DEJAVU, typeset
from .labels import Ruler
from .palette import EDGE, INK
from .speedup import Point, Series, SpeedupChart

__all__ = ["draw_speedup"]

LEFT, RIGHT, INNER, BELOW = 0.75, 0.25, 3.4, 0.55
"""Inches: margins, the height of the axes, and what lies between them and the legend."""
MARKERS = "osD^vP"
SIZE = 8.5
DODGE = 8.0
"""Points by which the series stand beside each other, where there is room between workers."""
HEADROOM = 1.12


def draw_speedup(chart: SpeedupChart, ax: Axes | None = None) -> Axes:
    """Draw a chart into `ax`, or on a figure of its own.

    Parameters
    ----------
    chart : SpeedupChart
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Where.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is not None:
        _Drawing(ax, chart, ax.xaxis.label.get_color()).draw()
        return ax
    figure = GanttFigure(figsize=(WIDTH, 1), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.summary = chart.summary
    axes = figure.add_axes((0, 0, 1, 1), axes_class=GanttAxes, facecolor=PAPER)
    drawing = _Drawing(axes, chart, INK)
    drawing.place()
    drawing.draw()
    drawing.place()
    return axes


class _Drawing:
    """One chart in one axes."""

    def __init__(self, ax: Axes, chart: SpeedupChart, ink: Any) -> None:
        self.ax, self.chart, self.ink = ax, chart, ink
        self.ruler = Ruler(ax)
        self.legend_height = 0.0
        self.title_lines = 1
        self.handles: list[tuple[Any, str]] = []

    def place(self) -> None:
        """Give the figure its height, and the axes their place in it."""
        top, bottom = 0.42 + 0.2 * self.title_lines, BELOW + self.legend_height
        height = top + INNER + bottom
        self.ax.get_figure(root=True).set_size_inches(WIDTH, height)
        self.ax.set_position(
            (LEFT / WIDTH, bottom / height, 1 - (LEFT + RIGHT) / WIDTH, INNER / height)
        )

    def draw(self) -> None:
        """Draw everything."""
        chart, ax = self.chart, self.ax
        highest = max(
            [point.high for one in chart.series for point in one.points]
            + [times for one in chart.series for _, times in one.curve]
        )
        top = HEADROOM * max(1.2, highest, min(chart.bound, 1.3 * highest))
        ax.set_xlim(0.4, chart.most + 0.6)
        ax.set_ylim(0, top)
        self.ruler = Ruler(ax)
        for number, one in enumerate(chart.series):
            self._series(one, number)
        self._ideal(min(chart.most + 0.6, top))
        self._bound(top)
        self._knee()
        self._axes()
        self._titles()
        self._legend()

    def _series(self, one: Series, number: int) -> None:
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        look = dict(
            marker=marker, markersize=7, markerfacecolor=colour, markeredgecolor=self.ink,
            markeredgewidth=1.0, color=colour,
        )  # fmt: skip
        edged = [Stroke(linewidth=3.6, foreground=EDGE), Normal()]
        if one.curve:
            self.ax.plot(
                *zip(*one.curve, strict=True), color=colour, linewidth=2, path_effects=edged,
                zorder=2.5, gid=f"curve-{number}",
            )  # fmt: skip
        places = len(self.chart.series)
        room = self.ruler.pixels(1) / self.ruler.pixels_per_point
        dodge = min(DODGE, 0.8 * room / places) * (number - (places - 1) / 2)
        shifted = offset_copy(self.ax.transData, self.ax.get_figure(root=True), dodge, 0, "points")
        self._points(one.points, number, look, shifted)
        line = Line2D([], [], color=colour, linewidth=2, path_effects=edged)
        mark = Line2D([], [], linestyle="none", **look)
        self.handles.append(((line, mark) if one.curve else mark, elided(one.name, 44)))

    def _points(
        self, points: tuple[Point, ...], number: int, look: dict[str, Any], transform: Any
    ) -> None:
        self.ax.vlines(
            [point.workers for point in points], [point.low for point in points],
            [point.high for point in points], color=self.ink, linewidth=1.4, zorder=3.5,
            transform=transform, gid=f"spread-{number}",
        )  # fmt: skip
        self.ax.plot(
            [point.workers for point in points], [point.middle for point in points],
            linestyle="none", zorder=4, transform=transform, gid=f"points-{number}", **look,
        )  # fmt: skip

    def _ideal(self, end: float) -> None:
        (line,) = self.ax.plot(
            [0, end], [0, end], color=EDGE, linewidth=1.2, linestyle=(0, (1, 2)), zorder=2,
            gid="ideal",
        )  # fmt: skip
        self.handles.append((line, "ideal: each worker counts in full"))

    def _bound(self, top: float) -> None:
        bound = self.chart.bound
        times = f"{bound:,.{1 if bound < 99.5 else 0}f} times"
        text = f"bound: {times}, the critical path"
        if bound > top:
            text = f"bound (above): {times}, the critical path"
        line = Line2D([], [], color=self.ink, linewidth=1.6)
        if bound <= top:
            line = self.ax.axhline(bound, color=self.ink, linewidth=1.6, zorder=2, gid="bound")
        self.handles.append((line, text))

    def _knee(self) -> None:
        workers, times = self.chart.knee
        self.ax.vlines(
            workers, 0, times, color=self.ink, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2.2
        )
        self.ax.plot(
            [workers], [times], linestyle="none", marker="o", markersize=14,
            markerfacecolor="none", markeredgecolor=self.ink, markeredgewidth=1.6, zorder=5,
            gid="knee",
        )  # fmt: skip
        mark = Line2D(
            [], [], linestyle="none", marker="o", markersize=9, markerfacecolor="none",
            markeredgecolor=self.ink, markeredgewidth=1.6,
        )  # fmt: skip
        self.handles.append((mark, f"knee: {counted(workers, 'worker')}"))

    def _axes(self) -> None:
        ax = self.ax
        step = next(n for n in (1, 2, 4, 5, 8, 10, 20, 50, 10**9) if self.chart.most <= 12 * n)
        ax.set_xticks([1, *range(max(2, step), self.chart.most + 1, step)])
        ax.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], min_n_ticks=1))
        ax.set_xlabel("workers", color=self.ink, fontsize=9, family=DEJAVU)
        ax.set_ylabel("speed-up", color=self.ink, fontsize=9, family=DEJAVU)
        ax.tick_params(
            colors=EDGE, labelcolor=self.ink, labelsize=SIZE, labelfontfamily=DEJAVU, length=3
        )
        ax.grid(color=EDGE, linewidth=0.6, alpha=0.25)
        ax.set_axisbelow(True)
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("bottom", "left"))
            spine.set_color(EDGE)

    def _titles(self) -> None:
        ax = self.ax
        text, family = typeset(self.chart.title)
        title = self.ruler.wrapped(text, 11.5)
        self.title_lines = title.count("\n") + 1
        written = ax.set_title(
            title, x=0, ha="left", pad=21, fontsize=11.5, fontweight="bold", color=self.ink
        )
        written.set(parse_math=False, family=family)
        subtitle, family = typeset(self.ruler.cut(self.chart.subtitle, 9, self.ruler.width))
        ax.text(
            0, 1, subtitle, fontsize=9, family=family, parse_math=False, color=self.ink,
            va="bottom", gid="subtitle",
            transform=offset_copy(ax.transAxes, ax.get_figure(root=True), 0, 6, "points"),
        )  # fmt: skip

    def _legend(self) -> None:
        """Name what is drawn below the axes, where nothing is drawn."""
        texts = [typeset(text) for _, text in self.handles]
        widest = max(self.ruler.measure(text, SIZE) for text, _ in texts)
        unit = self.ruler.pixels_per_point * SIZE
        columns = max(1, min(len(texts), int(self.ruler.width / (widest + 5 * unit))))
        rows = -(-len(texts) // columns)
        legend = self.ax.legend(
            [handle for handle, _ in self.handles], [""] * len(texts), loc="upper left",
            ncols=-(-len(texts) // rows), frameon=False, bbox_to_anchor=(0, 0),
            bbox_transform=offset_copy(
                self.ax.transAxes, self.ax.get_figure(root=True), 0, -39, "points"
            ), borderaxespad=0, borderpad=0, handlelength=2.4, columnspacing=1.5, fontsize=SIZE,
        )  # fmt: skip
        # A legend leaves out what begins with an underscore, so the names are written afterwards.
        for written, (text, family) in zip(legend.get_texts(), texts, strict=True):
            written.set(text=text, color=self.ink, family=family, parse_math=False)
        self.legend_height = 0.1 + 0.2 * rows
