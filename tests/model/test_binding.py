"""How results become arguments: each rule, their order, and what is said when nothing fits."""

from __future__ import annotations

import functools
import inspect
import operator
import os
import sys
from collections import ChainMap, OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskinity_nb.dsl.read import parse_dsl
from taskinity_nb.errors import BindingError, FlowError, UnknownTaskError
from taskinity_nb.model.binding import resolve
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.model.forms.call import edge_to_add
from taskinity_nb.model.signature import Signature
from taskinity_nb.model.task import Task, task

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "binding").glob("*.txt"))
RULE = "\n-----\n"


def perform(plan):
    """Call each task of a plan in turn; return the results by name."""
    values = [None] * len(plan.calls) + list(plan.constants)
    for name in plan.order:
        index = plan.index[name]
        args, kwargs = plan.arguments(index, values)
        values[index] = plan.calls[index].task(*args, **kwargs)
    return dict(zip(plan.flow.tasks, values, strict=False))


def given_to(function, *upstream, inputs=None, **results):
    """Return what `function` makes of the results of `upstream`.

    Parameters
    ----------
    function : callable
        What the task "target" does.
    upstream : str
        The tasks in front of it, in order; with a leading "-" it only waits for one.
    inputs : object
        The inputs of the flow.
    results : object
        What the tasks in front return; by default their names in capitals.
    """
    edges = [
        Edge(n.removeprefix("-"), "target", "wait" if n[0] == "-" else "result") for n in upstream
    ]
    names = {
        edge.source: functools.partial(lambda r: r, results.get(edge.source, edge.source.upper()))
        for edge in edges
    }
    flow = Flow("test", edges, tasks=["target"])
    return perform(resolve(flow, inputs, names | {"target": function}))["target"]


def refused(function, *upstream, inputs=None, **results):
    """Return the text of the `BindingError` that `given_to` ends with."""
    with pytest.raises(BindingError) as caught:
        given_to(function, *upstream, inputs=inputs, **results)
    return str(caught.value)


# ---- rule 1: named after an upstream task -------------------------------------------------------


class TestNamedAfterUpstream:
    def test_in_any_order(self):
        assert given_to(lambda b, a: (a, b), "a", "b") == ("A", "B")

    def test_with_the_ending_result(self):
        assert given_to(lambda split_result, load: (split_result, load), "load", "split") == (
            "SPLIT",
            "LOAD",
        )

    def test_both_spellings_get_the_same_result(self):
        assert given_to(lambda a, a_result: (a, a_result), "a") == ("A", "A")

    @pytest.mark.parametrize("order", [("a", "a_result"), ("a_result", "a")])
    def test_a_task_called_result_is_not_mistaken_for_another(self, order):
        assert given_to(lambda a, a_result: (a, a_result), *order) == ("A", "A_RESULT")

    def test_one_by_name_and_the_others_in_order(self):
        assert given_to(lambda x, b, y: (x, b, y), "a", "b", "c") == ("A", "B", "C")

    def test_a_parameter_with_a_default(self):
        assert given_to(lambda x, a=0: (x, a), "a", "b") == ("B", "A")

    def test_keyword_only(self):
        def function(x, *, a):
            return x, a

        assert given_to(function, "a", "b") == ("B", "A")

    def test_positional_only(self):
        def function(b, a, /):
            return b, a

        assert given_to(function, "a", "b") == ("B", "A")

    def test_it_beats_an_input_of_that_name(self):
        assert "takes 'a' from the result of a" in refused(lambda a: a, "a", inputs={"a": 1})

    def test_the_name_of_the_node_counts(self):
        flow = parse_dsl("start -> [work as w1, work as w2] -> end")
        names = {"start": lambda: 1, "work": lambda x: x + 1, "end": lambda w2, w1: (w1, w2)}
        assert perform(resolve(flow, None, names))["end"] == (2, 2)


# ---- rule 2: the counts agree -------------------------------------------------------------------


