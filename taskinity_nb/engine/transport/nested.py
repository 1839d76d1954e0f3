"""What of a notebook a run inside a task may name, so that it can travel with the task.

A task that calls `run`, or another of the functions that take a flow, names functions in texts. So
each word that stands in a text like a flow, and that a flow here would find a function by, counts
as named by the task: in the strings of all code that it reaches, in the values that this names, in
flows, and in the inputs and the other functions of its run, which may choose the text. What these
functions name counts in turn.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from ...model.flow import Flow
from ...model.lookup import notebook
from ...model.plan import Plan
from ...values import is_once, kind_of
from .reach import Found, is_entry, is_standard, is_users, reach

__all__ = ["Named", "Nested", "words_of"]

LONGEST = 1_000_000
"""Characters of a text that may be a flow."""

_WORD = re.compile(r"[^\W\d]\w*")
_KEYWORD = re.compile(r"\b(?:as|flow|map|task)\b")
_PROSE = re.compile(r"[^\w\s\[\],:.\"']|\w\s+\w")
"""What a line of a flow does not have if it has no arrow: two names side by side, say."""


class Named:
    """What the texts of a task name.

    Attributes
    ----------
    all : dict of str to object
        The functions, by name.
    names : dict of str to object
        Those of them that can be sent, as far as that is known.
    lost : dict of str to str
        Those that cannot be sent, and why.
    met : list of Found
        What the functions reach.
    """

    def __init__(self) -> None:
        self.all: dict[str, Any] = {}
        self.names: dict[str, Any] = {}
        self.lost: dict[str, str] = {}
        self.met: list[Found] = []

    def lose(self, name: str, why: str) -> None:
        """Leave out a function that cannot be sent."""
        del self.names[name]
        self.lost[name] = why


class Nested:
    """Finds what runs inside the tasks of a plan may name."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def named_by(self, met: Sequence[Found]) -> Named | None:
        """Return what a task's texts name, from what it reaches; None if it runs no flow.

        An input that runs flows may come to any task.
        """
        if not self._has_runner_as_input and not _runs_flows(met):
            return None
        places = notebook().places
        named, looked_at = Named(), set[str]()
        ahead = [*self._words]
        for found in met:
            _note(found, places, named)
            ahead += words_of(found.value)
        while ahead:
            name = ahead.pop()
            if name in looked_at:
                continue
            looked_at.add(name)
            value = _find(name, places)
            if value is None:
                continue
            named.all[name] = value
            reached = list(reach(value))
            named.met += reached
            for found in reached:
                _note(found, places, named)
                ahead += words_of(found.value)
                if is_once(found.value) and not is_standard(found.value):
                    named.lost[name] = f"it uses '{found.way[-1]}', {kind_of(found.value)}"
        named.names = {name: v for name, v in named.all.items() if name not in named.lost}
        return named

    @cached_property
    def _has_runner_as_input(self) -> bool:
        return _runs_flows(reach(*self._plan.constants))

    @cached_property
    def _words(self) -> frozenset[str]:
        """The words in all functions and inputs of the run."""
        met = reach(*self._plan.tasks, *self._plan.constants)
        return frozenset(word for found in met for word in words_of(found.value))


def _runs_flows(met: Iterable[Found]) -> bool:
    return any(is_entry(found.value) for found in met)


def _find(name: str, places: Iterable[Mapping[str, Any]]) -> Callable[..., Any] | None:
    return next((v for v in (place.get(name) for place in places) if callable(v)), None)


def _note(found: Found, places: Sequence[Mapping[str, Any]], named: Named) -> None:
    """Take a function of the notebook that travels because code names it."""
    name = found.way[-1]
    is_its_own = found.module == "__main__" and callable(found.value)
    if is_its_own and name not in named.all and _find(name, places) is found.value:
        named.all[name] = found.value


def words_of(value: Any) -> Iterator[str]:
    """Yield the words that may stand for functions in a string, a flow, or the code of a function.

    Examples
    --------
    >>> list(words_of("load -> big")), list(words_of("big,")), list(words_of("how big is it"))
    (['load', 'big'], ['big'], [])
    """
    kind = type(value)
    if kind is FunctionType:
        if is_users(value.__module__):
            yield from _in_code(value.__code__)
    elif kind is str:
        yield from _in_text(value)
    elif issubclass(kind, Flow):
        yield from map(value.function_of, value.tasks)


def _in_code(code: CodeType) -> Iterator[str]:
    constants = list(code.co_consts)
    while constants:
        constant = constants.pop()
        if type(constant) is CodeType:
            yield from _in_code(constant)
        elif type(constant) is str:
            yield from _in_text(constant)
        elif type(constant) is tuple or type(constant) is frozenset:
            constants += constant


def _in_text(text: str) -> Iterator[str]:
    if len(text) > LONGEST:
        return
    for whole in text.splitlines():
        line = whole.partition("#")[0]
        if ">" in line or not _PROSE.search(_KEYWORD.sub(",", line)):
            for word in _WORD.findall(line):
                yield word if word.isascii() else unicodedata.normalize("NFKC", word)
