"""Runs and what they hold are pickled, copied, and read in another process."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

import cloudpickle
import pytest

from taskinity_nb import (
    Cancelled,
    FlowError,
    NoResultError,
    TaskError,
    UnpicklableError,
    advise,
    compare,
    explore,
    history,
    parse_dsl,
    run,
    simulate,
    start,
    task,
)
from taskinity_nb.model.refs import ResultRef

FLOW = "flow Sums:\n    load -> map double -> total\n    load -> spoil"


class Odd(Exception):
    """One that is made of other arguments than those that it passes on."""

    def __init__(self, code, where):
        super().__init__(f"{code} at {where}")
        self.code = code


def load(count=3):
    print("loaded")
    return list(range(count))


def double(x):
    return [2 * x]


def total(double):
    return sum(each for (each,) in double)


def spoil(load):
    raise Odd(7, "home") from KeyError("behind")


FUNCTIONS = {"load": load, "double": double, "total": total, "spoil": spoil}


@pytest.fixture(scope="module")
def mixed():
    return run(FLOW, {"count": 4}, namespace=FUNCTIONS, on_error="continue", keep="all")


def again(thing):
    return pickle.loads(pickle.dumps(thing))


def says(one):
    """Return all that a run says of itself."""
    return (
        repr(one), dict(one), one.state, one.makespan, one.speedup, one.work, one.critical_path,
        one.executor, one.workers, one.cores, one.lower_bound(), one.efforts,
        [repr(task) for task in one.tasks.values()],
        [(task.stdout, task.attempts, task.cpu, task.frames) for task in one.tasks.values()],
        [(e.time, e.task, e.state, e.worker, e.item, str(e.error)) for e in one.events],
        one.to_frame().to_csv(), one.flow,
    )  # fmt: skip


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_run_that_is_read_back_says_the_same(mixed, protocol):
    read = pickle.loads(pickle.dumps(mixed, protocol))
    assert says(read) == says(mixed)
    assert says(again(read)) == says(mixed)


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, cloudpickle.dumps])
def test_a_run_can_be_copied(mixed, travel):
    made = travel(mixed)
    made = made if travel is not cloudpickle.dumps else pickle.loads(made)
    assert says(made) == says(mixed)
    assert made != mixed
    assert (made["load"] is mixed["load"]) == (travel is copy.copy)


def test_a_copy_lets_go_of_its_own_results_alone(mixed):
    for made in (copy.copy(mixed), copy.deepcopy(mixed), again(mixed)):
        made.release()
        assert not dict(made)
        assert mixed["double"] == [[0], [2], [4], [6]]
        assert mixed.tasks["double"].items[1].result == [2]
        assert says(again(made))[3] == mixed.makespan  # the record is there


def test_a_copy_can_do_what_its_run_can(mixed):
    for made in (copy.copy(mixed), copy.deepcopy(mixed)):
        assert made.replay("double", 3) == [6]
        assert made.resume(on_error="continue").tasks["load"].state == "cached"


def test_what_tasks_share_is_shared_again():
    functions = {"load": lambda: [1], "same": lambda load: load}
    read = again(run("load -> same", namespace=functions))
    assert read["same"] is read["load"]
    assert read["load"] is read["load"]
    mapped = again(run("load -> map same", namespace=functions))
    assert mapped["same"] == [1]


def test_errors_travel_whatever_their_class_takes(mixed):
    read = again(mixed)
    error = read.errors["spoil"]
    assert (type(error), str(error), error.code) == (Odd, "7 at home", 7)
    assert repr(error.__cause__) == "KeyError('behind')"
    assert read.tasks["spoil"].error is error
    with pytest.raises(NoResultError, match="task 'spoil' has no result: it is failed"):
        read["spoil"]


class Locked(Exception):
    pass


def test_an_error_that_holds_what_cannot_be_pickled():
    def work():
        error = Locked("shut")
        error.lock = threading.Lock()
        raise error

    error = again(run("work", namespace={"work": work}, on_error="continue")).errors["work"]
    assert (type(error), str(error)) == (Locked, "shut")
    assert "could not be pickled" in error.lock


def locked(text):
    error = Locked(text)
    error.lock = threading.Lock()
    return error


def test_a_group_of_such_errors_is_a_group_again():
    def work():
        inner = ExceptionGroup("inner", [locked("shut"), ValueError(3)])
        raise ExceptionGroup("outer", [inner, KeyError("k")])

    error = again(run("work", namespace={"work": work}, on_error="continue")).errors["work"]
    said = "ExceptionGroup('outer', [ExceptionGroup('inner', [Locked('shut'), ValueError(3)]), "
    assert repr(error) == f"{said}KeyError('k')])"
    assert "could not be pickled" in error.exceptions[0].exceptions[0].lock


def test_errors_that_hold_each_other_end_somewhere():
    def work():
        errors = [locked(str(number)) for number in range(6)]
        for error in errors:
            error.others = errors
        raise errors[0]

    error = again(run("work", namespace={"work": work}, on_error="continue")).errors["work"]
    assert str(error) == "0"


def test_the_error_of_items_shows_itself_the_same():
    def work(load):
        return 1 / load

    names = {"load": lambda: [1, 0], "work": work}
    done = run("load -> map work", namespace=names, on_error="continue")
    shown = repr(done.errors["work"])
    assert shown.startswith("MapError(\"task 'work': 1 of 2 items failed")
    assert repr(again(done).errors["work"]) == shown


def test_a_result_that_cannot_be_pickled_is_named():
    functions = {"load": lambda: 1, "lock": lambda load: threading.Lock()}
    done = run("load -> lock", namespace=functions)
    for travel in (pickle.dumps, cloudpickle.dumps, copy.deepcopy):
        with pytest.raises(UnpicklableError) as caught:
            travel(done)
        assert "task 'lock': its result, a lock, cannot be" in str(caught.value)
        assert "run.release()" in str(caught.value)
    assert copy.copy(done)["lock"] is done["lock"]
    assert again(done.tasks["load"]).result == 1  # which is another task's
    with pytest.raises(UnpicklableError, match="task 'lock'"):
        pickle.dumps(done.tasks["lock"])
    done.release()
    assert again(done).tasks["load"].duration == done.tasks["load"].duration
    with pytest.raises(NoResultError, match="was released"):
        again(done)["load"]


def test_an_input_that_cannot_be_pickled_does_not_matter():
    held = threading.Lock()

    def work(lock, scale=held):
        return 5

    read = again(run("work", {"lock": threading.Lock()}, namespace={"work": work}))
    assert read["work"] == 5
    assert read.plan.calls[0].signature.text("work") == "work(lock, scale=…)"


def test_a_run_that_goes_on_is_to_be_waited_for():
    gate = threading.Event()
    going = start("work", namespace={"work": lambda: gate.wait(60)})
    try:
        for travel in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UnpicklableError, match=r"goes on.*\n.*run\.wait\(\)"):
                travel(going)
        assert again(going.tasks["work"]).state in ("ready", "running", "pending")
    finally:
        gate.set()
    going.wait()
    assert again(going)["work"] is True


def test_a_result_that_holds_its_run_is_named():
    held = []
    done = run("work", namespace={"work": lambda: held})
    held.append(done)
    with pytest.raises(UnpicklableError, match=r"task 'work'.*holds the run itself"):
        pickle.dumps(done)
    assert copy.deepcopy(done)["work"][0] is not done


def test_what_is_not_there_is_said(mixed):
    read = again(mixed)
    assert read.done
    assert read.wait(0) is read
    read.cancel()
    for ask in (read.resume, lambda: read.replay("load")):
        with pytest.raises(FlowError, match=r"read back(.*\n)+.*run the flow again"):
            ask()
    with pytest.raises(FlowError, match="no task 'lod'"):
        read.replay("lod")
    with pytest.raises(FlowError, match="cannot be resumed: it was read back"):
        run(FLOW, namespace=FUNCTIONS, resume=read)


def test_a_function_that_cannot_be_named_is_left_out():
    done = run("work", 3, namespace={"work": task(lambda x: x + 1, name="one more")})
    read = again(done)
    assert read.plan.bindings[0].task.name == "one more"
    with pytest.raises(UnpicklableError, match="the function '<lambda>' did not travel"):
        read.plan.bindings[0].task(1)
    assert again(mixed_plan(load)).bindings[0].task.function is load


def mixed_plan(function):
    return parse_dsl("work").explain(namespace={"work": function})


def test_a_task_of_all_options():
    @task(
        retries=2,
        retry_delay=lambda n: 0.0,
        retry_on=(ValueError,),
        timeout=5,
        validate_output=lambda x: True,
        executor="threads",
    )
    def work():
        return 1

    made = again(run("work", namespace={"work": work})).plan.bindings[0].task
    assert (made.name, made.retries, made.timeout, made.executor) == ("work", 2, 5, "threads")
    assert again(made).name == "work"


def test_the_error_of_a_run_travels_with_it():
    with pytest.raises(TaskError) as caught:
        run("load -> spoil", namespace=FUNCTIONS)
    for travel in (again, copy.deepcopy, copy.copy):
        error = travel(caught.value)
        assert (type(error), str(error), error.task) == (TaskError, str(caught.value), "spoil")
        assert error.run["load"] == [0, 1, 2]
        assert isinstance(error.__cause__, Odd)


def test_the_error_of_a_run_travels_without_what_cannot():
    functions = {"lock": threading.Lock, "fail": lambda lock: 1 / 0}
    with pytest.raises(TaskError) as caught:
        run("lock -> fail", namespace=functions)
    error = again(caught.value)
    assert isinstance(error.__cause__, ZeroDivisionError)
    with pytest.raises(UnpicklableError, match="task 'lock': its result, a lock, cannot be"):
        error.run["lock"]


def test_the_error_of_items_travels_with_their_run():
    functions = {"load": lambda: [1, 0, 2], "divide": lambda x: 1 / x}
    with pytest.raises(TaskError) as caught:
        run("load -> map divide", namespace=functions)
    error = again(caught.value)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert [place for place, *_ in error.items] == [1]
    assert error.run.tasks["divide"].items[2].result == 0.5


def failing():
    run("load -> spoil", namespace=FUNCTIONS)


def test_the_error_of_a_run_comes_back_from_a_pool():
    with ProcessPoolExecutor(1) as pool:
        error = pool.submit(failing).exception()
    assert error.task == "spoil"
    assert error.run["load"] == [0, 1, 2]


def test_the_error_of_a_run_inside_a_task_has_its_run():
    with pytest.raises(TaskError) as caught:
        run("failing", namespace={"failing": failing}, executor="processes", workers=1)
    inner = caught.value.__cause__
    assert inner.task == "spoil"
    assert inner.run["load"] == [0, 1, 2]


def test_a_cancelled_run_travels():
    begun, gate = threading.Event(), threading.Event()

    def stay(load):
        begun.set()
        gate.wait(60)

    going = start("load -> stay", namespace={"load": load, "stay": stay})
    begun.wait(60)
    going.cancel()
    gate.set()
    with pytest.raises(Cancelled) as caught:
        going.wait()
    assert again(going).state == "cancelled"
    assert again(going)["load"] == [0, 1, 2]
    assert again(caught.value).run["load"] == [0, 1, 2]


def test_what_is_made_of_runs_travels(mixed):
    flow = parse_dsl("flow Travelling:\n    load -> double")
    functions = {"load": load, "double": lambda x: x}
    done = run(flow, namespace=functions)
    timeline = simulate(done, 2)
    assert again(timeline).rows == timeline.rows
    assert repr(again(timeline)) == repr(timeline)
    compared = compare(flow, namespace=functions, repeats=1)
    assert repr(again(compared)) == repr(compared)
    assert repr(again(advise(done))) == repr(advise(done))
    known = history(flow)
    assert repr(again(known)) == repr(known)
    assert again(known)[0].run is None
    assert again(known)[0].seconds == known[0].seconds
    for event, read in zip(mixed.events, again(mixed.events), strict=True):
        assert (read.time, read.task, repr(read.error)) == (
            event.time, event.task, repr(event.error),
        )  # fmt: skip
    for record in mixed.tasks.values():
        assert repr(again(record)) == repr(record)
        assert again(record).stdout == record.stdout
        assert repr(again(record).items) == repr(record.items)
    assert again(mixed.flow) == mixed.flow


def test_a_record_travels_without_the_others():
    functions = {"large": lambda: os.urandom(1_000_000), "small": lambda large: 1}
    done = run("large -> small", namespace=functions)
    assert len(pickle.dumps(done.tasks["small"])) < 2_000


def test_a_map_is_pickled_once():
    functions = {"load": lambda: range(100), "make": lambda x: os.urandom(10_000)}
    done = run("load -> map make", namespace=functions)
    assert len(pickle.dumps(done)) < 1_100_000
    arrays = {"load": lambda: range(100), "make": lambda x: bytearray(os.urandom(10_000))}
    done = run("load -> map make", namespace=arrays)
    read = again(done)
    assert len(pickle.dumps(done)) < 1_100_000
    assert read["make"][3] is read.tasks["make"].items[3].result
    assert read["make"] == done["make"]


def test_it_can_be_drawn_and_explored(mixed, tmp_path):
    read = again(mixed)
    assert read._repr_html_() == mixed._repr_html_()
    assert read.to_chrome_trace(tmp_path / "a").read_text() == mixed.to_chrome_trace(
        tmp_path / "b"
    ).read_text()  # fmt: skip
    read = again(run("load -> total2", {"count": 5}, namespace={
        "load": load, "total2": lambda x: sum(x)}))  # fmt: skip
    explorer = explore(read)
    assert [slider.name for slider in explorer._state.sliders] == ["count"]
    assert "measured" in repr(explorer)


WRITE = """
import pickle, sys
from taskinity_nb import run

