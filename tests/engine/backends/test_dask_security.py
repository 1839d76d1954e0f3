"""Who can reach the cluster that `executor="dask"` starts."""

from __future__ import annotations

import pytest

from taskinity_nb import run
from taskinity_nb.engine.backends.cluster import dask

pytestmark = [
    pytest.mark.xdist_group("clusters"),
    pytest.mark.leaves(
        "threads", "descriptors", "processes", "environment", "signals",
        reason="a cluster is kept, and Dask sets variables for its workers",
    ),
]  # fmt: skip


def test_only_who_has_the_certificate_of_the_session():
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("cryptography")
    assert run("one", namespace={"one": lambda: 1}, executor="dask")["one"] == 1
    addresses = [client.scheduler.address for client in dask._own.values()]
    assert addresses and all(each.startswith("tls://127.0.0.1:") for each in addresses)
    for address in addresses:
        for scheme in ("tcp", "tls"):
            with pytest.raises((OSError, TypeError, ValueError)):
                distributed.Client(address.replace("tls", scheme), timeout=2, set_as_default=False)
