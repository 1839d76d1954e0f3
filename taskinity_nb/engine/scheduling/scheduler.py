"""The scheduler: decides when each task runs, and writes down what happened.

There is no coordinator. Each worker runs `WorkerLoop.loop`: it claims the best ready task, has it
performed, settles it and takes the next, all under one lock that is held for a microsecond. What
differs between threads, processes and other executors is only how a task is performed (`Perform`)
and who runs the loops (`Backend`). A run has a backend for each executor that its tasks ask for;
each takes from its own queue of the frontier.

No wake-up is lost. What holds whenever the lock is free: if something is ready in a queue, a worker
of its backend is going to claim. It has a name and performs a task, was woken, or is on its way.
For

* a worker that finds nothing says so (`Backend.rest`) under the same hold of the lock in which it
  has found nothing: one that parks is among the `idle` from then on, one that ends has given its
  name back. Who makes something ready later finds it there, wakes it, or asks for a new loop. Were
  the name given back under a later hold, a task that becomes ready in between would find nobody;
* who makes a task ready looks for a worker under that same hold (`WorkerLoop.wake_others`), or is
  itself a worker that takes from that queue, and claims next; and who claims has one more woken if
  there is more (`claim`);
* a loop that was asked for counts as on its way (`Backend.starting`) until it begins or it is known
  that it does not; then the run goes on with those who are left, or ends with an error.

Should that be wrong somewhere, the last worker to go sees that tasks are left, and the run ends
with an error that says so (`WorkerLoop.see_who_is_left`).

No code of the user's runs under the lock: what is let go of (`WorkerLoop.dropped`) dies after it.

The log (`model.events`) is the truth: every fact is appended under the lock, in order, and what
comes after the end of a task is not appended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from time import perf_counter_ns
from typing import Any, Literal

from ...errors import ExecutorError, FlowError, described, is_skip
from ...model.events import Entry, Failure, State, entered, running
from ...model.refs import MISSING
from ...model.run import Run
from ...model.task import Task
from ..remote.process.capture import StreamProxies
from ..runtime.locks import is_held
from ..runtime.waiting import SignalSafeEvent
from .backend import Backend, Worker
from .consumers import Consumers
from .cut_off import cut_off
from .frontier import Frontier
from .history import order_of
from .limits.admission import Limits
from .maps.gate import Gate
from .maps.mapped import MappedTasks
from .protocols import Cache
from .retries import Retries
from .screen import Screen
from .worker_loop import WorkerLoop

__all__ = ["Keep", "OnError", "Scheduler"]

READY, RUNNING = State.READY, State.RUNNING  # what is asked for at each task

OnError = Literal["raise", "stop", "continue"]
Keep = Literal["all", "last"]


class Scheduler:
    """Runs a plan to its end; what others may ask of it, `Scheduling` says.

    Parameters
    ----------
    run : Run
        Where results and the log are written.
    backends : sequence of Backend
        Who does the work; the place of each is the number of its queue.
    on_error : {"raise", "stop", "continue"}
        What a failed task means to the rest, and to `wait`.
    queues : sequence of int, optional
        In which queue each task is; by default all are in queue 0.
    keep : {"all", "last"}
        Whether a result is let go when the last task that takes it is done.
    kept, kept_items : mapping of int to object, and to mapping of int to object
        Results that are given, or of an earlier run: of tasks, and of items by task and item.
    cache : Cache, optional
        Where results of other runs are found, and those of this one put.
    limits : Limits, optional
        How much there is of what tasks ask for.
    """

    def __init__(
        self,
        run: Run,
        backends: Sequence[Backend],
        on_error: OnError = "raise",
        *,
        queues: Sequence[int] | None = None,
        keep: Keep = "all",
        kept: Mapping[int, Any] | None = None,
        kept_items: Mapping[int, Mapping[int, Any]] | None = None,
        cache: Cache | None = None,
        limits: Limits | None = None,
    ) -> None:
        plan, flow = run.plan, run.flow
        waiting, followers = flow.structure.waiting, flow.structure.followers
        self.run, self.backends = run, backends
        self.workers = WorkerLoop(self)
        self.on_error, self.finished = on_error, SignalSafeEvent()
        # Reentrant: the garbage collector may call a finalizer of the user's while it is held.
        self.lock = threading.RLock()
        self.log, self._values = run.record.log, run.record.values
        self._kept, self._left_out = kept or {}, plan.left_out
        settled = self._kept.keys() | self._left_out.keys()
        self.mapped = plan.maps.keys() - settled
        self.frontier = Frontier(
            waiting, followers, order_of(flow), settled,
            queues=queues, streams=plan.streams(self.mapped), tolerant=plan.tolerant,
        )  # fmt: skip
        self._consumers = Consumers(run, self.workers.dropped) if keep == "last" else None
        self.maps = MappedTasks(self, kept_items or {}, self._consumers)
        self.gate, self.is_limited = Gate(self, self.maps, cache, limits), limits is not None
        gated = plan.gated if cache is None else frozenset(range(len(waiting)))
        self.gated = gated if limits is None else gated | limits.demands.keys()
        self.held, self.count = self.mapped | (self.gated - settled), len(waiting)
        self.left = self.count - len(settled)  # how many tasks have not ended
        self.proxies = StreamProxies()  # for what is printed here
        self.screen = Screen(flow.name)  # and for what is printed elsewhere
        self.stopped = False  # nothing new starts, and what still runs is not waited for
        self.broken: BaseException | None = None
        self.first_failed: int | None = None
        self.has_refs = len(backends) > 1 or bool(kept)
        self.retries = Retries(self)
        for queue, backend in enumerate(backends):
            backend.scheduler, backend.queue = self, queue

    # Life of a run.

    def start(self) -> None:
        """Write down what is ready, and start as many workers as can be used."""
        with self.lock:
            if self.stopped:  # before it has begun
                return
            self._begin()
        self.workers.catch_up()

    def _begin(self) -> None:
        log, now = self.log, self.run.record.origin
        for task, value in self._kept.items():
            self._values[task] = value
            log += entered(task, State.CACHED, now)
            if self._consumers is not None:
                self._consumers.let_go(task, self.maps.release)
        self._kept = {}
        for task, why in self._left_out.items():
            log += entered(task, State.SKIPPED, now, why)
        for task in self.frontier.starting:
            log += entered(task, State.READY, now)
        if not self.left:
            self._finish()
            return
        for backend in self.backends:
            for _ in range(min(self.frontier.ready(backend.queue), backend.spare)):
                self.workers.wake(backend)

    def break_off(self, error: BaseException) -> None:
        if not issubclass(type(error), FlowError):
            raw = error
            error = ExecutorError(
                f"the run was ended by {described(raw)}",
                remedy="its cause is not an error of a task; run.resume() keeps what is done",
            )
            error.__cause__ = raw
        self.end_early(State.FAILED, error)

    def end_early(self, state: State, error: BaseException | None = None) -> None:
        """Cancel what has not started, stop what can be stopped, and end the run."""
        if is_held(self.lock):  # a finalizer, in the middle of what is done under the lock
            late = threading.Thread(target=self.end_early, args=(state, error), daemon=True)
            late.start()
            return
        with self.lock:
            if self.finished.is_set() or self.stopped:
                return
            self.stopped, self.broken = True, error
            backends = self.backends
            items = (range(first, first + count) for first, count in self.maps.where.values())
            slots = chain(range(self.count), *items)
            cut_off(self.run.record, slots, self.workers.by_name)
            self._finish(state)
        for backend in backends:
            backend.stop()
        with self.lock:
            self.part()
        self.workers.drop()

    def _finish(self, state: State | None = None) -> None:
        if self.finished.is_set():  # by the end of a map, in the middle of what has led to it
            return
        self.proxies.close()
        failed = self.first_failed is not None
        ended = state or (State.FAILED if failed else State.SUCCEEDED)
        self.run.record.end(ended, perf_counter_ns())
        self.retries.close()
        try:
            self.gate.learn()
        finally:  # whatever happens there, nobody waits for ever
            backends = self.backends
            self.part()
            self.finished.set()
            for backend in backends:
                backend.finish()

    def part(self) -> None:
        """Let go of the run once no worker needs it, so that it is freed when nobody names it.

        What a failed task raised refers to the frames that called it, and so to this scheduler;
        from here it must not go on to the run, which holds what was raised.
        """
        is_needed = self.stopped or any(backend.needs_run for backend in self.backends)
        if not self.backends or (
            is_needed and not all(backend.has_nobody for backend in self.backends)
        ):
            return
        self.maps.part()
        self.gate.part()
        for backend in self.backends:
            del backend.run
        self.backends = ()
        del self.run, self.log, self._values, self.maps, self.retries, self._consumers, self.gate

    # The workers.

    def claim(self, backend: Backend, worker: Worker) -> int | None:
        frontier = self.frontier
        task = None if self.stopped else frontier.take(backend.queue)
        if task is None:
            if not (self.stopped or self.finished.is_set()):
                backend.rest(worker)
            return None
        if self.is_limited:
            self.gate.reserve(task)
        if backend.starts_at_claim and task not in self.held:
            now, log = perf_counter_ns(), self.log
            log += (task, RUNNING, now, worker.name, now, None)
            if self.retries.timed:
                self.retries.watch(task, backend, worker)
        # Is there somebody, and something to do?
        if (backend.idle or backend.unused or backend.unnamed) and frontier.ready(backend.queue):
            self.workers.wake(backend)
        return task

    def started(self, task: int, backend: Backend, worker: Worker, submitted: int) -> None:
        with self.lock:
            if not self.stopped:
                self.log += running(task, submitted, worker.name, submitted)
                if self.retries.timed:
                    self.retries.watch(task, backend, worker)

    def begun(
        self, task: int, worker: str, at: int, submitted: int, lost: BaseException | None = None
    ) -> None:
        with self.lock:
            if self.stopped:
                return
            if lost is not None:
                self.log += entered(task, State.RETRYING, at, lost)
                self.log += entered(task, State.READY, at)
            self.log += running(task, at, worker, submitted)

    def retrying(self, task: int, error: BaseException) -> bool:
        with self.lock:
            if not self.stopped:
                self.log += entered(task, State.RETRYING, perf_counter_ns(), error)
                self.run.record.forget_output(task)
            return not self.stopped

    # The end of a task.

    def settle(self, task: int, value: Any, entry: Entry, delay: float | None = None) -> None:
        if self.is_limited:
            self.gate.leave(task)
        if delay is not None:
            self.retries.again(task, entry, delay)
            return
        if task >= self.count:
            self.maps.settle(task, value, entry)
            return
        if value is MISSING:
            self.left -= 1
            self._fail(task, entry)
        elif entry[1] is RUNNING:
            self.maps.expand(task, value, entry)
            return
        else:
            log = self.log
            self.left -= 1
            log += entry
            self._values[task] = value
            received = entry[5]
            ready = self.frontier.done(task)
            for follower in ready:
                log += (follower, READY, received, None, None, None)
            if ready and len(self.backends) > 1:
                self.workers.wake_others()
            if self._consumers is not None:
                self._consumers.let_go(task, self.maps.release)
        if not self.left:
            self._finish()

    def _fail(self, task: int, entry: Entry) -> None:
        """Write down that a task has no result, and so its descendants have none."""
        log, now = self.log, perf_counter_ns()
        state, how = State.UPSTREAM_FAILED, entry[5]
        if entry[1] is State.SKIPPED:
            state = State.SKIPPED
        elif isinstance(how, Failure) and is_skip(how.error):
            state = State.SKIPPED
            entry = entered(task, state, entry[2], how.error)
        elif entry[1] in (State.FAILED, State.TIMED_OUT) and self.first_failed is None:
            self.first_failed = task
        log += entry
        lost, ready = self.frontier.fail(task)
        for descendant in lost:
            log += entered(descendant, state, now, task)
        if state is State.SKIPPED and self._consumers is not None:
            has_run = isinstance(how, Failure)  # it has skipped itself, and does so anew if resumed
            for skipped in lost if has_run else (task, *lost):
                self._consumers.let_go(skipped, self.maps.release)
        for follower in ready:
            log += entered(follower, READY, now)
        self.left -= len(lost)
        if ready and len(self.backends) > 1:
            self.workers.wake_others()
        self.abandon_after_failure()

    def abandon_after_failure(self) -> None:
        if self.on_error != "stop" or self.first_failed is None:
            return
        now, log, maps = perf_counter_ns(), self.log, self.maps
        self.gate.call_back()
        for task in self.frontier.abandon():
            log += entered(task, State.CANCELLED, now)
            if task < self.count:
                self.left -= 1
            else:
                maps.cancel(task)
        for task in list(maps.where):
            maps.close_if_ended(task)

    def withdraw(self, slots: Sequence[int]) -> None:
        with self.lock:
            if not (self.stopped or self.finished.is_set()):
                for slot in slots:
                    self.frontier.again(slot)
                self.abandon_after_failure()
                if not (self.left or self.finished.is_set()):
                    self._finish()

    # For the backends.

    def is_map(self, task: int) -> bool:
        return task in self.mapped

    def owner(self, slot: int) -> int:
        return slot if slot < self.count else self.frontier.owner(slot)

    def task_of(self, slot: int) -> Task:
        return self.run.plan.bindings[self.owner(slot)].task

    def name_of(self, slot: int) -> str:
        task = self.owner(slot)
        name = self.run.flow.tasks[task]
        return name if task == slot else f"{name}[{slot - self.maps.where[task].first}]"

    def arguments(self, slot: int) -> tuple[list[Any], dict[str, Any]]:
        if slot < self.count and slot not in self.held:
            return self.run.plan.arguments(slot, self._values)
        return self.maps.arguments(slot)

    def give(self, task: int, value: Any, entry: Entry) -> None:
        """Settle a task that was claimed beside the one that a loop claimed."""
        delay = None
        if value is MISSING and not self.stopped:
            delay = self.retries.delay(task, entry)
        with self.lock:
            if not self.stopped:
                self.settle(task, value, entry, delay)
        self.workers.catch_up()

    def claim_more(self, backend: Backend, fits: Callable[[int], bool]) -> list[int]:
        more: list[int] = []
        with self.lock:
            while not self.stopped:
                task = self.frontier.peek(backend.queue)
                if task is None or task in self.held or not fits(task):
                    break
                self.frontier.take(backend.queue)
                more.append(task)
        return more
