"""A task that runs flows finds the notebook's functions by name, wherever the task runs."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest
from users_modules import PREFIX, UsersModule

from taskinity_nb import TaskError, UnknownTaskError, run
from taskinity_nb.model import task as task_module

FUNCTIONS = """
from functools import partial
import taskinity_nb as tn
from taskinity_nb import compare, parse_dsl, run, run_flow_from_dsl, start, task
def load(): return [1, 2, 3]
def big(xs): return sum(xs)
"""


@pytest.fixture
def cell():
    """Return what runs a cell in ``__main__``, which is as before in the end."""
    main = sys.modules["__main__"]
    before, registered = dict(vars(main)), dict(task_module._registry)

    def execute(code):
        exec(textwrap.dedent(code), vars(main))

    execute(FUNCTIONS)
    yield execute
    for names, old in ((vars(main), before), (task_module._registry, registered)):
        for name in names.keys() - old.keys():
            del names[name]
        names.update(old)


WAYS = {
    "a task": 'outer = task(lambda: run("load -> big")["big"])',
    "plain": 'def outer(): return run("load -> big")["big"]',
    "of the module": 'def outer(): return tn.run("load -> big")["big"]',
    "imported inside": """
        def outer():
            from taskinity_nb import run as go
            return go("load -> big")["big"]
    """,
    "the module imported inside": """
        def outer():
            import taskinity_nb
            return taskinity_nb.run("load -> big")["big"]
    """,
    "by the older name": """
        def outer():
            from taskinity import run_parallel_flow_from_dsl as go
            return go("load -> big")["big"]
    """,
    "one after the other": 'def outer(): return run_flow_from_dsl("load -> big")["big"]',
    "in the background": 'def outer(): return start("load -> big").wait()["big"]',
    "partial": """
        go = partial(run, executor="sequential")
        def outer(): return go("load -> big")["big"]
    """,
    "a text of the notebook": '''
        TEXT = """
        flow Both:
            load  # reads
            load -> big
        """
        def outer(): return run(TEXT)["big"]
    ''',
    "a text in a dict": """
        TEXTS = {"both": ["load -> big"]}
        def outer(): return run(TEXTS["both"][0])["big"]
    """,
    "a flow": """
        FLOW = parse_dsl("load -> big")
        def outer(): return run(FLOW)["big"]
    """,
    "a flow with other names": """
        FLOW = tn.Flow("Both", [("a", "b")], functions={"a": "load", "b": "big"})
        def outer(): return run(FLOW)["b"]
    """,
    "read inside": 'def outer(): return run(parse_dsl("load -> big"))["big"]',
    "a default": 'def outer(text="load -> big"): return run(text)["big"]',
    "a closure": """
        def made(text): return lambda: run(text)["big"]
        outer = made("load -> big")
    """,
    "through a helper": """
        def helper(text): return run(text)["big"]
        def outer(): return helper("load -> big")
    """,
    "through a class": """
        class Pipeline:
            text = "load -> big"
            def go(self): return run(self.text)["big"]
        def outer(): return Pipeline().go()
    """,
    "through an instance": """
        class Pipeline:
            def __init__(self, text): self.text = text
            def __call__(self): return run(self.text)["big"]
        pipeline = Pipeline("load -> big")
        def outer(): return pipeline()
    """,
    "through a property": """
        class Pipeline:
            @property
            def it(self): return run("load -> big")["big"]
        def outer(): return Pipeline().it
    """,
    "through slots": """
        class Pipeline:
            __slots__ = ("text", "empty")
            def __init__(self, text): self.text = text
            def go(self): return run(self.text)["big"]
        pipeline = Pipeline("load -> big")
        def outer(): return pipeline.go()
    """,
    "through a named tuple": """
        from typing import NamedTuple
        class Pipeline(NamedTuple):
            text: str
            def go(self): return run(self.text)["big"]
        pipeline = Pipeline("load -> big")
        def outer(): return pipeline.go()
    """,
    "other names in the text": """
        def outer(): return run("[\\n load as a,\\n] -> map big as b")["b"][0]
        def load(): return [[1, 2, 3]]
    """,
    "in a file": """
        def outer():
            import pathlib, tempfile
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "flow")
                path.write_text("load -> big")
                return run(path.read_text())["big"]
    """,
    "in a process pool of a task": """
        from concurrent.futures import ProcessPoolExecutor
        def outer():
            with ProcessPoolExecutor(1) as pool:
                return run("load -> big", executor=pool)["big"]
    """,
    "put together": """
        def outer(): return run(" -> ".join(["load", "big"]))["big"]
    """,
    "put together of names": """
        def outer():
            names = [each.__name__ for each in (load, big)]
            return run(f"{names[0]} -> {names[1]}")["big"]
    """,
    "two levels": """
        def middle(): return run("load -> big")["big"]
        def outer(): return run("middle")["middle"]
    """,
    "two levels, in processes": """
        def middle(): return run("load -> big", executor="processes", workers=1)["big"]
        def outer(): return run("middle")["middle"]
    """,
    "mapped inside": """
        def item(x): return run("load -> big", executor="sequential")["big"] * x
        def total(items): return sum(items)
        def ones(): return [1, 0, 0]
        def outer(): return run("ones -> map item -> total")["total"]
    """,
    "in processes": """
        def outer(): return run("load -> big", executor="processes", workers=1)["big"]
    """,
    "of async def": """
        async def load(): return [1, 2, 3]
        def outer(): return run("load -> big")["big"]
    """,
    "in async def": """
        async def outer(): return run("load -> big")["big"]
    """,
    "in a thread of a task": """
        from threading import Thread
        def outer():
            found = []
            thread = Thread(target=lambda: found.append(run("load -> big")["big"]))
            thread.start()
            thread.join()
            return found[0]
    """,
    "in a pool of a task": """
        from concurrent.futures import ThreadPoolExecutor
        def outer():
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(run, "load -> big").result()["big"]
    """,
    "registered inside": """
        def outer():
            @task
            def inner(): return 6
            return run("inner")["inner"]
    """,
    "through a cache": """
        from functools import cache
        @cache
        def helper(): return run("load -> big")["big"]
        def outer(): return helper()
    """,
    "compared": """
        def outer():
            compare("load -> big", executors=("sequential",), repeats=1)
            return 6
    """,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["threads", "processes"])
def test_functions_are_found_by_name(cell, way, where):
    cell(WAYS[way])
    assert run("outer", executor=where)["outer"] == 6


def test_on_each_executor(cell, executor):
    cell(WAYS["two levels"])
    cell("def twice(x): return 2 * x")
    assert run("outer -> twice", executor=executor)["twice"] == 12


def test_in_each_item(cell, executor):
    cell("""
        def numbers(): return [1, 2, 3]
        def item(n): return n * run("load -> big")["big"]
    """)
    assert run("numbers -> map item", executor=executor)["item"] == [6, 12, 18]


class TestTextsThatAreGiven:
    @pytest.mark.parametrize("given", ['"load -> big"', 'parse_dsl("load -> big")'])
    def test_inputs(self, cell, executor, given):
        cell(f"def outer(flow): return run(flow)['big']\ngiven = {given}")
        assert run("outer", vars(sys.modules["__main__"])["given"], executor=executor)["outer"] == 6

    def test_what_runs_it(self, cell, executor):
        cell("""
            class Pipeline:
                def __init__(self, text): self.text = text
                def go(self): return run(self.text)["big"]
            given = Pipeline("load -> big")
            def outer(pipeline): return pipeline.go()
        """)
        assert run("outer", vars(sys.modules["__main__"])["given"], executor=executor)["outer"] == 6

    def test_results_of_other_tasks(self, cell, executor):
        cell("""
            def choose(): return "load"
            def outer(name): return run(f"{name} -> big")["big"]
        """)
        assert run("choose -> outer", executor=executor)["outer"] == 6


class TestEachRun:
    def test_sees_a_function_that_is_defined_again(self, cell, executor):
        cell(WAYS["plain"])
        assert run("outer", executor=executor)["outer"] == 6
        cell("def load(): return [10]")
        assert run("outer", executor=executor)["outer"] == 10
        cell("@task\ndef big(xs): return -sum(xs)")
        assert run("outer", executor=executor)["outer"] == -10

    @pytest.mark.parametrize("kind", ["fork", "spawn"])
    def test_finds_nothing_that_a_process_inherited(self, cell, kind):
        import multiprocessing

        cell('def outer(): return run("daol"[::-1]).result')
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(kind)) as pool:
            pool.submit(os.getpid).result()
            cell("def load(): return 2")
            with pytest.raises(TaskError) as caught:
                run("outer", executor=pool)
        assert isinstance(caught.value.__cause__, UnknownTaskError)
        assert 'namespace={"load": load}' in str(caught.value.__cause__)

    def test_tells_of_a_task_that_was_not_seen_to_run_flows(self, cell):
        cell("""
            def outer():
                import importlib
                return importlib.import_module("taskinity" + "_nb").__dict__["run"]("load").result
        """)
        with pytest.raises(TaskError) as caught:
            run("outer", executor="processes")
        assert 'namespace={"load": load}' in str(caught.value.__cause__)

    def test_what_is_passed_is_found(self, cell, executor):
        cell("""
            def outer(): return run("daol"[::-1], namespace={"load": load}).result
        """)
        assert run("outer", executor=executor)["outer"] == [1, 2, 3]


class TestModules:
    """Their functions travel by name; the notebook's, which they find by name, do not."""

    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(tmp_path)
        yield lambda text: UsersModule(tmp_path, textwrap.dedent(text))
        for name in [name for name in sys.modules if name.startswith(PREFIX)]:
            del sys.modules[name]

    def test_a_function_that_runs_a_flow(self, cell, module, executor):
        made = module("from taskinity_nb import run\ndef helper(text): return run(text)['big']")
        cell(f"import {made.name} as mod\ndef outer(): return mod.helper('load -> big')")
        assert run("outer", executor=executor)["outer"] == 6

    def test_a_task_that_runs_a_flow(self, cell, module, executor):
        made = module("""
            from taskinity_nb import run, task
            @task
            def outer(): return run("load -> big")["big"]
        """)
        cell(f"import {made.name}")
        assert run("outer", executor=executor)["outer"] == 6

    def test_a_task_that_only_the_registry_has(self, cell, module, executor):
        made = module("""
            from taskinity_nb import task
            @task
            def six(big): return big
        """)
        cell(f"import {made.name}\ndef outer(): return run('load -> big -> six')['six']")
        assert run("outer", executor=executor)["outer"] == 6


