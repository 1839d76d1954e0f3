"""Running flows: `run`, `start`, and the two functions of the usage guide."""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args

from ..dsl.read import parse_dsl
from ..errors import FlowError, suggestion
from ..formatting import not_whole
from ..model.annotations.misfits import warn_of_misfits
from ..model.extents.extent import names_in
from ..model.flow import Flow
from ..model.limits.capacities import Rate
from ..model.plan import Plan
from ..model.run import Run
from .control import Control
from .executors import EXECUTORS, backends_for, processes_at_hand
from .observers import Observer, watch
from .rerun.given import collected_overrides, planned
from .rerun.inputs import check_takers, collected_inputs
from .rerun.looking_back import look_back
from .runtime.cores import available_cores
from .runtime.interrupts import allow_interrupts, defer_interrupts
from .scheduling.limits.demands import limits_of
from .scheduling.limits.machine import what_there_is
from .scheduling.scheduler import Keep, OnError, Scheduler

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from .cache.run_cache import RunCache

__all__ = [
    "EXECUTORS",
    "available_cores",
    "run",
    "run_flow_from_dsl",
    "run_parallel_flow_from_dsl",
    "start",
]


def run(
    flow: Flow | str,
    inputs: Any = None,
    *,
    executor: str | Executor = "threads",
    workers: int | None = None,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    on_error: OnError = "raise",
    keep: Keep = "all",
    resume: Run | None = None,
    targets: str | Iterable[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    rerun: str | Iterable[str] = (),
    cache: bool | str | PathLike[str] | None = None,
    resources: Mapping[str, float | str | Rate] | None = None,
    observers: Sequence[Observer] = (),
) -> Run:
    """Run a flow and wait for its end.

    Parameters
    ----------
    flow : Flow or str
        What to run; a text is parsed.
    inputs : object, optional
        A mapping of parameter names (or ``"task.parameter"``) to values, or one value for the first
        task.
    executor : str, concurrent.futures.Executor or distributed.Client
        ``"sequential"``, ``"threads"``, ``"processes"``, ``"dask"``, ``"ray"``, the address of a
        Dask scheduler, or any executor or Dask client; it is not shut down.
    workers : int, optional
        How many tasks may run at once; by default the standard library's number of threads, the
        number of cores for processes, or what the executor has.
    namespace : mapping of str to callable, or module, optional
        Where the functions are; by default ``__main__`` (the notebook), then the registered tasks.
    on_error : {"raise", "stop", "continue"}
        After a task has failed: finish what does not depend on it and then raise; start nothing new
        and then raise; or finish and return the run.
    keep : {"all", "last"}
        Keep every result, or let go of one, or of an item, when all that takes it has succeeded.
    resume : Run, optional
        An earlier run of the flow: what it has a result for is kept, unless its function or inputs
        have changed or it follows a task that runs again.
    targets : str or iterable of str, optional
        The only tasks that are wanted, by their names in the flow: these run, and what they need.
        The others are left out, and need neither a function nor an input; ``result`` is that of the
        target, or a dict of those of the targets. A flow in the flow may be named too.
    overrides : mapping of str to object, optional
        Results that are given: these tasks do not run, nor does what only they need. Of a mapped
        task it is a list.
    rerun : str or iterable of str
        Tasks that are not taken from `resume` or `cache`, so that they run again. Without these all
        tasks run anyway.
    cache : bool or path, optional
        Whether results are taken from the cache and put there, so that a task whose function and
        arguments are what they were in any run before need not run, also after a restart. True is
        for the folder ``.taskinity/cache``, a path for another one. ``run.tasks["name"].why`` tells
        of each task what was saved, what has changed, or why it is not cached. A file counts by its
        size and time where a ``pathlib.Path`` leads to it. What else a task reads is not known:
        files that it opens by a text or finds in a folder, the environment, the network, the clock,
        the global state of ``random`` and ``numpy.random``; give it as an input, or write
        ``@task(cache=False)``.
    resources : mapping of str to float or str, optional
        How much the run may use at once of what its tasks ask for with ``@task(resources=)``: a
        number, a size such as ``"2 GB"``, or a rate such as ``"10/s"``, of what may begin in that
        time. What would be more waits, and is `ready` meanwhile. On a cluster, what is not named
        here is the cluster's to give.
    observers : sequence of callable
        Each is called with ``(list of Event, run)``, some times a second and at the end.

    Returns
    -------
    Run
        A mapping of task name to result, and the record.

    Raises
    ------
    DSLSyntaxError, UnknownTaskError, BindingError
        Before anything runs, if the flow cannot.
    TaskError
        If a task failed; its ``.run`` holds what was computed.
    Cancelled
        If it was interrupted or cancelled; its ``.run`` holds what was finished.
    ExecutorError
        If the executor is unknown, closed or breaks, or a task asks for more than there is.

    Examples
    --------
    >>> functions = {"load": lambda: [3, 4], "total": lambda numbers: sum(numbers)}
    >>> result = run("load -> total", namespace=functions)
    >>> result["total"], result.result
    (7, 7)

    Up to one task, and with a result that is given:

    >>> run("load -> total -> report", namespace=functions, targets="total").result
    7
    >>> run("load -> total", namespace=functions, overrides={"load": [1, 1]}).result
    2
    """
    with defer_interrupts() as interrupts:
        begun, control = _schedule(
            flow, inputs, executor=executor, workers=workers, namespace=namespace,
            on_error=on_error, keep=keep, resume=resume, targets=targets, overrides=overrides,
            rerun=rerun, cache=cache, resources=resources, observers=observers,
        )  # fmt: skip
        try:
            control.start()
            control.wait(begun)
            return begun
        except KeyboardInterrupt:
            interrupts.forget()
            cancelled = control.interrupted(begun)
            interrupts.forget()  # one that came meanwhile wants the same
            if on_error != "continue":
                raise cancelled from None
            return begun
        except BaseException:  # also what a handler of a signal raises while this waits
            control.cancel()  # unless it has ended: nothing goes on behind the caller's back
            raise
        finally:
            del begun  # what a task raised refers to this frame, and the run to what it raised


def start(
    flow: Flow | str,
    inputs: Any = None,
    *,
    executor: str | Executor = "threads",
    workers: int | None = None,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    on_error: OnError = "raise",
    keep: Keep = "all",
    resume: Run | None = None,
    targets: str | Iterable[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    rerun: str | Iterable[str] = (),
    cache: bool | str | PathLike[str] | None = None,
    resources: Mapping[str, float | str | Rate] | None = None,
    observers: Sequence[Observer] = (),
) -> Run:
    """Start a flow and return at once; the parameters are those of `run`.

    Returns
    -------
    Run
        Going on: ``run.wait(timeout=None)``, ``run.cancel()``, ``run.done``.

    Examples
    --------
    >>> going = start("answer", namespace={"answer": lambda: 42})
    >>> going.wait()["answer"]
    42
    """
    with defer_interrupts():
        begun, control = _schedule(
            flow, inputs, executor=executor, workers=workers, namespace=namespace,
            on_error=on_error, keep=keep, resume=resume, targets=targets, overrides=overrides,
            rerun=rerun, cache=cache, resources=resources, observers=observers,
        )  # fmt: skip
        try:
            if executor == "sequential":
                threading.Thread(target=control.start, name="taskinity_nb", daemon=True).start()
            else:
                control.start()
        except KeyboardInterrupt:
            control.cancel()
            raise
        except BaseException as error:
            control.break_off(error)
        return begun


def run_flow_from_dsl(dsl: str, input_data: Any = None) -> Run:
    """Run the flow of a text, one task after the other.

    Parameters
    ----------
    dsl : str
        The text of the flow.
    input_data : object, optional
        Its inputs, as in `run`.

    Examples
    --------
    >>> from taskinity_nb import task
    >>> @task
    ... def twice(number): return 2 * number
    >>> run_flow_from_dsl("twice", 21)["twice"]
    42
    """
    return run(dsl, input_data, executor="sequential")


def run_parallel_flow_from_dsl(
    dsl: str,
    input_data: Any = None,
    executor: str | Executor | None = None,
    max_workers: int | None = None,
) -> Run:
    """Run the flow of a text in parallel.

    Parameters
    ----------
    dsl : str
        The text of the flow.
    input_data : object, optional
        Its inputs, as in `run`.
    executor : str or concurrent.futures.Executor, optional
        As in `run`; threads by default. It is not shut down.
    max_workers : int, optional
        How many tasks may run at once.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from taskinity_nb import task
    >>> @task
    ... def halve(number): return number / 2
    >>> with ThreadPoolExecutor(max_workers=4) as executor:
    ...     run_parallel_flow_from_dsl("halve", 84, executor=executor)["halve"]
    42.0
    """
    chosen = "threads" if executor is None else executor
    return run(dsl, input_data, executor=chosen, workers=max_workers)


class Options(TypedDict):
    """The options of `run`."""

    executor: str | Executor
    workers: int | None
    namespace: Mapping[str, Any] | ModuleType | None
    on_error: OnError
    keep: Keep
    resume: Run | None
    targets: str | Iterable[str] | None
    overrides: Mapping[str, Any] | None
    rerun: str | Iterable[str]
    cache: bool | str | PathLike[str] | None
    resources: Mapping[str, float | str | Rate] | None
    observers: Sequence[Observer]


def _schedule(
    flow: Flow | str, inputs: Any = None, **options: Unpack[Options]
) -> tuple[Run, Control]:
    """Get a run ready to start."""
    _refuse_in_starting_process()
    workers = options["workers"]
    _check("on_error", options["on_error"], get_args(OnError))
    _check("keep", options["keep"], get_args(Keep))
    if workers is not None:
        if wrong := not_whole("workers", workers):
            raise FlowError(wrong)
        options["workers"] = operator.index(workers)
    if isinstance(flow, str):
        flow = parse_dsl(flow)
    inputs = allow_interrupts(collected_inputs)(inputs)
    targets, rerun = _once_named(options, "targets"), _once_named(options, "rerun")
    options["overrides"] = allow_interrupts(collected_overrides)(options["overrides"])
    plan, given, again = planned(
        flow, inputs, options["namespace"],
        targets=targets, overrides=options["overrides"], rerun=rerun,
    )  # fmt: skip
    check_takers(plan)
    allow_interrupts(warn_of_misfits)(plan)
    cache = _cache_for(options["cache"], again)
    with ExitStack() as if_it_fails:
        if cache is not None:
            if_it_fails.callback(cache.close)
        begun = _prepared(plan, flow, inputs, options, cache, given, again)
        if_it_fails.pop_all()
    return begun


def _prepared(
    plan: Plan,
    flow: Flow,
    inputs: Any,
    options: Options,
    cache: RunCache | None,
    given: Mapping[str, Any],
    again: Collection[str],
) -> tuple[Run, Control]:
    """Return the run of a plan, with what is kept for it."""
    executor, workers = options["executor"], options["workers"]
    there_is = what_there_is(plan, options["resources"], executor, workers, processes_at_hand)
    look = partial(look_back, is_bounded=cache is None)
    prints, kept = allow_interrupts(look)(plan, options["resume"], given, again)
    if cache is not None:
        cache.prints = prints
        cache.recall(plan.flow)
    limits = limits_of(plan, there_is)
    run, backends, queues = backends_for(plan, executor, workers, there_is)  # its clock starts
    for slot, why in kept.reasons.items():
        run.record.note(slot, why=why)
    scheduler = Scheduler(
        run, backends, options["on_error"], queues=queues, keep=options["keep"],
        kept=kept.results, kept_items=kept.items, cache=cache, limits=limits,
    )  # fmt: skip
    options["resume"], options["rerun"] = None, ()  # an earlier run is not kept alive
    called = {"inputs": inputs, **options}
    run.control = control = Control(scheduler, partial(_again, flow, called), called, prints)
    if cache is not None:
        control.compared = cache.compared
        control.when_finished.append(cache.close)
    if options["observers"]:
        control.when_finished.append(watch(run, options["observers"], scheduler.finished))
    return run, control


def _once_named(options: Options, name: Literal["targets", "rerun"]) -> Any:
    """Return the names of an option, which may be told by what can be read only once."""
    if options[name] is not None:
        options[name] = names_in(options[name], name)
    return options[name]


def _cache_for(cache: Any, rerun: Collection[str]) -> RunCache | None:
    """Open the cache that an option means, if there is to be one."""
    if cache is None or cache is False:
        return None
    from .cache.run_cache import cache_for  # it needs a database, which takes its time to import

    return cache_for(cache, rerun)


def _again(flow: Flow, called: Mapping[str, Any], earlier: Run, /, **changes: Any) -> Run:
    """Run a flow again for `Run.resume`."""
    known = {"flow": flow, **called}
    wrong = next((name for name in changes if name not in known or name == "resume"), None)
    if wrong is not None:
        raise TypeError(f"resume() takes the options of run(), of which '{wrong}' is none")
    return run(**(known | changes | {"resume": earlier}))


def _check(name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        words = " or ".join([", ".join(map(repr, known[:-1])), repr(known[-1])])
        hint = suggestion(str(value), known)
        raise FlowError(f"{name} is {words}, not {value!r}", remedy=hint)


def _refuse_in_starting_process() -> None:
    """Stop a script that a starting worker process imports again, before it runs itself again."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and getattr(processes.current_process(), "_inheriting", False):
        from .backends.futures import GUARD

        raise FlowError("a flow was started while a worker process was starting", remedy=GUARD)
