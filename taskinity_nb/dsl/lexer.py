"""Colour flows where Pygments does: in documents, in what nbconvert makes, in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
    _TokenType,
)  # fmt: skip

from .roles import roles_of

__all__ = ["FlowLexer"]

_TOKENS = {
    "magic": Comment.Preproc,
    "option": Name.Attribute,
    "keyword": Keyword,
    "definition": Name.Class,
    "name": Name,
    "key": Name.Attribute,
    "parameter": Name.Attribute,
    "string": String,
    "number": Number,
    "atom": Keyword.Constant,
    "arrow": Operator,
    "operator": Operator,
    "mark": Punctuation,
    "comment": Comment.Single,
    "wrong": Error,
}


class FlowLexer(Lexer):  # type: ignore[misc]  # Pygments has no types
    """The lexer that Pygments calls ``flow``: a flow, or a whole ``%%flow`` cell.

    Examples
    --------
    >>> [piece for _, piece in FlowLexer().get_tokens("load -> fit(n=3)") if piece.strip()]
    ['load', '->', 'fit', '(', 'n', '=', '3', ')']
    """

    name = "Flow"
    url = "https://pypi.org/project/taskinity-nb/"
    aliases = ("flow", "taskinity")
    filenames = ("*.flow",)
    mimetypes = ("text/x-taskinity-flow",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Return each piece of a text as Pygments wants it, blanks too."""
        behind = 0
        for role, start, end in roles_of(text):
            yield from _between(text, behind, start)
            yield start, _TOKENS[role], text[start:end]
            behind = end
        yield from _between(text, behind, len(text))


_BETWEEN = re.compile(r"(\s+)|\S+")


def _between(text: str, start: int, end: int) -> Iterator[tuple[int, _TokenType, str]]:
    """Return what has no role: blanks, and what is left of the line of a magic."""
    for match in _BETWEEN.finditer(text, start, end):
        yield match.start(), Whitespace if match[1] else Text, match[0]
