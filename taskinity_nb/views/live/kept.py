"""Keeps the widgets by which the pictures of ended runs answer clicks, and closes them in time.

A widget goes with its run, with its picture when the cell is run again, and when there are too
many.
"""

from __future__ import annotations

import threading
import weakref
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from ..style.environment import current_shell

if TYPE_CHECKING:
    from ...model.run import Run
    from .widget import GraphWidget

__all__ = ["MOST_KEPT", "Kept", "current_cell", "kept"]

MOST_KEPT = 100
"""Pictures that answer at once; of more, the oldest do so no longer."""


class _Holder(NamedTuple):
    cell: str | None
    finalizer: weakref.finalize[Any, Any]


class Kept:
    """The widgets that stay behind, in the order of their runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._widgets: dict[GraphWidget, _Holder] = {}
        # A run may be collected at any moment, in any thread, under any lock: another one closes.
        self._outlived: SimpleQueue[GraphWidget | None] = SimpleQueue()
        self._closing: threading.Thread | None = None
        self._told_by: Any = None

    def keep(self, widget: GraphWidget, run: Run, cell: str | None) -> None:
        """Keep a widget as long as its run, and the picture in this cell."""
        finalizer = weakref.finalize(run, self._outlived.put, widget)
        finalizer.atexit = False
        with self._lock:
            self._widgets[widget] = _Holder(cell, finalizer)
            too_many = list(self._widgets)[:-MOST_KEPT]
            if self._closing is None:
                self._closing = threading.Thread(
                    target=self._close_outlived, name="pictures", daemon=True
                )
                self._closing.start()
        self._listen()
        for old in too_many:
            self._leave(old)

    def replace(self, cell: str | None) -> None:
        """Close the widgets of a cell whose outputs go, because it is run again."""
        with self._lock:
            known = list(self._widgets.items())
        for widget, holder in known:
            if cell is not None and holder.cell == cell and self._forget(widget):
                widget.discard()

    def __len__(self) -> int:
        return len(self._widgets)

    def _forget(self, widget: GraphWidget) -> bool:
        with self._lock:
            holder = self._widgets.pop(widget, None)
            if holder is not None and not self._widgets:
                self._outlived.put(None)  # which wakes who waits for more
        if holder is not None:
            holder.finalizer.detach()
        return holder is not None

    def _leave(self, widget: GraphWidget) -> None:
        """Close a widget, unless a page that was reloaded shows it in place of the picture."""
        if self._forget(widget):
            widget.leave()

    def _close_outlived(self) -> None:
        while True:
            widget = self._outlived.get()
            if widget is not None:
                self._leave(widget)
            with self._lock:
                if not self._widgets:
                    self._closing = None
                    return

    def _listen(self) -> None:
        """Have the shell tell which cell it is about to run."""
        shell = current_shell()
        if shell is not None and shell is not self._told_by:
            self._told_by = shell
            shell.events.register("pre_run_cell", self._on_cell)

    def _on_cell(self, info: Any) -> None:
        self.replace(getattr(info, "cell_id", None))


kept = Kept()


def current_cell() -> str | None:
    """Return what the frontend calls the cell that runs, where it tells.

    Examples
    --------
    >>> current_cell() is None
    True
    """
    kernel: Any = getattr(current_shell(), "kernel", None)
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    cell = (parent or {}).get("metadata", {}).get("cellId")
    return cell if isinstance(cell, str) else None
