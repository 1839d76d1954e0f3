"""What came from a process is there again what it was: the very function, the very class.

A function or class of a notebook has no name by which another process could import it, so it
travels by value. Read again in the process that it came from, that would be a second one, or would
put old attributes over the first. So each gets a token when it is first sent. Who reads it has it
under its token, and where it was born the one that lives there is taken, just as it is now.

What is sent for a run is read by a worker once for that run: the run's `epoch` tells which one is
meant, since between two runs the notebook may have changed what a token stands for. A worker sends
back by its token alone what the caller has.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import copyreg
import re
import secrets
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import EnumType
from functools import partial
from itertools import count
from types import FunctionType, MemberDescriptorType
from typing import Any

from ..process.forks import after_fork
from .skeletons import skeleton

__all__ = [
    "by_name",
    "go_on_in",
    "is_born_here",
    "is_from_elsewhere",
    "leave_notebook",
    "new_epoch",
    "read_in",
    "stand_in",
    "tagged",
]

_here = secrets.token_hex(8)
"""What tells this process from others, a fork of it too."""

_numbers = count(1)
_lock = threading.RLock()  # reentrant: a weak reference may call back at any moment
_tokens: dict[int, tuple[weakref.ref[Any], str]] = {}
"""The token of a function or class, by its id."""

_living: dict[tuple[str, str], tuple[weakref.ref[Any]]] = {}
"""What a token stands for, by epoch and token. What was born here, and what was read last, has the
empty epoch."""

_homes: dict[int, tuple[weakref.ref[Any], str]] = {}
"""By the id of a namespace: a function that was read here and looks up its globals there, and its
token. A function made by a task has the same namespace, and so belongs to the same notebook."""


_NAMES = re.compile(r"[^\W\d]\w*")


_in_notebook: dict[str, Any] = {}
"""What was put into ``__main__``."""

_stands_in = False
"""Whether this process works for one notebook alone (see `stand_in`)."""


class _Reading(threading.local):
    epoch = ""

    def __init__(self) -> None:
        self.unfilled: dict[int, tuple[Any, bool]] = {}
        """By its id, what was made and has no state yet; whether it takes the globals sent. It is
        held, so that nothing else has its id if the rest of the pickle cannot be read."""


_reading = _Reading()


def new_epoch() -> str:
    """Return what tells one run of this process from all others.

    Examples
    --------
    >>> new_epoch() == new_epoch()
    False
    """
    return f"{_here}/{next(_numbers)}"


@contextmanager
def read_in(epoch: str) -> Iterator[None]:
    """Say in which epoch this thread reads what is sent to it."""
    before = go_on_in(epoch)
    try:
        yield
    finally:
        go_on_in(before)


def go_on_in(epoch: str) -> str:
    """Read in another epoch from now on in this thread; return the one before."""
    before, _reading.epoch = _reading.epoch, epoch
    return before


def token_of(thing: Any) -> str:
    """Return the token of a function or class, which is a new one if it has none."""
    known = _tokens.get(id(thing))
    if known is not None and known[0]() is thing:
        return known[1]
    with _lock:
        token = f"{_here}-{next(_numbers)}"
        _remember(thing, token)
        return token


def tagged(thing: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return how a function or class is pickled, from how it would be pickled by value alone."""
    make, arguments, state, _, _, fill = reduced
    more_state: dict[str, Any] = {}
    if type(thing) is FunctionType:
        more: Any = _home_of(thing)
    else:
        more = {"__qualname__": thing.__qualname__}
        if "__slots__" in vars(thing) and not issubclass(thing, tuple):
            more["__slots__"] = vars(thing)["__slots__"]
        attributes = {k: v for k, v in state[0].items() if type(v) is not MemberDescriptorType}
        state = attributes, *state[1:]
        if issubclass(type(thing), EnumType):
            known = dict(thing.__members__)  # aliases too
            values = {name: member.value for name, member in known.items()}
            arguments = (*arguments[:3], values, *arguments[4:])
            state = {k: v for k, v in attributes.items() if k not in known}, *state[1:]
            # What their own __init__ has given to its members:
            more_state["members"] = {member.name: dict(vars(member)) for member in thing}
        if (way := copyreg.dispatch_table.get(thing)) is not None:
            more_state["way"] = way
    if thing.__module__ == "__main__":
        more_state["annotations"] = _named_in_annotations(thing)
    made = token_of(thing), make, arguments, more
    return _made, made, (fill, state, more_state), None, None, _filled


def by_name(thing: Any) -> tuple[Any, ...] | None:
    """Return how a function or class is pickled for the caller that it came from, else None."""
    known, epoch = _tokens.get(id(thing)), _reading.epoch
    if not epoch or known is None or known[0]() is not thing:
        return None
    is_theirs = known[1].partition("-")[0] == epoch.partition("/")[0]
    return (_recalled, (known[1],)) if is_theirs else None


