"""Flows of functions alone: what a parameter is called says what it takes."""

from __future__ import annotations

import functools
import re

import pytest

from taskinity_nb import (
    CycleError,
    FlowError,
    Task,
    flow_from,
    parse_dsl,
    run,
    skip,
    task,
    to_dsl,
)
from taskinity_nb.errors import BindingError


def load(path):
    return [len(path), 3]


def clean(load, least=2):
    return [number for number in load if number > least]


def fit(clean, load_result, depth=None):
    return len(clean), len(load_result), depth


class Counter:
    def __call__(self, load):
        return len(load)


class Hostile:
    def __call__(self):
        return 1

    def __getattribute__(self, name):
        raise KeyError(name)


def edges_of(flow):
    return [str(edge) for edge in flow.edges]


class TestTies:
    def test_parameters_tie_and_the_others_are_inputs(self):
        flow = flow_from(fit, load, clean, name="Fit")
        assert edges_of(flow) == ["clean -> fit", "load -> fit", "load -> clean"]
        assert flow.tasks == ("fit", "load", "clean")
        assert to_dsl(flow).splitlines()[1] == "    input depth = None, path, least = 2"
        assert run(flow, {"path": "abc", "depth": 4}).result == (2, 2, 4)
        assert run(flow, "abc")["fit"] == (2, 2, None)

    def test_the_text_of_it_is_the_same_flow(self):
        flow = flow_from(load, clean, fit)
        assert parse_dsl(to_dsl(flow)) == flow

    def test_edges_stand_in_the_order_of_the_parameters(self):
        def one():
            return 1

        def two():
            return 2

        def last(two, one):
            return two, one

        flow = flow_from(one, two, last)
        assert edges_of(flow) == ["two -> last", "one -> last"]
        assert run(flow).result == (2, 1)

    def test_a_default_gives_way_to_a_function(self):
        def total(load=None, *, clean_result=None):
            return load, clean_result

        assert run(flow_from(load, clean, total), "abc")["total"] == ([3, 3], [3, 3])

    def test_a_function_that_is_called_as_a_parameter_with_its_ending(self):
        def load_result():
            return "by itself"

        def show(load_result):
            return load_result

        flow = flow_from(load, load_result, show)
        assert edges_of(flow) == ["load_result -> show"]
        assert run(flow, "a")["show"] == "by itself"

    def test_two_parameters_for_one_result(self):
        def both(load, load_result):
            return load is load_result

        flow = flow_from(load, both)
        assert edges_of(flow) == ["load -> both"]
        assert run(flow, "a").result is True

    def test_stars_tie_nothing(self):
        def gather(*load, **clean):
            return load, clean

        assert not flow_from(load, clean, gather).incoming["gather"]

    def test_one_function_is_a_flow(self):
        assert run(flow_from(load), "abc").result == [3, 3]


class TestInputs:
    def test_one_default_that_all_agree_about(self):
        def more(load, least=2):
            return least

        assert flow_from(load, clean, more).inputs["least"].value == 2

    def test_where_they_do_not_agree_each_keeps_its_own(self):
        def more(load, least=3):
            return least

        flow = flow_from(load, clean, more)
        assert list(flow.inputs) == ["path"]
        result = run(flow, {"path": "ab"})
        assert (result["clean"], result["more"]) == ([3], 3)
        result = run(flow, {"path": "ab", "least": 9})
        assert (result["clean"], result["more"]) == ([], 9)

    def test_one_and_true_are_not_the_same(self):
        def more(load, least=True):
            return least

        def less(load, least=1):
            return least

        result = run(flow_from(load, more, less), "a")
        assert (result["more"], result["less"]) == (True, 1)

    def test_one_that_needs_it_makes_it_needed(self):
        def more(load, least):
            return least

        flow = flow_from(load, clean, more)
        assert flow.inputs["least"] is None
        with pytest.raises(BindingError, match="input 'least' has no value"):
            run(flow, {"path": "a"})

    def test_a_default_that_is_no_literal_stays_the_function_s(self):
        marker = object()

        def show(load, how=marker):
            return how

        flow = flow_from(load, show)
        assert "how" not in flow.inputs
        assert run(flow, "a").result is marker
        assert run(flow, {"path": "a", "how": 1}).result == 1

    def test_all_inputs_at_once(self):
        def show(load, inputs):
            return inputs

        assert run(flow_from(load, show), {"path": "a"}).result == {"path": "a"}

    def test_a_parameter_that_is_called_as_its_own_function(self):
        def size(size):
            return size

        assert run(flow_from(size), {"size": 3}).result == 3


