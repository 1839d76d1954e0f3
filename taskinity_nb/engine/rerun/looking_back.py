"""What a run that begins knows of its functions and inputs, and keeps of an earlier one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...errors import FlowError
from ...model.plan import Plan
from ...model.run import Run
from ...model.saving.travels import ReadControl
from .given import GIVEN, check_unread_results, given_slots
from .inputs import check_unread
from .resume import Kept, Prints, kept_of, prints_of

__all__ = ["look_back"]


def look_back(
    plan: Plan,
    earlier: Run | None,
    given: Mapping[str, Any],
    rerun: Collection[str],
    *,
    is_bounded: bool,
) -> tuple[Prints, Kept]:
    """Write down what functions and inputs are, and find what is kept of an earlier run.

    Parameters
    ----------
    plan : Plan
        What is to run.
    earlier : Run, optional
        Where something may be kept from.
    given : mapping of str to object
        Results that are given, by task.
    rerun : collection of str
        The tasks that run again whatever they are.
    is_bounded : bool
        Whether it may take no more than some milliseconds, if there is no earlier run.
    """
    results = given_slots(plan, given) if given else {}
    if earlier is None:
        prints = prints_of(plan, given, is_bounded=is_bounded)
        return prints, Kept(results, {}, dict.fromkeys(results, GIVEN))
    before = getattr(earlier.control, "prints", None)
    if not isinstance(before, Prints):
        if isinstance(earlier.control, ReadControl):
            raise earlier.control.cannot("be resumed", earlier)
        raise FlowError("a run can be resumed when it was started by 'run' or 'start'")
    prints = prints_of(plan, given)
    kept = kept_of(plan, prints, earlier, before, results, rerun)
    check_unread(plan, kept.results, earlier)
    check_unread_results(plan, given, kept.results, earlier)
    return prints, kept
