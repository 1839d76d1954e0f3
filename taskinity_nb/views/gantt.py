"""The Gantt chart: who ran which task when, the sequential run above the parallel one.

Matplotlib, which takes long to import, is imported when a chart is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.simulate import Timeline
from ..model.run import Run
from .chart import chart_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gantt"]


def plot_gantt(*runs: Run | Timeline, ax: Axes | None = None) -> Axes:
    """Draw who ran which task when, all runs on one time axis.

    A run is drawn below the sequential one. If no sequential run is among `runs`, it is drawn from
    the measured durations, one task after the other, and labelled as replayed. Rows are workers;
    the critical path is outlined, and a line marks the lower bound: the time that no schedule on
    as many workers can beat.

    Parameters
    ----------
    *runs : Run or Timeline
        One or more runs, usually of one flow; a predicted one is drawn like a run.
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
        if not isinstance(run, Run | Timeline):
            raise TypeError(f"plot_gantt takes runs, not {type(run).__name__}: plot_gantt(run)")
    if not runs:
        raise TypeError("plot_gantt takes at least one run: plot_gantt(run)")
    drawn = tuple(run.run if isinstance(run, Timeline) else run for run in runs)
    from .figure import draw_chart

    return draw_chart(chart_of(drawn), ax)
