"""How a chart of speed-up over workers is drawn: nothing is written where something is drawn."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from ...formatting import counted, elided
from ..style.palette import EDGE, INK
from .figure import new_axes
from .settings import default_settings
from .speedup_chart import Point, Series, SpeedupChart
from .style import COLOURS, Styled
from .text_fit import Ruler

__all__ = ["draw_speedup"]

LEFT, RIGHT, INNER, BELOW = 0.75, 0.25, 3.4, 0.55
"""Inches: margins, the height of the axes, and what lies between them and the legend."""
MARKERS = "osD^vP"
DODGE = 8.0
"""Points by which the series stand beside each other, where there is room between workers."""
HEADROOM = 1.12


@default_settings()
def draw_speedup(chart: SpeedupChart, ax: Axes | None = None) -> Axes:
    """Draw a chart into `ax`, or on a figure of its own."""
    if ax is not None:
        _Drawing(ax, chart, ax.xaxis.label.get_color()).draw()
        return ax
    drawing = _Drawing(new_axes(chart.summary), chart, INK)
    drawing.place()
    drawing.draw()
    drawing.place()
    return drawing.ax


class _Drawing(Styled):
    """One chart in one axes."""

    def __init__(self, ax: Axes, chart: SpeedupChart, ink: Any) -> None:
        super().__init__(ax, ink)
        self.chart = chart
        self.handles: list[tuple[Any, str]] = []

    def place(self) -> None:
        """Give the figure its height, and the axes their place in it."""
        self.place_in(INNER, BELOW + self.legend_height, LEFT, RIGHT)

    def draw(self) -> None:
        """Draw everything."""
        chart, ax = self.chart, self.ax
        highest = max(
            [point.high for one in chart.series for point in one.points]
            + [times for one in chart.series for _, times in one.curve]
        )
        top = HEADROOM * max(1.2, highest, min(chart.bound, 1.3 * highest))
        ax.set_xlim(0.4, chart.most + 0.6)
        self.plan_titles(chart.title, chart.subtitle)
        ax.set_ylim(0, self.stretched(top)[0])
        self.ruler = Ruler(ax)
        for number, one in enumerate(chart.series):
            self._series(one, number)
        self._ideal(min(chart.most + 0.6, top))
        self._bound(top)
        self._knee()
        self._axes()
        self.titles()
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
        shifted = self.off(self.ax.transData, dodge, 0)
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
        if self.chart.knee is None:
            return
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
        self.labels("workers", "speed-up")
        self.spines(("bottom", "left"))

    def _legend(self) -> None:
        texts = [text for _, text in self.handles]
        columns = self.columns(texts, 5)
        highest = max(times for one in self.chart.series for _, times in one.curve or [(1, 0)])
        self.legend(
            [handle for handle, _ in self.handles], texts, columns, handlelength=2.4,
            high=highest < 0.45 * self.ax.get_ylim()[1],
        )  # fmt: skip
        self.legend_height = 0.1 + 0.2 * -(-len(texts) // columns)
