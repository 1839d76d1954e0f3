"""The frontier alone: order, handshake, failure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskinity_nb.engine.scheduling.frontier import Frontier
from taskinity_nb.engine.scheduling.order.ranks import ranked, ranks


@st.composite
def dags(draw, most=30):
    """Draw for each task the tasks that wait for it; edges lead from small numbers to large."""
    count = draw(st.integers(1, most))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    followers = [[] for _ in range(count)]
    for a, b in chosen:
        followers[a].append(b)
    return followers


def waiting_counts(followers):
    waiting = [0] * len(followers)
    for after in followers:
        for task in after:
            waiting[task] += 1
    return waiting


def test_the_longest_way_goes_first():
    """0 -> 1 -> 2 is longer than 3 and 4, which stand earlier in no way."""
    #   3        0 -> 1 -> 2        4
    followers = [[1], [2], [], [], []]
    frontier = Frontier(waiting_counts(followers), followers)
    assert [frontier.take(), frontier.take()] == [0, 3]
    assert frontier.done(0) == [1]
    assert [frontier.take(), frontier.take(), frontier.take()] == [1, 4, None]


def test_ties_go_in_the_order_of_the_text():
    followers = [[], [], [], []]
    frontier = Frontier([0, 0, 0, 0], followers)
    assert [frontier.take() for _ in range(5)] == [0, 1, 2, 3, None]


def test_weights_are_seconds():
    followers = [[], [], []]
    frontier = Frontier([0, 0, 0], followers, ranked(followers, [1.0, 3.0, 2.0]))
    assert [frontier.take() for _ in range(3)] == [1, 2, 0]


def test_done_from_the_start():
    #  0 -> [1, 2] -> 3, and 0 and 1 are done
    followers = [[1, 2], [3], [3], []]
    frontier = Frontier([0, 1, 1, 2], followers, done=[0, 1])
    assert frontier.starting == [2]
    assert frontier.take() == 2
    assert frontier.take() is None
    assert frontier.done(2) == [3]


def test_a_descendant_of_two_failures_is_lost_once():
    #  [0, 1] -> 2 -> 3
    followers = [[2], [2], [3], []]
    frontier = Frontier([0, 0, 2, 1], followers)
    frontier.take(), frontier.take()
    assert frontier.fail(0) == ([2, 3], [])
    assert frontier.fail(1) == ([], [])
    assert frontier.take() is None


def test_abandoned_tasks_never_come():
    #  0 -> 2 -> 3,  1
    followers = [[2], [], [3], []]
    frontier = Frontier([0, 0, 1, 1], followers)
    assert frontier.take() == 0
    assert frontier.abandon() == [1, 2, 3]
    assert frontier.done(0) == []
    assert frontier.take() is None
    assert frontier.fail(0) == ([], [])


@given(dags(), st.randoms(use_true_random=False))
def test_ranks_are_longest_ways(followers, random):
    weights = [random.choice([0.0, 0.5, 1.0, 2.0]) for _ in followers]
    longest = ranks(followers, weights)
    for task in reversed(range(len(followers))):
        after = max((longest[f] for f in followers[task]), default=0.0)
        assert longest[task] == weights[task] + after


@given(dags(), st.randoms(use_true_random=False))
def test_every_task_once_and_never_too_early(followers, random):
    """Whatever the order in which tasks end and fail, each is run or lost, exactly once."""
    waiting = waiting_counts(followers)
    upstream = [[a for a, after in enumerate(followers) if task in after]
                for task in range(len(followers))]  # fmt: skip
    frontier = Frontier(waiting, followers)
    running, done, failed, lost = [], set(), set(), set()
    while True:
        while random.random() < 0.7 and (task := frontier.take()) is not None:
            assert all(before in done for before in upstream[task])
            assert task not in done | failed | lost
            running.append(task)
        if not running:
            if not frontier.ready():
                break
            continue
        task = running.pop(random.randrange(len(running)))
        if random.random() < 0.2:
            failed.add(task)
            new, ready = frontier.fail(task)
            lost.update(new)
            assert not ready
            assert len(new) == len(set(new))
        else:
            done.add(task)
            frontier.done(task)
    assert done | failed | lost == set(range(len(followers)))
    assert all(any(b in failed | lost for b in upstream[task]) for task in lost)
