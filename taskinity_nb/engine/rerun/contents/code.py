"""What code says, without where it stands, and what it may look up when it runs."""

from __future__ import annotations

import dis
import itertools
import marshal
import re
import types
import weakref
from collections.abc import Callable
from hashlib import blake2b
from opcode import hasconst, opmap
from typing import Any, NamedTuple

__all__ = ["Described", "described_code", "flat", "hashed", "remembered", "summed"]


class Described(NamedTuple):
    """What stands for code, and what it and the code within it look up.

    Attributes
    ----------
    digest : bytes
        The same for code that does the same; docstrings do not count.
    names : tuple of str
        Globals.
    attributes : frozenset of str
        Attributes of anything, and what it imports from modules.
    imports : tuple of str
        Modules that it imports when it runs, as they are written.
    passed : frozenset of str
        Globals and attributes of which it does not just take an attribute: it may pass them on.
    texts : frozenset of str
        Names within its texts, if it may look these up.
    """

    digest: bytes
    names: tuple[str, ...]
    attributes: frozenset[str]
    imports: tuple[str, ...]
    passed: frozenset[str]
    texts: frozenset[str]


def flat(*parts: Any) -> bytes:
    """Return plain values as bytes, which do not tell whether two equal parts are one object.

    Examples
    --------
    >>> flat(1) == flat(1) != flat(True)
    True
    """
    return marshal.dumps(parts, 2)  # from version 3 on, they would tell


def summed(data: Any) -> bytes:
    """Return a digest of bytes.

    Examples
    --------
    >>> len(summed(b"any number of them"))
    16
    """
    return blake2b(data, digest_size=16).digest()


def hashed(*parts: Any) -> bytes:
    """Return a digest of plain values.

    Examples
    --------
    >>> hashed("a", 1) == hashed("a", 1.0)
    False
    """
    return summed(flat(*parts))


def remembered(table: dict[int, Any], thing: Any, make: Callable[[Any], Any]) -> Any:
    """Return what was made of this very object before, or make it and keep it while it lives.

    Examples
    --------
    >>> table = {}
    >>> remembered(table, len, lambda _: "made"), remembered(table, len, lambda _: "made again")
    ('made', 'made')
    """
    key = id(thing)
    known = table.get(key)
    if known is None or known[0]() is not thing:
        known = table[key] = weakref.ref(thing, lambda _: table.pop(key, None)), make(thing)
    return known[1]


def described_code(code: types.CodeType) -> Described:
    """Describe code; what was found of it is remembered while it lives.

    Examples
    --------
    >>> described_code(compile("a.b", "<cell>", "eval"))[1:]
    (('a',), frozenset({'b'}), (), frozenset({'b'}), frozenset())
    """
    found: Described = remembered(_known, code, _describe)
    return found


