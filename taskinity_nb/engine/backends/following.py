"""What a process pool of the user's is told: what was changed here, and nothing else.

The pool is theirs, and so is what its initializer has set: that is not made what it is here. Once
something has been changed here, it is told at each call, so that it can be changed back.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from typing import Any

from ...strangers import is_interrupt
from ..remote.pickling.pickler import dumps
from ..remote.surroundings.common import taken
from ..remote.surroundings.interpreter import Directory, taken_filters, taken_values
from ..remote.surroundings.libraries import changed_libraries
from ..remote.surroundings.modules import taken_modules
from ..runtime.at_first import (
    DIRECTORY,
    ENVIRONMENT,
    FILTERS,
    LEVELS,
    PATH,
    SETTINGS,
    levels,
)

__all__ = ["what_ours_follow", "what_to_follow"]

_changed: set[str] = set()
"""Variables of the environment, and kinds of settings, that were changed at some time."""


def what_to_follow() -> bytes:
    """Return what is to be put in force before a task runs in a process of the user's pool.

    Examples
    --------
    >>> before = what_to_follow()
    >>> os.environ["OF_TODAY"] = "5"
    >>> after = pickle.loads(what_to_follow())["variables"]
    >>> del os.environ["OF_TODAY"]
    >>> after["OF_TODAY"], pickle.loads(what_to_follow())["variables"]["OF_TODAY"]
    ('5', None)
    """
    message: dict[str, Any] = {"variables": _variables()}
    for name, take in (("directory", _directory), ("places", _places), ("levels", _levels),
                       ("modules", _modules), ("libraries", _libraries), ("filters", _filters),
                       ("values", _values)):  # fmt: skip
        try:
            found = take()
        except BaseException as error:  # the user may have put anything in its place
            if is_interrupt(error):
                raise
            continue
        if found is not None:
            message[name] = found
    return pickle.dumps(message)


def what_ours_follow() -> bytes:
    """Return what is to be put in force in processes that were started for this one.

    Examples
    --------
    >>> sorted(pickle.loads(what_ours_follow()))[:4]
    ['directory', 'displays', 'filters', 'libraries']
    """
    message = taken()
    del message["environment"]  # they have variables of their own
    return pickle.dumps({**message, "variables": _variables()})


def _variables() -> dict[str, str | None]:
    now = dict(os.environ)
    for name in now.keys() | ENVIRONMENT.keys():
        if now.get(name) != ENVIRONMENT.get(name):
            _changed.add(f"${name}")
    return {name[1:]: now.get(name[1:]) for name in sorted(_changed) if name[0] == "$"}


def _directory() -> str | None:
    now = Directory.taken()
    if now != DIRECTORY:
        _changed.add("directory")
    return now if "directory" in _changed else None


def _places() -> tuple[list[str], list[str]]:
    """Return where modules are looked for, too: at first, and at last."""
    new = [place for place in sys.path if place not in PATH]
    first = next((at for at, place in enumerate(sys.path) if place in PATH), 0)
    return [p for p in sys.path[:first] if p in new], [p for p in sys.path[first:] if p in new]


def _levels() -> dict[str, int]:
    now = levels()
    for name, level in now.items():
        if level != LEVELS.get(name, 0):
            _changed.add(f"level of {name}")
    return {name: level for name, level in now.items() if f"level of {name}" in _changed}


def _modules() -> dict[str, tuple[Any, ...]]:
    return {name: tuple(told) for name, told in taken_modules(dumps).items()}


def _libraries() -> dict[str, bytes]:
    return changed_libraries(dumps)


def _filters() -> list[Any] | None:
    if list(warnings.filters) != FILTERS:
        _changed.add("filters")
    return taken_filters(dumps) if "filters" in _changed else None


def _values() -> dict[str, Any]:
    values = taken_values()
    decimals = values.get("decimals")
    is_usual = decimals is None or _plain(decimals) == _plain(type(decimals)())
    if not is_usual:
        _changed.add("decimals")
    _changed.update(name for name, first in SETTINGS.items() if values.get(name, first) != first)
    return {name: value for name, value in values.items() if name in _changed}


def _plain(context: Any) -> tuple[Any, ...]:
    """Return what is set in a context of `decimal`, without what has happened in it."""
    return (context.prec, context.rounding, context.Emin, context.Emax, context.capitals,
            context.clamp, str(context.traps))  # fmt: skip
