"""A cell that is run again: what is let go of, what is kept, and what is said."""

from __future__ import annotations

import os
import time

import pytest

FUNCTIONS = """
import gc, sys, weakref
class Large:
    pass
sys.made = []  # no name that a task uses changes
def load():
    value = Large()
    sys.made.append(weakref.ref(value))
    return value
def keep(load): return load
def count(load): return 1
def alive():
    gc.collect()
    return sum(ref() is not None for ref in sys.made)
"""


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    return kept_kernel.as_new()


@pytest.fixture
def fresh(kernel):
    """The kernel, with nothing kept of the tests before."""
    cell = kernel.run(f"%reset -f\n%unload_ext taskinity_nb\n%load_ext taskinity_nb\n{FUNCTIONS}")
    assert not cell.error, cell.error
    return kernel


def run_often(kernel, cell, times=3):
    for _ in range(times):
        done = kernel.run(cell)
        assert not done.error, done.error


@pytest.mark.parametrize(
    "line",
    ["-o r", "--no-gantt -o r", "--background -o r", "--no-gantt -o r;",
     "--resume --no-gantt -o r", "-e sequential --no-gantt",
     *(pytest.param(line, marks=pytest.mark.slow) for line in ("", "--compare -o r"))],
)  # fmt: skip
def test_one_run_is_kept_of_a_cell(fresh, line):
    run_often(fresh, f"%%flow {line}\nflow Again:\n    load -> keep")
    fresh.run("r.wait()" if "-o r" in line else "_.wait()")
    end = time.monotonic() + 60
    while fresh.value("alive()") != "1":  # earlier runs in the background are still drawn
        assert time.monotonic() < end
    assert fresh.value("len([n for n, v in Out.items() if type(v).__name__ == 'Run']) <= 2")


def test_what_the_user_has_named_stays(fresh):
    fresh.run("%%flow --no-gantt\nload -> keep")
    fresh.run("best = _; runs = [_]")
    run_often(fresh, "%%flow --no-gantt\nload -> keep")
    assert fresh.value("alive(), best['keep'] is best['load'], runs == [best]") == (
        "(2, True, True)"
    )


def test_other_cells_keep_theirs(fresh):
    line = "%%flow --no-gantt"
    for cell in ("\nload -> keep", "\nload -> count", " -o other\nload -> keep"):
        run_often(fresh, f"{line}{cell}")
    assert fresh.value("alive()") == "3"
    assert fresh.value("_ is other") == "False"  # it is the number


def test_results_that_no_task_takes_any_more(fresh):
    run_often(fresh, "%%flow --keep last --no-gantt -o r\nload -> count", 1)
    assert fresh.value("alive(), r['count']") == "(0, 1)"


def test_items_that_no_task_takes_any_more(fresh):
    fresh.run(
        "def numbers(): return range(20)\ndef one(number): return load()\n"
        "def look(one): return sum(ref() is not None for ref in sys.made)"
    )
    line = "%%flow --keep last --no-gantt --workers 1 -o r"
    run_often(fresh, f"{line}\nnumbers -> map one -> map look", 1)
    assert fresh.value("alive(), max(r['look'])") == "(0, 1)"


MEMORY = """
import glob, os
SIZE = 40_000_000
def large(): return bytes([1]) * SIZE
def size(large): return len(large)
def in_use():
    gc.collect()
    resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
    files = glob.glob(f"/dev/shm/.taskinity-nb-*-{os.getpid()}-*/run-*/*")
    return int(resident.split()[1]) * 1024 + sum(map(os.path.getsize, files))
"""


@pytest.mark.skipif(not os.path.exists("/dev/shm"), reason="memory is told elsewhere")
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_memory_is_as_after_the_first_time(fresh, executor):
    fresh.run(MEMORY)
    cell = f"%%flow -e {executor} --no-gantt -o r\nlarge -> size"
    run_often(fresh, cell, 2)
    before = int(fresh.value("in_use()"))
    run_often(fresh, cell, 6)
    assert int(fresh.value("in_use()")) < before + 30_000_000


def test_underscores_go_on(fresh):
    run_often(fresh, "%%flow --no-gantt\nload -> keep")
    assert fresh.value("type(_).__name__") == "'Run'"
    assert fresh.value("type(__).__name__, _") == "('Run', 'Run')"


def test_a_semicolon(fresh):
    for cell in ("%%flow --no-gantt -o r;\nload -> keep", "%%flow --no-gantt -o r\nload -> keep;"):
        shown = fresh.run(cell)
        assert not shown.error, shown.error
        assert not shown.of("execute_result")
        assert fresh.value("list(r)") == "['load', 'keep']"


NOTHING = "nothing to resume: no earlier run of 'Again' in this kernel; "
RESUMED = "%%flow --resume --no-gantt -o r\nflow Again:\n    load -> keep"


def test_nothing_to_resume(fresh):
    fresh.run("get_ipython().magics_manager.registry['FlowMagics'].last_runs.clear()")
    told = f"{NOTHING}all of it runs, where --cache would go by what is on disk\n"
    assert fresh.run(RESUMED).printed == told
    assert fresh.run(RESUMED).printed == ""
    assert fresh.value("str(r.tasks['load'].state)") == "'cached'"


