"""What a run holds on to, and what tasks find where they run."""

from __future__ import annotations

import contextvars
import gc
import glob
import os
import subprocess
import sys
import textwrap
import threading
import traceback
import warnings
import weakref
from pathlib import Path

import functions as fn
import pytest

from taskinity_nb import FlowError, MapError, NoResultError, Task, TaskError, run, skip, start
from taskinity_nb.engine.transport import workspace

NAMES = vars(fn)
HERE = ["sequential", "threads", "thread pool"]


class Box:
    """Something that can be referred to weakly."""

    def __init__(self, value=None):
        self.value = value


class Watch:
    """Makes boxes, and tells which of them are still there."""

    def __init__(self):
        self.made = {}

    def box(self, name):
        box = Box(name)
        self.made[name] = weakref.ref(box)
        return box

    def alive(self):
        gc.collect()
        return {name for name, box in self.made.items() if box() is not None}


@pytest.fixture(params=HERE)
def here(request, pools):
    """Each executor in this process."""
    return pools.get(request.param, request.param)


class TestKeepLast:
    def test_lets_go_of_what_nobody_takes_any_more(self, here):
        watch, seen = Watch(), []
        names = {
            "a": lambda: watch.box("a"),
            "b": lambda a: watch.box("b"),
            "c": lambda b: seen.append(watch.alive()) or watch.box("c"),
            "d": lambda c: seen.append(watch.alive()) or watch.box("d"),
        }
        result = run("a -> b -> c -> d", namespace=names, executor=here, keep="last", workers=1)
        assert seen == [{"b"}, {"c"}]
        assert watch.alive() == {"d"}
        assert list(result) == ["d"]
        assert result.result.value == "d"

    def test_only_after_the_last_taker(self, here):
        watch, seen = Watch(), []
        names = {
            "a": lambda: watch.box("a"),
            "b": lambda a: 1,
            "c": lambda a, b: seen.append(watch.alive()),
            "d": lambda c: seen.append(watch.alive()),
        }
        text = "a -> b\n[a, b] -> c -> d"
        run(text, namespace=names, executor=here, keep="last", workers=1)
        assert seen == [{"a"}, set()]

    def test_of_several_last_tasks_all_are_kept(self, here):
        names = NAMES | {"end": fn.double}
        result = run("one -> [double, end]\none -.-> collect", namespace=names, executor=here,
                     keep="last")  # fmt: skip
        assert result.result == {"double": 2, "end": 2, "collect": ()}
        assert list(result) == ["double", "end", "collect"]

    def test_who_only_waits_takes_nothing(self, here):
        """What nobody takes is a result that only the user can want."""
        result = run("one -.-> pid", namespace=NAMES, executor=here, keep="last")
        assert sorted(result) == ["one", "pid"]

    def test_a_result_that_was_let_go_of(self):
        result = run("one -> double", namespace=NAMES, keep="last")
        assert "one" not in result
        assert not result.tasks["one"].has_result
        with pytest.raises(NoResultError, match="was released when its last consumer was done"):
            result["one"]
        assert str(result.tasks["one"].state) == "succeeded"

    def test_items(self, here):
        watch, seen = Watch(), []
        names = {
            "scan": lambda: [watch.box(f"i{i}") for i in range(3)],
            "work": lambda box: watch.box(box.value.replace("i", "o")),
            "collect": lambda work: len(work),
            "after": lambda collect: seen.append(watch.alive()),
        }
        result = run("scan -> map work -> collect -> after", namespace=names, executor=here,
                     keep="last")  # fmt: skip
        assert seen == [set()]
        assert not any(item.has_result for item in result.tasks["work"].items)

    def test_a_stream(self, here):
        watch = Watch()
        names = {
            "scan": lambda: range(3),
            "a": lambda i: watch.box(f"a{i}"),
            "b": lambda box: watch.box(box.value.replace("a", "b")),
        }
        result = run("scan -> map a -> map b", namespace=names, executor=here, keep="last")
        assert watch.alive() == {"b0", "b1", "b2"}
        assert [box.value for box in result["b"]] == ["b0", "b1", "b2"]

    @pytest.mark.parametrize("workers", [1, 2, 3])
    def test_of_a_stream_about_as_many_items_are_there_as_workers(self, workers):
        watch, seen, runs, is_there = Watch(), [], [], threading.Event()

        def a(i):
            is_there.wait(30)
            while runs[0].tasks["c"].items is None:  # somebody else is about to learn their number
                threading.Event().wait(0.001)
            return watch.box(f"a{i}")

        def b(box):
            seen.append(sum(ref() is not None for ref in list(watch.made.values())))
            return watch.box(box.value.replace("a", "b"))

        names = {"scan": lambda: range(40), "a": a, "b": b, "c": lambda box: box.value}
        runs.append(start("scan -> map a -> map b -> map c", namespace=names, keep="last",
                          workers=workers))  # fmt: skip
        is_there.set()
        result = runs[0].wait(60)
        runs.clear()
        assert len(seen) == 40 and max(seen) <= 2 * workers
        assert result["c"] == [f"b{i}" for i in range(40)]
        assert list(result) == ["c"]
        assert watch.alive() == set()

    def test_processes_let_go_of_the_files_of_items(self):
        """Short tasks travel several at a time, but not those that make something large."""
        pattern = f"/dev/shm/.taskinity-nb-*-{os.getpid()}-*/run-*/*"
        before = len(glob.glob(pattern))
        names = {
            "scan": lambda: range(48),
            "a": lambda i: bytes(1_500_000),
            "b": lambda data: len(glob.glob(pattern)) - before,
        }
        result = run("scan -> map a -> map b", namespace=names, executor="processes", workers=2,
                     keep="last")  # fmt: skip
        assert max(result["b"]) < 8

    def test_an_item_goes_when_all_that_take_it_are_done(self):
        watch, seen = Watch(), []
        names = {
            "scan": lambda: range(3),
            "a": lambda i: watch.box(f"a{i}"),
            "b": lambda box: box.value,
            "c": lambda box: seen.append(watch.alive()) or box.value,
        }
        run("scan -> map a -> [map b, map c]", namespace=names, executor="sequential", keep="last")
        assert all(f"a{i}" in alive for i, alive in enumerate(seen))
        assert max(map(len, seen)) == 1

    @pytest.mark.parametrize(
        "text",
        ["scan -> map a -> map b\na -> whole", "scan -> map a -> map b\na? -> whole",
         "scan -> map a -> map b\n[scan, a] -> product whole"],
    )  # fmt: skip
    def test_a_list_that_somebody_takes_as_a_whole_stays_till_then(self, here, text):
        names = {
            "scan": lambda: [1, 2, 3], "a": lambda i: Box(i), "b": lambda box: box.value,
            "whole": lambda *args: True,
        }  # fmt: skip
        names["whole"] = (lambda scan, a: True) if "product" in text else len
        result = run(text, namespace=names, executor=here, keep="last")
        assert result["b"] == [1, 2, 3] and result["whole"] in (3, [True] * 9)

    def test_a_target_keeps_its_items(self, here):
        names = {"scan": lambda: [1, 2], "a": Box, "b": lambda box: box.value}
        result = run("scan -> map a -> map b", namespace=names, executor=here, keep="last",
                     targets=["a", "b"])  # fmt: skip
        assert [box.value for box in result["a"]] == [1, 2]

    @pytest.mark.parametrize("keep", ["all", "last"])
    def test_a_stream_that_failed_goes_on_where_it_was(self, here, keep, tmp_path):
        """What is done is not done again, though most of what led to it was let go of."""
        called, good = str(tmp_path / "called"), str(tmp_path / "good")

        def call(text):
            with open(called, "a") as file:
                print(text, file=file)

        def b(box):
            call(f"b{box.value}")
            if box.value in (3, 5) and not os.path.exists(good):
                raise ValueError
            return Box(box.value)

        names = {
            "scan": lambda: call("scan") or range(8),
            "a": lambda i: call(f"a{i}") or Box(i),
            "b": b,
            "c": lambda box: call(f"c{box.value}") or box.value,
        }
        text = "scan -> map a -> map b -> map c"
        first = run(text, namespace=names, executor=here, keep="last", on_error="continue")
        assert sum(item.has_result for item in first.tasks["a"].items) == 2
        Path(called).unlink()
        Path(good).touch()
        second = first.resume(keep=keep)
        assert sorted(Path(called).read_text().split()) == ["b3", "b5", "c3", "c5"]
        assert second["c"] == list(range(8))
        with pytest.raises(NoResultError, match="released"):
            second["a"]

    def test_what_was_let_go_of_is_made_again_if_it_is_needed(self, here, tmp_path):
        called = str(tmp_path / "called")

        def a(i):
            with open(called, "a") as file:
                print(i, file=file)
            return Box(i)

        names = {"scan": lambda: range(3), "a": a, "b": lambda box: 1 / (box.value - 1)}
        first = run("scan -> map a -> map b", namespace=names, executor=here, keep="last",
                    on_error="continue")  # fmt: skip
        Path(called).unlink()
        second = first.resume(namespace=names | {"b": lambda box: box.value})
        assert sorted(Path(called).read_text().split()) == ["0", "2"]  # that of 1 is there
        assert second["b"] == [0, 1, 2]

    @pytest.mark.parametrize("bad", [lambda a: 1 / 0, lambda a: skip("no")])
    def test_what_a_task_has_failed_on_is_kept(self, here, bad):
        """So that the run can be resumed."""
        names = {"a": lambda: 1, "bad": bad, "after": lambda bad, a: a}
        result = run("a -> bad\n[bad, a] -> after", namespace=names, executor=here,
                     keep="last", on_error="continue")  # fmt: skip
        assert dict(result) == {"a": 1}

    def test_async_tasks(self):
        watch, seen = Watch(), []

        async def a():
            return watch.box("a")

        async def b(a):
            return watch.box("b")

        async def c(b):
            seen.append(watch.alive())

        run("a -> b -> c", namespace={"a": a, "b": b, "c": c}, keep="last")
        assert seen == [{"b"}]

    def test_processes_let_go_of_files(self):
        """What is large lies in memory too, though not in this process."""
        names = {
            "a": lambda: bytes(2_000_000),
            "b": lambda a: bytes(2_000_000),
            "c": lambda b: bytes(2_000_000),
            "last": lambda c: bytes(2_000_000),
        }
        before = files()
        result = run("a -> b -> c -> last", namespace=names, executor="processes", keep="last")
        assert len(files() - before) == 1
        assert len(result["last"]) == 2_000_000

    def test_unknown(self):
        with pytest.raises(FlowError, match="keep is 'all' or 'last', not 'lst'"):
            run("one", namespace=NAMES, keep="lst")


