"""What a function would do, in 32 digits, so that a run can tell what has changed since another.

In a notebook the same name is defined again and again, mostly as it was. So a function is neither
its name nor its place, but what its code says and what that can reach: constants, defaults, the
contents of its closure, the globals that it names, and so on through all functions and classes of
the notebook and of the user's modules. The rest is taken at its word: what an import finds counts
as its name, a value as its pickle, what cannot be pickled as itself. Nothing is called but what
pickling calls.

One walk goes through all of this. It numbers the functions and classes that it meets, and what it
meets again counts as its number, so recursion ends. Each value is pickled on its own: a pickle
tells one string met twice from two equal ones, and that depends on which cells were compiled when.
"""

from __future__ import annotations

import functools
import itertools
import marshal
import pickle
import sys
import types
import weakref
from collections.abc import Callable, Iterable
from hashlib import blake2b
from opcode import opmap
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

from ...model.task import Task
from ..remote.surroundings.sources import is_users

__all__ = ["digest", "fingerprint"]

Memo = dict[int, tuple[Any, bytes]]


def fingerprint(function: Callable[..., Any], memo: Memo | None = None) -> str:
    """Return what tells whether a function would do what it did before, or what another does.

    File, line, blank lines, comments and its own name do not count; the docstring does. Functions
    and classes of the user's own modules count as those of a notebook do; what belongs to Python or
    was installed counts as its name.

    The function may be any callable object, and is not called; `memo` is that of `digest`.

    Examples
    --------
    >>> rate = 2
    >>> def scaled(x): return rate * x
    >>> before = fingerprint(scaled)
    >>> def scaled(x):  # elsewhere, but the same
    ...     return rate * x
    >>> fingerprint(scaled) == before, fingerprint(lambda x: rate + x) == before
    (True, False)
    """
    return digest(function, memo)


def digest(value: Any, memo: Memo | None = None) -> str:
    """Return what tells whether a value is equal to another, as far as its pickle shows.

    Functions and classes within it count as by `fingerprint`. What cannot be pickled counts as
    itself: in a list, tuple, set or dict the one element, otherwise the whole value.

    The text is comparable within this process. What counts as itself and cannot be weakly referred
    to lives as long as the text, so that no other can come to stand at its address. A `memo` is
    empty at first; calls that share it, and between which nothing changes, hash what is large once.
    It keeps the values alive.

    Examples
    --------
    >>> digest({"words": {"a", "the"}}) == digest({"words": {"the", "a"}})
    True
    >>> from threading import Lock
    >>> lock = Lock()
    >>> digest([lock]) == digest([lock]), digest(lock) == digest(Lock())
    (True, False)
    """
    walk = _Walk({} if memo is None else memo)
    found = _Digest(_hash(walk.value(value)).hex())
    found.held = walk.held
    return found


class _Digest(str):  # of which plain text would do, but for what it holds
    held: list[Any]


