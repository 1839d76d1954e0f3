"""What errors say that have much to say."""

from __future__ import annotations

import pytest

from taskinity_nb import Flow, TaskError, run
from taskinity_nb.views.tracebacks import render_error


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_recursion_that_does_not_end(executor):
    """Of a thousand frames that say the same, the first and the last are told."""

    def even(n):
        return odd(n + 1)

    def odd(n):
        return even(n + 1)

    with pytest.raises(TaskError) as caught:
        run("even", {"n": 0}, namespace={"even": even}, executor=executor)
    error = caught.value
    assert isinstance(error.__cause__, RecursionError)
    frames = error.run.tasks["even"].frames
    assert len(frames) == 31
    shown = "\n".join(render_error(error))
    assert "frames more" in shown
    assert len(shown) < 20_000
    assert sum(map(len, getattr(error.__cause__, "__notes__", ()))) < 10_000


def test_many_notes():
    notes = [f"note {number} " + "x" * 10_000 for number in range(1000)]

    def noted():
        error = ValueError("no")
        for note in notes:
            error.add_note(note)
        raise error

    names = {f"t{i}": noted for i in range(100)}
    with pytest.raises(TaskError) as caught:
        run(Flow("many", tasks=names), namespace=names)
    assert len(caught.value.__notes__) == 21
    assert "79 tasks more failed too" in caught.value.__notes__[-1]
    shown = "\n".join(render_error(caught.value))
    assert "… and 980 notes more" in shown
    assert len(shown) < 100_000
