"""What works on this machine, what does not, why, and what helps."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, NamedTuple

from ..engine.backends.processes.starting import start_method
from ..engine.runtime.cores import available_cores
from ..engine.runtime.memory_limit import memory_left
from ..errors import FlowError, described
from ..formatting import counted, short_time, size_text
from ..versions import version_of

__all__ = ["Diagnosis", "Finding", "diagnosis"]

Verdict = Literal["ok", "limited", "broken"]

DESCRIPTORS_EACH, DESCRIPTORS_BESIDE = 7, 12
"""Open files that a worker process takes, and those that the rest takes."""

SUBSHELLS = (7, 1)
"""The version of ipykernel from which on Cancel reaches a cell that blocks."""

LITTLE_SHARED = 64 * 10**6
"""Bytes of shared memory below which results soon go by way of the disk: what Docker gives."""

EXTRAS = {
    "lab": ("jupyterlab", "ipykernel", "nbclient", "nbconvert"),
    "dask": ("dask", "distributed"),
    "ray": ("ray",),
}
"""What `pip` installs for each extra."""

WIDGETS = ("IPython", "ipywidgets", "anywidget")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Finding(NamedTuple):
    """What was found of one thing.

    Attributes
    ----------
    name : str
        What was looked at.
    told : str
        What was found; where something is wrong, why.
    verdict : {"ok", "limited", "broken"}
        Whether it works; "limited" if something works less well, or not at all, and flows run.
    remedy : str
        What helps, if something is wrong.
    """

    name: str
    told: str
    verdict: Verdict = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All that was found. Its text is what a bug report should have.

    Examples
    --------
    >>> print(Diagnosis([Finding("cores", "2"), Finding("fonts", "none", "limited", "get some")]))
    ok       cores: 2
    limited  fonts: none
             get some
    """

    findings: list[Finding]

    @property
    def can_run(self) -> bool:
        """Whether flows can run."""
        return all(finding.verdict != "broken" for finding in self.findings)

    def __str__(self) -> str:
        lines = []
        for name, told, verdict, remedy in self.findings:
            lines.append(f"{verdict:8} {name}: {told}")
            lines += [f"{'':8} {line}" for line in remedy.splitlines()]
        return "\n".join(lines)


def diagnosis() -> Diagnosis:
    """Look at this machine, and try each local executor.

    Returns
    -------
    Diagnosis
        Prints itself in lines.

    Examples
    --------
    >>> found = diagnosis()
    >>> found.can_run, found.findings[0].name
    (True, 'taskinity_nb')
    """
    return Diagnosis([finding for look in LOOKS for finding in _looked(look)])


