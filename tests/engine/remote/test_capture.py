"""What tasks print: kept apart, and shown."""

from __future__ import annotations

import asyncio
import contextlib
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import functions as fn
import pytest

from taskinity_nb import Flow, State, Task, TaskError, run, start
from taskinity_nb.engine.backends.cluster.code_shipping import remote_function, shipped_code
from taskinity_nb.engine.remote import cluster_task
from taskinity_nb.engine.remote.call import CallResult
from taskinity_nb.engine.remote.process import capture

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

    def test_many_in_one_batch(self, printed):
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

    def test_less_than_a_line(self, tmp_path, monkeypatch):
        """Dots that tell of progress are shown as they come, and so is one long text."""
        marker = tmp_path / "marker"

        class Screen(io.StringIO):
            def write(self, text):
                if self.tell() + len(text) >= 3:
                    marker.touch()
                return super().write(text)

        def dots(marker):
            sys.stdout.write(".")
            sys.stdout.write("..")
            fn.wait_for_file(marker)

        monkeypatch.setattr(sys, "stdout", Screen())
        result = run("dots", {"marker": str(marker)}, namespace={"dots": dots},
                     executor="processes")  # fmt: skip
        assert result.tasks["dots"].stdout == sys.stdout.getvalue() == "..."

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


class Tee:
    """What writes to a stream and remembers it."""

    def __init__(self, stream):
        self.stream, self.seen = stream, []

    def write(self, text):
        self.seen.append(text)
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


class Late(Tee):
    """What writes only when it is flushed."""

    def write(self, text):
        self.seen.append(text)

    def flush(self):
        texts, self.seen = self.seen, []
        for text in texts:
            self.stream.write(text)
        self.stream.flush()


class Never(ThreadPoolExecutor):
    """A pool that takes work and never does it."""

    def submit(self, *args, **kwargs):
        return Future()


def eventually(holds):
    """Wait until something holds that another thread brings about."""
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.001)
    return holds()


@pytest.fixture
def new_screens(monkeypatch):
    """Return what puts streams in place that nobody else knows, and returns them."""

    def new():  # pytest puts its own in place when the test itself begins
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        return sys.stdout, sys.stderr

    return new


def are_given_back(screens):
    return (sys.stdout, sys.stderr) == screens