class TestWhatCannotBeSent:
    def test_harms_nobody_who_does_not_need_it(self, cell, executor):
        cell("""
            from threading import Lock
            lock, stream = Lock(), iter([1])
            def locked():
                with lock: return 1
            def streamed(): return next(stream)
            def outer(): return run("load -> big")["big"], "locked", "streamed -> locked"
        """)
        assert run("outer", executor=executor)["outer"][0] == 6

    @pytest.mark.parametrize("name", ["locked", "streamed"])
    def test_is_told_where_it_is_needed(self, cell, name):
        cell(f"""
            from threading import Lock
            lock, stream = Lock(), iter([1])
            def locked():
                with lock: return 1
            def streamed(): return next(stream)
            def outer(): return run("{name}")["{name}"]
        """)
        with pytest.raises(TaskError) as caught:
            run("outer", executor="processes")
        assert f"task '{name}' could not be sent to this process: " in str(caught.value.__cause__)
        assert ("lock" if name == "locked" else "'stream'") in str(caught.value.__cause__)


def test_runs_of_two_notebooks_do_not_mix(cell):
    """As on a cluster, where a worker has calls of several in its threads."""
    from taskinity_nb.engine.remote.notebook import InNotebook
    from taskinity_nb.model.lookup import notebook

    both, found = threading.Barrier(2), {}

    def call(name, args, kwargs):
        both.wait()
        found[name] = notebook().places[0]["load"]
        both.wait()

    calls = [InNotebook({"load": name}, {}) for name in "ab"]
    threads = [
        threading.Thread(target=each, args=(call, name, [], {}))
        for each, name in zip(calls, "ab", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": "a", "b": "b"}


class TestResume:
    def test_a_function_that_only_a_text_names(self, cell):
        cell(WAYS["two levels"])
        first = run("outer")
        assert run("outer", resume=first).tasks["outer"].state == "cached"
        cell("def load(): return [10]")
        again = run("outer", resume=first)
        assert (again.tasks["outer"].state, again["outer"]) == ("succeeded", 10)

    def test_what_no_text_names(self, cell):
        cell(WAYS["two levels"])
        cell("def other(): return 1")
        first = run("outer")
        cell("def other(): return 2")
        assert run("outer", resume=first).tasks["outer"].state == "cached"
