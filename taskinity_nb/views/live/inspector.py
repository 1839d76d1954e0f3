"""The inspector: a click on a task in the graph opens a panel that tells all about it.

What is known is sent at once; what the task's objects look like follows, since making that runs
code of the user's (`previews`). Nothing here is in the way of the run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...engine.observers import SHARE
from ...engine.rerun.replay import arguments_of
from ...errors import FlowError, described
from ...formatting import clean, cut, visible
from ..graph.picture import Picture
from ..style.palette import CODES
from ..style.words import labels_of, own_labels
from .panel import details_of, task_rows
from .previews import preview
from .snapshot import progress_of
from .widget import GraphWidget

if TYPE_CHECKING:
    from ...model.record import TaskRun
    from ...model.run import Run
    from ..graph.folding import Folding

__all__ = ["Inspector", "inspect"]

MOST_ARGUMENTS = 30

INTERVAL = 0.1
"""Seconds between two looks at a run that goes on, at least."""

SOON = 0.4
"""Seconds after which the previews that are there do not wait for the others."""

Key = tuple[int, str]
"""What there is a preview of: the place and the name of an argument, or the result."""

RESULT: Key = (-1, "result")


class Inspector:
    """What the panel of a graph widget shows: nothing, a task, or an item of a mapped one.

    The widget needs a run to `follow`. `folding` is what the nodes of its picture stand for, if not
    each for one task.
    """

    def __init__(self, widget: GraphWidget, folding: Folding | None = None) -> None:
        self._widget = widget
        self._folding = folding
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._at: tuple[str, int | None] | None = None
        self._known: Any = None
        self._details: dict[str, Any] = {}
        self._wanted: dict[Key, Callable[[], Any]] = {}
        self._previews: dict[Key, dict[str, str]] = {}
        self._turn = 0  # changes with what is shown, not with what becomes of it
        self._making: int | None = None  # the turn for which previews are being made
        widget.answer("open", self._asked_to_open)
        widget.answer("close", lambda _: self.close())
        widget.tell(opens=True)

    def follow(self, run: Run) -> None:
        """Show how it is now in `run`, as far as its log was folded."""
        with self._lock:
            if run is not self._run:
                self._turn += 1
                self._run, self._known, self._previews = run, None, {}
        self._look_again()

    def _look_again(self) -> None:
        """Look at what is shown, if that has changed."""
        with self._lock:
            run, record, task = self._run, self._record(), self._at and self._at[0]
            if run is None or record is None or task is None:
                return
            items = record.items or ()
            known = (record.state, record.attempts, sum(item.state.is_final for item in items))
            if known == self._known:
                return
            self._known, turn = known, self._turn
        look = _look(run, task, record)  # which may ask objects of the user's, so nobody waits here
        with self._lock:
            if turn == self._turn and known == self._known:
                self._show(*look)

    def open(self, task: str, item: int | None = None) -> None:
        """Show a task or an item; one that is not known changes nothing."""
        with self._lock:
            before, self._at = self._at, (task, item)
            if self._run is None:  # it is shown as soon as that begins
                return
            if self._record() is None:
                self._at = before
                return
            self._turn += 1
            self._known, self._previews = None, {}
        self._look_again()

    def close(self) -> None:
        """Show no task; where there is no picture to click at, all of them."""
        with self._lock:
            self._turn += 1
            self._at, self._details = None, {}
            if self._run is not None and not self._widget.svg:
                self._details = {"items": task_rows(self._run)}
            self._widget.tell(panel=self._details)

    def _asked_to_open(self, content: dict[str, Any]) -> None:
        task, item = content.get("task"), content.get("item")
        if isinstance(task, str) and (item is None or isinstance(item, int)):
            folding = self._folding if content.get("node") is True else None
            if folding is not None and task in folding.labels:
                self._list(task, folding.members[task])
            else:
                self.open(task, item)

    def _list(self, node: str, tasks: Sequence[str]) -> None:
        """Show the tasks that a node of the picture stands for, as they are now."""
        with self._lock:
            if self._run is not None:
                self._turn += 1
                self._at, self._details = None, {"task": node, "items": task_rows(self._run, tasks)}
                self._widget.tell(panel=self._details)

    def _record(self) -> TaskRun | None:
        if self._run is None or self._at is None:
            return None
        task, item = self._at
        slot = self._run.plan.index.get(task)
        record = None if slot is None else self._run.record.tasks[slot]
        if record is None or item is None:
            return record
        items = record.items or ()
        return items[item] if 0 <= item < len(items) else None

    def _show(self, details: dict[str, Any], wanted: dict[Key, Callable[[], Any]]) -> None:
        """Send what is known, and have the previews made that are not there yet."""
        self._details, self._wanted = details, wanted
        kept = {k: v for k, v in self._previews.items() if v["kind"] != "missing"}
        self._previews = {key: kept[key] for key in self._wanted if key in kept}
        self._publish(self._turn)
        if self._making != self._turn and self._wanted.keys() != self._previews.keys():
            self._making = self._turn
            work = threading.Thread(
                target=self._make_previews, args=(self._turn,), name="inspector", daemon=True
            )
            work.start()

    def _make_previews(self, turn: int) -> None:
        """Make the previews one after the other, as long as the same task is shown.

        Its state may change meanwhile, many times a second if it is mapped: a preview that takes
        long is not begun anew for that.
        """
        soon = threading.Timer(SOON, self._publish, (turn,))
        soon.daemon = True
        soon.start()
        while True:
            with self._lock:
                if turn != self._turn:
                    break
                left = [key for key in self._wanted if key not in self._previews]
                if not left:
                    self._making = None
                    self._publish(turn)
                    break
                key = left[-1]  # the result first
                get = self._wanted[key]
            made = preview(get)
            with self._lock:
                if turn == self._turn:
                    self._previews[key] = made
        soon.cancel()

    def _publish(self, turn: int) -> None:
        """Send what is there, unless something else is shown meanwhile."""
        waiting = {"kind": "waiting", "data": ""}
        with self._lock:
            if turn != self._turn:
                return
            made = {key: self._previews.get(key, waiting) for key in self._wanted}
            result = made.pop(RESULT, None)
            arguments = [
                {**argument, "preview": one}
                for argument, one in zip(self._details["arguments"], made.values(), strict=True)
            ]
            self._widget.tell(panel={**self._details, "arguments": arguments, "result": result})


def _look(
    run: Run, task: str, record: TaskRun
) -> tuple[dict[str, Any], dict[Key, Callable[[], Any]]]:
    """Return what is known of a task or an item, and how to get what previews are made of."""
    try:
        details = details_of(run, record)
    except Exception as broken:  # an exception of a user's, that cannot be read
        details = {
            "name": record.name, "task": task, "item": record.item,
            "state": CODES[record.state], "facts": [],
            "note": cut(f"it cannot be shown: {described(broken)}"),
        }  # fmt: skip
    try:
        positional, named = arguments_of(run, task, record.item)
    except FlowError:  # its items are not known yet, or not any more
        positional, named = [], []
    arguments = (positional + named)[:MOST_ARGUMENTS]
    details["arguments"] = [
        {"name": clean(argument.parameter), "source": clean(argument.source)}
        for argument in arguments
    ]
    wanted = {(i, argument.parameter): argument.get for i, argument in enumerate(arguments)}
    if record.state.is_success:
        wanted[RESULT] = lambda: record.result
    return details, wanted


def inspect(run: Run, task: str | None = None) -> GraphWidget:
    """Return the graph of a run with a panel beside it, as a widget (see `Run.inspect`).

    It follows a run that goes on.

    Raises
    ------
    NoResultError
        If there is no such task.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> done = run("answer", namespace={"answer": lambda: 42}, executor="sequential")
    >>> inspect(done, "answer").panel["name"]
    'answer'
    """
    if task is not None:
        run.slot_of(task)
    svg, note, folding = "", "", None
    try:
        picture = Picture(run.flow, own_labels(labels_of(run.plan)), details=True)
        svg, folding = picture.svg(), picture.folding
    except FlowError as error:
        note = f"{visible(run.flow.name)}: {error}"
    on_cancel = None if run.done else run.cancel
    was_done = _fold(run)
    told = progress_of(run, folding)
    widget = GraphWidget(on_cancel, svg=svg, note=note, beside=True, **told)
    inspector = Inspector(widget, folding)
    inspector.follow(run)
    if task is None:
        inspector.close()
    else:
        inspector.open(task)
    if not was_done:
        follow = threading.Thread(
            target=_follow, args=(run, widget, inspector, folding), daemon=True
        )
        follow.start()
    return widget


def _follow(run: Run, widget: GraphWidget, inspector: Inspector, folding: Folding | None) -> None:
    """Keep a widget up to date until its run has ended, or it is closed.

    As with observers, the rate backs off, so that a map of many items is not in the run's way.
    """
    done, next_look = False, 0.0
    while not done and widget.comm is not None:
        time.sleep(INTERVAL)
        if time.monotonic() < next_look and not run.done:
            continue
        began = time.thread_time()
        done = _fold(run)
        widget.tell(**progress_of(run, folding))
        inspector.follow(run)
        next_look = time.monotonic() + (time.thread_time() - began) / SHARE
    widget.tell(cancel="none")


def _fold(run: Run) -> bool:
    """Bring the record up to date; return whether the run was done before."""
    done = run.done
    run.record.fold()
    return done
