"""Results that can be read only once: made lists of, or for one task alone."""

from __future__ import annotations

import csv
import io
import itertools
import re
import sqlite3
import tempfile
from urllib.request import urlopen

import pytest

from taskinity_nb import (
    BindingError,
    FlowError,
    NoResultError,
    PerformanceBenchmark,
    Task,
    TaskError,
    benchmark,
    compare,
    run,
    start,
)
from taskinity_nb.values import collected, is_once

NUMBERS = ["1", "2", "3"]


def yields():
    yield from NUMBERS


def cursor():
    return sqlite3.connect(":memory:", check_same_thread=False).execute(
        "values ('1'), ('2'), ('3')"
    )


class Countdown:
    def __init__(self):
        self.left = list(NUMBERS)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


COLLECTED = {
    "generator": yields,
    "generator expression": lambda: (number for number in NUMBERS),
    "zip": lambda: zip(NUMBERS, "abc", strict=True),
    "map": lambda: map(str, NUMBERS),
    "filter": lambda: filter(None, NUMBERS),
    "iter": lambda: iter(NUMBERS),
    "iter of a dict": lambda: iter(dict.fromkeys(NUMBERS).items()),
    "iter until": lambda: iter(iter([*NUMBERS, ""]).__next__, ""),
    "reversed": lambda: reversed(NUMBERS[::-1]),
    "enumerate": lambda: enumerate(NUMBERS),
    "chain": lambda: itertools.chain(NUMBERS[:1], NUMBERS[1:]),
    "islice": lambda: itertools.islice(itertools.count(1), 3),
    "product": lambda: itertools.product(NUMBERS),
    "accumulate": lambda: itertools.accumulate(NUMBERS),
    "repeat": lambda: itertools.repeat("1", 3),
    "groupby": lambda: itertools.groupby(NUMBERS),
    "finditer": lambda: re.finditer("[123]", "1 2 3") and map(str, NUMBERS),
    "nested": lambda: (iter([number]) for number in NUMBERS),
}
READERS = {
    "csv.reader": lambda: csv.reader(NUMBERS),
    "StringIO": lambda: io.StringIO("1\n2\n3"),
    "BytesIO": lambda: io.BytesIO(b"1\n2\n3"),
    "cursor": cursor,
    "a class of the user's": Countdown,
}
TRAVEL = {"StringIO", "BytesIO", "a class of the user's"}


def a(load):
    return len(list(load))


def b(load):
    return len(list(load))


def is_far(executor):
    return executor not in ("sequential", "threads") and not hasattr(executor, "_threads")


def test_each_consumer_gets_all(executor):
    names, lines = {}, []
    for number, made in enumerate(COLLECTED.values()):
        names |= {f"load_{number}": made, f"a_{number}": a, f"b_{number}": b}
        lines.append(f"load_{number} -> [a_{number}, b_{number}]")
    done = run("\n".join(lines), namespace=names, executor=executor)
    again = done.resume()
    for number, kind in enumerate(COLLECTED):
        found = type(done[f"load_{number}"]), done[f"a_{number}"], done[f"b_{number}"]
        assert found == (list, 3, 3), kind
        assert done.replay(f"a_{number}") == 3, kind
        assert again[f"b_{number}"] == 3, kind


def test_what_is_gone_through_within_others(executor):
    names = {
        "finds": lambda: [match[0] for match in re.finditer(r"\d", "1 2")],
        "groups": lambda: itertools.groupby("aab"),
        "nested": lambda: ((2 * each for each in range(number)) for number in range(3)),
        "pair": lambda: itertools.tee("ab"),
        "mapping": lambda: {"rows": (number for number in range(3)), "name": "n"},
        "plain": lambda: {"rows": [1], "name": "n"},
        "rows": lambda rows: list(rows),
    }
    text = "finds\n groups\n nested\n pair\n plain\n mapping.rows -> [rows, rows as again]"
    done = run(text, namespace=names, executor=executor)
    assert done["groups"] == [("a", ["a", "a"]), ("b", ["b"])]
    assert done["nested"] == [[], [0], [0, 2]]
    assert done["pair"] == (["a", "b"], ["a", "b"])
    assert done["mapping"] == {"rows": [0, 1, 2], "name": "n"}
    assert done["rows"] == done["again"] == [0, 1, 2]


def test_an_async_task_that_returns_an_iterator(executor):
    async def load():
        return iter(NUMBERS)

    done = run("load -> [a, b]", namespace={"load": load, "a": a, "b": b}, executor=executor)
    assert (done["load"], done["a"], done["b"]) == (NUMBERS, 3, 3)
    assert done.replay("load") == NUMBERS


def test_what_goes_wrong_while_it_is_gone_through_is_the_task_s_own_failure(executor):
    def load():
        yield 1
        raise KeyError("column")

    with pytest.raises(TaskError, match=r"task 'load' failed: KeyError: 'column'") as caught:
        run("load -> a", namespace={"load": load, "a": a}, executor=executor)
    assert caught.value.run.tasks["load"].frames[-1][2] == "load"


