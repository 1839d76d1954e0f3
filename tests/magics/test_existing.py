"""``%flow FLOW`` runs a flow that exists, ``%flow_from`` writes the cell of functions."""

from __future__ import annotations

import re

import pytest
from kernels import new_kernel

from taskinity_nb import FlowError, flow_from, parse_dsl, run
from taskinity_nb.magics.existing import read_line
from taskinity_nb.magics.line.options import read_options
from taskinity_nb.magics.writing import cell_of_functions, write_next_cell

FUNCTIONS = """
import sys, os, functools
from taskinity_nb import task, flow_from, parse_dsl, run

def load(path="data"): return [len(path), 3]
def clean(load, least=2): return [n for n in load if n > least]
@task(name="fit a model")
def fit(clean): return sum(clean)
"""

MODULE = """
from taskinity_nb import parse_dsl

def load(): return "the module's"
def end(load): return load, "end"
flow = parse_dsl("load -> end")
mixed = parse_dsl("load -> finish")
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "users_flows.py").write_text(MODULE)
    with new_kernel() as (kernel, _):
        cell = kernel.run(f"{FUNCTIONS}\nsys.path.insert(0, {str(folder)!r})\nimport users_flows")
        assert not cell.error, cell.error
        yield kernel


def next_input(cell):
    return [each["text"] for each in cell.reply["payload"] if each["source"] == "set_next_input"]


class TestLine:
    def test_a_flow_and_its_options(self):
        flow = parse_dsl("a -> b")
        read, options = read_line("prep -e processes --input n=(1 + 1);", {"prep": flow})
        assert read is flow
        assert (options.executor, options.inputs, options.silent) == ("processes", {"n": 2}, True)
        assert read_line("flows[0]", {"flows": [flow]})[0] is flow
        assert read_line("(flows or [])[0] -w 2  # why", {"flows": [flow]})[0] is flow

    def test_a_text(self):
        assert read_line("'a -> b'", {})[0] == parse_dsl("a -> b")
        assert read_line("text --compare", {"text": "a -> b"})[0] == parse_dsl("a -> b")

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("", "'%flow' needs a flow that exists\nwrite '%flow FLOW [options]'"),
            ("--workers 2", "stands in front of its options\n  1 | %flow --workers 2\n"),
            (
                "prp",
                "no flow 'prp'\n  1 | %flow prp\n    |       ^^^\ndid you mean 'prep'",
            ),
            ("prep --worker 2", "no option '--worker'\n  1 | %flow prep --worker 2\n"),
            (
                "load",
                "'load' is function, and no flow\n  1 | %flow load\n    |       ^^^^\n'%flow fl",
            ),
            ("done", "'done' is Run, and no flow\n  1 | %flow done\n    |       ^^^^\nits flow is"),
            ("1 / 0", "values with blanks need brackets"),
            ("1/0", "'1/0': ZeroDivisionError"),
            ("load -> clean", "the text of a flow is in quotes here"),
            ("prep clean", "'clean' is no option"),
            ("prep -o load", "'load' is a task of this flow"),
        ],
    )
    def test_what_is_wrong_with_it(self, line, message):
        names = {
            "prep": parse_dsl("load"),
            "load": lambda: 1,
            "done": run("a", namespace={"a": list}),
        }
        with pytest.raises(FlowError, match=re.escape(message)):
            flow, options = read_line(line, names)
            options.check(flow)

    def test_a_cell_has_no_flow_in_its_line(self):
        with pytest.raises(FlowError, match="'prep' is no option"):
            read_options("prep", {"prep": parse_dsl("a")})


class TestRunning:
    def test_picture_chart_and_value(self, kernel):
        kernel.run("prep = parse_dsl('load -> clean -> fit')")
        cell = kernel.run("%flow prep -w 2 --input path='abcd' -o r")
        assert not cell.error, cell.error
        graph, gantt, value = cell.outputs
        assert "image/svg+xml" in graph
        assert "fit a model" in graph["image/svg+xml"]
        assert gantt["text/plain"].startswith("Gantt of flow")
        assert value["text/plain"].startswith("<Run flow: 3 succeeded; ")
        assert kernel.value("r['fit'], r is _") == "(7, True)"

    def test_its_value_can_be_named_and_be_silent(self, kernel):
        cell = kernel.run("r = %flow flow_from(load, clean) --no-gantt\nr['clean']")
        assert not cell.error, cell.error
        assert cell.outputs[-1]["text/plain"] == "[4, 3]"
        assert len(kernel.run("%flow 'load' --no-gantt;").outputs) == 1

    def test_a_flow_of_functions_that_are_defined_again(self, kernel):
        kernel.run("def give(): return 1\ngiven = flow_from(give)\ndef give(): return 2")
        kernel.run("%flow given --no-gantt -o r -e processes")
        assert kernel.value("r['give']") == "1"
        kernel.run("%flow 'give' --no-gantt -o r")
        assert kernel.value("r['give']") == "2"

    def test_a_flow_of_a_module_has_the_functions_of_the_module(self, kernel):
        for executor in ("threads", "processes"):
            cell = kernel.run(f"%flow users_flows.flow -e {executor} --no-gantt -o r")
            assert not cell.error, cell.error
            assert kernel.value("r.result") == "(\"the module's\", 'end')"
        kernel.run("def finish(load): return load, 'here'")
        kernel.run("%flow users_flows.mixed --no-gantt -o r")
        assert kernel.value("r.result") == "(\"the module's\", 'here')"
        assert "%flow users_flows.flow" in kernel.run("%flow users_flows").error

    def test_background_resume_and_explore(self, kernel):
        kernel.run("prep = parse_dsl('load -> clean -> fit')\n%flow prep --background -o r")
        assert kernel.value("r.wait()['fit']") == "7"
        cell = kernel.run("%flow prep --resume --no-gantt -o r")
        assert kernel.value("[str(t.state) for t in r.tasks.values()]") == str(["cached"] * 3)
        cell = kernel.run("%flow prep --explore")
        assert not cell.error, cell.error

    def test_errors_show_the_line(self, kernel):
        assert "1 | %flow prep --worker 2" in kernel.run("%flow prep --worker 2").error
        assert "'%flow' needs a flow that exists" in kernel.run("%flow").error
        assert "the cell body is empty" in kernel.run("%%flow").printed
        assert "names no task" in kernel.run("%%flow\n\n").error
        error = kernel.run("%flow prep --input nothing=1").error
        assert "1 | %flow prep --input nothing=1" in error

    def test_several_flows_in_a_cell(self, kernel):
        kernel.run("before = set(globals())")
        cell = kernel.run(
            "%%flow --no-gantt -o whole\n"
            "flow Prep:\n    load -> clean\nflow Other:\n    load\nflow Main:\n    Prep -> fit"
        )
        assert not cell.error, cell.error
        assert kernel.value("whole.flow.name, whole['fit']") == "('Main', 7)"
        drawn = cell.outputs[0]["image/svg+xml"]
        assert re.findall(r'data-task="([\w.]+)"', drawn) == ["Prep.load", "Prep.clean", "fit"]
        bound = kernel.value("{n for n in set(globals()) - before if n[0] != '_'} - {'before'}")
        assert bound == "{'whole'}"


class TestWriting:
    def test_the_next_cell(self, kernel):
        cell = kernel.run("%flow_from load clean, fit --name Fit")
        assert not cell.error, cell.error
        assert next_input(cell) == [
            "%%flow\nflow Fit:\n"
            '    input path = "data", least = 2\n    load -> clean\n    clean -> fit'
        ]
        assert not cell.outputs
        assert not cell.printed
        ran = kernel.run(next_input(cell)[0])
        assert not ran.error, ran.error
        assert kernel.value("_['fit']") == "7"

    def test_without_a_name_and_with_what_the_notebook_has(self):
        names = {"load": lambda path: path, "end": lambda load: load, "path": "x"}
        assert cell_of_functions("load end", names) == (
            "%%flow --input path=path\ninput path\nload -> end"
        )

    def test_names_of_the_notebook_count(self):
        import functools

        def work(load, n):
            return n

        names = {"load": lambda: 1, "half": functools.partial(work, n=2)}
        assert cell_of_functions("load half", names) == "%%flow\nload -> half"

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("", "'%flow_from' needs functions"),
            (
                "load claen",
                "'claen'\n  1 | %flow_from load claen\n    |                 ^^^^^",
            ),
            ("load claen", "did you mean 'clean'"),
            ("load number", "'number' is no function: it is int"),
            ("load np.mean", "'np.mean' is no name of a function"),
            ("load load", "'load' stands here twice"),
            ("load --nam X", "there is no option '--nam'"),
            ("load --name", "'--name' needs a name"),
            ("load --name 3", "'3' is no name that a flow can have"),
            ("a b", "a -> b -> a"),
        ],
    )
    def test_what_is_wrong(self, line, message):
        names = {
            "load": lambda: 1, "clean": lambda load: 1, "number": 3, "a": lambda b: b,
            "b": lambda a: a,
        }  # fmt: skip
        with pytest.raises(FlowError, match=re.escape(message)):
            cell_of_functions(line, names)

    def test_where_there_is_no_next_cell(self):
        assert not write_next_cell(object(), "text")

    def test_it_is_what_flow_from_makes(self):
        def load(path):
            return path

        def clean(load, least=2):
            return load

        text = cell_of_functions("load clean", {"load": load, "clean": clean})
        assert parse_dsl(text.partition("\n")[2]) == flow_from(load, clean)
