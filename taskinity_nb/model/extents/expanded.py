"""A flow as it runs and is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ...errors import FlowError
from ..binding import resolve
from ..flow import Flow
from ..forms.expand import drawable
from ..lookup import has_flows
from .extent import Choose

__all__ = ["expanded"]


def expanded(
    flow: Flow,
    inputs: Any = None,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    choose: Choose | None = None,
) -> Flow:
    """Return a flow as it runs and is drawn: with others in place of their names.

    Where it cannot run, those of its text are, as far as that can be.
    """
    if not has_flows(flow, namespace):
        return flow
    try:
        return resolve(flow, inputs, namespace, choose).flow
    except FlowError:  # which a run will raise
        return drawable(flow)