class TestInOrder:
    def test_the_order_of_the_edges(self):
        assert given_to(lambda x, y: (x, y), "b", "a") == ("B", "A")

    def test_the_order_of_the_text_not_of_the_tasks(self):
        flow = parse_dsl("a\nb -> end\na -> end")
        names = {"a": lambda: 1, "b": lambda: 2, "end": lambda x, y: (x, y)}
        assert flow.tasks[0] == "a"
        assert perform(resolve(flow, None, names))["end"] == (2, 1)

    def test_defaults_do_not_count(self):
        assert given_to(lambda x, y=5: (x, y), "a") == ("A", 5)

    def test_keyword_only_counts(self):
        def function(x, *, y):
            return x, y

        assert given_to(function, "a", "b") == ("A", "B")

    def test_edges_beat_inputs(self):
        flow = parse_dsl("load -> clean -> model")
        names = {
            "load": lambda data: [data],
            "clean": lambda data: [*data, "clean"],
            "model": lambda data: [*data, "model"],
        }
        assert perform(resolve(flow, {"data": 1}, names))["model"] == [1, "clean", "model"]

    def test_a_class(self):
        @dataclass
        class Point:
            x: int
            y: int

        assert given_to(Point, "a", "b", a=1, b=2) == Point(1, 2)


# ---- rule 3: inputs -----------------------------------------------------------------------------


class TestInputs:
    def test_a_first_task(self):
        assert given_to(lambda path: path, inputs={"path": "data"}) == "data"

    def test_any_task_and_then_the_counts_agree(self):
        assert given_to(lambda x, n: (x, n), "a", inputs={"n": 3}) == ("A", 3)
        assert given_to(lambda n, x, y: (n, x, y), "a", "b", inputs={"n": 3}) == (3, "A", "B")

    def test_a_parameter_with_a_default(self):
        assert given_to(lambda x, n=0: (x, n), "a", inputs={"n": 3}) == ("A", 3)
        assert given_to(lambda x, m=0, n=0: (x, m, n), "a", inputs={"n": 3}) == ("A", 0, 3)

    def test_several_tasks_take_the_same(self):
        flow = parse_dsl("[one, two] -> add")
        names = {"one": lambda n: n, "two": lambda n: 2 * n, "add": operator.add}
        plan = resolve(flow, {"n": 3}, names)
        assert perform(plan)["add"] == 9
        assert plan.constants == (3,)

    def test_an_address(self):
        flow = parse_dsl("[one, two] -> add")
        names = {"one": lambda n: n, "two": lambda n: 2 * n, "add": operator.add}
        assert perform(resolve(flow, {"one.n": 5, "n": 1}, names)) == {"one": 5, "two": 2, "add": 7}

    def test_an_address_of_a_node(self):
        flow = parse_dsl("[load as east, load as west] -> add")
        names = {"load": lambda path: path, "add": operator.add}
        inputs = {"east.path": "e", "west.path": "w"}
        assert perform(resolve(flow, inputs, names))["add"] == "ew"

    def test_an_input_may_be_none(self):
        assert given_to(lambda path: path, inputs={"path": None}) is None

    def test_no_inputs(self):
        assert given_to(lambda: 1) == 1
        assert given_to(lambda: 1, inputs={}) == 1

    def test_any_mapping(self):
        assert given_to(lambda path: path, inputs=MappingProxyType({"path": 1})) == 1

    def test_positional_only(self):
        def function(a, b=2, c=3, /, d=4):
            return a, b, c, d

        assert given_to(function, inputs={"a": 1, "c": 9}) == (1, 2, 9, 4)
        assert given_to(function, inputs={"a": 1, "d": 9}) == (1, 2, 3, 9)

    def test_values_are_passed_on_as_they_are(self):
        value = object()
        assert given_to(lambda x: x, inputs={"x": value}) is value


# ---- rule 4: keys of results --------------------------------------------------------------------


