"""How long the tasks of two runs took, as bars beside each other."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Patch
from matplotlib.transforms import offset_copy

from ..analysis.history import PastRun
from ..formatting import counted, elided, time_unit
from .drawing import COLOURS, PAPER, WIDTH
from .figure import GanttAxes, GanttFigure
from .fonts import DEJAVU, typeset
from .labels import Ruler
from .palette import EDGE, INK

__all__ = ["draw_bars"]

MOST_TASKS = 24
LONGEST_LABEL = 28
ROW, TOP, BOTTOM, LEFT, RIGHT = 0.36, 0.62, 0.85, 2.3, 0.25
"""Inches: a task, and the margins."""
FILLS = ("#c9c9c9", COLOURS[0])
"""Before, and after."""
SIZE = 8.5


def draw_bars(
    pair: tuple[PastRun, PastRun],
    headings: tuple[str, str],
    title: str,
    subtitle: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw two bars for each task, of up to 24: those that changed most.

    Parameters
    ----------
    pair : tuple of PastRun
        The run before, and the last one.
    headings : tuple of str
        What they are called.
    title, subtitle : str
        What is written above.
    ax : matplotlib.axes.Axes, optional
        Where; by default on a new figure, which pyplot does not know.

    Returns
    -------
    matplotlib.axes.Axes
    """
    before, after = (run.seconds for run in pair)
    names = [name for name in pair[1].flow.tasks if name in before or name in after]
    changes = {name: abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in names}
    chosen = set(sorted(names, key=lambda name: -changes[name])[:MOST_TASKS])
    shown = [name for name in names if name in chosen]
    if len(shown) < len(names):
        subtitle += f"; of {counted(len(names), 'task')}, those that changed most"
    ink = INK if ax is None else ax.xaxis.label.get_color()
    beside = 0.0  # inches to the left of the axes, where the title begins too
    if ax is None:
        beside = LEFT - RIGHT
        height = TOP + ROW * max(1, len(shown)) + BOTTOM
        figure = GanttFigure(figsize=(WIDTH, height), dpi=100, facecolor=PAPER)
        FigureCanvasAgg(figure)
        figure.summary = f"{title}; {subtitle}"
        place = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + RIGHT) / WIDTH,
                 1 - (TOP + BOTTOM) / height)  # fmt: skip
        ax = figure.add_axes(place, axes_class=GanttAxes, facecolor=PAPER)
    longest = max([*before.values(), *after.values()], default=0.0)
    unit, scale = time_unit(longest)
    for shift, seconds, fill in ((-0.2, before, FILLS[0]), (0.2, after, FILLS[1])):
        ax.barh(
            [row + shift for row in range(len(shown))],
            [seconds.get(name, 0.0) / scale for name in shown],
            height=0.36, color=fill, edgecolor=EDGE, linewidth=0.6,
        )  # fmt: skip
    written = [typeset(elided(name, LONGEST_LABEL)) for name in shown]
    ax.set_yticks(range(len(shown)), [text for text, _ in written])
    ax.tick_params(colors=EDGE, labelcolor=ink, labelsize=SIZE, labelfontfamily=DEJAVU, length=3)
    ax.tick_params(axis="y", length=0)
    for label, (_, family) in zip(ax.get_yticklabels(), written, strict=True):
        label.set(family=family, parse_math=False)
    ax.set_ylim(max(1, len(shown)) - 0.5, -0.5)
    ax.set_xlim(0, 1.03 * (longest / scale or 1.0))
    ax.set_xlabel(f"time of a task in {unit}", color=ink, fontsize=9, family=DEJAVU)
    ax.grid(axis="x", color=EDGE, linewidth=0.6, alpha=0.25)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(EDGE)
    _words(ax, ink, beside, headings, (title, subtitle))
    return ax


def _words(
    ax: Axes, ink: str, beside: float, headings: tuple[str, str], titles: tuple[str, str]
) -> None:
    """Write the titles above the axes, and the legend below them."""
    ruler = Ruler(ax)
    figure = ax.get_figure(root=True)
    room = ruler.width + beside * figure.dpi
    text, family = typeset(ruler.cut(titles[0], 11.5, room, "bold"))
    title = ax.set_title(
        text, x=1 - room / ruler.width, ha="left", pad=21, fontsize=11.5, fontweight="bold",
        color=ink,
    )  # fmt: skip
    title.set(parse_math=False, family=family)
    text, family = typeset(ruler.cut(titles[1], 9, room))
    ax.text(
        0, 1, text, fontsize=9, family=family, parse_math=False, color=ink, va="bottom",
        gid="subtitle",
        transform=offset_copy(ax.transAxes, figure, -72 * beside, 6, "points"),
    )  # fmt: skip
    handles = [Patch(facecolor=fill, edgecolor=EDGE) for fill in FILLS]
    legend = ax.legend(
        handles, ["", ""], loc="upper left", ncols=2, frameon=False, bbox_to_anchor=(0, 0),
        bbox_transform=offset_copy(ax.transAxes, figure, 0, -39, "points"), borderaxespad=0,
        borderpad=0, handlelength=1.2, handleheight=0.9, columnspacing=1.5, fontsize=SIZE,
    )  # fmt: skip
    for written, heading_text in zip(legend.get_texts(), headings, strict=True):
        text, family = typeset(elided(heading_text, 52))
        written.set(text=text, color=ink, family=family, parse_math=False)
