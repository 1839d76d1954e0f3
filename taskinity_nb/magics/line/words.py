"""Cuts the line of a ``%%flow`` cell into words, as Python reads its expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import FlowError, Span
from ...formatting import elided
from .parts import GIVEN, LONGEST

__all__ = [
    "FIRST", "KEY", "LIKE_AN_OPTION", "LINE", "Unfinished", "Word", "join", "refuse_blanks",
    "unfinished", "without_semicolon", "words_of",
]  # fmt: skip

FIRST = "%%flow"
LINE = "%flow"
"""How a line begins that is all of the magic."""

KEY = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)?)=(?!=)")
"""How an input begins that has a name."""

LIKE_AN_OPTION = re.compile(r"--?[^\W\d]")

_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass
class Word:
    """A part of the line without blanks outside brackets and quotes, and where it stands."""

    text: str
    place: Span


def words_of(line: str) -> tuple[list[Word], bool]:
    """Cut a line at blanks outside brackets and quotes; tell, too, whether it ends with ``;``.

    What follows a ``#`` at the beginning of a word is a comment.

    Raises
    ------
    FlowError
        If a bracket or a quote is not closed; with carets.

    Examples
    --------
    >>> words, is_silent = words_of("%%flow -i n=(a + 1) -o r;  # twice")
    >>> [word.text for word in words], is_silent
    (['-i', 'n=(a + 1)', '-o', 'r'], True)
    """
    words: list[Word] = []
    at = len(FIRST if line.startswith(FIRST) else LINE)
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        if line[at] == "#":
            break
        end = _end_of_word(line, at)
        words.append(Word(line[at:end], Span(1, at + 1, end - at)))
        at = end
    is_silent = bool(words) and words[-1].text.endswith(";")
    if is_silent:
        last = words.pop()
        text = last.text[:-1]
        if text:
            words.append(Word(text, last.place._replace(width=len(text))))
    return words, is_silent


class Unfinished(NamedTuple):
    """A line that somebody is still writing: its whole words, and what there is of the last."""

    words: list[str]
    last: str
    in_quotes: bool = False


def unfinished(line: str) -> Unfinished:
    """Cut a line that may end anywhere, also within brackets and quotes.

    Examples
    --------
    >>> unfinished("%%flow -w 2 -i n=(a + "), unfinished("%%flow -w 2 ").last
    (Unfinished(words=['-w', '2', '-i'], last='n=(a + ', in_quotes=False), '')
    """
    words: list[str] = []
    at = len(FIRST if line.startswith(FIRST) else LINE)
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        try:
            end = _end_of_word(line, at)
        except FlowError as error:
            return Unfinished(words, line[at:], error.message.startswith("a quote"))
        if end == len(line):
            return Unfinished(words, line[at:])
        words.append(line[at:end])
        at = end
    return Unfinished(words, "")


def join(line: str, first: Span, last: Span) -> tuple[str, Span]:
    """Return what stands from one place to another."""
    begin, end = first.column - 1, last.column - 1 + last.width
    return line[begin:end], Span(1, first.column, end - begin)


def refuse_blanks(line: str, value: str, where: Span, behind: list[Word]) -> None:
    """Raise if words behind a value belong to it, as those of a sum do.

    Examples
    --------
    >>> words, _ = words_of("%%flow -w N + 1")
    >>> try:
    ...     refuse_blanks("%%flow -w N + 1", "N", words[1].place, words[2:])
    ... except FlowError as error:
    ...     print(error.message, error.remedy, sep="; ")
    'N' ends at the blank: values with blanks need brackets; write (N + 1)
    """
    last = None
    for word in behind:
        if LIKE_AN_OPTION.match(word.text):
            break
        last = word
    if last is None or not value:
        return
    whole, place = join(line, where, last.place)
    match = KEY.match(whole) or GIVEN.match(whole)
    expression = whole[match.end() :] if match else whole
    try:
        compile(expression, FIRST, "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # then it says of the first word that it is no option
    key = match[0] if match else ""
    raise FlowError(
        f"'{elided(value, LONGEST)}' ends at the blank: values with blanks need brackets",
        text=line, span=place, remedy=f"write {key}({elided(expression, LONGEST)})",
    )  # fmt: skip


def without_semicolon(cell: str) -> tuple[str, bool]:
    """Take a ``;`` from the end of a cell; tell whether there was one.

    Examples
    --------
    >>> without_semicolon("load -> save;\\n"), without_semicolon("load # see: this;")
    (('load -> save', True), ('load # see: this;', False))
    """
    text = cell.rstrip()
    is_silent = text.endswith(";") and "#" not in text.rpartition("\n")[2]
    return (text[:-1], True) if is_silent else (cell, False)


def _end_of_word(line: str, start: int) -> int:
    open_brackets: list[int] = []
    at = start
    while at < len(line):
        character = line[at]
        if character in "\"'":
            at = _end_of_quote(line, at, start)
            continue
        if character in _CLOSING:
            open_brackets.append(at)
        elif open_brackets and character == _CLOSING[line[open_brackets[-1]]]:
            open_brackets.pop()
        elif character.isspace() and not open_brackets:
            return at
        at += 1
    if open_brackets:
        opened = line[open_brackets[-1]]
        message = f"'{opened}' is not closed with '{_CLOSING[opened]}'"
        raise FlowError(message, text=line, span=Span(1, open_brackets[-1] + 1))
    return at


def _end_of_quote(line: str, at: int, start: int) -> int:
    quote = line[at] * 3 if line.startswith(line[at] * 3, at) else line[at]
    at += len(quote)
    while at < len(line):
        if line.startswith(quote, at):
            return at + len(quote)
        at += 2 if line[at] == "\\" else 1
    span = Span(1, start + 1, len(line) - start)
    raise FlowError(f"a quote {quote} is not closed", text=line, span=span)
