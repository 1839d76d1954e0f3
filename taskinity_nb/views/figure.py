"""The figure of a Gantt chart: it shows itself in a notebook, and pyplot does not know it.

`bars` decides what is shown, `drawing` draws it.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .chart import Chart
from .drawing import PAPER, STRIP, WIDTH, Drawing

__all__ = ["GanttAxes", "GanttFigure", "draw_chart"]

LANE, TALLEST = 0.34, 7.0
"""Inches: a lane, and all lanes together at most."""
DPI = 144
"""Pixels an inch of the PNG; it is shown at 96."""


class GanttFigure(Figure):
    """A figure that shows itself in a notebook, and tells in words what it shows."""

    summary = ""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        buffer = io.BytesIO()
        self.savefig(
            buffer, format="png", dpi=DPI, facecolor=PAPER, bbox_inches=None,
            metadata={"Software": None},
        )  # fmt: skip
        width, height = self.get_size_inches()
        return buffer.getvalue(), {"width": round(width * 96), "height": round(height * 96)}

    def __repr__(self) -> str:
        return self.summary or super().__repr__()


class GanttAxes(Axes):
    """Axes that show their figure when they are a cell's value."""

    def _repr_png_(self) -> Any:
        figure = self.get_figure(root=True)
        return figure._repr_png_() if isinstance(figure, GanttFigure) else None

    def __repr__(self) -> str:
        figure = self.get_figure(root=True)
        return repr(figure) if isinstance(figure, GanttFigure) else super().__repr__()


def draw_chart(chart: Chart, ax: Axes | None = None) -> Axes:
    """Draw a chart into `ax`, or on a figure of its own.

    Parameters
    ----------
    chart : Chart
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Where.

    Returns
    -------
    matplotlib.axes.Axes
    """
    lanes = sum(panel.lanes for panel in chart.panels)
    strips = len(chart.panels) + sum(0.75 if panel.bound else 0.3 for panel in chart.panels)
    if ax is not None:
        height = ax.get_window_extent().height / ax.get_figure(root=True).dpi
        strip = min(STRIP, height / (2 * strips))
        Drawing(ax, chart, max(height - strips * strip, 0.01) / lanes, strip).draw()
        return ax
    lane = min(LANE, TALLEST / lanes)
    figure = GanttFigure(figsize=(WIDTH, 1), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.summary = chart.summary
    axes = figure.add_axes((0, 0, 1, 1), axes_class=GanttAxes, facecolor=PAPER)
    drawing = Drawing(axes, chart, lane, STRIP, own=True)
    drawing.place(legend=0.0)
    drawing.draw()
    drawing.place(legend=drawing.legend_height)
    return axes
