"""Measuring functions and flows: every repeat is kept, and machines that drift favour nobody."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...display import Shown, renderer
from ...dsl.read import parse_dsl
from ...engine.rerun.inputs import repeatable_inputs
from ...engine.run import run
from ...engine.runtime.cores import available_cores
from ...errors import FlowError
from ...model.flow import Flow
from ...model.run import Run
from .measurement import (
    Measurement,
    benchmark,
    check_counts,
    clock_step,
    measure_calls,
    repeatable_call,
)
from .turns import Setup, Turn, in_turns, setups_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Measurement", "PerformanceBenchmark", "benchmark"]

SCHEMA = "taskinity_nb benchmark"
SCHEMA_VERSION = 1
SAVED_BY_US = "give a file that PerformanceBenchmark.save has written"


class PerformanceBenchmark(Shown):
    """Measures functions, and one flow on several executors, and shows the times side by side.

    Parameters
    ----------
    name : str
        What the table and the chart are called.
    warmup : int
        How often each thing runs before it is measured.
    repeats : int
        How often it is measured.

    Attributes
    ----------
    results : list of Measurement
        What was measured, in order.
    python : str
        Version of Python that it was measured with.
    cores : int
        Cores that the measuring process could use.

    Raises
    ------
    FlowError
        If `repeats` is not 1 or more, or `warmup` not 0 or more, or the name is no text.

    Examples
    --------
    >>> bench = PerformanceBenchmark("sums", repeats=3)
    >>> bench.measure("a million", sum, range(10**6)).median < 10
    True
    >>> functions = {"load": lambda: [3, 4], "total": sum}
    >>> for measured in bench.compare("load -> total", executors=["sequential", "threads"],
    ...                               workers=[1, 2], namespace=functions):
    ...     print(measured.label)
    sequential
    threads, 1 worker
    threads, 2 workers
    """

    def __init__(self, name: str = "benchmark", *, warmup: int = 1, repeats: int = 5) -> None:
        check_counts(repeats, warmup)
        if not isinstance(name, str):
            raise FlowError(f"a benchmark's name is a text, not {name!r}")
        self.name = name
        self.warmup = warmup
        self.repeats = repeats
        self.results: list[Measurement] = []
        self.python = platform.python_version()
        self.cores = available_cores()

    def measure(
        self, label: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Measurement:
        """Call a function with the given arguments, `warmup` and then `repeats` times.

        Parameters
        ----------
        label : str
            What the measurement is called.
        function : callable
            What is called.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        Measurement
            Also the last of `results`.

        Raises
        ------
        FlowError
            If this benchmark was loaded, and comes from another Python or another machine.
        """
        self._check_machine()
        call = repeatable_call(label, function, args, kwargs, self.warmup + self.repeats)
        measured, _ = measure_calls(label, call, self.warmup, self.repeats)
        self.results.append(measured)
        return measured

    def compare(
        self,
        flow: Flow | str,
        inputs: Any = None,
        executors: Iterable[str | Executor] = ("sequential", "threads", "processes"),
        workers: int | Iterable[int] | None = None,
        namespace: Mapping[str, Any] | ModuleType | None = None,
    ) -> list[Measurement]:
        """Run a flow on each executor with each number of workers, in turns.

        Each repeat runs all of them once, so that a machine that becomes slower or faster favours
        none. What is measured is the whole of `run`, from the flow to its results.

        Parameters
        ----------
        flow, inputs, executors, workers, namespace
            As in `taskinity_nb.compare`.

        Returns
        -------
        list of Measurement
            In the order of the executors, each with the median of ``"sequential"`` as its baseline
            if that is among them; also the last of `results`.

        Raises
        ------
        FlowError
            What `run` raises; or if there is nothing to compare, `workers` are no whole numbers
            from 1 on, or this benchmark was loaded and comes from another machine.
        """
        self._check_machine()
        if isinstance(flow, str):
            flow = parse_dsl(flow)
        setups = setups_of(executors, workers)
        inputs = repeatable_inputs(inputs)
        seconds: list[list[float]] = [[] for _ in setups]

        def run_once(setup: Setup) -> Run:
            return run(flow, inputs, executor=setup.executor, workers=setup.workers,
                       namespace=namespace)  # fmt: skip

        def write_down(turn: Turn) -> None:
            if turn.round >= self.warmup:
                seconds[turn.place].append(turn.seconds)

        in_turns(setups, self.warmup + self.repeats, run_once, write_down)
        sequential = (times for setup, times in zip(setups, seconds, strict=True)
                      if setup.executor == "sequential")  # fmt: skip
        baseline = next(map(statistics.median, sequential), None)
        measured = [
            Measurement(setup.label, tuple(times), baseline, clock_step())
            for setup, times in zip(setups, seconds, strict=True)
        ]
        self.results += measured
        return measured

    def _check_machine(self) -> None:
        here = (platform.python_version(), available_cores())
        if (self.python, self.cores) != here:
            raise FlowError(
                f"'{self.name}' was measured elsewhere: with Python {self.python} and "
                f"{self.cores} cores; here are Python {here[0]} and {here[1]}",
                remedy="measure into a new PerformanceBenchmark: the times are not comparable",
            )

    # Files.

    def save(self, path: str | Path) -> Path:
        """Write the measurements into a JSON file.

        Parameters
        ----------
        path : str or Path
            Where; an existing file is replaced.

        Returns
        -------
        Path
            The file.
        """
        content = {
            "schema": SCHEMA,
            "version": SCHEMA_VERSION,
            "name": self.name,
            "warmup": self.warmup,
            "repeats": self.repeats,
            "python": self.python,
            "cores": self.cores,
            "results": [asdict(measured) for measured in self.results],
        }
        text = json.dumps(content, indent=2, ensure_ascii=False)
        path = Path(path)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> PerformanceBenchmark:
        """Read a file that `save` has written.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        PerformanceBenchmark
            With the Python version and the cores of the machine that measured.

        Raises
        ------
        FlowError
            If it is no such file.
        OSError
            If it cannot be read.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise FlowError(f"'{path}' is not JSON: {error}", remedy=SAVED_BY_US) from error
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise FlowError(f"'{path}' holds no benchmark", remedy=SAVED_BY_US)
        if content.get("version") != SCHEMA_VERSION:
            raise FlowError(
                f"'{path}' is a benchmark of version {content.get('version')!r}; "
                f"this version of taskinity_nb reads version {SCHEMA_VERSION}",
                remedy="measure again, or read it with the version that has written it",
            )
        try:
            made = cls(content["name"], warmup=content["warmup"], repeats=content["repeats"])
            made.python, made.cores = str(content["python"]), int(content["cores"])
            made.results = [Measurement(**entry) for entry in content["results"]]
        except (KeyError, TypeError, ValueError, OverflowError, FlowError) as error:
            missing = isinstance(error, KeyError)
            why = f"{error} is missing" if missing else getattr(error, "message", str(error))
            raise FlowError(
                f"'{path}' is a damaged benchmark: {why}", remedy=SAVED_BY_US
            ) from error
        return made

    # Display.

    def plot(self, ax: Any = None) -> Any:
        """Draw the medians as bars, with a dot for each repeat and a line from min to max.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure, which pyplot does not know.

        Returns
        -------
        matplotlib.axes.Axes
            Shows itself in a notebook, if it is new.

        Raises
        ------
        FlowError
            If nothing was measured.
        """
        if not self.results:
            raise FlowError("nothing was measured yet", remedy="call measure or compare first")
        return renderer().plot(self, ax)
