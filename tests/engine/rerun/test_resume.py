"""Running a flow again, with what an earlier run has results for."""

from __future__ import annotations

import functions as fn
import pytest

from taskinity_nb import FlowError, MapError, State, Task, TaskError, run, skip, start
from taskinity_nb.model.binding import resolve
from taskinity_nb.model.flow import Flow
from taskinity_nb.model.run import Run

NAMES = vars(fn)
KEPT = "kept: nothing that it depends on has changed"


def failed(text, inputs=None, **options):
    """Run a flow that fails, and return its run."""
    with pytest.raises(TaskError) as caught:
        run(text, inputs, **options)
    return caught.value.run


def states(run):
    return {name: str(record.state) for name, record in run.tasks.items()}


def reasons(run):
    return {name: record.why for name, record in run.tasks.items()}


def defined(source, **known):
    """Define functions as a notebook's cell does; return the namespace."""
    exec(compile(source, f"<cell {id(source)}>", "exec"), known)
    return known


class TestWhatIsKept:
    def test_a_failed_task_and_its_descendants_run_again(self, executor):
        """Of twenty tasks one fails and is mended: it and what follows run, nothing else."""
        calls = [f"t{i}" for i in range(18)]
        names = {name: fn.one for name in calls} | {"bad": fn.divide, "end": fn.collect}
        text = "\n".join([*(f"{name} -.-> end" for name in calls), "t0 -> bad -> end"])
        before = failed(text, namespace=names, executor=executor)
        assert states(before)["end"] == "upstream_failed"
        names["bad"] = fn.double
        after = before.resume()
        assert {name for name, state in states(after).items() if state != "cached"} == {
            "bad",
            "end",
        }
        assert after["end"] == (2,)
        assert after["t0"] == 1
        why = reasons(after)
        assert why["t0"] == KEPT
        assert why["bad"] == "runs again: its function has changed"
        assert why["end"] == "runs again: 'bad' runs again"
        assert after.state is State.SUCCEEDED

    def test_nothing_is_left_to_do(self, executor):
        before = run("one -> double", namespace=NAMES, executor=executor)
        after = before.resume()
        assert states(after) == {"one": "cached", "double": "cached"}
        assert dict(after) == dict(before)
        assert after.state is State.SUCCEEDED
        assert [str(event.state) for event in after.events] == ["cached", "cached"]

    def test_the_same_failure_again(self):
        before = failed("one -> divide", namespace=NAMES)
        with pytest.raises(TaskError, match="task 'divide' failed: ZeroDivisionError") as caught:
            before.resume()
        assert states(caught.value.run) == {"one": "cached", "divide": "failed"}

    def test_a_result_is_the_same_object(self):
        before = run("load -> collect", namespace=NAMES | {"load": lambda: [1]})
        assert before.resume()["load"] is before["load"]

    def test_what_was_skipped_runs_again(self):
        names = {"pick": lambda: skip("not yet"), "double": fn.double}
        before = run("pick -> double", namespace=names)
        after = before.resume()
        assert reasons(after)["pick"] == "runs again: it has no result"

    def test_what_was_cancelled(self):
        import threading

        begun, gate = threading.Event(), threading.Event()

        def hold(one):
            begun.set()
            gate.wait(30)
            return one

        going = start(
            "one -> hold -> double", namespace=NAMES | {"hold": hold}, on_error="continue"
        )
        assert begun.wait(30)
        going.cancel()
        gate.set()
        after = going.resume()
        assert states(after) == {"one": "cached", "hold": "succeeded", "double": "succeeded"}

    def test_a_task_with_retries_and_timeout(self, tmp_path):
        names = {"one": fn.one, "double": Task(fn.double, retries=2)}
        before = run("one -> double", namespace=names)
        names["double"] = Task(fn.double, retries=5, timeout=10)
        assert states(before.resume())["double"] == "cached"

    def test_in_a_row(self):
        """A run that was resumed can be resumed."""
        names = NAMES | {"a": fn.double, "b": fn.divide}
        first = failed("one -> a -> b", namespace=names)
        second = first.resume(on_error="continue")
        names["b"] = fn.double
        third = second.resume()
        assert states(third) == {"one": "cached", "a": "cached", "b": "succeeded"}
        assert third["b"] == 4

    def test_by_the_option_of_run(self):
        before = failed("one -> divide", namespace=NAMES)
        after = run("one -> double", namespace=NAMES, resume=before)
        assert states(after) == {"one": "cached", "double": "succeeded"}
        assert reasons(after)["double"] == "runs again: it is new"


