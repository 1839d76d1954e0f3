"""From flows to text: that of the language, and that of Mermaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from keyword import iskeyword

from ..errors import FlowError
from ..model.flow import Flow
from ..model.forms.edges import CONDITIONS, WAITS, Edge, Part, condition
from ..model.forms.literals import InputName
from .parser import ESCAPES
from .tokens import shown, spelled
from .wrong.values import PYTHONS_WORDS

__all__ = ["to_dsl", "to_mermaid"]

LONGEST_LINE = 88
"""Columns of a line of canonical text; a longer list takes a line for each task."""

WORDS = ("map", "zip", "product")
"""The kinds of edges that are a word in front of their target."""

_WRITTEN = {sign: f"\\{letter}" for letter, sign in ESCAPES.items() if letter != "'"}


def to_dsl(flow: Flow) -> str:
    """Write a flow as canonical text.

    Parameters
    ----------
    flow : Flow
        Any flow that the language can express.

    Returns
    -------
    str
        Parsing it gives an equal flow, with the same description and the edges in the same order.

    Raises
    ------
    FlowError
        If the flow has no tasks, or a name or a key is no Python identifier.

    Examples
    --------
    >>> print(to_dsl(Flow("Example", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])))
    flow Example:
        a -> [b, c]
        [b, c] -> d
    """
    flow = flow.written
    texts: dict[str, tuple[Flow, str]] = {}
    _write_all(flow, texts)
    return "\n\n".join(text for _, text in texts.values())


def _write_all(flow: Flow, texts: dict[str, tuple[Flow, str]]) -> None:
    """Write a flow below those that it uses."""
    known = texts.get(flow.name)
    if known is not None:
        if known[0] != flow:
            raise FlowError(
                f"two flows that are called {shown(flow.name)} cannot be in one text",
                remedy="give one of the two another name",
            )
        return
    for other in flow.flows.values():
        _write_all(other, texts)
    if flow.name in texts:
        raise FlowError(f"the flow {shown(flow.name)} uses another one of the same name")
    _check_writable(flow)
    for name in {flow.function_of(task) for task in flow.tasks} & texts.keys() - flow.flows.keys():
        raise FlowError(
            f"the flow {shown(flow.name)} has a task {shown(name)}, and so is a flow called that "
            "must stand above it in the text",
            remedy="give one of the two another name",
        )
    lines = [f"flow {flow.name}:"]
    if flow.description:
        lines.append(f"    description: {_quoted(flow.description)}")
    if flow.inputs:
        inputs = (n if v is None else f"{n} = {v}" for n, v in flow.inputs.items())
        lines.append(f"    input {', '.join(inputs)}")
    lines += (f"    {line}" for line in _Statements(flow).lines())
    texts[flow.name] = flow, "\n".join(lines)


def _check_writable(flow: Flow) -> None:
    if not flow.tasks:
        raise FlowError(f"the flow {shown(flow.name)} has no tasks, so there is no text for it")
    keys = [edge.key for edge in flow.edges if isinstance(edge.key, str)]
    keys += [part.key for part in flow.parts.values() if isinstance(part.key, str)]
    functions = [word for path in flow.functions.values() for word in path.split(".")]
    names = [*flow.tasks, *flow.inputs, *flow.parts, *functions]
    parameters = [name for given in flow.constants.values() for name in given]
    names += parameters
    for word in (flow.name, *names, *keys):
        if spelled(word) != word:
            raise FlowError(
                f"{shown(word)} cannot be written in the text of a flow",
                remedy="names and keys are Python identifiers there",
            )
    first_words = (function.partition(".")[0] for function in flow.functions.values())
    for word in (*flow.tasks, *flow.inputs, *flow.parts, *parameters, *first_words):
        if iskeyword(word):
            raise FlowError(f"'{word}' is a Python keyword, so the text cannot name a task by it")
    for value in (value for given in flow.constants.values() for value in given.values()):
        known = flow.inputs if flow.inputs else {}
        if isinstance(value, InputName) and (
            value.name in flow.incoming or value.name in flow.parts
            or (value.name not in known and (known or value.name in PYTHONS_WORDS))
        ):  # fmt: skip
            raise FlowError(
                f"{shown(value.name)} is no input of the flow, so no constant can take it"
            )
    for edge in flow.edges:
        if edge.key is not None and edge.kind == "wait":
            raise FlowError(f"'{edge}' only waits, so the text cannot give it a key")
        if edge.equals is not None and edge.kind not in CONDITIONS:
            raise FlowError(f"'{edge}' is no condition, so the text cannot compare in it")
        if edge.kind in ("each", "each_wait") or edge.parameter is not None:
            raise FlowError(f"the text has no form for the edge '{edge}' of the kind '{edge.kind}'")


class _Statements:
    """Writes the edges of a flow in their order, and what else must stand among them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._seen: set[str] = set(flow.inputs)
        self._unnamed = dict.fromkeys((part.task, part.names) for part in flow.parts.values())

    def lines(self) -> Iterator[str]:
        """Yield the lines; tasks without edges stand where they stand among the others."""
        flow = self._flow
        position = {task: index for index, task in enumerate(flow.tasks)}
        alone = [task for task in flow.tasks if not (flow.incoming[task] or flow.downstream[task])]
        alone = [task for task in alone if all(task != part.task for part in flow.parts.values())]
        alone.reverse()
        for sources, targets in _groups(flow.edges):
            names = [edge.source for edge in sources] + [edge.target for edge in targets]
            new = [name for name in names if name not in self._seen]
            first = min((position[name] for name in new), default=0)
            while alone and position[alone[-1]] < first:
                yield self._mention(alone.pop())
            yield from self._declared(sources)
            if targets[0].kind in CONDITIONS:
                yield f"{self._mention(targets[0].target)} {self._condition(targets[0])}"
                continue
            left = [self._source(edge) for edge in sources]
            right = [
                f"{edge.kind} " * (edge.kind in WORDS) + self._mention(edge.target)
                for edge in targets
            ]
            arrow = "-.->" if targets[0].kind == "wait" else "->"
            line = f"{_list(left)} {arrow} {_list(right)}"
            if len(line) > LONGEST_LINE:
                line = f"{_list(left, long=True)} {arrow} {_list(right, long=True)}"
            yield line
        while alone:
            yield self._mention(alone.pop())
        for task, words in list(self._unnamed):
            yield from self._named(task, words)

    def _declared(self, sources: Sequence[Edge]) -> Iterator[str]:
        """Yield the lines that must stand above one that takes parts of results."""
        flow = self._flow
        for edge in sources:
            if edge.key is None and edge.kind not in CONDITIONS:
                continue
            part = flow.parts.get(edge.key) if isinstance(edge.key, str) else None
            if part is not None and part.task == edge.source:
                yield from self._named(part.task, part.names)
            elif self._must_be_declared(edge.source):
                yield self._mention(edge.source)

    def _must_be_declared(self, task: str) -> bool:
        flow = self._flow
        return task not in self._seen and (task in flow.functions or task in flow.constants)

    def _named(self, task: str, names: tuple[str, ...]) -> Iterator[str]:
        """Yield the lines that give names to the parts of a result, if they were not written."""
        if (task, names) not in self._unnamed:
            return
        del self._unnamed[task, names]
        if names:
            comma = "," * (len(names) == 1)
            yield f"{', '.join(names)}{comma} = {self._mention(task)}"
            return
        if self._must_be_declared(task):
            yield self._mention(task)
        for name, part in self._flow.parts.items():
            if part == Part(task, part.key):
                self._seen.add(task)
                yield f"{name} = {task}.{part.key}"

    def _source(self, edge: Edge) -> str:
        mark = "?" * edge.optional
        if edge.key is None:
            return f"{self._mention(edge.source)}{mark}"
        self._seen.add(edge.source)
        return f"{self._part(edge)}{mark}"

    def _part(self, edge: Edge) -> str:
        part = self._flow.parts.get(edge.key) if isinstance(edge.key, str) else None
        if part is not None and part.task == edge.source:
            return str(edge.key)
        return f"{edge.source}.{edge.key}"

    def _condition(self, edge: Edge) -> str:
        self._seen.add(edge.source)
        if edge.key is None:
            return condition(edge)
        shown = edge._replace(source=self._part(edge), key=None)
        return condition(shown)

    def _mention(self, task: str) -> str:
        flow = self._flow
        if task in self._seen:
            return task
        self._seen.add(task)
        text = flow.functions.get(task, task)
        if task in flow.constants:
            given = (f"{name}={value}" for name, value in flow.constants[task].items())
            text += f"({', '.join(given)})"
        return f"{text} as {task}" if task in flow.functions else text


