"""Tasks: the decorator, validators, the registry, and the way to another process."""

from __future__ import annotations

import copy
import functools
import importlib
import pickle
import subprocess
import sys
import textwrap

import cloudpickle
import pytest

from taskinity_nb.model.call import invoke
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


# ---- validators ---------------------------------------------------------------------------------


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

    def test_a_verdict_without_a_truth_value_does_not(self):
        numpy = pytest.importorskip("numpy")
        assert Task(abs, validate_input=lambda x: numpy.array([False, False]))(-3) == 3

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