class TestKeys:
    def test_one_mapping(self):
        assert given_to(lambda x, y: (x, y), "a", a={"y": 2, "x": 1, "z": 3}) == (1, 2)

    def test_several_mappings(self):
        function = lambda x, y, z: (x, y, z)  # noqa: E731
        assert given_to(function, "a", "b", a={"z": 3}, b={"x": 1, "y": 2}) == (1, 2, 3)

    def test_two_results_for_one_parameter(self):
        """They are refused before anything runs, whatever they would have been."""
        text = refused(lambda x: x, "a", "b", a={"x": 1}, b={"y": 2})
        assert "target(x) has one parameter, 'x', for the results of 'a', 'b'" in text
        assert text.endswith("write '*x' to take them all, as a tuple, or give the function a "
                             "parameter for each")  # fmt: skip

    def test_fewer_parameters_than_results(self):
        assert given_to(lambda x, y=0: (x, y), "a", "b", a={"x": 1}, b={"z": 2}) == (1, 0)

    def test_a_default_is_replaced_or_stays(self):
        function = lambda x, y, z=0: (x, y, z)  # noqa: E731
        assert given_to(function, "a", a={"x": 1, "y": 2, "z": 3}) == (1, 2, 3)
        assert given_to(function, "a", a={"x": 1, "y": 2}) == (1, 2, 0)

    def test_a_single_parameter_takes_a_mapping_whole(self):
        assert given_to(lambda x: x, "a", a={"x": 1}) == {"x": 1}

    def test_names_of_upstream_tasks_come_first(self):
        function = lambda a, x, y: (a, x, y)  # noqa: E731
        assert given_to(function, "a", "b", b={"a": 0, "x": 1, "y": 2}) == ("A", 1, 2)

    def test_inputs_come_first(self):
        function = lambda x, y, z: (x, y, z)  # noqa: E731
        got = given_to(function, "a", inputs={"x": 9}, a={"x": 1, "y": 2, "z": 3})
        assert got == (9, 2, 3)

    def test_keyword_only(self):
        def function(x, *, y):
            return x, y

        assert given_to(function, "a", a={"x": 1, "y": 2}) == (1, 2)

    def test_in_front_of_args_and_kwargs(self):
        assert given_to(lambda x, y, *rest: (x, y, rest), "a", a={"x": 1, "y": 2}) == (1, 2, ())
        assert given_to(lambda x, y, **rest: (x, y, rest), "a", a={"x": 1, "y": 2}) == (1, 2, {})

    def test_any_mapping(self):
        for kind in (OrderedDict, MappingProxyType, ChainMap):
            assert given_to(lambda x, y: (x, y), "a", a=kind({"x": 1, "y": 2})) == (1, 2)

    def test_two_that_hold_a_key(self):
        text = refused(lambda x, y, z: 0, "a", "b", a={"x": 1, "y": 1}, b={"y": 2, "z": 2})
        assert "target(x, y, z) finds 'y' in two results, that of 'a' and that of 'b'" in text

    def test_two_that_hold_the_key_of_a_default(self):
        text = refused(lambda x, y=0: 0, "a", "b", a={"x": 1, "y": 1}, b={"y": 2})
        assert "finds 'y' in two results" in text

    def test_two_that_hold_a_key_that_nobody_wants(self):
        function = lambda x, y=0: (x, y)  # noqa: E731
        assert given_to(function, "a", "b", a={"x": 1, "q": 1}, b={"q": 2}) == (1, 0)

    def test_a_missing_key(self):
        text = refused(lambda path, n: 0, "a", a={"pahts": 1, "n": 2})
        assert "has no value for 'path'; the result of 'a' has the keys 'pahts', 'n'" in text
        assert text.endswith("did you mean 'pahts'?")

    def test_keys_that_are_no_strings(self):
        assert "has the keys '1', 'None'" in refused(lambda x, y: 0, "a", a={1: 1, None: 2})

    def test_no_mapping(self):
        text = refused(lambda x, y: 0, "a", a=[1, 2])
        assert "'a' returned list" in text

    def test_only_this_rule_waits_for_values(self):
        plan = resolve(Flow("f", [("a", "b")]), None, {"a": dict, "b": lambda x, y: 0})
        with pytest.raises(BindingError, match="'a' returned int"):
            plan.arguments(1, [1, None])


# ---- rule 5: inputs that go whole ---------------------------------------------------------------


