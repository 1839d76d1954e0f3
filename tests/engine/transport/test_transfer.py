"""Large values between processes: they are handed on where they lie."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from glob import escape, glob
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import NoResultError, Task, run
from taskinity_nb.engine.transport import workspace
from taskinity_nb.model.refs import ResultRef

NAMES = vars(fn)
MEMORY = Path("/dev/shm")
SIZE = 3_000_000

pytestmark = pytest.mark.skipif(not MEMORY.is_dir(), reason="there is no file system in memory")


def raw(run, task):
    """Return what stands in the slot of a task, without asking for it."""
    return run.record.values[run.plan.index[task]]


def folders():
    """Return the folders of this process's runs."""
    return set(found("run-*"))


def files():
    return set(found("run-*/*"))


def found(pattern):
    """Return what lies there; of what a run that is let go of takes away meanwhile, nothing."""
    for root in [Path(root.path) for root in workspace._roots.values()]:
        if root.parent == MEMORY:
            yield from map(Path, glob(f"{escape(str(root))}/{pattern}"))


def make_bytes():
    return bytes(SIZE)


class TestThroughFiles:
    def test_does_not_come_to_the_caller_until_it_is_asked_for(self):
        before = files()
        names = {"make": make_bytes, "pass_on": lambda x: x, "size": len}
        result = run("make -> pass_on -> size", namespace=names, executor="processes", workers=1)
        assert result["size"] == SIZE
        assert isinstance(raw(result, "make"), ResultRef)
        assert isinstance(raw(result, "pass_on"), ResultRef)
        assert len(files() - before) == 2
        assert result["make"] == bytes(SIZE)
        assert result["make"] is result["make"]
        assert result.tasks["make"].result is result["make"]
        assert "make" in result
        assert dict(result)["pass_on"] == bytes(SIZE)

    def test_what_is_small_comes(self):
        names = {"make": lambda: bytes(1000)}
        result = run("make", namespace=names, executor="processes")
        assert raw(result, "make") == bytes(1000)

    @pytest.mark.parametrize(
        "value",
        [bytes(SIZE), bytearray(SIZE), "x" * SIZE, {"a": [bytes(SIZE)], "b": 1}],
        ids=["bytes", "bytearray", "str", "dict"],
    )
    def test_kinds(self, value):
        names = {"make": lambda: value, "same": lambda x: x}
        result = run("make -> same", namespace=names, executor="processes")
        assert isinstance(raw(result, "same"), ResultRef)
        assert result["same"] == value

    def test_arrays(self):
        numpy = pytest.importorskip("numpy")

        def make():
            return {"a": numpy.arange(500_000.0), "b": numpy.ones((1000, 1000), order="F")}

        def change(arrays):
            """A task must not change what it gets; if it does, it changes its own copy."""
            arrays["a"][0] = -1
            return float(arrays["a"].sum()), arrays["b"].flags.f_contiguous

        names = {"make": make, "change": change, "again": change}
        result = run("make -> [change, again]", namespace=names, executor="processes", workers=2)
        assert result["change"] == result["again"] == (sum(range(500_000)) - 1.0, True)
        arrays = result["make"]
        assert (arrays["a"][0], arrays["a"].flags.writeable) == (0.0, True)
        arrays["a"][0] = 7
        assert result["make"]["a"][0] == 7

    def test_a_table(self):
        pandas = pytest.importorskip("pandas")

        def make():
            return pandas.DataFrame({"x": range(500_000)})

        names = {"make": make, "total": lambda table: int(table["x"].sum())}
        result = run("make -> total", namespace=names, executor="processes")
        assert isinstance(raw(result, "make"), ResultRef)
        assert result["total"] == sum(range(500_000))
        assert result["make"].shape == (500_000, 1)

    def test_an_argument_of_many_tasks_is_written_once(self):
        before = files()
        names = {f"t{i}": lambda data: (len(data), os.getpid()) for i in range(10)}
        text = "\n".join(names)
        result = run(text, {"data": bytes(SIZE)}, namespace=names, executor="processes")
        assert {size for size, _ in result.values()} == {SIZE}
        assert len(files() - before) == 1

    def test_a_key_of_what_is_elsewhere(self):
        names = {"make": lambda: {"a": bytes(SIZE), "n": 3}, "double": fn.double}
        assert run("make.n -> double", namespace=names, executor="processes")["double"] == 6

    def test_keys_by_name(self):
        names = {"make": lambda: {"a": bytes(SIZE), "b": b"b"}, "add": fn.add}
        result = run("make -> add", namespace=names, executor="processes")
        assert len(result["add"]) == SIZE + 1

    def test_items(self):
        before = files()
        names = {
            "scan": lambda: range(3),
            "make": lambda n: bytes([n]) * SIZE,
            "first": lambda data: data[0],
            "all": lambda make: [data[0] for data in make],
        }
        text = "scan -> map make -> map first\nmake -> all"
        result = run(text, namespace=names, executor="processes")
        assert result["first"] == result["all"] == [0, 1, 2]
        assert len(files() - before) == 3
        assert [data[:1] for data in result["make"]] == [b"\0", b"\1", b"\2"]
        assert result.tasks["make"].items[1].result[:1] == b"\1"
        assert result.tasks["make"].items[1].result is result["make"][1]

    @pytest.mark.parametrize("other", ["threads", "thread pool", "fork", "async"])
    def test_into_another_executor(self, other, pools):
        async def size(data):
            return len(data)

        task = Task(size) if other == "async" else Task(len, executor=pools.get(other, other))
        names = {"make": make_bytes, "size": task, "back": lambda make, size: (len(make), size)}
        result = run("make -> size -> back\nmake -> back", namespace=names, executor="processes")
        assert result["back"] == (SIZE, SIZE)

    def test_from_another_executor(self, pools):
        names = {"make": Task(make_bytes, executor="threads"), "size": len, "again": len}
        before = files()
        result = run("make -> [size, again]", namespace=names, executor="processes")
        assert result["size"] == result["again"] == SIZE
        assert len(files() - before) == 1

    def test_a_resumed_run(self):
        names = {"make": make_bytes, "fail": lambda make: 1 / 0}
        before = run("make -> fail", namespace=names, executor="processes", on_error="continue")
        after = before.resume(namespace=names | {"fail": len}, executor="processes")
        del before
        gc.collect()
        assert after["fail"] == SIZE
        assert after["make"] == bytes(SIZE)

    def test_a_full_file_system(self, monkeypatch):
        """A value that finds no room travels as it is."""
        monkeypatch.setattr(workspace.WorkDir, "folders", ())
        names = {"make": make_bytes, "size": len}
        result = run("make -> size", namespace=names, executor="processes")
        assert dict(result) == {"make": bytes(SIZE), "size": SIZE}


