"""An oracle for random flows, which knows the rules and nothing of the engine.

What a task does follows from its name, its arguments and the number of its attempt, so the oracle
can tell by itself which results, errors and attempts a run must come to.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from nodes import FOREVER, Node, digest

from taskinity_nb import (
    BindingError,
    Flow,
    MapError,
    Run,
    State,
    Task,
    TaskError,
    TaskRun,
    run,
)
from taskinity_nb.engine.scheduling.scheduler import OnError
from taskinity_nb.errors import Skip

SUCCEEDED, FAILED, SKIPPED = State.SUCCEEDED, State.FAILED, State.SKIPPED
LOST, CANCELLED = State.UPSTREAM_FAILED, State.CANCELLED

# What is run.


@dataclass
class Spec:
    """A flow, and what its tasks do."""

    nodes: dict[str, Node] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)

    def upstream(self) -> dict[str, list[tuple[str, str]]]:
        """Return for each task the tasks before it with the kinds of their edges, in order."""
        before: dict[str, list[tuple[str, str]]] = {name: [] for name in self.nodes}
        for source, target, kind in self.edges:
            before[target].append((source, kind))
        return before

    def flow(self) -> Flow:
        return Flow("random", self.edges, tasks=self.nodes)

    def namespace(self, folder: str) -> dict[str, Task]:
        return {
            name: Task(
                replace(node, folder=folder), retries=self.retries[name], retry_on=ValueError
            )
            for name, node in self.nodes.items()
        }


def spec_of(seed: int, count: int) -> Spec:
    """Return a flow of `count` tasks; the first tasks are the same for each `count`."""
    spec = Spec()
    mapped: set[str] = set()
    trouble = random.Random(seed).choice([0.0, 0.01, 0.05, 0.15, 0.3])
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name = f"t{number}"
        reach = chance.choice([3, 10, 1_000])
        earlier = [f"t{i}" for i in range(max(0, number - reach), number)]
        sources = chance.sample(earlier, min(len(earlier), chance.choice([0, 1, 1, 1, 2, 2, 3, 6])))
        kinds = [chance.choice(["result", "result", "wait"]) for _ in sources]
        lists = [place for place, source in enumerate(sources)
                 if source in mapped or spec.nodes[source].length is not None]  # fmt: skip
        if lists and chance.random() < 0.7:
            kinds[chance.choice(lists)] = "map"
        elif sources and chance.random() < 0.02:
            kinds[0] = "map"  # of what may be no list
        is_mapped = "map" in kinds
        if is_mapped:
            mapped.add(name)
        spec.edges += [(s, name, kind) for s, kind in zip(sources, kinds, strict=True)]
        spec.retries[name] = chance.choice([0, 0, 0, 1, 2])
        node = Node(name)
        if not is_mapped and chance.random() < 0.4:
            node = replace(node, length=chance.choice([0, 1, 2, 3, 3, 5, 8, 40]))
        if chance.random() < trouble:
            failures = chance.choice([1, 1, 2, FOREVER])
            error = chance.choice([ValueError, ValueError, KeyError])
            node = replace(node, failures=failures, error=error)
        elif chance.random() < trouble / 5:
            node = replace(node, skips=True)
        if is_mapped and chance.random() < 2 * trouble:
            node = replace(node, odd_items=chance.choice([1, 2, 8]))
        spec.nodes[name] = node
    return spec


# What must come of it.


@dataclass
class End:
    """How a task or an item must end.

    The states and causes are several where it depends on the order of things: a task behind one
    that fails and one that skips itself follows whichever comes first.
    """

    states: set[State]
    value: Any = None
    error: tuple[type[BaseException], str] | None = None
    attempts: int = 0
    items: list[End] | None = None
    causes: set[str] = field(default_factory=set)
    blamed: set[str] = field(default_factory=set)  # by the tasks behind it


def oracle(spec: Spec) -> dict[str, End]:
    """Run a flow one task after the other, by the rules alone."""
    ends: dict[str, End] = {}
    upstream = spec.upstream()
    for name, before in upstream.items():  # each after those before it
        source = next((s for s, kind in before if kind == "map"), None)
        is_stream = source is not None and ends[source].items is not None
        # A stream waits for each item of the task before, and not for that task's own end.
        bad = [ends[s] for s, _ in before
               if ends[s].states != {SUCCEEDED} and not (is_stream and s == source)]  # fmt: skip
        if bad:
            states = {SKIPPED if state is SKIPPED else LOST for end in bad for state in end.states}
            causes = set().union(*(end.blamed for end in bad))
            ends[name] = End(states, causes=causes, blamed=causes)
        elif source is None:
            args = tuple(ends[s].value for s, kind in before if kind != "wait")
            ends[name] = called(spec, name, name, args)
        elif is_stream or isinstance(ends[source].value, list):
            ends[name] = mapped(spec, name, before, ends)
        else:
            ends[name] = End({FAILED}, None, (BindingError, "has no items"), blamed={name})
    return ends


def called(spec: Spec, name: str, shown: str, args: tuple[Any, ...]) -> End:
    """Return how a task ends that is called with these arguments."""
    node = spec.nodes[name]
    failures, skips = node.fate(args)
    most = 1 + (spec.retries[name] if node.error is ValueError else 0)
    if failures >= most:
        error = node.error(f"{name}: {digest(args)}")
        return End({FAILED}, None, (node.error, str(error)), most, blamed={shown})
    if skips:
        return End({SKIPPED}, None, (Skip, name), failures + 1, blamed={shown})
    return End({SUCCEEDED}, node.value(args), None, failures + 1)


def mapped(spec: Spec, name: str, before: list[tuple[str, str]], ends: dict[str, End]) -> End:
    """Return how a task ends that is called once for each item."""
    source = next(ends[s] for s, kind in before if kind == "map")
    sources = source.items
    if sources is None:
        sources = [End({SUCCEEDED}, value) for value in source.value]
    items: list[End] = []
    for place, of in enumerate(sources):
        if of.states == {SUCCEEDED}:
            args = tuple(of.value if kind == "map" else ends[s].value
                         for s, kind in before if kind != "wait")  # fmt: skip
            items.append(called(spec, name, f"{name}[{place}]", args))
        else:
            state = SKIPPED if of.states == {SKIPPED} else LOST
            items.append(End({state}, causes=of.blamed, blamed=of.blamed))
    states = [state for item in items for state in item.states]
    if FAILED in states:
        text = f"{states.count(FAILED)} of {len(items)} item"
        return End({FAILED}, None, (MapError, text), items=items, blamed={name})
    if LOST in states:
        causes = set().union(*(item.causes for item in items if item.states == {LOST}))
        return End({LOST}, items=items, causes=causes, blamed={name})
    values = [item.value for item in items if item.states == {SUCCEEDED}]
    return End({SUCCEEDED}, values, items=items)


# The comparison.


def check_results(result: Run, ends: dict[str, End]) -> None:
    """Compare a run that went to its end with what the oracle says."""
    for name, end in ends.items():
        record = result.tasks[name]
        check_end(record, end)
        assert (record.items is None) == (end.items is None), record
        for item, of_item in zip(record.items or (), end.items or (), strict=True):
            check_end(item, of_item)
        if isinstance(record.error, MapError):
            told = [(place, type(error), str(error)) for place, _, error in record.error.items]
            assert told == [(place, *item.error) for place, item in enumerate(end.items)
                            if item.states == {FAILED}]  # fmt: skip
    assert dict(result) == {n: end.value for n, end in ends.items() if end.states == {SUCCEEDED}}
    failed = {name for name, end in ends.items() if end.states == {FAILED}}
    assert set(result.errors) == failed
    assert result.state is (FAILED if failed else SUCCEEDED)


def check_end(record: TaskRun, end: End) -> None:
    assert record.state in end.states, record
    if record.state is SUCCEEDED:
        assert record.result == end.value
    elif end.error is not None:
        kind, text = end.error
        assert type(record.error) is kind
        assert text in str(record.error)
    else:
        assert record.cause in end.causes, record
    if end.attempts:
        assert record.attempts == end.attempts, record


def check_records(result: Run) -> None:
    """Look whether each record is complete and in order, and agrees with the events."""
    assert result.done
    sequences: dict[tuple[str, int | None], list[State]] = defaultdict(list)
    for one in result.events:
        sequences[one.task, one.item].append(one.state)
    tasks = result.tasks
    records = {(name, None): record for name, record in tasks.items()}
    records |= {(n, item.item): item for n, record in tasks.items() for item in record.items or ()}
    assert sequences.keys() == records.keys()
    mapped = {result.flow.tasks[slot] for slot in result.plan.maps}
    for (name, item), record in records.items():
        states = sequences[name, item]
        check_sequence(states, is_map=name in mapped and item is None)
        assert record.state is states[-1]
        stamps = [0.0, record.ready, record.started, record.finished, record.received,
                  result.makespan]  # fmt: skip
        if name not in mapped or item is not None:
            stamps.insert(2, record.submitted)
            assert record.attempts == states.count(State.RUNNING)
            assert bool(record.worker) == bool(record.attempts)
        if record.state in (SUCCEEDED, FAILED):
            assert stamps == sorted(stamps), record
            assert record.cpu >= 0
        assert record.has_result == (record.state is SUCCEEDED)


def check_sequence(states: list[State], is_map: bool) -> None:
    """Look whether a task may go through these states."""
    follow = {
        None: {State.READY, LOST, SKIPPED, CANCELLED},
        State.READY: {State.RUNNING, CANCELLED} | ({FAILED} if is_map else set()),
        State.RUNNING: {SUCCEEDED, FAILED, SKIPPED, LOST, CANCELLED, State.RETRYING},
        State.RETRYING: {State.READY, FAILED, CANCELLED},
    }
    for before, after in zip([None, *states], states, strict=False):
        assert after in follow.get(before, ()), states
    assert states[-1].is_final, states


def check_stop(result: Run, ends: dict[str, End]) -> None:
    """Look whether nothing was begun after the first failure, and what was kept is right."""
    failed: set[tuple[str, int | None]] = set()
    ready: set[tuple[str, int | None]] = set()
    for one in result.events:
        key = one.task, one.item
        if failed and one.state is State.RUNNING:
            assert key in ready, one  # it was taken before, and handed over since
            assert result.executor not in ("sequential", "threads", "ThreadPoolExecutor") or (
                one.item is None and result.tasks[one.task].items is not None
            ), one
        if one.state is State.READY:
            ready.add(key)
            if failed:  # an item that became known since
                assert one.item is not None
                assert result.tasks[one.task].items[one.item].state is CANCELLED
        if one.state is FAILED:
            failed.add(key)
    for name, record in result.tasks.items():
        states = ends[name].states | {CANCELLED, LOST, SKIPPED}
        if any(one.attempts > 1 for one in [ends[name], *(ends[name].items or ())]):
            states |= {FAILED}  # it was to be tried again
        assert record.state in states, record
        if record.state is SUCCEEDED:
            assert record.result == ends[name].value
    assert (result.state is FAILED) == any(end.states == {FAILED} for end in ends.values())


def finished(spec: Spec, executor: object, on_error: OnError) -> Run:
    """Run a flow to its end, whatever that is."""
    with tempfile.TemporaryDirectory() as folder:
        names = spec.namespace(folder)
        try:
            return run(spec.flow(), namespace=names, executor=executor, on_error=on_error)
        except TaskError as error:
            return error.run


def continues(executor: object, seed: int, count: int) -> None:
    spec = spec_of(seed, count)
    result = finished(spec, executor, "continue")
    check_records(result)
    check_results(result, oracle(spec))


def stops(executor: object, seed: int, count: int) -> None:
    spec = spec_of(seed, count)
    result = finished(spec, executor, "stop")
    check_records(result)
    check_stop(result, oracle(spec))
