"""Whatever user code raises where the engine calls it ends its task, with a name, and no more."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor

import hostile_values as hv
import pytest
from hostile_values import EXCEPTIONS, VALUES, HostileAttribute, HostileMapping, raise_it, value_of
from leftovers import begun

from taskinity_nb import (
    ExecutorError,
    FlowError,
    MapError,
    State,
    Task,
    TaskError,
    UnpicklableError,
    run,
)
from taskinity_nb.engine.backends.cluster import dask as dask_module
from taskinity_nb.engine.backends.processes import pool as pool_module
from taskinity_nb.engine.remote.call import CallResult, run_call
from taskinity_nb.engine.remote.pickling.pickler import dumps
from taskinity_nb.engine.transport.codec import read_error
from taskinity_nb.model.invoke import invoke
from taskinity_nb.strangers import type_name

pytestmark = pytest.mark.leaves(
    "descriptors", reason="the cluster of some of these opens connections when it likes"
)

others_warn = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # fmt: skip

INTERRUPTS = ("writing interrupts", "__str__ interrupts")
"""What raises a `KeyboardInterrupt` in the main thread, where it may be the keyboard's."""

IN_VAIN = [name for name, value in VALUES.items() if value.fate != "well"]

SOME = (
    "SystemExit", "KeyboardInterrupt", "CancelledError", "__reduce__ exits", "read as None",
    "reading exits", "reading exits at home", "__str__ exits", "__notes__ is a tuple",
    "name of the type exits",
)  # fmt: skip
"""Of the exceptions, those that are tried on what takes long to try."""


@pytest.fixture(autouse=True)
def home(monkeypatch):
    """Tell those values which are to be read elsewhere only where that is not."""
    monkeypatch.setenv(hv.HOME, str(os.getpid()))


@pytest.fixture(scope="module")
def pool():
    os.environ[hv.HOME] = str(os.getpid())
    with ProcessPoolExecutor(2) as pool:
        yield begun(pool)
    os.environ.pop(hv.HOME, None)


@pytest.fixture(params=["processes", "pool"])
def executor(request):
    """Ours, and a user's; both outlive what happens here."""
    return request.getfixturevalue("pool") if request.param == "pool" else "processes"


def good(x):
    return x + 1


def after(good):
    return good + 1


def failed_run(bad, executor, flow="bad \n good -> after", **inputs):
    """Run a flow with a task that fails and a branch that does not; return the error of the run."""
    names = {"bad": bad, "good": good, "after": after}
    with pytest.raises(TaskError) as caught:
        run(flow, {"x": 1, **inputs}, namespace=names, executor=executor)
    error = caught.value
    assert error.task == "bad" and error.run.tasks["bad"].state is State.FAILED
    assert "task 'bad'" in str(error)
    assert {name: error.run[name] for name in ("good", "after")} == {"good": 2, "after": 3}
    check_still_works(executor)
    return error


def check_still_works(executor):
    names = {"good": good, "after": after}
    assert run("good -> after", {"x": 1}, namespace=names, executor=executor)["after"] == 3


class TestExceptions:
    @pytest.mark.parametrize("name", [name for name in EXCEPTIONS if name not in INTERRUPTS])
    def test_one_is_the_failure_of_its_task(self, name, executor):
        def bad():
            raise_it(name)

        error = failed_run(bad, executor)
        cause = error.__cause__
        assert issubclass(type(cause), BaseException)
        lost = type(cause) is FlowError
        same = type(cause) is type(EXCEPTIONS[name]())
        assert lost or same or "read elsewhere" in str(cause) or name == "name of the type exits"

    def test_one_that_lies_about_its_class(self, executor):
        def bad():
            raise hv.LIARS["an exception's class exits"]()

        assert type_name(failed_run(bad, executor).__cause__) == "ClassRaises"

    @pytest.mark.parametrize("name", EXCEPTIONS)
    def test_a_worker_answers_whatever_is_raised(self, name):
        call = CallResult(*run_call((invoke, (raise_it, None, None)), lambda: ([name], {})))
        assert call.kind in ("error", "lost error")
        assert issubclass(type(read_error(call.kind, call.payload)), BaseException)
        *_, name, text, bases = call.payload
        assert all(type(each) is str for each in (name, text, *bases))

    def test_one_that_cannot_be_read_here_leaves_its_type_and_text(self):
        error = read_error("error", (dumps(hv.ReadRaises()), "ReadRaises", "why"))
        assert type(error) is FlowError
        assert str(error) == "ReadRaises: why\n(the exception itself could not be sent back)"

    def test_an_interrupt_of_the_keyboard_gets_through(self):
        with pytest.raises(KeyboardInterrupt):
            read_error("error", (dumps(hv.ReadInterrupts()), "ReadInterrupts", ""))

    @pytest.mark.parametrize("which", ["validate_input", "validate_output"])
    @pytest.mark.parametrize("name", SOME)
    def test_of_a_validator(self, name, which, executor):
        def validate(*_):
            raise_it(name)

        failed_run(Task(lambda: 1, name="bad", **{which: validate}), executor)


