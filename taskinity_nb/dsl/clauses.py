"""The parts of a text in which values stand: constants, the inputs of a flow, what is compared.

Python's own parser reads them, so that a literal is written as anywhere in Python; nothing of it is
evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from typing import NamedTuple

from ..errors import DSLSyntaxError, Span
from ..model.forms.literals import LONGEST, Constant, InputName, literal
from .tokens import NEWLINE, Token, shown

__all__ = ["Clauses", "Given"]

Given = dict[str, tuple[Constant | InputName, Span]]
"""What parameters or inputs are given, and where that stands."""


class _Piece(NamedTuple):
    """A piece of the text as Python is given it: what stands in front, and where it begins."""

    code: str
    ahead: str
    start: int


class Clauses:
    """Reads values out of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(match.end() for match in NEWLINE.finditer(text))]

    def error(self, message: str, span: Span, remedy: str) -> DSLSyntaxError:
        """Make an error about this text."""
        return DSLSyntaxError(message, text=self._text, span=span, remedy=remedy)

    def constants(self, task: str, call: Token) -> Given:
        """Read ``(depth=3, loss="mse")`` behind the name of a task."""
        piece = _Piece(call.text, "f", call.start)
        parsed = self._parsed(piece, f"{task}(name=value)")
        assert isinstance(parsed, ast.Call)
        found: Given = {}
        for given in parsed.args:
            span = self._span(piece, given)
            if isinstance(given, ast.Starred):
                break
            name = given.id if isinstance(given, ast.Name) else "name"
            raise self.error(
                "a task is only named here, not called",
                Span(call.line, call.column, 1) if name != "name" else span,
                f"write {shown(task)} without parentheses: "
                "its arguments come along the arrows that lead to it;\n"
                f"a constant has the name of its parameter: "
                f"'{task}({name}={'…' if name != 'name' else self._quoted(span)})'",
            )
        for keyword in parsed.keywords:
            if keyword.arg is None:
                break
            found[keyword.arg] = self._value(piece, keyword.value), self._span(piece, keyword)
        if len(found) < len(parsed.args) + len(parsed.keywords):
            raise self.error(
                "stars have no meaning here: nothing is unpacked in the text of a flow",
                Span(call.line, call.column, len(call.text)),
                f"write each constant with its parameter's name: '{task}(name=value)'",
            )
        return found

    def inputs(self, first: Token, behind: Token) -> tuple[dict[str, Constant | None], Given, int]:
        """Read what follows the word ``input``, and where it ends.

        `behind` is the next token after it on another line, at the earliest.
        """
        end = self._end_of_line(first.start)
        piece = _Piece(self._text[first.start : end].rstrip(), "(lambda *, ", first.start)
        form = "input files, depth = 3"
        parsed = self._parsed(piece._replace(code=piece.code + "\n: 0)"), form)
        arguments = parsed.args if isinstance(parsed, ast.Lambda) else None
        if (
            arguments is None
            or arguments.posonlyargs or arguments.args or arguments.vararg or arguments.kwarg
            or not (isinstance(parsed, ast.Lambda) and isinstance(parsed.body, ast.Constant))
        ):  # fmt: skip
            raise self._no_literal(piece, Span(first.line, first.column, len(first.text)), form)
        defaults: dict[str, Constant | None] = {}
        spans: Given = {}
        for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            span = self._span(piece, argument)
            if value is None:
                defaults[argument.arg] = None
            else:
                read = self._value(piece, value)
                if isinstance(read, InputName):
                    raise self.error(
                        f"the default of an input is a literal, not the name {shown(read.name)}",
                        self._span(piece, value),
                        f"write a number, a text in quotation marks, or {argument.arg!r} alone: "
                        "an input without a default",
                    )
                defaults[argument.arg] = read
            spans[argument.arg] = (InputName(argument.arg), span)
        return defaults, spans, end

    def compared(self, start: int, span: Span) -> tuple[str, int]:
        """Read the literal that begins at `start`, and goes to the end of the line."""
        end = self._end_of_line(start)
        code = self._text[start:end].strip()
        blank = len(self._text[start:end]) - len(self._text[start:end].lstrip())
        if not code:
            raise self.error(
                "nothing follows this '=='", span, 'write the literal to compare with: == "big"'
            )
        piece = _Piece(code + "\n)", "(", start + blank)
        value = self._value(piece, self._parsed(piece, 'when kind == "big"'))
        if isinstance(value, InputName):
            raise self.error(
                f"a result is compared with a literal, not with the name {shown(value.name)}",
                span,
                f'write == "{value.name}" for the text, or compare inside the task and let it '
                "return True or False",
            )
        return value.text, end

    # Python's parser.

    def _parsed(self, piece: _Piece, form: str) -> ast.expr:
        if len(piece.code) > LONGEST:
            raise self.error(
                f"this is longer than the {LONGEST:,} characters that a literal may have",
                self._place(piece.start),
                "make it an input of the flow, and give it to the run",
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what a text looks like
                return ast.parse(piece.ahead + piece.code, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            place = self._place(piece.start)
            if isinstance(error, SyntaxError) and error.lineno:
                place = self._at(piece, error.lineno, (error.offset or 1) - 1)
            raise self._no_literal(piece, place, form) from None

    def _no_literal(self, piece: _Piece, place: Span, form: str) -> DSLSyntaxError:
        return self.error(
            "this cannot be read as Python's literals",
            place,
            f"write it as in '{form}': numbers, texts in quotation marks, True, False, None, "
            "and lists, tuples, sets and dicts of these",
        )

    def _value(self, piece: _Piece, node: ast.expr) -> Constant | InputName:
        try:
            return literal(node)
        except ValueError as error:
            culprit = error.args[0]
            name = "it"
            if isinstance(culprit, ast.Name):
                name = shown(culprit.id)
            raise self.error(
                "a constant is a literal or the name of an input, "
                f"and {name} is no literal: nothing is evaluated here",
                self._span(piece, culprit),
                "write the value itself, or declare an input ('input n') and write its name alone; "
                "its value is given to the run",
            ) from None

    # Places.

    def _end_of_line(self, start: int) -> int:
        """Return where the line ends that goes on from `start`, which may be below, in brackets."""
        depth = 0
        for match in _PIECE.finditer(self._text, start):
            if match["newline"] or match["comment"]:
                if depth <= 0:
                    return match.start()
            elif match["open"]:
                depth += 1
            elif match["close"]:
                depth -= 1
        return len(self._text)

    def _place(self, start: int, width: int = 1) -> Span:
        line = bisect_right(self._lines, start)
        return Span(line, start - self._lines[line - 1] + 1, max(1, width))

    def _at(self, piece: _Piece, line: int, column: int) -> Span:
        """Return the place of a line and a column of what Python was given."""
        given = _LINE.findall(piece.ahead + piece.code)
        before = sum(map(len, given[: line - 1])) + column
        start = piece.start + max(0, before - len(piece.ahead))
        return self._place(min(start, max(piece.start, len(self._text) - 1)))

    def _span(self, piece: _Piece, node: ast.expr | ast.arg | ast.keyword) -> Span:
        """Return where a part of what Python was given stands; its columns count bytes."""
        given = _LINE.findall(piece.ahead + piece.code)
        line = given[node.lineno - 1].encode()
        before = sum(map(len, given[: node.lineno - 1]))
        before += len(line[: node.col_offset].decode())
        width = 1
        if node.end_lineno == node.lineno and node.end_col_offset is not None:
            width = len(line[node.col_offset : node.end_col_offset].decode())
        return self._place(piece.start + max(0, before - len(piece.ahead)), width)

    def _quoted(self, span: Span) -> str:
        start = self._lines[span.line - 1] + span.column - 1
        return self._text[start : start + min(span.width, 40)]


_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+$")

_PIECE = re.compile(
    r"""
    (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | (?P<comment> \#[^\r\n]* ) | (?P<newline> [\r\n] )
    | "(?: [^"\\\r\n] | \\[^\r\n] )*+" | '(?: [^'\\\r\n] | \\[^\r\n] )*+'
    """,
    re.VERBOSE,
)
