"""Running flows: results, records, failure, on every executor."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import functions as fn
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import sized

from taskinity_nb import (
    BindingError,
    Cancelled,
    ExecutorError,
    Flow,
    FlowError,
    NoResultError,
    State,
    TaskError,
    parse_dsl,
    run,
    run_flow_from_dsl,
    run_parallel_flow_from_dsl,
    start,
    task,
)

DIAMOND = """
one -> [double as left, double as right]
[left, right] -> add
"""
NAMES = vars(fn)


def events_of(run):
    return [(event.task, str(event.state)) for event in run.events]


def started(run):
    return [task for task, state in events_of(run) if state == "running"]


class TestEveryExecutor:
    def test_results(self, executor):
        result = run(DIAMOND, namespace=NAMES, executor=executor)
        assert dict(result) == {"one": 1, "left": 2, "right": 2, "add": 4}
        assert result.result == 4
        assert result.state is State.SUCCEEDED

    def test_records_are_complete_and_in_order(self, executor):
        result = run(DIAMOND, namespace=NAMES, executor=executor)
        for record in result.tasks.values():
            stamps = [
                record.ready,
                record.submitted,
                record.started,
                record.finished,
                record.received,
            ]
            assert stamps == sorted(stamps)
            assert record.attempts == 1
            assert record.cpu >= 0
            assert record.worker
        assert result.makespan >= result.tasks["add"].received
        assert result.critical_path[0] == "one"
        assert result.critical_path[-1] == "add"

    def test_a_failure_leaves_the_other_branch_alone(self, executor):
        with pytest.raises(TaskError) as caught:
            run("one -> [divide, double]\n divide -> collect", namespace=NAMES, executor=executor)
        error = caught.value
        assert str(error) == "task 'divide' failed: ZeroDivisionError: division by zero"
        assert error.task == "divide"
        assert isinstance(error.__cause__, ZeroDivisionError)
        assert dict(error.run) == {"one": 1, "double": 2}
        states = {name: str(record.state) for name, record in error.run.tasks.items()}
        assert states == {
            "one": "succeeded",
            "divide": "failed",
            "double": "succeeded",
            "collect": "upstream_failed",
        }
        assert error.run.tasks["collect"].cause == "divide"
        file, line, function = error.run.tasks["divide"].frames[-1]
        assert (file, function) == (fn.__file__, "divide")
        assert line == fn.divide.__code__.co_firstlineno + 1

    def test_continue_returns_the_run(self, executor):
        result = run("one -> divide", namespace=NAMES, executor=executor, on_error="continue")
        assert result.state is State.FAILED
        assert list(result.errors) == ["divide"]

    @pytest.mark.parametrize("function", ["leave", "raise_base", "unspeakable", "awkward"])
    def test_whatever_a_task_raises_is_its_own_failure(self, executor, function):
        flow = Flow("odd", tasks=[function, "one"])
        with pytest.raises(TaskError, match=f"task '{function}' failed") as caught:
            run(flow, namespace=NAMES, executor=executor)
        assert dict(caught.value.run) == {"one": 1}
        assert run("one", namespace=NAMES, executor=executor)["one"] == 1

    def test_closures_and_lambdas(self, executor):
        offset = 10
        names = {"one": lambda: 1, "shift": lambda x: x + offset}
        assert run("one -> shift", namespace=names, executor=executor)["shift"] == 11

    def test_validators(self, executor):
        def positive(x):
            return x > 0

        checked = task(validate_input=positive, validate_output=lambda result: result < 100)(
            fn.double
        )
        names = {"start": lambda x: x, "double": checked}
        flow = "start -> double"
        assert run(flow, {"x": 4}, namespace=names, executor=executor)["double"] == 8
        for x, which in ((-1, "validate_input"), (50, "validate_output")):
            with pytest.raises(TaskError, match=f"ValueError: {which} of 'double' returned False"):
                run(flow, {"x": x}, namespace=names, executor=executor)

    def test_keys_of_a_result_are_known_late(self, executor):
        names = {"split": lambda: {"b": 2, "a": 1}, "take": lambda a, b, c=3: (a, b, c)}
        assert run("split -> take", namespace=names, executor=executor)["take"] == (1, 2, 3)
        names["split"] = lambda: {"a": 1}
        with pytest.raises(TaskError, match="has no value for 'b'") as caught:
            run("split -> take", namespace=names, executor=executor)
        assert isinstance(caught.value.__cause__, BindingError)

    def test_one_key_or_attribute_of_a_result(self, executor):
        names = {"classify": lambda: {"urgent": 1, "normal": 2}, "answer": lambda x: x * 10}
        text = "classify.urgent -> answer"
        assert run(text, namespace=names, executor=executor)["answer"] == 10
        names["classify"] = lambda: complex(3, 4)
        assert run("classify.imag -> answer", namespace=names, executor=executor)["answer"] == 40.0


class TestKeys:
    NAMES: ClassVar = {
        "classify": lambda: {"urgent": 1, "normal": 2},
        "swapped": lambda normal, urgent: (normal, urgent),
        "whole": lambda a, classify: (a, classify),
        "spread": lambda **keys: keys,
    }

    def test_a_parameter_that_is_named_after_the_key(self):
        text = "classify.urgent -> swapped\nclassify.normal -> swapped"
        assert run(text, namespace=self.NAMES)["swapped"] == (2, 1)

    def test_a_key_beside_the_whole(self):
        text = "classify.urgent -> whole\nclassify -> whole"
        assert run(text, namespace=self.NAMES)["whole"] == (1, {"urgent": 1, "normal": 2})

    def test_keys_by_name(self):
        text = "classify.urgent -> spread\nclassify.normal -> spread"
        assert run(text, namespace=self.NAMES)["spread"] == {"urgent": 1, "normal": 2}

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            ({"urgnt": 1}, "of 'f', a dict, has no key 'urgent'\ndid you mean 'urgnt'?"),
            ({"x": 1}, "has no key 'urgent'\nit has 'x'"),
            (3, "of 'f', an int, has no attribute 'urgent'"),
        ],
    )
    def test_one_that_is_not_there(self, result, message):
        names = {"f": lambda: result, "g": lambda x: x}
        with pytest.raises(TaskError, match="task 'g' failed: the result of 'f'") as caught:
            run("f.urgent -> g", namespace=names)
        assert message in str(caught.value.__cause__)

    def test_explained(self):
        plan = parse_dsl("classify.urgent -> spread").explain(namespace=self.NAMES)
        assert "urgent  <- 'urgent' of the result of classify" in str(plan)


class TestEvents:
    def test_sequential(self):
        result = run(DIAMOND, namespace=NAMES, executor="sequential")
        assert events_of(result) == [
            ("one", "ready"),
            ("one", "running"),
            ("one", "succeeded"),
            ("left", "ready"),
            ("right", "ready"),
            ("left", "running"),
            ("left", "succeeded"),
            ("right", "running"),
            ("right", "succeeded"),
            ("add", "ready"),
            ("add", "running"),
            ("add", "succeeded"),
        ]

    def test_failure(self):
        result = run(
            "one -> divide -> [collect, double]", namespace=NAMES,
            executor="sequential", on_error="continue",
        )  # fmt: skip
        assert events_of(result)[3:] == [
            ("divide", "ready"),
            ("divide", "running"),
            ("divide", "failed"),
            ("collect", "upstream_failed"),
            ("double", "upstream_failed"),
        ]

    def test_stop_starts_nothing_new(self):
        flow = Flow("stop", tasks=["divide", "one", "double"])
        with pytest.raises(TaskError) as caught:
            run(flow, {"x": 1}, namespace=NAMES, executor="sequential", on_error="stop")
        assert events_of(caught.value.run)[3:] == [
            ("divide", "running"),
            ("divide", "failed"),
            ("one", "cancelled"),
            ("double", "cancelled"),
        ]
        assert caught.value.run.state is State.FAILED

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_stop_counts_every_task_once(self, executor):
        """What was taken when a task fails is neither cancelled nor lost, whoever runs it."""
        flow = Flow("stop", tasks=["divide", *(f"t{i}" for i in range(20))])
        names = {"divide": fn.divide} | {f"t{i}": fn.one for i in range(20)}
        for _ in range(10):
            with pytest.raises(TaskError) as caught:
                run(flow, {"x": 1}, namespace=names, executor=executor, workers=4, on_error="stop")
            ended = [task for task, state in events_of(caught.value.run)
                     if state in ("succeeded", "failed", "cancelled")]  # fmt: skip
            assert sorted(ended) == sorted(flow.tasks)

    def test_an_empty_flow(self):
        result = run(Flow("nothing"))
        assert (dict(result), result.events, result.state) == ({}, [], State.SUCCEEDED)
        assert result.result == {}


class TestParallelism:
    @pytest.mark.parametrize("make", [lambda: "threads", lambda: ThreadPoolExecutor(3)])
    def test_as_many_at_once_as_there_are_workers(self, make):
        """Three tasks meet at a barrier, which nobody passes alone."""
        meeting = threading.Barrier(3)
        flow = Flow("meeting", [("begin", name) for name in "abc"])
        names = dict.fromkeys("abc", lambda: meeting.wait(timeout=30)) | {"begin": lambda: None}
        result = run(flow, namespace=names, executor=make(), workers=3)
        assert sorted(result[name] for name in "abc") == [0, 1, 2]
        assert len({result.tasks[name].worker for name in "abc"}) == 3

    @pytest.mark.parametrize("make", [lambda: "threads", lambda: ThreadPoolExecutor(8)])
    def test_never_more_than_workers(self, make):
        running, most, lock = 0, 0, threading.Lock()
        step = threading.Semaphore(0)

        def watch():
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            step.release()
            step.acquire()
            with lock:
                running -= 1

        names = {f"t{i}": watch for i in range(40)}
        run(Flow("many", tasks=names), namespace=names, executor=make(), workers=2)
        assert most <= 2

    def test_sequential_is_the_calling_thread(self):
        assert (
            run("thread", namespace=NAMES, executor="sequential")["thread"] == threading.get_ident()
        )

    def test_processes_are_other_processes_and_stay_warm(self):
        first = run("pid", namespace=NAMES, executor="processes", workers=1)["pid"]
        assert first != fn.pid()
        assert run("pid", namespace=NAMES, executor="processes", workers=1)["pid"] == first

    def test_context_variables_reach_threads_and_do_not_leak(self):
        variable = contextvars.ContextVar("variable", default="unset")

        def read():
            seen = variable.get()
            variable.set("by a task")
            return seen

        variable.set("by the caller")
        names = {"a": read, "b": read}
        result = run("a -.-> b", namespace=names, executor="threads", workers=1)
        assert dict(result) == {"a": "by the caller", "b": "by the caller"}

    def test_a_pool_that_its_tasks_use_themselves(self):
        """A loop that finds nothing ready leaves the pool, so a task may submit to it."""
        with ThreadPoolExecutor(2) as pool:
            names = {"outer": lambda: pool.submit(fn.one).result(timeout=30), "double": fn.double}
            assert run("outer -> double", namespace=names, executor=pool)["double"] == 2

    def test_a_flow_inside_a_task(self):
        names = {"inner": lambda: run("one -> double", namespace=NAMES)["double"], "add": fn.add}
        assert run("[inner, inner as again] -> add", namespace=names)["add"] == 4


class TestUsersExecutors:
    def test_is_not_shut_down(self, pools):
        for pool in pools.values():
            run("one", namespace=NAMES, executor=pool)
            assert pool.submit(fn.double, 4).result() == 8

    def test_closed(self):
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        with pytest.raises(ExecutorError, match="the thread pool takes no more work"):
            run("one", namespace=NAMES, executor=pool)

    def test_closed_while_somebody_watches(self):
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        ends = []
        with pytest.raises(ExecutorError) as caught:
            run(
                "one",
                namespace=NAMES,
                executor=pool,
                observers=[lambda _, run: ends.append(run.done)],
            )
        assert ends[-1] is True
        assert str(caught.value.run.tasks["one"].state) == "cancelled"

    @pytest.mark.parametrize(
        ("executor", "message"),
        [
            ("thread", "there is no executor 'thread'\ndid you mean 'threads'?"),
            ("x", "there is no executor 'x'\nthe words are sequential, threads, processes"),
            (3, "an executor is a word or has 'submit'; this is int"),
            (ThreadPoolExecutor, "'ThreadPoolExecutor' is a class, not an executor"),
        ],
    )
    def test_unknown(self, executor, message):
        with pytest.raises(ExecutorError) as caught:
            run("one", namespace=NAMES, executor=executor)
        assert message in str(caught.value)

    @pytest.mark.parametrize("workers", [0, -1, 1.5, "2"])
    def test_workers(self, workers):
        with pytest.raises(FlowError, match="workers is a whole number from 1 on"):
            run("one", namespace=NAMES, workers=workers)

    def test_on_error(self):
        with pytest.raises(FlowError, match="did you mean 'continue'"):
            run("one", namespace=NAMES, on_error="contine")


class TestStart:
    def test_returns_at_once(self):
        gate = threading.Event()
        names = {"wait": lambda: gate.wait(30), "after": lambda waited: waited}
        for executor in ("sequential", "threads"):
            gate.clear()
            going = start("wait -> after", namespace=names, executor=executor)
            assert not going.done
            with pytest.raises(TimeoutError, match="it goes on"):
                going.wait(0.01)
            gate.set()
            assert going.wait(30) is going
            assert going["after"] is True

    def test_cancel_keeps_what_is_finished(self):
        begun, gate = threading.Event(), threading.Event()

        def hold(first):
            begun.set()
            gate.wait(30)

        names = {"first": lambda: 1, "hold": hold, "after": lambda hold: hold}
        going = start("first -> hold -> after", namespace=names)
        assert begun.wait(30)
        going.cancel()
        assert going.done
        gate.set()
        with pytest.raises(Cancelled, match="1 of 3 tasks had finished") as caught:
            going.wait()
        assert dict(caught.value.run) == {"first": 1}
        assert [str(r.state) for r in going.tasks.values()] == [
            "succeeded",
            "cancelled",
            "cancelled",
        ]
        assert going.state is State.CANCELLED

    def test_cancel_after_the_end_changes_nothing(self):
        done = start("one", namespace=NAMES).wait()
        done.cancel()
        assert done.state is State.SUCCEEDED


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class TestObservers:
    def test_every_event_once_and_the_end(self):
        seen, ends = [], []

        def observer(events, run):
            seen.extend(events)
            ends.append(run.done)

        result = run(DIAMOND, namespace=NAMES, observers=[observer])
        assert seen == result.events
        assert ends[-1] is True

    def test_one_that_raises_is_reported_once_and_dropped(self):
        calls = []

        def broken(events, run):
            calls.append(events)
            raise RuntimeError("no screen")

        going = threading.Event()
        caught = []

        def collector(events, run):
            caught.extend(events)
            going.set()

        names = {"wait": lambda: going.wait(30), "after": lambda wait: wait}
        # The thread that tells observers warns; pytest turns that into an error of that thread.
        with pytest.warns(
            RuntimeWarning, match="the observer broken raised RuntimeError: no screen"
        ):
            result = run("wait -> after", namespace=names, observers=[broken, collector])
        assert len(calls) == 1
        assert caught == result.events

    @pytest.mark.parametrize("error", [Unreadable, SystemExit])
    def test_one_that_raises_what_is_no_usual_error(self, error):
        def broken(events, run):
            raise error

        ends = []
        with pytest.warns(RuntimeWarning, match=f"the observer broken raised {error.__name__}"):
            run("one", namespace=NAMES, observers=[broken, lambda _, run: ends.append(run.done)])
        assert ends == [True]

    def test_one_that_raises_where_warnings_are_errors(self, monkeypatch):
        def broken(events, run):
            raise RuntimeError("no screen")

        told, ends = [], []
        monkeypatch.setattr(threading, "excepthook", lambda args: told.append(str(args.exc_value)))
        run("one", namespace=NAMES, observers=[broken, lambda _, run: ends.append(run.done)])
        assert ends == [True]
        assert [text.split(";")[0] for text in told] == [
            "the observer broken raised RuntimeError: no screen"
        ]


class TestRun:
    def test_mapping(self):
        result = run("one -> divide -> double", namespace=NAMES, on_error="continue")
        assert list(result) == ["one"]
        assert "divide" not in result
        assert len(result) == 1
        assert result == result
        assert result != run("one", namespace=NAMES)
        with pytest.raises(NoResultError, match=r"it is failed \(ZeroDivisionError: division"):
            result["divide"]
        with pytest.raises(KeyError, match=r"it is upstream_failed \('divide' failed\)"):
            result["double"]
        with pytest.raises(KeyError, match="did you mean 'double'"):
            result["doubel"]
        assert result.get("nothing") is None

    def test_result_of_several_last_tasks(self):
        assert run("one -> [double, collect]", namespace=NAMES).result == {
            "double": 2,
            "collect": (1,),
        }

    def test_release(self):
        result = run("one", namespace=NAMES)
        result.release()
        assert dict(result) == {}
        assert result.tasks["one"].duration >= 0

    def test_all_failures_are_told(self):
        flow = Flow("two", tasks=["divide", "leave"])
        with pytest.raises(TaskError) as caught:
            run(flow, {"x": 1}, namespace=NAMES, executor="sequential")
        assert caught.value.__notes__ == ["task 'leave' failed too: SystemExit: 3"]


class TestGuide:
    def test_functions(self):
        @task
        def halve(number):
            return number / 2

        assert run_flow_from_dsl("halve", 84)["halve"] == 42
        assert run_flow_from_dsl("halve", 84).executor == "sequential"
        assert run_parallel_flow_from_dsl("halve", 84).executor == "threads"
        with ThreadPoolExecutor(max_workers=4) as pool:
            result = run_parallel_flow_from_dsl("halve", {"number": 8}, executor=pool)
        assert (result["halve"], result.workers) == (4, 4)
        assert run_parallel_flow_from_dsl("halve", 2, max_workers=3).workers == 3


class TestResume:
    def test_keeps_what_succeeded(self):
        names = {
            "load": lambda path: path,
            "parse": lambda load: 1 / 0,
            "count": lambda load: len(load),
            "report": lambda parse, count: (parse, count),
        }
        flow = "load -> [parse, count] -> report"
        first = run(
            flow, {"path": "abc"}, namespace=names, on_error="continue", executor="sequential"
        )
        assert started(first) == ["load", "parse", "count"]
        names["parse"] = lambda load: load.upper()
        second = run(flow, {"path": "abc"}, namespace=names, resume=first, executor="sequential")
        assert started(second) == ["parse", "report"]
        assert second["report"] == ("ABC", 3)
        states = {name: str(record.state) for name, record in second.tasks.items()}
        assert states == {
            "load": "cached",
            "parse": "succeeded",
            "count": "cached",
            "report": "succeeded",
        }
        third = run(flow, {"path": "other"}, namespace=names, resume=second, executor="sequential")
        assert sorted(started(third)) == ["count", "load", "parse", "report"]
        assert third["report"] == ("OTHER", 5)

    def test_everything_kept(self):
        first = run(DIAMOND, namespace=NAMES)
        again = run(DIAMOND, namespace=NAMES, resume=first)
        assert dict(again) == dict(first)
        assert again.state is State.SUCCEEDED
        assert again.work == 0


class TestLearning:
    def test_the_second_run_begins_with_what_took_longest(self):
        flow = Flow("Learned", tasks=["quick", "slow", "new"])
        names = {"quick": lambda: None, "slow": lambda: time.sleep(0.02), "new": lambda: 1 / 0}

        def order():
            options = {"namespace": names, "executor": "sequential", "on_error": "continue"}
            return started(run(flow, **options))

        assert order() == ["quick", "slow", "new"]
        assert order() == ["slow", "new", "quick"]  # what failed weighs as the median

    def test_another_structure_begins_anew(self):
        names = {"a": lambda: None, "b": lambda *a: time.sleep(0.01), "c": lambda *a: None}
        run(Flow("Anew", tasks=["a", "b", "c"]), namespace=names, executor="sequential")
        result = run(
            Flow("Anew", [("a", "c")], ["c", "b", "a"]), namespace=names, executor="sequential"
        )
        assert started(result) == ["a", "c", "b"]


@st.composite
def flows(draw, most=12):
    """Draw a flow whose edges lead from earlier to later tasks, and the tasks that fail."""
    count = draw(st.integers(1, most))
    names = [f"t{i}" for i in range(count)]
    pairs = [(a, b) for i, b in enumerate(names) for a in names[:i]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    failing = draw(st.sets(st.sampled_from(names), max_size=count // 3))
    return Flow("random", edges, names), failing


def oracle(flow, failing):
    """What comes out, worked out one task after the other."""
    results, states = {}, {}
    for name in flow.tasks:
        sources = [edge.source for edge in flow.upstream[name]]
        if any(source not in results for source in sources):
            states[name] = "upstream_failed"
        elif name in failing:
            states[name] = "failed"
        else:
            results[name] = (name, *(results[source] for source in sources))
            states[name] = "succeeded"
    return results, states


def function_of(name, fails):
    def function(*results):
        if fails:
            raise ValueError(name)
        return (name, *results)

    return function


@pytest.mark.long
@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=sized(20, 60),
)
@given(case=flows())
def test_random_flows_agree_with_an_oracle(executor, case):
    flow, failing = case
    names = {name: function_of(name, name in failing) for name in flow.tasks}
    result = run(flow, namespace=names, executor=executor, on_error="continue")
    results, states = oracle(flow, failing)
    assert dict(result) == results
    assert {name: str(record.state) for name, record in result.tasks.items()} == states
    ended = [task for task, state in events_of(result) if state not in ("ready", "running")]
    assert sorted(ended) == sorted(flow.tasks)


def test_tasks_in_processes_tell_how_long_they_waited_for_a_core():
    result = run("one -> double", namespace=NAMES, executor="processes")
    if sys.platform == "linux":
        for record in result.tasks.values():
            assert record.waited >= 0
            assert result.effort_of(record) <= record.duration
    assert run("one", namespace=NAMES, executor="threads").tasks["one"].waited is None


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_workers_who_have_nothing_to_do_cost_nothing(executor):
    result = run("one -> double", namespace=NAMES, executor=executor, workers=10**9)
    assert result["double"] == 2 and result.workers == 10**9
