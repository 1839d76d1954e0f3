"""What tasks print: kept apart, and shown."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import textwrap
import threading

import functions as fn
import pytest

from taskinity_nb import Flow, State, Task, run

NAMES = vars(fn)


def say(x):
    print("out", x)
    print("err", x, file=sys.stderr)
    return x


@pytest.fixture
def printed(capsys):
    """Return what has been shown on both streams since the last time."""
    return lambda: tuple(capsys.readouterr())


class TestEveryExecutor:
    def test_is_kept_and_shown(self, executor, printed):
        result = run("one -> say", namespace=NAMES | {"say": say}, executor=executor)
        record = result.tasks["say"]
        assert (record.stdout, record.stderr) == ("out 1\n", "err 1\n")
        assert (result.tasks["one"].stdout, result.tasks["one"].stderr) == ("", "")
        assert printed() == ("out 1\n", "err 1\n")

    def test_without_a_newline(self, executor, printed):
        def dots():
            print("..", end="")
            print(".", end="", flush=True)

        result = run("dots", namespace={"dots": dots}, executor=executor)
        assert result.tasks["dots"].stdout == "..."
        assert printed() == ("...", "")

    def test_of_a_failed_task(self, executor):
        def fail():
            print("before")
            raise ValueError

        result = run("fail", namespace={"fail": fail}, executor=executor, on_error="continue")
        assert result.tasks["fail"].stdout == "before\n"

    def test_of_items(self, executor):
        names = {"scan": lambda: [3, 4], "say": say}
        result = run("scan -> map say", namespace=names, executor=executor)
        assert [item.stdout for item in result.tasks["say"].items] == ["out 3\n", "out 4\n"]
        assert result.tasks["say"].stdout == ""

    def test_only_the_last_attempt(self, executor, tmp_path, printed):
        def flaky(marker):
            import pathlib

            first = not pathlib.Path(marker).exists()
            print("first" if first else "second")
            if first:
                pathlib.Path(marker).touch()
                raise ValueError

        inputs = {"marker": str(tmp_path / "marker")}
        names = {"flaky": Task(flaky, retries=1)}
        result = run("flaky", inputs, namespace=names, executor=executor)
        assert result.tasks["flaky"].stdout == "second\n"
        assert printed()[0] == "first\nsecond\n"

    def test_an_attempt_that_prints_nothing_after_one_that_did(self, executor, tmp_path):
        def flaky(marker):
            import pathlib

            if not pathlib.Path(marker).exists():
                print("first")
                pathlib.Path(marker).touch()
                raise ValueError

        inputs = {"marker": str(tmp_path / "marker")}
        names = {"flaky": Task(flaky, retries=1)}
        result = run("flaky", inputs, namespace=names, executor=executor)
        assert result.tasks["flaky"].stdout == ""

    def test_a_validator_prints_for_its_task(self, executor):
        names = {"one": Task(fn.one, validate_output=lambda result: print("checked", result))}
        assert run("one", namespace=names, executor=executor).tasks["one"].stdout == "checked 1\n"

    def test_a_stream_that_a_task_sends_elsewhere(self, executor, printed):
        def quiet():
            import contextlib
            import io

            with contextlib.redirect_stdout(io.StringIO()) as caught:
                print("hidden")
            print("seen")
            return caught.getvalue()

        result = run("quiet", namespace={"quiet": quiet}, executor=executor)
        assert result["quiet"] == "hidden\n"
        assert result.tasks["quiet"].stdout == "seen\n"
        assert printed()[0] == "seen\n"

    def test_very_much(self, executor):
        def flood():
            print("x" * 1_500_000)

        text = run("flood", namespace={"flood": flood}, executor=executor).tasks["flood"].stdout
        assert 900_000 < len(text) < 1_000_100
        assert text.startswith("… (5")
        assert text.endswith("xxx\n")

    def test_streams_are_left_as_they_were(self, executor):
        before = sys.stdout, sys.stderr
        run("say", {"x": 1}, namespace={"say": say}, executor=executor)
        assert (sys.stdout, sys.stderr) == before

    @pytest.mark.parametrize("within", ["sequential", "threads", "processes", "async"])
    def test_a_flow_inside_a_task(self, executor, printed, within):
        """What its tasks print belongs to the task around them too, and is shown once."""

        def inner():
            from taskinity_nb import run

            def speak():
                print("inner")

            async def speak_async():
                print("inner")

            print("begin")
            names = {"speak": speak_async if within == "async" else speak}
            how = "threads" if within == "async" else within
            result = run("speak", namespace=names, executor=how, workers=1)
            print("end")
            return result.tasks["speak"].stdout

        async def inner_async():
            return inner()

        for function in (inner, inner_async):
            result = run("inner", namespace={"inner": function}, executor=executor)
            assert result["inner"] == "inner\n"
            assert printed() == ("begin\ninner\nend\n", "")
            assert result.tasks["inner"].stdout == "begin\ninner\nend\n"


class TestApart:
    """Two tasks print in turn, each after the other one has."""

    @staticmethod
    def in_turn(number, turns):
        def task():
            for i in range(20):
                assert turns[number].acquire(timeout=30)
                print(f"{number}", end="")
                print(f"-{i}", end=" ")
                turns[1 - number].release()

        return task

    def test_threads(self, printed):
        turns = [threading.Semaphore(1), threading.Semaphore(0)]
        names = {"a": self.in_turn(0, turns), "b": self.in_turn(1, turns)}
        result = run(Flow("f", tasks=names), namespace=names, workers=2)
        assert result.tasks["a"].stdout.split() == [f"0-{i}" for i in range(20)]
        assert result.tasks["b"].stdout.split() == [f"1-{i}" for i in range(20)]
        assert printed()[0].split() == [f"{n}-{i}" for i in range(20) for n in (0, 1)]

    def test_async(self):
        turns = None

        def task(number):
            async def task():
                nonlocal turns
                turns = turns or [asyncio.Semaphore(1), asyncio.Semaphore(0)]
                for i in range(20):
                    await turns[number].acquire()
                    print(f"{number}-{i}", end=" ")
                    turns[1 - number].release()

            return task

        names = {"a": task(0), "b": task(1)}
        result = run(Flow("f", tasks=names), namespace=names)
        assert result.tasks["a"].stdout.split() == [f"0-{i}" for i in range(20)]
        assert result.tasks["b"].stdout.split() == [f"1-{i}" for i in range(20)]

    @pytest.mark.parametrize("executor", ["processes", "fork"])
    def test_processes(self, executor, pools, tmp_path):
        names = {"a": Task(fn.print_in_turn), "b": Task(fn.print_in_turn)}
        inputs = {"a.me": 0, "b.me": 1, "folder": str(tmp_path)}
        result = run(Flow("f", tasks=names), inputs, namespace=names, workers=2,
                     executor=pools.get(executor, executor))  # fmt: skip
        assert result.tasks["a"].stdout.split() == [f"0-{i}" for i in range(5)]
        assert result.tasks["b"].stdout.split() == [f"1-{i}" for i in range(5)]

    def test_many_in_one_envelope(self, printed):
        """Short tasks travel together, but what they print does not."""
        names = {"scan": lambda: range(500), "say": say}
        for _ in range(2):
            result = run("scan -> map say", namespace=names, executor="processes")
            items = result.tasks["say"].items
            assert [item.stdout for item in items] == [f"out {i}\n" for i in range(500)]
            assert sorted(printed()[0].split("\n")[:-1]) == sorted(f"out {i}" for i in range(500))

    def test_a_thread_of_a_tasks_own(self, printed):
        """It is nobody's, but it is shown."""

        def spawn():
            thread = threading.Thread(target=print, args=("from a thread",))
            thread.start()
            thread.join()

        result = run("spawn", namespace={"spawn": spawn})
        assert result.tasks["spawn"].stdout == ""
        assert printed()[0] == "from a thread\n"


