"""Fingerprints: the digests of values, and what is remembered of them."""

from __future__ import annotations

import tracemalloc
import types
from pathlib import Path

import pytest
from fingerprints import cell, print_of
from hypothesis import given, settings
from hypothesis import strategies as st

from taskinity_nb.engine.rerun.fingerprint import Printer, digest, fingerprint, taken

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.just(...)
)


hashable = st.recursive(atoms, lambda inner: st.tuples(inner) | st.frozensets(inner), max_leaves=3)


values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(atoms, inner)
        | st.sets(hashable)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)


def shape(value):
    """Return a value as something that is equal only where types and signs are equal too."""
    kind = type(value).__name__
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(map(shape, value))
    if isinstance(value, (list, tuple)):
        return kind, *map(shape, value)
    if isinstance(value, dict):
        return kind, *((shape(key), shape(each)) for key, each in value.items())
    return kind, repr(value)


def copied(value):
    """Return a value built anew, sets in another order, no two parts the same object as before."""
    if isinstance(value, (set, frozenset)):
        return type(value)(map(copied, reversed(list(value))))
    if isinstance(value, (list, tuple)):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {copied(key): copied(each) for key, each in value.items()}
    return value


class TestValues:
    @given(values)
    @settings(max_examples=60, deadline=None)
    def test_equal_ones_have_equal_digests(self, value):
        assert digest(copied(value)) == digest(value)

    @given(values, values)
    @settings(max_examples=60, deadline=None)
    def test_different_ones_have_different_digests(self, one, other):
        assert (digest(one) == digest(other)) == (shape(one) == shape(other))

    @given(hashable.filter(lambda value: "frozenset" not in str(shape(value))), st.integers(1, 500))
    @settings(max_examples=50, deadline=None)
    def test_constants_are_told_apart(self, value, line):
        space = cell(f"def f(): return {value!r}", line=line)
        assert print_of(f"def f():\n\n    return {value!r}") == fingerprint(space["f"])
        for other in (1, True, 1.0, "1", b"1", 1j, (1,), (True,), None, 0.0, -0.0):
            same = print_of(f"def f(): return {other!r}") == fingerprint(space["f"])
            assert same == (shape(other) == shape(value))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([1], (1,)),
            ({1}, frozenset({1})),
            ({1}, {True}),
            ({1, 2}, {1, "2"}),
            ({1, 2}, [1, 2]),
            ({"a"}, frozenset("a")),
            ({(1, 2)}, {(1, 2.0)}),
            ({frozenset({1})}, {frozenset({1.0})}),
            ({0.0}, {-0.0}),
            (b"a", bytearray(b"a")),
            ("a", b"a"),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            (range(3), range(4)),
            (slice(1), slice(2)),
            (int, float),
            (len, print),
            ((), []),
            (None, "None"),
        ],
    )
    def test_of_other_kinds_differ(self, one, other):
        assert digest(one) == digest(one) != digest(other)
        assert digest([one]) != digest([other])

    def test_sets_of_functions(self):
        sets = [{cell(f"def f(): return {n}")["f"]} for n in (1, 1, 2)]
        assert digest(sets[0]) == digest(sets[1]) != digest(sets[2])

    def test_are_plain_text(self):
        assert len(digest(3)) == len(fingerprint(print)) == 32
        assert set(digest(3)) <= set("0123456789abcdef")

    def test_strange_names_and_numbers(self):
        values = ["\ud800", "\0", 10**5000, float("nan"), float("inf"), complex("nan+infj")]
        assert len({digest(value) for value in values}) == len(values)
        assert digest(float("nan")) == digest(float("nan"))


