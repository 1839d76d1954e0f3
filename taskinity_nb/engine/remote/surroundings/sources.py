"""What the source of a user's module says: its functions, its constants, and what is its state.

A user's module is one that has a source, and neither belongs to Python nor was installed.
"""

from __future__ import annotations

import ast
import dis
import marshal
import operator
import os
import site
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, cached_property, lru_cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any

__all__ = [
    "Stamp",
    "Text",
    "get_ready",
    "innermost",
    "is_users",
    "is_users_path",
    "parts",
    "read_compiled",
    "read_text",
    "stamp_of",
    "users_modules",
]

Stamp = tuple[int, int]
"""When a file was written, in nanoseconds, and how long it is."""

_OURS = os.path.dirname(os.path.abspath(__file__)).rpartition(
    os.sep + os.path.join("engine", "remote", "surroundings")
)[0]
_INSTALLED = {"site-packages", "dist-packages"}


@cache
def _folders() -> tuple[str, ...]:
    """Return where what was installed lies, and this package, which counts as installed."""
    paths = sysconfig.get_paths()
    found = [paths[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [*site.getsitepackages(), site.getusersitepackages(), _OURS]
    return tuple({os.path.join(folder, "") for folder in found if folder})


@lru_cache(4096)
def is_users_path(path: str) -> bool:
    """Tell whether a file is the user's own: neither Python's, nor installed, nor of this package.

    Examples
    --------
    >>> is_users_path("/home/me/helpers.py"), is_users_path(os.__file__)
    (True, False)
    """
    path = os.path.abspath(path)
    return not (path.startswith(_folders()) or _INSTALLED.intersection(path.split(os.sep)))


def get_ready() -> None:
    """Find out now where what is installed lies, and not in the midst of an import.

    Python looks into a module of its own for that, once, and cannot be asked again until then.

    Examples
    --------
    >>> get_ready()
    """
    _folders()


def is_users(spec: ModuleSpec | None) -> bool:
    """Tell whether a module is the user's own.

    Examples
    --------
    >>> is_users(ast.__spec__)
    False
    """
    return (
        type(spec) is ModuleSpec
        and type(spec.loader) is SourceFileLoader
        and spec.name not in ("__main__", "__mp_main__")
        and type(spec.origin) is str
        and is_users_path(spec.origin)
    )


def stamp_of(path: str) -> Stamp | None:
    """Return the stamp of a file, or None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class Text:
    """A source, and what it says.

    Attributes
    ----------
    code : code
        The code of the module itself.
    codes : dict of str to list of code
        The code of all functions in it, by their qualified names.
    constants : dict of str to object
        What is given a literal value once, at its top or in a class: ``"RATE"``, ``"Model.RATE"``.
    defined : set of str
        The functions and classes, in classes too, that are as they are written: no decorator has
        made something else of them.
    """

    def __init__(self, source: bytes, path: str) -> None:
        self._source = source
        tree = ast.parse(source, path)
        self.codes: defaultdict[str, list[CodeType]] = defaultdict(list)
        self.code: CodeType = compile(source, path, "exec", dont_inherit=True)
        for code in _codes(self.code):
            self.codes[code.co_qualname].append(code)
        self.constants: dict[str, Any] = {}
        self.defined: set[str] = set()
        self._read_names(tree, "")
        self._path = path

    @cached_property
    def groups(self) -> list[set[str]]:
        """Names of its top that its own functions write.

        Those of a set are written together, so they are the state of the module, and mean something
        together only.
        """
        return _groups(ast.parse(self._source, self._path))

    @cached_property
    def filled(self) -> set[str]:
        """The attributes in which its functions put something, of whatever object."""
        return set(_filled(ast.parse(self._source, self._path)))

    def _read_names(self, tree: ast.Module | ast.ClassDef, prefix: str) -> None:
        bound = Counter(_bound(tree))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if isinstance(node, ast.ClassDef):
                    self._read_names(node, f"{prefix}{node.name}.")
                plain = all(getattr(each, "id", "") in _KINDS for each in node.decorator_list)
                if plain and bound[node.name] == 1:
                    self.defined.add(prefix + node.name)
                continue
            targets: list[Any] = getattr(node, "targets", None) or [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            target = targets[0]
            if value is None or len(targets) != 1 or not isinstance(target, ast.Name):
                continue
            if isinstance(node, ast.Assign | ast.AnnAssign) and bound[target.id] == 1:
                try:
                    self.constants[prefix + target.id] = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue


class Compiled(Text):
    """A module whose source is not there any more, as its compiled code says it."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.codes = defaultdict(list)
        for each in _codes(code):
            self.codes[each.co_qualname].append(each)
        self.constants, self.defined = {}, set()

    @cached_property
    def groups(self) -> list[set[str]]:
        return _joined({name for kind, name in _stores(code) if kind == "GLOBAL"}
                       for code in _codes(self.code))  # fmt: skip

    @cached_property
    def filled(self) -> set[str]:
        return {name for code in _codes(self.code)
                for kind, name in _stores(code) if kind == "ATTR"}  # fmt: skip


def _stores(code: CodeType) -> Iterator[tuple[str, str]]:
    """Yield which globals a function writes, and in which attributes it puts something."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "CACHE"]
    for at, step in enumerate(steps):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            yield "GLOBAL", str(step.argval)
        is_method = step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval in _MUTATORS
        is_item = step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR")
        if is_method or is_item:
            holder = steps[at - (2 if is_item else 1)]
            if holder.opname in ("LOAD_GLOBAL", "LOAD_ATTR"):
                yield holder.opname.removeprefix("LOAD_"), str(holder.argval)


def read_compiled(path: Any) -> tuple[Stamp, Text] | None:
    """Return which file was compiled last, to whole seconds, and what it said."""
    try:
        with open(path, "rb") as file:
            head, body = file.read(16), file.read()
        if head[:8] != MAGIC_NUMBER + bytes(4):
            return None
        seconds, size = (int.from_bytes(head[at : at + 4], "little") for at in (8, 12))
        return (seconds * 10**9, size), Compiled(marshal.loads(body))
    except (OSError, TypeError, ValueError, EOFError):
        return None


_KINDS = ("classmethod", "property", "staticmethod")
"""Decorators that leave a function what it is."""


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield each name as often as a body binds it; what stands in functions is not looked at."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif not isinstance(node, ast.Lambda):
            yield from _bound(node)


_MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "move_to_end", "pop",
     "popitem", "popleft", "put", "remove", "reverse", "setdefault", "sort", "update"}
)  # fmt: skip
"""Methods that change what they belong to."""


def _groups(tree: ast.Module) -> list[set[str]]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return _joined(set(_written(each)) for each in ast.walk(tree) if isinstance(each, kinds))


def _joined(each_written: Iterable[set[str]]) -> list[set[str]]:
    groups: list[set[str]] = []
    for written in each_written:
        if written:
            apart = [group for group in groups if not group & written]
            joined = written.union(*(group for group in groups if group & written))
            groups = [*apart, joined]
    return groups


def _written(function: ast.AST) -> Iterator[str]:
    """Yield the names that a function may write to, if they are those of the module's top."""
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
            method = node.attr if isinstance(node, ast.Attribute) else None
            if method in _MUTATORS or not (method or isinstance(node.ctx, ast.Load)):
                yield node.value.id


def _filled(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(
            node.value, ast.Attribute
        ):
            is_method = isinstance(node, ast.Attribute) and node.attr in _MUTATORS
            is_item = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
            if is_method or is_item:
                yield node.value.attr


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def parts(value: Any) -> tuple[Any, ...]:
    """Return the functions that something in a module or class consists of.

    Examples
    --------
    >>> parts(len), parts(property(len))
    ((<built-in function len>,), (<built-in function len>, None, None))
    """
    if type(value) is property:
        return value.fget, value.fset, value.fdel
    if type(value) in (staticmethod, classmethod):
        return (value.__func__,)
    return (value,)


def innermost(function: Any) -> Any:
    """Return the function that decorators have wrapped."""
    for _ in range(100):
        try:
            inner = object.__getattribute__(function, "__dict__").get("__wrapped__")
        except (AttributeError, TypeError):
            break
        if inner is None:
            break
        function = inner
    return function


_texts: dict[str, tuple[Stamp, Text | None]] = {}


def read_text(path: str) -> tuple[Stamp, Text | None] | None:
    """Return the stamp of a file and what it says, or None where that cannot be read.

    Examples
    --------
    >>> stamp, text = read_text(ast.__file__)
    >>> "literal_eval" in text.defined, text.codes["literal_eval"][0].co_name
    (True, 'literal_eval')
    """
    stamp = stamp_of(path)
    if stamp is None:
        return None
    known = _texts.get(path)
    if known is None or known[0] != stamp:
        try:
            with open(path, "rb") as file:
                source = file.read()
            if stamp_of(path) != stamp:  # it is being written
                return stamp, None
            known = stamp, Text(source, path)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            known = stamp, None
        _texts[path] = known
    return known


_looked_at: dict[str, Any] = {}
_looked_through: tuple[list[str], list[Any], list[str]] = [], [], []
"""The names and modules in `sys.modules` when all were looked at, and which may be the user's."""


def users_modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield the modules of the user's that are loaded here, by name."""
    global _looked_through
    names, modules = [*sys.modules], [*sys.modules.values()]
    before, those, likely = _looked_through
    if names == before and len(modules) == len(those) and all(map(operator.is_, modules, those)):
        candidates = [(name, sys.modules.get(name)) for name in likely]
    else:
        candidates = list(sys.modules.items())
    found = {}
    likely = []
    for name, module in candidates:
        if _looked_at.get(name) is module:
            continue
        if isinstance(module, ModuleType):
            spec = vars(module).get("__spec__")
            if getattr(spec, "_initializing", False):
                likely.append(name)
                continue  # it is looked at when it is there
            if spec is not None and is_users(spec) and spec.name == name:
                likely.append(name)
                found[name] = module
                continue
        _looked_at[name] = module
    _looked_through = names, modules, likely
    yield from found.items()
