"""Running a part of a flow: up to targets, and from results that are given."""

from __future__ import annotations

import io

import functions as fn
import pytest
from clusters import on_both

from taskinity_nb import FlowError, State, TaskError, compare, parse_dsl, run, simulate, start
from taskinity_nb.analysis.history import history

NAMES = vars(fn)
FLOW = "one -> double -> again -> report\none -> plot"
LEFT_OUT = "left out: not needed for 'again'"


def states(run):
    return {name: str(record.state) for name, record in run.tasks.items()}


def reasons(run):
    return {name: record.why for name, record in run.tasks.items()}


def names(**others):
    return {"one": fn.one, "double": fn.double, "again": fn.double, **others}


class TestTargets:
    def test_a_flow_up_to_the_task_that_was_written_so_far(self, executor):
        """What is left out needs no function: 'report' and 'plot' are not written yet."""
        result = run(FLOW, namespace=names(), executor=executor, targets="again")
        assert dict(result) == {"one": 1, "double": 2, "again": 4}
        assert result.result == 4
        assert result.state is State.SUCCEEDED
        assert states(result) == {
            "one": "succeeded", "double": "succeeded", "again": "succeeded",
            "report": "skipped", "plot": "skipped",
        }  # fmt: skip
        assert reasons(result)["report"] == reasons(result)["plot"] == LEFT_OUT
        with pytest.raises(FlowError, match=r"it is skipped .left out: not needed for 'again'"):
            result["plot"]

    def test_several(self):
        result = run(FLOW, namespace=names(plot=fn.double), targets=["double", "plot"])
        assert result.result == {"double": 2, "plot": 2}
        assert reasons(result)["again"] == "left out: not needed for 'double', 'plot'"
        assert run(FLOW, namespace=names(), targets=("again", "again")).result == 4

    def test_what_ran_is_all_that_began(self):
        def never(x):
            raise AssertionError(x)

        result = run(FLOW, namespace=names(report=never, plot=never), targets=iter(["again"]))
        assert {name for name, record in result.tasks.items() if record.attempts} == {
            "one", "double", "again",
        }  # fmt: skip

    def test_a_target_that_fails(self):
        with pytest.raises(TaskError, match="task 'bad' failed") as caught:
            run("one -> bad -> end", namespace={"one": fn.one, "bad": fn.divide}, targets="bad")
        assert states(caught.value.run)["end"] == "skipped"

    def test_letting_go_keeps_targets(self):
        result = run(FLOW, namespace=names(), targets=["double", "again"], keep="last")
        assert result.result == {"double": 2, "again": 4}
        assert "one" not in result

    def test_maps_conditions_parts_and_waits(self, executor):
        text = """
        scan -> map double -> total
        double -> map shown
        X, y = split
        scan -> split
        [X, total] -> answer when ok
        answer -.-> told
        y -> lost
        """
        functions = {
            "scan": lambda: [1, 2, 3], "double": fn.double, "total": sum, "ok": lambda: True,
            "split": lambda scan: (scan[0], scan[1]), "answer": lambda X, total: (X, total),
        }  # fmt: skip
        result = run(text, namespace=functions, executor=executor, targets="answer")
        assert result.result == (1, 12)
        assert [name for name, state in states(result).items() if state == "skipped"] == [
            "shown", "told", "lost",
        ]  # fmt: skip
        mapped = run("one -> few -> map double -> map again -> end",
                     namespace=names(few=lambda one: [one, 2]), executor=executor,
                     targets="double")  # fmt: skip
        assert mapped.result == [2, 4]
        assert states(mapped)["again"] == "skipped"

    def test_on_its_own_executor(self):
        """Nobody is asked to reserve what only a task that is left out wants."""
        from taskinity_nb import Task

        greedy = Task(fn.double, resources={"GPU": 1})
        assert run("one -> double -> greedy", namespace=names(greedy=greedy),
                   targets="double").result == 2  # fmt: skip

    def test_in_the_background(self):
        going = start(FLOW, namespace=names(), targets="again")
        assert going.wait().result == 4

    def test_it_can_be_pickled(self):
        import pickle

        read = pickle.loads(pickle.dumps(run(FLOW, namespace=names(), targets="again")))
        assert read.result == 4
        assert reasons(read)["plot"] == LEFT_OUT

    def test_all_that_can_be_said_of_it(self):
        result = run(FLOW, namespace=names(), targets="again")
        assert result.critical_path
        assert result.speedup >= 0
        assert simulate(result, 2).makespan >= 0
        assert "again" in repr(result.plan)
        assert "plot: left out: not needed for 'again'" in repr(result.plan)
        assert "3 succeeded, 2 skipped" in repr(result)
        assert len(result.to_frame()) == 5
        assert history() is not None

    def test_compared(self):
        found = compare("one -> double -> again", namespace=NAMES, executors=["sequential"],
                        repeats=1, targets=iter(["double"]), overrides={"one": 4})  # fmt: skip
        assert states(found.cases[0].run) == {
            "one": "cached", "double": "succeeded", "again": "skipped",
        }  # fmt: skip


