"""Tell what each piece of a text is, for those who colour it: a word, a name, an arrow …

A text that is being written is wrong most of the time, so nothing here is an error. The extension
of JupyterLab has the same rules in ``static/roles.js``; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from keyword import iskeyword
from typing import NamedTuple

from .form_parser import CONDITIONS
from .parser import MAPS, Parser
from .tokens import NEWLINE, Token, spelled

__all__ = ["ROLES", "Piece", "roles_of"]

FEW = 10
"""Brackets that are never closed, behind which each line is read by itself: each takes long."""

ROLES = (
    "magic", "option", "keyword", "definition", "name", "key", "parameter", "string", "number",
    "atom", "arrow", "operator", "mark", "comment", "wrong",
)  # fmt: skip
"""What a piece can be; "name" is a task, an input or a part where it is used."""


class Piece(NamedTuple):
    """A piece of the text, from `start` up to `end`, and what it is."""

    role: str
    start: int
    end: int


def roles_of(text: str) -> list[Piece]:
    """Return the pieces of a flow, or of a whole ``%%flow`` cell; blanks are none.

    Examples
    --------
    >>> text = "load -> map fit(n=3)?"
    >>> [(piece.role, text[piece.start : piece.end]) for piece in roles_of(text)][:4]
    [('name', 'load'), ('arrow', '->'), ('keyword', 'map'), ('name', 'fit')]
    """
    found, behind = [], 0
    if magic := _MAGIC.match(text):
        behind = magic.end()
        found = [Piece("magic", *magic.span("magic")), *_options(text, magic.end("magic"), behind)]
    for start, end in _lines(text, behind):
        pieces = _Line(text[start:end]).pieces()
        found += (Piece(role, start + begins, start + ends) for role, begins, ends in pieces)
    return found


def _lines(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Cut a text into lines: one goes on below while a bracket is open that is closed there."""
    few = FEW
    while start < len(text):
        newline = NEWLINE.search(text, start)
        end = newline.start() if newline else len(text)
        if few and _OPENING.search(text, start, end):
            closed = _end_of_brackets(text, start)
            few -= closed is None
            end = end if closed is None else closed
        yield start, end
        newline = NEWLINE.match(text, end)
        start = newline.end() if newline else len(text)


def _end_of_brackets(text: str, start: int) -> int | None:
    """Return where a line ends with all its brackets closed; None if they never are."""
    depth = 0
    for match in _BRACKET.finditer(text, start):
        if match["newline"]:
            if depth <= 0:
                return match.start()
        else:
            depth += (match["open"] is not None) - (match["close"] is not None)
    return len(text) if depth <= 0 else None


class _Line(Parser):
    """Goes through a line as the parser does, and through what the parser would not read."""

    def pieces(self) -> Iterator[Piece]:
        """Return all pieces in their order, comments too."""
        behind = 0  # the last piece
        for piece in self._uncommented():
            yield from _comments(self.text, behind, piece.start)
            if piece.role:
                yield piece
            behind = piece.end
        yield from _comments(self.text, behind, len(self.text))

    def _uncommented(self) -> Iterator[Piece]:
        """Return the pieces but for comments; a line break has no role."""
        last, is_condition = "", False
        yield from self._beginning(self.tokens[0])
        while (token := self.tokens[self.at]).kind != "end":
            if is_condition and token.text[:2] == "==" and token.text[:3] != "===":
                yield Piece("operator", token.start, token.start + 2)
                yield from self._literals(token.start + 2, "wrong")
                continue
            role = self._role(token, last)
            is_condition = is_condition or (role == "keyword" and token.text in CONDITIONS)
            yield from _in_call(self.text, token) if token.kind == "call" else [_piece(role, token)]
            if token.kind != "newline":
                ends = token.kind == "call" or token.text in ("]", "?")
                last = "name" if ends else "." if token.text == "." else role
            self.at += 1

    def _beginning(self, token: Token) -> Iterator[Piece]:
        """Read a header, inputs or parts, or the word in front of a description."""
        second = self.tokens[self.at + 1]
        if token.text == "flow" and self.begins_block():
            yield _piece("keyword", token)
            self.at += 1
            if second.kind == "word":
                yield _piece("definition" if _is_name(second.text) else "wrong", second)
                self.at += 1
        elif token.text == "description" and second.text == ":":
            yield _piece("keyword", token)
            self.at += 1
        elif token.text == "input" and self.begins_inputs():
            yield _piece("keyword", token)
            self.at += 1
            yield from self._literals(second.start, "definition")
        elif token.kind == "word" and second.text in (",", "=") and self.names_parts():
            while (token := self.tokens[self.at]).text != "=":
                is_name = token.kind == "word" and _is_name(token.text)
                yield _piece("definition" if is_name else self._role(token, ""), token)
                self.at += 1
            yield _piece("operator", token)
            self.at += 1

    def _literals(self, start: int, named: str) -> Iterator[Piece]:
        """Read values up to the end of the line, and go on behind them."""
        end = self.clauses.end_of_line(start)
        yield from _literals(self.text, start, end, named, 0)
        self.go_on_at(end)

    def _role(self, token: Token, last: str) -> str:
        """Return what a token of a statement is, behind a piece that was `last`."""
        if token.kind != "word":
            return _ROLE_OF_KIND.get(token.kind, "wrong")
        word = token.text
        if last == ".":
            return "key"
        if last in ("name", "key") and (word == "as" or word in CONDITIONS):
            return "keyword"
        is_map = word in MAPS and self.tokens[self.at + 1].kind == "word"
        if is_map and not self.is_behind(self.at + 1):
            return "keyword"
        return "name" if _is_name(word) else "wrong"


