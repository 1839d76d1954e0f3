"""An oracle for random flows in which all forms stand: conditions, marks, parts, zips and the like.

It evaluates a flow one task after the other, by the rules alone, and knows nothing of the engine.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from form_nodes import Taker

from taskinity_nb import Flow, MapError, Run, State, Task, TaskError, TaskRun, run
from taskinity_nb.model.flow import Edge
from taskinity_nb.model.forms.edges import Part

SUCCEEDED, FAILED, SKIPPED = State.SUCCEEDED, State.FAILED, State.SKIPPED
LOST, CANCELLED = State.UPSTREAM_FAILED, State.CANCELLED

NOTHING = object()
MAPPED, CONDITIONS = ("map", "zip", "product"), ("when", "unless")
WAITS = ("wait", *CONDITIONS)

PARTS = {"pair": (0, 1), "mapping": ("a", "b")}
LISTS = ("list", "once", "mapping", "pair")


@dataclass
class Spec:
    """A flow, and what its tasks do."""

    nodes: dict[str, Taker] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def flow(self) -> Flow:
        return Flow(
            "random", self.edges, tasks=self.nodes, constants=self.constants,
            inputs=dict.fromkeys(self.inputs, ...), parts=self.parts,
        )  # fmt: skip

    def namespace(self, folder: str) -> dict[str, Task]:
        return {
            name: Task(replace(node, folder=folder), retries=int(node.flaky), retry_on=KeyError)
            for name, node in self.nodes.items()
        }

    def into(self, name: str) -> list[Edge]:
        return [edge for edge in dict.fromkeys(self.edges) if edge.target == name]


def spec_of(seed: int, count: int) -> Spec:
    """Return a flow of `count` tasks; the first ones are the same for each `count`."""
    start = random.Random(seed)
    spec = Spec()
    trouble = start.choice([0.0, 0.05, 0.15, 0.3])
    if start.random() < 0.6:
        spec.inputs = {"files": [3, 1, 4, 1], "limit": start.choice([0, 2])}
    for number in range(count):
        _add(spec, f"t{number}", random.Random(f"{seed} {number}"), trouble)
    used = {edge.source for edge in spec.edges}
    spec.inputs = {name: value for name, value in spec.inputs.items() if name in used}
    return spec


def _add(spec: Spec, name: str, chance: random.Random, trouble: float) -> None:
    earlier = list(spec.nodes)[-chance.choice([3, 6, 100]) :] + list(spec.inputs)
    sources = chance.sample(earlier, min(len(earlier), chance.choice([0, 1, 1, 2, 2, 3, 4])))
    mapped = {edge.target for edge in spec.edges if edge.kind in MAPPED}
    lists = [s for s in sources if s == "files" or s in mapped
             or (s in spec.nodes and spec.nodes[s].gives in LISTS)]  # fmt: skip
    kinds = dict.fromkeys(sources, "result")
    word = chance.choice(["map", "map", "zip", "product"])
    if lists and chance.random() < 0.65:
        several = word != "map" and len(lists) > 1
        for source in lists[:2] if several else lists[:1]:
            kinds[source] = word if several else "map"
    elif sources and chance.random() < 0.03:
        kinds[sources[0]] = "map"  # of what may be no list
    gated = [s for s, kind in kinds.items() if kind == "result" and s in spec.nodes]
    edges: list[Edge] = []
    for source, kind in kinds.items():
        if source in gated and chance.random() < 0.4:
            kind = chance.choice(["when", "when", "unless", "wait"])
        edges.append(_edge(spec, source, name, kind, chance, source in mapped))
    if mapped and chance.random() < 0.4 and any(e.kind in MAPPED for e in edges):
        also = chance.choice(sorted(mapped, key=lambda task: int(task[1:])))
        if also not in kinds:
            edges.append(_edge(spec, also, name, chance.choice(CONDITIONS), chance, True))
    spec.edges += edges
    gives = chance.choice(
        ["number", "list", "list", "once", "pair", "mapping", "truth", "truth", "word", "undecided"]
    )
    taken = [edge for edge in dict.fromkeys(edges) if edge.kind not in WAITS]
    shape = chance.choice(["star", "names", "plain", "plain", "defaults"])
    if len({edge.key if edge.key is not None else edge.source for edge in taken}) < len(taken):
        shape = "star" if shape == "names" else shape
    optional = sum(edge.optional for edge in taken) if len(taken) > 1 else 0
    node = Taker(name, gives, shape, len(taken) - optional, optional)
    if shape == "defaults":
        node = replace(node, shape="plain", required=0, optional=len(taken))
    if gives == "undecided" and chance.random() < 0.7:
        node = replace(node, gives="number")
    if shape == "names" and chance.random() < 0.4:
        spec.constants[name] = {"c": chance.choice([1, "x", None])}
    if chance.random() < trouble:
        node = replace(node, fails=True)
    elif chance.random() < trouble:
        node = replace(node, skips=True)
    elif chance.random() < 2 * trouble and any(edge.kind in MAPPED for edge in edges):
        node = replace(node, odd=chance.choice([1, 2, 4]))
    elif chance.random() < trouble / 2:
        node = replace(node, flaky=True)
    spec.nodes[name] = node


def _edge(
    spec: Spec, source: str, target: str, kind: str, chance: random.Random, is_mapped: bool
) -> Edge:
    node = spec.nodes.get(source)
    optional = kind not in ("wait",) and source in spec.nodes and chance.random() < 0.35
    equals, key = None, None
    if kind in CONDITIONS and chance.random() < (0.9 if node and node.gives == "word" else 0.1):
        equals = '"big"'
    if kind != "wait" and node is not None and node.gives in PARTS and not is_mapped:
        key = chance.choice([None, *PARTS[node.gives]])
        if kind in MAPPED:
            key = PARTS[node.gives][1]
        if key is not None and chance.random() < 0.5:  # by the names of all parts
            names = tuple(f"{source}_{one}" for one in PARTS[node.gives])
            if node.gives == "pair":
                named = names[PARTS[node.gives].index(key)]
                spec.parts.setdefault(named, Part(source, key, names))
                key = named
        if key is not None and chance.random() < 0.03:
            key = 7
    elif kind not in WAITS and is_mapped and kind not in MAPPED and chance.random() < 0.15:
        key = 0
    return Edge(source, target, kind, key, optional, equals)


# What must come of it.


class Unclear(Exception):
    """The order of things decides what comes of a flow.

    An item behind one that fails and one that skips itself follows whichever comes first, and of a
    list only what was skipped is left out.
    """


@dataclass
class End:
    """How a task or an item must end; the states are several where the order of things decides."""

    states: set[State]
    value: Any = NOTHING
    error: str = ""
    items: list[End] | None = None
    why: str = ""

    @property
    def is_well(self) -> bool:
        return self.states == {SUCCEEDED}

    @property
    def there(self) -> Any:
        """What there is of it, for who takes that."""
        if self.is_well or self.items is None:
            return self.value
        return [item.value for item in self.items if item.is_well] or NOTHING


def after(ends: list[End]) -> End:
    """Return how a task ends that cannot run because of these."""
    return End({SKIPPED if state is SKIPPED else LOST for end in ends for state in end.states})


def failed(error: str = "BindingError") -> End:
    return End({FAILED}, error=error)


class Oracle:
    """Evaluates a flow."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.ends: dict[str, End] = {n: End({SUCCEEDED}, v) for n, v in spec.inputs.items()}
        self.mapped = {edge.target for edge in spec.edges if edge.kind in MAPPED}
        self.roots: dict[str, Any] = {}
        for name in spec.nodes:
            self.ends[name] = self.end(name)

    def end(self, name: str) -> End:
        edges = self.spec.into(name)
        streams = self.streams(name, edges) if name in self.mapped else set()
        begun = {e for e in streams if self.ends[e.source].items is not None}
        strict = {e.source for e in edges if not e.optional}
        whole = {e.source for e in edges if e not in begun}
        bad = [self.ends[s] for s in dict.fromkeys(e.source for e in edges)
               if s in strict and s in whole and not self.ends[s].is_well]  # fmt: skip
        if bad:
            return after(bad)
        rest = [edge for edge in edges if edge not in begun]
        stopped = self.stopped(name, rest, name in self.mapped, None)
        if stopped is not None:
            return stopped
        if name not in self.mapped:
            return self.call(name, edges, None)
        return self.map(name, edges, begun)

    def streams(self, name: str, edges: list[Edge]) -> set[Edge]:
        """Return the edges whose items come one by one, and note what the task's items are of."""
        mapped = [edge for edge in edges if edge.kind in MAPPED]
        kind = mapped[0].kind
        found = [
            e for e in mapped if kind != "product" and e.key is None and e.source in self.mapped
        ]
        roots = {self.roots[edge.source] for edge in found}
        roots |= {frozenset({(e.source, e.key)}) for e in mapped if e not in found}
        if kind == "zip" and len(roots) > 1:
            found = []
        if found:
            root = self.roots[found[0].source]
        else:
            root = name if kind == "product" else frozenset((e.source, e.key) for e in mapped)
        self.roots[name] = root
        found += [e for e in edges if e.kind in CONDITIONS and self.roots.get(e.source) == root]
        return set(found)

    def picked(self, edge: Edge, value: Any) -> Any:
        """Return what an edge picks; NOTHING if that is not there."""
        if edge.key is None or value is NOTHING:
            return value
        part = self.spec.parts.get(edge.key) if isinstance(edge.key, str) else None
        key = part.key if part else edge.key
        if isinstance(value, Mapping):
            return value.get(key, NOTHING)
        if isinstance(value, (tuple, list)) and isinstance(key, int):
            return value[key] if key < len(value) else NOTHING
        return NOTHING

    def brought(self, edge: Edge, place: int | None, begun: set[Edge]) -> Any:
        end = self.ends[edge.source]
        if place is not None and edge in begun:
            return self.picked(edge, end.items[place].value)
        return self.picked(edge, end.there if edge.optional else end.value)

    def stopped(
        self, name: str, edges: list[Edge], is_map: bool, place: int | None,
        begun: set[Edge] = frozenset(),
    ) -> End | None:  # fmt: skip
        """Return how a task or an item ends that does not run; None if it does."""
        for edge in edges:
            if edge.kind in CONDITIONS:
                if place is not None and edge not in begun:
                    continue
                value = self.brought(edge, place, begun)
                if value is NOTHING and not edge.optional:
                    return failed()  # it has no such part
                verdict = holds(edge, value)
                if verdict is None:
                    return failed()
                if not verdict:
                    return End({SKIPPED}, why=edge.source)
        taken = [edge for edge in self.spec.into(name) if edge.kind not in WAITS]
        gone = [edge for edge in taken if edge.optional and edge in edges
                and self.brought(edge, place, begun) is NOTHING]  # fmt: skip
        if is_map and place is None:
            if any(edge.kind in MAPPED for edge in gone):
                return End({SKIPPED}, why="nothing came of")
        elif gone and len(gone) == len(taken):
            return End({SKIPPED}, why="nothing came of")
        return None

    def call(
        self, name: str, edges: list[Edge], place: int | None, begun: set[Edge] = frozenset(),
        item: Mapping[Edge, Any] | None = None,
    ) -> End:  # fmt: skip
        node, args, kwargs = self.spec.nodes[name], [], {}
        required, optional = iter(range(9)), iter(range(9))
        taken = [edge for edge in edges if edge.kind not in WAITS]
        for edge in taken:
            is_optional = (edge.optional and len(taken) > 1) or not node.required
            slot = f"o{next(optional)}" if is_optional else f"r{next(required)}"
            value = item[edge] if item and edge in item else self.brought(edge, place, begun)
            if value is NOTHING:
                if not edge.optional:
                    return failed()
                continue
            if node.shape == "star":
                args.append(value)
            elif node.shape == "names":
                label = edge.source if edge.key is None else str(edge.key)
                kwargs[label] = value
            else:
                kwargs[slot] = value
        if name in self.spec.constants:
            kwargs |= self.spec.constants[name]
        given = node.taken(tuple(args), kwargs)
        fate = node.fate(given)
        if fate:
            return failed("ValueError") if fate == "fails" else End({SKIPPED})
        return End({SUCCEEDED}, node.value(given))

    def map(self, name: str, edges: list[Edge], begun: set[Edge]) -> End:
        mapped = [edge for edge in edges if edge.kind in MAPPED]
        lists = [self.items(edge, begun) for edge in mapped]
        if any(items is None for items in lists):
            return failed()
        if mapped[0].kind == "product":
            rows = [dict(zip(mapped, row, strict=True)) for row in itertools.product(*lists)]
        elif len({len(items) for items in lists}) > 1:
            return failed()
        else:
            rows = [dict(zip(mapped, row, strict=True)) for row in zip(*lists, strict=True)]
        items = [self.item(name, edges, begun, place, row) for place, row in enumerate(rows)]
        states = set().union(*(item.states for item in items))
        if FAILED in states:
            return End({FAILED}, error="MapError", items=items)
        if any(LOST in item.states and len(item.states) > 1 for item in items):
            raise Unclear(name)
        if LOST in states:
            return End({LOST}, items=items)
        return End({SUCCEEDED}, [i.value for i in items if i.is_well], items=items)

    def items(self, edge: Edge, begun: set[Edge]) -> list[Any] | None:
        if edge in begun:
            return [item.value for item in self.ends[edge.source].items]
        value = self.brought(edge, None, begun)
        if isinstance(value, Mapping):
            return list(value.items())
        return list(value) if isinstance(value, (list, tuple)) else None

    def item(
        self, name: str, edges: list[Edge], begun: set[Edge], place: int, row: Mapping[Edge, Any]
    ) -> End:
        strict = [e for e in edges if e in begun and not e.optional]
        bad = [self.ends[e.source].items[place] for e in strict]
        bad = [end for end in bad if not end.is_well]
        if bad:
            return after(bad)
        stopped = self.stopped(name, edges, True, place, begun)
        return stopped or self.call(name, edges, place, begun, row)


