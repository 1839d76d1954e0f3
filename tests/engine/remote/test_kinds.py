"""What functions of a notebook name, and what they raise, travels to every executor."""

from __future__ import annotations

import contextvars
import functools
import os
import subprocess
import sys
import threading
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskinity_nb import Task, TaskError, UnpicklableError, run
from taskinity_nb.engine.remote.pickling.pickler import dumps, pack_error
from taskinity_nb.engine.transport.codec import read_error

POOL = ThreadPoolExecutor(1)


def on(executor, function, **inputs):
    """Return what a function gives as a task of an executor."""
    return run("work", inputs or None, namespace={"work": function}, executor=executor)["work"]


class TestKinds:
    def test_a_cached_function_that_calls_itself(self, executor):
        @functools.lru_cache(maxsize=50, typed=True)
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        def work():
            return fib(30), fib.cache_parameters()

        assert on(executor, work) == (832040, {"maxsize": 50, "typed": True})

    def test_methods_and_properties_that_remember(self, executor):
        class Circle:
            @functools.cached_property
            def area(self):
                return 5

            @functools.lru_cache  # noqa: B019
            def scaled(self, factor):
                return factor * self.area

            @functools.singledispatchmethod
            def kind(self, thing):
                return "any"

            @kind.register
            def _(self, thing: int):
                return "int"

        def work():
            circle = Circle()
            return circle.area, circle.scaled(2), circle.kind(3), circle.kind("")

        assert on(executor, work) == (5, 10, "int", "any")

    def test_a_function_that_dispatches(self, executor):
        @functools.singledispatch
        def kind(thing):
            return "any"

        @kind.register
        def _(thing: int):
            return "int"

        kind(3)  # fills its cache
        assert on(executor, lambda: (kind(True), kind(""))) == ("int", "any")

    def test_types_that_have_only_a_name(self, executor):
        number = typing.NewType("number", int)
        params, several = typing.ParamSpec("params"), typing.TypeVarTuple("several")

        def work():
            return number(3), number.__name__, params.__name__, several.__name__

        assert on(executor, work) == (3, "number", "params", "several")

    def test_a_context_variable_is_set_as_it_is_here(self, executor):
        user = contextvars.ContextVar("user", default="nobody")
        unset = contextvars.ContextVar("unset")
        user.set("me")

        def work():
            before = user.get(), unset.get("-")
            user.set("somebody else")  # in a context of its own
            return before

        flow = "work -.-> again"
        result = run(flow, namespace={"work": work, "again": lambda: user.get()}, executor=executor)
        assert dict(result) == {"work": ("me", "-"), "again": "me"}
        user.set("you")
        assert on(executor, work) == ("you", "-")

    def test_a_standard_stream(self, executor):
        def work(file=sys.stderr):
            print("hello", file=file)
            return "said"

        assert on(executor, work) == "said"

    def test_a_task_that_has_a_pool_of_its_own_is_a_function_elsewhere(self, executor):
        inner = Task(lambda x: 2 * x, executor=POOL)
        assert on(executor, lambda: inner(3)) == 6


class TestWays:
    """The way to what cannot travel is named."""

    def test_through_functions(self):
        lock = threading.Lock()

        def slow():
            with lock:
                return 1

        def work():
            return slow()

        with pytest.raises(TaskError) as caught:
            on("processes", work)
        cause = caught.value.__cause__
        assert isinstance(cause, UnpicklableError)
        assert str(cause).splitlines()[0] == (
            "task 'work': its function cannot be sent to another process: "
            "work → slow → lock, a lock: cannot pickle '_thread.lock' object"
        )

    @pytest.mark.parametrize(
        ("make", "way"),
        [
            (lambda bad: lambda: bad, "<lambda> → bad, a lock"),
            (lambda bad: lambda: [1, {"k": bad}], "<lambda> → bad, a lock"),
            (lambda bad: functools.partial(print, bad), "partial → argument 0, a lock"),
            (lambda bad: Holder(bad).call, "call → Holder → .held, a lock"),
            (lambda bad, *, x=1: with_default(bad), "with_default → the default of 'x', a lock"),
            (lambda bad: in_a_dict({"a": [bad]}), "<lambda> → held → ['a'] → [0], a lock"),
        ],
    )
    def test_through_other_parts(self, make, way):
        with pytest.raises(TaskError) as caught:
            on("processes", make(threading.Lock()))
        assert f": {way}: " in str(caught.value.__cause__)


def with_default(bad):
    def with_default(x=bad):
        return x

    return with_default


def in_a_dict(held):
    return lambda: held


class Holder:
    def __init__(self, held):
        self.held = held

    def call(self):
        return self.held


