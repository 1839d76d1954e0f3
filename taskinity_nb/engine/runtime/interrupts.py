"""Defers an interrupt where it would leave something half done.

Ctrl-C raises a `KeyboardInterrupt` in the main thread, between any two of its steps: also between a
lock and its release, or between a result and its record. So an interrupt is deferred as long as
the engine works in the main thread, and allowed where it waits there or calls what is the user's.
"""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from ...errors import Cancelled
from ...strangers import is_interrupt

__all__ = ["allow_interrupts", "defer_interrupts", "is_interrupt"]

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 2.0
"""Seconds after which a second interrupt is deferred no more: the user means it."""

A_MOMENT = 0.01
"""Seconds in which a finalizer has returned."""

_holds: list[defer_interrupts] = []
"""Those of the main thread, the innermost one last."""


class defer_interrupts:
    """Defers interrupts until the end of the block; in another thread, it does nothing.

    One that has come by then is raised at the end of the block, unless that is the end of something
    that was interrupted already.

    In a finalizer nothing can be raised at the end; then it comes again a moment later.

    Examples
    --------
    >>> with defer_interrupts():
    ...     signal.raise_signal(signal.SIGINT)  # as Ctrl-C does
    ...     print("goes on")
    ...     try:
    ...         allow_interrupts(print)("is not reached")
    ...     except KeyboardInterrupt:
    ...         print("interrupted")
    goes on
    interrupted
    """

    def __init__(self, in_finalizer: bool = False) -> None:
        self.is_open = False
        self._in_finalizer = in_finalizer
        self._came: float | None = None  # when an interrupt came that is deferred
        self._before: Callable[[int, Any], Any] | None = None  # the handler outside of this
        self._original: Callable[[int, Any], Any] | None = None  # and outside of all of these

    def __enter__(self) -> defer_interrupts:
        before = signal.getsignal(signal.SIGINT) if _is_main_thread() else None
        if callable(before):
            try:
                signal.signal(signal.SIGINT, self._arrive)
            except ValueError:  # a sub-interpreter has a main thread too, but gets no signals
                return self
            self._before = before
            self._original = _holds[-1]._original if _holds else before
            _holds.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._before is None:
            return
        _holds.remove(self)
        if signal.getsignal(signal.SIGINT) == self._arrive:  # a task may have set its own
            signal.signal(signal.SIGINT, self._before)
        if self._came is None or kind in (Cancelled, KeyboardInterrupt):
            return
        if self._in_finalizer:
            threading.Timer(A_MOMENT, _interrupt_main_thread).start()
        else:
            self._before(signal.SIGINT, None)

    def forget(self) -> None:
        """Take what has come for done, and let nothing in any more."""
        self.is_open = False
        self._came = None

    def call(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something, and let interrupts in meanwhile."""
        self.is_open = True
        try:
            if self._came is not None:
                self._raise()
            return call(*args, **kwargs)
        finally:
            self.is_open = False

    def _arrive(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        if self.is_open or (self._came is not None and now - self._came > PATIENCE):
            self._raise()
        elif self._came is None:
            self._came = now

    def _raise(self) -> None:
        self._came = None
        if self._original is not None:
            self._original(signal.SIGINT, None)


def allow_interrupts(call: Callable[P, T]) -> Callable[P, T]:
    """Return a callable that does the same, and allows the interrupts that are deferred here.

    Examples
    --------
    >>> allow_interrupts(abs)(-3)
    3
    """
    return partial(_holds[-1].call, call) if _holds and _is_main_thread() else call


def _interrupt_main_thread() -> None:
    """Interrupt the main thread from another one, also where it waits for something."""
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
    else:  # what it waits for is waited for
        _thread.interrupt_main()


def _is_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident
