"""Tab in a ``%%flow`` cell and behind a run: what is offered, and that it always answers."""

from __future__ import annotations

import time
import weakref
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.completer import CompletionContext

from taskinity_nb import parse_dsl, run, task
from taskinity_nb.magics.completion import flow_matcher


def load(path):
    return path


class Slow:
    @property
    def __class__(self):
        time.sleep(0.1)
        raise SystemExit("asked what it is")

    def __getattr__(self, name):
        raise KeyboardInterrupt("asked for something")


class Gone:
    pass


def dead():
    return weakref.proxy(Gone())


NAMES = {
    "load": load, "clean": task(lambda rows: rows), "path": "data", "_hidden": 1,
    "workers": 3, "result": run("load", {"path": 1}, namespace={"load": load}),
    "Prep": parse_dsl("input rows\nrows -> load -> clean"),
    "proxy": dead(), 3: "no name", "Slow": Slow, "run": run,
    **{f"slow{number}": Slow() for number in range(200)},
}  # fmt: skip


HIDDEN = {"mine": dead, "load": len}  # IPython's own, unless the user has taken the name
NAMES["mine"] = dead


def context_of(text, at):
    line = text[:at].count("\n")
    column = at - (text.rfind("\n", 0, at) + 1)
    return CompletionContext(
        token="", full_text=text, cursor_position=column, cursor_line=line, limit=None
    )  # fmt: skip


def offered(cell, at=None):
    """Return the words, in place of what, and whether others are offered too."""
    matcher = flow_matcher(SimpleNamespace(user_ns=NAMES, user_ns_hidden=HIDDEN))
    told = matcher(context_of(cell, len(cell) if at is None else at))
    words = [completion.text for completion in told["completions"]]
    return words, told.get("matched_fragment"), told.get("suppress", False)


