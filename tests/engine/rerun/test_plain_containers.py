"""Containers of plain values in containers: one digest of the whole, by their content alone."""

from __future__ import annotations

import copy
import marshal
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskinity_nb.engine.rerun.contents.budget import Budget
from taskinity_nb.engine.rerun.contents.plain import LEVELS, plain_container
from taskinity_nb.engine.rerun.fingerprint import Printer, taken

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
HASHED = st.recursive(
    ATOMS, lambda each: st.tuples(each, each) | st.frozensets(each, max_size=3), max_leaves=6
)
VALUES = st.recursive(
    ATOMS,
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(HASHED, each, max_size=4)
        | st.sets(HASHED, max_size=4)
        | st.tuples(each, each)
    ),
    max_leaves=20,
)


def _written(value):
    """Return a text of a value that differs where values or their types do; sets are sorted."""
    kind = type(value)
    if kind in (set, frozenset):
        return f"{kind.__name__}{sorted(map(_written, value))}"
    if kind is dict:
        return f"{{{[(_written(key), _written(held)) for key, held in value.items()]}}}"
    if kind in (list, tuple):
        return f"{kind.__name__}{list(map(_written, value))}"
    return f"{kind.__name__} {marshal.dumps(value, 2)!r}"


@given(VALUES, VALUES)
def test_digests_are_equal_if_contents_are_and_only_then(one, other):
    assert (taken(one).digest == taken(other).digest) is (_written(one) == _written(other))
    assert taken(copy.deepcopy(one)) == taken(one)


@given(st.lists(VALUES, max_size=4))
def test_equal_parts_may_be_one_object_or_two(parts):
    assert taken([parts, parts]) == taken([parts, copy.deepcopy(parts)])


@given(VALUES)
def test_it_is_the_same_where_only_so_much_may_be_written(value):
    assert Printer(is_bounded=True).take(value).digest == taken(value).digest


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[500].update(name="another"),
        lambda rows: rows[500].update(number=float(rows[500]["number"])),
        lambda rows: rows.append({}),
        lambda rows: rows.reverse(),
        lambda rows: rows[500].update(number=rows[500].pop("number")),
        lambda rows: rows[500]["tags"].add("c"),
        lambda rows: rows[500].update(tags=frozenset(rows[500]["tags"])),
        lambda rows: rows[500].update(pair=[*rows[500]["pair"]]),
    ],
)
def test_a_change_in_the_middle_is_seen(change):
    def made():
        return [{"number": n, "name": "a", "tags": {"a", "b"}, "pair": (1, 2)} for n in range(1000)]

    rows, others = made(), made()
    assert taken(rows) == taken(others)
    change(others)
    assert taken(rows).digest != taken(others).digest


def _nested(depth, part):
    for _ in range(depth):
        part = [part, part]
    return part


def _to_itself():
    rows = [1]
    rows.append(rows)
    return rows


@pytest.mark.parametrize(
    "made", [lambda: _nested(60, 1), _to_itself, lambda: [[object]], lambda: _nested(LEVELS + 1, 1)]
)
def test_others_are_looked_at_one_by_one(made):
    """Which takes no time either where the same few stand in it over and over."""
    assert plain_container(made(), Budget(is_bounded=False)) is None
    assert taken(made()) == taken(made())


def test_it_is_the_same_in_another_process():
    code = (
        "from taskinity_nb.engine.rerun.fingerprint import taken\n"
        "print(taken([{'a': {'x', 'y', 'z'}, ('k', frozenset('abc')): [1, 2.5, None]}]).digest)"
    )
    environment = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    one, other = (
        subprocess.run(
            [sys.executable, "-c", code], env=each, capture_output=True, text=True, check=True
        ).stdout
        for each in environment
    )
    assert one == other
