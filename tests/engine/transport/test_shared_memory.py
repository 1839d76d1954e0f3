"""Large values in files: what travels, who may write, and that nothing is left behind."""

from __future__ import annotations

import ast
import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from leftovers import begun

from taskinity_nb import NoResultError
from taskinity_nb.engine.remote.pickling.pickler import LARGE
from taskinity_nb.engine.transport import mapping, ownership, workspace
from taskinity_nb.engine.transport.shared_memory import SharedPickle, pack
from taskinity_nb.engine.transport.workspace import WorkDir, sweep

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs locks and signals")

SCRIPT = """
import os, resource, signal, sys, tempfile, time
from taskinity_nb.engine.transport import workspace
from taskinity_nb.engine.transport.shared_memory import SharedPickle, pack
from taskinity_nb.engine.transport.workspace import WorkDir, sweep

workspace.MEMORY, tempfile.tempdir = sys.argv[1:]

def say(what):
    print(repr(what), flush=True)

"""

HOLD = """
workdir = WorkDir()
shared = pack(bytearray(3_000_000), *workdir.folders)
say(tuple(shared))
sys.stdin.read()
"""


def frame():
    import pandas as pd

    columns = {"a": np.arange(300_000), "b": np.arange(300_000) / 7, "c": ["word"] * 300_000}
    return pd.DataFrame(columns)


VALUES = {
    "array": lambda: np.arange(300_000.0),
    "fortran": lambda: np.asfortranarray(np.arange(600_000).reshape(600, 1000)),
    "strided": lambda: np.arange(600_000)[::2],
    "dates": lambda: np.arange("2000", "2100", dtype="M8[h]"),
    "objects": lambda: np.array([str(i) for i in range(200_000)], dtype=object),
    "frame": frame,
    "bytes": lambda: bytes(range(250)) * 5000,
    "bytearray": lambda: bytearray(range(250)) * 5000,
    "text": lambda: "zażółć" * 200_000,
    "nested": lambda: {"a": {"b": [np.ones(200_000), "x"]}, "c": (np.zeros(400_000), None)},
    "both": lambda: [np.ones(200_000), bytes(1_500_000), np.zeros(7)],
    "dicts": lambda: [{"name": f"n{i}", "value": i} for i in range(100_000)],
}


