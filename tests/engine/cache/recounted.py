"""What several tests of cached runs need: functions as of a notebook, and what became of them."""

from pathlib import Path

import numpy as np

from taskinity_nb import parse_dsl, run, skip, task

NAMES = {"task": task, "skip": skip, "run": run, "parse_dsl": parse_dsl, "Path": Path, "np": np}


def functions(source, **names):
    """Define functions as a notebook does, and return its names."""
    space = {"__name__": "__main__", **NAMES, **names}
    exec(source, space)
    return space


def states(a_run):
    return {name: str(one.state) for name, one in a_run.tasks.items()}


def whys(a_run):
    return {name: one.why for name, one in a_run.tasks.items()}
