"""The picture that moves on the first page: a run that was recorded, frame by frame, as one SVG."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from time import sleep

from taskinity_nb import Run, State, parse_dsl, run
from taskinity_nb.formatting import short_time
from taskinity_nb.views.graph.picture import Picture

TEXT = """
flow Example:
    load -> [clean, count, profile]
    [clean, count] -> train
    profile -> report
    train -> [score, report]
"""
SECONDS = {
    "load": 0.6, "clean": 1.2, "count": 0.5, "profile": 1.6, "train": 1.3, "score": 0.8,
    "report": 0.5,
}  # fmt: skip

TICK = 0.2
"""Seconds between two frames."""

REST = 3.0
"""Seconds that the last frame stays."""


def write_moving_picture(path: Path) -> None:
    """Run the flow, and write what its picture looked like from moment to moment."""
    recorded = _recorded()
    assert recorded.makespan is not None
    moments = [step * TICK for step in range(int(recorded.makespan / TICK) + 1)]
    frames = [_frame(recorded, moment) for moment in moments]
    whole = recorded.makespan + TICK + REST
    picture = Picture(recorded.flow, details=True)
    last = {name: State.SUCCEEDED for name in recorded.tasks}
    told = {name: short_time(task.duration or 0.0) for name, task in recorded.tasks.items()}
    frames.append(picture.svg(last, told, recorded.critical_path))
    path.write_text(_film(frames, [*moments, recorded.makespan], whole), encoding="utf-8")


def _recorded() -> Run:
    def taking(seconds: float) -> Callable[..., None]:
        return lambda *results: sleep(seconds)

    flow = parse_dsl(TEXT)
    functions = {name: taking(SECONDS[name]) for name in flow.tasks}
    return run(flow, namespace=functions, executor="threads", workers=3)


def _frame(recorded: Run, moment: float) -> str:
    """Return the picture as it was at a moment."""
    states, told = {}, {}
    for name, task in recorded.tasks.items():
        assert task.started is not None and task.finished is not None and task.ready is not None
        if moment >= task.finished:
            states[name], told[name] = State.SUCCEEDED, short_time(task.finished - task.started)
        elif moment >= task.started:
            states[name], told[name] = State.RUNNING, f"{moment - task.started:.1f} s"
        else:
            states[name], told[name] = State.READY if moment >= task.ready else State.PENDING, ""
    return Picture(recorded.flow, details=True).svg(states, told)


def _size(frame: str) -> tuple[float, float]:
    """Return width and height of a picture, in its own units."""
    found = re.search(r'viewBox="([^"]+)"', frame)
    assert found is not None
    width, height = map(float, found[1].split()[2:])
    return width, height


def _in_its_own_units(opening: re.Match[str]) -> str:
    width, height = _size(opening.string)
    return f'{opening[1]} width="{width}" height="{height}"'


def _film(frames: list[str], starts: list[float], whole: float) -> str:
    """Return one SVG in which each frame is seen in its time, or the last where nothing moves."""
    sizes = [_size(frame) for frame in frames]
    width, height = (max(each[axis] for each in sizes) for axis in (0, 1))
    rules, parts = [], []
    for number, (frame, start) in enumerate(zip(frames, starts, strict=True)):
        begin, end = (100 * each / whole for each in (start, [*starts, whole][number + 1]))
        rules.append(
            f"@keyframes f{number} {{ 0%, {begin:.2f}% {{ visibility: hidden }} "
            f"{begin + 0.01:.2f}%, {end:.2f}% {{ visibility: visible }} "
            f"{end + 0.01:.2f}%, 100% {{ visibility: hidden }} }}\n"
            f"#f{number} {{ animation: f{number} {whole:.1f}s step-end infinite }}"
        )
        drawn = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', _in_its_own_units, frame)
        unique = re.sub(r'(id="|url\(#|href="#)', rf"\1f{number}-", drawn)
        parts.append(f'<g id="f{number}" class="frame">{unique}</g>')
    style = (
        ".frame { visibility: hidden }\n"
        f"@media (prefers-reduced-motion: reduce) {{ .frame {{ animation: none !important }} "
        f"#f{len(frames) - 1} {{ visibility: visible }} }}\n"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}"><style>{style}{" ".join(rules)}</style>'
        f"{''.join(parts)}</svg>\n"
    )
