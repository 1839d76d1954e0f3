"""Runs a flow's tasks on a cluster, which decides where each runs, and when.

What is ready is decided as anywhere else, by the frontier. But the cluster is handed more: a task
goes with all that follow it, down to where something must be known here first (how many items a map
has, whether a task is to be tried again). So workers go from task to task without
asking, and results go from worker to worker. What they report is written down in the order of the
graph: a report waits here until the frontier has its task as ready.
"""

from __future__ import annotations

import queue
import uuid
from collections import defaultdict
from collections.abc import Mapping
from time import monotonic, perf_counter_ns
from typing import Any

from ....errors import WorkerLost
from ....model.events import WIDTH, Entry, Failure, State, ended, running
from ....model.refs import MISSING, is_missing
from ....model.run import Run
from ...remote.call import CallResult
from ...remote.cluster_task import ENDED, GIVEN_UP, STARTED
from ...scheduling.backend import Backend, numbered
from ...scheduling.maps.items import GatheredRef
from ...transport.codec import failure
from .client import ClusterClient, Report
from .refs import ItemRef, RemoteRef
from .submission import Submitter

__all__ = ["Cluster"]

PATIENCE = 0.5
"""Seconds without a message after which the cluster is asked what has become of the tasks."""

LOST = (State.UPSTREAM_FAILED, State.SKIPPED)

LOOK, END = "look", "end"


