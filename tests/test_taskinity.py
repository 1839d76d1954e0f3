"""The package `taskinity`: the names of the usage guide are those of `taskinity_nb`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import taskinity
import taskinity.utils.benchmarks
import taskinity_nb


def test_the_names_are_the_same_objects():
    assert taskinity.__all__ == sorted(taskinity_nb.__all__)
    for name in taskinity.__all__:
        assert getattr(taskinity, name) is getattr(taskinity_nb, name)
    assert set(taskinity.__all__) <= set(dir(taskinity))
    assert taskinity.__version__ == taskinity_nb.__version__
    assert taskinity.load_ipython_extension is taskinity_nb.load_ipython_extension


def test_the_benchmark_utilities_are_the_same_objects():
    utilities = taskinity.utils.benchmarks
    assert utilities.benchmark is taskinity_nb.benchmark
    assert utilities.PerformanceBenchmark is taskinity_nb.PerformanceBenchmark
    assert utilities.__all__ == sorted(utilities.__all__)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'taskinity' has no attribute 'nothing'"):
        taskinity.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from taskinity import nothing  # noqa: F401


def test_an_import_is_as_light():
    code = "import sys, json, taskinity; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"matplotlib", "IPython", "taskinity_nb.analysis.measuring.benchmark"}.isdisjoint(
        json.loads(out.stdout)
    )


def test_everything_can_be_imported_with_a_star():
    names: dict[str, object] = {}
    exec("from taskinity import *", names)
    assert set(taskinity.__all__) <= set(names)


def test_the_guide():
    from concurrent.futures import ThreadPoolExecutor

    from taskinity import run_flow_from_dsl, run_parallel_flow_from_dsl, task

    @task()
    def fetch_data(input_data):
        return input_data["numbers"]

    @task()
    def split_data(numbers):
        return [numbers[i::3] for i in range(3)]

    def process_batch(number):
        return lambda batches: sum(batches[number])

    for number in range(3):
        function = process_batch(number)
        function.__name__ = f"process_batch_{number + 1}"
        task()(function)

    @task()
    def merge_results(process_batch_1, process_batch_2, process_batch_3):
        return process_batch_1 + process_batch_2 + process_batch_3

    text = """
    flow DataProcessing:
        description: "Parallel data processing flow"
        fetch_data -> split_data
        split_data -> [process_batch_1, process_batch_2, process_batch_3]
        process_batch_1 -> merge_results
        process_batch_2 -> merge_results
        process_batch_3 -> merge_results
    """
    input_data = {"numbers": list(range(100))}
    with ThreadPoolExecutor(max_workers=4) as executor:
        parallel = run_parallel_flow_from_dsl(text, input_data, executor=executor)
    sequential = run_flow_from_dsl(text, input_data)
    assert parallel["merge_results"] == sequential["merge_results"] == sum(range(100))
