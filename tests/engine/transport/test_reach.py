"""What a function reaches is read from its code, which is read once."""

from __future__ import annotations

import dis

from taskinity_nb.engine.transport.reach import reach

CODE = """
import taskinity_nb
limit, rate = 1, 2
def scaled(x):
    def inner(): return rate * x
    return inner()
def bounded(x): return min(x, limit)
"""


def ways(function):
    return [found.way for found in reach(function)]


def test_code_is_read_once(monkeypatch):
    space = {"__name__": "__main__"}
    exec(CODE, space)
    found = ways(space["scaled"])
    assert found == [("scaled",), ("scaled", "rate")]

    def unexpected(code):
        raise AssertionError(f"{code} is read again")

    monkeypatch.setattr(dis, "get_instructions", unexpected)
    assert ways(space["scaled"]) == found
    space["rate"] = lambda: 3  # what the names stand for is looked up each time
    assert [each.value for each in reach(space["scaled"])][1] is space["rate"]


def test_other_code_in_the_same_function_is_read():
    space = {"__name__": "__main__"}
    exec(CODE, space)
    function = space["bounded"]
    assert ways(function) == [("bounded",), ("bounded", "limit")]
    function.__code__ = compile("lambda x: x + rate", "<cell>", "eval").co_consts[0]
    assert ways(function) == [("bounded",), ("bounded", "rate")]
