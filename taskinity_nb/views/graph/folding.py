"""Folds a flow whose picture nobody would read: tasks of one shape become one node with a count.

A fan, a dozen or more tasks of one function with like edges, is folded wherever it occurs, unless
somebody has opened it; a box, which holds the tasks of a flow that is used in this one, where
somebody has closed it. A flow that is too large to be drawn is folded further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import chain, groupby

from ...formatting import counted
from ...model.events import State
from ...model.flow import Edge, Flow
from ...model.forms.edges import CONDITIONS, MAPPED
from ...model.forms.literals import InputName
from ..style.words import share_done
from .dot import levels
from .forms import box_of, boxes_of, boxes_with, drawn_edges, short_name

__all__ = ["LEAST_FAN", "Folding", "fold", "fold_fans", "state_of"]

LEAST_FAN = 12
"""Tasks that are alike from which on they are one node."""

SHOWN_FIRST = (
    State.FAILED, State.TIMED_OUT, State.RUNNING, State.RETRYING, State.READY, State.PENDING,
    State.UPSTREAM_FAILED, State.CANCELLED, State.SUCCEEDED, State.CACHED, State.SKIPPED,
)  # fmt: skip
"""The state of a node is the first of these that one of its tasks has: what a condition has skipped
leaves a node succeeded, unless it is all of it."""


class Folding:
    """A flow whose nodes stand for groups of the tasks of another one.

    Attributes
    ----------
    flow : Flow
        The nodes; each is called by the first of its tasks, but a closed box by its own name.
    labels : dict of str to str
        What to call the nodes that stand for more than one task.
    members : dict of str to list of str
        The tasks of each node.
    opened : dict of str to str
        What the nodes would be called that are not drawn because somebody has opened them.

    Examples
    --------
    >>> flow = Flow("Example", [("load", f"work_{i}") for i in range(3)],
    ...             functions={f"work_{i}": "work" for i in range(3)})
    >>> folding = Folding(flow, lambda task: flow.function_of(task))
    >>> folding.flow.tasks, folding.labels
    (('load', 'work_0'), {'work_0': 'work × 3'})
    >>> counts = folding.counts([State.SUCCEEDED, State.PENDING, State.SUCCEEDED, State.RUNNING])
    >>> folding.states(counts)
    {'load': <State.SUCCEEDED: 'succeeded'>, 'work_0': <State.RUNNING: 'running'>}
    >>> folding.details(counts)
    {'load': '', 'work_0': '1 of 3'}
    """

    def __init__(
        self,
        flow: Flow,
        key: Callable[[str], Hashable],
        opened: Collection[str] = (),
        closed: Collection[str] = (),
    ) -> None:
        boxes = {task: _closed_box(task, closed) for task in flow.tasks} if closed else {}
        in_boxes = _grouped((task for task in flow.tasks if boxes.get(task)), boxes.__getitem__)
        rest = [task for task in flow.tasks if not boxes.get(task)] if in_boxes else flow.tasks
        found = {group[0]: group for group in _grouped(rest, key)}
        self.opened = {
            n: self._label(flow, found[n]) for n in found if n in opened and found[n][1:]
        }
        drawn = [
            part
            for node, group in found.items()
            for part in ([[task] for task in group] if node in self.opened else [group])
        ]
        place = {task: i for i, task in enumerate(flow.tasks)}
        self.members = {
            boxes.get(group[0]) or group[0]: group
            for group in sorted([*drawn, *in_boxes], key=lambda g: place[g[0]])
        }
        self._node = {task: node for node, group in self.members.items() for task in group}
        self._places = {n: [place[task] for task in group] for n, group in self.members.items()}
        self.labels = {
            node: self._label(flow, group) for node, group in self.members.items() if group[1:]
        } | {
            box: f"{short_name(box)}: {counted(len(self.members[box]), 'task')}"
            for box in dict.fromkeys(boxes[group[0]] for group in in_boxes)
        }
        self.flow = self._nodes(flow, closed)

    def _nodes(self, flow: Flow, closed: Collection[str]) -> Flow:
        alone = dict.fromkeys(node for node in self.members if node not in self.labels)
        inputs = {n: flow.inputs[n] for n in flow.inputs if not _closed_box(n, closed)}
        sources = {*inputs, *self.members}
        edges = [edge for edge in self._edges(flow) if edge.source in sources]
        parts = {n: p for n, p in flow.parts.items() if p.task in alone}
        constants = {
            task: {p: v for p, v in given.items() if not isinstance(v, InputName)}
            for task, given in flow.constants.items()
            if task in alone
        }
        functions = {n: flow.function_of(n) for n in alone}
        return Flow(
            flow.name, edges, self.members, flow.description, functions,
            inputs=inputs, parts=parts, constants=constants, written=flow,
        )  # fmt: skip

    def counts(self, states: Sequence[State]) -> dict[str, Counter[State]]:
        """Return how many tasks of each node are in each state, given those of all, in order."""
        state_of = states.__getitem__
        return {node: Counter(map(state_of, places)) for node, places in self._places.items()}

    def states(self, counts: Mapping[str, Counter[State]]) -> dict[str, State]:
        """Return the state that each node is shown in."""
        return {node: state_of(count) for node, count in counts.items()}

    def details(
        self, counts: Mapping[str, Counter[State]], details: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return what is told of each node: of a task alone its own, else how many are done."""
        told = {}
        for node, count in counts.items():
            if node in self.labels:
                told[node] = share_done(count)
            else:
                told[node] = (details or {}).get(node, "")
        return told

    def path(self, tasks: Sequence[str]) -> list[str]:
        """Return the nodes on a path of tasks."""
        return [node for node, _ in groupby(self._node[task] for task in tasks)]

    def _label(self, flow: Flow, group: list[str]) -> str:
        functions = {flow.function_of(task) for task in group}
        return f"{functions.pop() if len(functions) == 1 else 'tasks'} × {len(group):,}"

    def _edges(self, flow: Flow) -> list[Edge]:
        """Return the edges between nodes; where several become one, what they differ in is left."""
        merged: dict[tuple[str, str, bool], Edge] = {}
        for edge in drawn_edges(flow):
            source, target = self._node.get(edge.source, edge.source), self._node[edge.target]
            if source == target:
                continue
            moved = edge._replace(source=source, target=target)
            ends = source, target, edge.kind in CONDITIONS
            same = merged.setdefault(ends, moved)
            if same != moved:
                kind = same.kind if same.kind == moved.kind and ends[2] else "result"
                merged[ends] = Edge(source, target, kind)
        for source, target, is_condition in list(merged):
            ends = source, target, is_condition
            if is_condition and merged[ends].kind == "result":  # of several that differ
                del merged[ends]
                merged.setdefault((source, target, False), Edge(source, target, "wait"))
        mapped: dict[str, list[str]] = {}
        for edge in merged.values():
            if edge.kind in MAPPED:
                mapped.setdefault(edge.target, []).append(edge.kind)
        return [
            Edge(edge.source, edge.target)
            if edge.kind in MAPPED and not _agree(mapped[edge.target])
            else edge
            for edge in merged.values()
        ]


