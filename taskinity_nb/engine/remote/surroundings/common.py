"""All that a worker has in common with its caller, as one message, and what it makes of that."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from functools import partial
from types import ModuleType
from typing import Any

from ....strangers import is_interrupt
from ..call import forget_functions
from ..pickling.identity import stand_in
from ..pickling.pickler import dumps
from ..process.context import set_context
from .displays import Displays, taken_displays
from .imports import ImportWatcher
from .interpreter import (
    Directory,
    environment,
    put_environment,
    put_filters,
    put_path,
    put_values,
    taken_filters,
    taken_values,
)
from .libraries import put_libraries, taken_libraries
from .logs import put_logs, taken_logs
from .modules import Told, taken_modules
from .overlay import Overlay
from .sources import get_ready
from .standing import Standing

__all__ = ["Common", "follow", "taken"]

Message = dict[str, Any]


def _taken_path() -> list[str]:
    return [each for each in sys.path if type(each) is str]


def _taken_modules() -> dict[str, tuple[Any, ...]]:
    return {name: tuple(told) for name, told in taken_modules(dumps).items()}


_PARTS: dict[str, Callable[[], Any]] = {
    "environment": environment,
    "directory": Directory.taken,
    "path": _taken_path,
    "values": taken_values,
    "modules": _taken_modules,
    "libraries": lambda: taken_libraries(dumps),
    "logs": taken_logs,
    "displays": taken_displays,
    "filters": lambda: taken_filters(dumps),
}


def taken() -> Message:
    """Return what a worker is to have in common with this process; it is plain data.

    A part that cannot be had, because it is not what it is by itself, stays behind.

    Examples
    --------
    >>> message = taken()
    >>> message["path"] == sys.path, message["directory"] == os.getcwd()
    (True, True)
    """
    message = {}
    for name, take in _PARTS.items():
        try:
            message[name] = take()
        except BaseException as error:  # the user may have put anything in its place
            if is_interrupt(error):
                raise
    return message


class Common:
    """What this process has in common with its caller.

    Parameters
    ----------
    send : callable, optional
        Takes what tasks log and display here, to be handled where the run was started: the kind,
        ``"log"`` or ``"display"``, and bytes. Without it, that is printed.

    Attributes
    ----------
    context : Context
        Each task runs in a copy of it, as it would in a thread.
    """

    def __init__(self, send: Callable[[str, bytes], object] | None = None) -> None:
        self.context: Context = copy_context()
        self._send_log = None if send is None else partial(send, "log")
        self._displays = Displays(None if send is None else partial(send, "display"))
        self._overlay = Overlay()
        self._watcher = ImportWatcher(self._overlay.before, self._overlay.missing)
        self._standing = None if send is None else Standing()
        self._is_new = True
        self._is_up_to_date = True

    def put(self, message: Message, again: bool = False) -> bool:
        """Put it in force; return whether that could be done in this process.

        What of it cannot be had here is left out: nothing of that is a task's fault. In a process
        that is new, and in one that is to stay, modules are executed `again` if need be.
        """
        if self._watcher not in sys.meta_path:
            get_ready()
            self._watcher.__enter__()
        self._watcher.pending.clear()
        if self._standing is not None:  # the process is ours alone
            self._standing.put_back()
        self.context, is_new, self._is_new = copy_context(), self._is_new, False
        for name, put in self._parts(is_new or again).items():
            if name in message:
                put(message[name])
        return self._is_up_to_date

    def _parts(self, again: bool) -> dict[str, Callable[[Any], object]]:
        """Return what puts each part in force, in order."""
        later = self._when_imported
        return {
            "environment": put_environment,
            "directory": Directory.put,
            "path": put_path,
            "values": partial(put_values, when_imported=later),
            "libraries": partial(put_libraries, loads=pickle.loads, when_imported=later),
            "logs": partial(put_logs, send=self._send_log),
            "displays": partial(self._displays.put, when_imported=later),
            "filters": partial(put_filters, loads=pickle.loads, when_imported=later),
            "modules": partial(self._put_modules, again=again),
        }

    def _put_modules(self, modules: dict[str, tuple[Any, ...]], again: bool) -> None:
        try:
            told = {name: Told(*one) for name, one in modules.items()}
            self._is_up_to_date = self._overlay.put(told, again)
        except BaseException:  # a module that is executed again may raise anything
            self._is_up_to_date = False

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Make a call in a context of its own, and show what figures it leaves."""
        result = self.context.copy().run(call, *args)
        self._displays.flush()
        return result

    def _when_imported(self, name: str, call: Callable[[Any], object]) -> None:
        """Have something called with a module for all tasks, now or when one imports it."""
        is_now = True

        def in_contexts(module: ModuleType) -> None:
            if not is_now:
                call(module)
            self.context.run(call, module)

        self._watcher.when_imported(name, in_contexts)
        is_now = False


_here: list[Common] = []
"""What a process of a cluster has in common with its caller."""


def follow(packed: bytes, its_own: Sequence[str] = ()) -> bool:
    """Put in force what was `taken` elsewhere, in a process that is not ours alone.

    The variables of the environment that are `its_own` stay, unless they were set there too.
    """
    stand_in()
    message = pickle.loads(packed)
    own = {name: os.environ[name] for name in its_own if name in os.environ}
    message["environment"] = own | message["environment"]
    if not _here:
        _here.append(Common())
    is_done = _here[0].put(message, again=True)
    set_context(_here[0].context)
    forget_functions()  # what was read may refer to modules as they were
    return is_done
