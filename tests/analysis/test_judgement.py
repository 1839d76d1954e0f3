"""`judge`: where a ratio may be said, and what is said where it may not."""

from __future__ import annotations

import pytest
from runs import make_run

from taskinity_nb import Flow, State, plot_gantt
from taskinity_nb.analysis.judgement import judge, judge_times, waits_of
from taskinity_nb.views.tables.run import run_table

BUSY = "the machine was busy with other work: no comparison"
COUNTS = Flow("Counts", tasks=["count_a", "count_b", "count_c", "count_d"])


def counted(seconds, waits, cpu, *, cores=4.0, workers=4, executor="processes", **options):
    """Return a run of four counts beside each other, which took, waited and computed so long."""
    tasks = zip(COUNTS.tasks, seconds, strict=True)
    intervals = [(name, f"w{i}", 0.0, took) for i, (name, took) in enumerate(tasks)]
    shares = {name: one / took
              for name, one, took in zip(COUNTS.tasks, cpu, seconds, strict=True)}  # fmt: skip
    told = dict(zip(COUNTS.tasks, waits, strict=True))
    return make_run(
        COUNTS, intervals, waits=told, cpu=shares, cores=cores, workers=workers, executor=executor,
        **options,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr("taskinity_nb.analysis.judgement.available_cores", lambda: 4)


class TestWhy:
    def test_a_sound_run(self):
        run = counted([1.0] * 4, [0.0] * 4, [1.0] * 4)
        assert judge(run).holds and judge(run) == ("", "", "", True)
        assert plot_gantt(run).get_title().startswith("4.0 times faster")

    def test_it_was_over_at_once(self):
        flow = Flow("Small", [("a", "b")])
        run = make_run(flow, [("a", "w", 0.0, 1e-6), ("b", "w", 0.0005, 0.000501)], makespan=0.4)
        assert judge(run).words == "too short to judge"
        chart = plot_gantt(run)
        assert "slower" not in repr(chart) and "slower" not in chart.get_title()
        assert chart.get_title().endswith("too short to judge")

    def test_what_a_short_run_waited_for_other_programs_is_not_replayed(self):
        run = counted([0.06] * 4, [0.02] * 4, [0.04] * 4)
        assert judge(run).kind == "short" and not judge(run).tells_work
        assert "sequential" not in repr(plot_gantt(run)) and "of work" not in run_table(run).facts

    def test_much_work_in_a_short_time_is_judged(self):
        run = counted([0.1] * 4, [0.0] * 4, [0.1] * 4)
        assert judge(run).holds

    def test_other_programs_had_the_cores(self):
        run = counted([2.0] * 4, [1.0] * 4, [1.0] * 4)
        assert judge(run) == ("busy", BUSY, "", False)
        title = plot_gantt(run).get_title()
        assert title == f"Processes in 2.00 s; {BUSY}"
        assert run_table(run).facts.endswith(f"2.00 s, {BUSY}")
        assert "sequential" not in repr(plot_gantt(run))

    def test_its_own_tasks_had_the_cores(self, monkeypatch):
        monkeypatch.setattr("taskinity_nb.analysis.judgement.available_cores", lambda: 2)
        run = counted([2.0] * 4, [1.0] * 4, [1.0] * 4, cores=2.0)
        assert judge(run).holds and run.work == pytest.approx(4.0)
        assert waits_of(run).foreign == pytest.approx(0.0)

    @pytest.mark.parametrize(
        ("how", "words"),
        [
            (State.CANCELLED, "cancelled after 1 of 4 tasks"),
            (ValueError("no"), "1 of 4 tasks failed"),
            (State.TIMED_OUT, "1 of 4 tasks failed"),
        ],
    )
    def test_it_did_not_do_all(self, how, words):
        intervals = [("count_a", "w1", 0.0, 1.0), ("count_b", "w2", 0.0, 3.0, how)]
        state = State.CANCELLED if how is State.CANCELLED else None
        others = dict.fromkeys(["count_c", "count_d"], State.CANCELLED)
        run = make_run(COUNTS, intervals, state=state, others=others)
        assert judge(run).words == words
        ax = plot_gantt(run)
        assert ax.get_title() == f"{words[:1].upper()}{words[1:]}; threads on 2 workers in 3.00 s"
        assert "replayed" not in repr(ax) and "faster" not in repr(ax)

    def test_a_task_was_tried_again(self):
        flow = Flow("Again", tasks=["a"])
        intervals = [("a", "w", 0.0, 2.0, State.RETRYING), ("a", "w", 2.0, 3.0)]
        assert judge(make_run(flow, intervals)).words == "1 task tried again: no comparison"

    def test_the_lock_let_one_at_a_time_compute(self):
        run = counted([4.0] * 4, [0.0] * 4, [1.0] * 4, cores=1.0, executor="threads")
        judgement = judge(run)
        assert judgement.kind == "lock"
        assert plot_gantt(run).get_title() == (
            "Threads on 4 workers in 4.00 s; the tasks took turns at the interpreter's lock"
        )
        assert "sequential at least 4.00 s (replayed)" in repr(plot_gantt(run))

    def test_what_is_not_known_is_said(self):
        """Where the system does not tell, it is not known why a task did not compute all along."""
        names = ["a", "b"]
        flow = Flow("Elsewhere", tasks=names)
        run = make_run(flow, [(n, n, 0.0, 1.0) for n in names], cpu=0.5, executor="processes")
        assert judge(run).holds
        assert judge(run).note == "not known here: whether tasks waited for a core"
        (subtitle,) = [t.get_text() for t in plot_gantt(run).texts if t.get_gid() == "subtitle"]
        assert subtitle.endswith(judge(run).note)

    def test_a_run_that_goes_on(self):
        run = make_run(COUNTS, [("count_a", "w", 0.0, 1.0, None)], state=State.RUNNING)
        assert judge(run).kind == "going"

    def test_times_around_whole_runs(self):
        """A stopwatch was there, so it is no matter what tasks of threads would take alone."""
        held = counted([4.0] * 4, [0.0] * 4, [1.0] * 4, cores=1.0, executor="threads")
        assert judge_times([held], [4.0]).holds
        assert judge_times([held], [0.2]).kind == "short"
        busy = counted([2.0] * 4, [1.0] * 4, [1.0] * 4)
        assert judge_times([held, busy], [4.0, 2.0]).kind == "busy"


class TestOneClock:
    def test_waiting_for_other_programs_counts_on_both_sides(self):
        """One task, alone with other programs, takes as long as in a plain loop."""
        flow = Flow("One", tasks=["a"])
        run = make_run(flow, [("a", "w", 0.0, 4.0)], cpu=0.25, waits={"a": 3.0}, cores=2.0)
        assert run.work == pytest.approx(4.0) and run.speedup == pytest.approx(1.0)

    def test_the_longest_bar_is_critical(self):
        run = counted([1.7, 1.6, 1.4, 1.5], [0.9, 0.7, 0.3, 0.1], [0.8, 0.9, 1.1, 1.4], cores=2.0)
        assert run.critical_path == ("count_a",)
        assert run.critical_seconds == pytest.approx(1.7)
        (subtitle,) = [t.get_text() for t in plot_gantt(run).texts if t.get_gid() == "subtitle"]
        assert "critical path, 1.70 s: count_a" in subtitle

    @pytest.mark.parametrize("cpu", [None, 0.25])
    def test_what_was_cut_off_at_the_lock(self, cpu):
        """Four tasks took turns until they were cancelled: not four workers' worth of work."""
        run = counted([2.0] * 4, [0.0] * 4, [0.5] * 4, cores=1.0, executor="threads")
        for record in run.tasks.values():
            record.cpu = None if cpu is None else cpu * 2.0
        assert run.speedup == pytest.approx(1.0)

    def test_what_sleeps_is_not_held_by_the_lock_though_it_wakes_up_late(self):
        """Each slept for 1 s and then waited for a core; that is no turn at the lock."""
        run = counted([1.6] * 4, [0.6] * 4, [0.001] * 4, cores=1.0, executor="threads")
        run.machine = 4.0
        assert run.efforts["count_a"] == pytest.approx(1.6) and judge(run).kind == "busy"

    def test_a_task_that_mostly_waits_is_not_held_longer_than_others_compute(self):
        """Each computes for a quarter of its time: the lock kept it for 1.5 s at most."""
        run = counted([2.0] * 4, [0.0] * 4, [0.4] * 4, cores=1.0, executor="threads")
        assert run.efforts["count_a"] == pytest.approx(0.8)
