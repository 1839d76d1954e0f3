"""What a process has by itself: its environment, its directory, and how its Python is set."""

from __future__ import annotations

import importlib
import locale
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any

from ....strangers import is_interrupt

__all__ = ["Directory", "environment", "put_environment", "put_filters", "put_path", "put_values",
           "taken_filters", "taken_values"]  # fmt: skip

_VALUES: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any, Any], object]]] = {
    "recursion limit": (
        "sys", lambda _: sys.getrecursionlimit(), lambda _, it: sys.setrecursionlimit(it)
    ),
    "switch interval": (
        "sys", lambda _: sys.getswitchinterval(), lambda _, it: sys.setswitchinterval(it)
    ),
    "digits": (
        "sys", lambda _: sys.get_int_max_str_digits(),
        lambda _, it: sys.set_int_max_str_digits(it),
    ),
    "arguments": ("sys", lambda _: list(sys.argv), lambda _, it: setattr(sys, "argv", it)),
    "writes bytecode": (
        "sys", lambda _: not sys.dont_write_bytecode,
        lambda _, it: setattr(sys, "dont_write_bytecode", not it),
    ),
    "umask": ("os", lambda _: _umask(), lambda os, it: None if it is None else os.umask(it)),
    "collects": (
        "gc", lambda one: one.isenabled(), lambda one, it: (one.disable, one.enable)[it]()
    ),
    "thresholds": ("gc", lambda one: one.get_threshold(), lambda one, it: one.set_threshold(*it)),
    "locale": (
        "locale", lambda locale: locale.setlocale(locale.LC_ALL),
        lambda locale, it: locale.setlocale(locale.LC_ALL, it),
    ),
    "decimals": (
        "decimal", lambda decimal: decimal.getcontext().copy(),
        lambda decimal, it: decimal.setcontext(it.copy()),
    ),
    "socket timeout": (
        "socket", lambda socket: socket.getdefaulttimeout(),
        lambda socket, it: socket.setdefaulttimeout(it),
    ),
    "field size": (
        "csv", lambda csv: csv.field_size_limit(), lambda csv, it: csv.field_size_limit(it)
    ),
    "below": (
        "logging", lambda logging: logging.root.manager.disable,
        lambda logging, it: logging.disable(it),
    ),
}  # fmt: skip
"""A module of the standard library, how a value is had from it, and how it is set."""


def _umask() -> int | None:
    """Return which permissions new files lack; None where only setting it would tell."""
    try:
        descriptor = os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        found = re.search(rb"^Umask:\s*([0-7]+)", os.read(descriptor, 4096), re.MULTILINE)
    finally:
        os.close(descriptor)
    return None if found is None else int(found[1], 8)


def taken_values() -> dict[str, Any]:
    """Return the values of what is set in this process, as far as it was imported.

    Examples
    --------
    >>> values = taken_values()
    >>> values["recursion limit"] == sys.getrecursionlimit(), values["collects"]
    (True, True)
    """
    found = {}
    for name, (home, take, _) in _VALUES.items():
        module = sys.modules.get(home)
        if module is not None:
            found[name] = take(module)
    return found


WhenImported = Callable[[str, Callable[[Any], object]], object]
"""Has something called with a module, by its name, now or when it has been imported."""


def put_values(values: dict[str, Any], when_imported: WhenImported) -> None:
    """Set the values of `taken_values` here; what was not imported yet is set when it is."""
    for name, value in values.items():
        when_imported(_VALUES[name][0], partial(_put_value, name, value))


def _put_value(name: str, value: Any, module: ModuleType) -> None:
    _, take, put = _VALUES[name]
    with suppress(ValueError, OverflowError, RecursionError, locale.Error):
        if name == "umask" or take(module) != value:  # it is sooner set than read
            put(module, value)


_latest: tuple[dict[Any, Any], dict[str, str]] = {}, {}
"""The variables of the environment as the system has them, and as text."""


