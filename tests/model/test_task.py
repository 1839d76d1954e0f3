"""Tasks: the decorator, validators, the registry, and the way to another process."""

from __future__ import annotations

import copy
import functools
import importlib
import io
import math
import pickle
import re
import subprocess
import sys
import textwrap
import threading
from decimal import Decimal
from fractions import Fraction

import cloudpickle
import pytest
from hostile import Raises

from taskinity_nb.model.checks import LONGEST_WAIT
from taskinity_nb.model.invoke import invoke
from taskinity_nb.model.task import Task, registered_tasks, task


def reject(*_):
    return False


# ---- the decorator ------------------------------------------------------------------------------


class TestDecorator:
    def test_without_parentheses(self):
        @task
        def load(path):
            """Read a file.

            All of it.
            """
            return [path]

        assert isinstance(load, Task)
        assert load("p") == ["p"]
        assert (load.name, load.description) == ("load", "Read a file.")
        assert (load.__name__, load.__module__) == ("load", __name__)
        assert load.__doc__.startswith("Read a file.")
        assert repr(load) == "<Task 'load'>"

    def test_with_parentheses(self):
        @task()
        def load():
            return 1

        assert isinstance(load, Task)
        assert load() == 1
        assert load.description == ""

    def test_with_options(self):
        @task(name="Load it", description="From the disk.", validate_output=reject)
        def load():
            """Say something else."""

        assert (load.name, load.description) == ("Load it", "From the disk.")
        assert load.validate_output is reject
        assert load.validate_input is None

    def test_an_empty_description_is_one(self):
        @task(description="")
        def load():
            """Say something."""

        assert load.description == ""

    def test_a_name_in_place_of_the_function(self):
        with pytest.raises(TypeError) as caught:
            task("Load it")
        assert str(caught.value) == "write @task(name='Load it') instead of @task('Load it')"

    @pytest.mark.parametrize("wrong", [3, ["load"], {"name": "x"}])
    def test_what_is_no_function(self, wrong):
        with pytest.raises(TypeError, match="a task needs a function, not "):
            task(wrong)
        with pytest.raises(TypeError, match="a task needs a function, not "):
            task(name="x")(wrong)

    def test_an_unknown_option(self):
        with pytest.raises(TypeError, match="'nmae'"):
            task(nmae="x")

    def test_arguments_reach_the_function(self):
        @task
        def function(a, /, b=2, *rest, c, **others):
            return a, b, rest, c, others

        assert function(1, 3, 4, c=5, d=6) == (1, 3, (4,), 5, {"d": 6})

    @pytest.mark.parametrize(
        ("function", "name"),
        [
            (lambda: 1, "<lambda>"),
            (len, "len"),
            (dict, "dict"),
            (functools.partial(max, 1), "partial"),
        ],
    )
    def test_any_callable(self, function, name):
        made = Task(function)
        assert made.name == name
        assert made.function is function

    def test_what_has_no_name_is_not_described_by_its_class(self):
        assert Task(functools.partial(max, 1)).description == ""


# ---- options ------------------------------------------------------------------------------------


def load(): ...


async def asks_later(x): ...


def yields(x):
    yield False


LATER = "awaited"
PLAIN = "write it as a plain function, without 'async' and 'yield'"


