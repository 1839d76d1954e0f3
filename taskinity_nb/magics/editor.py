"""Answers what JupyterLab's editor asks of a cell that is written, while others run too.

The browser finds the comm among those of the kernel, so that a kernel without the package is asked
nothing, and a browser without the extension is told nothing. It asks over a subshell where there
are any; a question is answered in whichever thread it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..model.task import registered_tasks
from .reading import faults_of, told_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["TARGET", "Editor"]

TARGET = "taskinity_nb.editor"

LONGEST = 300_000
"""Characters of a cell that is read while it is written."""


class Editor:
    """What the browser talks to, from `begin` to `end`."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._comm: Any = None

    def begin(self) -> None:
        """Be found among the comms of the kernel; nothing is sent."""
        from comm import create_comm, get_comm_manager

        self._comm = create_comm(target_name=TARGET, primary=False)
        get_comm_manager().register_comm(self._comm)
        # Some versions of ipykernel would answer from the shell that the running cell blocks.
        if hasattr(self._comm, "_reply_subshell_for"):
            self._comm._reply_subshell_for = None
        self._comm.on_msg(self._hear)

    def end(self) -> None:
        """Answer no more."""
        if self._comm is not None:
            self._comm.close()
            self._comm = None

    def _hear(self, message: Mapping[str, Any]) -> None:
        asked, comm = message["content"]["data"], self._comm
        if comm is not None and isinstance(asked, dict):
            comm.send({"client": asked.get("client"), "number": asked.get("number"),
                       "answer": self.answer(asked)})  # fmt: skip

    def answer(self, asked: Mapping[str, Any]) -> Any:
        """Return what is wrong in a cell, or what a name stands for."""
        names = dict(registered_tasks())
        names |= dict(list(self._shell.user_ns.items()))  # other threads may add some meanwhile
        cell, name = asked.get("cell"), asked.get("name")
        if isinstance(cell, str) and len(cell) <= LONGEST:
            return [told._asdict() for told in faults_of(cell, names)]
        return told_of(name, names) if isinstance(name, str) else None
