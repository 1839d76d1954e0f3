"""Tab in a ``%%flow`` cell: options and their values on its first line, names of tasks below.

Behind ``%flow``, in any line, it is the names of flows, and then the options.

It answers at once, whatever the notebook's names stand for: of a value nothing is asked but its
type, which no code of the user's is called for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from ..dsl.read import parse_dsl
from ..engine.run import EXECUTORS
from ..engine.scheduling.scheduler import Keep, OnError
from ..errors import FlowError
from ..model.flow import Flow
from ..model.run import Run
from ..model.task import is_task, registered_tasks
from .line.usage import OPTIONS
from .line.words import FIRST, LINE, Unfinished, unfinished

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["IDENTIFIER", "flow_matcher", "function_named", "names_in"]

IDENTIFIER = "taskinity_nb.flow"

# Not by `vars`, which a module of a class of the user's answers.
names_in: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
WORDS_OF_VALUES = {
    "--executor": EXECUTORS,
    "--on-error": get_args(OnError),
    "--keep": get_args(Keep),
}
TAKE_EXPRESSIONS = ("--executor", "--workers", "--input", "--override")
NAME_TASKS = ("--targets", "--override", "--rerun")
NOT_OF_THE_USER = ("IPython", "ipykernel", "taskinity_nb", __name__.partition(".")[0])

_NAME = re.compile(r"[^\W\d]\w*")
_NAMES = re.compile(r"[\w.]+")
_WORD = re.compile(r"\w*$")
_WORD_WITH_DOTS = re.compile(r"[\w.]*$")
_WORD_OF_OPTION = re.compile(r"[\w-]*$")
_CALL = re.compile(r"([^\W\d][\w.]*)\(((?:[^()\"'#]|\"[^\"]*\"|'[^']*')*[(,]?\s*)$")
_GIVEN = re.compile(r"(\w+)\s*=")
_BEHIND = re.compile(r"(\w+|[\]?)])[^\S\n]+$")
_INPUTS = re.compile(r"^\s*input\s+(.*)", re.MULTILINE)
_LINE = re.compile(r"\s*(?:[\w, ]+=\s*)?(%flow(?:_from)?)(?=\s)")
MAPS = ("map", "zip", "product")
CONDITIONS = ("when", "unless")
_TASK_OF_RUN = re.compile(
    r"(?:^|[^\w.])(\w+)\.(?:(?:tasks|errors)\[|(?:replay|inspect|why)\()\s*[\"'](\w*)$"
)


class _Offer(NamedTuple):
    """Words that fit, each with its kind, in place of what was typed of one."""

    typed: str
    words: Mapping[str, str]
    alone: bool
    """Whether nothing but these words fits."""


def flow_matcher(shell: InteractiveShell) -> Callable[[CompletionContext], dict[str, Any]]:
    """Return a matcher for IPython's completer, which knows the functions of this shell."""

    def matcher(context: CompletionContext) -> dict[str, Any]:
        offer = _offer(context, _of_the_user(shell))
        if offer is None:
            return {"completions": []}
        typed, words, alone = offer
        found = sorted(word for word in words if word.startswith(typed) and word != typed)
        return {
            "completions": [SimpleCompletion(text=word, type=words[word]) for word in found],
            "matched_fragment": typed,
            "suppress": alone or bool(found),
        }

    known: Callable[[CompletionContext], dict[str, Any]]
    known = context_matcher(identifier=IDENTIFIER)(matcher)
    return known


def _of_the_user(shell: InteractiveShell) -> dict[Any, Any]:
    """Return the notebook's names without what IPython has put among them, such as ``open``."""
    hidden = shell.user_ns_hidden
    names = list(shell.user_ns.items())  # other threads may add some meanwhile
    return {name: value for name, value in names if hidden.get(name, hidden) is not value}