class TestOptions:
    """What cannot do is refused when a task is made, with its function and what to write."""

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (
                {"retry_on": [OSError, ValueError]},
                "retry_on is a type of exception or a tuple of them, not "
                "[<class 'OSError'>, <class 'ValueError'>]; write retry_on=(OSError, ValueError)",
            ),
            (
                {"retry_on": {OSError}},
                "retry_on is a type of exception or a tuple of them, not "
                "{<class 'OSError'>}; write retry_on=(OSError,)",
            ),
            (
                {"retry_on": "OSError"},
                "retry_on is a type of exception or a tuple of them, not 'OSError'; "
                "write retry_on=OSError",
            ),
            (
                {"retry_on": OSError("x")},
                "retry_on is a type of exception or a tuple of them, not OSError('x'); "
                "write retry_on=OSError",
            ),
            (
                {"retry_on": (OSError, int)},
                "retry_on is a type of exception or a tuple of them, not "
                "(<class 'OSError'>, <class 'int'>)",
            ),
            ({"retry_on": None}, "retry_on is a type of exception or a tuple of them, not None"),
            ({"retries": 1.5}, "retries is a whole number from 0 on, not 1.5"),
            ({"timeout": math.nan}, "timeout is a number of seconds above 0, not nan"),
            ({"timeout": 2j}, "timeout is a number of seconds above 0, not 2j"),
            (
                {"retry_delay": math.nan},
                "retry_delay is seconds, a callable of the attempt, or 'exponential', not nan",
            ),
            (
                {"retry_delay": True},
                "retry_delay is seconds, a callable of the attempt, or 'exponential', not True",
            ),
            (
                {"resources": {"GPU": math.inf}},
                "resources are names and numbers above 0, such as {'GPU': 1}, not {'GPU': inf}",
            ),
            (
                {"resources": 3},
                "resources are names and numbers above 0, such as {'GPU': 1}, not 3",
            ),
            ({"validate_input": True}, "validate_input is a function, not True"),
            ({"validate_output": "positive"}, "validate_output is a function, not 'positive'"),
            ({"validate_input": asks_later}, f"validate_input is called and not {LATER}"),
            ({"validate_output": yields}, f"validate_output is called and not {LATER}"),
            (
                {"validate_output": functools.partial(asks_later, 1)},
                f"validate_output is called and not {LATER}",
            ),
            ({"validate_output": Task(asks_later)}, f"validate_output is called and not {LATER}"),
            ({"retry_delay": asks_later}, f"retry_delay is called and not {LATER}"),
            ({"name": 5}, "name is a text, not 5"),
            ({"description": ["a"]}, "description is a text, not ['a']"),
            (
                {"executor": 3},
                "the executor of a task is 'threads', 'processes', 'dask', 'ray' "
                "or an object with 'submit', not 3",
            ),
        ],
        ids=lambda value: re.sub(" at 0x\\w+", "", str(value)),
    )
    def test_what_cannot_do(self, options, text):
        with pytest.raises(TypeError) as caught:
            task(**options)(load)
        if LATER in text:
            text = text.replace(LATER, f"awaited, not {next(iter(options.values()))!r}; {PLAIN}")
        assert str(caught.value) == f"task 'load': {text}"

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [
            (5, 5.0), (0.5, 0.5), (Fraction(1, 4), 0.25), (Decimal("0.25"), 0.25),
            (1e10, LONGEST_WAIT), (sys.maxsize, LONGEST_WAIT), (5e-324, 5e-324),
        ],
    )  # fmt: skip
    def test_seconds(self, given, seconds):
        assert Task(load, timeout=given).timeout == seconds
        assert Task(load, retry_delay=given).delay_before(1) == seconds
        assert Task(load, retry_delay=lambda retry: given).delay_before(1) == seconds

    @pytest.mark.parametrize("endless", [math.inf, 10**400, Decimal("inf")])
    def test_seconds_without_end(self, endless):
        assert Task(load, timeout=endless).timeout is None
        assert Task(load, retry_delay=endless).delay_before(1) == LONGEST_WAIT
        assert Task(load, retry_delay=lambda retry: endless).delay_before(1) == LONGEST_WAIT

    def test_seconds_of_numpy(self):
        numpy = pytest.importorskip("numpy")
        made = Task(load, timeout=numpy.float32(0.5), retry_delay=numpy.int64(2))
        assert (made.timeout, made.delay_before(1)) == (0.5, 2.0)
        assert Task(load, retries=numpy.int64(2)).retries == 2
        with pytest.raises(TypeError, match="timeout is a number"):
            Task(load, timeout=numpy.True_)

    def test_the_longest_wait_can_be_waited_for(self):
        gate = threading.Lock()
        assert gate.acquire(timeout=LONGEST_WAIT)
        assert LONGEST_WAIT < threading.TIMEOUT_MAX

    @pytest.mark.parametrize("value", [math.nan, "2", None, True, 2j, [1], Decimal("nan")])
    def test_a_callable_that_gives_no_number(self, value):
        made = Task(load, retry_delay=lambda retry: value)
        with pytest.raises(TypeError) as caught:
            made.delay_before(2)
        assert str(caught.value) == (
            f"retry_delay of task 'load' gave {value!r} for retry 2, which is no number of seconds"
        )

    @pytest.mark.parametrize("value", [-1, -math.inf, -(10**400)])
    def test_a_callable_that_gives_less_than_none(self, value):
        assert Task(load, retry_delay=lambda retry: value).delay_before(1) == 0.0

    def test_any_number_of_retries(self):
        made = Task(load, retries=10**400, retry_delay="exponential")
        assert made.retries == 10**400
        assert 30 <= made.delay_before(10**400) <= 60

    def test_a_union_of_exceptions(self):
        assert Task(load, retry_on=OSError | ValueError).retry_on == (OSError, ValueError)
        assert Task(load, retry_on=()).retry_on == ()

    def test_a_function_with_attributes_that_are_no_texts(self):
        def function(): ...

        function.__doc__ = 5
        made = Task(function)
        assert (made.name, made.description) == ("function", "")
        with pytest.raises(
            TypeError, match=r"task 'function': retries is .* not \(its text cannot"
        ):
            Task(function, retries=Raises())