class ApiError(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class OnlyNamed(Exception):
    def __init__(self, *, why):
        super().__init__(why)


class OfTheSystem(OSError):
    def __init__(self, host):
        super().__init__(5, f"no {host}")
        self.host = host


class Holds(ApiError):
    def __init__(self):
        super().__init__(1, "it holds a lock")
        self.lock = threading.Lock()


class Frozen(Exception):
    def __init__(self, text):
        super().__init__(text)
        BaseException.__setattr__(self, "text", text)

    def __setattr__(self, name, value):
        raise AttributeError("it is frozen")


class Slotted(Exception):
    __slots__ = ("extra",)

    def __init__(self, extra):
        self.extra = extra


class Own(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b

    def __reduce__(self):
        return Own, (self.args[0], self.b)


MADE = {
    "two arguments": (lambda: ApiError(3, "no"), {"code": 3}),
    "named ones": (lambda: OnlyNamed(why="no"), {}),
    "of the system": (lambda: OfTheSystem("host"), {"errno": 5, "host": "host"}),
    "frozen": (lambda: Frozen("no"), {"text": "no"}),
    "slotted": (lambda: Slotted([1]), {"extra": [1]}),
    "its own way": (lambda: Own(1, 2), {"b": 2}),
    "import": (lambda: ImportError("no", name="m", path="p"), {"name": "m", "path": "p"}),
    "unicode": (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), {"reason": "no"}),
    "exit": (lambda: SystemExit(3), {"code": 3}),
    "group": (lambda: ExceptionGroup("two", [ValueError(1), ApiError(2, "b")]), {"message": "two"}),
    "a lock": (Holds, {"code": 1}),
}


class TestExceptions:
    @pytest.mark.parametrize("name", MADE)
    def test_is_itself(self, name, executor):
        make, attributes = MADE[name]

        def work():
            raise make()

        error = run(
            "work", namespace={"work": work}, executor=executor, on_error="continue"
        ).errors["work"]
        expected = make()
        assert type(error) is type(expected) and str(error) == str(expected)
        assert {key: getattr(error, key) for key in attributes} == attributes

    @pytest.mark.parametrize("name", MADE)
    def test_is_tried_again_for_what_it_is(self, name, executor):
        make, _ = MADE[name]

        def work():
            raise make()

        kind = next(k for k in type(make()).__mro__[1:] if k is not object)
        options = {"retries": 2, "retry_on": kind}
        record = run(
            "work",
            namespace={"work": Task(work, **options)},
            executor=executor,
            on_error="continue",
        ).tasks["work"]
        assert record.attempts == 3

    def test_one_that_cannot_travel_is_tried_again_by_its_name(self, executor):
        def work():
            class Lost(ApiError):
                lock = threading.Lock()

            raise Lost(1, "lost")

        for kind, attempts in ((ApiError, 3), ((KeyError, Exception), 3), (KeyError, 1)):
            task = Task(work, retries=2, retry_on=kind)
            result = run("work", namespace={"work": task}, executor=executor, on_error="continue")
            assert result.tasks["work"].attempts == attempts
            assert str(result.errors["work"]).startswith(("1: lost", "Lost: 1: lost"))

    def test_what_it_was_raised_from(self, executor):
        def work():
            try:
                try:
                    {}["k"]
                except KeyError:
                    raise ApiError(1, "while it was handled") from None
            except ApiError as error:
                try:
                    raise ValueError("in between")
                except ValueError:
                    raise RuntimeError("wrapped") from error

        result = run("work", namespace={"work": work}, executor=executor, on_error="continue")
        error = result.errors["work"]
        assert repr(error) == "RuntimeError('wrapped')"
        assert type(error.__cause__) is ApiError and error.__cause__.code == 1
        assert error.__suppress_context__ and error.__cause__.__suppress_context__

    def test_a_context_that_was_not_asked_for(self, executor):
        def work():
            try:
                {}["k"]
            except KeyError:
                raise ValueError("no")  # noqa: B904

        result = run("work", namespace={"work": work}, executor=executor, on_error="continue")
        error = result.errors["work"]
        assert repr(error.__context__) == "KeyError('k')" and error.__cause__ is None
        assert not error.__suppress_context__

    def test_a_chain_that_goes_round(self):
        first, second = ValueError("first"), ValueError("second")
        first.__context__, second.__context__ = second, first
        error = read_error(*pack_error(first))
        assert repr(error.__context__.__context__) == "ValueError('first')"

    def test_a_cause_that_cannot_travel_leaves_its_text(self):
        class Unreadable(ValueError):
            lock = threading.Lock()

        error = ValueError("no")
        error.__cause__ = Unreadable("it cannot be read")
        read = read_error(*pack_error(error))
        assert str(read.__cause__).startswith("Unreadable: it cannot be read (")

    def test_its_frames_are_told_of_its_cause_too(self):
        def inner():
            raise KeyError("k")

        try:
            try:
                inner()
            except KeyError as error:
                raise ValueError("no") from error
        except ValueError as error:
            read = read_error(*pack_error(error))
        assert "in inner" in read.__cause__.__notes__[0]


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
from taskinity_nb import run

shell = InteractiveShell.instance()
cells = [
    "word = 'there'",
    "def listing(n):\\n    lines = !echo {n + 1} $word {{n}} $$ONE\\n    return list(lines)",
    "def told():\\n    !echo hello $word",
    "def timed():\\n    %time pass",
    "ip = get_ipython()\\ndef through():\\n    return ip.getoutput('echo {word}')",
]
assert all(shell.run_cell(cell).success for cell in cells)
result = run(
    "listing, told, timed, through".replace(", ", chr(10)), {"n": 2},
    namespace=shell.user_ns, executor="processes", on_error="continue",
)
assert result["listing"] == ["3 there {n} 1"], result["listing"]
assert result.tasks["told"].stdout == "hello there\\n"
assert "%time is of the notebook's own process" in str(result.errors["timed"])
"""


def test_a_command_runs_in_a_worker_and_a_magic_is_refused(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    command = [sys.executable, script]
    environment = os.environ | {"ONE": "1", "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert done.returncode == 0, done.stderr


def test_what_names_much_comes_back_without_it():
    """An instance refers to its class, and not to all that the class names."""
    large = list(range(100_000))

    class Model:
        def method(self):
            return large

    result = run("work", namespace={"work": lambda: Model()}, executor="processes")
    assert type(result["work"]) is Model
    assert len(dumps(Model())) > 100_000
