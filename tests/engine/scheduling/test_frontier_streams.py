"""Mapped and tolerant tasks in the frontier, against a model that is worked out at each step."""

from __future__ import annotations

import random as chances
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_frontier import dags, waiting_counts

from taskinity_nb import run
from taskinity_nb.engine.scheduling.frontier import Frontier
from taskinity_nb.engine.scheduling.order.ranks import ranked


class Case:
    """What a frontier is asked about: a graph, and what is drawn at random for it."""

    def __init__(self, followers, random):
        self.followers, self.random = followers, random
        self.count = len(followers)
        tasks = range(self.count)
        self.upstream = [[a for a in tasks if task in followers[a]] for task in tasks]
        self.mapped = {task for task in tasks if random.random() < 0.7}
        self.kept = {task for task in tasks if random.random() < 0.03}
        self.mapped -= self.kept
        self.streams = {}
        for task in self.mapped:
            sources = [a for a in self.upstream[task] if a in self.mapped and random.random() < 0.8]
            if sources:
                self.streams[task] = sources
        self.tolerant = {
            task: {f for f in followers[task] if random.random() < 0.4} for task in tasks
        }
        self.queues = [random.randrange(2) for _ in tasks]

    def frontier(self):
        return Frontier(
            waiting_counts(self.followers),
            self.followers,
            None,
            self.kept,
            queues=self.queues,
            streams=self.streams,
            tolerant=self.tolerant,
        )


class Model:
    """What is true of each task and item, by the rules alone."""

    def __init__(self, case):
        self.case = case
        self.said = dict.fromkeys(case.kept, "done")  # of tasks and items
        self.items = {}
        rank = {task: place for place, task in enumerate(ranked(case.followers))}
        groups = {task: self.group_of(task) for task in range(case.count)}
        self.starts = {t: sum(not self.depth(each) for each in groups[t]) for t in groups}
        self.places = {task: min(rank[each] for each in groups[task]) for task in groups}
        self.steps = {task: (-self.depth(task), rank[task]) for task in groups}

    def group_of(self, task):
        """Return all that a task is tied to by streams."""
        group = {task}
        while True:
            pairs = [(f, s) for f, sources in self.case.streams.items() for s in sources]
            more = {each for pair in pairs if group & set(pair) for each in pair} - group
            if not more:
                return group
            group |= more

    def depth(self, task):
        return max((1 + self.depth(s) for s in self.case.streams.get(task, ())), default=0)

    def states(self):
        """Return what each task and item is: ready, waiting, lost, open, done or failed."""
        states = {}
        for task in range(self.case.count):
            states[task] = self.task_state(task, states)
            for place, item in enumerate(self.items.get(task, ())):
                befores = [(s, self.items[s][place]) for s in self.case.streams.get(task, ())]
                ends = [(states[item], task in self.case.tolerant[s]) for s, item in befores]
                states[item] = self.said.get(item) or self.state_after(ends)
        return states

    def task_state(self, task, states):
        if task in self.said:
            return self.said[task]
        if task in self.items:
            return "open"
        ends = []
        for before in self.case.upstream[task]:
            if before in self.case.streams.get(task, ()) and before in self.items:
                ends.append(("done", False))
            else:
                ends.append((states[before], task in self.case.tolerant[before]))
        return self.state_after(ends)

    @staticmethod
    def state_after(ends):
        if any(end in ("failed", "lost") and not tolerates for end, tolerates in ends):
            return "lost"
        if all(end in ("done", "failed", "lost") for end, _ in ends):
            return "ready"
        return "waiting"

    def owner(self, slot):
        return next((task for task, items in self.items.items() if slot in items), slot)

    def priority(self, slot):
        """Return what is least for the slot that goes first."""
        task = self.owner(slot)
        if self.starts[task] == 1:
            return self.places[task], *self.steps[task]
        if slot == task:
            return self.places[task], 0, *self.steps[task]
        return self.places[task], 1, slot - self.items[task].start, *self.steps[task]


