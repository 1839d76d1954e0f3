"""What people write at first: it works, or the error says what to write, and that works then."""

from __future__ import annotations

import sys
import types
from collections import namedtuple

import pytest

from taskinity_nb import FlowError, NoResultError, parse_dsl, run, skip

Pair = namedtuple("Pair", "X y")


def split():
    return [1, 2], [0]


def fit(X, y):
    return X, y


def data():
    return {"X": 1, "y": 2}


def pca(X, n=8):
    return X, n


def load():
    return 5


def clean(values):
    return values + 1


def one():
    return 1


def two():
    return 2


def pair(a, b):
    return a, b


def either(big=None, small=None):
    return big, small


def gone(_):
    skip("nothing to do")


def scaled(values, by):
    return values * by


def numbers():
    return [1, 2, 3]


def double(number):
    return 2 * number


def odd(number):
    return number if number % 2 else skip("even")


def files():
    return [f"{number}.png" for number in range(60)]


def read(name):
    if name == "17.png":
        raise OSError(f"{name} is broken")
    return len(name)


def same(given):
    return given


def table(rows=None, index=None):
    return rows, index


HERE = dict(globals())


def result_of(text, inputs=None, namespace=None, **options):
    return run(text, inputs, namespace={**HERE, **(namespace or {})}, **options).result


WORKS = {
    "parts by position": ("[split.0, split.1] -> fit", ([1, 2], [0])),
    "parts by name": ("X, y = split\n[X, y] -> fit", ([1, 2], [0])),
    "one part": ("X, _ = split\nX -> same", [1, 2]),
    "a dict to as many parameters": ("data -> fit", (1, 2)),
    "a key": ("data.X -> pca", (1, 8)),
    "keys by name": ("X, y = data\nX -> pca(n=3)", (1, 3)),
    "a dict beside a result": ("[data, load] -> three", (1, 2, 5)),
    "all as a tuple": ("[one, two] -> all_of", (1, 2)),
    "one of two branches": (
        "route.big? -> big\nroute.small? -> small\n[big?, small?] -> either", (7, None),
    ),
    "a branch that skips": ("one -> same as big\none -> gone as small\n"
                            "[big?, small?] -> either", (1, None)),
    "a condition": ("load -> kind\nload -> same as big when kind == 'odd'\n"
                    "load -> clean as small unless kind == 'odd'\n"
                    "[big?, small?] -> either", (5, None)),
    "skip in a map beside the list": (
        "numbers -> map odd\n[numbers, odd] -> pair_up", [(1, 1), (2, 3)],
    ),
    "skip in a map, side by side": ("numbers -> map odd\n[numbers, odd] -> zip pair",
                                    [(1, 1), (3, 3)]),
    "a list for a map": ("input xs = [1, 2]\nxs -> map double", [2, 4]),
    "pairs": ("[numbers, numbers as others] -> zip pair", [(1, 1), (2, 2), (3, 3)]),
    "combinations": ("[one_two, one_two as others] -> product pair",
                     [(1, 1), (1, 2), (2, 1), (2, 2)]),
    "the whole to each item": ("numbers -> map pair\nload -> pair", [(1, 5), (2, 5), (3, 5)]),
    "tuples as items": ("pairs -> map pair", [(1, 2), (3, 4)]),
    "dicts as items": ("dicts -> map pair", [(1, 2)]),
    "two settings": ("load -> [scaled(by=2) as low, scaled(by=9) as high] -> pair", (10, 45)),
    "a sweep": ("input by = [1, 3]\nload -> scaled\nby -> map scaled", [5, 15]),
    "a function of a module": ("mod.load as first -> double", 14),
    "a flow of a module": ("mod.Both as Both -> double", 16),
    "a class with defaults": ("numbers -> table", ([1, 2, 3], None)),
    "one of Python's own": ("numbers -> tuple_", (1, 2, 3)),
    "two results for two defaults": ("[numbers, load] -> table", ([1, 2, 3], 5)),
    "a result by the name of a default": ("numbers -> table\nload as index -> table",
                                          ([1, 2, 3], 5)),
}  # fmt: skip

MOD = types.ModuleType("mod")
exec(
    "from taskinity_nb import parse_dsl\n"
    "def load(): return seven()\ndef seven(): return 7\n"
    "def clean(values): return values + 1\n"
    "Both = parse_dsl('load -> clean')",
    vars(MOD),
)

MORE = {
    "three": lambda X, y, load: (X, y, load),
    "all_of": lambda *results: results,
    "route": lambda: {"big": 7},
    "big": lambda x: x,
    "small": lambda x: -x,
    "kind": lambda x: "odd",
    "pair_up": lambda a, b: list(zip(a, b, strict=False)),
    "one_two": lambda: [1, 2],
    "pairs": lambda: [(1, 2), (3, 4)],
    "dicts": lambda: [{"a": 1, "b": 2}],
    "mod": MOD,
    "tuple_": tuple,
}


