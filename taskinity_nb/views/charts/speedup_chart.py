"""What a chart of speed-up over workers says: measured points, predicted curves, and its words."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...analysis.measuring.compare import Case, Comparison
from ...analysis.prediction.scaling import MOST_WORKERS, WORTH_A_WORKER, knee_of, makespans
from ...analysis.prediction.simulate import Workload, workload_of
from ...engine.runtime.cores import available_cores
from ...errors import FlowError
from ...formatting import counted, elided, percent, printable, speed, time_text
from ...model.run import Run
from ..style.words import on_workers

__all__ = ["Point", "Series", "SpeedupChart", "chart_of_speedup"]

MOST_TASKS = 60_000
"""Tasks that are played for a curve, over all its points: beyond, it has fewer points."""

FEWEST = 8
"""Points of a curve, however many tasks a run has."""

MUCH = 20
"""Per cent that all further workers gain together, from which on they are not told as few."""


class Point(NamedTuple):
    """What was measured on a number of workers: the speed-up of the median, and its spread."""

    workers: int
    low: float
    middle: float
    high: float


class Series(NamedTuple):
    """One executor: what was measured on it, and ``(workers, speed-up)`` as predicted."""

    name: str
    points: tuple[Point, ...]
    curve: tuple[tuple[int, float], ...] = ()


class SpeedupChart(NamedTuple):
    """All that is drawn; the bound and the knee are those of the series `main`."""

    series: tuple[Series, ...]
    main: int
    bound: float
    knee: tuple[int, float]
    most: int
    title: str
    subtitle: str
    summary: str


def chart_of_speedup(measured: Run | Comparison) -> SpeedupChart:
    """Choose what to draw, and predict."""
    if isinstance(measured, Comparison):
        return _of_comparison(measured)
    if isinstance(measured, Run):
        return _of_run(measured)
    raise TypeError(
        f"plot_speedup takes a run or a comparison, not {type(measured).__name__}: "
        "plot_speedup(run)"
    )


def _of_run(run: Run) -> SpeedupChart:
    if not run.done:
        raise FlowError("the run is not done; wait for it before predicting from it")
    _check_work(run)
    load = workload_of(run)
    knee = knee_of(load)
    most = _most(run.workers, knee)
    curve = _curve(load, run.work, most, {knee, run.workers})
    point = Point(run.workers, run.speedup, run.speedup, run.speedup)
    alone = f"1 = one task after the other, {time_text(run.work)}"
    return _chart(
        (Series(printable(run.executor), (point,), curve),),
        0,
        run.work / run.lower_bound(math.inf),
        knee,
        max(most, run.workers),
        f"{elided(run.flow.name, 40)}; measured: {on_workers(run)}; line: predicted; {alone}",
        f"{run.flow.name}: {on_workers(run)} {speed(run.speedup)}",
    )


def _of_comparison(comparison: Comparison) -> SpeedupChart:
    by_executor: dict[str, list[Case]] = {}
    for case in comparison.cases:
        by_executor.setdefault(case.executor, []).append(case)
    parallel = [case for case in comparison.cases if case.executor != "sequential"]
    best = min(parallel or comparison.cases, key=lambda case: case.median)
    _check_work(best.run)
    # Without a baseline, what the best run would take one task after the other is the measure.
    base = best.baseline or best.run.work
    measured = max(case.workers for case in comparison.cases)
    load = workload_of(best.run)
    knee = knee_of(load)
    most = _most(measured, knee)
    series = []
    for executor, cases in by_executor.items():
        points = tuple(
            Point(case.workers, base / case.max, base / case.median, base / case.min)
            for case in sorted(cases, key=lambda case: case.workers)
        )
        source = min(cases, key=lambda case: case.median)
        curve: tuple[tuple[int, float], ...] = ()
        if source is best:
            curve = _curve(load, base, most, {knee, *(case.workers for case in cases)})
        elif executor != "sequential" and source.run.work:
            also = {case.workers for case in cases}
            curve = _curve(workload_of(source.run), base, most, also)
        series.append(Series(printable(executor), points, curve))
    repeats = counted(len(best.seconds), "repeat")
    told = comparison.baseline or "one task after the other"
    return _chart(
        tuple(series),
        list(by_executor).index(best.executor),
        base / best.run.lower_bound(math.inf),
        knee,
        max(most, measured),
        f"{elided(comparison.flow.name, 40)}; points: median, min and max of {repeats}; "
        f"lines: predicted; 1 = {told}, {time_text(base)}",
        f"{comparison.flow.name}: {best.label} {speed(base / best.median)} than {told}",
    )


def _check_work(run: Run) -> None:
    if not run.work:
        raise FlowError(
            f"no task of this run of flow '{run.flow.name}' took any time",
            remedy="draw a run whose tasks succeeded",
        )


def _most(measured: int, knee: int) -> int:
    """Return up to how many workers is predicted."""
    return min(MOST_WORKERS, max(2 * available_cores(), 2 * measured, knee + 2, 8))


def _curve(
    load: Workload, base: float, most: int, also: set[int]
) -> tuple[tuple[int, float], ...]:  # fmt: skip
    """Predict up to `most` workers, and on those of `also`; large runs on fewer numbers."""
    affordable = max(FEWEST, MOST_TASKS // len(load.seconds))
    counts = set(range(1, most + 1))
    if most > affordable:
        factor = most ** (1 / (affordable - 1))
        counts = {round(factor**step) for step in range(affordable)}
    numbers = sorted(counts | also)
    seconds = makespans(load, numbers)
    return tuple(
        (count, base / one) for count, one in zip(numbers, seconds, strict=True) if one > 0
    )


def _chart(
    series: tuple[Series, ...],
    main: int,
    bound: float,
    knee: int,
    most: int,
    subtitle: str,
    measured: str,
) -> SpeedupChart:
    curve = dict(series[main].curve)
    several = sum(bool(one.curve) for one in series) > 1
    title = _title(curve, knee, series[main].name if several else "")
    words = f"{title[:1].lower()}{title[1:]}"
    return SpeedupChart(
        series,
        main,
        bound,
        (knee, curve[knee]),
        most,
        title,
        subtitle,
        printable(f"Speed-up of {measured}; predicted: {words}"),
    )


def _title(curve: dict[int, float], knee: int, executor: str) -> str:
    """Tell how many workers are worth having, and what more would gain."""
    pay = "one worker is enough" if knee == 1 else f"up to {knee} workers pay"
    highest = max(curve.values())
    gain = round(100 * (highest / curve[knee] - 1))
    more = min(count for count, times in curve.items() if times >= highest * 0.999) - knee
    if more < 1 or gain < 1:
        rest = "" if knee >= MOST_WORKERS else "; more gain nothing"
    elif gain <= MUCH and gain < 100 * WORTH_A_WORKER * more:
        rest = f"; {more} more would gain {gain} %"
    else:
        rest = f"; further ones gain less than {percent(WORTH_A_WORKER)} each"
    text = f"{pay}{rest}"
    text = f"{executor}: {text}" if executor else text
    return f"{text[:1].upper()}{text[1:]}"
