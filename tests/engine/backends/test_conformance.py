"""One suite for all executors; the tables of the docs are what it finds.

With ``UPDATE_GOLDEN=1`` the tables are written anew.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from clusters import on_ray
from conformance import FEATURES
from sizes import sized

from taskinity_nb import ExecutorError, State, run

DOCS = Path(__file__).parents[3] / "docs" / "executors.md"

MAIN = {
    "sequential": '`"sequential"`',
    "threads": '`"threads"`',
    "processes": '`"processes"`',
    "thread pool": "`ThreadPoolExecutor`",
    "process pool": "`ProcessPoolExecutor`",
    "dask": "Dask",
    "ray": "Ray",
}
OTHERS = {
    "ipyparallel view": "ipyparallel `view.executor`",
    "ipyparallel client": "ipyparallel `client.executor()`",
    "executorlib": "executorlib `SingleNodeExecutor`",
    "loky": "loky",
    "dask executor": "Dask `client.get_executor()`",
    "mpi": "mpi4py `MPIPoolExecutor`",
    "interpreters": "`InterpreterPoolExecutor`",
}
pytestmark = pytest.mark.xdist_group("clusters")

QUICK = ("sequential", "threads", "processes", "thread pool")


class Made:
    """Executors of two workers, made when they are asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        # Engines find the modules of here.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            make = getattr(self, f"_{name.replace(' ', '_')}", None)
            self._known[name] = make() if make else name
        return self._known[name]

    def forget(self, name: str) -> None:
        """Make another one next time."""
        self._known.pop(name, None)

    def close(self) -> None:
        self._stack.close()

    def _thread_pool(self) -> Any:
        return self._stack.enter_context(ThreadPoolExecutor(2))

    def _process_pool(self) -> Any:
        return self._stack.enter_context(ProcessPoolExecutor(2))

    def _dask(self) -> Any:
        distributed = pytest.importorskip("distributed")
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1",
            silence_logs=logging.CRITICAL, resources={"seat": 2},
        )  # fmt: skip
        self._stack.enter_context(cluster)
        return self._stack.enter_context(distributed.Client(cluster))

    def _ipyparallel(self) -> Any:
        ipyparallel = pytest.importorskip("ipyparallel")
        if "engines" not in self._known:
            cluster = ipyparallel.Cluster(n=2, log_level=logging.CRITICAL)
            self._known["engines"] = self._stack.enter_context(cluster)
        return self._known["engines"]

    def _ipyparallel_view(self) -> Any:
        return self._ipyparallel().load_balanced_view().executor

    def _ipyparallel_client(self) -> Any:
        return self._ipyparallel().executor()

    def _executorlib(self) -> Any:
        executorlib = pytest.importorskip("executorlib")
        return self._stack.enter_context(executorlib.SingleNodeExecutor(max_workers=2))

    def _loky(self) -> Any:
        executor = pytest.importorskip("loky").ProcessPoolExecutor(max_workers=2)
        self._stack.callback(executor.shutdown)
        return executor

    def _dask_executor(self) -> Any:
        return self["dask"].get_executor()

    def _mpi(self) -> Any:
        try:
            from mpi4py.futures import MPIPoolExecutor
        except (ImportError, RuntimeError) as error:  # without an MPI library it raises the latter
            pytest.skip(f"no MPI here: {error}")
        return self._stack.enter_context(MPIPoolExecutor(2))

    def _interpreters(self) -> Any:
        try:
            from concurrent.futures import InterpreterPoolExecutor
        except ImportError:
            pytest.skip("this Python has none")
        return self._stack.enter_context(InterpreterPoolExecutor(2))


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    executors = Made()
    yield executors
    executors.close()


