"""Random flows on every executor against an oracle that knows nothing of the engine."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import SUCCEEDED, continues, oracle, spec_of, stops
from sizes import sized

few = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
many = settings(few, max_examples=sized(8, 60))
seeds = st.integers(0, 2**32)
small = st.integers(1, 40)
any_size = st.one_of(small, small, small, st.integers(1, 200), st.integers(200, 1_000))


@few
@given(seed=seeds, count=small)
def test_agrees_with_the_oracle(executor, seed, count):
    continues(executor, seed, count)


@few
@given(seed=seeds, count=small)
def test_a_failure_stops_the_run(executor, seed, count):
    stops(executor, seed, count)


@pytest.mark.slow
@pytest.mark.long
@many
@given(seed=seeds, count=any_size)
def test_agrees_with_the_oracle_often(executor, seed, count):
    continues(executor, seed, count)


@pytest.mark.slow
@pytest.mark.long
@many
@given(seed=seeds, count=any_size)
def test_a_failure_stops_the_run_often(executor, seed, count):
    stops(executor, seed, count)


def test_the_flows_have_all_that_can_happen():
    """The oracle is asked about everything, or its agreement means little."""
    seen = Counter()
    for seed in range(30):
        ends = oracle(spec_of(seed, 200))
        for end in ends.values():
            states = sorted(end.states)
            seen[*states, "map" if end.items is not None else "task"] += 1
            seen.update(("item", *sorted(item.states)) for item in end.items or ())
            seen["empty map"] += end.items == []
            seen["tried again"] += end.attempts > 1 and end.states == {SUCCEEDED}
    least = min(seen.values())
    assert len(seen) == 14, seen
    assert least >= 10, seen
