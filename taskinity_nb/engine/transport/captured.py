"""What a function brings along to another process that must not be the same in each of them.

Random generators get streams of their own there (`randomness`). An iterator or a counter cannot:
each process would have a copy that gives the same, so it is named instead.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from types import (
    BuiltinMethodType,
    CodeType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, NamedTuple

from ...errors import UnpicklableError
from ...model.signature import layers
from ...model.task import Task
from ...strangers import type_name
from ...values import is_once, kind_of
from ..remote.randomness import is_generator, owned_by, print_of
from ..remote.surroundings.sources import is_users_path

__all__ = ["Packed", "pack_function"]

OURS = __name__.partition(".")[0]

# Not by `getattr`, which a metaclass of the user's answers.
_module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__
_dict_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__

MOST = 10_000
"""Objects that are looked at of what a function names."""

LONGEST = 100
"""Elements up to which a list, a tuple, a set or a dict is looked through."""


METHODS = frozenset(map(id, (BuiltinMethodType, MethodType, MethodWrapperType)))
COLLECTIONS = frozenset(map(id, (list, tuple, set, frozenset, deque)))


class Packed(NamedTuple):
    """A function as it was shipped, and whether its calls are told the name of their stream."""

    content: Any
    draws: bool


class Found(NamedTuple):
    """An object, the names that lead to it, and of which module it is a global, if it is one."""

    way: tuple[str, ...]
    value: Any
    module: str = ""


def pack_function(
    name: str,
    function: Callable[..., Any],
    call: Callable[..., Any],
    leading: tuple[Any, ...],
    ship: Callable[..., Any],
    dumps: Callable[..., bytes],
    there: Any,
) -> Packed:
    """Ship a call that begins with `leading`, and tell whether it draws.

    `function` is what of it is the user's, and `name` what the task is called; `there` is the
    module `randomness` under the name that it has where the bytes are read.

    Raises
    ------
    UnpicklableError
        If the function uses what can be read only once.
    """
    streams: list[tuple[Any, Any]] = []  # generators, and what stands for them there
    by_name: list[tuple[Any, Any]] = []
    for found in _reach(function):
        if is_generator(found.value):
            if found.module and found.module != "__main__":
                by_name.append((found.value, there.OfModule(found.module, found.way[-1])))
        elif is_once(found.value) and not _is_standard(found.value):
            raise _alike(name, found)

    def note(value: Any) -> None:
        if is_generator(value) and not any(value is known for known, _ in streams):
            streams.append((value, value))

    content = ship((call, leading), note=note)
    streams += [pair for pair in by_name if not any(pair[0] is known for known, _ in streams)]
    owned = {id(part) for known, _ in streams for part in owned_by(known)}
    streams = [pair for pair in streams if id(pair[0]) not in owned]
    if not streams:
        return Packed(content, False)
    data = dumps((call, leading, [stand_in for _, stand_in in streams]))
    drawing = there.Drawing(data, [print_of(known) for known, _ in streams])
    return Packed(ship((drawing, ())), True)


def _alike(name: str, found: Found) -> UnpicklableError:
    way = f" ({' → '.join(found.way)})" if len(found.way) > 2 else ""
    return UnpicklableError(
        f"task '{name}': its function cannot be sent to another process: it uses "
        f"'{found.way[-1]}'{way}, {kind_of(found.value)}, of which each process would have a copy "
        "that gives the same",
        remedy="pass what it gives as an argument, from an input or from a task of its own, "
        'or run with executor="threads"',
    )


def _is_standard(value: Any) -> bool:
    streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)
    return any(value is stream for stream in streams)


# What a function reaches by the names in it.


def _reach(function: Any) -> Iterator[Found]:
    """Yield what a function names, and what that names, as far as it is the user's own."""
    seen: dict[int, Any] = {}
    queue = deque([Found((str(getattr(function, "__name__", "it")),), function)])
    while queue and len(seen) < MOST:
        found = queue.popleft()
        if id(found.value) in seen:
            continue
        seen[id(found.value)] = found.value  # its id stays its own
        yield found
        queue += _parts(found)


def _parts(found: Found) -> Iterator[Found]:
    way, value, _ = found
    kind = type(value)
    if kind is FunctionType:
        if _is_users(value.__module__):
            yield from _of_function(way, value)
        return
    if kind is Task:
        for part in (value.function, value.validate_input, value.validate_output):
            yield Found(way, part)
    elif id(kind) in METHODS:
        if not issubclass(type(value.__self__), ModuleType):
            yield Found(way, value.__self__)
        yield Found(way, getattr(value, "__func__", None))
    elif kind is functools.partial or kind is staticmethod or kind is classmethod:
        for part in list(layers(value))[1:]:
            yield Found(way, part)
        if kind is functools.partial:
            yield from (Found((*way, "partial"), part) for part in value.args)
            yield from (Found((*way, key), part) for key, part in value.keywords.items())
    elif id(kind) in COLLECTIONS:
        if len(value) <= LONGEST:
            yield from (Found(way, part) for part in list(value))
    elif kind is dict or kind is defaultdict:
        if kind is defaultdict:
            yield Found((*way, "default_factory"), value.default_factory)
        if len(value) <= LONGEST:
            yield from (Found(way, part) for part in list(value.values()))
    elif issubclass(kind, type):
        if _is_users(_module_of(value)):
            yield from (Found((*way, key), part) for key, part in list(_dict_of(value).items()))
    elif _is_users(_module_of(kind)):
        yield from (Found((*way, key), part) for key, part in list(_attributes(value).items()))
        yield Found((*way, type_name(value)), kind)


def _of_function(way: tuple[str, ...], function: FunctionType) -> Iterator[Found]:
    code, known = function.__code__, function.__globals__
    used, imported, names = _names(code)
    module = str(known.get("__name__", ""))
    named = [(name, known[name], module) for name in sorted(used & known.keys())]
    named += [(name, sys.modules[name], "") for name in sorted(imported & sys.modules.keys())]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            named.append((name, cell.cell_contents, ""))
        except ValueError:  # it is empty yet
            continue
    arguments, defaults = code.co_varnames[: code.co_argcount], function.__defaults__ or ()
    last = arguments[len(arguments) - len(defaults) :]
    named += [(name, value, "") for name, value in zip(last, defaults, strict=False)]
    named += [(name, value, "") for name, value in (function.__kwdefaults__ or {}).items()]
    for name, value, module in named:
        if not issubclass(type(value), ModuleType):
            yield Found((*way, name), value, module)
        elif _is_users(value.__name__):  # what of it is used goes by its name in the code, too
            for key in sorted(names & vars(value).keys()):
                yield Found((*way, name, key), vars(value)[key], value.__name__)


def _names(code: CodeType) -> tuple[set[str], set[str], set[str]]:
    """Return the globals that code uses, the modules that it imports, and all names in it."""
    used, imported, names = set[str](), set[str](), set(code.co_names)
    for step in dis.get_instructions(code) if names else ():
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            used.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            imported.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for outer, inner in zip((used, imported, names), _names(constant), strict=True):
                outer |= inner
    return used, imported, names


def _attributes(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object, without asking it."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:  # it has slots, or none
        return {}
    return found if type(found) is dict else {}


def _is_users(module: Any) -> bool:
    """Tell a module of the user's, or the notebook, from what is installed."""
    if module == "__main__" or not isinstance(module, str) or module not in sys.modules:
        return True
    if module.partition(".")[0] == OURS:
        return False
    file = getattr(sys.modules[module], "__file__", None)
    is_built_in = file is None and getattr(sys.modules[module], "__spec__", None) is not None
    return not is_built_in and is_users_path(str(file))
