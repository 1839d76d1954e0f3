"""What a fingerprint consists of, thing by thing, under names that hold while others change.

Definitions for which the same stands are one here. Each is called by the way on which it is met
first, as the name of a function does not count: "helper", "Row.scale"; the first of all is "it".
"""

from __future__ import annotations

import functools
import types
from collections.abc import Container, Iterator, Mapping
from typing import Any

from ....model.task import Task
from ....strangers import LONGEST_NAME, harmless
from .code import hashed
from .definitions import Definition
from .kinds import PATHS
from .labels import is_users_module, name_of_module
from .origins import full_name, importable_name, is_class, version_of
from .plain import shown

__all__ = ["listing"]

_NAMED_BY_USE = {"uses", "in", "default", "carries", "argument", "imports"}


def listing(
    roots: Mapping[str, int], definitions: Mapping[int, Definition], digests: Mapping[int, bytes]
) -> dict[str, tuple[str, str]]:
    """Return the digest and text of each thing of some definitions and all that they reach.

    Examples
    --------
    >>> made = Definition(len, b"", (), {}, lines=[("uses rate", b"1", [])], values=[2])
    >>> listing({"it": 7}, {7: made}, {7: b""})
    {'it: uses rate': ('31', '2')}
    """
    names = dict[bytes, str]()
    taken = set[str]()
    ahead = list[int]()

    def meet(node: int, wanted: str) -> str:
        digest = digests[node]
        if digest not in names:
            names[digest] = _free(wanted, taken)
            taken.add(names[digest])
            ahead.append(node)
        return names[digest]

    found = dict[str, tuple[str, str]]()
    entries = {
        name: meet(node, _root_name(definitions[node].thing, name)) for name, node in roots.items()
    }
    if len(entries) > 1:
        found["it: names"] = hashed(list(entries.items())).hex(), ""
    for node in ahead:  # which grows
        made, own = definitions[node], names[digests[node]]
        others = dict[int, str]()
        for name, _, numbers in made.lines:
            for number in numbers:
                if number not in others:
                    other = made.others[number]
                    others[number] = meet(id(other), _name_of(other, own, name))
        for key, part in _parts(made, own, others):
            found[_free(key, found)] = part
    return found


def _parts(
    made: Definition, own: str, others: Mapping[int, str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a key, a digest and a text for each thing of one definition."""
    thing, text = made.thing, hashed(made.text).hex()
    if id(type(thing)) in PATHS:
        yield f"{own}: path", (text, shown(str(thing)))
        yield f"the file: {thing}", (hashed(made.file).hex(), "" if made.file else "none")
        return
    if issubclass(type(thing), types.ModuleType) and not is_users_module(thing):
        yield own, (text, harmless(version_of(name_of_module(thing)), LONGEST_NAME))
        return
    if type(thing) is types.FunctionType:
        yield f"{own}: text", (text, harmless(thing.__qualname__, LONGEST_NAME))
    elif is_class(thing):
        yield f"{own}: class", (text, harmless(full_name(thing)[1], LONGEST_NAME))
    for (name, digest, _), value in zip(made.lines, made.values, strict=True):
        yield f"{own}: {name or 'value'}", (digest.hex(), _text(value))
    if others:
        links = [numbers for _, _, numbers in made.lines], list(others.items())
        yield f"{own}: refers", (hashed(*links).hex(), "")


def _text(value: Any) -> str:
    if is_class(value) and importable_name(value):
        return harmless(".".join(full_name(value)).removeprefix("builtins."), LONGEST_NAME)
    if issubclass(type(value), types.ModuleType):
        return harmless(name_of_module(value), LONGEST_NAME)
    return shown(value)


def _name_of(thing: Any, own: str, line: str) -> str:
    """Return what a definition is called, by the line that leads to it."""
    if is_class(thing):
        return full_name(thing)[1]
    if issubclass(type(thing), types.ModuleType) and not is_users_module(thing):
        return f"installed package: {name_of_module(thing)}"
    how, _, name = line.partition(" ")
    if how == "has":
        return f"{own}.{name}"
    if how == "in" and "." in own:  # it belongs to a method
        return f"{own}.{name}"
    if how in _NAMED_BY_USE and name:
        return name
    return "it" if how in ("", "calls") else line


def _root_name(thing: Any, name: str) -> str:
    is_call = any(type(thing) is kind for kind in (Task, functools.partial, types.MethodType))
    return "task" if is_call and name == "it" else name


def _free(name: str, taken: Container[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found