# ---- validators ---------------------------------------------------------------------------------


VERDICTS = {
    "no: numpy's own": lambda np, pd: np.False_,
    "no: an array without dimensions": lambda np, pd: np.array(False),
    "no: an array": lambda np, pd: np.array([True, False]),
    "no: a matrix": lambda np, pd: np.array([[True, True], [True, False]]),
    "no: a series": lambda np, pd: (pd.DataFrame({"a": [1, 2], "b": [1, -1]}) > 0).all(),
    "no: a frame": lambda np, pd: pd.DataFrame({"a": [1, 2], "b": [1, -1]}) > 0,
    "no: a series that may lack values": lambda np, pd: pd.Series([True, False], dtype="boolean"),
    "yes: numpy's own": lambda np, pd: np.True_,
    "yes: an array": lambda np, pd: np.array([True, True]),
    "yes: an empty one": lambda np, pd: np.array([], dtype=bool),
    "yes: a series": lambda np, pd: (pd.DataFrame({"a": [1, 2], "b": [1, 3]}) > 0).all(),
    "yes: a frame": lambda np, pd: pd.DataFrame({"a": [1, 2]}) > 0,
    "yes: numbers": lambda np, pd: np.array([0, 0]),
    "yes: a frame of numbers": lambda np, pd: pd.DataFrame({"a": [0, 0]}),
    "yes: a frame of both": lambda np, pd: pd.DataFrame({"a": [0, 0], "b": [False, False]}),
}


class TestValidators:
    def test_input_gets_the_arguments(self):
        seen = []

        @task(validate_input=lambda *args, **kwargs: seen.append((args, kwargs)))
        def function(a, b=0, *, c):
            return a, b, c

        assert function(1, b=2, c=3) == (1, 2, 3)
        assert seen == [((1,), {"b": 2, "c": 3})]

    def test_output_gets_the_result(self):
        seen = []
        assert Task(lambda: [1], validate_output=seen.append)() == [1]
        assert seen == [[1]]

    def test_false_rejects(self):
        def load(x):
            calls.append(x)

        calls = []
        with pytest.raises(ValueError) as caught:
            Task(load, validate_input=reject)(1)
        text = "validate_input of 'load' returned False: the arguments were rejected"
        assert (str(caught.value), calls) == (text, [])
        with pytest.raises(ValueError) as caught:
            Task(load, validate_output=reject)(1)
        text = "validate_output of 'load' returned False: the result was rejected"
        assert (str(caught.value), calls) == (text, [1])

    def test_the_false_of_numpy_rejects(self):
        numpy = pytest.importorskip("numpy")
        positive = Task(lambda x: x, validate_output=lambda x: (numpy.array(x) > 0).all())
        assert positive([1, 2]) == [1, 2]
        with pytest.raises(ValueError, match="validate_output"):
            positive([1, -2])

    @pytest.mark.parametrize("verdict", [None, 0, 0.0, "", [], (), {}, True, 1, "no", object()])
    def test_nothing_else_does(self, verdict):
        def validate(*_):
            return verdict

        assert Task(abs, validate_input=validate, validate_output=validate)(-3) == 3

    @pytest.mark.parametrize("which", ["validate_input", "validate_output"])
    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_the_truth_values_of_the_libraries(self, which, verdict):
        libraries = pytest.importorskip("numpy"), pytest.importorskip("pandas")
        rejects = verdict.startswith("no")
        made = Task(abs, **{which: lambda x: VERDICTS[verdict](*libraries)})
        if not rejects:
            assert made(-3) == 3
            return
        with pytest.raises(ValueError, match=f"{which} of 'abs' returned False: the .* rejected"):
            made(-3)

    def test_a_validator_may_open_what_it_checks(self):
        with io.StringIO() as file:
            assert Task(abs, validate_input=lambda x: file)(-3) == 3
            assert not file.closed

    @pytest.mark.parametrize("which", ["validate_input", "validate_output"])
    def test_what_would_do_its_work_later_has_checked_nothing(self, which):
        async def later(x):
            return False

        for verdict in (later, lambda x: (each for each in [False]), lambda x: map(bool, [0])):
            with pytest.raises(TypeError, match=f"{which} of 'abs' returned .* checked nothing"):
                Task(abs, **{which: lambda x, verdict=verdict: verdict(x)})(-3)

    @pytest.mark.parametrize("which", ["validate_input", "validate_output"])
    def test_raising_rejects_with_that_very_error(self, which):
        error = KeyError("column")

        def validate(_):
            raise error

        with pytest.raises(KeyError) as caught:
            Task(abs, **{which: validate})(-3)
        assert caught.value is error

    def test_output_is_not_looked_at_when_the_function_raises(self):
        seen = []
        with pytest.raises(ZeroDivisionError):
            Task(lambda: 1 / 0, validate_output=seen.append)()
        assert seen == []

    def test_a_function_without_a_name(self):
        with pytest.raises(ValueError, match="validate_input of 'partial' returned False"):
            invoke(functools.partial(max, 1), reject, None, (2,), {})

    def test_those_of_a_task_within_a_task_hold_too(self):
        inner = Task(abs, validate_output=reject)
        with pytest.raises(ValueError, match="validate_output of 'abs'"):
            Task(inner)(-3)


