"""The exception tree, and the carets under the wrong part of a text.

FlowError
├── DSLSyntaxError          the text is not a flow
│   └── CycleError          a task would wait for itself
├── UnknownTaskError        a name in the text has no function
├── BindingError            parameters, results and inputs do not fit together
├── UnpicklableError        a value cannot travel to another process
├── ExecutorError           an executor is unknown, closed or broken
│   └── WorkerLost          a worker process died under a task
├── TaskError               a task raised; has ``.run`` and ``.task``
│   └── MapError            items of a mapped task raised; has ``.items``
├── CacheError              the cache cannot be opened
├── Cancelled               the run was cancelled or interrupted; has ``.run``
└── NoResultError           ``run["task"]`` of a task that has none (a `KeyError`)

CacheWarning                something of the cache cannot be used; a `UserWarning`
FlowWarning                 annotations that cannot fit; a `UserWarning`
Skip                        what `skip` raises in a task; no error, and no `Exception`
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, NoReturn

from .strangers import LONGEST_NAME, described, harmless, listed

__all__ = [
    "BindingError", "CacheError", "CacheWarning", "Cancelled", "CycleError", "DSLSyntaxError",
    "ExecutorError", "FlowError", "FlowWarning", "MapError", "NoResultError", "Skip", "Span",
    "TaskError", "UnknownTaskError", "UnpicklableError", "WorkerLost", "carets", "described",
    "harmless", "is_skip", "let_items_travel", "listed", "plain_lines", "show_errors_with",
    "skip", "suggestion",
]  # fmt: skip

LONGEST_LINE = 100
"""Columns of a quoted source line; a longer one is cut around the carets."""


class Span(NamedTuple):
    """A part of one line of a text: `line` and `column` count from 1, `width` is in characters."""

    line: int
    column: int
    width: int = 1


def carets(text: str, span: Span) -> str:
    """Quote the line of `text` that `span` lies in, with carets under the span.

    Examples
    --------
    >>> print(carets("a -> b\\nb => c", Span(2, 3, 2)))
      2 | b => c
        |   ^^
    """
    lines = re.split("\r\n?|\n", text)  # not splitlines, which also cuts at form feeds and the like
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    start, width = span.column - 1, max(1, span.width)
    if len(line) > LONGEST_LINE:
        cut = max(0, min(start - LONGEST_LINE // 3, len(line) - LONGEST_LINE))
        ends = ("…" if cut else "", "…" if cut + LONGEST_LINE < len(line) else "")
        line = ends[0] + line[cut : cut + LONGEST_LINE] + ends[1]
        start += len(ends[0]) - cut
        width = min(width, len(line) - start)
    shown = "".join(character if character.isprintable() else " " for character in line)
    number = f"{span.line:>3} | "
    blank = " " * _columns(shown[:start]) + " " * max(0, start - len(shown))
    under = "^" * max(1, width, _columns(shown[start : start + width]))
    return f"{number}{shown}\n{'| ':>{len(number)}}{blank}{under}"


def _columns(text: str) -> int:
    """Return the columns that `text` takes: East Asian signs take two, combining signs none."""
    if text.isascii():
        return len(text)
    wide = (unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + sum(wide) - sum(map(bool, map(unicodedata.combining, text)))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the nearest of the `known` words, or an empty string.

    Examples
    --------
    >>> suggestion("lod_data", ["load_data", "save"])
    "did you mean 'load_data'?"
    >>> suggestion("xyz", ["load_data", "save"])
    ''
    """
    if len(word) > LONGEST_NAME:
        return ""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else ""


class FlowError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What happened.
    text : str, optional
        The text in which it happened; quoted with carets when `span` is given.
    span : Span, optional
        Where in `text`.
    remedy : str, optional
        What to write instead.
    """

    def __init__(
        self, message: str, *, text: str | None = None, span: Span | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.span = span
        self.remedy = remedy
        self.stands_for: tuple[str, ...] = ()
        """What the class of an exception that could not travel is called, and its bases."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the run, as far as it can; one that goes on cannot."""
        state = {k: v for k, v in vars(self).items() if k != "run"}
        run = vars(self).get("run")
        if run is not None and (travelling := run.of_error()) is not None:
            state["run"] = travelling
        return type(self), self.args, state

    def __copy__(self) -> FlowError:
        kind, args, state, *_ = self.__reduce__()
        made: FlowError = kind(*args)
        made.__setstate__({**state, **{k: v for k, v in vars(self).items() if k == "run"}})
        return made

    def __str__(self) -> str:
        parts = [self.message]
        if self.span is not None:
            parts[0] = f"line {self.span.line}, column {self.span.column}: {self.message}"
            if self.text is not None:
                parts.append(carets(self.text, self.span))
        if self.remedy:
            parts.append(self.remedy)
        return "\n".join(parts)

    def _render_traceback_(self) -> list[str]:
        """Show a notebook's reader the text or the function, never the frames of this package."""
        return _shown(self)


def plain_lines(error: BaseException) -> list[str]:
    """Return the lines of an error where nothing is there that shows its task and its frames.

    Examples
    --------
    >>> plain_lines(FlowError("no task", remedy="write one"))
    ['FlowError: no task', 'write one']
    """
    return f"{type(error).__name__}: {error}".splitlines()


_shown: Callable[[BaseException], list[str]] = plain_lines


def show_errors_with(render: Callable[[BaseException], list[str]]) -> None:
    """Have notebooks show what `render` returns for an error."""
    global _shown
    _shown = render


