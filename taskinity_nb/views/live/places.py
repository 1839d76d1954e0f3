"""Places among a cell's outputs whose content is replaced later, wherever the notebook is shown.

Most frontends replace an output by its display id. Three kinds of places do not:

- An ``Output`` widget keeps what was written into it, Voilà shows an output once, and ``%%capture``
  keeps what the cell has shown. There a place is an ``Output`` widget of its own, whose content
  belongs to the kernel.
- What executes a notebook without anybody who looks listens to the cell that is running, and to no
  other. There a place whose cell may be over is filled at the end of each later cell.

A cell that clears its output clears what is no output of the user's too; that is shown again.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..style.environment import (
    current_request,
    current_shell,
    in_voila,
    is_captured,
    nobody_looks,
)
from ..style.words import facts_of

__all__ = ["Place", "after_cell", "is_redirected", "message_id", "publish", "view_of"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

LARGEST_AGAIN = 2000
"""Characters; more is too much for a cell that clears its output many times a second."""

PATIENCE = 30.0
"""Seconds that a cell waits, where nobody looks, for the last pictures of a run that has ended."""


class Place:
    """An output of the cell that is running, to be filled now and again later.

    `is_over` tells whether the run has ended whose outcome is shown here in the end, if that goes
    on when the cell has ended.

    Attributes
    ----------
    cell : str
        The message that asked for the cell.
    is_watched : bool
        Whether somebody may see what it shows before the end.
    is_widget : bool
        Whether it is a widget by itself.
    is_in_widget : bool
        Whether it is in an ``Output`` widget of the user's.
    waits_for_cells : bool
        Whether it is filled at the end of a later cell.
    """

    def __init__(self, is_over: Callable[[], bool] | None = None) -> None:
        self.cell = message_id()
        self.is_watched = not nobody_looks()
        self.is_in_widget = is_redirected(self.cell)
        shown_once = is_over is not None and (in_voila() or is_captured())
        self.is_widget = self.is_in_widget or shown_once
        self._is_over = is_over
        self.waits_for_cells = not self.is_watched and is_over is not None
        self._display_id = uuid.uuid4().hex
        self._widget: Any = None
        self._again: dict[str, Any] = {}
        self._last: dict[str, Any] | None = None
        self._facts: dict[str, Any] | None = None
        self._filled = threading.Event()

    def show(self, bundle: dict[str, Any]) -> None:
        """Show something for the first time."""
        if self.is_widget:
            from ipywidgets import Output

            self._widget = Output(outputs=_as_outputs(bundle))
            first = view_of(self._widget) | {"text/plain": bundle.get("text/plain", "")}
            self._again = first
        else:
            first = bundle
            self._again = {k: data for k, data in bundle.items() if len(data) <= LARGEST_AGAIN}
        with _lock:  # another thread that clears the output does so before or after
            _open(self)
            publish(first, None if self.is_widget else self._display_id)

    def show_again(self) -> None:
        """Show it anew, below what the cell shows from now on."""
        publish(self._again, None if self.is_widget else self._display_id)

    def replace(self, bundle: dict[str, Any]) -> None:
        """Show something else in its place, for as long as the run goes on."""
        if not self.waits_for_cells:
            self._fill(bundle)

    def end(
        self, bundle: dict[str, Any] | None = None, facts: dict[str, Any] | None = None
    ) -> None:
        """Show in its place what is to stay, or let what is there stay.

        `facts` is what is told of each kind of it, by default what `facts_of` tells of images.
        """
        self._last, self._facts = bundle, facts
        self._filled.set()
        if self.waits_for_cells:
            return  # `settle` does it
        _close(self)
        if bundle is not None:
            self._fill(bundle)

    def settle(self) -> None:
        """Show at the end of a cell what has become known meanwhile, where nobody looks."""
        if self._is_over is None or not self.waits_for_cells:
            return
        if not self._is_over() and not self._filled.is_set():
            return
        self._filled.wait(PATIENCE)
        _close(self)  # who has not filled it by now is waited for once
        if self._last is not None:
            self._fill(self._last)

    def add(self, bundle: dict[str, Any]) -> None:
        """Show something below, once the run is over."""
        if self._widget is not None:
            self._widget.outputs += _as_outputs(bundle)
        elif not self.waits_for_cells:
            publish(bundle, None)

    def _fill(self, bundle: dict[str, Any]) -> None:
        if self._widget is not None:
            self._widget.outputs = _as_outputs(bundle, self._facts)
        else:
            publish(bundle, self._display_id, update=True, facts=self._facts)


def view_of(widget: Any) -> dict[str, Any]:
    """Return what a notebook shows a widget by."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {WIDGET_VIEW: view}


