"""What the explorer knows: what is set, what follows from it, and what was measured before."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from ...analysis.judgement import judge
from ...analysis.prediction.predictor import Predictor
from ...analysis.prediction.scaling import MOST_WORKERS
from ...engine.runtime.cores import available_cores
from ...errors import FlowError
from ...formatting import counted, elided, not_whole, speed, time_text
from ...model.events import State
from ...model.flow import Flow
from ...model.limits.capacities import Capacities
from ...model.run import Run
from ..charts.gantt_bars import SIMULATED
from ..style.words import outcome, saved_by_cache
from .encoding import (
    Laid,
    Slider,
    as_given,
    inputs_of,
    laid_over,
    off_by,
    packed,
    peak_told,
    sliders_of,
    steps_of,
)

if TYPE_CHECKING:
    from ...analysis.prediction.simulate import Timeline

__all__ = ["ExplorerState", "Settings", "sentence"]

LONGEST_SHOWN = 30
"""Characters of a text in a sentence."""

WORDS = ("sequential", "threads", "processes")


class Settings(NamedTuple):
    """What is set: the number of workers, the name of the executor, and inputs."""

    workers: int
    executor: str
    values: tuple[Any, ...]


class _Ran(NamedTuple):
    """What is known of settings that have run: the bars, the prediction for them, and words."""

    laid: Laid
    predicted: Timeline | None
    told: str
    how: str
    """What is written at its end: that it was measured, or how else it ended."""


class ExplorerState:
    """A flow, what is set of it, and what is predicted and measured.

    What is chosen at first are `executor` and `workers`, by default as many as the run has, or as
    there are cores. A `run` is one of the flow that is done, with these inputs, and `ran_on` what
    it ran on.

    Attributes
    ----------
    executors : dict of str to object
        What can be chosen, by the names that people see.
    settings : Settings
        What is set.
    most : int
        How many workers can be set.
    steps : list of int
        The numbers of workers at which a slider stops.

    Examples
    --------
    >>> state = ExplorerState(Flow("Example", [("a", "b"), ("a", "c")]), workers=1)
    >>> state.traits()["shown"]["told"]
    'No durations are known yet, so each task counts 1: 3 on 1 worker.'
    >>> state.set({"workers": 2})
    >>> state.traits()["shown"]["makespan"]
    2.0
    """

    def __init__(
        self,
        flow: Flow,
        inputs: Any = None,
        executor: Any = "threads",
        workers: int | None = None,
        run: Run | None = None,
        ran_on: Any = "threads",
        resources: Capacities | None = None,
    ) -> None:
        if workers is not None and (wrong := not_whole("workers", workers)):
            raise FlowError(wrong)
        self.flow, self.inputs = flow, inputs_of(flow, inputs)
        self.executors: dict[str, Any] = {word: word for word in WORDS}
        name = self._offer(executor)
        self.sliders = sliders_of(self.inputs, flow.inputs)
        self._resources = resources or {}
        self._predictor = Predictor(flow if run is None else run, ran_on, resources)
        self._ran: dict[Settings, _Ran] = {}
        self._last: Settings | None = None  # of those that have run
        self._points: dict[str, list[dict[str, Any]]] = {}
        self.settings = self._base = Settings(
            operator.index(workers or (available_cores() if run is None else run.workers)),
            name,
            tuple(slider.value for slider in self.sliders),
        )
        self.most = max(MOST_WORKERS, self.settings.workers)
        self.steps = steps_of(available_cores(), self.most, self.settings.workers)
        is_whole = run is not None and not any(
            record.state is State.CACHED for record in run.tasks.values()
        )  # what is run from here computes all tasks
        if run is not None and is_whole and run.executor != SIMULATED and self.in_seconds:
            self.remember(self.settings._replace(executor=self._offer(ran_on)), run, None)

    def _offer(self, executor: Any) -> str:
        """Let an executor be chosen, and return what people see of it."""
        if isinstance(executor, str):
            name = executor
        else:
            kind = type(executor).__name__
            names = chain([f"{kind} (yours)"], (f"{kind} (yours, {i})" for i in count(2)))
            name = next(n for n in names if self.executors.get(n, executor) is executor)
        self.executors[name] = executor
        return name

    @property
    def in_seconds(self) -> bool:
        """Whether durations are known; if not, each task counts 1."""
        return self._predictor.in_seconds

    @property
    def counting(self) -> Settings:
        """What is set, with as many workers as count on that executor."""
        executor = self.executors[self.settings.executor]
        size = 1 if executor == "sequential" else getattr(executor, "_max_workers", None)
        workers = self.settings.workers
        return self.settings._replace(
            workers=min(workers, size) if isinstance(size, int) else workers
        )

    def set(self, asked: Mapping[str, Any]) -> None:
        """Set what a message of the browser says, as far as it can be set."""
        workers, executor, values = self.settings
        if isinstance(asked.get("workers"), int):
            workers = min(max(1, asked["workers"]), self.most)
        if asked.get("executor") in self.executors:
            executor = asked["executor"]
        given = asked.get("values")
        if isinstance(given, list) and len(given) == len(values):
            values = tuple(
                _as_set(slider, value) if slider.takes(value) else before
                for slider, value, before in zip(self.sliders, given, values, strict=True)
            )
        self.settings = Settings(workers, executor, values)

    def given(self, settings: Settings) -> Any:
        """Return the flow's inputs as they are set."""
        changed = {
            slider.name: value
            for slider, value in zip(self.sliders, settings.values, strict=True)
            if value != slider.value
        }

        def now(name: str, before: Any) -> Any:
            return as_given(changed[name], before) if name in changed else before

        if isinstance(self.inputs, Mapping):
            return {key: now(str(key), value) for key, value in self.inputs.items()}
        return now(self.sliders[0].name, self.inputs) if self.sliders else self.inputs

    def predict(self, settings: Settings) -> Timeline:
        """Predict, from what is known now."""
        return self._predictor.predict(self.executors[settings.executor], settings.workers)

    def shown(self) -> tuple[Timeline, bool]:
        """Return what is shown as predicted, and whether the last run lies over it."""
        settings = self.counting
        ran = self._ran.get(settings)
        if ran is not None and ran.predicted is not None:
            return ran.predicted, settings == self._last
        return self.predict(settings), False

    def traits(self) -> dict[str, Any]:
        """Return what a browser needs to show what is set (see `ExplorerWidget`)."""
        settings = self.counting
        ran = self._ran.get(settings)
        predicted = self.shown()[0]
        bars, rows = packed(predicted)
        points = self._points.get(settings.executor, [])
        now = self.predict(settings).makespan  # a run since then may have taught another
        is_alone = ran is not None and not self.in_seconds  # of another unit than the prediction
        curve = self._predictor.curve(self.executors[settings.executor])
        return {
            "settings": {**self.settings._asdict(), "counts": settings.workers},
            "predicted": b"" if is_alone else bars,
            "measured": b"" if ran is None else ran.laid.bars,
            "shown": {
                "makespan": predicted.makespan,
                "measured": None if ran is None else ran.laid.makespan,
                "rows": rows if ran is None else max(rows, ran.laid.rows),
                "seconds": self.in_seconds or is_alone,
                "speed": curve.alone / now if now else 1.0,
                "told": sentence(self.told()),
                "memory": peak_told(predicted, self._resources),
                "how": "" if ran is None else ran.how,
                "for": "" if ran is not None else self._base_inputs(settings)[0],
            },
            "curve": {
                "points": curve.points,
                "knee": curve.knee if self._predictor.judgement.holds else None,
                "measured": points,
            },
        }

    def told(self) -> str:
        """Write what is predicted for what is set, or how far a prediction was off."""
        settings = self.counting
        if settings in self._ran:
            return self._ran[settings].told
        seconds = self.predict(settings).makespan
        on = f"on {counted(settings.workers, 'worker')}"
        if settings.executor == "sequential":
            on = "one after the other"
        if not self.in_seconds:
            return f"no durations are known yet, so each task counts 1: {seconds:g} {on}"
        told = f"predicted {time_text(seconds)} {on}"
        if settings.workers > 1 and seconds:
            alone = self._predictor.curve(self.executors[settings.executor]).alone
            judgement = self._predictor.judgement
            if not judgement.holds:
                told += f" ({judgement.words})"
            elif alone > seconds:
                told += f", {speed(alone / seconds)} than on one"
        known, new = self._base_inputs(settings)
        if not known:
            return told
        return f"how long it takes with {new} is not predicted; with {known}: {told}"

    def _base_inputs(self, settings: Settings) -> tuple[str, str]:
        """Write the inputs that are predicted from, and those that are set, where they differ."""
        changed = [
            (f"{slider.name} = {_shown(value)}", f"{slider.name} = {_shown(now)}")
            for slider, value, now in zip(
                self.sliders, self._base.values, settings.values, strict=True
            )
            if value != now
        ]
        known, new = zip(*changed, strict=True) if changed else ((), ())
        return ", ".join(known), ", ".join(new)

    def remember(self, settings: Settings, run: Run, predicted: Timeline | None) -> str:
        """Keep how a run went with these settings, and return it in words.

        A run that succeeded is what is predicted from, from now on. The prediction that it is
        compared with was made before; where nothing was known then, it is one from the run itself.
        """
        settings = settings._replace(workers=run.workers)
        saved = saved_by_cache(run)  # then it says nothing of how long the flow takes
        went_well = run.state is State.SUCCEEDED and not saved
        if went_well:
            self._predictor.learn(run, self.executors[settings.executor])
            self._base = settings
        if not went_well:
            told = f"{run.state.value} after {time_text(run.makespan)} ({outcome(run) or saved})"
        elif predicted is not None:
            told = off_by(predicted.makespan, run.makespan)
        else:
            predicted = self.predict(settings)
            told = off_by(predicted.makespan, run.makespan, "from this very run")
        if went_well and judge(run).holds:
            what = f"{settings.executor} on {counted(run.workers, 'worker')}: {told}"
            self._points[settings.executor] = [
                *self._points.get(settings.executor, ()),
                {"workers": run.workers, "speed": run.speedup, "told": what},
            ]
        self._ran[settings] = _Ran(
            laid_over(run, predicted),
            predicted,
            told,
            "measured" if went_well else f"{run.state.words} after",
        )
        self._last = settings
        return told


def _as_set(slider: Slider, value: Any) -> Any:
    if slider.kind != "number":
        return value
    return round(value) if slider.whole else float(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool | str):
        return elided(repr(value), LONGEST_SHOWN)
    return f"{value:g}"


def sentence(text: str) -> str:
    """Write a text as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