class Play:
    """Does to a frontier whatever can be done, and compares it with the model after each step."""

    def __init__(self, case):
        self.case, self.random = case, case.random
        self.frontier, self.model = case.frontier(), Model(case)
        self.running = []
        self.slots = case.count
        self.is_abandoned = False
        self.seen = Counter()

    def play(self):
        states = self.model.states()
        assert sorted(self.frontier.starting) == [s for s in states if states[s] == "ready"]
        while True:
            self.compare()
            if self.random.random() < 0.6 and self.take():
                continue
            if not self.running:
                if not (self.ready(0) or self.ready(1)):
                    break
                continue
            slot = self.running.pop(self.random.randrange(len(self.running)))
            if self.random.random() < 0.1:
                self.frontier.again(slot)
            elif slot in self.case.mapped:
                self.expand(slot)
            else:
                self.end(slot)
            self.close()
            if not self.is_abandoned and self.random.random() < 0.02:
                self.abandon()
        states = self.model.states()
        assert set(states.values()) <= {"done", "failed", "lost"}
        return self.seen

    def ready(self, queue):
        states, model = self.model.states(), self.model
        ready = [s for s, state in states.items() if state == "ready" and s not in self.running]
        ready = [slot for slot in ready if self.case.queues[model.owner(slot)] == queue]
        return sorted(ready, key=model.priority)

    def compare(self):
        for queue in set(self.case.queues):
            ready = self.ready(queue)
            self.check(self.frontier.peek(queue), ready)
            assert bool(self.frontier.ready(queue)) == bool(ready)

    def check(self, slot, ready):
        """Check that a slot is as good as the best of those that are ready."""
        if slot is None:
            assert not ready
        else:
            assert slot in ready
            assert self.model.priority(slot) == self.model.priority(ready[0])

    def take(self):
        queue = self.random.choice(sorted(set(self.case.queues)))
        ready = self.ready(queue)
        slot = self.frontier.take(queue)
        self.check(slot, ready)
        if slot is not None:
            self.running.append(slot)
        return slot is not None

    def expand(self, task):
        model = self.model
        sources = self.case.streams.get(task, ())
        numbers = {len(model.items.get(source, "")) for source in sources}
        is_there = all(source in model.items for source in sources)
        if not is_there or len(numbers) > 1 or self.random.random() < 0.1:
            self.end(task, "failed")
            return
        number = numbers.pop() if numbers else self.random.choice([0, 1, 3, 3, 3, 3])
        items = range(self.slots, self.slots + number)
        self.slots += number
        kept = {item for item in items if self.random.random() < 0.1}
        before = model.states()
        model.items[task] = items
        model.said |= dict.fromkeys(kept, "done")
        self.changed(before, *self.frontier.expand(task, items.start, number, kept))
        self.seen["expanded", len(self.case.streams.get(task, ()))] += 1

    def end(self, slot, how=None):
        before = self.model.states()
        self.model.said[slot] = how = how or self.random.choice(["done", "done", "failed"])
        if how == "done":
            self.changed(before, self.frontier.done(slot), [])
        else:
            lost, ready = self.frontier.fail(slot)
            self.changed(before, ready, lost)
            kind = "task" if slot == self.model.owner(slot) else "item"
            self.seen[kind, "lost"] += len(lost)
            self.seen[kind, "goes on"] += len(ready)

    def changed(self, before, ready, lost):
        """Compare what a frontier told with what is otherwise than before."""
        after = self.model.states()
        for state, told in (("ready", ready), ("lost", lost)):
            new = [s for s in after if after[s] == state and before.get(s) != state]
            assert sorted(told) == sorted(new), state

    def close(self):
        """End the mapped tasks of which no item is left."""
        states = self.model.states()
        for task, items in self.model.items.items():
            left = [item for item in items if states[item] in ("ready", "waiting")]
            assert self.frontier.left(task) == len(left)
            if not left and task not in self.model.said:
                self.end(task)

    def abandon(self):
        states = self.model.states()
        rest = [s for s, state in states.items() if state in ("ready", "waiting")]
        rest = [slot for slot in rest if slot not in self.running]
        gone = self.frontier.abandon()
        assert sorted(gone) == sorted(rest)
        self.model.said |= dict.fromkeys(gone, "failed")
        self.is_abandoned = True
        self.close()


