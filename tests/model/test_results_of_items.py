"""What a mapped task has, and on which items it failed."""

from __future__ import annotations

import pickle

import pytest

from taskinity_nb import Cancelled, FlowError, NoResultError, run, start

TEXT = "load -> map half\nhalf? -> total"


def load():
    return [1, 2, 3, 4]


def half(number):
    if number % 2 == 0:
        raise ValueError(f"{number} is even")
    return number / 2


def total(half):
    return sum(half)


NAMES = {"load": load, "half": half, "total": total}


@pytest.fixture
def result():
    return run(TEXT, namespace=NAMES, on_error="continue")


def told(failed):
    return [(item, type(error), str(error)) for item, error in failed]


def test_results_are_those_that_are_there_in_order(result):
    assert result.tasks["half"].results == [0.5, 1.5]
    assert result["total"] == 2.0


def test_failed_has_items_and_errors(result):
    expected = [(2, ValueError, "2 is even"), (4, ValueError, "4 is even")]
    assert told(result.tasks["half"].failed) == expected
    again = pickle.loads(pickle.dumps(result))
    assert told(again.tasks["half"].failed) == expected
    assert again.tasks["half"].results == [0.5, 1.5]


def test_of_a_task_that_is_not_mapped_they_are_errors(result):
    with pytest.raises(FlowError, match=r"'total' is not mapped[^$]*\.result is"):
        _ = result.tasks["total"].results
    with pytest.raises(FlowError, match=r"'load' is not mapped[^$]*\.error is"):
        _ = result.tasks["load"].failed
    with pytest.raises(FlowError, match=r"'half\[0\]' is not mapped"):
        _ = result.tasks["half"].items[0].results


def test_the_error_of_a_result_that_is_not_there_names_them(result):
    with pytest.raises(NoResultError, match=r"run\.tasks\['half'\]\.results .* \.failed"):
        result["half"]
    with pytest.raises(KeyError):
        result["half"]


def test_of_a_map_that_was_kept_whole():
    first = run("load -> map half", namespace={"load": lambda: [1, 3], "half": half})
    record = first.resume().tasks["half"]
    assert record.items is None
    assert record.results == [0.5, 1.5]
    assert record.failed == []


def test_of_a_map_that_never_began():
    names = {"load": lambda: 1 / 0, "half": half}
    record = run("load -> map half", namespace=names, on_error="continue").tasks["half"]
    assert record.results == record.failed == []


def test_of_a_map_that_was_cut_off():
    names = {"load": load, "half": half}
    going = start("load -> map half", namespace=names, executor="threads", on_error="stop")
    with pytest.raises(FlowError) as caught:
        going.wait()
    assert not isinstance(caught.value, Cancelled)
    record = going.tasks["half"]
    assert record.results in ([], [0.5], [0.5, 1.5])
    assert 1 <= len(record.failed) <= 2


def test_after_a_release():
    result = run(TEXT, namespace=NAMES, on_error="continue")
    result.release()
    with pytest.raises(NoResultError, match="released"):
        _ = result.tasks["half"].results
    assert len(result.tasks["half"].failed) == 2


def test_what_is_skipped_is_left_out():
    from taskinity_nb import skip

    names = {"load": load, "odd": lambda n: skip() if n % 2 == 0 else n}
    result = run("load -> map odd", namespace=names)
    assert result["odd"] == result.tasks["odd"].results == [1, 3]
    assert result.tasks["odd"].failed == []
