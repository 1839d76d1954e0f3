"""Who can reach the clusters that are started here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from clusters import on_ray
from sizes import sized

from taskinity_nb import run
from taskinity_nb.engine.backends.cluster import dask, ray

pytestmark = [
    pytest.mark.xdist_group("clusters"),
    pytest.mark.leaves(
        "threads", "descriptors", "processes", "environment", "signals",
        reason="a cluster is kept, and Dask sets variables for its workers",
    ),
]  # fmt: skip


CONNECT = """
import distributed

for address in {}:
    try:
        distributed.Client(address, timeout=2)
    except (OSError, TypeError):  # nobody answers, or it asks for a certificate
        continue
    raise AssertionError(address)
"""


def test_only_who_has_the_certificate_of_the_session():
    pytest.importorskip("cryptography")
    assert run("one", namespace={"one": lambda: 1}, executor="dask")["one"] == 1
    addresses = [client.scheduler.address for client in dask._own.values()]
    assert addresses and all(each.startswith("tls://127.0.0.1:") for each in addresses)
    without = [addresses[0].replace("tls", scheme) for scheme in ("tcp", "tls")]
    done = subprocess.run(
        [sys.executable, "-c", CONNECT.format(without)], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


SCRIPT = """
from taskinity_nb import run
if __name__ == "__main__":
    for _ in range(2):
        assert run("one", namespace={"one": lambda: 1}, executor="ray")["one"] == 1
"""


@pytest.mark.parametrize(("mode", "times"), [("disabled", 1), ("", 1), ("Token", 0)])
def test_of_ray_it_is_said_that_others_can_connect_who_are_asked_for_nothing(
    mode, times, monkeypatch, capsys
):
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    ray._say_who_can_reach_it()
    assert capsys.readouterr().err.count("other machines") == times


@pytest.mark.slow
@on_ray
def test_of_ray_that_asks_for_a_token_nothing_is_said(cluster):
    asks = cluster.address["RAY_AUTH_MODE"] == "token"  # older ones do not by themselves
    assert cluster.begun.printed.count("other machines") == (not asks)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(sized(True, False), reason="starts a Ray of its own")
def test_of_ray_it_is_said_once_that_others_can_connect(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", "script.py"]
    environment = os.environ | {"RAY_AUTH_MODE": "disabled"}  # newer ones ask for a token
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("other machines") == 1
