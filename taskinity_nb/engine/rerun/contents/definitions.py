"""What counts of a function or a class of the user's: its text, and what it names."""

from __future__ import annotations

import itertools
import os
import stat
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from ....model.task import Task
from .code import Described, described_code, hashed
from .kinds import PATHS
from .origins import (
    attributes_of,
    direct_bases,
    file_of_import,
    full_name,
    importable_name,
    is_class,
    is_ours,
    is_replaced,
    is_users,
    is_users_function,
)
from .walk import Part, Walk

__all__ = ["Definition", "defined", "file_state"]


class Definition(NamedTuple):
    """A function or class: what stands for it, other definitions in it, and what is left out.

    Attributes
    ----------
    thing : object
        The function or class.
    digest : bytes
        What stands for it, in which each other definition is a number.
    others : tuple
        These definitions, by their number.
    lacks : dict of str to str
        What it uses that is not written down, and why.
    file : tuple of int or None
        Of a path that leads to a file, the size of that and the time of its last change.
    """

    thing: Any
    digest: bytes
    others: tuple[Any, ...]
    lacks: dict[str, str]
    file: tuple[int, int] | None = None


def defined(thing: Any, walk: Walk) -> Definition:
    """Describe a function, a class, or any value as a whole.

    Examples
    --------
    >>> from taskinity_nb.engine.rerun.contents.budget import Budget
    >>> space = {"rate": [2]}
    >>> exec("def scaled(x): return rate[0] * twice(x)", space)
    >>> exec("def twice(x): return 2 * x", space)
    >>> [each.__name__ for each in defined(space["scaled"], Walk(Budget(is_bounded=False))).others]
    ['twice']
    """
    if id(type(thing)) in PATHS:
        return Definition(thing, hashed("path", str(thing)), (), {}, file_state(str(thing)))
    sheet = _Sheet(walk)
    is_function = type(thing) is types.FunctionType
    try:
        if (is_function or is_class(thing)) and importable_name(thing):
            sheet.put("", thing)
        elif is_function:
            sheet.function(thing)
        elif is_class(thing):
            sheet.made(thing)
        elif type(thing) is Task:
            sheet.task(thing)
        else:
            sheet.put("", thing)
    except KeyboardInterrupt:
        raise
    except BaseException:  # it was made in a way that nobody foresaw, or changes meanwhile
        sheet.lacks[thing.__qualname__ if is_function else ""] = "cannot be compared"
    others = tuple(other for _, other in sheet.others.values())
    return Definition(thing, hashed(sheet.lines), others, sheet.lacks)


