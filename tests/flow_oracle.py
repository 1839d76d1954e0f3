"""Random flows as tasks of another flow, against the evaluation of each by itself."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from typing import Any

from form_oracle import (
    FAILED,
    LOST,
    MAPPED,
    SKIPPED,
    End,
    Oracle,
    Spec,
    Unclear,
    check_end,
    spec_of,
)  # fmt: skip

from taskinity_nb import Flow, Run, run
from taskinity_nb.model.flow import Edge

__all__ = ["agrees_for_each_item", "agrees_once"]


def agrees_once(executor: Any, seed: int, count: int) -> bool:
    """Run a random flow as a task; return whether its evaluation is clear."""
    spec = spec_of(seed, count)
    try:
        ends = Oracle(spec).ends
    except Unclear:
        return False
    edges = [Edge(name, "Prep") for name in spec.inputs]
    result = _finished(spec, edges, spec.inputs, executor)
    for name in spec.nodes:
        record, end = result.tasks[f"Prep.{name}"], ends[name]
        check_end(record, _within(end))
        assert (record.items is None) == (end.items is None), (name, record.items, end)
        for item, of_item in zip(record.items or (), end.items or (), strict=True):
            check_end(item, _within(of_item))
    return True


def agrees_for_each_item(executor: Any, seed: int, count: int) -> bool:
    """Run a random flow without maps once for each of some items."""
    spec = spec_of(seed, count)
    spec.edges = [
        edge._replace(kind="result") if edge.kind in MAPPED else edge for edge in spec.edges
    ]
    spec.nodes = {name: replace(node, flaky=False) for name, node in spec.nodes.items()}
    if "limit" not in spec.inputs:
        return False
    chance = random.Random(seed)
    for name in list(spec.nodes):
        if chance.random() < 0.2:
            equals = chance.choice([None, "2"])
            kind = chance.choice(["when", "unless"])
            spec.edges.append(Edge("limit", name, kind, None, False, equals))
    values = [2, 0, 1, 5][: 1 + seed % 4]
    try:
        ends = [Oracle(replace(spec, inputs=spec.inputs | {"limit": v})).ends for v in values]
    except Unclear:
        return False
    edges = [Edge(name, "Prep", "map" if name == "limit" else "result") for name in spec.inputs]
    result = _finished(spec, edges, spec.inputs | {"limit": values}, executor)
    depends = {"limit"}
    for name in spec.nodes:
        if any(edge.source in depends for edge in spec.into(name)):
            depends.add(name)
        record, of_items = result.tasks[f"Prep.{name}"], [_within(each[name]) for each in ends]
        if name not in depends:
            check_end(record, of_items[0])
        elif record.items is None and "nothing came of" in (record.why or ""):
            return False  # nothing tells how many items there are
        elif record.items is None:  # what is the same for all items has decided
            others = {SKIPPED, LOST} | {record.state} & {FAILED}
            assert record.state in others
            assert all(end.states <= others for end in of_items), (name, of_items)
        else:
            for item, end in zip(record.items, of_items, strict=True):
                check_end(item, end)
    return True


def _finished(spec: Spec, edges: list[Edge], inputs: dict[str, Any], executor: Any) -> Run:
    inner = spec.flow()
    prep = Flow(
        "Prep", inner.edges, inner.tasks, constants=inner.constants, inputs=inner.inputs,
        parts=inner.parts,
    )  # fmt: skip
    flow = Flow("Main", edges, ["Prep"], inputs=dict.fromkeys(inputs, ...), flows={"Prep": prep})
    with tempfile.TemporaryDirectory() as folder:
        return run(flow, inputs or None, namespace=spec.namespace(folder), executor=executor,
                   on_error="continue")  # fmt: skip


def _within(end: End) -> End:
    """Return an end whose reason is that of a task in a flow."""
    is_task = end.why and not end.why.startswith("nothing")
    return replace(end, why=f"Prep.{end.why}") if is_task and end.why[0] == "t" else end
