"""Functions that tests run in other processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path


def one():
    return 1


def double(x):
    return 2 * x


def add(a, b):
    return a + b


def divide(x):
    return x / 0


def collect(*results):
    return results


def pid(*_):
    return os.getpid()


def thread(*_):
    return threading.get_ident()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_self_once(marker):
    """Die on the first attempt; `marker` is the file that tells whether it was made."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second attempt"


def write_whole(path, text):
    """Write a file that appears with all its content."""
    Path(f"{path}.new").write_text(text)
    Path(f"{path}.new").rename(path)


def hold(marker):
    """Say by a file with the process's number that it runs, then never end."""
    write_whole(marker, str(os.getpid()))
    while True:
        time.sleep(60)


def hold_once(marker):
    """Never end on the first attempt."""
    if not Path(marker).exists():
        hold(marker)
    return "second attempt"


def hold_if(marker):
    """Never end, unless the marker's name is empty."""
    return hold(marker) if marker else "in time"


def nap(seconds):
    time.sleep(seconds)


def where(values):
    """Return the values and the number of this process."""
    return [*values, os.getpid()]


def leave():
    sys.exit(3)


def lock():
    return threading.Lock()


class Awkward(Exception):
    """An exception that pickle can write but not read."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


def awkward():
    raise Awkward(7, "seven")


class Unspeakable(Exception):
    """An exception whose text cannot be had."""

    def __str__(self):
        raise RuntimeError("no text")


def unspeakable():
    raise Unspeakable


class Base(BaseException):
    """Something that is no `Exception`."""


def raise_base():
    raise Base("not an Exception")


def fail_once(marker):
    """Fail on the first attempt; `marker` is the file that tells whether it was made."""
    if not Path(marker).exists():
        Path(marker).touch()
        raise ValueError("first attempt")
    return "second attempt"


def raise_value_error():
    raise ValueError("no good")


def wait_for_file(marker):
    """Wait for a file that somebody else makes."""
    deadline = time.monotonic() + 30
    while not Path(marker).exists():
        assert time.monotonic() < deadline, f"{marker} did not come"
        time.sleep(0.005)


def wait_if_one(x, marker):
    """Wait for the file `marker` if `x` is 1."""
    if x == 1:
        wait_for_file(marker)
    return x


def touch_if_zero(x, marker):
    """Make the file `marker` if `x` is 0."""
    if x == 0:
        Path(marker).touch()
    return x


def print_in_turn(me, folder):
    """Print five times, each time after the other one of two has."""
    for i in range(5):
        if me or i:
            wait_for_file(f"{folder}/{1 - me}-{i if me else i - 1}")
        print(f"{me}-{i}")
        Path(f"{folder}/{me}-{i}").touch()


def print_and_wait(marker):
    print("waiting")
    wait_for_file(marker)


def print_and_die():
    print("last words")
    os.kill(os.getpid(), signal.SIGKILL)


def segfault():
    signal.raise_signal(signal.SIGSEGV)


def leave_at_once():
    os._exit(7)


def kill_after(marker):
    """Die once the file is there."""
    wait_for_file(marker)
    kill_self()


def die_then_fail_then_succeed(folder):
    number = len(list(Path(folder).iterdir()))
    Path(folder, str(number)).touch()
    if number == 0:
        kill_self()
    if number == 1:
        raise ValueError("second attempt")
    return "third attempt"


def die_at_200(x):
    if x == 200:
        kill_self()
    return x


def fork(how):
    """Fork; return the exit code of the child, which leaves this function as `how` says."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if how == "raise":
        raise ValueError("of the child")
    if how == "exit":
        sys.exit(5)
    if how == "print":
        print("from the child")
    return "of the child"


def in_a_process():
    """Return what a process of `multiprocessing` says."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=queue.put, args=(42,))
    process.start()
    process.join()
    return queue.get()


def stream():
    """Return what stands in the place of ``stdout`` here."""
    return type(sys.stdout).__name__


def call_held(args, kwargs):
    """Call what a test has put here, from where it cannot be sent."""
    return held()  # noqa: F821


def spoil_streams(how):
    """Do something to the streams, and leave it so; return the number of this process."""
    import contextlib
    import io

    for name in ("stdout", "stderr"):
        if how == "none":
            setattr(sys, name, None)
        elif how == "close":
            getattr(sys, name).close()
        elif how == "wrap":
            setattr(sys, name, io.TextIOWrapper(io.BytesIO()))
        elif how == "delete":
            delattr(sys, name)
        elif how == "replace":
            setattr(sys, name, io.StringIO())
    if how == "redirect":
        contextlib.redirect_stdout(io.StringIO()).__enter__()
    return os.getpid()


def say_aloud():
    """Print to both streams; return the number of this process and whether they are terminals."""
    print("aloud", flush=True)
    print("aloud too", file=sys.stderr, flush=True)
    return os.getpid(), sys.stdout.isatty(), sys.stderr.isatty()


def say_all(items):
    print("all", len(items))


def say_item(x):
    print("out", x)
    print("err", x, file=sys.stderr)
    return x


def arrow(x):
    print("→ é \udc80")


def crowd():
    """Print long lines in many threads of a run inside this task."""
    from taskinity_nb import run

    def shout(number):
        for _ in range(5):
            sys.stdout.write(str(number) * 20_000 + "\n")

    names = {"scan": lambda: range(8), "shout": shout}
    run("scan -> map shout", namespace=names, workers=8)