class TestInputs:
    TEXT = "input path, title, depth = 3\nload -> fit\ntitle -> plot\nfit -> plot"
    NAMES = {"load": lambda path: path, "fit": lambda load: load + 1}  # noqa: RUF012

    def test_one_that_only_what_is_left_out_would_take_may_be_given(self):
        assert run(self.TEXT, {"path": 1, "title": "x"}, namespace=self.NAMES,
                   targets="fit").result == 2  # fmt: skip

    def test_and_need_not_be_given(self):
        assert run(self.TEXT, {"path": 1}, namespace=self.NAMES, targets="fit").result == 2

    def test_one_that_is_needed_must_be(self):
        with pytest.raises(FlowError, match="path"):
            run(self.TEXT, {"title": 1}, namespace=self.NAMES, targets="fit")
        text = "input files\nfiles -> count -> plot"
        with pytest.raises(FlowError, match="the flow's input 'files' has no value"):
            run(text, namespace={"count": len}, targets="count")

    def test_undeclared(self):
        functions = self.NAMES | {"plot": lambda fit, title: 0}
        assert run("load -> fit -> plot", {"path": 1, "title": 0}, namespace=functions,
                   targets="fit").result == 2  # fmt: skip
        assert run("load -> fit -> plot", {"path": 1, "plot.title": 0}, namespace=self.NAMES,
                   targets="fit").result == 2  # fmt: skip
        with pytest.raises(FlowError, match="no task takes the input 'tilte'"):
            run("load -> fit -> plot", {"path": 1, "tilte": 0}, namespace=functions,
                targets="fit")  # fmt: skip

    def test_one_value(self):
        text = "load -> fit\nother -> plot"
        assert run(text, 1, namespace=self.NAMES, targets="fit").result == 2
        assert run(text, 1, namespace=self.NAMES | {"only": fn.one} , targets="fit",
                   overrides={"load": 5}).result == 6  # fmt: skip