def _offer(context: CompletionContext, names: Mapping[Any, Any]) -> _Offer | None:
    lines = context.full_text.split("\n")  # as IPython counts them: a form feed ends none
    at = context.cursor_line
    if not 0 <= at < len(lines):
        return None
    before = lines[at][: context.cursor_position]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    head = lines[first].lstrip()
    if head != FIRST and not (head.startswith(FIRST) and head[len(FIRST)].isspace()):
        line = _LINE.match(before)
        return _of_magic(line, names) if line else _tasks_of_run(before, names)
    if at < first:
        return None
    if at == first:
        written = before.lstrip()
        # Before the blank behind the magic's name, it is IPython that completes that name.
        if len(written) <= len(FIRST):
            return None
        body = "\n".join(lines[first + 1 :])
        return _of_line(unfinished(written), lambda: _tasks_of(body), names)
    rest = [*lines[first + 1 : at], _WORD.sub("", before), *lines[at + 1 :]]
    return _of_body(before, "\n".join(rest), names)


def _of_magic(line: re.Match[str], names: Mapping[Any, Any]) -> _Offer | None:
    """Return what fits behind ``%flow`` or ``%flow_from``."""
    written = line.string[line.start(1) :]
    if line[1] != LINE:
        typed = _ending(_WORD, written)
        tasks = [name for name, value in _public(names, typed) if _is_task(value)]
        return _Offer(typed, dict.fromkeys(tasks, "function"), False)
    cut = unfinished(written)
    if cut.words:
        flow = names.get(cut.words[0])
        return _of_line(cut, lambda: flow.tasks if type(flow) is Flow else (), names)
    typed = _ending(_WORD, cut.last)
    if typed != cut.last:
        return None  # in quotes, behind a dot or in brackets, it is Python
    flows = [name for name, value in _public(names, typed) if type(value) is Flow]
    return _Offer(typed, dict.fromkeys(flows, "instance"), False)


def _of_line(
    line: Unfinished, tasks: Callable[[], Iterable[str]], names: Mapping[Any, Any]
) -> _Offer | None:
    """Return what fits at the end of the first line."""
    option, value, is_alone = None, line.last, True
    if value.startswith("--") and "=" in value:
        long, _, value = value.partition("=")
        option = next((o for o in OPTIONS if long == o.long and o.value), None)
        if option is None:
            return None
    elif line.words:
        previous = line.words[-1]
        option = next((o for o in OPTIONS if previous in (o.short, o.long) and o.value), None)
        if option is not None and not option.needs_value and value[:1] in ("", "-"):
            is_alone, option = bool(value), None
    if option is None:
        typed = _ending(_WORD_OF_OPTION, value)
        if typed != value:
            return None
        options = [name for o in OPTIONS for name in (o.long, o.short) if name]
        return _Offer(typed, dict.fromkeys(options, "param"), is_alone)
    if not option.needs_value:
        return None  # a path, of which IPython knows more
    typed = _ending(_WORD, value)
    before = value.removesuffix(typed)
    if option.long in NAME_TASKS and "=" not in before:
        return _of_tasks(value, tasks())
    if line.in_quotes or before.endswith("."):
        return None  # a path, or something of an object's: IPython knows more of these
    words = {}
    if option.long in TAKE_EXPRESSIONS:
        words = {name: _kind(value) for name, value in _public(names, typed)}
    if not before:
        words |= dict.fromkeys(WORDS_OF_VALUES.get(option.long, ()), "keyword")
    return _Offer(typed, words, True)