def test_resuming_after_a_restart_goes_by_the_cache(fresh, tmp_path):
    cell = f"%%flow --resume --no-gantt --cache {tmp_path} -o r\nflow Again:\n    one -> two"
    fresh.run("def one(): return 1\ndef two(one): return 2")
    for state in ("succeeded", "cached"):
        fresh.run("get_ipython().magics_manager.registry['FlowMagics'].last_runs.clear()")
        assert fresh.run(cell).printed.startswith(f"{NOTHING}it goes by the cache\n")
        assert fresh.value("{str(t.state) for t in r.tasks.values()}") == f"{{'{state}'}}"
    fresh.run("def two(one): return 3")
    shown = fresh.run(cell.replace("--resume --no-gantt", "--no-run").replace("-o r", "-o f"))
    assert not shown.error, shown.error
    (value,) = shown.of("execute_result")
    assert "runs again: 'two' has another text" in str(value)
    assert fresh.value("type(f).__name__, str(r.tasks['two'].state)") == "('Flow', 'cached')"


def test_the_extension_is_loaded_again(fresh):
    fresh.run("get_ipython().magics_manager.registry['FlowMagics'].last_runs.clear()")
    fresh.run("%%flow --no-gantt -o r\nflow Again:\n    load -> keep")
    assert not fresh.run("%reload_ext taskinity_nb").error
    assert fresh.run(RESUMED).printed == ""
    assert fresh.value("str(r.tasks['load'].state), alive()") == "('cached', 1)"


def test_a_name_that_hides_something(fresh):
    fresh.run("from taskinity_nb import run")
    cell = fresh.run("%%flow --no-gantt -o run\nload -> keep")
    assert cell.printed == (
        "'run' is the run now, and no function of taskinity_nb's; "
        "'from taskinity_nb import run' brings it back\n"
    )
    assert fresh.run("%%flow --no-gantt -o run\nload -> keep").printed == ""
    assert "del sum" in fresh.run("%%flow --no-gantt -o sum\nload -> keep").printed
    assert fresh.run("%%flow --no-gantt -o nothing\nload -> keep").printed == ""
    for name, kind in (("count", "function"), ("weakref", "module"), ("Large", "class")):
        printed = fresh.run(f"%%flow --no-gantt --no-run -o {name}\nload -> keep").printed
        assert printed == f"'{name}' is the run now, and no longer the {kind} of that name\n"
    error = fresh.run("%%flow -o load\nload -> keep").error
    assert "'load' is a task of this flow, and would be the run then" in error
    assert fresh.value("load.__name__") == "'load'"


OPEN = "import os, time; time.sleep(0.1); len(os.listdir('/proc/self/fd'))"


@pytest.mark.slow
def test_threads_that_have_ended_cost_no_descriptors(fresh):
    fresh.run("from taskinity_nb import progress_bar, run\ndef tell(): display('told')")
    run_often(fresh, "%%flow --no-gantt -o r\nload -> [keep, keep as other]", 3)
    before = int(fresh.value(OPEN))
    run_often(fresh, "%%flow --no-gantt -o r\nload -> [keep, keep as other]", 30)
    run_often(fresh, "%%flow --no-gantt -o r\n[tell, tell as other]", 10)
    assert int(fresh.value(OPEN)) < before + 15
    run_often(fresh, "for _ in range(30): run('load', observers=[progress_bar])", 1)
    assert int(fresh.value(OPEN)) < before + 15


def test_a_cell_is_told_by_the_name_that_a_frontend_gives_it(fresh):
    def run_as(name):
        content = {"code": "%%flow --no-gantt\nload -> keep", "silent": False,
                   "store_history": True, "allow_stdin": False}  # fmt: skip
        message = fresh.client.session.msg("execute_request", content, metadata={"cellId": name})
        fresh.client.shell_channel.send(message)
        list(fresh.messages(message["header"]["msg_id"]))

    for name in ("one", "two", "one", "two", "one"):
        run_as(name)
    assert fresh.value("alive()") == "2"


def test_a_run_that_fails_again_and_again(fresh):
    fresh.run("def fails(load): 1 / 0")
    for _ in range(4):
        assert fresh.run("%%flow --no-gantt\nload -> fails").error
    assert fresh.value("alive()") == "1"


def test_a_value_that_is_called_as_a_task(fresh):
    fresh.run("import numpy\nfrom taskinity_nb import task\n@task\ndef shown(load): return 1")
    fresh.run("shown = numpy.arange(3)")  # the task is registered all the same
    cell = fresh.run("%%flow --no-gantt -o r\nload -> shown")
    assert not cell.error, cell.error
    assert fresh.value("r['shown']") == "1"


@pytest.mark.parametrize("executor", ["processes", "pool"])
def test_processes_after_a_reset(fresh, executor):
    """It takes `__spec__` away, too, which is asked for when a process is started."""
    fresh.run(
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))\n"
        "def one(): return 1"
    )
    cell = fresh.run(f"%%flow -e {executor} --no-gantt -o r\none")
    assert not cell.error, cell.error
    assert fresh.value("r['one']") == "1"
    fresh.run("pool.shutdown()")
