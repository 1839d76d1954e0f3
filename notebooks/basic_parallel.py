"""Basic parallel execution: one flow, first one task after the other, then in parallel.

The input is what every machine with Python has: the source files of its standard library. They are
divided into three batches of equal bytes, each batch is parsed by a task of its own, and what was
found is merged. Prints the times and saves the Gantt chart as ``basic_parallel.png``.

    python basic_parallel.py [megabytes]
"""

from __future__ import annotations

import ast
import io
import sys
import sysconfig
import time
import tokenize
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from taskinity import plot_gantt, run_flow_from_dsl, run_parallel_flow_from_dsl, task

FLOW_DSL = """
flow StandardLibrary:
    description: "What is in Python's own source files"
    fetch_data -> split_data
    split_data -> [process_batch_1, process_batch_2, process_batch_3]
    process_batch_1 -> merge_results
    process_batch_2 -> merge_results
    process_batch_3 -> merge_results
"""


@task(description="Find source files, up to a number of megabytes")
def fetch_data(folder, megabytes):
    found, size = [], 0
    for path in sorted(Path(folder).glob("*.py")) + sorted(Path(folder).glob("*/*.py")):
        if "site-packages" in path.parts or size >= megabytes * 1e6:
            continue
        found.append(path)
        size += path.stat().st_size
    return found


@task(description="Make three batches of equal bytes")
def split_data(paths):
    batches, sizes = ([], [], []), [0, 0, 0]
    for path in sorted(paths, key=lambda path: path.stat().st_size, reverse=True):
        smallest = sizes.index(min(sizes))
        batches[smallest].append(path)
        sizes[smallest] += path.stat().st_size
    return batches


def parse(source):
    """Call `ast.parse`, again if need be: in Python 3.11, threads that parse at once collide."""
    while True:
        try:
            return ast.parse(source)
        except SystemError as error:
            if "recursion depth mismatch" not in str(error):
                raise


def analyse(paths):
    """Parse files with `ast` and `tokenize`, and count what is in them."""
    facts = {
        "files": len(paths),
        "functions": 0,
        "classes": 0,
        "longest": (0, ""),
        "names": Counter(),
    }
    for path in paths:
        source = path.read_text(encoding="utf-8", errors="replace")
        for node in ast.walk(parse(source)):
            if isinstance(node, ast.ClassDef):
                facts["classes"] += 1
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                facts["functions"] += 1
                lines = node.end_lineno - node.lineno + 1
                facts["longest"] = max(facts["longest"], (lines, f"{path.stem}.{node.name}"))
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                facts["names"][token.string] += 1
    return facts


@task
def process_batch_1(split_data):
    return analyse(split_data[0])


@task
def process_batch_2(split_data):
    return analyse(split_data[1])


@task
def process_batch_3(split_data):
    return analyse(split_data[2])


@task(description="Merge what the batches found")
def merge_results(*batches):
    names = sum((batch["names"] for batch in batches), Counter())
    return {
        "files": sum(batch["files"] for batch in batches),
        "functions": sum(batch["functions"] for batch in batches),
        "classes": sum(batch["classes"] for batch in batches),
        "longest function": max(batch["longest"] for batch in batches),
        "most used names": names.most_common(5),
    }


def measured(label, function, *arguments, **options):
    """Run a flow, and print how long it took."""
    start_time = time.time()
    run = function(FLOW_DSL, *arguments, **options)
    print(f"{label:<28} Execution time: {time.time() - start_time:.2f} seconds")
    return run


def main():
    """Run the flow in four ways, print the metrics, and save the chart."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    input_data = {"folder": sysconfig.get_path("stdlib"), "megabytes": megabytes}

    sequential = measured("one after the other", run_flow_from_dsl, input_data)
    with ThreadPoolExecutor(max_workers=4) as executor:
        threads = measured(
            "ThreadPoolExecutor", run_parallel_flow_from_dsl, input_data, executor=executor
        )
    with ProcessPoolExecutor(max_workers=4) as executor:
        pool = measured(
            "ProcessPoolExecutor", run_parallel_flow_from_dsl, input_data, executor=executor
        )
    processes = measured("processes", run_parallel_flow_from_dsl, input_data, executor="processes")

    print()
    for run in (threads, pool, processes):
        times = sequential.makespan / run.makespan
        print(f"{run.executor} on {run.workers} workers: {times:.2f} times as fast")
    print()
    for fact, value in processes["merge_results"].items():
        print(f"{fact}: {value}")

    plot_gantt(sequential, processes).figure.savefig("basic_parallel.png", dpi=150)
    print("\nThe Gantt chart is in basic_parallel.png")


if __name__ == "__main__":
    main()
