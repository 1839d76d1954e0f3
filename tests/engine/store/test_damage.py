"""Bytes that are changed or cut off anywhere: a miss or the right value, and it is said once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import warnings

import numpy as np
import pytest
from sizes import sized
from stores import FACTS, is_right, put, started

from taskinity_nb import errors
from taskinity_nb.engine.store import files
from taskinity_nb.engine.store.store import CannotRead, Store

NUMBERS = [0, 1, 2, 3, 4, 6, 7]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store that was closed."""
    folder = tmp_path_factory.mktemp("whole") / "cache"
    store = Store(folder)
    for number in NUMBERS:
        put(store, number)
    store.note_function("its digest", {"code": "abc"})
    store.close()
    return folder


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A store whose owner was killed, so that its last writes are in the file ``index.db-wal``."""
    folder = tmp_path_factory.mktemp("killed") / "cache"
    code = """
import os, signal
store = Store(folder)
for number in (0, 1, 2, 3, 4, 6, 7):
    put(store, number)
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = started(folder, code)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (folder / "index.db-wal").stat().st_size > 90_000
    return folder


def copied(folder, place):
    """Copy a store; a file that is large goes as a link, and is not to be changed."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    return place


def flip(path, position, to=None):
    with open(path, "r+b") as file:
        file.seek(position)
        before = file.read(1)[0]
        file.seek(position)
        file.write(bytes([before ^ 0x41 if to is None else to]))


def places_in(size, count, numbers):
    """Return places at the beginning, the end, and between."""
    first = list(range(min(size, 64)))
    return first + [size - 1] + [numbers.randrange(size) for _ in range(count)]


def look(folder):
    """Read all of a store, write it again, read that; return what was a miss, and what was said."""
    missing = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        store = Store(folder)
        for number in NUMBERS:
            entry = store.find(f"key {number}")
            try:
                if entry is None:
                    raise CannotRead("it was not found")
                assert is_right(number, store.read(entry)), number
            except CannotRead:
                missing.append(number)
        assert store.function("its digest") in (None, {"code": "abc"})
        store.latest("f", "load", None)
        store.info()
        for number in missing:
            put(store, number)
        for number in missing:
            assert is_right(number, store.read(store.find(f"key {number}")))
        store.trim()
        store.close()
    assert {each.category for each in said} <= {errors.CacheWarning}
    texts = [str(each.message) for each in said]
    assert len(texts) == len(set(texts)), "each is said once"
    return missing, texts


def test_nothing_is_missing_if_nothing_is_damaged(whole, killed, tmp_path):
    for folder in (whole, killed):
        assert look(copied(folder, tmp_path / "cache")) == ([], [])


def test_a_changed_byte_in_a_file(whole, tmp_path):
    folder, numbers = copied(whole, tmp_path / "cache"), random.Random(1)
    store = Store(folder)
    name = files.file_name(store.find("key 1").digest)
    store.close()
    path = folder / "results" / name
    for position in places_in(path.stat().st_size, sized(20, 300), numbers):
        shutil.copy(whole / "results" / name, path)
        flip(path, position)
        missing, texts = look(folder)
        assert missing in ([1], [])  # that between two buffers has no meaning
        assert len(texts) == len(missing)
        if missing:
            assert "is damaged" in texts[0]


def test_a_file_that_is_cut_off(whole, tmp_path):
    folder = copied(whole, tmp_path / "cache")
    numbers = random.Random(2)
    for path in (folder / "results").iterdir():
        size = path.stat().st_size
        for length in [0, 1, 30, 47, 60, size // 2, size - 1, numbers.randrange(size)]:
            os.truncate(path, length)
            missing, texts = look(folder)
            assert len(missing) == len(texts) == 1
            assert "is damaged" in texts[0]
        with open(path, "ab") as file:
            file.write(b"more")
        missing, texts = look(folder)
        assert len(missing) == len(texts) == 1


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("which", ["index.db", "index.db-wal"])
def test_a_changed_byte_in_the_index(whole, killed, tmp_path, which):
    source = whole if which == "index.db" else killed
    numbers = random.Random(3)

    size = (source / which).stat().st_size
    for position in places_in(size, sized(20, 2000), numbers):
        for to in (None, 0, 255):
            flip(copied(source, tmp_path / "cache") / which, position, to)
            look(tmp_path / "cache")


@pytest.mark.parametrize("which", ["index.db", "index.db-wal", "index.db-shm"])
def test_an_index_that_is_cut_off(whole, killed, tmp_path, which):
    source = whole if which == "index.db" else killed
    numbers = random.Random(4)
    size = (source / which).stat().st_size
    lengths = [0, 1, 15, 16, 31, 32, 99, 100, 4095, 4096, 5000, size - 1]
    for length in [*lengths, *(numbers.randrange(size) for _ in range(sized(10, 300)))]:
        folder = copied(source, tmp_path / "cache")
        os.truncate(folder / which, length)
        look(folder)
    for name in ("zeros", "noise"):
        folder = copied(source, tmp_path / "cache")
        content = bytes(size) if name == "zeros" else numbers.randbytes(size)
        (folder / which).write_bytes(content)
        look(folder)


def test_an_index_that_is_no_database(whole, tmp_path):
    folder = copied(whole, tmp_path / "cache")
    (folder / "index.db").write_bytes(b"this is no database" * 1000)
    missing, texts = look(folder)
    assert missing == list(NUMBERS)
    assert len(texts) == 1
    assert "its index is begun anew" in texts[0]
    assert (folder / "index.aside").exists()
    assert len(os.listdir(folder / "results")) == len(os.listdir(whole / "results"))


def test_an_index_of_another_version(whole, tmp_path):
    folder = copied(whole, tmp_path / "cache")
    with sqlite3.connect(folder / "index.db") as rows:
        rows.execute("PRAGMA user_version = 99")
    rows.close()
    missing, texts = look(folder)
    assert missing == list(NUMBERS)
    assert len(texts) == 1
    assert "another version of taskinity_nb" in texts[0]


def test_an_index_that_is_damaged_while_stores_are_open(tmp_path):
    folder = tmp_path / "cache"
    stores = [Store(folder) for _ in range(2)]
    for number in NUMBERS:
        put(stores[0], number)
    with pytest.warns(errors.CacheWarning, match="begun anew"):
        stores[0].trim()
        for ending in ("", "-wal"):
            path = folder / f"index.db{ending}"
            with open(path, "r+b") as file:
                file.write(b"x" * path.stat().st_size)
        for number in NUMBERS:
            for store in stores:
                entry = store.find(f"key {number}")
                assert entry is None or is_right(number, store.read(entry))
                put(store, number)
    for store in stores:
        for number in NUMBERS:
            assert is_right(number, store.read(store.find(f"key {number}")))
        store.close()


def test_a_folder_that_is_removed_while_a_store_is_open(tmp_path):
    store = Store(tmp_path / "cache")
    for _ in range(2):
        for number in NUMBERS:
            assert store.find(f"key {number}") is None
            put(store, number)
        for number in NUMBERS:
            assert is_right(number, store.read(store.find(f"key {number}")))
        shutil.rmtree(store.path)
    put(store, 1)
    assert (store.path / ".gitignore").read_text() == "*\n"
    store.close()


@pytest.mark.parametrize("position", [0, 40, 100, 300, 1000, 20_000_000, 23_999_999])
def test_a_large_file_is_looked_through_if_anybody_has_touched_it(tmp_path, position):
    store = Store(tmp_path / "cache")
    entry = store.write("key", "digest", np.zeros(3_000_000), **FACTS)
    path = store.path / "results" / files.file_name(entry.digest)
    before = path.stat()
    flip(path, position)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with (
        pytest.warns(errors.CacheWarning, match="'load' is damaged"),
        pytest.raises(CannotRead, match="its result in the cache is damaged"),
    ):
        store.read(store.find("key"))
    assert store.find("key") is None
    store.close()


def test_a_store_that_was_copied_is_whole(whole, tmp_path):
    folder = copied(whole, tmp_path / "other")
    assert look(folder) == ([], [])
