"""Tab in a ``%%flow`` cell: options and executors on its first line, names of tasks below."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, get_args

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from ..engine.run import EXECUTORS
from ..engine.scheduling.scheduler import OnError
from ..model.task import Task, registered_tasks
from .options import OPTIONS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["IDENTIFIER", "flow_matcher"]

_NAME = re.compile(r"[^\W\d]\w*")
_OPTION = re.compile(r"[\w-]*$")
_WORD = re.compile(r"\w*$")
IDENTIFIER = "taskinity_nb.flow"
WORDS_OF_VALUES = {"--executor": EXECUTORS, "--on-error": get_args(OnError)}
TAKE_EXPRESSIONS = ("--executor", "--workers", "--input")


def flow_matcher(shell: InteractiveShell) -> Callable[[CompletionContext], dict[str, Any]]:
    """Return a matcher for IPython's completer, which knows the functions of this shell."""

    def matcher(context: CompletionContext) -> dict[str, Any]:
        text = context.full_text
        if not text.lstrip().startswith("%%flow"):
            return {"completions": []}
        lines = text.splitlines() or [""]
        before = lines[context.cursor_line][: context.cursor_position]
        first = context.cursor_line == 0
        ending = (_OPTION if first else _WORD).search(before)
        typed = "" if ending is None else ending[0]
        names = shell.user_ns
        words = _of_line(before, typed, names) if first else _of_body(text, context, names)
        found = sorted({word for word in words if word.startswith(typed) and word != typed})
        return {
            "completions": [SimpleCompletion(text=word) for word in found],
            "matched_fragment": typed,
            "suppress": bool(found) or not first,
        }

    known: Callable[[CompletionContext], dict[str, Any]]
    known = context_matcher(identifier=IDENTIFIER)(matcher)
    return known


def _of_line(before: str, typed: str, names: Mapping[str, Any]) -> list[str]:
    """Return what fits behind the last complete word of the first line."""
    previous = before.removesuffix(typed).split()[-1]
    option = next((o for o in OPTIONS if previous in (o.short, o.long) and o.value), None)
    if option is None:
        return [name for option in OPTIONS for name in (option.long, option.short) if name]
    words = WORDS_OF_VALUES.get(option.long, ())
    return [*words, *names] if option.long in TAKE_EXPRESSIONS else [*words]


def _of_body(text: str, context: CompletionContext, names: Mapping[str, Any]) -> list[str]:
    """Return what can be a task: functions of the notebook, and names in this cell."""
    lines = text.splitlines()
    line = lines[context.cursor_line]
    lines[context.cursor_line] = _WORD.sub("", line[: context.cursor_position])
    tasks = [name for name, value in names.items() if name[:1] != "_" and _is_task(value)]
    return [*tasks, *registered_tasks(), *_NAME.findall("\n".join(lines[1:]))]


def _is_task(value: Any) -> bool:
    is_function = isinstance(value, FunctionType) and value.__module__ == "__main__"
    return is_function or isinstance(value, Task)