def _groups(edges: Sequence[Edge]) -> Iterator[tuple[Sequence[Edge], Sequence[Edge]]]:
    """Cut the edges into lines: as many as share their source or their target, from the left."""

    def end(start: int, shared: Callable[[Edge], object]) -> int:
        wanted = shared(edges[start])
        stop = start + 1
        while stop < len(edges) and shared(edges[stop]) == wanted:
            stop += 1
        return stop

    start = 0
    while start < len(edges):
        one = edges[start : start + 1]
        if one[0].kind in CONDITIONS:
            yield one, one
            start += 1
            continue
        out = end(start, lambda e: (e.source, e.key, e.optional, _arrow(e)))
        into = end(start, lambda edge: (edge.target, edge.kind))
        yield (edges[start:into], one) if into > out else (one, edges[start:out])
        start = max(out, into)


def _arrow(edge: Edge) -> str:
    return edge.kind if edge.kind in WAITS else "->"


def _list(items: Sequence[str], long: bool = False) -> str:
    if len(items) == 1:
        return items[0]
    return (
        "[\n        " + ",\n        ".join(items) + ",\n    ]" if long else f"[{', '.join(items)}]"
    )


def _quoted(text: str) -> str:
    return '"' + "".join(_WRITTEN.get(sign, sign) for sign in text) + '"'