def state_of(counts: Mapping[State, int]) -> State:
    """Return the state that several tasks are shown in as one, given how many are in each.

    Examples
    --------
    >>> state_of({State.SUCCEEDED: 3, State.SKIPPED: 1})
    <State.SUCCEEDED: 'succeeded'>
    """
    return next(state for state in SHOWN_FIRST if counts.get(state))


def _agree(kinds: list[str]) -> bool:
    """Tell whether a task can be mapped by edges of all these kinds."""
    own = [kind for kind in kinds if kind not in ("each", "each_wait")]
    return len(own) < 2 or (len(set(own)) == 1 and own[0] != "map")


def _closed_box(name: str, closed: Collection[str]) -> str:
    """Return the outermost box that a task or an input is in and that is closed, or nothing.

    What bears the name of a box is its result, and in it.
    """
    return next((box for box in boxes_with(name, closed) if box in closed), "") if closed else ""


def fold_fans(
    flow: Flow, opened: Collection[str] = (), closed: Collection[str] = ()
) -> Folding | None:
    """Fold the fans of a flow but for those that are `opened`, and the boxes that are `closed`.

    Return None if there is nothing to fold. Tasks are alike that call one function, at one depth
    and in one box, and whose edges come from and lead to the
    same tasks or to tasks that are alike themselves.

    Examples
    --------
    >>> names = [f"work_{i}" for i in range(24)]
    >>> wide = Flow("Wide", [edge for name in names for edge in (("load", name), (name, "save"))],
    ...             functions=dict.fromkeys(names, "work"))
    >>> fold_fans(wide).labels
    {'work_0': 'work × 24'}
    >>> folding = fold_fans(wide, opened=["work_0"])
    >>> len(folding.flow.tasks), folding.opened
    (26, {'work_0': 'work × 24'})
    """
    kinds = _kinds(flow)
    if len(set(kinds.values())) == len(kinds) and not closed:
        return None
    return Folding(flow, kinds.__getitem__, opened, closed)