@pytest.mark.parametrize(
    ("cell", "typed", "words", "others"),
    [
        ("%%flow --exec", "--exec", ["--executor"], []),
        ("%%flow -w 2 ", "", ["--executor", "--keep", "-o"], ["load", "threads"]),
        ("%%flow --executor pro", "pro", ["processes", "proxy"], ["threads"]),
        ("%%flow --executor=pro", "pro", ["processes"], ["threads", "--executor"]),
        ("%%flow -e=pro", None, [], ["processes"]),
        ("%%flow --on-error=", "", ["raise", "stop", "continue"], ["load"]),
        ("%%flow --on-error st", "st", ["stop"], ["raise"]),
        ("%%flow --keep ", "", ["all", "last"], ["load"]),
        ("%%flow --tar", "--tar", ["--targets"], []),
        ("%%flow --targets |\nload -> map fit", "", ["load", "fit"], ["map", "path"]),
        ("%%flow --targets=load,f|\nload -> map fit", "f", ["fit"], ["load"]),
        ("%%flow --targets load,|\nload -> fit", "", ["fit"], ["load"]),
        ("%%flow --rerun fi|\nload -> fit ->", "fi", ["fit"], ["load"]),
        ("%%flow --override lo|\nload -> fit", "lo", ["load"], ["fit"]),
        ("%%flow --override load=pa|\nload -> fit", "pa", ["path"], ["fit"]),
        ("%%flow -w wor", "wor", ["workers"], []),
        ("%%flow -w (2 * wor", "wor", ["workers"], []),
        ("%%flow --input n=pa", "pa", ["path"], ["--executor"]),
        ("%%flow --input=n=pa", "pa", ["path"], []),
        ('%%flow -i {"a b": pa', "pa", ["path"], []),
        ("%%flow -i n=_hi", "_hi", ["_hidden"], []),
        ("%%flow -i n='pa", None, [], ["path"]),
        ("%%flow -i n=path.st", None, [], ["path"]),
        ("%%flow -o re", "re", [], ["result", "--resume"]),
        ("%%flow\n", "", ["load", "clean"], ["path", "run", "slow1"]),
        ("%%flow\nload -> ", "", ["load"], ["mine"]),
        ("%%flow\nload.", "", [], ["load", "clean"]),
        ("%%flow\nload.cl", "", [], ["clean"]),
        ("%%flow\nload -> \n", "", ["load", "clean"], []),
        ("%%flow\nload -> cl", "cl", ["clean"], []),
        ("\n \n%%flow --exec", "--exec", ["--executor"], []),
        ("\n%%flow\nload -> cl", "cl", ["clean"], []),
        ("%%flow\n\f\u2028\x85\nload -> cl", "cl", ["clean"], []),
        ("%%flow\nload as fresh\n[fre", "fre", ["fresh"], []),
        ("%%flow\nload(", "", ["path="], ["load", "map"]),
        ("%%flow\n[load(pa", "pa", ["path="], ["path"]),
        ("%%flow\nload(path=1, ", "", [], ["path=", "load"]),
        ("%%flow\nload(path=1) -> ", "", ["load", "map"], ["path="]),
        ("%%flow\nX, y = load\n[X, y] -> cl", "cl", ["clean"], []),
        ("%%flow\ninput files\nX, y = load\n", "", ["files", "X", "y", "input"], ["map"]),
        ("%%flow\nload -> ", "", ["map", "zip", "product"], ["when", "input"]),
        ("%%flow\nload -> zi", "zi", ["zip"], []),
        ("%%flow\nload ", "", ["when", "unless", "as"], ["load", "map"]),
        ("%%flow\nload wh", "wh", ["when"], []),
        ("%%flow\nclean\nload when ", "", ["clean"], ["when", "map"]),
        ("%%flow\nclean\nload unless cl", "cl", ["clean"], []),
        ("%%flow\nload -> map ", "", ["load"], ["when"]),
        ("%%flow\nin", "in", ["input"], []),
        ("%%flow\nflow Prep:\n  load\nflow Main:\n  Pr", "Pr", ["Prep"], []),
        ("%%flow\nload -> Pr", "Pr", ["Prep"], []),
        ("%%flow\nload -> Prep(", "", ["rows="], ["path="]),
        ("%%flow\nload(path=1) ", "", ["as", "when", "unless"], ["load"]),
        ("%%flow\n[load, clean] wh", "wh", ["when"], []),
        ("%%flow\n[load(path=1) ", "", ["as"], ["when", "load"]),
        ("%%flow\nload? ", "", [], ["as", "when", "load"]),
        ("%%flow\ninput depth=3, other\nload(path=", "", ["depth", "other", "True"], ["load"]),
        ("%%flow\ninput de", "de", [], ["description"]),
        ("%%flow\nload when clean == ", "", [], ["load"]),
        ("%%flow\nload -> ", "", ["load"], ["<lambda>"]),
        ("%flow ", "", ["Prep"], ["load"]),
        ("x = 1\n  %flow Pr", "Pr", ["Prep"], []),
        ("r = %flow Pr", "Pr", ["Prep"], []),
        ("%flow Prep --cac", "--cac", ["--cache"], []),
        ("%flow Prep --cache ", "", ["--workers", "--resume"], ["Prep"]),
        ("%flow Prep --cache --wor", "--wor", ["--workers"], []),
        ("%flow Prep --cache res", None, [], ["--resume"]),
        ("%flow Prep --cache=res", None, [], ["--resume"]),
        ("%flow Prep --exec", "--exec", ["--executor"], []),
        ("%flow Prep --executor=pro", "pro", ["processes"], []),
        ("%flow Prep --targets=lo", "lo", ["load"], ["clean"]),
        ("%flow Prep -i rows=pa", "pa", ["path"], []),
        ("%flow load --targets ", "", [], ["load"]),
        ("%flow slow1 --targets ", "", [], ["load"]),
        ("%flow 'Pr", None, [], ["Prep"]),
        ("%flow mod.Pr", None, [], ["Prep"]),
        ("%flow_from lo", "lo", ["load"], ["path"]),
        ("%flow_from load cl", "cl", ["clean"], []),
        ("%flow", None, [], ["Prep"]),
        ("%flowers Pr", None, [], ["Prep"]),
        ("%%flower --exec", None, [], ["--executor"]),
        ("%%flo", None, [], []),
        ("%%flow", None, [], []),
        ("x = 1\n%%flow --exec", None, [], []),
        ('result.tasks["', "", ["load"], []),
        ("print(result.tasks['lo", "lo", ["load"], []),
        ('result.replay("', "", ["load"], []),
        ('other.result.tasks["', None, [], ["load"]),
        ('slow1.tasks["', None, [], ["load"]),
    ],
)  # fmt: skip
def test_offers(cell, typed, words, others):
    at = cell.find("|")
    found, fragment, _ = offered(cell.replace("|", ""), None if at < 0 else at)
    assert fragment == typed
    assert set(words) <= set(found)
    assert not set(others) & set(found)


