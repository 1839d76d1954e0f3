"""No task waits for ever: in no order of the workers' steps is a wake-up lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from interleavings import Explorer, Lock, Pool, explore
from sizes import sized

from taskinity_nb import ExecutorError, Flow, State, Task, parse_dsl, run, start
from taskinity_nb.engine.backends.processes import pool
from taskinity_nb.engine.backends.threads import PoolThreads, Threads
from taskinity_nb.engine.scheduling.scheduler import Scheduler
from taskinity_nb.engine.scheduling.worker_loop import WorkerLoop
from taskinity_nb.model.binding import resolve
from taskinity_nb.model.run import Run


class Parking(Threads):
    """Threads of our own, whose waiting is seen by the explorer."""

    def __init__(self, explorer, a_run, workers):
        super().__init__(a_run, workers)
        self._explorer = explorer

    def start(self):
        self._explorer.spawn("thread", self.loop, lambda: True)

    def park(self, worker):
        self._explorer.step("its wakeup", lambda: not worker.wakeup.locked())
        assert worker.wakeup.acquire(blocking=False)


class Timers:
    """Timers that go off at any moment after they were set."""

    def __init__(self, explorer):
        self._explorer = explorer
        self._is_closed = False

    def set(self, delay, call, *arguments):
        ring = lambda: None if self._is_closed else call(*arguments)  # noqa: E731
        self._explorer.spawn("timers", ring, lambda: True)

    def close(self):
        self._is_closed = True


def fail_once():
    """Return a task that fails at its first attempt."""
    attempts = []

    def flaky(*_):
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError
        return 1

    return flaky


def one(*_):
    return 1


def program(text, kinds, places=None, **options):
    """Return a program that runs a flow on backends of given kinds and sizes.

    `kinds` are like ``["pool 1", "threads 2"]``; `places` names the backend of tasks that are not
    on the first one; an option is a `Task` or what makes one, by name.
    """

    def begin(explorer: Explorer):
        flow = parse_dsl(text)
        made = {name: make() for name, make in options.items()}
        names = {flow.function_of(name): one for name in flow.tasks} | made
        a_run = Run(resolve(flow, None, names), "explored", 1)
        backends = []
        for kind in kinds:
            word, size = kind.split()
            pool = Pool(explorer, int(size))
            backends.append(PoolThreads(a_run, pool, int(size)) if word == "pool"
                         else Parking(explorer, a_run, int(size)))  # fmt: skip
        queues = [(places or {}).get(name, 0) for name in flow.tasks]
        scheduler = Scheduler(
            a_run, backends, "continue", queues=queues if len(backends) > 1 else None
        )
        scheduler.lock = Lock(explorer)
        scheduler.retries._timers = Timers(explorer)
        explorer.spawn("main", scheduler.start, lambda: True)

        def check():
            assert scheduler.finished.is_set()
            assert {str(record.state) for record in a_run.tasks.values()} <= {
                "succeeded",
                "timed_out",
                "upstream_failed",
            }
            assert all(backend.has_nobody for backend in all_backends)
            for backend in all_backends:  # each name has been given back, and none twice
                assert backend.spare == backend.workers
                assert len(set(backend.unused)) == len(backend.unused)

        all_backends = list(backends)
        return check

    return begin


CASES = {
    "chain over two pools": ("a -> b -> c", ["pool 1", "pool 1"], {"b": 1}, {}, 3),
    "chain over a pool and threads": ("a -> b -> c", ["pool 1", "threads 1"], {"b": 1}, {}, 3),
    "chain over threads and a pool": ("a -> b -> c", ["threads 1", "pool 1"], {"b": 1}, {}, 3),
    "fan on a pool of two": ("a -> [b, c] -> d", ["pool 2"], {}, {}, 2),
    "fan on two threads": ("a -> [b, c] -> d", ["threads 2"], {}, {}, 2),
    "fan over two pools": ("a -> [b, c] -> d", ["pool 1", "pool 1"], {"b": 1, "d": 1}, {}, 2),
    "map": ("a -> map b -> c", ["pool 1", "pool 2"], {"b": 1}, {"a": lambda: lambda: [1, 2]}, 2),
    "retry at once": ("a -> b -> c", ["pool 1", "pool 1"], {"b": 1},
                      {"b": lambda: Task(fail_once(), retries=1)}, 2),
    "retry after a while": ("a -> [b, c]", ["pool 1", "pool 1"], {"b": 1},
                            {"b": lambda: Task(fail_once(), retries=1, retry_delay=1.0)}, 2),
    "time-out at any moment": ("a -> b -> c", ["pool 1", "pool 1"], {"b": 1},
                               {"b": lambda: Task(one, timeout=1.0)}, 2),
    "time-out on threads": ("a -> b -> c", ["threads 1", "pool 1"], {"b": 1},
                            {"a": lambda: Task(one, timeout=1.0)}, 2),
}  # fmt: skip


LONG = (
    "chain over two pools", "chain over a pool and threads",
    "map", "retry after a while", "time-out at any moment", "time-out on threads",
)  # fmt: skip
"""They have the most orders: each takes more than a second."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=pytest.mark.slow if name in LONG else ())
        for name, case in CASES.items()
    ],
)
def test_each_order_of_steps_comes_to_the_end(case):
    text, kinds, places, options, interruptions = case
    assert explore(program(text, kinds, places, **options), interruptions) > 20