@pytest.mark.parametrize("name", WORKS)
def test_what_works(name):
    text, expected = WORKS[name]
    assert result_of(text, namespace=MORE) == expected


FAILS = {
    # what is written first: the text that the error must have, and what is written then
    "a tuple to two parameters": (
        "split -> fit", "name the parts of the tuple: 'X, y = split', and '[X, y] -> fit'",
        "X, y = split\n[X, y] -> fit", ([1, 2], [0]),
    ),
    "a named tuple to two parameters": (
        "point -> fit", "'X, y = point', and '[X, y] -> fit'",
        "X, y = point\n[X, y] -> fit", (1, 2),
    ),
    "a key of a tuple": (
        "split.X -> same",
        "write 'split.0' for the first element, or name the parts: 'a, b = split'",
        "split.0 -> same", [1, 2],
    ),
    "a key that is not there": (
        "data.Z -> same", "it has 'X', 'y'; write 'data.Z?' where it may be missing",
        "data.X -> same", 1,
    ),
    "a position from the end": (
        "split.-1 -> same", "'first, last = split'", "first, last = split\nlast -> same", [0],
    ),
    "an index in brackets": (
        "split[0] -> same", "write 'split.0 -> next_task'", "split.0 -> same", [1, 2],
    ),
    "two results for one parameter": (
        "[one, two] -> total", "write '*xs' to take them all, as a tuple",
        "[one, two] -> starred", 3,
    ),
    "three results for one parameter and a default": (
        "[one, two, load] -> total_from", "write '*xs' in it to take them all as a tuple",
        "[one, two, load] -> starred", 8,
    ),
    "a result that a default could take": (
        "[X, load] -> pca", "to give it to 'n', call it so: 'load as n'",
        "[X, load as n] -> pca", (1, 5),
    ),
    "branches whose results are needed": (
        "one -> gone as small\none -> same as big\n[big?, small?] -> pair_of",
        "give the parameter a default, 'big=None', or take those that are there as '*results'",
        "one -> gone as small\none -> same as big\n[big?, small?] -> either", (1, None),
    ),
    "a branch of a key that is missing": (
        "route.small -> small", "write 'route.small?' where it may be missing",
        "route.small? -> small\nroute.big? -> big\n[small?, big?] -> either", (7, None),
    ),
    "a condition in a list": (
        "load -> [same when check, clean] -> either",
        "write 'same when check' in a line of its own below this one",
        "load -> [same as big, clean as small]\nbig when check\n[big?, small?] -> either",
        (None, 6),
    ),
    "a map over an input that is not declared": (
        "xs -> map double", "write 'input xs' in a line above this one",
        "input xs\nxs -> map double", [2, 4],
    ),
    "two mapped sources": (
        "[numbers, pairs] -> map pair", "write '[numbers, pairs] -> zip pair' to take",
        "numbers -> map pair\nload -> pair", [(1, 5), (2, 5), (3, 5)],
    ),
    "a source that all items should get": (
        "[load, numbers] -> map pair",
        "each item of 'numbers' the whole of 'load', write 'load -> pair' in a line of its own",
        "load -> pair\nnumbers -> map pair", [(5, 1), (5, 2), (5, 3)],
    ),
    "a map over a number": (
        "load -> map double", "or write 'load -> double' without 'map'", "load -> double", 10,
    ),
    "a constant without a name": (
        "load -> scaled(2)", "write the name of its parameter: 'scaled(name=2)'",
        "load -> scaled(by=2)", 10,
    ),
    "a constant with a slip": ("load -> scaled(bye=2)", "did you mean 'by'?",
                               "load -> scaled(by=2)", 10),
    "one node with two settings": (
        "load -> [scaled(by=2), scaled(by=9)] -> pair",
        "give this one a name of its own: 'scaled(…) as scaled_2'",
        "load -> [scaled(by=2), scaled(by=9) as scaled_2] -> pair", (10, 45),
    ),
    "a function of a module without a name": (
        "mod.load -> double", "write 'mod.load as load' here", "mod.load as load -> double", 14,
    ),
    "a flow whose functions are not here": (
        "Far -> double", "if a module has the functions of this flow, write 'Far.bind(module)'",
        "Near -> double", 14,
    ),
    "a task in a flow": (
        "flow Prep:\n  load -> clean\nflow Main:\n  Prep.load -> double",
        "write 'load -> next_task' in that flow, or let 'Prep.clean' return a dict with the key "
        "'load'",
        "flow Prep:\n  load -> clean\n  load -> double\nflow Main:\n  Prep -> pair_in", 16,
    ),
    "the last task of a flow": (
        "flow Prep:\n  load -> clean\nflow Main:\n  Prep.clean -> double",
        "write 'Prep -> next_task'",
        "flow Prep:\n  load -> clean\nflow Main:\n  Prep -> double", 12,
    ),
    "a target with a slip": ("load -> clean", "did you mean 'clean'?", None, "cleen"),
}  # fmt: skip

