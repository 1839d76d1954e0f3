"""What the live view costs a run: 10,000 tasks in a real kernel, watched and not, in turns.

    python benchmarks/live.py [--tasks N] [--repeats N] [--write]

Both ways are cells of one kernel. A cell with the live view is ``%%flow``, its widget connected to
nobody: what a browser does with the messages is its own affair. The time is the run's, from its
start to its end; how long the picture takes before and after is told beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from measuring import aligned, machine, options_of, positive, versions, write_table

__all__ = ["main"]

PATIENCE = 300
"""Seconds that a cell may take."""

SETUP = """
import hashlib, json, time
from taskinity_nb import parse_dsl, run
%load_ext taskinity_nb
zeros = bytes(2**20)
names = ", ".join(f"work as w{{i}}" for i in range({tasks}))
text = f"flow Live:\\n    begin -> [{{names}}]\\n    [{{names}}] -> end"
flow = parse_dsl(text)
def begin(): return 0
def end(*results): return len(results)
def told(done, began):
    print(json.dumps([done.makespan, time.perf_counter() - began]))
"""

KINDS = {
    "sleep 1 ms": ("def work(begin): time.sleep(0.001)", 8),
    "hash for 0.2 ms": ("def work(begin): hashlib.sha256(zeros[:350_000])", 2),
    "sleep 1 ms, print": ("def work(begin): time.sleep(0.001); print('x' * 60)", 8),
}
"""What each task does, and on how many workers."""

WATCHED = """
began = time.perf_counter()
get_ipython().run_cell_magic("flow", "--no-gantt --workers {workers} --output done", text)
told(done, began)
"""

ALONE = """
began = time.perf_counter()
done = run(flow, workers={workers})
told(done, began)
"""


@contextmanager
def new_kernel() -> Iterator[BlockingKernelClient]:
    """Start a kernel, and end it."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cell(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Run a cell, and return what came of it."""
    messages: list[dict[str, Any]] = []

    def keep(message: dict[str, Any]) -> None:
        messages.append(message)

    reply = client.execute_interactive(
        code, allow_stdin=False, output_hook=keep, timeout=PATIENCE, store_history=False
    )
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return messages


def measured(client: BlockingKernelClient, code: str) -> dict[str, float]:
    """Run a cell; return its run's seconds, its own, and what was sent."""
    messages = cell(client, code)
    printed = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    *lines, last = printed.splitlines()
    makespan, seconds = json.loads(last)
    updates = [m for m in messages if m["msg_type"] == "comm_msg" and _has_states(m)]
    return {
        "run": makespan,
        "cell": seconds,
        "messages": len(updates) / max(makespan, 1e-9),
        "printed": sum(line.count("x") for line in lines),
    }


def _has_states(message: dict[str, Any]) -> bool:
    return "counts" in message["content"]["data"].get("state", {})


def main() -> None:
    """Measure, print, and with ``--write`` put the table into README.md."""
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--tasks", type=positive, default=10_000)
    options = parser.parse_args()
    rows = [["each task", "alone", "watched", "watched / alone", "messages/s", "before and after"]]
    with new_kernel() as client:
        for kind, (work, workers) in KINDS.items():
            cell(client, SETUP.format(tasks=options.tasks) + work)
            ways = {"alone": ALONE, "watched": WATCHED}
            found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
            for turn in range(1 + options.repeats):
                for way, code in ways.items():
                    told = measured(client, code.format(workers=workers))
                    if turn:
                        found[way].append(told)
                    if "print" in kind and told["printed"] != 60 * options.tasks:
                        raise RuntimeError(f"only {told['printed']:,.0f} characters came")
            alone, watched = (
                {key: median(told[key] for told in found[way]) for key in told} for way in ways
            )
            shares = zip(found["watched"], found["alone"], strict=True)
            share = median(one["run"] / other["run"] for one, other in shares)
            rows.append(
                [kind, f"{alone['run']:.2f} s", f"{watched['run']:.2f} s", f"{share:.3f}",
                 f"{watched['messages']:.1f}", f"{watched['cell'] - watched['run']:.2f} s"]
            )  # fmt: skip
    about = f"A fan of {options.tasks:,} tasks in a kernel; medians. {machine()}."
    text = f"{about} {versions('ipykernel', 'ipywidgets', 'anywidget')}.\n\n{aligned(rows)}"
    print(text)
    if options.write:
        write_table("live", text, options.readme)


if __name__ == "__main__":
    main()
