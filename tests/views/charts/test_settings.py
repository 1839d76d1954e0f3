"""Charts look the same whatever the user has set in matplotlib, and leave that as it was."""

import io
import logging
import threading
import warnings
from types import SimpleNamespace

import matplotlib
import matplotlib.style
import pytest
from kernels import new_kernel
from matplotlib.patheffects import withStroke
from runs import make_run
from sizes import sized
from test_gantt import DIAMOND, SEQUENTIAL, diamond

from taskinity_nb.analysis.measuring.benchmark import Measurement, PerformanceBenchmark
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.charts.figure import figure_of
from taskinity_nb.views.charts.plots import plot_gantt, plot_speedup
from taskinity_nb.views.charts.settings import default_settings
from taskinity_nb.views.charts.task_bars import draw_bars
from taskinity_nb.views.tables.benchmark import draw_timings

SETTINGS = {
    "constrained": {"figure.constrained_layout.use": True},
    "autolayout": {"figure.autolayout": True},
    "tight": {"savefig.bbox": "tight", "savefig.pad_inches": 3},
    "transparent": {"savefig.transparent": True, "savefig.facecolor": "red", "savefig.dpi": 30},
    "xkcd": {
        "path.sketch": (1, 100, 2), "path.effects": [withStroke(linewidth=4, foreground="w")],
        "font.family": ["Humor Sans", "No Such Font"],
    },
    "minor ticks": {
        "xtick.minor.visible": True, "ytick.minor.visible": True, "xtick.top": True,
        "ytick.right": True, "xtick.direction": "in",
    },
    "grid": {"axes.grid": True, "axes.grid.which": "both", "axes.grid.axis": "y"},
    "sizes": {
        "font.size": 30, "axes.labelpad": 30, "axes.titlepad": 40, "axes.titlesize": 30,
        "axes.titley": 0.5, "axes.titlelocation": "right", "lines.linewidth": 9,
        "legend.fontsize": 30, "figure.dpi": 20, "xtick.major.pad": 40, "xtick.labelsize": 1,
    },
    "margins": {"axes.xmargin": 0.4, "axes.ymargin": 0.4, "axes.autolimit_mode": "round_numbers"},
    "latex": {"text.usetex": True},
    "math": {"axes.formatter.use_mathtext": True, "axes.unicode_minus": False},
    "no such font": {"font.family": "No Such Font", "font.sans-serif": ["Nor This One"]},
    "drawing": {
        "patch.edgecolor": "red", "patch.force_edgecolor": True, "lines.marker": "o",
        "hatch.color": "red", "axes.facecolor": "blue", "text.color": "yellow",
        "legend.frameon": True, "legend.shadow": True, "path.snap": False,
        "text.antialiased": False, "lines.antialiased": False, "patch.antialiased": False,
        "axes.spines.left": False, "axes.axisbelow": False, "image.origin": "lower",
        "legend.title_fontsize": 30, "axes.prop_cycle": matplotlib.cycler(color="rg"),
    },
}  # fmt: skip


def timings():
    bench = PerformanceBenchmark("sums")
    bench.results.append(Measurement("a thousand", (0.1, 0.2, 0.4), baseline=0.6))
    return draw_timings(bench)


PAST = SimpleNamespace(seconds={"a": 1.0, "b": 2.0}, flow=Flow("f", [("a", "b")]))
CHARTS = {
    "gantt": lambda: plot_gantt(diamond(), make_run(DIAMOND, SEQUENTIAL, executor="sequential")),
    "speed-up": lambda: plot_speedup(diamond()),
    "timings": timings,
    "bars": lambda: draw_bars((PAST, PAST), ("before", "after"), "title", "subtitle"),
}


@pytest.fixture(autouse=True)
def settings():
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield matplotlib.rcParams


def drawn(chart):
    """Return a chart as a notebook has it, and as a file."""
    ax = CHARTS[chart]()
    file = io.BytesIO()
    figure_of(ax).savefig(file, format="png")
    return ax._repr_png_()[0], file.getvalue()


@pytest.fixture(scope="module")
def usual():
    with matplotlib.rc_context():
        return {chart: drawn(chart) for chart in CHARTS}


STYLES = sized(["default", "classic", "dark_background", "seaborn-v0_8-poster"],
               ["default", *matplotlib.style.available])  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_no_style_changes_a_chart(style, usual):
    matplotlib.style.use(style)
    assert drawn("gantt") == usual["gantt"]


@pytest.mark.slow  # the next one tries all of them together
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_changes_a_chart(name, settings, usual):
    settings.update(SETTINGS[name])
    assert drawn("gantt") == usual["gantt"]


@pytest.mark.parametrize("chart", CHARTS)
def test_all_settings_together_change_no_chart(chart, settings, usual):
    for values in SETTINGS.values():
        settings.update(values)
    assert drawn(chart) == usual[chart]


def test_what_is_set_between_drawing_and_showing_changes_nothing(settings, usual):
    ax = CHARTS["gantt"]()
    for values in SETTINGS.values():
        settings.update(values)
    assert ax._repr_png_()[0] == usual["gantt"][0]


