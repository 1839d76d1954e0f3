"""A picture of a flow: laid out once, painted as often as states change.

A fan of tasks is one node, unless it was opened; a flow that Graphviz would take too long for is
folded further.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ...errors import FlowError
from ...formatting import counted, one_line
from ...model.events import State
from ..style.environment import current_shell, in_kernel
from .ascii_graph import flow_picture
from .dot import flow_text, levels, to_graphviz
from .drawing import draw
from .folding import fold, fold_fans
from .forms import boxes_of, drawn_edges
from .png import rasterise
from .svg import Condition, paint

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["MOST_LINKS", "MOST_TASKS", "Picture", "flow_mimebundle", "save_picture"]

MOST_TASKS = 1000
MOST_LINKS = 6000
"""How many levels all edges cross together: this, more than the number of tasks, tells how long
Graphviz takes. 6,000 take it about a second, with the shortcuts below."""


class Picture:
    """A flow, laid out, its tasks called by their `labels` instead of their names.

    With `details`, there is a line in each task for what a run tells of it. Fans of tasks are one
    node each (see `fold_fans`), but for those that are `opened`.

    Attributes
    ----------
    folding : Folding or None
        What the nodes stand for, if not each for one task.
    boxes : frozenset of str
        The boxes that hold the tasks of a flow that is used in this one.
    closed : frozenset of str
        Those of them that are one node each, or within one.

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
        closed: Collection[str] = (),
    ) -> None:
        self._tasks = flow.tasks
        self.boxes, self.closed = frozenset(boxes_of(flow)), frozenset(closed)
        self.folding = fold_fans(flow, opened, closed)
        if self.boxes - self.closed and not self._fits(flow):
            self.closed = frozenset(box for box in self.boxes if "." not in box)
            self.folding = fold_fans(flow, opened, self.closed)
        if not self._fits(flow):
            self.folding = fold(flow, _is_drawable)
        count, labels = len(flow.tasks), dict(labels or {})
        if self.folding is not None:
            flow = self.folding.flow
            labels |= self.folding.labels
        elif not _is_drawable(flow):
            sizes = f"{counted(count, 'task')}, {counted(len(flow.edges), 'edge')}"
            raise FlowError(f"too large for a picture: {sizes}")
        folded = self.folding.labels if self.folding is not None else ()
        self._plain = draw(
            flow, labels, details=details, counted=folded, closed=self.closed & set(flow.tasks),
            count=count, links=_links(flow),
        )  # fmt: skip

    def _fits(self, flow: Flow) -> bool:
        return _is_drawable(flow if self.folding is None else self.folding.flow)

    def svg(
        self,
        states: Mapping[str, State] | None = None,
        details: Mapping[str, str] | None = None,
        critical: Sequence[str] = (),
        verdicts: Mapping[Condition, str] | None = None,
    ) -> str:
        """Return the SVG; with `states`, painted as `paint` does, and with a legend."""
        if states is None:
            return self._plain
        if self.folding is None:
            return paint(self._plain, states, details, critical, verdicts=verdicts)
        of_all = [states.get(task, State.PENDING) for task in self._tasks]
        counts = self.folding.counts(of_all)
        return paint(
            self._plain, self.folding.states(counts), self.folding.details(counts, details),
            self.folding.path(critical), Counter(of_all), verdicts,
        )  # fmt: skip

    def png(
        self,
        states: Mapping[str, State] | None = None,
        details: Mapping[str, str] | None = None,
        critical: Sequence[str] = (),
        verdicts: Mapping[Condition, str] | None = None,
    ) -> bytes:
        """Return the same picture as a PNG: transparent, smaller if it were huge."""
        svg = self.svg(states, details, critical, verdicts)
        _, _, width, height = map(float, ElementTree.fromstring(svg).get("viewBox", "").split())
        return rasterise(svg, width, height)


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


def save_picture(flow: Flow, path: str | os.PathLike[str]) -> None:
    """Write a flow to a file, as SVG, PNG or DOT; see `Flow.save`."""
    target = Path(path)
    forms: dict[str, Callable[[], bytes]] = {
        ".svg": lambda: Picture(flow).svg().encode(),
        ".png": lambda: Picture(flow).png(),
        ".dot": lambda: str(to_graphviz(flow).source).encode(),
    }
    draw_it = forms.get(target.suffix.lower())
    if draw_it is None:
        raise FlowError(
            f"a flow cannot be saved as {one_line(target.name)!r}",
            remedy=f"let the name end with {', '.join(forms)}",
        )
    target.write_bytes(draw_it())


def _links(flow: Flow) -> int:
    level = levels(flow)
    return sum(level[edge.target] - level[edge.source] for edge in drawn_edges(flow))


def _is_drawable(flow: Flow) -> bool:
    return len(flow.tasks) <= MOST_TASKS and _links(flow) <= MOST_LINKS
