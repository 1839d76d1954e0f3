"""Imports what the first cell will need, between the cells that come before it.

Matplotlib and the widgets take half a second to import, which the first ``%%flow`` would pay. A
thread imports them while the kernel has nothing to do: a step at a time, and none while a cell
runs, so that nothing of the user's is slower, or forks while something is half imported.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Preload"]

STEPS = (
    "ipywidgets", "anywidget", "PIL.ImageFont", "numpy", "matplotlib", "matplotlib.patches",
    "matplotlib.text", "matplotlib.collections", "matplotlib.axis", "matplotlib.axes",
    "matplotlib.backend_bases", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "taskinity_nb.views.live.inspector", "taskinity_nb.views.charts.gantt_draw",
    "taskinity_nb.analysis.advice.advise", "resvg_py",
)  # fmt: skip
"""Modules, each of which takes less than about a tenth of a second after those before it."""


class Preload:
    """Imports modules between a shell's cells, from the end of the cell that is running on.

    Examples
    --------
    >>> from unittest.mock import Mock
    >>> shell = Mock()
    >>> preload = Preload(shell)
    >>> preload.begin()  # the cell that ends next sets it going
    >>> preload.end()
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._is_between_cells = threading.Lock()
        self._is_cell_running = True
        self._thread: threading.Thread | None = None
        self._is_over = False

    def begin(self) -> None:
        """Follow the shell's cells; this is called in one."""
        self._is_between_cells.acquire()
        self._shell.events.register("pre_run_cell", self._cell_begins)
        self._shell.events.register("post_run_cell", self._cell_ends)

    def end(self) -> None:
        """Stop before the next step."""
        self._is_over = True
        for event, callback in (
            ("pre_run_cell", self._cell_begins), ("post_run_cell", self._cell_ends),
        ):  # fmt: skip
            with suppress(ValueError):  # it is not there any more
                self._shell.events.unregister(event, callback)

    def _cell_begins(self, *_: object) -> None:
        if not self._is_cell_running:
            self._is_between_cells.acquire()  # what is being imported is imported to its end
            self._is_cell_running = True

    def _cell_ends(self, *_: object) -> None:
        if not self._is_cell_running:
            return
        self._is_cell_running = False
        self._is_between_cells.release()
        if self._is_over:
            self.end()
        elif self._thread is None:
            self._thread = threading.Thread(
                target=self._import, name="taskinity_nb preload", daemon=True
            )
            self._thread.start()

    def _import(self) -> None:
        for name in STEPS:
            with self._is_between_cells:
                if self._is_over:
                    return
                with suppress(Exception):  # who needs it is told why it cannot be imported
                    import_module(name)
        self._is_over = True