def is_same(a, b):
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(is_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and (a.equals(b) if hasattr(a, "equals") else a == b)


def pack_there(name, folders):
    return tuple(pack(VALUES[name](), *folders))


def is_same_there(name, value):
    return is_same(VALUES[name](), value)


def add_there(array, number):
    before = float(array.sum())
    array += number
    return before, float(array.sum())


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Stand-ins for /dev/shm and the folder for temporary files, in which nothing may be left."""
    made = [tmp_path / "memory", tmp_path / "temporary"]
    for place in made:
        place.mkdir()
    monkeypatch.setattr(workspace, "MEMORY", str(made[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(made[1]))
    monkeypatch.setattr(workspace, "_roots", {})
    yield made
    for root in workspace._roots.values():
        root.leave()
        root.part()
    assert [list(place.iterdir()) for place in made] == [[], []]


@pytest.fixture
def folders(places):
    with closing(WorkDir()) as made:
        yield made.folders


@pytest.fixture(scope="module")
def workers():
    """Two other processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(1, context) as two:
        yield begun(one), begun(two)


@pytest.fixture
def child(places):
    """Start a process that runs some lines; what it says is read by `heard`."""
    started = []

    def start(lines):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT + lines, *map(str, places)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        ended(process)
        process.stdout.close()


def heard(process):
    return ast.literal_eval(process.stdout.readline())


def ended(process):
    """Let a process that waits for it go on, and wait for its end."""
    process.stdin.close()
    return process.wait(30)


class TestTravel:
    @pytest.mark.parametrize("name", VALUES)
    def test_from_process_to_process(self, name, workers, folders):
        if name == "frame":
            pytest.importorskip("pandas")
        fields = workers[0].submit(pack_there, name, folders).result(30)
        assert Path(fields[0]).parent == Path(folders[0])
        shared = SharedPickle(*fields)
        assert sum(shared.sizes) + len(shared.pickled) > LARGE
        assert len(pickle.dumps(fields)) < 2000 or name in ("objects", "frame")
        # As an argument it arrives as what it stands for.
        assert workers[1].submit(is_same_there, name, shared).result(30)
        assert is_same(shared.open(), VALUES[name]())

    @pytest.mark.parametrize("value", [None, 5, "text", bytes(LARGE // 2), np.ones(100_000)])
    def test_what_is_small_is_a_plain_pickle(self, value, folders):
        packed = pack(value, *folders)
        assert is_same(pickle.loads(packed), value)
        assert os.listdir(folders[0]) == []

    def test_writes_are_private(self, workers, folders):
        shared = pack(np.ones(200_000), *folders)
        content = Path(shared.path).read_bytes()
        for worker in [*workers, workers[0]]:
            assert worker.submit(add_there, shared, 1).result(30) == (200_000, 400_000)
        one, two = shared.open(), shared.open()
        one[:] = 7
        assert two.sum() == 200_000
        two[0] = 0
        assert one[0] == 7
        assert Path(shared.path).read_bytes() == content

    def test_what_was_read_only_is_so_again(self, folders):
        array = np.ones(200_000)
        array.flags.writeable = False
        assert not pack(array, *folders).open().flags.writeable

    def test_twice_the_same_pickle_is_once_the_same_value(self, folders):
        shared = pack(np.ones(200_000), *folders)
        args, kwargs = pickle.loads(pickle.dumps(([shared], {"again": shared})))
        assert args[0] is kwargs["again"]

    def test_arrays_are_aligned(self, folders):
        odd = [np.full(LARGE + i, i, np.uint8) for i in range(3)]
        opened = pack(odd, *folders).open()
        assert is_same(opened, odd)
        assert [array.ctypes.data % 64 for array in opened] == [0, 0, 0]

    def test_pickling_that_fails(self, folders):
        value = [np.ones(200_000), threading.Lock()]
        with pytest.raises(TypeError, match="cannot pickle"):
            pack(value, *folders)
        assert os.listdir(folders[0]) == []

    def test_a_file_that_is_gone(self, folders):
        shared = pack(np.ones(200_000), *folders)
        os.unlink(shared.path)
        with pytest.raises(NoResultError) as caught:
            shared.open()
        assert str(caught.value) == (
            f"a large value (1,600,000 bytes) is gone with its file {shared.path}: "
            "its run was released, or the process that began the run has ended\n"
            "keep the run for as long as its results are needed, or run the flow again"
        )
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    def test_more_files_than_may_be_open(self, child):
        process = child("""
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
import numpy
workdir = WorkDir()
shared = [pack(numpy.full(130_000, float(i)), *workdir.folders) for i in range(80)]
arrays = [one.open() for one in shared]
files = [open(os.devnull) for _ in range(30)]
for i, array in enumerate(arrays):
    array += 1
    assert array.min() == array.max() == i + 1
say(len(arrays))
""")
        assert heard(process) == 80
        assert ended(process) == 0


class TestTrouble:
    def test_a_file_that_grows_too_large_for_the_system(self, child):
        """A limit of the process stands for a full disk, and for one in each folder."""
        process = child("""
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
import numpy
workdir = WorkDir()
packed = [pack(v, *workdir.folders) for v in (numpy.ones(400_000), bytes(3_000_000))]
say([type(p).__name__ for p in packed])
say([os.listdir(folder) for folder in workdir.folders])
""")
        assert heard(process) == ["bytes", "bytes"]
        assert heard(process) == [[], []]
        assert ended(process) == 0

    def test_a_full_memory(self, places):
        """The second folder takes what the first, of 2 MB as in a container, has no room for."""
        enter = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
        mount = f"mount -t tmpfs -o size=2m none {places[0]}"
        try:
            subprocess.run([*enter, mount], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("may not mount a file system")
        lines = """
workdir = WorkDir()
first = pack(bytearray(1_500_000), *workdir.folders)
second = pack(bytearray(1_500_000), *workdir.folders)
assert first.open() == second.open() == bytearray(1_500_000)
say([os.path.dirname(one.path) for one in (first, second)] == list(workdir.folders))
say(len(os.listdir(workdir.folders[0])))
"""
        run = [sys.executable, "-c", SCRIPT + lines, *map(str, places)]
        done = subprocess.run(
            [*enter, f'{mount} && exec "$0" "$@"', *run], capture_output=True, text=True
        )
        assert done.stdout.split("\n") == ["True", "1", ""], done.stderr

    def test_folders_that_are_gone(self, folders):
        array = np.ones(200_000)
        shutil.rmtree(folders[0])
        assert pack(array, *folders).path.startswith(folders[1])
        shutil.rmtree(folders[1])
        assert is_same(pickle.loads(pack(array, *folders)), array)
        assert not any(map(os.path.exists, folders))

    def test_an_interrupt_while_it_writes(self, folders, monkeypatch):
        def interrupted(sizes):
            yield 0
            raise KeyboardInterrupt

        monkeypatch.setattr(mapping, "bounds", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pack([np.ones(200_000), np.ones(200_000)], *folders)
        assert os.listdir(folders[0]) == []

    def test_no_folder_at_all(self, places, monkeypatch):
        monkeypatch.setattr(workspace, "MEMORY", str(places[0] / "none"))
        monkeypatch.setattr(tempfile, "tempdir", str(places[1] / "none"))
        made = WorkDir()
        assert made.folders == ()
        assert isinstance(pack(np.ones(200_000), *made.folders), bytes)
        made.close()

    def test_a_root_that_somebody_removed(self, places):
        first = WorkDir()
        shutil.rmtree(Path(first.folders[0]).parent)
        second = WorkDir()
        assert all(map(os.path.isdir, second.folders))
        assert os.path.isdir(first.folders[1])
        first.close()
        second.close()

    def test_where_there_are_no_locks(self, places, monkeypatch):
        monkeypatch.setattr(ownership, "fcntl", None)
        with closing(WorkDir()) as made:
            assert is_same(pack(np.ones(200_000), *made.folders).open(), np.ones(200_000))
        sweep()


class TestRelease:
    def test_nobody_else_may_look(self, places):
        with closing(WorkDir()) as made:
            shared = pack(bytes(LARGE), *made.folders)
            file = Path(shared.path)
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, *file.parents[:2])]
            assert modes == [0o600, 0o700, 0o700]
            assert file.parents[2] == places[0]

    def test_folders_are_made_when_they_are_needed(self, places):
        made = WorkDir()
        assert list(places[0].iterdir()) == []
        found = []
        start = threading.Barrier(8)

        def ask():
            start.wait()
            found.append(made.folders)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1
        made.close()

    def test_close(self, places):
        made, other = WorkDir(), WorkDir()
        array = pack(np.ones(200_000), *made.folders).open()
        folders = made.folders
        threads = [threading.Thread(target=made.close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made.close()
        assert not any(map(os.path.exists, folders))
        assert all(map(os.path.isdir, other.folders))
        array += 1  # the memory is there for as long as it is mapped
        assert array.sum() == 400_000
        assert made.folders == ()
        other.close()

    def test_a_workdir_that_nobody_holds(self, places):
        made = WorkDir()
        folders = made.folders
        del made
        gc.collect()
        assert not any(map(os.path.exists, folders))

    @pytest.mark.parametrize(
        "end", ["", "sys.exit(3)", "raise KeyboardInterrupt", "workdir.close()"]
    )
    def test_the_end_of_a_process(self, end, child, places):
        process = child(f"sys.stderr = open(os.devnull, 'w')\n{HOLD}\n{end}")
        assert os.path.exists(heard(process)[0])
        ended(process)
        assert [list(place.iterdir()) for place in places] == [[], []]

    @pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
    def test_a_sudden_end_of_a_process(self, end, child, places):
        process = child(f"{HOLD}\n{end}")
        path = heard(process)[0]
        ended(process)
        assert os.path.exists(path)
        WorkDir().folders  # noqa: B018  # the first one in a process sweeps
        assert not os.path.exists(path)

    def test_in_dev_shm(self):
        """The real places, in a process of their own."""
        if not os.access("/dev/shm", os.W_OK):
            pytest.skip("there is no /dev/shm")
        code = (
            "from taskinity_nb.engine.transport.workspace import WorkDir; "
            "workdir = WorkDir(); print(*workdir.folders)"
        )
        run = [sys.executable, "-c", code]
        out = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
        assert out[0].startswith("/dev/shm/.taskinity-nb-workspace-")
        assert not any(os.path.exists(os.path.dirname(folder)) for folder in out)


class TestSweep:
    def test_the_living_leave_each_other_alone(self, child):
        first = child(HOLD)
        fields = heard(first)
        second = child(HOLD)
        heard(second)
        sweep()
        assert SharedPickle(*fields).open() == bytearray(3_000_000)
        assert ended(second) == 0
        assert SharedPickle(*fields).open() == bytearray(3_000_000)
        assert ended(first) == 0

    def test_many_that_begin_at_once(self, child, places):
        """They sweep the same root at the same time."""
        dead = child(HOLD)
        path = Path(heard(dead)[0])
        for _ in range(50):
            ownership.new_file(str(path.parent)).close()
        dead.kill()
        dead.wait()
        processes = [child("sys.stdin.readline()\n" + HOLD) for _ in range(4)]
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            assert SharedPickle(*heard(process)).open() == bytearray(3_000_000)
        assert not path.parents[1].exists()
        assert [ended(process) for process in processes] == [0] * 4


class TestFork:
    def test_a_forked_process_leaves_the_folders_alone(self, child):
        process = child("""
workdir = WorkDir()
shared = pack(bytearray(3_000_000), *workdir.folders)
if os.fork() == 0:
    own = WorkDir()
    assert not set(map(os.path.dirname, own.folders)) & set(map(os.path.dirname, workdir.folders))
    assert SharedPickle(*shared).open() == bytearray(3_000_000)
    workdir.close()
    del workdir
    sys.exit(7)
_, status = os.wait()
say([os.waitstatus_to_exitcode(status), shared.open() == bytearray(3_000_000)])
sweep()
say(len(os.listdir(workspace.MEMORY)))
""")
        assert heard(process) == [7, True]
        assert heard(process) == 1
        assert ended(process) == 0

    def test_a_forked_process_does_not_keep_the_dead_alive(self, child):
        process = child("""
workdir = WorkDir()
workdir.folders
here, there = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(there, b"it has let go")
    sys.stdin.read()
    os._exit(0)
os.read(here, 20)
say([workdir.folders[0], pid])
os.kill(os.getpid(), signal.SIGKILL)
""")
        folder, pid = heard(process)
        process.wait(30)
        os.kill(pid, 0)  # it is still there
        sweep()
        assert not os.path.exists(folder)
        process.stdin.close()


def test_a_killed_worker_leaves_nothing_behind(places, child):
    """What it had written, and what it was writing, goes with the folder."""
    with closing(WorkDir()) as made:
        folders = made.folders
        worker = child(f"while True: pack(bytearray(3_000_000), *{folders})")
        deadline = time.monotonic() + 30
        while len(os.listdir(folders[0])) < 3:
            assert time.monotonic() < deadline
        worker.kill()
        assert worker.wait(30) == -signal.SIGKILL
    assert not any(map(os.path.exists, folders))
