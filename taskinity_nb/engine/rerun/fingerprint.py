"""What a function would do, in 32 digits, so that a run can tell what has changed since another.

In a notebook the same name is defined again and again, mostly as it was. So a function is neither
its name nor its place, but what its code says and what that can reach: constants, defaults, the
contents of its closure, the globals that it names, and so on through all functions and classes of
the notebook and of the user's own modules. What is installed is taken at its word: it counts as its
name and version. A value counts as its content, what has no copy as itself.

The text is the same in another process, but where something counts as itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .buffers import Buffers
from .contents.budget import Budget
from .contents.closure import close
from .contents.code import hashed
from .contents.definitions import Definition, defined
from .contents.kinds import PATHS
from .contents.labels import number_of
from .contents.listing import listing
from .contents.origins import full_name, is_class
from .contents.plain import plain, plain_row
from .contents.walk import Walk

__all__ = [
    "Fingerprint",
    "Printer",
    "combined",
    "digest",
    "fingerprint",
    "taken",
    "taken_apart",
    "taken_plain",
]


class Fingerprint(NamedTuple):
    """What stands for a function or a value, and what of it is not written down.

    Attributes
    ----------
    digest : str
        Equal to that of another one, if that would do the same.
    lacks : mapping of str to str
        For the name of each value that was left out, why: "was too large to be written down". The
        name is empty for the value itself.
    files : mapping of str to (int, int) or None
        For each path in it, the size and time of the file that it leads to, if it leads to one.
    itself : mapping of str to str
        For the name of each value that counts as itself, or in which something does, why: "has no
        copy (a '_thread.lock')". The digest means nothing in another process then. The name is
        empty for the value itself.
    held : list
        What must live as long as this, since it counts as its address.
    """

    digest: str
    lacks: Mapping[str, str]
    files: Mapping[str, tuple[int, int] | None]
    itself: Mapping[str, str]
    held: list[Any]


class Printer:
    """Takes fingerprints between which nothing changes: what is large is gone through once.

    Parameters
    ----------
    is_bounded : bool
        Whether only so much is written down as takes some milliseconds, and nothing of the user's
        is called for it.

    Examples
    --------
    >>> space = {"table": [1] * 1_000_000}
    >>> exec("def total(): return sum(table)", space)
    >>> Printer(is_bounded=True).take(space["total"]).lacks["table"]
    'was too large to be written down'
    >>> Printer(is_bounded=False).take(space["total"]).lacks
    {}
    """

    def __init__(self, *, is_bounded: bool) -> None:
        self._walk = Walk(Budget(is_bounded))
        self._definitions: dict[int, Definition] = {}
        self._digests: dict[int, bytes] = {}
        self._beside: dict[int, _Beside] = {}

    def take(self, value: Any) -> Fingerprint:
        """Return the fingerprint of a function or any value."""
        self._define(value)
        for group in close(id(value), self._others, self._label, self._digests):
            found = list[_Beside]()
            for node in group:
                made = self._definitions[node]
                if made.lacks or made.itself:
                    found.append((made.lacks, {}, made.itself))
                if id(type(made.thing)) in PATHS:
                    found.append(({}, {str(made.thing): made.file}, {}))
                for other in made.others:
                    if id(other) in self._beside:
                        found.append(self._beside[id(other)])
            if found:
                self._beside.update(dict.fromkeys(group, _joined(found)))
        whole = self._digests[id(value)].hex()
        return Fingerprint(whole, *self._beside.get(id(value), ({}, {}, {})), self._walk.held)

    def take_together(self, value: Any, named: Mapping[str, Any]) -> Fingerprint:
        """Return the fingerprint of a value and what its texts name."""
        found = self.take(value)
        others = [(name, self.take(other)) for name, other in sorted(named.items())]
        beside = _joined(each[1:4] for each in [found, *(other for _, other in others)])
        whole = hashed(found.digest, [(name, other.digest) for name, other in others]).hex()
        return Fingerprint(whole, *beside, found.held)

    def parts(
        self, value: Any, named: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, tuple[str, str]]:
        """Return what the fingerprint of a function, a task or any value consists of.

        For each thing that counts, in all functions and classes that are reached: a key that it
        keeps while others change, what stands for it alone, and a short text of it, if it is a
        plain value. The digests differ for some key if the fingerprints differ, and only then;
        what stands for a file, which is no part of a digest, is its size and time.

        Parameters
        ----------
        value : object
            What the fingerprint is of.
        named : mapping of str to object, optional
            Likewise, as for `take_together`.

        Examples
        --------
        >>> space = {"FACTOR": 2}
        >>> exec("def clean(x, n=1): return FACTOR * x + n", space)
        >>> parts = Printer(is_bounded=False).parts(space["clean"])
        >>> {key: text for key, (digest, text) in parts.items()}
        {'it: text': 'clean', 'it: default n': '1', 'it: uses FACTOR': '2'}
        """
        roots = {"it": value, **dict(sorted(named.items()))}
        for root in roots.values():
            self.take(root)
        return listing(
            {name: id(root) for name, root in roots.items()}, self._definitions, self._digests
        )

    @property
    def buffers(self) -> Buffers:
        """The digests of the arrays that were met."""
        return self._walk.buffers

    @property
    def may_run_flows(self) -> bool:
        """Whether something of this package was met."""
        return self._walk.has_met_us

    @property
    def classes(self) -> dict[tuple[str, str], int]:
        """The classes of the user's that were met, by their names: a number that no other has."""
        met = [each.thing for each in self._definitions.values() if is_class(each.thing)]
        return {full_name(made): number_of(made) for made in met}

    def _define(self, value: Any) -> None:
        """Describe a value, and all definitions that it leads to."""
        ahead = [value]
        while ahead:
            thing = ahead.pop()
            if id(thing) not in self._definitions:
                made = self._definitions[id(thing)] = defined(thing, self._walk)
                ahead += made.others

    def _others(self, node: int) -> list[int]:
        return [id(other) for other in self._definitions[node].others]

    def _label(self, node: int) -> bytes:
        return self._definitions[node].digest


