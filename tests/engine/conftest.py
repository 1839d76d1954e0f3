"""Clusters that are kept from test to test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A notebook with a cluster; pytest has all tests on one of them follow each other."""
    from clusters import KeptCluster

    pytest.importorskip({"dask": "distributed"}.get(request.param, request.param))
    kept = KeptCluster(request.param)
    try:
        kept.begin()
        yield kept
    finally:
        kept.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """End a cluster after the last test on it, and not with the session."""
    if "cluster" not in getattr(nextitem, "fixturenames", ()):
        kept = getattr(item, "funcargs", {}).get("cluster")
        if kept is not None:
            kept.end()
    return (yield)
