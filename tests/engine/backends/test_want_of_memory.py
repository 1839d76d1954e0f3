"""Workers that the kernel ends for want of memory, in a control group that has little of it."""

import os
import signal
import textwrap
import threading

import pytest
from groups import can_make_groups, memory_group

from taskinity_nb import TaskError, WorkerLost, run
from taskinity_nb.engine.backends.processes import turns as turns_module
from taskinity_nb.engine.backends.processes.turns import Turns
from taskinity_nb.engine.runtime import memory_limit

MB = 1_000_000
IN_A_GROUP = pytest.mark.skipif(not can_make_groups(), reason="no control group can be made")

SCRIPT = textwrap.dedent("""
    from taskinity_nb import run

    def sizes(): return [{megabytes}] * {count}
    def hold(size):
        import os, time
        if {together}:  # all workers begin at the same time
            open({marks!r} + "/" + str(os.getpid()), "w").close()
            while len(os.listdir({marks!r})) < {workers}:
                time.sleep(0.001)
        held = bytearray(size * 1_000_000)
        held[::4096] = bytes([1]) * len(held[::4096])
        time.sleep({seconds})
        return len(held)
    def total(sizes): return sum(sizes)

    def go(workers={workers}):
        return run("sizes -> map hold -> total", executor="processes", on_error="continue",
                   workers=workers)
""")


def script(then, **sizes):
    usual = {"seconds": 0.1, "workers": 4, "together": False, "marks": ""}
    return SCRIPT.format(**usual | sizes) + then


def test_turns_at_the_same_time_and_alone():
    turns, begun, go = Turns(), threading.Event(), threading.Event()
    order = []

    def together(name):
        turn = turns.take()
        order.append(name)
        begun.set()
        go.wait(10)
        order.append(f"/{name}")
        turns.leave(turn)

    def alone():
        turn = turns.take(alone=True)
        order.append("alone" if turn.is_alone else "not alone")
        order.append("/alone")
        turns.leave(turn)

    first = threading.Thread(target=together, args=("first",))
    first.start()
    begun.wait(10)
    single = threading.Thread(target=alone)
    single.start()
    while not turns._wanting:  # until it waits
        threading.Event().wait(0.001)
    later = threading.Thread(target=together, args=("later",))
    later.start()
    go.set()
    for thread in (first, single, later):
        thread.join(10)
    assert order == ["first", "/first", "alone", "/alone", "later", "/later"]


def test_nobody_waits_once_it_is_closed():
    turns = Turns()
    turns.take()
    waiting = threading.Thread(target=turns.take, kwargs={"alone": True})
    waiting.start()
    turns.close()
    waiting.join(10)
    assert not waiting.is_alive()


@IN_A_GROUP
@pytest.mark.slow
def test_a_task_that_starved_beside_others_is_tried_again_alone(tmp_path):
    then = """
r = go()
first = [e.error for e in r.events if str(e.state) == "retrying"]
print(r["total"], sorted({type(e).__name__ for e in first}), str(first[0]))
"""
    with memory_group(300 * MB) as group:
        how = {"seconds": 1, "together": True, "marks": str(tmp_path)}
        said = group.run(script(then, megabytes=90, count=6, **how))
        kills = group.kills
    assert kills, said.stderr
    assert said.stdout.startswith(f"{6 * 90 * MB} ['WorkerLost']"), said.stderr
    assert "the system ended its worker process because memory ran out; it is tried again with" in (
        said.stdout
    )
    assert "there is 300 MB (the limit of the control group)" in said.stdout


@IN_A_GROUP
@pytest.mark.slow
def test_one_that_needs_more_than_there_is_says_so_after_two_attempts():
    then = """
r = go()
print([i.attempts for i in r.tasks["hold"].items])
print(r.tasks["hold"].items[0].error)
"""
    with memory_group(200 * MB) as group:
        said = group.run(script(then, megabytes=400, count=2, workers=2))
    attempts, *error = said.stdout.splitlines()
    assert sorted(attempts) in (sorted("[1, 2]"), sorted("[2, 2]")), said.stdout + said.stderr
    assert "though nothing of the run was beside it: there is 200 MB" in error[0]
    assert "let it take less at once" in error[1]


@IN_A_GROUP
@pytest.mark.slow
def test_what_would_not_fit_waits_once_it_is_known_what_tasks_take():
    """Eight workers, of which five have room; nobody says how much memory there is."""
    then = """
go(workers=1)  # what each takes is learnt here
r = go()
print(r["total"], r.tasks["hold"].peak_memory, r.resources["memory"])
print(sorted({item.waited_for for item in r.tasks["hold"].items}))
print([item.attempts for item in r.tasks["hold"].items])
"""
    with memory_group(400 * MB) as group:
        said = group.run(script(then, megabytes=60, count=16, workers=8))
        peak, kills = group.peak, group.kills
    assert not kills and peak < 400 * MB, said.stderr
    totals, waited, attempts = said.stdout.splitlines()
    total, taken, there_was = map(float, totals.split())
    assert total == 16 * 60 * MB and taken == pytest.approx(60 * MB, rel=0.05)
    assert 120 * MB < there_was < 400 * MB
    assert "'memory'" in waited and attempts == str([1] * 16)


def kill_self(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_one_that_somebody_has_killed_is_lost_as_ever():
    with pytest.raises(TaskError, match="killed by SIGKILL") as caught:
        run("kill_self", 1, namespace={"kill_self": kill_self}, executor="processes")
    assert isinstance(caught.value.__cause__, WorkerLost)
    assert "in each of 3 attempts" in str(caught.value)


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_memory_error_is_tried_again_alone_if_others_may_be_why(monkeypatch, tmp_path, is_shared):
    """Each of two waits for the other the first time; then the one that had none may be alone."""
    monkeypatch.setattr(turns_module, "is_shared", lambda: is_shared)
    marks = tmp_path

    def wait_for(name):
        while not (marks / name).exists():
            threading.Event().wait(0.001)

    def greedy():
        first = not (marks / "greedy").exists()
        (marks / "greedy").touch()
        if first:
            wait_for("other")
            raise MemoryError("no more")
        return "alone"

    def other():
        (marks / "other").touch()
        wait_for("greedy")
        return "done"

    names = {"greedy": greedy, "other": other}
    result = run("greedy\nother", namespace=names, executor="processes", workers=2,
                 on_error="continue")  # fmt: skip
    assert result["other"] == "done"
    assert result.tasks["greedy"].attempts == 1 + is_shared
    if is_shared:
        assert result["greedy"] == "alone"
    else:
        assert isinstance(result.errors["greedy"], MemoryError)


def test_a_memory_error_says_what_each_process_may_have(monkeypatch):
    monkeypatch.setattr(turns_module, "own_limit", lambda: 400 * MB)
    monkeypatch.setattr(turns_module, "is_shared", lambda: True)

    def starve():
        raise MemoryError

    result = run("starve", namespace={"starve": starve}, executor="processes", on_error="continue")
    assert result.tasks["starve"].attempts == 1
    assert "each process may have 400 MB by itself" in "".join(result.errors["starve"].__notes__)


def test_workers_are_ended_before_the_notebook():
    def score():
        with open("/proc/self/oom_score_adj") as file:
            return int(file.read())

    if not os.path.exists("/proc/self/oom_score_adj"):
        pytest.skip("the kernel does not ask")
    there = run("score", namespace={"score": score}, executor="processes")["score"]
    assert there == max(score(), memory_limit.FIRST_TO_DIE)