class Cluster(Backend):
    """The workers of a cluster. One thread here hands over, and writes down what is reported."""

    needs_run = True

    def __init__(self, run: Run, client: ClusterClient) -> None:
        super().__init__(run, numbered("cluster"), client.workers)
        self.unused, self.unnamed = ["cluster"], 0
        self.unstoppable = client.unstoppable
        self._client = client
        client.follow()
        self._token = uuid.uuid4().hex
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._early: defaultdict[int, list[Report]] = defaultdict(list)  # before the task is ready
        self._claimed: dict[int, int] = {}  # what is ready or runs: when it became so
        self._running: dict[int, str] = {}  # and on which worker
        self._submitter: Submitter | None = None
        self._reserved: dict[str, Mapping[str, float]] = {}  # by task, as the cluster is asked for
        self._seen = 0  # how much of the log was read
        self._ready: dict[int, int] = {}  # what was read there

    # For the scheduler.

    def wake(self) -> bool:
        if self._submitter is None:
            return super().wake()
        self._inbox.put(LOOK)
        return False

    def finish(self) -> None:
        self._inbox.put(END)

    def release(self) -> None:
        self._submitter = None

    def stop(self) -> None:
        try:
            if self._submitter is not None:
                self._client.cancel(list(self._submitter.futures.values()))
        finally:
            self._inbox.put(END)  # after that nothing is known of the tasks any more

    def check_resources(self, name: str, resources: Mapping[str, float]) -> None:
        self._client.check(resources)
        self._reserved[name] = dict(resources)

    def loop(self) -> None:
        scheduler = self.scheduler
        with scheduler.lock:
            worker = self.enter()
            if worker is None:
                return
            if scheduler.stopped:
                self.leave(worker)
                return
            submitter = self._submitter = Submitter(
                scheduler, self._client, self._token, self.queue, self._reserved
            )
        self._client.router.subscribe(
            self._token, lambda sender, reports: self._inbox.put((sender, reports))
        )
        try:
            self._take(submitter)
            while self._goes_on(submitter):
                if scheduler.on_error == "stop" and scheduler.first_failed is not None:
                    self._withdraw(submitter)
        except BaseException as error:  # the cluster is gone, or a defect: never a hanging run
            scheduler.break_off(error)
        finally:
            self._client.router.unsubscribe(self._token)
            self._client.forget(self._token)
            submitter.futures.clear()
            self._early.clear()
            with scheduler.lock:
                self.leave(worker)
            scheduler.workers.see_who_is_left(self)

    # In the thread.

    def _goes_on(self, submitter: Submitter) -> bool:
        """Wait for what comes next, and deal with it; return whether the run goes on."""
        try:
            came = self._next()
        except queue.Empty:
            self._ask(submitter)
            return True
        if came == END:
            return False
        if came == LOOK:
            self._take(submitter)
            return True
        sender, reports = came
        ahead = self._client.router.ahead(sender)
        for report in reports:
            self._read(submitter, report, ahead)
        self._take(submitter)
        return not self.scheduler.stopped

    def _next(self) -> Any:
        """Return what comes next; raise `queue.Empty` if that takes long."""
        if self._client.hears_by_itself:
            return self._inbox.get(timeout=PATIENCE)
        until = monotonic() + PATIENCE
        while self._inbox.empty() and monotonic() < until:
            self._client.poll(self._token)
        return self._inbox.get_nowait()

    def _ask(self, submitter: Submitter) -> None:
        """Ask what has become of tasks of which nothing was heard."""
        waiting = {
            slot: submitter.futures[slot] for slot in self._claimed if slot in submitter.futures
        }
        counted = {slot: submitter.futures[slot] for slot in submitter.counting}
        self._client.ended(self._token, waiting | counted)

    def _given_up(self, submitter: Submitter, slot: int, error: BaseException) -> None:
        """Write down that the cluster does not try a task any more."""
        if slot not in self._running and slot not in submitter.counting:
            self._started(slot, "", self._claimed[slot])
        now = perf_counter_ns()
        began = self._claimed.get(slot, now)
        self._forget(submitter, slot)
        self._settle(
            submitter, MISSING, ended(slot, State.FAILED, now, began, 0, Failure(now, error))
        )

    def _take(self, submitter: Submitter) -> None:
        """Take all that is ready: what the cluster has not got yet is handed over."""
        scheduler = self.scheduler
        while True:
            taken = []
            with scheduler.lock:
                while (slot := scheduler.frontier.take(self.queue)) is not None:
                    taken.append(slot)
                self._read_log(submitter)
            is_any = bool(taken)
            taken = [slot for slot in taken if self._passes(submitter, slot)]
            maps = [slot for slot in taken if scheduler.is_map(slot)]
            tasks = [slot for slot in taken if not scheduler.is_map(slot)]
            for slot in tasks:
                self._claimed[slot] = self._ready.pop(slot)
            for slot, error in submitter.hand_over(tasks):
                self._forget(submitter, slot)
                self._settle(submitter, *failure(slot, error))
            for slot in maps:
                self._expand(submitter, slot)
            for slot in tasks:
                for report in self._early.pop(slot, ()):
                    self._read(submitter, report, 0)
            if not is_any:
                return

    def _passes(self, submitter: Submitter, slot: int) -> bool:
        """Tell whether a task is to run now; settle one that need not run at all."""
        scheduler = self.scheduler
        if slot not in scheduler.held:
            return True
        settled = scheduler.gate.settles(slot)
        if settled is None:
            return scheduler.is_map(slot) or scheduler.gate.admits(slot)
        self._ready.pop(slot, None)
        self._settle(submitter, *settled)
        return False

    def _read_log(self, submitter: Submitter) -> None:
        """Learn from the log when tasks became ready, and which will never run."""
        new = self.scheduler.log[self._seen :]
        self._seen += len(new)
        facts = list(zip(new[::WIDTH], new[1::WIDTH], new[2::WIDTH], strict=True))
        self._ready |= {slot: moment for slot, state, moment in facts if state is State.READY}
        for slot, state, _ in facts:
            if state in LOST and slot in submitter.futures:  # it was handed over before it was lost
                submitter.ended(slot)
                self._early.pop(slot, None)

    def _read(self, submitter: Submitter, report: Report, ahead: int) -> None:
        """Write down what a worker reports, or keep that until its task is ready."""
        kind, run, slot, attempt, worker, what, *more = report
        if attempt not in (submitter.attempts[slot], None) or slot not in submitter.futures:
            return  # it was handed over again since, or has ended
        if kind == STARTED:
            what -= ahead
        elif kind == ENDED and ahead:
            call = CallResult(*what)
            what = call._replace(started=call.started - ahead, finished=call.finished - ahead)
        if kind == GIVEN_UP and (slot in self._claimed or slot in submitter.counting):
            self._given_up(submitter, slot, what)
        elif slot in submitter.counting:
            if kind == ENDED:
                self._counted(submitter, slot, worker, CallResult(*what), *more)
        elif slot not in self._claimed:
            self._early[slot].append((kind, run, slot, attempt, worker, what, *more))
        elif kind == STARTED:
            self._started(slot, worker, what)
        else:
            self._ended(submitter, slot, worker, CallResult(*what), *more)

    def _started(self, slot: int, worker: str, moment: int) -> None:
        scheduler, ready, before = self.scheduler, self._claimed[slot], self._running.get(slot)
        self._running[slot] = worker
        moment, lost = max(min(moment, perf_counter_ns()), ready), None
        if before is not None:  # the cluster has begun it again
            name = scheduler.name_of(slot)
            lost = WorkerLost(f"worker '{before}' was lost while task '{name}' was with it")
            ready = self._claimed[slot] = moment
        scheduler.begun(slot, worker, moment, ready, lost)

    def _ended(
        self,
        submitter: Submitter,
        slot: int,
        worker: str,
        call: CallResult,
        size: int = 0,
        length: int | None = None,
    ) -> None:
        if self._running.get(slot) != worker:  # nobody has told of its start here
            self._started(slot, worker, call.started)
        scheduler, note, now = self.scheduler, self.run.record.note, perf_counter_ns()
        if scheduler.stopped:
            return
        started = max(min(call.started, now), self._claimed[slot])
        finished = max(min(call.finished, now), started)
        if any(call.output):
            note(slot, output=call.output)
            scheduler.screen.show(call.output)
        note(slot, waited=call.waited, peak=call.peak)
        value: Any = MISSING
        entry: Entry
        if call.kind == "value":
            name, future = scheduler.name_of(slot), submitter.futures[slot]
            value = RemoteRef(self._client, future, name, worker, size, length)
            entry = ended(slot, State.SUCCEEDED, finished, started, call.cpu, finished)
        else:
            state = State.TIMED_OUT if call.kind == "late" else State.FAILED
            error = submitter.error_of(slot, call)
            how = Failure(finished, error, call.frames)
            entry = ended(slot, state, finished, started, call.cpu, how)
        if slot in scheduler.held and value is not MISSING:
            scheduler.gate.keep(slot, value, entry)
        self._forget(submitter, slot)
        self._settle(submitter, value, entry)

    def _forget(self, submitter: Submitter, slot: int) -> None:
        self._claimed.pop(slot, None)
        self._running.pop(slot, None)
        submitter.ended(slot)

    def _settle(self, submitter: Submitter, value: Any, entry: Entry) -> None:
        self.scheduler.give(entry[0], value, entry)
        if entry[1] is State.SUCCEEDED:
            submitter.reach(entry[0])

    def _withdraw(self, submitter: Submitter) -> None:
        """Cancel what has not begun, because the run goes no further."""
        waiting = [slot for slot in self._claimed if slot not in self._running]
        rest = [slot for slot in submitter.futures if slot not in self._running]
        if rest:
            for slot in waiting:
                del self._claimed[slot]
            self.scheduler.withdraw([*waiting, *submitter.counting])
            submitter.counting.clear()
            self._client.cancel([submitter.futures.pop(slot) for slot in rest])

    # Maps.

    def _expand(self, submitter: Submitter, task: int) -> None:
        """Give a mapped task its items; where their number is not known, have them counted."""
        scheduler, plan = self.scheduler, self.run.plan
        sources, now = plan.items_origins(task), perf_counter_ns()
        edges = plan.maps[task]
        source = sources[0] if len(edges) == len(sources) == 1 else None
        value = self.run.record.values[source.slot] if source is not None else None
        entry: Entry = running(task, now, None, now)
        items: Any
        if all(map(scheduler.maps.is_one_by_one, edges)):
            items = None  # a stream
        elif source is None or source.kind != "item" or is_missing(value):
            items, entry = scheduler.maps.gather(task)
        elif isinstance(value, GatheredRef) and source.key is None:
            items = value.parts
        elif not isinstance(value, RemoteRef) or value.home is not self._client:
            items, entry = scheduler.maps.gather(task)
        elif source.key is None and value.length is not None:
            items = [ItemRef(value, number) for number in range(value.length)]
        else:
            submitter.count(task, value)
            return
        self._settle(submitter, items, entry)
        submitter.expanded(task)

    def _counted(
        self,
        submitter: Submitter,
        task: int,
        worker: str,
        call: CallResult,
        size: int = 0,
        length: int | None = None,
    ) -> None:
        now, future = perf_counter_ns(), submitter.futures[task]
        error = None if call.kind == "value" else submitter.error_of(task, call)
        submitter.ended(task)
        if error is not None:
            how = Failure(now, error, call.frames)
            self._settle(submitter, MISSING, ended(task, State.FAILED, now, now, call.cpu, how))
        else:
            items = RemoteRef(
                self._client, future, self.scheduler.name_of(task), worker, size, length
            )
            entry = running(task, now, None, now)
            self._settle(
                submitter, [ItemRef(items, number) for number in range(length or 0)], entry
            )
            submitter.expanded(task)
