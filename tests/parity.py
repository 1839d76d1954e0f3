"""Runs small programs in a notebook, on each executor, and says where they differ.

It is loaded by a kernel (see `test_parity`). A program is the text of a cell that defines
functions; it is run again before each executor, as a cell of a notebook is, so classes and
functions are new ones.
"""

from __future__ import annotations

import enum
import importlib
import json
import multiprocessing
import re
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from taskinity_nb import FlowError, TaskError, run

IN_PROCESS = ("sequential", "threads", "thread pool")
ON_THIS_MACHINE = (*IN_PROCESS, "processes", "processes (spawn)", "process pool")

LONGEST = 4000


class Program(NamedTuple):
    group: str
    name: str
    source: str
    refused: str
    """What is named where it is refused; empty if each executor gives the same."""


def programs() -> list[Program]:
    """Return all programs."""
    text = Path(__file__).with_suffix("").with_name("parity_programs.txt").read_text("utf-8")
    found = []
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, source = part.partition("\n")
        group, _, name = title.partition(": ")
        refused = re.match(r"# refused: (\w+)", source)
        found.append(Program(group, name, source, refused[1] if refused else ""))
    return found


def table() -> str:
    """Return what the docs say of the programs: those that differ nowhere, and those refused."""
    lines = [
        '| programs with | number | `"sequential"`, `"threads"`, `ThreadPoolExecutor` '
        '| `"processes"`, `ProcessPoolExecutor`, Dask, Ray |',
        "|---|---|---|---|",
    ]
    groups: dict[str, list[Program]] = {}
    for each in programs():
        groups.setdefault("what only one process has" if each.refused else each.group, []).append(
            each
        )
    for name, members in groups.items():
        elsewhere = "an error that names it" if members[0].refused else "the same"
        lines.append(f"| {name} | {len(members)} | the same | {elsewhere} |")
    return "\n".join(lines)


def begin(folder: str) -> None:
    """Let programs write modules into a folder, and load them again."""
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True

    def write(name: str, text: str) -> None:
        Path(folder, f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    def reload(module: Any) -> Any:
        return importlib.reload(module)

    space = vars(sys.modules["__main__"])
    space["write"], space["reload"] = write, reload


def executors(names: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield executors by name."""
    for name in names:
        if name == "thread pool":
            with ThreadPoolExecutor(2) as pool:
                yield name, pool
        elif name == "process pool":
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
                list(pool.map(abs, range(4)))  # its processes are there before a program is
                yield name, pool
        else:
            yield name, name.partition(" ")[0]


def outcomes(executor: Any, run_cell: Callable[[str], Any]) -> dict[str, tuple[Any, ...]]:
    """Return what each program comes to."""
    found = {}
    for program in programs():
        space = vars(sys.modules["__main__"])
        space.update(FLOW="work", INPUTS=None, STDOUT=True, check=None)
        done = run_cell(program.source)
        assert done.success, (program.name, done.error_in_exec or done.error_before_exec)
        found[f"{program.group}: {program.name}"] = outcome(space, executor)
    return found


def outcome(space: dict[str, Any], executor: Any) -> tuple[Any, ...]:
    """Return what the program that stands in a namespace comes to."""
    try:
        result = run(space["FLOW"], space["INPUTS"], executor=executor, namespace=space)
        record = result.tasks["work"]
        value = result["work"]
        if space["check"] is not None:
            value = space["check"](value)
        printed = (record.stdout, record.stderr) if space["STDOUT"] else None
        return "value", described(value, space), printed
    except TaskError as error:
        cause = error.__cause__
        attempts = error.run.tasks[error.task].attempts
        return "error", error.task, attempts, described(cause, space)
    except FlowError as error:
        return "refused", type(error).__name__, str(error)


def described(value: Any, space: dict[str, Any], depth: int = 0) -> Any:
    """Return what tells whether two values are equal, and whether their classes live here."""
    kind = type(value)
    if depth > 20:
        return "..."
    if isinstance(value, BaseException):
        notes = [n for n in getattr(value, "__notes__", ()) if not n.startswith("Traceback in")]
        state = {k: v for k, v in vars(value).items() if k != "__notes__" and k != "lock"}
        chain = [
            None if each is None else described(each, space, depth + 1)
            for each in (value.__cause__, None if value.__suppress_context__ else value.__context__)
        ]
        parts = [described(each, space, depth + 1) for each in (value.args, state)]
        return (
            told(kind, space),
            str(value)[:LONGEST],
            notes,
            value.__suppress_context__,
            chain,
            parts,
        )
    if kind in (list, tuple, set, frozenset) or isinstance(value, list | tuple):
        parts = [described(each, space, depth + 1) for each in list(value)]
        return told(kind, space), sorted(parts, key=repr) if isinstance(value, set) else parts
    if isinstance(value, dict):
        pairs = [(described(k, space, depth + 1), described(v, space, depth + 1))
                 for k, v in value.items()]  # fmt: skip
        return told(kind, space), pairs
    if isinstance(value, type):
        return told(value, space)
    if isinstance(value, types.FunctionType):
        return "function", value.__qualname__, value is space.get(value.__name__)
    if isinstance(value, enum.Enum) and not isinstance(value, enum.Flag):
        return told(kind, space), value.name, value is getattr(kind, value.name)
    if kind.__module__ == "__main__" and hasattr(value, "__dict__"):
        return told(kind, space), described(vars(value), space, depth + 1)
    return told(kind, space), re.sub(r" at 0x\w+", "", repr(value))[:LONGEST]


def told(kind: type, space: dict[str, Any]) -> tuple[str, bool]:
    """Return what a class is called, and whether it is the one that lives under its name."""
    if kind.__module__ == "__main__":
        found: Any = types.SimpleNamespace(**space)
        for part in kind.__qualname__.split("."):
            found = getattr(found, part, None)
        return kind.__qualname__, found is kind
    found = sys.modules.get(kind.__module__)
    return f"{kind.__module__}.{kind.__qualname__}", getattr(found, kind.__name__, None) is kind


def compared(names: list[str], run_cell: Callable[[str], Any], times: int = 1) -> str:
    """Return where executors differ from the sequential one, as JSON: name, program, both outcomes.

    What is refused must be refused by name, by each executor that cannot have it.
    """
    refused = {f"{each.group}: {each.name}": each.refused for each in programs()}
    differences = []
    for name, executor in executors(names):
        for _ in range(times):
            expected = outcomes("sequential", run_cell)
            for title, found in outcomes(executor, run_cell).items():
                word = refused[title] if name not in IN_PROCESS else ""
                if word:
                    is_right = "Unpicklable" in repr(found) and word in repr(found)
                else:
                    is_right = found == expected[title]
                if not is_right:
                    differences.append((name, title, repr(expected[title]), repr(found)))
    return json.dumps(differences)