def _of_body(before: str, rest: str, names: Mapping[Any, Any]) -> _Offer:
    """Return what can be a task: functions of the notebook, and names in this cell."""
    if _WORD.sub("", before).endswith("."):
        return _Offer("", {}, True)  # a key of a result
    typed = _ending(_WORD, before)
    ahead = before.removesuffix(typed)
    if call := _CALL.search(ahead[-1000:]):
        if call[2].rstrip().endswith("="):
            inputs = [word for line in _INPUTS.findall(rest) for word in _NAME.findall(line)]
            return _Offer(typed, dict.fromkeys((*inputs, "True", "False", "None"), "text"), True)
        function = function_named(names, call[1])
        given = set(_GIVEN.findall(call[2]))
        return _Offer(typed, {f"{p}=": "param" for p in _parameters(function) - given}, True)
    if re.match(r"\s*input\s", ahead) or ahead.rstrip().endswith("=="):
        return _Offer(typed, {}, True)  # new names, and literals
    if (behind := _BEHIND.search(ahead)) and behind[1] not in (*MAPS, *CONDITIONS, "as"):
        is_in_list = ahead.rfind("[") > ahead.rfind("]")
        words = () if is_in_list or behind[1] == "?" else CONDITIONS
        words = words if behind[1] in "?]" else ("as", *words)
        return _Offer(typed, dict.fromkeys(words, "keyword"), True)
    others = (*MAPS, *CONDITIONS, "as", "input", "flow", "description")
    found = {word: "text" for word in _NAME.findall(rest) if word not in others}
    if not ahead.strip():
        found |= dict.fromkeys(("input", "flow", "description"), "keyword")
    elif ahead.rstrip().endswith(("->", "[", ",")) and "->" in ahead:
        found |= dict.fromkeys(MAPS, "keyword")
    found |= dict.fromkeys(registered_tasks(), "function")
    tasks = [n for n, value in _public(names, "") if _is_task(value) or type(value) is Flow]
    found = {word: kind for word, kind in found.items() if word.isidentifier()}
    return _Offer(typed, found | dict.fromkeys(tasks, "function"), True)


def function_named(names: Mapping[Any, Any], path: str) -> Any:
    """Return what a name stands for; behind a dot, what lies in a module."""
    head, *words = path.split(".")
    value: Any = names[head] if head in names else registered_tasks().get(head)
    for word in words:
        value = names_in(value).get(word) if issubclass(type(value), ModuleType) else None
    return value.function if is_task(value) else value


def _parameters(function: Any) -> set[str]:
    """Return the parameters of a function, or the inputs of a flow, that can be given by name."""
    if type(function) is Flow:
        return set(function.inputs)
    if type(function) is not FunctionType:
        return set()
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    return set(code.co_varnames[code.co_posonlyargcount : count])


def _tasks_of(body: str) -> Iterable[str]:
    """Return the tasks of a cell."""
    try:
        return parse_dsl(body).tasks
    except FlowError:  # it is being written
        return _NAME.findall(body)


def _of_tasks(value: str, tasks: Iterable[str]) -> _Offer:
    """Return the tasks of a flow, of which some may be named already."""
    typed = _ending(_WORD_WITH_DOTS, value)
    others = set(_NAMES.findall(value.removesuffix(typed)))
    return _Offer(typed, dict.fromkeys((t for t in tasks if t not in others), "function"), True)


def _tasks_of_run(before: str, names: Mapping[Any, Any]) -> _Offer | None:
    """Return the tasks of a run where its record is asked for one; for ``run["`` it is asked."""
    match = _TASK_OF_RUN.search(before[-1000:])
    run = names.get(match[1]) if match else None
    if match is None or type(run) is not Run:
        return None
    return _Offer(match[2], dict.fromkeys(run.flow.tasks, "text"), True)


def _ending(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _public(names: Mapping[Any, Any], typed: str) -> Iterable[tuple[str, Any]]:
    """Return the names that are shown, unless one that begins with ``_`` was begun."""
    hidden = "" if typed[:1] == "_" else "_"
    for name, value in names.items():
        if type(name) is str and not (hidden and name.startswith(hidden)):
            yield name, value


def _kind(value: Any) -> str:
    kind = type(value)
    if kind is FunctionType or is_task(value):
        return "function"
    return "class" if issubclass(kind, type) else "instance"


def _is_task(value: Any) -> bool:
    kind = type(value)
    if kind is FunctionType:
        module = value.__module__
        return type(module) is not str or module.partition(".")[0] not in NOT_OF_THE_USER
    return is_task(value)