def files():
    """Return the files of large values that this process has."""
    roots = [Path(root.path) for root in workspace._roots.values()]
    return {path for root in roots for path in root.glob("run-*/*")}


class TestRelease:
    def test_of_a_run(self, here):
        watch = Watch()
        names = {
            "scan": lambda: [watch.box("i0"), watch.box("i1")],
            "work": lambda box: watch.box(box.value.replace("i", "o")),
            "whole": lambda work: watch.box("whole"),
        }
        result = run("scan -> map work -> whole", namespace=names, executor=here)
        assert watch.alive() == {"i0", "i1", "o0", "o1", "whole"}
        result.release()
        assert watch.alive() == set()
        assert dict(result) == {}
        assert result.tasks["whole"].duration >= 0

    def test_of_a_resumed_run(self):
        watch = Watch()
        names = {"a": lambda: watch.box("a"), "b": lambda a: 1}
        before = run("a -> b", namespace=names)
        after = before.resume(namespace=names | {"b": lambda a: 2})
        before.release()
        assert after["b"] == 2
        assert watch.alive() == {"a"}
        after.release()
        assert watch.alive() == set()

    def test_a_run_that_nobody_holds(self, here):
        watch = Watch()
        result = run("a", namespace={"a": lambda: watch.box("a")}, executor=here)
        assert watch.alive() == {"a"}
        del result
        assert watch.alive() == set()

    def test_the_arguments_of_a_failed_task_are_let_go_of_with_the_run(self, here):
        watch = Watch()
        names = {"a": lambda: watch.box("a"), "b": lambda a: 1 / 0}
        with pytest.raises(TaskError) as caught:
            run("a -> b", namespace=names, executor=here)
        assert watch.alive() == {"a"}
        del caught
        assert watch.alive() == set()

    def test_after_a_failure_while_its_error_is_kept(self, here):
        """As a notebook keeps it: the lines stay, what was in the frames goes."""
        watch = Watch()

        def b(a):
            local = watch.box("local")
            try:
                inner(local)
            except KeyError as error:
                raise ValueError("outer") from error

        def inner(box):
            raise KeyError("inner")

        names = {"a": lambda: watch.box("a"), "b": b, "c": Task(b, retries=2, retry_delay=0.001)}
        with pytest.raises(TaskError) as caught:
            run("a -> [b, c]", namespace=names, executor=here)
        sys.last_exc = caught.value
        result = caught.value.run
        assert watch.alive() == {"a", "local"}
        result.release()
        assert watch.alive() == set()
        assert "in inner" in "".join(traceback.format_exception(caught.value))
        del sys.last_exc

    def test_after_items_have_failed(self, here):
        watch = Watch()

        def work(box):
            local = watch.box("local")
            raise ValueError(local.value)

        names = {"scan": lambda: [watch.box("i0"), watch.box("i1")], "work": work}
        with pytest.raises(MapError) as caught:
            run("scan -> map work", namespace=names, executor=here)
        error = caught.value
        text = str(error)
        assert watch.alive() == {"i0", "i1", "local"}
        error.run.release()
        assert watch.alive() == set()
        assert str(error) == text
        assert [(place, repr(why)) for place, _, why in error.items] == [
            (0, "ValueError('local')"), (1, "ValueError('local')"),
        ]  # fmt: skip

    def test_a_run_that_goes_on(self):
        gate = threading.Event()
        going = start("wait", namespace={"wait": lambda: gate.wait(30)})
        with pytest.raises(FlowError, match="the run is not done"):
            going.release()
        gate.set()
        going.wait(30).release()


