"""The pool of a run's resources: who may take how much of them, and who waits.

Policy. Who asks for what is free gets it. Who asks for more waits, and does so in the order of
asking: whenever something comes back, those who wait are served by turns, the longest wait first,
as far as what is left is enough for them. So one who asks for little may pass one who waits for
much, which keeps the resources busy; but only `PASSES` times, from then on what comes back is saved
up for that one. Nobody waits for ever, since whoever waits does so for those who have, who give it
back, or for who has waited longer.

A rate is a resource of which what was taken comes back by itself, when its time is over: of `n` in
`s` seconds no more than `n` are taken in any `s` seconds (a sliding window; a bucket of tokens
would let twice as many pass around a pause).

The pool knows nothing of threads, and of time what `clock` says: who shares it brings a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import chain, count
from math import inf
from operator import itemgetter

from ....model.limits.capacities import Capacities, Rate

__all__ = ["PASSES", "Demand", "Pool"]

PASSES = 8
"""How often others may take of what somebody waits for, before it is saved up for that one."""

Demand = tuple[tuple[str, float], ...]
"""What somebody asks for: resources, each with how much of it."""

SLACK = 1e-9
"""The share of a capacity by which sums of fractions may miss it."""


class _Stock:
    """What is there of one resource."""

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity * (1.0 + SLACK)
        self.taken = 0.0

    def has(self, amount: float, now: float) -> bool:
        return self.taken + amount <= self.capacity

    def take(self, amount: float, now: float) -> None:
        self.taken += amount

    def give_back(self, amount: float) -> None:
        self.taken -= amount
        if self.taken < SLACK * self.capacity:
            self.taken = 0.0  # sums of fractions go astray

    def free_at(self, amount: float) -> float:
        """Return when there is as much though nothing is given back: never."""
        return inf


class _Window(_Stock):
    """What may begin in any time of a length: what was taken is free again when that is over."""

    def __init__(self, limit: Rate) -> None:
        super().__init__(limit.amount)
        self.seconds = limit.seconds
        self._starts: deque[tuple[float, float]] = deque()

    def has(self, amount: float, now: float) -> bool:
        starts = self._starts
        while starts and starts[0][0] + self.seconds <= now:
            self.taken -= starts.popleft()[1]
        return super().has(amount, now)

    def take(self, amount: float, now: float) -> None:
        super().take(amount, now)
        self._starts.append((now, amount))

    def give_back(self, amount: float) -> None:
        """Do nothing: that it has ended does not let another one begin."""

    def free_at(self, amount: float) -> float:
        """Return when there is as much, as far as is known now."""
        left = self.taken
        for start, taken in self._starts:
            left -= taken
            if left + amount <= self.capacity:
                return start + self.seconds
        return 0.0


class Pool:
    """Resources of which there is so much.

    Parameters
    ----------
    capacities : mapping of str to float or Rate
        How much there is of each.
    clock : callable
        Returns seconds from any moment on; only rates ask.

    Examples
    --------
    >>> pool = Pool({"api": 2}, clock=float)
    >>> one, both = (("api", 1),), (("api", 2),)
    >>> pool.take(0, one), pool.take(1, both), pool.take(2, one)
    (True, False, True)
    >>> pool.short_of(both), pool.give_back(0), pool.give_back(2)
    (['api'], [], [1])
    >>> pool.take(1, both)  # it has it already
    True
    >>> pool.give_back(1), pool.reserve(3, both), pool.take(4, one), pool.take(3, both)
    ([], None, False, True)
    >>> pool.reserve(5, one), pool.give_back(3), pool.give_back(4), pool.take(5, one)
    (None, [4], [], True)
    """

    def __init__(self, capacities: Capacities, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stocks: dict[str, _Stock] = {
            name: _Window(much) if isinstance(much, Rate) else _Stock(much)
            for name, much in capacities.items()
        }
        self._taken: dict[int, Demand] = {}
        self._served: set[int] = set()  # who has got what it has waited for, and does not know
        self._coming: set[int] = set()  # who waits already, and has not asked
        self._number = count()
        # Who waits, by what for: many ask for the same, and the first of them speaks for all.
        self._queues: dict[Demand, deque[tuple[int, int]]] = {}
        self._passed: dict[str, int] = {}  # how often the first who waits for it was passed

    def take(self, key: int, demand: Demand) -> bool:
        """Take what somebody asks for; False if it has to wait, until `give_back` returns it."""
        is_waiting = key in self._coming
        self._coming.discard(key)
        if key in self._served:
            self._served.discard(key)
            return True
        if is_waiting:
            return False
        now = self._clock()
        number = next(self._number)
        if self._is_free(demand, number, now):
            self._give(key, demand, number, now)
            return True
        self._queues.setdefault(demand, deque()).append((number, key))
        return False

    def reserve(self, key: int, demand: Demand) -> None:
        """Take what somebody is about to ask for, or have it wait for that from now on."""
        if key in self._taken:
            return
        now, number = self._clock(), next(self._number)
        if self._is_free(demand, number, now):
            self._give(key, demand, number, now)
            self._served.add(key)
        else:
            self._queues.setdefault(demand, deque()).append((number, key))
            self._coming.add(key)

    def give_back(self, key: int) -> list[int]:
        """Give back what somebody has, if it has anything; return who has got it instead."""
        demand = self._taken.pop(key, None)
        if demand is None:
            return []
        self._served.discard(key)
        for name, amount in demand:
            self._stocks[name].give_back(amount)
        return self.serve()

    def serve(self) -> list[int]:
        """Give those who wait what there is, the longest wait first; return who has got it."""
        served: list[int] = []
        now = self._clock()
        while self._queues:
            free = [
                (queue[0][0], demand)
                for demand, queue in self._queues.items()
                if self._is_free(demand, queue[0][0], now)
            ]
            if not free:
                break
            number, demand = min(free)
            queue = self._queues[demand]
            _, key = queue.popleft()
            if not queue:
                del self._queues[demand]
            self._give(key, demand, number, now)
            self._served.add(key)
            if key not in self._coming:  # else it is about to ask
                served.append(key)
        return served

    def has_served(self, key: int) -> bool:
        """Tell whether somebody has got what it has waited for, and has not come for it yet."""
        return key in self._served

    def clear(self) -> list[int]:
        """Let nobody wait any more; return who has asked and waited, the longest first."""
        waiting = sorted(chain(*self._queues.values()), key=itemgetter(0))
        self._queues.clear()
        coming, self._coming = self._coming, set()
        return [key for _, key in waiting if key not in coming]

    def short_of(self, demand: Demand) -> list[str]:
        """Return what who asks for this waits for: of what there is too little, or is saved up."""
        now = self._clock()
        lacking = [name for name, amount in demand if not self._stocks[name].has(amount, now)]
        return lacking or [name for name, _ in demand if self._passed.get(name, 0) >= PASSES]

    def due(self) -> float | None:
        """Return when somebody may be served though nothing comes back; None if nobody."""
        now = self._clock()
        moments = []
        for demand, queue in self._queues.items():
            if self._is_free(demand, queue[0][0], now):
                moments.append(now)  # a rate has let somebody begin since it was last looked at
                continue
            lacking = [
                (self._stocks[name], amount)
                for name, amount in demand
                if not self._stocks[name].has(amount, now)
            ]
            if lacking:
                moments.append(max(stock.free_at(amount) for stock, amount in lacking))
        return min((moment for moment in moments if moment < inf), default=None)

    def _is_free(self, demand: Demand, number: int, now: float) -> bool:
        """Tell whether somebody may take what it asks for."""
        return all(self._stocks[name].has(amount, now) for name, amount in demand) and not any(
            self._passed.get(name, 0) >= PASSES and self._first(name) < number for name, _ in demand
        )

    def _give(self, key: int, demand: Demand, number: int, now: float) -> None:
        self._taken[key] = demand
        for name, amount in demand:
            self._stocks[name].take(amount, now)
            is_passing = bool(self._queues) and self._first(name) < number
            self._passed[name] = self._passed.get(name, 0) + 1 if is_passing else 0

    def _first(self, name: str) -> float:
        """Return the number of who waits longest for a resource; infinity if nobody does."""
        waiting = (
            queue[0][0]
            for demand, queue in self._queues.items()
            if any(name == wanted for wanted, _ in demand)
        )
        return min(waiting, default=inf)
