"""The inspector: a click on a task in the graph opens a panel that tells all about it.

What is known is sent at once; what the task's objects look like follows, since making that runs
code of the user's (`previews`). Nothing here is in the way of the run.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...engine.observers import SHARE
from ...engine.rerun.replay import arguments_of
from ...errors import FlowError, described
from ...formatting import clean, cut, visible
from ...model.events import State
from ..graph.picture import Picture
from ..style.palette import CODES
from ..style.words import labels_of, own_labels
from .fans import picture_traits, turned
from .panel import details_of, task_rows
from .previews import preview
from .snapshot import progress_of, snapshot
from .still import still_picture
from .widget import GraphWidget

if TYPE_CHECKING:
    from ...model.flow import Flow
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
    """What the panel of a graph widget shows: nothing, a task, an item of a mapped one, or a list.

    The widget needs a run to `follow`.

    Attributes
    ----------
    picture : Picture or None
        What the widget shows, whose tasks are called by their `labels`; another one when somebody
        opens a fan, or folds it again.
    """

    def __init__(
        self,
        widget: GraphWidget,
        flow: Flow,
        picture: Picture | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._widget = widget
        self._flow, self._labels = flow, labels
        self.picture = picture
        self._drawing = threading.Lock()  # lest states are sent of another picture than is shown
        self._lock = threading.RLock()
        self._hold: Callable[[], Run | None] = lambda: None
        self._is_left = False  # whether a picture of how the run ended has taken its place
        self._at: tuple[str, int | None] | None = None
        self._listed: str | None = None  # the node whose tasks are listed, or were last
        self._known: Any = None
        self._details: dict[str, Any] = {}
        self._wanted: dict[Key, Callable[[], Any] | None] = {}
        self._previews: dict[Key, dict[str, str]] = {}
        self._turn = 0  # changes with what is shown, not with what becomes of it
        self._making: int | None = None  # the turn for which previews are being made
        widget.answer("open", self._asked_to_open)
        widget.answer("list", lambda _: self.list())
        widget.answer("turn", self._turn_fan)
        widget.answer("close", lambda _: self.close())
        widget.tell(opens=True, **picture_traits(picture))

    @property
    def folding(self) -> Folding | None:
        """What the nodes of the picture stand for, if not each for one task."""
        return None if self.picture is None else self.picture.folding

    @property
    def run(self) -> Run | None:
        """The run that is shown, if it is there still."""
        return self._hold()

    def follow(self, run: Run) -> None:
        """Show how it is now in `run`, as far as its log was folded."""
        with self._lock:
            if run is not self.run:
                self._turn += 1
                self._hold, self._known, self._previews = (lambda: run), None, {}
        self._look_again()

    def tell(self, run: Run, *, with_clock: bool = True) -> None:
        """Tell the widget how far `run` is."""
        with self._drawing:
            self._widget.tell(**progress_of(run, self.folding, with_clock=with_clock))

    def _turn_fan(self, content: dict[str, Any]) -> None:
        """Open a fan of the picture, or fold it again; of one that is too large, list the tasks."""
        close = content.get("close")
        made = turned(
            self.picture, self._flow, self._labels, content.get("task"),
            close if isinstance(close, bool) else None,
        )  # fmt: skip
        if made is None:
            self._asked_to_open(content)
            return
        with self._drawing:
            run = self.run
            if run is None and self._is_left:
                return
            self.picture = made
            if run is None:
                told = snapshot([State.PENDING] * len(self._flow.tasks), made.folding)
            else:
                told = progress_of(run, made.folding)
            shown = picture_traits(made)
            if close is not None and not self._widget.svg:
                del shown["svg"]  # there is the picture that stays, and no other
            if self._is_left and run is not None:
                shown["still"] = self._widget.marked(still_picture(made, run))
            self._widget.tell(**shown, **told)

    def let_go(self, run: Run) -> None:
        """From now on, show `run`, and only as long as others hold it, at a picture of its end."""
        with self._lock:
            self._is_left = True
            if run is not self.run:
                self._turn += 1
                self._known, self._previews = None, {}
            self._hold = weakref.ref(run)

    def _look_again(self) -> None:
        """Look at what is shown, if that has changed."""
        with self._lock:
            run, record, task = self.run, self._record(), self._at and self._at[0]
            node = self._listed if self._at is None else None
        if run is not None and node is not None:
            self._show_list(run, node)
            return
        with self._lock:
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
            if self.run is None:  # it is shown as soon as that begins
                return
            if self._record() is None:
                self._at = before
                return
            self._turn += 1
            self._known, self._previews = None, {}
        self._look_again()

    def list(self, node: str = "") -> None:
        """Show the tasks that a node of the picture stands for, or all tasks."""
        with self._lock:
            self._turn += 1
            self._at, self._listed, self._known = None, node, None
        self._look_again()

    def close(self) -> None:
        """Show no task; where there is no picture to click at, all of them."""
        with self._lock:
            self._turn += 1
            self._at, self._listed, self._details = None, None, {}
            if self.run is not None and self._widget.note:
                self._details = {"items": task_rows(self.run)}
            self._widget.tell(panel=self._details)

    def _asked_to_open(self, content: dict[str, Any]) -> None:
        task, item = content.get("task"), content.get("item")
        if isinstance(task, str) and (item is None or isinstance(item, int)):
            is_node = content.get("node") is True
            if is_node and self.folding is not None and task in self.folding.labels:
                self.list(task)
                return
            if is_node:
                self._listed = None
            self.open(task, item)

    def _show_list(self, run: Run, node: str) -> None:
        """Show a list of tasks as they are now, if that has changed."""
        records, place = run.record.tasks, run.plan.index
        with self._lock:
            tasks = self.folding.members.get(node) if self.folding is not None else None
            known = Counter(records[place[task]].state for task in tasks or run.flow.tasks)
            if known == self._known:
                return
            self._known, turn, title = known, self._turn, self._title(node)
        rows = task_rows(run, tasks, failed_first=True)  # which may ask errors of the user's
        with self._lock:
            if turn == self._turn and known == self._known:
                self._details = {"task": node, "title": title, "items": rows}
                self._widget.tell(panel=self._details)

    def _title(self, node: str) -> str:
        folding = self.folding
        return "all tasks" if folding is None else folding.labels.get(node, "all tasks")

    def _record(self) -> TaskRun | None:
        run = self.run
        if run is None or self._at is None:
            return None
        task, item = self._at
        slot = run.plan.index.get(task)
        record = None if slot is None else run.record.tasks[slot]
        if record is None or item is None:
            return record
        items = record.items or ()
        return items[item] if 0 <= item < len(items) else None

    def _show(
        self, details: dict[str, Any], wanted: Mapping[Key, Callable[[], Any] | None]
    ) -> None:
        """Send what is known, and have the previews made that are not there yet."""
        if self._listed is not None:
            details["back"] = [self._title(self._listed), self._listed]
        self._details, self._wanted = details, dict(wanted)
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
                    self._wanted = dict.fromkeys(self._wanted)  # what makes them holds the run
                    self._publish(turn)
                    break
                key = left[-1]  # the result first
                get = self._wanted[key]
                assert get is not None
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
    note, picture, labels = "", None, own_labels(labels_of(run.plan))
    try:
        picture = Picture(run.flow, labels, details=True)
    except FlowError as error:
        note = f"{visible(run.flow.name)}: {error}"
    on_cancel = None if run.done else run.cancel
    was_done = _fold(run)
    widget = GraphWidget(on_cancel, note=note, beside=True)
    inspector = Inspector(widget, run.flow, picture, labels)
    inspector.follow(run)
    inspector.tell(run)
    if task is None:
        inspector.close()
    else:
        inspector.open(task)
    if not was_done:
        follow = threading.Thread(target=_follow, args=(run, widget, inspector), daemon=True)
        follow.start()
    return widget


def _follow(run: Run, widget: GraphWidget, inspector: Inspector) -> None:
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
        inspector.tell(run)
        inspector.follow(run)
        next_look = time.monotonic() + (time.thread_time() - began) / SHARE
    widget.tell(cancel="none")


def _fold(run: Run) -> bool:
    """Bring the record up to date; return whether the run was done before."""
    done = run.done
    run.record.fold()
    return done