class TestSurroundings:
    def test_context_variables_reach_threads(self, here):
        variable = contextvars.ContextVar("variable", default="unset")
        variable.set("by the caller")
        names = {"scan": lambda: [1, 2], "read": lambda _: variable.get()}
        result = run("scan -> map read", namespace=names, executor=here)
        assert result["read"] == ["by the caller"] * 2

    def test_a_context_of_each_run(self, here):
        variable = contextvars.ContextVar("variable", default="unset")
        for value in ("one", "two"):
            token = variable.set(value)
            assert (
                run("read", namespace={"read": lambda: variable.get()}, executor=here)["read"]
                == value
            )
            variable.reset(token)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_the_working_directory_reaches_processes(self, tmp_path, monkeypatch, workers):
        """Also that of a later run, in a process that is warm."""
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            monkeypatch.chdir(folder)
            names = {"where": os.getcwd}
            result = run("where", namespace=names, executor="processes", workers=workers)
            assert Path(result["where"]) == folder

    def test_a_directory_that_is_gone(self, tmp_path, monkeypatch):
        folder = tmp_path / "gone"
        folder.mkdir()
        monkeypatch.chdir(folder)
        folder.rmdir()
        assert run("one", namespace=NAMES, executor="processes")["one"] == 1

    def test_a_module_beside_the_notebook(self, tmp_path, monkeypatch):
        (tmp_path / "beside.py").write_text("def answer():\n    return 42\n")
        monkeypatch.syspath_prepend(tmp_path)
        import beside

        assert run("answer", namespace=vars(beside), executor="processes")["answer"] == 42

    @pytest.mark.parametrize(("action", "state"), [("ignore", "succeeded"), ("error", "failed")])
    def test_warnings_filters_reach_processes(self, action, state):
        def warn():
            import warnings

            warnings.warn("old", DeprecationWarning, stacklevel=1)

        with warnings.catch_warnings():
            warnings.simplefilter(action, DeprecationWarning)
            result = run("warn", namespace={"warn": warn}, executor="processes",
                         on_error="continue")  # fmt: skip
        assert str(result.tasks["warn"].state) == state

    def test_a_filter_with_a_message(self):
        def warn(text):
            import warnings

            warnings.warn(text, UserWarning, stacklevel=1)

        with warnings.catch_warnings():
            warnings.resetwarnings()
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message="harmless")
            names = {"warn": warn}
            run("warn", {"text": "harmless indeed"}, namespace=names, executor="processes")
            with pytest.raises(TaskError, match="UserWarning: bad"):
                run("warn", {"text": "bad"}, namespace=names, executor="processes")

    def test_a_warning_is_shown(self, tmp_path):
        """What a worker warns of appears on the caller's standard error stream."""
        script = tmp_path / "script.py"
        script.write_text(
            textwrap.dedent(
                """
                import warnings
                from taskinity_nb import run

                def warn():
                    warnings.warn("look here", UserWarning)

                if __name__ == "__main__":
                    result = run("warn", executor="processes")
                    assert "UserWarning: look here" in result.tasks["warn"].stderr
                """
            )
        )
        ended = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, timeout=60
        )
        assert "UserWarning: look here" in ended.stderr
        assert ended.returncode == 0


def test_what_was_released_is_told_by_who_did_it():
    def fails(load):
        raise ValueError("no")

    names = {"load": lambda: 1, "keep": lambda load: load, "fails": fails}
    done = run("load -> [keep, fails]", namespace=names, on_error="continue")
    done.release()
    for task in ("load", "keep"):
        with pytest.raises(NoResultError, match=r"by run.release\(\)") as caught:
            done[task]
        assert "keep=" not in str(caught.value)
    with pytest.raises(NoResultError, match="'fails' has no result: it is failed"):
        done["fails"]
    done = run("load -> keep", namespace=names, keep="last")
    with pytest.raises(NoResultError, match=r"keep=.all."):
        done["load"]