class TestOverrides:
    def test_a_result_that_is_given(self, executor):
        result = run("one -> load -> double -> again", namespace={"double": fn.double,
                     "again": fn.double}, executor=executor, overrides={"load": 5})  # fmt: skip
        assert dict(result) == {"load": 5, "double": 10, "again": 20}
        assert states(result)["load"] == "cached"
        assert reasons(result)["load"] == "given by overrides"
        assert reasons(result)["one"] == "left out: 'load' was given"
        assert result.state is State.SUCCEEDED

    def test_what_another_task_needs_too_runs(self):
        result = run(FLOW, namespace=names(report=fn.double, plot=fn.double),
                     overrides={"double": 7})  # fmt: skip
        assert result.result == {"report": 28, "plot": 2}

    def test_with_targets(self):
        result = run(FLOW, namespace=names(), targets="again", overrides={"double": 7, "plot": 0})
        assert dict(result) == {"double": 7, "again": 14, "plot": 0}
        assert reasons(result)["one"] == "left out: 'double' was given"

    def test_a_target_that_is_given(self):
        result = run(FLOW, targets="again", overrides={"again": 3})
        assert result.result == 3
        assert states(result)["one"] == "skipped"

    def test_a_mapped_task(self, executor):
        text = "scan -> map read -> map double -> collect"
        functions = {"double": fn.double, "collect": fn.collect}
        result = run(text, namespace=functions, executor=executor, overrides={"read": [1, 2]})
        assert result.result == ([2, 4],)
        assert run(text, namespace=functions, overrides={"read": iter([3])}).result == ([6],)
        with pytest.raises(FlowError, match="'read', which runs once for each item, as int"):
            run(text, namespace=functions, overrides={"read": 3})

    def test_what_is_mapped_over(self):
        result = run("scan -> map double", namespace=names(), overrides={"scan": (3, 4)})
        assert result.result == [6, 8]

    def test_parts(self):
        text = "load -> split\nX, y = split\n[X, y] -> fit"
        fit = {"fit": lambda X, y: (X, y)}
        assert run(text, namespace=fit, overrides={"split": (1, 2)}).result == (1, 2)
        assert run(text, namespace=fit, overrides={"split": {"X": 3, "y": 4}}).result == (3, 4)
        with pytest.raises(FlowError, match="'X', which is a part of the result of 'split'"):
            run(text, namespace=fit, overrides={"X": 3})

    def test_a_verdict(self):
        text = "check -> told\nreport when check"
        assert (
            run(text, namespace={"told": str, "report": fn.one}, overrides={"check": False})
            .tasks["report"]
            .why
            == "skipped: 'check' was false"
        )

    def test_none_is_a_result(self):
        assert run("one -> shown", namespace={"shown": repr}, overrides={"one": None}).result == (
            "None"
        )

    def test_what_is_before_may_fail(self):
        """A task whose result is given does not mind what becomes of what it would have taken."""
        text = "bad -> load -> double\nbad -> other"
        result = run(text, namespace=NAMES | {"bad": fn.raise_value_error, "other": str},
                     overrides={"load": 2}, on_error="continue")  # fmt: skip
        assert result["double"] == 4
        assert states(result) == {
            "bad": "failed", "load": "cached", "double": "succeeded", "other": "upstream_failed",
        }  # fmt: skip

    def test_letting_go(self):
        text = "one -> load -> double -> again\none -> again"
        result = run(text, namespace=names(again=fn.add), overrides={"load": 2}, keep="last")
        assert dict(result) == {"again": 5}


class TestWrongNames:
    @pytest.mark.parametrize(("options", "said"), [
        ({"targets": "agian"}, "targets names 'agian', which is no task of flow 'flow'\ndid you "
                               "mean 'again'?"),
        ({"targets": ["one", "zzz"]}, "the tasks are: 'one', 'double', 'again'"),
        ({"targets": []}, "targets names no task\nleave it out to run all tasks"),
        ({"targets": 3}, "targets takes names of tasks, not an object of class int"),
        ({"targets": [fn.one]}, "targets takes names of tasks, not an object of class function\n"
                                "write 'one'"),
        ({"targets": "n"}, "targets names 'n', which is an input of flow 'flow' and no task\ngive "
                           "it a value among the inputs: inputs={'n': value}"),
        ({"overrides": {"n": 3}}, "overrides names 'n', which is an input"),
        ({"overrides": {"duoble": 3}}, "overrides names 'duoble', which is no task of flow 'flow'\n"
                                       "did you mean 'double'?"),
        ({"overrides": ["one"]}, "overrides maps tasks to their results, and is no list\ngive "
                                 "overrides={'task': result, ...}"),
        ({"rerun": ["onne"]}, "rerun names 'onne', which is no task of flow 'flow'\ndid you mean"),
        ({"rerun": 3}, "rerun takes names of tasks, not an object of class int"),
        ({"rerun": "one", "overrides": {"one": 3}}, "rerun names 'one', which does not run: given "
                                                    "by overrides\nleave it out of one of the two"),
        ({"rerun": "again", "targets": "one"}, "rerun names 'again', which does not run: left out: "
                                               "not needed for 'one'\nname it among the targets"),
    ])  # fmt: skip
    def test_an_error_before_anything_runs(self, options, said):
        text = "input n = 1\none -> double -> again"
        with pytest.raises(FlowError) as caught:
            run(text, namespace={}, **options)
        assert said in str(caught.value)

    def test_names_are_read_as_python_does(self):
        assert run("one", namespace=NAMES, targets="ｏne").result == 1