def test_it_asks_nothing_of_what_names_stand_for():
    began = time.perf_counter()
    for cell in ("%%flow -e ", "%%flow -i n=", "%%flow\n", "%%flow\nload -> "):
        assert offered(cell)[0]
    assert time.perf_counter() - began < 2


SIGNS = "%flow-=.'\"[](){}#;\\ \t\n\r\f\v\x00\u2028\u2029\x85é\U0001f600"
CELLS = st.text(st.sampled_from(SIGNS))


@given(st.sampled_from(["", "%%flow", "%%flow ", "\n%%flow -e "]), CELLS, st.data())
def test_it_always_answers(head, rest, data):
    cell = head + rest
    at = data.draw(st.integers(0, len(cell)))
    words, typed, _ = offered(cell, at)
    if typed:
        assert cell[:at].endswith(typed)
        assert all(word.startswith(typed) for word in words)


@given(CELLS, st.integers(-3, 9), st.integers(-3, 9))
def test_it_answers_about_places_that_are_not_there(rest, line, column):
    matcher = flow_matcher(SimpleNamespace(user_ns=NAMES, user_ns_hidden=HIDDEN))
    matcher(
        CompletionContext(
            token="", full_text=f"%%flow {rest}", cursor_position=column, cursor_line=line,
            limit=None,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    made = kernel.run(
        "import time, weakref\n"
        "class Gone: pass\n"
        "gone = weakref.proxy(Gone())\n"
        "class Slow:\n"
        "    @property\n"
        "    def __class__(self): time.sleep(0.1)\n"
        "slow = [Slow() for _ in range(100)]\n"
        "globals().update({f'slow{i}': one for i, one in enumerate(slow)})\n"
        "from taskinity_nb import parse_dsl\n"
        "Prep = parse_dsl('load')\n"
        "def load(): return 1\n"
        "def total(load): return load"
    )
    assert not made.error, made.error
    kernel.run("%%flow --no-gantt -o r\nload -> total")
    return kernel


def complete(kernel, cell):
    began = time.perf_counter()
    reply = kernel.client.complete(cell, len(cell), reply=True, timeout=20)["content"]
    assert time.perf_counter() - began < 5
    assert reply["status"] == "ok"
    return reply


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%flow\nload -> \n", {"load", "total"}),
        ("%%flow\n\fload -> to", {"total"}),
        ("%%flow\n\u2028load -> to", {"total"}),
        ("%%flow\n# a\x0bb\x1cc\x85\nload -> to", {"total"}),
        ("\n\n%%flow --executor=pro", {"processes"}),
        ("%%flow --executor=pro", {"processes"}),
        ("%%flow --on-error=", {"raise", "stop", "continue"}),
        ("%%flow -i n=slow1", {"slow11"}),
        ("%flow Pre", {"Prep"}),
        ("1\n%flow Prep --exec", {"--executor"}),
        ('r["', {"load", "total"}),
        ('r.tasks["to', {"total"}),
    ],
)
def test_a_kernel_answers(kernel, cell, expected):
    reply = complete(kernel, cell)
    assert expected <= set(reply["matches"]), reply
    typed = cell[reply["cursor_start"] : reply["cursor_end"]]
    assert all(match.startswith(typed) for match in expected)
    types = reply["metadata"].get("_jupyter_types_experimental", [])
    assert not [found for found in types if found["type"] == "<unknown>" and cell[:2] == "%%"]


def test_nothing_is_printed_meanwhile(kernel):
    sent = kernel.client.complete("%%flow\nload -> ", 15)
    kernel.client.get_shell_msg(timeout=20)
    shown = []
    while True:
        message = kernel.client.get_iopub_msg(timeout=20)
        if message["parent_header"].get("msg_id") == sent:
            shown.append(message)
            if message["content"].get("execution_state") == "idle":
                break
    assert [message["msg_type"] for message in shown] == ["status", "status"]
