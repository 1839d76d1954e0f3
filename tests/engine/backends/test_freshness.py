"""A notebook lives: what changes between two runs counts in processes as it does in threads."""

from __future__ import annotations

import builtins
import decimal
import gc
import importlib
import locale
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from unittest.mock import patch

import pytest
from users_modules import PREFIX, UsersModule, calling

from taskinity_nb import TaskError, run


def on(executor, work, **inputs):
    namespace = {"work": work}
    return run("work", inputs or None, namespace=namespace, executor=executor, workers=1)["work"]


def both(work, **inputs):
    """Return what a task gives in a worker process, which is what it gives in a thread."""
    here, there = (on(executor, work, **inputs) for executor in ("threads", "processes"))
    assert here == there
    return there


@pytest.fixture
def module(tmp_path, monkeypatch):
    """What makes a module of the user's of a text."""
    monkeypatch.syspath_prepend(tmp_path)
    yield partial(UsersModule, tmp_path)
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


class TestModules:
    def test_a_reloaded_module(self, module):
        users = module("def f(n): return n")
        work = calling(users.name, "f(10)")
        assert both(work) == 10
        users.write("def f(n): return n * 2")
        users.reload()
        assert both(work) == 20

    def test_what_was_edited_and_not_reloaded_is_what_it_is_here(self, module):
        users = module("RATE = [1]\nclass Model:\n    def fit(self): return RATE\n")
        work = calling(users.name, "Model().fit(), RATE")
        assert both(work) == ([1], [1])
        users.write("class Model:\n    def fit(self): return 'new'\n")
        assert both(work) == ([1], [1])
        users.write("class Model: this is half written")
        assert both(work) == ([1], [1])

    def test_what_was_edited_before_the_first_run(self, module):
        users = module("def f(n): return n\ndef g(n, m=2): return n * m")
        users.write("import os\n\ndef f(n): return n * 2\n")
        assert both(calling(users.name, "f(10), g(10)")) == (10, 20)

    @pytest.mark.parametrize(
        "edit",
        ["def f(: half", "import not_there\ndef f(n): return 1", "1 / 0\ndef f(n): return 1",
         "import not_there\n", "", None],
    )  # fmt: skip
    def test_what_was_broken_or_deleted_before_the_first_run(self, module, monkeypatch, edit):
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        users = module(
            "import threading\nRATE, LOCK = 2, threading.Lock()\n_made, ready = None, False\n"
            "class M:\n    def fit(self): return RATE\n"
            "def made():\n    global _made, ready\n"
            "    if not ready: _made, ready = object(), True\n    return type(_made).__name__\n"
            "def f(n):\n    with LOCK: return n * RATE, M().fit(), made()\n"
        )
        users.it.made()
        users.it.RATE = 3
        if edit is None:
            users.file.unlink()
        else:
            users.write(edit)
        assert both(calling(users.name, "f(10)")) == (30, 3, "object")
        users.it.RATE = 4
        assert both(calling(users.name, "f(10)")) == (40, 4, "object")

    def test_a_package_that_was_deleted_before_the_first_run(self, tmp_path, module, monkeypatch):
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        folder = tmp_path / "users_gone"
        folder.mkdir()
        (folder / "__init__.py").write_text("from .inner import f\nRATE = 1")
        (folder / "inner.py").write_text("def f(): return 1")
        importlib.import_module("users_gone")
        for file in folder.glob("*.py"):
            file.unlink()
        assert both(calling("users_gone", "f(), inner.f(), RATE")) == (1, 1, 1)

    def test_what_only_a_worker_has_imported(self, module):
        users = module("def f(n): return n")
        del sys.modules[users.name]
        work = calling(users.name, "f(10)")
        assert on("processes", work) == 10
        users.write("def f(n): return n * 2")
        assert on("processes", work) == 20

    def test_a_function_that_was_imported_by_name_again(self, module):
        users = module("FACTOR = 1\ndef f(n): return n * FACTOR")
        names = {"f": users.it.f}
        exec("def work(n): return f(n)", names)
        assert both(names["work"], n=10) == 10
        users.write("FACTOR = 3\ndef f(n): return n * FACTOR")
        users.reload()
        both(names["work"], n=10)
        names["f"] = users.it.f
        assert both(names["work"], n=10) == 30

    def test_a_module_that_another_one_imports(self, module):
        inner = module("def f(n): return n")
        outer = module(f"import {inner.name} as inner\nfrom {inner.name} import f\n"
                       "def g(n): return inner.f(n), f(n)")  # fmt: skip
        work = calling(outer.name, "g(1)")
        assert both(work) == (1, 1)
        inner.write("def f(n): return -n")
        inner.reload()
        assert both(work) == (-1, 1)
        outer.reload()
        assert both(work) == (-1, -1)

    @pytest.mark.parametrize(
        "change",
        [
            "it.RATE = 3",
            "it.RATE = 3.5j",
            "it.NEW = 4",
            "it.NAMES.append('b')",
            "it.NAMES[:] = ['c']",
            "it.CONFIG['deep']['x'] = 5",
            "it.CONFIG = {'deep': {'x': 6}}",
            "it.set_rate(7)",
            "it.f = lambda: 'mine'",
            "it.f = it.g",
            "it.f.__code__ = (lambda: 'swapped').__code__",
            "it.Model.rate = 8",
            "it.Model.fit = lambda self: 'mine'",
            "it.Model.kind = classmethod(lambda self: 'mine')",
            "it.Model = type('Model', (), {'__module__': '__main__', 'rate': 9, "
            "'fit': lambda self: 1, 'kind': lambda self: 2})",
            "del it.RATE",
            "it.NOTHING = Fraction(1, 3)",
        ],
    )
    def test_what_is_patched_here_is_patched_there_and_back(self, module, change):
        users = module(
            "RATE = 1\nNAMES = ['a']\nCONFIG = {'deep': {'x': 1}}\nNOTHING = None\n"
            "def set_rate(rate):\n    global RATE\n    RATE = rate\n"
            "def f(): return 'f'\ndef g(): return 'g'\n"
            "class Model:\n    rate = 1\n    def fit(self): return self.rate\n"
            "    @classmethod\n    def kind(cls): return 'kind'\n"
        )
        seen = (
            "globals().get('RATE'), globals().get('NEW'), NAMES, CONFIG, f(), g(), NOTHING, "
            "Model.rate, Model().fit(), Model().kind()"
        )
        work = calling(users.name, seen)
        before = both(work)
        from fractions import Fraction

        exec(change, {"it": users.it, "Fraction": Fraction})
        assert both(work) != before
        vars(users.it).pop("NEW", None)
        users.reload()
        assert both(work) == before

    def test_what_a_decorator_wraps(self, module):
        users = module("from functools import cache\n@cache\ndef f(n): return n")
        users.write("\n\nfrom functools import cache\n@cache\ndef f(n): return n * 2")
        assert both(calling(users.name, "f(10)")) == 10

    def test_state_that_means_something_in_one_process_only_stays_there(self, module):
        users = module(
            "_ready, _made = False, None\n"
            "def made():\n"
            "    global _ready, _made\n"
            "    if not _ready:\n        _made, _ready = object(), True\n"
            "    return type(_made).__name__\n"
            "NAMES = []\ndef register(f):\n    NAMES.append(f.__name__)\n    return f\n"
        )
        other = module(f"from {users.name} import register\n@register\ndef f(): pass")
        assert users.it.made() == "object"
        assert both(calling(users.name, "made()")) == "object"
        assert other.it.f() is None
        work = calling(other.name, f"__import__('{users.name}').NAMES")
        assert both(work) == ["f"]

    def test_what_shares_a_list_goes_on_sharing_it(self, module):
        inner = module("ROWS = [1]")
        outer = module(f"from {inner.name} import ROWS")
        work = calling(outer.name, f"ROWS, ROWS is __import__('{inner.name}').ROWS")
        inner.it.ROWS.append(2)
        assert both(work) == ([1, 2], True)
        inner.it.ROWS = [3]
        assert both(work) == ([1, 2], False)
        assert both(calling(inner.name, "ROWS")) == [3]

    def test_a_worker_stays_as_long_as_nothing_changes(self, module):
        users = module("CACHE = {}\nimport os\ndef f(): return CACHE.setdefault(1, os.getpid())")
        work = calling(users.name, "f()")
        first = on("processes", work)
        assert on("processes", work) == first
        users.it.OTHER = 1
        assert on("processes", work) == first
        users.write("import os\ndef f(): return os.getpid()")
        users.reload()
        assert on("processes", work) != first

    def test_what_cannot_travel_of_a_module_is_named_when_it_is_needed(self, module):
        users = module("LOCK = None\ndef f(): return LOCK.f_lineno\ndef g(): return RATE\nRATE = 1")
        users.it.LOCK, users.it.RATE = sys._getframe(), 2
        assert on("processes", calling(users.name, "g()")) == 2
        with pytest.raises(
            TaskError, match=f"'LOCK' of module '{users.name}' .* a frame"
        ) as failed:
            on("processes", calling(users.name, "f()"))
        assert "cannot be sent" in str(failed.value)

    def test_what_is_replaced_for_a_while(self, module):
        users = module("def load(): return 1\ndef f(): return load() + 1")
        with patch.object(users.it, "load", threading.Lock().acquire):
            assert on("threads", calling(users.name, "f()")) == 2
            with pytest.raises(TaskError, match="'load' of module"):
                on("processes", calling(users.name, "f()"))
        with patch.object(users.it, "load", lambda: 20):
            assert both(calling(users.name, "f()")) == 21
        assert both(calling(users.name, "f()")) == 2

    def test_what_a_task_sets_in_a_module_is_gone(self, module):
        users = module("RATE = 1\ncount = 0\ndef f(): return RATE\n"
                       "def counted():\n    global count\n    count += 1\n    return os.getpid()\n"
                       "import os")  # fmt: skip
        work = calling(users.name, "f(), RATE")
        on("processes", calling(users.name, "globals().update(RATE=7, f=len)"))
        assert both(work) == (1, 1)
        first = on("processes", calling(users.name, "counted()"))
        assert on("processes", calling(users.name, "counted()")) == first

    def test_a_package(self, tmp_path, module):
        folder = tmp_path / "users_package"
        folder.mkdir()
        (folder / "__init__.py").write_text("from .inner import f\nRATE = 1")
        (folder / "inner.py").write_text("from . import __name__ as home\ndef f(): return 1")
        package = importlib.import_module("users_package")
        work = calling("users_package", "f(), inner.f(), RATE")
        assert both(work) == (1, 1, 1)
        (folder / "inner.py").write_text("def f(): return 20")
        importlib.reload(package.inner)
        assert both(work) == (1, 20, 1)
        importlib.reload(package)
        package.RATE = 3
        assert both(work) == (20, 20, 3)

    def test_a_module_that_takes_the_place_of_another(self, tmp_path, module, monkeypatch):
        users = module("def f(): return 1")
        work = calling(users.name, "f()")
        assert both(work) == 1
        nearer = tmp_path / "nearer"
        nearer.mkdir()
        (nearer / users.file.name).write_text("def f(): return 2")
        monkeypatch.syspath_prepend(nearer)
        del sys.modules[users.name]
        assert both(work) == 2

    def test_a_script_whose_module_was_edited(self, tmp_path):
        users = tmp_path / "users_script.py"
        users.write_text("def f(): return 1")
        script = tmp_path / "script.py"
        script.write_text(
            "import users_script, pathlib\nfrom taskinity_nb import run\n"
            "def work(): return users_script.f()\n"
            "if __name__ == '__main__':\n"
            "    for executor in ('threads', 'processes'):\n"
            "        print(run('work', executor=executor)['work'])\n"
            "        pathlib.Path(users_script.__file__).write_text('def f(): return 222')\n"
        )
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["1", "1"]