def test_it_is_tried_again(executor, tmp_path):
    def load():
        yield 1
        if not (tmp_path / "tried").exists():
            (tmp_path / "tried").touch()
            raise OSError
        yield 2

    done = run("load", namespace={"load": Task(load, retries=1)}, executor=executor)
    assert (done["load"], done.tasks["load"].attempts) == ([1, 2], 2)


def test_a_validator_and_the_next_task_both_see_it(executor):
    check = Task(yields, validate_output=lambda numbers: all(number > "0" for number in numbers))
    assert run("load -> a", namespace={"load": check, "a": a}, executor=executor)["a"] == 3


@pytest.mark.parametrize("make", [itertools.count, lambda: itertools.cycle("ab"),
                                  lambda: itertools.repeat(1)])  # fmt: skip
def test_what_never_ends_is_refused(executor, make):
    with pytest.raises(TaskError, match=r"an itertools\.\w+ never ends.*islice\(it, 10\)"):
        run("load", namespace={"load": make}, executor=executor)
    with pytest.raises(BindingError, match=r"the input 'load': an itertools\.\w+ never ends"):
        run("a", {"load": make()}, namespace={"a": a}, executor=executor)


class TestReaders:
    """What reading uses up goes to one task only."""

    @pytest.mark.parametrize("kind", READERS)
    def test_one_task_gets_it(self, executor, kind):
        if is_far(executor) and kind not in TRAVEL:
            with pytest.raises(
                TaskError, match=r"task 'load' failed: its result, an? .*, cannot be"
            ):
                run("load -> a", namespace={"load": READERS[kind], "a": a}, executor=executor)
            return
        done = run("load -> a", namespace={"load": READERS[kind], "a": a}, executor=executor)
        assert done["a"] == 3
        with pytest.raises(NoResultError, match=r"task 'a' took an? .*, which can be read only"):
            done.replay("a")

    @pytest.mark.parametrize("kind", READERS)
    def test_two_do_not(self, executor, kind):
        names = {"load": READERS[kind], "a": a, "b": b}
        with pytest.raises(TaskError, match=r"'load' failed: OnceError: the result, an? .*"
                                            "can be read only once, and more"):  # fmt: skip
            run("load -> [a, b]", namespace=names, executor=executor)

    def test_nor_does_each_item(self, executor):
        names = {"load": READERS["StringIO"], "items": lambda: [1, 2], "work": lambda n, load: n}
        with pytest.raises(TaskError, match=r"task 'load' failed: OnceError"):
            run("items -> map work\n load -> work", namespace=names, executor=executor)

    def test_who_only_waits_or_picks_takes_nothing(self, executor):
        names = {"load": READERS["StringIO"], "a": a, "b": lambda newlines: newlines,
                 "wait": lambda: 1}  # fmt: skip
        text = "load -> a\n load.newlines -> b\n load -.-> wait"
        assert run(text, namespace=names, executor=executor)["a"] == 3

    def test_one_that_is_mapped_over_is_a_list(self, executor):
        names = {"load": READERS["StringIO"], "size": len, "b": b}
        done = run("load -> map size\n load -> b", namespace=names, executor=executor)
        assert (done["load"], done["size"], done["b"]) == (["1\n", "2\n", "3"], [2, 2, 1], 3)

    def test_of_items_it_is_the_same(self, executor):
        names = {"items": lambda: ["1", "2\n2"], "load": lambda text: io.StringIO(text), "a": a,
                 "b": b}  # fmt: skip
        done = run("items -> map load -> map a", namespace=names, executor=executor)
        assert done["a"] == [1, 2]
        again = done.resume()
        assert (again["a"], again.tasks["load"].why) == ([1, 2], ONLY_ONCE)
        with pytest.raises(TaskError, match="OnceError"):
            run("items -> map load -> [map a, map b]", namespace=names, executor=executor)

    def test_resume_makes_it_again(self, executor):
        names = {"load": READERS["StringIO"], "total": fails_half_way}
        with pytest.raises(TaskError) as caught:
            run("load -> total", namespace=names, executor=executor)
        names["total"] = a
        done = caught.value.run.resume()
        assert (done["total"], done.tasks["load"].why) == (3, ONLY_ONCE)

    def test_who_has_begun_to_read_is_not_tried_again(self, executor):
        names = {"load": READERS["StringIO"], "total": Task(fails_half_way, retries=2)}
        with pytest.raises(TaskError) as caught:
            run("load -> total", namespace=names, executor=executor)
        record = caught.value.run.tasks["total"]
        assert record.attempts == 1
        assert "it was not tried again: a StringIO can be read only once" in record.error.__notes__

    def test_a_file_that_is_written_to_may_serve_two(self, tmp_path):
        with (tmp_path / "log").open("w") as file:
            names = {"load": lambda: file, "a": lambda load: load.write("a"),
                     "b": lambda load: load.write("b")}  # fmt: skip
            run("load -> [a, b]", namespace=names)
        assert sorted((tmp_path / "log").read_text()) == ["a", "b"]

    def test_an_async_generator_goes_to_one_task(self):
        async def numbers():
            yield 1
            yield 2

        async def total(load):
            return sum([number async for number in load])

        names = {"load": lambda: numbers(), "total": total, "other": total}
        assert run("load -> total", namespace=names)["total"] == 3
        with pytest.raises(TaskError, match=r"the result, an async_generator, can be read only"):
            run("load -> [total, other]", namespace=names)