def to_mermaid(flow: Flow) -> str:
    """Write a flow as a Mermaid flowchart.

    Parameters
    ----------
    flow : Flow
        Any flow.

    Returns
    -------
    str
        Arrows that only wait are dotted; keys and ``map`` are labels.

    Examples
    --------
    >>> edges = [Edge("load", "clean", "map", "rows"), Edge("clean", "end")]
    >>> print(to_mermaid(Flow("Example", edges)))
    flowchart TD
        t1["load"]
        t2["clean"]
        t3["end"]
        t1 -->|".rows map"| t2
        t2 --> t3
    """
    names = [*flow.inputs, *flow.tasks]
    ids = {name: f"t{number}" for number, name in enumerate(names, 1)}
    lines = ["flowchart TD"]
    for name, number in ids.items():
        if name in flow.inputs:
            lines.append(f'{number}[/"{_label(name)}"/]')
            continue
        function = flow.function_of(name)
        text = name if function == name else f"{function} as {name}"
        lines.append(f'{number}["{_label(text)}"]')
    for edge in flow.edges:
        arrow = "-.->" if edge.kind in WAITS else "-->"
        words = []
        if edge.kind in CONDITIONS:
            compared = "" if edge.equals is None else f" == {edge.equals}"
            words = [f"{edge.kind}{'' if edge.key is None else f' .{edge.key}'}{compared}"]
        elif edge.key is not None:
            words = [str(edge.key) if edge.key in flow.parts else f".{edge.key}"]
        words += [edge.kind] * (edge.kind in WORDS) + ["each"] * (edge.kind == "each")
        words += ["?"] * edge.optional
        label = _label(" ".join(words))
        label = f'|"{label}"|' if label else ""
        lines.append(f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    return "\n    ".join(lines)


def _label(text: str) -> str:
    """Escape what Mermaid or the HTML in its labels would read as markup."""
    return "".join(sign if sign.isalnum() or sign in "_. " else f"#{ord(sign)};" for sign in text)