def _describe(code: types.CodeType) -> Described:
    names, attributes, imports = dict[str, None](), set[str](), dict[str, None]()
    passed, texts, loaded = set[str](), set[str](), ""
    operations, constants = bytearray(code.co_code), dict[int, int]()
    loads, argument, last = list[int](), 0, -1
    for at in range(0, len(operations), 2):
        operation, argument = operations[at], argument << 8 | operations[at + 1]
        if loaded and operation not in _BETWEEN:
            if operation not in _OF_WHAT_IS_LOADED:
                passed.add(loaded)
            loaded = ""
        if operation in hasconst:  # by the order in which they are used: a docstring is not
            loads.append(constants.setdefault(argument, len(constants)))
            operations[at + 1] = 0
        elif operation in _GLOBALS:  # co_names has the names of attributes too
            loaded = code.co_names[argument >> _GLOBALS[operation]]
            names[loaded] = None
        elif operation in _ATTRIBUTES:
            name = code.co_names[argument >> _ATTRIBUTES[operation]]
            attributes.add(name)
            loaded = "" if operation == opmap["IMPORT_FROM"] else name
        elif operation == opmap["IMPORT_NAME"]:
            imports[code.co_names[argument]] = None
        elif operation == opmap["STORE_NAME"] and code.co_names[argument] in _PLACE:
            # The body of a class writes down its docstring and, since Python 3.13, its line.
            if operations[last] in hasconst:
                loads[-1] = -1
            operations[last : last + 2] = b"\0\0"
        if operation != opmap["EXTENDED_ARG"]:
            argument, last = 0, at
    used = set(loads)
    held = []
    for index, number in constants.items():
        constant = code.co_consts[index] if number in used else None
        for inner in _codes_in(constant):
            found = described_code(inner)
            names.update(dict.fromkeys(found.names))
            attributes |= found.attributes
            imports.update(dict.fromkeys(found.imports))
            passed |= found.passed
            texts |= found.texts
        held.append(_plain(constant))
    if not _LOOK_UP.isdisjoint(names.keys() | attributes):
        told = [code.co_consts[index] for index, number in constants.items() if number in used]
        texts.update(_NAME.findall(str([each for each in told if isinstance(each, str | tuple)])))
    if imports:
        passed |= _passed_imports(code)
    digest = hashed(
        *(bytes(operations), code.co_exceptiontable, code.co_flags & ~_HAS_DOCSTRING, loads, held),
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        *(code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
    )
    sets = map(frozenset, (passed, texts))
    return Described(digest, tuple(names), frozenset(attributes), tuple(imports), *sets)


def _passed_imports(code: types.CodeType) -> set[str]:
    """Return what code imports and does not just take an attribute of."""
    steps = list(dis.get_instructions(code))
    imported, name = dict[str, str](), ""
    for step in steps:
        if step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
            name = step.argval
        elif name and step.opname.startswith("STORE_"):
            imported[step.argval], name = name, ""
    passed = set[str]()
    for step, following in itertools.pairwise(steps):
        if not step.opname.startswith("LOAD_"):
            continue
        # Since Python 3.13, one step may load two.
        names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        is_asked = following.opcode in _OF_WHAT_IS_LOADED
        passed.update(imported[name] for name in names[:-1] if name in imported)
        if names[-1] in imported and not is_asked:
            passed.add(imported[names[-1]])
    return passed


def _codes_in(constant: Any) -> list[types.CodeType]:
    return [constant] if isinstance(constant, types.CodeType) else []


def _plain(constant: Any) -> Any:
    if isinstance(constant, types.CodeType):
        return "code", described_code(constant).digest
    if isinstance(constant, slice):  # since Python 3.14
        return [constant.start, constant.stop, constant.step]
    if isinstance(constant, tuple):
        return tuple(map(_plain, constant))
    return constant


def _shifts(**operations: int) -> dict[int, int]:
    return {opmap[name]: shift for name, shift in operations.items() if name in _REAL}


_REAL = {name for name, number in opmap.items() if number < 256}
"""The operations that stand in code: others are the compiler's own, by whatever name."""

_IN_312 = int("LOAD_METHOD" not in _REAL)
_GLOBALS = _shifts(LOAD_GLOBAL=1, LOAD_NAME=0, LOAD_FROM_DICT_OR_GLOBALS=0)
"""How far the argument of each opcode that finds a global is shifted against `co_names`."""
_ATTRIBUTES = _shifts(LOAD_ATTR=_IN_312, LOAD_SUPER_ATTR=2, LOAD_METHOD=0, IMPORT_FROM=0)

_BETWEEN = {opmap["CACHE"], opmap["EXTENDED_ARG"]}
_OF_WHAT_IS_LOADED = {*_ATTRIBUTES, opmap["STORE_ATTR"], opmap["DELETE_ATTR"]} - {
    opmap["IMPORT_FROM"]
}

_LOOK_UP = {"__import__", "eval", "exec", "globals", "import_module", "query", "vars"}
"""Who has these may look up a name that stands in a text; so does a table that is queried."""

_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_PLACE = {"__doc__", "__firstlineno__", "__static_attributes__"}
_HAS_DOCSTRING = 0x4000000
_known: dict[int, Any] = {}