def _looked(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what is found; what cannot be looked at here is found to be so."""
    try:
        yield from look()
    except Exception as error:
        name = look.__name__.strip("_").replace("_", " ")
        yield Finding(name, f"this cannot be told here: {described(error)}", "limited")


def _versions() -> Iterator[Finding]:
    yield Finding("taskinity_nb", version_of("taskinity-nb") or "not installed, only imported")
    lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    told = f"{platform.python_version()}, {sys.executable}"
    yield Finding("Python", told if lock else f"{told}, free-threaded")
    yield Finding("machine", platform.platform())


def _notebook() -> Iterator[Finding]:
    found = version_of("ipykernel")
    if found is None:
        told = "not installed: no notebook has a kernel"
        yield Finding("ipykernel", told, "limited", 'pip install "taskinity-nb[lab]"')
    elif tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < SUBSHELLS:
        told = f"{found}: Cancel, and the inspector, wait until the cell has ended"
        yield Finding("ipykernel", told, "limited", 'pip install "ipykernel>=7.1"')
    else:
        yield Finding("ipykernel", found)
    libraries = [f"{name} {version_of(name)}" for name in WIDGETS]
    yield Finding("widgets", ", ".join(libraries))


def _extras() -> Iterator[Finding]:
    for extra, names in EXTRAS.items():
        missing = [name for name in names if version_of(name) is None]
        there = ", ".join(f"{name} {version_of(name)}" for name in names if name not in missing)
        if missing:
            told = f"not installed: {', '.join(missing)}"
            yield Finding(f"extra {extra}", told, "limited", f'pip install "taskinity-nb[{extra}]"')
        else:
            yield Finding(f"extra {extra}", there)


def _pictures() -> Iterator[Finding]:
    from ..views.graph.layout import layout_engine

    yield Finding("layout of graphs", layout_engine())
    from matplotlib.font_manager import findSystemFonts

    yield Finding("charts", f"matplotlib {version_of('matplotlib')}")
    fonts = len(findSystemFonts())
    if fonts:
        yield Finding("fonts", counted(fonts, "font file"))
    else:
        told = "none on this system: pictures use DejaVu Sans, which matplotlib brings along; "
        told += "signs that it lacks, such as Chinese ones, are drawn as boxes"
        yield Finding("fonts", told, "limited", "install fonts, such as fonts-noto-core")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        told = "none: nothing in the package needs it, but its tests in a browser are skipped"
        yield Finding("Chromium", told)
    else:
        yield Finding("Chromium", browser)


def _machine() -> Iterator[Finding]:
    cores, all_cores = available_cores(), os.cpu_count() or 1
    of = "" if cores == all_cores else f" of {all_cores}, as this process may use no more"
    yield Finding("cores", f"{cores}{of}")
    yield Finding("worker processes", f"are started by {start_method()}")


def _memory() -> Iterator[Finding]:
    found = memory_left()
    if found is None:
        yield Finding("memory", "how much there is, this system does not say")
    else:
        yield Finding("memory", f"{size_text(found.left)} of {found} are left")


def _folders() -> Iterator[Finding]:
    try:
        folder = tempfile.gettempdir()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"taskinity_nb")
            file.flush()
        free = shutil.disk_usage(folder).free
        yield Finding("folder for temporary files", f"{folder}, {size_text(free)} are free")
    except OSError as error:
        remedy = "set TMPDIR to a folder that can be written to"
        yield Finding("folder for temporary files", described(error), "limited", remedy)
    shared = "/dev/shm"
    if not os.path.isdir(shared):
        told = "none: large results go to worker processes by way of temporary files"
        yield Finding("shared memory", told, "limited")
        return
    usage = shutil.disk_usage(shared)
    told = f"{size_text(usage.free)} of {size_text(usage.total)} are free"
    if not os.access(shared, os.W_OK):
        told = f"{shared} cannot be written to: large results go by way of temporary files"
        yield Finding("shared memory", told, "limited")
    elif usage.free <= LITTLE_SHARED * 1.1:
        told += ": larger results go to worker processes by way of temporary files, which is slower"
        yield Finding("shared memory", told, "limited", "in Docker: --shm-size=1g")
    else:
        yield Finding("shared memory", told)


def _open_files() -> Iterator[Finding]:
    import resource  # there is none on Windows

    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        yield Finding("open files", "any number")
        return
    workers = max(0, (limit - DESCRIPTORS_BESIDE) // DESCRIPTORS_EACH)
    if workers < 2 * available_cores() or limit < 256:
        told = f"{limit} at once, enough for {workers} worker processes"
        higher = 4096 if most == resource.RLIM_INFINITY else min(most, 4096)
        remedy = f"ulimit -n {higher}" if higher > limit else "ask who runs the machine for more"
        yield Finding("open files", told, "limited", remedy)
    else:
        yield Finding("open files", f"{limit} at once")


def _cache() -> Iterator[Finding]:
    from ..engine.cache.contents import cache_info

    info = cache_info()
    if not info.path.exists():
        yield Finding("cache", f"{info.path} is made by the first run with a cache")
        return
    used = f"{size_text(info.bytes)} of {size_text(info.limit)}"
    if os.access(info.path, os.W_OK):
        yield Finding("cache", f"{info.path}, {counted(info.entries, 'result')}, {used}")
    else:
        told = f"{info.path} cannot be written to"
        yield Finding("cache", told, "limited", "set TASKINITY_CACHE to another folder")


def _executors() -> Iterator[Finding]:
    from ..engine.run import run

    space = {"numbers": _numbers, "twice": _twice}
    for executor in ("sequential", "threads", "processes"):
        name, begun = f"executor {executor}", perf_counter()
        verdict: Verdict = "limited" if executor == "processes" else "broken"
        try:
            found = run("numbers -> map twice", namespace=space, executor=executor, workers=2)
        except FlowError as error:
            yield Finding(name, error.message, verdict, error.remedy)
            continue
        if found["twice"] == [0, 2]:
            yield Finding(name, f"a flow of two tasks took {short_time(perf_counter() - begun)}")
        else:
            yield Finding(name, f"a flow gave {found['twice']!r}", verdict)


def _numbers() -> list[int]:
    return [0, 1]


def _twice(number: int) -> int:
    return 2 * number


LOOKS = (
    _versions, _notebook, _extras, _pictures, _machine, _memory, _folders, _open_files, _cache,
    _executors,
)  # fmt: skip
"""What is looked at, in order."""
