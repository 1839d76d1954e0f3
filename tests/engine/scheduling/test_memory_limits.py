"""Memory as a resource: tasks ask for what they took in their last run."""

import itertools

import pytest

from taskinity_nb import ExecutorError, parse_dsl, run, simulate, task
from taskinity_nb.engine.remote.process.memory import memory_gauge
from taskinity_nb.engine.runtime.memory_limit import Memory
from taskinity_nb.engine.scheduling import history
from taskinity_nb.engine.scheduling.limits import machine
from taskinity_nb.engine.scheduling.limits.demands import limits_of
from taskinity_nb.engine.scheduling.limits.machine import A_WORKER, what_there_is
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


class TestTheMachines:
    """Memory of which the run does not say how much there is."""

    @pytest.fixture(autouse=True)
    def small_machine(self, monkeypatch):
        monkeypatch.setattr(machine, "memory_left", self.left)
        self.asked = 0

    def left(self):
        self.asked += 1
        return Memory(2_000_000_000, 920_000_000, "a machine of the test")

    def there_is(self, given=None, executor="processes", workers=8, namespace=NAMES):
        plan = resolve(parse_dsl(FLOW), None, namespace)
        return what_there_is(plan, given, executor, workers, lambda: 3)

    def test_counts_where_what_is_known_would_not_fit(self):
        has_taken(hold=301_000_000)
        assert self.there_is() == {"memory": 1_080_000_000 - 5 * A_WORKER}
        assert self.there_is({"api": 3}).keys() == {"api", "memory"}

    def test_is_not_asked_where_nothing_is_known(self):
        assert self.there_is() == {} and not self.asked

    def test_does_not_count_where_all_fits(self):
        has_taken(hold=101_000_000)
        assert self.there_is() == {} and self.asked
        has_taken(hold=301_000_000)
        assert self.there_is(workers=3) == {}

    def test_does_not_count_where_the_run_says_how_much_there_is(self):
        has_taken(hold=301_000_000)
        assert self.there_is({"memory": "4 GB"}) == {"memory": 4e9} and not self.asked

    def test_of_other_machines_nothing_is_known(self):
        has_taken(hold=301_000_000)
        says = NAMES | {"hold": task(resources={"memory": 2e9})(hold)}
        for executor in ("dask", "ray", "tcp://localhost:8786", object()):
            assert self.there_is(executor=executor) == {}
            assert self.there_is(executor=executor, namespace=says) == {}

    def test_what_tasks_took_in_processes_is_not_what_they_take_in_threads(self):
        has_taken(hold=301_000_000)
        assert self.there_is(executor="threads") == {}

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_a_task_may_say_what_it_takes_and_nobody_how_much_there_is(self, executor):
        says = NAMES | {"hold": task(resources={"memory": 4e8})(hold)}
        result = run(FLOW, namespace=says, executor=executor, workers=2)
        assert result["end"] == 6 and 1e9 < result.resources["memory"] < 1.08e9 + 1

    def test_one_that_needs_more_than_there_is_has_all(self):
        """Nobody has said that there is so little, so it is tried, by itself."""
        says = NAMES | {"hold": task(resources={"memory": 9e9})(hold)}
        result = run(FLOW, namespace=says, executor="threads", workers=4)
        spans = sorted((item.started, item.finished) for item in result.tasks["hold"].items)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
        assert simulate(result, 4).makespan > 0  # it goes by the same
        with pytest.raises(ExecutorError, match="asks for 9000000000 of 'memory'"):
            run(FLOW, namespace=says, resources={"memory": "1 GB"})
