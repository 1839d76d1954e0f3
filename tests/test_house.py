"""The house: arrows point down and never round, what is public is listed, an import stays light."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import taskinity_nb

PACKAGE = Path(taskinity_nb.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"strangers", "formatting", "values"},
    {"errors", "engine.remote.process"},
    {"display", "engine.remote.pickling", "engine.runtime"},
    {"engine.remote"},
    {"engine.remote.surroundings"},
    {"model"},
    {"dsl", "engine.scheduling", "engine.transport", "views.style", "views.tracebacks"},
    {"analysis", "engine.backends", "engine.observers", "engine.rerun",
     "views.graph", "views.terminal"},
    {"engine.backends.cluster", "engine.backends.processes", "engine.control", "engine.store",
     "views.live"},
    {"engine.cache", "engine.executors"},
    {"engine.run"},
    {"analysis.measuring", "analysis.prediction"},
    {"analysis.advice", "benchmarks", "views.charts"},
    {"views.explorer", "views.tables"},
    {"magics", "versions", "views.renderers"},
    {"__init__", "shell"},
    {"__main__"},
]  # fmt: skip
"""The rooms, and modules that are a room by themselves, by floors from the ground up. An import
leads into the same room or to a floor below."""

FULL = {"model": 13}
"""Folders of more modules than the twelve that can be overlooked. Let the numbers only shrink."""

HEAVY = {
    "IPython", "anywidget", "asyncio", "cloudpickle", "dask", "distributed", "graphviz",
    "importlib.metadata", "ipywidgets", "matplotlib", "multiprocessing", "numpy", "pandas", "PIL",
    "ray", "resvg_py",
}  # fmt: skip


@functools.cache
def tree_of(path):
    """Return what is written in a module, which several tests read."""
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(node):
    """Yield all statements in a node; no expression, of which there are most, holds any."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            yield from statements(child)


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Yield each module of this package that a module imports, at its top, in a function or for
    types only."""
    package = list(path.relative_to(PACKAGE).parent.parts)
    for node in statements(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")] if node.module else base
            found = ".".join(target)
            if PACKAGE.joinpath(*target).is_dir():
                for alias in node.names:
                    yield f"{found}.{alias.name}".lstrip(".")
            else:
                yield found


@functools.cache
def arrows():
    """Return what each module imports; a worker that tries none of it does not read them."""
    return {name_of(path): set(imports(path)) for path in MODULES}


def room(name):
    """Return the room of a module, and its floor."""
    while name:
        for floor, rooms in enumerate(FLOORS):
            if name in rooms:
                return floor, name
        name = name.rpartition(".")[0]
    return len(FLOORS) - 1, "__init__"


def circles(leads_to):
    """Return the largest sets of modules each of which leads to each other one.

    >>> circles({"a": {"b"}, "b": {"a", "c"}, "c": set()})
    {frozenset({'a', 'b'})}
    """
    reached = {name: {name} for name in leads_to}
    changed = True
    while changed:
        changed = False
        for name, targets in leads_to.items():
            more = set().union(*(reached[t] for t in targets if t in reached)) - reached[name]
            reached[name] |= more
            changed = changed or bool(more)
    groups = (frozenset(o for o in reached[n] if n in reached[o]) for n in reached)
    return {group for group in groups if len(group) > 1}


def test_arrows_point_down():
    wrong = []
    for name, targets in arrows().items():
        floor, own = room(name)
        for target in targets:
            below, other = room(target)
            if other != own and below >= floor:
                wrong.append(f"{name} imports {target}, which is not below it")
    assert not wrong


def test_each_room_says_what_is_in_it_and_what_may_not_be():
    for folder in {path.parent for path in MODULES} - {PACKAGE}:
        text = ast.get_docstring(tree_of(folder / "__init__.py"))
        assert len(text.splitlines()) == 3, f"{folder.name} says it in two lines and a blank one"


def test_nothing_goes_round():
    assert not circles(arrows())


def test_a_folder_can_be_overlooked():
    for folder in {path.parent for path in MODULES}:
        modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
        name = folder.relative_to(PACKAGE).as_posix()
        assert len(modules) <= FULL.get(name, 12), name


def test_a_module_is_one_idea():
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}
    assert not [name for name, text in texts.items() if len(text.splitlines()) > 400]
    says_nothing = [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))]
    assert not says_nothing, "a module says what it is"


def test_a_function_can_be_overlooked():
    long = []
    for path in MODULES:
        for node in statements(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                said = len((ast.get_docstring(node, clean=False) or "").splitlines())
                if node.end_lineno - node.lineno + 1 - said > 60:
                    long.append(f"{name_of(path)}.{node.name}")
    assert not long


def lists(path):
    """Return what is assigned to a module's `__all__`: the names, each time."""
    return [
        ast.literal_eval(node.value)
        for node in tree_of(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]


def test_all_is_true():
    for path in MODULES:
        name, listed = name_of(path), lists(path)
        is_door = path.name == "__init__.py" and path.parent != PACKAGE
        assert len(listed) == (0 if is_door else 1) or path.name == "__main__.py", name
        for names in listed:
            module = importlib.import_module(f"taskinity_nb.{name}".removesuffix(".__init__"))
            assert not [each for each in names if not hasattr(module, each)], name


def test_public_names():
    assert taskinity_nb.__all__ == sorted(taskinity_nb.__all__)
    assert set(taskinity_nb.__all__) <= set(dir(taskinity_nb))
    for name in taskinity_nb.__all__:
        assert getattr(taskinity_nb, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        taskinity_nb.nothing  # noqa: B018


def test_an_import_is_light():
    code = "import sys, json, taskinity_nb; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(out.stdout))


def test_a_run_in_threads_stays_light():
    code = (
        "import sys, json, taskinity_nb as t; t.run('f', namespace={'f': lambda: 1});"
        "print(json.dumps(sorted(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"IPython", "matplotlib", "ipywidgets", "multiprocessing"}.isdisjoint(
        json.loads(out.stdout)
    )