class TestArrays:
    @pytest.fixture
    def np(self):
        return pytest.importorskip("numpy")

    def test_by_content(self, np):
        source = "def f(): return data.sum()"
        prints = [print_of(source, data=np.arange(n)) for n in (9, 9, 10)]
        assert prints[0] == prints[1] != prints[2]

    @pytest.mark.parametrize("change", ["dtype", "shape", "element", "order"])
    def test_told_apart(self, np, change):
        array = np.arange(12, dtype="int64").reshape(3, 4)
        other = {
            "dtype": lambda: array.astype("uint64"),
            "shape": lambda: array.reshape(4, 3),
            "element": lambda: array + (array == 11),
            "order": lambda: array[::-1],
        }[change]()
        assert digest(array) == digest(array.copy()) != digest(other)
        assert digest({"a": [array]}) != digest({"a": [other]})

    def test_of_other_layouts(self, np):
        array = np.arange(12.0).reshape(3, 4)
        for each in (array.T, array[:, ::2], array[:0], np.array(3), np.array([None, {}])):
            assert digest(each) == digest(each)

    def test_scalars(self, np):
        found = {
            digest(kind(1)) for kind in (int, float, np.int64, np.uint64, np.float64, np.bool_)
        }
        assert len(found) == 6
        assert digest({np.int64(1)}) != digest({np.uint64(1)})

    def test_functions_of_the_package(self, np):
        assert digest(np.sum) == digest(np.sum) != digest(np.prod)
        assert digest(np.add) == digest(np.add) != digest(np.subtract)
        assert print_of("def f(x): return sum(x)", sum=np.sum) != print_of(
            "def f(x): return sum(x)"
        )

    def test_frames(self):
        pd = pytest.importorskip("pandas")
        source = "def f(): return data"
        frames = [pd.DataFrame({"a": [1, 2], "b": ["x", end]}) for end in ("y", "y", "z")]
        prints = [print_of(source, data=frame) for frame in frames]
        assert prints[0] == prints[1] != prints[2]

    def test_are_not_copied(self, np):
        array = np.ones(4_000_000, dtype="uint8")
        tracemalloc.start()
        try:
            digest({"a": array})
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()


unseen = types.ModuleType("unseen")
"""A module that counts by its name."""


class Counted:
    def __reduce__(self):
        unseen.pickled += 1
        return Counted, ()


class TestMemo:
    @pytest.fixture(autouse=True)
    def nothing_counted(self, monkeypatch):
        monkeypatch.setattr(unseen, "pickled", 0, raising=False)

    def test_a_value_is_pickled_once_for_one_function(self):
        source = "def g(): return a\ndef h(): return a\ndef f(): return a, g(), h()"
        print_of(source, a=Counted())
        assert unseen.pickled == 1

    def test_a_value_is_pickled_once_for_all_functions(self):
        space = cell(
            "def f(): return a\ndef g(): return a, 1\ndef h(b=1): return b", {"a": Counted()}
        )
        alone = [fingerprint(space[name]) for name in "fgh"]
        unseen.pickled, printer = 0, Printer(is_bounded=False)
        assert [fingerprint(space[name], printer) for name in "fgh"] == alone
        assert digest([space["a"]], printer) == digest([space["a"]])
        assert unseen.pickled == 2

    def test_does_not_depend_on_what_was_looked_at_before(self):
        """Functions and values that lead to each other, entered from either end."""
        source = """
            class Node: pass
            a, b = Node(), Node()
            a.next, b.next, b.end = b, a, True
            def f(): return g, a
            def g(): return f, b, Node
        """
        space = cell(source)
        names = ["f", "g", "a", "b", "Node"]
        alone = {name: digest(space[name]) for name in names}
        assert len(set(alone.values())) == 5
        for first in range(5):
            printer = Printer(is_bounded=False)
            for name in names[first:] + names[:first]:
                assert digest(space[name], printer) == alone[name], name

    def test_addresses_are_not_taken_over(self):
        printer = Printer(is_bounded=False)
        found = {digest([n], printer) for n in range(100)}
        assert len(found) == 100


PLAIN = [
    None,
    True,
    False,
    0,
    -1,
    2**70,
    0.0,
    -0.0,
    float("nan"),
    1j,
    "",
    "ä",
    "x" * 600,
    b"b",
    ...,
]
OTHERS = [(), [], [1], {"a": 1}, {1, 2}, len, dict, Path("there"), type("Made", (), {})]


@pytest.mark.parametrize("value", [*PLAIN, *OTHERS], ids=repr)
def test_the_fast_way_gives_what_the_other_one_does(value):
    assert taken(value)[:4] == Printer(is_bounded=False).take(value)[:4]
