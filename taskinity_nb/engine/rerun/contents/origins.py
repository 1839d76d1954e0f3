"""Whose a module, a function or a class is: the user's, whose code counts, or an installed one's.

A class answers here as it is: its metaclass is the user's, and is not asked.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from ...remote.surroundings.sources import is_users_path
from .code import remembered

__all__ = [
    "attributes_of",
    "direct_bases",
    "file_of_import",
    "full_name",
    "importable_name",
    "is_class",
    "is_ours",
    "is_replaced",
    "is_users",
    "is_users_class",
    "is_users_function",
    "line_of_bases",
    "name_of_method",
    "space_of",
    "subclasses_of",
    "version_of",
]

_HEAP_TYPE = 1 << 9
"""A flag that the interpreter's own classes lack; an import does not find all of these."""

_attributes: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__bases__"].__get__
_line: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_space: Callable[[Any], Mapping[str, Any]] = vars(types.ModuleType)["__dict__"].__get__
_qualname: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_versions: dict[int, Any] = {}
_names: dict[str, tuple[Any, bool]] = {}
_OURS = {__name__.partition(".")[0], "taskinity"}


def attributes_of(made: type) -> Mapping[str, Any]:
    """Return what stands in the body of a class, whatever its metaclass says.

    Examples
    --------
    >>> "upper" in attributes_of(str)
    True
    """
    return _attributes(made)


def line_of_bases(made: type) -> tuple[type, ...]:
    """Return a class and what it derives from, in the order in which attributes are looked up.

    Examples
    --------
    >>> line_of_bases(bool)
    (<class 'bool'>, <class 'int'>, <class 'object'>)
    """
    return _line(made)


def direct_bases(made: type) -> tuple[type, ...]:
    """Return what a class derives from, as it was written.

    Examples
    --------
    >>> direct_bases(bool)
    (<class 'int'>,)
    """
    return _bases(made)


def is_class(thing: Any) -> bool:
    """Tell whether something is a class, whatever it says of itself.

    Examples
    --------
    >>> is_class(int), is_class(3)
    (True, False)
    """
    return issubclass(type(thing), type)


def is_users(name: Any) -> bool:
    """Tell whether a module is the notebook or a file of the user's; `name` is that of the module.

    Examples
    --------
    >>> is_users("__main__"), is_users("textwrap"), is_users("taskinity_nb.engine.run")
    (True, False, False)
    """
    if type(name) is not str:
        return False
    if name == "__main__":
        return True
    module = sys.modules.get(name)
    file = space_of(module).get("__file__")
    known = _names.get(name)
    if known is None or known[0] is not file:
        known = _names[name] = file, type(file) is str and is_users_path(file)
    return known[1]


def is_ours(name: Any) -> bool:
    """Tell whether a module belongs to this package; `name` is that of the module.

    Examples
    --------
    >>> is_ours("taskinity_nb.engine.run"), is_ours("textwrap")
    (True, False)
    """
    return type(name) is str and name.partition(".")[0] in _OURS


def file_of_import(name: str) -> Path | None:
    """Return the file of a module of the user's that an import would run, if it has not run yet.

    It may never run here: a worker process imports for itself.

    Examples
    --------
    >>> file_of_import("textwrap"), file_of_import("no_such_module")
    (None, None)
    """
    parts = name.split(".")
    if name in sys.modules or parts[0] in sys.stdlib_module_names:
        return None
    places, file = None, None
    for end in range(1, len(parts) + 1):
        found = PathFinder.find_spec(".".join(parts[:end]), places)
        if found is None:
            return None
        places, file = (
            found.submodule_search_locations,
            found.origin if found.has_location else None,
        )
    return Path(file) if file is not None and is_users_path(file) else None


def is_users_function(function: types.FunctionType) -> bool:
    """Tell whether the text of a function is the user's, whatever it says its module is.

    Examples
    --------
    >>> from textwrap import dedent
    >>> is_users_function(dedent), is_users_function(eval("lambda: 1", {"__name__": "__main__"}))
    (False, True)
    """
    known = function.__globals__
    file = known.get("__file__")
    if known.get("__name__") == "__main__" or type(file) is not str:
        return known.get("__name__") not in sys.stdlib_module_names
    return is_users_path(file)


def is_users_class(made: type) -> bool:
    """Tell whether a class is the notebook's or that of a module of the user's.

    Examples
    --------
    >>> is_users_class(type("Row", (), {"__module__": "__main__"})), is_users_class(Path)
    (True, False)
    """
    if not _flags(made) & _HEAP_TYPE:
        return False
    name, path = full_name(made)
    if name == "builtins":  # which a class says that is defined in globals without a name
        return _found(name, path) is not made
    if not name:  # it says something else; some of C do, and have no text in Python
        held = list(_attributes(made).values())
        return any(type(each) is types.FunctionType and is_users_function(each) for each in held)
    return is_users(name) or name not in sys.modules


