"""A run that nobody has said to resume pays nothing for it, and touches nothing of the user's."""

from __future__ import annotations

import time

import pytest
from fingerprints import cell

from taskinity_nb import run, start

KEPT = "kept: nothing that it depends on has changed"
TOO_LARGE = "was too large to be written down"
DONE = "this run has done so"

TOUCHY = """
    calls = []
    class Counting(type):
        def __getattribute__(cls, name):
            calls.append(f"metaclass {name}")
            return type.__getattribute__(cls, name)
        def __hash__(cls):
            calls.append("hash of the class")
            return 1
        def __eq__(cls, other):
            calls.append("eq of the class")
            return cls is other
        def __instancecheck__(cls, other):
            calls.append("instancecheck")
            return False
    def counted(name):
        def method(self, *args):
            calls.append(name)
            raise RuntimeError(name)
        return method
    class Plain(metaclass=Counting):
        for name in (
            "__eq__", "__hash__", "__repr__", "__str__", "__len__", "__bool__", "__iter__",
            "__getattr__", "__getattribute__", "__contains__", "__sizeof__", "__dir__", "__lt__",
            "__getnewargs__", "__getnewargs_ex__", "__copy__", "__deepcopy__", "__format__",
            "__buffer__", "__index__", "__array__", "__get__",
        ):
            locals()[name] = counted(name)
    class Reduced(Plain):
        for name in ("__reduce__", "__reduce_ex__", "__getstate__"):
            locals()[name] = counted(name)
    class List(list):
        __iter__ = __len__ = __getitem__ = __reduce_ex__ = counted("of a list")
    class Dict(dict):
        keys = values = items = __iter__ = __len__ = __getitem__ = counted("of a dict")
    class Text(str):
        __eq__ = __str__ = __len__ = __getnewargs__ = __add__ = counted("of a text")
        __hash__ = str.__hash__
    class Number(int):
        __eq__ = __int__ = __index__ = __lt__ = __getnewargs__ = counted("of a number")
        __hash__ = int.__hash__
    class Odd(Exception):
        __reduce__ = __str__ = __repr__ = __eq__ = counted("of an error")
        __hash__ = Exception.__hash__
    class Property:
        @property
        def __dict__(self): calls.append("dict")
        @property
        def __class__(self): calls.append("class")
"""
KINDS = ["Plain", "Reduced", "List", "Dict", "Text", "Number", "Odd", "Property"]


def reasons(run):
    return {name: record.why for name, record in run.tasks.items()}


