"""Short tasks travel together, and none of them waits for one that turns out to be long."""

from __future__ import annotations

import threading
import time
from collections import Counter

import functions as fn
import pytest

from taskinity_nb import run
from taskinity_nb.engine.backends.processes import backend as backend_module
from taskinity_nb.engine.backends.processes.tickets import Tickets


def touch_and_wait(x, folder):
    """Item 8 goes on until all others have been done."""
    import os

    if x == 8:
        deadline = time.monotonic() + 30
        while len(os.listdir(folder)) < 39:
            assert time.monotonic() < deadline, sorted(map(int, os.listdir(folder)))
            time.sleep(0.005)
    fn.write_whole(f"{folder}/{x}", str(os.getpid()))
    return x


def wait_for_the_last(x, folder):
    """The first item of a batch goes on until the last one of it has been done."""
    import os

    if os.path.exists(f"{folder}/first-{x}"):
        deadline = time.monotonic() + 30
        while not os.path.exists(f"{folder}/done"):
            assert time.monotonic() < deadline
            time.sleep(0.005)
    if os.path.exists(f"{folder}/last-{x}"):
        fn.write_whole(f"{folder}/done", "")
    return x


def look_on(touch_and_wait, results):
    fn.write_whole(f"{results}/{touch_and_wait}", "")
    return touch_and_wait


def wait_for_results(x, folder, results):
    """Item 8 goes on until what follows all others has been done."""
    import os

    if x == 8:
        deadline = time.monotonic() + 30
        while len(os.listdir(results)) < 39:
            assert time.monotonic() < deadline, sorted(map(int, os.listdir(results)))
            time.sleep(0.005)
    return x


@pytest.fixture
def sizes(monkeypatch):
    """How many tasks travelled together each time; the first time all do."""
    sizes = []
    made = backend_module.Batch.__init__

    def count(self, loads):
        sizes.append(len(loads))
        made(self, loads)

    monkeypatch.setattr(backend_module.Batch, "__init__", count)
    # All of them are known to be short, as they have been in a longer run.
    monkeypatch.setattr(backend_module.Processes, "expected", lambda self, slot: 0.0005)
    return sizes


class TestTakenBack:
    @pytest.mark.parametrize("workers", [2, 3])
    def test_what_waits_behind_a_long_one_is_done_by_others(self, workers, tmp_path, sizes):
        names = {"scan": lambda: range(40), "touch_and_wait": touch_and_wait}
        result = run("scan -> map touch_and_wait", {"folder": str(tmp_path)}, namespace=names,
                     executor="processes", workers=workers)  # fmt: skip
        assert result["touch_and_wait"] == list(range(40))
        assert max(sizes) > 5
        items = result.tasks["touch_and_wait"].items
        assert {item.attempts for item in items} == {1}
        states = Counter(str(event.state) for event in result.events if event.item is not None)
        assert states == {"ready": 40, "running": 40, "succeeded": 40}

    def test_what_is_sent_when_all_others_have_found_nothing(self, tmp_path, sizes, monkeypatch):
        sent = backend_module._PooledProcess._send
        late = []

        def send(self, batch, worker):
            if len(batch.loads) > 5 and not late:
                late.append(batch)
                for end, load in ("first", batch.loads[0]), ("last", batch.loads[-1]):
                    place = self._backend.scheduler.name_of(load.slot).split("[")[1][:-1]
                    (tmp_path / f"{end}-{place}").touch()
                while not self._backend.idle:
                    threading.Event().wait(0.001)
            yield from sent(self, batch, worker)

        def put(self, number):
            threading.Event().wait(0.05 if late else 0)  # others may look for it meanwhile
            given_out(self, number)

        given_out = Tickets.put
        monkeypatch.setattr(Tickets, "put", put)
        monkeypatch.setattr(backend_module._PooledProcess, "_send", send)
        names = {"scan": lambda: range(40), "work": wait_for_the_last}
        result = run("scan -> map work", {"folder": str(tmp_path)}, namespace=names,
                     executor="processes", workers=2)  # fmt: skip
        assert late and result["work"] == list(range(40))

    def test_results_do_not_wait_either(self, tmp_path, sizes):
        """What follows each item is done while the long one goes on."""
        (tmp_path / "results").mkdir()
        names = {"scan": lambda: range(40), "first": wait_for_results, "look_on": look_on}
        inputs = {"folder": str(tmp_path), "results": str(tmp_path / "results")}
        names["look_on"] = lambda first, results: look_on(first, results)
        result = run("scan -> map first -> map look_on", inputs, namespace=names,
                     executor="processes", workers=2)  # fmt: skip
        assert result["look_on"] == list(range(40))

    def test_a_worker_that_dies_meanwhile(self, tmp_path, sizes):
        """What was taken back from it is not tried again."""
        marker = tmp_path / "marker"

        def die_once(x):
            if x == 8 and not marker.exists():
                marker.touch()
                fn.leave_at_once()
            return x

        names = {"scan": lambda: range(400), "die_once": die_once}
        for _ in range(3):
            marker.unlink(missing_ok=True)
            result = run("scan -> map die_once", namespace=names, executor="processes", workers=2)
            assert result["die_once"] == list(range(400))

    def test_many_times(self, sizes):
        """Who takes a task is found out by the ticket alone, whoever is quicker."""

        def wait_a_little(x):
            if not x % 37:
                threading.Event().wait(0.002)
            return x

        names = {"scan": lambda: range(500), "wait_a_little": wait_a_little}
        for _ in range(10):
            result = run("scan -> map wait_a_little", namespace=names, executor="processes",
                         workers=4)  # fmt: skip
            assert result["wait_a_little"] == list(range(500))
            ended = [event.item for event in result.events if event.state.is_final]
            assert sorted(item for item in ended if item is not None) == list(range(500))

    def test_a_cancelled_run(self, sizes, tmp_path):
        from taskinity_nb import Cancelled, start

        def wait(x):
            fn.write_whole(f"{tmp_path}/{x}", "")
            if x == 3:
                threading.Event().wait(60)
            return x

        names = {"scan": lambda: range(100), "wait": wait}
        going = start("scan -> map wait", namespace=names, executor="processes", workers=2)
        deadline = time.monotonic() + 30
        while not (tmp_path / "3").exists():
            assert time.monotonic() < deadline
            threading.Event().wait(0.002)
        going.cancel()
        with pytest.raises(Cancelled):
            going.wait(30)
        assert run("one", namespace=vars(fn), executor="processes")["one"] == 1
