"""The Gantt chart: who ran which task when, the sequential run above the parallel one.

`bars` decides what is shown, `drawing` draws it; here is the figure, which pyplot does not know.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..model.run import Run
from .bars import Chart, chart_of
from .drawing import PAPER, STRIP, WIDTH, Drawing

__all__ = ["GanttAxes", "GanttFigure", "draw_chart", "plot_gantt"]

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


def plot_gantt(*runs: Run, ax: Axes | None = None) -> Axes:
    """Draw who ran which task when, all runs on one time axis.

    A run is drawn below the sequential one. If no sequential run is among `runs`, it is drawn from
    the measured durations, one task after the other, and labelled as replayed. Rows are workers;
    the critical path is outlined, and a line marks the lower bound: the time that no schedule on
    as many workers can beat.

    Parameters
    ----------
    *runs : Run
        One or more runs, usually of one flow.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, which pyplot does not know.

    Returns
    -------
    matplotlib.axes.Axes
        Shows itself in a notebook, as its figure does.

    Raises
    ------
    TypeError
        If there is no run, or something else than a run.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> run = Run(resolve(Flow("Example", tasks=["load"]), None, {"load": list}), "threads", 2)
    >>> plot_gantt(run).get_title()
    'No task of 1 ran (1 pending)'
    """
    for run in runs:
        if not isinstance(run, Run):
            raise TypeError(f"plot_gantt takes runs, not {type(run).__name__}: plot_gantt(run)")
    if not runs:
        raise TypeError("plot_gantt takes at least one run: plot_gantt(run)")
    return draw_chart(chart_of(runs), ax)


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