_ROLE_OF_KIND = {
    "arrow": "arrow", "mark": "mark", "string": "string", "unclosed": "string", "newline": "",
}  # fmt: skip


def _piece(role: str, token: Token) -> Piece:
    return Piece(role, token.start, token.start + len(token.text))


def _is_name(word: str) -> bool:
    return (name := spelled(word)) is not None and not iskeyword(name)


def _comments(text: str, start: int, end: int) -> Iterator[Piece]:
    """Return the comment between two pieces, if there is one."""
    begins = text.find("#", start, end)
    if begins >= 0:
        yield Piece("comment", begins, end)


def _in_call(text: str, token: Token) -> Iterator[Piece]:
    return _literals(text, token.start, token.start + len(token.text), "parameter", 1)


def _literals(text: str, start: int, end: int, named: str, outermost: int) -> Iterator[Piece]:
    """Return the pieces of values; `named` are the names that they are given to."""
    depth, last = 0, ","
    for match in _VALUE.finditer(text, start, end):
        kind, value = match.lastgroup or "", match[0]
        depth += (value in ("(", "[", "{")) - (value in (")", "]", "}"))
        if kind == "word":
            is_first = depth == outermost and last in (",", "(")
            kind = "atom" if value in ("True", "False", "None") else named if is_first else "name"
        elif kind == "unclosed":
            kind = "string"
        yield Piece(kind, *match.span())
        last = last if kind == "comment" else value


def _options(text: str, start: int, end: int) -> Iterator[Piece]:
    for match in _OPTION.finditer(text, start, end):
        if match.lastgroup:
            yield Piece(match.lastgroup, *match.span())


_WORD = r"[^\s\x00-/:-@\[-^`{-\x7f]+"
_STRING = r"""[bBrRuU]{0,2}(?:"(?:[^"\\\r\n]|\\[^\r\n])*+"|'(?:[^'\\\r\n]|\\[^\r\n])*+')"""
_MAGIC = re.compile(r"\s*(?P<magic>%%flow)(?![^\s?])[^\r\n]*")
_OPENING = re.compile(r"[(\[{]")
_BRACKET = re.compile(
    rf"(?P<open>[(\[{{])|(?P<close>[)\]}}])|\#[^\r\n]*|(?P<newline>[\r\n])|{_STRING}"
)
_VALUE = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>\#[^\r\n]*)|(?P<unclosed>[\"'][^\r\n]*)"
    r"|(?P<number>\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*)"
    rf"|(?P<word>{_WORD})|(?P<operator>=)|(?P<mark>\S)"
)
_OPTION = re.compile(
    rf"(?P<option>--?[A-Za-z][A-Za-z0-9_-]*)|(?P<string>{_STRING})"
    r"|(?P<number>[0-9][0-9.]*(?![A-Za-z0-9_]))|(?P<atom>(?:True|False|None)(?![A-Za-z0-9_]))"
    rf"|(?P<parameter>{_WORD}(?:\.{_WORD})?)(?==(?!=))|[^\s\"'\[\](){{}},=]+|."
)
