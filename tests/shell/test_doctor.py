"""The doctor names the reason, in places where something is really missing."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest

from taskinity_nb.shell.doctor import EXTRAS, diagnosis

HAS_ROOT = sys.platform == "linux" and os.geteuid() == 0


def doctor(before="", cwd=None):
    """Return what the doctor prints in a shell that has done something before."""
    command = f"{before}\n{sys.executable} -m taskinity_nb doctor"
    shell = ["bash", "-c", command]
    if "mount" in before:
        shell = ["unshare", "-m", *shell]
    done = subprocess.run(shell, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def finding(printed, name):
    """Return the lines of one finding."""
    lines = printed.splitlines()
    start = next(n for n, line in enumerate(lines) if line[9:].startswith(f"{name}:"))
    end = start + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    return "\n".join(lines[start:end])


def test_all_is_told_where_nothing_is_missing(tmp_path):
    code, printed = doctor(cwd=tmp_path)
    assert code == 0
    for name in ("Python", "layout of graphs", "cores", "memory", "shared memory", "open files"):
        assert finding(printed, name).startswith("ok "), name
    for name in ("sequential", "threads", "processes"):
        assert "a flow of two tasks took" in finding(printed, f"executor {name}")
    assert "is made by the first run with a cache" in finding(printed, "cache")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_few_open_files():
    code, printed = doctor("ulimit -n 64")
    assert code == 0
    assert "64 at once, enough for 7 worker processes" in finding(printed, "open files")


@pytest.mark.skipif(not HAS_ROOT, reason="who mounts must be root")
@pytest.mark.parametrize(
    ("before", "name", "told"),
    [
        (
            "for each in /tmp /var/tmp /usr/tmp; do [ ! -d $each ] || "
            "{ mount --bind $each $each && mount -o remount,ro,bind $each; }; done\n"
            "unset TMPDIR; cd /proc",
            "folder for temporary files", "No usable temporary directory found",
        ),
        (
            "mount -t tmpfs -o size=8m none /dev/shm",
            "shared memory", "larger results go to worker processes by way of temporary files",
        ),
        (
            "for each in /usr/share/fonts /usr/local/share/fonts; do "
            "[ ! -d $each ] || mount -t tmpfs none $each; done; export HOME=/proc",
            "fonts", "none on this system: pictures use DejaVu Sans",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_what_helps(before, name, told):
    code, printed = doctor(before)
    assert code == 0
    assert finding(printed, name).startswith("limited")
    assert told in finding(printed, name)
    assert "\n" in finding(printed, name)


def _facts(name, version):
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def test_an_old_kernel_and_no_browser(tmp_path):
    (tmp_path / "ipykernel-6.29.5.dist-info").mkdir()
    (tmp_path / "ipykernel-6.29.5.dist-info" / "METADATA").write_text(_facts("ipykernel", "6.29.5"))
    _, printed = doctor(f"export PYTHONPATH={tmp_path} PATH=/nowhere")
    assert "6.29.5: Cancel, and the inspector, wait until the cell has ended" in printed
    assert 'pip install "ipykernel>=7.1"' in finding(printed, "ipykernel")
    assert "its tests in a browser are skipped" in finding(printed, "Chromium")


def test_an_extra_that_is_missing(monkeypatch):
    from taskinity_nb.shell import doctor as module

    there = module.version_of
    monkeypatch.setattr(module, "version_of", lambda name: None if name == "ray" else there(name))
    monkeypatch.setattr(module, "LOOKS", (module._extras,))
    found = {each.name: each for each in diagnosis().findings}
    assert found["extra ray"].verdict == "limited"
    assert found["extra ray"].remedy == 'pip install "taskinity-nb[ray]"'
    assert found["extra dask"].verdict == "ok"


def test_the_extras_are_those_that_there_are():
    told = importlib.metadata.requires("taskinity-nb")
    for extra, names in EXTRAS.items():
        of_it = [each for each in told if each.endswith(f"extra == '{extra}'")]
        wanted = {re.match(r"[\w-]+", each)[0] for each in of_it}
        assert set(names) <= {*wanted, "distributed"}, extra


def test_what_cannot_be_looked_at_is_said(monkeypatch):
    from taskinity_nb.shell import doctor as module

    def _memory():
        raise OSError("no such thing here")
        yield

    monkeypatch.setattr(module, "LOOKS", (_memory,))
    (found,) = diagnosis().findings
    assert found[:3] == (
        "memory",
        "this cannot be told here: OSError: no such thing here",
        "limited",
    )
    assert diagnosis().can_run
