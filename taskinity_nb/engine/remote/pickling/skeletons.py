"""Makes a function or class that was sent by value, as yet without its state.

What a class does when it is made has been done where it was made: a base has written it into a
registry, a metaclass has counted it. The state that follows has all that, so it is not done again.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import enum
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cloudpickle import cloudpickle

__all__ = ["skeleton"]

_lock = threading.RLock()
"""Held while hooks are taken away: classes are also made in other threads."""


def skeleton(
    make: Callable[..., Any], arguments: tuple[Any, ...], more: Any, is_sent: Callable[[Any], bool]
) -> Any:
    """Call what cloudpickle makes a function or class with.

    `more` are attributes that a class has from the first. `is_sent` tells what was sent too, of
    whose hooks the sender has seen to.
    """
    if make is cloudpickle._make_skeleton_enum:
        bases, name, qualname, members, module, _, extra = arguments
        # A member that is a function would be taken for a method.
        members = {k: enum.member(v) if hasattr(v, "__get__") else v for k, v in members.items()}
        return make(bases, name, qualname, members, module, None, extra)  # its memory is not asked
    if make is not cloudpickle._make_skeleton_class:
        return make(*arguments)
    metaclass, name, bases, namespace, _, extra = arguments
    resolved = types.resolve_bases(bases)
    namespace = {**namespace, **more}
    with _without_hooks(resolved, is_sent):
        if not is_sent(metaclass):
            return make(metaclass, name, bases, namespace, None, extra)
        if resolved is not bases:
            namespace = {**namespace, "__orig_bases__": bases}
        base = next(kind for kind in metaclass.__mro__ if not is_sent(kind))
        return base.__new__(metaclass, name, resolved, namespace)


@contextmanager
def _without_hooks(bases: tuple[type, ...], is_sent: Callable[[Any], bool]) -> Iterator[None]:
    """Have the `__init_subclass__` of bases that were sent do nothing."""
    ancestors = dict.fromkeys(kind for base in bases for kind in type.mro(base))
    hooks = [
        (kind, vars(kind)["__init_subclass__"])
        for kind in ancestors
        if "__init_subclass__" in vars(kind) and is_sent(kind)
    ]
    if not hooks:
        yield
        return
    with _lock:
        for kind, _ in hooks:
            type.__setattr__(kind, "__init_subclass__", classmethod(lambda cls, **options: None))
        try:
            yield
        finally:
            for kind, hook in hooks:
                type.__setattr__(kind, "__init_subclass__", hook)
