"""What is asked of objects that are the user's: their text, the name of their type, a note.

All of that runs code of the user's, which may raise anything, ``SystemExit`` too, or return what is
no text. Whoever asks here gets an answer; only an interrupt from the keyboard comes through.

This module uses the standard library alone, so that it can travel to a place where the package is
not installed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

__all__ = [
    "LONGEST_NAME",
    "add_note",
    "described",
    "harmless",
    "is_error",
    "is_interrupt",
    "lineage",
    "listed",
    "mro_of",
    "notes_of",
    "reason_of",
    "reasons_of",
    "text_of",
    "traceback_of",
    "type_name",
]

LONGEST_TEXT = 2000
"""Characters that are shown of the text of a user's exception."""

LONGEST_ESCAPE = 64
"""Characters of what a terminal obeys."""

LONGEST_NAME = 100
"""Characters that are shown of a name that may be anything, such as the key of an input."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")

# Not by `getattr`, which a metaclass or a property of the user's answers.
_name_of_type: Callable[[type], str] = type.__dict__["__name__"].__get__
_mro_of_type: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_full_name: list[Callable[[type], Any]] = [
    type.__dict__[name].__get__ for name in ("__module__", "__qualname__")
]
_reasons_of_error: list[Callable[[BaseException], Any]] = [
    BaseException.__dict__[name].__get__
    for name in ("__cause__", "__context__", "__suppress_context__")
]
_members_of_group: Callable[[BaseException], Any] = BaseExceptionGroup.__dict__[
    "exceptions"
].__get__
_traceback_of_error: Callable[[BaseException], Any] = BaseException.__dict__[
    "__traceback__"
].__get__


def is_interrupt(error: BaseException) -> bool:
    """Tell whether an exception may have come from the keyboard, instead of from a task.

    Examples
    --------
    >>> is_interrupt(KeyboardInterrupt()), is_interrupt(SystemExit())
    (True, False)
    """
    is_main_thread = threading.get_ident() == threading.main_thread().ident
    return is_main_thread and issubclass(type(error), KeyboardInterrupt)


def is_error(value: Any) -> bool:
    """Tell whether something can be raised; ``isinstance`` believes what an object says of itself.

    Examples
    --------
    >>> is_error(ValueError("no")), is_error("no")
    (True, False)
    """
    return issubclass(type(value), BaseException)


def type_name(value: Any) -> str:
    """Return the name of an object's type, whatever its metaclass says.

    Examples
    --------
    >>> type_name([])
    'list'
    """
    return harmless(_name_of_type(type(value)), LONGEST_NAME)


def mro_of(kind: type) -> tuple[type, ...]:
    """Return a class and its bases, whatever its metaclass says.

    Examples
    --------
    >>> mro_of(bool)
    (<class 'bool'>, <class 'int'>, <class 'object'>)
    """
    return _mro_of_type(kind)


def lineage(kind: type) -> tuple[str, ...]:
    """Return what a class and its bases are called, each with its module.

    Examples
    --------
    >>> lineage(KeyError)[:2]
    ('builtins.KeyError', 'builtins.LookupError')
    """
    return tuple(".".join(text_of(get(each)) for get in _full_name) for each in mro_of(kind))


def text_of(value: Any, show: Callable[[Any], str] = str) -> str:
    """Return what `show` makes of an object, or why there is no such text.

    Examples
    --------
    >>> text_of(2.5), text_of("a", repr)
    ('2.5', "'a'")
    """
    text, why_not = _asked(value, show)
    return text if why_not is None else f"({why_not})"


def _asked(value: Any, show: Callable[[Any], str]) -> tuple[str, str | None]:
    """Return the text of an object and None, or else an empty text and why that is all."""
    try:
        return str.__str__(show(value)), None  # a plain one, where a subclass has come
    except BaseException as broken:
        if is_interrupt(broken):
            raise
        return "", f"its text cannot be shown: {show.__name__}() raised {type_name(broken)}"


def described(error: BaseException) -> str:
    """Return an exception's type and text; the text is the user's own code, so it may fail.

    Examples
    --------
    >>> described(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    >>> described(KeyboardInterrupt())
    'KeyboardInterrupt'
    """
    name, (text, why_not) = type_name(error), _asked(error, str)
    if why_not is not None:
        return f"{name} ({why_not})"
    return f"{name}: {harmless(text)}" if text else name


def harmless(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""Return a stranger's text without what a terminal obeys, and not too long; lines stay.

    Examples
    --------
    >>> harmless("\x1b[31mred\x1b[0m\n\x07bell"), harmless("long text", 4)
    ('red\n�bell', 'long… (9 characters)')
    """
    text = str.__str__(text) if issubclass(type(text), str) else text_of(text)
    cut = "" if len(text) <= longest else f"… ({len(text):,} characters)"
    plain = _ESCAPES.sub("", text[: longest + LONGEST_ESCAPE])[:longest]  # and none is cut through
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in plain) + cut


def listed(names: Iterable[Any]) -> str:
    """Quote names in a row; of many, the first ten.

    Examples
    --------
    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    names = list(names)
    quoted = [f"'{harmless(text_of(name), LONGEST_NAME)}'" for name in names[:10]]
    more = len(names) - len(quoted)
    return ", ".join(quoted) + (f" and {more} more" if more > 0 else "") or "none"


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, or leave it out if the exception takes none.

    Examples
    --------
    >>> error = ValueError("no")
    >>> add_note(error, "in the third line")
    >>> error.__notes__
    ['in the third line']
    """
    try:
        BaseException.add_note(error, note)
    except BaseException as refused:
        if is_interrupt(refused):
            raise


def reason_of(error: BaseException) -> BaseException | None:
    """Return the exception that another one came from, whatever that says of it itself.

    Examples
    --------
    >>> reason_of(ValueError("it was raised of itself"))
    """
    cause, context, is_context_hidden = (get(error) for get in _reasons_of_error)
    reason: BaseException | None = cause if cause is not None or is_context_hidden else context
    return reason


def reasons_of(error: BaseException) -> list[BaseException]:
    """Return all exceptions that another one refers to: its cause, its context, those of a group.

    Examples
    --------
    >>> reasons_of(ExceptionGroup("two", [ValueError(1), KeyError(2)]))
    [ValueError(1), KeyError(2)]
    """
    found = [get(error) for get in _reasons_of_error[:2]]
    if issubclass(type(error), BaseExceptionGroup):
        found += _members_of_group(error)
    return [reason for reason in found if reason is not None]


def notes_of(error: BaseException) -> list[str]:
    """Return the notes of an exception, as far as they are texts in a list.

    Examples
    --------
    >>> error = ValueError("no")
    >>> error.add_note("in the third line")
    >>> notes_of(error)
    ['in the third line']
    """
    try:
        notes = getattr(error, "__notes__", ())
        return [str.__str__(note) for note in notes if issubclass(type(note), str)]
    except BaseException as refused:
        if is_interrupt(refused):
            raise
        return []


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return the traceback of an exception, whatever it says of that itself.

    Examples
    --------
    >>> traceback_of(ValueError("it was never raised"))
    """
    traceback: TracebackType | None = _traceback_of_error(error)
    return traceback
