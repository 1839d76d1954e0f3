"""Which commands there are, and how each is told what to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from ..engine.scheduling.scheduler import Keep, OnError
from ..errors import FlowError

__all__ = ["main"]

DESCRIPTION = """Run dependent functions in parallel, and see what happens.

Without a command, the first tutorial is run, and what it shows is written as one HTML page."""

WRONG_USE = 2
"""The exit code where nothing was begun, because the arguments are wrong; argparse has the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the command line; by default of this process.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 if something failed, 2 if the arguments are wrong.

    Examples
    --------
    >>> main(["doctor", "--help"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    SystemExit: 0
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (FlowError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m taskinity_nb",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_page(parser)
    parser.set_defaults(command=_tutorial)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (_add_run, _add_draw, _add_cache, _add_doctor):
        add(commands)
    return parser


def _add_page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("taskinity_nb_report.html"), metavar="FILE",
        help="where the page of the tutorial is written (default: %(default)s)",
    )  # fmt: skip


def _add_run(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a flow of a file, or a notebook",
        description="Run a flow of a .flow file, or a notebook from top to bottom.",
        epilog="A flow finds its functions in the Python file beside it of the same name "
        "(etl.py for etl.flow), or in what --functions says; modules that it names, as in "
        "'steps.load', are imported.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="FILE.flow or NOTEBOOK.ipynb")
    parser.add_argument(
        "-i", "--input", action="append", default=[], metavar="NAME=VALUE",
        help="an input: a Python literal, or else the text as it stands; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--functions", metavar="FILE.py|MODULE", help="where the functions of a flow are"
    )
    parser.add_argument(
        "-e", "--executor", metavar="WORD",
        help="sequential, threads, processes, dask, ray or the address of a Dask scheduler "
        "(default: threads)",
    )  # fmt: skip
    parser.add_argument("-w", "--workers", type=int, metavar="N", help="how many tasks at once")
    parser.add_argument("-t", "--targets", metavar="A,B", help="run only these, and what they need")
    parser.add_argument("--on-error", choices=get_args(OnError), help="after a task has failed")
    parser.add_argument("--keep", choices=get_args(Keep), help="which results are kept meanwhile")
    parser.add_argument(
        "--cache", nargs="?", const=True, metavar="DIR", help="keep results on disk, and use them"
    )
    parser.add_argument(
        "--resources", metavar="API=3,…", help="how much of what tasks ask for there is at once"
    )
    parser.add_argument(
        "-r", "--report", type=Path, metavar="FILE.html",
        help="write graph, chart and table, or the notebook, as one page",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no bar, no table")
    parser.set_defaults(command=_run)


def _add_draw(commands: Any) -> None:
    parser = commands.add_parser(
        "draw",
        help="draw a flow of a file",
        description="Draw a flow of a .flow file; no function is needed, and none is called.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.flow")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help=".svg, .png or .dot; - prints it in characters (default: FILE.svg, beside the flow)",
    )  # fmt: skip
    parser.set_defaults(command=_draw)


def _add_cache(commands: Any) -> None:
    parser = commands.add_parser(
        "cache",
        help="tell what the cache keeps, or remove it",
        description="Tell what the cache keeps, or remove it.",
    )
    parser.add_argument(
        "action", nargs="?", choices=("info", "clear"), default="info",
        help="what to do (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "task", nargs="?", metavar="TASK", help="clear: only what is kept of this task"
    )
    parser.add_argument(
        "--path", metavar="DIR", help="the folder (default: .taskinity/cache, or $TASKINITY_CACHE)"
    )
    parser.set_defaults(command=lambda options: _cache(options, parser))


def _add_doctor(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="tell what works here, what does not, and why",
        description="Tell what works here, what does not, why, and what helps: paste it into a "
        "bug report. Nothing leaves the machine. The exit code is 1 if flows cannot run.",
    )
    parser.set_defaults(command=_doctor)


def _tutorial(options: argparse.Namespace) -> int:
    from .tutorial import run_tutorial

    return run_tutorial(options.output)


def _run(options: argparse.Namespace) -> int:
    if options.file.suffix == ".ipynb":
        from .notebook import run_notebook

        return run_notebook(options)
    from .flow import run_file

    return run_file(options)


def _draw(options: argparse.Namespace) -> int:
    from .flow import draw_file

    return draw_file(options.file, options.output)


def _cache(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from ..engine.cache.contents import cache_info, clear_cache

    is_info = options.action == "info"
    if is_info and options.task is not None:
        parser.error("info takes no TASK: it tells of all")
    print(cache_info(options.path) if is_info else clear_cache(options.task, options.path))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import diagnosis

    found = diagnosis()
    print(found)
    return 0 if found.can_run else 1
