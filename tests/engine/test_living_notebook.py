"""A notebook lives: cells define again, edit, set and run; each executor and each resume keeps up.

What a flow should give is found by calling its functions, as they are now, one after the other.
"""

from __future__ import annotations

import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from taskinity_nb import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("test_living_notebook")]

EXAMPLES = int(os.environ.get("TASKINITY_NB_EXAMPLES", "60"))

FLOW = "load -> [left, right] -> join\nload -> map each -> total\njoin -> last\ntotal -> last"

NUMBERS = st.integers(0, 3)
KEY = "TASKINITY_NB_LIVING"
MODULE = "living_module"

CELLS = {
    "load": [
        "def load(): return [Box(n) for n in range(K + 2)]",
        "def load():\n    made = [Box(K)]\n    return made + [Box(K + 1)]",
        "def load(start=2): return [Box(start), Box(len(data))]",
    ],
    "left": [
        "def left(boxes): return tool(len(boxes))",
        "def left(boxes): return [box.told() for box in boxes]",
        "def left(boxes): return Kind.ONE, living_module.f(len(boxes))",
    ],
    "right": [
        "def right(boxes): return boxes[0]",
        "def right(boxes): return os.environ.get(KEY)",
        "def right(boxes): return [type(box) is Box for box in boxes], living_module.RATE",
    ],
    "join": [
        "def join(left, right): return left, right",
        "def join(left, right): return tool(right), isinstance(right, Box)",
        "def join(left, right): return {'left': left, Kind.TWO: right}",
    ],
    "each": [
        "def each(box): return box.told()",
        "def each(box): return tool(box.n), Kind(1)",
        "def each(box): return f(box.n)",
    ],
    "total": ["def total(each): return list(each)", "def total(each): return tool(len(each))"],
    "last": ["def last(join, total): return join, total, list(data)"],
    "tool": [
        "def tool(x): return x",
        "def tool(x): return (K, x)",
        "def tool(x): return [living_module.f(K), x]",
        "def tool(x): return deeper(x)",
    ],
    "deeper": ["def deeper(x): return x, len(data)", "def deeper(x): return Box.label, x"],
    "Box": [
        "class Box:\n    label = 'a'\n    def __init__(self, n): self.n = n\n"
        "    def told(self): return self.n",
        "class Box:\n    label = 'b'\n    def __init__(self, n): self.n = n\n"
        "    def told(self): return (self.label, tool(self.n))",
        "@dataclasses.dataclass(slots=True)\nclass Box:\n    n: int\n    label = 'c'\n"
        "    def told(self): return Kind.ONE, self.n",
    ],
    "Kind": [
        "class Kind(enum.Enum):\n    ONE = 1\n    TWO = 2",
        "class Kind(enum.Enum):\n    ONE = 1\n    TWO = 'two'",
    ],
}

MODULES = [
    "RATE = 1\ndef f(n): return n\n",
    "RATE = 22\ndef f(n): return RATE + n\n",
    "RATE = 333\ndef g(n): return -n\ndef f(n): return g(n)\n",
]


class Notebook(RuleBasedStateMachine):
    """Cells in any order, and what the flow gives after them."""

    folder: Path
    executors: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.edits = 0
        self.edit(0)
        sys.modules.pop(MODULE, None)
        self.module: Any = importlib.import_module(MODULE)
        self.space: dict[str, Any] = {"__name__": "__main__", "KEY": KEY}
        self.cell("import dataclasses, enum, os, living_module\nfrom living_module import f")
        self.cell("K, data = 1, [1]")
        for texts in CELLS.values():
            self.cell(texts[0])
        self.last: Any = None
        self.environment: str | None = None

    def cell(self, text: str) -> None:
        exec(compile(text, f"<cell {text}>", "exec"), self.space)

    def teardown(self) -> None:
        os.environ.pop(KEY, None)

    @rule(name=st.sampled_from(sorted(CELLS)), which=NUMBERS)
    def define(self, name: str, which: int) -> None:
        """Run a cell that defines a function or class, perhaps as it was."""
        self.cell(CELLS[name][which % len(CELLS[name])])

    @rule(number=NUMBERS)
    def assign(self, number: int) -> None:
        self.cell(f"K = {number}")

    @rule(number=NUMBERS)
    def mutate(self, number: int) -> None:
        self.cell(f"data.append({number})")

    @rule(number=NUMBERS)
    def change_a_class(self, number: int) -> None:
        self.cell(f"Box.label = {number}")

    @rule(which=NUMBERS)
    def edit(self, which: int) -> None:
        """Write a module anew, of which the notebook knows nothing as yet."""
        self.edits += 1
        text = MODULES[which % len(MODULES)] + "#" * self.edits + "\n"
        (self.folder / f"{MODULE}.py").write_text(text)
        importlib.invalidate_caches()

    @rule()
    def load_again(self) -> None:
        importlib.reload(self.module)

    @rule()
    def import_again(self) -> None:
        self.cell("from living_module import f")

    @rule(number=NUMBERS)
    def patch(self, number: int) -> None:
        self.module.RATE = number

    @rule(text=st.sampled_from(["a", "b", None]))
    def set_environment(self, text: str | None) -> None:
        if text is None:
            os.environ.pop(KEY, None)
        else:
            os.environ[KEY] = text

    @rule(executor=st.sampled_from(["sequential", "threads", "processes", "thread pool"]))
    def run_all(self, executor: str) -> None:
        chosen = self.executors.get(executor, executor)
        self.last = run(FLOW, namespace=self.space, executor=chosen)
        self.environment = os.environ.get(KEY)
        self.check(executor)

    @precondition(lambda self: self.last and self.environment == os.environ.get(KEY))
    @rule(executor=st.sampled_from(["sequential", "threads", "processes"]))
    def resume(self, executor: str) -> None:
        """Run again what has changed; of what a task asks the environment nobody knows."""
        self.last = self.last.resume(executor=executor)
        self.check(f"resumed on {executor}")

    def check(self, how: str) -> None:
        expected, found = self.expected(), dict(self.last)
        assert self.told(found) == self.told(expected), how

    def expected(self) -> dict[str, Any]:
        """Return what the functions give, called one after the other."""
        space = self.space
        load = space["load"]()
        left, right = space["left"](load), space["right"](load)
        each = [space["each"](box) for box in load]
        join, total = space["join"](left, right), space["total"](each)
        last = space["last"](join, total)
        return dict(load=load, left=left, right=right, join=join, each=each, total=total, last=last)

    def told(self, value: Any) -> Any:
        """Return what tells values apart, and whether their classes live here."""
        kind = type(value)
        if kind in (list, tuple):
            return kind, [self.told(each) for each in value]
        if kind is dict:
            return [(self.told(key), self.told(each)) for key, each in value.items()]
        if kind.__name__ in ("Box", "Kind"):
            is_live = kind is self.space[kind.__name__]
            inner = value.value if kind.__name__ == "Kind" else (value.n, value.told())
            return kind.__name__, is_live, self.told(inner)
        return value


def test_what_runs_is_what_the_notebook_says(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(Notebook, "folder", tmp_path, raising=False)
    with ThreadPoolExecutor(2) as threads:
        monkeypatch.setattr(Notebook, "executors", {"thread pool": threads}, raising=False)
        run_state_machine_as_test(
            Notebook,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    sys.modules.pop(MODULE, None)
