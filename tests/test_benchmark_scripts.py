"""The scripts in benchmarks/."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import pytest
from clusters import on_ray

import taskinity_nb

SCRIPTS = Path(__file__).parents[1] / "benchmarks"
MODULES = {path.stem for path in SCRIPTS.glob("*.py")}


@pytest.fixture
def module(monkeypatch):
    """Return what imports one of the scripts."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module
    for name in MODULES & sys.modules.keys() - {"__main__"}:
        del sys.modules[name]


@pytest.fixture
def graphs(module):
    return module("graphs")


@pytest.fixture
def recorded(module):
    return module("recorded")


@pytest.fixture
def peers(module):
    return module("peers")


@pytest.fixture
def measuring(module, monkeypatch):
    measuring = module("measuring")
    idle = {name: lambda: None for name in ("collect", "freeze", "unfreeze")}
    monkeypatch.setattr(measuring, "gc", SimpleNamespace(**idle))  # slow in a large process
    return measuring


# Graphs.


@pytest.mark.parametrize("tasks", [1, 2, 3, 10, 17])
def test_shapes_have_the_size_asked_for_and_one_root_or_end(graphs, tasks):
    for shape in graphs.SHAPES:
        graph = shape(tasks)
        assert len(graph.upstream) == tasks
        flow = taskinity_nb.Flow(graph.name, graph.edges, graph.upstream)  # has no cycle
        assert set(graph.last_tasks) == set(flow.last_tasks)
    tree = graphs.tree(tasks)
    assert tree.last_tasks == [f"t{tasks - 1}"]
    assert len(tree.edges) == tasks - 1
    assert all(len(before) <= 2 for before in tree.upstream.values())


@pytest.mark.parametrize("tasks", [10, 11, 12, 13, 57, 200])
def test_graphs_like_workflows_have_the_size_asked_for(graphs, tasks):
    for shape in graphs.WORKFLOWS:
        graph = shape(tasks)
        assert (
            len(graph.upstream)
            == tasks
            == len(set(TopologicalSorter(graph.upstream).static_order()))
        )
        assert graph.seconds.keys() == graph.upstream.keys() and min(graph.seconds.values()) > 0
        assert len(graph.last_tasks) == 1
        assert graph.seconds == shape(tasks).seconds  # the same each time


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_stronger_bound_is_kept_by_a_schedule_and_keeps_the_other(graphs, workers):
    for shape in graphs.WORKFLOWS:
        graph = shape(60)
        bound, stronger = graph.lower_bound(workers), graph.stronger_bound(workers)
        assert bound <= stronger <= sum(graph.seconds.values()) * (1 + 1e-9)


def test_there_is_no_smaller_workflow(graphs):
    for shape in graphs.WORKFLOWS:
        with pytest.raises(ValueError, match="at least, not 3"):
            shape(3)


# Files.


PLAIN = {
    "tasks": [
        {"id": "in/a", "upstream": [], "seconds": 1},
        {"id": "b", "upstream": ["in/a"], "seconds": 2.5},
    ]
}
WF_15 = {
    "name": "x", "schemaVersion": "1.5",
    "workflow": {
        "specification": {"tasks": [
            {"name": "a", "id": "a_1", "parents": [], "children": ["a_2"]},
            {"name": "a", "id": "a_2", "parents": ["a_1"], "children": []},
        ]},
        "execution": {"tasks": [
            {"id": "a_2", "runtimeInSeconds": 2.5}, {"id": "a_1", "runtimeInSeconds": 1},
        ]},
    },
}  # fmt: skip
WF_14 = {"workflow": {"tasks": [
    {"name": "b", "id": "2", "type": "compute", "parents": ["1"], "runtimeInSeconds": 2.5},
    {"name": "a", "id": "1", "type": "compute", "children": ["b"], "runtimeInSeconds": 1},
]}}  # fmt: skip
WF_12 = {"workflow": {"jobs": [
    {"name": "a", "type": "compute", "runtime": 1},
    {"name": "b", "type": "compute", "parents": ["a"], "runtime": 2.5},
]}}  # fmt: skip


