"""What a move of the explorer's slider costs in Python, beside drawing the chart with matplotlib.

python benchmarks/explorer.py [--tasks N ...] [--repeats N] [--write]
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from graphs import montage
from measuring import (
    aligned,
    in_turns,
    machine,
    options_of,
    positive,
    timed,
    versions,
    write_table,
)

from taskinity_nb import Flow, Run, plot_gantt, simulate
from taskinity_nb.views.explorer.state import ExplorerState

__all__ = ["main"]

COUNTS = (2, 3, 4, 8, 16, 32)
"""Where the slider is moved to, in turns."""


def recorded(tasks: int) -> Run:
    """Return a run of a workflow of so many tasks, as if it had been measured."""
    graph = montage(tasks)
    return simulate(Flow(graph.name, graph.edges, graph.upstream), 4, graph.seconds).run


def mover(run: Run) -> Callable[[], object]:
    """Return what moves the slider and makes ready all that the browser gets."""
    state = ExplorerState(run.flow, run=run)
    state.traits()  # the curve is played once, when the explorer is shown
    counts = cycle(COUNTS)

    def move() -> object:
        state.set({"workers": next(counts)})
        return state.traits()

    return move


def main() -> None:
    """Measure, print, and with ``--write`` put the table into README.md."""
    parser = options_of(__doc__, repeats=9)
    parser.add_argument("--tasks", type=positive, nargs="+", default=[50, 500, 5000])
    options = parser.parse_args()
    rows = [["tasks", "a move", "first look", "matplotlib", "matplotlib / a move"]]
    for tasks in options.tasks:
        run = recorded(tasks)
        contests = {
            "ours": [
                timed("move", mover(run)),
                timed("show", lambda run=run: ExplorerState(run.flow, run=run).traits()),
            ]
        }
        if tasks <= 500:
            draw = timed("draw", lambda run=run: plot_gantt(run).figure._repr_png_())
            contests["matplotlib"] = [draw]
        times = in_turns(contests, options.repeats)
        move, show = times["ours"]["move"], times["ours"]["show"]
        drawn = times.get("matplotlib", {}).get("draw")
        told = ["–", "–"] if drawn is None else [f"{drawn * 1e3:,.0f} ms", f"{drawn / move:,.0f}"]
        rows.append([f"{tasks:,}", f"{move * 1e3:.1f} ms", f"{show * 1e3:.0f} ms", *told])
    heading = (
        "A move of the slider of taskinity_nb's explorer, from the message to what is sent; "
        f"medians. {machine()}; {versions('matplotlib')}."
    )
    table = f"{heading}\n\n{aligned(rows)}"
    print(table)
    if options.write:
        write_table("explorer", table, options.readme)


if __name__ == "__main__":
    main()
