"""What a run would do as a table, in a notebook below the graph."""

from __future__ import annotations

from html import escape

from ...formatting import printable, short_time
from ...model.events import State
from ...model.outlook.forecast import Forecast, Outlook
from ..style.guard import made_or_told
from ..style.palette import INK, LOOKS
from .columns import Table
from .run_value import graph_html

__all__ = ["forecast_html", "forecast_table", "forecast_text"]

MOST_ROWS = 200

KINDS = {"ends": "does not run"}

SIGNS = {"cached": State.CACHED, "runs": State.RUNNING, "may run": State.PENDING}
"""The state by whose colour and sign it is told what a task would do."""


def forecast_table(forecast: Forecast) -> Table:
    """Return what a run would do as a table: a row for each task, of up to 200."""
    shown = forecast.rows[:MOST_ROWS]
    more = len(forecast) - len(shown)
    return Table(
        printable(forecast.run.flow.name),
        forecast.summary,
        ("in a run", "task", ""),
        [
            [KINDS.get(row.kind, row.kind), printable(row.task), printable(row.words)]
            for row in shown
        ],
        (),
        [f"… and {more:,} more tasks"] if more > 0 else [],
        list(map(_sign, shown)),
    )


def _sign(row: Outlook) -> str:
    look = LOOKS[SIGNS.get(row.kind, State.SKIPPED)]
    return f'<span style="background:{look.fill};color:{INK}">{look.sign}</span>&nbsp;'


def _detail(row: Outlook) -> str:
    """Say in the picture what a task would do."""
    if row.kind == "cached":
        return short_time(row.seconds)
    if row.items is not None:
        cached, number = row.items.get("cached", 0), sum(row.items.values())
        return f"{cached:,} of {number:,} cached"
    return "" if row.kind == "ends" else row.kind


def forecast_text(forecast: Forecast) -> str:
    """Return what a run would do as text, and where each parameter would get its value."""
    return f"{forecast_table(forecast).text()}\n\n{forecast.run.plan!r}"


def forecast_html(forecast: Forecast) -> str:
    """Return the graph of what is cached, and the table below it."""
    table = made_or_told(
        "the table",
        lambda: forecast_table(forecast).html(),
        lambda why: f"<div>({escape(why)})</div>",
    )
    told = {row.task: _detail(row) for row in forecast.rows}
    return f"<div>{graph_html(forecast.run, told)}{table}</div>"
