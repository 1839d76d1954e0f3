"""A picture of a flow: laid out once, painted as often as states change.

A fan of tasks is one node, unless it was opened; a flow that Graphviz would take too long for is
folded further.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ...errors import FlowError
from ...formatting import counted
from ...model.events import State
from ..style.environment import current_shell, in_kernel
from ..style.palette import CRITICAL, EDGE, LOOKS
from .ascii_graph import flow_picture
from .dot import SIGN_ROOM, flow_text, label, levels, to_graphviz
from .folding import fold, fold_fans
from .layout import render
from .svg import SVG, paint, tidy

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ...model.flow import Flow

__all__ = ["MOST_LINKS", "MOST_TASKS", "Picture", "flow_mimebundle"]

MOST_TASKS = 1000
MOST_LINKS = 6000
"""How many levels all edges cross together: this, more than the number of tasks, tells how long
Graphviz takes. 6,000 take it about a second, with the shortcuts below."""

SLOW_LINKS = 800
"""From here on Graphviz takes shortcuts; without them, 6,000 links would take eight seconds."""

LONGEST_SIDE, MOST_PIXELS = 4000, 2_500_000
"""Of a PNG: at four times as many, drawing it takes seconds, and it megabytes of the notebook."""


class Picture:
    """A flow, laid out, its tasks called by their `labels` instead of their names.

    With `details`, there is a line in each task for what a run tells of it. Fans of tasks are one
    node each (see `fold_fans`), but for those that are `opened`.

    Attributes
    ----------
    folding : Folding or None
        What the nodes stand for, if not each for one task.

    Raises
    ------
    FlowError
        If the flow is too large even when it is folded, or Graphviz is missing.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> picture = Picture(Flow("Example", [("load", "save")]))
    >>> 'data-task="load" data-state="failed"' in picture.svg({"load": State.FAILED})
    True
    """

    def __init__(
        self,
        flow: Flow,
        labels: Mapping[str, str] | None = None,
        *,
        details: bool = False,
        opened: Collection[str] = (),
    ) -> None:
        self._tasks = flow.tasks
        self.folding = fold_fans(flow, opened)
        if not _is_drawable(flow if self.folding is None else self.folding.flow):
            self.folding = fold(flow, _is_drawable)
        count, labels = len(flow.tasks), dict(labels or {})
        if self.folding is not None:
            flow = self.folding.flow
            labels |= self.folding.labels
        elif not _is_drawable(flow):
            sizes = f"{counted(count, 'task')}, {counted(len(flow.edges), 'edge')}"
            raise FlowError(f"too large for a picture: {sizes}")
        folded = self.folding.labels if self.folding is not None else ()
        graph = to_graphviz(flow, labels, for_layout=True, details=details, counted=folded)
        if _links(flow) > SLOW_LINKS:
            graph.attr(splines="polyline", nslimit="0.5", nslimit1="0.5", mclimit="0.1")
        self._placed = render(graph.source, "dot").decode()
        drawn = render(self._placed, "svg", placed=True)
        self._plain = tidy(drawn, flow, details=details, count=count)

    def svg(
        self,
        states: Mapping[str, State] | None = None,
        details: Mapping[str, str] | None = None,
        critical: Sequence[str] = (),
    ) -> str:
        """Return the SVG; with `states`, painted as `paint` does, and with a legend."""
        if states is None:
            return self._plain
        if self.folding is None:
            return paint(self._plain, states, details, critical)
        of_all = [states.get(task, State.PENDING) for task in self._tasks]
        counts = self.folding.counts(of_all)
        return paint(
            self._plain, self.folding.states(counts), self.folding.details(counts, details),
            self.folding.path(critical), Counter(of_all),
        )  # fmt: skip

    def png(
        self,
        states: Mapping[str, State] | None = None,
        details: Mapping[str, str] | None = None,
        critical: Sequence[str] = (),
    ) -> bytes:
        """Return the same picture as a PNG: transparent, smaller if it were huge."""
        svg = self.svg(states, details, critical)
        root = ElementTree.fromstring(svg.replace(f' xmlns="{SVG}"', "", 1))
        _, _, width, height = map(float, root.get("viewBox", "").split())
        longest, area = max(width, height, 1.0), max(width * height, 1.0)
        dpi = min(96.0, 72 * LONGEST_SIDE / longest, 72 * math.sqrt(MOST_PIXELS / area))
        body = self._placed.rstrip().removesuffix("}")
        extra = "".join(f"{line}\n" for line in _painted(root))
        return render(f"{body}\ngraph [dpi={dpi:.2f}]\n{extra}}}\n", "png", placed=True)


def flow_mimebundle(flow: Flow) -> dict[str, Any]:
    """Return what a notebook shows for a flow: SVG, PNG and text; for a terminal, text alone.

    Without Graphviz, and for a flow that is too large for a picture, the text says so.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> sorted(flow_mimebundle(Flow("Example", [("load", "save")])))
    ['image/png', 'image/svg+xml', 'text/plain']
    """
    if current_shell() is not None and not in_kernel():
        return {"text/plain": flow_picture(flow)}
    text = flow_text(flow)
    try:
        picture = Picture(flow)
        png = b64encode(picture.png()).decode("ascii")
        return {"image/svg+xml": picture.svg(), "image/png": png, "text/plain": text}
    except FlowError as error:
        return {"text/plain": f"{text}\n({error})"}


def _links(flow: Flow) -> int:
    level = levels(flow)
    return sum(level[edge.target] - level[edge.source] for edge in flow.edges)


def _is_drawable(flow: Flow) -> bool:
    return len(flow.tasks) <= MOST_TASKS and _links(flow) <= MOST_LINKS


def _painted(root: Element) -> Iterator[str]:
    """Say in DOT what the SVG shows: the colours of the nodes, their signs, the legend.

    Each mark is a node of its own where the SVG has it; in DOT, y points up.
    """
    import graphviz

    quote = graphviz.quoting.quote
    for node in root.iterfind("g/g/g[@data-task]"):
        rect, sign = node.find("rect[@data-part='box']"), node.find("text")
        assert rect is not None and sign is not None
        x, y, width, height = _box(rect)
        centre = f"{x + width / 2:.1f},{-y - height / 2:.1f}"
        for outer in node.findall("rect")[:-1]:
            _, _, *size = _box(outer)
            yield _mark(
                f"outline {node.get('data-index')}", "", centre, f"{_size(*size)} style=rounded"
            )
        look = f"{_look(node.get('data-state', ''))} {_size(width, height)}"
        detail = node.find("text[@data-part='detail']")
        if detail is not None:
            lines = [text.text or "" for text in node.findall("g[@data-part='name']/text")]
            lines += [detail.text] if detail.text else []
            look += f" label={quote(label(lines, start=SIGN_ROOM))}"
        if rect.get("stroke") == CRITICAL:
            look += f' color="{CRITICAL}" penwidth=2.4'
        yield f"{quote(node.get('data-task', ''))} [{look}]"
        where = f"{float(sign.get('x', '0')):.1f},{-y - height / 2:.1f}"
        yield _mark(
            f"sign {node.get('data-index')}", sign.text or "", where, "shape=plain style=solid"
        )
    legend = root.find("g[@data-part='legend']")
    picture = root.find("g[@transform]")
    if legend is None or picture is None:
        return
    left, top = map(float, re.findall(r"[-\d.]+", picture.get("transform", "")))
    for chip in legend:
        state, rect = chip.get("data-legend", ""), chip[0]
        x, y, width, height = _box(rect)
        where = f"{x + width / 2 - left:.1f},{top - y - height / 2:.1f}"
        look = f"{_look(state)} {_size(width, height)} fontsize=9"
        colour = CRITICAL if state == "critical" else EDGE
        yield _mark(f"legend {state}", chip[1].text or "", where, look, colour)


def _box(rect: Element) -> tuple[float, float, float, float]:
    x, y, width, height = (float(rect.get(key, "0")) for key in ("x", "y", "width", "height"))
    return x, y, width, height


def _size(width: float, height: float) -> str:
    return f"fixedsize=true width={width / 72:.4f} height={height / 72:.4f}"


def _look(state: str) -> str:
    if state == "critical":
        return f'fillcolor="{LOOKS[State.PENDING].fill}" penwidth=2.4 style="rounded,filled"'
    look = LOOKS[State(state)]
    style = "rounded,filled" + (",dashed" if look.dash else "")
    return f'fillcolor="{look.fill}" penwidth={look.width} style="{style}"'


def _mark(name: str, text: str, where: str, look: str, colour: str = EDGE) -> str:
    import graphviz

    shown = graphviz.quoting.quote(label([text.removesuffix("\ufe0e")]))
    return f'"{name}" [label={shown} pos="{where}" color="{colour}" {look}]'
