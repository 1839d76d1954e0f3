"""Folders that cannot be used, a disk that is full: said in words, and nothing else happens."""

from __future__ import annotations

import contextlib
import os
import subprocess
import warnings

import numpy as np
import pytest
from stores import FACTS, is_right, put

from taskinity_nb import errors
from taskinity_nb.engine.store.store import CannotKeep, Store, default_path

posix = pytest.mark.skipif(os.name != "posix", reason="needs owners and modes")


@contextlib.contextmanager
def mounted(place, options):
    """Mount a file system in memory, where that is allowed."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def refused(path, *words):
    with pytest.raises(errors.CacheError) as raised:
        Store(path)
    text = str(raised.value)
    assert all(word in text for word in [*words, "give another folder"]), text


def test_what_is_made(tmp_path):
    store = Store(tmp_path / "new" / "cache")
    assert store.path.stat().st_mode & 0o777 == 0o700
    assert (store.path / ".gitignore").read_text() == "*\n"
    tag = (store.path / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55")
    put(store, 1)
    modes = {path.stat().st_mode & 0o777 for path in (store.path / "results").iterdir()}
    assert modes == {0o600}
    store.close()


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv("TASKINITY_CACHE", raising=False)
    assert str(default_path()) == os.path.join(".taskinity", "cache")
    monkeypatch.setenv("TASKINITY_CACHE", str(tmp_path))
    assert default_path() == tmp_path


def test_a_file(tmp_path):
    (tmp_path / "cache").write_text("a file")
    refused(tmp_path / "cache", "is a file")
    refused(tmp_path / "cache" / "below", "cannot be used")


def test_a_folder_of_other_things(tmp_path):
    (tmp_path / "notebook.ipynb").write_text("{}")
    refused(tmp_path, "holds something else")
    assert os.listdir(tmp_path) == ["notebook.ipynb"]


@posix
def test_a_folder_that_others_may_write_to(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    store = Store(tmp_path / "cache")
    assert store.path.stat().st_mode & 0o777 == 0o700
    store.close()


@posix
def test_a_folder_of_somebody_else(tmp_path):
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    os.symlink(tmp_path / "theirs", tmp_path / "link")
    refused(tmp_path / "theirs", "belongs to somebody else (user 12345)")
    refused(tmp_path / "link", "belongs to somebody else (user 12345)")
    assert not os.listdir(tmp_path / "theirs")


@posix
def test_links(tmp_path):
    (tmp_path / "mine").mkdir()
    os.symlink(tmp_path / "mine", tmp_path / "link")
    store = Store(tmp_path / "link")
    assert store.path == (tmp_path / "mine").resolve()
    store.close()
    os.symlink(tmp_path / "a", tmp_path / "b")
    os.symlink(tmp_path / "b", tmp_path / "a")
    refused(tmp_path / "a", "cannot be used")


def test_a_file_system_that_is_read_only(tmp_path):
    with mounted(tmp_path / "disk", "size=10m") as disk:
        store = Store(disk / "cache")
        put(store, 0)
        store.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused(disk / "cache", "Read-only file system")
        refused(disk / "new", "Read-only file system")


@posix
def test_a_folder_that_cannot_be_written_to(tmp_path):
    if not os.geteuid():
        pytest.skip("root may write anywhere")
    (tmp_path / "above").mkdir(mode=0o500)
    refused(tmp_path / "above" / "cache", "Permission denied")


def test_a_disk_that_is_full(tmp_path):
    with mounted(tmp_path / "disk", "size=3m") as disk:
        store = Store(disk / "cache")
        put(store, 0), put(store, 1)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for number in range(5):
                with pytest.raises(CannotKeep, match="the disk is full"):
                    store.write(f"l{number}", f"l{number}", np.zeros(10**6), **FACTS)
        assert len(said) == 1
        assert "results cannot be written: the disk is full" in str(said[0].message)
        assert not os.listdir(store.path / "tmp")
        with open(disk / "filling", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for number in range(2, 40):
                with contextlib.suppress(CannotKeep):
                    put(store, number)
            for number in range(40):
                entry = store.find(f"key {number}")
                assert entry is None or is_right(number, store.read(entry))
            store.trim()
        assert len({str(each.message) for each in said}) == len(said)
        os.unlink(disk / "filling")
        for number in (0, 1):
            assert is_right(number, store.read(store.find(f"key {number}")))
        put(store, 50)
        assert is_right(50, store.read(store.find("key 50")))
        store.close()
