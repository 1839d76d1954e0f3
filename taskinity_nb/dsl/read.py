"""The language: text to flows and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from keyword import iskeyword

from ..errors import FlowError
from ..model.flow import Edge, Flow
from .parser import ESCAPES, Parser
from .tokens import shown, spelled

__all__ = ["parse_dsl", "parse_flows", "to_dsl", "to_mermaid"]

LONGEST_LINE = 88
"""Columns of a line of canonical text; a longer list takes a line for each task."""

_WRITTEN = {sign: f"\\{letter}" for letter, sign in ESCAPES.items() if letter != "'"}


def parse_dsl(text: str) -> Flow:
    """Read the one flow of a text.

    Parameters
    ----------
    text : str
        The flow; without a header it is called "flow".

    Returns
    -------
    Flow
        It keeps the positions in `text`, for later errors.

    Raises
    ------
    DSLSyntaxError
        If the text is no flow, or holds several; it says where, and what to write instead.
    CycleError
        If a task would wait for itself.
    FlowError
        If two arrows contradict each other.

    Examples
    --------
    >>> flow = parse_dsl("load -> [clean, count] -> report")
    >>> flow.tasks
    ('load', 'clean', 'count', 'report')
    >>> parse_dsl("load => clean")
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.DSLSyntaxError: line 1, column 6: '=>' is not an arrow here
      1 | load => clean
        |      ^^
    write 'load -> clean' if clean receives the result of load,
    or 'load -.-> clean' if it only waits
    """
    parser = Parser(text)
    flows = parser.read()
    if len(flows) > 1:
        first, second, *_ = parser.drafts.values()
        hint = "" if first.has_header else "the lines above the first header are one as well;\n"
        raise parser.wrong.error(
            f"this text holds {len(flows)} flows, and one is wanted here",
            second.span,
            f"{hint}keep one of them, or read them all with parse_flows(text)",
        )
    return flows[0]


def parse_flows(text: str) -> list[Flow]:
    """Read all flows of a text, in their order.

    Parameters
    ----------
    text : str
        One flow or several, each below its header. What stands above the first header is a flow
        called "flow".

    Returns
    -------
    list of Flow
        At least one.

    Raises
    ------
    DSLSyntaxError, CycleError, FlowError
        As `parse_dsl`; also if two flows have the same name.

    Examples
    --------
    >>> parse_flows('''
    ... flow Morning:
    ...     wake -> eat
    ... flow Evening:
    ...     eat -> sleep
    ... ''')
    [<Flow Morning: 2 tasks, 1 edge>, <Flow Evening: 2 tasks, 1 edge>]
    """
    return Parser(text).read()


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
    _check_writable(flow)
    lines = [f"flow {flow.name}:"]
    if flow.description:
        lines.append(f"    description: {_quoted(flow.description)}")
    lines += (f"    {line}" for line in _statements(flow))
    return "\n".join(lines)


def _check_writable(flow: Flow) -> None:
    if not flow.tasks:
        raise FlowError(f"the flow {shown(flow.name)} has no tasks, so there is no text for it")
    keys = [edge.key for edge in flow.edges if edge.key is not None]
    for word in (flow.name, *flow.tasks, *flow.functions.values(), *keys):
        if spelled(word) != word:
            raise FlowError(
                f"{shown(word)} cannot be written in the text of a flow",
                remedy="names and keys are Python identifiers there",
            )
    for word in (*flow.tasks, *flow.functions.values()):
        if iskeyword(word):
            raise FlowError(f"'{word}' is a Python keyword, so the text cannot name a task by it")
    for edge in flow.edges:
        if edge.key and edge.kind == "wait":
            raise FlowError(f"'{edge}' only waits, so the text cannot give it a key")


def _statements(flow: Flow) -> Iterator[str]:
    """Write the edges in their order, and tasks without edges where they stand among the others."""
    position = {task: index for index, task in enumerate(flow.tasks)}
    alone = [task for task in flow.tasks if not (flow.upstream[task] or flow.downstream[task])]
    alone.reverse()
    seen: set[str] = set()

    def mention(task: str, key: str | None = None, mapped: bool = False) -> str:
        declared = task in seen or task not in flow.functions
        seen.add(task)
        behind = "" if declared else f" as {task}"
        name = task if declared else flow.functions[task]
        return f"{'map ' * mapped}{name}{f'.{key}' if key else ''}{behind}"

    for sources, targets in _groups(flow.edges):
        names = [edge.source for edge in sources] + [edge.target for edge in targets]
        first = min((position[name] for name in names if name not in seen), default=0)
        while alone and position[alone[-1]] < first:
            yield mention(alone.pop())
        left = [mention(edge.source, edge.key) for edge in sources]
        right = [mention(edge.target, mapped=edge.kind == "map") for edge in targets]
        arrow = "-.->" if targets[0].kind == "wait" else "->"
        line = f"{_list(left)} {arrow} {_list(right)}"
        if len(line) > LONGEST_LINE:
            line = f"{_list(left, long=True)} {arrow} {_list(right, long=True)}"
        yield line
    while alone:
        yield mention(alone.pop())


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
        out = end(start, lambda edge: (edge.source, edge.key, edge.kind == "wait"))
        into = end(start, lambda edge: (edge.target, edge.kind))
        one = edges[start : start + 1]
        yield (edges[start:into], one) if into > out else (one, edges[start:out])
        start = max(out, into)


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
    >>> print(to_mermaid(parse_dsl("load.rows -> map clean -> end")))
    flowchart TD
        t1["load"]
        t2["clean"]
        t3["end"]
        t1 -->|".rows map"| t2
        t2 --> t3
    """
    ids = {task: f"t{number}" for number, task in enumerate(flow.tasks, 1)}
    lines = ["flowchart TD"]
    for task, number in ids.items():
        function = flow.function_of(task)
        lines.append(f'{number}["{_label(task if function == task else f"{function} as {task}")}"]')
    for edge in flow.edges:
        arrow = "-.->" if edge.kind == "wait" else "-->"
        words = (f".{edge.key}" if edge.key else "", "map" if edge.kind == "map" else "")
        label = _label(" ".join(word for word in words if word))
        label = f'|"{label}"|' if label else ""
        lines.append(f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    return "\n    ".join(lines)


def _label(text: str) -> str:
    """Escape what Mermaid or the HTML in its labels would read as markup."""
    return "".join(sign if sign.isalnum() or sign in "_. " else f"#{ord(sign)};" for sign in text)
