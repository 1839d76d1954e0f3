"""Tasks and parameters may have any name, also those that this package's own functions use."""

from __future__ import annotations

import pytest

from taskinity_nb import Task, TaskError, run
from taskinity_nb.model.task import task

OURS = (
    "self", "cls", "call", "function", "args", "kwargs", "task", "name", "item", "value", "values",
    "index", "slot", "worker", "run", "flow", "validate_input", "validate_output", "leading",
    "context", "output", "callable", "key", "number", "collect", "finish", "parameter",
)  # fmt: skip

PARAMETERS = ", ".join(OURS)


def one():
    return 1


def gather(**results):
    return sorted(results)


def described(**results):
    return len(results) == len(OURS)


def count(size):
    return size == len(OURS)


def functions(keyword):
    """Return a function with a parameter for each name, and likewise an ``async def``."""
    made = {}
    exec(f"def take({keyword}{PARAMETERS}): return [{PARAMETERS}]", made)
    exec(f"async def ask({keyword}{PARAMETERS}): return [{PARAMETERS}]", made)
    return made["take"], made["ask"]


def tasks(keyword):
    take, ask = functions(keyword)
    checks = {"validate_input": described, "validate_output": lambda result: len(result) > 0}
    if not keyword:
        checks["validate_input"] = lambda *args, **kwargs: len(args) + len(kwargs) == len(OURS)
    names = dict.fromkeys(OURS, one)
    return names | {
        "gather": gather,
        "checked": Task(gather, **checks) if keyword else gather,
        "take": take,
        "ask": ask,
        "take_checked": Task(take, **checks),
        "ask_checked": Task(ask, **checks),
    }


LAST = "[gather, checked, take, ask, take_checked, ask_checked]"


@pytest.mark.parametrize("keyword", ["", "*, "])
def test_names_that_we_use(executor, keyword):
    names = tasks(keyword)
    text = f"[{', '.join(OURS)}] -> {LAST}"
    done = run(text, namespace=names, executor=executor)
    expected = {"gather": sorted(OURS), "checked": sorted(OURS)}
    for name in LAST[1:-1].split(", "):
        assert done[name] == expected.get(name, [1] * len(OURS))
        assert done.replay(name) == done[name]
    again = done.resume()
    assert dict(again) == dict(done)


@pytest.mark.parametrize("keyword", ["", "*, "])
def test_inputs_with_such_names(executor, keyword):
    names = tasks(keyword)
    done = run("take\n ask\n take_checked\n ask_checked", dict.fromkeys(OURS, 1),
               namespace=names, executor=executor)  # fmt: skip
    assert set(map(tuple, done.values())) == {(1,) * len(OURS)}


def test_a_mapped_task_with_such_a_parameter(executor):
    made, names, lines = {}, {"scan": lambda: [1, 2]} | dict.fromkeys(OURS, one), []
    for name in OURS:
        exec(f"def work_{name}(*, {name}): return {name} + 1", made)
        exec(f"async def ask_{name}(*, {name}): return {name} + 1", made)
        lines += [f"scan -> map work_{name}", f"scan -> map ask_{name}", name]
    done = run("\n".join(lines), namespace=made | names, executor=executor)
    for name in OURS:
        for task_name in (f"work_{name}", f"ask_{name}"):
            assert done[task_name] == [2, 3]
            assert done.replay(task_name, item=1) == 3


def test_a_direct_call():
    for keyword in ("", "*, "):
        take, _ = functions(keyword)
        arguments = dict.fromkeys(OURS, 1)
        assert task(take)(**arguments) == [1] * len(OURS)
        assert Task(take, validate_input=described)(**arguments) == [1] * len(OURS)


def test_retries(executor):
    def work(*, self, function, call):
        raise OSError(self + function + call)

    names = {"work": Task(work, retries=1)}
    with pytest.raises(TaskError, match="3"):
        run("work", {"self": 1, "function": 1, "call": 1}, namespace=names, executor=executor)