class _Walk:
    """The way through all that a value reaches; a method returns what stands for its argument."""

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.met: dict[int, tuple[int, Any]] = {}
        self.meetings = 0
        self.held: list[Any] = []

    def value(self, value: Any) -> bytes:
        if _is_atom(value):
            return marshal.dumps(value, 2)
        before = len(self.met)
        for describe in (self._whole, self._by_parts):
            try:
                return describe(value)
            except KeyboardInterrupt:
                raise
            except BaseException:  # from methods of the value; a panic in Rust is no Exception
                while len(self.met) > before:  # it was met in what is now left out
                    self.met.popitem()
        return self._by_identity(value)

    def _whole(self, value: Any) -> bytes:
        kind = type(value)
        if kind is types.FunctionType or issubclass(kind, type):
            name = _importable_name(value)
            describe = self._function if kind is types.FunctionType else self._class
            return _flat("import", name) if name else self._once(value, describe)
        if kind is types.ModuleType:
            return _flat("module", value.__name__)
        if id(value) in self.memo:
            return self.memo[id(value)][1]
        meetings = self.meetings
        found = self._pickled(value)
        if self.meetings == meetings:  # numbers of what was met mean nothing in another walk
            self.memo[id(value)] = value, found
        return found

    def _by_parts(self, value: Any) -> bytes:
        kind, parts = type(value), _PARTS[type(value)]
        return self._once(value, lambda value: _hash(kind.__name__, self._all(parts(value))))

    def _by_identity(self, value: Any) -> bytes:
        try:
            identity = _remembered(_numbers, value, lambda _: ("number", next(_count)))
        except KeyboardInterrupt:
            raise
        except BaseException:  # nothing can refer to it weakly, or its hash is the user's own
            self.held.append(value)
            identity = "address", id(value)
        return _flat(identity, self.value(type(value)))

    def _once(self, thing: Any, describe: Callable[[Any], bytes]) -> bytes:
        self.meetings += 1
        if id(thing) in self.met:
            return _flat("met", self.met[id(thing)][0])
        self.met[id(thing)] = len(self.met), thing
        return describe(thing)

    def _all(self, values: Iterable[Any]) -> list[bytes]:
        return [self.value(value) for value in values]

    def _function(self, function: types.FunctionType) -> bytes:
        code, named = _remembered(_codes, function.__code__, _describe_code)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        # Where annotations look names up, in the cell of that name, stands the line of their class.
        full = (each for each in cells if each[0] != "__classdict__" and each[1] != _EMPTY_CELL)
        known = function.__globals__
        return _hash(
            code,
            self._all((function.__defaults__, function.__kwdefaults__)),
            [(name, self._global(known[name], function)) for name in named if name in known],
            [(name, self.value(cell.cell_contents)) for name, cell in full],
        )

    def _global(self, value: Any, function: types.FunctionType) -> bytes:
        """Return what stands for a global; of a user's module, what the function may take from it.

        The code names the attributes that it looks up, without saying of what.
        """
        if not _is_users_module(value):
            return self.value(value)
        held = vars(value)
        named = sorted(name for name in _names_in(function.__code__) if name in held)
        return _hash(value.__name__, [(name, self.value(held[name])) for name in named])

    def _class(self, made: type) -> bytes:
        held = sorted(item for item in vars(made).items() if item[0] not in _VOLATILE)
        bases = self._all((type(made), *made.__bases__))
        return _hash(made.__qualname__, bases, [(name, self.value(each)) for name, each in held])

    def _pickled(self, value: Any) -> bytes:
        stream, buffers = blake2b(digest_size=16), list[bytes]()
        sink: Any = types.SimpleNamespace(write=stream.update)
        pickler = _Pickler(sink, 5, buffer_callback=lambda part: buffers.append(_sum(part.raw())))
        pickler.walk = self
        pickler.dump(value)
        return _hash("pickle", stream.digest(), buffers)


def _is_atom(value: Any) -> bool:
    try:
        return type(value) in _ATOMS
    except KeyboardInterrupt:
        raise
    except BaseException:  # its metaclass gives it no hash
        return False


class _Pickler(pickle.Pickler):
    walk: _Walk

    def persistent_id(self, thing: Any) -> bytes | None:
        # In which order a set is gone through depends on how it was built.
        if type(thing) not in (set, frozenset):
            return None
        if set(map(type, thing)) in ({int}, {str}):  # ten times faster than what follows
            return _flat(type(thing).__name__, sorted(thing))
        return _flat(thing) if all(map(_is_simple, thing)) else None  # marshal sorts it

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if thing is tuple:
            return NotImplemented
        if kind is types.FunctionType or issubclass(kind, type):
            return tuple, (self.walk.value(thing),)
        return (tuple, (kind.__name__, *_PARTS[kind](thing))) if kind in _PARTS else NotImplemented


def _flat(*parts: Any) -> bytes:
    # Up to version 2, the bytes do not tell whether two equal parts are one object.
    return marshal.dumps(parts, 2)


def _sum(data: bytes | memoryview) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _hash(*parts: Any) -> bytes:
    return _sum(_flat(*parts))


def _is_simple(value: Any) -> bool:
    kind = type(value)
    return kind in _ATOMS or (kind in (tuple, frozenset) and all(map(_is_simple, value)))


def _remembered(table: dict[int, Any], thing: Any, make: Callable[[Any], Any]) -> Any:
    """Return what was made of this very object before, or make it and keep it while it lives."""
    key = id(thing)
    known = table.get(key)
    if known is None or known[0]() is not thing:
        known = table[key] = weakref.ref(thing, lambda _: table.pop(key, None)), make(thing)
    return known[1]


def _importable_name(thing: Any) -> str | None:
    """Return the name by which an import finds a function or class, none if it is a notebook's."""
    module, path = thing.__module__, thing.__qualname__
    name = f"{module}:{path}"
    if isinstance(thing, type) and not thing.__flags__ & _HEAP_TYPE:
        return name
    if module == "__main__" or "<" in path:
        return None
    found = home = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return name if found is thing and not _is_users_module(home) else None


