"""Results of clusters in the cache: what is not too large is fetched, the rest is said."""

from __future__ import annotations

import pytest
from clusters import on_both

pytestmark = [
    pytest.mark.slow,
    pytest.mark.leaves(
        "threads", "descriptors", "processes", "environment", "signals",
        reason="a cluster is kept, and opens connections",
    ),
]  # fmt: skip

CLUSTER = """
import sys
from taskinity_nb import run

SOURCE = '''
import numpy
def a(): return [1, 2, 3]
def f(n): return n * 2
def total(f): return sum(f)
def big(): return numpy.zeros(15_000_000)
def add(big): return float(big.sum())
'''

def again(source, executor):
    space = {"__name__": "__main__"}
    exec(source, space)
    flow, cache = "a -> map f -> total\\nbig -> add", sys.argv[2]
    made = run(flow, namespace=space, executor=executor, cache=cache)
    found = {name: (str(one.state), one.why.partition(":")[0]) for name, one in made.tasks.items()}
    whys = made.tasks["big"].why, made.tasks["add"].why
    return found, (made["total"], made["add"], *whys)

if __name__ == "__main__":
    large = ("not cached: its result lies on a cluster and has 120 MB",
             "not cached: its arguments lie on a cluster and have 120 MB")
    new, out = ("succeeded", ""), ("succeeded", "not cached")
    hit = ("cached", "cached")
    found, results = again(SOURCE, sys.argv[1])
    assert found == dict(a=new, f=new, total=new, big=out, add=out), found
    assert results == (12, 0.0, *large), results
    found, results = again(SOURCE, sys.argv[1])
    assert found == dict(a=hit, f=hit, total=hit, big=out, add=out), found
    found, results = again(SOURCE, "threads")
    assert found == dict(a=hit, f=hit, total=hit, big=new, add=new), found
    found, results = again(SOURCE.replace("n * 2", "n * 3"), sys.argv[1])
    more = ("succeeded", "runs again")
    assert found == dict(a=hit, f=more, total=more, big=hit, add=hit), found
    assert results[:2] == (18, 0.0)
"""


@on_both
def test_what_a_cluster_made_is_kept_if_it_is_not_too_large(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", CLUSTER, cluster.executor, tmp_path / "cache")
