"""The curves below the rows of a Gantt chart: how many tasks wait for what."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from runs import calls

from taskinity_nb import plot_gantt
from taskinity_nb.views.charts.gantt_bars import cut_off, panel_of


def curves(ax, panel=1):
    """Return the corners of each curve of a panel, left to right."""
    return [
        path.vertices.tolist()
        for artist in ax.collections
        if (artist.get_gid() or "").startswith(f"waits-{panel}-") and artist.get_hatch()
        for path in artist.get_paths()
    ]


def words(ax):
    return [text for text in ax.texts if (text.get_gid() or "").startswith("waits-label")]


class TestDrawing:
    def test_the_curve_has_the_steps(self):
        (corners,) = curves(plot_gantt(calls(4)))
        assert sorted({x for x, _ in corners}) == [0.0, 1.0, 2.0, 3.0]
        heights = sorted({round(y, 6) for _, y in corners})
        assert len(heights) == 4
        assert heights[3] - heights[2] == pytest.approx(heights[1] - heights[0])

    @pytest.mark.parametrize("number", [5, 60, 1000])
    @pytest.mark.parametrize("resource", ["api", "api, memory, a_name_that_is_very_long_" * 3])
    def test_nothing_lies_on_anything_else(self, number, resource):
        ax = plot_gantt(calls(number, limit=4, resource=resource))
        figure = ax.get_figure()
        figure.draw_without_rendering()
        texts = [text.get_window_extent() for text in ax.texts if text.get_text()]
        assert not any(a.overlaps(b) for i, a in enumerate(texts) for b in texts[:i])
        to_pixels = ax.transData.transform
        areas = [
            (min(y for _, y in pixels), max(y for _, y in pixels))
            for pixels in (to_pixels(corners) for corners in curves(ax))
        ]
        assert areas
        for low, high in areas:
            assert not any(box.y0 < high - 0.5 and box.y1 > low + 0.5 for box in texts)
        lowest = min(y for path in ax.collections if path.get_gid() == "bars-1"
                     for each in path.get_paths() for _, y in to_pixels(each.vertices))  # fmt: skip
        assert all(high < lowest for _, high in areas)
        right = ax.get_window_extent().x1
        assert all(box.x1 <= right + 1 for box in texts)

    def test_where_nobody_waits_there_is_none(self):
        ax = plot_gantt(calls(4, limit=4))
        assert words(ax) == [] and curves(ax) == []

    def test_beyond_what_is_drawn_it_is_cut_off(self):
        panel = cut_off(panel_of(calls(4)), 1.5)
        assert panel.waits == (("api", ((0.0, 3), (1.0, 2), (1.5, 0))),)

    def test_it_is_told_to_those_who_do_not_see_it(self):
        assert "up to 3 tasks wait for api" in repr(plot_gantt(calls(4)))

    def test_a_name_is_no_markup(self):
        ax = plot_gantt(calls(3, resource="$x$ <b>\n"))
        assert words(ax)[0].get_text() == "up to 2 tasks wait for $x$ <b>"
        assert not words(ax)[0].get_parse_math()

    def test_in_axes_of_a_user(self):
        ax = Figure(figsize=(4, 3)).add_subplot()
        plot_gantt(calls(4), ax=ax)
        assert curves(ax, 1)
