"""The parts of a text in which values stand: constants, the inputs of a flow, what is compared.

Python's own parser reads them, so that a literal is written as anywhere in Python; nothing of it is
evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from ..errors import DSLSyntaxError, Span
from ..model.forms.literals import LONGEST, Constant, InputName, literal
from .tokens import NEWLINE, Token, bare, shown
from .wrong.values import PYTHONS_WORDS, Wrong, doubled, misread, no_literal, unbalanced

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
        self._known: tuple[_Piece | None, list[str], list[int]] = (None, [], [])
        self._lines = [0, *(match.end() for match in NEWLINE.finditer(text))]

    def error(self, message: str, span: Span, remedy: str) -> DSLSyntaxError:
        """Make an error about this text."""
        return DSLSyntaxError(message, text=self._text, span=span, remedy=remedy)

    def constants(self, task: str, call: Token) -> Given:
        """Read ``(depth=3, loss="mse")`` behind the name of a task."""
        piece = _Piece(call.text, "f", call.start)
        inside = (call.start + 1, call.start + len(call.text) - 1)
        if behind := _CLOSING.match(self._text, inside[1] + 1):
            raise self._wrong(Wrong("this ')' closes nothing", behind.end() - 1, 1, "remove it"))
        parsed = self._parsed(piece, f"{task}(name=value)", inside, task)
        assert isinstance(parsed, ast.Call)
        first = parsed.args[0] if parsed.args else None
        if isinstance(first, ast.Name):
            raise self._called(task, call, [a.id for a in parsed.args if isinstance(a, ast.Name)])
        found: Given = {}
        for keyword in parsed.keywords:
            if keyword.arg is not None and keyword.arg not in found:
                value = self._value(piece, keyword.value, keyword.arg, task)
                found[keyword.arg] = value, self._span(piece, keyword)
        if len(found) < len(parsed.args) + len(parsed.keywords):
            wrong = misread(self._text, *inside, task)
            raise self._wrong(wrong) if wrong else self._no_literal(piece, call.span, "f(n=3)")
        return found

    def _called(self, task: str, call: Token, names: Sequence[str]) -> DSLSyntaxError:
        """Explain names in parentheses behind a name."""
        span = Span(call.line, call.column, 1)
        listed = ", ".join(names)
        if task == "input":
            return self.error(
                "a line that declares inputs has no parentheses", span,
                f"write 'input {listed}'",
            )  # fmt: skip
        if task in ("map", "zip", "product"):
            sources = "source" if task == "map" else f"[{listed}]"
            target = names[0] if task == "map" else "next_task"
            return self.error(
                f"{task!r} is a word in front of a task, and is not called", span,
                f"write '{sources} -> {task} {target}'",
            )  # fmt: skip
        return self.error(
            "a task is only named here, not called",
            span,
            f"write {shown(task)} without parentheses: "
            "its arguments come along the arrows that lead to it;\n"
            f"a constant has the name of its parameter: '{task}({names[0]}=…)'",
        )

    def inputs(self, first: Token, behind: Token) -> tuple[dict[str, Constant | None], Given, int]:
        """Read what follows the word ``input``, and where it ends.

        `behind` is the next token after it on another line, at the earliest.
        """
        end = self.end_of_line(first.start)
        piece = _Piece(self._text[first.start : end].rstrip(), "(lambda *, ", first.start)
        form = "input files, depth = 3"
        inside = (first.start, end)
        parsed = self._parsed(piece._replace(code=piece.code + "\n: 0)"), form, inside)
        arguments = parsed.args if isinstance(parsed, ast.Lambda) else None
        if (
            arguments is None
            or arguments.posonlyargs or arguments.args or arguments.vararg or arguments.kwarg
            or not (isinstance(parsed, ast.Lambda) and isinstance(parsed.body, ast.Constant))
        ):  # fmt: skip
            wrong = misread(self._text, *inside)
            raise self._wrong(wrong) if wrong else self._no_literal(piece, first.span, form)
        defaults: dict[str, Constant | None] = {}
        spans: Given = {}
        for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            span = self._span(piece, argument)
            if value is None:
                defaults[argument.arg] = None
            else:
                read = self._value(piece, value, argument.arg)
                if isinstance(read, InputName):
                    name = read.name
                    raise self.error(
                        f"the default of an input is a literal, not the name {shown(name)}",
                        self._span(piece, value),
                        f"write {PYTHONS_WORDS[name]}" if name in PYTHONS_WORDS else
                        f'write "{bare(name)}" for the text, or {argument.arg!r} alone: '
                        "an input without a default",
                    )  # fmt: skip
                defaults[argument.arg] = read
            if argument.arg in spans:
                raise self.error(
                    f"{shown(argument.arg)} is an input twice here", span, "keep one of the two"
                )
            spans[argument.arg] = (InputName(argument.arg), span)
        return defaults, spans, end

    def compared(self, start: int, span: Span) -> tuple[str, int]:
        """Read the literal that begins at `start`, and goes to the end of the line."""
        end = self.end_of_line(start)
        code = self._text[start:end].strip()
        blank = len(self._text[start:end]) - len(self._text[start:end].lstrip())
        if not code:
            raise self.error(
                "nothing follows this '=='", span, 'write the literal to compare with: == "big"'
            )
        piece = _Piece(code + "\n)", "(", start + blank)
        inside = (start + blank, start + blank + len(code))
        parsed = self._parsed(piece, 'when kind == "big"', inside)
        if isinstance(parsed, ast.Tuple) and parsed.col_offset == 0:
            raise self.error(
                "a result is compared with one literal, not with several",
                self._place(start + blank, len(_LINE.findall(code)[0].rstrip())),
                f"write '== ({bare(doubled(code))})' for a tuple; if any of them will do, compare "
                "inside a task and let it return True or False",
            )
        value = self._value(piece, parsed)
        if isinstance(value, InputName):
            name = value.name
            raise self.error(
                f"a result is compared with a literal, not with the name {shown(name)}",
                self._span(piece, parsed),
                f"write == {PYTHONS_WORDS[name]}" if name in PYTHONS_WORDS else
                f'write == "{bare(name)}" for the text, or compare inside the task and let it '
                "return True or False",
            )  # fmt: skip
        return value.text, end

    # Python's parser.

    def _parsed(
        self, piece: _Piece, form: str, inside: tuple[int, int], task: str = ""
    ) -> ast.expr:
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
            compared = form.startswith("when")
            find = unbalanced if compared else partial(misread, task=task)
            if wrong := find(self._text, *inside):
                raise self._wrong(wrong) from None
            more = _LITERAL.match(piece.code) if compared else None
            if more and not more[2].startswith("-"):
                raise self.error(
                    "a condition ends behind its literal",
                    self._place(piece.start + more.start(2), len(more[2])),
                    "write what follows in a line of its own",
                ) from None
            if compared and (arrow := re.search(r"\s(-\.->|->)(?=\s|\w)", piece.code)):
                raise self.error(
                    "a condition stands at the end of its line",
                    self._place(piece.start + arrow.start(1), len(arrow[1])),
                    "write what follows in a line of its own",
                ) from None
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

    def _wrong(self, wrong: Wrong) -> DSLSyntaxError:
        at = min(wrong.start, max(0, len(self._text) - 1))
        end = NEWLINE.search(self._text, at)
        width = min(wrong.width, (end.start() if end else len(self._text)) - at)
        return self.error(wrong.message, self._place(at, width), wrong.remedy)

    def _value(
        self, piece: _Piece, node: ast.expr, name: str = "", task: str = ""
    ) -> Constant | InputName:
        try:
            return literal(node)
        except ValueError as error:
            culprit = error.args[0]
            message, remedy = no_literal(culprit, name, task)
            raise self.error(message, self._span(piece, culprit), remedy) from None

    # Places.

    def end_of_line(self, start: int) -> int:
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
        if piece is not self._known[0]:
            lines = _LINE.findall(piece.ahead + piece.code)
            self._known = piece, lines, [0, *accumulate(map(len, lines))]
        _, given, starts = self._known
        text = given[node.lineno - 1]
        line: str | bytes = text if text.isascii() else text.encode()
        before = starts[node.lineno - 1]
        before += node.col_offset
        if isinstance(line, bytes):
            before += len(line[: node.col_offset].decode()) - node.col_offset
        width = 1
        if node.end_lineno == node.lineno and node.end_col_offset is not None:
            width = len(line[node.col_offset : node.end_col_offset])
            if isinstance(line, bytes):
                width = len(line[node.col_offset : node.end_col_offset].decode())
        return self._place(piece.start + max(0, before - len(piece.ahead)), width)

    def _quoted(self, span: Span) -> str:
        start = self._lines[span.line - 1] + span.column - 1
        return self._text[start : start + min(span.width, 40)]


_CLOSING = re.compile(r"[^\S\r\n]*\)")
_LITERAL = re.compile(r"""("[^"\\]*"|'[^'\\]*'|[\w.]+)\s*(\[|\w+|[^\s\w])""")
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+$")

_PIECE = re.compile(
    r"""
    (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | (?P<comment> \#[^\r\n]* ) | (?P<newline> [\r\n] )
    | "(?: [^"\\\r\n] | \\[^\r\n] )*+" | '(?: [^'\\\r\n] | \\[^\r\n] )*+'
    """,
    re.VERBOSE,
)
