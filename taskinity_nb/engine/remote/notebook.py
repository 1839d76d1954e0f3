"""The notebook as a task has it elsewhere: what a run inside the task finds there by name.

The functions of a flow are found by the names in its text, which no pickler sees. So a task that
runs flows brings along what its texts may name, as it is when the task is sent. A process that
works for several notebooks has that for each call apart.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib import import_module
from types import FrameType, FunctionType
from typing import Any, NamedTuple

from .process.forks import after_fork

__all__ = ["Away", "InNotebook", "notebook_here"]

OURS = "taskinity_nb"


class Away(NamedTuple):
    """What a task elsewhere has of its notebook, by name; and why what else is not there."""

    names: Mapping[str, Any]
    lost: Mapping[str, str]


_current: ContextVar[Away | None] = ContextVar("taskinity_nb notebook", default=None)
_going_on: list[tuple[Away, tuple[Any, ...]]] = []
"""For each call that goes on in this process, its notebook, and what else it was sent with."""


class InNotebook:
    """A call in a notebook of its own: it takes a call and what that takes.

    Parameters
    ----------
    names : dict of str to object
        What a run inside it finds by name.
    lost : dict of str to str
        What cannot be found because it could not be sent, and why.

    Examples
    --------
    >>> def call(name, args, kwargs): return notebook_here().names[name](*args, **kwargs)
    >>> InNotebook({"load": abs}, {})(call, "load", [-3], {}), notebook_here()
    (3, None)
    """

    def __init__(self, names: dict[str, Any], lost: dict[str, str]) -> None:
        self._away = names, lost

    def __call__(self, call: Callable[..., Any], *taken: Any) -> Any:
        return _home().call_in(*self._away, call, taken)


def call_in(
    names: Mapping[str, Any], lost: Mapping[str, str], call: Callable[..., Any], taken: Any
) -> Any:
    """Make a call in a notebook, as `InNotebook` does."""
    going_on = Away(names, lost), taken
    before = _current.set(going_on[0])
    _going_on.append(going_on)
    try:
        return call(*taken)
    finally:
        _current.reset(before)
        for place, each in enumerate(_going_on):
            if each is going_on:
                del _going_on[place]
                break


def notebook_here() -> Away | None:
    """Return the notebook of the call that this belongs to, None where ``__main__`` is it.

    A thread that a task has begun belongs to the call whose functions it is in. If it is in none,
    and all calls that go on here have one notebook, that is it. A task that has come without one,
    since it was not seen that it runs flows, has what its functions name.
    """
    found = _current.get()
    if found is not None:
        return found
    calls = list(_going_on)
    main = vars(sys.modules["__main__"])
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        space = frame.f_globals
        if space is main:
            return None
        if space.get("__name__") == "__main__":
            owners = [away for away, taken in calls if _is_of(space, away, taken)]
            if owners:
                return owners[-1]
            if _is_from_elsewhere(space):
                return Away(space, {})
        frame = frame.f_back
    names = {id(away.names): away for away, _ in calls}
    return calls[0][0] if len(names) == 1 else None


def _is_from_elsewhere(space: Any) -> bool:
    from .pickling.identity import is_from_elsewhere  # it is heavy, and seldom asked

    return is_from_elsewhere(space)


def _is_of(space: Any, away: Away, taken: tuple[Any, ...]) -> bool:
    """Tell whether a function that was sent with a call has these globals."""
    sent = map(_function_of, (*away.names.values(), *taken))
    return any(each.__globals__ is space for each in sent if type(each) is FunctionType)


def _function_of(sent: Any) -> Any:
    """Return the function of a task, without asking what may be the user's own."""
    if type(sent) is FunctionType:
        return sent
    try:
        held = object.__getattribute__(sent, "__dict__")
    except AttributeError:
        return None
    return held.get("function") if type(held) is dict else None


def _home() -> Any:
    """Return this module as a run asks it, which is the package's own.

    On a cluster this one has come under another name, and the package is installed beside it, or
    else there is nothing that could ask.
    """
    if __name__.partition(".")[0] != OURS:
        try:
            return import_module(f"{OURS}.engine.remote.{__name__.rpartition('.')[2]}")
        except ImportError:
            pass
    return sys.modules[__name__]


@after_fork
def _forked() -> None:
    """Have no calls but the one that has forked, which its context tells."""
    _going_on.clear()
