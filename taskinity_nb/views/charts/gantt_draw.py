"""How a Gantt chart is drawn into axes.

All bars of a panel are one collection, so that thousands of tasks stay quick; labels stand in their
bars as far as they fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ...formatting import counted, elided, time_unit
from ...model.events import State
from ..style.palette import CRITICAL, EDGE, INK, LOOKS
from .figure import new_axes
from .gantt_bars import Bar, Panel, Span, outer_boxes
from .gantt_chart import Chart
from .settings import default_settings
from .style import COLOURS, Styled
from .text_fit import BarLabel, Ruler, typeset

__all__ = ["draw_chart"]

LEFT, RIGHT = 0.95, 0.25
"""Inches: margins."""
LANE, TALLEST = 0.34, 7.0
"""Inches: a lane, and all lanes together at most."""
LEGEND = 60.0
"""Points below axes of a user without which there is no legend: in them it would cover bars."""
STRIP = 0.27
"""Inches: a line of text between panels."""
FILLED = 0.74
"""The part of its lane that a bar fills."""
THIN = 0.2
"""The part of its lane that is filled while a worker is held before or after its task."""
MOST_LABELS = 400
SPAN = 0.85
"""Of a line of text: how high a flow in the flow is, above the rows."""
WAIT, CURVE = 1.9, 0.8
"""Of a line of text: how high it is, below the rows, how many tasks wait; and the curve of it."""


class Drawing(Styled):
    """One chart in one axes; a lane is one unit of y, and `lane` is how many inches that is."""

    def __init__(self, ax: Axes, chart: Chart, ink: Any) -> None:
        super().__init__(ax, ink)
        self.chart = chart
        # Where colours do not tell each task, they tell the flow in the flow that it is in.
        boxes = outer_boxes(chart.tasks) if len(chart.tasks) > len(COLOURS) else {}
        self.groups = {task: boxes.get(task, task) for task in chart.tasks}
        groups = {group: i for i, group in enumerate(dict.fromkeys(self.groups.values()))}
        self.colours = {t: COLOURS[groups[g] % len(COLOURS)] for t, g in self.groups.items()}
        self.in_box = boxes.keys()
        self.labelled: set[str] = set()
        self.lane = self.strip = self.height = 1.0
        self.plan_titles(chart.title, chart.subtitle)

    def scale(self, lane: float, strip: float) -> None:
        """Choose how tall a lane and a line of text between panels are, in inches."""
        self.lane, self.strip = lane, strip / lane
        self.height = self.header / 72 / lane + sum(
            panel.lanes + self.strip * _strips(panel) for panel in self.chart.panels
        )

    def place(self) -> None:
        """Give the figure its height, and the axes their place in it."""
        self.place_in(self.height * self.lane, 0.52 + self.legend_height, LEFT, RIGHT)

    def draw(self) -> None:
        """Draw everything, top down."""
        end = max(panel.end for panel in self.chart.panels)
        begin = min([0.0, *(bar.start for panel in self.chart.panels for bar in panel.bars)])
        span = end - begin or 1e-3
        self.ax.set_xlim(begin - 0.002 * span, begin + 1.015 * span)
        self.ax.set_ylim(self.height, 0)
        self.ruler = Ruler(self.ax)
        y, ticks = self.header / 72 / self.lane, []
        for number, panel in enumerate(self.chart.panels):
            self._heading(panel, y, number)
            y += self.strip
            self._spans(panel, y, number)
            y += self.strip * SPAN * panel.span_lanes
            self._bars(panel, y, number)
            ticks += [(y + row.first + row.lanes / 2, row.label) for row in panel.rows]
            self._bound(panel, y, number)
            y += panel.lanes + self.strip * (0.75 if panel.bound else 0.3)
            self._waits(panel, y, number)
            y += self.strip * WAIT * len(panel.waits)
        self._axes(ticks, end)
        self.titles()
        if 1 < len(set(self.groups.values())) <= len(COLOURS):
            self._legend()

    # Text around the bars.

    def _text(self, x: float, y: float, text: str, width: float | None, **options: Any) -> Any:
        """Write `text`, cut to `width` pixels."""
        size = options.pop("fontsize")
        if width is not None:
            text = self.ruler.cut(text, size, width, options.get("fontweight", "normal"))
        text, family = typeset(text)
        return self.ax.text(
            x, y, text, fontsize=size, family=family, parse_math=False, color=self.ink, **options
        )

    def _heading(self, panel: Panel, y: float, number: int) -> None:
        self._text(
            0.002, y + self.strip * 0.92, panel.heading, self.ruler.width,
            fontsize=9, fontweight="bold", va="bottom", gid=f"heading-{number}",
            transform=self.ax.get_yaxis_transform(),
        )  # fmt: skip
        if not panel.bars:
            self._text(
                0.5, y + self.strip + panel.lanes / 2, "no task started", None, fontsize=9,
                va="center", ha="center", style="italic", transform=self.ax.get_yaxis_transform(),
            )  # fmt: skip

    def _spans(self, panel: Panel, top: float, number: int) -> None:
        """Draw above the rows how long the tasks of each flow in the flow took, as a bracket."""
        high = self.strip * SPAN
        lines = []
        for span in panel.spans:
            y = top + high * (span.lane + 0.72)
            foot = y + 0.18 * high
            lines.append([(span.start, foot), (span.start, y), (span.end, y), (span.end, foot)])
            self._text(
                span.start, y - 0.1 * high, span.box, self._room_right_of(span, panel), fontsize=8,
                va="bottom", gid=f"span-{number}-{span.box}",
                transform=self.off(self.ax.transData, 1, 0),
            )  # fmt: skip
        if lines:
            self.ax.add_collection(
                LineCollection(lines, colors=EDGE, linewidths=1.2, zorder=2, gid=f"spans-{number}"),
                autolim=False,
            )

    def _waits(self, panel: Panel, top: float, number: int) -> None:
        """Draw below the rows how many tasks wait for each resource, with words above the curve."""
        for place, waiting in enumerate(panel.waits):
            foot = top + self.strip * (WAIT * (place + 1) - 0.25)
            unit = self.strip * CURVE / waiting.most
            corners = [(waiting.steps[0][0], foot)]
            for (start, many), (end, _) in pairwise(waiting.steps):
                corners += [(start, foot - unit * many), (end, foot - unit * many)]
            corners.append((waiting.steps[-1][0], foot))
            for fill, edge in ((to_rgba(EDGE, 0.3), "none"), ("none", EDGE)):
                self.ax.add_collection(
                    PolyCollection(
                        [corners], facecolors=[fill], edgecolors=edge, linewidths=0.8, zorder=2,
                        hatch="////" if edge != "none" else None, gid=f"waits-{number}-{place}",
                    ), autolim=False,
                )  # fmt: skip
            self._text(
                0.002, foot - self.strip * (CURVE + 0.1), waiting.label, self.ruler.width,
                fontsize=8, va="bottom", gid=f"waits-label-{number}-{place}",
                transform=self.ax.get_yaxis_transform(),
            )  # fmt: skip

    def _room_right_of(self, span: Span, panel: Panel) -> float:
        """Return for how many pixels the name of a span may go on: to the next one of its lane."""
        after = [o.start for o in panel.spans if o.lane == span.lane and o.start > span.start]
        end = min(after, default=self.ax.get_xlim()[1])
        return max(0.0, self.ruler.pixels(end - span.start) - 6)

    def _bound(self, panel: Panel, y: float, number: int) -> None:
        if panel.bound is None:
            return
        bottom = y + panel.lanes
        self.ax.plot(
            [panel.bound] * 2, [y, bottom + 0.55 * self.strip], color=self.ink,
            linewidth=1.6, zorder=1.5, gid=f"bound-{number}",
        )  # fmt: skip
        x = self.ruler.pixels(panel.bound - self.ax.get_xlim()[0])
        right = x < 0.6 * self.ruler.width
        self._text(
            panel.bound, bottom + 0.36 * self.strip, panel.bound_label,
            (self.ruler.width - x if right else x) - 8, fontsize=8.5, va="center",
            ha="left" if right else "right", gid=f"bound-label-{number}",
            transform=self.off(self.ax.transData, 4 if right else -4, 0),
        )  # fmt: skip

    def _axes(self, ticks: Sequence[tuple[float, str]], end: float) -> None:
        ax = self.ax
        unit, scale = time_unit(end)
        after = "" if self.has_room_for_label else f" {unit}"
        if self.has_room_for_label:
            self.labels(f"time in {unit}")
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x / scale, 9):g}{after}"))
        every = max(1, round(0.17 / self.lane))
        shown = [tick for i, tick in enumerate(ticks) if i % every == 0]
        if any(self.beside(label) != label for _, label in shown):
            shown = [(y, label.removeprefix("worker ")) for y, label in shown]
        ax.set_yticks([y for y, _ in shown], [label for _, label in shown])
        self.spines(("bottom",), axis="x", alpha=0.3)
        ax.grid(visible=False, axis="y")

    # Bars, and what is written in them.

    def _bars(self, panel: Panel, top: float, number: int) -> None:
        if not panel.bars:
            return
        gap = (1 - FILLED) / 2
        point = 1 / 72 / self.lane
        corners, fills, edges, outlined, lined = [], [], [], [], []
        for bar in panel.bars:
            y0, y1 = top + bar.lane + gap, top + bar.lane + 1 - gap
            wide = self.ruler.pixels(bar.end - bar.start) >= 6
            if bar.critical and wide:
                outlined.append(_corners(bar, y0, y1))
            elif bar.critical:  # an outline would cover it, so only above and below
                lined += [((bar.start, y), (bar.end, y)) for y in (y0, y1)]
            # The edge of a narrow bar keeps it visible; that of a wide one parts neighbours.
            inset = 0 if wide else min(0.6 * point, 0.2)
            corners.append(_corners(bar, y0 + inset, y1 - inset))
            fills.append(self._fill(bar))
            edges.append(EDGE if wide else fills[-1])
        self.ax.add_collection(
            PolyCollection(
                corners, facecolors=fills, edgecolors=edges, linewidths=0.6, zorder=2,
                gid=f"bars-{number}",
            ), autolim=False,
        )  # fmt: skip
        if outlined:
            self.ax.add_collection(
                PolyCollection(
                    outlined, facecolors="none", edgecolors=CRITICAL, linewidths=2.2, zorder=3,
                    joinstyle="miter", gid=f"critical-{number}",
                ), autolim=False,
            )  # fmt: skip
        if lined:
            self.ax.add_collection(
                LineCollection(
                    lined, colors=CRITICAL, linewidths=2.2, zorder=3, gid=f"critical-lines-{number}"
                ), autolim=False,
            )  # fmt: skip
        self._holds(panel, top, number)
        if panel.is_cut:
            end = max(bar.end for bar in panel.bars)
            middles = sorted({top + bar.lane + 0.5 for bar in panel.bars})
            self.ax.plot(
                [end] * len(middles), middles, linestyle="none", marker=">", markersize=7,
                color=self.ink, zorder=5, clip_on=False, gid=f"cut-{number}",
            )  # fmt: skip
        self._signs(panel, top, self._labels(panel, top, gap), gap)

    def _holds(self, panel: Panel, top: float, number: int) -> None:
        """Draw thin, under the bars, for how long a worker was held beyond its task."""
        corners, fills = [], []
        y0, y1 = top + 0.5 - THIN / 2, top + 0.5 + THIN / 2
        for bar in panel.bars:
            for start, end in ((bar.submitted, bar.start), (bar.end, bar.received)):
                if start is not None and end is not None and self.ruler.pixels(end - start) >= 1:
                    held = bar._replace(start=start, end=end)
                    corners.append(_corners(held, y0 + bar.lane, y1 + bar.lane))
                    fills.append(self._fill(bar))
        if corners:
            self.ax.add_collection(
                PolyCollection(
                    corners, facecolors=fills, edgecolors="none", zorder=1.8, gid=f"holds-{number}"
                ), autolim=False,
            )  # fmt: skip

    def _fill(self, bar: Bar) -> str:
        if bar.state in (State.SUCCEEDED, State.RUNNING):
            return self.colours[bar.task]
        return LOOKS[bar.state].fill

    def _labels(self, panel: Panel, top: float, gap: float) -> set[Bar]:
        """Label the bars that have room, the widest first; return those that bear their sign."""
        size = min(8.5, self.lane * FILLED * 72 * 0.62)
        signed: set[Bar] = set()
        if size < 5:
            return signed
        widest = sorted(panel.bars, key=lambda bar: bar.start - bar.end)[:MOST_LABELS]
        for bar in widest:
            room = self.ruler.pixels(bar.end - bar.start) - 7
            if room < size:
                break
            label = self.chart.labels[bar.task]
            name = whole = bar.labelled(label)
            sign = "" if bar.state is State.SUCCEEDED else typeset(LOOKS[bar.state].sign)[0]
            sign = LOOKS[State.FAILED].sign if sign == "□" else sign
            before = f"{sign} " if sign else ""
            if self.ruler.measure(before + name, size) > room:
                name = self._shorter(bar, label, room - self.ruler.measure(before, size), size)
            text = self.ruler.shortened(before + name, size, room) or sign
            if not text or self.ruler.measure(text, size) > room:
                continue
            is_told = bar.item is not None and name == bar.labelled("")  # as its colour is
            if text.endswith(whole) or is_told:
                self.labelled.add(bar.task)
            if sign:
                signed.add(bar)
            extent = (bar.start, top + bar.lane + gap, bar.end, top + bar.lane + 1 - gap)
            self.ax.add_artist(BarLabel(text, extent, size))
        return signed

    def _shorter(self, bar: Bar, label: str, room: float, size: float) -> str:
        """Return what else to call a bar: as within its box, or of an item only its number."""
        short = label.rpartition(".")[2] if label == bar.task else label
        name = bar.labelled(short)
        if bar.item is None or self.ruler.measure(name, size) <= room:
            return name
        # The colour tells the task, or the flow that it is in.
        return short if bar.task in self.in_box else bar.labelled("")

    def _signs(self, panel: Panel, top: float, signed: set[Bar], gap: float) -> None:
        """Mark failed and cancelled bars that are too narrow for their sign just above them."""
        marks = {State.FAILED: "x", State.TIMED_OUT: "x", State.CANCELLED: "s"}
        for state, mark in marks.items():
            bars = [bar for bar in panel.bars if bar.state is state and bar not in signed]
            if bars:
                self.ax.plot(
                    [(bar.start + bar.end) / 2 for bar in bars],
                    [top + bar.lane + gap / 4 for bar in bars],
                    linestyle="none", marker=mark, markersize=4.5, markeredgewidth=1.6,
                    color=LOOKS[state].fill, zorder=4, clip_on=False, gid=f"sign-{state}",
                )  # fmt: skip

    def _legend(self) -> None:
        """Name the colours below the axes, if some task could not be labelled in full."""
        drawn = {bar.task for panel in self.chart.panels for bar in panel.bars}
        if drawn <= self.labelled or self.room.below < LEGEND:
            return
        groups: dict[str, list[str]] = {}
        for task in self.chart.tasks:
            if task in drawn:
                groups.setdefault(self.groups[task], []).append(task)
        texts = [self._named(group, tasks) for group, tasks in groups.items()]
        handles = [Patch(color=self.colours[tasks[0]]) for tasks in groups.values()]
        columns = self.columns(texts, 4)
        self.legend(handles, texts, columns, handlelength=1.2, handleheight=0.9)
        self.legend_height = 0.14 + 0.18 * -(-len(texts) // columns)

    def _named(self, group: str, tasks: list[str]) -> str:
        """Return what a colour stands for: a task, or how many tasks of a flow in the flow."""
        if tasks[0] not in self.in_box:
            return elided(self.chart.labels[group], 44)
        return f"{elided(group, 44)} ({counted(len(tasks), 'task')})"


def _strips(panel: Panel) -> float:
    """Return how many lines of text are above and below the rows of a panel."""
    return (1.75 if panel.bound else 1.3) + SPAN * panel.span_lanes + WAIT * len(panel.waits)


def _corners(bar: Bar, y0: float, y1: float) -> tuple[tuple[float, float], ...]:
    return (bar.start, y0), (bar.start, y1), (bar.end, y1), (bar.end, y0)


@default_settings()
def draw_chart(chart: Chart, ax: Axes | None = None) -> Axes:
    """Draw a chart into `ax`, or on a figure of its own."""
    lanes = sum(panel.lanes for panel in chart.panels)
    strips = sum(map(_strips, chart.panels))
    if ax is not None:
        drawing = Drawing(ax, chart, ax.xaxis.label.get_color())
        height = max(0.01, (drawing.tall - drawing.header) / 72)
        strip = min(STRIP, height / (2 * strips))
        drawing.scale(max(height - strips * strip, 0.01) / lanes, strip)
        drawing.draw()
        return ax
    drawing = Drawing(new_axes(chart.summary), chart, INK)
    drawing.scale(min(LANE, TALLEST / lanes), STRIP)
    drawing.place()
    drawing.plan_titles(chart.title, chart.subtitle)
    drawing.draw()
    drawing.place()
    return drawing.ax