class TestObjects:
    """Settings objects of a module, which are changed in place or are others by now."""

    @pytest.mark.parametrize(
        ("source", "change"),
        [
            ("class S:\n def __init__(s, a): s.a = a\ns = S(0)", "it.s.a = 5"),
            ("class S:\n def __init__(s, a): s.a = a\ns = S(0)", "it.s = it.S(2)"),
            ("class S:\n def __init__(s, a): s.a = a\ns = S(0)", "del it.s.a"),
            ("from types import SimpleNamespace as N\ns = N(m=N(depth=1))", "it.s.m.depth = 3"),
            ("from argparse import Namespace\ns = Namespace(a=1)", "it.s.a = it.s.b = 3"),
            ("from dataclasses import dataclass\n@dataclass\nclass D:\n a: int = 0\ns = D()",
             "it.s.a = 3"),
            ("from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\n"
             "class D:\n a: int = 0\ns = D()", "it.s = it.D(3)"),
            ("from dataclasses import dataclass\n@dataclass(slots=True)\n"
             "class D:\n a: int = 0\ns = D()", "it.s.a = 3"),
            ("class P: pass\ns = {'x': P(), 'y': [P()]}", "it.s['y'][0].a = it.s['x'].a = 3"),
            ("from typing import NamedTuple\nclass P(NamedTuple):\n a: int = 0\ns = P()",
             "it.s = it.P(3)"),
            ("from enum import Enum\nclass E(Enum):\n A = 1\n B = 2\ns = E.A", "it.s = it.E.B"),
            ("from pathlib import Path\ns = Path('a')", "it.s = it.Path('b')"),
            ("from datetime import date\ns = [date(2020, 1, 1)]", "it.s[0] = it.date(2021, 1, 1)"),
            ("class C(dict):\n __getattr__ = dict.__getitem__\n __setattr__ = dict.__setitem__\n"
             "s = C(a=1)", "it.s.a = 3"),
            ("from types import SimpleNamespace as N\ns = N(f=len, g=N)", "it.s.f = abs"),
            ("from types import SimpleNamespace as N\ns = N()", "it.s.me = it.s"),
            ("from types import SimpleNamespace as N\ns = N(a=[])", "it.s.a.append(1)"),
            ("from types import SimpleNamespace as N\nclass s:\n n = N(a=1)", "it.s.n.a = 2"),
            ("from types import SimpleNamespace as N\ns = N(a=1)\n"
             "def configure(a):\n global s\n s = N(a=a)", "it.configure(3)"),
            ("class P:\n def put(self, a): self.held[a] = a\ns = P()\ns.held = {}", "it.s.put(3)"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_change_before_and_after_the_first_run(self, module, source, change, is_first):
        users = module(f"{source}\ndef look(): return text(s)\n{TEXT}")
        work = calling(users.name, "look()")
        before = users.it.look()
        if not is_first:
            assert both(work) == before
        exec(change, {"it": users.it})
        assert both(work) != before
        users.reload()
        assert both(work) == before

    @pytest.mark.parametrize(
        "change",
        ["it.s.a = 5", "it.s.lr = Odd(3)", "it.s = it.S(Odd(7))", "it.t = Odd(3)", "it.t.a = 3"],
    )
    def test_what_is_not_plain(self, module, change):
        users = module("class Odd:\n def __init__(self, a): self.a = a\n"
                       " def __reduce__(self): return Odd, (self.a,)\n"
                       "class S:\n def __init__(self, a): self.a, self.lr = a, Odd(1)\n"
                       f"s, t = S(0), Odd(1)\ndef look(): return text([s, t])\n{TEXT}")  # fmt: skip
        work = calling(users.name, "look()")
        before = both(work)
        exec(change, {"it": users.it, "Odd": users.it.Odd})
        if change != "it.t.a = 3":  # nobody can tell that it has changed but its own class
            assert both(work) != before

    def test_what_shares_an_object_goes_on_sharing_it(self, module):
        inner = module("from types import SimpleNamespace as N\ns = N(a=1, m=N(b=1))\nm = s.m")
        outer = module(f"from {inner.name} import s")
        seen = f"s, s is __import__('{inner.name}').s, s.m is __import__('{inner.name}').m"
        work = calling(outer.name, seen)
        inner.it.s.a = inner.it.m.b = 5
        here = both(work)
        assert here[1:] == (True, True) and (here[0].a, here[0].m.b) == (5, 5)
        inner.it.s = type(inner.it.s)(a=7, m=inner.it.m)
        assert both(work)[1:] == (False, True)
        assert both(calling(inner.name, "s.a")) == 7

    def test_what_cannot_travel_stays_what_it_is_in_each_process(self, module):
        users = module("import threading\nclass C:\n"
                       " def __init__(self): self.lock, self.n = threading.Lock(), 0\n"
                       "c, e = C(), threading.Event()\nd = {'c': C()}\n"
                       "def look():\n with c.lock, d['c'].lock:\n"
                       "  return e.is_set(), c.n")  # fmt: skip
        work = calling(users.name, "look()")
        assert both(work) == (False, 0)
        users.it.e.set()
        users.it.c.n = 3
        users.it.d["c"] = users.it.C()
        assert on("threads", work) == (True, 3)
        assert on("processes", work) == (False, 0)

    def test_a_registry_is_filled_once(self, module):
        users = module("class R:\n def __init__(self): self.items, self.by = [], {}\n"
                       " def __call__(self, f):\n  self.items.append(f.__name__)\n"
                       "  self.by[f.__name__] = f\n  return f\nregister = R()")  # fmt: skip
        other = module(f"from {users.name} import register\n@register\ndef f(): pass")
        work = calling(other.name, "register.items, list(register.by)")
        assert both(work) == both(work) == (["f"], ["f"])

    def test_nothing_of_a_class_of_the_users_is_called(self, module):
        users = module("called = []\nclass S:\n def __getattribute__(self, name):\n"
                       "  called.append(name)\n  return object.__getattribute__(self, name)\n"
                       " def __eq__(self, other): called.append('eq')\n"
                       " def __hash__(self): called.append('hash')\ns = S()")  # fmt: skip
        on("processes", calling(users.name, "called"))
        assert users.it.called == []


TEXT = """
def text(it):
    if isinstance(it, type):
        it = {k: v for k, v in vars(it).items() if k[0] != '_'}
    if isinstance(it, (list, tuple)):
        return list(map(text, it))
    if isinstance(it, dict):
        return {k: text(v) for k, v in it.items()}
    if hasattr(it, '__slots__') and not hasattr(it, '__dict__'):
        return repr(it)
    if type(it).__module__ in ('builtins', 'enum', 'pathlib', 'datetime') or hasattr(it, '_name_'):
        return str(it)
    if vars(it).get('me') is it:
        return 'me'
    return {k: text(v) for k, v in vars(it).items()}
"""


class TestTheProcess:
    def test_the_environment_follows(self, monkeypatch):
        def work():
            return sorted(os.environ.items())

        both(work)
        monkeypatch.setenv("ONLY_TODAY", "secret \udcff")
        monkeypatch.delenv("PATH")
        assert ("ONLY_TODAY", "secret \udcff") in both(work)
        monkeypatch.undo()
        assert dict(both(work))["PATH"]

    def test_the_time_zone_follows(self, monkeypatch):
        def work():
            return time.strftime("%H %Z", time.localtime(0))

        both(work)
        monkeypatch.setenv("TZ", "XYZ-5")
        time.tzset()
        try:
            assert both(work) == "05 XYZ"
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_a_directory_that_was_removed(self, tmp_path, monkeypatch):
        def work():
            try:
                return os.getcwd()
            except FileNotFoundError:
                return "none"

        def leaving():
            os.chdir("/")

        assert both(work) == os.getcwd()
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        on("processes", leaving)
        assert both(work) == "none"
        monkeypatch.undo()
        assert both(work) == os.getcwd()

    def test_what_a_task_leaves_is_gone(self):
        def state():
            return (
                len(os.environ),
                os.getcwd(),
                sys.path,
                sys.getrecursionlimit(),
                gc.isenabled(),
                gc.get_threshold(),
                sys.getswitchinterval(),
                decimal.getcontext().prec,
                socket.getdefaulttimeout(),
                locale.setlocale(locale.LC_ALL),
                [each[:2] for each in warnings.filters],
                logging.getLogger().level,
                logging.getLogger("theirs").level,
                sys.argv,
                sys.excepthook is None,
                sys.stdin is None,
                signal.getsignal(signal.SIGTERM),
                signal.getitimer(signal.ITIMER_REAL),
                sorted([2, 1]),
                hasattr(builtins, "left_there"),
                warnings.showwarning is None,
                sys.getprofile(),
            )

        def print_nothing(*args):
            pass

        def leaving():
            os.environ.clear()
            os.chdir("/")
            sys.path.clear()
            sys.setrecursionlimit(10_000)
            gc.disable()
            gc.set_threshold(1, 1, 1)
            sys.setswitchinterval(1.0)
            decimal.getcontext().prec = 3
            socket.setdefaulttimeout(1.0)
            warnings.simplefilter("error")
            logging.getLogger().setLevel(1)
            logging.disable()
            sys.argv = ["no"]
            sys.stdout = sys.stderr = sys.stdin = sys.excepthook = None
            os.umask(0o777)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 60)
            builtins.sorted = builtins.left_there = None
            warnings.showwarning = None
            sys.setprofile(print_nothing)

        here = state()
        on("processes", leaving)
        assert on("processes", state) == here
        on("processes", leaving)
        namespace = {"work": lambda: print("heard")}
        done = run("work", namespace=namespace, executor="processes", workers=1)
        assert done.tasks["work"].stdout == "heard\n"

    def test_the_mask_of_new_files_follows(self, tmp_path):
        def work():
            file = tmp_path / "new"
            file.unlink(missing_ok=True)
            file.touch()
            return oct(file.stat().st_mode)

        both(work)
        before = os.umask(0o077)
        try:
            assert both(work) == "0o100600"
        finally:
            os.umask(before)

    def test_a_task_does_not_change_the_context_of_the_next_one(self):
        import numpy as np

        def first():
            np.seterr(divide="raise")

        def second():
            return np.geterr()["divide"]

        for executor in ("threads", "processes"):
            names = {"first": first, "second": second}
            found = run("first -.-> second", namespace=names, executor=executor, workers=1)
            assert found["second"] == np.geterr()["divide"] != "raise"

    def test_settings_follow(self, monkeypatch):
        def work():
            import numpy as np
            import pandas as pd

            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                np.float64(1.0) / np.float64(0.0)
            return (
                str(1 / decimal.Decimal(7)),
                sys.getrecursionlimit(),
                str(np.array([1 / 3])),
                len(seen),
                pd.get_option("display.max_rows"),
                pd.get_option("display.precision"),
                repr(pd.Series([1 / 3])),
            )

        import matplotlib
        import numpy as np
        import pandas as pd

        def drawn():
            import matplotlib

            return matplotlib.rcParams["lines.linewidth"]

        before, limit = both(work), sys.getrecursionlimit()
        context = decimal.getcontext().copy()
        try:
            decimal.getcontext().prec = 5
            sys.setrecursionlimit(limit + 500)
            with (
                np.errstate(divide="ignore"),
                np.printoptions(precision=2),
                pd.option_context("display.max_rows", 7, "display.precision", 2),
                matplotlib.rc_context({"lines.linewidth": 9.0}),
            ):
                during = both(work)
                assert both(drawn) == 9.0
        finally:
            sys.setrecursionlimit(limit)
            decimal.setcontext(context)
        assert all(one != other for one, other in zip(before, during, strict=True))
        assert both(work) == before
        assert both(drawn) != 9.0

    def test_a_function_that_prints_numbers(self):
        import numpy as np

        def work():
            import numpy as np

            return str(np.array([0.5]))

        with np.printoptions(formatter={"float": lambda x: f"<{x}>"}):
            assert both(work) == "[<0.5>]"


class TestWarnings:
    def test_a_category_that_a_worker_cannot_import(self, module, monkeypatch):
        def work():
            return len(warnings.filters)

        both(work)
        users = module("class Late(UserWarning): pass")
        with warnings.catch_warnings():
            warnings.simplefilter("error", users.it.Late)
            sys.path.remove(str(users.file.parent))
            assert on("processes", work) >= 0

    def test_a_category_whose_module_is_imported_by_the_task(self, module):
        users = module("class Late(UserWarning): pass")

        def work():
            late = importlib.import_module(users_name).Late
            try:
                warnings.warn("late", late, stacklevel=1)
            except late:
                return "error"
            return "warning"

        users_name = users.name
        with warnings.catch_warnings():
            warnings.simplefilter("error", users.it.Late)
            assert both(work) == "error"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", users.it.Late)
            assert both(work) == "warning"

    def test_a_category_whose_module_ends_the_process(self, module):
        users = module("class Late(UserWarning): pass")
        users.write("import os\nos._exit(3)\nclass Late(UserWarning): pass")
        with warnings.catch_warnings():
            warnings.simplefilter("error", users.it.Late)
            assert on("processes", lambda: 1) == 1

    def test_a_category_of_the_notebook(self):
        late = type("Late", (UserWarning,), {"__module__": "__main__"})

        def work():
            try:
                warnings.warn("late", late, stacklevel=1)
            except late:
                return "error"
            return "warning"

        with warnings.catch_warnings():
            warnings.simplefilter("error", late)
            assert both(work) == "error"


class Keeping(logging.Handler):
    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        self.seen.append(self.format(record))


class TestLogging:
    @pytest.fixture
    def handler(self):
        handler, root, level = Keeping(), logging.getLogger(), logging.getLogger().level
        root.addHandler(handler)
        yield handler
        root.removeHandler(handler)
        root.setLevel(level)
        logging.getLogger("users").setLevel(logging.NOTSET)

    def test_what_tasks_log_arrives_as_from_threads(self, handler):
        def work():
            log = logging.getLogger("users.own")
            log.debug("not this")
            log.info("number %d", 3)
            try:
                int("no")
            except ValueError:
                log.exception("no")
            log.warning("odd %s", object, extra={"odd": sys._getframe()})

        logging.getLogger().setLevel(logging.INFO)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        on("threads", work)
        here = handler.seen[:]
        handler.seen.clear()
        on("processes", work)
        assert [line.splitlines()[0] for line in handler.seen] == [
            line.splitlines()[0] for line in here
        ]
        assert len(here) == 3 and "ValueError" in handler.seen[1]

    def test_levels_and_filters_are_those_of_here(self, handler):
        def work():
            logging.getLogger("users.own").info("this")
            logging.getLogger("users.other").info("not this")
            logging.getLogger("elsewhere").info("nor this")

        logging.getLogger("users").setLevel(logging.INFO)
        handler.addFilter(lambda record: record.name == "users.own")
        on("processes", work)
        assert handler.seen == ["this"]
        logging.getLogger("users").setLevel(logging.WARNING)
        on("processes", work)
        assert handler.seen == ["this"]

    def test_warnings_that_are_logged(self, handler):
        def work():
            warnings.warn("odd", UserWarning, stacklevel=1)

        logging.captureWarnings(True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                on("processes", work)
                on("processes", work)
        finally:
            logging.captureWarnings(False)
        assert [line.count("UserWarning: odd") for line in handler.seen] == [1, 1]
        namespace = {"work": work}
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            printed = run("work", namespace=namespace, executor="processes", workers=1)
        assert "odd" in printed.tasks["work"].stderr and len(handler.seen) == 2

    def test_lines_that_go_to_a_file(self, tmp_path):
        file = logging.FileHandler(tmp_path / "log")
        logging.getLogger("users").addHandler(file)
        try:
            on("processes", lambda: logging.getLogger("users").error("to a file"))
        finally:
            logging.getLogger("users").removeHandler(file)
            file.close()
        assert (tmp_path / "log").read_text() == "to a file\n"

    def test_two_handlers_on_the_way_get_it_once_each(self, handler):
        own = Keeping()
        logging.getLogger("users").addHandler(own)
        try:
            on("processes", lambda: logging.getLogger("users").error("once"))
        finally:
            logging.getLogger("users").removeHandler(own)
        assert own.seen == handler.seen == ["once"]

    def test_a_handler_that_raises_does_not_end_the_run(self, handler):
        def refuse(record):
            raise SystemExit

        handler.emit = refuse
        with pytest.warns(RuntimeWarning, match="logged"):
            assert on("processes", lambda: logging.getLogger("users").error("no") or 5) == 5


class TestResume:
    def test_a_task_whose_module_was_edited_runs_again(self, module):
        users = module("def h(n): return n\ndef f(): return h(1)")
        first = run("f", namespace={"f": users.it.f})
        again = run("f", namespace={"f": users.it.f}, resume=first)
        assert str(again.tasks["f"].state) == "cached"
        users.write("def h(n): return n * 20\ndef f(): return h(1)")
        users.reload()
        again = run("f", namespace={"f": users.it.f}, resume=first)
        assert again["f"] == 20
        assert again.tasks["f"].why == "runs again: its function has changed"

    def test_a_task_that_calls_a_module_that_was_edited_or_patched(self, module):
        users = module("def f(n): return n\ndef other(): return 1\nRATE = 1")
        names = {"users": users.it}
        exec("def work(): return users.f(1) * users.RATE", names)
        first = run("work", namespace=names)
        users.write("def f(n): return n\ndef other(): return 2\nRATE = 1")
        users.reload()
        assert str(run("work", namespace=names, resume=first).tasks["work"].state) == "cached"
        users.it.RATE = 3
        assert run("work", namespace=names, resume=first)["work"] == 3
        users.write("def f(n): return n * 5\nRATE = 1")
        users.reload()
        assert run("work", namespace=names, resume=first)["work"] == 5