def full_name(made: type) -> tuple[str, str]:
    """Return the module that a class says it is in, and the way to it there.

    Examples
    --------
    >>> full_name(int)
    ('builtins', 'int')
    """
    if not _flags(made) & _HEAP_TYPE:
        return made.__module__, _qualname(made)
    module = _attributes(made).get("__module__")
    return module if type(module) is str else "", _qualname(made)


def importable_name(thing: Any) -> str | None:
    """Return the name by which an installed function or class is found, if it is.

    Examples
    --------
    >>> importable_name(int), importable_name(lambda: 1)
    ('builtins:int', None)
    """
    if is_class(thing):
        module, path = full_name(thing)
        if not _flags(thing) & _HEAP_TYPE:
            return f"{module}:{path}"
    else:
        module, path = thing.__module__, thing.__qualname__
    if type(module) is not str or is_users(module) or "<" in path:
        return None
    return f"{module}:{path}" if _found(module, path) is thing else None


def name_of_method(method: Any) -> str | None:
    """Return the name by which an installed module has a method of an object of its own.

    Examples
    --------
    >>> import random
    >>> name_of_method(random.random), name_of_method(random.Random().random)
    ('random:random', None)
    """
    name, of = method.__name__, method.__self__
    for module in (method.__module__, full_name(type(of))[0]):
        is_named = type(module) is str and type(name) is str and not is_users(module)
        if is_named and not is_class(of) and _found(module, name) is method:
            return f"{module}:{name}"
    return None


def subclasses_of(made: type) -> list[type]:
    """Return the classes that derive from one directly, whatever its metaclass says.

    Examples
    --------
    >>> bool in subclasses_of(int)
    True
    """
    return type.__subclasses__(made)


def is_replaced(made: type, spaces: Iterable[dict[str, Any]] = ()) -> bool:
    """Tell whether a class of the user's was defined again: its name is that of another class now.

    Beside its module, it may have been defined in one of the `spaces` that have the module's name.

    Examples
    --------
    >>> space = {"__name__": "__main__"}
    >>> exec("class Row: pass", space)
    >>> before = space["Row"]
    >>> exec("class Row: pass", space)
    >>> is_replaced(before, [space]), is_replaced(space["Row"], [space])
    (True, False)
    """
    name, path = full_name(made)
    if not _flags(made) & _HEAP_TYPE:
        return False
    modules = [space_of(sys.modules.get(name))] if is_users(name) else []
    found = [_at(path, space) for space in modules]
    found += [_at(path, space) for space in spaces if _name_in(space) == name]
    others = [other for other in found if other is not made and is_class(other)]
    if not others or any(other is made for other in found):
        return False
    return not all(_is_around(other, made) for other in others)


def _is_around(other: type, made: type) -> bool:
    """Tell whether a class is what a decorator has made of another, which it does not replace."""
    if attributes_of(other).get("__wrapped__") is made:
        return True
    is_derived = any(base is made for base in line_of_bases(other))
    return is_derived and full_name(other) != full_name(made)


def version_of(module: str) -> str:
    """Return the version of the package that a module is in, where it or its installer says so.

    Examples
    --------
    >>> import cloudpickle
    >>> version_of("textwrap"), version_of("cloudpickle") > "2"
    ('', True)
    """
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names:
        return ""
    package = sys.modules.get(root)
    space = space_of(package)
    version = space.get("__version__")
    if type(version) is str or type(space.get("__file__")) is not str:
        return version if type(version) is str else ""
    found: str = remembered(_versions, package, lambda _: _version_beside(space["__file__"], root))
    return found


def _version_beside(file: str, root: str) -> str:
    """Return the version in the name of what an installer has left beside a package."""
    folder = Path(file).parent if Path(file).stem != "__init__" else Path(file).parent.parent
    try:
        names = os.listdir(folder)
    except OSError:  # the package lies in an archive
        return ""
    for name in names:
        project, _, rest = name.partition("-")
        if rest.endswith(".dist-info") and project.replace(".", "_").lower() == root.lower():
            return rest.removesuffix(".dist-info")
    return ""


def space_of(module: Any) -> Mapping[str, Any]:
    """Return what a module holds; what stands for a module, and is none, holds nothing.

    Examples
    --------
    >>> space_of(sys)["maxsize"] == sys.maxsize, space_of(None)
    (True, {})
    """
    if not issubclass(type(module), types.ModuleType):
        return {}
    return _space(module)


def _name_in(space: dict[str, Any]) -> Any:
    """Return the name of the module that a class has which is defined in such globals."""
    return dict.get(space, "__name__", "builtins")


def _found(module: str, path: str) -> Any:
    """Return what stands at a name in a module, or None; nothing of the user's is called."""
    return _at(path, space_of(sys.modules.get(module)))


def _at(path: str, space: Mapping[str, Any]) -> Any:
    first, *rest = path.split(".")
    found: Any = space.get(first)
    for part in rest:
        found = attributes_of(found).get(part) if is_class(found) else None
    return found
