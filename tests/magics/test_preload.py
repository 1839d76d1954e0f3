"""What the first cell needs is imported between the cells before it."""

from __future__ import annotations

import threading
import time

import pytest
from kernels import new_kernel

from taskinity_nb.magics.preload import STEPS, Preload


class Events:
    """The events of a shell."""

    def __init__(self):
        self.callbacks = {"pre_run_cell": [], "post_run_cell": []}
        self.events = self

    def register(self, event, callback):
        self.callbacks[event].append(callback)

    def unregister(self, event, callback):
        self.callbacks[event].remove(callback)

    def tell(self, event):
        for callback in list(self.callbacks[event]):
            callback("info")


@pytest.fixture
def preload(monkeypatch):
    """A shell, what is imported there, and how to let a step end."""
    imported, begun, may_end = [], threading.Semaphore(0), threading.Semaphore(0)

    def import_module(name):
        begun.release()
        assert may_end.acquire(timeout=60)
        imported.append(name)
        if name == STEPS[1]:
            raise ImportError("it is broken")

    monkeypatch.setattr("taskinity_nb.magics.preload.import_module", import_module)
    shell = Events()
    made = Preload(shell)
    made.begin()
    yield shell, imported, begun, may_end, made
    made.end()
    may_end.release(len(STEPS))
    if made._thread is not None:
        made._thread.join(60)
        assert not made._thread.is_alive()


def test_nothing_is_imported_while_a_cell_runs(preload):
    shell, imported, begun, may_end, _ = preload
    assert not begun.acquire(timeout=0.2)  # the cell that loads the extension
    shell.tell("post_run_cell")
    assert begun.acquire(timeout=60)
    cell = threading.Thread(target=shell.tell, args=["pre_run_cell"])
    cell.start()
    while cell.is_alive():  # it waits for the step that is going on, maybe for the next one too
        may_end.release(1)
        cell.join(0.05)
    known = list(imported)
    assert known == list(STEPS[: len(known)]) and known
    may_end.release(1)
    time.sleep(0.2)
    assert imported == known
    shell.tell("pre_run_cell")  # a cell within a cell
    shell.tell("post_run_cell")
    may_end.release(len(STEPS))
    preload[4]._thread.join(60)
    assert imported == list(STEPS)  # the broken one too


def test_it_ends_with_the_extension(preload):
    shell, imported, begun, may_end, made = preload
    shell.tell("post_run_cell")
    assert begun.acquire(timeout=60)
    made.end()
    may_end.release(1)
    made._thread.join(60)
    assert imported == [STEPS[0]]
    assert shell.callbacks == {"pre_run_cell": [], "post_run_cell": []}


@pytest.mark.slow
def test_in_a_kernel_that_has_nothing_to_do():
    with new_kernel() as (kernel, _):
        kernel.run("%load_ext taskinity_nb\nimport sys")
        there = f"all(name in sys.modules for name in {STEPS})"
        end = time.monotonic() + 60
        while kernel.value(there) != "True":
            assert time.monotonic() < end
            time.sleep(0.2)
        assert not kernel.run("%unload_ext taskinity_nb").error