def publish(
    bundle: dict[str, Any],
    display_id: str | None,
    *,
    update: bool = False,
    facts: dict[str, Any] | None = None,
) -> None:
    """Show something in the notebook, or in place of what was shown under this id."""
    from IPython.display import display

    told = facts or facts_of(bundle)
    display(bundle, metadata=told, raw=True, display_id=display_id, update=update)


def message_id() -> str:
    """Return the message that asked for what is being done; in a terminal, the number of the input.

    Examples
    --------
    >>> message_id()
    ''
    """
    message = current_request().get("header", {}).get("msg_id")
    shell = current_shell()
    return str(message or ("" if shell is None else f"In [{shell.execution_count}]"))


def is_redirected(message: str) -> bool:
    """Tell whether what is shown now lands in an ``Output`` widget.

    Examples
    --------
    >>> is_redirected("")
    False
    """
    widgets = sys.modules.get("ipywidgets.widgets.widget")
    known = getattr(widgets, "_instances", None)
    if not message or not known:
        return False
    from ipywidgets import Output

    return any(isinstance(one, Output) and one.msg_id == message for one in list(known.values()))


def after_cell(show: Callable[[], object]) -> bool:
    """Have something shown when the running cell has ended, below its traceback.

    Returns
    -------
    bool
        Whether there is such a cell: what a callback of a widget shows has its place elsewhere.
    """
    shell, request = current_shell(), current_request()
    kind = request.get("header", {}).get("msg_type")
    if shell is None or kind != "execute_request" or is_redirected(message_id()):
        return False

    def once(_: object) -> None:
        shell.events.unregister("post_run_cell", once)
        show()

    shell.events.register("post_run_cell", once)
    return True


def _as_outputs(
    bundle: dict[str, Any], facts: dict[str, Any] | None = None
) -> tuple[dict[str, Any], ...]:
    told = facts or facts_of(bundle)
    return ({"output_type": "display_data", "data": bundle, "metadata": told},)


# The places that are not filled for good.

_open_places: list[Place] = []
_guarded: list[Any] = []
"""The display publishers that show places again which a cell has cleared."""
_lock = threading.RLock()


def _open(place: Place) -> None:
    shell = current_shell()
    if shell is None:
        return
    with _lock:
        if not _open_places:
            shell.events.register("post_run_cell", _settle)
        _open_places.append(place)
        publisher: Any = shell.display_pub
        if "clear_output" not in vars(publisher):
            publisher.clear_output = _keeping_places(publisher.clear_output)
            _guarded.append(publisher)


def _close(place: Place) -> None:
    shell = current_shell()
    with _lock:
        if shell is None or place not in _open_places:
            return
        _open_places.remove(place)
        if not _open_places:
            shell.events.unregister("post_run_cell", _settle)
            while _guarded:
                vars(_guarded.pop()).pop("clear_output", None)


def _settle(_: object) -> None:
    """Fill the places of runs that have ended, at the end of a cell."""
    for place in list(_open_places):
        place.settle()


def _keeping_places(clear: Callable[..., None]) -> Callable[..., None]:
    """Have the places of a cell shown again when it clears its output."""

    @wraps(clear)
    def clear_output(*args: Any, **options: Any) -> None:
        cell = message_id()
        is_in_widget = is_redirected(cell)
        with _lock:
            places = [
                place
                for place in _open_places
                if place.cell == cell and place.is_in_widget == is_in_widget
            ]
            if any(place.waits_for_cells for place in places):
                return  # the cell may be over before they are shown again, and nobody looks
            clear(*args, **options)
            for place in places:
                place.show_again()

    return clear_output
