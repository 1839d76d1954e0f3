"""Random flows in which all forms stand, on every executor, against a sequential evaluation."""

from __future__ import annotations

from collections import Counter

import pytest
from clusters import on_both
from flow_oracle import agrees_for_each_item, agrees_once
from form_oracle import SUCCEEDED, Oracle, Unclear, agrees, spec_of, stops
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sizes import sized

few = settings(
    max_examples=sized(10, 200), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)  # fmt: skip
seeds = st.integers(0, 2**32)
counts = st.integers(1, 30)


@few
@given(seed=seeds, count=counts, on_error=st.sampled_from(["continue", "raise"]))
def test_all_forms_agree_with_the_oracle(executor, seed, count, on_error):
    agrees(executor, seed, count, on_error)


@few
@given(seed=seeds, count=counts)
def test_a_failure_stops_a_run_of_all_forms(executor, seed, count):
    stops(executor, seed, count)


@few
@given(seed=seeds, count=counts)
def test_flows_in_a_flow_agree_with_the_oracle(executor, seed, count):
    agrees_once(executor, seed, count)


@few
@given(seed=seeds, count=counts)
def test_flows_for_each_item_agree_with_the_oracle(executor, seed, count):
    assume(agrees_for_each_item(executor, seed, count))


def test_the_random_flows_have_all_forms():
    """The oracle is asked about everything, or its agreement means little."""
    seen = Counter()
    for seed in range(60):
        spec = spec_of(seed, 40)
        try:
            ends = Oracle(spec).ends
        except Unclear:
            continue
        for edge in spec.edges:
            seen[edge.kind, edge.optional, edge.equals is not None] += 1
            seen["part", type(edge.key).__name__, edge.key in spec.parts] += 1
            seen["from an input"] += edge.source in spec.inputs
        for name in spec.nodes:
            end = ends[name]
            seen["end", *sorted(end.states), end.items is not None] += 1
            seen["items left out"] += end.states == {SUCCEEDED} and end.items is not None and any(
                SUCCEEDED not in item.states for item in end.items
            )  # fmt: skip
    assert len(seen) >= 25, seen
    assert min(count for form, count in seen.items() if form[0] != "part") >= 3, seen


@pytest.mark.slow
@on_both
def test_all_forms_agree_with_the_oracle_on_clusters(cluster, tmp_path):
    cluster.script(
        tmp_path / "forms.py",
        """
        import sys
        from flow_oracle import agrees_for_each_item, agrees_once
        from form_oracle import agrees, stops

        for seed in range(int(sys.argv[2])):
            agrees_once(sys.argv[1], seed, 3 + seed % 20)
            agrees_for_each_item(sys.argv[1], seed, 3 + seed % 20)
            agrees(sys.argv[1], seed, 4 + seed % 20)
            stops(sys.argv[1], seed, 4 + seed % 20)
        # What is handed over ahead and then lost is not waited for:
        agrees(sys.argv[1], 4029, 12)
        """,
        cluster.executor,
        sized(12, 120),
    )
