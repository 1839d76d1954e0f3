"""The live graph: shown before a run, told of it while it goes on, left behind as a still picture.

One output of the cell is first the widget together with the picture, and at the end the picture
alone: a saved widget hides the picture wherever there is no kernel. Where there are no widgets, the
picture itself is sent again and again, but seldom; where nobody looks, it is sent at the end. In a
terminal there is text.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from ...errors import FlowError, described
from ...formatting import counted, one_line, visible
from ...model.events import State
from ...strangers import is_interrupt
from ..graph.ascii_graph import flow_picture
from ..graph.dot import MOST_LINES, flow_text
from ..graph.picture import Picture
from ..graph.verdicts import verdicts_of
from ..style.environment import current_shell, in_kernel, say
from ..style.guard import drawn_or_said, why_not
from ..style.palette import LOOKS
from ..style.words import details_of, items_done
from .kept import current_cell, kept
from .places import WIDGET_VIEW, Place, publish, view_of
from .snapshot import snapshot
from .still import made_small

if TYPE_CHECKING:
    from ...model.events import Event
    from ...model.flow import Flow
    from ...model.run import Run
    from ..graph.svg import Condition
    from ..terminal.progress_bar import ProgressBar
    from .inspector import Inspector
    from .widget import GraphWidget

__all__ = ["WIDGET_VIEW", "LiveGraph", "publish", "run_states_text", "view_of"]

MOST_DRAWN_AT_FIRST = 40
"""Tasks up to which a run's beginning waits for a PNG, which only a dead kernel leaves behind."""

LONGEST_WHY = 200
"""Characters of the reason why a task ran or did not."""

LARGEST_SVG_AT_FIRST = 200_000
"""Characters; Jupyter drops what comes faster than a megabyte a second, the widget among it."""

NO_MATTER = "the run is as it is"

SLOWEST = 0.5
"""Seconds between two pictures where there are no widgets."""


