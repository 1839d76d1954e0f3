"""What is wrong with a whole line: with one that names parts, or one that declares inputs.

The tokens around the place where the reader stopped show what was meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import pairwise

from ...errors import DSLSyntaxError, Span
from ..tokens import Token, bare, line_of, shown
from .conditions import CONDITIONS, MAPS
from .diagnostics import Diagnostics
from .values import doubled, unbalanced

__all__ = ["LineErrors"]


class LineErrors:
    """Turns a line into the error that explains it, if it has one of a few forms."""

    def __init__(self, wrong: Diagnostics) -> None:
        self._wrong = wrong
        self._tokens = wrong.tokens
        self._error = wrong.error

    def whole(self, start: int, at: int) -> DSLSyntaxError | None:
        """Explain a line that begins at `start`, where the reader stopped at `at`."""
        return (
            self.opened(at)
            or self._inputs(start, at)
            or self._misspelt(at)
            or self.named(start)
            or self._mapped(at)
        )

    def opened(self, at: int) -> DSLSyntaxError | None:
        """Explain constants whose brackets or quotation marks have no partners."""
        token, before = self._tokens[at], self._tokens[at - 1]
        if not at or token.text != "(" or before.kind != "word":
            return None
        text = self._wrong.text
        end = next((t.start for t in self._tokens[at:] if t.kind in ("newline", "end")), len(text))
        if not text[token.start + 1 : end].strip(" \t)"):
            return None
        if re.match(r"\(\s*\)", text[token.start : end]):
            return None
        found = unbalanced(text, token.start, end)
        if found is None:
            return None
        place = Span(token.line, token.column + found.start - token.start, found.width)
        return self._error(found.message, place, found.remedy)

    def named(self, start: int) -> DSLSyntaxError | None:
        """Explain a line with a '=' that names parts in a form that is none."""
        line = line_of(self._tokens, start)
        place = next((i for i, t in enumerate(line) if t.text in ("=", "+", "==")), 0)
        equals = line[place]
        opened = [t.text for t in line[:place] if t.text in ("(", "[", "{")]
        closed = [t.text for t in line[:place] if t.text in (")", "]", "}")]
        if not place or any(t.kind in ("arrow", "call") for t in line[:place]):
            return None
        if len(opened) != len(closed):
            return None
        names = [t.text for t in line[:place] if t.kind == "word"]
        if not names:
            return None
        task = next((bare(t.text) for t in line[place + 1 :] if t.kind == "word"), "split")
        one = f".{bare(names[0])}" * (len(names) == 1)
        right = f"'{', '.join(map(bare, names)) or 'X, y'} = {task}{one}'"
        if any(word in names for word in CONDITIONS):
            return None
        if any(t.kind in ("string", "unclosed") for t in line[:place]):
            return None
        star = next((t for t in line[:place] if t.text == "*"), None)
        if star is not None:
            return self._error(
                "each part has a name of its own, so no name has a star", star.span,
                f"write {right} if there are so many parts; take a list apart inside a task",
            )  # fmt: skip
        bracket = next((t for t in line[:place] if t.text in ("(", "[", "{")), None)
        if bracket is not None and bracket is line[0] and line[place - 1].text in (")", "]", "}"):
            whole = bracket.span._replace(width=max(1, line[place - 1].end - bracket.column))
            return self._error("the names of parts stand without brackets", whole,
                               f"write {right}")  # fmt: skip
        if bracket is not None:
            return self._error(
                "the names of parts are not nested", bracket.span,
                "give the part one name, and take it apart inside the next task",
            )  # fmt: skip
        value = line[place + 1] if place + 1 < len(line) else equals
        if equals.text == "==" and (value.kind == "string" or value.text[:1].isdecimal()):
            return self._comparison(line[:place], equals, value)
        if equals.text == "+" or line[place - 1].text == ":" or equals.text == "==":
            first = line[place - 1] if line[place - 1].text == ":" else equals
            sign = {":": ":=", "+": "+="}.get(first.text, "==")
            if equals.text == "+" and (len(line) < place + 2 or line[place + 1].text != "="):
                return None
            return self._error(f"'{sign}' gives no names to parts",
                               first.span._replace(width=2), f"write {right}")  # fmt: skip
        if any(t.text == "." for t in line[:place]):
            last = line[place - 1]
            return self._error(
                "the name of a part is one word",
                Span(line[0].line, line[0].column, last.end - line[0].column),
                f"write '{bare(names[-1])} = {task}.{bare(names[-1])}'",
            )
        for left, right_of_it in pairwise(line[:place]):
            if left.kind == right_of_it.kind == "word":
                return self._error(
                    f"a comma is missing between {shown(left.text)} and {shown(right_of_it.text)}",
                    Span(left.line, left.end, right_of_it.column - left.end), f"write {right}",
                )  # fmt: skip
        return None

    def _comparison(self, ahead: Sequence[Token], equals: Token, value: Token) -> DSLSyntaxError:
        """Explain a comparison without a word that says what it is for."""
        first = len(ahead) - 1
        while first > 1 and ahead[first - 1].text == ".":
            first -= 2
        compared = "".join(bare(t.text) for t in ahead[first:])
        task = bare(ahead[first - 1].text) if first and ahead[first - 1].kind == "word" else "task"
        return self._error(
            "a comparison stands behind 'when' or 'unless', at the end of a line",
            Span(ahead[0].line, ahead[0].column, equals.end - ahead[0].column),
            f"write '{task} when {compared} == {bare(doubled(value.text))}'",
        )

    def value(self, at: int, names: Sequence[str]) -> DSLSyntaxError | None:
        """Explain ``depth = 3``, a list or a second '=' where the task of some parts must stand."""
        token = self._tokens[at]
        left = ", ".join(map(bare, names))
        if token.text == "[":
            return self._error(
                "parts are those of one result, and not of a list", token.span,
                f"write '{left} = task', one line for each task",
            )  # fmt: skip
        is_value = token.kind in ("string", "unclosed") or token.text[:1].isdecimal()
        if is_value or token.text in ("True", "False", "None", "-", "{"):
            name = bare(names[0])
            written = bare(doubled(token.text)) if token.kind != "unclosed" else "…"
            first = at
            while first and self._tokens[first - 1].kind != "newline":
                first -= 1
            column = self._tokens[first].column
            return self._error(
                "a value stands behind the name of an input, or of a parameter",
                Span(token.line, column, token.end - column),
                f"write 'input {name} = {written}', or 'task({name}={written})'",
            )  # fmt: skip
        return None

    def behind_parts(self, start: int, at: int) -> DSLSyntaxError:
        """Explain what stands behind ``X, y = split``."""
        token, before = self._tokens[at], self._tokens[at - 1]
        line = line_of(self._tokens, start)
        left = ", ".join(bare(t.text) for t in line if t.start < token.start and t.kind == "word")
        names, _, _ = left.rpartition(", ")
        equals = next(t for t in line if t.text == "=")
        place = Span(token.line, equals.column, token.end - equals.column)
        if token.kind == "arrow":
            words = [t for t in line if t.start >= before.start]
            chain = " ".join(bare(t.text) for t in words)
            last = words[-1].text if words[-1].kind == "word" else "split"
            if ", " not in names and words[-1].kind == "word":
                return self._error(
                    "a result goes by the name of its task, and a line with '=' has no arrows",
                    place, f"write '{chain} as {names}' to call the last task so",
                )  # fmt: skip
            return self._error(
                "a line that names parts has no arrows", place,
                f"write '{chain}', and '{names} = {bare(last)}' in a line of its own",
            )  # fmt: skip
        if before.text in CONDITIONS and token.kind == "word":
            return self._error(
                f"no task stands between this '=' and '{before.text}'", place,
                f"write '{names or left.partition(',')[0]} {before.text} {bare(token.text)}' "
                "for a condition",
            )  # fmt: skip
        if token.text in CONDITIONS:
            return self._error(
                "a condition is that of a task, and not of its parts", token.span,
                f"write '{bare(before.text)} {token.text} check' in a line of its own",
            )  # fmt: skip
        if token.text == "=":
            return self._error(
                "one line names the parts of a result once", place,
                "write a line for each name: 'X = split.X'",
            )  # fmt: skip
        if token.text == "[":
            key = self._tokens[at + 1].text.strip("'\"")
            return self._error(
                "a key comes after a dot, not in brackets", token.span,
                f"write '{names} = {bare(before.text)}.{bare(key)}'",
            )  # fmt: skip
        return self._wrong.token(at) or self._error(
            f"a line that names parts ends behind the task, and not with {shown(token.text)}",
            token.span, "write 'X, y = split' for the parts of one result",
        )  # fmt: skip

    # Parts of lines.

    def useless_map(self, at: int, arrow: Token | None) -> DSLSyntaxError:
        """Explain that the word ``map`` at `at` has no result to go through."""
        if arrow is None:
            word, target = self._tokens[at].text, bare(self._tokens[at + 1].text)
            source = "source" if word == "map" else "[a, b]"
            what = {
                "map": "each item of a result",
                "zip": "the items of several results side by side",
            }.get(word, "every combination of the items of several results")
            return self._error(
                f"'{word}' comes after an arrow: it runs a task once for {what}",
                self._tokens[at].span,
                f"write '{source} -> {word} {target}'; on other lines, leave '{word}' out",
            )
        return self._error(
            "'-.->' only waits and brings no items to map over",
            self._tokens[at].span,
            f"write '->', or remove '{self._tokens[at].text}'",
        )

    def _inputs(self, start: int, at: int) -> DSLSyntaxError | None:
        """Explain a line that was meant to declare inputs."""
        first, token = self._tokens[start], self._tokens[at]
        line = line_of(self._tokens, start)
        if at != start + 1 or any(t.kind == "arrow" for t in line):
            return None
        example = "write 'input files, depth = 3'"
        if first.text == "input" and token.text not in ("as", *CONDITIONS):
            names = ", ".join(bare(t.text) for t in line[1:] if t.kind == "word")
            if token.text in ("[", ":", "(", "{"):
                example = f"write 'input {names or 'files'}'"
            if token.kind == "string":
                example = f"write 'input {bare(token.text[1:-1])}', without quotation marks"
            return self._error(
                "the names of inputs follow the word 'input', with commas between them",
                token.span, example,
            )  # fmt: skip
        is_list = len(line) > 2 and token.kind == "word" and line[2].text in (",", "=")
        if is_list and _near(first.text, ["input"]):
            return self._error(
                f"{shown(first.text)} is not a word of this language", first.span,
                "did you mean 'input'?",
            )  # fmt: skip
        return None

    def _misspelt(self, at: int) -> DSLSyntaxError | None:
        """Recognise a word of the language in which a letter is missing, or wrong."""
        token, before, behind = self._tokens[at], self._tokens[at - 1], self._tokens[at + 1]
        if not token.kind == before.kind == "word":
            return None
        ahead = self._tokens[at - 2] if at > 1 else token
        near = _near(token.text, CONDITIONS) if behind.kind == "word" else ""
        wrong = token
        if not near and ahead.text in ("->", "[", ","):
            near, wrong = _near(before.text, ["zip", "product"]), before
        if not near:
            return None
        return self._error(f"{shown(wrong.text)} is not a word of this language", wrong.span,
                           f"did you mean '{near}'?")  # fmt: skip

    def _mapped(self, at: int) -> DSLSyntaxError | None:
        """Explain ``map [a, b]``, ``map map a`` and ``map(n=2) a``."""
        token, before = self._tokens[at], self._tokens[at - 1]
        word = before
        if before.kind == "call" and token.kind == "word" and at > 1:
            word = self._tokens[at - 2]
            if word.text in MAPS:
                return self._error(
                    "constants stand behind the task", before.span._replace(width=1),
                    f"write '{word.text} {bare(token.text)}{bare(before.text)}'",
                )  # fmt: skip
        if word.text not in MAPS:
            return None
        if token.text == "[":
            return self._error(
                f"'{word.text}' goes in front of one task, not of a list",
                Span(word.line, word.column, token.end - word.column),
                f"write it inside the list: '[{word.text} a, {word.text} b]'",
            )
        ahead = self._tokens[at - 2] if at > 1 else token
        if token.kind == "word" and ahead.text in MAPS:
            return self._error(
                f"one word stands in front of a task, not '{ahead.text}' and '{word.text}'",
                Span(ahead.line, ahead.column, max(1, word.end - ahead.column)),
                f"write '{ahead.text} {bare(token.text)}'"
                + f" or '{word.text} {bare(token.text)}'" * (ahead.text != word.text),
            )
        return None


def _near(word: str, known: Sequence[str]) -> str:
    """Return the word that was meant, if hardly a letter of it is wrong."""
    if swapped := [one for one in known if word != one and sorted(word.lower()) == sorted(one)]:
        return swapped[0]
    found = difflib.get_close_matches(word.lower()[:30], known, n=1, cutoff=0.8)
    return found[0] if found and found[0] != word else ""