class Point:
    def __init__(self, x): self.x = x

class Trouble(Exception): pass

big = b"x" * 5_000_000

def load(): return 3
def point(load): return [Point(load), len(big)]
def after(point): return {"sum": 8}
def fail(load): raise Trouble("no")

done = run("flow Fresh: load -> point -> after; load -> fail".replace("; ", "\\n    ")
           .replace("Fresh: ", "Fresh:\\n    "), on_error="continue", keep="all")
with open(sys.argv[1], "wb") as file:
    pickle.dump(done, file)
"""

READ = """
import json, pickle, sys

with open(sys.argv[1], "rb") as file:
    read = pickle.load(file)
told = {"after": read["after"], "repr": repr(read), "error": str(read.errors["fail"]),
        "frame": len(read.to_frame())}
try:
    read["point"]
except Exception as error:
    told["point"] = f"{type(error).__name__}: {error}"

class Point: pass

told["x"] = read["point"][0].x
print(json.dumps(told))
"""


def interpret(text, *arguments):
    command = [sys.executable, "-c", text, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_process_reads_it_without_the_classes_of_the_notebook(tmp_path):
    path = tmp_path / "run.pickle"
    interpret(WRITE, path)
    assert path.stat().st_size < 20_000  # and nothing of what functions refer to
    told = json.loads(interpret(READ, path))
    assert told["after"] == {"sum": 8}
    assert told["repr"].startswith("<Run Fresh: 3 succeeded, 1 failed;")
    assert told["error"].startswith("Trouble: no")
    assert told["frame"] == 4
    assert told["x"] == 3
    assert told["point"].startswith("UnpicklableError: task 'point': its result, a list, cannot")
    assert "'Point'" in told["point"]
    assert "define or import here what is missing" in told["point"]


NOTEBOOK = """
from taskinity_nb import run