def holds(edge: Edge, value: Any) -> bool | None:
    """Return whether a condition holds; None if it cannot be decided."""
    if value is NOTHING:
        return edge.kind == "unless"
    try:
        is_true = bool(value) if edge.equals is None else value == literal_eval(edge.equals)
    except ValueError:
        return None
    return is_true is (edge.kind == "when")


# The comparison.


def check(result: Run, spec: Spec, ends: Mapping[str, End]) -> None:
    for name in spec.nodes:
        record, end = result.tasks[name], ends[name]
        check_end(record, end)
        assert (record.items is None) == (end.items is None), (name, record.items, end)
        for item, of_item in zip(record.items or (), end.items or (), strict=True):
            check_end(item, of_item)
    well = {name: ends[name].value for name in spec.nodes if ends[name].is_well}
    assert repr(dict(result)) == repr(well)
    assert set(result.errors) == {n for n in spec.nodes if ends[n].states == {FAILED}}
    assert result.state is (FAILED if result.errors else SUCCEEDED)


def check_end(record: TaskRun, end: End) -> None:
    assert record.state in end.states, (record, end, record.why, record.error)
    if record.state is SUCCEEDED:
        assert repr(record.result) == repr(end.value)
    elif record.state is FAILED:
        assert type(record.error).__name__ == end.error, (record, record.error)
    elif end.why:
        assert end.why in record.why, record.why


