"""The figure of a chart: it shows itself in a notebook, and pyplot does not know it."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["PAPER", "WIDTH", "GanttAxes", "GanttFigure", "figure_of", "new_axes"]

PAPER = "#ffffff"
WIDTH = 9.0
"""Inches."""
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
        figure = figure_of(self)
        return figure._repr_png_() if isinstance(figure, GanttFigure) else None

    def __repr__(self) -> str:
        figure = figure_of(self)
        return repr(figure) if isinstance(figure, GanttFigure) else super().__repr__()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes are in, also where they are in a part of it."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes were removed from their figure")
    return figure


def new_axes(
    summary: str, height: float = 1.0, place: tuple[float, float, float, float] = (0, 0, 1, 1)
) -> Axes:
    """Return axes on a figure of their own, of which `summary` tells in words what it shows."""
    figure = GanttFigure(figsize=(WIDTH, height), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.summary = summary
    return figure.add_axes(place, axes_class=GanttAxes, facecolor=PAPER)
