"""The options of a ``%%flow`` line, as the help and the completion tell them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HELP", "OPTIONS", "Option"]


@dataclass(frozen=True)
class Option:
    """One option: its names, the placeholder of its value (none for a switch), and its help.

    What stands in brackets may be left out.
    """

    long: str
    help: str
    short: str = ""
    value: str = ""

    @property
    def usage(self) -> str:
        """How it is written."""
        names = f"{self.short}, {self.long}" if self.short else f"    {self.long}"
        return f"{names} {self.value}".rstrip()

    @property
    def needs_value(self) -> bool:
        """Whether it cannot stand alone."""
        return bool(self.value) and not self.value.startswith("[")


OPTIONS = (
    Option("--executor", "sequential, threads (default), processes, dask, ray, or an expression "
           "that gives an executor or a Dask client, such as ThreadPoolExecutor(4)", "-e",
           "EXECUTOR"),
    Option("--workers", "how many tasks may run at once", "-w", "WORKERS"),
    Option("--input", "the flow's inputs: an expression, or key=expression; may be repeated",
           "-i", "INPUTS"),
    Option("--output", "the name that the run is bound to", "-o", "NAME"),
    Option("--compare", "measure a sequential run as well, for the chart"),
    Option("--explore", "predict other numbers of workers with sliders; a button runs the flow"),
    Option("--no-run", "only draw the graph; with --cache: tell what would run, and why"),
    Option("--no-gantt", "draw no chart after the run"),
    Option("--on-error", "raise (default): finish what does not depend on the failed task, then "
           "raise; stop: start nothing new; continue: return the run", value="WHAT"),
    Option("--keep", "all (default): keep every result; last: let go of one when the last task "
           "that takes it has succeeded", value="WHAT"),
    Option("--resume", "keep what succeeded in the last run of the flow and run the rest"),
    Option("--cache", "take results from the cache, and put them there: what is unchanged does not "
           "run again, in another kernel either; DIR is a folder other than .taskinity/cache, or "
           "an expression that gives one", value="[DIR]"),
    Option("--resources", "how much the run may use at once of what tasks ask for, such as "
           "api=3,memory=2GB,calls=10/s; or a dict", value="NAME=N"),
    Option("--targets", "run only these tasks and what they need; names with commas between them",
           value="NAMES"),
    Option("--override", "do not run a task: this is its result; may be repeated",
           value="NAME=EXPR"),
    Option("--rerun", "with --resume or --cache, tasks that run again all the same; with commas",
           value="NAMES"),
    Option("--background", "return at once; the graph goes on, run.wait() waits"),
)  # fmt: skip

HELP = """Draw a flow, run it, and show what parallelism bought.

    %%flow [options]                      # or, of a flow that exists: %flow FLOW [options]
    flow Name:                            # optional
        description: "free text"          # optional
        a -> b                            # b receives a's result
        a -> [b, c]                       # fan out
        [b, c] -> d                       # fan in
        a -.-> e                          # e only waits for a
        split -> [work as w1, work as w2] # one function, two tasks
        scan -> map work -> collect       # once for each item of scan's result
        classify.urgent -> answer         # one key of a result
        X, y = split                      # names for the parts of a result
        input files, depth = 3            # what a run is given, with defaults
        fit(depth=2) as low -> best       # a constant
        [models, grid] -> product fit     # every combination; zip: side by side
        report when check                 # only if that is true; unless: if it is not
        [report?, repair?] -> publish     # takes what there is
        Prep -> train                     # a flow as a task: one that stands above

Options:
{options}

Examples:

    %%flow
    load -> [clean, count] -> report

    %%flow --executor processes --workers 4 --input {{"path": "data"}} --output result
    load -> [clean, count] -> report

The run is the cell's value: result["report"] is what a task returned, result.tasks the record.
With a ';' at the end, the cell shows no value. What follows a '#' is a comment.
Options' values are Python, and end at the first blank outside brackets and quotes:
--input n=(N + 1) is a sum, --input n="N + 1" a text.
""".format(options="\n".join(f"    {option.usage:<24} {option.help}" for option in OPTIONS))