def finished(spec: Spec, executor: Any, on_error: Any, **options: Any) -> Run:
    """Run a flow to its end, whatever that is."""
    with tempfile.TemporaryDirectory() as folder:
        namespace = spec.namespace(folder)
        try:
            done = run(spec.flow(), spec.inputs or None, namespace=namespace, executor=executor,
                       on_error=on_error, **options)  # fmt: skip
        except TaskError as error:
            assert on_error != "continue"
            assert error.task in error.run.errors
            is_map = isinstance(error.run.errors[error.task], MapError)
            assert is_map or error.__cause__ is error.run.errors[error.task]
            return error.run
        assert on_error == "continue" or not done.errors
        return done


def agrees(executor: Any, seed: int, count: int, on_error: str = "continue", **options: Any) -> Run:
    """Run a random flow, and compare its end with what the oracle says."""
    spec = spec_of(seed, count)
    try:
        ends = Oracle(spec).ends
    except Unclear:
        return finished(spec, executor, on_error, **options)
    result = finished(spec, executor, on_error, **options)
    check(result, spec, ends)
    return result


def stops(executor: Any, seed: int, count: int) -> Run:
    """Run a random flow that a failure stops; what has ended has ended rightly."""
    spec = spec_of(seed, count)
    result = finished(spec, executor, "stop")
    try:
        ends = Oracle(spec).ends
    except Unclear:
        return result
    for name in spec.nodes:
        record, end = result.tasks[name], ends[name]
        flaky = {FAILED} if spec.nodes[name].flaky else set()
        assert record.state in end.states | {CANCELLED, LOST, SKIPPED} | flaky, (record, end)
        if record.state is SUCCEEDED:
            assert repr(record.result) == repr(end.value)
    assert bool(result.errors) == any(ends[name].states == {FAILED} for name in spec.nodes)
    return result