# ---- the registry -------------------------------------------------------------------------------


class TestRegistry:
    def test_by_the_name_of_the_function(self):
        @task(name="label")
        def load(): ...

        assert dict(registered_tasks()) == {"load": load}

    def test_the_last_one_counts(self):
        made = []
        for number in range(2):

            @task
            def load(number=number):
                return number

            made.append(load)
        assert registered_tasks()["load"] is made[1]

    def test_without_the_decorator_there_is_no_entry(self):
        Task(abs)
        assert not registered_tasks()

    def test_it_is_read_only(self):
        with pytest.raises(TypeError):
            registered_tasks()["x"] = Task(abs)


# ---- pickling -----------------------------------------------------------------------------------


MODULE = """
from taskinity_nb.model.task import Task, task

@task(name="sum", validate_output=lambda total: total < 100)
def add(a, b=1):
    return a + b

def plain(x):
    return 2 * x

renamed = Task(plain)

class Group:
    @task
    def inside(x):
        return x

def make():
    @task
    def local(x):
        return x + 1
    return local
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with tasks that an import finds."""
    (tmp_path / "module_with_tasks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("module_with_tasks")
    sys.modules.pop("module_with_tasks", None)


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
class TestByReference:
    def test_a_task_of_a_module(self, module, dumps):
        data = dumps(module.add)
        assert module.add.is_importable
        assert pickle.loads(data) is module.add
        assert len(data) < 100

    def test_a_task_of_a_class(self, module, dumps):
        assert pickle.loads(dumps(module.Group.inside)) is module.Group.inside

    def test_a_task_whose_name_is_another_object_goes_by_value(self, module, dumps):
        assert not module.renamed.is_importable
        copied = pickle.loads(dumps(module.renamed))
        assert copied is not module.renamed
        assert copied.function is module.plain
        assert copied(4) == 8


class TestByValue:
    def copy(self, made):
        return pickle.loads(cloudpickle.dumps(made))

    def test_a_task_of_a_function(self, module):
        local = module.make()
        assert not local.is_importable
        assert self.copy(local)(1) == 2

    def test_one_that_was_defined_anew(self, module):
        old = module.add
        importlib.reload(module)
        assert (old.is_importable, module.add.is_importable) == (False, True)
        assert self.copy(old)(1, 2) == 3

    def test_options_travel_too(self):
        made = Task(lambda x: x, name="n", description="d", validate_input=reject)
        copied = self.copy(made)
        assert (copied.name, copied.description) == ("n", "d")
        with pytest.raises(ValueError, match="validate_input"):
            copied(1)

    def test_what_has_no_name(self):
        made = Task(functools.partial(max, 2))
        assert not made.is_importable
        assert self.copy(made)(1) == 2

    def test_a_notebook(self, tmp_path):
        """Tasks of ``__main__`` reach a process that has another one, with all that they use."""
        script = """
            import pathlib, sys
            import cloudpickle
            from taskinity_nb.model.task import task

            OFFSET = 10

            def helper(x):
                return x + OFFSET

            @task(validate_output=lambda result: result > 0)
            def work(x):
                return helper(x) if x else work(1)

            assert not work.is_importable
            pathlib.Path(sys.argv[1]).write_bytes(cloudpickle.dumps(work))
        """
        path = tmp_path / "work.pickle"
        code = textwrap.dedent(script)
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        work = pickle.loads(path.read_bytes())
        assert (work(5), work(0), work.name) == (15, 11, "work")
        with pytest.raises(ValueError, match="validate_output of 'work'"):
            work(-20)


def test_copies(module):
    assert copy.copy(module.add) is copy.deepcopy(module.add) is module.add
    local = module.make()
    assert copy.copy(local)(1) == copy.deepcopy(local)(1) == 2