def give_names_back_later(monkeypatch):
    """Let a worker that has found nothing keep its name for a moment, as it once was."""
    later = set()
    leave = PoolThreads.leave

    def rest(backend, worker):
        worker.abandoned = True
        later.add(worker)

    def leave_now(backend, worker, **options):
        if worker in later:
            later.discard(worker)
            worker.abandoned = False
        leave(backend, worker, **options)

    monkeypatch.setattr(PoolThreads, "rest", rest)
    monkeypatch.setattr(PoolThreads, "leave", leave_now)


def test_the_explorer_finds_a_name_that_is_given_back_too_late(monkeypatch):
    """What becomes ready in between finds nobody."""
    give_names_back_later(monkeypatch)
    monkeypatch.setattr(WorkerLoop, "see_who_is_left", lambda workers, backend: workers.catch_up())
    with pytest.raises(AssertionError, match="choices"):
        explore(program("a -> b -> c", ["pool 1", "pool 1"], {"b": 1}), 3)


@pytest.mark.slow
def test_the_last_worker_to_go_ends_a_run_that_is_not_at_its_end(monkeypatch):
    """The watchdog of last resort: whatever has gone wrong, the run ends."""
    give_names_back_later(monkeypatch)
    broken = []
    break_off = Scheduler.break_off
    monkeypatch.setattr(
        Scheduler, "break_off", lambda *given: broken.append(given[1]) or break_off(*given)
    )
    with pytest.raises(AssertionError, match="choices"):
        explore(program("a -> b -> c", ["pool 1", "pool 1"], {"b": 1}), 3)
    assert "all workers of flow 'flow' have ended, and 1 of its tasks have not" in str(broken[0])


class Yielding:
    """A lock before which others go first, as often as not."""

    def __init__(self, seed):
        self._lock = threading.RLock()
        self._random = random.Random(seed)
        self.release = self._lock.release
        self._is_owned = self._lock._is_owned

    def acquire(self, blocking=True):
        for _ in range(self._random.choice((0, 0, 1, 2, 5))):
            sleep(0)
        return self._lock.acquire(blocking)

    def __enter__(self):
        self.acquire()

    def __exit__(self, *_):
        self.release()
        sleep(0)


async def one_async(*_):
    return 1


def flows(pool):
    """Return flows in which pools, async tasks and executors of tasks' own meet."""
    names = {"p": one, "q": one, "x": one_async, "y": one_async, "s": lambda: [1, 2, 3]}
    names |= {"o": Task(one, executor=pool), "t": Task(one, executor="threads")}
    texts = [
        "p -> x -> q",
        "x -> p -> y -> q",
        "p -> [x, q, y] -> o",
        "[x, y] -> p -> [t, o]",
        "s -> map x -> q",
        "s -> map p -> map y -> q",
        "p -> x -> o -> y -> q -> t",
    ]
    return texts, names


@pytest.mark.parametrize("size", [*(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4)), 2])
def test_whatever_the_order(size, monkeypatch):
    """Real threads, in random orders that are forced at each hold of the lock."""
    seeds = iter(range(10_000))
    begin = Scheduler.start

    def start_yielding(scheduler):
        scheduler.lock = Yielding(next(seeds))
        begin(scheduler)

    monkeypatch.setattr(Scheduler, "start", start_yielding)
    with ThreadPoolExecutor(size) as pool:
        texts, names = flows(pool)
        for number in range(140):
            text = texts[number % len(texts)]
            executor = ("threads", pool)[number % 2]
            going = start(text, namespace=names, executor=executor, workers=size)
            assert going.wait(20).state is State.SUCCEEDED, (number, text)


