"""Worker processes are none of the user's own, and can be started wherever a run is."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PATIENCE = 60

HEAD = """
import multiprocessing, os, sys, time
from taskinity_nb import run

def one():
    return 1

def inner(_=0):
    return run("one", executor="processes", workers=1)["one"]
"""


def python(folder, text, *, by="file", **environment):
    """Run a program; return what it prints, if that is all it does."""
    source = HEAD + textwrap.dedent(text)
    (folder / "program.py").write_text(source)
    ended = subprocess.run(
        [sys.executable, "-" if by == "pipe" else "program.py"],
        input=source if by == "pipe" else "", cwd=folder, env=os.environ | environment,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (ended.stderr, ended.returncode) == ("", 0)
    return ended.stdout


def slow(*values):
    """Return parameters that the quick tests leave out: each starts a program of its own."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("method", ["fork", *slow("spawn", "forkserver")])
def test_in_a_worker_of_a_users_pool(method, tmp_path):
    """Which is a daemon, and so may have no children of its own."""
    said = python(tmp_path, f"""
        def family(_):
            inner()
            try:
                multiprocessing.Process(target=print).start()
            except AssertionError as error:
                return inner(), str(error)

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                print(pool.map(inner, range(4)), pool.map(family, [0]))
    """)  # fmt: skip
    assert said == "[1, 1, 1, 1] [(1, 'daemonic processes are not allowed to have children')]\n"


@pytest.mark.xdist_group("clusters")
@pytest.mark.slow
def test_in_a_worker_of_a_cluster(tmp_path):
    pytest.importorskip("distributed")
    said = python(
        tmp_path,
        """
        if __name__ == "__main__":
            from distributed import Client
            quiet = {"silence_logs": "CRITICAL"}  # a worker's last heartbeat may find nobody
            with Client(n_workers=1, processes=True, dashboard_address=None, **quiet) as client:
                print(client.submit(inner).result())
    """,
    )
    assert said == "1\n"


def test_a_program_from_a_pipe(tmp_path):
    """It has no file that a worker could look for."""
    text = """
        print(inner(), __file__)
        print(run("one", executor="processes")["one"])
    """
    assert python(tmp_path, text, by="pipe") == "1 <stdin>\n1\n"


def test_a_program_that_waits_for_all_its_children(tmp_path):
    said = python(
        tmp_path,
        """
        if __name__ == "__main__":
            inner()
            print(multiprocessing.active_children())
            multiprocessing.Process(target=print, args=("mine",)).start()
            sys.stdout.flush()
            for child in multiprocessing.active_children():
                child.join()
    """,
    )
    assert said == "[]\nmine\n"


def test_what_the_users_fork_server_is_to_load(tmp_path):
    said = python(
        tmp_path,
        """
        def look():
            return "wave" in sys.modules

        if __name__ == "__main__":
            multiprocessing.set_forkserver_preload(["wave"])
            print(run("look", executor="processes")["look"], inner())
            with multiprocessing.get_context("forkserver").Pool(1) as pool:
                print(pool.apply(look))
    """,
    )
    assert said == "True 1\nTrue\n"


def test_a_task_that_leaves_a_lock(tmp_path):
    """It is cleared up at exit, without a word."""
    said = python(
        tmp_path,
        """
        def work():
            global lock, queue
            lock = multiprocessing.get_context("spawn").Lock()
            queue = multiprocessing.get_context("spawn").Queue()
            return 1

        if __name__ == "__main__":
            print(run("work", executor="processes", workers=1)["work"])
    """,
    )
    assert said == "1\n"


@pytest.mark.parametrize("length", [110, *slow(70, 150)])
def test_a_folder_for_temporary_files_with_a_long_path(length, tmp_path):
    folder = tmp_path / ("x" * length)
    folder.mkdir()
    said = python(tmp_path, """
        def large():
            return bytearray(3_000_000)

        def size(large):
            return len(large)

        if __name__ == "__main__":
            print(run("large -> size", executor="processes")["size"])
            print(multiprocessing.current_process()._config["tempdir"])
    """, TMPDIR=str(folder))  # fmt: skip
    size, sockets = said.splitlines()
    assert size == "3000000"
    assert not Path(sockets).exists()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("how", ["busy", *slow("idle")])
def test_what_a_nested_run_has_left_in_memory_at_exit(how, tmp_path):
    said = python(tmp_path, f"""
        from pathlib import Path
        from taskinity_nb import start

        def large():
            return bytearray(3_000_000)

        def hold(marker):
            global kept
            kept = run("large", executor="processes", workers=1)
            print(os.getpid(), flush=True)
            Path(marker).touch()
            time.sleep(0 if {how!r} == "idle" else 300)

        if __name__ == "__main__":
            going = start("hold", {{"marker": "marker"}}, executor="processes", workers=1)
            while not Path("marker").exists():
                time.sleep(0.01)
            if {how!r} == "idle":
                going.wait()
    """)  # fmt: skip
    assert not list(Path("/dev/shm").glob(f".taskinity-nb-workspace-*-{said.strip()}-*"))
