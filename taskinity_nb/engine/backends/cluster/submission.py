"""What a cluster has been given to do: the tasks of a run, in subgraphs.

A subgraph begins with tasks that are ready, and holds all that follow them as far as every task
that they wait for was handed over too. It is cut where something must be known here first: behind a
mapped task, which has as many parts as there are items, and behind one that may be tried again.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....errors import BindingError
from ....model.refs import MISSING, is_missing
from ...remote.call import CallResult
from ...remote.cluster_task import TaskSpec
from ...remote.pickling.pickler import dumps
from ...scheduling.backend import Scheduling
from ...scheduling.failures import timed_out
from ...scheduling.history import order_of
from ...scheduling.maps.items import Partial, items_of
from ...scheduling.order.items import groups_of, placed
from ...transport.codec import Encoder, error_of
from .arguments import ArgumentSpecs, Described, binding_error, stand_in
from .client import ClusterClient, SlotRef, Submission
from .code_shipping import remote_module
from .refs import RemoteRef

__all__ = ["Submitter"]

LARGE_FUNCTION = 50_000
"""Bytes of a pickled function from which on it is put on the cluster once, not into each task."""

SPAN = 2**24
"""How many places in the order of tasks those of the items of one group have."""


class Submitter:
    """What was handed over and has not ended.

    `run` is what the run is called on the cluster, and `queue` the queue of the frontier that has
    the tasks which run there.

    Attributes
    ----------
    futures : dict of int to object
        The cluster's futures, by slot.
    attempts : dict of int to int
        How often each was handed over.
    counting : set of int
        The mapped tasks whose items are being counted there.
    """

    def __init__(
        self,
        scheduler: Scheduling,
        client: ClusterClient,
        run: str,
        queue: int,
        reserved: Mapping[str, Mapping[str, float]],
    ) -> None:
        self._scheduler = scheduler
        self._plan = plan = scheduler.run.plan
        self._values = scheduler.run.record.values
        self._client = client
        self._run = run
        self._queue = queue
        self._reserved = reserved
        self._encoder = Encoder(plan, remote=remote_module, context=scheduler.screen.context)
        self._shipped: dict[int, tuple[Any, Any]] = {}
        self._places: dict[int, dict[int, int]] = {}
        structure = plan.flow.structure
        self._followers = structure.followers
        self._before: list[list[int]] = [[] for _ in structure.followers]
        for task, followers in enumerate(structure.followers):
            for follower in followers:
                self._before[follower].append(task)
        self._missing = list(structure.waiting)  # how many before each were not reached
        self._reached: set[int] = set(plan.left_out)
        streams = plan.streams(scheduler.mapped)
        order, _ = placed(order_of(plan.flow), streams, None)
        self._place = {task: place for place, task in enumerate(order)}
        self._groups = groups_of(streams)
        self._next: deque[int] = deque()  # what may be handed over before it is ready
        self._subgraph: dict[int, SlotRef] = {}
        self.futures: dict[int, Any] = {}
        self.attempts: defaultdict[int, int] = defaultdict(int)
        self.counting: set[int] = set()
        for task, value in enumerate(self._values[: len(self._before)]):
            if value is not MISSING:
                self.reach(task)

    def hand_over(self, ready: Iterable[int] = ()) -> list[tuple[int, BaseException]]:
        """Hand over what is ready and was not yet, and what follows; return what cannot be sent.

        Only of what is ready it is told, with the reason.
        """
        submissions: list[Submission] = []
        failed: list[tuple[int, BaseException]] = []
        for slot in ready:
            for before in self._before[slot] if slot < len(self._before) else ():
                self.reach(before)
            if slot not in self.futures:
                try:
                    submissions.append(self._submission(slot))
                except BaseException as error:  # pickling runs code of the user's
                    failed.append((slot, error))
                else:
                    self._handed(slot)
        while self._next:
            slot = self._next.popleft()
            if slot in self.futures or slot in self._subgraph or not self._may_go_ahead(slot):
                continue
            try:
                submissions.append(self._submission(slot))
            except BaseException:  # it is told when the task is ready, if it ever is
                self._subgraph.pop(slot, None)
                continue
            self._handed(slot)
            if len(submissions) >= self._client.largest_subgraph:
                self._submit(submissions)
        self._submit(submissions)
        return failed

    def _submit(self, submissions: list[Submission]) -> None:
        """Hand over a subgraph."""
        if submissions:
            futures = self._client.hand_over(submissions)
            slots = [submission.slot for submission in submissions]
            self.futures |= zip(slots, futures, strict=True)
            self._subgraph.clear()
            submissions.clear()

    def _handed(self, slot: int) -> None:
        self._subgraph[slot] = SlotRef(slot)
        if not self._scheduler.task_of(slot).retries:
            self.reach(slot)

    def _may_go_ahead(self, slot: int) -> bool:
        scheduler = self._scheduler
        if scheduler.on_error == "stop" and scheduler.first_failed is not None:
            return False
        if slot >= len(self._before):
            before = scheduler.maps.previous_in_stream(slot)
            return before is not None and self._is_there(before)
        if (
            slot in self._plan.maps
            or slot in self._scheduler.gated
            or not scheduler.frontier.is_in(slot, self._queue)
        ):
            return False
        return all(map(self._is_there, self._before[slot]))  # none of them has failed meanwhile

    def _is_there(self, slot: int) -> bool:
        """Tell whether a result is on the cluster, or will be, or is here."""
        return self._future_of(slot) is not None or self._values[slot] is not MISSING

    def reach(self, slot: int) -> None:
        """Say that what follows a task may be handed over, once all else before it is reached."""
        if slot in self._reached:
            return
        self._reached.add(slot)
        if slot >= len(self._before):
            self._next.extend(self._scheduler.maps.next_in_stream(slot))
            return
        for follower in self._followers[slot]:
            self._missing[follower] -= 1
            if not self._missing[follower] and follower not in self._reached:
                self._next.append(follower)

    def expanded(self, task: int) -> None:
        """Say that a mapped task has its items: in a stream, they may follow those before them."""
        where = self._scheduler.maps.where.get(task)
        if where is not None:
            for slot in range(where.first, where.first + where.number):
                if self._scheduler.maps.previous_in_stream(slot) in self._reached:
                    self._next.append(slot)

    def ended(self, slot: int) -> None:
        """Forget what has ended; as a result it is kept by the run."""
        self.futures.pop(slot, None)
        self._places.pop(slot, None)
        self.counting.discard(slot)
        self.attempts[slot] += 1

    def count(self, task: int, source: RemoteRef) -> None:
        """Have a list made of what a task is mapped over."""
        (origin,) = self._plan.items_origins(task)
        argument = ("result", 0) if origin.key is None else ("key", 0, origin.key)
        spec = TaskSpec(self._run, task, self.attempts[task], None, (argument,))
        group = f"items-of-{self._plan.flow.tasks[origin.slot]}"
        submission = Submission(task, group, tuple(spec), [source.future], self._priority(task), {})
        self.counting.add(task)
        (self.futures[task],) = self._client.hand_over([submission])

    def _submission(self, slot: int) -> Submission:
        scheduler, plan = self._scheduler, self._plan
        task = scheduler.owner(slot)
        options = plan.bindings[task].task
        stream = scheduler.name_of(slot)
        values = Partial(self._values, scheduler.maps.partial)
        specs = ArgumentSpecs(
            plan, self._future_of, values, self._ship, self._client,
            lambda origin, value: self._encoder.own(task, origin, value, stream),
        )  # fmt: skip
        item = None if task == slot else self._item(slot)
        args, kwargs, keys = specs.of(task, item)
        for before in self._before[task]:
            future = self._future_of(before)
            if future is not None and before not in self.counting:
                specs.wait_for(future)
        function: bytes | int = self._encoder.function(task)
        if isinstance(function, bytes) and len(function) > LARGE_FUNCTION:
            function = specs.wait_for(self._ship(function))
        if not isinstance(args, int):
            self._places[slot] = specs.by_slot
        if self._encoder.draws(task):
            results = (
                (("result", place) for place in range(args)) if isinstance(args, int) else args
            )
            args = ("value", dumps(stream)), *results
        spec = TaskSpec(
            self._run, slot, self.attempts[slot], function, args, kwargs, keys, options.timeout,
            self._encoder.epoch,
        )  # fmt: skip
        group = plan.flow.function_of(plan.flow.tasks[task])
        place = self._priority(slot)
        resources = dict(self._reserved.get(plan.flow.tasks[task], {}))
        return Submission(slot, group, tuple(spec), specs.futures, place, resources)

    def _priority(self, slot: int) -> int:
        """Return the place of a task or an item in the order; the smallest goes first.

        Of items that go one by one the first of the list goes first, with the step furthest on.
        """
        task = self._scheduler.owner(slot)
        group = self._groups.get(task)
        if slot == task or group is None:
            return self._place[task] * SPAN
        first = min(map(self._place.__getitem__, group))
        item = slot - self._scheduler.maps.where[task].first
        step = item * (len(group) + 1) + self._place[task] - first
        return first * SPAN + min(step, SPAN - 1)

    def _item(self, slot: int) -> Any:
        """Return the item of a slot, or the slot whose result it will be."""
        maps = self._scheduler.maps
        before = maps.previous_in_stream(slot)
        if before is not None and is_missing(self._values[before]):
            return SlotRef(before)
        return maps.item(slot)

    def _future_of(self, slot: int) -> Any:
        return self.futures.get(slot) or self._subgraph.get(slot)

    def _ship(self, value: Any) -> Any:
        """Put a large value on the cluster, once."""
        if id(value) not in self._shipped:
            self._shipped[id(value)] = (value, self._client.ship(value))  # its id stays its own
        return self._shipped[id(value)][1]

    # Failures.

    def error_of(self, slot: int, call: CallResult) -> BaseException:
        """Return why a task failed, worded as anywhere else."""
        scheduler, task = self._scheduler, self._scheduler.owner(slot)
        name = scheduler.name_of(slot)
        if call.kind == "late":
            return timed_out(name, scheduler.task_of(slot).timeout, self._client.unstoppable)
        if call.kind != "lost":
            return error_of(name, call)
        described: Sequence[Described] = call.payload
        if slot in self.counting:
            return self._no_items(task, described[0])
        known = {before: described[place] for before, place in self._places[slot].items()}
        return binding_error(self._plan, task, self._values, known)

    def _no_items(self, task: int, described: Described) -> BaseException:
        (edge,), (origin,) = self._plan.maps[task], self._plan.items_origins(task)
        values = list(self._values)
        try:
            values[origin.slot] = stand_in(described)
            items_of(origin.whole(values), edge.source, edge.target)
        except BaseException as error:  # what else is looked at may be the user's own
            return error
        return BindingError(f"task '{edge.target}': what it is mapped over has no items")
