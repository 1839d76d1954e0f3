"""Fingerprints: what cannot be pickled counts by its identity, and nobody else is called."""

from __future__ import annotations

import functools
import gc
import threading
import types
import weakref

import pytest
from fingerprints import cell

from taskinity_nb import Task
from taskinity_nb.engine.rerun.fingerprint import digest, fingerprint


class Unpicklable:
    def __reduce_ex__(self, protocol):
        raise RuntimeError("no")


class Exits:
    def __reduce_ex__(self, protocol):
        raise SystemExit


class Panics:
    def __reduce_ex__(self, protocol):
        raise BaseException("such as a panic in Rust")


class Stateful:
    def __init__(self):
        self.lock = threading.Lock()
        self.count = 0

    def call(self):
        return self.count

    def call_again(self):
        return self.count + 0

    __call__ = call


def generator():
    yield


UNPICKLABLE = [Unpicklable, Exits, Panics, Stateful, threading.Lock, generator]


MAKERS = {
    "itself": lambda value: value,
    "a list": lambda value: [1, value],
    "a tuple": lambda value: (value, 2),
    "a dict": lambda value: {"a": {"b": value}},
    "keys": lambda value: {value: 1},
    "a set": lambda value: {value},
    "a partial": lambda value: functools.partial(print, value),
    "a method": lambda value: types.MethodType(print, value),
    "a default": lambda value: types.FunctionType((lambda x: x).__code__, {}, "f", (value,)),
    "a closure": lambda value: lambda: value,
    "a global": lambda value: types.FunctionType((lambda: digest).__code__, {"digest": value}),
}


class TestIdentity:
    @pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
    @pytest.mark.parametrize("kind", UNPICKLABLE)
    def test_counts_for_what_cannot_be_pickled(self, kind, make):
        value, other = kind(), kind()
        before = digest(make(value))
        assert digest(make(value)) == before
        assert digest(make(other)) != before

    def test_leaves_what_stands_beside_it(self):
        lock = threading.Lock()
        assert digest([lock, 1]) == digest([lock, 1]) != digest([lock, 2])
        assert digest({"a": [lock], "b": 1}) != digest({"a": [lock], "b": 2})

    def test_leaves_functions_that_were_met_before_it(self):
        lock = threading.Lock()
        spaces = [cell(f"def g(): return {n}\nh = g", line=n) for n in (1, 1, 2)]
        values = [([space["g"], lock], space["g"]) for space in spaces]
        assert digest(values[0]) == digest(values[1]) != digest(values[2])

    def test_of_an_object_does_not_hide_its_class(self):
        space = cell("import threading\nclass A:\n    def m(self): return 1\na = A()")
        space["a"].lock = threading.Lock()
        before = digest(space["a"])
        assert digest(space["a"]) == before
        cell("A.m = lambda self: 2", space)
        assert digest(space["a"]) != before

    def test_of_a_part_does_not_hide_the_others(self):
        value = Stateful()
        before = digest(value), fingerprint(value.call)
        assert (digest(value), fingerprint(value.call)) == before
        value.count += 1
        assert before[0] != digest(value)
        assert before[1] != fingerprint(value.call)

    def test_does_not_count_state(self):
        value = Unpicklable()
        before = digest(value)
        value.count = 1
        assert digest(value) == before

    def test_tells_methods_apart(self):
        value = Stateful()
        assert fingerprint(value.call) == fingerprint(value.call) != fingerprint(value.call_again)
        lock = threading.Lock()
        assert fingerprint(lock.acquire) == fingerprint(lock.acquire) != fingerprint(lock.release)

    def test_is_never_that_of_something_dead(self):
        seen = set()
        for _ in range(200):  # each lock is likely to get the address of the one before
            found = digest(threading.Lock())
            assert found not in seen
            seen.add(found)

    def test_is_never_that_of_something_dead_that_cannot_be_weakly_referred_to(self):
        class Slotted:
            __slots__ = ()

            def __reduce_ex__(self, protocol):
                raise TypeError

        with pytest.raises(TypeError):
            weakref.ref(Slotted())
        kept = [digest([Slotted()]) for _ in range(200)]
        assert len(set(kept)) == 200
        one = Slotted()
        assert digest(one) == digest(one)

    def test_keeps_nothing_else_alive(self):
        values = [Stateful(), cell("class A: pass\na = A()")["a"], cell("def f(): return f")["f"]]
        gc.disable()  # nor is anything left to it
        try:
            for value in values:
                fingerprint(value)
                digest({"a": [value]})
            dead = [weakref.ref(values.pop(0))]
            assert dead[0]() is None
            function = (lambda: 1) if values else None
            dead = weakref.ref(function)
            kept = fingerprint(function)
            del function
            assert kept
            assert dead() is None
        finally:
            gc.enable()

    def test_stops_for_an_interrupt(self):
        class Interrupted:
            def __reduce_ex__(self, protocol):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            digest([Interrupted()])


class Touchy:
    """Raises for whatever one may do with it, but for being pickled."""

    def refuse(self, *args):
        raise AssertionError("touched")

    __eq__ = __bool__ = __len__ = __iter__ = __call__ = __getattr__ = refuse
    __hash__ = __repr__ = __str__ = __contains__ = __get__ = refuse

    def __reduce_ex__(self, protocol):
        return Touchy, ()


class TestNothingElseIsCalled:
    @pytest.mark.parametrize(
        "make", [MAKERS[name] for name in MAKERS if name not in ("keys", "a set")]
    )
    def test_of_values(self, make):
        assert digest(make(Touchy())) == digest(make(Touchy()))

    def test_of_functions(self):
        calls = []
        space = cell("def f(x): return g(x)\ndef g(x): calls.append(x)", {"calls": calls})
        fingerprint(space["f"])
        fingerprint(Task(space["f"], validate_input=space["g"]))
        assert calls == []

    def test_of_classes(self):
        source = """
            class M(type):
                def __getattribute__(cls, name):
                    if name not in ("__flags__", "__module__", "__qualname__"):
                        raise RuntimeError(name)
                    return super().__getattribute__(name)
            class f(metaclass=M): pass
        """
        made = cell(source)["f"]
        assert fingerprint(made) == fingerprint(made)

    @pytest.mark.parametrize("attribute", ["__module__", "__qualname__", "__doc__"])
    def test_odd_attributes(self, attribute):
        def f():
            return 1

        if attribute == "__module__":
            f.__module__ = ["no", "text"]
        elif attribute == "__qualname__":
            f.__qualname__ = "..<>.."
        else:
            f.__doc__ = Unpicklable()
        assert fingerprint(f) == fingerprint(f)
