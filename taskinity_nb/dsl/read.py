"""From text to flows."""

from __future__ import annotations

from ..model.flow import Flow
from .parser import Parser

__all__ = ["parse_dsl", "parse_flows"]


def parse_dsl(text: str) -> Flow:
    """Read the flow of a text; of several, the last, in which the others can be used.

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
        If the text is no flow; it says where, and what to write instead.
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
    return Parser(text).read()[-1]


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