class TestGivenBack:
    """Whatever becomes of a run, the streams are nobody's but the user's afterwards."""

    def test_a_failure_that_ends_several_maps(self, new_screens):
        """The run is found to be over more than once, while the failure is written down."""
        screens = new_screens()
        names = {"scan": lambda: range(9), "work": lambda x: 1 / (x - 1), "use": lambda x: x}
        for _ in range(20):
            with pytest.raises(TaskError):
                run("scan -> map work -> map use", namespace=names, on_error="stop", workers=4)
            assert are_given_back(screens)
        assert run("say", {"x": 1}, namespace={"say": say}).tasks["say"].stdout == "out 1\n"
        assert are_given_back(screens)

    def test_a_run_that_nobody_works_for(self, new_screens):
        screens = new_screens()
        going = start("one", namespace=NAMES, executor=Never(1))
        assert are_given_back(screens)
        assert not going.done
        going.cancel()
        assert are_given_back(screens)

    def test_a_run_whose_workers_wait_for_ever(self, new_screens):
        screens = new_screens()
        names = {"say": say, "use": Task(fn.double, executor=Never(1))}
        flow = Flow("waits", [("say", "use")])
        going = start(flow, {"x": 1}, namespace=names)
        assert eventually(
            lambda: going.tasks["say"].state is State.SUCCEEDED and are_given_back(screens)
        )
        assert not going.done
        assert going.tasks["say"].stdout == "out 1\n"
        going.cancel()

    def test_coroutines_that_wait_for_somebody_else(self, new_screens):
        screens = new_screens()

        async def speak():
            print("spoken")

        names = {"speak": speak, "use": Task(fn.double, executor=Never(1))}
        going = start("speak -> use", namespace=names)
        assert eventually(
            lambda: going.tasks["speak"].state is State.SUCCEEDED and are_given_back(screens)
        )
        assert going.tasks["speak"].stdout == "spoken\n"
        going.cancel()

    def test_processes_need_nothing_of_the_streams(self, new_screens, tmp_path):
        screens = new_screens()
        marker = tmp_path / "marker"
        going = start("print_and_wait", {"marker": str(marker)}, namespace=NAMES,
                      executor="processes")  # fmt: skip
        assert eventually(lambda: screens[0].getvalue() == "waiting\n")
        assert are_given_back(screens)
        marker.touch()
        assert going.wait().tasks["print_and_wait"].stdout == "waiting\n"

    def test_somebody_who_prints_all_the_time(self, new_screens):
        """A `print` that goes on has no hold of what we put there and take away again."""
        screens, stop, printed = new_screens(), threading.Event(), []

        def talk():
            while not stop.is_set():
                print("a", "b", "c", "d")
                printed.append("a b c d\n")

        talking = threading.Thread(target=talk)
        talking.start()
        for _ in range(50):
            run("one -> double", namespace=NAMES, workers=2)
        stop.set()
        talking.join()
        assert are_given_back(screens)
        assert screens[0].getvalue() == "".join(printed)

    @pytest.mark.parametrize("how", ["timeout", "cancel"])
    def test_a_task_that_is_abandoned_and_puts_back_what_it_found(self, new_screens, how):
        screens = new_screens()
        redirected, gate, caught = threading.Event(), threading.Event(), []

        def hold():
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                redirected.set()
                print("hidden")
                gate.wait(30)
            print("late")
            caught.append(stream.getvalue())

        names = {"hold": Task(hold, timeout=0.2 if how == "timeout" else None)}
        going = start("hold", namespace=names, on_error="continue")
        assert redirected.wait(30)
        going.cancel() if how == "cancel" else going.wait()
        assert sys.stdout not in screens  # it is the task's
        gate.set()
        assert eventually(lambda: are_given_back(screens) and caught == ["hidden\n"])
        assert screens[0].getvalue() == "late\n"

    def test_somebody_who_puts_back_what_was_there_when_the_run_was_on(self, new_screens):
        screens = new_screens()
        begun, gate = threading.Event(), threading.Event()
        names = {"hold": lambda: begun.set() or gate.wait(30)}
        going = start("hold", namespace=names)
        assert begun.wait(30)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            gate.set()
            going.wait()
            print("hidden")
        print("seen")
        print("seen too", file=sys.stderr)
        assert are_given_back(screens)
        assert [screen.getvalue() for screen in screens] == ["seen\n", "seen too\n"]

    def test_a_copy_of_this_package_listens_too(self, new_screens):
        """As on a Dask cluster in the same process, whose tasks may be abandoned."""
        screens = new_screens()
        remote_function("perform")  # installs it
        copy = sys.modules[f"{shipped_code().root}.engine.remote.process.capture"]
        assert copy is not capture
        for first, second in ((capture, copy), (copy, capture)):
            proxies = first.StreamProxies(), second.StreamProxies()
            for each in proxies:
                each.open()
            for each in proxies:
                each.close()
            assert are_given_back(screens)

    def test_a_task_that_a_cluster_leaves_behind(self, new_screens, monkeypatch):
        screens = new_screens()
        begun, gate, ended = threading.Event(), threading.Event(), threading.Event()

        def hold():
            print("waiting")
            begun.set()
            gate.wait(30)
            ended.set()

        class Sender(list):
            add = list.append

            def worker(self):
                return "worker"

        monkeypatch.setattr(fn, "held", hold, raising=False)
        function = pickle.dumps((fn.call_held, ()))
        spec = cluster_task.TaskSpec("run", 0, 0, function, 0, (), None, 0.2)
        sender = Sender()
        cluster_task.perform(sender, None, tuple(spec))
        assert begun.is_set()
        assert are_given_back(screens)
        call = CallResult(*sender[-1][5])
        assert (call.kind, call.output) == ("late", ("waiting\n", ""))
        gate.set()
        assert ended.wait(30)

    def test_a_pool_that_was_forked_while_a_run_was_on(self, pools):
        run("one", namespace=NAMES, executor=pools["fork"])
        assert pools["fork"].submit(fn.stream).result() == type(sys.stdout).__name__