class TestWhatHasChanged:
    CELL = """
RATE = 2

def rate():
    return RATE

def load():
    return [1, 2]

def scale(load):
    return [rate() * x for x in load]

def total(scale):
    return sum(scale)
"""
    TEXT = "load -> scale -> total"

    def resumed(self, old, new):
        """Return what is not kept after a cell was edited so."""
        before = run(self.TEXT, namespace=defined(self.CELL))
        edited = self.CELL.replace(old, new)
        assert old == new or edited != self.CELL
        after = before.resume(namespace=defined(edited))
        return {name: record.why for name, record in after.tasks.items()
                if record.state is not State.CACHED}  # fmt: skip

    def test_nothing(self):
        """A cell that is run again, elsewhere and with a blank line more, changes nothing."""
        assert self.resumed("", "") == {}
        assert self.resumed("def load", "\n\n# a comment\ndef load") == {}

    def test_a_task_in_front(self):
        assert self.resumed("return [1, 2]", "return [1, 3]") == {
            "load": "runs again: its function has changed",
            "scale": "runs again: 'load' runs again",
            "total": "runs again: 'scale' runs again",
        }

    def test_the_last_task(self):
        assert list(self.resumed("return sum(scale)", "return max(scale)")) == ["total"]

    def test_a_function_that_a_task_calls(self):
        assert list(self.resumed("return RATE", "return RATE + 1")) == ["scale", "total"]

    def test_a_global_that_it_names(self):
        assert list(self.resumed("RATE = 2", "RATE = 3")) == ["scale", "total"]

    def test_a_default(self):
        assert list(self.resumed("def total(scale)", "def total(scale, plus=1)")) == ["total"]

    def test_a_closure(self):
        def scaled(by):
            return lambda x: by * x

        before = run("one -> f", namespace=NAMES | {"f": scaled(2)})
        assert states(before.resume(namespace=NAMES | {"f": scaled(2)}))["f"] == "cached"
        after = before.resume(namespace=NAMES | {"f": scaled(3)})
        assert (states(after)["f"], after["f"]) == ("succeeded", 3)

    def test_inputs(self):
        names = {"load": lambda path: path, "add": lambda load, n: load + n}
        before = run("load -> add", {"path": 1, "n": 2}, namespace=names)
        assert set(states(before.resume(inputs={"path": 1, "n": 2})).values()) == {"cached"}
        after = before.resume(inputs={"path": 1, "n": 3})
        assert states(after) == {"load": "cached", "add": "succeeded"}
        assert (after["add"], reasons(after)["add"]) == (4, "runs again: its input 'n' has changed")
        after = before.resume(inputs={"path": 5, "n": 2})
        assert (after["add"], list(states(after).values())) == (7, ["succeeded"] * 2)

    def test_an_input_that_a_caller_has_changed_in_place(self):
        rows = [1, 2]
        before = run("total", {"rows": rows}, namespace={"total": lambda rows: sum(rows)})
        rows.append(3)
        assert before.resume()["total"] == 6

    def test_an_input_that_cannot_be_pickled(self):
        """It is known by its identity."""
        import threading

        first, second = threading.Lock(), threading.Lock()
        names = {"use": lambda lock: lock.locked()}
        before = run("use", {"lock": first}, namespace=names)
        assert states(before.resume(inputs={"lock": first})) == {"use": "cached"}
        assert states(before.resume(inputs={"lock": second})) == {"use": "succeeded"}

    def test_an_edge(self):
        names = NAMES | {"two": lambda: 2}
        before = run("one -> double\ntwo", namespace=names)
        after = run("two -> double\none", namespace=names, resume=before)
        assert (after["double"], states(after)["two"]) == (4, "cached")
        assert reasons(after)["double"] == "runs again: its edges have changed"

    def test_another_name(self):
        """A task is known by its name in the flow."""
        before = run("one -> double", namespace=NAMES)
        after = run("one -> double as twice", namespace=NAMES, resume=before)
        assert states(after) == {"one": "cached", "twice": "succeeded"}

    def test_a_key(self):
        names = {"load": lambda: {"a": 1, "b": 2}, "double": fn.double}
        before = run("load.a -> double", namespace=names)
        assert states(before.resume())["double"] == "cached"
        after = run("load.b -> double", namespace=names, resume=before)
        assert (after["double"], states(after)["load"]) == (4, "cached")

    def test_functions_are_looked_at_when_a_run_starts(self):
        """What a global is in the end does not matter to what was computed with it before."""
        cell = defined("RATE = 2\ndef rate():\n    return RATE")
        before = run("rate", namespace=cell)
        cell["RATE"] = 3
        after = before.resume()
        assert (before["rate"], after["rate"]) == (2, 3)


