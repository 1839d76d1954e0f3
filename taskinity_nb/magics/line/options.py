"""Reads the options of a ``%%flow`` line; they have the values of the user's namespace."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, cast, get_args
from unicodedata import normalize

from ...engine.executors import EXECUTORS, check_executor
from ...engine.scheduling.scheduler import Keep, OnError
from ...errors import BindingError, ExecutorError, FlowError, Span, described, suggestion
from ...formatting import elided, not_whole
from ...model.flow import Flow
from ...model.limits.capacities import Rate, capacities
from ...strangers import is_interrupt
from ..names import check_name
from .parts import LONGEST, Parts
from .usage import OPTIONS, Option
from .words import FIRST, KEY, LIKE_AN_OPTION, Word, refuse_blanks, words_of

__all__ = ["Options", "Reader", "read_options"]


KINDS_OF_CACHES = (bool, str, PathLike)
"""Of what class a name of the notebook's is that is meant itself, and not a folder of that name."""

_PYTHON = re.compile(r"""["'([{]|^(True|False|None)$""")
"""What a folder is told by that is written as Python."""


@dataclass
class Options:
    """What a ``%%flow`` line says, with the values of its expressions."""

    executor: Any = "threads"
    workers: int | None = None
    inputs: Any = None
    output: str | None = None
    compare: bool = False
    explore: bool = False
    run: bool = True
    gantt: bool = True
    on_error: OnError = "raise"
    keep: Keep = "all"
    resume: bool = False
    cache: Any = None
    """What `run` is told of a cache: whether there is one, or its folder."""
    resources: Mapping[str, float | Rate] = field(default_factory=dict)
    """How much of what tasks ask for may be used at once."""
    background: bool = False
    silent: bool = False
    """Whether a ``;`` at the end asks for no value of the cell."""
    given: set[str] = field(default_factory=set)
    line: str = ""
    input_places: dict[str, Span] = field(default_factory=dict)
    """Where in the line each input stands; an input without names is called ``""``."""
    output_place: Span | None = None
    parts: Parts = field(default_factory=Parts)
    """The tasks that are named: those that are wanted, given, or to run again."""

    def check(self, flow: Flow) -> None:
        """Raise if the run of `flow` must not be bound to the name that is given for it."""
        functions = {flow.function_of(task) for task in flow.tasks}
        if self.output in functions and self.output_place is not None:
            raise FlowError(
                f"'{self.output}' is a task of this flow, and would be the run then",
                text=self.line, span=self.output_place,
                remedy=f"take another name, such as '--output {self.output}_run'",
            )  # fmt: skip

    def locate(self, error: BindingError) -> None:
        """Let an error about an input show where the line gives it."""
        place = None if error.input is None else self.input_places.get(error.input)
        if error.span is None and place is not None:
            error.text, error.span = self.line, place


def read_options(line: str, namespace: Mapping[str, Any]) -> Options:
    """Read the options of a ``%%flow`` line.

    A value ends at the first blank outside brackets and quotes. The expressions find their names in
    `namespace`.

    Raises
    ------
    FlowError
        If an option is unknown, lacks its value, or its expression fails; with carets.

    Examples
    --------
    >>> options = read_options('-e processes -i {"path": "data", "n": 10} -i scale=2*k', {"k": 3})
    >>> options.executor, options.inputs
    ('processes', {'path': 'data', 'n': 10, 'scale': 6})
    >>> read_options("--worker 4", {})
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.FlowError: line 1, column 8: there is no option '--worker'
      1 | %%flow --worker 4
        |        ^^^^^^^^
    did you mean '--workers'?
    """
    return Reader(line, namespace).read()


