"""How many tasks wait for a resource, from moment to moment."""

from __future__ import annotations

import time

from runs import calls, make_run

from taskinity_nb import Flow, Task, run, simulate
from taskinity_nb.analysis.waiting import MOST_SHOWN, MOST_STEPS, waiting_in


class TestWhoWaits:
    def test_how_many_do_from_moment_to_moment(self):
        (waiting,) = waiting_in(calls(4))
        assert waiting == ("api", ((0.0, 3), (1.0, 2), (2.0, 1), (3.0, 0)))
        assert waiting.label == "up to 3 tasks wait for api"

    def test_where_nobody_waits_there_is_no_curve(self):
        assert waiting_in(calls(4, limit=4)) == ()

    def test_who_waits_for_two_things_is_counted_for_both(self):
        found = waiting_in(calls(3, resource="api, memory"))
        assert [waiting.resource for waiting in found] == ["api", "memory"]

    def test_of_many_resources_those_waited_for_longest(self):
        names = ", ".join(f"r{i}" for i in range(6))
        assert len(waiting_in(calls(3, resource=names))) == MOST_SHOWN

    def test_a_moment_is_no_wait(self):
        flow = Flow("Calls", tasks=["a", "b"])
        recorded = make_run(
            flow, [("a", "w0", 0, 1), ("b", "w1", 0.001, 1)], waited_for={"b": (0.0, "api")}
        )
        assert waiting_in(recorded) == ()

    def test_one_who_still_waits_does_so_until_now(self):
        recorded = make_run(Flow("Calls", tasks=["a", "b"]), [("a", "w0", 0.0, 2.0)])
        origin = recorded.record.origin
        recorded.record.log += (1, recorded.tasks["b"].state.READY, origin, None, None, None)
        recorded.record.note(1, waited_for="api")
        assert waiting_in(recorded) == (("api", ((0.0, 1), (2.0, 0))),)

    def test_a_curve_of_very_many_is_thinned(self):
        (waiting,) = waiting_in(calls(5000, seconds=0.01))
        assert len(waiting.steps) <= MOST_STEPS + 1
        assert waiting.most == 4999 and waiting.steps[-1][1] == 0

    def test_of_a_real_run_and_of_its_prediction(self):
        names = {"call": Task(lambda: time.sleep(0.05), resources={"api": 1})}
        text = "\n".join(f"call as c{i}" for i in range(4))
        done = run(text, namespace=names, workers=4, resources={"api": 2})
        assert [waiting.resource for waiting in waiting_in(done)] == ["api"]
        (waiting,) = waiting_in(simulate(done, 4).run)
        assert waiting.most == 2
        assert waiting_in(simulate(done, 4, resources={"api": 4}).run) == ()