MORE |= {
    "point": lambda: Pair(1, 2),
    "X": one,
    "total": lambda xs: sum(xs),
    "total_from": lambda xs, start=0: sum(xs),
    "starred": lambda *xs: sum(xs),
    "pair_in": lambda clean, double: clean + double,
    "pair_of": lambda big, small: (big, small),
    "check": lambda: False,
    "Far": parse_dsl("distant_load -> distant_clean"),
    "Near": parse_dsl("load").bind(MOD),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_the_error_says_to_write(name):
    text, says, right, expected = FAILS[name]
    options = {"targets": expected} if right is None else {}
    inputs = {"xs": [1, 2]} if "xs" in text.split() else None
    with pytest.raises(FlowError) as caught:
        result_of(text, inputs, MORE, **options)
    assert says in str(caught.value)
    if right is not None:
        assert result_of(right, inputs, MORE) == expected


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_one_bad_file_of_sixty(executor):
    stopped = run("files -> map read -> same", namespace=HERE, on_error="continue",
                  executor=executor)  # fmt: skip
    record = stopped.tasks["read"]
    assert len(record.results) == 59
    assert [(name, str(error)) for name, error in record.failed] == [("17.png", "17.png is broken")]
    with pytest.raises(NoResultError, match=r"run\.tasks\['read'\]\.results has those"):
        stopped["read"]
    with pytest.raises(NoResultError, match=r"write 'read\?' where its result goes on"):
        stopped["same"]
    went_on = run("files -> map read? -> same", namespace=HERE, on_error="continue",
                  executor=executor)  # fmt: skip
    assert went_on["same"] == record.results


@pytest.mark.parametrize("namespace", ["mod", [len], 3])
def test_a_namespace_that_is_none(namespace):
    with pytest.raises(FlowError, match=r"(?s)a module or a mapping.*give the module itself"):
        run("load -> clean", namespace=namespace)


def test_a_module_as_the_namespace():
    assert run("load -> clean", namespace=MOD).result == 8
    with pytest.raises(FlowError, match="did you mean 'clean'"):
        run("load -> cleaned", namespace=MOD)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_in_a_task(executor, monkeypatch):
    main = vars(sys.modules["__main__"])
    names = {"load": load, "clean": clean}
    for name, function in names.items():
        monkeypatch.setitem(main, name, function)
    code = "from taskinity_nb import run\ndef outer(): return run('load -> clean').result"
    monkeypatch.setitem(main, "outer", None)
    exec(code, main)
    assert run("outer -> double", namespace={**main, "double": double},
               executor=executor).result == 12  # fmt: skip


def test_a_part_of_the_work():
    def states(of):
        return [str(task.state) for task in of.tasks.values()]

    names = {"load": load, "clean": clean, "double": double}
    again = run("load -> clean -> double", namespace=names).resume(rerun="clean")
    assert states(again) == ["cached", "succeeded", "succeeded"]
    assert again.tasks["clean"].why == "runs again: it was named in rerun"
    given = run("load -> clean -> double", namespace=names, overrides={"clean": 1})
    assert (given["double"], states(given)) == (2, ["skipped", "cached", "succeeded"])
    only = run("load -> clean -> double", namespace=names, targets="clean")
    assert list(only) == ["load", "clean"]


@pytest.mark.parametrize("options", [
    {"targets": "other"}, {"targets": "Prep.read"}, {"overrides": {"Prep": [1]}},
    {"overrides": {"Prep.clean": [1]}}, {"targets": "other", "overrides": {"source": 3}},
    {"overrides": {"Prep.read": [4], "source": [3]}, "targets": "Prep.read"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("word", ["", "map "])
@pytest.mark.parametrize("line", ["", "    input path\n", "    input path\n    path -> read\n"])
def test_functions_of_a_flow_that_are_not_needed(options, word, line):
    text = f"flow Prep:\n{line}    read -> clean\nflow Main:\n    source -> {word}Prep\n    other"
    names = {"source": lambda: ["x"], "read": lambda path: path, "other": one}
    if "Prep.read" not in options.values():
        del names["read"]
    done = run(text, namespace=names, **options)
    assert done.state.value == "succeeded"


def test_a_result_that_is_given_in_a_mapped_flow_whose_function_is_not_there():
    text = "flow Prep:\n    input path\n    read -> clean\nflow Main:\n    source -> map Prep"
    names = {"source": numbers, "clean": clean}
    assert run(text, namespace=names, overrides={"Prep.read": [7, 8]}).result == [8, 9]