class TestKinds:
    def test_tasks_and_their_options(self):
        made = Task(clean, name="make it clean", retries=2)
        flow = flow_from(load, made)
        assert edges_of(flow) == ["load -> clean"]
        plan = flow.explain("abc")
        assert plan.bindings[1].task is made

    def test_partials(self):
        flow = flow_from(load, functools.partial(clean, least=3))
        assert list(flow.inputs) == ["path"]  # `least` is set
        assert run(flow, "abcd").result == [4]
        flow = flow_from(load, clean, Task(functools.partial(fit, load_result=[1] * 7)))
        assert edges_of(flow) == ["load -> clean", "clean -> fit"]
        assert run(flow, "abc").result == (2, 7, None)

    def test_async(self):
        async def clean(load):
            return sorted(load)

        assert run(flow_from(load, clean), "abcd").result == [3, 4]

    def test_methods_classes_and_builtins(self):
        class Table:
            def __init__(self, load):
                self.rows = load

            def size(self, Table):
                return len(Table.rows)

        flow = flow_from(load, Table, Table([]).size)
        assert edges_of(flow) == ["load -> Table", "Table -> size"]
        assert run(flow, "abc").result == 2

    def test_it_runs_these_functions_wherever_it_is(self):
        @task
        def clean(load):
            return "mine"

        flow = flow_from(load, clean)

        @task
        def clean(load):
            return "another"

        assert run(flow, "a").result == "mine"
        names = {"load": load, "clean": lambda load: "a third"}
        assert run(flow, "a", namespace=names).result == "mine"

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_on_each_executor(self, executor):
        def clean(load):
            return "mine"

        assert run(flow_from(load, clean), "a", executor=executor).result == "mine"

    def test_a_function_that_skips(self):
        def none(load):
            skip()

        assert "none" not in run(flow_from(load, none), "a")


class TestErrors:
    @pytest.mark.parametrize(
        ("functions", "message"),
        [
            ([load, lambda load: 1], "function 2 is a lambda, which has no name\n.*'def'"),
            ([functools.partial(lambda: 1)], "function 1 is a lambda"),
            ([load, Counter()], "function 2 is an object of the class Counter, which has no name"),
            ([Hostile()], "function 1 cannot be asked its name: KeyError"),
            ([load, load], "'load' is given twice"),
            ([load, Task(load)], "'load' stands for two functions"),
            ([], "a flow needs a function"),
        ],
    )
    def test_what_is_no_task(self, functions, message):
        with pytest.raises(FlowError, match=re.compile(message, re.DOTALL)):
            flow_from(*functions)

    @pytest.mark.parametrize("name", ["class", "two words", "a.b"])
    def test_a_name_that_no_text_can_say(self, name):
        def strange():
            return 1

        strange.__name__ = name
        with pytest.raises(FlowError, match=f"'{name}' is no name that a task can have"):
            flow_from(strange)

    @pytest.mark.parametrize("thing", ["load", 3, None, parse_dsl("a")])
    def test_what_is_no_function(self, thing):
        with pytest.raises(TypeError, match="number 2 is"):
            flow_from(load, thing)

    def test_a_list_of_functions(self):
        with pytest.raises(TypeError, match=re.escape("flow_from(*functions)")):
            flow_from([load, clean])

    def test_a_cycle(self):
        def a(b):
            return b

        def b(c):
            return c

        def c(a):
            return a

        with pytest.raises(CycleError, match=r"a -> c -> b -> a\n.*another name") as caught:
            flow_from(a, b, c)
        assert caught.value.path == ("a", "c", "b", "a")