class TestLive:
    def test_a_line_is_shown_before_its_task_ends(self, tmp_path, monkeypatch):
        """A process that waits for the caller to see its line goes on."""
        marker = tmp_path / "marker"

        class Screen(io.StringIO):
            def write(self, text):
                if "waiting" in text:
                    marker.touch()
                return super().write(text)

        monkeypatch.setattr(sys, "stdout", Screen())
        result = run("print_and_wait", {"marker": str(marker)}, namespace=NAMES,
                     executor="processes")  # fmt: skip
        assert result.tasks["print_and_wait"].stdout == "waiting\n"
        assert sys.stdout.getvalue() == "waiting\n"

    def test_of_a_task_whose_process_dies(self, printed):
        result = run("print_and_die", namespace=NAMES, executor="processes", on_error="continue")
        assert result.tasks["print_and_die"].stdout == "last words\n"
        assert printed()[0] == "last words\n" * 3

    def test_of_a_task_that_timed_out(self, tmp_path):
        names = {"print_and_wait": Task(fn.print_and_wait, timeout=0.5)}
        result = run("print_and_wait", {"marker": str(tmp_path / "no")}, namespace=names,
                     executor="processes", on_error="continue")  # fmt: skip
        assert result.tasks["print_and_wait"].state is State.TIMED_OUT
        assert result.tasks["print_and_wait"].stdout == "waiting\n"

    def test_of_a_thread_that_timed_out(self):
        gate = threading.Event()

        def hold():
            print("waiting")
            gate.wait(30)

        result = run("hold", namespace={"hold": Task(hold, timeout=0.2)}, on_error="continue")
        gate.set()
        assert result.tasks["hold"].stdout == "waiting\n"


def test_a_script_without_streams():
    """Python without a console has none."""
    script = """
        import sys
        from taskinity_nb import run

        sys.stdout = sys.stderr = None
        names = {"say": lambda: print("x") or 3}
        for executor in ("sequential", "threads", "processes"):
            assert run("say", namespace=names, executor=executor)["say"] == 3
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
