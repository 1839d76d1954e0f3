"""Processes that are killed while they write, and several at once: nothing wrong, nothing left."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
from sizes import sized
from stores import is_right, started

from taskinity_nb.engine.store.store import Store

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs locks and signals"),
    pytest.mark.slow,
]

WRITE = """
store = Store(folder, limit=2**40)
say("ready")
number = {start}
while True:
    put(store, number)
    say(number)
    number += 1
"""

MIX = """
import time
store = Store(folder, limit={limit})
numbers = random.Random({seed})
until = time.monotonic() + {seconds}
wrong = hits = 0
written = set()
while time.monotonic() < until:
    number = numbers.randrange(60)
    entry = store.find(f"key {{number}}")
    if entry is None:
        put(store, number)
        written.add(number)
    else:
        try:
            hits += 1
            wrong += not is_right(number, store.read(entry))
        except CannotRead as error:
            say(f"{{number}}: {{error}}")
            wrong += 1
    if numbers.random() < {trims}:
        store.trim()
store.close()
say(f"wrong {{wrong}}")
say(sorted(written))
assert hits
"""


def left_in(store):
    """Return what is in the folder of a store, and belongs to nothing."""
    known = {row[0] for row in store._index.all("SELECT digest FROM results WHERE data IS NULL")}
    results = os.listdir(store.path / "results")
    assert len(results) == len(known), "each file has a row"
    users = [name for name in os.listdir(store.path / "users") if name != store._session.name]
    return os.listdir(store.path / "tmp") + users


@pytest.mark.long
def test_kills_lose_nothing_and_leave_nothing(tmp_path):
    numbers = random.Random(5)
    folder, written, start = tmp_path / "cache", set(), 0
    for _ in range(sized(12, 300)):
        processes = [started(folder, WRITE.format(start=start + 1000 * n)) for n in range(2)]
        start += 2000
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        time.sleep(numbers.random() * 0.15)  # the moment of the kill is what is tried
        for process in processes:
            process.kill()
        for process in processes:
            out, _ = process.communicate()
            written |= {int(line) for line in out.splitlines(keepends=True) if line[-1] == "\n"}
            assert process.returncode == -signal.SIGKILL
        store = Store(folder)
        assert not left_in(store)
        store.close()
    assert written
    store = Store(folder)
    for number in written:
        assert is_right(number, store.read(store.find(f"key {number}"))), number
    store.close()


@pytest.mark.long
@pytest.mark.parametrize(("limit", "trims"), [(2**40, 0), (60_000_000, 0.05)])
def test_four_processes_at_once(tmp_path, limit, trims):
    folder, seconds = tmp_path / "cache", sized(2, 60)
    processes = [
        started(folder, MIX.format(limit=limit, seed=n, seconds=seconds, trims=trims))
        for n in range(4)
    ]
    written = set()
    for process in processes:
        out, _ = process.communicate()
        told, numbers = out.splitlines()
        assert (told, process.returncode) == ("wrong 0", 0)
        written |= set(json.loads(numbers))
    store = Store(folder, limit=limit)
    assert not left_in(store)
    found = [number for number in range(60) if store.find(f"key {number}")]
    assert all(is_right(n, store.read(store.find(f"key {n}"))) for n in found)
    assert written
    assert found == sorted(written) or trims
    store.close()


def test_a_forked_process_has_a_session_of_its_own(tmp_path):
    code = """
import os
store = Store(folder)
put(store, 1), put(store, 2)
entry = store.find("key 1")
child = os.fork()
if not child:
    ok = is_right(2, store.read(store.find("key 2")))
    put(store, 3)
    store.close()
    os._exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0
assert is_right(3, store.read(store.find("key 3")))
assert is_right(1, store.read(entry))
assert os.listdir(store.path / "users") == [store._session.name]
store.close()
"""
    process = started(tmp_path / "cache", code)
    process.communicate()
    assert process.returncode == 0
    assert not os.listdir(tmp_path / "cache" / "users")