def taken(value: Any) -> Fingerprint:
    """Return the fingerprint of one value, with nothing left out; fast if it is small and plain.

    Examples
    --------
    >>> for value in (1, "a", None, 2.5, [], (1, "a"), {"a": 1, "b": b"c" * 1000}, [1, [2]]):
    ...     assert taken(value) == Printer(is_bounded=False).take(value)
    """
    return taken_apart(value)[0]


def taken_apart(value: Any) -> tuple[Fingerprint, Buffers]:
    """Return the fingerprint of one value, and the digests of the buffers in it.

    Examples
    --------
    >>> import numpy
    >>> array = numpy.zeros(10_000)
    >>> found, buffers = taken_apart(array)
    >>> found == taken(array), len(buffers.parts(memoryview(array).cast("B")))
    (True, 1)
    """
    found = plain(value) or plain_row(value)
    if found is None:
        printer = Printer(is_bounded=False)
        return printer.take(value), printer.buffers
    return Fingerprint(_alone(found), {}, {}, {}, []), NO_BUFFERS


def taken_plain(value: Any) -> str | None:
    """Return the digest of a small value without parts, None if it is no such.

    Examples
    --------
    >>> taken_plain(1) == taken(1).digest, taken_plain([1])
    (True, None)
    """
    found = plain(value)
    return None if found is None else _alone(found)


def _alone(found: bytes) -> str:
    """Return the digest of a value that leads nowhere, by what stands for it.

    That is one line without a name, as `defined` describes it and `close` closes it.
    """
    return combined([hashed([], [("", found, [])]), []])


def combined(parts: list[Any]) -> str:
    """Return a digest of plain values, digests among them.

    Examples
    --------
    >>> combined(["a", 1]) == combined(["a", 1]) != combined(["a", True])
    True
    """
    return hashed(*parts).hex()


def fingerprint(function: Callable[..., Any], printer: Printer | None = None) -> str:
    """Return what tells whether a function would do what it did before, or what another does.

    File, line, blank lines, comments, docstrings, annotations and its own name do not count.
    Functions and classes of installed modules count as their names and the version.

    The function may be any callable object, and is not called; `printer` is that of `digest`.

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
    return digest(function, printer)


def digest(value: Any, printer: Printer | None = None) -> str:
    """Return what tells whether a value is equal to another.

    Functions and classes within it count as by `fingerprint`. What has no copy, such as a lock,
    counts as itself: then the text is comparable within this process, and what cannot be weakly
    referred to lives as long as the text, so that no other can come to stand at its address.

    Examples
    --------
    >>> digest({"words": {"a", "the"}}) == digest({"words": {"the", "a"}})
    True
    >>> from threading import Lock
    >>> lock = Lock()
    >>> digest([lock]) == digest([lock]), digest(lock) == digest(Lock())
    (True, False)
    """
    taken = (printer or Printer(is_bounded=False)).take(value)
    found = _Digest(taken.digest)
    found.held = taken.held
    return found


class _Digest(str):  # of which plain text would do, but for what it holds
    held: list[Any]


NO_BUFFERS = Buffers()
"""Those of a plain value."""

_Beside = tuple[Mapping[str, str], Mapping[str, Any], Mapping[str, str]]
"""What is left out, files, and what counts as itself."""


def _joined(all_found: Iterable[_Beside]) -> _Beside:
    joined = dict[str, str](), dict[str, Any](), dict[str, str]()
    for found in all_found:
        for own, other in zip(joined, found, strict=True):
            own.update(other)
    return joined
