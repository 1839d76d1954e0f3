"""Flows: what makes two of them equal, what none may be, and what surrounds each task."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskinity_nb.dsl.read import parse_dsl
from taskinity_nb.errors import CycleError, DSLSyntaxError, FlowError
from taskinity_nb.model.binding import resolve
from taskinity_nb.model.flow import Edge, Flow

DIAMOND = Flow("Diamond", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])


# ---- what a flow holds --------------------------------------------------------------------------


class TestContents:
    def test_edges_of_any_form(self):
        flow = Flow("f", [("a", "b"), ["b", "c"], Edge("c", "d"), ("d", "e", "wait")])
        assert [str(edge) for edge in flow.edges] == ["a -> b", "b -> c", "c -> d", "d -.-> e"]
        assert {type(edge) for edge in flow.edges} == {Edge}

    def test_an_iterator_of_edges(self):
        assert Flow("f", (pair for pair in [("a", "b")])).tasks == ("a", "b")

    def test_a_repeated_edge_is_one(self):
        assert Flow("f", [("a", "b"), Edge("a", "b")]).edges == (Edge("a", "b"),)

    def test_tasks_in_order(self):
        assert Flow("f", [("b", "a"), ("c", "a")]).tasks == ("b", "a", "c")
        assert Flow("f", [("b", "a")], tasks=["z", "a"]).tasks == ("z", "a", "b")
        assert Flow("f", tasks="load").tasks == ("load",)

    def test_upstream_and_downstream(self):
        assert [str(edge) for edge in DIAMOND.upstream["d"]] == ["b -> d", "c -> d"]
        assert [str(edge) for edge in DIAMOND.downstream["a"]] == ["a -> b", "a -> c"]
        assert DIAMOND.upstream["a"] == DIAMOND.downstream["d"] == ()
        assert list(DIAMOND.upstream) == list(DIAMOND.downstream) == ["a", "b", "c", "d"]

    def test_upstream_keeps_the_order_of_the_text(self):
        flow = parse_dsl("c -> end\na -> end\nb -.-> end\n[a, b] -> other")
        assert [edge.source for edge in flow.upstream["end"]] == ["c", "a", "b"]

    def test_last_tasks(self):
        assert DIAMOND.last_tasks == ("d",)
        assert Flow("f", [("a", "b")], tasks=["z"]).last_tasks == ("z", "b")

    def test_functions(self):
        flow = parse_dsl("split -> [work as w1, work as w2]")
        assert [flow.function_of(name) for name in flow.tasks] == ["split", "work", "work"]
        assert Flow("f", tasks=["a"], functions={"a": "a"}).functions == {}

    def test_how_edges_are_written(self):
        edges = [Edge("a", "b"), Edge("a", "b", "wait"), Edge("a", "b", "map", "key")]
        assert list(map(str, edges)) == ["a -> b", "a -.-> b", "a.key -> map b"]

    def test_repr(self):
        assert repr(DIAMOND) == "<Flow Diamond: 4 tasks, 4 edges>"

    def test_an_empty_flow(self):
        flow = Flow()
        assert (flow.name, flow.tasks, flow.edges, flow.last_tasks) == ("flow", (), (), ())
        assert resolve(flow, namespace={}).order == ()


# ---- equality -----------------------------------------------------------------------------------


def same(one, other):
    """Tell whether two flows are equal; equal flows have one hash."""
    assert (one == other) is (other == one)
    assert (one != other) is not (one == other)
    assert one != other or hash(one) == hash(other)
    return one == other


class TestEquality:
    def test_the_order_of_edges_into_a_task_matters(self):
        assert not same(Flow("f", [("a", "c"), ("b", "c")]), Flow("f", [("b", "c"), ("a", "c")]))

    def test_the_order_of_edges_into_different_tasks_does_not(self):
        assert same(Flow("f", [("a", "b"), ("a", "c")]), Flow("f", [("a", "c"), ("a", "b")]))
        assert same(parse_dsl("a -> [b, c] -> d"), parse_dsl("a -> c\nb -> d\na -> b\nc -> d"))

    def test_the_order_of_tasks_does_not(self):
        assert same(Flow("f", tasks=["a", "b"]), Flow("f", tasks=["b", "a"]))

    @pytest.mark.parametrize(
        "text",
        [
            "flow Other:\n a -> b",
            "flow F:\n a -.-> b",
            "flow F:\n a -> map b",
            "flow F:\n a.key -> b",
            "flow F:\n a -> b\n c",
            "flow F:\n a -> c",
            "flow F:\n a -> work as b",
        ],
    )
    def test_name_tasks_kinds_keys_and_functions_matter(self, text):
        assert not same(parse_dsl("flow F:\n a -> b"), parse_dsl(text))

    def test_description_and_positions_do_not(self):
        texts = ["flow F:\n a -> b", 'flow F:\n\n  description: "d"\n    a->b  # comment']
        one, other = map(parse_dsl, texts)
        assert same(one, other)
        assert same(one, Flow("F", [("a", "b")]))
        assert one.source != other.source

    def test_with_something_else(self):
        assert DIAMOND != "Diamond"
        assert Flow() != ()

    def test_a_key_of_a_dict(self):
        shuffled = Flow("Diamond", [("b", "d"), ("a", "c"), ("a", "b"), ("c", "d")])
        assert {DIAMOND: 1}[shuffled] == 1


class TestFrozen:
    @pytest.mark.parametrize("field", ["name", "edges", "tasks", "description", "functions"])
    def test_fields(self, field):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(DIAMOND, field, ())
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(DIAMOND, field)

    @pytest.mark.parametrize("view", ["upstream", "downstream", "functions"])
    def test_mappings(self, view):
        with pytest.raises(TypeError):
            getattr(DIAMOND, view)["a"] = ()

    def test_what_it_was_made_of_may_change(self):
        edges, functions = [("a", "b")], {"b": "work"}
        flow = Flow("f", edges, functions=functions)
        edges.clear()
        functions.clear()
        assert (len(flow.edges), flow.function_of("b")) == (1, "work")


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        *(lambda f, p=p: pickle.loads(pickle.dumps(f, p)) for p in range(2, 6)),
    ],
)
def test_pickling(copied):
    text = 'flow F:\n description: "d"\n z\n a -> [work as b, c] -.-> d\n a.k -> map e'
    flow = parse_dsl(text)
    again = copied(flow)
    assert same(again, flow)
    for field in ("tasks", "edges", "description", "functions"):
        assert getattr(again, field) == getattr(flow, field)


# ---- what no flow may be ------------------------------------------------------------------------


def refused(*args, **kwargs):
    """Return the error that a flow of these arguments ends with."""
    with pytest.raises(FlowError) as caught:
        Flow(*args, **kwargs)
    return caught.value


class TestCycles:
    @pytest.mark.parametrize(
        ("edges", "path"),
        [
            ("aa", "a -> a"),
            ("ab ba", "a -> b -> a"),
            ("ab bc ca", "a -> b -> c -> a"),
            ("ab bc cd db", "b -> c -> d -> b"),
            ("ab ac bd cd de ec", "d -> e -> c -> d"),
            ("xy ab ba", "a -> b -> a"),
        ],
    )
    def test_the_path(self, edges, path):
        error = refused("f", [tuple(pair) for pair in edges.split()])
        assert type(error) is CycleError
        assert error.path == tuple(path.split(" -> "))
        assert str(error) == (
            f"the tasks wait for each other in a cycle: {path}\nremove one of these arrows"
        )

    def test_arrows_that_only_wait_count(self):
        assert refused("f", [("a", "b"), Edge("b", "a", "wait")]).path == ("a", "b", "a")

    def test_the_place_in_the_text(self):
        with pytest.raises(CycleError) as caught:
            parse_dsl("flow F:\n    a -> b\n    b -> c -> a")
        assert isinstance(caught.value, DSLSyntaxError)
        assert str(caught.value) == (
            "line 3, column 15: the tasks wait for each other in a cycle: a -> b -> c -> a\n"
            "  3 |     b -> c -> a\n"
            "    |               ^\n"
            "remove one of these arrows"
        )

    def test_a_long_path_is_shortened(self):
        names = [f"t{i}" for i in range(2000)]
        error = refused("f", [*pairwise(names), (names[-1], names[0])])
        assert len(error.path) == 2001
        assert "t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> … (1990 more) … -> t1996" in str(error)

    def test_the_error_can_be_pickled(self):
        error = pickle.loads(pickle.dumps(refused("f", [("a", "a")])))
        assert (type(error), error.path) == (CycleError, ("a", "a"))


class TestContradictions:
    @pytest.mark.parametrize(
        ("edges", "message"),
        [
            ([("a", "b"), ("a", "b", "wait")], "'a -.-> b' contradicts 'a -> b'"),
            ([("a", "b", "wait"), ("a", "b")], "'a -> b' contradicts 'a -.-> b'"),
            ([("a", "b"), ("a", "b", "map")], "'a -> map b' contradicts 'a -> b'"),
        ],
    )
    def test_two_kinds(self, edges, message):
        assert str(refused("f", edges)) == f"{message}\nkeep one of the two"

    def test_two_maps(self):
        assert str(refused("f", [("a", "c", "map"), ("b", "c", "map")])) == (
            "'c' is mapped over two results, 'a' and 'b'\n"
            "write '[a, b] -> zip c' to take their items side by side, "
            "or '[a, b] -> product c' to take every combination;\n"
            "to give each item of 'b' the whole of 'a', write 'a -> c' in a line of its own"
        )

    def test_two_maps_over_two_keys(self):
        edges = [Edge("a", "c", "map", "x"), Edge("a", "c", "map", "y")]
        assert "'c' is mapped over two results" in str(refused("f", edges))

    def test_one_map_beside_others_is_none(self):
        flow = Flow("f", [("a", "c", "map"), ("b", "c"), ("b", "d", "map")])
        assert len(flow.edges) == 3

    def test_one_part_mapped_and_another_one_whole_are_none(self):
        edges = [Edge("a", "c", "map", "x"), Edge("a", "c", key="y")]
        assert Flow("f", edges).edges == Flow("f", edges[::-1]).edges[::-1]

    @pytest.mark.parametrize(
        "edges",
        [
            [Edge("a", "c", "map", "x"), Edge("a", "c", key="x")],
            [Edge("a", "c", "wait"), Edge("a", "c", key="x")],
            [Edge("a", "c", key="x"), Edge("a", "c", "wait")],
            [("b", "a", "map"), Edge("a", "c", "map", "x"), Edge("a", "c", key="y")],
        ],
    )
    def test_the_same_part_in_two_ways(self, edges):
        assert "contradicts" in str(refused("f", edges))

    def test_two_keys_of_one_result_are_none(self):
        assert len(Flow("f", [Edge("a", "b", key="x"), Edge("a", "b", key="y")]).edges) == 2

    def test_the_place_in_the_text(self):
        with pytest.raises(FlowError) as caught:
            parse_dsl("a -> b\na -.-> [c, b]")
        assert str(caught.value) == (
            "line 2, column 12: 'a -.-> b' contradicts 'a -> b'\n"
            "  2 | a -.-> [c, b]\n"
            "    |            ^\n"
            "keep one of the two"
        )


class TestNames:
    @pytest.mark.parametrize("name", ["", " ", "a b", "a-b", "1a", "a.b", "a\nb"])
    def test_what_is_no_identifier(self, name):
        text = f"a task's name is a Python identifier, not {name!r}"
        assert str(refused("f", [("a", name)])) == text
        assert str(refused("f", tasks=[name])) == text

    @pytest.mark.parametrize("name", [3, None, b"a", ("a",)])
    def test_what_is_no_string(self, name):
        assert str(refused("f", tasks=[name])).endswith(f"identifier, not {name!r}")

    def test_unicode(self):
        assert Flow("f", [("größe", "データ")]).tasks == ("größe", "データ")

    @pytest.mark.parametrize("pair", ["ab", ("a", ["b", "c"]), ("a",), ("a", 1), 3, None, {"a": 1}])
    def test_what_is_no_edge(self, pair):
        text = str(refused("f", [pair]))
        assert text.startswith(f"an edge is a pair of names, not {pair!r}\n")
        assert "parse_dsl" in text

    def test_a_text_in_place_of_edges(self):
        assert "not 'a'" in str(refused("f", "a -> b"))

    def test_an_unknown_kind(self):
        text = (
            "the kind of an edge is 'result', 'wait', 'map', 'zip', 'product', 'when', 'unless', "
            "'each', 'each_wait', not 'wiat'"
        )
        assert str(refused("f", [("a", "b", "wiat")])) == text
        assert str(refused("f", [Edge("a", "b", "wiat")])) == text

    def test_a_function_of_no_task(self):
        text = "'x' has a function but is no task of the flow"
        assert str(refused("f", tasks=["a"], functions={"x": "work"})) == text


# ---- size ---------------------------------------------------------------------------------------


def test_a_deep_flow():
    names = [f"t{i}" for i in range(10_001)]
    flow = Flow("deep", pairwise(names))
    assert flow.last_tasks == ("t10000",)
    assert same(pickle.loads(pickle.dumps(flow)), flow)
    plan = resolve(flow, namespace={"t0": lambda: 0} | dict.fromkeys(names[1:], abs))
    assert plan.order == flow.tasks


def test_a_wide_flow():
    edges = [(f"s{i}", f"t{j}") for i in range(100) for j in range(100)]
    flow = Flow("wide", edges)
    plan = resolve(flow, namespace=dict.fromkeys(flow.tasks, lambda *args: args))
    assert len(flow.edges) == 10_000
    assert flow.structure.waiting == [100 * name.startswith("t") for name in flow.tasks]
    assert len(plan.calls) == 200


# ---- any graph ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=20))
def test_a_graph_is_a_flow_or_has_the_cycle_that_is_shown(pairs):
    try:
        flow = Flow("any", pairs)
    except CycleError as error:
        path = error.path
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1
        assert set(pairwise(path)) <= set(pairs)
    else:
        order = resolve(flow, namespace=dict.fromkeys(flow.tasks, min)).order
        assert all(order.index(a) < order.index(b) for a, b in pairs)
        assert {edge[:2] for task in flow.tasks for edge in flow.upstream[task]} == set(pairs)
        assert {edge[:2] for task in flow.tasks for edge in flow.downstream[task]} == set(pairs)
