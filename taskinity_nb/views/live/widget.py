"""The live graph in the browser: an anywidget whose picture is sent once, its states often."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..graph.svg import glyph
from ..style.palette import CODES, EDGE, INK, LOOKS

__all__ = ["SCRIPTS", "GraphWidget", "Widget"]

_STATIC = Path(__file__).parent / "static"

SCRIPTS = ("graph", "clicks", "panel", "over", "still")
"""The parts of the browser's side."""


class Widget(anywidget.AnyWidget):
    """A widget that is told what to show, and answers what the browser asks for.

    Some versions of ipykernel deliver a message to whichever shell last wrote on the comm, which is
    the one that the running cell blocks. Without the method by which they do that, it goes where
    the browser sent it: to a subshell, at once.
    """

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._lock = threading.Lock()
        self._answers: dict[str, Callable[[dict[str, Any]], object]] = {}
        self.on_msg(self._hear)
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = None

    def answer(self, action: str, how: Callable[[dict[str, Any]], object]) -> None:
        """Have what the browser asks for answered: `how` is called with its message."""
        self._answers[action] = how

    def tell(self, **traits: Any) -> None:
        """Set traits, from any thread, and send those that changed in one message."""
        with self._lock, self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        action = content.get("action") if isinstance(content, dict) else None
        if isinstance(action, str) and action in self._answers:
            self._answers[action](content)


class GraphWidget(Widget):
    """What a browser needs to show a run; all of it is state, so a reloaded page is right again."""

    # One module, because that of a widget can import nothing that lies beside it.
    _esm = "\n".join((_STATIC / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    _css = "\n".join((_STATIC / f"{name}.css").read_text("utf-8") for name in ("graph", "panel"))

    token = traitlets.Unicode().tag(sync=True)
    """What the picture bears that stays behind, so that a click on it is known to be meant."""
    svg = traitlets.Unicode().tag(sync=True)
    """The picture, all tasks pending; empty where there is none."""
    still = traitlets.Unicode().tag(sync=True)
    """The picture in place of that which stays, when somebody has closed or opened a box of it."""
    folded: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The nodes that stand for several tasks, and can be opened."""
    opened = traitlets.Dict().tag(sync=True)
    """What those are called that are open, by the first of their tasks."""
    note = traitlets.Unicode().tag(sync=True)
    """What is said in place of the picture."""
    states = traitlets.Unicode().tag(sync=True)
    """The snapshot: one character a node of the picture, in the order of the flow."""
    total = traitlets.Dict().tag(sync=True)
    """How many tasks are in each state, if nodes stand for several: by the state's character."""
    counts = traitlets.Unicode().tag(sync=True)
    """How far the run is, in words."""
    done = traitlets.Float().tag(sync=True)
    """How far it is, from 0 to 1."""
    clock: traitlets.List[float] = traitlets.List().tag(sync=True)
    """For each task its milliseconds, of one that runs those so far, -1 for the others."""
    sent = traitlets.Float().tag(sync=True)
    """When the clock was read, in milliseconds since 1970."""
    items = traitlets.Dict().tag(sync=True)
    """How many items of each mapped task are done, in words, by the task's name."""
    cancel = traitlets.Enum(("none", "ready", "asked"), "none").tag(sync=True)
    """Whether there is a button to cancel, and whether it was pressed."""
    opens = traitlets.Bool().tag(sync=True)
    """Whether somebody answers when a task is clicked."""
    panel = traitlets.Dict().tag(sync=True)
    """What the panel shows of a task; empty if it is closed."""
    beside = traitlets.Bool().tag(sync=True)
    """Whether the panel is beside the picture, where there is room, and there from the start."""
    looks = traitlets.Dict().tag(sync=True)
    """How each character looks."""

    def __init__(self, on_cancel: Callable[[], None] | None = None, **traits: Any) -> None:
        looks = {
            CODES[state]: {
                "state": state.value, "word": state.words, "sign": glyph(look.sign),
                "fill": look.fill, "width": f"{look.width:g}", "dash": look.dash,
                "ink": INK, "edge": EDGE, "final": state.is_final,
            }
            for state, look in LOOKS.items()
        }  # fmt: skip
        super().__init__(
            looks=looks, token=uuid.uuid4().hex, cancel="ready" if on_cancel else "none", **traits
        )
        self.in_words: Callable[[], str] | None = None
        self._times_shown = 0
        self.answer("shown", self._count)
        self.answer("here", lambda _: self.send({"here": True}))
        if on_cancel is not None:
            self.answer("cancel", lambda _: self._cancel_once(on_cancel))

    def __repr__(self) -> str:
        """Say in words what it shows, for a terminal."""
        in_words = vars(self).get("in_words")
        return str(super().__repr__()) if in_words is None else str(in_words())

    def stay(self) -> None:
        """Go on answering clicks, on the picture that is left behind; there is nothing to cancel.

        A page that was reloaded meanwhile shows the widget still: nothing replaces it there. For
        any other the widget has no picture: some tools save its state.
        """
        self._answers.pop("cancel", None)  # which holds the run
        self.tell(cancel="none", **({} if self._times_shown > 1 else {"svg": ""}))

    def leave(self) -> None:
        """Close the widget; not if a page shows it that was reloaded: nothing replaces it there."""
        if self._times_shown > 1:
            self.tell(cancel="none")
        else:
            self.discard()

    def discard(self) -> None:
        """Close the widget, without its picture: some tools save even a closed widget's state."""
        self.tell(svg="", still="", panel={})
        self.layout.close()
        self.close()

    def _count(self, _: Any) -> None:
        self._times_shown += 1

    def marked(self, svg: str) -> str:
        """Return a picture with the token that tells the browser whose it is.

        Examples
        --------
        >>> widget = GraphWidget()
        >>> widget.marked("<svg/>") == f'<svg data-run="{widget.token}"/>'
        True
        """
        return svg.replace("<svg", f'<svg data-run="{self.token}"', 1)

    def _cancel_once(self, cancel: Callable[[], None]) -> None:
        if self.cancel == "ready":
            self.tell(cancel="asked")
            cancel()
