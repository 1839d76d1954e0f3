"""A flow as a task of another one: names, inputs, results, items, and what is said of it."""

from __future__ import annotations

import pytest

from taskinity_nb import CycleError, FlowError, parse_dsl, run, simulate, to_dsl

PREP = "flow Prep:\n  input path\n  read -> [clean, count] -> add\n"
DEEP = "flow Prep:\n  input path, depth = 3\n  read -> clean\n  deep\n"


def scan():
    return ["a", "b", "c"]


def read(path):
    if path == "b":
        raise OSError("no such file")
    return path * 2


def clean(text):
    return text.upper()


def count(text):
    return len(text)


def add(clean, count):
    return clean, count


def deep(depth):
    return depth


def total(found):
    return list(found)


def both(*found):
    return found


def is_long(text):
    return text == "cc"


def short(text):
    return f"short {text}"


def either(clean=None, short=None):
    return clean or short


FUNCTIONS = {
    f.__name__: f
    for f in (scan, read, clean, count, add, deep, total, both, is_long, short, either)
}


def ran(text, inputs=None, executor="threads", **more):
    options = {"namespace": FUNCTIONS | more, "workers": 2, "on_error": "continue"}
    return run(text, inputs, executor=executor, **options)


@pytest.fixture(params=["sequential", "threads", "processes"])
def here(request):
    return request.param


class TestOnce:
    def test_what_leads_to_it_goes_to_its_input(self, here):
        result = ran(f"{PREP}flow Main:\n  input p\n  p -> Prep -> total", {"p": "x"}, here)
        assert dict(result) == {
            "Prep.read": "xx", "Prep.clean": "XX", "Prep.count": 2, "Prep.add": ("XX", 2),
            "total": ["XX", 2],
        }  # fmt: skip

    def test_an_input_that_nothing_leads_to_is_one_of_the_whole(self):
        result = ran(f"{PREP}flow Main:\n  Prep -> total", {"path": "x"})
        assert result["total"] == ["XX", 2]

    def test_without_inputs_it_goes_to_the_first_tasks(self):
        text = PREP.replace("  input path\n", "")
        assert ran(f"{text}flow Main:\n  input p\n  p -> Prep -> total", "x")["total"] == ["XX", 2]

    def test_constants(self):
        text = f'{DEEP}flow Main:\n  Prep(path="z", depth=9) -> total'
        assert ran(text)["Prep"] == {"clean": "ZZ", "deep": 9}

    def test_a_constant_comes_before_an_input_of_the_run(self):
        text = f'{DEEP}flow Main:\n  Prep(path="z", depth=9) -> total\n  deep'
        result = ran(text, {"depth": 1})
        assert (result["Prep.deep"], result["deep"]) == (9, 1)

    def test_twice(self, here):
        text = f'{DEEP}flow Main:\n  [Prep(path="z", depth=9) as P, Prep(path="y") as Q] -> both'
        assert ran(text, None, here)["both"] == (
            {"clean": "ZZ", "deep": 9}, {"clean": "YY", "deep": 3},
        )  # fmt: skip

    def test_one_of_several_results(self):
        assert ran(f'{DEEP}flow Main:\n  Prep(path="z")\n  Prep.clean -> total')["total"] == [
            "Z", "Z",
        ]  # fmt: skip

    def test_of_the_namespace(self):
        flow = parse_dsl("flow Other:\n  input path\n  read -> clean")
        assert ran("input p\np -> Prep -> total", "x", Prep=flow)["total"] == ["X", "X"]

    def test_a_bound_one_keeps_its_functions(self, here):
        flow = parse_dsl("read -> clean").bind({"read": scan, "clean": total})
        assert ran("Prep -> both", None, here, Prep=flow)["both"] == (["a", "b", "c"],)

    def test_in_one_in_one(self):
        text = "flow A:\n  input path\n  read -> clean\nflow B:\n  A -> total\nflow C:\n  B -> both"
        result = ran(text, {"path": "x"})
        assert list(result) == ["B.A.read", "B.A.clean", "B.total", "both"]
        assert result["both"] == (["X", "X"],)


