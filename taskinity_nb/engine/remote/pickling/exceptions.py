"""How an exception travels: as itself, with what it was raised from.

What an exception is made of says nothing about how its class is called: ``__init__`` may take other
arguments than those that it passes on. So it is made again without it, unless its class says itself
how it is pickled. What it was raised from goes along, and if that cannot, its text does.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable
from typing import Any

from ....strangers import add_note, is_error, mro_of, reason_of, traceback_of
from ..process.frames import describe_frames, user_frames

__all__ = ["DEEPEST", "reduced"]

DEEPEST = 20
"""Exceptions of a chain that travel."""

_SAYS_HOW = ("__reduce__", "__reduce_ex__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
_HEAP_TYPE = 1 << 9
_GROUP: list[Any] = [vars(BaseExceptionGroup)[name].__get__ for name in ("message", "exceptions")]
_REASONS: dict[str, Any] = {
    name: BaseException.__dict__[name]
    for name in ("__cause__", "__context__", "__suppress_context__")
}

Chain = tuple[str, str, Any, tuple[tuple[str, int, str], ...]]
"""What links it to another; kind and payload (see `CallResult`) of that, and its frames. There may
be none, but that what was handled then is not to be shown."""


def reduced(
    error: BaseException,
    pack: Callable[[BaseException], tuple[str, Any]] | None,
    keep: Callable[[Any], Any],
    its_own_way: bool = True,
) -> tuple[Any, ...]:
    """Return how an exception is pickled.

    `pack` returns kind and payload of the one that it was raised from, or is None if none is to be
    sent; `keep` returns a part of the exception, or what stands for it. `its_own_way` is how its
    class says that it is pickled.
    """
    kind = type(error)
    chain = None if pack is None else _chain(error, pack)
    table = copyreg.dispatch_table.get(kind)
    if getattr(table, "__module__", "").startswith("tblib"):  # Dask's, with the whole traceback
        table = None
    base: Any = next(each for each in mro_of(kind) if not each.__flags__ & _HEAP_TYPE)
    if its_own_way and (table is not None or _says_how(kind)):
        own: Any = table(error) if table is not None else error.__reduce_ex__(5)
        if type(own) is str:
            return own  # type: ignore[return-value]
        make, arguments, *rest = own
        state, listed, named, fill = (*rest, None, None, None, None)[:4]
        return make, arguments, (state, fill, chain), listed, named, _filled_by_itself
    _, arguments, *rest = base.__reduce__(error)
    held: Any = object.__getstate__(error)
    slots = held[1] if type(held) is tuple else {}
    attributes = {**(rest[0] if rest and rest[0] else {}), **slots}
    if issubclass(kind, BaseExceptionGroup):  # which is made of what it consists of
        attributes["args"] = arguments
        arguments = tuple(get(error) for get in _GROUP)
    arguments = tuple(map(keep, arguments))
    attributes = {name: keep(value) for name, value in attributes.items()}
    return _bare, (kind, base, arguments), (attributes, chain), None, None, _filled


def _says_how(kind: type) -> bool:
    """Tell whether a class, or one that it comes from, says how it is pickled."""
    return any(
        name in vars(each) for each in mro_of(kind) if each.__flags__ & _HEAP_TYPE
        for name in _SAYS_HOW
    )  # fmt: skip


def _bare(kind: Any, base: Any, arguments: tuple[Any, ...]) -> BaseException:
    """Make an exception as the class of the interpreter does from which it comes."""
    error: BaseException = base.__new__(kind, *arguments)
    base.__init__(error, *arguments)
    return error


def _filled(error: BaseException, state: tuple[dict[str, Any], Chain | None]) -> BaseException:
    attributes, chain = state
    for name, value in attributes.items():
        BaseException.__setattr__(error, name, value)  # the class may be a frozen one
    return _chained(error, chain)


def _filled_by_itself(
    error: BaseException, state: tuple[Any, Callable[[Any, Any], Any] | None, Chain | None]
) -> BaseException:
    own, fill, chain = state
    if fill is not None:
        fill(error, own)
    elif own is not None:
        set_state: Any = getattr(error, "__setstate__", None)
        set_state(own)
    return _chained(error, chain)


def _chain(error: BaseException, pack: Callable[[BaseException], tuple[str, Any]]) -> Chain | None:
    """Return what an exception was raised from, as plain data."""
    reason = reason_of(error)
    if reason is None:
        is_hidden = _REASONS["__suppress_context__"].__get__(error)
        return ("__suppress_context__", "", None, ()) if is_hidden else None
    link = "__cause__" if _REASONS["__cause__"].__get__(error) is not None else "__context__"
    return link, *pack(reason), user_frames(traceback_of(reason))


def _chained(error: BaseException, chain: Chain | None) -> BaseException:
    if chain is not None:
        link, kind, payload, frames = chain
        reason = _read(kind, payload) if kind else None
        if reason is not None and frames:
            add_note(reason, describe_frames(frames))
        _REASONS[link].__set__(error, reason or True)
    return error


def _read(kind: str, payload: Any) -> BaseException:
    """Return what an exception was raised from, or what tells of it."""
    if kind == "error":
        packed, *payload = payload
        try:
            error = pickle.loads(packed)
        except Exception:  # its text stands for it
            error = None
        if is_error(error):
            raised: BaseException = error
            return raised
    name, text, *_ = payload
    return Exception(f"{name}: {text} (the exception itself could not be sent back)")