ONLY_ONCE = "runs again: its result can be read only once"


def fails_half_way(load):
    next(iter(load))
    raise ValueError("half-way")


# ---- inputs -------------------------------------------------------------------------------------


class TestInputs:
    def test_iterators_are_lists(self, executor):
        done = run("a\n b", {"load": (n for n in NUMBERS)}, namespace={"a": a, "b": b},
                   executor=executor)  # fmt: skip
        assert (done["a"], done["b"]) == (3, 3)
        assert done.resume()["a"] == done.replay("a") == 3
        assert run("a", map(str, NUMBERS), namespace={"a": a}, executor=executor)["a"] == 3
        assert start("a", map(str, NUMBERS), namespace={"a": a}).wait()["a"] == 3

    def test_to_explain_a_flow_reads_nothing(self):
        from taskinity_nb import parse_dsl

        numbers = iter(NUMBERS)
        parse_dsl("a").explain({"load": numbers}, {"a": a})
        assert list(numbers) == NUMBERS

    @pytest.mark.parametrize("kind", READERS)
    def test_a_reader_goes_to_one_task(self, kind):
        names = {"a": a, "b": b, "work": lambda n, load: n, "items": lambda: [1, 2]}
        assert run("a", {"load": READERS[kind]()}, namespace=names)["a"] == 3
        with pytest.raises(BindingError, match=r"the input 'load', an? .*, can be read only once, "
                                               "and goes to 'a', 'b'"):  # fmt: skip
            run("a\n b", {"load": READERS[kind]()}, namespace=names)
        with pytest.raises(BindingError, match="and goes to 'each item of work'"):
            run("items -> map work", {"load": READERS[kind]()}, namespace=names)
        with pytest.raises(BindingError, match=r"the input of the flow, an? .*, can be read only"):
            run("a\n b", READERS[kind](), namespace=names)

    def test_a_default_is_no_input(self):
        import sys

        names = {"one": lambda file=sys.stdin: 1, "two": lambda file=sys.stdin: 2}
        assert dict(run("one\n two", namespace=names)) == {"one": 1, "two": 2}

    def test_compare_gets_all_each_time(self):
        seen = []
        names = {"a": lambda load: seen.append(sum(load))}
        executors = ["sequential", "threads"]
        compare("a", {"load": iter(range(1000))}, executors=executors, repeats=2, namespace=names)
        bench = PerformanceBenchmark(repeats=2)
        bench.compare("a", iter(range(1000)), executors=executors, namespace=names)
        bench.measure("sum", names["a"], map(abs, range(1000)))
        benchmark(repeats=2)(names["a"])(load=filter(None, range(1000)))
        assert set(seen) == {499500}

    @pytest.mark.parametrize("kind", READERS)
    def test_compare_refuses_a_reader(self, kind):
        with pytest.raises(
            FlowError, match=r"the input 'load', an? .*, can be read only once, and"
        ):
            compare("a", {"load": READERS[kind]()}, namespace={"a": a})
        with pytest.raises(FlowError, match=r"the input of the flow, an? .*, can be read"):
            PerformanceBenchmark().compare("a", READERS[kind](), namespace={"a": a})
        with pytest.raises(FlowError, match=r"'sum' is called 6 times, and its argument, an? "):
            PerformanceBenchmark().measure("sum", a, READERS[kind]())

    def test_resume_wants_it_anew(self):
        names = {"first": lambda: 1, "total": fails_half_way}
        with pytest.raises(TaskError) as caught:
            run("first\n total", {"load": io.StringIO("1\n2\n3")}, namespace=names)
        names["total"] = a
        with pytest.raises(FlowError, match="task 'total' runs again, but the input 'load', a "):
            caught.value.run.resume()
        done = caught.value.run.resume(inputs={"load": io.StringIO("1\n2\n3")})
        assert (done["total"], done.tasks["first"].why[:4]) == (3, "kept")


# ---- which is which -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COLLECTED)
def test_what_is_collected(kind):
    assert is_once(COLLECTED[kind]())
    assert type(collected(COLLECTED[kind]())) is list


@pytest.mark.parametrize("kind", READERS)
def test_what_is_not(kind):
    value = READERS[kind]()
    assert is_once(value)
    assert collected(value) is value


def test_files_that_are_none_by_their_type(tmp_path):
    (tmp_path / "data").write_text("a")
    with tempfile.NamedTemporaryFile() as file, urlopen((tmp_path / "data").as_uri()) as answer:
        assert is_once(file)
        assert is_once(answer)


@pytest.mark.parametrize(
    "value", [[1], (1,), {1: 2}, {1}, range(3), "ab", b"ab", 1, None, {}.keys(), memoryview(b"a"),
              type, int, object(), zip],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_can_be_read_again(value):
    assert not is_once(value)
    assert collected(value) is value
