"""Warm workers get ready for a run while that begins, and are told nothing twice."""

from __future__ import annotations

import os
import pickle
from multiprocessing.connection import wait

import pytest

from taskinity_nb import run
from taskinity_nb.engine.backends.processes import pool
from taskinity_nb.engine.remote.surroundings.common import taken


def where():
    return os.getpid(), os.environ.get("OF_THIS_RUN")


@pytest.fixture
def warm():
    """Return the number of the worker that the next run takes."""
    return run("where", namespace={"where": where}, executor="processes", workers=1)["where"][0]


def pid_of(process):
    return process._process.pid


def settings_with(value):
    message = taken()
    message["environment"]["OF_THIS_RUN"] = value
    return pickle.dumps(("settings", message))


def test_it_is_told_once(warm, monkeypatch):
    told, send = [], pool.WorkerProcess._send

    def note(process, message):
        told.append(pickle.loads(message)[0])
        send(process, message)

    monkeypatch.setattr(pool.WorkerProcess, "_send", note)
    for _ in range(2):
        told.clear()
        run("where", namespace={"where": where}, executor="processes", workers=1)
        assert [kind for kind in told if kind != "forget"] == ["settings", "batch"]


def test_two_runs_begin_at_once(warm):
    """Each finds the worker as it wants it, whoever has told it something last."""
    one, other = settings_with("one"), settings_with("other")
    pool.forewarn(one, 1)
    pool.forewarn(other, 1)
    process = pool.made_ready(pool.lease(one), one)
    try:
        assert pid_of(process) == warm
        assert process._told is one
        assert process.is_at_hand
    finally:
        pool.give_back(process)
    assert process._told is None


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_one_that_has_died_is_replaced(warm, when):
    settings = settings_with("x")
    if when == "meanwhile":
        pool.forewarn(settings, 1)
    pool._warm[-1].kill()
    assert wait([pool._warm[-1]._process.sentinel], 30)  # a join would take the sign of its end
    if when == "before":
        pool.forewarn(settings, 1)
    process = pool.made_ready(pool.lease(settings), settings)
    pid = pid_of(process)
    assert pid != warm
    pool.give_back(process)
    result = run("where", namespace={"where": where}, executor="processes", workers=1)
    assert result["where"][0] == pid


def test_what_was_set_between_two_runs_counts(warm, monkeypatch):
    for value in ("one", "two"):
        monkeypatch.setenv("OF_THIS_RUN", value)
        result = run("where", namespace={"where": where}, executor="processes", workers=1)
        assert result["where"] == (warm, value)
    monkeypatch.delenv("OF_THIS_RUN")
    result = run("where", namespace={"where": where}, executor="processes", workers=1)
    assert result["where"] == (warm, None)
