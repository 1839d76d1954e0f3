"""The fixture that finds what a test has left behind finds it."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading

import functions as fn
import pytest
from leftovers import KINDS, Moment, left_streams

from taskinity_nb import run
from taskinity_nb.engine.remote.process.capture import StreamProxies
from taskinity_nb.engine.transport import workspace
from taskinity_nb.engine.transport.ownership import Root


def leave_streams(end, tmp_path):
    end.enter_context(contextlib.redirect_stdout(io.StringIO()))
    return "sys.stdout is <_io.StringIO"


def leave_signals(end, tmp_path):
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    end.callback(signal.signal, signal.SIGUSR2, before)
    return "the handler of SIGUSR2 is <function"


def leave_folder(end, tmp_path):
    end.enter_context(contextlib.chdir(tmp_path))
    return f"the working directory is {tmp_path}"


def leave_environment(end, tmp_path):
    os.environ["LEFT_BEHIND"] = "1"
    end.callback(os.environ.pop, "LEFT_BEHIND")
    return "b'LEFT_BEHIND' is b'1', not None"


def leave_roots(end, tmp_path):
    root = workspace._roots["elsewhere"] = Root(str(tmp_path))
    end.callback(workspace._roots.pop, "elsewhere")
    root.leave()
    return f"{root.path}, in which this process keeps large values, is gone"


def leave_threads(end, tmp_path):
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, name="left behind")
    thread.start()
    end.callback(thread.join)
    end.callback(gate.set)
    return "thread 'left behind', which is in wait"


def leave_descriptors(end, tmp_path):
    end.enter_context((tmp_path / "file").open("w"))
    return f": {tmp_path / 'file'}"


def leave_processes(end, tmp_path):
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    end.callback(process.communicate, b"\n")
    assert process.stdout.readline() == b"up\n"
    return f"process {process.pid}: {sys.executable} -c print('up'"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_is_found_and_named(kind, tmp_path):
    before = Moment()
    with contextlib.ExitStack() as end:
        expected = globals()[f"leave_{kind}"](end, tmp_path)
        left = before.left([kind], patience=0)
        assert expected in "\n".join(left)
    assert not before.left()


def test_what_the_package_keeps_is_not_left():
    before = Moment()
    run("one", namespace=vars(fn), executor="processes", workers=2)
    assert not before.left()


def test_a_proxy_is_found_under_what_a_test_has_put_there(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    before, proxies = (sys.stderr, sys.stderr), StreamProxies()
    assert not left_streams(before, {"stdout"})
    proxies.open()
    left = left_streams(before, {"stdout"})
    proxies.close()
    assert [line[:13] for line in left] == ["sys.stdout is", "sys.stderr is"]
