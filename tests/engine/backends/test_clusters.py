"""What clusters promise beyond the suite for all executors: memory, lost workers, no install."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from clusters import on_both, on_ray
from functions import wait_for_file
from oracle import continues
from sizes import sized

import taskinity_nb
from taskinity_nb import ExecutorError, State, Task, run
from taskinity_nb.engine.backends.cluster import dask as dask_module
from taskinity_nb.engine.backends.cluster.client import ClockOffsets
from taskinity_nb.engine.backends.cluster.installer import install
from taskinity_nb.engine.remote.cluster_task import TaskSpec, perform, pick, told

TESTS = Path(__file__).parents[2]
ROOT = Path(taskinity_nb.__file__).parents[1]

pytestmark = [
    pytest.mark.xdist_group("clusters"),
    pytest.mark.leaves(
        "threads", "descriptors", "processes", "environment", "signals",
        reason="a cluster is kept, starts workers for those that it lost, and opens connections",
    ),
]  # fmt: skip

others_warn = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # fmt: skip


def python(code, *arguments, path=None, timeout=120):
    folders = os.pathsep.join([str(TESTS), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": folders} if path is None else path
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=timeout, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


# Memory: measured in another process, which is the client.

MEMORY = """
    import sys
    from pathlib import Path
    from taskinity_nb import run

    def peak():
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def make(): return bytearray(400_000_000)
    def size(made): return len(made)

    executor = sys.argv[1]
    if __name__ == "__main__":
        names = {"make": make, "size": size}
        run("size", 0, namespace={"size": lambda x: x}, executor=executor)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = peak()
        result = run("make -> size", namespace=names, executor=executor)
        assert result["size"] == 400_000_000
        assert result.record.values[0].nbytes >= 400_000_000
        grown = peak() - before
        assert grown < 50, grown
        taken = result.tasks["make"].peak_memory
        assert abs(taken / 400e6 - 1) < 0.05, taken
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
@on_both
def test_a_large_intermediate_leaves_the_clients_memory_as_it_was(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", MEMORY, cluster.executor)


ENVIRONMENT = """
    import os
    from taskinity_nb import run

    def threads(): return os.environ.get("OMP_NUM_THREADS")

    if __name__ == "__main__":
        os.environ.pop("OMP_NUM_THREADS", None)
        before = dict(os.environ)
        there = run("threads", executor="dask", workers=1)["threads"]
        print(there, dict(os.environ) == before)
"""


@pytest.mark.slow
def test_dask_sets_what_its_workers_need_for_them_alone():
    pytest.importorskip("distributed")
    assert python(ENVIRONMENT) == "1 True"


# Lost workers.


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    with cluster, distributed.Client(cluster) as client:
        yield client


def where():
    return os.getpid()


def die_once(where, marker):
    """The first time, kill the process that made what comes in, and this one, once it is seen."""
    if not Path(marker).exists():
        Path(marker).touch()
        wait_for_file(f"{marker}-seen")
        os.kill(where, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return "right"


def check_a_lost_worker(executor, folder):
    def watch(events, run):
        if any(e.task == "die_once" and e.state is State.RUNNING for e in events):
            (folder / "died-seen").touch()

    names = {"where": where, "die_once": die_once, "after": lambda die_once: [die_once]}
    inputs = {"marker": str(folder / "died")}
    result = run("where -> die_once -> after", inputs, namespace=names, executor=executor,
                 observers=[watch])  # fmt: skip
    assert result["after"] == ["right"]
    assert result.state is State.SUCCEEDED
    assert all(task.started <= task.finished for task in result.tasks.values())
    assert result.tasks["die_once"].attempts == 2
    states = [event.state for event in result.events if event.task == "die_once"]
    assert State.RETRYING in states


@pytest.mark.slow
@others_warn
def test_a_dask_worker_is_lost_with_what_it_ran_and_what_it_held(client, tmp_path):
    check_a_lost_worker(client, tmp_path)


RAY = """
    import sys
    from pathlib import Path
    from test_clusters import check_a_lost_worker
    check_a_lost_worker("ray", Path(sys.argv[1]))
"""


@pytest.mark.slow
@on_ray
def test_a_ray_worker_is_lost_with_what_it_ran(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", RAY, tmp_path)


WITHDRAWN = """
    import sys, time
    from taskinity_nb import Cancelled, State, TaskError, run, start

    def divide(): return 1 / 0
    def one(): return 1
    def double(one): return 2 * one

    if __name__ == "__main__":
        for _ in range(int(sys.argv[1])):
            try:
                run("divide\\none -> double", executor="ray", on_error="stop")
            except TaskError as error:
                assert error.task == "divide"
        for number in range(int(sys.argv[1]) // 2):
            going = start("one -> double", executor="ray")
            time.sleep(number % 6 / 1000)  # it is cancelled at another moment each time
            going.cancel()
            try:
                going.wait()
            except Cancelled:
                pass
        assert run("one -> double", executor="ray")["double"] == 2
"""


@pytest.mark.slow
@pytest.mark.long
@on_ray
def test_what_is_withdrawn_from_ray_does_not_end_who_asks_for_it(cluster, tmp_path):
    """Ray aborts who cancels a task at the moment at which it begins or ends."""
    cluster.script(tmp_path / "script.py", WITHDRAWN, sized(40, 120))


@pytest.mark.slow
@others_warn
@pytest.mark.parametrize("seed", range(6))
def test_dask_agrees_with_the_oracle(client, seed):
    continues(client, seed, 30)


ORACLE = """
    from oracle import continues
    for seed in range(6):
        continues("ray", seed, 30)
"""


@pytest.mark.slow
@on_ray
def test_ray_agrees_with_the_oracle(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", ORACLE)


PLAIN = """
    from taskinity_nb import run
    values = [None, True, 0.5, -2**100, 2**63, "\\ud800", "long" * 50_000, b"", b"x" * 200_000]
    names = {"make": lambda: list(values), "same": lambda make: make, "all": lambda same: same}
    result = run("make -> map same -> all", namespace=names, executor="ray")
    assert result["same"] == result["all"] == values, result["same"]
    assert [type(value) for value in result["all"]] == [type(value) for value in values]
"""


@pytest.mark.slow
@on_ray
def test_plain_results_come_from_ray_as_they_were(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", PLAIN)


@pytest.mark.slow
@others_warn
def test_some_tasks_on_the_cluster_and_some_here(client):
    names = {
        "near": Task(where, executor="threads"),
        "far": Task(lambda near: [near, os.getpid()], executor=client),
        "back": lambda far: [*far, os.getpid()],
    }
    pids = run("near -> far -> back", namespace=names, executor="threads")["back"]
    assert pids[0] == pids[2] == os.getpid() != pids[1]
    pids = run("near -> far -> back", namespace=names, executor=client)["back"]
    assert pids[0] == os.getpid()
    assert os.getpid() not in pids[1:]


@pytest.mark.slow
@others_warn
def test_a_task_that_kills_every_worker_is_given_up(client):
    names = {"kill": lambda: os.kill(os.getpid(), signal.SIGKILL), "other": lambda: 1}
    result = run("kill", namespace=names, executor=client, on_error="continue")
    assert type(result.tasks["kill"].error).__name__ == "WorkerLost"
    # Not beside it: Dask gives a task up too that was only queued where each of its workers died.
    client.wait_for_workers(1, timeout=60)
    assert run("other", namespace=names, executor=client)["other"] == 1


# A user's cluster.


@pytest.mark.slow
@others_warn
def test_nothing_of_ours_is_installed_where_it_runs(tmp_path):
    """A scheduler and a worker that cannot import this package; the task names it all the same."""
    distributed = pytest.importorskip("distributed")
    hidden = textwrap.dedent(f"""
        import sys
        from importlib.util import find_spec
        sys.path[:] = [p for p in sys.path if p not in ("", {str(ROOT)!r})]
        assert find_spec("taskinity_nb") is None
        from distributed.cli.dask_{{kind}} import main
        main({{arguments}})
    """)
    address = tmp_path / "scheduler.json"

    def begin(kind, *arguments):
        arguments = [*arguments, "--scheduler-file", str(address), "--host", "127.0.0.1"]
        code = hidden.format(kind=kind, arguments=arguments)
        return subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    scheduler = begin("scheduler", "--port", "0", "--dashboard-address", "127.0.0.1:0")
    try:
        wait_for_file(address)
        worker = begin("worker", "--no-nanny", "--nthreads", "2", "--name", "far",
                       "--dashboard-address", "127.0.0.1:0")  # fmt: skip
        try:
            with distributed.Client(scheduler_file=str(address)) as far:
                far.wait_for_workers(1)
                names = {"__name__": "__main__"}
                exec(CELL, names)
                result = run("load -> [check, count]", namespace=names, executor=far)
                where = far.scheduler.address
                again = run("load -> count", namespace=names, executor=where)
                assert again["count"] == 3
                dask_module._own.pop(where).close()
                assert result["count"] == 3
                assert far.status == "running"  # it is not ours to close
            with pytest.raises(ExecutorError, match="the Dask client was closed"):
                _ = result["load"]
            assert result.tasks["check"].state is State.SKIPPED
            assert result.tasks["load"].worker.startswith("far")
            assert result.workers == 2
        finally:
            worker.kill()
            worker.wait()
    finally:
        scheduler.kill()
        scheduler.wait()


CELL = """
from taskinity_nb import skip, task

def load(): return [1, 2, 3]

@task(retries=1)
def check(load): skip("nothing to check")

@task
def count(load): return len(load)
"""


@others_warn
def test_workers_of_a_users_cluster_cannot_be_counted_out(monkeypatch):
    with pytest.raises(ExecutorError, match="has its own workers, so workers=3 cannot be kept to"):
        run("f", namespace={"f": int}, executor="tcp://127.0.0.1:1", workers=3)


@pytest.mark.parametrize(("executor", "name"), [("dask", "Dask"), ("ray", "Ray")])
def test_without_the_extra_the_error_says_what_to_install(executor, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError, match=f"{name} is not installed") as caught:
        run("f", namespace={"f": int}, executor=executor)
    assert f"pip install 'taskinity-nb[{executor}]'" in str(caught.value)


def test_nothing_of_dask_or_ray_is_imported_until_it_is_used():
    code = """
        import sys
        from concurrent.futures import ThreadPoolExecutor
        from taskinity_nb import run
        run("f", namespace={"f": int})
        with ThreadPoolExecutor(1) as pool: run("f", namespace={"f": int}, executor=pool)
        print(sorted({"dask", "distributed", "ray"} & sys.modules.keys()))
    """
    assert python(code) == "[]"


# The parts.


def test_clock_offsets_take_the_quickest_exchange():
    offsets = ClockOffsets()
    offsets.learn(
        "far", [(0, 1_000_050, 1_000), (2_000, 1_002_105, 2_010), (5_000, 1_005_900, 5_900)]
    )
    assert offsets.of("far") == 1_002_105 - 2_005


class Sender:
    def __init__(self):
        self.reports = []
        self.add = self.reports.append

    def worker(self):
        return "here"


def test_what_follows_a_failure_does_not_run():
    sender = Sender()
    failed = perform(
        sender, None, TaskSpec("r", 0, 0, None, (("key", 0, "none"),)), (None, {"a": 1})
    )
    assert len(failed) == 1
    assert told(failed)[5][0] == "lost"
    assert perform(sender, None, TaskSpec("r", 1, 0, None, 1), failed) == ()
    assert perform(sender, None, TaskSpec("r", 2, 0, None, 1), ()) == ()
    assert pick(failed, 0) == ()
    assert [report[2] for report in sender.reports] == [0, 0]


def test_a_package_that_is_there_is_left_alone():
    install("json", {"json": "broken = True"}, only_if_missing=True)
    assert not hasattr(importlib.util.find_spec("json").loader, "_sources")


@pytest.mark.slow
@others_warn
def test_on_dask_an_item_goes_on_before_others_begin(client):
    """Also where a condition stands before its next step."""

    def rest(x):
        time.sleep(0.01)
        return x

    names = {"xs": lambda: list(range(60)), "a": rest, "ok": rest, "b": rest, "c": rest}
    text = "xs -> map a -> map b -> map c\nxs -> map ok\nb unless ok == -1"
    result = run(text, namespace=names, executor=client)
    first = min(item.started for item in result.tasks["c"].items)
    assert sum(item.finished < first for item in result.tasks["a"].items) < 30