class TestResults:
    @pytest.mark.parametrize("name", VALUES)
    def test_one_that_cannot_travel_is_the_failure_of_its_task(self, name, executor):
        def bad():
            return value_of(name)

        fate = VALUES[name].fate
        if fate == "well":
            names = {"bad": bad}
            assert type(run("bad", namespace=names, executor=executor)["bad"]) is VALUES[name].make
            return
        if name.startswith("large") and executor == "processes":
            result = run("bad", namespace={"bad": bad}, executor=executor)
            with pytest.raises(FlowError, match="cannot be read: SystemExit: while it was read"):
                result["bad"]
            check_still_works(executor)
            return
        error = failed_run(bad, executor)
        assert isinstance(error.__cause__, UnpicklableError) == (fate == "written")
        if fate != "written":
            note = "while the result of task 'bad' was read from its worker"
            assert note in error.__cause__.__notes__

    def test_one_that_lies_about_its_class(self, executor):
        liar = hv.LIARS["a value's class exits"]
        result = run("lie", namespace={"lie": lambda: liar()}, executor=executor)
        assert type_name(result["lie"]) == type_name(liar())

    @pytest.mark.parametrize("name", [name for name in IN_VAIN if name not in INTERRUPTS])
    def test_as_an_argument(self, name, executor):
        def bad(value):
            return value

        fate = VALUES[name].fate
        if fate == "read at home":
            return
        error = failed_run(bad, executor, value=value_of(name))
        assert isinstance(error.__cause__, UnpicklableError) == (fate == "written")
        if fate == "written":
            assert "parameter 'value' (input 'value'), a " in str(error)

    @pytest.mark.parametrize(
        "name", [n for n in IN_VAIN if VALUES[n].fate == "written" and n not in INTERRUPTS]
    )
    def test_in_what_a_function_uses(self, name, executor):
        value = value_of(name)
        error = failed_run(lambda: value, executor)
        assert isinstance(error.__cause__, UnpicklableError)
        assert "its function cannot be sent" in str(error)

    @pytest.mark.parametrize("make", [HostileMapping, HostileAttribute])
    def test_that_cannot_be_asked_for_a_key(self, make, executor):
        def bad(key):
            return key

        names = {"make": make, "bad": bad, "good": good, "after": after}
        with pytest.raises(TaskError) as caught:
            run("make.key -> bad \n good -> after", {"x": 1}, namespace=names, executor=executor)
        assert caught.value.task == "bad" and caught.value.run["after"] == 3
        assert isinstance(caught.value.__cause__, SystemExit)
        check_still_works(executor)

    def test_a_module_that_exits_when_it_is_imported(self, executor, tmp_path, monkeypatch):
        """Pickled here by a name; the worker imports the script that it is in."""
        text = "import sys\nclass Model: pass\nif getattr(sys, 'at_home', 0) == 0: sys.exit()\n"
        (tmp_path / "module_that_exits.py").write_text(text)
        monkeypatch.setattr(sys, "at_home", 1, raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        import module_that_exits

        with pytest.raises(TaskError) as caught:
            names = {"bad": lambda model: model}
            model = module_that_exits.Model()
            run("bad", {"model": model}, namespace=names, executor=executor)
        assert type(caught.value.__cause__) in (SystemExit, ModuleNotFoundError)
        check_still_works(executor)


class TestNestedFlows:
    def test_a_map_that_failed_inside_a_task(self, executor):
        def bad():
            def divide(x):
                return 1 / x if x != 1 else raise_it("holds a lock")

            names = {"load": lambda: [0, 1, 2], "divide": divide}
            return run("load -> map divide", namespace=names)

        error = failed_run(bad, executor)
        items = error.__cause__.items
        assert [(number, item) for number, item, _ in items] == [(0, 0), (1, 1)]
        assert isinstance(items[0][2], ZeroDivisionError) and type_name(items[1][2]) == "HoldsALock"

    def test_each_item_travels_as_far_as_it_can(self):
        error = MapError("some failed")
        error.task = "work"
        error.items = [
            (0, 1, ValueError("no")),
            (1, threading.Lock(), hv.ReduceRaises("no")),
            (2, hv.SetStateExits(), hv.ReadRaises("no")),
        ]
        copy = pickle.loads(dumps(error))
        assert (type(copy), str(copy), copy.task) == (MapError, "some failed", "work")
        numbers, items, errors = zip(*copy.items, strict=True)
        assert numbers == (0, 1, 2) and items[0] == 1 and repr(errors[0]) == "ValueError('no')"
        assert items[1].startswith("(lock, which could not be sent from another process: ")
        assert items[2].startswith("(an item, which could not be sent from another process: ")
        assert list(map(str, errors[1:])) == ["no", "no"]  # not in the way of their classes

    def test_an_error_of_ours_travels_with_its_run(self):
        error = ExecutorError("no worker", remedy="start one")
        error.run = run("good", {"x": 1}, namespace={"good": good})
        copy = pickle.loads(dumps(error))
        assert (type(copy), str(copy)) == (ExecutorError, str(error))
        assert dict(copy.run) == dict(error.run)


class TestExecutors:
    @pytest.mark.parametrize("garbage", [None, 5, (), ("value",), "text", hv.AskedExits(),
                                         (1,) * 9, (hv.AskedExits(),) * 9], ids=type)  # fmt: skip
    def test_one_that_gives_something_else(self, garbage):
        class Garbage:
            def submit(self, *_):
                future = Future()
                future.set_result(garbage)
                return future

        with pytest.raises(ExecutorError, match=r"gave a .* for task 'good'") as caught:
            run("good", {"x": 1}, namespace={"good": good}, executor=Garbage())
        assert caught.value.run.tasks["good"].state is State.CANCELLED

    @pytest.mark.parametrize("name", EXCEPTIONS)
    @pytest.mark.parametrize("when", ["submit", "result"])
    def test_one_that_raises(self, name, when):

        class Raises:
            def submit(self, *_):
                if when == "submit":
                    raise_it(name)
                future = Future()
                future.set_exception(EXCEPTIONS[name]())
                return future

        with pytest.raises(ExecutorError, match="task 'good'") as caught:
            run("good", {"x": 1}, namespace={"good": good}, executor=Raises())
        assert caught.value.run.tasks["good"].state is State.CANCELLED

    def test_one_that_has_no_thread_left_is_not_closed(self):
        class Full:
            def submit(self, *_):
                raise RuntimeError("can't start new thread")

        with pytest.raises(ExecutorError, match="did not run task 'good': RuntimeError: can't"):
            run("good", {"x": 1}, namespace={"good": good}, executor=Full())


class TestOurProcesses:
    @pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="has no real-time signals")
    def test_one_that_a_real_time_signal_kills(self):
        number = signal.SIGRTMIN + 6
        error = failed_run(lambda: os.kill(os.getpid(), number), "processes")
        assert "killed by SIGRTMIN+6" in str(error)

    @pytest.mark.parametrize("number", range(1, 130))
    def test_any_number_has_a_name(self, number):
        assert pool_module.end_of(-number).startswith("killed by ")

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (OSError(24, "Too many open files"), "no more files may be open in this process"),
            (BlockingIOError(11, "unavailable"), "no more processes are allowed"),
            (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread"),
            (MemoryError(), "MemoryError"),
            (EOFError(), "the process that starts them has ended"),
        ],
        ids=lambda one: type(one).__name__,
    )
    @pytest.mark.parametrize("where", ["Pipe", "Process"])
    def test_one_that_cannot_be_started(self, monkeypatch, error, text, where):
        class Process:
            sentinel = None

            def __init__(self, **_):
                pass

            def start(self):
                raise error

        def fail():
            raise error

        class Context:
            Pipe = staticmethod(fail) if where == "Pipe" else staticmethod(os.pipe)

        closed = []

        class End:
            def close(self):
                closed.append(self)

        if where == "Process":
            Context.Pipe = staticmethod(lambda: (End(), End()))
            Context.Process = Process
        monkeypatch.setattr(pool_module, "context_of_workers", Context)
        monkeypatch.setattr(pool_module, "_take_warm", lambda: None)
        monkeypatch.setattr(pool_module, "A_MOMENT", 0.0)
        with pytest.raises(ExecutorError, match=r"a worker process did not start \(" + text):
            run("good", {"x": 1}, namespace={"good": good}, executor="processes")
        assert len(closed) == (2 * pool_module.STARTS if where == "Process" else 0)

    @pytest.mark.parametrize("where", ["send", "receive"])
    def test_one_whose_messages_memory_does_not_do_for(self, monkeypatch, where):
        whole = getattr(pool_module.WorkerProcess, where)
        fails = [True]

        def once(self, *arguments):
            if fails:
                fails.pop()
                raise MemoryError("for a message")
            return whole(self, *arguments)

        monkeypatch.setattr(pool_module.WorkerProcess, where, once)
        with pytest.raises(TaskError, match="task 'good' failed: MemoryError") as caught:
            run("good", {"x": 1}, namespace={"good": good}, executor="processes")
        assert isinstance(caught.value.__cause__, MemoryError)
        check_still_works("processes")

    def test_a_filter_of_warnings_that_a_worker_cannot_have(self, tmp_path, monkeypatch):
        import warnings

        text = (
            "import sys\nclass Own(Warning): pass\nif getattr(sys, 'at_home', 0) == 0: sys.exit()\n"
        )
        (tmp_path / "module_of_a_warning.py").write_text(text)
        monkeypatch.setattr(sys, "at_home", 1, raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        from module_of_a_warning import Own

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Own)
            check_still_works("processes")


