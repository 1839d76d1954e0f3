"""Tasks in processes of our own pool, a thread here for each process.

Short tasks travel together: where the time that their functions took says that all of them will
take less than `LONGEST`, one batch holds several. What a task returns that is large lies in a
file that the next task's process maps; it comes to this process when somebody asks for it. Tasks
of which that is so travel alone: the next task may take a result, and let it go, before there are
more.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter_ns
from typing import Any, NamedTuple

from ....errors import WorkerLost
from ....model.events import Entry, Failure, Helpers, State, ended
from ....model.refs import MISSING, is_ref
from ....model.run import Run
from ....strangers import is_interrupt
from ...remote.call import CallResult
from ...remote.process.printed import Output
from ...remote.surroundings.common import taken
from ...remote.surroundings.displays import publish
from ...remote.surroundings.logs import handle
from ...scheduling.backend import SETTLED, LoopBackend, Perform, Worker, numbered
from ...scheduling.cut_off import Meter
from ...scheduling.failures import timed_out
from ...transport.codec import Encoder, failure, unpack
from ...transport.shipment import Shipment
from .endings import end_of
from .pool import ProcessEnded, WorkerProcess, forewarn, give_back, lease, made_ready
from .store import Store
from .tickets import MOST
from .turns import Turn, Turns, starved, tell_limit

__all__ = ["Processes"]

LIVES = 3
"""A task whose worker dies is tried so often in all."""

LONGEST = 0.05
"""Seconds that the tasks of a batch with more than one may take in all."""


class Load(NamedTuple):
    """A task in a batch."""

    slot: int
    key: int
    function: Shipment
    arguments: bytes


ELSEWHERE = {"log": handle, "display": publish}
"""What a task does in its worker, and is to be seen here."""


class Batch:
    """Tasks that travel together, how many of them have ended, and in whose presence."""

    def __init__(self, loads: list[Load], *, alone: bool = False) -> None:
        self.loads, self.alone = loads, alone
        self.done = 0
        self.turn: Turn

    @property
    def left(self) -> list[Load]:
        """Those that have not ended."""
        return self.loads[self.done :]


Ended = tuple[int, Any, Entry]
"""The slot of a task, its value, and how it ended."""


class Processes(LoopBackend):
    """The workers of our pool."""

    def __init__(self, run: Run, workers: int, name: str = "process") -> None:
        super().__init__(run, numbered(name), workers)
        self.settings = pickle.dumps(("settings", taken()))
        forewarn(self.settings, min(workers, len(run.flow.tasks)))
        self.store = Store()
        self.encoder = Encoder(run.plan, self.store.pack, ship=self.store.ship)
        self.busy: dict[Worker, tuple[WorkerProcess, Batch]] = {}
        self.seconds: dict[int, float] = {}  # how long a function took, by the key of the encoder
        self.large: set[int] = set()  # those that have returned what lies in a file
        self.turns = Turns()
        self.stopped = False

    def performer(self) -> Perform:
        return _PooledProcess(self)

    def dismiss(self, perform: Perform) -> None:
        assert isinstance(perform, _PooledProcess)
        perform.give_back()

    def end_attempt(self, worker: Worker) -> bool:
        if worker in self.busy:
            process, _ = self.busy[worker]
            if worker.meter is not None:
                worker.meter.read()
            process.is_late = True
            process.kill()
        return True

    def stop(self) -> None:
        """Kill the processes that are at work."""
        with self.scheduler.lock:
            self.stopped = True
            for process, _ in self.busy.values():
                process.kill()
        self.turns.close()

    def rest(self, worker: Worker) -> None:
        """Note that a worker has found nothing, unless it can take over what waits for another."""
        super().rest(worker)
        batches = [each for each in self.busy.values() if len(each[1].left) > 1]
        if batches:
            process, batch = max(batches, key=lambda each: len(each[1].left))
            taken = process.tickets.take_back(len(batch.left) // 2)
            if taken:
                slots = [load.slot for load in batch.loads[-taken:]]
                del batch.loads[-taken:]
                self.scheduler.withdraw(slots)
                if not self.scheduler.finished.is_set():
                    self.scheduler.workers.wake_others()

    def release(self) -> None:
        self.encoder.forget()
        self.store.let_go()

    def learn(self, key: int, seconds: float, value: Any) -> None:
        """Remember how long a function took, and whether it made something large: it may again."""
        self.seconds[key] = max(seconds, 0.5 * self.seconds.get(key, 0.0))
        if is_ref(value):
            self.large.add(key)

    def expected(self, slot: int) -> float | None:
        """Return the seconds that a task will take, or None if it must travel alone."""
        task = self.scheduler.task_of(slot)
        if task.retries or task.timeout:
            return None
        key = self.encoder.key(self.scheduler.owner(slot))
        return None if key in self.large else self.seconds.get(key)


class _PooledProcess:
    """Performs tasks in one process, which is replaced if it dies."""

    def __init__(self, backend: Processes) -> None:
        self._backend = backend
        self._process: WorkerProcess | None = lease(backend.settings)
        self._outputs: dict[int, Output] = {}  # of tasks that have not ended

    def __call__(self, slot: int, worker: Worker) -> tuple[Any, Entry]:
        """Perform a task, and settle those that travel with it."""
        scheduler = self._backend.scheduler
        beside = scheduler.claim_more(self._backend, self._room_beside(slot))
        if not beside:
            ((_, value, entry),) = self._perform([slot], worker)
            return value, entry
        for other, value, entry in self._perform([slot, *beside], worker):
            scheduler.give(other, value, entry)
            self._leave_to_others()
        return MISSING, SETTLED

    def _leave_to_others(self) -> None:
        """Have another worker do what has become ready, since this one goes on with its batch."""
        workers = self._backend.scheduler.workers
        with self._backend.scheduler.lock:
            workers.wake_others()
        workers.catch_up()

    def _room_beside(self, slot: int) -> Callable[[int], bool]:
        """Return what tells whether one more task fits into the batch of a task."""
        backend = self._backend
        first = backend.expected(slot)
        room = LONGEST if first is None else LONGEST - first
        # The last tasks are dealt out one by one, so that no worker waits for another's batch.
        places = backend.scheduler.frontier.backlog(backend.queue) // (2 * backend.workers)
        places = min(places, MOST - 1)

        def fits(other: int) -> bool:
            nonlocal room, places
            expected = backend.expected(other)
            if first is None or expected is None or expected > room or not places:
                return False
            room, places = room - expected, places - 1
            return True

        return fits

    def _perform(self, slots: list[int], worker: Worker) -> Iterator[Ended]:
        """Yield how each task ended; one whose process dies is tried again, alone."""
        loads: list[Load] = []
        for slot in slots:
            try:
                loads.append(self._pack(slot))
            except BaseException as error:  # looking for a key runs code of the user's
                if is_interrupt(error):
                    raise
                yield slot, *failure(slot, error)
        batches = deque([Batch(loads)] if loads else [])
        lives, turns = dict.fromkeys(slots, LIVES), self._backend.turns
        while batches:
            batch = batches.popleft()
            batch.turn = turns.take(alone=batch.alone)
            try:
                for slot, value, entry in self._send(batch, worker):
                    if value is MISSING and self._may_find_memory(batch, entry):
                        batches.append(Batch([batch.loads[batch.done - 1]], alone=True))
                    else:
                        yield slot, value, entry
            except ProcessEnded:
                code, is_late = self._bury(worker)
                if not is_late and batch.turn.has_starved(code):
                    yield from self._starve(batch, batches)
                for load in batch.left:
                    lives[load.slot] -= 1
                    if is_late:
                        yield self._late(load.slot, worker)
                    elif self._may_live(load.slot, lives[load.slot], end_of(code)):
                        batches.append(Batch([load]))
                    else:
                        yield load.slot, *failure(load.slot, self._lost(load.slot, end_of(code)))
            except MemoryError as error:  # for the arguments, or for the results: half are sent
                if self._process is not None:
                    self._process.kill()
                    self._bury(worker)
                for load in batch.left:
                    self._keep_output(load.slot)
                    yield load.slot, *failure(load.slot, error)
            finally:
                turns.leave(batch.turn)

    def _pack(self, slot: int) -> Load:
        scheduler, encoder = self._backend.scheduler, self._backend.encoder
        task = scheduler.owner(slot)
        args, kwargs = scheduler.arguments(slot)
        function = self._backend.store.functions[encoder.function(task)]
        arguments = encoder.arguments(task, args, kwargs, partial(scheduler.name_of, slot))
        return Load(slot, encoder.key(task), function, arguments)

    def _send(self, batch: Batch, worker: Worker) -> Iterator[Ended]:
        """Hand over a batch, and yield how each task ended."""
        backend, scheduler = self._backend, self._backend.scheduler
        process = self._ready(batch.loads[0].slot)
        if worker.meter is None or not worker.meter.is_of(process.pid):
            worker.meter = Meter(process.pid, process.pid)
        submitted = perf_counter_ns()
        scheduler.started(batch.loads[0].slot, backend, worker, submitted)
        loads = [load[2:] for load in batch.loads]
        with scheduler.lock:
            backend.busy[worker] = process, batch
            if backend.stopped:
                process.kill()
        process.send(backend.encoder.epoch, backend.store.folders, loads)
        if len(loads) > 1:
            with scheduler.lock:  # not before: what was not sent cannot be taken back
                if backend.idle:
                    backend.wake()  # it has found nothing, and may take over some of these
        begun, is_last = 1, False
        while not is_last:
            kind, content = process.receive()
            if kind == "output":
                place, texts = content
                self._print(batch.loads[place].slot, texts)
                continue
            if kind in ELSEWHERE:
                scheduler.screen.do(partial(ELSEWHERE[kind], content[1]))
                continue
            calls, is_last = content
            for reply in calls:
                call, load = CallResult(*reply), batch.loads[batch.done]
                if batch.done == begun:
                    scheduler.started(load.slot, backend, worker, submitted)
                    begun += 1
                self._keep_output(load.slot)
                name = scheduler.name_of(load.slot)
                value, entry = unpack(name, load.slot, submitted, call, backend.store.read)
                self._note(load.slot, call)
                backend.learn(load.key, (entry[2] - entry[3]) * 1e-9, value)
                batch.done += 1
                yield load.slot, value, entry
            with scheduler.lock:  # the one that is next is not taken back
                if batch.done == begun < len(batch.loads):
                    scheduler.started(batch.loads[begun].slot, backend, worker, submitted)
                    begun += 1
        with scheduler.lock:  # so that nobody is about to kill it
            del backend.busy[worker]
        if process.is_late:  # it was killed just after it had answered
            self._bury(worker)

    def _ready(self, slot: int) -> WorkerProcess:
        """Return the process, or a new one for this task if there is none that can be used."""
        process, self._process = self._process, None
        if process is None or not process.is_at_hand:
            settings = self._backend.settings
            what_for = f"task '{self._backend.scheduler.name_of(slot)}': "
            process = process or lease(settings, what_for)
            process = made_ready(process, settings, what_for)
        self._process = process
        return process

    def _note(self, slot: int, call: CallResult) -> None:
        """Keep what a worker tells of a task beside how it ended."""
        helpers = None
        if call.helpers is not None:
            nanoseconds, threads, libraries = call.helpers
            helpers = Helpers(nanoseconds * 1e-9, threads, libraries)
        self._backend.run.record.note(slot, waited=call.waited, helpers=helpers, peak=call.peak)

    def _print(self, slot: int, texts: tuple[str, str]) -> None:
        """Show what a task prints, and keep it."""
        output = self._outputs.setdefault(slot, Output())
        for stream, text in enumerate(texts):
            if text:
                output.write(stream, text)
        self._backend.scheduler.screen.show(texts)

    def _keep_output(self, slot: int) -> None:
        if slot in self._outputs:
            self._backend.run.record.note(slot, output=self._outputs.pop(slot).take())

    def _bury(self, worker: Worker) -> tuple[int, bool]:
        """Return the exit code of a dead process, and whether its end was our doing."""
        process, self._process = self._process, None
        with self._backend.scheduler.lock:
            self._backend.busy.pop(worker, None)
        assert process is not None
        return process.reap(), process.is_late

    def _starve(self, batch: Batch, batches: deque[Batch]) -> Iterator[Ended]:
        """Have the task that was at work tried again alone, unless it has been."""
        load = batch.left[0]
        batch.done += 1
        self._keep_output(load.slot)
        scheduler, was_alone = self._backend.scheduler, batch.turn.is_alone
        text, remedy = starved(scheduler.name_of(load.slot), is_alone=was_alone)
        error = WorkerLost(text, remedy=remedy)
        if not was_alone and scheduler.retrying(load.slot, error):
            batches.append(Batch([load], alone=True))
        else:
            yield load.slot, *failure(load.slot, error)

    def _may_find_memory(self, batch: Batch, entry: Entry) -> bool:
        """Tell whether a task that has found too little memory is tried again alone."""
        error = entry[5].error if isinstance(entry[5], Failure) else None
        if error is None or not issubclass(type(error), MemoryError):
            return False
        if batch.turn.may_have_starved() and self._backend.scheduler.retrying(entry[0], error):
            return True
        tell_limit(error)
        return False

    def _may_live(self, slot: int, lives: int, end: str) -> bool:
        return lives > 0 and self._backend.scheduler.retrying(slot, self._lost(slot, end))

    def _lost(self, slot: int, end: str) -> WorkerLost:
        self._keep_output(slot)
        return WorkerLost(
            f"task '{self._backend.scheduler.name_of(slot)}': its worker process died under it "
            f"({end}), in each of {LIVES} attempts",
            remedy="look for what ends a process: memory that runs out, a crash in "
            "compiled code, os._exit",
        )

    def _late(self, slot: int, worker: Worker) -> Ended:
        """Return how a task ended whose process was killed because its time was up."""
        self._keep_output(slot)
        scheduler, now = self._backend.scheduler, perf_counter_ns()
        timeout = scheduler.task_of(slot).timeout or 0.0
        lost = Failure(now, timed_out(scheduler.name_of(slot), timeout))
        began = now - round(timeout * 1e9)
        spent = None if worker.meter is None else worker.meter.last
        if spent is not None:
            self._backend.run.record.note(slot, waited=spent.waited)
        cpu = None if spent is None else min(spent.cpu, now - began)
        return slot, MISSING, ended(slot, State.TIMED_OUT, now, began, cpu, lost)

    def give_back(self) -> None:
        """Keep the process warm for the next run."""
        if self._process is not None and not self._backend.stopped:
            give_back(self._process)
        elif self._process is not None:
            self._process.kill()
            self._process.reap()
        self._process = None
