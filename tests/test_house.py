"""The house: arrows point down, what is public is listed, an import stays light."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import taskinity_nb

PACKAGE = Path(taskinity_nb.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    "strangers": 0,
    "errors": 0,
    "model": 1,
    "tokens": 2,
    "mistakes": 2,
    "parser": 2,
    "dsl": 2,
    "engine": 3,
    "analysis": 4,
    "benchmarks": 5,
    "views": 5,
    "options": 6,
    "completion": 6,
    "magic": 7,
    "__main__": 7,
    "__init__": 8,
}
"""The floor of each module or package; an import leads to the same floor or one below."""

DOORS = {
    ("errors", "engine.travel"),
    ("errors", "views.tracebacks"),
    ("model.flow", "views.dot"),
    ("model.run", "analysis.export"),
    ("model.run", "views.inspector"),
    ("model.run", "views.table"),
    ("analysis.benchmarks", "views.timings"),
    ("analysis.evidence", "views.advice"),
    ("analysis.compare", "views.comparison"),
    ("analysis.compare", "views.progress"),
    ("analysis.compare", "views.speedup"),
    ("analysis.history", "views.past"),
}
"""Imports that lead upward, inside the methods by which an object displays itself, or travels."""

HEAVY = {
    "IPython", "anywidget", "asyncio", "cloudpickle", "dask", "distributed", "graphviz",
    "importlib.metadata", "ipywidgets", "matplotlib", "multiprocessing", "numpy", "pandas",
    "pygraphviz", "ray",
}  # fmt: skip


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Yield ``(module of this package, whether it stands at the top)`` for each import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    typing = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    package = list(path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in typing:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")] if node.module else base
            found = ".".join(part for part in target if part)
            if (PACKAGE.joinpath(*target)).is_dir():
                for alias in node.names:
                    yield f"{found}.{alias.name}".lstrip("."), node not in inside
            else:
                yield found, node not in inside


def floor(name):
    return FLOORS[name.split(".")[0] or "__init__"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_down(path):
    name = name_of(path)
    for target, at_top in imports(path):
        if floor(target) > floor(name):
            assert (name, target) in DOORS, f"{name} imports {target}, which lies above it"
            assert not at_top, f"the door from {name} to {target} belongs into a method"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_one_idea(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a module says what it is"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_all_is_true(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    is_door = path.name == "__init__.py" and path.parent != PACKAGE
    assert len(listed) == (0 if is_door else 1) or path.name == "__main__.py"
    for names in listed:
        module = importlib.import_module(f"taskinity_nb.{name_of(path)}".removesuffix(".__init__"))
        assert all(hasattr(module, name) for name in names)


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