@pytest.fixture(scope="module")
def found() -> Iterator[dict[tuple[str, str], str]]:
    """What was found: written into the docs at the end, if that is asked for."""
    cells: dict[tuple[str, str], str] = {}
    yield cells
    if os.environ.get("UPDATE_GOLDEN") and cells:
        documented = read_tables()
        text = DOCS.read_text(encoding="utf-8")
        for name, executors in (("main", MAIN), ("others", OTHERS)):
            text = put(text, name, written(executors, documented | cells))
        DOCS.write_text(text, encoding="utf-8")


NO_DEATHS = ("ipyparallel view", "ipyparallel client", "executorlib", "mpi")
"""Where nothing is told of a worker that has died, so that a run would wait for ever."""


DEAR = ("executorlib",)
"""What starts an interpreter for each task: the suite asks it little."""

FEW = sized(("results", "after a failure", "functions and classes of a notebook"), tuple(FEATURES))


def cases() -> Iterator[Any]:
    for executor in (*MAIN, *OTHERS):
        if executor == "ray":
            continue
        marks = [] if executor in QUICK else [pytest.mark.slow]
        if executor in DEAR:
            marks.append(pytest.mark.long)
        for feature in FEW if executor in DEAR else FEATURES:
            if feature == "a worker that dies" and executor in NO_DEATHS:
                continue
            yield pytest.param(executor, feature, marks=marks, id=f"{executor}: {feature}")


@pytest.mark.leaves(
    "threads", "descriptors", "processes", "environment", "signals",
    reason="executors are kept for the next feature; clusters set what they like, and when",
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of the others' own libraries
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("name", "feature"), list(cases()))
def test_does_what_the_docs_say(name, feature, made, found, tmp_path):
    answer = FEATURES[feature](made[name], tmp_path)
    if answer == "the run ends" and name != "dask":
        made.forget(name)  # the pool is broken
    check(found, name, feature, answer)


@pytest.mark.slow
@on_ray
@pytest.mark.parametrize("feature", FEATURES)
def test_ray_does_what_the_docs_say(cluster, feature, found, tmp_path):
    """It is asked in the notebook that has begun it."""
    cluster.run("from pathlib import Path; from conformance import FEATURES")
    answer = cluster.value(f"FEATURES[{feature!r}]('ray', Path({str(tmp_path)!r}))")
    check(found, "ray", feature, answer)


def check(found: dict[tuple[str, str], str], name: str, feature: str, answer: str) -> None:
    found[name, feature] = answer
    if not os.environ.get("UPDATE_GOLDEN"):
        assert answer == read_tables()[name, feature]


def written(executors: dict[str, str], cells: dict[tuple[str, str], str]) -> str:
    """Return a table of what was found, of the executors of which something is known."""
    known = [name for name in executors if any((name, feature) in cells for feature in FEATURES)]
    rows = [["", *(executors[name] for name in known)]]
    rows += [[f, *(cells.get((name, f), "not tried") for name in known)] for f in FEATURES]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def put(text: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    assert begin in text
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.S)


def read_tables() -> dict[tuple[str, str], str]:
    """Return the cells of the tables, by the names of executor and feature."""
    cells: dict[tuple[str, str], str] = {}
    text = DOCS.read_text(encoding="utf-8")
    for name, executors in (("main", MAIN), ("others", OTHERS)):
        table = text.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in table.strip().splitlines()]  # fmt: skip
        names = {title: key for key, title in executors.items()}
        for feature, *row in rows[2:]:
            cells |= {(names[title], feature): cell
                      for title, cell in zip(rows[0][1:], row, strict=True)}  # fmt: skip
    return cells


class Refusing:
    """An executor that raises whatever it likes."""

    def submit(self, function, *arguments):
        raise OSError("no more seats")


def test_an_executor_that_raises_ends_the_run_with_an_error_of_ours():
    with pytest.raises(ExecutorError, match="did not run task 'one': OSError: no more seats") as e:
        run("one -> two", namespace={"one": lambda: 1, "two": abs}, executor=Refusing())
    assert isinstance(e.value.__cause__, OSError)
    assert {task.state for task in e.value.run.tasks.values()} == {State.CANCELLED}
