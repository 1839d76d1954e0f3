"""What a cache tells of itself, and what is removed from it."""

import os
import subprocess
import sys

import pytest

from taskinity_nb import Flow, FlowError, cache_info, clear_cache, run
from taskinity_nb.errors import CacheError, CacheWarning

FUNCTIONS = {"load": lambda: bytes(50_000), "count": len, "square": lambda n: n * n}


def fill(path, times=2):
    for _ in range(times):
        run("flow Few:\n  load -> count", namespace=FUNCTIONS, cache=path)
    run("flow Map:\n  input ns\n  ns -> map square", {"ns": [1, 2, 3]}, namespace=FUNCTIONS,
        cache=path)  # fmt: skip


def shell(*arguments, cwd):
    command = [sys.executable, "-W", "error", "-m", "taskinity_nb", "cache", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_rows_are_tasks_the_largest_first(tmp_path):
    fill(tmp_path)
    info = cache_info(tmp_path)
    found = {(row.flow, row.task): row.entries for row in info}
    assert found == {("Few", "load"): 1, ("Few", "count"): 1, ("Map", "square"): 3}
    assert info[0].task == "load"
    assert info[0].bytes >= 50_000
    assert info.entries == 5
    assert 50_000 < info.bytes < info.limit
    assert info.path == tmp_path
    assert {row.task for row in info if row.seconds} <= {"load", "count"}
    assert info[0].seconds > 0


def test_it_shows_itself_as_text_and_as_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill("kept")
    text = repr(cache_info("kept"))
    caption, head, first, *_ = text.splitlines()
    assert caption.startswith("cache kept: 5 results of 3 tasks, ")
    assert "on disk of 5.37 GB" in caption
    assert head.split() == ["task", "results", "size", "saved", "last", "used"]
    assert first.startswith("load of Few")
    assert "█" * 12 in first
    html = cache_info("kept")._repr_html_()
    assert "<table" in html
    assert 'aria-hidden="true"' in html
    run("flow Few:\n  load -> count", namespace=FUNCTIONS, cache="one")
    one = repr(cache_info("one"))
    assert "nothing saved yet" in one
    assert " of Few" not in one


def test_names_of_tasks_are_escaped(tmp_path):
    namespace = {"load": lambda: 1}
    run(Flow("<b>", tasks=["load"]), namespace=namespace, cache=tmp_path)
    run("load", namespace=namespace, cache=tmp_path)
    assert "<b>" not in cache_info(tmp_path)._repr_html_()


def test_a_task_is_removed_or_all(tmp_path):
    fill(tmp_path)
    one = clear_cache("load", tmp_path)
    assert repr(one).startswith("1 result of 'load' was removed: 50")
    assert (one.entries, one.bytes > 50_000) == (1, True)
    assert repr(clear_cache("load", tmp_path)) == "nothing is kept of a task 'load'"
    assert repr(clear_cache("squares", tmp_path)).endswith("did you mean 'square'?")
    assert clear_cache("square", tmp_path).entries == 3
    again = run("flow Few:\n  load -> count", namespace=FUNCTIONS, cache=tmp_path)
    assert [str(each.state) for each in again.tasks.values()] == ["succeeded", "cached"]
    assert repr(clear_cache(path=tmp_path)).startswith("2 results were removed: ")
    assert repr(clear_cache(path=tmp_path)) == "nothing is kept"


def test_a_folder_that_is_not_there_is_empty_and_is_not_made(tmp_path):
    place = tmp_path / "no" / "cache"
    assert (len(cache_info(place)), cache_info(place).entries) == (0, 0)
    assert repr(cache_info(place)).endswith("empty")
    assert "empty" in cache_info(place)._repr_html_()
    assert clear_cache(path=place).entries == 0
    assert repr(clear_cache("fit", place)) == "nothing is kept of a task 'fit'"
    assert not place.parent.exists()
    assert len(cache_info(tmp_path)) == 0
    assert os.listdir(tmp_path) == []


def test_the_usual_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TASKINITY_CACHE", raising=False)
    run("load", namespace=FUNCTIONS, cache=True)
    assert cache_info().path == tmp_path / ".taskinity" / "cache"
    assert cache_info().entries == 1
    monkeypatch.setenv("TASKINITY_CACHE", str(tmp_path / "other"))
    assert cache_info().entries == 0


def test_what_is_no_cache_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for ask in (cache_info, lambda path: clear_cache(path=path)):
        with pytest.raises(CacheError, match="holds something else"):
            ask(tmp_path)
        with pytest.raises(CacheError, match="is a file"):
            ask(tmp_path / "mine.txt")
    assert os.listdir(tmp_path) == ["mine.txt"]
    with pytest.raises(FlowError, match="path is the path of a folder, not False"):
        cache_info(False)
    with pytest.raises(FlowError, match="task is the name of a task, not "):
        clear_cache(len)


def test_it_tells_of_a_run_that_goes_on(tmp_path):
    seen = []
    functions = {"load": lambda: 1, "ask": lambda load: seen.append(cache_info(tmp_path).entries)}
    run("load -> ask", namespace=functions, cache=tmp_path)
    assert seen == [1]


def test_in_a_shell(tmp_path):
    fill(tmp_path / "kept")
    code, printed, wrong = shell("--path", tmp_path / "kept", cwd=tmp_path)
    assert (code, wrong) == (0, "")
    assert printed.startswith("cache kept: 5 results of 3 tasks")
    assert shell("clear", "load", "--path", "kept", cwd=tmp_path)[1].startswith(
        "1 result of 'load'"
    )
    assert shell("clear", "--path", "kept", cwd=tmp_path)[1].startswith("4 results were removed")
    assert shell("info", cwd=tmp_path)[1] == "cache .taskinity/cache: empty\n"
    assert not (tmp_path / ".taskinity").exists()
    code, printed, wrong = shell("--path", tmp_path, cwd=tmp_path)
    assert (code, printed) == (1, "")
    assert "holds something else" in wrong
    assert shell("info", "load", cwd=tmp_path)[0] == 2


@pytest.mark.parametrize(
    ("text", "limit"),
    [("20 GB", 20 * 10**9), ("500m", 5 * 10**8), ("1.5 KiB", 1536), ("", 5 * 2**30)],
)
def test_the_limit_is_what_the_environment_says(tmp_path, monkeypatch, text, limit):
    monkeypatch.setenv("TASKINITY_CACHE_LIMIT", text)
    assert cache_info(tmp_path / "none").limit == limit
    run("a", namespace={"a": lambda: 1}, cache=tmp_path)
    assert cache_info(tmp_path).limit == limit


def test_the_limit_that_the_environment_says_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKINITY_CACHE_LIMIT", "2 MB")
    run("a", {"n": 0}, namespace={"a": lambda n: bytes([n]) * 1_500_000}, cache=tmp_path)
    run("a", {"n": 1}, namespace={"a": lambda n: bytes([n]) * 1_500_000}, cache=tmp_path)
    info = cache_info(tmp_path)
    assert info.entries == 1 and info.bytes <= info.limit == 2_000_000


def test_a_limit_that_is_none_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKINITY_CACHE_LIMIT", "much")
    with pytest.warns(CacheWarning, match="TASKINITY_CACHE_LIMIT is a size, not 'much'"):
        made = run("a", namespace={"a": lambda: 1}, cache=tmp_path)
    assert made["a"] == 1
    with pytest.raises(CacheError, match="write it as 20 GB"):
        cache_info(tmp_path)
