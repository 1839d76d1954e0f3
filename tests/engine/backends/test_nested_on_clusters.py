"""A task on a cluster that runs flows finds there the notebook's functions by name."""

from __future__ import annotations

import pytest
from clusters import on_both
from kernels import new_kernel

pytestmark = pytest.mark.slow

FUNCTIONS = """
from threading import Thread
from taskinity_nb import parse_dsl, run, task
def load(): return [1, 2, 3]
def big(xs): return sum(xs)
def numbers(): return [1, 2]
@task
def item(n): return n * run("load -> big")["big"]
def middle(): return run("load -> big", executor="processes", workers=1)["big"]
async def outer(item): return run("middle")["middle"] + sum(item)
def given(flow): return run(flow)["big"]
def threaded():
    found = []
    thread = Thread(target=lambda: found.append(run("load -> big")["big"]))
    thread.start()
    thread.join()
    return found[0]
"""

CHECK = """
def check(executor, expected):
    done = run("numbers -> map item -> outer", executor=executor, workers=2)
    assert done["item"] == [expected, 2 * expected], done["item"]
    assert done["outer"] == 4 * expected, done["outer"]
    for flow in ("load -> big", parse_dsl("load -> big")):
        assert run("given", flow, executor=executor, workers=2)["given"] == expected
    assert run("threaded", executor=executor, workers=2)["threaded"] == expected
"""

DEFINED_AGAIN = """
def load(): return [10]
"""

MISSING = """
def unknown(): return run("daol"[::-1]).result
try:
    run("unknown", executor={executor!r}, workers=2)
except Exception as error:
    told = str(error.__cause__)
assert 'namespace={{"load": load}}' in told, told
"""


@on_both
def test_in_a_notebook(cluster):
    cluster.run(FUNCTIONS)
    cluster.run(CHECK)
    cluster.run(f"check({cluster.executor!r}, 6)")
    cluster.run(DEFINED_AGAIN)
    cluster.run(f"check({cluster.executor!r}, 10)")
    cluster.run(MISSING.format(executor=cluster.executor))


@on_both
def test_in_a_script(cluster, tmp_path):
    begin = f"if __name__ == '__main__':\n    check({cluster.executor!r}, 6)"
    cluster.script(tmp_path / "script.py", f"{FUNCTIONS}{CHECK}{begin}")


CLUSTER = """
from distributed import LocalCluster
cluster = LocalCluster(n_workers=1, threads_per_worker=4, dashboard_address=None)
"""

OF_EACH = """
from taskinity_nb import run
def numbers(): return list(range(20))
def load(): return {number}
def outer(n): return run("load")["load"]
"""


def test_two_notebooks_on_one_scheduler():
    """Their functions have the same names, and their tasks are in one process."""
    pytest.importorskip("distributed")
    with new_kernel() as (first, _), new_kernel() as (second, _):
        assert not first.run(CLUSTER).error
        address = first.value("cluster.scheduler_address")
        sent = []
        for number, kernel in enumerate((first, second)):
            assert not kernel.run(OF_EACH.format(number=number)).error
        for number, kernel in enumerate((first, second)):
            done = f'run("numbers -> map outer", executor={address})["outer"]'
            sent.append(kernel.send(f"{done} == [{number}] * 20"))
        for kernel, cell in zip((first, second), sent, strict=True):
            contents = [message["content"] for message in kernel.messages(cell)]
            assert [each["data"]["text/plain"] for each in contents if "data" in each] == ["True"]
        assert not first.run("cluster.close()").error


def test_a_cell_with_a_flow():
    with new_kernel() as (kernel, _):
        assert not kernel.run(FUNCTIONS).error
        for expected in (6, 10):
            for executor in ("sequential", "threads", "processes"):
                cell = kernel.run(
                    f"%%flow -e {executor} -o r --no-gantt\nnumbers -> map item -> outer"
                )
                assert not cell.error, cell.error
                assert kernel.value('r["outer"]') == str(4 * expected)
            kernel.run(DEFINED_AGAIN)