@pytest.mark.parametrize(
    "content", [PLAIN, WF_15, WF_14, WF_12], ids=["plain", "1.5", "1.4", "1.2"]
)
def test_formats_of_recorded_workflows(recorded, tmp_path, content):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(content))
    graph = recorded.read_workflow(path)
    first, second = ("t1", "t0") if content is WF_14 else ("t0", "t1")
    assert graph.name == "w"
    assert dict(graph.upstream) == {first: [], second: [first]}
    assert graph.seconds == {first: 1.0, second: 2.5}
    assert graph.lower_bound(4) == 3.5
    assert graph.scaled(2).lower_bound(1) == 7.0


def test_files_that_are_no_workflows_are_told(recorded, tmp_path):
    bad = {
        "cycle": {"tasks": [{"id": "a", "upstream": ["a"], "seconds": 1}]},
        "empty": {"tasks": []},
        "list": [],
        "number": 1,
        "other": {"name": "x"},
        "twice": {"tasks": [{"id": "a", "upstream": [], "seconds": 1}] * 2},
        "unknown": {"tasks": [{"id": "a", "upstream": ["b"], "seconds": 1}]},
        "planned": {"workflow": {"specification": {"tasks": [{"id": "a"}]}}},
    }
    for name, content in bad.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "good.json").write_text(json.dumps(PLAIN))
    found, problems = recorded.read_workflows(tmp_path)
    assert [graph.name for graph in found] == ["good"]
    assert [problem.partition(".json: ")[0] for problem in problems] == sorted([*bad, "text"])
    told = "\n".join(problems)
    assert "in a cycle" in told and "'b', which it does not hold" in told


# Measuring.


def test_the_baseline_computes(peers):
    upstream = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    functions = {
        "a": lambda: 1,
        "b": lambda x: x + 1,
        "c": lambda x: x + 2,
        "d": lambda x, y: x * y,
    }
    with ThreadPoolExecutor(2) as pool:
        results = peers.run_with_graphlib(upstream, functions, pool)
    assert results == {"a": 1, "b": 2, "c": 3, "d": 6}


def test_contestants_take_turns(measuring):
    order = []

    def contestant(name):
        return lambda: order.append(name) or {name: float(len(order))}

    contests = {"fan": [contestant("x"), contestant("y")], "tree": [contestant("z")]}
    medians = measuring.in_turns(contests, 3)
    assert "".join(order) == "xyz" * 4
    assert medians == {"fan": {"x": 7.0, "y": 8.0}, "tree": {"z": 9.0}}  # without the first round


def test_what_is_written_stands_between_the_markers(measuring, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- x: begin -->\nold\n<!-- x: end -->\nafter\n")
    measuring.write_table("x", "new", readme)
    assert readme.read_text() == "before\n<!-- x: begin -->\nnew\n<!-- x: end -->\nafter\n"
    with pytest.raises(SystemExit, match="has no lines"):
        measuring.write_table("y", "new", readme)


def test_the_shortest_task_is_found_between_two_that_were_measured(module):
    metg = module("metg").metg
    assert metg({4e-6: 0.9, 2e-6: 0.5, 1e-6: 0.1}) == pytest.approx(2e-6)
    assert metg({4e-6: 0.4, 2e-6: 0.6, 1e-6: 0.4}) == pytest.approx(2**0.5 * 1e-6)
    assert metg({4e-6: 0.9}) is None and metg({}) is None


# The scripts, each as its user runs it.

TINY = {
    "overhead": ["--tasks", "20", "40", "--quick"],
    "metg": ["--tasks", "16", "--quick"],
    "processes": ["--chain", "5", "--fan", "10", "--megabytes", "2"],
    "workflows": ["--workers", "4", "--seconds", "0.02"],
    "explorer": ["--tasks", "20"],
    "clusters": ["--tasks", "10"],
    "honesty": ["--busy", "1", "--seconds", "0.01", "--flows", "5"],
    "limits": ["--flows", "2", "--seconds", "0.05"],
    "cache": ["--small", "5", "--large", "1", "--megabytes", "1", "--wide", "20"],
    "memory": [
        "--tasks",
        "4",
        "--megabytes",
        "20",
        "--limit",
        "150",
        "--workers",
        "2",
        "--seconds",
        "0.1",
    ],
}


def run_script(name, *arguments, **environment):
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), "--repeats", "1", *arguments]
    environment = os.environ | environment
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    # On a machine that is busy with these tests, what takes milliseconds may be found wrong.
    assert ended.returncode in ((0, 1) if name == "honesty" else (0,)), ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TINY.keys() - {"clusters"}))