@given(dags(most=12), st.randoms(use_true_random=False))
def test_agrees_with_the_model(followers, random):
    Play(Case(followers, random)).play()


@pytest.mark.slow
def test_the_cases_have_all_that_can_happen():
    """The model is asked about everything, or its agreement means little."""
    seen = Counter()
    for seed in range(400):
        chance = chances.Random(seed)
        count = chance.randrange(2, 12)
        followers = [
            [b for b in range(a + 1, count) if chance.random() < 0.4] for a in range(count)
        ]
        seen += Play(Case(followers, chance)).play()
    kinds = [("task", "lost"), ("task", "goes on"), ("item", "lost"), ("item", "goes on")]
    assert all(seen[kind] > 20 for kind in [*kinds, *(("expanded", n) for n in range(3))]), seen


class TestDepthFirst:
    """What has begun goes on before anything else begins."""

    @staticmethod
    def order(streams, waiting, followers, counts, workers=1, seed=0):
        """Return the (task, place) of each item in the order in which they were taken, and the most
        places that were begun and not at their end at once."""
        chance = chances.Random(seed)
        frontier = Frontier(waiting, followers, streams=streams)
        firsts, running, taken, most = {}, [], [], 0
        ends, steps = Counter(), len(counts)
        slots = len(waiting)
        while True:
            while len(running) < workers and (slot := frontier.take()) is not None:
                task = frontier.owner(slot)
                if slot in counts:
                    firsts[slot] = slots
                    frontier.expand(slot, slots, counts[slot])
                    slots += counts[slot]
                    continue
                running.append(slot)
                if slot != task:
                    taken.append((task, slot - firsts[task]))
            begun = {place for _, place in taken}
            most = max(most, sum(ends[place] < steps for place in begun))
            if not running:
                return taken, most
            slot = running.pop(chance.randrange(len(running)))
            task = frontier.owner(slot)
            frontier.done(slot)
            if slot != task:
                ends[slot - firsts[task]] += 1
                if not frontier.left(task):
                    frontier.done(task)

    def test_a_chain(self):
        # 0 -> map 1 -> map 2 -> map 3 -> 4
        followers = [[1], [2], [3], [4], []]
        args = {2: [1], 3: [2]}, [0, 1, 1, 1, 1], followers, {1: 3, 2: 3, 3: 3}
        taken, most = self.order(*args)
        assert taken == [(task, place) for place in range(3) for task in (1, 2, 3)]
        assert most == 1

    def test_a_fork_and_a_join(self):
        # 0 -> map 1 -> [map 2, map 3], [2, 3] -> zip 4
        followers = [[1], [2, 3], [4], [4], []]
        args = (
            {2: [1], 3: [1], 4: [2, 3]},
            [0, 1, 1, 1, 2],
            followers,
            dict.fromkeys((1, 2, 3, 4), 3),
        )
        taken, most = self.order(*args)
        assert taken == [(task, place) for place in range(3) for task in (1, 2, 3, 4)]
        assert most == 1

    def test_two_lists_side_by_side(self):
        # 0 -> [map 1, map 2], [1, 2] -> zip 3
        followers = [[1, 2], [3], [3], []]
        args = {3: [1, 2]}, [0, 1, 1, 2], followers, dict.fromkeys((1, 2, 3), 4)
        taken, most = self.order(*args)
        assert taken == [(task, place) for place in range(4) for task in (1, 2, 3)]
        assert most == 1

    @pytest.mark.parametrize(
        "streams",
        [
            {2: [1], 3: [2], 4: [3]},
            {2: [1], 3: [1], 4: [2, 3]},
            {3: [1, 2], 4: [3]},
            {2: [1], 4: [2, 3]},
        ],
        ids=["chain", "fork and join", "side by side", "a chain beside a map"],
    )
    @given(st.integers(1, 8), st.integers(0, 1_000))
    def test_no_more_are_begun_than_workers(self, streams, workers, seed):
        sources = {task: streams.get(task, [0]) for task in range(1, 5)}
        followers = [[f for f in sources if task in sources[f]] for task in range(5)]
        counts = dict.fromkeys(sources, 30)
        waiting = waiting_counts(followers)
        taken, most = self.order(streams, waiting, followers, counts, workers, seed)
        assert len(taken) == 120
        assert most <= workers

    def test_what_has_begun_and_comes_again_goes_first(self):
        frontier = Frontier([0, 1], [[1], []], streams={1: [0]})
        assert frontier.take() == 0
        assert frontier.expand(0, 2, 3) == ([2, 3, 4, 1], [])
        assert frontier.take() == 1
        assert frontier.expand(1, 5, 3) == ([], [])
        assert (frontier.take(), frontier.take()) == (2, 3)
        assert frontier.done(3) == [6]
        assert frontier.take() == 6
        frontier.again(2), frontier.again(6)
        assert [frontier.take() for _ in range(4)] == [6, 4, 2, None]

    def test_other_tasks_keep_their_rank(self):
        # 0 -> map 1 -> map 2 -> 3 and 4 -> 5 -> 6 -> 7
        followers = [[1], [2], [3], [], [5], [6], [7], []]
        frontier = Frontier(waiting_counts(followers), followers, streams={2: [1]})
        assert [frontier.take(), frontier.take()] == [0, 4]
        frontier.done(0), frontier.done(4)
        assert frontier.take() == 1
        frontier.expand(1, 8, 1)
        assert [frontier.take() for _ in range(4)] == [2, 8, 5, None]

    def test_in_a_run(self):
        taken = []

        def step(name):
            def f(item):
                taken.append((name, item))
                return item

            return f

        names = {"scan": lambda: range(3), "f": step("f"), "g": step("g"), "h": step("h")}
        run("scan -> map f -> map g -> map h", namespace=names, executor="sequential")
        assert taken == [(name, item) for item in range(3) for name in "fgh"]