class TestMaps:
    def test_only_the_items_that_failed(self, executor):
        names = {"scan": lambda: [1, 0, 4], "work": self.reciprocal, "collect": fn.collect}
        before = failed("scan -> map work -> collect", namespace=names, executor=executor)
        names["work"] = Task(self.reciprocal)  # the same function
        with pytest.raises(MapError) as caught:
            before.resume()
        items = caught.value.run.tasks["work"].items
        assert [str(item.state) for item in items] == ["cached", "failed", "cached"]
        assert caught.value.run.tasks["work"].why == "runs again: 1 of 3 items"

    @staticmethod
    def reciprocal(x):
        return 1 / x

    def test_an_item_that_goes_well_the_second_time(self, executor, tmp_path):
        names = {
            "scan": lambda: [str(tmp_path / name) for name in "ab"],
            "fail_once": fn.fail_once,
            "collect": fn.collect,
        }
        (tmp_path / "a").touch()
        before = failed("scan -> map fail_once -> collect", namespace=names, executor=executor)
        after = before.resume()
        assert after["collect"] == (["second attempt"] * 2,)
        items = after.tasks["fail_once"].items
        assert [str(item.state) for item in items] == ["cached", "succeeded"]

    def test_a_stream(self, executor, tmp_path):
        """The items of a second map whose own were kept are kept too."""
        names = {
            "scan": lambda: [str(tmp_path / name) for name in "abc"],
            "fail_once": fn.fail_once,
            "same": lambda x: x,
            "collect": fn.collect,
        }
        (tmp_path / "a").touch()
        text = "scan -> map fail_once -> map same -> collect"
        before = failed(text, namespace=names, executor=executor)
        (tmp_path / "c").unlink()
        after = before.resume(on_error="continue")
        assert [str(item.state) for item in after.tasks["same"].items] == [
            "cached", "succeeded", "upstream_failed",
        ]  # fmt: skip
        last = after.resume()
        assert [str(item.state) for item in last.tasks["same"].items] == [
            "cached", "cached", "succeeded",
        ]  # fmt: skip
        assert last["collect"] == (["second attempt"] * 3,)

    def test_an_edited_function_runs_for_all_items(self):
        names = {"scan": lambda: [1, 0], "work": self.reciprocal}
        before = failed("scan -> map work", namespace=names)
        names["work"] = lambda x: x + 1
        after = before.resume()
        assert (after["work"], states(after)["scan"]) == ([2, 1], "cached")

    def test_of_a_task_that_runs_again(self):
        names = {"scan": lambda: [1, 0], "work": self.reciprocal}
        before = failed("scan -> map work", namespace=names)
        names["scan"] = lambda: [1, 2]
        after = before.resume()
        assert after["work"] == [1.0, 0.5]
        assert {str(item.state) for item in after.tasks["work"].items} == {"succeeded"}

    def test_one_that_succeeded_is_kept_whole(self, executor):
        names = NAMES | {"scan": lambda: [1, 2]}
        text = "scan -> map double -> divide"
        before = failed(text, namespace=names, executor=executor)
        names["divide"] = fn.collect
        after = before.resume()
        assert states(after)["double"] == "cached"
        assert after["divide"] == ([2, 4],)