class DSLSyntaxError(FlowError):
    """The text is not a flow; `line`, `column` and `width` say where."""

    @property
    def line(self) -> int | None:
        """Line of the error, from 1."""
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        """Column of the error, from 1."""
        return self.span.column if self.span else None

    @property
    def width(self) -> int | None:
        """Number of characters that are wrong."""
        return self.span.width if self.span else None


class CycleError(DSLSyntaxError):
    """A task would wait for itself; `path` is ``("a", "b", "a")``."""

    path: tuple[str, ...] = ()


class UnknownTaskError(FlowError):
    """A name in the text is neither a function of the namespace nor a registered task."""


class BindingError(FlowError):
    """The parameters of a task, the results that reach it and the inputs do not fit together.

    Where no task takes an input, `input` is its name (empty for an input without names).
    """

    input: str | None = None


class UnpicklableError(FlowError):
    """An argument or a result cannot travel between processes."""


class ExecutorError(FlowError):
    """An executor is unknown, shut down or broken."""

    run: Any = None


class WorkerLost(ExecutorError):
    """A worker process died while it ran a task."""


class TaskError(FlowError):
    """A task raised; the user's own exception is the ``__cause__``.

    Attributes
    ----------
    run : Run
        The run, with every result that was computed.
    task : str
        The first task that failed.
    """

    run: Any = None
    task: str = ""

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        super().__setstate__(state)
        if self.run is not None and self.__cause__ is None:
            self.__cause__ = self._cause_in(self.run.errors.get(self.task))

    def _cause_in(self, error: BaseException | None) -> BaseException | None:
        return error


Told = tuple[str, list[tuple[int, Any, BaseException]]]
"""What a `MapError` tells: its text, and the items that failed."""


class MapError(TaskError):
    """Items of a mapped task raised; the first of their exceptions is the ``__cause__``.

    Parameters
    ----------
    message : str or callable
        What happened; or what returns that and the items when somebody asks for the first time,
        since it takes time and runs code of the user's to show them.
    """

    def __init__(self, message: str | Callable[[], Told] = "", **options: Any) -> None:
        self._tell: Callable[[], Told] | None = None
        if callable(message):
            self._tell, message = message, ""
        self._told: Told = message, []
        super().__init__(message, **options)

    def _hear(self) -> Told:
        tell = self._tell
        if tell is not None:
            self._told, self._tell = tell(), None
        return self._told

    @property
    def message(self) -> str:
        """What happened, to which items."""
        return self._hear()[0]

    @message.setter
    def message(self, message: str) -> None:
        self._told = message, self._told[1]

    @property
    def items(self) -> list[tuple[int, Any, BaseException]]:
        """Which items failed, the items themselves, and what the task raised for them."""
        return self._hear()[1]

    @items.setter
    def items(self, items: list[tuple[int, Any, BaseException]]) -> None:
        self._told, self._tell = (self.message, items), None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def _cause_in(self, error: BaseException | None) -> BaseException | None:
        return self.items[0][2] if self.items else error

    def let_go(self, released: Any) -> None:
        """Put something in place of the items; what is said of them, and what was raised, stays."""
        items = self.items
        items[:] = [(place, released, error) for place, _, error in items]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the items, each as far as it can, if somebody has said how they travel."""
        if _reduce_map_error is not None:
            return _reduce_map_error(self)
        return self.reduced()

    def reduced(self) -> tuple[Any, ...]:
        """Return what it is pickled as without its items."""
        kind, _, state = super().__reduce__()
        return (
            kind,
            (self.message,),
            {k: v for k, v in state.items() if k not in ("_tell", "_told")},
        )


_reduce_map_error: Callable[[MapError], tuple[Any, ...]] | None = None


def let_items_travel(reduce: Callable[[MapError], tuple[Any, ...]]) -> None:
    """Have each `MapError` pickled as what `reduce` returns for it."""
    global _reduce_map_error
    _reduce_map_error = reduce


class CacheError(FlowError):
    """The folder of the cache cannot be used; the text says why, and what to do."""


class CacheWarning(UserWarning):
    """Something of the cache is damaged, or the disk is full; the run goes on without it."""


class Cancelled(FlowError):
    """The run was cancelled or interrupted; `run` holds what was finished."""

    run: Any = None


class NoResultError(FlowError, KeyError):
    """``run["task"]`` of a task that has no result; the text tells its state."""


class FlowWarning(UserWarning):
    """What a task gives cannot be what another one takes, by their annotations; the flow runs."""


class Skip(BaseException):
    """Raised by a task that has nothing to do; no ``except Exception`` of its own catches it."""


def is_skip(error: BaseException) -> bool:
    """Tell whether an exception is a `Skip`, without asking it, whose answer is the user's code.

    Examples
    --------
    >>> is_skip(Skip()), is_skip(ValueError())
    (True, False)
    """
    return issubclass(type(error), Skip)


def skip(reason: str = "") -> NoReturn:
    """Skip the task that calls this, and all that depends on it; the run goes on.

    Parameters
    ----------
    reason : str
        Shown in the table of tasks.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> def load(): return []
    >>> def check(load): return load or skip("nothing to check")
    >>> result = run("load -> check", namespace={"load": load, "check": check})
    >>> result.tasks["check"].state, list(result)
    (<State.SKIPPED: 'skipped'>, ['load'])
    """
    raise Skip(reason)
