"""The last runs as a table, and two of them over each other as a chart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...analysis.history import History, PastRun, judge_past
from ...formatting import counted, elided, printable, speed, time_text
from ...model.run import Run
from .columns import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["clock", "draw_history", "history_table"]

HEAD = ("started", "flow", "executor", "state", "workers", "makespan", "in tasks", "than before")
NUMBERS = range(4, len(HEAD))
MOST_ROWS = 50
MOST_TOLD = 3


def history_table(history: History) -> Table:
    """Return runs as a table, the newest first.

    Examples
    --------
    >>> history_table(History(())).text()
    'no run is remembered'
    """
    flows = {run.flow for run in history}
    if not flows:
        return Table("", "no run is remembered", HEAD, [])
    name = printable(elided(history[0].name, 60))
    of = f"flow {name}" if len(flows) == 1 else counted(len(flows), "flow")
    more = len(history) - MOST_ROWS
    notes = [f"… and {counted(more, 'more run')}"] if more > 0 else []
    caption = f"the last {counted(len(history), 'run')} of {of}"
    return Table("", caption, HEAD, _rows(history), NUMBERS, notes)


def _rows(history: History) -> list[list[str]]:
    rows = []
    for run in history[:MOST_ROWS]:
        words = (
            clock(run.started), elided(run.name, 40), elided(run.executor, 40),
            run.state.words,
        )  # fmt: skip
        numbers = (
            str(run.workers),
            time_text(run.makespan),
            time_text(run.task_seconds),
            _than(history.before(run), run),
        )
        rows.append([*map(printable, words), *numbers])
    return rows


def _than(before: PastRun | None, run: PastRun) -> str:
    """Tell how much faster a run was than the last one like it, if that says something."""
    if before is None or not run.makespan:
        return ""
    judgement = judge_past(before, run)
    if judgement.holds:
        return speed(before.makespan / run.makespan)
    if judgement.kind == "busy":
        return "the machine was busy: no comparison"  # as much as a cell holds
    return judgement.words if judgement.kind == "short" else ""


def clock(moment: float) -> str:
    """Write the time of a day, with the day unless it is today."""
    then, now = time.localtime(moment), time.localtime()
    form = "%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, then)


def draw_history(history: History, ax: Axes | None = None) -> Axes:
    """Draw the last two runs of a flow over each other, the older one on top."""
    before, last = history.last_two()
    title = _title(before, last)
    subtitle = _subtitle(history, last)
    runs = before.run, last.run
    if runs[0] is None or runs[1] is None:
        from ..charts.task_bars import draw_bars

        return draw_bars((before, last), (_heading(before), _heading(last)), title, subtitle, ax)
    return _draw_gantt((before, last), (runs[0], runs[1]), title, subtitle, ax)


def _draw_gantt(
    past: tuple[PastRun, PastRun],
    runs: tuple[Run, Run],
    title: str,
    subtitle: str,
    ax: Axes | None,
) -> Axes:
    from ..charts.gantt_chart import chart_of
    from ..charts.gantt_draw import draw_chart

    chart = chart_of(runs)
    # A chart has sequential runs on top; here the older one is.
    order = sorted((0, 1), key=lambda place: runs[place].executor != "sequential")
    measured = [panel for panel in chart.panels if not panel.is_replayed]
    by_time = dict(zip(order, measured, strict=True))
    panels = tuple(by_time[n]._replace(heading=_heading(one)) for n, one in enumerate(past))
    summary = f"Gantt of {printable(past[1].name)}: {title[:1].lower()}{title[1:]}"
    chart = chart._replace(panels=panels, title=title, subtitle=subtitle, summary=summary)
    return draw_chart(chart, ax)


def _heading(past: PastRun) -> str:
    who = printable(past.executor)
    if past.executor != "sequential":
        who += f" on {counted(past.workers, 'worker')}"
    return f"{clock(past.started)}, {who}: {time_text(past.makespan)}"


def _title(before: PastRun, last: PastRun) -> str:
    times = f"{time_text(last.makespan)}, before {time_text(before.makespan)}"
    judgement = judge_past(before, last)
    if not judgement.holds:
        return f"{judgement.words[:1].upper()}{judgement.words[1:]} ({times})"
    ratio = before.makespan / last.makespan if last.makespan else 1.0
    told = "as fast as" if 0.95 <= ratio < 1.05 else f"{speed(ratio)} than"
    return f"The last run was {told} the one before ({times})"


def _subtitle(history: History, last: PastRun) -> str:
    if not history.last_two()[0].is_like(last):
        return printable(elided(last.name, 40))
    slower = history.slower()
    told = [f"{one.task} {one.ratio:.1f} times" for one in slower[:MOST_TOLD]]
    if len(slower) > MOST_TOLD:
        told.append(f"{len(slower) - MOST_TOLD} more")
    rest = f"slower: {', '.join(told)}" if told else "no task was slower"
    return printable(f"{elided(last.name, 40)}; {rest}")