class Point:
    def __init__(self, x): self.x = x

def load(n): return [Point(i) for i in range(n)]
def use(earlier): return earlier["load"][1].x
def make(): return run("load", {"n": 3}, namespace={"load": load})

earlier = run("load", {"n": 2})
options = {"executor": "processes", "workers": 1}
print(run("use", {"earlier": earlier}, **options)["use"])
print(isinstance(run("make", **options)["make"]["load"][2], Point))
"""


def test_a_run_goes_to_a_worker_with_the_classes_of_the_notebook():
    done = subprocess.run(
        [sys.executable, "-"], input=NOTEBOOK, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "True"], done.stderr


def test_the_inspector_shows_functions_that_are_not_there(mixed):
    def local(load):
        return 1

    done = run("load -> local", namespace={"load": load, "local": local})
    assert "return 1" in again(done).inspect("local").panel["source"]


class Far(ResultRef):
    """A result at a place that is gone."""

    def fetch(self):
        raise ConnectionError("nobody is there")


def test_results_that_cannot_be_had_are_named():
    done = run("load", namespace={"load": load})
    done.record.values[0] = Far()
    with pytest.raises(UnpicklableError, match=r"task 'load': its result cannot be fetched: Conn"):
        pickle.dumps(done)


def test_results_that_lie_elsewhere_are_fetched(tmp_path):
    flow = "array -> size"
    done = run(flow, namespace={"array": large, "size": len}, executor="processes", workers=1)
    assert len(again(done)["array"]) == 3_000_000


def large():
    return bytearray(3_000_000)
