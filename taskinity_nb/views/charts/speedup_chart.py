"""What a chart of speed-up over workers says: measured points, predicted curves, and its words."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...analysis.judgement import Judgement, judge
from ...analysis.measuring.compare import Case, Comparison
from ...analysis.prediction.scaling import MOST_WORKERS, WORTH_A_WORKER, knee_of, makespans
from ...analysis.prediction.workload import Workload, workload_of
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

FAR = 1.2
"""What differs from what is predicted by such a factor needs a word why."""

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
    """All that is drawn; the bound and the knee are those of the series `main`.

    There is no knee where nothing can be said of how many workers are worth having.
    """

    series: tuple[Series, ...]
    main: int
    bound: float
    knee: tuple[int, float] | None
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
    judgement = judge(run)
    load = workload_of(run)
    knee = knee_of(load)
    most = _most(run.workers, knee)
    base = run.work
    if judgement.kind == "incomplete":  # what is predicted has the other tasks, too
        (base,) = makespans(load, [1])
    curve = _curve(load, base, most, {knee, run.workers})
    point = Point(run.workers, run.speedup, run.speedup, run.speedup)
    alone = "1 = one task after the other"
    if judgement.tells_work:
        alone += f", {judgement.bound}{time_text(run.work)}"
    gain = speed(run.speedup) if judgement.holds else f"in {time_text(run.makespan)}"
    return _chart(
        (Series(printable(run.executor), (point,), curve),),
        0,
        run.work / run.lower_bound(math.inf),
        knee,
        max(most, run.workers),
        f"{elided(run.flow.name, 40)}; measured: {on_workers(run)}; line: predicted; {alone}",
        f"{run.flow.name}: {on_workers(run)} {gain}",
        judgement,
        {printable(run.executor): "starting workers and tasks took the rest"},
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
    series, why = [], {}
    for executor, cases in by_executor.items():
        points = tuple(
            Point(case.workers, base / case.max, base / case.median, base / case.min)
            for case in sorted(cases, key=lambda case: case.workers)
        )
        source = min(cases, key=lambda case: case.median)
        why[printable(executor)] = _reason(source.run, base)
        curve: tuple[tuple[int, float], ...] = ()
        if source is best:
            curve = _curve(load, base, most, {knee, *(case.workers for case in cases)})
        elif executor != "sequential" and source.run.work:
            also = {case.workers for case in cases}
            curve = _curve(workload_of(source.run), base, most, also)
        series.append(Series(printable(executor), points, curve))
    repeats = counted(len(best.seconds), "repeat")
    told = comparison.baseline or "one task after the other"
    judgement = comparison.judgement
    gain = f"in {time_text(best.median)}"
    if judgement.holds:
        gain = f"{speed(base / best.median)} than {told}"
    return _chart(
        tuple(series),
        list(by_executor).index(best.executor),
        best.run.work / best.run.lower_bound(math.inf),
        knee,
        max(most, measured),
        f"{elided(comparison.flow.name, 40)}; points: median, min and max of {repeats}; "
        f"lines: predicted; 1 = {told}, {time_text(base)}",
        f"{comparison.flow.name}: {best.label} {gain}",
        judgement,
        why,
    )


def _reason(run: Run, base: float) -> str:
    """Tell why what was measured of an executor may differ from what is predicted from a run."""
    judgement = judge(run)
    if judgement.kind in ("busy", "lock"):
        return judgement.words.partition(":")[0]
    if base > FAR * run.work:
        return "its tasks took longer in the sequential run"
    if run.work > FAR * base:
        return "its tasks took longer beside each other"
    return "a whole run takes more than its tasks, or its repeats differ"


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
    """Predict up to `most` workers, and on those of `also`; large runs on fewer numbers.

    No prediction is better than that each worker counts in full: a `base` that was measured with
    another clock, or at another time, may be longer than what the tasks are known to take.
    """
    affordable = max(FEWEST, MOST_TASKS // len(load.seconds))
    counts = set(range(1, most + 1))
    if most > affordable:
        factor = most ** (1 / (affordable - 1))
        counts = {round(factor**step) for step in range(affordable)}
    numbers = sorted(counts | also)
    seconds = makespans(load, numbers)
    return tuple(
        (count, min(float(count), base / one))
        for count, one in zip(numbers, seconds, strict=True)
        if one > 0
    )


def _chart(
    series: tuple[Series, ...],
    main: int,
    bound: float,
    knee: int,
    most: int,
    subtitle: str,
    measured: str,
    judgement: Judgement,
    why: dict[str, str],
) -> SpeedupChart:
    curve = dict(series[main].curve)
    several = sum(bool(one.curve) for one in series) > 1
    name = series[main].name if several else ""
    off = {one.name: far for one in series if (far := _far_off(one)) is not None}
    if not judgement.holds:
        title = f"{judgement.words[:1].upper()}{judgement.words[1:]}"
        summary = f"Speed-up of {measured}; {judgement.words}"
    elif series[main].name in off:
        title = _title_of_what_was_measured(off[series[main].name], name)
        summary = f"Speed-up of {measured}; {title[:1].lower()}{title[1:]}"
    else:
        title = _title(curve, knee, name)
        summary = f"Speed-up of {measured}; predicted: {title[:1].lower()}{title[1:]}"
    if judgement.holds:
        subtitle = "; ".join([*_differences(off, why), subtitle])
    says_knee = judgement.holds and series[main].name not in off
    note = f"; {judgement.note}" if judgement.note else ""
    return SpeedupChart(
        series,
        main,
        bound,
        (knee, curve[knee]) if says_knee else None,
        most,
        title,
        f"{subtitle}{note}",
        printable(summary),
    )


class _Far(NamedTuple):
    """A point that is far from what is predicted."""

    workers: int
    measured: float
    predicted: float


def _far_off(series: Series) -> _Far | None:
    """Return the point of a series that differs most from its curve, if it is far from it."""
    curve = dict(series.curve)
    points = [_Far(point.workers, point.middle, curve[point.workers])
              for point in series.points if curve.get(point.workers) and point.middle]  # fmt: skip

    def distance(far: _Far) -> float:
        return max(far.measured / far.predicted, far.predicted / far.measured)

    farthest = max(points, key=distance, default=None)
    return farthest if farthest is not None and distance(farthest) > FAR else None


def _differences(off: dict[str, _Far], why: dict[str, str]) -> list[str]:
    """Tell of each executor why it is far from what is predicted."""
    return [f"{name} off the line: {why[name]}" for name in off if name in why]


def _title_of_what_was_measured(far: _Far, executor: str) -> str:
    """Tell what was measured where the prediction does not hold."""
    on = (
        f"{executor} on {counted(far.workers, 'worker')}"
        if executor
        else (f"on {counted(far.workers, 'worker')}")
    )
    text = f"{on}: {far.measured:.2f} times as fast, predicted {far.predicted:.2f}"
    return f"{text[:1].upper()}{text[1:]}"


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