class Reader:
    """Reads the options of a line that begins with `first`."""

    def __init__(self, line: str, namespace: Mapping[str, Any], first: str = FIRST) -> None:
        self.text = f"{first} {line}".rstrip()
        self.namespace = namespace
        self.options = Options(line=self.text)
        self.names = {name: option for option in OPTIONS for name in (option.short, option.long)}
        del self.names[""]
        self.places: dict[str, Span] = {}
        self.named: set[str] = set()

    def error(self, message: str, at: Span, remedy: str = "") -> FlowError:
        return FlowError(message, text=self.text, span=at, remedy=remedy)

    def read(self) -> Options:
        words = self.words()
        while words:
            word = words.pop(0)
            is_long = word.text.startswith("--")
            name, assigned, value = word.text.partition("=") if is_long else (word.text, "", "")
            option = self.names.get(name)
            if option is None:
                raise self.unknown(name, word.place)
            at = word.place
            where = Span(1, at.column + len(name) + 1, max(1, len(value)))
            if option.value and not assigned:
                if words and words[0].text not in self.names and (
                    option.needs_value or not LIKE_AN_OPTION.match(words[0].text)
                ):  # fmt: skip
                    first = words.pop(0)
                    value, where = first.text, first.place
                elif option.needs_value:
                    raise self.error(f"'{name}' needs a value: {option.usage.strip()}", at)
            elif assigned and not option.value:
                raise self.error(f"'{name}' is a switch and takes no value", where)
            if option.value:
                refuse_blanks(self.text, value, where, words)
            if option.value and not option.needs_value and not (value or assigned):
                value = "True"
            self.set(option, value, at, where)
            self.places[option.long] = at
        self.refuse_what_does_not_go_together()
        return self.options

    def words(self) -> list[Word]:
        """Return the words that are options, or belong to them."""
        words, self.options.silent = words_of(self.text)
        return words

    def refuse_what_does_not_go_together(self) -> None:
        given = self.options.given
        others = given - {"explore", "executor", "workers", "input", "output", "cache", "resources"}
        if self.options.explore and others:
            other = f"--{min(others).replace('_', '-')}"
            raise self.error(
                f"'--explore' does not go with '{other}'", self.places[other],
                "beside it may stand: --executor, --workers, --input, --output, --cache and "
                "--resources",
            )  # fmt: skip
        if self.options.run and {"background", "compare"} <= given:
            raise self.error(
                "'--background' does not go with '--compare', which waits for two runs",
                self.places["--background"], "leave out one of the two",
            )  # fmt: skip
        if self.options.run and self.options.compare and self.options.cache:
            raise self.error(
                "'--cache' does not go with '--compare', which measures how long each task takes",
                self.places["--cache"], "leave out one of the two",
            )  # fmt: skip

    def unknown(self, name: str, at: Span) -> FlowError:
        told = elided(name, LONGEST)
        if name in ("--help", "-h"):
            return self.error(f"there is no option '{name}'", at, "'%%flow?' shows the help")
        if not name.startswith("-"):
            return self.error(
                f"'{told}' is no option", at,
                "the tasks stand in the lines below; a value with blanks needs brackets",
            )  # fmt: skip
        known = [option.long for option in OPTIONS]
        near = suggestion(name, known) or f"the options are: {', '.join(known)}"
        return self.error(f"there is no option '{told}'", at, near)

    def set(self, option: Option, value: str, at: Span, where: Span) -> None:
        options, name = self.options, option.long[2:].replace("-", "_")
        if name in options.given and name not in ("input", "override"):
            raise self.error(f"'{option.long}' is given twice", at)
        options.given.add(name)
        if name == "executor":
            options.executor = self.executor(value, where)
        elif name == "workers":
            options.workers = self.workers(value, where)
        elif name == "input":
            self.add_input(value, where)
        elif name in ("targets", "rerun"):
            options.parts.add_names(option.long, value, where, self.text)
        elif name == "override":
            options.parts.add_override(value, where, self.text, self.value)
        elif name == "cache":
            options.cache = self.folder(value, where)
        elif name == "resources":
            options.resources = self.resources(value, where)
        elif name == "output":
            options.output = normalize("NFKC", value)  # as Python reads names
            options.output_place = where
            if wrong := check_name(options.output):
                raise self.error(*wrong[:1], where, *wrong[1:])
        elif name == "on_error":
            if value not in get_args(OnError):
                near = suggestion(value, get_args(OnError)) or "it is raise, stop or continue"
                told = elided(value, LONGEST)
                raise self.error(f"'{told}' is nothing that can be done on an error", where, near)
            options.on_error = cast(OnError, value)
        elif name == "keep":
            if value not in get_args(Keep):
                told = elided(value, LONGEST)
                raise self.error(f"'{told}' is nothing to keep", where, "it is all or last")
            options.keep = cast(Keep, value)
        elif name in ("no_run", "no_gantt"):
            setattr(options, name[3:], False)
        else:
            setattr(options, name, True)

    def value(self, expression: str, where: Span) -> Any:
        """Evaluate an expression of the user's, in the user's namespace."""
        try:
            return eval(compile(expression, FIRST, "eval"), dict(self.namespace))
        except BaseException as error:
            if is_interrupt(error):
                raise
            told = f"'{elided(expression, LONGEST)}': {described(error)}"
            raise self.error(told, where) from error

    def executor(self, value: str, where: Span) -> Any:
        if value in EXECUTORS:
            return value
        if value.isidentifier() and value not in self.namespace:
            near = suggestion(value, [*EXECUTORS, *self.namespace])
            remedy = near or f"the words are {', '.join(EXECUTORS)}"
            told = elided(value, LONGEST)
            raise self.error(f"there is no executor '{told}'", where, remedy)
        executor = self.value(value, where)
        try:
            check_executor(executor)
        except ExecutorError as error:
            raise self.error(error.message, where, error.remedy) from None
        return executor

    def workers(self, value: str, where: Span) -> int:
        number = self.value(value, where)
        if wrong := not_whole("workers", number):
            raise self.error(wrong, where)
        return operator.index(number)

    def resources(self, value: str, where: Span) -> dict[str, float | Rate]:
        given = value if "=" in value and value[0] not in "{(" else self.value(value, where)
        try:
            return capacities(given)
        except FlowError as error:
            raise self.error(error.message, where, error.remedy) from None

    def folder(self, value: str, where: Span) -> Any:
        """Return what `run` is told of a cache: a folder, or whether there is one."""
        from ...engine.cache.opening import path_of  # it needs a database

        cache: Any = value
        if _PYTHON.search(value) or isinstance(self.namespace.get(value), KINDS_OF_CACHES):
            cache = self.value(value, where)
        try:
            path_of(cache)
        except FlowError as error:
            raise self.error(error.message, where, error.remedy) from None
        return cache

    def add_input(self, value: str, where: Span) -> None:
        match = KEY.match(value)
        column = where.column + match.end() if match else where.column
        behind = Span(1, column, where.width + where.column - column)
        expression = value[match.end() :] if match else value
        if match and not expression:
            raise self.error(f"'{match[1]}=' needs a value", where)
        given = self.value(expression, behind)
        if match:
            if match[1] in self.named:  # one of a dict may be replaced
                raise self.error(f"the input '{match[1]}' is given twice", where)
            self.named.add(match[1])
            given = {match[1]: given}
            self.options.input_places[match[1]] = Span(1, where.column, len(match[1]))
        else:
            self.note_places(given, expression, behind)
        before = self.options.inputs
        if before is None:
            self.options.inputs = given
        elif isinstance(before, Mapping) and isinstance(given, Mapping):
            self.options.inputs = {**before, **given}
        else:
            raise self.error(
                "several inputs can be joined only if each has a name", where,
                "write --input key=expression",
            )  # fmt: skip

    def note_places(self, given: Any, expression: str, where: Span) -> None:
        """Note where the keys of a dict display stand; of another expression, only the whole."""
        for key in given if isinstance(given, Mapping) else ("",):
            at = next((expression.find(text) for text in (f'"{key}"', f"'{key}'")
                       if key and text in expression), None)  # fmt: skip
            place = where if at is None else Span(1, where.column + at, len(str(key)) + 2)
            self.options.input_places[str(key)] = place
