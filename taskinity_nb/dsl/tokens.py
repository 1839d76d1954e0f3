"""Cut the text of a flow into tokens, and tell what a piece that fits nowhere was meant to be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import NamedTuple

from ..errors import Span

__all__ = ["Misfit", "Token", "bare", "line_of", "misfit", "shown", "spelled", "tokenize"]

_CODE = ("async", "class", "def", "for", "from", "if", "import", "return", "try", "while", "with")

_TOKEN = re.compile(
    r"""
    (?: (?P<word>     [^\s\x00-/:-@\[-^`{-\x7f]+ )        # all but blanks and ASCII punctuation
      | (?P<arrow>    (?: -> | -\.-> ) (?![-=<>~|.]) )
      | (?P<newline>  \r\n? | \n )
      | (?P<mark>     [\[\],:?] | \. (?![-=<>~|.]) )
      | (?P<string>   "(?: [^"\\\r\n] | \\[^\r\n] )*+" | '(?: [^'\\\r\n] | \\[^\r\n] )*+' )
      | (?P<comment>  \#[^\r\n]* )
      | (?P<unclosed> ["'][^\r\n]* )
      | (?P<dashes>   [-=<>~|.]+ )                        # meant as an arrow, or a hyphen
      | (?P<stray>    \S )
    )
    [^\S\r\n]*+
    """,
    re.VERBOSE,
)


_IN_CALL = re.compile(
    r"""
    (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | \# [^\r\n]*
    | "(?: [^"\\\r\n] | \\[^\r\n] )*+" | '(?: [^'\\\r\n] | \\[^\r\n] )*+'
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of the text; `line` and `column` count from 1, `start` from 0 in the whole text."""

    kind: str
    text: str
    line: int
    column: int
    start: int = 0

    @property
    def end(self) -> int:
        """The column behind the token."""
        return self.column + len(self.text)

    @property
    def span(self) -> Span:
        """Where the token stands."""
        return Span(self.line, self.column, len(self.text))


def tokenize(text: str) -> list[Token]:
    """Cut `text` into tokens, comments left out.

    Parentheses behind a name, with all that is between them, are one token. A newline and three
    ends close the list, so that a reader may look ahead.

    Examples
    --------
    >>> [token.text for token in tokenize("a(n=(1, 2)) -> b  # why")]
    ['a', '(n=(1, 2))', '->', 'b', '', '', '', '']
    """
    tokens: list[Token] = []
    line, before, is_wrong = 1, -1, False
    pieces = _TOKEN.finditer(text)
    while True:
        for match in pieces:
            kind = match.lastgroup or ""
            if kind != "comment":
                start = match.start()
                tokens.append(Token(kind, match[kind], line, start - before, start))
                if kind == "newline":
                    line += 1
                    before = match.end(kind) - 1
                elif kind == "stray" and match[kind] == "(" and not is_wrong:
                    if end := _end_of_call(text, tokens):
                        break
                    is_named = len(tokens) > 1 and tokens[-2].kind == "word"
                    is_wrong = is_named and not _EMPTY.match(text, start)  # so the rest is not read
        else:
            break
        call = text[start:end]
        tokens[-1] = tokens[-1]._replace(kind="call", text=call)
        line += len(NEWLINE.findall(call))
        last = max(call.rfind("\n"), call.rfind("\r"))
        before = before if last < 0 else start + last
        while text[end : end + 1] not in "\r\n" and text[end].isspace():
            end += 1
        pieces = _TOKEN.finditer(text, end)
    column = len(text) - before
    last_token = Token("end", "", line, column, len(text))
    newline = Token("newline", "", line, column, len(text))
    return [*tokens, newline, last_token, last_token, last_token]


def _end_of_call(text: str, tokens: list[Token]) -> int | None:
    """Return where the parentheses end that the last token opens; None if they hold nothing.

    Nor do they where no name is in front of them, or they are never closed.
    """
    start = tokens[-1].start
    if len(tokens) < 2 or tokens[-2].kind != "word":
        return None
    opened = []
    for match in _IN_CALL.finditer(text, start):
        if match["open"]:
            opened.append(match["open"])
        elif match["close"]:
            if PAIRS[opened.pop()] != match["close"]:
                return None
            if not opened:
                return match.end() if text[start + 1 : match.start()].strip() else None
    return None


_EMPTY = re.compile(r"\(\s*\)")
PAIRS = {"(": ")", "[": "]", "{": "}"}
NEWLINE = re.compile(r"\r\n?|\n")


def line_of(tokens: Sequence[Token], start: int) -> list[Token]:
    """Return the tokens from one up to the end of its line; at least that one."""
    end = start
    while tokens[end].kind not in ("newline", "end"):
        end += 1
    return list(tokens[start : max(end, start + 1)])


def spelled(word: str) -> str | None:
    """Return `word` as Python spells the identifier, or None if it is none.

    Examples
    --------
    >>> spelled("ﬁt"), spelled("2nd")
    ('fit', None)
    """
    if not word.isidentifier():
        return None
    return word if word.isascii() else unicodedata.normalize("NFKC", word)


def shown(word: str) -> str:
    """Quote a piece of the text; what is long is cut, what cannot be printed given as a number."""
    return f"'{bare(word)}'"


def bare(word: str) -> str:
    """Return `word` as `shown` does, without quotation marks."""
    if len(word) > 40:
        word = word[:39] + "…"
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in word)


def misfit(tokens: Sequence[Token], at: int) -> Misfit | None:
    """Explain the token at index `at` if it can stand nowhere in a flow, or else return None."""
    before = tokens[at - 1] if at else None
    explain = _EXPLAIN.get(tokens[at].kind)
    return explain(tokens[at], before, tokens[at + 1 : at + 20]) if explain else None


class Misfit(NamedTuple):
    """What is wrong with a token, what to write instead, and which part of it is meant."""

    message: str
    remedy: str
    span: Span


def _word(token: Token, before: Token | None, after: Sequence[Token]) -> Misfit | None:
    word = token.text
    name = spelled(word)
    if name is not None and not iskeyword(name):
        return None
    if name == "as":
        return Misfit(
            "'as' stands between a function and the name of its node",
            "write 'function as node', for example 'split -> [work as w1, work as w2]'",
            token.span,
        )
    if name is not None:
        begins_line = before is None or before.kind == "newline"
        if begins_line and name in _CODE and after[0].kind in ("word", "stray", "mark"):
            return _python_code(token)
        return Misfit(
            f"'{name}' is a Python keyword, so no function can have this name",
            f"give the function another name, for example '{name.lower()}_task'",
            token.span,
        )
    for index, sign in enumerate(word):
        if not ("_" + sign).isidentifier():
            rest = word[index:].lstrip(sign)
            span = Span(token.line, token.column + index, len(word) - index - len(rest))
            if not rest and after[0].text == ">" and after[0].column == span.column + span.width:
                return _sign(sign, span._replace(width=span.width + 1))
            left = word[:index] or (before.text if before else "")
            return _sign(sign, span, left, rest or after[0].text)
    return Misfit(
        f"a name cannot begin with {'a digit' if word[0].isdigit() else shown(word[0])}",
        f"rename the function so that it begins with a letter, for example {shown('task_' + word)}",
        token.span,
    )


def _sign(sign: str, span: Span, left: str = "", right: str = "") -> Misfit:
    """Explain a sign that is neither ASCII nor part of any identifier, and what is around it."""
    called = unicodedata.name(sign, "")
    kind = unicodedata.category(sign)
    if "ARROW" in called:
        return Misfit(f"'{sign}' is not an arrow here", _arrows(left, right), span)
    if kind == "Pd" or sign == "−":
        message = f"'{sign}' is a dash, not the hyphen of the keyboard"
        return Misfit(message, _arrows(left, right), span)
    if "QUOTATION MARK" in called:
        return Misfit(
            f"{sign} is a curly quotation mark, and names have none",
            "write a task's name without quotation marks",
            span,
        )
    if kind[0] == "C":
        return Misfit(
            f"an invisible character stands here: U+{ord(sign):04X} {called}".rstrip(),
            "delete it; such characters come along when text is pasted",
            span,
        )
    return Misfit(
        f"'{sign}' cannot be part of a name",
        "a name is a Python identifier: letters, digits and '_'",
        span,
    )


def _quoted(token: Token, before: Token | None, after: Sequence[Token]) -> Misfit:
    name = re.sub(r"\W+", "_", token.text[1:-1]).strip("_")
    instead = f": {bare(name)}" if spelled(name) else ""
    return Misfit(
        "a task's name has no quotation marks",
        f"write the name of the function{instead}",
        token.span,
    )


def _unclosed(token: Token, before: Token | None, after: Sequence[Token]) -> Misfit:
    quote = token.text[0]
    return Misfit(
        f"the closing {quote} is missing on this line",
        f"write {quote} after the text; a line break inside the text is written \\n",
        token.span,
    )


def _dashes(token: Token, before: Token | None, after: Sequence[Token]) -> Misfit:
    if found := _position_or_comparison(token, before, after[0]):
        return found
    sign = token.text
    names = ("a", "b")
    following = after[0]
    if before and before.kind == following.kind == "word":
        names = (before.text, following.text)
        if sign == "-" and before.end == token.column and token.end == following.column:
            name = before.text + sign
            for piece in after:
                glued = piece.column == before.column + len(name)
                if not glued or (piece.kind != "word" and piece.text != "-"):
                    break
                name += piece.text
            return Misfit(
                f"the name {shown(name)} has a hyphen in it",
                f"did you mean the task {shown(name.replace('-', '_'))}, "
                f"or the arrow {shown(name.replace('-', ' -> '))}?",
                Span(token.line, before.column, len(name)),
            )
    if sign == "-" and following.text == ">":
        span = Span(token.line, token.column, following.end - token.column)
        return Misfit("an arrow has no space in it", "write '->'", span)
    if sign == "=":
        return Misfit(
            "'=' has no meaning here: results have no names of their own",
            f"leave out {shown(f'{before.text} =')}; a result goes by the name of its task"
            if before and before.kind == "word"
            else _arrows(),
            token.span,
        )
    if "|" in sign and len(sign) > 1:
        return Misfit(
            "an arrow has no label here",
            "write 'a -> b'; for one key of the result, write 'a.key -> b'",
            token.span,
        )
    if sign[0] == "<" and sign[-1] != ">":
        return Misfit(
            f"{shown(sign)} points backwards, but all arrows point forwards here",
            f"turn it round: {shown(f'{names[1]} -> {names[0]}')}",
            token.span,
        )
    if not sign.strip("."):
        return Misfit(
            f"a key comes after one dot, not after {shown(sign)}",
            "write 'task.key -> next_task'",
            token.span,
        )
    return Misfit(f"{shown(sign)} is not an arrow here", _arrows(*names), token.span)


def _position_or_comparison(token: Token, before: Token | None, following: Token) -> Misfit | None:
    """Explain ``a.-1`` and ``a == "b"``."""
    sign = token.text
    if sign == ".-" and following.text[:1].isdecimal() and following.column == token.end:
        task = before.text if before and before.kind == "word" else "task"
        return Misfit(
            "positions in a result count from 0, and none from its end",
            f"write '{bare(task)}.0 -> next_task' for the first element, name all parts, "
            f"'first, last = {bare(task)}',\n"
            f"or take it inside the next task: values[-{bare(following.text)}]",
            token.span._replace(width=following.end - token.column),
        )
    is_value = following.kind == "string" or following.text[:1].isdecimal()
    if sign == "==" and is_value and before and before.kind == "word":
        return Misfit(
            "a comparison stands behind 'when' or 'unless', at the end of a line",
            f"write 'task when {bare(before.text)} == {bare(following.text)}'",
            before.span._replace(width=token.end - before.column),
        )
    return None


def _stray(token: Token, before: Token | None, after: Sequence[Token]) -> Misfit:
    sign = token.text
    if sign == "@":
        return _python_code(token)
    if sign == "(" and before and before.kind == "word":
        return Misfit(
            "a task is only named here, not called",
            f"write {shown(before.text)} without parentheses: "
            "its arguments come along the arrows that lead to it",
            token.span,
        )
    if not sign.isprintable():
        return _sign(sign, token.span)
    remedy = {
        "(": "a list goes in square brackets: '[b, c]'",
        ";": "begin a new line instead",
        "&": "several tasks go in a list: '[a, b] -> c'",
        "%": "a '%%' line can only be the first of a cell",
        "{": "a list goes in square brackets: '[b, c]'",
        "/": "a comment begins with '#'",
    }.get(sign, "a flow is made of names, arrows and lists, for example 'load -> [clean, count]'")
    return Misfit(f"{shown(sign)} has no meaning here", remedy, token.span)


def _python_code(token: Token) -> Misfit:
    return Misfit(
        f"'{token.text}' begins Python code, but this text only ties tasks together",
        "define the functions in a Python cell, and write here how they depend on each other:\n"
        "    load -> clean",
        token.span,
    )


def _arrows(left: str = "a", right: str = "b") -> str:
    """Show both arrows, between the two names of the text if these are names and short."""
    if len(left + right) > 40 or not (spelled(left) and spelled(right)):
        left, right = "a", "b"
    return (
        f"write '{left} -> {right}' if {right} receives the result of {left},\n"
        f"or '{left} -.-> {right}' if it only waits"
    )


_EXPLAIN: dict[str, Callable[[Token, Token | None, Sequence[Token]], Misfit | None]] = {
    "word": _word,
    "string": _quoted,
    "unclosed": _unclosed,
    "dashes": _dashes,
    "stray": _stray,
}
