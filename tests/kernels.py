"""A real kernel, and what it sends while a cell runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

ensure_event_loop()  # the clients of this thread make it when they need it, and keep it

__all__ = [
    "AS_NEW", "NO_HISTORY", "Cell", "KeptKernel", "Kernel", "new_kernel", "start_kernel",
]  # fmt: skip

PATIENCE = 60
"""Seconds that a cell may take."""

NO_HISTORY = "--HistoryManager.hist_file=:memory:"
"""Have no kernel write the cells of tests to the user's history, and wait for the disk."""

AS_NEW = """
%unload_ext taskinity_nb
%load_ext taskinity_nb
from taskinity_nb.engine.scheduling import history
from taskinity_nb.model import task
history._known.clear()
task._registry.clear()
get_ipython().magics_manager.registry["FlowMagics"].last_runs.clear()
%reset -f
__doc__ = __loader__ = __package__ = None
"""
"""A cell after which a kernel knows nothing of what was run in it; `%reset` takes too much away."""


@dataclass
class Cell:
    """All that a kernel sent for one cell, in order; and its reply."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the contents of the messages of some kinds."""
        return [m["content"] for m in self.messages if m["msg_type"] in kinds]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The bundles of the cell's outputs as a notebook saves them: updates replace."""
        shown: list[dict[str, Any]] = []
        by_id: dict[str, int] = {}
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            display_id = content.get("transient", {}).get("display_id")
            if kind == "update_display_data":
                shown[by_id[display_id]] = content["data"]
            elif kind in ("display_data", "execute_result"):
                if display_id:
                    by_id[display_id] = len(shown)
                shown.append(content["data"])
        return shown

    @property
    def printed(self) -> str:
        """What the cell printed."""
        return "".join(content["text"] for content in self.of("stream"))

    @property
    def error(self) -> str:
        """The traceback as it is shown, without colours; empty if there is none."""
        shown = "\n".join(line for content in self.of("error") for line in content["traceback"])
        return re.sub(r"\x1b\[[\d;]*m", "", shown)


class Kernel:
    """A client that runs cells."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def send(self, code: str) -> str:
        """Start a cell; return its id."""
        return self.client.execute(code)

    def messages(self, cell: str, patience: float = PATIENCE) -> Iterator[dict[str, Any]]:
        """Yield what a cell sends until the kernel is idle again."""
        while True:
            message = self.client.get_iopub_msg(timeout=patience)
            if message["parent_header"].get("msg_id") != cell:
                continue
            yield message
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        sent = self.send(code)
        cell = Cell(list(self.messages(sent)))
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == sent:
                cell.reply = reply["content"]
                return cell

    def value(self, expression: str) -> str:
        """Return what the notebook shows of an expression."""
        cell = self.run(expression)
        assert not cell.error, cell.error
        return cell.outputs[-1]["text/plain"]


def start_kernel(**options: Any) -> tuple[KernelManager, BlockingKernelClient]:
    """Start a kernel; return its manager and a client of it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(extra_arguments=[NO_HISTORY], **options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
    except RuntimeError:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        raise
    return manager, client


@contextmanager
def new_kernel(first: str = "") -> Iterator[tuple[Kernel, Any]]:
    """Start a kernel with the extension loaded, after a cell of yours; also yield its manager."""
    manager, client = start_kernel()
    try:
        kernel = Kernel(client)
        for code in filter(None, (first, "%load_ext taskinity_nb")):
            loaded = kernel.run(code)
            assert not loaded.error, loaded.error
        yield kernel, manager
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class KeptKernel:
    """A kernel that modules use one after the other: a start, with all imports, takes a second."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._there: tuple[Kernel, Any] | None = None

    def as_new(self) -> Kernel:
        """Return the kernel with nothing in it; another one if it has died."""
        if self._there is None or not self._there[1].is_alive():
            self.end()
            self._there = self._stack.enter_context(new_kernel())
        kernel, _ = self._there
        emptied = kernel.run(AS_NEW)
        assert not emptied.error, emptied.error
        return kernel

    def end(self) -> None:
        """End the kernel, if it has been started."""
        self._stack.close()
