"""Kinds of objects that are taken apart in a way of our own; pickle refuses or names them."""

from __future__ import annotations

import functools
import gc
import pathlib
import types
import weakref
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

from ....model.task import Task
from .origins import name_of_method, version_of

__all__ = ["PARTS", "PATHS"]

_NAMED = (types.ModuleType, NewType, ParamSpec, TypeVar, TypeVarTuple)
_OF_CLASSES = (
    types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.ClassMethodDescriptorType,
)  # fmt: skip


def _self_of(method: Any) -> list[Any]:
    """Return whose method it is, unless an installed module has both: `from random import random`.

    Such an object belongs to the library, which is taken at its word.
    """
    name = name_of_method(method)
    return [method.__self__] if name is None else [name, version_of(name.partition(":")[0])]


def _content_of(variable: ContextVar[Any]) -> list[Any]:
    try:
        return [variable.get()]
    except LookupError:
        return []


_parts: dict[type, Callable[[Any], Iterable[Any]]] = {
    property: lambda made: (made.fget, made.fset, made.fdel),
    **dict.fromkeys((staticmethod, classmethod), lambda made: (made.__func__,)),
    functools.cached_property: lambda made: (made.func,),
    functools.partial: lambda made: (made.func, made.args, made.keywords),
    functools._lru_cache_wrapper: lambda made: (made.__wrapped__,),
    types.BuiltinFunctionType: lambda made: (*_self_of(made), made.__module__, made.__name__),
    types.MappingProxyType: gc.get_referents,  # to get at the mapping, which may be the user's
    types.MethodType: lambda method: (method.__func__, *_self_of(method)),
    **dict.fromkeys(_NAMED, lambda made: (made.__name__,)),
    **dict.fromkeys(_OF_CLASSES, lambda made: (made.__qualname__,)),
    ContextVar: lambda variable: (variable.name, *_content_of(variable)),
    weakref.WeakKeyDictionary: lambda cache: (),  # as in singledispatch, where calls fill it
    Task: lambda task: (task.function, task.validate_input, task.validate_output, task.version),
}

PARTS: dict[int, Callable[[Any], Iterable[Any]]] = {id(kind): way for kind, way in _parts.items()}
"""What counts of each kind, by its id: a metaclass of the user's may have a hash of its own."""

PATHS = frozenset({id(pathlib.PosixPath), id(pathlib.WindowsPath)})
"""The types of paths that may lead to a file, by their ids."""
