"""Which edit made a task another one, in words: from what its fingerprints consist of.

An edit shows up in several places: who gives a class a field changes its `__init__` too, and who
calls one more function changes the text and what is reached. So what follows from another change
is neither said nor counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Parts", "difference", "differences"]

Parts = Mapping[str, Sequence[str]]
"""What a fingerprint consists of: by key, what stands for it and a short text."""

_OWN = {"text", "class"}
_KINDS = {"text", "class", "path"}
_ANOTHER = {"base", "metaclass", "calls", "value"}
_SILENT = {"refers", "names", "doc"}
_LISTS = {"installed package", "the file"}
_FIELDS = {"__dataclass_fields__", "__annotations__", "__annotate_func__", "_fields"}
_PHRASES = {
    "uses": "'{name}', which {owner} uses,",
    "imports": "'{name}', which {owner} imports,",
    "in": "'{name}' in the closure of {owner}",
    "default": "the default '{name}' of {owner}",
    "carries": "the attribute '{name}' of {owner}",
    "argument": "its argument '{name}'",
    "has": "'{name}' of {owner}",
    "name": "the name of '{name}', which {owner} uses,",
    "subclasses": "what derives from '{name}'",
    "signature": "the signature of '{name}', which {owner} uses,",
    "base": "a base of {owner}",
    "metaclass": "the metaclass of {owner}",
    "calls": "what it calls",
    "value": "its value",
    "version": "its version",
    "validate_input": "its 'validate_input'",
    "validate_output": "its 'validate_output'",
}


class _Change(NamedTuple):
    """How much a change tells (less is more), and the words for it."""

    rank: int
    words: str


def difference(before: Parts, now: Parts) -> str:
    """Return in words what is not as it was, the most telling first; empty if all is.

    Parameters
    ----------
    before, now : mapping of str to (str, str)
        What `Printer.parts` has returned; lists from JSON will do.

    Examples
    --------
    >>> before = {"it: text": ("a", "clean"), "it: uses FACTOR": ("b", "2")}
    >>> difference(before, before | {"it: uses FACTOR": ("c", "3")})
    "'FACTOR', which 'clean' uses, was 2 and is 3"
    >>> difference(before, before | {"it: text": ("c", "clean")})
    "'clean' has another text"
    """
    said = differences(before, now)
    return (said[0] + (f", and {len(said) - 1} more" if len(said) > 1 else "")) if said else ""


def differences(before: Parts, now: Parts) -> list[str]:
    """Return in words all that is not as it was, as `difference` has the first of it.

    Examples
    --------
    >>> before = {"it: text": ("a", "clean"), "it: uses FACTOR": ("b", "2")}
    >>> differences(before, {"it: text": ("c", "clean"), "it: uses FACTOR": ("d", "3")})
    ["'FACTOR', which 'clean' uses, was 2 and is 3", "'clean' has another text"]
    """
    changes = sorted(_Comparison(before, now).changes(), key=lambda change: change.rank)
    said = list(dict.fromkeys(change.words for change in changes))
    if said:
        return said
    is_same = {key: part[0] for key, part in before.items()} == {
        key: part[0] for key, part in now.items()
    }
    return [] if is_same else ["something that it uses has changed"]


class _Comparison:
    def __init__(self, before: Parts, now: Parts) -> None:
        self.old, self.new = _things(before), _things(now)
        self.root = self.called("it")

    def changes(self) -> list[_Change]:
        """Return what has changed of itself; if there is nothing, what else has."""
        both = [thing for thing in self.new if thing in self.old]
        found: dict[str, Sequence[str]] = {thing: self.differing(thing) for thing in both}
        others = [thing for thing in both if self.is_other(thing)]
        found |= dict.fromkeys(others, ())
        changes = [_Change(2, f"{self.used(thing)} is something else") for thing in others]
        changes += [
            self.change(thing, how)
            for thing, ways in found.items()
            for how in ways
            if not self.follows(thing, how, found)
        ]
        if changes:
            return changes
        came = [thing for thing in self.new if thing not in self.old]
        gone = [thing for thing in self.old if thing not in self.new]
        if came or gone:
            whole = [each for each in came or gone if self.split(each)[0] not in (came or gone)]
            return [self.appearance(thing) for thing in whole]
        silent = [(thing, how) for thing in both for how in self.differing(thing, is_silent=True)]
        return [
            _Change(0, f"a docstring that {self.called(thing)} reads has changed")
            if how == "doc"
            else _Change(1, f"{self.called(thing)} refers to something else")
            for thing, how in silent
        ]

    def appearance(self, thing: str) -> _Change:
        """Put into words that a thing came or is gone, and that this is all.

        Functions of one text are one thing, until one of them gets another text.
        """
        if "text" in (self.new.get(thing) or self.old[thing]):
            return _Change(0, f"{self.used(thing)} has another text")
        return _Change(1, f"{self.called(thing)} {'is new' if thing in self.new else 'is gone'}")

    def is_other(self, thing: str) -> bool:
        """Tell whether a function, say, is a class now."""
        return bool(_KINDS & self.old[thing].keys() ^ _KINDS & self.new[thing].keys())

    def differing(self, thing: str, *, is_silent: bool = False) -> list[str]:
        """Return what is not as it was of a thing that was there."""
        old, new = self.old[thing], self.new[thing]
        return [
            how
            for how in dict.fromkeys([*new, *old])
            if (how in _SILENT) is is_silent and _digest(old, how) != _digest(new, how)
        ]

    def follows(self, thing: str, how: str, found: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a change comes from another one that is said."""
        is_on_one_side = how not in self.old[thing] or how not in self.new[thing]
        if is_on_one_side and (thing in _LISTS or not _OWN.isdisjoint(found[thing])):
            return True  # the text names it now, or does so no more
        owner, name = self.split(thing)
        if how.startswith("has "):
            owner, name = thing, how.removeprefix("has ")
        if not owner or not self.is_made(owner, name):
            return False
        ways = [each.removeprefix("has ") for each in found.get(owner, ())]
        fields = [each for each in ways if each in _FIELDS]
        is_first = name in fields[:1] and thing == owner
        return bool(fields and not is_first) or not all(self.is_made(owner, way) for way in ways)

    def is_made(self, owner: str, name: str) -> bool:
        """Tell whether an attribute of a class is mostly made by Python or a decorator."""
        is_tuple = "has _fields" in self.new.get(owner, ())  # a named one
        return name.startswith("_") and (name.endswith("_") or is_tuple)

    def change(self, thing: str, how: str) -> _Change:
        """Put a change into words."""
        old, new = self.old[thing].get(how), self.new[thing].get(how)
        if thing == "installed package":
            return _Change(1, f"{how}{_became(old, new)}")
        if thing == "the file":
            return _Change(1, f"the file '{how}' {_change_of_file(old, new)}")
        if how == "text":
            return _Change(2, self.change_of_text(thing))
        if how == "class":
            return _Change(4, f"{self.called(thing)} is another class than it was")
        kind, _, name = how.partition(" ")
        if name in _FIELDS and kind == "has":
            return _Change(3, f"{self.called(thing)} has other fields")
        if how == "path":
            kind, name, thing = ("value" if thing == "it" else "uses"), _plain(thing), "it"
        owner = self.called(thing)
        words = _PHRASES.get(kind, "'{name}' of {owner}").format(name=name or kind, owner=owner)
        if kind == "default" and thing == "it":
            words = f"its default '{name}'"
        became = _became(old, new)
        if kind in _ANOTHER and became == " has another value":
            became = " is another"
        return _Change(0 if became.startswith(" was") else 3, words + became)

    def change_of_text(self, thing: str) -> str:
        old, new = (_last(parts[thing]["text"][1]) for parts in (self.old, self.new))
        if thing == "it" or old == new:
            return f"{self.used(thing)} has another text"
        return f"'{old}', which {self.root} uses, has become '{new}'"

    def used(self, thing: str) -> str:
        """Return what people call a thing, and that it is used, unless that is plain."""
        called = self.called(thing)
        is_plain = called == self.root or "class '" in called
        return called if is_plain else f"{called}, which {self.root} uses,"

    def split(self, thing: str) -> tuple[str, str]:
        """Return the class that a thing is in, and its attribute there; both empty if it is none.

        What a method has in its closure belongs to the method.
        """
        names = thing.split(".")
        for end in range(len(names) - 1, 0, -1):
            owner = ".".join(names[:end])
            if "class" in (self.new.get(owner) or self.old.get(owner) or ()):
                return owner, _plain(names[end])
        return "", ""

    def called(self, thing: str) -> str:
        """Return what people call a thing: a function by its own name, if it has one."""
        parts = self.new.get(thing) or self.old.get(thing) or {}
        if "class" in parts:
            return f"the class '{_last(parts['class'][1])}'"
        owner, method = self.split(thing)
        if owner:
            return f"'{method}' of the class '{_last(owner)}'"
        name = _last(parts["text"][1]) if "text" in parts else "<none>"
        if not name.startswith("<"):
            return f"'{name}'"
        return "its function" if thing in ("it", "task") else f"'{_plain(thing)}'"


def _things(parts: Parts) -> dict[str, dict[str, Sequence[str]]]:
    """Return the parts of each function, class and so on, by what they are of it."""
    found: dict[str, dict[str, Sequence[str]]] = {}
    for key, part in parts.items():
        thing, _, how = key.partition(": ")
        found.setdefault(thing, {})[how] = part
    return found


def _digest(parts: Mapping[str, Sequence[str]], how: str) -> str:
    return parts[how][0] if how in parts else ""


def _became(old: Sequence[str] | None, new: Sequence[str] | None) -> str:
    if old is None or new is None:
        return " is new" if old is None else " is gone"
    if old[1] and new[1] and old[1] != new[1]:
        return f" was {old[1]} and is {new[1]}"
    return " has another value"


def _change_of_file(old: Sequence[str] | None, new: Sequence[str] | None) -> str:
    if new is None or new[1] == "none":
        return "is gone"
    return "is there now" if old is None or old[1] == "none" else "has changed"


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _plain(name: str) -> str:
    """Return a name without the number that tells it from others."""
    return name.partition(" (")[0]
