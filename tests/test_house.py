"""The house: arrows point down and never round, what is public is listed, an import stays light."""

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
    "display": 0,
    "formatting": 0,
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

CIRCLES = {
    # A flow finds its functions itself, in `explain`; and a plan is made of a flow.
    frozenset({"model.binding", "model.flow", "model.lookup", "model.plan"}),
    # The scheduler makes its crews, which ask it for tasks: the protocol between them is missing.
    frozenset({
        "engine.attempts", "engine.crew", "engine.mapping", "engine.scheduler", "engine.takers",
        "engine.workers",
    }),
    frozenset({"engine.event_loop", "engine.local"}),
    # Who picks a crew imports all of them, and a cluster's asks it how many cores there are.
    frozenset({"engine.clusters.ray", "engine.crews"}),
    # A run's handle replays it, and what replays it asks the handle how it was started.
    frozenset({"engine.handle", "engine.replaying"}),
}  # fmt: skip
"""Modules that import each other. Let it only shrink."""

FULL = {"engine": 44, "engine/clusters": 13, "views": 39, "analysis": 15, "model": 13}
"""Folders of more modules than the twelve that can be overlooked. Let the numbers only shrink."""

HEAVY = {
    "IPython", "anywidget", "asyncio", "cloudpickle", "dask", "distributed", "graphviz",
    "importlib.metadata", "ipywidgets", "matplotlib", "multiprocessing", "numpy", "pandas",
    "pygraphviz", "ray",
}  # fmt: skip


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Yield each module of this package that a module imports, at its top, in a function or for
    types only."""
    package = list(path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")] if node.module else base
            found = ".".join(target)
            if PACKAGE.joinpath(*target).is_dir():
                for alias in node.names:
                    yield f"{found}.{alias.name}".lstrip(".")
            else:
                yield found


def floor(name):
    return FLOORS[name.split(".")[0] or "__init__"]


def circles(arrows):
    """Return the largest sets of modules each of which leads to each other one.

    >>> circles({"a": {"b"}, "b": {"a", "c"}, "c": set()})
    {frozenset({'a', 'b'})}
    """
    reached = {name: {name} for name in arrows}
    changed = True
    while changed:
        changed = False
        for name, targets in arrows.items():
            more = set().union(*(reached[t] for t in targets if t in reached)) - reached[name]
            reached[name] |= more
            changed = changed or bool(more)
    groups = (frozenset(o for o in reached[n] if n in reached[o]) for n in reached)
    return {group for group in groups if len(group) > 1}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_down(path):
    name = name_of(path)
    for target in imports(path):
        assert floor(target) <= floor(name), f"{name} imports {target}, which lies above it"


def test_nothing_goes_round():
    found = circles({name_of(path): set(imports(path)) for path in MODULES})
    for circle in found:
        assert any(circle <= known for known in CIRCLES), f"they import each other: {circle}"
    for known in CIRCLES:
        assert any(circle <= known for circle in found), f"take it off the list: {known}"


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in MODULES}), ids=lambda path: path.name
)
def test_a_folder_can_be_overlooked(folder):
    modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
    assert len(modules) <= FULL.get(folder.relative_to(PACKAGE).as_posix(), 12)


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
