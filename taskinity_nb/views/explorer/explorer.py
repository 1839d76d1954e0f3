"""The explorer: how would this flow go on other workers? Asked with a slider, answered by a run.

For each move of a slider the schedule is played here (a millisecond for 500 tasks) by the policy of
the engine, and its bars go to the browser as numbers, which draws them. To send the schedules of
all numbers of workers beforehand would be quicker by the few milliseconds of the way, but would
cost a megabyte for what nobody looks at, and again after each run.
"""

from __future__ import annotations

import contextvars
import os
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Mapping
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...dsl.read import parse_dsl
from ...engine.run import start
from ...errors import Cancelled, FlowError, UnpicklableError
from ...formatting import visible
from ...model.binding import resolve
from ...model.extents.expanded import expanded
from ...model.flow import Flow
from ...model.limits.capacities import Rate, capacities
from ...model.refs import is_ref
from ...model.run import Run
from ..charts.gantt_bars import SIMULATED
from ..live.live_graph import LiveGraph, publish, view_of
from ..style.environment import in_kernel
from ..style.words import labels_of, own_labels
from .encoding import errors_of
from .state import ExplorerState, Settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ...analysis.prediction.simulate import Timeline
    from ..live.widget import GraphWidget

__all__ = ["Explorer", "explore"]

MOST_DRAWN = 1000
"""Tasks up to which there is a picture for those who see no widget."""

NO_PICTURE = {"text/html": "", "text/plain": ""}
"""What is shown where a picture can be left: only what was shown once can be updated later."""


def explore(
    flow_or_run: Flow | Run | str,
    inputs: Any = None,
    *,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    executor: str | Executor | None = None,
    workers: int | None = None,
    cache: bool | str | PathLike[str] | None = None,
    resources: Mapping[str, float | str | Rate] | None = None,
) -> Explorer:
    """Predict a flow on other workers with sliders, and check the prediction by running it.

    In a notebook it shows sliders for the number of workers and for the inputs that are numbers,
    the predicted Gantt chart and speed-up curve, and a button that really runs the flow, in the
    background, and lays what was measured over what was predicted.

    Parameters
    ----------
    flow_or_run : Flow, Run or str
        What to explore. Durations are those of the run, or of the last run of the flow in this
        process; where there is none, each task counts 1 until the flow has run.
    inputs : object, optional
        As in `run`; by default those of the run.
    namespace : mapping of str to callable, or module, optional
        Where the functions are, as in `run`.
    executor : str or concurrent.futures.Executor, optional
        What is chosen at first; by default the run's, threads for a flow. One of your own can be
        chosen beside the words; it is not shut down.
    workers : int, optional
        Where the slider stands at first; by default at the run's, at the cores for a flow.
    cache : bool or path, optional
        Whether the button runs the flow with a cache, as in `run`; by default as the run did.
    resources : mapping of str to float or str, optional
        How much there is of what tasks ask for, as in `run`; by default what the run had.

    Returns
    -------
    Explorer
        Shows itself in a notebook; its `run` is the last run.

    Raises
    ------
    FlowError
        If the run is not done, or `workers` is no whole number from 1 on.
    TypeError
        If it is neither a flow nor a run.

    Examples
    --------
    >>> functions = {"load": lambda: [3, 4], "total": sum}
    >>> explorer = explore("load -> total", namespace=functions, workers=2)
    >>> explorer
    <Explorer of flow: no durations are known yet, so each task counts 1: 2 on 2 workers>
    >>> explorer.start()
    >>> explorer.wait()["total"]
    7
    """
    if isinstance(flow_or_run, Run):
        flow, run = flow_or_run.flow, flow_or_run
        return Explorer(flow, inputs, namespace, executor, workers, cache, resources, run=run)
    flow = parse_dsl(flow_or_run) if isinstance(flow_or_run, str) else flow_or_run
    if not isinstance(flow, Flow):
        name = type(flow).__name__
        raise TypeError(f"explore takes a flow or a run, not {name}: explore(flow)")
    return Explorer(flow, inputs, namespace, executor, workers, cache, resources)


