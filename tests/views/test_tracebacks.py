"""What a reader of a notebook sees of an error."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import TaskError, errors, parse_dsl, run, strangers
from taskinity_nb.engine.backends.cluster.installer import install
from taskinity_nb.errors import Cancelled, FlowError
from taskinity_nb.views.tracebacks import render_error

NAMES = vars(fn)


def shown(error):
    return re.sub(r"\x1b\[\d+m", "", "\n".join(render_error(error)))


def test_a_wrong_text():
    with pytest.raises(FlowError) as caught:
        parse_dsl("a => b")
    assert shown(caught.value) == f"DSLSyntaxError: {caught.value}"


def test_where_only_errors_were_sent_they_are_plain_text():
    """On a cluster this package has no views, and the module another name."""
    sent = {"sent.errors": errors, "sent.strangers": strangers}
    sources = {name: Path(module.__file__).read_text("utf-8") for name, module in sent.items()}
    install("sent", {"sent": "", **sources})
    sent = importlib.import_module("sent.errors")
    error = sent.FlowError("no task", remedy="write one")
    assert error._render_traceback_() == ["FlowError: no task", "write one"]


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_task_that_raises_shows_its_function_and_no_frame_of_ours(executor):
    with pytest.raises(TaskError) as caught:
        run("one -> divide", namespace=NAMES, executor=executor)
    line = fn.divide.__code__.co_firstlineno + 1
    assert shown(caught.value).splitlines() == [
        "TaskError: task 'divide' failed: ZeroDivisionError: division by zero",
        "",
        f"File {fn.__file__}, line {line}, in divide",
        f"{line - 1:>7} def divide(x):",
        f"----> {line}     return x / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_what_an_error_came_from():
    def outer():
        try:
            fn.divide(1)
        except ZeroDivisionError as error:
            raise ValueError("outer") from error

    with pytest.raises(TaskError) as caught:
        run("outer", namespace={"outer": outer})
    text = shown(caught.value)
    assert text.index("ValueError: outer") < text.index("which came from")
    assert text.index("which came from") < text.index("in divide")
    assert text.endswith("ZeroDivisionError: division by zero")


def test_other_failures_are_told():
    with pytest.raises(TaskError) as caught:
        run("one -> [divide, divide as again]", namespace=NAMES, executor="sequential")
    assert shown(caught.value).endswith(
        "task 'again' failed too: ZeroDivisionError: division by zero"
    )
    assert "task 'divide' failed" in shown(caught.value)


def test_a_text_that_cannot_be_had():
    with pytest.raises(TaskError) as caught:
        run("unspeakable", namespace=NAMES)
    assert "Unspeakable (its text cannot be shown: str() raised RuntimeError)" in shown(
        caught.value
    )


def test_cancelled():
    assert shown(Cancelled("flow 'x' was cancelled", remedy="see '.run'")) == (
        "Cancelled: flow 'x' was cancelled\nsee '.run'"
    )


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_what_a_failed_task_printed_is_shown(executor):
    def chatty():
        print("begun\x1b[31m")
        print("careful", file=sys.stderr)
        raise ValueError("no")

    def item(number):
        print(f"item {number}")
        return 1 / (number - 1)

    with pytest.raises(TaskError) as caught:
        run("chatty", namespace={"chatty": chatty}, executor=executor)
    lines = shown(caught.value).splitlines()
    assert lines[-4:] == ["its stdout:", "    begun", "its stderr:", "    careful"]
    with pytest.raises(TaskError) as caught:
        run("f -> map item", namespace={"f": lambda: [0, 1], "item": item}, executor=executor)
    assert shown(caught.value).splitlines()[-2:] == ["its stdout:", "    item 1"]


def test_of_much_output_the_end_is_shown():
    def chatty():
        print(*range(100), sep="\n")
        raise ValueError("no")

    with pytest.raises(TaskError) as caught:
        run("chatty", namespace={"chatty": chatty})
    lines = shown(caught.value).splitlines()
    assert lines[-11:] == ["its stdout (the last 10 of 100 lines):",
                           *(f"    {number}" for number in range(90, 100))]  # fmt: skip


def test_an_error_of_a_flow_inside_a_task_is_told_once():
    def takes(one, other):
        return one

    def inner():
        return run("one -> takes", namespace={"one": lambda: {"first": 1}, "takes": takes})

    with pytest.raises(TaskError) as caught:
        run("inner", namespace={"inner": inner})
    text = shown(caught.value)
    assert text.count("takes(one, other) ") == 1
    assert ", in inner" in text
