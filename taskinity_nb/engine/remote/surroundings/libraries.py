"""How libraries are set: those that are imported here, and elsewhere as soon as they are there.

Nothing is imported for this. What cannot travel of a library's settings stays behind.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any

from ....strangers import is_interrupt

__all__ = ["changed_libraries", "put_libraries", "taken_libraries"]


def _of_numpy(numpy: Any) -> dict[str, Any]:
    return {"errors": numpy.geterr(), "print": numpy.get_printoptions()}


def _set_numpy(numpy: Any, settings: dict[str, Any]) -> None:
    numpy.seterr(**settings.get("errors", {}))
    numpy.set_printoptions(**settings.get("print", {}))


def _options(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _options(value, f"{path}{name}.")
        else:
            yield path + name, value


def _of_pandas(pandas: Any) -> dict[str, Any]:
    return dict(_options(object.__getattribute__(pandas.options, "d")))


def _set_pandas(pandas: Any, settings: dict[str, Any]) -> None:
    own = _of_pandas(pandas)
    for name, value in settings.items():
        if name in own and own[name] is not value and own[name] != value:
            with suppress(ValueError, TypeError, KeyError):
                pandas.set_option(name, value)


ITS_OWN = ("backend_fallback", "interactive", "toolbar")
"""What matplotlib chooses in each process."""


def _of_matplotlib(matplotlib: Any) -> dict[str, Any]:
    settings = dict(dict.items(matplotlib.rcParams))
    for name in ITS_OWN:
        settings.pop(name, None)
    if not isinstance(settings.get("backend"), str):  # it has not been chosen yet
        settings.pop("backend", None)
    return settings


def _set_matplotlib(matplotlib: Any, settings: dict[str, Any]) -> None:
    own = _of_matplotlib(matplotlib)
    if "matplotlib.pyplot" in sys.modules:
        settings = {name: value for name, value in settings.items() if name != "backend"}
    for name, value in settings.items():
        if name not in own or own[name] != value:
            with suppress(ValueError, KeyError):
                matplotlib.rcParams[name] = value


_LIBRARIES: dict[str, tuple[Callable[[Any], dict[str, Any]], Callable[[Any, Any], None]]] = {
    "numpy": (_of_numpy, _set_numpy),
    "pandas": (_of_pandas, _set_pandas),
    "matplotlib": (_of_matplotlib, _set_matplotlib),
}


def _usual_of_numpy(numpy: Any) -> dict[str, Any]:
    errors = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
    shown = {"edgeitems": 3, "floatmode": "maxprec", "formatter": None, "infstr": "inf",
             "linewidth": 75, "nanstr": "nan", "precision": 8, "sign": "-", "suppress": False,
             "threshold": 1000}  # fmt: skip
    return {"errors": errors, "print": {**numpy.get_printoptions(), **shown}}


def _usual_of_pandas(pandas: Any) -> dict[str, Any]:
    registered = sys.modules["pandas._config.config"]._registered_options
    return {name: option.defval for name, option in registered.items()}


def _usual_of_matplotlib(matplotlib: Any) -> dict[str, Any]:
    return dict(dict.items(matplotlib.rcParamsDefault))


_USUAL: dict[str, Callable[[Any], dict[str, Any]]] = {
    "numpy": _usual_of_numpy,
    "pandas": _usual_of_pandas,
    "matplotlib": _usual_of_matplotlib,
}

_changed: dict[str, set[str]] = {name: set() for name in _LIBRARIES}
"""The settings of libraries that were changed at some time."""


def changed_libraries(dumps: Callable[[Any], bytes]) -> dict[str, bytes]:
    """Return the pickled settings of libraries that are not, or once were not, as usual."""
    found = {}
    for name, changed in _changed.items():
        library = sys.modules.get(name)
        if library is None:
            continue
        settings, usual = _LIBRARIES[name][0](library), _USUAL[name](library)
        changed |= {
            key
            for key, value in settings.items()
            if key != "backend" and not _are_the_same({key: value}, {key: usual.get(key, value)})
            and repr(value) != repr(usual.get(key, value))
        }  # fmt: skip
        if changed:
            found[name] = _pickled({key: settings[key] for key in sorted(changed)}, dumps)
    return found


_latest: dict[str, tuple[dict[str, Any], bytes]] = {}
"""What a library's settings were last, and their pickle."""


def taken_libraries(dumps: Callable[[Any], bytes]) -> dict[str, bytes]:
    """Return the pickled settings of libraries, by their names.

    Examples
    --------
    >>> import pickle
    >>> all(isinstance(settings, bytes) for settings in taken_libraries(pickle.dumps).values())
    True
    """
    found = {}
    for name, (take, _) in _LIBRARIES.items():
        library = sys.modules.get(name)
        if library is None:
            continue
        try:
            settings = take(library)
            before = _latest.get(name)
            if before is None or not _are_the_same(before[0], settings):
                before = _latest[name] = settings, _pickled(settings, dumps)
            found[name] = before[1]
        except BaseException as error:  # it may be half imported, or another version
            if is_interrupt(error):
                raise
    return found


def _are_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether settings are the same, without calling anything of the user's."""
    if list(one) == list(other) and all(map(operator.is_, one.values(), other.values())):
        return True  # nearly always, and soon seen
    return one.keys() == other.keys() and all(
        mine is yours or (type(mine) is type(yours) and type(mine) in _ATOMS and mine == yours)
        or (type(mine) is dict and type(yours) is dict and _are_the_same(mine, yours))
        for mine, yours in zip(one.values(), (other[name] for name in one), strict=True)
    )  # fmt: skip


_ATOMS = frozenset({bool, bytes, complex, float, int, str, type(None)})


def _pickled(settings: dict[str, Any], dumps: Callable[[Any], bytes]) -> bytes:
    """Pickle settings, but for those that cannot be."""
    try:
        return dumps(settings)
    except BaseException as error:  # a function of the user's that prints numbers, for instance
        if is_interrupt(error):
            raise
    kept = {}
    for name, value in settings.items():
        with suppress(Exception):
            dumps(value)
            kept[name] = value
    return dumps(kept)


def put_libraries(
    pickled: dict[str, bytes],
    loads: Callable[[bytes], Any],
    when_imported: Callable[[str, Callable[[Any], object]], object],
) -> None:
    """Set libraries as `taken_libraries` says, as soon as they are imported here."""
    for name, settings in pickled.items():
        when_imported(name, partial(_put, name, settings, loads))


_put_last: dict[str, tuple[bytes, dict[str, Any]]] = {}
"""What was set last in a library, and what its settings were then."""


def _put(name: str, settings: bytes, loads: Callable[[bytes], Any], library: ModuleType) -> None:
    take, put = _LIBRARIES[name]
    try:
        before = _put_last.get(name)
        if before is None or before[0] != settings or not _are_the_same(before[1], take(library)):
            put(library, loads(settings))
            _put_last[name] = settings, take(library)
    except Exception:  # another version of it, which knows other settings
        _put_last.pop(name, None)
