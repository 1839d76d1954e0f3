"""The two charts that are drawn of runs: who ran which task when, and speed-up over workers.

Matplotlib, which takes long to import, is imported when a chart is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...analysis.measuring.compare import Comparison
from ...analysis.prediction.simulate import Timeline
from ...model.run import Run
from ..style.environment import has_kernel
from .gantt_chart import chart_of
from .speedup_chart import chart_of_speedup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["gantt_bundle", "plot_gantt", "plot_speedup"]


def plot_gantt(*runs: Run | Timeline, ax: Axes | None = None) -> Axes:
    """Draw who ran which task when, all runs on one time axis.

    A run is drawn below the sequential one. If no sequential run is among `runs`, it is drawn from
    the measured durations, one task after the other, and labelled as replayed. Rows are workers;
    the critical path is outlined, and a line marks the lower bound: the time that no schedule on
    as many workers can beat. Where tasks wait for a resource, a curve below the rows tells how many
    do. How many times faster it was is told where a stopwatch would tell the
    same; of a run that was cut off, was over at once, or went on beside other programs, what is
    known is told instead.

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
    from .gantt_draw import draw_chart

    return draw_chart(chart_of(drawn), ax)


def gantt_bundle(*runs: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a cell shows of its runs, made before it is shown, and what is told of that."""
    axes = plot_gantt(*runs)
    if not has_kernel():
        return {"text/plain": repr(axes)}, {}
    from .figure import chart_bundle

    return chart_bundle(axes)


def plot_speedup(run_or_comparison: Run | Comparison, ax: Axes | None = None) -> Axes:
    """Draw speed-up over the number of workers: what was measured, and what is predicted.

    A comparison is drawn with the medians of its cases and their spread, against its baseline; a
    run with one point, against its own work, one task after the other. A line predicts the rest
    (see `simulate`); the chart also shows the ideal, the bound that the critical path sets, and the
    knee: the number of workers beyond which a further one gains less than 5 %. There is no knee
    where nothing can be said of it, and the title tells why. No curve lies above the ideal; what
    was measured far from it is told with a reason.

    Parameters
    ----------
    run_or_comparison : Run or Comparison
        What was measured.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure, which pyplot does not know.

    Returns
    -------
    matplotlib.axes.Axes
        Shows itself in a notebook, as its figure does.

    Raises
    ------
    TypeError
        If it is neither.
    FlowError
        If the run is not done, or none of its tasks took any time.

    Examples
    --------
    >>> from time import sleep
    >>> from taskinity_nb import run
    >>> pause = lambda *_: sleep(0.2)
    >>> chain = run("pause -> pause as again", namespace={"pause": pause}, workers=2)
    >>> plot_speedup(chain).get_title()
    'One worker is enough; more gain nothing'
    """
    chart = chart_of_speedup(run_or_comparison)
    from .speedup_draw import draw_speedup

    return draw_speedup(chart, ax)
