"""What a worker process has for itself, as it was at first; a task may leave other things there."""

from __future__ import annotations

import builtins
import signal
import sys
import threading
import warnings
from contextlib import suppress
from typing import Any

__all__ = ["Standing"]

_handler_of = getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal)
"""Returns the handler of a signal; what `signal` makes of it, a member of an enum, takes longer."""

_HOOKS = ("breakpointhook", "displayhook", "excepthook", "stdin", "unraisablehook")


class Standing:
    """Hooks, builtins and handlers of signals as they are now, to be put back later.

    Examples
    --------
    >>> standing = Standing()
    >>> hook, sys.excepthook = sys.excepthook, None
    >>> standing.put_back()
    >>> sys.excepthook is hook
    True
    """

    def __init__(self) -> None:
        self._hooks = {name: getattr(sys, name, None) for name in _HOOKS}
        self._traces = sys.gettrace(), sys.getprofile()
        self._builtins = dict(vars(builtins))
        self._shows = warnings.showwarning, warnings.formatwarning
        self._signals = {number: _handler_of(number) for number in signal.valid_signals()}

    def put_back(self) -> None:
        """Undo what was left there."""
        for name, hook in self._hooks.items():
            if getattr(sys, name, None) is not hook:
                setattr(sys, name, hook)
        if sys.gettrace() is not self._traces[0]:
            sys.settrace(self._traces[0])
        if sys.getprofile() is not self._traces[1]:
            sys.setprofile(self._traces[1])
        warnings.showwarning, warnings.formatwarning = self._shows
        own: dict[str, Any] = vars(builtins)
        for name in own.keys() - self._builtins.keys():
            del own[name]
        own.update(self._builtins)
        if threading.current_thread() is threading.main_thread():
            self._put_signals_back()

    def _put_signals_back(self) -> None:
        for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
            if hasattr(signal, name):
                signal.setitimer(getattr(signal, name), 0)
        for number, handler in self._signals.items():
            if handler is not None and _handler_of(number) is not handler:
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)
