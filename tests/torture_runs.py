"""Runs what is hostile, and says what did not end as it must.

    python tests/torture_runs.py 17            # what run 17 is, and what comes of it
    python tests/torture_runs.py 0 100 told    # runs 0 to 99, a line of JSON each in a file

A run that does not end as it must ends this process, since it may have left anything behind; if it
has not ended in `DEADLINE` seconds, with the stacks of all threads on stderr.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import re
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from torture_cases import Case, executor_of
from torture_places import PLACES, Place
from torture_tasks import GOING

from taskinity_nb import BindingError, Cancelled, ExecutorError, Run, State, TaskError, run, start

__all__ = ["DEADLINE"]

DEADLINE = 20.0
"""Seconds that a run may take, with all that is looked at afterwards."""

FINE = (State.SUCCEEDED, State.SKIPPED, State.CACHED)


class Trial:
    """One run, and what is wrong with how it ended."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.place: Place = PLACES[case.place](case.kind)
        self.problems: list[str] = []
        self.executor = self.place.run.get("executor") or executor_of(*case.executor)
        workers = None if case.executor[0] == "sequential" else case.executor[1]
        self.workers = None if "executor" in self.place.run else workers

    def go(self) -> list[str]:
        """Run it, and return the problems."""
        thread_ends = threading.excepthook
        threading.excepthook = self._thread_ended
        stdout = sys.stdout
        sys.stdout = stream = self.place.stream or stdout
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error" if self.case.warnings_are_errors else "ignore")
                self._in_a_thread(self._run)
            deadline = time.monotonic() + 5  # an executor that is left behind may be in a function
            while sys.stdout is not stream and time.monotonic() < deadline:
                time.sleep(0.001)
            if sys.stdout is not stream:
                self.problems.append("sys.stdout was not given back")
            sys.stdout = stdout
            if "executor" not in self.place.run:
                self._in_a_thread(self._run_plainly)
        finally:
            threading.excepthook, sys.stdout = thread_ends, stdout
        return self.problems

    def _in_a_thread(self, call: Any) -> None:
        if self.case.in_main_thread:
            call()
        else:
            thread = threading.Thread(target=call, name="caller")
            thread.start()
            thread.join()

    def _run(self) -> None:
        case, place = self.case, self.place
        GOING.run, GOING.pid = None, os.getpid()
        GOING.is_known.clear()
        options: dict[str, Any] = {"workers": self.workers} | case.options | place.run
        options["executor"] = self.executor
        error: BaseException | None = None
        result: Run | None = None
        try:
            namespace = case.namespace(place)
            if case.starts:
                result = GOING.run = start(case.flow, namespace=namespace, **options)
                GOING.is_known.set()
                result.wait()
            else:
                result = run(case.flow, namespace=namespace, **options)
        except BaseException as raised:
            error = raised
        try:
            if error is not None:
                result = self._look_at_error(error)
            elif result is not None:
                self._look_at_states(result)
            if result is not None:
                self._look_at_results(result, error)
        except BaseException as raised:
            self.problems.append(f"looking at the run: {_told(raised)}")

    def _look_at_states(self, result: Run) -> None:
        """See whether a run that raised nothing had no reason to."""
        states = {name: record.state for name, record in result.tasks.items()}
        bad = {name: str(state) for name, state in states.items() if state not in FINE}
        if bad and self.case.options["on_error"] != "continue":
            self.problems.append(f"nothing was raised, but {bad}")
        errors = set(result.errors) - self.case.blamed
        if errors:
            self.problems.append(f"tasks that do no harm failed: {errors}")

    def _look_at_error(self, error: BaseException) -> Run | None:
        """See whether an error is one of the package's, names who is to blame, and has the run."""
        allowed: tuple[type[BaseException], ...] = (TaskError, ExecutorError, BindingError)
        name = type(error).__name__
        if not isinstance(error, (*allowed, Cancelled) if self.place.cancels else allowed):
            self.problems.append(f"raw {_told(error)}")
            return getattr(error, "run", None)
        try:
            text = str(error)
            error._render_traceback_()  # type: ignore[union-attr]
        except BaseException as broken:
            self.problems.append(f"{name} cannot be shown: {_told(broken)}")
            return getattr(error, "run", None)
        named = re.findall(r"'(\w+)(?:\[\d+\])?'", text) + re.findall(r"(\w+)\[\d+\] on ", text)
        if self.case.blamed.isdisjoint(named) and not isinstance(error, Cancelled):
            self.problems.append(f"{name} names no task that does harm: {text[:200]!r}")
        if isinstance(error, TaskError) and error.task not in self.case.blamed:
            self.problems.append(f"{name}.task is {error.task!r}")
        result: Run | None = getattr(error, "run", None)
        if result is None and not isinstance(error, BindingError):
            self.problems.append(f"{name} without .run: {text[:100]!r}")
        return result

    def _look_at_results(self, result: Run, error: BaseException | None) -> None:
        """See whether all tasks have ended, and those that do no harm with what they return."""
        left = [name for name, record in result.tasks.items() if not record.state.is_final]
        if left or not result.done:
            self.problems.append(f"not ended: {left or 'the run'}")
        wrong = [n for n, value in self.case.expected.items() if n in result and result[n] != value]
        if wrong:
            self.problems.append(f"wrong results: {wrong}")
        if isinstance(error, (Cancelled, ExecutorError)) or self.case.options["on_error"] == "stop":
            return
        lost = {n: str(result.tasks[n].state) for n in self.case.expected
                if result.tasks[n].state is not State.SUCCEEDED}  # fmt: skip
        if lost and result.state is not State.CANCELLED:
            self.problems.append(f"no results: {lost}")

    def _run_plainly(self) -> None:
        """See whether the executor still works."""
        functions = {"one": int, "text": str}
        try:
            result = run("one -> text", namespace=functions, executor=self.executor,
                         workers=self.workers)  # fmt: skip
            if result["text"] != "0":
                self.problems.append(f"a plain run afterwards: {dict(result)}")
        except BaseException as error:
            self.problems.append(f"a plain run afterwards: {_told(error)}: {error}"[:300])

    def _thread_ended(self, args: threading.ExceptHookArgs) -> None:
        kind, error = args.exc_type, args.exc_value
        told = ("the observer", "what else flow")
        if error is None or (
            issubclass(kind, RuntimeWarning) and any(t in str(error) for t in told)
        ):
            return  # this is how it is told where warnings are errors
        traceback.print_tb(args.exc_traceback, file=sys.__stderr__)  # in case that the run hangs
        name = args.thread.name if args.thread else ""
        self.problems.append(f"thread {name!r} was ended by {_told(error)}")


def _told(error: BaseException) -> str:
    """Return the type of an exception, and where in the package it has come through last."""
    frames = traceback.extract_tb(BaseException.__getattribute__(error, "__traceback__"))
    ours = [frame for frame in frames if f"{os.sep}taskinity_nb{os.sep}" in frame.filename]
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in (ours or list(frames))[-2:]]
    return f"{type(error).__name__[:60]} ({' > '.join(places)})"


def main(first: int, last: int, path: str) -> None:
    with open(path, "a", encoding="utf-8") as told:
        for seed in range(first, last):
            case = Case.of(seed)
            print(json.dumps({"seed": seed, "case": str(case)}), file=told, flush=True)
            faulthandler.dump_traceback_later(DEADLINE, exit=True, file=sys.__stderr__)
            problems = Trial(case).go()
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps({"seed": seed, "problems": problems}), file=told, flush=True)
            if problems:
                return


if __name__ == "__main__":
    logging.disable()  # an event loop tells of what nobody awaits
    sys.unraisablehook = lambda _: None  # what `__del__` raises cannot do harm
    first, *rest = sys.argv[1:]
    main(int(first), int(rest[0]) if rest else int(first) + 1, rest[1] if rest else "/dev/stdout")