def test_each_script_prints_and_writes_its_tables(name, tmp_path):
    prints_and_writes_its_tables(name, tmp_path)


@pytest.mark.slow
@on_ray
def test_the_script_on_clusters_prints_and_writes_its_tables(cluster, tmp_path):
    prints_and_writes_its_tables("clusters", tmp_path, **cluster.address)


def prints_and_writes_its_tables(name, folder, **environment):
    readme = folder / "README.md"
    readme.write_text(f"<!-- {name}: begin -->\nold\n<!-- {name}: end -->\n")
    options = [*TINY[name], "--write", "--readme", str(readme)]
    printed = run_script(name, *options, **environment).strip()
    table = readme.read_text().split("begin -->\n")[1].removesuffix(f"\n<!-- {name}: end -->\n")
    assert table and (printed.endswith(table) if name == "honesty" else printed == table)
    assert "taskinity_nb" in printed or "second run" in printed
    assert "Python 3." in printed and str(SCRIPTS) not in printed


@pytest.mark.slow
def test_recorded_workflows_are_run_and_others_passed_over(tmp_path):
    (tmp_path / "w.json").write_text(json.dumps(PLAIN))
    idle = {"tasks": [{"id": "a", "upstream": [], "seconds": 0}]}
    (tmp_path / "idle.json").write_text(json.dumps(idle))
    (tmp_path / "text.json").write_text("{")
    printed = run_script("workflows", *TINY["workflows"], "--workflows", str(tmp_path))
    assert "\n| w " in printed and "montage" not in printed
    assert "Passed over idle: its tasks take no time" in printed
    assert "Passed over text.json" in printed


def test_what_is_said_is_judged_by_the_stopwatch(module):
    honesty = module("honesty")
    watch = honesty.Watch((4.0, 4.2), (2.0, 2.1))

    def faults(text):
        said = honesty.claims(text)
        return [bool(honesty.verdict(one, watch, lambda: 3.0)) for one in said]

    assert faults("2.0 times faster than one after the other") == [False]
    assert faults("4.7 times slower") == faults("1.0 times: no faster") == [True]
    assert faults("sequential 3.90 s (replayed), threads 2.00 s, 2.0 times faster") == [False] * 2
    assert faults("sequential, replayed from the measured durations: 1.90 s") == [True]
    assert faults("at least 1.90 s of work") == [False] and faults("1,900 ms of work") == [True]
    assert faults("One worker is enough; more gain nothing") == [True]
    assert faults("Up to 4 workers pay") == [False]
    assert faults("in processes on 2 cores it would take at least 2.50 s") == [False]
    assert faults("in processes on 2 cores it would take at least 4.00 s") == [True]
    assert faults("the machine was busy with other work: no comparison") == []


def test_a_folder_that_is_missing_or_empty_is_told(module, tmp_path):
    workflows = module("workflows")
    with pytest.raises(SystemExit, match="There is no folder"):
        workflows.graphs_to_run(tmp_path / "none")
    graphs, notes = workflows.graphs_to_run(tmp_path)
    assert [graph.name for graph in graphs] == ["montage", "epigenomics"]
    assert "these graphs are generated" in notes[-1]


def test_the_readme_has_the_markers_of_all_scripts():
    text = (SCRIPTS / "README.md").read_text(encoding="utf-8")
    for name in TINY:
        assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1
