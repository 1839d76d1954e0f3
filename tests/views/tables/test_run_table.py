import re
from html.parser import HTMLParser

import pytest
from runs import make_run

from taskinity_nb import run
from taskinity_nb.formatting import time_text
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.tables.columns import Table
from taskinity_nb.views.tables.run import run_table

CHAIN = Flow("Chain", [("load", "clean"), ("clean", "save")])
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>\x00&amp;'


class Parsed(HTMLParser):
    """What a browser would see: the tags, their attributes and the text of each cell."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.rows, self.text = set(), set(), [], [], ""
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def failed_run():
    return make_run(
        CHAIN,
        [("load", "thread-1", 0, 0.5), ("clean", "thread-2", 0.5, 1.5, ValueError("bad\nsecond"))],
        others={"save": (State.UPSTREAM_FAILED, "clean")},
    )


def test_memory_where_a_task_took_some():
    spans = [("load", "w", 0, 1), ("clean", "w", 1, 2), ("save", "w", 2, 3)]
    recorded = make_run(CHAIN, spans, peaks={"load": 412_000_000, "clean": 999_000})
    lines = run_table(recorded).text().splitlines()[1:]
    assert [line.split()[-1] for line in lines] == ["memory", "MB", "s", "s"]
    assert lines[1].endswith("0.50 s  412 MB")
    assert "memory" not in run_table(make_run(CHAIN, spans, peaks={"clean": 999_000})).head


def test_a_row_for_each_task():
    page = Parsed(failed_run()._repr_html_())
    assert page.rows == [
        ["state", "task", "start", "duration", "worker", "CPU", ""],
        ["✓\xa0succeeded", "load", "0 s", "0.50 s", "thread-1", "0.25 s", ""],
        ["✗\xa0failed", "clean", "0.50 s", "1.00 s", "thread-2", "0.50 s", "ValueError: bad"],
        ["↯\xa0upstream failed", "save", "", "", "", "", "because of clean"],
    ]
    caption = "Chain: threads on 2 workers, failed, 3 tasks, 1.50 s, 1.50 s of work"
    assert page.text.startswith(caption)


def test_what_users_wrote_is_inert():
    error = type(HOSTILE.replace("\x00", ""), (Exception,), {})(HOSTILE)
    run = make_run(
        Flow(HOSTILE, [("load", "clean")]),
        [("load", HOSTILE, 0, 1, error)],
        executor=HOSTILE,
        others={"clean": (State.UPSTREAM_FAILED, "load")},
    )
    run.plan.calls[1].task.name = HOSTILE
    html = run._repr_html_()
    page = Parsed(html)
    known = {"div", "strong", "style", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert page.tags <= known
    assert page.attributes == {"class", "style", "title"}
    assert HOSTILE.split("\x00")[0] in page.text
    assert "\x00" not in html


def test_a_long_or_broken_error_is_cut():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    flow = Flow("Errors", tasks=["a", "b", "c"])
    errors = [ValueError("x" * 1_000_000), Broken(), KeyError()]
    intervals = [
        (task, "w", i, i + 1, e) for i, (task, e) in enumerate(zip("abc", errors, strict=True))
    ]
    shown = make_run(flow, intervals)._repr_html_()
    assert len(shown) < 10_000
    assert "x" * 199 + "…" in shown and "x" * 200 not in shown
    assert "Broken: (its text cannot be shown)" in shown


def test_of_many_tasks_200_are_shown_and_failed_ones_always():
    flow = Flow("Many", tasks=[f"t{i}" for i in range(1000)])
    failing = {"t500", "t999"}
    intervals = [
        (t, "w", i, i + 1, ValueError("no") if t in failing else State.SUCCEEDED)
        for i, t in enumerate(flow.tasks)
    ]
    shown = make_run(flow, intervals)._repr_html_()
    assert "… and 800 more tasks" in shown
    assert shown.count("succeeded") == 198
    assert shown.count("ValueError: no") == 2


def test_more_failed_tasks_than_rows_are_bounded_too():
    flow = Flow("Many", tasks=[f"t{i}" for i in range(300)])
    run = make_run(flow, [(t, "w", 0, 1, ValueError("no")) for t in flow.tasks])
    assert run._repr_html_().count("ValueError") == 200


@pytest.mark.parametrize("state", [State.RUNNING, State.CANCELLED, State.SUCCEEDED])
def test_a_run_in_which_nothing_started(state):
    assert state.value in make_run(CHAIN, state=state)._repr_html_()
    assert "0 tasks" in make_run(Flow("Empty"), state=state)._repr_html_()


def test_attempts_and_labels_are_told():
    run = make_run(CHAIN, [("load", "w", 0, 1, State.RETRYING), ("load", "w", 2, 3)])
    run.plan.calls[0].task.name = "Load the data"
    shown = run._repr_html_()
    assert "succeeded (2 attempts)" in shown
    assert "load (Load the data)" in shown


def test_a_sequential_run_is_not_called_faster():
    run = make_run(CHAIN, [("load", "w", 0, 1)], executor="sequential", workers=1)
    page = Parsed(run._repr_html_())
    assert page.text.startswith("Chain: sequential, succeeded, 3 tasks, 1.00 sstate")


def test_a_mapped_task_tells_of_its_items_and_a_kept_one_why():
    names = {"scan": lambda: range(4), "work": lambda item: 1 / (item - 3)}
    first = run("scan -> map work", namespace=names, executor="sequential", on_error="continue")
    last = Parsed(first._repr_html_()).rows[-1][-1]
    assert last.startswith("3 of 4 items; MapError: task 'work': 1 of 4 items failed")
    names["work"] = lambda item: item
    kept, again = Parsed(first.resume()._repr_html_()).rows[-2:]
    assert kept[0] == "≡\xa0cached"
    assert kept[-1] == "kept: nothing that it depends on has changed"
    assert again[-1] == "4 of 4 items; runs again: its function has changed"


def test_tasks_of_a_flow_in_the_flow_stand_below_a_row_for_it():
    flow = Flow(
        "Boxes",
        [("Prep.load", "Prep.Deep.scan"), ("Prep.Deep.scan", "Prep"), ("Prep.load", "Prep"),
         ("Prep", "train")],
        written=Flow("Boxes", [("Prep", "train")]),
    )  # fmt: skip
    done = make_run(
        flow,
        [("Prep.load", "w", 0, 1), ("Prep.Deep.scan", "w", 1, 3, ValueError("no"))],
        others={"Prep": (State.UPSTREAM_FAILED, "Prep.Deep.scan"), "train": State.CANCELLED},
    )
    rows = [line.split("  ") for line in run_table(done).text().splitlines()[2:]]
    told = [" ".join("_" if not part else part.strip() for part in row) for row in rows]
    assert [re.sub(r"[ _]+", " ", line) for line in told] == [
        "failed Prep 0 s Σ 3.00 s Σ 1.50 s 1 of 3 tasks",
        "succeeded Prep.load 0 s 1.00 s w 0.50 s",
        "failed Prep.Deep 1.00 s Σ 2.00 s Σ 1.00 s 0 of 1 tasks",
        "failed Prep.Deep.scan 1.00 s 2.00 s w 1.00 s ValueError: no",
        "upstream failed Prep (its result) because of Prep.Deep.scan",
        "cancelled train",
    ]
    names = [row[1] for row in Parsed(done._repr_html_()).rows[1:]]
    assert [len(name) - len(name.lstrip("\xa0")) for name in names] == [0, 2, 2, 4, 2, 0]


def test_a_row_for_a_flow_in_the_flow_adds_up_items():
    text = "flow Each:\n  x -> y\nflow All:\n  scan -> map Each -> total"
    names = {"scan": lambda: range(3), "x": abs, "y": abs, "total": sum}
    done = run(text, namespace=names, executor="sequential")
    row = next(row for row in Parsed(done._repr_html_()).rows if row[1] == "Each")
    items = [item for task in ("Each.x", "Each.y") for item in done.tasks[task].items]
    assert row[3] == "Σ " + time_text(sum(item.duration for item in items), done.makespan)
    assert row[-1] == "2 of 2 tasks"


# What is long, and what is much.


def test_a_long_name_is_cut_in_the_middle_and_told_in_whole():
    long = "a_task_with_a_name_that_goes_on_" * 4 + "and_ends"
    run = make_run(Flow("Long", tasks=[long]), [(long, "w" * 300, 0, 1)])
    page = run._repr_html_()
    (row,) = Parsed(page).rows[1:]
    assert len(row[1]) == 40 and row[1].startswith("a_task") and row[1].endswith("and_ends")
    assert f'title="{long}"' in page
    assert max(map(len, row)) == 40
    assert long not in run_table(run).text()
    assert max(map(len, run_table(run).text().splitlines())) < 160


def test_what_stands_in_a_title_cannot_leave_it():
    worker = '"><script>a_' * 20
    page = make_run(CHAIN, [("load", worker, 0, 1)])._repr_html_()
    assert 'title="&quot;&gt;' in page
    assert "<script>" not in page
    assert Parsed(page).tags.isdisjoint({"script"})


def test_an_error_is_not_cut_but_wraps():
    run = make_run(CHAIN, [("load", "w", 0, 1, ValueError("x" * 150))])
    page = run._repr_html_()
    assert "x" * 150 in page
    assert "overflow-wrap: anywhere" in page.partition("<style>")[2]


def test_looks_are_said_once():
    row = ["name", "w", "1 s", "2 s", "3 s", "4 s", ""]
    table = Table("t", "facts", ["", *"abcde", ""], [row] * 100, (2, 3, 5))
    assert len(table.html()) - len(table._replace(rows=[row]).html()) < 100 * 100


def test_a_table_of_100_rows_is_small():
    flow = Flow("Many", tasks=[f"process_batch_{i}" for i in range(100)])
    run = make_run(flow, [(t, f"thread-{i % 8}", i, i + 0.5) for i, t in enumerate(flow.tasks)])
    page = run._repr_html_()
    assert len(page.encode()) < 25_000
    assert page.count("<style>") == 1


def test_tables_of_other_columns_do_not_take_each_others_looks():
    one = Table("a", "", ["", "b"], [["1", "2"]])
    other = Table("a", "", ["", "b", "c"], [["1", "2", "3"]], (2,))
    kinds = [re.search('class="(.*?)"', table.html()).group(1) for table in (one, other)]
    assert kinds[0] != kinds[1]
    assert kinds[0] in one.html().partition("<style>")[2]
    assert f"{kinds[0]} " not in other.html()
