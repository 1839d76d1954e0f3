"""One thread sees to the time-outs of all tests."""

from __future__ import annotations

import threading

import pytest
from alarm import Alarm

PATIENCE = 30


@pytest.mark.leaves("threads", reason="the alarm waits for the next test, in a daemon")
def test_it_goes_off_at_the_end_that_was_set_last():
    alarm, rung = Alarm(), threading.Event()
    alarm.set(600, lambda: pytest.fail("this was called off"))
    alarm.call_off()
    alarm.set(600, lambda: pytest.fail("this was set anew"))
    alarm.set(0.01, rung.set)
    assert rung.wait(PATIENCE)


@pytest.mark.leaves("threads", reason="the alarm waits for the next test, in a daemon")
def test_what_was_called_off_does_not_happen():
    alarm, rung, later = Alarm(), threading.Event(), threading.Event()
    alarm.set(0.05, rung.set)
    alarm.call_off()
    assert not rung.wait(0.2)
    alarm.set(0.01, later.set)
    assert later.wait(PATIENCE)
    assert not rung.is_set()