def _kinds(flow: Flow) -> dict[str, int]:
    """Number the tasks: those that are alike have one number, if they are enough for a fan.

    Tasks that look alike are told apart by the numbers of their neighbours, until that tells no
    more of them apart. Only the neighbours of those whose number has changed are looked at again.
    """
    level = levels(flow)
    kinds: dict[str, int] = {}
    alike: list[dict[str, None]] = []

    def give_number(tasks: Collection[str]) -> None:
        for part in [tasks] if len(tasks) >= LEAST_FAN else [[task] for task in tasks]:
            kinds.update(dict.fromkeys(part, len(alike)))
            alike.append(dict.fromkeys(part))

    for tasks in _grouped(flow.tasks, _shape_of(flow, level)):
        give_number(tasks)
    changed: Collection[str] = flow.tasks
    while changed:
        near = (edge.target for task in changed for edge in flow.downstream[task])
        beside = (edge.source for task in changed for edge in flow.upstream[task])
        looked_at = [t for t in dict.fromkeys(chain(near, beside)) if len(alike[kinds[t]]) > 1]
        changed, apart = [], list[list[str]]()
        for tasks in _grouped(looked_at, kinds.__getitem__):
            rest = alike[kinds[tasks[0]]]
            parts = sorted(_grouped(tasks, lambda task: _sides(flow, task, kinds)), key=len)
            if len(tasks) == len(rest):
                parts.pop()  # the largest keeps the number
            for task in chain(*parts):
                del rest[task]
            if len(rest) < LEAST_FAN:
                parts.append(list(rest))
            changed += chain(*parts)
            apart.extend(parts)
        for part in apart:
            give_number(part)
    return kinds


def _grouped(tasks: Iterable[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    groups: dict[Hashable, list[str]] = {}
    for task in tasks:
        groups.setdefault(key(task), []).append(task)
    return list(groups.values())


def _sides(flow: Flow, task: str, kinds: Mapping[str, int]) -> tuple[frozenset[Hashable], ...]:
    before = frozenset((kinds.get(e[0], e[0]), *e[2:6]) for e in flow.incoming[task])
    after = frozenset((kinds[e[1]], *e[2:6]) for e in flow.downstream[task])
    return before, after


def _shape_of(flow: Flow, level: Mapping[str, int]) -> Callable[[str], Hashable]:
    """Return what tasks have in common that may be drawn as one."""
    boxes = boxes_of(flow)
    return lambda task: (level[task], flow.function_of(task), _own_box(task, boxes))


def _own_box(task: str, boxes: Collection[str]) -> str:
    return task if task in boxes else box_of(task)


def fold(flow: Flow, fits: Callable[[Flow], bool]) -> Folding | None:
    """Fold a flow as little as is needed: tasks of one function at one depth, else all at one.

    Return None if it does not fit either way.

    Examples
    --------
    >>> wide = Flow("Wide", [("load", f"work_{i}") for i in range(3)])
    >>> fold(wide, lambda flow: len(flow.tasks) < 4).labels
    {'work_0': 'tasks × 3'}
    """
    level, boxes = levels(flow), boxes_of(flow)
    keys: list[Callable[[str], Hashable]] = [
        _shape_of(flow, level),
        lambda task: (level[task], _own_box(task, boxes)),
    ]
    foldings = (Folding(flow, key) for key in keys)
    return next((folding for folding in foldings if fits(folding.flow)), None)