class TestResume:
    def test_tasks_that_run_again(self, executor):
        first = run(FLOW, namespace=names(report=fn.double, plot=fn.double), executor=executor)
        second = first.resume(rerun="double")
        assert states(second) == {
            "one": "cached", "double": "succeeded", "again": "succeeded", "report": "succeeded",
            "plot": "cached",
        }  # fmt: skip
        assert reasons(second)["double"] == "runs again: it was named in rerun"
        assert reasons(second)["again"] == "runs again: 'double' runs again"
        assert set(states(second.resume()).values()) == {"cached"}  # it was asked for once

    def test_each_item_of_a_map(self):
        first = run("scan -> map double", namespace=names(scan=lambda: [1, 2]))
        second = first.resume(rerun=["double"])
        assert [str(item.state) for item in second.tasks["double"].items] == ["succeeded"] * 2

    def test_without_an_earlier_run(self):
        assert run(FLOW, namespace=NAMES | names(), targets="double", rerun=["one"]).result == 2

    def test_targets_stay(self):
        first = run(FLOW, namespace=names(), targets="again")
        second = first.resume()
        assert second.result == 4
        assert states(second)["again"] == "cached"
        assert states(second)["plot"] == "skipped"
        third = second.resume(targets="double")
        assert third.result == 2
        assert reasons(third)["again"] == "left out: not needed for 'double'"

    def test_all_of_it_after_a_part(self):
        functions = names()
        first = run(FLOW, namespace=functions, targets="again")
        functions |= {"report": fn.double, "plot": fn.double}
        second = first.resume(targets=None)
        assert states(second) == {
            "one": "cached", "double": "cached", "again": "cached", "report": "succeeded",
            "plot": "succeeded",
        }  # fmt: skip
        assert reasons(second)["plot"] == "runs again: it was left out then"

    def test_what_was_given_is_given_again(self):
        first = run(FLOW, namespace=names(), targets="again", overrides={"one": 5})
        second = first.resume()
        assert states(second)["again"] == "cached"
        assert reasons(second)["one"] == "given by overrides"
        third = second.resume(overrides={"one": 6})
        assert third.result == 24
        assert reasons(third)["double"] == "runs again: 'one' was given"
        fourth = third.resume(overrides=None)
        assert fourth.result == 4
        assert reasons(fourth)["one"] == "runs again: its result was given then"

    def test_a_result_that_was_computed_and_is_now_given(self):
        first = run(FLOW, namespace=names(), targets="again")
        assert first.resume(overrides={"double": 1}).result == 2

    def test_a_result_that_was_let_go_and_is_a_target(self):
        first = run("one -> double -> again", namespace=names(), keep="last")
        assert first.resume(targets=["double", "again"]).result == {"double": 2, "again": 4}
        second = first.resume(targets="double")
        assert second.result == 2

    def test_one_that_was_let_go_and_is_needed_by_nobody_who_runs(self):
        text = "one -> double -> [again, report]"
        first = run(text, namespace=names(report=fn.double), keep="last")
        second = first.resume(targets="again")
        assert states(second) == {
            "one": "cached", "double": "cached", "again": "cached", "report": "skipped",
        }  # fmt: skip

    def test_a_given_file_that_was_read(self):
        functions = {"read": lambda file: file.read()}
        first = run("open -> read", namespace=functions, overrides={"open": io.StringIO("text")})
        assert first.result == "text"
        with pytest.raises(FlowError, match="given for 'open', a StringIO, can be read only once"):
            first.resume(rerun="read")
        assert first.resume(overrides={"open": io.StringIO("more")}).result == "more"

    def test_a_given_file_goes_to_one(self):
        with pytest.raises(FlowError, match=r"overrides gives the result of 'one': .*only once"):
            run("one -> [double, again]", namespace=names(), overrides={"one": io.StringIO()})

    def test_nothing_to_replay(self):
        first = run("one -> double -> again", namespace=NAMES, targets="double",
                    overrides={"one": 3})  # fmt: skip
        assert first.replay("double") == 6
        with pytest.raises(FlowError, match="'again' did not run, left out: not needed for"):
            first.replay("again")
        with pytest.raises(FlowError, match="'one' did not run, given by overrides"):
            first.replay("one")


