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


def hold(marker):
    """Say by a file that it runs, then never end."""
    Path(marker).touch()
    while True:
        time.sleep(60)


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


def wait_if_one(x, marker):
    """Wait for the file `marker` if `x` is 1."""
    deadline = time.monotonic() + 30
    while x == 1 and not Path(marker).exists():
        assert time.monotonic() < deadline, f"{marker} did not come"
        time.sleep(0.005)
    return x


def touch_if_zero(x, marker):
    """Make the file `marker` if `x` is 0."""
    if x == 0:
        Path(marker).touch()
    return x
