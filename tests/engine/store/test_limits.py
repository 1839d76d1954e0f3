"""The limit holds, what was used last stays, and so does what somebody is about to read."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from stores import FACTS, started

from taskinity_nb.engine.store.session import Session, mark_of, marks_in
from taskinity_nb.engine.store.store import CannotRead, Store

SIZE = 100_000


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "cache", limit=10 * (SIZE + 2000) + 2**17)
    yield store
    store.close()


def put(store, number, size=SIZE, **facts):
    store.write(f"key {number}", f"digest {number}", np.full(size // 8, number), **FACTS | facts)


def there(store):
    rows = store._index.all("SELECT key FROM entries ORDER BY made")
    return [int(key.partition(" ")[2]) for (key,) in rows]


def on_disk(store):
    return sum(path.stat().st_size for path in store.path.rglob("*") if path.is_file())


def test_what_was_used_longest_ago_goes_first(store):
    for number in range(20):
        put(store, number)
    for number in (3, 0):
        store.read(store.find(f"key {number}"))
        time.sleep(0.001)  # the clock may stand for as long
    store.trim()
    kept = there(store)
    assert kept[:2] == [0, 3]
    assert kept[2:] == list(range(20 - len(kept) + 2, 20))
    assert len(os.listdir(store.path / "results")) == len(kept)
    assert on_disk(store) <= store.limit
    assert len(kept) >= 9
    assert all((store.read(store.find(f"key {number}")) == number).all() for number in kept)


def test_the_limit_holds_for_many_small_ones(tmp_path):
    store = Store(tmp_path / "cache", limit=2_000_000)
    for number in range(6000):
        put(store, number, 800, parts={"code": "x" * 500})
    assert on_disk(store) > store.limit
    store.trim()
    assert on_disk(store) <= store.limit
    kept = there(store)
    assert kept == list(range(6000 - len(kept), 6000))
    assert len(kept) > 700
    store.close()


def test_what_is_too_large_alone_takes_nothing_else_away(store):
    for number in range(5):
        put(store, number)
    put(store, 99, 5_000_000)
    put(store, 5)
    store.trim()
    assert there(store) == [0, 1, 2, 3, 4, 5]


def test_what_tasks_share_goes_with_the_last_of_them(store):
    for number in range(3):
        store.write(f"key {number}", "digest", np.zeros(SIZE), **FACTS)
    assert len(os.listdir(store.path / "results")) == 1
    assert store.clear("load")[0] == 3
    assert not os.listdir(store.path / "results")


def test_what_was_found_stays_until_it_is_read(store, tmp_path):
    put(store, 0)
    other = Store(tmp_path / "cache", limit=0)
    entry = store.find("key 0")
    put(other, 1)
    other.trim()
    assert there(other) == [0]
    value = store.read(entry)
    other.trim()
    assert there(other) == []
    assert (value == 0).all()
    with pytest.raises(CannotRead, match="no longer in the cache"):
        store.read(entry)
    other.close()


def test_what_another_process_has_found_stays_as_long_as_it_lives(tmp_path):
    store = Store(tmp_path / "cache", limit=0)
    put(store, 0), put(store, 1)
    process = started(store.path, "store = Store(folder)\nsay(store.find('key 0').key)\ninput()")
    assert process.stdout.readline() == "key 0\n"
    store.trim()
    assert there(store) == [0]
    process.kill()
    process.communicate()
    store.close()
    store = Store(tmp_path / "cache", limit=0)
    store.trim()
    assert there(store) == []
    store.close()


def test_what_was_replaced_stays_for_who_has_found_it(store, tmp_path):
    put(store, 0)
    other = Store(tmp_path / "cache", limit=0)
    entry = store.find("key 0")
    other.write("key 0", "another digest", np.ones(SIZE), **FACTS)
    other.trim()
    assert (store.read(entry) == 0).all()
    other.close()


def test_a_store_that_lets_go(store):
    put(store, 0)
    store.limit = 0
    assert store.find("key 0")
    store.trim()
    assert there(store) == [0]
    store.let_go()
    store.trim()
    assert there(store) == []


def test_marks_that_were_killed_in_the_middle(store):
    """What a killed process was about to remove is whole again."""
    for number in range(3):
        put(store, number)
    with store._index.changing() as rows:
        rows.execute("UPDATE entries SET doomed = 1")
    assert store.find("key 0") is None
    put(store, 0)
    store.limit = 4_000
    put(store, 4)
    store.limit = 10**9
    assert (store.read(store.find("key 0")) == 0).all()


def test_sessions(tmp_path):
    session = Session(tmp_path)
    marks = [mark_of(str(number)) for number in range(3)]
    for mark in marks:
        session.hold(mark)
    session.hold(marks[0])
    session.let_go(marks[0])
    session.let_go(marks[1])
    assert marks_in(session.path) == {marks[0], marks[2]}
    session.let_go(marks[0])
    session.let_go(marks[2])
    session.let_go(marks[2])
    assert session.path.stat().st_size == 0
    session.close()
    session.close()
    assert not os.listdir(tmp_path)


def test_info_and_clear(store):
    put(store, 0, task="a")
    put(store, 1, task="b")
    put(store, 2, task="b", item=1)
    store.read(store.find("key 1"))
    found = {row.task: row for row in store.info()}
    assert (found["a"].entries, found["a"].seconds) == (1, 0)
    assert (found["b"].entries, found["b"].seconds) == (2, 0.5)
    assert found["b"].bytes > 2 * SIZE
    assert store.latest("f", "b", 1).key == "key 2"
    assert store.latest("f", "b", None).key == "key 1"
    assert store.latest("f", "b", 2) is None
    count, freed = store.clear("b")
    assert (count, freed) == (2, found["b"].bytes)
    assert [row.task for row in store.info()] == ["a"]
    assert store.clear()[0] == 1
    assert store.info() == []


def test_what_is_small_is_had_with_its_entry(store, tmp_path):
    store.write("key", "digest", [1, 2], **FACTS)
    entry = store.find("key")
    assert not marks_in(store._session.path)
    other = Store(tmp_path / "cache", limit=0)
    other.trim()
    assert there(other) == []
    assert store.read(entry) == [1, 2]
    other.close()