class TestTheirEnd:
    def test_release(self):
        before = folders()
        names = {"make": make_bytes, "size": len}
        result = run("make -> size", namespace=names, executor="processes")
        kept = result["make"]
        assert len(folders() - before) == 1
        result.release()
        assert folders() <= before
        assert kept == bytes(SIZE)
        with pytest.raises(NoResultError, match="was released"):
            result["make"]

    def test_release_before_it_was_asked_for(self):
        before = folders()
        result = run("make", namespace={"make": make_bytes}, executor="processes")
        result.release()
        assert folders() <= before

    def test_a_run_that_nobody_holds(self):
        before = folders()
        result = run("make", namespace={"make": make_bytes}, executor="processes")
        assert len(folders() - before) == 1
        del result
        gc.collect()
        assert folders() <= before

    def test_a_run_that_failed(self):
        before = folders()
        names = {"make": make_bytes, "fail": lambda make: 1 / 0}
        result = run("make -> fail", namespace=names, executor="processes", on_error="continue")
        assert result["make"] == bytes(SIZE)
        del result
        gc.collect()
        assert folders() <= before

    def test_many_runs_do_not_add_up(self):
        before = folders()
        for _ in range(5):
            run("make", namespace={"make": make_bytes}, executor="processes").release()
        assert folders() <= before


SCRIPT = """
    import os, signal, sys, time
    from pathlib import Path
    from taskinity_nb import run
    from taskinity_nb.engine.transport import workspace

    def make():
        return bytes(3_000_000)

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        result = run("make", executor="processes")
        (root,) = [root.path for root in workspace._roots.values() if "/dev/shm" in root.path]
        assert len(list(Path(root).glob("run-*/*"))) == 1
        Path(sys.argv[1] + ".new").write_text(root)
        os.rename(sys.argv[1] + ".new", sys.argv[1])
        if sys.argv[2] == "raise":
            raise ValueError
        if sys.argv[2] == "hold":
            time.sleep(60)
"""


@pytest.fixture
def child(tmp_path):
    """Start a script that has a large value; return the process and its root in memory."""
    children = []

    def begin(how):
        script, marker = tmp_path / "script.py", tmp_path / "marker"
        script.write_text(textwrap.dedent(SCRIPT))
        process = subprocess.Popen(
            [sys.executable, str(script), str(marker), how], stderr=subprocess.DEVNULL
        )
        children.append(process)
        fn.wait_for_file(marker)
        return process, Path(marker.read_text())

    yield begin
    for process in children:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", ["end", "raise"])
def test_nothing_is_left_after_the_end(child, how):
    process, root = child(how)
    process.wait(timeout=30)
    assert not root.exists()


def test_nothing_is_left_after_an_interrupt(child):
    process, root = child("hold")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert not root.exists()


def test_what_a_killed_process_leaves_is_swept_at_the_next_start(child, tmp_path):
    process, root = child("hold")
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while root.exists():  # any process may be the next one
        assert time.monotonic() < deadline
        (tmp_path / "marker").unlink()
        child("end")[0].wait(timeout=30)