class TestFailedMaps:
    """What becomes of those that take the items of a mapped task which has failed."""

    def test_before_its_items_are_known(self):
        # 0 -> map 1?, 1 -> 2 and 1 -> map 3 -> 4, all of which would go on
        followers = [[1], [2, 3], [], [4], []]
        tolerant = {1: [2, 3], 3: [4]}
        frontier = Frontier([0, 1, 1, 1, 1], followers, streams={3: [1]}, tolerant=tolerant)
        assert frontier.take() == 0
        frontier.done(0)
        assert frontier.take() == 1
        assert frontier.fail(1) == ([], [2, 3])

    def test_after_its_items_have_ended(self):
        # map 0 -> map 1 and 0? -> 2, 0 -> 3
        followers = [[1, 2, 3], [], [], []]
        frontier = Frontier([0, 1, 1, 1], followers, streams={1: [0]}, tolerant={0: [1, 2]})
        frontier.take()
        frontier.expand(0, 4, 2)
        assert frontier.take() == 1
        frontier.expand(1, 6, 2)
        assert [frontier.take(), frontier.take()] == [4, 5]
        assert frontier.fail(4) == ([], [6])
        assert frontier.done(5) == [7]
        assert frontier.fail(0) == ([3], [2])
        assert frontier.left(1) == 2
        assert [frontier.take() for _ in range(4)] == [6, 7, 2, None]
