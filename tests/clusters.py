"""A notebook that keeps its cluster from test to test: to begin one takes seconds."""

from __future__ import annotations

import os
import textwrap
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest
from kernels import Cell, Kernel, start_kernel

__all__ = ["KeptCluster", "on_both", "on_ray"]

TESTS = Path(__file__).parent
PATIENCE = 300
"""Seconds that a script may take."""

BEGIN = """
import warnings
warnings.simplefilter("ignore")
from taskinity_nb import run
names = {{"one": lambda: 1}}
assert run("one", namespace=names, executor={executor!r}, workers={workers})["one"] == 1
"""

WORKERS = {"dask": None, "ray": 2}
"""Of Ray there is one for all, also for who asks for two; Dask starts another cluster for those."""

SEATS = {"RAY_OVERRIDE_RESOURCES": '{"seat": 2}'}
"""What Ray's workers have besides processors."""

SCRIPT = """
import runpy, sys
sys.argv[:] = {arguments!r}
runpy.run_path(sys.argv[0], run_name="__main__")
None
"""

END = {
    "dask": """
from taskinity_nb.engine.backends.cluster import dask
while dask._own:
    _client = dask._own.popitem()[1]
    _client.cluster.close()
    _client.close()
""",
    "ray": "import ray; ray.shutdown()",
}


class KeptCluster:
    """A kernel, and the cluster that the word of an executor has begun in it.

    It begins when it is first asked for, and again when it is needed after its end. What is started
    besides can connect to it, which costs a third of another Ray.
    """

    def __init__(self, executor: str) -> None:
        self.executor = executor
        self.begun = Cell()
        """The cell that began it."""
        self._kernel: Kernel | None = None
        self._manager: Any = None

    def begin(self) -> None:
        """Begin, if it has not yet."""
        if self._kernel is not None:
            return
        folders = [str(TESTS), str(TESTS / "engine" / "backends"), os.environ.get("PYTHONPATH", "")]
        path = os.pathsep.join(filter(None, folders))
        environment = {**os.environ, **SEATS, "PYTHONPATH": path}
        self._manager, client = start_kernel(env=environment)
        self._kernel = Kernel(client)
        self.run("%load_ext taskinity_nb")
        begin = BEGIN.format(executor=self.executor, workers=WORKERS[self.executor])
        self.begun = self.run(begin)

    def run(self, code: str) -> Cell:
        """Run a cell to its end, where it must not fail."""
        self.begin()
        assert self._kernel is not None
        kernel = self._kernel
        cell = Cell(list(kernel.messages(kernel.send(code), PATIENCE)))
        assert not cell.error, cell.error
        return cell

    def value(self, expression: str) -> Any:
        """Return what an expression gives, which is a literal."""
        return literal_eval(self.run(expression).outputs[-1]["text/plain"])

    @property
    def address(self) -> dict[str, str]:
        """What a process needs in its environment to connect to this Ray."""
        self.run("import os, ray")
        asks_for = self.value("os.environ.get('RAY_AUTH_MODE', 'disabled')")
        address = self.value("ray.get_runtime_context().gcs_address")
        return {"RAY_ADDRESS": address, "RAY_AUTH_MODE": asks_for}

    def script(self, path: Path, text: str, *arguments: object) -> None:
        """Run a script, which is written there, as the main module; it must not fail."""
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        self.run(SCRIPT.format(arguments=[*map(str, (path, *arguments))]))

    def end(self) -> None:
        """End the cluster and the kernel, if they are there."""
        if self._kernel is None:
            return
        try:
            self.run(END[self.executor])
        finally:
            self._kernel.client.stop_channels()
            self._kernel = None
            self._manager.shutdown_kernel(now=True)


leaves_what_is_kept = pytest.mark.leaves(
    "threads", "descriptors", "processes", "environment", "signals",
    reason="the first test on a cluster begins it, and it is kept for others",
)  # fmt: skip


def on_both(test: Any) -> Any:
    """Have a test run on a kept Dask and on a kept Ray."""
    return _on(["dask", "ray"], test)


def on_ray(test: Any) -> Any:
    """Have a test run on a kept Ray."""
    return _on(["ray"], test)


def _on(clusters: list[str], test: Any) -> Any:
    run_on = pytest.mark.parametrize("cluster", clusters, indirect=True)
    return pytest.mark.xdist_group("clusters")(leaves_what_is_kept(run_on(test)))
