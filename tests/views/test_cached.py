"""What is shown of results that came from a cache: the seconds that they saved, and why."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest

from taskinity_nb import State, explore, run
from taskinity_nb.views.charts.gantt_chart import chart_of
from taskinity_nb.views.graph.picture import Picture
from taskinity_nb.views.live.live_graph import run_states_text
from taskinity_nb.views.live.panel import details_of as panel_of
from taskinity_nb.views.live.snapshot import progress_of
from taskinity_nb.views.style.words import details_of, saved_by_cache

TEXT = "flow Kept:\n  input ns\n  ns -> map slow -> total"


def slow(n):
    time.sleep(0.06)
    return n


def runs_of(tmp_path, *numbers):
    return [run(TEXT, {"ns": ns}, namespace={"slow": slow, "total": sum}, cache=tmp_path)
            for ns in numbers]  # fmt: skip


@pytest.fixture
def whole(tmp_path):
    """A run in which everything was cached."""
    return runs_of(tmp_path, [1, 2], [1, 2])[1]


@pytest.fixture
def part(tmp_path):
    """A run with one item more than the last."""
    return runs_of(tmp_path, [1, 2], [1, 2, 3])[1]


def titles(run):
    svg = Picture(run.flow, details=True).svg(
        {name: record.state for name, record in run.tasks.items()}, details_of(run)
    )
    nodes = ElementTree.fromstring(svg).iterfind(".//{*}g[@data-task]")
    return {node.get("data-task"): node.find("{*}title").text for node in nodes}


def test_a_record_has_the_seconds(whole, part):
    assert 0.12 < whole.tasks["slow"].saved < 60
    assert whole.tasks["slow"].saved == sum(item.saved for item in whole.tasks["slow"].items)
    assert [item.saved is None for item in part.tasks["slow"].items] == [False, False, True]
    assert part.tasks["total"].saved is None
    assert run("f", namespace={"f": int}).tasks["f"].saved is None


def test_nodes_tell_what_was_saved(whole, part):
    assert re.fullmatch(r"2 of 2 · −\d\.\d s", details_of(whole)["slow"])
    assert re.fullmatch(r"3 of 3 · −\d\.\d s · \d+ ms", details_of(part)["slow"])
    assert details_of(whole)["total"] == ""  # it took no time
    assert re.fullmatch(r"slow: cached, \d\.\d s saved", titles(whole)["slow"])
    assert re.fullmatch(r"slow: succeeded, \d\.\d s saved", titles(part)["slow"])
    assert progress_of(whole)["items"]["slow"] == details_of(whole)["slow"]


def test_texts_tell_why(whole, part):
    assert re.search(r"≡ slow \[2 of 2\] \(cached: \d+ ms saved\)", run_states_text(whole))
    told = run_states_text(part)
    assert re.search(r"✓ slow \[3 of 3\] \(2 of 3 items cached: \d+ ms saved\)", told)
    assert "✓ total (runs again: 'slow' gave another result)" in told
    assert "items cached: " in panel_of(part, part.tasks["slow"])["note"]
    assert "cached: " in panel_of(whole, whole.tasks["slow"].items[0])["note"]


def test_the_table_tells_the_sum(whole, part):
    assert re.fullmatch(r"2 of 2 tasks cached, \d+ ms saved", saved_by_cache(whole))
    assert re.fullmatch(r"\d+ ms saved by the cache", saved_by_cache(part))
    assert saved_by_cache(whole) in whole._repr_html_()
    assert "2 of 3 items cached: " in part._repr_html_()
    assert saved_by_cache(run("f", namespace={"f": int})) == ""


def test_a_chart_of_nothing_says_why(whole, part):
    assert chart_of((whole,)).title == f"No task of 2 ran ({saved_by_cache(whole)})"
    assert "No task" not in chart_of((part,)).title


def test_the_explorer_learns_nothing_from_a_cached_run(tmp_path):
    functions = {"slow": slow, "total": sum}
    explorer = explore(TEXT, {"ns": [1, 2]}, namespace=functions, cache=tmp_path, workers=1)
    for state in (State.SUCCEEDED, State.CACHED):
        explorer.start()
        assert explorer.wait().tasks["slow"].state is state
    assert "2 of 2 tasks cached" in repr(explorer)


def test_a_cell_draws_no_chart_of_nothing(kept_kernel, tmp_path):
    kernel = kept_kernel.as_new()
    kernel.run("import time\ndef load(): time.sleep(0.06); return 1\ndef double(load): return 2")
    cell = f"%%flow --cache {tmp_path}\nload -> double"
    assert "Gantt" in str(kernel.run(cell).outputs)
    again = kernel.run(cell)
    assert not again.error
    assert re.fullmatch(r"\(no chart: 2 of 2 tasks cached, \d+ ms saved\)\n", again.printed)
    assert "Gantt" not in str(again.outputs)
