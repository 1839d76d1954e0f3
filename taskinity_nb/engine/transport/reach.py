"""What a function reaches by the names in it, as far as it is the user's own."""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from types import (
    BuiltinMethodType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, NamedTuple

from ...model.signature import layers
from ...model.task import Task
from ...strangers import mro_of, type_name
from ..remote.surroundings.sources import is_users_path

__all__ = ["Found", "is_entry", "is_standard", "is_users", "reach"]

OURS = __name__.partition(".")[0]

# Not by `getattr`, which a metaclass of the user's answers.
_module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__
_dict_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__

MOST = 10_000
"""Objects that are looked at of what a function names."""

MOST_CODE = 4_096
"""Pieces of code whose names are kept."""

LONGEST = 100
"""Elements up to which a list, a tuple, a set or a dict is looked through."""

ROOTS = frozenset({OURS, "taskinity"})
"""Packages whose functions run flows."""

ENTRIES = frozenset({
    "Flow", "PerformanceBenchmark", "benchmark", "compare", "explore", "flow_from", "parse_dsl",
    "parse_flows", "run", "run_flow_from_dsl", "run_parallel_flow_from_dsl", "start",
})  # fmt: skip
"""What is called of them with a flow, which names functions."""

_ENTRY = object()
"""Stands for one of these that is looked up when it is called."""

METHODS = frozenset(map(id, (BuiltinMethodType, MethodType, MethodWrapperType)))
WRAPPERS = frozenset(
    map(id, (functools.partial, functools._lru_cache_wrapper, staticmethod, classmethod))
)
COLLECTIONS = frozenset(map(id, (list, tuple, set, frozenset, deque)))

_Names = tuple[frozenset[str], frozenset[str], frozenset[str]]


class Found(NamedTuple):
    """An object, the names that lead to it, and of which module it is a global, if it is one."""

    way: tuple[str, ...]
    value: Any
    module: str = ""


def reach(*roots: Any) -> Iterator[Found]:
    """Yield what functions name, and what that names, as far as it is the user's own.

    Examples
    --------
    >>> space = {"rate": 2, "__name__": "__main__"}
    >>> exec("def scaled(x): return rate * x", space)
    >>> [found.way for found in reach(space["scaled"])]
    [('scaled',), ('scaled', 'rate')]
    """
    seen: dict[int, Any] = {}
    queue = deque(Found((_called(root),), root) for root in roots)
    while queue and len(seen) < MOST:
        found = queue.popleft()
        if id(found.value) in seen:
            continue
        seen[id(found.value)] = found.value  # its id stays its own
        yield found
        queue += _parts(found)


def _called(root: Any) -> str:
    is_named = type(root) is Task or type(root) is FunctionType
    return str(getattr(root, "__name__", "it")) if is_named else "it"


def _root_of(module: Any) -> str:
    return module.partition(".")[0] if type(module) is str else ""


def is_entry(value: Any) -> bool:
    """Tell whether something is called with a flow, whose functions are found by their names.

    Examples
    --------
    >>> from taskinity_nb import run, task
    >>> is_entry(run), is_entry(task)
    (True, False)
    """
    kind = type(value)
    if kind is FunctionType:
        name, module = value.__name__, value.__module__
    elif kind is type:
        name, module = value.__name__, _module_of(value)
    else:
        return value is _ENTRY
    return name in ENTRIES and _root_of(module) == OURS


def _parts(found: Found) -> Iterator[Found]:
    way, value, _ = found
    kind = type(value)
    if kind is FunctionType:
        if is_users(value.__module__):
            yield from _of_function(way, value)
        return
    if kind is Task:
        for part in (value.function, value.validate_input, value.validate_output):
            yield Found(way, part)
    elif id(kind) in METHODS:
        if not issubclass(type(value.__self__), ModuleType):
            yield Found(way, value.__self__)
        yield Found(way, getattr(value, "__func__", None))
    elif id(kind) in WRAPPERS:
        for part in list(layers(value))[1:]:
            yield Found(way, part)
        if kind is functools.partial:
            yield from (Found((*way, "partial"), part) for part in value.args)
            yield from (Found((*way, key), part) for key, part in value.keywords.items())
    elif kind is property:
        yield from (Found(way, part) for part in (value.fget, value.fset, value.fdel))
    elif kind is functools.cached_property:
        yield Found(way, value.func)
    elif id(kind) in COLLECTIONS:
        if len(value) <= LONGEST:
            yield from (Found(way, part) for part in list(value))
    elif kind is dict or kind is defaultdict:
        if kind is defaultdict:
            yield Found((*way, "default_factory"), value.default_factory)
        if len(value) <= LONGEST:
            yield from (Found(way, part) for part in list(value.values()))
    elif issubclass(kind, type):
        if is_users(_module_of(value)):
            yield from (Found((*way, key), part) for key, part in list(_dict_of(value).items()))
    elif is_users(_module_of(kind)):
        yield from (Found((*way, key), part) for key, part in _attributes(value).items())
        if issubclass(kind, tuple):
            yield from (Found(way, part) for part in tuple.__getitem__(value, slice(LONGEST)))
        yield Found((*way, type_name(value)), kind)


def _of_function(way: tuple[str, ...], function: FunctionType) -> Iterator[Found]:
    code, known = function.__code__, function.__globals__
    used, imported, names = _names(code)
    module = str(known.get("__name__", ""))
    named = [(name, known[name], module) for name in sorted(used & known.keys())]
    named += [(name, sys.modules[name], "") for name in sorted(imported & sys.modules.keys())]
    if names & ENTRIES and not ROOTS.isdisjoint(map(_root_of, imported)):
        yield Found((*way, "run"), _ENTRY)
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
        elif _root_of(value.__name__) in ROOTS:
            yield from (Found((*way, name, key), _ENTRY) for key in sorted(names & ENTRIES))
        elif is_users(value.__name__):  # what of it is used goes by its name in the code, too
            for key in sorted(names & vars(value).keys()):
                yield Found((*way, name, key), vars(value)[key], value.__name__)


_known: dict[int, tuple[CodeType, _Names]] = {}
"""The names in code that has been read, with the code itself, so that its id stays its own.

It goes by the id, since code is hashed by its constants, which may be anything.
"""


def _names(code: CodeType) -> _Names:
    """Return the globals that code uses, the modules that it imports, and all names in it.

    Each run asks this of all functions of its tasks, and code does not change.
    """
    _, names = _known.get(id(code), (None, None))
    if names is None:
        names = _read_names(code)
        if len(_known) >= MOST_CODE:
            _known.clear()
        _known[id(code)] = code, names
    return names


def _read_names(code: CodeType) -> _Names:
    used, imported, names = set[str](), set[str](), set(code.co_names)
    for step in dis.get_instructions(code) if names else ():
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            used.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            imported.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for outer, inner in zip((used, imported, names), _read_names(constant), strict=True):
                outer |= inner
    return frozenset(used), frozenset(imported), frozenset(names)


def _attributes(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object, those in slots too, without asking it."""
    held: dict[str, Any] = {}
    for kind in mro_of(type(value)):
        own = _dict_of(kind)
        for name, slot in own.items() if "__slots__" in own else ():
            if type(slot) is MemberDescriptorType:
                with contextlib.suppress(AttributeError):  # it is empty
                    held[name] = slot.__get__(value)
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:  # it has none
        return held
    return {**held, **found} if type(found) is dict else held


def is_users(module: Any) -> bool:
    """Tell a module of the user's, or the notebook, from what is installed."""
    if module == "__main__" or not isinstance(module, str) or module not in sys.modules:
        return True
    if module.partition(".")[0] == OURS:
        return False
    file = getattr(sys.modules[module], "__file__", None)
    is_built_in = file is None and getattr(sys.modules[module], "__spec__", None) is not None
    return not is_built_in and is_users_path(str(file))


def is_standard(value: Any) -> bool:
    """Tell whether something is one of the standard streams.

    Examples
    --------
    >>> is_standard(sys.stdin), is_standard(1)
    (True, False)
    """
    streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)
    return any(value is stream for stream in streams)