class TestWholeInputs:
    @pytest.mark.parametrize("inputs", ["data", 0, False, [1, 2], [], object()])
    def test_what_is_no_mapping_goes_to_first_tasks(self, inputs):
        flow = parse_dsl("[one, two] -> both")
        names = {"one": lambda x: x, "two": lambda y, z=1: y, "both": lambda a, b: (a, b)}
        one, two = perform(resolve(flow, inputs, names))["both"]
        assert one is two is inputs

    def test_not_to_a_first_task_with_another_count(self):
        flow = Flow("f", tasks=["one", "none", "default"])
        names = {"one": lambda x: x, "none": lambda: 0, "default": lambda d=7: d}
        assert perform(resolve(flow, 5, names)) == {"one": 5, "none": 0, "default": 7}

    def test_not_to_one_that_only_waits(self):
        flow = Flow("f", [Edge("one", "two", "wait")])
        with pytest.raises(BindingError, match=r"task 'two'.*has no value for 'y'"):
            resolve(flow, 5, {"one": lambda x: x, "two": lambda y: y})

    @pytest.mark.parametrize("name", ["inputs", "input_data"])
    def test_a_mapping_goes_to_a_parameter_of_that_name(self, name):
        inputs = {"path": "p", "n": 3}
        function = eval(f"lambda {name}: {name}")
        assert given_to(function, inputs=inputs) is inputs

    def test_any_task_may_take_it(self):
        assert given_to(lambda x, inputs: (x, inputs), "a", inputs={"k": 1}) == ("A", {"k": 1})
        assert given_to(lambda x, inputs=None: (x, inputs), "a", inputs={"k": 1})[1] == {"k": 1}

    def test_an_empty_mapping_is_one(self):
        assert given_to(lambda inputs: inputs, inputs={}) == {}

    def test_no_other_parameter_takes_a_mapping_whole(self):
        assert "has no value for 'config'" in refused(lambda config: 0, inputs={"k": 1})

    def test_edges_come_first(self):
        assert "no task takes the input 'k'" in refused(lambda inputs: 0, "a", inputs={"k": 1})

    def test_a_key_of_that_name_comes_first(self):
        assert given_to(lambda inputs: inputs, inputs={"inputs": 1}) == 1

    def test_keys_and_the_whole(self):
        inputs = {"n": 1, "unused": 2}
        assert given_to(lambda n, inputs: (n, inputs), inputs=inputs) == (1, inputs)

    def test_none_is_no_inputs(self):
        assert "on offer: nothing" in refused(lambda x: x, inputs=None)


# ---- rule 6: what is left -----------------------------------------------------------------------


class TestLeftOver:
    def test_args(self):
        assert given_to(lambda *args: args, "b", "a", "c") == ("B", "A", "C")
        assert given_to(lambda *args: args) == ()

    def test_args_after_positional_parameters(self):
        assert given_to(lambda x, *rest: (x, rest), "a") == ("A", ())
        assert given_to(lambda x, *rest: (x, rest), "a", "b", "c") == ("A", ("B", "C"))

    def test_args_after_one_filled_by_name(self):
        assert given_to(lambda b, *rest: (b, rest), "a", "b", "c") == ("B", ("A", "C"))

    def test_args_after_one_filled_by_an_input(self):
        function = lambda path, *parts: (path, parts)  # noqa: E731
        assert given_to(function, "a", "b", inputs={"path": "p"}) == ("p", ("A", "B"))

    def test_a_default_in_front_of_args_stays(self):
        assert given_to(lambda n=3, *rest: (n, rest), "a", "b") == (3, ("A", "B"))
        function = lambda x, n=3, *rest: (x, n, rest)  # noqa: E731
        assert given_to(function, "a", "b") == ("A", 3, ("B",))

    def test_a_default_in_front_of_args_takes_an_input(self):
        function = lambda m=2, n=3, *rest: (m, n, rest)  # noqa: E731
        assert given_to(function, "a", inputs={"n": 9}) == (2, 9, ("A",))
        assert given_to(function, inputs={"n": 9}) == (2, 9, ())

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_a_keyword_behind_args_takes_no_result_by_its_place(self, count):
        upstream = "abc"[:count]

        def function(*parts, sep):
            return sep.join(parts)

        assert given_to(function, *upstream, inputs={"sep": "-"}) == "-".join(upstream.upper())
        assert "has no value for 'sep'" in refused(function, *upstream)

    def test_a_keyword_behind_args_named_after_a_task(self):
        def function(*parts, sep):
            return sep, parts

        assert given_to(function, "a", "sep", "b") == ("SEP", ("A", "B"))

    def test_a_default_behind_args_stays(self):
        assert given_to(lambda *parts, sep="-": (sep, parts), "a") == ("-", ("A",))

    def test_kwargs(self):
        assert given_to(lambda **kw: kw, "b", "a") == {"b": "B", "a": "A"}

    def test_kwargs_after_parameters(self):
        assert given_to(lambda x, **kw: (x, kw), "a", "b") == ("A", {"b": "B"})
        assert given_to(lambda b, **kw: (b, kw), "a", "b") == ("B", {"a": "A"})
        assert given_to(lambda n=1, **kw: (n, kw), "a") == (1, {"a": "A"})

    def test_kwargs_beside_a_positional_only_parameter(self):
        def function(x, /, **kw):
            return x, kw

        assert given_to(function, "a", "b") == ("A", {"b": "B"})

    def test_kwargs_after_an_input(self):
        got = given_to(lambda n, **kw: (n, kw), "a", "b", inputs={"n": 1})
        assert got == (1, {"a": "A", "b": "B"})

    def test_args_and_kwargs(self):
        assert given_to(lambda *args, **kw: (args, kw), "a", "b") == (("A", "B"), {})

    def test_inputs_do_not_go_there(self):
        assert "no task takes the input 'n'" in refused(lambda *a, **kw: 0, "a", inputs={"n": 1})

    def test_a_task_without_parameters_only_waits(self):
        assert given_to(lambda: "done", "a", "b", "-c") == "done"

    def test_a_callable_without_signature_counts_as_args(self):
        for function in (min, dict):
            with pytest.raises(ValueError, match="signature"):
                inspect.signature(function)
        assert given_to(min, "a", "b", a=3, b=2) == 2
        assert given_to(dict, "a", a=[("k", 1)]) == {"k": 1}


