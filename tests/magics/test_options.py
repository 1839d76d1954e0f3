"""The line of a ``%%flow`` cell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from taskinity_nb import FlowError
from taskinity_nb.magics.options import HELP, OPTIONS, read_options


def test_nothing():
    options = read_options("", {})
    assert (options.executor, options.workers, options.inputs, options.output) == (
        "threads", None, None, None,
    )  # fmt: skip
    assert options.run
    assert options.gantt
    assert options.on_error == "raise"
    assert not (options.compare or options.resume or options.background)


def test_everything():
    options = read_options(
        '-e processes -w 2*n --input {"path": "my data", "n": [1, 2]} -i load.limit=n '
        '-i text="a b" '
        "-o result --compare --no-run --no-gantt --on-error=continue --resume --background",
        {"n": 2},
    )
    assert options.executor == "processes"
    assert options.workers == 4
    assert options.inputs == {"path": "my data", "n": [1, 2], "load.limit": 2, "text": "a b"}
    assert options.output == "result"
    assert options.on_error == "continue"
    assert options.compare
    assert not options.run
    assert not options.gantt
    assert options.resume
    assert options.background


def test_an_input_that_is_no_mapping():
    assert read_options("-i [1,2]", {}).inputs == [1, 2]
    assert read_options("--input=data", {"data": 3}).inputs == 3
    assert read_options("-i x==3", {"x": 3}).inputs is True


def test_an_executor_of_the_namespace():
    pool, made_with = ThreadPoolExecutor(1), []
    assert read_options("-e pool", {"pool": pool}).executor is pool
    made = read_options("-e make(2, 'a b')", {"make": lambda *a: (made_with.append(a), pool)[1]})
    assert made.executor is pool
    assert made_with == [(2, "a b")]


def test_an_expression_leaves_the_namespace_alone():
    namespace = {"n": 1}
    read_options("-w n", namespace)
    assert namespace == {"n": 1}


@pytest.mark.parametrize(
    ("line", "message", "column", "width", "remedy"),
    [
        ("--worker 4", "there is no option '--worker'", 8, 8, "did you mean '--workers'?"),
        ("--exec threads", "there is no option '--exec'", 8, 6, "did you mean '--executor'?"),
        ("--explore --resume", "'--explore' does not go with '--resume'", 18, 8, "beside it may"),
        ("-q", "there is no option '-q'", 8, 2, "the options are: --executor,"),
        ("threads", "'threads' is no option", 8, 7, "the tasks stand in the lines below"),
        ("-w", "'-w' needs a value: -w, --workers WORKERS", 8, 2, ""),
        ("-w --compare", "'-w' needs a value", 8, 2, ""),
        ("-w 0", "workers is a whole number from 1 on, not 0", 11, 1, ""),
        ("-w many", "'many': NameError: name 'many' is not defined", 11, 4, ""),
        ("-w 1 -w 2", "'--workers' is given twice", 13, 2, ""),
        ("--compare=yes", "'--compare' is a switch and takes no value", 18, 3, ""),
        ("-e proceses", "there is no executor 'proceses'", 11, 8, "did you mean 'processes'?"),
        ("-e 1/0", "'1/0': ZeroDivisionError: division by zero", 11, 3, ""),
        ("-o 3d", "'3d' is no name that a run can be bound to", 11, 2, ""),
        ("--on-error stopp", "'stopp' is nothing that can be done", 19, 5, "did you mean 'stop'?"),
        ('-i {"a": 1', "'{' is not closed with '}'", 11, 1, ""),
        ('-i "a', 'a quote " is not closed', 11, 2, ""),
        ("-i x=", "'x=' needs a value", 11, 2, ""),
        ("-i x=(1", "'(' is not closed with ')'", 13, 1, ""),
        ("-i k=yy", "'yy': NameError", 13, 2, ""),
        ("-i 1 -i 2", "several inputs can be joined only if each", 16, 1, "write --input"),
    ],
)  # fmt: skip
def test_errors(line, message, column, width, remedy):
    with pytest.raises(FlowError) as caught:
        read_options(line, {})
    error = caught.value
    assert error.message.startswith(message)
    assert (error.span.line, error.span.column, error.span.width) == (1, column, width)
    assert error.text == f"%%flow {line}"
    assert remedy in error.remedy


def test_help_tells_of_every_option():
    for option in OPTIONS:
        assert option.long in HELP
