"""How much memory there is, read from files as Linux writes them."""

import subprocess
import sys

import pytest

from taskinity_nb.engine.runtime.memory_limit import kills, memory_left

GIB = 1 << 30
MACHINE = "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\n"
NO_LIMIT = 9223372036854771712


@pytest.fixture
def system(tmp_path):
    """What writes the files of a system, and returns where that lies."""

    def write(texts):
        for path, text in texts.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(text))
        return f"{tmp_path}/"

    return write


def group(kind, path, limit, used, kept=0, killed=0):
    """Return the files of a group of a kind."""
    base = "sys/fs/cgroup" + ("/memory" if kind == "old" else "") + path
    if kind == "old":
        return {
            f"{base}/memory.limit_in_bytes": limit, f"{base}/memory.usage_in_bytes": used,
            f"{base}/memory.stat": f"inactive_file 7\ntotal_inactive_file {kept}\n",
            f"{base}/memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {killed}\n",
        }  # fmt: skip
    return {
        f"{base}/memory.max": limit, f"{base}/memory.current": used,
        f"{base}/memory.stat": f"anon 1\ninactive_file {kept}\n",
        f"{base}/memory.events": f"low 0\nmax 3\noom 2\noom_kill {killed}\noom_group_kill 9\n",
    }  # fmt: skip


@pytest.fixture(params=["old", "new"])
def kind(request):
    return request.param


def own(kind, path):
    return {
        "proc/self/cgroup": f"4:memory,hugetlb:{path}\n0::/\n" if kind == "old" else f"0::{path}\n"
    }


def test_the_machine_where_there_is_no_group(system):
    memory = memory_left(system({"proc/meminfo": MACHINE}))
    assert (memory.limit, memory.left) == (16 * GIB, 12 * GIB)
    assert str(memory) == "17.2 GB (all that the machine has)"


def test_nothing_where_nothing_is_told(system):
    root = system({})
    assert memory_left(root) is None and kills(root) is None


def test_the_group_of_this_process(system, kind):
    files = {"proc/meminfo": MACHINE, **own(kind, "/mine"), **group(kind, "/mine", 2 * GIB, GIB)}
    memory = memory_left(system(files))
    assert (memory.limit, memory.left) == (2 * GIB, GIB)
    assert str(memory) == "2.15 GB (the limit of the control group)"


def test_what_the_kernel_would_give_up_is_not_in_use(system, kind):
    files = {**own(kind, "/mine"), **group(kind, "/mine", 2 * GIB, GIB, kept=GIB // 2)}
    assert memory_left(system(files)).left == 1.5 * GIB


def test_a_group_above_may_have_less_left(system, kind):
    files = {
        **own(kind, "/above/mine"),
        **group(kind, "/above/mine", 4 * GIB, GIB), **group(kind, "/above", 6 * GIB, 5 * GIB),
    }  # fmt: skip
    assert memory_left(system(files)).limit == 6 * GIB


def test_the_machine_may_have_less_left_than_the_group(system, kind):
    files = {"proc/meminfo": MACHINE, **own(kind, "/m"), **group(kind, "/m", 64 * GIB, GIB)}
    assert memory_left(system(files)).limit == 16 * GIB


def test_no_limit_is_none(system, kind):
    none = NO_LIMIT if kind == "old" else "max"
    files = {"proc/meminfo": MACHINE, **own(kind, "/m"), **group(kind, "/m", none, GIB)}
    assert memory_left(system(files)).limit == 16 * GIB


@pytest.mark.parametrize("path", ["/docker/abc", "/../../job"])
def test_in_a_container_that_sees_its_own_group_on_top(system, kind, path):
    files = {**own(kind, path), **group(kind, "", 2 * GIB, GIB)}
    assert memory_left(system(files)).limit == 2 * GIB


def test_what_the_kernel_has_ended(system, kind):
    files = {**own(kind, "/mine"), **group(kind, "/mine", GIB, 0, killed=3)}
    assert kills(system(files)) == 3
    assert kills(system(group(kind, "/mine", GIB, 0, killed=5))) == 5


def test_what_the_kernel_has_ended_on_the_machine(system):
    files = {
        "proc/self/cgroup": "0::/\n",
        "proc/vmstat": 20_000 * "nr_free_pages 9\n" + "oom_kill 4\n",
    }
    assert kills(system(files)) == 4


def test_each_process_may_have_a_limit_of_its_own():
    resource = pytest.importorskip("resource")
    code = "from taskinity_nb.engine.runtime.memory_limit import own_limit; print(own_limit())"

    def lower():
        resource.setrlimit(resource.RLIMIT_AS, (4 * GIB, resource.RLIM_INFINITY))

    said = subprocess.run([sys.executable, "-c", code], preexec_fn=lower, capture_output=True)
    assert int(said.stdout) == 4 * GIB
