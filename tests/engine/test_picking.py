"""What is picked of a result: a key, a column before a method, an attribute."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace

import pytest

from taskinity_nb import TaskError, run

pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")

NAMES = ["count", "size", "mean", "index", "sum"]


def table():
    return pd.DataFrame({name: [1, 2] for name in NAMES})


def row():
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    columns = ", ".join(f'7 as "{name}"' for name in NAMES)
    return connection.execute(f"select {columns}").fetchone()


class Table:
    """As other libraries call it."""

    column_names = tuple(NAMES)
    count = size = mean = index = sum = None

    def __getitem__(self, key):
        return 7


LOADED = {
    "a frame": (table, lambda value: list(value) == [1, 2]),
    "a series": (lambda: pd.Series(7, index=NAMES), lambda value: value == 7),
    "a mapping": (lambda: dict.fromkeys(NAMES, 7), lambda value: value == 7),
    "a structured array": (
        lambda: np.zeros(2, dtype=[(name, "i4") for name in NAMES]),
        lambda value: list(value) == [0, 0],
    ),
    "an object": (
        lambda: SimpleNamespace(**dict.fromkeys(NAMES, 7)),
        lambda value: value == 7,
    ),
    "another table": (Table, lambda value: value == 7),
}


@pytest.mark.parametrize("key", NAMES)
@pytest.mark.parametrize("kind", LOADED)
def test_a_key_is_what_the_value_has(executor, kind, key):
    load, is_right = LOADED[kind]
    names = {"load": load, "use": lambda value: value}
    assert is_right(run(f"load.{key} -> use", namespace=names, executor=executor)["use"])


@pytest.mark.parametrize("key", NAMES)
def test_a_row_of_a_database(key):
    names = {"load": row, "use": lambda value: value}
    assert run(f"load.{key} -> use", namespace=names)["use"] == 7


def test_what_is_no_column_is_an_attribute(executor):
    names = {"load": table, "use": lambda value: value}
    assert run("load.shape -> use", namespace=names, executor=executor)["use"] == (2, 5)
    with pytest.raises(TaskError, match="the result of 'load', a DataFrame, has no attribute 'x'"):
        run("load.x -> use", namespace=names, executor=executor)


def test_the_items_of_a_column(executor):
    names = {"load": table, "use": lambda value: value + 1}
    assert run("load.count -> map use", namespace=names, executor=executor)["use"] == [2, 3]


def test_a_frame_is_not_mapped_over_without_a_word(executor):
    names = {"load": table, "use": lambda value: value}
    with pytest.raises(TaskError) as caught:
        run("load -> map use", namespace=names, executor=executor)
    assert str(caught.value.__cause__) == (
        "task 'use' is mapped over the result of 'load', a DataFrame, whose items are its columns\n"
        "let 'load' return the rows, df.itertuples(), or list(df.columns)"
    )


def test_its_rows_are(executor):
    names = {"load": lambda: table().itertuples(index=False), "use": lambda row: row.mean + 1}
    assert run("load -> map use", namespace=names, executor=executor)["use"] == [2, 3]
    names["load"] = lambda: table()["size"]
    names["use"] = lambda value: value + 1
    assert run("load -> map use", namespace=names, executor=executor)["use"] == [2, 3]
