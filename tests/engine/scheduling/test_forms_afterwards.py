"""What a run with branches, marks and mapped inputs leaves, and what is done with it afterwards."""

from __future__ import annotations

import io
import os

import pytest

from taskinity_nb import BindingError, FlowError, NoResultError, State, run, simulate

BRANCHES = """
load -> report
report when check
[report?, load] -> publish
"""


def half(number):
    if number == 2:
        raise ValueError("two")
    return number / 2


def branches(check):
    return {
        "load": lambda: [1, 2, 3], "check": lambda: check, "report": lambda load: ("made of", load),
        "publish": lambda report="no report", load=None: (report, load),
    }  # fmt: skip


def states(result):
    return {name: str(record.state) for name, record in result.tasks.items()}


class TestKeepLast:
    def test_who_is_skipped_holds_no_result(self):
        result = run(BRANCHES, namespace=branches(False), keep="last")
        assert dict(result) == {"publish": ("no report", [1, 2, 3])}

    def test_who_is_behind_a_skipped_one_holds_no_result(self):
        names = {"check": lambda: False, "a": lambda: 1, "b": lambda a: a, "c": lambda b, a: b}
        result = run("a -> b\nb when check\n[b, a] -> c", namespace=names, keep="last")
        assert dict(result) == {}

    def test_a_run_that_has_let_go_for_a_skipped_one_resumes(self):
        first = run(BRANCHES, namespace=branches(False), keep="last")
        again = first.resume(keep="all")
        assert again["publish"] == ("no report", [1, 2, 3])
        other = first.resume(namespace=branches(True), keep="all")
        assert other["publish"] == (("made of", [1, 2, 3]), [1, 2, 3])


class TestResume:
    def test_an_input_that_is_mapped_over_has_changed(self):
        first = run("input files\nfiles -> map add", {"files": [1, 2]},
                    namespace={"add": lambda n: n + 1})  # fmt: skip
        again = first.resume(inputs={"files": [5, 6, 7]})
        assert again["add"] == [6, 7, 8]
        assert again.tasks["add"].why == "runs again: the input 'files' has changed"
        assert first.resume().tasks["add"].state is State.CACHED

    @pytest.mark.parametrize("word", ["when", "unless"])
    def test_an_input_that_decides_has_changed(self, word):
        first = run(f"input fast\nwork {word} fast", {"fast": word == "when"},
                    namespace={"work": lambda: 1})  # fmt: skip
        assert dict(first) == {"work": 1}
        assert first.resume()["work"] == 1
        assert dict(first.resume(inputs={"fast": word != "when"})) == {}

    def test_an_input_that_is_taken_apart_has_changed(self):
        names = {"double": lambda n: 2 * n}
        first = run("input settings\nsettings.n -> double", {"settings": {"n": 1}}, namespace=names)
        assert first.resume(inputs={"settings": {"n": 4}})["double"] == 8

    def test_what_takes_a_branch_that_is_skipped_again_keeps_its_result(self):
        first = run(BRANCHES, namespace=branches(False))
        again = first.resume()
        assert states(again) == {
            "load": "cached", "report": "skipped", "check": "cached", "publish": "cached",
        }  # fmt: skip

    def test_a_condition_has_changed(self):
        first = run(BRANCHES, namespace=branches(False))
        again = first.resume(namespace=branches(True))
        assert again["publish"] == (("made of", [1, 2, 3]), [1, 2, 3])
        assert first.resume(namespace=branches(True)).resume(namespace=branches(False))[
            "publish"
        ] == ("no report", [1, 2, 3])

    def test_who_skips_itself_may_not_do_so_again(self):
        from taskinity_nb import skip

        calls = []

        def sometimes():
            calls.append(1)
            return skip() if len(calls) == 1 else 7

        names = {"sometimes": sometimes, "b": lambda: 1, "after": lambda s=0, b=1: (s, b)}
        first = run("[sometimes?, b] -> after", namespace=names)
        assert first["after"] == (0, 1)
        assert first.resume()["after"] == (7, 1)

    def test_what_is_left_of_a_map_comes_from_kept_items(self):
        names = {"load": lambda: [1, 2, 3], "half": half, "total": lambda half: half}
        first = run("load -> map half\nhalf? -> total", namespace=names, on_error="continue")
        assert first["total"] == [0.5, 1.5]
        again = first.resume(on_error="continue")
        assert again["total"] == [0.5, 1.5]
        assert again.tasks["half"].items[0].state is State.CACHED
        mended = first.resume(namespace={**names, "half": lambda number: number / 2})
        assert mended["total"] == [0.5, 1.0, 1.5]

    def test_items_behind_those_that_were_left_out_keep_their_places(self, monkeypatch):
        names = {"load": lambda: [1, 2, 3], "a": without(1), "b": unless_it_is_set}
        monkeypatch.setenv("FAILS_ON", "3")
        first = run("load -> map a -> map b", namespace=names, on_error="continue")
        monkeypatch.delenv("FAILS_ON")
        assert first.tasks["b"].results == [20]
        assert first.resume()["b"] == [20, 30]

    def test_items_side_by_side_stay_so_where_some_are_left_out(self):
        names = {"load": lambda: [1, 2, 3], "a": without(1), "b": without(3),
                 "both": lambda a, b: (a, b)}  # fmt: skip
        first = run("load -> map a\nload -> map b\n[a, b] -> zip both", namespace=names)
        other = first.resume(namespace={**names, "both": lambda a, b: [a, b]})
        assert first["both"] == [(2, 2)]
        assert other["both"] == [[2, 2]]


