"""Memory as a resource: tasks ask for what they took in their last run."""

import itertools

import pytest

from taskinity_nb import parse_dsl, run, task
from taskinity_nb.engine.remote.process.memory import memory_gauge
from taskinity_nb.engine.scheduling import history
from taskinity_nb.engine.scheduling.limits.demands import limits_of
from taskinity_nb.model.binding import resolve
from taskinity_nb.model.limits.capacities import capacities, rate

FLOW = "flow Memory:\n    sizes -> map hold -> end"


def sizes():
    return [30] * 6


def hold(size):
    return len(bytearray(size * 1_000_000))


NAMES = {"sizes": sizes, "hold": hold, "end": len}


@pytest.fixture(autouse=True)
def forget():
    history._known.clear()
    yield
    history._known.clear()


def demands(there_is, namespace=NAMES):
    plan = resolve(parse_dsl(FLOW), None, namespace)
    limits = limits_of(plan, capacities(there_is))
    names = plan.flow.tasks
    return {} if limits is None else {names[slot]: dict(d) for slot, d in limits.demands.items()}


def has_taken(**peaks):
    flow = parse_dsl(FLOW)
    known = history._known[flow] = history._Known()
    known.peaks = {flow.tasks.index(name): peak for name, peak in peaks.items()}


def test_what_the_last_run_took_rounded_up():
    has_taken(hold=301_000_000, end=999_999)
    assert demands({"memory": "4 GB"}) == {"hold": {"memory": 310e6}}
    assert demands({"api": 3}) == demands({}) == {}


def test_what_a_task_says_wins():
    has_taken(hold=301_000_000, sizes=12_000_000)
    says = NAMES | {"hold": task(resources={"memory": 2e9})(hold)}
    assert demands({"memory": 4e9}, says) == {
        "hold": {"memory": 2e9}, "sizes": {"memory": 12e6},
    }  # fmt: skip


def test_what_took_more_than_there_is_asks_for_all():
    has_taken(hold=9_000_000_000)
    assert demands({"memory": "4 GB"}) == {"hold": {"memory": 4e9}}


def test_a_rate_called_memory_is_no_memory():
    has_taken(hold=301_000_000)
    assert demands({"memory": rate("10/s")}) == {}


@pytest.mark.skipif(memory_gauge() is None, reason="the system does not tell")
def test_no_more_at_once_than_there_is():
    options = {"namespace": NAMES, "executor": "processes", "workers": 3}
    measured = run(FLOW, **options)
    assert measured.tasks["hold"].peak_memory == pytest.approx(30e6, rel=0.2)
    held = run(FLOW, resources={"memory": "40 MB"}, **options)
    assert held["end"] == 6
    spans = sorted((item.started, item.finished) for item in held.tasks["hold"].items)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert any(item.waited_for == "memory" for item in held.tasks["hold"].items)
