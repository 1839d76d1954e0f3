"""Who can reach the cluster that `executor="dask"` starts."""

from __future__ import annotations

import subprocess
import sys

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
    pytest.importorskip("cryptography")
    assert run("one", namespace={"one": lambda: 1}, executor="dask")["one"] == 1
    addresses = [client.scheduler.address for client in dask._own.values()]
    assert addresses and all(each.startswith("tls://127.0.0.1:") for each in addresses)
    for scheme in ("tcp", "tls"):
        address = addresses[0].replace("tls", scheme)
        code = f"import distributed; distributed.Client({address!r}, timeout=2)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        assert done.returncode == 1