class TestWrapped:
    """A task puts a stream of its own in the place of one, and leaves it there."""

    @pytest.mark.parametrize("executor", ["sequential", "threads", "thread pool"])
    @pytest.mark.parametrize("kind", [Tee, Late])
    def test_what_is_printed_later_is_kept_once(self, executor, pools, new_screens, kind):
        screens = new_screens()

        def wrap():
            sys.stdout = kind(sys.stdout)

        def hello():
            print("hello", end="")
            print("", flush=True)

        executor = pools.get(executor, executor)
        for _ in range(3):
            run("wrap", namespace={"wrap": wrap}, executor=executor)
            wrapped = sys.stdout
            assert type(wrapped) is kind
            result = run("hello", namespace={"hello": hello}, executor=executor)
            assert result.tasks["hello"].stdout == "hello\n"
            assert sys.stdout is wrapped
        assert screens[0].getvalue() == "hello\n" * 3

    def test_a_wrapper_that_pretends_to_be_what_it_wraps(self, new_screens):
        screens = new_screens()

        class Proxy(Tee):
            __class__ = property(lambda self: type(self.stream))

        def wrap():
            sys.stdout = Proxy(sys.stdout)

        names = {"wrap": wrap, "say": say}
        run("wrap", namespace=names)
        proxy = sys.stdout
        assert run("say", {"x": 1}, namespace=names).tasks["say"].stdout == "out 1\n"
        assert sys.stdout is proxy
        assert screens[0].getvalue() == "out 1\n"

    def test_in_several_threads_at_once(self, new_screens):
        """Each takes what the other has put there for the stream itself, and puts that back."""
        screens = new_screens()
        barrier = threading.Barrier(4)

        def redirect():
            barrier.wait(30)
            with contextlib.redirect_stdout(io.StringIO()):
                barrier.wait(30)
            barrier.wait(30)

        for _ in range(10):
            names = {f"t{i}": redirect for i in range(4)}
            run(Flow("f", tasks=names), namespace=names, workers=4)
            sys.stdout = sys.stdout if are_given_back(screens) else Tee(screens[0])
            result = run("say", {"x": 1}, namespace={"say": say})
            assert result.tasks["say"].stdout == "out 1\n"
            sys.stdout = screens[0]

    @pytest.mark.parametrize("how", ["none", "close", "wrap", "delete", "replace", "redirect"])
    @pytest.mark.parametrize(
        "executor", ["processes", "fork", pytest.param("spawn", marks=pytest.mark.slow)]
    )
    def test_in_a_process_it_lasts_as_long_as_the_task(self, executor, how, printed):
        """The next task on the same worker may be of another run."""
        names = {"spoil": fn.spoil_streams, "say": fn.say_aloud}
        with contextlib.ExitStack() as stack:
            if executor != "processes":
                context = multiprocessing.get_context(executor)
                executor = stack.enter_context(ProcessPoolExecutor(1, mp_context=context))
            for _ in range(2):
                spoilt = run("spoil", {"how": how}, namespace=names, executor=executor, workers=1)
                result = run("say", namespace=names, executor=executor, workers=1)
                assert result["say"][0] == spoilt["spoil"]
                record = result.tasks["say"]
                assert (record.stdout, record.stderr) == ("aloud\n", "aloud too\n")
                assert result["say"][1:] == (False, False)
        assert printed() == ("aloud\n" * 2, "aloud too\n" * 2)

    def test_tasks_that_travel_together(self):
        names = {"spoil": fn.spoil_streams, "say": fn.say_aloud, "scan": lambda: ["none"] * 20}
        for _ in range(2):  # they do once it is known how short they are
            result = run("scan -> map spoil -> say", namespace=names | {"say": fn.say_all},
                         executor="processes", workers=1)  # fmt: skip
            assert result.tasks["say"].stdout == "all 20\n"

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_a_text_of_a_class_of_ones_own(self, executor, printed):
        def shout():
            class Text(str):
                def __len__(self):
                    raise ValueError

            sys.stdout.write(Text("loud"))

        result = run("shout", namespace={"shout": shout}, executor=executor)
        assert result.tasks["shout"].stdout == "loud"
        assert type(result.tasks["shout"].stdout) is str
        assert printed()[0] == "loud"

    def test_what_is_no_text_is_refused_as_ever(self):
        with pytest.raises(TaskError, match="must be str, not int"):
            run("wrong", namespace={"wrong": lambda: sys.stdout.write(3)})

    def test_many_threads_inside_a_process(self, printed):
        """What they print is sent to the parent through one pipe."""
        result = run("crowd", namespace=NAMES, executor="processes")
        lines = sorted(result.tasks["crowd"].stdout.split())
        broken = [line[:9] for line in lines if len(set(line)) != 1 or len(line) != 20_000]
        assert not broken
        assert [line[0] for line in lines] == sorted("01234567" * 5)
        is_shown = sorted(printed()[0].split()) == lines
        assert is_shown


class Stranger(io.StringIO):
    """A stream of the user's own, that raises what one likes."""

    def __init__(self, error):
        super().__init__()
        self.error, self.tried = error, 0

    def write(self, text):
        self.tried += 1
        raise self.error("of the stream")


class Odd(BaseException):
    def __str__(self):
        raise ValueError


class Narrow(io.StringIO):
    """It takes ASCII alone, and does not tell."""

    def write(self, text):
        text.encode("ascii")
        return super().write(text)


ELSEWHERE = (
    "processes", "fork", pytest.param("forkserver", marks=pytest.mark.slow),
    pytest.param("spawn", marks=pytest.mark.slow),
)  # fmt: skip


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request, pools):
    """Each executor whose tasks print in another process."""
    return pools.get(request.param, request.param)


