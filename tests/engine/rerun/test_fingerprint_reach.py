"""Fingerprints: globals, what is reached in a circle, and closures."""

from __future__ import annotations

import functools
import math
import sys
import threading
import types
from textwrap import dedent, indent

import pytest
from fingerprints import cell, print_of

from taskinity_nb.engine.rerun.fingerprint import digest, fingerprint


class TestGlobals:
    def test_beyond_256_of_them(self):
        names = [f"g{n}" for n in range(300)]
        function = cell(f"def f(): return {' + '.join(names)}")["f"]
        space = function.__globals__
        space |= dict.fromkeys(names, 0)
        prints = {fingerprint(function)}
        for name in names[::30]:
            space[name] = 1
            prints.add(fingerprint(function))
        assert len(prints) == 11

    def test_attributes_beyond_256_of_them(self):
        attributes = "".join(f"x.a{n};" for n in range(300))
        source = f"def f(x):\n    {attributes}\n    return y, x.z"
        assert print_of(source, y=1, z=1) == print_of(source, y=1, z=2)
        assert print_of(source, y=1) != print_of(source, y=2)

    def test_of_a_module_by_name(self):
        modules = [types.ModuleType("tools") for _ in range(2)]
        modules[0].changed = True
        source = "def f(x): return tools.run(x)"
        assert print_of(source, tools=modules[0]) == print_of(source, tools=modules[1])
        assert print_of(source, tools=modules[0]) != print_of(source, tools=math)

    def test_of_a_module_within_a_value(self):
        assert digest([math]) == digest([math]) != digest([sys])

    def test_importable_functions_by_name(self, monkeypatch):
        source = "def f(x): return join(x)"
        before = print_of(source, join=dedent)
        monkeypatch.setattr(dedent, "__code__", (lambda text: text).__code__)
        assert print_of(source, join=dedent) == before

    def test_a_function_that_no_import_finds_any_more(self, monkeypatch):
        import textwrap

        before = fingerprint(indent)
        monkeypatch.setattr(textwrap, "indent", None)
        assert fingerprint(indent) != before

    def test_a_module_that_is_gone(self, monkeypatch):
        import textwrap

        monkeypatch.delitem(sys.modules, textwrap.__name__)
        assert fingerprint(indent) == fingerprint(indent)

    @pytest.mark.parametrize(
        "callable_",
        [len, math.sin, str.upper, "a".upper, [].append, dict.fromkeys, int, "".__add__, functools],
    )
    def test_builtins(self, callable_):
        assert fingerprint(callable_) == fingerprint(callable_) != fingerprint(print)


class TestRecursion:
    def test_of_a_closure(self):
        source = """
            def make(k):
                def f(x):
                    return f(x - k) if x else None
                return f
            f = make({})
        """
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    def test_through_values(self):
        source = "def f(x): return table['f'](x) + {}\ntable = {{'f': f}}"
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    @pytest.mark.parametrize("table", ["[f]", "(f,)", "{f}", "{'a': {f: f}}", "[{f}, lock]"])
    def test_through_each_kind_of_container(self, table):
        lock = threading.Lock()
        source = f"def f(x): return table, NUMBER\ntable = {table}"
        prints = [print_of(source.replace("NUMBER", number), lock=lock) for number in "112"]
        assert prints[0] == prints[1] != prints[2]

    def test_through_instances_that_hold_sets_of_each_other(self):
        source = """
            class Node:
                def __init__(self): self.near = set()
            nodes = [Node() for _ in range(30)]
            for node in nodes: node.near |= set(nodes)
            def f(): return nodes
        """
        function = cell(source)["f"]
        assert fingerprint(function) == fingerprint(function)

    def test_through_bound_methods_of_itself(self):
        source = """
            class A:
                def __init__(self): self.back = self.m
                def m(self): return {}
            a = A()
            def f(): return a
        """
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    def test_from_either_end(self):
        space = cell("def f(x): return g(x)\ndef g(x): return f(x) + 1")
        before = fingerprint(space["f"]), fingerprint(space["g"])
        cell("def g(x): return f(x) + 2", space)
        after = fingerprint(space["f"]), fingerprint(space["g"])
        assert len({*before, *after}) == 4

    def test_a_list_within_itself(self):
        loop = [1]
        loop.append(loop)
        assert digest(loop) == digest(loop) != digest([1])

    def test_that_is_too_deep_to_follow(self):
        source = "\n".join(f"def g{n}(): return g{n + 1}()" for n in range(2000))
        function = cell(source)["g0"]
        assert fingerprint(function) == fingerprint(function)
        deep = []
        for _ in range(20_000):
            deep = [deep]
        assert digest(deep) == digest(deep)

    def test_diamonds_are_gone_through_once(self):
        source = "def g60(): return 1\n"
        source += "\n".join(f"def g{n}(): return g{n + 1}(), g{n + 1}()" for n in range(60))
        source += "\n" + "\n".join(
            f"t{n} = (t{n - 1}, t{n - 1})" if n else "t0 = 1," for n in range(60)
        )
        space = cell(source + "\ndef f(): return g0(), t59")
        before = fingerprint(space["f"])
        cell("def g60(): return 2", space)
        assert fingerprint(space["f"]) != before


class TestClosures:
    def test_with_an_empty_cell(self):
        source = """
            def make():
                def f(): return later
                yield f
                later = {}
                yield f
            made = make()
            f = next(made)
        """
        empty, full = (cell(source.format(n)) for n in (1, 1))
        next(full["made"])
        prints = [fingerprint(space["f"]) for space in (empty, full)]
        assert prints[0] != prints[1]
        assert prints[0] == fingerprint(cell(source.format(2))["f"])

    def test_whose_content_changes(self):
        source = """
            def make():
                total = 0
                def f(x):
                    nonlocal total
                    total += x
                    return total
                return f
            f = make()
        """
        f = cell(source)["f"]
        before = fingerprint(f)
        f(3)
        assert fingerprint(f) != before

    def test_of_importable_modules_are_looked_into(self):
        prints = [fingerprint(functools.singledispatch(kind)) for kind in (int, int, str)]
        assert prints[0] == prints[1] != prints[2]