def test_a_value_that_no_check_lets_pass_changes_nothing_and_stays(settings, usual):
    class Hostile:
        def __eq__(self, other):
            raise RuntimeError("cannot be compared")

        __hash__ = None

    hostile = Hostile()
    for key in ("font.size", "axes.grid", "text.usetex"):
        settings._set(key, hostile)
    assert drawn("gantt") == usual["gantt"]
    assert settings._get("font.size") is settings._get("text.usetex") is hostile


def test_the_settings_are_left_as_they_were(settings):
    for values in SETTINGS.values():
        settings.update(values)
    theirs = dict(settings)
    for chart in CHARTS:
        drawn(chart)
    assert dict(settings) == theirs
    with pytest.raises(ZeroDivisionError), default_settings():
        _ = 1 / 0
    assert dict(settings) == theirs


def test_who_logs_everything_sees_nothing_of_our_drawing(caplog):
    caplog.set_level(logging.DEBUG, "matplotlib")
    caplog.set_level(logging.DEBUG)
    drawn("gantt")
    assert not caplog.records
    log = logging.getLogger("matplotlib")
    assert log.level == logging.DEBUG
    with default_settings():
        log.warning("a warning")
        log.setLevel(logging.ERROR)
    assert [record.message for record in caplog.records] == ["a warning"]
    assert log.level == logging.ERROR


def test_what_the_user_sets_while_we_draw_stays(settings):
    settings["font.size"] = 20
    with default_settings():
        settings["font.size"], settings["axes.grid"] = 7, True
        with default_settings():
            assert (settings["font.size"], settings["axes.grid"]) == (10, False)
        assert settings["font.size"] == 7
    assert (settings["font.size"], settings["axes.grid"]) == (7, True)


def test_two_threads_that_draw_do_not_mix_up_the_settings(settings):
    settings["font.size"] = 20
    inside, go_on = threading.Event(), threading.Event()

    def draws():
        with default_settings():
            inside.set()
            go_on.wait(30)

    threads = [threading.Thread(target=draws) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert settings["font.size"] == 20


def test_given_axes_are_drawn_into_without_touching_the_rest(settings):
    settings.update(SETTINGS["constrained"] | SETTINGS["grid"])
    figure = matplotlib.figure.Figure(facecolor="pink")
    ax = figure.add_subplot(facecolor="beige")
    plot_gantt(diamond(), ax=ax)
    assert (ax.get_facecolor(), figure.get_facecolor()) == (
        matplotlib.colors.to_rgba("beige"), matplotlib.colors.to_rgba("pink"),
    )  # fmt: skip
    assert figure.get_layout_engine() is not None
    figure.savefig(io.BytesIO())


# In a notebook, where others have a say in how figures look.

SETUPS = {
    "nothing": "pass",
    "a plot": "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.close('all')",
    "svg": "%config InlineBackend.figure_formats = ['svg']\n%matplotlib inline",
    "retina": "%config InlineBackend.figure_formats = ['retina', 'jpeg']",
    "plain": "%matplotlib agg",
    "html": (
        "from matplotlib.figure import Figure\n"
        "formatters = get_ipython().display_formatter.formatters\n"
        "formatters['text/html'].for_type(Figure, lambda figure: '<b>mine</b>')\n"
        "formatters['image/png'].for_type(Figure, lambda figure: 1 / 0)\n"
        "formatters['text/plain'].for_type(Figure, lambda figure, p, cycle: p.text('mine'))"
    ),
}


@pytest.fixture(scope="module")
def kernel():
    with new_kernel() as (kernel, _):
        made = kernel.run(
            "from taskinity_nb import run, plot_gantt\ndef load(): pass\ndone = run('load')"
        )
        assert not made.error, made.error
        yield kernel


@pytest.fixture(scope="module")
def shown_at_first(kernel):
    return shown(kernel)


def shown(kernel):
    axes = kernel.run("plot_gantt(done)")
    figure = kernel.run("plot_gantt(done).figure")
    cell = kernel.run("%%flow\nload")
    for one in (axes, figure, cell):
        assert not one.error and not one.printed, one.error or one.printed
    bundles = [axes.outputs[0], figure.outputs[0], cell.outputs[1]]
    assert all(set(bundle) == {"image/png", "text/plain"} for bundle in bundles)
    assert all(bundle["text/plain"].startswith("Gantt of flow") for bundle in bundles)
    assert bundles[0]["image/png"] == bundles[1]["image/png"]
    facts = [axes.of("execute_result"), figure.of("execute_result"), cell.of("display_data")]
    for (*_, content), bundle in zip(facts, bundles, strict=True):
        told = content["metadata"]["image/png"]
        assert told["alt"] == bundle["text/plain"] and told["width"] == 864
    return bundles[0]["image/png"]


QUICK = ("nothing", "html")


@pytest.mark.parametrize(
    "setup",
    [pytest.param(each, marks=[pytest.mark.slow] * (each not in QUICK)) for each in SETUPS],
)
def test_a_chart_looks_the_same_whatever_was_said_of_figures(kernel, shown_at_first, setup):
    made = kernel.run(SETUPS[setup])
    assert not made.error, made.error
    assert shown(kernel) == shown_at_first