def file_state(path: str) -> tuple[int, int] | None:
    """Return size and time of change of the file that a path leads to, None if it leads to none.

    Examples
    --------
    >>> file_state("no such file") is None, file_state("/") is None
    (True, True)
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # there is none, or it is no path of a file system
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


class _Sheet:
    """What is written down of one definition."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.lines: list[Any] = []
        self.others: dict[int, tuple[int, Any]] = {}
        self.lacks: dict[str, str] = {}

    def put(self, name: str, value: Any, shown: str | None = None) -> None:
        """Write down a value under a name; `shown` is the name that people know."""
        found: Part = self.walk.part(value)
        numbers = [
            self.others.setdefault(id(other), (len(self.others), other))[0]
            for other in found.definitions
        ]
        self.lines.append((name, found.digest, numbers))
        if found.lack:
            self.lacks[name if shown is None else shown] = found.lack

    def task(self, task: Task) -> None:
        self.put("calls", task.function, "")
        for name in ("validate_input", "validate_output"):
            validator = getattr(task, name)
            if validator is not None:
                self.put(name, validator)
        if task.version is not None:
            self.put("version", task.version)

    def function(self, function: types.FunctionType) -> None:
        code = described_code(function.__code__)
        self.lines.append(code.digest)
        self._defaults(function)
        is_users = is_users_function(function)
        if is_users:
            self._globals(function, code)
        for name, held in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            # Where annotations look names up, in the cell of that name, stands their class's line.
            if name == "__classdict__":
                continue
            try:
                content = held.cell_contents
            except ValueError:  # it is empty
                continue
            self.put(f"in {name}", content, name)
            if not is_users:  # a decorator of a library may make a docstring its business
                self._doc(content)
        for name, value in sorted(function.__dict__.items(), key=lambda item: str(item[0])):
            if name != "__wrapped__" and type(name) is str:
                self.put(f".{name}", value, f"{function.__qualname__}.{name}")

    def _defaults(self, function: types.FunctionType) -> None:
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount][-len(defaults) :]
        for place, value in enumerate(defaults):  # there may be more of them than parameters
            shown = names[place] if len(names) == len(defaults) else "a default"
            self.put(f"default {place - len(defaults)}", value, shown)
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            self.put(f"default {name}", value, name)

    def _globals(self, function: types.FunctionType, code: Described) -> None:
        space = function.__globals__
        for name in code.names:
            value = dict.get(space, name, _ABSENT)
            if value is not _ABSENT:
                self.put(name, value)
                self._module(name, value, code, set())
                if "__doc__" in code.attributes:
                    self._doc(value)
        for name in code.imports:
            self.walk.has_met_us |= is_ours(name)
            for found in _imported(name, space):
                self._module(found.__name__, found, code, set())
            file = file_of_import(name)
            if file is not None:
                self.put("import", file, name)

    def _module(self, name: str, module: Any, code: Described, seen: set[int]) -> None:
        """Write down what code may look up in a module of the user's."""
        if not issubclass(type(module), types.ModuleType) or id(module) in seen:
            return
        space = vars(module)
        if not is_users(space.get("__name__")) or space.get("__name__") == "__main__":
            return
        seen.add(id(module))
        for attribute in sorted(code.attributes):
            if attribute in space:
                self.put(f"{name}.{attribute}", space[attribute])
                self._module(f"{name}.{attribute}", space[attribute], code, seen)

    def _doc(self, thing: Any) -> None:
        if type(thing) is types.FunctionType:
            self.put("doc", thing.__doc__)
        elif is_class(thing):
            self.put("doc", attributes_of(thing).get("__doc__"))

    def made(self, made: type) -> None:
        self.lines += [full_name(made)[1], is_replaced(made)]
        meta = type(made)
        self.put("metaclass", meta)
        for base in direct_bases(made):
            self.put("base", base)
        held = attributes_of(made).items()
        for name, value in sorted(held, key=lambda item: str(item[0])):
            is_made_by_looking = name == "__annotations__" and value == {}
            if name not in _VOLATILE and not is_made_by_looking:
                self.put(name, value, f"{full_name(made)[1]}.{name}")
        if meta is not type and not _is_of_python(meta):
            self._doc(made)


_ABSENT = object()


def _imported(name: str, space: dict[str, Any]) -> Iterator[types.ModuleType]:
    """Yield the modules that an import in a function may mean, as far as they are there."""
    package = space.get("__package__")
    packages = [package.rsplit(".", up)[0] for up in range(3)] if type(package) is str else []
    for whole in dict.fromkeys(
        [name, *(f"{each}.{name}".rstrip(".") for each in packages if each)]
    ):
        for prefix in itertools.accumulate(whole.split("."), "{}.{}".format):
            module = sys.modules.get(prefix)
            if module is not None and is_users(prefix):
                yield module


def _is_of_python(made: type) -> bool:
    return full_name(made)[0].partition(".")[0] in sys.stdlib_module_names and bool(
        importable_name(made)
    )


_VOLATILE = {  # attributes of a class that say where it stands, or that its use changes
    "__annotations_cache__", "__classdictcell__", "__dict__", "__doc__", "__firstlineno__",
    "__module__", "__non_callable_proto_members__", "__slotnames__", "__static_attributes__",
    "__weakref__", "_abc_impl", "_value2member_map_",
}  # fmt: skip
