"""How many workers are worth having, by prediction."""

from __future__ import annotations

import pytest
from runs import make_run

from taskinity_nb import Flow
from taskinity_nb.analysis.prediction.scaling import MOST_WORKERS, knee_of, makespans
from taskinity_nb.analysis.prediction.workload import workload_of


def independent(number, seconds=1.0):
    flow = Flow("Independent", tasks=[f"t{i}" for i in range(number)])
    return make_run(
        flow,
        [(f"t{i}", "w", i * seconds, (i + 1) * seconds) for i in range(number)],
        workers=1,
        cpu=0.0,
    )


def knee(run):
    return knee_of(workload_of(run))


def test_tasks_come_in_rounds():
    seconds = makespans(workload_of(independent(8)), [1, 2, 3, 4, 7, 8, 9])
    assert seconds == pytest.approx([8, 4, 3, 2, 2, 1, 1])


class TestKnee:
    def test_a_chain_has_use_for_one(self):
        chain = Flow("Chain", [("a", "b"), ("b", "c")])
        run = make_run(chain, [("a", "w", 0, 1), ("b", "w", 1, 2), ("c", "w", 2, 3)])
        assert knee(run) == 1

    def test_a_plateau_is_no_end(self):
        """From 4 workers to 5 nothing is gained, but 8 halve the time."""
        assert knee(independent(8)) == 8

    def test_many_rounds_need_no_worker_for_each_task(self):
        assert 14 <= knee(independent(400)) <= 30

    def test_tasks_that_compute_need_no_more_workers_than_cores(self):
        load = workload_of(independent(16))
        assert knee_of(load._replace(shares=[1.0] * 16, cores=4.0)) == 4

    def test_the_most(self):
        assert knee(independent(1)) == 1
        assert knee(make_run(Flow("Empty", []))) == 1
        assert knee(independent(500)) <= MOST_WORKERS