def unless_it_is_set(number):
    if os.environ.get("FAILS_ON") == str(number):
        raise ValueError(number)
    return 10 * number


def without(left_out):
    from taskinity_nb import skip

    return lambda n: skip() if n == left_out else n


class TestReplay:
    def test_what_is_missing_is_left_out_or_its_default(self):
        result = run(BRANCHES, namespace=branches(False))
        assert result.replay("publish") == result["publish"]
        names = {"a": half, "load": lambda: 2, "all": lambda *args, **others: (args, others)}
        result = run("load -> a\n[a?, load] -> all", namespace=names, on_error="continue")
        assert result.replay("all") == result["all"] == ((2,), {})

    def test_what_is_not_optional_is_not_there(self):
        names = branches(False)
        result = run("load -> report\nreport when check\nreport -> publish", namespace=names)
        with pytest.raises(NoResultError, match="was skipped: 'check' was false"):
            result.replay("publish")

    @pytest.mark.parametrize("word", ["zip", "product"])
    def test_items_of_several_lists(self, word):
        names = {"a": lambda: [1, 2], "b": lambda: [3, 4], "both": lambda a, b: (a, b)}
        result = run(f"[a, b] -> {word} both", namespace=names)
        for one in (result, result.resume()):
            found = [one.replay("both", item=place) for place in range(len(one["both"]))]
            assert found == one["both"]

    def test_what_is_left_of_a_map(self):
        names = {"load": lambda: [1, 2, 3], "half": half, "total": lambda half: half}
        result = run("load -> map half\nhalf? -> total", namespace=names, on_error="continue")
        assert result.replay("total") == result["total"]

    def test_items_that_may_be_missing(self):
        names = {"load": lambda: [1, 2, 3], "half": half, "same": lambda n: n,
                 "both": lambda half="none", same=None: (half, same)}  # fmt: skip
        text = "load -> map half\nload -> map same\n[half?, same] -> zip both"
        result = run(text, namespace=names, on_error="continue")
        found = [result.replay("both", item=place) for place in range(3)]
        assert found == result["both"] == [(0.5, 1), ("none", 2), (1.5, 3)]


class TestSimulate:
    def test_of_two_maps_and_their_items_side_by_side(self):
        names = {"load": lambda: [1, 2, 3], "a": abs, "b": abs, "both": lambda a, b: a + b}
        text = "load -> map a\nload -> map b\n[a, b] -> zip both"
        for workers in (1, 2, 3):
            done = run(text, namespace=names, executor="sequential")
            assert len(simulate(done, workers=workers).rows) == 10

    def test_of_maps_that_begin_in_another_order_than_they_are_numbered_in(self):
        names = {"one": lambda: [1], "none": list, "a": abs, "b": abs, "c": abs}
        text = "one -> map a\nnone -> map b\none -> map c"
        done = run(text, namespace=names, executor="sequential")
        for first in ("a", "b", "c"):
            assert simulate(done, 1, {first: 100.0}).rows

    def test_of_a_run_with_a_skipped_branch(self):
        done = run(BRANCHES, namespace=branches(False))
        (row,) = [row for row in simulate(done, workers=2).rows if row.task == "report"]
        assert row.start == row.end

    def test_of_a_flow_with_inputs_and_constants(self):
        text = "input n\nn -> [fit(depth=2), grow(depth=n)] -> best"
        assert simulate(text, 2, {"fit": 1.0, "grow": 2.0, "best": 0.5}).makespan == 2.5


class TestReadOnce:
    """An input that can be read only once, and that arrows come from."""

    @pytest.mark.parametrize(
        "text", ["xs -> map a\nxs -> map b", "xs -> map a\nxs -> b", "xs -> a\nxs -> b"]
    )
    def test_it_goes_to_one_task_only(self, text):
        names = {"a": lambda x: x, "b": lambda x: x}
        with pytest.raises(BindingError, match="the input 'xs', a StringIO, can be read"):
            run(f"input xs\n{text}", {"xs": io.StringIO("1\n2\n")}, namespace=names)

    def test_it_may_be_mapped_over(self):
        result = run("input xs\nxs -> map a", {"xs": io.StringIO("1\n2\n")}, namespace={"a": int})
        assert result["a"] == [1, 2]

    def test_it_is_not_read_again(self):
        result = run("input xs\nxs -> map a", {"xs": io.StringIO("1\nb\n")}, namespace={"a": int},
                     on_error="continue")  # fmt: skip
        with pytest.raises(FlowError, match="runs again, but the input 'xs'"):
            result.resume(namespace={"a": str})

    def test_an_iterator_is_a_list_for_all(self):
        result = run("input xs\nxs -> map a\nxs -> map b", {"xs": iter([1, 2])},
                     namespace={"a": abs, "b": abs})  # fmt: skip
        assert result["a"] == result["b"] == [1, 2]