class TestNothingIsAsked:
    @pytest.mark.parametrize("executor", ["sequential", "threads"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_what_tasks_name_or_get(self, kind, executor):
        space = cell(TOUCHY)
        cell(
            f"""
            thing = {kind}.__new__({kind})
            held = [{{"a": (thing, {kind})}}]
            def f(x, y=thing): thing, held, {kind}; return 1
            def g(z=[thing]): return (lambda: held) and 1
            """,
            space,
        )
        space["calls"].clear()
        for begin in (run, start):
            going = begin("f\ng", {"x": space["thing"]}, namespace=space, executor=executor)
            going.wait(30)
            assert dict(going) == {"f": 1, "g": 1}
        assert space["calls"] == []

    def test_of_an_object_that_lets_go_of_its_connection(self):
        source = """
            class Client:
                def __init__(self): self.socket = [True]
                def __getstate__(self):
                    self.socket = None
                    return {}
            client = Client()
            def query(): return client.socket is not None
        """
        space = cell(source)
        before = run("query", namespace=space)
        assert before["query"] is True
        space = cell(source.replace("self.socket = None", "pass"))
        before = run("query", namespace=space)
        after = before.resume()
        assert reasons(after)["query"] == (
            "runs again: 'client', which it uses, was not written down, as 'Client' is pickled in "
            f"its own way; {DONE}"
        )
        assert reasons(after.resume())["query"] == KEPT


LARGE = {
    "a list": "[1] * 1_000_000",
    "rows": "[{'a': 1, 'b': 'x'} for _ in range(30_000)]",
    "rows of a class": "[Row() for _ in range(30_000)]",
    "lists in lists": "[[[i, [i]]] for i in range(20_000)]",
    "a dict": "dict.fromkeys(range(1_000_000))",
    "a set": "set(range(1_000_000))",
    "a text": "'x' * 5_000_000",
    "bytes": "bytes(5_000_000)",
    "a bytearray": "bytearray(100_000_000)",
    "a list of the user's": "List([1] * 3_000_000)",
    "a dict of the user's": "Dict.fromkeys(range(1_000_000))",
    "a text of the user's": "Text('x' * 100_000_000)",
    "a view of a dict": "types.MappingProxyType(dict.fromkeys(range(1_000_000)))",
    "an object that holds something large": "types.SimpleNamespace(a=[Row(), [1] * 3_000_000])",
    "a method": "Dict.fromkeys(range(1_000_000)).get",
    "what is called with something large": "functools.partial(len, [1] * 3_000_000)",
    "a number": "1 << 50_000_000",
    "a deque": "collections.deque(range(1_000_000))",
    "an ordered dict": "collections.OrderedDict.fromkeys(range(1_000_000))",
    "a counter": "collections.Counter(range(1_000_000))",
    "an array of numbers": "array.array('d', bytes(8_000_000))",
    "an iterator over something large": "[iter([1] * 1_000_000), [1] * 1_000_000]",
}

CELL = """
    import array, collections, functools, types
    class Row:
        def __init__(self): self.a, self.b = 1, 'x'
    class List(list): pass
    class Dict(dict): pass
    class Text(str): pass
    table = {}
    small = [1, {{"a": (2, Row())}}]
    def load(): return 1
    def use(load): return load, table is None
    def helper(load): return use(load)
    def other(load, rows=small): return rows, Row()
"""


class TestWhatIsLarge:
    @pytest.mark.slow
    @pytest.mark.parametrize("value", LARGE.values(), ids=LARGE)
    def test_is_not_written_down(self, value):
        space = cell(CELL.format(value))
        flow = "load -> [use, helper, other]"
        before = run(flow, namespace=space)
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            run(flow, namespace=space)
            seconds.append(time.perf_counter() - began)
        assert min(seconds) < 0.05
        after = before.resume()
        why = reasons(after)
        assert why["load"] == why["other"] == KEPT
        for name in ("use", "helper"):
            assert why[name].startswith(f"runs again: 'table', which it uses, {TOO_LARGE}")
            assert why[name].endswith(f"; {DONE}")
        if "iter(" not in value:
            assert set(reasons(after.resume()).values()) == {KEPT}

    def test_says_how_large(self):
        np = pytest.importorskip("numpy")
        space = cell("def use(): return table.sum()", {"table": np.zeros(15_000_000)})
        space["__name__"] = "__main__"
        before = run("use", namespace=space)
        assert reasons(before.resume())["use"] == (
            f"runs again: 'table', which it uses, {TOO_LARGE} (120 MB); {DONE}"
        )

    def test_inputs_and_defaults(self):
        space = cell("big = [0] * 1_000_000\ndef f(x): return len(x)\ndef g(y=big): return len(y)")
        before = run("f\ng", {"x": space["big"]}, namespace=space)
        after = before.resume()
        assert reasons(after) == {
            "f": f"runs again: its input 'x' {TOO_LARGE}; {DONE}",
            "g": f"runs again: 'y', which it uses, {TOO_LARGE}; {DONE}",
        }
        assert set(reasons(after.resume()).values()) == {KEPT}
        space["big"].append(1)
        assert set(reasons(after.resume()).values()) != {KEPT}

    def test_does_not_hide_what_else_has_changed(self):
        space = cell("big = [0] * 1_000_000\ndef f(x): return len(big) * x")
        before = run("f", {"x": 1}, namespace=space)
        after = before.resume(inputs={"x": 2})
        assert reasons(after)["f"] == "runs again: its input 'x' has changed"
        assert after["f"] == 2_000_000

    def test_leaves_room_for_the_small(self):
        """However much is there that is too large, and in whichever order."""
        names = [f"big{n}" for n in range(12)]
        space = cell("def f(): return small, 1")
        space |= {name: [[[0]] for _ in range(1000)] for name in names} | {"small": [1, 2]}
        cell("\n".join(f"def use_{name}(): return {name}" for name in names), space)
        before = run("\n".join([*(f"use_{name}" for name in names), "f"]), namespace=space)
        assert reasons(before.resume())["f"] == KEPT

    @pytest.mark.slow
    def test_however_many_tasks_there_are(self):
        names = [f"t{n}" for n in range(2500)]
        source = "\n".join(f"def {name}(): return {name}_, [2]" for name in names)
        space = cell(source)
        space |= {f"{name}_": [n, {"a": (n, [n])}] for n, name in enumerate(names)}
        before = run("\n".join(names), namespace=space)
        space["t7_"].append(1)
        why = reasons(before.resume())
        assert why.pop("t7") == "runs again: its function has changed"
        assert set(why.values()) == {KEPT}


class TestTheClock:
    @pytest.mark.parametrize("executor", ["sequential", "threads"])
    def test_does_not_run_while_anything_is_written_down(self, executor):
        """A run that resumes writes down everything, before it begins."""
        source = """
            import time
            class Slow:
                def __reduce__(self):
                    time.sleep(.3)
                    return Slow, ()
            slow = Slow()
            def f(): return slow is not None
        """
        before = run("f", namespace=cell(source), executor=executor)
        after = before.resume(executor=executor)
        assert after.tasks["f"].why.startswith("runs again: 'slow'")
        assert before.makespan < 0.2
        assert after.makespan < 0.2
        assert after.tasks["f"].finished < 0.2
