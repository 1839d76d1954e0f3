"""On clusters, values and random numbers are what they are in processes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from clusters import on_both

pytestmark = [pytest.mark.xdist_group("clusters"), pytest.mark.slow]

SAME = """
    import io, itertools, sys
    import numpy as np, pandas as pd
    from taskinity_nb import Task, TaskError, run

    where = sys.argv[1]
    count = lambda load: len(list(load))

    def both(text, inputs=None, **names):
        results = [dict(run(text, inputs, namespace=names, executor=each, workers=workers))
                   for each, workers in ((where, None), ("processes", 1))]
        assert results[0] == results[1], results
        return results[0]

    def refused(text, match, **names):
        try:
            run(text, namespace=names, executor=where)
        except TaskError as error:
            assert match in str(error), error
        else:
            raise AssertionError(text)

    if __name__ == "__main__":
        rng = np.random.default_rng(1)
        scan = lambda: list(range(6))
        draw = lambda scan: float(rng.random())
        add = lambda scan, *, more: float(rng.random()) + more
        drawn = both("scan -> map draw", scan=scan, draw=draw)["draw"]
        assert len(set(drawn)) == 6
        pair = both("scan -> [draw as a, draw as b, add]", {"more": 1}, scan=scan, draw=draw,
                    add=add)
        assert pair["a"] != pair["b"]
        whole = both("scan -> map take", {"rng": rng}, scan=scan,
                     take=lambda scan, rng: float(rng.random()))["take"]
        assert len(set(whole)) == 6
        ids = itertools.count()
        refused("scan -> map name", "it uses 'ids', an itertools.count", scan=scan,
                name=lambda scan: next(ids))

        done = both("load -> [count, count as again]", load=lambda: zip("abc", "abc"), count=count)
        assert done["count"] == done["again"] == 3
        text = lambda: io.StringIO("1\\n2\\n3")
        refused("load -> [count, count as again]", "a StringIO, can be read only once", load=text,
                count=count)
        kept = run("load -> count", namespace={"load": text, "count": count}, executor=where)
        assert (kept["count"], kept.resume()["count"]) == (3, 3)

        table = lambda: pd.DataFrame({"count": [1, 2], "mean": [3, 4]})
        use = lambda value: list(value)
        used = run("load.count -> use", namespace={"load": table, "use": use}, executor=where)
        assert used["use"] == [1, 2]
        refused("load -> map use", "a DataFrame, whose items are its columns", load=table, use=str)
        both("[self, call] -> gather", {"function": 1}, self=lambda: 1, call=lambda: 2,
             gather=lambda function, **results: sorted(results))
"""


@on_both
def test_values_are_the_same(cluster, tmp_path):
    cluster.script(tmp_path / "script.py", SAME, cluster.executor)


ALONE = """
    import sys
    exec(sys.stdin.read())
    import pickle
    call, leading = pickle.loads(bytes.fromhex(sys.argv[1]))
    print(call(*leading, ["draw[3]"], {}))
"""


def test_what_draws_needs_nothing_of_ours_to_be_installed(tmp_path):
    """The sources that are sent are enough, where no import finds this package."""
    import random

    from taskinity_nb.engine.backends.cluster.code_shipping import remote_module, shipped_code
    from taskinity_nb.engine.remote.randomness import own_stream
    from taskinity_nb.engine.transport.codec import Encoder
    from taskinity_nb.model.binding import resolve
    from taskinity_nb.model.flow import Flow

    rng = random.Random(1)
    plan = resolve(Flow("draws", tasks=["draw"]), None, {"draw": lambda: rng.random()})
    packed = Encoder(plan, remote=remote_module).function(0)
    import cloudpickle

    (tmp_path / "cloudpickle").symlink_to(cloudpickle.__path__[0])
    code = "\n".join(line.strip() for line in ALONE.splitlines())
    code = f"import sys; sys.path.append({str(tmp_path)!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, packed.hex()],
        input=shipped_code().code, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == own_stream(rng, "draw[3]").random()
