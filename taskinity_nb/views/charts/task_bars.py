"""How long the tasks of two runs took, as bars beside each other."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ...analysis.history import PastRun
from ...formatting import counted, elided, time_unit
from ..style.palette import EDGE, INK
from .figure import WIDTH, new_axes
from .settings import default_settings
from .style import COLOURS, Styled
from .text_fit import typeset

__all__ = ["draw_bars"]

MOST_TASKS = 24
LONGEST_LABEL = 28
ROW, TOP, BOTTOM, LEFT, RIGHT = 0.36, 0.62, 0.85, 2.3, 0.25
"""Inches: a task, and the margins."""
LEGEND = 55.0
"""Points that the legend takes, with what is above it."""
FILLS = ("#c9c9c9", COLOURS[0])
"""Before, and after."""


@default_settings()
def draw_bars(
    pair: tuple[PastRun, PastRun],
    headings: tuple[str, str],
    title: str,
    subtitle: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw two bars for each task, before and after, of up to 24: those that changed most."""
    before, after = (run.seconds for run in pair)
    names = [name for name in pair[1].flow.tasks if name in before or name in after]
    changes = {name: abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in names}
    chosen = set(sorted(names, key=lambda name: -changes[name])[:MOST_TASKS])
    shown = [name for name in names if name in chosen]
    if len(shown) < len(names):
        subtitle += f"; of {counted(len(names), 'task')}, those that changed most"
    beside = 0.0  # inches to the left of the axes, where the title begins too
    ink = INK if ax is None else ax.xaxis.label.get_color()
    if ax is None:
        beside = LEFT - RIGHT
        height = TOP + ROW * max(1, len(shown)) + BOTTOM
        place = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + RIGHT) / WIDTH,
                 1 - (TOP + BOTTOM) / height)  # fmt: skip
        ax = new_axes(f"{title}; {subtitle}", height, place)
    style = Styled(ax, ink)
    longest = max([*before.values(), *after.values()], default=0.0)
    unit, scale = time_unit(longest)
    for shift, seconds, fill in ((-0.2, before, FILLS[0]), (0.2, after, FILLS[1])):
        ax.barh(
            [row + shift for row in range(len(shown))],
            [seconds.get(name, 0.0) / scale for name in shown],
            height=0.36, color=fill, edgecolor=EDGE, linewidth=0.6,
        )  # fmt: skip
    style.plan_titles(title, subtitle, beside, wrap=False)
    written = [typeset(style.beside(elided(name, LONGEST_LABEL))) for name in shown]
    ax.set_yticks(range(len(shown)), [text for text, _ in written])
    style.spines(("bottom",), axis="x")
    for label, (_, family) in zip(ax.get_yticklabels(), written, strict=True):
        label.set(family=family, parse_math=False)
    rows = max(1, len(shown))
    style.footer = 0.0 if style.room.below > LEGEND else 22.0
    length, below = style.stretched(rows)
    ax.set_ylim(rows - 0.5 + below, rows - 0.5 + below - length)
    ax.set_xlim(0, 1.03 * (longest / scale or 1.0))
    style.labels(f"time of a task in {unit}", unit=unit)
    style.titles()
    handles = [Patch(facecolor=fill, edgecolor=EDGE) for fill in FILLS]
    texts = [elided(heading, 52) for heading in headings]
    style.legend(handles, texts, 2, handlelength=1.2, handleheight=0.9)
    return ax
