"""What is wrong with a condition, such as ``when kind == "big"``, and what was meant."""

from __future__ import annotations

import re

from ...errors import DSLSyntaxError, FlowError, Span
from ..tokens import bare, line_of, shown
from .diagnostics import Diagnostics
from .values import doubled

__all__ = ["CONDITIONS", "MAPS", "ConditionErrors"]

CONDITIONS = ("when", "unless")
MAPS = ("map", "zip", "product")


class ConditionErrors:
    """Turns a place in a text into the error that explains it, as `Diagnostics` does."""

    def __init__(self, wrong: Diagnostics) -> None:
        self._wrong = wrong
        self._tokens = wrong.tokens
        self._error = wrong.error

    def no_condition(self, at: int) -> DSLSyntaxError:
        """Explain a line that ends with ``when``, or goes on with a text."""
        word, token, other = self._tokens[at : at + 3]
        if token.kind == "string":
            example = token.text if '"' in token.text else f'"{token.text[1:-1]}"'
            return self._error(
                "a condition begins with the name of a task",
                token.span,
                f"write '{word.text} {bare(other.text) if other.kind == 'word' else 'kind'} "
                f"== {bare(example)}'",
            )
        if token.kind in ("newline", "end"):
            return self._error(
                f"nothing follows this '{word.text}'",
                word.span,
                f"write the task whose result decides: '{word.text} check'",
            )
        words = re.findall(r"\w+", token.text)
        check = bare(words[0]) if words else bare(other.text) if other.kind == "word" else "check"
        if token.text == "[":
            return self._error(
                "a condition is the result of one task, not of a list", token.span,
                f"write '{word.text} {check} {word.text} other' if all are needed; let a task "
                "return True or False for others",
            )  # fmt: skip
        found = None
        if token.text != "(" and token.kind != "call":
            found = self._wrong.token(at + 1)
        return found or self._error(
            f"a condition is the name of a task, not {shown(token.text)}",
            token.span._replace(width=1),
            f"write '{word.text} {check}'",
        )

    def negation(self, at: int) -> DSLSyntaxError | None:
        """Explain ``when not check``."""
        word, token, other = self._tokens[at : at + 3]
        if token.text != "not":
            return None
        opposite = "unless" if word.text == "when" else "when"
        return self._error(
            "'not' is no word of this language",
            token.span,
            f"write '{opposite} {bare(other.text) if other.kind == 'word' else 'check'}'",
        )

    def comparison(self, at: int) -> DSLSyntaxError:
        """Explain a comparison other than ``==``."""
        token, behind = self._tokens[at : at + 2]
        if token.text[:2] == ".-" and (found := self._wrong.token(at)):
            return found
        first = next(i for i in range(at, -1, -1) if self._tokens[i].text in CONDITIONS)
        word = self._tokens[first].text
        task = bare("".join(t.text for t in self._tokens[first + 1 : at]))
        if token.kind == "arrow":
            before = self._tokens[first - 1]
            target = bare(behind.text) if behind.kind == "word" else "next_task"
            source = bare(before.text) if before.kind == "word" else "report"
            begin = self._tokens[first]
            return self._error(
                "a condition stands at the end of its line",
                begin.span._replace(width=token.end - begin.column),
                f"write '{source} {token.text} {target}' in a line of its own",
            )
        sign = token.text + behind.text * (token.text == "!" and behind.text[:1] == "=")
        span = token.span._replace(width=len(sign))
        value = self._tokens[at + 1 + (len(sign) > len(token.text))]
        literal = value.text if value.kind in ("word", "string") else '"big"'
        if literal[0] == "'" and '"' not in literal:
            literal = f'"{literal[1:-1]}"'
        if sign.strip("=") == "":
            return self._error(f"'{sign}' compares nothing here", span,
                               f"write '{word} {task} == {bare(literal)}'")  # fmt: skip
        if sign in ("!=", "<>"):
            opposite = "unless" if word == "when" else "when"
            return self._error(f"'{sign}' compares nothing here", span,
                               f"write '{opposite} {task} == {bare(literal)}'")  # fmt: skip
        if token.text == "(":
            return self._error("a task is only named here, not called", token.span,
                               f"write '{word} {task}'")  # fmt: skip
        return self._error(
            f"{shown(sign)} compares nothing here: only '==' does, with a literal",
            span,
            f"let a task compare and return True or False, and write '{word} that_task'",
        )

    def in_list(self, opening: int, at: int) -> DSLSyntaxError:
        """Explain a condition behind one task of the list that begins at `opening`."""
        tokens, word = self._tokens, self._tokens[at]
        signs = (",", "[", "")
        first = max(i for i in range(opening, at) if tokens[i].text.strip() in signs) + 1
        names = [t.text for t in tokens[first:at] if t.kind == "word"]
        if "as" in names[:-1]:
            task = names[names.index("as") + 1]
        else:
            task = names[1] if names[0] in MAPS and len(names) > 1 else names[0]
        end = next(
            i for i in range(at, len(tokens)) if tokens[i].text in (",", "]") or
            tokens[i].kind in ("newline", "end")
        )  # fmt: skip
        condition = doubled(self._wrong.text[word.start : tokens[end].start].strip())
        return self._error(
            "a condition stands at the end of a line, and not in a list", word.span,
            f"leave it out here, and write '{bare(task)} {bare(condition)}' in a line of its own "
            "below this one",
        )  # fmt: skip

    def mapped_condition(self, at: int) -> DSLSyntaxError | None:
        """Explain ``when map check``."""
        word, token, other = self._tokens[at : at + 3]
        if token.text not in MAPS or other.kind != "word" or other.text in ("as", *CONDITIONS):
            return None
        return self._error(
            f"a condition is the result of a task, and has no '{token.text}'", token.span,
            f"write '{word.text} {bare(other.text)}'",
        )  # fmt: skip

    def own_condition(self, task: str, span: Span) -> DSLSyntaxError:
        """Explain a task that waits for its own result."""
        return self._error(
            f"{shown(task)} cannot depend on its own result", span, "name another task behind it"
        )

    def behind(self, start: int, at: int) -> FlowError | None:
        """Explain what is wrong in or behind a condition."""
        token, before, behind = self._tokens[at], self._tokens[at - 1], self._tokens[at + 1]
        task, check = bare(before.text), bare(behind.text) if behind.kind == "word" else "check"
        if token.text == "if" and before.kind == "word":
            other = self._tokens[at + 3]
            more = other.kind == "word" and self._tokens[at + 2].text == "else"
            more_text = f", and '{bare(other.text)} unless {check}' in a line of its own" * more
            return self._error(
                "'if' is no word of this language", token.span,
                f"write '{task} when {check}'{more_text}",
            )  # fmt: skip
        line = self._tokens[start:at]
        word = next((t.text for t in reversed(line) if t.text in CONDITIONS), "")
        if not word:
            return None
        place = max(i for i, t in enumerate(line) if t.text in CONDITIONS)
        first = bare(line[place - 1].text) if line[place - 1].kind == "word" else "report"
        if token.text in ("and", "or", ","):
            return self._error(
                f"{shown(token.text)} ties no conditions together", token.span,
                f"write '{word} {task} {word} {check}' if both are needed; let a task return True "
                "or False for others",
            )  # fmt: skip
        if token.text == "else":
            opposite = "unless" if word == "when" else "when"
            return self._error(
                "'else' is no word of this language", token.span,
                f"write '{check} {opposite} {task}' in a line of its own",
            )  # fmt: skip
        if token.text == "is" and behind.text != "not":
            return self._error("'is' compares nothing here", token.span,
                               f"write '{word} {task} == {bare(behind.text)}'")  # fmt: skip
        if token.text in ("in", "is", "not"):
            return self._error(
                f"{shown(token.text)} compares nothing here: only '==' does, with a literal",
                token.span,
                f"let a task compare and return True or False, and write '{word} that_task'",
            )
        if token.text == ":":
            return self._error("no ':' follows a condition", token.span,
                               f"write '{first} {word} {task}'")  # fmt: skip
        return None

    def first(self, start: int, at: int) -> DSLSyntaxError | None:
        """Explain ``when check: report``, and ``else repair``."""
        first, line = self._tokens[start], line_of(self._tokens, start)
        if first.text not in (*CONDITIONS, "if", "else", "elif") or at > start + 1 or len(line) < 2:
            return None
        words = [t for t in line[1:] if t.kind == "word"]
        if line[1].kind != "word" and not (first.text == "else" and words):
            return None
        word = {"if": "when", "else": "unless", "elif": "when"}.get(first.text, first.text)
        task = bare(words[-1].text) if len(words) > 1 or first.text == "else" else "report"
        check = bare(words[0].text) if first.text != "else" else "check"
        return self._error(
            f"a condition stands behind the task, and a line does not begin with '{first.text}'",
            first.span, f"write '{task} {word} {check}'",
        )  # fmt: skip