class Explorer:
    """What `explore` returns: shows itself in a notebook.

    Parameters
    ----------
    flow : Flow
        What to explore.
    inputs, namespace, executor, workers, cache, resources
        As in `explore`.
    run : Run, optional
        A run of it that is done.
    on_run : callable, optional
        Called with each run that has ended, in a thread of its own.

    Attributes
    ----------
    run : Run or None
        The last run.
    """

    def __init__(
        self,
        flow: Flow,
        inputs: Any = None,
        namespace: Mapping[str, Any] | ModuleType | None = None,
        executor: str | Executor | None = None,
        workers: int | None = None,
        cache: bool | str | PathLike[str] | None = None,
        resources: Mapping[str, float | str | Rate] | None = None,
        *,
        run: Run | None = None,
        on_run: Callable[[Run], None] | None = None,
    ) -> None:
        before = _called(run)
        inputs = before.get("inputs") if inputs is None else inputs
        ran_on = before.get("executor") or getattr(run, "executor", "threads")
        ran_on = "threads" if ran_on == SIMULATED else ran_on
        self._namespace = before.get("namespace") if namespace is None else namespace
        self._cache = before.get("cache") if cache is None else cache
        had = {} if run is None else run.resources
        self._resources = had if resources is None else capacities(resources)
        flow = expanded(flow, inputs, self._namespace)
        self._state = ExplorerState(
            flow, inputs, executor or ran_on, workers, run, ran_on, self._resources
        )
        self.flow, self.run = flow, run
        self._on_run = on_run
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._over.set()
        self._going: Run | None = None
        self._is_cancelled = False
        self._graph: _GraphPart | None = None
        self._displays: list[str] = []
        self._make_widget()

    def _make_widget(self) -> None:
        from ipywidgets import VBox

        from .widget import ExplorerWidget

        state, labels, problem = self._state, {}, ""
        try:
            plan = resolve(self.flow, state.inputs, self._namespace)
            labels = labels_of(plan)
        except FlowError as error:
            problem = f"As it is, the flow cannot run: {error}"
        self._labels = own_labels(labels)
        self.widget = ExplorerWidget(
            self._hear,
            title=visible(self.flow.name),
            names=[labels.get(name, name) for name in self.flow.tasks],
            executors=list(state.executors),
            sliders=[slider._asdict() for slider in state.sliders],
            most=state.most,
            steps=state.steps,
            problem=problem,
            **state.traits(),
        )
        self.box = VBox([self.widget])

    def _show(self, **traits: Any) -> None:
        """Send what has changed, in one message."""
        with self._lock:
            if self.widget.picture != "no":
                traits["picture"] = "yes" if self._is_drawn() else "nothing"
            self.widget.tell(**(self._state.traits() | traits))

    def _hear(self, content: Mapping[str, Any]) -> None:
        """Do what the browser asks for."""
        action = content["action"]
        if action == "set":
            with self._lock:
                self._state.set(content)
                answered = {key: content.get(key) for key in ("view", "number")}
                self._show(answered=answered)
        else:
            {"run": self.start, "cancel": self.cancel, "picture": self.leave_picture}[action]()

    def start(self) -> None:
        """Run the flow as it is set, in the background; nothing if it runs already."""
        with self._lock:
            if not self._over.is_set():
                return
            settings = self._state.counting
            knows = self._state.in_seconds
            predicted = self._state.predict(settings) if knows else None
            self._over.clear()
            self._going, self._is_cancelled = None, False
            self._show(going="yes", problem="", status="running …")
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._go, settings, predicted), name="explorer", daemon=True
        ).start()

    def cancel(self) -> None:
        """Cancel the run that goes on."""
        with self._lock:
            if self._over.is_set():
                return
            self._is_cancelled = True
            self._show(going="cancelling", status="cancelling …")
            run = self._going
        if run is not None:
            run.cancel()

    def wait(self, timeout: float | None = None) -> Run | None:
        """Wait until the run has ended, and return it; what it raised is shown, not raised.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on.
        """
        if not self._over.wait(timeout):
            raise TimeoutError(f"flow '{self.flow.name}' has not ended in {timeout} s; it goes on")
        return self.run

    def _go(self, settings: Settings, predicted: Timeline | None) -> None:
        """Run, to the end; in a thread of its own."""
        error: BaseException | None = None
        try:
            going = start(
                self.flow, self._state.given(settings),
                executor=self._state.executors[settings.executor],
                workers=settings.workers, namespace=self._namespace,
                cache=self._cache, resources=self._resources, observers=[self._new_graph()],
            )  # fmt: skip
            with self._lock:
                self.run = self._going = going
                is_cancelled = self._is_cancelled
            if is_cancelled:
                going.cancel()
            going.wait()
        except BaseException as caught:  # whatever it is, it is shown
            error = caught
        try:
            self._end(settings, predicted, error)
        finally:
            self._over.set()

    def _end(
        self, settings: Settings, predicted: Timeline | None, error: BaseException | None
    ) -> None:
        """Show how a run ended, and go by it if it went well."""
        run, status, problem = self._going, "nothing ran", ""
        if error is not None and not isinstance(error, Cancelled):
            problem = errors_of(run, error)
        with self._lock:
            if run is not None:
                self._state.remember(settings, run, predicted)
                status = f"last run: {run.state.words}"
            self._show(going="no", status=status, problem=problem)
        if run is not None and self._on_run is not None:
            self._on_run(run)

    def _new_graph(self) -> LiveGraph:
        """Show the live graph of a new run below the charts, in place of the last one."""
        before, self._graph = self._graph, _GraphPart(self.flow, labels=self._labels)
        widget = self._graph.widget()
        self.box.children = [self.widget, *([] if widget is None else [widget])]
        if before is not None:
            before.discard()
        return self._graph

    # Display.

    def __repr__(self) -> str:
        return f"<Explorer of {self.flow.name}: {self._state.told()}>"

    def _ipython_display_(self) -> None:
        if not in_kernel():
            print(repr(self))
            return
        display_id = uuid.uuid4().hex
        self._displays.append(display_id)
        # Voilà shows an output once, and what is updated later never.
        has_place = "voila" not in os.environ.get("SERVER_SOFTWARE", "")
        if has_place:
            self.widget.picture = "yes" if self._is_drawn() else "nothing"
        publish(view_of(self.box) | self._picture(), display_id)
        if has_place:
            publish(NO_PICTURE, f"{display_id}-picture")

    def leave_picture(self) -> None:
        """Leave a picture of what is shown below the explorer, to be saved; the explorer stays."""
        with self._lock:
            displays, picture = list(self._displays), self._picture()
        for display_id in displays:
            publish(picture, f"{display_id}-picture", update=True)

    def close(self) -> None:
        """Leave a picture of what is shown in place of the explorer, to be saved."""
        with self._lock:
            displays, self._displays = self._displays, []
            picture = self._picture() if displays else {}
        for display_id in displays:
            publish(picture, display_id, update=True)
            publish(NO_PICTURE, f"{display_id}-picture", update=True)
        if self._graph is not None:
            self._graph.discard()
        for widget in (self.widget, self.box):
            widget.layout.close()
            widget.close()

    def _is_drawn(self) -> bool:
        """Tell whether there is a picture of it."""
        return self._state.in_seconds and len(self.flow.tasks) <= MOST_DRAWN

    def _picture(self) -> dict[str, Any]:
        """Return what is shown where there are no widgets: the chart, and words."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if not self._is_drawn():
            return bundle
        from ..charts.figure import GanttFigure, figure_of
        from ..charts.plots import plot_gantt, plot_speedup

        timeline, has_run = self._state.shown()
        run = self.run
        if has_run and run is not None and run.done:
            axes = plot_gantt(timeline, run)
        else:
            axes = plot_speedup(timeline.run)
        figure = figure_of(axes)
        assert isinstance(figure, GanttFigure)
        png, _ = figure._repr_png_()
        return bundle | {"image/png": b64encode(png).decode("ascii")}


class _GraphPart(LiveGraph):
    """The live graph as a part of the explorer, which shows its widget."""

    def widget(self) -> GraphWidget | None:
        """Return the widget, which from now on is told of the run."""
        self._widget = self._make_widget()
        return self._widget

    def discard(self) -> None:
        """Close the widget."""
        if self._inspector is not None:
            self._inspector.close()
        if self._widget is not None:
            self._widget.discard()


def _called(run: Run | None) -> Mapping[str, Any]:
    """Return what a run was called with, as far as that is known."""
    control = None if run is None else run.control
    called = {} if control is None else control.called
    inputs = called.get("inputs")
    if is_ref(inputs):  # the run was read back
        try:
            inputs = inputs.fetch()
        except UnpicklableError:
            inputs = None  # what it was given was not pickled; then it has no sliders for it
    return {**called, "inputs": inputs}