class LiveGraph:
    """The picture of a flow while it runs; an observer.

    Nothing in it raises because something cannot be drawn: then there is text.

    `cancel` is what the Cancel button calls, from a thread of its own where the kernel has
    subshells; there is no button without it. `labels` are what tasks are called in the picture.
    `is_over` tells whether a run has ended that goes on when its cell has ended.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> graph = LiveGraph(Flow("Example", [("load", "save")]))
    >>> graph.show()  # in a notebook: the picture, then pass `graph` as an observer
    """

    def __init__(
        self,
        flow: Flow,
        cancel: Callable[[], None] | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        is_over: Callable[[], bool] | None = None,
    ) -> None:
        self.flow = flow
        self._is_over = is_over
        self._cancel = cancel
        self._labels = labels
        self._bar: ProgressBar | None = None
        self._lock = threading.Lock()
        self._widget: GraphWidget | None = None
        self._place: Place | None = None
        self._over = False
        self._inspector: Inspector | None = None
        self._cell: str | None = None
        self._next_picture = 0.0
        self._later: threading.Timer | None = None
        self._picture: Picture | None = None
        self._note = ""
        if in_kernel():
            try:
                self._picture = Picture(flow, labels, details=True)
            except BaseException as error:
                if is_interrupt(error):
                    raise
                known = isinstance(error, FlowError)
                self._note = str(error) if known else why_not("the flow", error)

    def show(self) -> None:
        """Show the flow, all tasks pending: in a shell in a terminal as text, in a script not."""
        if not in_kernel():
            if current_shell() is not None and not self._over:
                say(flow_picture(self.flow, self._labels))
                self._bar = _new_bar()
            return
        if self._place is not None:
            return
        self._place = Place(self._is_over)
        self._cell = current_cell()
        bundle: dict[str, Any] = {}
        with drawn_or_said("the live graph", NO_MATTER):
            self._widget = self._make_widget() if self._place.is_watched else None
        if self._widget is not None:
            bundle |= view_of(self._widget)
        if self._widget is None or not self._place.is_widget:
            bundle |= self._pictures(None, png=len(self.flow.tasks) <= MOST_DRAWN_AT_FIRST)
        if self._widget is not None and len(bundle.get("image/svg+xml", "")) > LARGEST_SVG_AT_FIRST:
            del bundle["image/svg+xml"]
        text = flow_text(self.flow)
        told = f"{text}\n({self._note})" if self._note else text
        self._place.show(bundle | {"text/plain": told})

    def __call__(self, events: Iterable[Event], run: Run) -> None:
        """Show how far `run` is: the whole state of it, so that a call too few does no harm."""
        with self._lock:
            if self._over:
                return
            if self._bar is not None:
                if self._bar.is_over:  # this is another run, which is compared with the first
                    self._bar = _new_bar()
                self._bar.follow(run)
            if self._widget is not None and self._inspector is not None:
                self._inspector.tell(run, with_clock=self._picture is not None)
            elif self._place is not None:
                self._send_in_time(run, self._place)
        if self._inspector is not None:  # it may ask objects of the user's, and nobody waits for it
            self._inspector.follow(run)

    def finish(self, run: Run) -> None:
        """Leave the final state behind: picture and text, and no widget; in a terminal, text."""
        states = {name: record.state for name, record in run.tasks.items()}
        self._end(
            states,
            run_states_text(run),
            lambda png: self._pictures(
                states, details_of(run), run.critical_path, verdicts_of(run), png=png
            ),
            run,
        )

    def abandon(self) -> None:
        """Leave the flow behind, all tasks pending: nothing was run."""
        self._end(None, flow_text(self.flow), lambda png: self._pictures(None, png=png))

    def _end(
        self,
        states: Mapping[str, State] | None,
        text: str,
        pictures: Callable[[bool], dict[str, Any]],
        run: Run | None = None,
    ) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
            if self._later is not None:
                self._later.cancel()
        if self._inspector is not None:
            self._picture = self._inspector.picture  # in which somebody may have opened fans
        if self._bar is not None:
            self._bar.close()
        if not in_kernel():
            if states is not None:
                say(text)
            return
        if self._place is not None:
            bundle: dict[str, Any] = {
                "text/plain": text + (f"\n({self._note})" if self._note else "")
            }
            with drawn_or_said("the graph", NO_MATTER):
                # In a widget there is no PNG, which is shown where an SVG is shown too.
                bundle |= pictures(not self._place.is_widget)
            if states is not None and any(state.is_failure for state in states.values()):
                bundle |= {k: made_small(d) for k, d in bundle.items() if k == "image/svg+xml"}
            if self._widget is not None and run is not None and "image/svg+xml" in bundle:
                bundle["image/svg+xml"] = self._widget.marked(bundle["image/svg+xml"])
            self._place.end(bundle)
        self._leave(run)

    def _leave(self, run: Run | None) -> None:
        """Have the picture of a run answer clicks from now on; of none, close the widget."""
        if self._widget is None or self._inspector is None:
            return
        if run is None or self._picture is None:
            self._inspector.close()
            self._widget.leave()
        else:
            self._inspector.let_go(run)
            self._widget.stay()
            kept.keep(self._widget, run, self._cell)

    def _make_widget(self) -> GraphWidget | None:
        try:
            from .inspector import Inspector
            from .widget import GraphWidget
        except ImportError:
            return None
        widget = GraphWidget(
            self._cancel,
            note=f"{visible(self.flow.name)}: {self._note}" if self._note else "",
            **snapshot(
                [State.PENDING] * len(self.flow.tasks),
                None if self._picture is None else self._picture.folding,
            ),
        )
        self._inspector = Inspector(widget, self.flow, self._picture, self._labels)
        return widget

    def _send_in_time(self, run: Run, place: Place) -> None:
        """Show how far a run is, now or when it is time: nothing else may happen for hours."""
        wait = self._next_picture - time.monotonic()
        if wait <= 0:
            self._send_picture(run, place)
        elif self._later is None:
            context = copy_context()  # the picture belongs to the cell
            self._later = threading.Timer(wait, context.run, (self._catch_up, run, place))
            self._later.daemon = True
            self._later.start()

    def _catch_up(self, run: Run, place: Place) -> None:
        with self._lock:
            self._later = None
            if not self._over:
                self._send_picture(run, place)

    def _send_picture(self, run: Run, place: Place) -> None:
        if self._picture is None or not place.is_watched:
            return
        began = time.monotonic()
        states = {record.name: record.state for record in run.record.tasks}
        told = details_of(run), (), verdicts_of(run)
        pictures = self._pictures(states, *told, png=False)
        bundle = pictures | {"text/plain": run_states_text(run)}
        place.replace(bundle)
        cost = time.monotonic() - began
        self._next_picture = began + max(SLOWEST, 20 * cost)

    def _pictures(
        self,
        states: Mapping[str, State] | None,
        details: Mapping[str, str] | None = None,
        critical: Sequence[str] = (),
        verdicts: Mapping[Condition, str] | None = None,
        *,
        png: bool = True,
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = {}
        if self._picture is None:
            return bundle
        try:
            bundle["image/svg+xml"] = self._picture.svg(states, details, critical, verdicts)
            if png:
                with suppress(FlowError):  # a Graphviz without that format: the SVG says the same
                    drawn = self._picture.png(states, details, critical, verdicts)
                    bundle["image/png"] = b64encode(drawn).decode("ascii")
        except Exception as error:  # the states are told all the same
            self._note = f"no picture: {described(error)}"
        return bundle


def _new_bar() -> ProgressBar:
    from ..terminal.progress_bar import ProgressBar

    return ProgressBar(leave=False)


def run_states_text(run: Run) -> str:
    """Return the states of a run's tasks as text: their counts, then a line for each task.

    It has at most 60 lines; of more tasks, those that failed come first.
    """
    records = list(run.tasks.values())
    counts = Counter(record.state for record in records)
    total = counted(len(records), "task")
    told = [f"{counts[state]:,} {state.words}" for state in LOOKS if counts[state]]
    lines = [", ".join([f"{visible(run.flow.name)}: {total}", *told])]
    if len(records) >= MOST_LINES:
        records.sort(key=lambda record: not record.state.is_failure)
    for record in records:
        if len(lines) == MOST_LINES - 1 and len(records) >= MOST_LINES:
            lines.append(f"  … and {len(records) - MOST_LINES + 2} more")
            break
        usual = record.state in (State.SUCCEEDED, State.PENDING)
        told_why = record.why if usual or record.state in (State.SKIPPED, State.CACHED) else ""
        why = one_line(told_why, LONGEST_WHY) or ("" if usual else record.state.words)
        why = f" ({why})" if why else ""
        items = "" if record.items is None else f" [{items_done(record)}]"
        lines.append(f"  {LOOKS[record.state].sign} {record.name}{items}{why}")
    return "\n".join(lines)