class TestShowing:
    """What is printed elsewhere is kept, whatever becomes of showing it here."""

    def arrows(self, executor):
        result = run("scan -> map arrow", namespace=NAMES | {"scan": lambda: range(3)},
                     executor=executor)  # fmt: skip
        assert [item.stdout for item in result.tasks["arrow"].items] == ["→ é \udc80\n"] * 3
        return result

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_what_the_stream_cannot_encode(self, elsewhere, monkeypatch, encoding):
        below = io.BytesIO()
        stream = io.TextIOWrapper(below, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        self.arrows(elsewhere)
        stream.flush()
        shown = {"ascii": b"\\u2192 \\xe9 ", "latin-1": b"\\u2192 \xe9 ", "utf-8": "→ é ".encode()}
        assert below.getvalue() == (shown[encoding] + b"\\udc80\n") * 3

    def test_an_error_handler_of_the_streams_own(self, monkeypatch):
        below = io.BytesIO()
        stream = io.TextIOWrapper(below, encoding="utf-8", errors="surrogateescape")
        monkeypatch.setattr(sys, "stdout", stream)
        self.arrows("processes")
        stream.flush()
        assert below.getvalue() == ("→ é ".encode() + b"\x80\n") * 3

    def test_a_stream_that_does_not_tell_what_it_can_encode(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", Narrow())
        self.arrows("processes")
        assert sys.stdout.getvalue() == "\\u2192 \\xe9 \\udc80\n" * 3

    def test_in_this_process_it_is_the_tasks_own_failure(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        result = run("[one, arrow]", {"arrow.x": 0}, namespace=NAMES, on_error="continue")
        assert isinstance(result.errors["arrow"], UnicodeEncodeError)
        assert result.tasks["arrow"].stdout.startswith("→")
        assert result["one"] == 1

    @pytest.mark.parametrize(
        "error",
        [OSError, BrokenPipeError, ValueError, SystemExit, Odd, KeyboardInterrupt, GeneratorExit,
         MemoryError],
    )  # fmt: skip
    @pytest.mark.parametrize("name", ["stdout", "stderr"])
    def test_a_stream_that_raises(self, monkeypatch, elsewhere, name, error, recwarn):
        stream = Stranger(error)
        monkeypatch.setattr(sys, name, stream)
        names = {"scan": lambda: range(3), "say": fn.say_item}
        result = run("scan -> map say", namespace=names, executor=elsewhere)
        assert result["say"] == [0, 1, 2]
        for n, item in enumerate(result.tasks["say"].items):
            assert (item.stdout, item.stderr) == (f"out {n}\n", f"err {n}\n")
        assert stream.tried <= 2  # both workers may find it at once
        (warned,) = recwarn
        assert warned.category is RuntimeWarning
        assert str(warned.message).startswith(f"{name} raised {error.__name__}")
        assert sys.stdout is stream or sys.stderr is stream

    @pytest.mark.parametrize("how", ["closed", "broken"])
    def test_a_file_that_takes_no_more(self, monkeypatch, elsewhere, how):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb", buffering=0) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", write_through=True)
            if how == "closed":
                text.close()
            monkeypatch.setattr(sys, "stdout", text)
            with pytest.warns(RuntimeWarning, match="stdout raised (ValueError|BrokenPipeError)"):
                self.arrows(elsewhere)
            with contextlib.suppress(OSError):
                text.close()

    def test_where_the_report_cannot_be_shown_either(self, monkeypatch):
        """Who wants errors for warnings gets a traceback, and here that cannot be written."""
        monkeypatch.setattr(sys, "stdout", Stranger(OSError))
        monkeypatch.setattr(sys, "stderr", Stranger(Odd))
        monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
        for action in ("error", "always"):
            with warnings.catch_warnings():
                warnings.simplefilter(action)
                monkeypatch.setattr(warnings, "showwarning", lambda *args: 1 / 0)
                self.arrows("processes")

    def test_the_task_around_them_has_it_all(self, monkeypatch):
        def outer():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return run("arrow", {"x": 0}, namespace=NAMES, executor="processes")["arrow"]

        monkeypatch.setattr(sys, "stdout", Stranger(OSError))
        result = run("outer", namespace={"outer": outer})
        assert result.tasks["outer"].stdout == "→ é \udc80\n"

    def test_a_script_with_a_narrow_terminal(self, tmp_path):
        script = """
            from taskinity_nb import run

            def arrow(): print("→")

            if __name__ == "__main__":
                assert run("arrow", executor="processes").tasks["arrow"].stdout == "→\\n"
        """
        (tmp_path / "script.py").write_text(textwrap.dedent(script), encoding="utf-8")
        ended = subprocess.run(
            [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, timeout=60,
            env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
        )  # fmt: skip
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"\\u2192\n", b"")


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
