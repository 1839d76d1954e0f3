"""Results on disk: what a miss and a hit cost, small and large, beside other caches.

    python benchmarks/cache.py [--small N] [--large N] [--megabytes N] [--wide N] [--repeats N]
                               [--write]

Each contestant begins with an empty folder; a miss makes a result and keeps it, a hit finds it, by
an object that is made anew, as after a restart. Beside the wall stand the processor's seconds,
which other work on the machine disturbs less.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from measuring import (
    WORKERS,
    Times,
    aligned,
    in_turns,
    machine,
    options_of,
    positive,
    versions,
    write_table,
)

from taskinity_nb import Flow, run
from taskinity_nb.model.forms.edges import Edge

__all__ = ["main"]

OURS = "taskinity_nb"
MAP = "numbers -> map make"

Function = Callable[[int], Any]
Open = Callable[[Path, Function, int], Callable[[], Sequence[Any]]]
"""Gets ready to call a function with so many numbers, with its results in a folder."""


# What tasks make.


def small(number: int) -> dict[str, int]:
    """Make a small result."""
    return {"number": number, "square": number * number}


def arrays(size: int) -> Function:
    """Return what makes an array of so many bytes."""
    import numpy as np

    def array(number: int) -> Any:
        return np.arange(number, number + size // 8, dtype=float)

    return array


def frames(size: int) -> Function:
    """Return what makes a frame of about so many bytes."""
    import numpy as np
    import pandas as pd

    def frame(number: int) -> Any:
        rows = np.arange(size // 32)
        return pd.DataFrame({"number": rows + number, **{name: rows * 0.5 for name in "abc"}})

    return frame


def records(count: int) -> Function:
    """Return what makes a list of so many dicts."""

    def rows(number: int) -> list[dict[str, Any]]:
        return [{"number": number + n, "half": n / 2, "name": f"row {n}"} for n in range(count)]

    return rows


def read(value: Any) -> float:
    """Read all of a large result."""
    if type(value) is list:
        return float(len(value))
    return float(value.to_numpy().sum() if hasattr(value, "to_numpy") else value.sum())


# Those who cache.


def ours(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Run a map of the function on threads."""
    space = {"numbers": lambda: list(range(count)), "make": function}
    options: dict[str, Any] = {"executor": "threads", "workers": WORKERS}

    def called() -> Sequence[Any]:
        made: Sequence[Any] = run(MAP, namespace=space, cache=folder, **options)["make"]
        return made

    return called


