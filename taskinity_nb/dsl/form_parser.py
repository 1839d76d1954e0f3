"""Read the lines and clauses of a text in which values, parts and conditions stand."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import Span
from ..model.flow import Edge, EdgeKind
from ..model.forms.edges import Part
from .clauses import Clauses
from .draft import Draft, Item
from .tokens import Token, tokenize
from .wrong.diagnostics import Diagnostics
from .wrong.forms import FormErrors

__all__ = ["CONDITIONS", "FormParser"]

CONDITIONS = ("when", "unless")


class FormParser(ABC):
    """Reads inputs, parts and conditions; `at` is the index of the next token."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.tokens = tokenize(self.text)
        self.at = 0
        self.wrong = Diagnostics(self.text, self.tokens)
        self.wrong_form = FormErrors(self.wrong)
        self.clauses = Clauses(self.text)
        self.names: dict[str, str] = {}
        self.drafts: dict[str, Draft] = {}
        self.draft: Draft

    @abstractmethod
    def item(self, arrow: Token | None) -> Item:
        """Read a task, behind `arrow` if there is one."""

    @abstractmethod
    def name(self, at: int, arrow: Token | None) -> str:
        """Return the task's name at index `at`."""

    def begins_inputs(self) -> bool:
        """Tell ``input files`` from a task of that name."""
        _, second, third = self.tokens[self.at : self.at + 3]
        if second.text in CONDITIONS and third.kind == "word":
            return False
        return second.kind == "word" and second.text != "as"

    def inputs(self) -> None:
        draft, first = self.draft, self.tokens[self.at + 1]
        defaults, given, end = self.clauses.inputs(first, first)
        for name, default in defaults.items():
            _, span = given[name]
            self.declare(name, span)
            draft.inputs[name] = default, span
        self.go_on_at(end)

    def go_on_at(self, end: int) -> None:
        """Go on with the first token that begins at a place of the text, or behind it."""
        while self.tokens[self.at].start < end and self.tokens[self.at].kind != "end":
            self.at += 1
        while self.tokens[self.at].kind not in ("newline", "end"):  # a comment was there
            self.at += 1

    def declare(self, name: str, span: Span) -> None:
        """Note a name that is no task's."""
        draft = self.draft
        if name in draft.no_tasks:
            _, first = draft.inputs[name] if name in draft.inputs else draft.parts[name]
            raise self.wrong_form.declared_twice(name, span, first)
        if name in draft.tasks:
            raise self.wrong_form.declared_late(name, span, draft.tasks[name])
        draft.no_tasks.add(name)

    def names_parts(self) -> bool:
        """Tell ``X, y = split`` from other lines, such as ``a, b -> c``."""
        at = self.at
        while self.tokens[at].kind == "word" and self.tokens[at + 1].text == ",":
            at += 2
        return self.tokens[at + (self.tokens[at].kind == "word")].text == "="

    def parts(self) -> None:
        """Read ``X, y = split`` or ``X = split.X``."""
        tokens, draft, names = self.tokens, self.draft, list[tuple[str, Span]]()
        start = self.at
        while tokens[self.at].text != "=":
            if found := self.wrong_form.no_word(tokens[self.at]):
                raise found
            names.append((self.name(self.at, None), tokens[self.at].span))
            self.at += 1 + (tokens[self.at + 1].text == ",")
        is_one = len(names) == 1 and tokens[self.at - 1].text != ","
        equals = tokens[self.at]
        self.at += 1
        if tokens[self.at].kind in ("newline", "end"):
            raise self.wrong_form.no_whole(equals, [name for name, _ in names])
        if found := self.wrong_form.line.value(self.at, [name for name, _ in names]):
            raise found
        item = self.item(None)
        if tokens[self.at].kind != "newline":
            raise self.wrong_form.line.behind_parts(start, self.at)
        if item.part is not None or item.is_optional or (item.key is None) is is_one:
            raise self.wrong_form.parts(tokens[start], item.name, item.key, names, self.at)
        if item.name in draft.inputs:
            raise self.wrong_form.parts_of_input(item.name, item.span)
        words = tuple(name for name, _ in names)
        for place, (name, span) in enumerate(names):
            if name == "_" and not is_one:
                continue
            self.declare(name, span)
            key = place if item.key is None else item.key
            part = Part(item.name, key, () if is_one else words)
            if not is_one and draft.apart.setdefault(item.name, words) != words:
                raise self.wrong_form.taken_apart_twice(item.name, span)
            draft.parts[name] = part, span

    def conditions(self, targets: list[Item]) -> None:
        """Read ``when check unless other``, which hold for the last tasks of the line."""
        tokens, draft = self.tokens, self.draft
        while tokens[self.at].text in CONDITIONS:
            word = tokens[self.at]
            kind: EdgeKind = "when" if word.text == "when" else "unless"
            if tokens[self.at + 1].kind != "word":
                raise self.wrong_form.condition.no_condition(self.at)
            wrong = self.wrong_form.condition
            if found := wrong.negation(self.at) or wrong.mapped_condition(self.at):
                raise found
            self.at += 1
            source = self.item(None)
            equals = None
            span = word.span._replace(
                width=tokens[self.at - 1].end - word.column
                if tokens[self.at - 1].line == word.line else len(word.text)
            )  # fmt: skip
            following = tokens[self.at]
            if following.text[:2] == "==" and following.text[:3] != "===":
                place = following.span._replace(width=2)
                equals, end = self.clauses.compared(following.start + 2, place)
                self.go_on_at(end)
            elif following.kind in ("dashes", "arrow", "stray"):
                raise self.wrong_form.condition.comparison(self.at)
            for target in targets:
                if target.name in draft.no_tasks or target.part:
                    raise self.wrong_form.no_target(
                        target.part or target.name, target.span, target.part is not None
                    )
                if target.name == source.name:
                    raise self.wrong_form.condition.own_condition(target.name, span)
                draft.edges.setdefault(
                    Edge(source.name, target.name, kind, source.key, source.is_optional, equals),
                    span,
                )
