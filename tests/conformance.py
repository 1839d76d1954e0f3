"""What an executor is asked to do, and what it answers: a word of the table in the docs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from functions import add, double, kill_self_once, one, wait_for_file, write_whole

from taskinity_nb import Cancelled, ExecutorError, MapError, State, Task, TaskError, run, start
from taskinity_nb.engine.backends.cluster.refs import RemoteRef
from taskinity_nb.engine.cache import keys, run_cache
from taskinity_nb.engine.transport.shared_memory import StoredResult

__all__ = ["FEATURES"]

CELL = """
class Point:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return self.x == other.x

class Odd(Exception): pass

def make(): return Point(3)
def move(point): return Point(point.x + 1)
def reject(point): raise Odd(point.x)
"""


def results(executor: Any, folder: Path) -> str:
    names = {"one": one, "double": double, "add": add}
    result = run("one -> [double, double as again] -> add", namespace=names, executor=executor)
    assert dict(result) == {"one": 1, "double": 2, "again": 2, "add": 4}
    return "yes"


def begin_together(folder: Path, number: int) -> Callable[[], int]:
    """Return a task that goes on when so many have begun, so that no worker begins a second one."""

    def one() -> int:
        os.close(tempfile.mkstemp(dir=folder, prefix="begun-")[0])
        deadline = time.monotonic() + 60
        while len(list(folder.glob("begun-*"))) < number:
            assert time.monotonic() < deadline, "the others do not begin"
            time.sleep(0.002)
        return 1

    return one


def order(executor: Any, folder: Path) -> str:
    """The head of the longest chain comes last in the text, and is to begin first."""
    text = "[one as a, one as b, one as c, one as d, one as e]\n one as head -> double -> add"
    workers = run("one", namespace={"one": one}, executor=executor).workers
    names = {
        "one": Task(begin_together(folder, min(workers, 6))),
        "double": double,
        "add": Task(lambda double: double),
    }
    result = run(text, namespace=names, executor=executor)
    begun = sorted(result.tasks.values(), key=lambda task: task.started)
    assert "head" in [task.name for task in begun[: result.workers]]
    return "longest way first"


def failure(executor: Any, folder: Path) -> str:
    names = {"one": one, "double": double, "divide": Task(lambda x: x / 0), "after": double}
    with pytest.raises(TaskError) as caught:
        run("one -> [divide, double]\n divide -> after", namespace=names, executor=executor)
    failed = caught.value.run
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert failed.tasks["divide"].frames[-1][2] == "<lambda>"
    assert (failed.tasks["after"].state, failed.tasks["after"].cause) == (
        State.UPSTREAM_FAILED, "divide"
    )  # fmt: skip
    assert failed["double"] == 2
    return "the rest is finished"


def retries(executor: Any, folder: Path) -> str:
    names = {
        "flaky": Task(succeed_at_third, retries=2, retry_on=ValueError, retry_delay=0.01),
        "double": double,
    }
    result = run("flaky -> double", str(folder), namespace=names, executor=executor)
    assert result["double"] == 4
    assert result.tasks["flaky"].attempts == 3
    return "yes"


def succeed_at_third(folder: str) -> int:
    number = len(list(Path(folder).iterdir()))
    Path(folder, str(number)).touch()
    if number < 2:
        raise ValueError(number)
    return number


def timeout(executor: Any, folder: Path) -> str:
    run("after", 1, namespace={"after": double}, executor=executor)  # now its workers are there
    names = {"slow": Task(take_a_second, timeout=0.4), "after": double}
    result = run("slow -> after", str(folder / "pid"), namespace=names, executor=executor,
                 on_error="continue")  # fmt: skip
    assert result.tasks["slow"].state is State.TIMED_OUT
    assert isinstance(result.tasks["slow"].error, TimeoutError)
    assert result.tasks["after"].state is State.UPSTREAM_FAILED
    if result.tasks["slow"].duration > 0.9:
        return "seen when it returns"
    wait_for_file(folder / "pid")
    return "goes on unseen" if is_alive(folder / "pid", 0) else "ended"


def take_a_second(marker: str) -> int:
    write_whole(marker, str(os.getpid()))
    time.sleep(1.0)
    return 1


def cancel(executor: Any, folder: Path) -> str:
    names = {"holding": hold_until, "after": double}
    going = start("holding -> after", str(folder), namespace=names, executor=executor)
    wait_for_file(folder / "pid")
    going.cancel()
    with pytest.raises(Cancelled):
        going.wait()
    assert {task.state for task in going.tasks.values()} == {State.CANCELLED}
    goes_on = is_alive(folder / "pid", 0.5)
    (folder / "release").touch()
    return "goes on unseen" if goes_on else "ended"


def hold_until(folder: str) -> int:
    write_whole(f"{folder}/pid", str(os.getpid()))
    wait_for_file(f"{folder}/release")
    return 1


def is_alive(marker: Path, patience: float) -> bool:
    """Tell whether the process that has written its number there is there after a while."""
    number, until = int(marker.read_text()), time.monotonic() + patience
    while number != os.getpid():
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        if time.monotonic() >= until:
            break
        time.sleep(0.05)
    return True


def maps(executor: Any, folder: Path) -> str:
    names = {"numbers": lambda: range(5), "double": double, "total": sum}
    result = run("numbers -> map double -> total", namespace=names, executor=executor)
    assert (result["double"], result["total"]) == ([0, 2, 4, 6, 8], 20)
    names["double"] = lambda x: 6 // (x - 3)
    with pytest.raises(MapError) as caught:
        run("numbers -> map double -> total", namespace=names, executor=executor)
    assert [(place, item) for place, item, _ in caught.value.items] == [(3, 3)]
    return "yes"


def streams(executor: Any, folder: Path) -> str:
    names = {"numbers": lambda: {"a": 1, "b": 2}, "value": lambda pair: pair[1],
             "double": double, "total": sum}  # fmt: skip
    text = "numbers -> map value -> map double -> total"
    result = run(text, namespace=names, executor=executor)
    assert result["total"] == 6
    return "yes"


def intermediates(executor: Any, folder: Path) -> str:
    names = {"make": lambda: bytearray(b"x") * 20_000_000, "size": len}
    result = run("make -> size", namespace=names, executor=executor)
    assert result["size"] == 20_000_000
    value = result.record.values[0]
    assert len(result["make"]) == 20_000_000
    if isinstance(value, RemoteRef):
        assert value.nbytes >= 20_000_000
        return "stay on the workers"
    if isinstance(value, StoredResult):
        return "in files in memory"
    return "copied" if result.executor.endswith("Executor") and not is_here(executor) else "shared"


def is_here(executor: Any) -> bool:
    return executor.submit(os.getpid).result() == os.getpid()


def notebook(executor: Any, folder: Path) -> str:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL, "<cell>", "exec"), names)
    result = run("make -> move", namespace=names, executor=executor)
    assert result["move"] == names["Point"](4)
    with pytest.raises(TaskError) as caught:
        run("make -> reject", namespace=names, executor=executor)
    assert type(caught.value.__cause__).__name__ == "Odd"
    return "yes"


def stdout(executor: Any, folder: Path) -> str:
    names = {"say": lambda: print("hello"), "more": lambda say: print("more")}
    result = run("say -> more", namespace=names, executor=executor)
    assert [task.stdout for task in result.tasks.values()] == ["hello\n", "more\n"]
    return "yes"


def stamps(executor: Any, folder: Path) -> str:
    names = {"one": one, "double": double, "add": add}
    result = run("one -> [double, double as again] -> add", namespace=names, executor=executor)
    for task in result.tasks.values():
        stamps = [0.0, task.ready, task.submitted, task.started, task.finished, task.received,
                  result.makespan]  # fmt: skip
        assert stamps == sorted(stamps), task
        assert task.worker
        assert task.cpu >= 0
    assert result.tasks["add"].started >= result.tasks["again"].finished
    return "yes"


def death(executor: Any, folder: Path) -> str:
    if executor in ("sequential", "threads") or (
        not isinstance(executor, str) and hasattr(executor, "shutdown") and is_here(executor)
    ):
        return "–"
    names = {"dies": kill_self_once, "after": lambda dies: dies}
    try:
        result = run("dies -> after", str(folder / "died"), namespace=names, executor=executor)
    except ExecutorError:
        return "the run ends"
    assert result["after"] == "second attempt"
    return "tried again"


def stretch(number: int) -> tuple[float, float]:
    """Return when it began and ended, by a clock that all processes of a machine share."""
    began = time.monotonic()
    time.sleep(0.05)
    return began, time.monotonic()


def limits(executor: Any, folder: Path) -> str:
    names = {"some": lambda: list(range(6)), "take": Task(stretch, resources={"api": 1})}
    done = run("some -> map take", namespace=names, executor=executor, resources={"api": 2})
    begun_at_once = [
        sum(other[0] <= one[0] < other[1] for other in done["take"]) for one in done["take"]
    ]
    assert max(begun_at_once) <= 2
    with pytest.raises(ExecutorError, match=r"and there is 0\.5"):
        run("some -> map take", namespace=names, executor=executor, resources={"api": 0.5})
    return "yes"


def resources(executor: Any, folder: Path) -> str:
    names = {"one": Task(one, resources={"seat": 1})}
    try:
        assert run("one", namespace=names, executor=executor)["one"] == 1
    except ExecutorError as error:
        assert "'one' asks for 1 of 'seat', and nothing says how much there is" in str(error)
        return "refused"
    with pytest.raises(ExecutorError, match="has the resources"):
        run("one", namespace={"one": Task(one, resources={"seat": 99})}, executor=executor)
    return "reserved"


def resume(executor: Any, folder: Path) -> str:
    names: dict[str, Any] = {"one": one, "double": Task(lambda x: x / 0)}
    with pytest.raises(TaskError) as caught:
        run("one -> double", namespace=names, executor=executor)
    names["double"] = double
    mended = caught.value.run.resume()
    assert mended.tasks["one"].state is State.CACHED
    assert mended["double"] == 2
    return "yes"


def cached(executor: Any, folder: Path) -> str:
    names = {"small": one, "large": lambda: "a" * 100_000}
    with ExitStack() as stack:
        for module in (keys, run_cache):
            stack.enter_context(patch.object(module, "MOST_FETCHED", 50_000))
        for _ in range(2):
            made = run("small\nlarge", namespace=names, executor=executor, cache=folder / "cache")
    assert (made["small"], made["large"]) == (1, "a" * 100_000)
    assert made.tasks["small"].state is State.CACHED
    if made.tasks["large"].state is State.CACHED:
        return "yes"
    assert made.tasks["large"].why.startswith("not cached: its result lies on a cluster")
    return "results up to 100 MB"


def coroutines(executor: Any, folder: Path) -> str:
    async def fetch(one: int) -> int:
        return one + 1

    names = {"one": one, "fetch": fetch, "double": double}
    assert run("one -> fetch -> double", namespace=names, executor=executor)["double"] == 4
    return "yes"


def stop(executor: Any, folder: Path) -> str:
    names = {"divide": lambda: 1 / 0, "one": one, "double": double}
    text = "divide\n one -> double"
    with pytest.raises(TaskError) as caught:
        run(text, namespace=names, executor=executor, on_error="stop")
    assert {task.state for task in caught.value.run.tasks.values()} <= {
        State.FAILED, State.SUCCEEDED, State.CANCELLED
    }  # fmt: skip
    return "yes"


FEATURES: dict[str, Callable[[Any, Path], str]] = {
    "results": results,
    "order": order,
    "after a failure": failure,
    '`on_error="stop"`': stop,
    "retries": retries,
    "a task out of time": timeout,
    "a cancelled task": cancel,
    "map": maps,
    "map after map": streams,
    "large intermediates": intermediates,
    "functions and classes of a notebook": notebook,
    "what is printed": stdout,
    "times and workers": stamps,
    "a worker that dies": death,
    "`resources=` of the run": limits,
    "`resources=` of its workers": resources,
    "`async def`": coroutines,
    "`resume`": resume,
    "`cache`": cached,
}
