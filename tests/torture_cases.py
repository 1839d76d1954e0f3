"""Random runs in which one task, `h`, or what takes its result, `c`, is hostile."""

from __future__ import annotations

import inspect
import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from nodes import Node
from torture import KINDS
from torture_places import PLACES, Place
from torture_tasks import NamelessFunction, Quiet

from taskinity_nb import Flow, Task
from taskinity_nb.model.flow import Edge

__all__ = ["Case", "executor_of"]

PATIENT = 15.0
"""The timeout of tasks that do no harm."""

EXECUTORS = [
    ("sequential", 1), *(("threads", n) for n in (1, 2, 4)), ("processes", 1), ("processes", 2),
    *(("thread pool", n) for n in (1, 2, 4)), ("forkserver", 2), ("spawn", 2),
]  # fmt: skip

WORDS = ("sequential", "threads", "processes")

_pools: dict[tuple[str, int], Any] = {}


def executor_of(word: str, workers: int) -> Any:
    """Return what `run` takes for an executor; a pool is made once, and must outlive all runs."""
    if word in WORDS:
        return word
    if (word, workers) not in _pools:
        if word == "thread pool":
            _pools[word, workers] = ThreadPoolExecutor(workers)
        else:
            context = multiprocessing.get_context(word)
            _pools[word, workers] = ProcessPoolExecutor(workers, mp_context=context)
    return _pools[word, workers]


@dataclass
class Member:
    """A task of a run that does no harm.

    Attributes
    ----------
    node : Node
        What it does.
    where : str
        Where it runs: an executor's name, ``"async"``, or empty for where the others do.
    options : dict
        Options of its `Task`.
    is_tainted : bool
        Whether it comes after the hostile task, so that nothing is known of it.
    """

    node: Node
    where: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    is_tainted: bool = False

    def task(self) -> Task:
        function: Callable[..., Any] = Quiet() if self.is_tainted else self.node
        if self.where == "async":
            return Task(_on_loop(function), **self.options)
        return Task(function, **self.options, **_placed(self.where))


def _on_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    async def on_loop(*args: Any) -> Any:
        return function(*args)

    return on_loop


def _placed(where: str) -> dict[str, Any]:
    return {"executor": executor_of(where, 1)} if where else {}


@dataclass
class Case:
    """A run: all of it follows from its number.

    Attributes
    ----------
    expected : dict
        The results of the tasks that do not come after the hostile one.
    """

    seed: int
    place: str
    kind: str
    executor: tuple[str, int] = ("threads", 1)
    options: dict[str, Any] = field(default_factory=dict)
    starts: bool = False
    in_main_thread: bool = True
    warnings_are_errors: bool = False
    where: str = ""
    edges: list[Edge] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Case:
        """Return the case with a number; places and kinds take turns, all else is random."""
        chance = random.Random(seed)
        places, kinds = list(PLACES), list(KINDS)
        case = cls(seed, places[seed % len(places)], kinds[seed % len(kinds)])
        case.executor = chance.choice(EXECUTORS)
        case.options = {
            "on_error": chance.choice(["raise", "raise", "stop", "continue"]),
            "keep": chance.choice(["all", "all", "last"]),
        }
        case.starts = case.place.startswith("cancel") or chance.random() < 0.3
        # In the main thread it would be the user's, who wants the run to end.
        case.in_main_thread = case.kind != "KeyboardInterrupt" and chance.random() < 0.5
        case.warnings_are_errors = chance.random() < 0.2
        case.where = chance.choice(["", "", "", "threads", "processes", "thread pool"])
        case._draw(chance)
        return case

    def _draw(self, chance: random.Random) -> None:
        place = PLACES[self.place](self.kind)
        count = chance.randint(2, 8)
        position = chance.randrange(count)
        for number in range(count):
            names = [*self.members, *(["h", "c"] if number > position else [])]
            sources = chance.sample(names, min(len(names), chance.choice([0, 1, 1, 2, 3])))
            if number == position:
                self.edges += [Edge(name, "h", "wait") for name in sources]
                self.edges.append(Edge("h", "c", place.edge, place.key))
            else:
                self._draw_member(f"t{number}", sources, chance)

    def _draw_member(self, name: str, sources: list[str], chance: random.Random) -> None:
        is_tainted = not self.expected.keys() >= set(sources)
        lists = [source for source in sources if isinstance(self.expected.get(source), list)]
        maps = [] if is_tainted else lists[:1]
        length = None if maps or chance.random() < 0.6 else chance.randint(0, 4)
        options: dict[str, Any] = {}
        if chance.random() < 0.2:
            options["retries"] = 1
        if chance.random() < 0.1:
            options["timeout"] = PATIENT
        where = chance.choice([""] * 6 + ["threads", "processes", "thread pool", "async"])
        self.edges += [Edge(s, name, "map" if s in maps else "result") for s in sources]
        member = self.members[name] = Member(Node(name, length), where, options, is_tainted)
        if not is_tainted:
            self.expected[name] = self._value(member.node, sources, maps)

    def _value(self, node: Node, sources: list[str], maps: list[str]) -> Any:
        known = [self.expected[source] for source in sources]
        if not maps:
            return node.value(tuple(known))
        place = sources.index(maps[0])
        rows = ((*known[:place], item, *known[place + 1 :]) for item in known[place])
        return [node.value(row) for row in rows]

    @property
    def blamed(self) -> set[str]:
        """The tasks that an error may name: what takes a result of the hostile ones is one."""
        if PLACES[self.place](self.kind).blames_any:
            return {"h", "c", *self.members}
        return {"h", "c"} | {edge.target for edge in self.edges if edge.source in ("h", "c")}

    @property
    def flow(self) -> Flow:
        return Flow("hostile", self.edges, tasks=self.members)

    def namespace(self, place: Place) -> dict[str, Any]:
        """Return the functions."""
        options = place.options
        is_plain = isinstance(
            place.function, NamelessFunction
        )  # a `Task` of it cannot be made here
        if self.where and not is_plain and not inspect.iscoroutinefunction(place.function):
            options = options | _placed(self.where)
        hostile = Task(place.function, **options) if options else place.function
        names = {name: member.task() for name, member in self.members.items()}
        return names | {"h": hostile, "c": place.consumer}

    def __str__(self) -> str:
        word, workers = self.executor
        elsewhere = {n: member.where for n, member in self.members.items() if member.where}
        if self.where:
            elsewhere["h"] = self.where
        return (
            f"seed {self.seed}: {self.place} × {self.kind}, {word} {workers}, "
            f"{', '.join(f'{k}={v}' for k, v in self.options.items())}, "
            f"{'start' if self.starts else 'run'} in "
            f"{'the main' if self.in_main_thread else 'another'} thread"
            f"{', warnings are errors' if self.warnings_are_errors else ''}; "
            f"{', '.join(map(str, self.edges))}; {elsewhere or ''}"
        )