class TestElsewhere:
    def test_on_another_executor(self, executor):
        before = failed("one -> double -> divide", namespace=NAMES, executor="processes")
        after = before.resume(
            namespace=NAMES | {"divide": fn.collect}, executor=executor, on_error="continue"
        )
        assert after["divide"] == (2,)
        assert states(after)["double"] == "cached"

    @pytest.mark.parametrize("executor", ["threads", "processes", "sequential"])
    def test_large_values(self, executor):
        """They lie in the folder of the earlier run, which may be let go of."""
        names = {"make": lambda: bytes(3_000_000), "use": lambda make: 1 / 0}
        before = failed("make -> use", namespace=names, executor="processes")
        after = before.resume(namespace=names | {"use": len}, executor=executor)
        assert after["use"] == 3_000_000
        assert states(after)["make"] == "cached"
        before.release()
        assert len(after["make"]) == 3_000_000

    def test_a_released_run(self):
        before = run("one -> double", namespace=NAMES)
        before.release()
        after = before.resume()
        assert reasons(after)["one"] == "runs again: its result was released"
        assert after["double"] == 2

    def test_what_keep_last_let_go_of(self):
        """What nobody needs any more need not run again."""
        names = {"a": lambda: 1, "b": lambda a: a, "c": lambda b: 1 / 0}
        before = failed("a -> b -> c", namespace=names, keep="last")
        assert list(before) == ["b"]
        after = before.resume(namespace=names | {"c": fn.double})
        assert states(after) == {"a": "cached", "b": "cached", "c": "succeeded"}
        assert after["c"] == 2
        assert reasons(after)["a"] == f"{KEPT}; nothing needs its result, which was released"

    def test_what_keep_last_let_go_of_and_is_needed(self):
        names = NAMES | {"a": fn.double, "b": fn.double, "other": fn.double}
        text = "one -> a -> b\none -> other"
        before = run(text, namespace=names, keep="last")
        assert set(states(before.resume()).values()) == {"cached"}
        after = before.resume(namespace=names | {"b": fn.collect})
        assert after["b"] == (2,)
        assert reasons(after) == {
            "one": "runs again: its result was released",
            "a": "runs again: 'one' runs again",
            "b": "runs again: its function has changed",
            "other": "runs again: 'one' runs again",
        }

    def test_an_earlier_run_is_let_go_of(self):
        """A run that was resumed does not keep the one before alive."""
        import gc
        import weakref

        before = failed("one -> divide", namespace=NAMES)
        gone = weakref.ref(before)
        after = before.resume(namespace=NAMES | {"divide": fn.double})
        del before
        gc.collect()
        assert gone() is None
        assert after["divide"] == 2


class TestMistakes:
    def test_an_unknown_option(self):
        before = run("one", namespace=NAMES)
        with pytest.raises(TypeError, match="of which 'worker' is none"):
            before.resume(worker=2)

    def test_a_run_that_no_engine_has_run(self):
        strange = Run(resolve(Flow("f", tasks=["one"]), None, NAMES), "threads", 1)
        with pytest.raises(FlowError, match="it cannot be resumed"):
            strange.resume()
        with pytest.raises(FlowError, match="a run can be resumed when it was started by"):
            run("one", namespace=NAMES, resume=strange)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("fit(depth=3)", "fit(depth=4)", "its constant 'depth' was 3 and is 4"),
        ("fit(depth=3)", 'fit(depth="a")', "its constant 'depth' was 3 and is \"a\""),
        ("fit", "fit(depth=4)", "its constant 'depth' is new, 4"),
        ("fit(depth=4)", "fit", "its constant 'depth', which was 4, is gone"),
        ("fit(depth=4, loss=1)", "fit(loss=2, depth=4)", "its constant 'loss' was 1 and is 2"),
        ("fit(loss=2, depth=4)", "fit(depth=4, loss=2)", None),
        ("fit(depth=n)", "fit(depth=4)", "its constant 'depth' was the input 'n' and is 4"),
        ("fit(depth=n)", "fit(depth=m)", "was the input 'n' and is the input 'm'"),
        (f"fit(depth={[1] * 99})", "fit(depth=4)", "1, 1, 1,… and is 4"),
        ("flow P:\n  fit(depth=3)\nflow M:\n  P", "flow P:\n  fit(depth=4)\nflow M:\n  P",
         "its constant 'depth' was 3 and is 4"),
        ("flow P:\n  input depth\n  fit(depth=depth)\nflow M:\n  P(depth=3)",
         "flow P:\n  input depth\n  fit(depth=depth)\nflow M:\n  P(depth=4)",
         "its constant 'depth' was 3 and is 4"),
    ],
)  # fmt: skip
def test_a_constant_that_has_changed(before, after, told):
    names = {"fit": lambda depth=1, loss=0: (depth, loss)}
    inputs = {name: 3 for name in "nm" if f"={name}" in before or f"={name}" in after}
    given = [{n: 3 for n in inputs if f"={n}" in text} for text in (before, after)]
    first = run(before, given[0] or None, namespace=names)
    (task,) = run(after, given[1] or None, namespace=names, resume=first).tasks.values()
    assert (task.why == KEPT) if told is None else task.why.endswith(told)
    assert task.name.removeprefix("P.") == "fit"
