"""The line of a ``%%flow`` cell."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest

from taskinity_nb import FlowError, parse_dsl, run
from taskinity_nb.magics.line.options import read_options
from taskinity_nb.magics.line.usage import HELP, OPTIONS


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


def test_an_input_of_a_dict_is_replaced_by_one_with_a_name():
    assert read_options("-i both -i n=3", {"both": {"n": 1, "m": 2}}).inputs == {"n": 3, "m": 2}


def test_workers_that_end_the_program_when_they_are_shown():
    class Hostile:
        def __repr__(self):
            raise SystemExit

        __index__ = __repr__

    with pytest.raises(FlowError, match="from 1 on, not an object of class Hostile"):
        read_options("-w it", {"it": Hostile()})


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
        ("-i k=1 -i k=2", "the input 'k' is given twice", 18, 3, ""),
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


@pytest.mark.parametrize(
    ("line", "message", "marked", "remedy"),
    [
        ("-i n=N + 1", "'n=N' ends at the blank: values", "n=N + 1", "write n=(N + 1)"),
        ("-i n=N+ 1 -w 2", "'n=N+' ends at the blank", "n=N+ 1", "write n=(N+ 1)"),
        ("--input=n=N -1", "'n=N' ends at the blank", "n=N -1", "write n=(N -1)"),
        ("-i N if N else 2", "'N' ends at the blank", "N if N else 2", "write (N if N else 2)"),
        ("-w 2 * 2", "'2' ends at the blank", "2 * 2", "write (2 * 2)"),
        ("-e threads processes", "'processes' is no option", "processes", "needs brackets"),
        ("-w 2 -q", "there is no option '-q'", "-q", "the options are"),
        ("-i '''it's", "a quote ''' is not closed", "'''it's", ""),
        ("-w [1]*3_000_000", "workers is a whole number from 1 on, not [1, 1, 1,", None, ""),
        ("-w 'x'*3_000_000", "workers is a whole number from 1 on, not 'xxx", None, ""),
        ("-w sys.exit(3)", "'sys.exit(3)': SystemExit: 3", "sys.exit(3)", ""),
        ("-o class", "'class' is a word of Python's", "class", "write 'class_'"),
        ("-o None", "'None' is a word of Python's", "None", "write 'none_'"),
        ("-o Out", "'Out' is a name of IPython's own", "Out", "such as 'result'"),
        ("-o _", "'_' is a name of IPython's own", "_", "such as 'result'"),
        ("-o _12", "'_12' is a name of IPython's own", "_12", "such as 'result'"),
        ("-o _i3", "'_i3' is a name of IPython's own", "_i3", "such as 'result'"),
        ("--background --compare", "'--background' does not go with '--compare'",
         "--background", "leave out one"),
        ("--compare --cache", "'--cache' does not go with '--compare'", "--cache", "leave out one"),
        ("--cache --cahe", "there is no option '--cahe'", "--cahe", "did you mean '--cache'?"),
        ("--cache --cache", "'--cache' is given twice", "--cache", ""),
        ("--cache=", "cache is True, False or the path of a folder, not ''", None, "cache=True"),
        ("--cache=[1]", "cache is True, False or the path of a folder", "[1]", "cache=True"),
        ("--cache f(1)", "'f(1)': NameError", "f(1)", ""),
        ("--cache ~no_such_user_/a", "cache='~no_such_user_/a': Could not", None, ""),
        ("--cache N / 'a'", "'N' ends at the blank", "N / 'a'", "write (N / 'a')"),
        ("--cache my results", "'results' is no option", "results", ""),
        ("--keep some", "'some' is nothing to keep", "some", "it is all or last"),
        ("-e " + "x" * 10_000, "there is no executor", None, ""),
        ("x" * 10_000, "'xxx", None, ""),
        ("-i " + "+" * 10_000, "'+++", None, ""),
    ],
)  # fmt: skip
def test_more_errors(line, message, marked, remedy):
    with pytest.raises(FlowError) as caught:
        read_options(line, {"N": 3, "sys": sys})
    error = caught.value
    assert error.message.startswith(message)
    assert len(str(error)) < 1_000
    assert remedy in error.remedy
    if marked is not None:
        begin = error.span.column - 1
        assert error.text[begin : begin + error.span.width] == marked


@pytest.mark.parametrize(
    ("line", "inputs"),
    [
        ("-i n=2 # twice -w 3", {"n": 2}),
        ("-i n=2 #", {"n": 2}),
        ("-i n='#1'", {"n": "#1"}),
        ("-i n='''it's'''", {"n": "it's"}),
        ('-i n="""a "b" c""" -i m=1', {"n": 'a "b" c', "m": 1}),
        ("-i n=\"\" -i m=''", {"n": "", "m": ""}),
        (r"-i n='it\'s' -i m=2", {"n": "it's", "m": 2}),
        ("-i n=(N + 1)", {"n": 4}),
        ('-i n="N + 1"', {"n": "N + 1"}),  # as Python reads it
        ("-i n={'a b': [1, 2]}['a b']", {"n": [1, 2]}),
    ],
)  # fmt: skip
def test_values(line, inputs):
    assert read_options(line, {"N": 3}).inputs == inputs


def test_whole_numbers_of_numpy():
    workers = read_options("-w np.int64(2)", {"np": numpy}).workers
    assert (workers, type(workers)) == (2, int)
    assert run("load", namespace={"load": int}, workers=numpy.int64(2)).workers == 2


@pytest.mark.parametrize("line", ["-o r;", "-o r ;", "-o r;  # no table", ";"])
def test_a_semicolon_shows_no_value(line):
    options = read_options(line, {})
    assert options.silent
    assert options.output in ("r", None)
    assert not read_options("-i s=';'", {}).silent


@pytest.mark.parametrize(
    ("line", "cache"),
    [
        ("", None),
        ("--cache", True),
        ("--cache;", True),
        ("--cache # all", True),
        ("--cache -w 2", True),
        ("--cache --no-gantt", True),
        ("--cache results/kept", "results/kept"),
        ("--cache=~/kept -w 2", "~/kept"),
        ("--cache 'my results'", "my results"),
        ("--cache home/'kept'", Path("/tmp/kept")),
        ("--cache str(home)", "/tmp"),
        ("--cache home", Path("/tmp")),
        ("--cache is_kept", False),
        ("--cache=False", False),
        ("--cache result", "result"),  # a name of the notebook's that is no folder
        ("--cache .", "."),
        ("--explore --cache kept", "kept"),
        ("--resume --cache kept --background", "kept"),
        ("--compare --cache=False", False),
    ],
)
def test_a_cache(line, cache):
    names = {"home": Path("/tmp"), "is_kept": False, "result": [1]}
    assert read_options(line, names).cache == cache


def test_a_name_is_what_python_reads():
    assert read_options("-o \ufb01n", {}).output == "fin"


@pytest.mark.parametrize("name", ["load", "clean"])
def test_the_run_does_not_take_the_name_of_a_task(name):
    flow = parse_dsl("load -> [clean as c1, clean as c2]")
    options = read_options(f"-o {name}", {})
    with pytest.raises(FlowError, match=f"'{name}' is a task of this flow") as caught:
        options.check(flow)
    assert caught.value.span.column == len("%%flow -o ") + 1
    read_options("-o c1", {}).check(flow)  # no function is called so


def test_help_tells_of_every_option():
    for option in OPTIONS:
        assert option.long in HELP


FLOW = parse_dsl("input n = 1\nload -> fit -> report")


def test_tasks_that_are_named():
    line = "--targets fit,load --override load=[n, 2] --override report=3 --rerun fit --resume"
    options = read_options(line, {"n": 1})
    options.parts.check(FLOW, options.line)
    assert options.parts.targets == ["fit", "load"]
    assert options.parts.overrides == {"load": [1, 2], "report": 3}
    assert options.parts.rerun == ["fit"]
    assert read_options("", {}).parts.targets is None
    for value in ("(load, fit)", "[load,fit]", "['load', \"fit\"]", "load,fit,"):
        assert read_options(f"--targets {value}", {}).parts.targets == ["load", "fit"]


@pytest.mark.parametrize(
    ("line", "message", "marked", "remedy"),
    [
        ("--targets a+b", "'a+b' is no list of names", "a+b", "--targets load,clean"),
        ("--targets load, fit", "'load,' ends at the blank", "load, fit", "write (load, fit)"),
        ("--targets load,fti", "--targets names 'fti', which is no task", "fti", "mean 'fit'?"),
        ("--targets n", "--targets names 'n', which is an input", "n", "write --input n=…"),
        ("--targets fit --targets fit", "'--targets' is given twice", "--targets", ""),
        ("--override load", "'load' gives no task a result", "load", "--override task=expression"),
        ("--override load=", "'load=' gives no task a result", "load=", "task=expression"),
        ("--override load==3", "'load==3' gives no task a result", "load==3", "task=expression"),
        ("--override load=1 + 2", "'load=1' ends at the blank", "load=1 + 2", "load=(1 + 2)"),
        ("--override load=zz", "'zz': NameError", "zz", ""),
        ("--override fti=3", "--override names 'fti', which is no task", "fti", "mean 'fit'?"),
        ("--override fit=1 --override fit=2", "the result of 'fit' is given twice", "fit=2", ""),
        ("--rerun lod", "--rerun names 'lod', which is no task", "lod", "mean 'load'?"),
        ("--rerun fit --override fit=1", "--rerun names 'fit', which does not run: given", "fit",
         "leave it out"),
        ("--rerun report --targets fit", "--rerun names 'report', which does not run: left out",
         "report", "among the targets"),
        ("--explore --targets fit", "'--explore' does not go with '--targets'", "--targets", ""),
    ],
)  # fmt: skip
def test_names_that_are_wrong(line, message, marked, remedy):
    with pytest.raises(FlowError) as caught:
        options = read_options(line, {})
        options.parts.check(FLOW, options.line)
    error = caught.value
    assert error.message.startswith(message)
    assert error.text[error.span.column - 1 :][: error.span.width] == marked
    assert remedy in error.remedy
