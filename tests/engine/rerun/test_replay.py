"""Calling a task of a run again, with the very same arguments."""

from __future__ import annotations

import asyncio
import threading
import traceback

import pytest

from taskinity_nb import FlowError, NoResultError, run, skip, start, task
from taskinity_nb.engine.rerun.replay import arguments_of


def load():
    return [3, 0, 5]


def total(load):
    return sum(load) / 0


def ended(flow, namespace, inputs=None, **options):
    return run(flow, inputs, namespace=namespace, on_error="continue", **options)


def test_it_gets_the_very_same_arguments():
    seen = []
    done = run("load -> keep", namespace={"load": load, "keep": seen.append})
    done.replay("keep")
    assert seen[0] is seen[1] is done["load"]


def test_what_it_raises_is_the_users_own_and_begins_in_the_users_frame():
    done = ended("load -> total", {"load": load, "total": total})
    with pytest.raises(ZeroDivisionError) as caught:
        done.replay("total")
    assert caught.value.__cause__ is None
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "total" and "invoke" not in names
    hidden = caught.value.__traceback__.tb_next.tb_frame.f_locals
    assert hidden["__tracebackhide__"]


def test_it_runs_in_the_calling_thread():
    done = run("who", namespace={"who": threading.current_thread}, executor="threads")
    assert done.replay("who") is threading.current_thread() is not done["who"]


def test_an_item_of_a_map():
    done = ended("load -> map inverse", {"load": load, "inverse": lambda n: 1 / n})
    assert done.replay("inverse", item=2) == 1 / 5
    with pytest.raises(ZeroDivisionError):
        done.replay("inverse", item=1)
    with pytest.raises(FlowError, match=r"run\.replay\('inverse', item=1\)"):
        done.replay("inverse")
    with pytest.raises(FlowError, match="no item 3: its items are 0 to 2"):
        done.replay("inverse", item=3)
    with pytest.raises(FlowError, match="'load' is not mapped, so it has no item 0"):
        done.replay("load", item=0)


def test_an_item_of_a_stream():
    functions = {"load": load, "twice": lambda n: 2 * n, "text": str}
    done = run("load -> map twice -> map text", namespace=functions, executor="processes")
    assert done.replay("text", item=2) == "10"


def test_an_item_of_a_map_that_was_kept():
    functions = {"load": load, "twice": lambda n: 2 * n}
    done = run("load -> map twice", namespace=functions).resume()
    assert done.replay("twice", item=2) == 10


def test_a_generator_is_a_list_where_it_was_one():
    functions = {"count": lambda: iter([1, 2]), "twice": lambda n: 2 * n}
    assert run("count -> map twice", namespace=functions).replay("count") == [1, 2]


def test_results_elsewhere_are_fetched():
    functions = {"make": lambda: bytearray(3_000_000), "size": len}
    done = run("make -> size", namespace=functions, executor="processes", workers=1)
    assert done.replay("size") == 3_000_000


def test_inputs_keys_and_defaults():
    functions = {"a": lambda path: {"x": path, "y": 2}, "b": lambda x, y, z=3: (x, y, z)}
    done = run("a -> b", {"path": "p"}, namespace=functions)
    assert done.replay("a") == done["a"] and done.replay("b") == ("p", 2, 3)
    told = {one.parameter: one.source for one in arguments_of(done, "b")[1]}
    assert told["x"] == "a key of the result of a"
    done = run("a.x -> c", {"path": "p"}, namespace=functions | {"c": str.upper})
    assert done.replay("c") == "P"


def test_validators_are_part_of_it():
    @task(validate_output=lambda result: result < 2)
    def small(n):
        return n

    done = ended("small", {"small": small}, {"n": 3})
    with pytest.raises(ValueError, match="validate_output of 'small' returned False"):
        done.replay("small")


def test_an_async_task_is_awaited_with_and_without_a_loop():
    async def fetch(n):
        await asyncio.sleep(0)
        return 1 / n

    done = ended("fetch", {"fetch": fetch}, {"n": 2})
    assert done.replay("fetch") == 0.5

    async def within():
        return done.replay("fetch")

    assert asyncio.run(within()) == 0.5
    done = ended("fetch", {"fetch": fetch}, {"n": 0})
    with pytest.raises(ZeroDivisionError):
        done.replay("fetch")


def test_results_that_were_released():
    functions = {"load": load, "total": sum, "show": print}
    done = run("load -> total -> show", namespace=functions, keep="last")
    with pytest.raises(NoResultError, match="'total' are gone: the result of 'load' was released"):
        done.replay("total")
    assert done.replay("load") == [3, 0, 5]
    functions = {"load": load, "twice": abs, "total": sum}
    mapped = run("load -> map twice -> total", namespace=functions, keep="last")
    with pytest.raises(NoResultError, match="'twice' are gone"):
        mapped.replay("twice", item=0)


def test_inputs_that_were_released():
    done = run("half", {"n": 4}, namespace={"half": lambda n: n / 2})
    done.release()
    with pytest.raises(NoResultError, match="an input was released"):
        done.replay("half")


def test_an_upstream_that_has_no_result():
    functions = {"load": load, "total": total, "show": print, "last": print}
    done = ended("load -> total -> show -> last", functions)
    expected = "'show' takes the result of 'total', which is failed\n.*run.replay\\('total'\\)"
    with pytest.raises(NoResultError, match=expected):
        done.replay("show")
    with pytest.raises(NoResultError, match=r"upstream failed \('total' failed\)"):
        done.replay("last")
    done = ended("off -> show", {"off": skip, "show": print})
    with pytest.raises(NoResultError, match="which is skipped"):
        done.replay("show")


def test_an_unknown_task():
    done = run("load", namespace={"load": load})
    with pytest.raises(NoResultError, match="did you mean 'load'"):
        done.replay("lod")


def test_a_run_that_goes_on():
    go = threading.Event()
    going = start("hold -> after", namespace={"hold": lambda: go.wait(60), "after": print})
    with pytest.raises(NoResultError, match="'after' takes the result of 'hold'"):
        going.replay("after")
    go.set()
    going.wait()
    assert going.replay("hold") is True


def test_a_notebook_shows_the_users_frames_and_can_debug_them(kept_kernel):
    kernel = kept_kernel.as_new()
    kernel.run("import sys\ndef load(): return 0\ndef half(load):\n    n = 5\n    return n / load")
    kernel.run("%%flow --no-gantt --on-error continue --output run\nload -> half")
    cell = kernel.run("run.replay('half')")
    assert "----> 5     return n / load" in cell.error
    assert "engine" not in cell.error and "views" not in cell.error
    found = kernel.run(
        "frame = sys.last_traceback\n"
        "while frame.tb_next: frame = frame.tb_next\n"
        "print(frame.tb_frame.f_locals)"
    )
    assert found.printed == "{'load': 0, 'n': 5}\n"
