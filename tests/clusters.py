"""A notebook that keeps its cluster from test to test: to begin one takes seconds."""

from __future__ import annotations

import os
import textwrap
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
assert run("one", namespace=dict(one=lambda: 1), executor={executor!r})["one"] == 1
"""

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

    It begins when it is first asked for, and again when it is needed after its end.
    """

    def __init__(self, executor: str) -> None:
        self.executor = executor
        self._kernel: Kernel | None = None
        self._manager: Any = None

    def begin(self) -> None:
        """Begin, if it has not yet."""
        if self._kernel is not None:
            return
        folders = [str(TESTS), str(TESTS / "engine" / "backends"), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
        self._manager, client = start_kernel(env=environment)
        self._kernel = Kernel(client)
        self.run("%load_ext taskinity_nb")
        self.run(BEGIN.format(executor=self.executor))

    def run(self, code: str) -> Cell:
        """Run a cell to its end, where it must not fail."""
        self.begin()
        assert self._kernel is not None
        kernel = self._kernel
        cell = Cell(list(kernel.messages(kernel.send(code), PATIENCE)))
        assert not cell.error, cell.error
        return cell

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