def _is_users_module(module: Any) -> bool:
    return isinstance(module, types.ModuleType) and is_users(vars(module).get("__spec__"))


def _plain(constant: Any, named: dict[str, None]) -> Any:
    if isinstance(constant, types.CodeType):
        constant, inner = _describe_code(constant)
        named.update(dict.fromkeys(inner))
    elif isinstance(constant, slice):  # since Python 3.14
        return [constant.start, constant.stop, constant.step]
    elif isinstance(constant, tuple):
        return tuple(_plain(part, named) for part in constant)
    return constant


def _names_in(code: types.CodeType) -> set[str]:
    """Return all names that code, and the code within it, looks up."""
    within = (each for each in code.co_consts if isinstance(each, types.CodeType))
    return set(code.co_names).union(*map(_names_in, within))


def _describe_code(code: types.CodeType) -> tuple[bytes, tuple[str, ...]]:
    """Return what stands for code, and what it and the code within it look up as globals."""
    named, argument, operations = dict[str, None](), 0, bytearray(code.co_code)
    constants = [_plain(constant, named) for constant in code.co_consts]
    for at in range(0, len(operations), 2):
        operation, argument = operations[at], argument << 8 | operations[at + 1]
        if operation in _SHIFTS:  # co_names has the names of attributes too
            named[code.co_names[argument >> _SHIFTS[operation]]] = None
        elif operation == _STORE and code.co_names[argument] == "__firstlineno__":
            # Since Python 3.13, the body of a class begins by writing down its line.
            if operations[at - 2] == opmap["LOAD_CONST"]:
                constants[operations[at - 1]] = None
            operations[at - 1] = 0
        if operation != _EXTENDED:
            argument = 0
    described = _hash(
        *(bytes(operations), code.co_exceptiontable, code.co_flags, constants),
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        *(code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
    )
    return described, tuple(named)


_SHIFTS = {opmap["LOAD_GLOBAL"]: 1, opmap["LOAD_NAME"]: 0}
"""How far the argument of each opcode that finds a global is shifted against `co_names`."""
if "LOAD_FROM_DICT_OR_GLOBALS" in opmap:  # since Python 3.12
    _SHIFTS[opmap["LOAD_FROM_DICT_OR_GLOBALS"]] = 0

_STORE, _EXTENDED = opmap["STORE_NAME"], opmap["EXTENDED_ARG"]

_HEAP_TYPE = 1 << 9
"""A flag that the interpreter's own classes lack; an import does not find all of these."""

_VOLATILE = {  # attributes of a class that say where it stands, or that its use changes
    "__annotations_cache__", "__classdictcell__", "__dict__", "__firstlineno__",
    "__static_attributes__", "__weakref__", "_abc_impl",
}  # fmt: skip

_ATOMS = frozenset({bool, bytes, complex, float, int, str, type(None), type(...)})
_EMPTY_CELL = types.CellType()
_NAMED = (types.ModuleType, NewType, ParamSpec, TypeVar, TypeVarTuple)
_codes: dict[int, Any] = {}
_numbers: dict[int, Any] = {}
_count = itertools.count()

_PARTS: dict[type, Callable[[Any], Iterable[Any]]] = {
    # Kinds that pickle refuses or takes by name, and those of which it may refuse one part.
    dict: lambda held: itertools.chain.from_iterable(held.items()),
    **dict.fromkeys((list, tuple, set, frozenset), iter),
    property: lambda made: (made.fget, made.fset, made.fdel),
    **dict.fromkeys((staticmethod, classmethod), lambda made: (made.__func__,)),
    functools.cached_property: lambda made: (made.func,),
    functools.partial: lambda made: (made.func, made.args, made.keywords),
    functools._lru_cache_wrapper: lambda made: (made.__wrapped__,),
    types.BuiltinFunctionType: lambda made: (made.__self__, made.__module__, made.__name__),
    types.CodeType: _describe_code,
    types.MappingProxyType: lambda view: (dict(view),),
    types.MethodType: lambda method: (method.__func__, method.__self__),
    **dict.fromkeys(_NAMED, lambda made: (made.__name__,)),
    weakref.WeakKeyDictionary: lambda cache: (),  # as in singledispatch, where calls fill it
    Task: lambda task: (task.function, task.validate_input, task.validate_output),
}