LOOP = """
import sys
from concurrent.futures import ThreadPoolExecutor
from test_wakeups import flows
from taskinity_nb import parse_dsl, start

size, rounds = int(sys.argv[1]), int(sys.argv[2])
with ThreadPoolExecutor(size) as pool:
    texts, names = flows(pool)
    parsed = [parse_dsl(text) for text in texts]
    for number in range(rounds):
        start(parsed[number % len(parsed)], namespace=names, executor=pool).wait(20)
print("all ended")
"""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("rounds", "busy"),
    [
        pytest.param(sized(300, 6_000), 0, id="quiet"),
        pytest.param(sized(67, 667), 3, id="beside three busy processes"),
    ],
)
def test_thousands_of_times(rounds, busy):
    """Two thousand in all, or twenty: with pools of three sizes, which run side by side."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    going = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        loops = [
            subprocess.Popen(
                [sys.executable, "-c", LOOP, str(size), str(rounds)],
                env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for size in (1, 2, 4)
        ]  # fmt: skip
        going += loops
        for loop in loops:
            assert loop.communicate(timeout=300) == ("all ended\n", "")
    finally:
        for process in going:
            process.kill()
            process.communicate()


class TestWorkersThatDoNotCome:
    """Who cannot be started is done without; with nobody, the run ends and says so."""

    def test_a_pool_that_is_shut_down_meanwhile(self):
        """It lets the loop that waits for its place go without a word."""
        gate, pool = threading.Event(), ThreadPoolExecutor(1)
        pool.submit(gate.wait, 30)
        going = start("one", namespace={"one": one}, executor=pool)
        pool.shutdown(wait=False, cancel_futures=True)
        gate.set()
        with pytest.raises(ExecutorError, match="takes no more work: it has cancelled") as caught:
            going.wait(20)
        assert caught.value.run is going

    def test_no_thread_at_all(self, monkeypatch):
        def refuse(thread):
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(ExecutorError, match="can't start new thread") as caught:
                run("one", namespace={"one": one})
        assert caught.value.run.state is State.FAILED
        assert isinstance(caught.value.__cause__, RuntimeError)

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_only_one_thread(self, executor, monkeypatch):
        """The limit of threads is met after the first: the work is done by that one."""
        begin, begun = threading.Thread.start, []

        def refuse_more(thread):
            if thread.name == "taskinity_nb":
                if begun:
                    raise RuntimeError("can't start new thread")
                begun.append(thread)
            begin(thread)

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse_more)
            result = run("a -> [b, c, d] -> e", executor=executor, workers=4,
                         namespace=dict.fromkeys("abcde", one))  # fmt: skip
        assert set(result) == set("abcde")

    @pytest.mark.parametrize("size", [1, 2])
    def test_a_pool_nested_in_itself_until_nobody_is_left(self, size):
        """It says so, instead of waiting for ever; with a thread to spare it works."""
        gate = threading.Barrier(size)
        with ThreadPoolExecutor(size) as pool:
            names = {"one": lambda: 1}

            def outer():
                gate.wait(30)
                return run("one", namespace=names, executor=pool)["one"]

            tasks = {f"outer{i}": outer for i in range(size)}
            result = run(Flow("nested", tasks=tasks), namespace=tasks, executor=pool,
                         on_error="continue")  # fmt: skip
            assert len(result.errors) in ({1: [1], 2: [0, 1, 2]}[size])
            for error in result.errors.values():
                assert "wait for runs on this pool itself" in str(error)
            assert run("one", namespace=names, executor=pool)["one"] == 1

    def test_a_pool_nested_in_itself_with_a_thread_to_spare(self):
        with ThreadPoolExecutor(2) as pool:
            names = {"one": lambda: 1}
            names["outer"] = lambda: run("one", namespace=names, executor=pool)["one"]
            for _ in range(20):
                assert run("outer", namespace=names, executor=pool)["outer"] == 1

    def test_only_one_process(self, monkeypatch):
        lease, leased = pool.lease, []

        def refuse_more(*given):
            if leased:
                raise ExecutorError("a worker process did not start")
            leased.append(lease(*given))
            return leased[0]

        monkeypatch.setattr("taskinity_nb.engine.backends.processes.backend.lease", refuse_more)
        result = run("a -> [b, c, d] -> e", executor="processes", workers=4,
                     namespace=dict.fromkeys("abcde", one))  # fmt: skip
        assert set(result) == set("abcde")
        assert {task.worker for task in result.tasks.values()} == {result.tasks["a"].worker}