ON_A_CLUSTER = """
import sys
exec(sys.stdin.read())
from taskinity_nb import run
from operator import neg
where = sys.argv[1]

text = "load -> clean -> fit -> report\\nclean -> plot\\nfit -> map each -> after"
functions = {"load": lambda: 1, "clean": lambda load: load + 1, "fit": lambda clean: [clean, 3]}
first = run(text, namespace=functions, executor=where, targets="fit")
assert first.result == [2, 3], first.result
states = {name: str(task.state) for name, task in first.tasks.items()}
assert states == dict(load="succeeded", clean="succeeded", fit="succeeded", report="skipped",
                      plot="skipped", each="skipped", after="skipped"), states

given = run(text, namespace={"each": neg, "after": sum, "fit": functions["fit"]}, executor=where,
            overrides={"clean": 7}, targets=["after"])
assert given.result == -10, given.result
assert given.tasks["load"].why == "left out: 'clean' was given"
mapped = run(text, namespace={"after": sum}, executor=where, overrides={"each": [1, 2]},
             targets="after")
assert mapped.result == 3
again = first.resume(rerun="clean")
assert {n: str(t.state) for n, t in again.tasks.items() if t.why[:4] != "left"} == dict(
    load="cached", clean="succeeded", fit="succeeded")
"""


@pytest.mark.slow
@on_both
def test_on_a_cluster(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", ON_A_CLUSTER, cluster.executor)


def test_an_empty_override_changes_nothing():
    result = run("one -> double", namespace=NAMES, overrides={})
    assert set(states(result).values()) == {"succeeded"}


def test_the_flow_stays_whole():
    flow = parse_dsl(FLOW)
    assert run(flow, namespace=names(), targets="again").flow is flow


class TestFlowsInAFlow:
    TEXT = """
    flow Prep:
        load -> [clean, check]
    flow One:
        load -> clean
    flow Main:
        Prep -> fit
        One -> fit -> unwritten
    """
    NAMES = {"load": fn.one, "clean": fn.double, "check": fn.double, "fit": fn.collect}  # noqa: RUF012

    def test_as_a_target_it_is_its_last_tasks(self):
        found = run(self.TEXT, namespace=self.NAMES, targets="Prep")
        assert found.result == {"clean": 2, "check": 2}
        assert run(self.TEXT, namespace=self.NAMES, targets="One").result == 2
        assert run(self.TEXT, namespace=self.NAMES, targets="One.load").result == 1

    def test_its_result_is_given(self):
        found = run(self.TEXT, namespace=self.NAMES, targets="fit", overrides={"One": 5})
        assert 5 in found.result
        assert reasons(found)["One.load"] == "left out: 'One.clean' was given"
        given = {"One": 5, "Prep": {"clean": 3, "check": 4}}
        found = run(self.TEXT, namespace=self.NAMES, targets="fit", overrides=given)
        assert states(found)["Prep.load"] == "skipped"

    def test_it_runs_again(self):
        first = run(self.TEXT, namespace=self.NAMES, targets="fit")
        assert set(states(first.resume(rerun="Prep")).values()) >= {"succeeded", "cached"}
        assert states(first.resume(rerun="Prep"))["Prep.load"] == "succeeded"
        again = states(first.resume(rerun="One"))
        assert (again["One.load"], again["One.clean"], again["Prep.clean"]) == (
            "succeeded", "succeeded", "cached",
        )  # fmt: skip