class TestForEachItem:
    @pytest.mark.parametrize("text", [PREP, PREP.replace("  input path\n", "")])
    def test_a_bad_item_costs_only_itself(self, here, text):
        result = ran(f"{text}flow Main:\n  scan -> map Prep? -> total", None, here)
        assert result["total"] == [("AA", 2), ("CC", 2)]
        states = [str(item.state) for item in result.tasks["Prep.add"].items]
        assert states == ["succeeded", "upstream_failed", "succeeded"]

    def test_several_results(self, here):
        result = ran(f"{DEEP}flow Main:\n  scan -> map Prep? -> total", None, here)
        assert result["total"] == [{"clean": "AA", "deep": 3}, {"clean": "CC", "deep": 3}]

    def test_branches_are_those_of_the_item(self, here):
        text = (
            "flow Prep:\n  input path\n  read -> clean when is_long\n  read -> [is_long, short]\n"
            "  short unless is_long\n  [clean?, short?] -> either\n"
            "flow Main:\n  scan -> map Prep? -> total"
        )
        assert ran(text, None, here)["total"] == ["short aa", "CC"]

    def test_a_map_in_a_map(self):
        text = "flow Prep:\n  read -> map clean\nflow Main:\n  scan -> map Prep -> total"
        with pytest.raises(FlowError, match="a map in a map"):
            ran(text)


LOOKS = """
flow Prep:
    input path
    path -> clean -> long when path == "a"
    clean -> short unless path == "a"
    [long?, short?] -> first

flow Main:
    scan -> map Prep -> total
"""
ODD = {
    "scan": lambda: ["a", "b", "a"],
    "clean": lambda text: text.upper(),
    "long": lambda clean: clean * 3,
    "first": lambda long=None, short=None: long or short,
    "sides": lambda: [True, False, True],
}


