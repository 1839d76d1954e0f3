"""What is made of a task keeps its options, but for those that are given anew."""

from __future__ import annotations

import functools
from types import MethodType

import pytest

from taskinity_nb import State, Task, TaskError, run, task

OPTIONS = {
    "retries": 2,
    "retry_on": OSError,
    "retry_delay": 0.001,
    "timeout": 30.0,
    "executor": "threads",
    "resources": {"GPU": 1},
}


def positive(*args, **kwargs):
    return all(value > 0 for value in [*args, *kwargs.values()])


def fit(data, depth=1):
    """Fit a tree."""
    return data * depth


def inner(**options):
    return Task(fit, validate_input=positive, **(OPTIONS | options))


def decorated(made):
    @functools.wraps(made)
    def wrapper(*args, **kwargs):
        return made(*args, **kwargs)

    return wrapper


MADE = {
    "the task": lambda made: made,
    "a partial": lambda made: functools.partial(made, depth=2),
    "a partial of a partial": lambda made: functools.partial(functools.partial(made), depth=2),
    "a decorated one": decorated,
    "a cached one": functools.lru_cache,
    "a static method": staticmethod,
    "its call": lambda made: made.__call__,
    "a bound method": lambda made: MethodType(made, 3),
    "all of it": lambda made: decorated(functools.partial(decorated(made), depth=2)),
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("make", [Task, task])
def test_options_are_kept(make, kind):
    made = make(MADE[kind](inner()))
    assert {name: getattr(made, name) for name in OPTIONS} == OPTIONS
    assert made.description == "Fit a tree."


@pytest.mark.parametrize("kind", MADE)
def test_options_that_are_given_win(kind):
    given = {"retries": 0, "retry_on": Exception, "retry_delay": 0.0, "timeout": None,
             "executor": None, "resources": None, "description": "another"}  # fmt: skip
    made = Task(MADE[kind](inner()), **given)
    assert {name: getattr(made, name) for name in given} == {**given, "resources": {}}


@pytest.mark.parametrize("kind", MADE)
def test_a_label_is_kept(kind):
    assert Task(MADE[kind](inner(name="a label"))).name == "a label"
    assert Task(MADE[kind](inner(name="a label")), name="another").name == "another"


def test_a_task_of_a_task_has_its_validators_unless_others_are_given():
    made = inner()
    assert Task(made).function is fit
    assert Task(made).validate_input is positive
    assert Task(made, validate_input=None).validate_input is None
    assert Task(made, validate_output=positive).validate_input is positive


def flaky(folder, times=1):
    tries = len(list(folder.iterdir()))
    (folder / str(tries)).touch()
    if tries < times:
        raise OSError(tries)
    return tries


@pytest.mark.parametrize("kind", ["a partial", "a decorated one", "a static method"])
def test_in_a_run(executor, kind, tmp_path):
    made = Task(flaky, retries=2, retry_on=OSError, validate_output=lambda tries: tries < 2)
    make = MADE[kind] if kind != "a partial" else lambda made: functools.partial(made, times=1)
    result = run("work", {"folder": tmp_path}, namespace={"work": make(made)}, executor=executor)
    assert (result["work"], result.tasks["work"].attempts) == (1, 2)
    with pytest.raises(TaskError, match="validate_output of 'flaky' returned False"):
        run("work", {"folder": tmp_path}, namespace={"work": make(made)}, executor=executor)


@pytest.mark.parametrize("kind", ["a partial", "a static method"])
def test_an_async_task(executor, kind):
    @task(timeout=20)
    async def ask(number, more=1):
        return number + more

    made = functools.partial(ask, more=2) if kind == "a partial" else MADE[kind](ask)
    result = run("ask", {"number": 1}, namespace={"ask": made}, executor=executor)
    assert result["ask"] == (3 if kind == "a partial" else 2)
    assert result.tasks["ask"].state is State.SUCCEEDED
    with pytest.raises(TypeError, match="it takes no executor"):
        Task(made, executor="threads")