def with_joblib(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Call a function that `joblib.Memory` remembers."""
    from joblib import Memory

    remembered = Memory(folder, verbose=0).cache(function)
    return lambda: [remembered(number) for number in range(count)]


def with_pipefunc(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Call a pipeline of one cached function, whose results stay on disk alone."""
    from pipefunc import PipeFunc, Pipeline

    cached = PipeFunc(function, output_name="made", cache=True)
    options = {"cache_dir": folder, "with_lru_cache": False}
    pipeline = Pipeline(
        [cached], cache_type="disk", cache_kwargs=options, validate_type_annotations=False
    )
    return lambda: [pipeline(number=number) for number in range(count)]


def with_pipefunc_map(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Run the map of a pipeline of one cached function, one item after another."""
    from pipefunc import PipeFunc, Pipeline

    cached = PipeFunc(function, "made", mapspec="number[i] -> made[i]", cache=True)
    options = {"cache_dir": folder, "with_lru_cache": False}
    pipeline = Pipeline(
        [cached], cache_type="disk", cache_kwargs=options, validate_type_annotations=False
    )

    def called() -> Sequence[Any]:
        inputs = {"number": list(range(count))}
        made = pipeline.map(inputs, parallel=False, storage="dict", show_progress=False)
        return list(made["made"].output)

    return called


def with_hamilton(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Execute a dataflow with a node for each number."""
    from hamilton import ad_hoc_utils, driver
    from hamilton.function_modifiers import parameterize, value

    logging.getLogger("hamilton").setLevel(logging.ERROR)

    def make(number: int) -> Any:
        return function(number)

    make.__module__ = __name__
    nodes = {f"make_{number}": {"number": value(number)} for number in range(count)}
    module = ad_hoc_utils.create_temporary_module(parameterize(**nodes)(make))
    built = driver.Builder().with_modules(module).with_cache(path=str(folder)).build()

    def called() -> Sequence[Any]:
        return list(built.execute(list(nodes)).values())

    return called


def with_files(folder: Path, function: Function, count: int) -> Callable[[], Sequence[Any]]:
    """Save each array by `numpy.save`: what is left of a cache without keys."""
    import numpy as np

    def called() -> Sequence[Any]:
        made = []
        for number in range(count):
            path = folder / f"{number}.npy"
            if not path.exists():
                np.save(path, function(number))
            made.append(np.load(path))
        return made

    return called


OTHERS: dict[str, tuple[str, Open]] = {
    "joblib.Memory": ("joblib", with_joblib),
    "pipefunc": ("pipefunc", with_pipefunc),
    "pipefunc's map": ("pipefunc", with_pipefunc_map),
    "Hamilton": ("hamilton", with_hamilton),
}


def contestants() -> dict[str, Open]:
    """Return those that are there, by their names."""
    there = {name: opened for name, (module, opened) in OTHERS.items() if find_spec(module)}
    return {OURS: ours, **there}


# How it is measured.


def spent(name: str, call: Callable[[], Any]) -> Times:
    """Say what a call has taken, by the clock and of the processors."""
    used, begun = process_time(), perf_counter()
    result = call()
    times = {name: perf_counter() - begun, f"{name} cpu": process_time() - used}
    del result
    return times


def miss_and_hit(name: str, opened: Open, function: Function, count: int) -> Callable[[], Times]:
    """Return what has a contestant make all results, find them again, and read what it found."""

    def measured() -> Times:
        with tempfile.TemporaryDirectory(prefix="cache") as folder:
            times: Times = {}
            for part in ("miss", "hit"):
                call = opened(Path(folder), function, count)
                times |= spent(f"{name} {part}", partial(_called, call, function is not small))
        return times

    return measured


def _called(call: Callable[[], Sequence[Any]], is_large: bool) -> float:
    values = call()
    return sum(map(read, values)) if is_large else float(len(values))


def wide(count: int) -> tuple[Flow, dict[str, Any]]:
    """Return a flow of so many tasks, each with an argument of its own, and its functions."""
    names = [f"t{number}" for number in range(count)]
    edges = [Edge("numbers", name, key=name) for name in names]
    flow = Flow("wide", edges, ["numbers", *names], functions=dict.fromkeys(names, "make"))
    return flow, {"numbers": lambda: {name: n for n, name in enumerate(names)}, "make": small}


def without_and_with(flow: Flow | str, space: dict[str, Any]) -> Callable[[], Times]:
    """Return what runs a flow without a cache, with an empty one and with a full one."""
    go = partial(run, flow, namespace=space, executor="threads", workers=WORKERS)

    def measured() -> Times:
        with tempfile.TemporaryDirectory(prefix="cache") as folder:
            times = spent("none", go)
            for part in ("miss", "hit"):
                times |= spent(part, partial(go, cache=folder))
        return times

    return measured


# The tables.


def table(times: Times, unit: float) -> str:
    """Write down what misses and hits have cost, and how much more than ours."""
    names = [name.removesuffix(" hit") for name in times if name.endswith(" hit")]
    rows = [["", "miss", "/ ours", "processor", "hit", "/ ours", "processor"]]
    for name in names:
        row = [name]
        for part in ("miss", "hit"):
            seconds = times[f"{name} {part}"]
            row += [f"{seconds / unit:,.1f}", f"{seconds / times[f'{OURS} {part}']:.2f}"]
            row.append(f"{times[f'{name} {part} cpu'] / unit:,.1f}")
        rows.append(row)
    return aligned(rows)


def table_of_runs(found: dict[str, Times], count: int) -> str:
    """Write down what tasks have cost without a cache, with an empty one and a full one."""
    rows = [["", "no cache", "miss", "processor", "hit", "processor"]]
    for name, times in found.items():
        parts = ("none", "miss", "miss cpu", "hit", "hit cpu")
        rows.append([name, *(f"{times[part] / count * 1e6:,.0f}" for part in parts)])
    return aligned(rows)


def kinds(size: int) -> Iterator[tuple[str, Function, dict[str, Open]]]:
    """Yield the kinds of large results that can be made here, and who keeps only such."""
    if find_spec("numpy"):
        yield f"arrays of {size / 1e6:,.0f} MB", arrays(size), {"numpy.save": with_files}
    if find_spec("pandas"):
        yield f"frames of {size / 1e7:,.0f} MB", frames(size // 10), {}
    yield f"lists of {size // 1000:,} dicts", records(size // 1000), {}


def measure_large(count: int, size: int, repeats: int) -> dict[str, Times]:
    """Return the medians of all kinds of large results."""
    contests = {
        kind: [
            miss_and_hit(name, opened, function, count)
            for name, opened in {**contestants(), **more}.items()
        ]
        for kind, function, more in kinds(size)
    }
    return in_turns(contests, repeats)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the tables if that is asked for."""
    parser = options_of(__doc__, repeats=3)
    parser.add_argument("--small", type=positive, default=1000, metavar="N")
    parser.add_argument("--large", type=positive, default=10, metavar="N")
    parser.add_argument("--megabytes", type=positive, default=100, metavar="N")
    parser.add_argument("--wide", type=positive, default=10_000, metavar="N")
    options = parser.parse_args(arguments)
    repeats = options.repeats
    calls = [miss_and_hit(name, made, small, options.small) for name, made in contestants().items()]
    of_small = in_turns({"small": calls}, repeats)["small"]
    numbered = {"numbers": lambda: list(range(options.wide)), "make": small}
    flows = {"a map": (MAP, numbered), "tasks": wide(options.wide)}
    contests = {name: [without_and_with(*flow)] for name, flow in flows.items()}
    of_runs = in_turns(contests, repeats)
    of_large = measure_large(options.large, options.megabytes * 10**6, repeats)
    peers = versions("joblib", "pipefunc", "apache-hamilton")
    parts = [f"{WORKERS} workers; medians. {machine()}; {peers}."]
    parts.append(f"{options.small:,} small results, microseconds each:")
    parts.append(table(of_small, options.small * 1e-6))
    parts.append(f"{options.wide:,} items or tasks of taskinity_nb, microseconds each:")
    parts.append(table_of_runs(of_runs, options.wide))
    for kind, times in of_large.items():
        parts.append(f"{options.large} {kind}, milliseconds each, with the reading of all:")
        parts.append(table(times, options.large * 1e-3))
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        write_table("cache", text, options.readme)


if __name__ == "__main__":
    main()