class TestConditionsThatLookAtTheItem:
    @pytest.mark.parametrize("here", ["sequential", "threads", "processes"])
    def test_each_item_by_itself(self, here):
        result = ran(LOOKS, None, here, **ODD)
        assert result["total"] == ["AAA", "short B", "AAA"]
        long = result.tasks["Prep.long"]
        assert [str(item.state) for item in long.items] == ["succeeded", "skipped", "succeeded"]
        assert long.items[1].why == "skipped: 'Prep.path' was 'b', not \"a\""

    def test_a_task_that_takes_nothing_else(self):
        text = "flow Prep:\n  input n\n  deep when n\nflow Main:\n  [n, m] -> map Prep? -> total"
        text = text.replace("[n, m]", "sides")
        assert ran(text, None, deep=lambda: 3, sides=lambda: [1, 0, 2])["total"] == [3, 3]

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("path -> clean when ok", ["A", "A"]),
            ("path -> clean\n  ok -> good\n  clean -> long when good", ["AAA", "AAA"]),
            ("ok -> good\n  path -> clean when good", ["A", "A"]),
            ("path -> clean when ok when path == 'b'", []),
        ],
    )
    def test_inputs_side_by_side(self, line, expected):
        text = f"flow Prep:\n  input path, ok\n  {line}\n"
        text += "flow Main:\n  [scan, sides] -> zip Prep -> same"
        more = ODD | {"good": lambda ok: ok, "same": lambda found: found}
        found = ran(text, None, **more)["same"]
        assert (found.get("clean", found) if isinstance(found, dict) else found) == expected

    @pytest.mark.parametrize("sides", [[True], [True] * 4])
    def test_as_many_verdicts_as_items(self, sides):
        text = "flow Prep:\n  input path, ok\n  path -> clean when ok\n"
        text += "flow Main:\n  [scan, sides] -> zip Prep -> total"
        failed = ran(text, None, **ODD | {"sides": lambda: sides}).errors["Prep.clean"]
        assert f"'scan' 3, 'Prep.ok' {len(sides)}" in str(failed)

    def test_an_input_that_no_task_takes(self):
        text = "flow Prep:\n  input path, ok = 1\n  path -> clean\nflow Main:\n  scan -> Prep"
        with pytest.raises(FlowError, match=r"write where it goes, 'ok -> clean' or"):
            ran(text, None, **ODD)

    def test_one_part_of_the_item(self):
        text = "flow Prep:\n  input n\n  n.size -> deep when n.kind == 'x'\n"
        text += "flow Main:\n  scan -> map Prep -> total"
        items = [{"kind": "x", "size": 1}, {"kind": "y", "size": 2}]
        assert ran(text, None, scan=lambda: items)["total"] == [1]

    def test_a_flow_in_a_flow_in_a_map(self):
        text = (
            "flow In:\n  input q\n  q -> deep when q\n"
            "flow Prep:\n  input n\n  n -> In\nflow Main:\n  scan -> map Prep -> total"
        )
        assert ran(text, None, scan=lambda: [1, 0, 3])["total"] == [1, 3]

    def test_parts_of_a_run(self):
        names = FUNCTIONS | ODD
        first = run(LOOKS, namespace=names)
        again = first.resume()
        assert again["total"] == first["total"]
        assert "succeeded" not in {str(again.tasks[f"Prep.{t}"].state) for t in ("path", "clean")}
        names["scan"] = lambda: ["b", "a"]
        assert first.resume()["total"] == ["short B", "AAA"]
        only = run(LOOKS, namespace=names, targets="Prep.long")
        assert only["Prep.long"] == ["AAA"]
        assert set(only) == {"scan", "Prep.path", "Prep.clean", "Prep.long"}
        given = run(LOOKS, namespace=names, overrides={"Prep.clean": ["p", "q"]})
        assert given["total"] == ["short p", "qqq"]
        verdicts = run(LOOKS, namespace=names, overrides={"Prep.path": ["a", "x"]})
        assert verdicts["total"] == ["BBB", "short A"]
        with pytest.raises(FlowError, match=r"runs for 2 items, and 'Prep.path' has 3 results"):
            run(LOOKS, namespace=names, overrides={"Prep.path": ["a", "x", "y"]})
        assert simulate(first, workers=2).makespan > 0

    @pytest.mark.parametrize("text", [
        "scan -> map clean\nscan -> map is_a\nclean -> map long when is_a\nlong -> total",
        "flow Prep:\n  input path\n  clean\n  is_a\n  clean -> long when is_a\n"
        "  long -> same\nflow Main:\n  scan -> map Prep -> total",
    ])  # fmt: skip
    def test_a_verdict_that_is_kept(self, text):
        names = FUNCTIONS | ODD | {"is_a": lambda path: path == "a", "same": lambda long: long}
        names["clean"] = lambda path: path.upper()
        first = run(text, namespace=names)
        assert first["total"] == ["AAA", "AAA"]
        names["long"] = lambda clean: clean * 2
        assert first.resume()["total"] == ["AA", "AA"]

    def test_a_constant_that_is_the_item(self):
        text = "flow Prep:\n  input n\n  base -> times(by=n) -> clean\n"
        text += "flow Main:\n  scan -> map Prep -> total"
        result = ran(text, None, base=lambda: "x", times=lambda base, by: base * by,
                     scan=lambda: [1, 2])  # fmt: skip
        assert result["total"] == ["X", "XX"]


class TestWords:
    def test_round_trip(self):
        flow = parse_dsl(f"{DEEP}flow Main:\n  scan -> map Prep? -> total")
        again = parse_dsl(to_dsl(flow))
        assert again == flow
        assert again.flows["Prep"] == flow.flows["Prep"]
        assert to_dsl(ran(to_dsl(flow)).flow) == to_dsl(flow)

    def test_itself(self):
        with pytest.raises(CycleError, match="the flow 'Main' contains itself"):
            ran("flow Main:\n  Main -> total")

    def test_an_error_stands_in_its_own_text(self):
        other = parse_dsl("flow Other:\n  read -> cleen")
        with pytest.raises(FlowError) as caught:
            ran("Prep -> total", Prep=other)
        assert "line 2, column 11: task 'cleen' has no function" in str(caught.value)

    def test_a_constant_that_is_no_input(self):
        with pytest.raises(FlowError, match="the flow 'Prep' has no input 'dept'") as caught:
            ran(f'{DEEP}flow Main:\n  Prep(path="z", dept=9) -> total')
        assert str(caught.value).endswith("did you mean 'depth'?")

    def test_more_results_than_inputs(self):
        with pytest.raises(FlowError, match="'scan', 'deep' cannot all be given to one each"):
            ran(f"{PREP}flow Main:\n  [scan, deep] -> Prep -> total", {"depth": 1})
