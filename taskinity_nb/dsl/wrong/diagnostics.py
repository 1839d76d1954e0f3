"""What is wrong in the text of a flow: where, and what was probably meant.

Nothing here is called for a text that is right. `Diagnostics` looks at the tokens around the place
where the reader stopped, because the intention shows in the neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import DSLSyntaxError, Span, suggestion
from ..tokens import Token, bare, misfit, shown, spelled

__all__ = ["Diagnostics"]

_MERMAID = ("digraph", "flowchart", "graph")
_PARTS = "a flow is made of names, arrows and lists, for example 'load -> [clean, count]'"


class Diagnostics:
    """Turns a place in a text into the error that explains it."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = tokens

    def error(self, message: str, span: Span, remedy: str) -> DSLSyntaxError:
        """Make an error about this text; of what goes on in the next line, the first is shown."""
        if span.width > 1:
            line = re.split(r"\r\n?|\n", self.text)[span.line - 1]
            span = span._replace(width=max(1, min(span.width, len(line) + 1 - span.column)))
        return DSLSyntaxError(message, text=self.text, span=span, remedy=remedy)

    def token(self, at: int) -> DSLSyntaxError | None:
        """Explain a token that can stand nowhere; None for others."""
        found = misfit(self.tokens, at)
        return found and self.error(found.message, found.span, found.remedy)

    def header(self, at: int) -> DSLSyntaxError:
        """Explain a line that begins like ``flow Name:`` and goes on in another way."""
        second, third, fourth = self.tokens[at + 1 : at + 4]
        name = spelled(second.text)
        if second.text == ":":
            return self.error("the flow has no name", second.span, "write 'flow Name:'")
        if name and (third.kind == "newline" or third.text == "{"):
            return self.error(
                "a ':' is missing after the name of the flow",
                Span(second.line, second.end),
                f"write 'flow {bare(name)}:'",
            )
        if name and third.text == ":":
            return self.error(
                "nothing else can follow on the line of a header",
                self._rest(fourth),
                f"begin a new line after 'flow {bare(name)}:'",
            )
        if name and third.text in ("->", "-.->"):
            return self.error(
                "a header has no arrows",
                third.span,
                f"write 'flow {bare(name)}:', and the arrows in the lines below it",
            )
        wrong = self._rest(second)
        written = self._quote(wrong).partition(":")[0].rstrip(" \t{")
        if not (one_word := re.sub(r"\W+", "_", written).strip("_")).isidentifier():
            one_word = f"Flow_{one_word}"
        return self.error(
            "the name of a flow is one word: letters, digits and '_', with a letter first",
            wrong._replace(width=max(1, len(written))),
            f"write 'flow {bare(one_word)}:'; "
            "free text can go below it, in a line 'description: \"text\"'",
        )

    def description(self, at: int) -> DSLSyntaxError:
        """Explain a line ``description:`` without a text in quotes, or with more behind it."""
        colon, value, behind = self.tokens[at + 1 : at + 4]
        if value.kind == "string":
            return self.error(
                "nothing else can follow on the line of a description",
                self._rest(behind),
                "a quotation mark inside the text is written \\\" or \\'",
            )
        if value.kind == "newline":
            return self.error(
                "the text of the description is missing",
                Span(colon.line, colon.end),
                'write it on the same line: description: "text"',
            )
        if value.kind == "unclosed" and (found := self.token(at + 2)):
            return found
        wrong = self._rest(value)
        written = self._quote(wrong).strip("“”„‘’«»")
        if len(written) > 60 or not written.isprintable() or {'"', "\\"} & set(written):
            written = "text"
        curly = value.text[0] in "“”„‘’«»"
        return self.error(
            "these are curly quotation marks, not those of the keyboard"
            if curly
            else "the text of a description goes in quotation marks",
            wrong,
            f'write description: "{written}"',
        )

    def task_block(self, at: int) -> DSLSyntaxError:
        """Explain a line ``task X:``, with which an older dialect begins a task's code."""
        first, second = self.tokens[at : at + 2]
        name = re.sub(r"\W+", "_", second.text).strip("_")
        name = bare(name.lower() if second.kind == "string" else name) or "name"
        return self.error(
            "tasks are not defined in the text of a flow",
            Span(first.line, first.column, second.end - first.column),
            "define a function with @task in a Python cell; the text only names it:\n"
            f"    @task\n    def {name}(...):\n        ...",
        )

    def name(self, at: int, arrow: Token | None) -> DSLSyntaxError:
        """Explain why no task's name stands at `at`; `arrow` is the one that leads there."""
        token = self.tokens[at]
        before = self.tokens[at - 1] if at else token
        if found := self.token(at):
            return found
        if before.text == "as":
            return self.error(
                "the name of the node is missing after 'as'",
                before.span,
                "write 'function as node'",
            )
        if token.kind == "newline" and arrow:
            return self.error(
                f"nothing follows this '{arrow.text}'",
                arrow.span,
                self._on_one_line(at, before=False) or "write the task that it leads to",
            )
        if token.kind == "arrow" and arrow:
            return self.error(
                "a task is missing between these two arrows",
                Span(arrow.line, arrow.column, token.end - arrow.column),
                "write its name between them, or remove one of them",
            )
        if token.kind == "arrow":
            return self.error(
                f"nothing stands in front of this '{token.text}'",
                token.span,
                self._on_one_line(at, before=True) or "write the task that it comes from",
            )
        return self._closing(token) or self.error(
            f"a task is expected here, not {shown(token.text)}", token.span, _PARTS
        )

    def key(self, at: int) -> DSLSyntaxError:
        """Explain why no key stands at `at`, behind a dot."""
        dot, token = self.tokens[at - 1 : at + 1]
        if token.kind == "word" and token.text.isdecimal():
            return self.error(
                f"{shown(token.text)} is no position in a result",
                token.span,
                "write 'task.0' for the first element, and so on",
            )
        if token.kind in ("newline", "arrow"):
            return self.error(
                "a key is missing after this '.'", dot.span, "write 'task.key -> next_task'"
            )
        if token.kind == "string":
            return self.error(
                "a key has no quotation marks", token.span, self._keyed(self.tokens[at - 2], token)
            )
        return self.token(at) or self.error(
            f"a key is a name, not {shown(token.text)}",
            token.span,
            "write 'task.key -> next_task'",
        )

    def unused_key(self, task: str, at: int) -> DSLSyntaxError:
        """Explain that no arrow follows the key at `at`."""
        dot, key = self.tokens[at - 1 : at + 1]
        path = f"{bare(task)}.{bare(key.text)}"
        function = "" if key.text.isdecimal() else (
            f";\nif it is a function of a module, write '{path} as {bare(key.text)}'"
        )  # fmt: skip
        return self.error(
            f"no arrow follows, so nothing receives the key {shown(key.text)}",
            Span(dot.line, dot.column, key.end - dot.column),
            f"write '{path} -> next_task'{function}",
        )

    def in_list(self, opening: int, at: int) -> DSLSyntaxError:
        """Explain why the list that begins at `opening` cannot hold the token at `at`."""
        first, token = self.tokens[opening], self.tokens[at]
        before = next(t for t in reversed(self.tokens[opening:at]) if t.kind != "newline")
        if token.text == ",":
            return self.error(
                "a task is missing in front of this comma",
                token.span,
                "write its name, or remove the comma",
            )
        if token.text != "as" and (found := self.token(at)):
            return found
        if token.text == "[" and before.text == "map":
            return self._map_of_list(before, token)
        if token.text == "[" and token.line == first.line:
            return self.error(
                "a list cannot hold another list",
                token.span,
                "write all tasks in one list: '[a, b, c]'",
            )
        if self._closed(at):
            if token.kind == "word":
                return self.error(
                    f"a comma is missing between {shown(before.text)} and {shown(token.text)}",
                    Span(before.line, before.end),
                    f"write '{bare(before.text)}, {bare(token.text)}'",
                )
            if token.kind == "arrow":
                return self.error(
                    "a list holds tasks, not arrows",
                    token.span,
                    "close the list in front of the arrow, or write a line for each chain",
                )
            if token.text in (".", ":"):
                return self.behind(at - 1, at)
        return self.error(
            "this '[' is never closed", first.span, "write ']' after the last task of the list"
        )

    def behind(self, start: int, at: int) -> DSLSyntaxError:
        """Explain why the line that begins at `start` cannot go on with the token at `at`."""
        token, before = self.tokens[at], self.tokens[at - 1]
        left, right = bare(before.text), bare(token.text)
        if found := self._misspelt(start, at) or self._closing(token):
            return found
        if token.text == "as":
            return self.error(
                "'as' gives one name to one function",
                token.span,
                "write 'function as node', in a list '[work as w1, work as w2]'",
            )
        if found := self.token(at):
            return found
        if token.text == ",":
            other = self.tokens[at + 1]
            rest = (t for t in self.tokens[at:] if t.text in ("[", "]", ":") or t.kind == "arrow")
            if (bracket := next(rest, token)).text == "]" and (found := self._closing(bracket)):
                return found
            span, tasks = token.span, "a, b"
            if before.kind == other.kind == "word" and before.line == other.line:
                span = before.span._replace(width=other.end - before.column)
                tasks = f"{left}, {bare(other.text)}"
            return self.error("several tasks go in square brackets", span, f"write '[{tasks}]'")
        if token.text == "[" and before.text == "map":
            return self._map_of_list(before, token)
        if token.text == "[" and before.kind == "word" and before.end == token.column:
            return self.error(
                "a key comes after a dot, not in brackets",
                token.span,
                self._keyed(before, self.tokens[at + 1]),
            )
        if token.text == ".":
            return self.second_dot(at)
        if token.text == ":":
            return self.error(
                "a ':' comes only after the name of a flow and after 'description'",
                token.span,
                _PARTS,
            )
        if token.kind == before.kind == "word":
            return self.error(
                f"an arrow is missing between {shown(before.text)} and {shown(token.text)}",
                Span(before.line, before.end, token.column - before.end),
                f"write '{left} -> {right}', or begin a new line if the two are not tied",
            )
        return self.error(
            f"an arrow is missing in front of {shown(right)}",
            token.span,
            "a line is a chain such as 'a -> [b, c] -> d'",
        )

    def _misspelt(self, start: int, at: int) -> DSLSyntaxError | None:
        """Recognise a word of the language that has a slip in it, or comes from another one."""
        first, second, third = self.tokens[start : start + 3]
        token, before = self.tokens[at], self.tokens[at - 1]
        if at == start + 1 and first.kind == "word":
            word = first.text.casefold()[:30]
            if word in _MERMAID and second.kind in ("word", "stray"):
                return self.error(
                    f"a line with {shown(first.text)} belongs to another language",
                    first.span,
                    "leave it out, or write 'flow Name:' to give the flow a name",
                )
            if token.text == ":" or token.kind in ("string", "unclosed"):
                if first.text == "description":
                    return self.error(
                        "a ':' is missing after 'description'",
                        Span(first.line, first.end),
                        'write description: "text"',
                    )
                hint = suggestion(word, ["description", "flow"])
                if hint or (token.text == ":" and third.kind in ("string", "unclosed")):
                    return self.error(
                        f"{shown(first.text)} is not a word of this language",
                        first.span,
                        hint or 'the only line of this form is: description: "text"',
                    )
                if token.text == ":" and third.kind == "newline" and spelled(first.text):
                    return self.error(
                        "the header of a flow begins with 'flow'",
                        first.span,
                        f"write 'flow {bare(first.text)}:'",
                    )
                if token.text == ":" and third.kind == "word":
                    return self.error(
                        "a ':' does not tie tasks together",
                        token.span,
                        f"if {shown(first.text)} needs the result of {shown(third.text)}, "
                        f"write '{bare(third.text)} -> {bare(first.text)}'",
                    )
            if second.kind == "word" and third.text == ":":
                return self.error(
                    f"{shown(first.text)} is not a word of this language",
                    first.span,
                    suggestion(word, ["flow", "task"]) or "a header is written 'flow Name:'",
                )
        if token.kind == before.kind == "word" and len(before.text) < 9 > len(token.text):
            for wrong, meant in ((before, "map"), (token, "as")):
                hint = suggestion(wrong.text.lower(), [meant]) if len(wrong.text) > 1 else ""
                if hint and wrong.text != meant:
                    return self.error(
                        f"{shown(wrong.text)} is not a word of this language", wrong.span, hint
                    )
        return None

    def _closing(self, token: Token) -> DSLSyntaxError | None:
        if token.text != "]":
            return None
        return self.error("this ']' closes no list", token.span, "write '[' where the list begins")

    def _keyed(self, task: Token, key: Token) -> str:
        if key.text == "-":
            return "positions count from 0, as in 'task.0'; take the last element in the next task"
        word = key.text[1:-1] if key.kind == "string" else ""
        word = key.text if key.text.isdecimal() else word if spelled(word) else "key"
        return f"write '{bare(task.text)}.{bare(word)} -> next_task'"

    def _on_one_line(self, at: int, before: bool) -> str:
        """Join the task before a newline, an arrow next to it and the task after it."""
        newline = at - 1 if before else at
        around = [t for t in self.tokens[max(0, newline - 2) : newline + 3] if t.text.strip()]
        arrow = next((t.text for t in around if t.kind == "arrow"), "")
        words = [t.text for t in around if t.kind == "word"]
        if len(words) == 2 and len(around) == 3:
            return f"a chain goes on one line: '{bare(words[0])} {arrow} {bare(words[1])}'"
        return ""

    def _map_of_list(self, word: Token, bracket: Token) -> DSLSyntaxError:
        return self.error(
            "'map' goes in front of one task, not of a list",
            Span(word.line, word.column, bracket.end - word.column),
            "write it inside the list: '[map a, map b]'",
        )

    def second_dot(self, at: int) -> DSLSyntaxError:
        """Explain a dot behind a key."""
        token, before = self.tokens[at], self.tokens[at - 1]
        if before.text == "]":
            message = "a key is taken from one task, not from a list"
            remedy = "write it inside the list: '[a.key, b] -> c'"
        elif self.tokens[at - 2].text == "as":
            node, key = bare(before.text), bare(self.tokens[at + 1].text)
            message = "a key is taken where the node has its name already"
            remedy = f"end this line behind '{node}', and write '{node}.{key or 'key'} -> …' below"
        else:
            message = "one arrow takes one key"
            remedy = "take the second one inside the next task"
            path = "".join(t.text for t in self.tokens[at - 3 : at + 2])
            if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*){2}", path):
                name = f"'{bare(path)} as {bare(self.tokens[at + 1].text)}'"
                remedy += f"; a function of a module needs a name of its own, {name}"
        return self.error(message, token.span, remedy)

    def _closed(self, at: int) -> bool:
        """Whether a list that is open at `at` is closed before another line begins a new part."""
        line = self.tokens[at].line
        for token in self.tokens[at:]:
            if token.text == "]":
                return True
            if token.text in ("[", ":") or (token.kind == "arrow" and token.line != line):
                return False
        return False

    def _rest(self, token: Token) -> Span:
        """Return the part of the line that begins with `token`, without a comment."""
        line = [t for t in self.tokens if t.line == token.line and t.kind != "newline"]
        return Span(token.line, token.column, line[-1].end - token.column)

    def _quote(self, span: Span) -> str:
        line = re.split(r"\r\n?|\n", self.text)[span.line - 1]
        return line[span.column - 1 : span.column - 1 + span.width]