def environment() -> dict[str, str]:
    """Return the variables of the environment.

    Examples
    --------
    >>> environment() == dict(os.environ)
    True
    """
    global _latest
    own: Any = os.environ
    data = getattr(own, "_data", None)
    if type(data) is not dict:  # somebody has put something else in its place
        return dict(own)
    latest = _latest
    if latest[0] != data:
        data = data.copy()
        texts = {own.decodekey(name): own.decodevalue(value) for name, value in data.items()}
        latest = _latest = data, texts
    return latest[1].copy()


def put_environment(variables: dict[str, str]) -> None:
    """Make the environment what it is elsewhere: what is not there goes.

    Examples
    --------
    >>> before = environment()
    >>> os.environ["ONLY_HERE"] = "1"
    >>> put_environment(before)
    >>> "ONLY_HERE" in os.environ
    False
    """
    own = environment()
    if own == variables:
        return
    for name in own.keys() - variables.keys():
        os.environ.pop(name, None)
    for name, value in variables.items():
        if own.get(name) != value:
            os.environ[name] = value
    if own.get("TZ") != variables.get("TZ") and hasattr(time, "tzset"):
        time.tzset()


class Directory:
    """The working directory; one that was removed is one that was removed elsewhere too."""

    @staticmethod
    def taken() -> str | None:
        """Return its path, or None if it is not there any more."""
        try:
            return os.getcwd()
        except OSError:
            return None

    @staticmethod
    def put(path: str | None) -> None:
        """Go there; where that cannot be done, go to where nothing is."""
        if path is not None:
            with suppress(OSError):
                os.chdir(path)
                return
        try:
            os.getcwd()
        except OSError:
            return
        with suppress(OSError):
            nowhere = tempfile.mkdtemp()
            os.chdir(nowhere)
            os.rmdir(nowhere)


def put_path(path: list[str]) -> None:
    """Have modules looked for where they are looked for elsewhere, as they are now."""
    sys.path[:] = path
    for finder in list(sys.path_importer_cache.values()):
        forget = getattr(finder, "invalidate_caches", None)
        if forget is not None:
            forget()


Filter = tuple[str, str, tuple[str, str] | bytes, str, int]


def taken_filters(dumps: Callable[[Any], bytes]) -> list[Filter]:
    """Return the filters of warnings; a category that cannot travel stays behind with its filter.

    A category is the name of its module and its own, or its pickle if an import does not find it.
    """
    filters: list[Filter] = []
    for action, message, category, module, line in list(warnings.filters):
        try:
            text: Any = getattr(message, "pattern", message) or ""
            filters.append((action, text, _category(category, dumps), _pattern(module), line))
        except BaseException as error:  # pickling a class runs code of the user's
            if is_interrupt(error):
                raise
    return filters


def _category(category: Any, dumps: Callable[[Any], bytes]) -> tuple[str, str] | bytes:
    home, name = category.__module__, category.__qualname__
    if home != "__main__" and getattr(sys.modules.get(home), name, None) is category:
        return home, name
    return dumps(category)


def _pattern(module: Any) -> str:
    """Return the expression of a filter's module; a plain name is one of Python's own filters."""
    return rf"{re.escape(module)}\Z" if isinstance(module, str) else getattr(module, "pattern", "")


def put_filters(
    filters: list[Filter],
    loads: Callable[[bytes], Any],
    when_imported: WhenImported,
) -> None:
    """Set the filters of `taken_filters`. One whose category was not imported yet follows later."""
    missing: set[str] = set()

    def put(module: ModuleType | None = None) -> None:
        known = []
        for action, message, category, place, line in filters:
            try:
                found = loads(category) if isinstance(category, bytes) else _named(*category)
            except BaseException:  # it is the user's, and may not be readable here
                continue
            if found is not None:
                known.append((action, message, found, place, line))
            elif category[0] not in missing:
                missing.add(str(category[0]))
        warnings.resetwarnings()
        for one in reversed(known):
            with suppress(AssertionError, TypeError, ValueError, re.error):
                warnings.filterwarnings(*one)

    put()
    for home in missing:
        when_imported(home, put)


def _named(home: str, name: str) -> Any:
    if home == "builtins":
        return getattr(importlib.import_module(home), name, None)
    found: Any = sys.modules.get(home)
    for part in name.split("."):
        found = None if found is None else vars(found).get(part)
    return found
