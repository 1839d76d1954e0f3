"""Which functions workers keep, with the data that these name, and how they get there."""

from __future__ import annotations

import gc
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import functions as fn
import numpy as np
import pytest

from taskinity_nb import run
from taskinity_nb.engine.backends.processes import pool
from taskinity_nb.engine.transport import shipment, workspace

LARGE = 40_000_000


def memory_of(pid):
    """Return how many bytes of memory a process has, of its own or mapped."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def define(source, **names):
    """Define functions as a notebook does: they know their own names."""
    names["__name__"] = "__main__"
    exec(source, names)
    return names


def names_data(data):
    """Return a function with a global that is large."""
    return define(
        "import os\ndef work(): return os.getpid(), sum(map(int, data[::4096]))", data=data
    )


@pytest.fixture
def written(monkeypatch):
    """Count the bytes that go through the pipes."""
    sizes = []
    send = pool.WorkerProcess._send

    def count(process, message):
        sizes.append(len(message))
        send(process, message)

    monkeypatch.setattr(pool.WorkerProcess, "_send", count)
    return sizes


KINDS = {
    "bytes": lambda i: bytes([i]) * LARGE,
    "array": lambda i: np.full(LARGE, i, np.uint8),
    "list": lambda i: [i] * (LARGE // 16),
}


@pytest.mark.slow
class TestMemory:
    @pytest.mark.parametrize("kind", KINDS)
    def test_runs_that_are_dropped(self, kind):
        sizes = []
        for i in range(1, 7):
            names = names_data(KINDS[kind](i))
            pid, _ = run("work", namespace=names, executor="processes", workers=1)["work"]
            sizes.append(memory_of(pid))
        assert max(sizes[1:]) < sizes[0] + 2 * LARGE

    @pytest.mark.parametrize("how", ["released", "dropped"])
    def test_an_idle_worker_lets_go(self, how):
        names = define(
            "import os\n"
            "def work():\n"
            "    global model\n"
            "    model = bytearray(os.urandom(1) * 80_000_000)\n"
            "    return os.getpid()"
        )
        result = run("work", namespace=names, executor="processes", workers=1)
        pid = result["work"]
        before = memory_of(pid)
        if how == "released":
            result.release()
        else:
            del result
        deadline = time.monotonic() + 30
        while memory_of(pid) > before - LARGE:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)

    def test_a_pool_of_the_users_own(self):
        sizes = []
        with ProcessPoolExecutor(1) as executor:
            for i in range(1, 7):
                names = names_data(bytes([i]) * LARGE)
                pid, _ = run("work", namespace=names, executor=executor)["work"]
                sizes.append(memory_of(pid))
        assert max(sizes[1:]) < sizes[0] + 2.5 * LARGE

    def test_what_is_shipped_goes_with_its_last_run(self):
        gc.collect()
        before = set(shipment._shipments)
        names = names_data(np.ones(LARGE, np.uint8))
        first = run("work", namespace=names, executor="processes", workers=1)
        second = run("work", namespace=names, executor="processes", workers=1)
        (new,) = set(shipment._shipments) - before
        (file,) = shipment._shipments[new]._files
        first.release()
        assert Path(file.path).exists()
        path = file.path
        del second, file
        assert not Path(path).exists()
        assert set(shipment._shipments) == before


class TestOnce:
    def test_what_has_not_changed_is_sent_once(self, written):
        names = define("def work(): return len(text)", text="x" * 500_000)
        runs = [run("work", namespace=names, executor="processes", workers=1)]
        assert 500_000 < sum(written) < 600_000
        written.clear()
        runs.append(run("work", namespace=names, executor="processes", workers=1))
        assert sum(written) < 100_000
        runs.clear()
        written.clear()
        run("work", namespace=names, executor="processes", workers=1)
        assert sum(written) > 500_000  # nobody has kept it

    @pytest.mark.parametrize("kind", KINDS)
    def test_large_data_lie_in_one_file(self, kind, written, monkeypatch):
        """For all workers, for all functions that name them, and for the next run."""
        files, write = [], shipment.write
        monkeypatch.setattr(
            shipment, "write", lambda *given: files.append(write(*given)) or files[-1]
        )
        names = names_data(KINDS[kind](3))
        if kind == "array":
            names |= define("def total(): return int(data[0])", data=names["data"])
        flow = "work\ntotal" if kind == "array" else "work"
        first = run(flow, namespace=names, executor="processes", workers=2)
        second = run(flow, namespace=names, executor="processes", workers=2)
        assert first["work"][1] == second["work"][1]
        assert len(files) == 1
        assert max(written) < 100_000

    def test_data_that_were_changed_in_place(self):
        names = names_data(np.ones(LARGE, np.uint8))
        first = run("work", namespace=names, executor="processes", workers=1)
        names["data"][-4096:] = 7
        names["data"][0] = 9
        second = run("work", namespace=names, executor="processes", workers=1)
        assert second["work"][1] == first["work"][1] + 6 + 8

    def test_what_a_task_leaves_in_its_globals_is_not_seen_by_the_next_run(self):
        names = define(
            "def work():\n"
            "    seen.append(len(seen))\n"
            "    data[0] += 1\n"
            "    return seen, int(data[0])",
            seen=[], data=np.zeros(LARGE, np.uint8),
        )  # fmt: skip
        first = run("work", namespace=names, executor="processes", workers=1)
        second = run("work", namespace=names, executor="processes", workers=1)
        assert first["work"] == second["work"] == ([0], 1)
        with ProcessPoolExecutor(1) as executor:
            results = [run("work", namespace=names, executor=executor)["work"] for _ in range(2)]
        assert results == [([0], 1)] * 2

    def test_within_a_run_it_is_kept(self):
        """A worker loads a model once, not for each item."""
        names = define("def work(x):\n    seen.append(x)\n    return len(seen)", seen=[]) | {
            "scan": lambda: range(9)
        }
        result = run("scan -> map work", namespace=names, executor="processes", workers=1)
        assert result["work"] == list(range(1, 10))

    def test_where_there_is_no_room_for_files(self, monkeypatch):
        monkeypatch.setattr(workspace.WorkDir, "folders", ())
        names = names_data(np.ones(LARGE, np.uint8))
        assert run("work", namespace=names, executor="processes", workers=1)["work"][1] > 1
        assert run("one", namespace=vars(fn), executor="processes", workers=1)["one"] == 1


def test_a_fork_does_not_rely_on_the_files_of_its_parent(tmp_path):
    names = names_data(np.ones(LARGE, np.uint8))
    first = run("work", namespace=names, executor="processes", workers=1)
    expected = first["work"][1]
    ready, gone = tmp_path / "ready", tmp_path / "gone"

    def in_the_fork():
        ready.touch()
        fn.wait_for_file(gone)
        result = run("work", namespace=names, executor="processes", workers=1)
        os._exit(0 if result["work"][1] == expected else 1)

    pid = os.fork()
    if not pid:
        try:
            in_the_fork()
        finally:
            os._exit(2)
    fn.wait_for_file(ready)
    first.release()
    gone.touch()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