def _remember(thing: Any, token: str) -> None:
    """Have a thing under its token in this epoch, and as the latest that has it."""
    _tokens[id(thing)] = weakref.ref(thing, partial(_forget, _tokens, id(thing))), token
    for epoch in {"", _reading.epoch}:
        key = epoch, token
        _living[key] = (weakref.ref(thing, partial(_forget, _living, key)),)


def _forget(table: dict[Any, tuple[Any, ...]], key: Any, gone: weakref.ref[Any]) -> None:
    if table.get(key, (None,))[0] is gone:
        table.pop(key, None)


def _at(epoch: str, token: str) -> Any:
    """Return what a token stands for in an epoch, or None."""
    ref = _living.get((epoch, token))
    return None if ref is None else ref[0]()


def is_born_here(token: str) -> bool:
    """Tell whether a token, or an epoch, is one of this process."""
    return token.startswith(_here)


def is_from_elsewhere(space: dict[str, Any]) -> bool:
    """Tell whether these are the globals of functions that came from another process."""
    ref, token = _homes.get(id(space), (None, ""))
    known = None if ref is None else ref()
    return known is not None and known.__globals__ is space and not is_born_here(token)


def _is_sent(thing: Any) -> bool:
    """Tell whether a function or class came from elsewhere."""
    known = _tokens.get(id(thing))
    return known is not None and known[0]() is thing and not is_born_here(known[1])


def _recalled(token: str) -> Any:
    """Return what a token stands for, to whoever sent it."""
    thing = _at("", token)
    if thing is None:
        raise LookupError("a function or class of the notebook is gone that the value refers to")
    return thing


def _made(token: str, make: Callable[..., Any], arguments: tuple[Any, ...], more: Any) -> Any:
    """Return what a token stands for here, or make it.

    `more` is the token of a function with the same globals, or what a class has from the first.
    """
    thing = _at("" if is_born_here(token) else _reading.epoch, token)
    if thing is not None:
        return thing
    namespace = _namespace(more) if isinstance(more, str) else None
    if namespace is None:
        thing = skeleton(make, arguments, more, _is_sent)
    else:
        code, _, *rest = arguments
        thing = FunctionType(code, namespace, *rest)
    with _lock:
        _reading.unfilled[id(thing)] = thing, namespace is None
        _remember(thing, token)
    return thing


def _filled(thing: Any, filling: tuple[Callable[[Any, Any], Any], Any, dict[str, Any]]) -> Any:
    """Give what was made just now its state; what was there before keeps its own."""
    if id(thing) not in _reading.unfilled:
        return thing
    _, takes_globals = _reading.unfilled.pop(id(thing))
    fill, state, more = filling
    if takes_globals:
        fill(thing, state)
        for name, attributes in more.get("members", {}).items():
            vars(thing[name]).update(attributes)
        if "way" in more:
            copyreg.pickle(thing, more["way"])
        if _stands_in and "annotations" in more:
            _put_into_notebook(thing, more["annotations"])
        if type(thing) is FunctionType:
            key = id(thing.__globals__)
            _homes[key] = weakref.ref(thing, partial(_forget, _homes, key)), token_of(thing)
        return thing
    attributes, slots = state
    builtins = thing.__globals__["__builtins__"]
    fill(thing, (attributes, {**slots, "__globals__": {}}))
    thing.__globals__["__builtins__"] = builtins
    return thing


def stand_in() -> None:
    """Have what comes from the notebook under its name in the ``__main__`` of this process too.

    There others look for it: plain pickle, processes that a task starts, and annotations that are
    only texts.
    """
    global _stands_in
    _stands_in = True


def _put_into_notebook(thing: Any, named: dict[str, Any]) -> None:
    name = thing.__qualname__
    if name.isidentifier() and not name.startswith("__"):
        named = {**named, name: thing}
    _in_notebook.update(named)
    vars(sys.modules["__main__"]).update(named)


def leave_notebook() -> None:
    """Take out of ``__main__`` what was put into it, since no run needs it any more."""
    space = vars(sys.modules["__main__"])
    for name, thing in _in_notebook.items():
        if space.get(name) is thing:
            del space[name]
    _in_notebook.clear()


def _named_in_annotations(thing: Any) -> dict[str, Any]:
    """Return the globals of the notebook that stand in annotations which are only texts."""
    space, names = vars(sys.modules["__main__"]), set[str]()
    for text in dict(getattr(thing, "__annotations__", {})).values():
        if type(text) is str:
            names.update(_NAMES.findall(text))
    return {name: space[name] for name in names if name in space}


def _home_of(function: FunctionType) -> str | None:
    """Return the token of a function that came from elsewhere and shares this one's globals."""
    ref, token = _homes.get(id(function.__globals__), (None, ""))
    known = None if ref is None else ref()
    return token if known is not None and known.__globals__ is function.__globals__ else None


def _namespace(home: str) -> dict[str, Any] | None:
    """Return the globals of a function that was born here, or None if it was not."""
    function = _at("", home) if is_born_here(home) else None
    return None if function is None else function.__globals__


@after_fork
def _forked() -> None:
    """Be another process: what was born in the parent is no longer born here."""
    global _here, _lock
    _here, _lock = secrets.token_hex(8), threading.RLock()