# ---- arrows that only wait ----------------------------------------------------------------------


class TestWaiting:
    def test_they_bring_nothing(self):
        assert given_to(lambda x: x, "-a", "b", "-c") == "B"
        assert given_to(lambda *args, **kw: (args, kw), "-a", "b") == (("B",), {})

    def test_not_even_by_name(self):
        text = refused(lambda a: a, "-a")
        assert "on offer: nothing" in text
        assert "write 'a -> target' instead of the dotted arrow" in text


# ---- which callables are tasks, and where they are found ----------------------------------------


class Scaled:
    """Multiplies."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor

    def added(self, x):
        return x + self.factor


class TestCallables:
    @pytest.mark.parametrize(
        ("function", "expected"),
        [
            (abs, 3),
            (str, "-3"),
            (lambda x: x + 1, -2),
            (Scaled(2), -6),
            (Scaled(2).added, -1),
            (functools.partial(pow, exp=2), 9),
            (functools.partial(operator.sub, 1), 4),
            (Task(Scaled(3)), -9),
            (Task(Task(abs)), 3),
        ],
    )
    def test_each_kind(self, function, expected):
        assert given_to(function, "a", a=-3) == expected

    def test_a_partial_keeps_what_it_was_given(self):
        function = functools.partial(lambda x, sep, end: (x, sep, end), sep=",")
        assert given_to(function, "a", inputs={"end": "."}) == ("A", ",", ".")

    def test_a_decorated_function_shows_its_own_parameters(self):
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)

            return wrapper

        assert given_to(logged(lambda b, a: (a, b)), "a", "b") == ("A", "B")

    def test_a_signature_that_cannot_be_read(self):
        class Odd:
            __signature__ = "no signature"

            def __call__(self, *args):
                return args

        assert given_to(Odd(), "a") == ("A",)


@pytest.fixture
def main(monkeypatch):
    """Give the names of ``__main__``; they are put back."""
    module = type(sys)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    return vars(module)


class TestNamespace:
    FLOW = Flow("f", tasks=["work"])

    def test_main_comes_first(self, main):
        @task
        def work():
            return "registry"

        assert perform(resolve(self.FLOW))["work"] == "registry"
        main["work"] = lambda: "main"
        assert perform(resolve(self.FLOW))["work"] == "main"

    def test_a_redefined_function_is_what_runs(self, main):
        main["work"] = lambda: 1
        first = resolve(self.FLOW)
        main["work"] = lambda: 2
        assert (perform(first)["work"], perform(resolve(self.FLOW))["work"]) == (1, 2)

    def test_what_is_not_callable_is_passed_over(self, main):
        @task
        def work():
            return "registry"

        main["work"] = 3
        assert perform(resolve(self.FLOW))["work"] == "registry"
        names = ChainMap({"work": 3}, {"work": lambda: "behind"})
        assert perform(resolve(self.FLOW, namespace=names))["work"] == "behind"

    def test_an_explicit_namespace_is_all_there_is(self, main):
        main["work"] = task(lambda: "main")
        assert perform(resolve(self.FLOW, namespace={"work": lambda: "own"}))["work"] == "own"
        with pytest.raises(UnknownTaskError, match="task 'work' has no function"):
            resolve(self.FLOW, namespace={})

    def test_the_variable_counts_not_the_function_and_not_the_label(self):
        @task(name="label")
        def function():
            return 1

        names = {"work": function}
        assert perform(resolve(self.FLOW, namespace=names))["work"] == 1
        for other in ("function", "label"):
            with pytest.raises(UnknownTaskError):
                resolve(Flow("f", tasks=[other]), namespace=names)

    def test_a_plain_function_is_wrapped_once(self):
        flow = parse_dsl("work as a\nwork as b")
        plan = resolve(flow, namespace={"work": lambda: 1})
        assert plan.calls[0].task is plan.calls[1].task

    def test_a_task_is_taken_as_it_is(self):
        work = task(lambda: 1)
        assert resolve(self.FLOW, namespace={"work": work}).calls[0].task is work


# ---- errors: each text in full ------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path):
    """A file is a flow, a blank line, and its functions; `inputs` and `results` may be set."""
    setup, _, _ = path.read_text(encoding="utf-8").partition(RULE)
    text, _, code = setup.partition("\n\n")
    names = {}
    exec(code, {"task": task}, names)
    inputs = names.pop("inputs", None)
    results = names.pop("results", None)
    flow = parse_dsl(text)
    with pytest.raises(FlowError) as caught:
        plan = resolve(flow, inputs, names)
        assert results is not None, "the error should come before the run"
        values = [results.get(name) for name in flow.tasks] + list(plan.constants)
        for name in flow.tasks:
            plan.arguments(plan.index[name], values)
    error = f"{type(caught.value).__name__}: {caught.value}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(f"{setup}{RULE}{error}", encoding="utf-8")
    assert error == path.read_text(encoding="utf-8").partition(RULE)[2]
    assert caught.value.remedy
    assert (caught.value.span is None) == path.stem.startswith("input_")


def test_there_are_enough_golden_texts():
    assert len(GOLDEN) >= 90


def test_a_flow_without_a_text_shows_no_line():
    assert refused(lambda x: x) == (
        "task 'target': target(x) has no value for 'x'; on offer: nothing\n"
        "give the flow an input 'x', add an edge from a task that returns it, "
        "or give the parameter a default"
    )


class TestEdgeToAdd:
    FLOW = parse_dsl("a -> b -> c\na -.-> d\ne -.-> c\nx_result -> x")

    @pytest.mark.parametrize(
        ("name", "parameter", "expected"),
        [
            ("c", "a", "add the edge 'a -> c'"),
            ("c", "a_result", "add the edge 'a -> c'"),
            ("b", "e", "'e' is a task of the flow: add the edge 'e -> b'"),
            ("c", "e", "'c' only waits for 'e': write 'e -> c' instead of the dotted arrow"),
            ("a", "c", "'c' comes after 'a', so it cannot give it a value"),
            ("a", "a", "'a' cannot receive its own result"),
            ("d", "a", "'d' only waits for 'a': write 'a -> d' instead of the dotted arrow"),
            ("c", "other", ""),
            ("e", "x_result", "'x_result' is a task of the flow: add the edge 'x_result -> e'"),
        ],
    )
    def test_each_case(self, name, parameter, expected):
        assert edge_to_add(self.FLOW, name, parameter) == expected


# ---- the plan -----------------------------------------------------------------------------------


def test_explain():
    def load(path, sep=","): ...
    def work(x, n=1): ...
    def merge(a, y, *rest, how): ...
    def report(merge, mean, sd=0): ...
    def config(inputs): ...
    def save(): ...

    flow = parse_dsl(
        """
        flow Analysis:
            load -> [work as a, work as b, work as c, clean] -> merge
            [merge, stats] -> report
            stats -.-> config
            [report, config] -> save
        """
    )
    names = {"clean": lambda data=0, *rows: 0, "stats": functools.partial(dict, sd=1), **locals()}
    plan = flow.explain({"path": "data", "b.n": 3, "how": "outer"}, names)
    assert repr(plan) == str(plan)
    assert str(plan).splitlines() == [
        "Analysis",
        "  load(path, sep=',')",
        "    path  <- input 'path'",
        "  a: work(x, n=1)",
        "    x  <- result of load",
        "  b: work(x, n=1)",
        "    x  <- result of load",
        "    n  <- input 'b.n'",
        "  c: work(x, n=1)",
        "    x  <- result of load",
        "  clean(data=0, *rows)",
        "    data   <- its default",
        "    *rows  <- result of load",
        "  merge(a, y, *rest, how)",
        "    a      <- result of a",
        "    y      <- result of b",
        "    *rest  <- result of c",
        "    *rest  <- result of clean",
        "    how    <- input 'how'",
        "  stats(*args)",
        "  report(merge, mean, sd=0)",
        "    merge  <- result of merge",
        "    mean   <- result of stats",
        "  config(inputs)",
        "    inputs  <- the flow's inputs",
        "    (waits for stats)",
        "  save()",
        "    (waits for report)",
        "    (waits for config)",
    ]


def test_explain_names_keys():
    plan = Flow("f", [("a", "end"), ("b", "end")]).explain(
        namespace={"a": dict, "b": dict, "end": lambda x, y, z, how="?": 0}
    )
    assert str(plan).splitlines()[3:7] == [
        "    x    <- key 'x' of the result of a or b",
        "    y    <- key 'y' of the result of a or b",
        "    z    <- key 'z' of the result of a or b",
        "    how  <- key 'how' of the result of a or b, or its default",
    ]


def test_a_signature_is_written_as_it_was():
    def full(o, a, /, b, c=None, *, d, e="x" * 30, f=[], g=2.5, **rest): ...  # noqa: B006
    def starred(a=1, /, *rest, key): ...

    assert Signature(full).text("t") == "full(o, a, /, b, c=None, *, d, e=…, f=…, g=2.5, **rest)"
    assert Signature(starred).text("t") == "starred(a=1, /, *rest, key)"
    assert Signature(lambda x: x).text("t") == "t(x)"
    assert Signature(Scaled(1)).text("t") == "t(x)"
    assert (
        Signature(functools.partial(full, 0, 1, d=2)).text("t").startswith("t(b, c=None, *, d=2,")
    )
    assert Signature(min).text("t") == "min(*args)"


# ---- any flow -----------------------------------------------------------------------------------


@st.composite
def flows(draw):
    """Draw a DAG whose tasks are listed in any order, with arrows of both kinds."""
    count = draw(st.integers(1, 12))
    names = [f"t{i}" for i in range(count)]
    ranked = draw(st.permutations(names))
    pairs = [(a, b) for i, b in enumerate(ranked) for a in ranked[:i]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    kinds = [draw(st.sampled_from(["result", "result", "wait"])) for _ in chosen]
    edges = [Edge(a, b, kind) for (a, b), kind in zip(chosen, kinds, strict=True)]
    return Flow("any", edges, tasks=names)


@given(flows())
def test_the_arguments_are_the_results_in_the_order_of_the_edges(flow):
    names = {name: functools.partial(lambda own, *args: (own, *args), name) for name in flow.tasks}
    results = perform(resolve(flow, None, names))
    for name in flow.tasks:
        sources = [edge.source for edge in flow.upstream[name] if edge.kind == "result"]
        assert results[name] == (name, *(results[source] for source in sources))


@given(flows())
def test_by_name_each_parameter_gets_its_own(flow):
    names = {}
    for name in flow.tasks:
        sources = [edge.source for edge in flow.upstream[name] if edge.kind == "result"]
        names[name] = eval(f"lambda {', '.join(sorted(sources))}: ({name!r}, locals())")
    results = perform(resolve(flow, None, names))
    for name in flow.tasks:
        assert results[name][1] == {
            edge.source: results[edge.source]
            for edge in flow.upstream[name]
            if edge.kind == "result"
        }


@given(flows())
def test_the_plan_agrees_with_the_edges(flow):
    plan = resolve(flow, None, dict.fromkeys(flow.tasks, min))
    place = {name: i for i, name in enumerate(plan.order)}
    assert sorted(place) == sorted(flow.tasks)
    assert all(place[edge.source] < place[edge.target] for edge in flow.edges)
    arrows = {(plan.index[edge.source], plan.index[edge.target]) for edge in flow.edges}
    structure = flow.structure
    assert {(i, j) for i, found in enumerate(structure.followers) for j in found} == arrows
    assert sum(map(len, structure.followers)) == len(arrows)
    assert structure.waiting == [
        len({source for source, target in arrows if target == i}) for i in range(len(flow.tasks))
    ]


def test_two_arrows_between_two_tasks_are_one_wait():
    flow = Flow("f", [Edge("a", "b", key="x"), Edge("a", "b", key="y")])
    assert len(flow.edges) == 2
    structure = flow.structure
    assert (structure.waiting, structure.followers) == ([0, 1], [[1], []])
    assert structure.order() == [0, 1]