# Clusters.


@pytest.fixture(scope="module")
def dask():
    pytest.importorskip("distributed")
    os.environ[hv.HOME] = str(os.getpid())
    yield "dask"
    for client in [dask_module._own.pop(key) for key in list(dask_module._own) if key == 1]:
        client.cluster.close()
        client.close()


def run_on_dask(flow, names, **inputs):
    return run(flow, {"x": 1, **inputs}, namespace=names, executor="dask", workers=1)


NAMES = {"good": good, "after": after}


@pytest.mark.slow
@others_warn
@pytest.mark.leaves(
    "threads",
    "descriptors",
    "processes",
    "environment",
    reason="the cluster is kept, and has threads of its own",
)
class TestDask:
    @pytest.mark.parametrize("name", SOME)
    def test_an_exception_is_the_failure_of_its_task(self, name, dask):
        def bad():
            raise_it(name)

        with pytest.raises(TaskError) as caught:
            run_on_dask("bad \n good -> after", NAMES | {"bad": bad})
        assert caught.value.task == "bad" and caught.value.run["after"] == 3
        assert run_on_dask("good -> after", NAMES)["after"] == 3

    @pytest.mark.parametrize("name", VALUES)
    def test_a_result_fails_where_it_is_read(self, name, dask):
        def bad():
            return value_of(name)

        fate = VALUES[name].fate
        if fate == "written":
            with pytest.raises(TaskError, match="cannot be sent back") as caught:
                run_on_dask("bad \n good -> after", NAMES | {"bad": bad})
            assert caught.value.task == "bad" and caught.value.run["after"] == 3
        else:
            result = run_on_dask("bad \n good -> after", NAMES | {"bad": bad})
            assert result["after"] == 3
            if fate == "well" and "second" not in name:
                assert type(result["bad"]) is VALUES[name].make
            else:
                # In the main thread an interrupt may be the keyboard's, so it gets through.
                with pytest.raises(
                    (ExecutorError, KeyboardInterrupt), match=r"cannot be read|of the user's own"
                ):
                    result["bad"]
        assert run_on_dask("good -> after", NAMES)["after"] == 3

    @pytest.mark.parametrize("name", ["writing exits", "a lock", "__setstate__ exits",
                                      "__setstate__ interrupts"])  # fmt: skip
    def test_an_argument(self, name, dask):
        names = NAMES | {"bad": lambda value: value}
        with pytest.raises(TaskError) as caught:
            run_on_dask("bad \n good -> after", names, value=value_of(name))
        assert caught.value.task == "bad" and caught.value.run["after"] == 3
        assert run_on_dask("good -> after", NAMES)["after"] == 3

    @pytest.mark.parametrize("make", [HostileMapping, HostileAttribute])
    def test_a_result_that_cannot_be_asked_for_a_key(self, make, dask):
        names = NAMES | {"make": make, "bad": lambda key: key}
        with pytest.raises(TaskError) as caught:
            run_on_dask("make.key -> bad \n good -> after", names)
        assert caught.value.task == "bad" and caught.value.run["after"] == 3

    def test_one_without_the_key_that_cannot_say_what_it_has(self, dask):
        class Reticent:
            def __dir__(self):
                raise SystemExit("of the user's own code")

        names = NAMES | {"make": Reticent, "bad": lambda key: key}
        with pytest.raises(TaskError) as caught:
            run_on_dask("make.key -> bad \n good -> after", names)
        assert caught.value.task == "bad" and caught.value.run["after"] == 3
        assert isinstance(caught.value.__cause__, SystemExit)

    def test_a_client_whose_event_loop_has_ended_is_replaced(self, dask):
        assert run_on_dask("good", NAMES)["good"] == 2
        broken = dask_module._own[1]
        broken.loop.add_callback(sys.exit)
        while broken.loop.asyncio_loop.is_running():
            threading.Event().wait(0.01)
        assert run_on_dask("good -> after", NAMES)["after"] == 3
        assert dask_module._own[1] is not broken

    def test_large_arrays_arrive_writable(self, dask):
        numpy = pytest.importorskip("numpy")
        names = {
            "make": lambda: {"a": numpy.arange(1_000_000)},
            "twice": lambda make: make["a"] * 2,
        }
        result = run_on_dask("make -> twice \n good", NAMES | names)
        array = result["make"]["a"]
        array[0] = 7
        assert array[0] == 7 and result["twice"][-1] == 1_999_998
