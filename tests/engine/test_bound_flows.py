"""Flows with functions of their own: of a module, or of a mapping as it was."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import types
from collections import ChainMap

import cloudpickle
import pytest
from users_modules import PREFIX, UsersModule

import taskinity_nb.engine.remote.pickling.pickler as remote
from taskinity_nb import (
    Flow,
    FlowError,
    UnknownTaskError,
    UnpicklableError,
    compare,
    explore,
    parse_dsl,
    run,
    simulate,
    start,
)

TEXT = """
RATE = 2
def load(n=3): return n
def work(load): return RATE * load
class Tools:
    @staticmethod
    def half(x): return x / 2
"""
EXECUTORS = ["sequential", "threads", "processes"]


def load(n=3):
    return "not the module's"


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    yield UsersModule(tmp_path, TEXT)
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


class TestNamespaceOfAModule:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_run(self, module, executor):
        assert run("load -> work", namespace=module.it, executor=executor).result == 6

    def test_whatever_takes_a_namespace(self, module):
        flow = parse_dsl("load -> work")
        assert "load(n=3)" in repr(flow.explain(namespace=module.it))
        assert start(flow, namespace=module.it).wait().result == 6
        assert compare(flow, namespace=module.it, executors=["sequential"], repeats=1)
        explorer = explore(flow, namespace=module.it)
        explorer.start()
        assert explorer.wait()["work"] == 6

    def test_what_is_not_in_it(self, module):
        told = f"'lod' has no function in the module '{module.name}'\n(?s:.*)mean 'load'"
        with pytest.raises(UnknownTaskError, match=told):
            run(Flow("F", tasks=["lod"]), namespace=module.it)


class TestBoundToAModule:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_the_notebook_has_no_say(self, module, executor):
        flow = parse_dsl("load -> work").bind(module.it)
        names = {"load": load, "work": len}
        assert run(flow, executor=executor, namespace=names).result == 6

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_what_is_reloaded_is_what_runs(self, module, executor):
        flow = parse_dsl("load -> work").bind(module.it)
        assert run(flow, executor=executor).result == 6
        module.write(TEXT.replace("RATE = 2", "RATE = 5"))
        module.reload()
        assert run(flow, executor=executor).result == 15

    @pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps, remote.dumps])
    def test_it_is_pickled_by_the_name_of_the_module(self, module, dumps):
        flow = parse_dsl("load -> work").bind(module.it)
        packed = dumps(flow)
        assert module.name.encode() in packed
        again = pickle.loads(packed)
        assert again == flow
        module.write(TEXT.replace("RATE = 2", "RATE = 5"))
        module.reload()
        assert run(again).result == 15
        assert run(pickle.loads(pickle.dumps(again))).result == 15

    def test_globals_of_a_module_are_the_module(self, module):
        module.write(
            "from taskinity_nb import parse_dsl\nflow = parse_dsl('load').bind(globals())\n"
            "def load(): return 'defined later'"
        )
        flow = module.reload().flow
        assert run(flow).result == "defined later"
        assert module.name.encode() in pickle.dumps(flow)
        assert run(pickle.loads(pickle.dumps(flow))).result == "defined later"

    def test_in_another_process(self, module, tmp_path):
        packed = tmp_path / "flow.pickle"
        packed.write_bytes(pickle.dumps(parse_dsl("load -> work").bind(module.it)))
        code = (
            "import pickle, sys; from taskinity_nb import run\n"
            f"flow = pickle.load(open({str(packed)!r}, 'rb'))\n"
            "try: print(run(flow).result)\n"
            "except Exception as error: print(error)\n"
            f"sys.path.insert(0, {str(tmp_path)!r})\n"
            "print(run(flow).result)"
        )
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        assert f"bound to the module '{module.name}', which cannot be imported here" in out
        assert out.endswith("\n6\n")

    def test_a_module_that_nobody_can_import(self):
        made = types.ModuleType("made")
        made.load = lambda: "made by hand"
        flow = parse_dsl("load").bind(made)
        assert run(flow).result == "made by hand"
        made.load = lambda: "changed"
        assert run(flow).result == "changed"
        assert run(pickle.loads(pickle.dumps(flow))).result == "changed"

    def test_what_is_not_in_it(self, module):
        flow = parse_dsl("lod").bind(module.it)
        told = rf"'lod' has no function in the module '{module.name}', to which the flow is bound"
        with pytest.raises(UnknownTaskError, match=told):
            run(flow)


class TestBoundToAMapping:
    def test_what_it_held_then_counts(self):
        names = {"load": lambda: 1}
        flow = parse_dsl("load").bind(names)
        names["load"] = lambda: 2
        assert run(flow).result == 1
        assert run(flow, namespace=names).result == 1

    def test_globals_of_a_notebook(self, monkeypatch):
        main = vars(sys.modules["__main__"])
        monkeypatch.setitem(main, "load_it", lambda: "as it was")
        flow = parse_dsl("load_it").bind(main)
        monkeypatch.setitem(main, "load_it", lambda: "defined again")
        assert run(flow).result == "as it was"
        assert run("load_it").result == "defined again"

    def test_parts_of_a_chain_map(self, module):
        flow = parse_dsl("load -> work\ntools.half as half")
        flow = flow.bind(ChainMap({"load": 3, "tools": module.it.Tools}, vars(module.it)))
        assert run(flow, {"x": 5, "n": 1})["half"] == 2.5

    @pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps, remote.dumps])
    def test_lambdas_travel(self, dumps):
        flow = parse_dsl("load -> work as twice").bind({"load": lambda: 4, "work": lambda x: 2 * x})
        again = pickle.loads(dumps(flow))
        assert run(again, namespace={"load": load}).result == 8
        assert run(pickle.loads(dumps(again)), executor="processes").result == 8

    def test_only_what_the_flow_names_travels(self):
        lock = threading.Lock()
        flow = parse_dsl("load").bind({"load": lambda: 4, "other": lambda: lock})
        assert run(pickle.loads(pickle.dumps(flow))).result == 4

    def test_what_cannot_travel_is_told(self):
        lock = threading.Lock()
        flow = parse_dsl("load").bind({"load": lambda: lock})
        with pytest.raises(UnpicklableError, match=r"bound to cannot be pickled: .*lock"):
            pickle.dumps(flow)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_a_copy_has_the_same_functions(self, copied):
        lock = threading.Lock()
        flow = copied(parse_dsl("load").bind({"load": lambda: lock}))
        assert run(flow).result is lock

    def test_it_keeps_its_text_for_errors(self):
        flow = parse_dsl("load -> lod").bind({"load": load})
        told = r"line 1, column 9: task 'lod' has no function among those that the flow is bound to"
        with pytest.raises(UnknownTaskError, match=told):
            run(flow)

    @pytest.mark.parametrize("thing", [None, 3, "load", [load]])
    def test_what_nothing_can_be_bound_to(self, thing):
        with pytest.raises(FlowError, match="a mapping of names to functions or a module, not"):
            parse_dsl("load").bind(thing)

    def test_to_bind_it_anew(self):
        flow = parse_dsl("load").bind({"load": lambda: 1})
        assert run(flow.bind({"load": lambda: 2})).result == 2
        assert run(flow).result == 1


class TestRuns:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_resume_and_replay(self, executor, monkeypatch):
        main = vars(sys.modules["__main__"])
        flow = parse_dsl("first -> second").bind({"first": lambda: 1, "second": lambda x: x + 1})
        before = run(flow, executor=executor)
        for name in ("first", "second"):
            monkeypatch.setitem(main, name, lambda *_: "the notebook's")
        again = before.resume()
        assert again.result == 2
        assert [str(task.state) for task in again.tasks.values()] == ["cached", "cached"]
        assert before.replay("second") == 2
        assert run(flow, resume=before).result == 2

    def test_a_run_is_pickled_without_functions_of_a_notebook(self):
        flow = parse_dsl("load -> work").bind({"load": lambda: 3, "work": abs})
        done = pickle.loads(pickle.dumps(run(flow)))
        assert done.result == 3
        with pytest.raises(FlowError, match="the function 'load' did not travel with the run"):
            run(done.flow)

    def test_a_run_keeps_the_module_of_its_flow(self, module):
        done = run(parse_dsl("load -> work").bind(module.it))
        again = pickle.loads(pickle.dumps(done))
        assert run(again.flow, {"n": 4}).result == 8

    def test_predictions(self, module):
        flow = parse_dsl("load -> work").bind(module.it)
        run(flow)
        assert len(simulate(flow, 2).rows) == 2


class TestFunctionsOfModules:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_by_their_dotted_names(self, module, executor):
        flow = parse_dsl("m.load as read -> [m.work as work, m.Tools.half as half]")
        result = run(flow, {"n": 5}, namespace={"m": module.it}, executor=executor)
        assert (result["work"], result["half"]) == (10, 2.5)

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_what_is_reloaded_is_what_runs(self, module, executor):
        names = {"m": module.it}
        assert run("m.load as a -> m.work as b", namespace=names, executor=executor).result == 6
        module.write(TEXT.replace("RATE = 2", "RATE = 5"))
        module.reload()
        assert run("m.load as a -> m.work as b", namespace=names, executor=executor).result == 15

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_inside_a_task(self, module, executor):
        flow = parse_dsl("load -> work").bind({"load": lambda: 4, "work": lambda x: 2 * x})

        def nested():
            return run(flow).result

        assert run("nested", namespace={"nested": nested}, executor=executor).result == 8
