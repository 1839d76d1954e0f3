"""What counts of a function or a class of the user's: its text, and what it names."""

from __future__ import annotations

import functools
import itertools
import os
import stat
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ....model.task import Task
from .code import Described, described_code, flat, hashed
from .kinds import PATHS
from .labels import is_users_module, kind_of, name_of_module
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
    subclasses_of,
    version_of,
)
from .walk import Part, Walk

__all__ = ["Definition", "Line", "defined", "file_state"]


Line = tuple[str, bytes, list[int]]
"""Something that a definition names: what it is called there, and for what ("uses FACTOR",
"default n", "in factor", "has scale"); what stands for its value, in which each other definition is
a number; and which of the definition's others these are."""


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
    itself : mapping of str to str
        What it uses that counts as itself, and why: "has no copy (a '_thread.lock')".
    text : sequence of plain values
        What stands for itself alone, without its lines.
    lines : list of Line
        What it names.
    values : list
        The value of each line.
    file : tuple of int or None
        Of a path that leads to a file, the size of that and the time of its last change.
    """

    thing: Any
    digest: bytes
    others: tuple[Any, ...]
    lacks: dict[str, str]
    itself: Mapping[str, str] = MappingProxyType({})
    text: Sequence[Any] = ()
    lines: Sequence[Line] = ()
    values: Sequence[Any] = ()
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
        text = ["path", str(thing)]
        return Definition(thing, hashed(text), (), {}, text=text, file=file_state(str(thing)))
    if issubclass(type(thing), types.ModuleType) and not is_users_module(thing):
        name = name_of_module(thing)
        text = ["package", name, version_of(name)]
        return Definition(thing, hashed(text), (), {}, text=text)
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
        elif issubclass(type(thing), types.ModuleType):
            sheet.module(thing)
        else:
            sheet.called("", thing)
    except KeyboardInterrupt:
        raise
    except BaseException:  # it was made in a way that nobody foresaw, or changes meanwhile
        sheet.lacks[thing.__qualname__ if is_function else ""] = "cannot be compared"
    others = tuple(other for _, other in sheet.others.values())
    made = hashed(sheet.text, sheet.lines)
    return Definition(
        thing, made, others, sheet.lacks, sheet.itself, sheet.text, sheet.lines, sheet.values
    )


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
        self.text: list[Any] = []
        self.lines: list[Line] = []
        self.values: list[Any] = []
        self.others: dict[int, tuple[int, Any]] = {}
        self.lacks: dict[str, str] = {}
        self.itself: dict[str, str] = {}

    def put(self, name: str, value: Any, shown: str | None = None) -> None:
        """Write down a value under a name; `shown` is the name that people know."""
        found: Part = self.walk.part(value)
        numbers = [
            self.others.setdefault(id(other), (len(self.others), other))[0]
            for other in found.definitions
        ]
        self.lines.append((name, found.digest, numbers))
        self.values.append(value)
        if found.lack:
            self.lacks[name if shown is None else shown] = found.lack
        if found.itself:
            self.itself[name if shown is None else shown] = _no_copy(value, found.itself)

    def task(self, task: Task) -> None:
        self.called("calls", task.function)
        for name in ("validate_input", "validate_output"):
            validator = getattr(task, name)
            if validator is not None:
                self.put(name, validator)
        if task.version is not None:
            self.put("version", task.version)

    def called(self, name: str, thing: Any) -> None:
        """Write down what is called, a part of it by what it is made of."""
        if type(thing) is functools.partial:
            self.called("calls", thing.func)
            for place, value in enumerate(thing.args):
                self.put(f"argument {place + 1}", value)
            for key, value in sorted(thing.keywords.items(), key=lambda item: str(item[0])):
                self.put(f"argument {key}", value, key)
        else:
            self.put(name, thing, "")

    def function(self, function: types.FunctionType) -> None:
        code = described_code(function.__code__)
        self.text.append(code.digest)
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
            else:
                self._told(name, content, code)
        for name, value in sorted(function.__dict__.items(), key=lambda item: str(item[0])):
            if name != "__wrapped__" and type(name) is str:
                self.put(f"carries {name}", value, f"{function.__qualname__}.{name}")

    def _defaults(self, function: types.FunctionType) -> None:
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount][-len(defaults) :]
        for place, value in enumerate(defaults):  # there may be more of them than parameters
            is_named = len(names) == len(defaults)
            shown = names[place] if is_named else "a default"
            self.put(f"default {shown if is_named else place - len(defaults)}", value, shown)
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            self.put(f"default {name}", value, name)

    def _globals(self, function: types.FunctionType, code: Described) -> None:
        space = function.__globals__
        for name in code.names:
            value = dict.get(space, name, _ABSENT)
            if value is not _ABSENT:
                self._used(name, name, value, code, set())
                self._told(name, value, code)
        for name in sorted(code.texts - set(code.names)):
            if name in space:
                self._used(name, name, space[name], code, set())
        is_by_text = not _IMPORT.isdisjoint((*code.names, *code.attributes))
        for name in (*code.imports, *sorted(code.texts if is_by_text else ())):
            self.walk.has_met_us |= is_ours(name)
            for found in _imported(name, space):
                if name in code.passed:
                    self.put(f"uses {name}", found, name)
                self._module(found.__name__, found, code, set())
            file = file_of_import(name)
            if file is not None:
                self.put(f"imports {name}", file, name)

    def _used(self, name: str, shown: str, value: Any, code: Described, seen: set[int]) -> None:
        """Write down what code takes by a name; a module counts as what of it is looked up."""
        if is_users_module(value) and name not in code.passed:
            self.lines.append((f"uses {shown}", flat("module", name_of_module(value)), []))
            self.values.append(value)
        else:
            self.put(f"uses {shown}", value, shown)
        self._module(shown, value, code, seen)

    def _module(self, name: str, module: Any, code: Described, seen: set[int]) -> None:
        """Write down what code may look up in a module of the user's."""
        if not issubclass(type(module), types.ModuleType) or id(module) in seen:
            return
        space = vars(module)
        if not is_users(space.get("__name__")):
            return
        seen.add(id(module))
        for attribute in sorted(code.attributes | {"__getattr__"}):
            if attribute in space and attribute not in _OF_MODULES:
                self._used(attribute, f"{name}.{attribute}", space[attribute], code, seen)

    def module(self, module: Any) -> None:
        """Write down all that is in a module, of which nobody knows what will be looked up."""
        self.text += ["module", name_of_module(module)]
        for name, value in sorted(vars(module).items(), key=lambda item: str(item[0])):
            if name not in _OF_MODULES:
                self.put(f"has {name}", value, f"{name_of_module(module)}.{name}")

    def _told(self, name: str, thing: Any, code: Described) -> None:
        """Write down what code may ask of a function or class, beside what that does."""
        if "__doc__" in code.attributes:
            self._doc(thing)
        if "__subclasses__" in code.attributes and is_class(thing):
            self.put(f"subclasses {name}", subclasses_of(thing), f"{name}.__subclasses__")
        if type(thing) is not types.FunctionType:
            return
        if not _NAMES.isdisjoint(code.attributes):
            self.put(f"name {name}", thing.__qualname__, f"{name}.__name__")
        if not _SIGNATURES.isdisjoint((*code.names, *code.attributes)):
            self.put(f"signature {name}", thing.__annotations__, f"{name}.__annotations__")

    def _doc(self, thing: Any) -> None:
        if type(thing) is types.FunctionType:
            self.put("doc", thing.__doc__)
        elif is_class(thing):
            self.put("doc", attributes_of(thing).get("__doc__"))

    def made(self, made: type) -> None:
        self.text += [full_name(made)[1], is_replaced(made)]
        meta = type(made)
        self.put("metaclass", meta)
        for base in direct_bases(made):
            self.put("base", base)
        held, has_asked = attributes_of(made).items(), False
        for name, value in sorted(held, key=lambda item: str(item[0])):
            is_made_by_looking = name == "__annotations__" and value == {}
            if name not in _VOLATILE and not is_made_by_looking:
                self.put(f"has {name}", value, f"{full_name(made)[1]}.{name}")
                function = getattr(value, "__func__", value) if _is_method(value) else None
                if function is not None and not has_asked:
                    has_asked = "__subclasses__" in described_code(function.__code__).attributes
        if has_asked:
            name = full_name(made)[1]
            self.put(f"subclasses {name}", subclasses_of(made), f"{name}.__subclasses__")
        if meta is not type and not _is_of_python(meta):
            self._doc(made)


_ABSENT = object()

_IMPORT = {"__import__", "import_module"}
_NAMES = {"__name__", "__qualname__"}
_SIGNATURES = {
    "__annotations__", "get_annotations", "get_type_hints", "getfullargspec", "signature",
}  # fmt: skip
_OF_MODULES = {
    "__annotations__", "__builtins__", "__cached__", "__doc__", "__file__", "__loader__",
    "__name__", "__package__", "__path__", "__spec__",
}  # fmt: skip
"""What a module says of where it is from."""


def _is_method(value: Any) -> bool:
    function = value.__func__ if type(value) in (classmethod, staticmethod) else value
    return type(function) is types.FunctionType


def _no_copy(value: Any, kind: str) -> str:
    if kind_of(value) == kind:
        return f"has no copy (a '{kind}')"
    return f"holds what has no copy (a '{kind}')"


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
