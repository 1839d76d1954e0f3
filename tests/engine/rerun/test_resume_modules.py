"""What counts of the user's own modules: their text as it is now, as that of the notebook."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from textwrap import dedent

import pytest
from fingerprints import cell

from taskinity_nb import run
from taskinity_nb.engine.rerun.fingerprint import digest, fingerprint

KEPT = "kept: nothing that it depends on has changed"
CHANGED = "runs again: its function has changed"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write modules of the user's; each is forgotten in the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def write(files=None, **modules):
        for name, source in {**(files or {}), **modules}.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(source))
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def reload(*names):
    for name in names:
        importlib.reload(sys.modules[name])


def why(run):
    (record,) = run.tasks.values()
    return record.why


class TestReloads:
    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_a_task_that_is_imported(self, write, executor):
        write(steps="def work(n): return n")
        space = cell("from steps import work")
        before = run("work", {"n": 10}, namespace=space, executor=executor)
        assert why(before.resume()) == KEPT
        write(steps="def work(n): return n * 2")
        assert why(before.resume()) == KEPT  # nobody has reloaded it: the old one would run
        reload("steps")
        assert why(before.resume(namespace=space)) == KEPT
        cell("from steps import work", space)
        after = before.resume(namespace=space)
        assert why(after) == CHANGED
        assert executor == "processes" or after["work"] == 20

    @pytest.mark.parametrize(
        "cell_",
        [
            "from tools import helper\ndef work(): return helper()",
            "import tools\ndef work(): return tools.helper()",
            "import tools as t\ndef work(): return [t.helper() for _ in 'a'][0]",
            "import tools\ndef work():\n    tool = tools\n    return tool.helper()",
            "def work():\n    import tools\n    return tools.helper()",
            "def work():\n    from tools import helper as h\n    return h()",
            "import tools\nh = {'a': [tools.helper]}\ndef work(): return h['a'][0]()",
            "import tools\ndef work(h=tools.helper): return h()",
            "import tools\ndef work(): return tools.Tool().use()",
            "from tools import Tool\ndef work(): return Tool().use()",
            "import tools\ntool = tools.Tool()\ndef work(): return tool.use()",
            "import tools\nwork = tools.Tool().use",
            "from tools import task_ as work",
            "from taskinity_nb import Task\nimport tools\nwork = Task(tools.helper)",
            "import tools, functools\nwork = functools.partial(tools.add, 1)",
            "import tools\nwork = tools.decorated",
            "import tools\nwork = tools.cached",
        ],
    )
    def test_a_helper_however_it_is_used(self, write, cell_):
        source = """
            import functools
            from taskinity_nb import task
            RATE = 1
            def inner(): return RATE
            def helper(): return inner()
            def add(n): return n + inner()
            class Tool:
                def use(self): return inner()
            @task
            def task_(): return inner()
            def around(f):
                @functools.wraps(f)
                def inside(): return f()
                return inside
            @around
            def decorated(): return inner()
            @functools.cache
            def cached(): return inner()
        """
        write(tools=source)
        import tools  # noqa: F401

        space = cell(cell_)
        before = run("work", namespace=space)
        assert why(before.resume()) == KEPT
        write(tools="'''A docstring.'''\n\n# a comment\n" + dedent(source))
        reload("tools")
        cell(cell_, space)
        assert why(before.resume(namespace=space)) == KEPT
        write(tools=source.replace("return RATE", "return RATE + 1"))
        reload("tools")
        cell(cell_, space)
        after = before.resume(namespace=space)
        assert why(after) == CHANGED
        assert after["work"] != before["work"]

    def test_a_package(self, write):
        write(
            {
                "pack/__init__": "from .one import f",
                "pack/one": "from . import two\nfrom .three import g\ndef f(): return two.h(), g()",
                "pack/two": "def h(): return 1",
                "pack/three": "def g():\n    from .four import K\n    return K",
                "pack/four": "K = 1",
            }
        )
        space = cell("import pack\ndef work(): return pack.f()\ndef other(): return pack.one.f")
        importlib.import_module("pack.four")
        for name, source in [("pack/two", "def h(): return 2"), ("pack/four", "K = 5")]:
            before = run("work\nother", namespace=space)
            assert {task.why for task in before.resume().tasks.values()} == {KEPT}
            write({name: source})
            reload(name.replace("/", "."))
            after = before.resume()
            assert {task.why for task in after.tasks.values()} == {CHANGED}
        assert after["work"] == (2, 5)

    def test_a_module_that_only_workers_import(self, write, tmp_path):
        write({"late": "K = 1", "pack/__init__": "", "pack/one": "K = 1"})
        for name in ("late", "pack.one"):
            space = cell(f"def work():\n    import {name} as m\n    return m.K")
            before = run("work", namespace=space, executor="processes")
            assert why(before.resume(executor="processes")) == KEPT
            file = tmp_path / f"{name.replace('.', '/')}.py"
            file.write_text("K = 23")
            after = before.resume(executor="processes")
            assert why(after) == f"runs again: the file '{file}', which it uses, has changed"

    def test_a_patched_attribute(self, write):
        write(tools="RATE = 1\nOTHER = 1\ndef helper(): return RATE")
        space = cell("import tools\ndef work(): return tools.RATE\ndef f(): return tools.helper()")
        before = run("work\nf", namespace=space)
        sys.modules["tools"].OTHER = 2
        assert {task.why for task in before.resume().tasks.values()} == {KEPT}
        sys.modules["tools"].RATE = 3
        after = before.resume()
        assert dict(after) == {"work": 3, "f": 3}

    def test_large_data_of_a_module(self, write):
        write(tools="TABLE = [0] * 1_000_000\ndef size(): return len(TABLE)")
        space = cell("import tools\ndef work(): return len(tools.TABLE), tools.size()")
        after = run("work", namespace=space).resume()
        assert "was too large to be written down; this run has done so" in why(after)

    def test_a_result_of_a_class_of_a_module(self, write):
        write(kinds="class Row: pass")
        space = cell("import kinds\ndef make(): return [kinds.Row()]")
        before = run("make", namespace=space)
        reload("kinds")
        after = before.resume()
        assert why(after) == (
            "runs again: its result holds a 'Row' from before 'Row' was defined again"
        )
        assert type(after["make"][0]) is sys.modules["kinds"].Row

    def test_what_is_installed_counts_by_name_and_version(self, write, monkeypatch, tmp_path):
        folder = tmp_path / "site-packages"
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
        (folder / "library.py").write_text("__version__ = '1'\ndef f(): return 1\nRATE = 1")
        importlib.invalidate_caches()
        space = cell("import library\ndef work(): return library.f(), library.RATE")
        cell("from library import f\ndef g(): return f()", space)
        before = fingerprint(space["work"]), fingerprint(space["g"])
        (folder / "library.py").write_text("__version__ = '1'\ndef f(): return 2\nRATE = 2")
        reload("library")
        cell("from library import f", space)
        assert before == (fingerprint(space["work"]), fingerprint(space["g"]))
        sys.modules["library"].__version__ = "2"
        assert before[0] != fingerprint(space["work"])
        assert before[1] != fingerprint(space["g"])


EVERYTHING = """
    import collections, dataclasses, datetime, decimal, enum, functools, pathlib, re, typing
    class Color(enum.Enum):
        RED = 1
        BLUE = "b"
    @dataclasses.dataclass
    class Row:
        x: int = 1
        y: list = dataclasses.field(default_factory=list)
    @dataclasses.dataclass(slots=True, frozen=True)
    class Slotted:
        x: object = 1
    class Plain:
        def __init__(self): self.b, self.a = {"x", "y", "z"}, Color.RED
    class Typed(typing.NamedTuple):
        a: int
    words = {"a", "b", "c", ("d", 1), frozenset({"e", "f"})}
    kinds = {Color, Row, Plain, len, int}
    mixed = {1, "a", None, 2.5, Color.RED, Slotted(("a",))}
    things = [
        Color.BLUE, Row(2), Slotted(3), Plain(), Typed(4), datetime.date(2020, 1, 1),
        decimal.Decimal("1.5"), pathlib.PurePosixPath("/a/b"), re.compile("a+"),
        collections.OrderedDict(a=1), collections.Counter("abc"), collections.deque([1]),
        range(3), slice(1), 1j, b"x", bytearray(b"y"), float("inf"), ..., dict[str, int],
    ]
    @functools.lru_cache
    def g(x: int = 3): return [h for _ in x if _ in {"p", "q", "r"}]
    def h(): return g, words, kinds
    def make(k):
        def inner(x): return inner, k, x
        return inner
    closure = make({"u", "v"})
    def f(*, a=words, b=mixed):
        "Says something."
        class Local:
            y: int = 1
            def m(self): self.p, self.q = 1, 2
        return things, closure, h, Local, Plain.__init__, re.compile, collections.deque
"""

SCRIPT = f"""
import sys
sys.path.insert(0, {os.path.dirname(cell.__code__.co_filename)!r})
from fingerprints import cell
from taskinity_nb.engine.rerun.fingerprint import Printer, fingerprint
junk = [object() for _ in range(int(sys.argv[1]))]
space = cell({EVERYTHING!r})
printer = Printer(is_bounded=True).take(space["f"])
assert not printer.lacks, printer.lacks
print(fingerprint(space["f"]), printer.digest)
"""


def test_fingerprints_are_the_same_in_another_process():
    found = set()
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, f"{int(seed) * 1001}"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.update(done.stdout.split())
    assert len(found) == 1


def test_what_counts_as_itself_is_another_in_another_process():
    source = "import threading; from taskinity_nb.engine.rerun.fingerprint import digest; "
    source += "print(digest(threading.Lock()))"
    command = [sys.executable, "-c", source]
    found = {subprocess.run(command, capture_output=True, check=True).stdout for _ in "ab"}
    assert len(found) == 2
    assert digest(os) == digest(os)
