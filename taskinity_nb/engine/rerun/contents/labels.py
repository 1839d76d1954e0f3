"""What things are called: a number that one alone has, a name for people, the package it is from.

Nothing here depends on where something lies in memory, and nothing of the user's is called.
"""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Iterator
from typing import Any

from ....strangers import LONGEST_NAME, harmless
from .code import described_code, flat, remembered
from .kinds import PATHS
from .origins import full_name, is_class, is_users, space_of, version_of

__all__ = [
    "is_users_module",
    "kind_of",
    "label_of",
    "name_of_module",
    "number_of",
    "package_of",
]

_SHORT = {"builtins", "__main__", ""}


def number_of(thing: Any) -> int:
    """Return a number that this object has alone for as long as this process lives.

    Examples
    --------
    >>> class Row: pass
    >>> number_of(Row) == number_of(Row) != number_of(str)
    True
    """
    number: int = remembered(_numbers, thing, lambda _: next(_count))
    return number


def label_of(definition: Any) -> bytes:
    """Return what tells definitions apart that are in one set, wherever they lie in memory."""
    if is_class(definition):
        return flat(*full_name(definition))
    if id(type(definition)) in PATHS:
        return flat(str(definition))
    if issubclass(type(definition), types.ModuleType):
        return flat(name_of_module(definition))
    return flat(definition.__qualname__, described_code(definition.__code__).digest)


def name_of_module(module: Any) -> str:
    """Return the name that a module has, or an empty one.

    Examples
    --------
    >>> name_of_module(itertools), name_of_module(3)
    ('itertools', '')
    """
    name = space_of(module).get("__name__")
    return name if type(name) is str else ""


def is_users_module(thing: Any) -> bool:
    """Tell whether something is a module that counts as what is in it; the notebook is none.

    Examples
    --------
    >>> is_users_module(itertools), is_users_module(3)
    (False, False)
    """
    name = name_of_module(thing)
    return name != "__main__" and is_users(name)


def package_of(name: str) -> types.ModuleType | None:
    """Return the installed package, if it has a version, that something is from.

    `name` is that of a module, or of what is in one, after a colon.

    Examples
    --------
    >>> import cloudpickle
    >>> package_of("cloudpickle.cloudpickle:dumps") is cloudpickle, package_of("json:dumps")
    (True, None)
    """
    name = name.partition(":")[0]
    if is_users(name) or not version_of(name):
        return None
    return sys.modules.get(name.partition(".")[0])


def kind_of(value: Any) -> str:
    """Return what people call the type of a value.

    Examples
    --------
    >>> from threading import Lock
    >>> kind_of(Lock()), kind_of(3)
    ('_thread.lock', 'int')
    """
    module, path = full_name(type(value))
    return harmless(path if module in _SHORT else f"{module}.{path}", LONGEST_NAME)


_numbers: dict[int, Any] = {}
_count: Iterator[int] = itertools.count()
