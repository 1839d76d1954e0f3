"""Published workflows of other tools, as flows: their graphs, with tiny functions for the work.

Each says where the original is, and how many lines there define the graph: those that are neither
blank nor a comment, and say which steps there are, what they take and in which order they go; not
the bodies of functions, shell commands, or what a step is given to run on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import mean, pstdev
from typing import Any

import pytest

from taskinity_nb import parse_dsl, run, to_dsl


@dataclass(frozen=True)
class Workflow:
    """The graph of a published workflow as a flow, with what comes of it."""

    source: str
    """The repository, its commit, and the file."""
    lines: int
    """How many lines define the graph there."""
    text: str
    functions: Mapping[str, Callable[..., Any]]
    results: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)


# Snakemake: reads are mapped to a genome, sorted and indexed sample by sample, and called together.


def map_reads(sample, genome):
    return [genome.find(read) for read in sample]


def sort_reads(reads):
    return sorted(reads)


def index_reads(reads):
    return {place: number for number, place in enumerate(reads)}


def call_variants(sort, index, genome):
    assert all(list(each) == reads for each, reads in zip(index, sort, strict=True))
    return {genome[place] for reads in sort for place in reads}


def plot(variants):
    return "".join(sorted(variants))


SNAKEMAKE = Workflow(
    "snakemake/snakemake-tutorial-data b7402100, workflow/Snakefile",
    32,
    """
    flow Variants:
        input samples, genome
        samples -> map bwa_map -> map sort -> map index
        [sort, index] -> call -> plot
    """,
    {
        "bwa_map": map_reads,
        "sort": sort_reads,
        "index": index_reads,
        "call": call_variants,
        "plot": plot,
    },
    {"bwa_map": [[4, 0], [2]], "sort": [[0, 4], [2]], "plot": "AGT"},
    {"genome": "ACGCTA", "samples": [["TA", "AC"], ["GC"]]},
)


# Nextflow: an index of a transcriptome, two looks at each pair of reads, one report on all.


def index_words(transcriptome):
    return {word: place for place, word in enumerate(transcriptome.split())}


def quantify(index, pair):
    name, *reads = pair
    return name, sum(read in index for read in reads)


def check_quality(pair):
    name, *reads = pair
    return name, min(map(len, reads))


def report(quant, fastqc, config):
    return [f"{config}{name}: {n} found, {dict(fastqc)[name]} long" for name, n in quant]


NEXTFLOW = Workflow(
    "nextflow-io/rnaseq-nf 060c9bad, main.nf",
    32,
    """
    flow RNASeq:
        input reads, transcriptome, config
        transcriptome -> index -> quant
        reads -> [map quant, map fastqc] -> multiqc
    """,
    {"index": index_words, "quant": quantify, "fastqc": check_quality, "multiqc": report},
    {"multiqc": ["- gut: 1 found, 2 long", "- liver: 2 found, 3 long"]},
    {
        "transcriptome": "the quick fox",
        "reads": [["gut", "fox", "ox"], ["liver", "the", "quick"]],
        "config": "- ",
    },
)


# Airflow: one of four branches is taken, and what follows the branches goes on after any.


def nothing():
    pass


def choose(choice):
    return f"branch_{choice}"


def hello():
    return "hello"


def follow(said):
    return f"{said} again"


def join(*said):
    return said


AIRFLOW = Workflow(
    "apache/airflow 27e01953, airflow/example_dags/example_branch_operator.py, its first stage",
    22,
    """
    flow Branches:
        run_this_first -.-> branching
        hello as branch_a when branching == "branch_a"
        hello as branch_b when branching == "branch_b"
        hello as branch_c when branching == "branch_c"
        hello as branch_d when branching == "branch_d"
        branch_a -> follow as follow_a
        branch_b -> follow as follow_b
        branch_c -> follow as follow_c
        branch_d -> follow as follow_d
        [follow_a?, follow_b?, follow_c?, follow_d?] -> join
    """,
    {
        "run_this_first": nothing,
        "branching": choose,
        "hello": hello,
        "follow": follow,
        "join": join,
    },
    {"follow_c": "hello again", "join": ("hello again",)},
    {"choice": "c"},
    {"branch_a": "skipped", "branch_c": "succeeded", "follow_d": "skipped"},
)


# Hamilton: columns that are computed from columns, by the names of parameters.


def avg_3wk_spend(spend):
    return [mean(spend[i - 2 : i + 1]) for i in range(2, len(spend))]


def spend_per_signup(spend, signups):
    return [paid / signed for paid, signed in zip(spend, signups, strict=True)]


def spend_mean(spend):
    return mean(spend)


def spend_zero_mean(spend, spend_mean):
    return [value - spend_mean for value in spend]


def spend_std_dev(spend):
    return pstdev(spend)


def spend_zero_mean_unit_variance(spend_zero_mean, spend_std_dev):
    return [value / spend_std_dev for value in spend_zero_mean]


HAMILTON = Workflow(
    "DAGWorks-Inc/hamilton 06c9084f, examples/hello_world/my_functions.py: the signatures",
    6,
    """
    [avg_3wk_spend, spend_per_signup]
    spend_mean -> spend_zero_mean
    [spend_zero_mean, spend_std_dev] -> spend_zero_mean_unit_variance
    """,
    {
        each.__name__: each
        for each in (
            avg_3wk_spend,
            spend_per_signup,
            spend_mean,
            spend_zero_mean,
            spend_std_dev,
            spend_zero_mean_unit_variance,
        )
    },
    {
        "avg_3wk_spend": [20],
        "spend_per_signup": [10, 5, 3],
        "spend_zero_mean": [-10, 0, 10],
        "spend_zero_mean_unit_variance": pytest.approx([-1.2247, 0, 1.2247], abs=1e-3),
    },
    {"spend": [10, 20, 30], "signups": [1, 4, 10]},
)


# pipefunc: geometry, mesh and materials once, a simulation for each pair of voltages, their mean.


def make_geometry(x, y):
    return x * y


def make_mesh(geometry, mesh_size, coarse_mesh_size):
    return geometry / mesh_size, geometry / coarse_mesh_size


def make_materials(geometry):
    return ["i", "j", "c"]


def run_electrostatics(V_left, V_right, mesh, materials):
    return mesh, materials, [V_left, V_right]


def get_charge(electrostatics):
    return sum(electrostatics[2])


def average_charge(charge):
    return mean(charge)


PIPEFUNC = Workflow(
    "pipefunc/pipefunc 091f5cf7, docs/source/examples/physics-simulation.md: the decorators and "
    "the pipeline, without the signatures",
    9,
    """
    flow Charge:
        input V_left, V_right
        mesh, _ = make_mesh
        make_geometry -> [make_mesh, make_materials]
        [V_left, V_right] -> product run_electrostatics
        [mesh, make_materials] -> run_electrostatics -> map get_charge -> average_charge
    """,
    {
        each.__name__: each
        for each in (
            make_geometry,
            make_mesh,
            make_materials,
            run_electrostatics,
            get_charge,
            average_charge,
        )
    },
    {"get_charge": [-0.5, 0.5, 0.5, 1.5, 1.5, 2.5], "average_charge": 1.0},
    {
        "V_left": [0, 1, 2],
        "V_right": [-0.5, 0.5],
        "x": 0.1,
        "y": 0.2,
        "mesh_size": 0.01,
        "coarse_mesh_size": 0.05,
    },
)


# Prefect: two maps in a row, and a sum.


def numbers():
    return [1, 2, 3]


def add_one(number):
    return number + 1


def total(found):
    return sum(found)


PREFECT = Workflow(
    "PrefectHQ/prefect 08d6f7d8, examples/map_reduce.py",
    5,
    """
    flow MapReduce:
        numbers -> map add_one as first -> map add_one as second -> total
    """,
    {"numbers": numbers, "add_one": add_one, "total": total},
    {"first": [2, 3, 4], "second": [3, 4, 5], "total": 12},
)


# Kedro: a table is split into four, a model is trained on two of them and judged on the others.


def split_data(model_input_table, model_options):
    features = [row[0] for row in model_input_table]
    prices = [row[1] for row in model_input_table]
    cut = model_options["train"]
    return features[:cut], features[cut:], prices[:cut], prices[cut:]


def train_model(features, prices):
    return sum(prices) / sum(features)


def evaluate_model(slope, features, prices):
    return max(abs(slope * x - y) for x, y in zip(features, prices, strict=True))


KEDRO = Workflow(
    "kedro-org/kedro-starters 962878e6, spaceflights-pandas, pipelines/data_science/pipeline.py",
    23,
    """
    flow DataScience:
        X_train, X_test, y_train, y_test = split_data
        [X_train, y_train] -> train_model
        [train_model, X_test, y_test] -> evaluate_model
    """,
    {"split_data": split_data, "train_model": train_model, "evaluate_model": evaluate_model},
    {"train_model": 2.0, "evaluate_model": 1.0},
    {"model_input_table": [(1, 2), (2, 4), (3, 7)], "model_options": {"train": 2}},
)


# Metaflow: a table and its genres, statistics for each genre, a dictionary of them.


def start(movies):
    return {"frame": movies, "genres": sorted({genre for genre, _ in movies})}


def compute_statistics(genre, frame):
    gross = sorted(gross for each, gross in frame if each == genre)
    return genre, gross[len(gross) // 2]


def join_genres(found):
    return {genre.lower(): median for genre, median in found}


METAFLOW = Workflow(
    "Netflix/metaflow 0399125d, metaflow/tutorials/02-statistics/stats.py: the class, the steps "
    "and what comes next",
    12,
    """
    flow MovieStats:
        start.genres -> map compute_statistics -> join
        start.frame -> compute_statistics
    """,
    {"start": start, "compute_statistics": compute_statistics, "join": join_genres},
    {"join": {"comedy": 3, "drama": 5}},
    {"movies": [("Drama", 5), ("Comedy", 1), ("Comedy", 3), ("Comedy", 9)]},
)

WORKFLOWS = {
    "snakemake": SNAKEMAKE,
    "nextflow": NEXTFLOW,
    "airflow": AIRFLOW,
    "hamilton": HAMILTON,
    "pipefunc": PIPEFUNC,
    "prefect": PREFECT,
    "kedro": KEDRO,
    "metaflow": METAFLOW,
}
each_workflow = pytest.mark.parametrize("tool", WORKFLOWS)


@each_workflow
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_it_gives_what_it_should(tool, executor):
    workflow = WORKFLOWS[tool]
    done = run(
        workflow.text, dict(workflow.inputs), namespace=dict(workflow.functions),
        executor=executor, workers=2,
    )  # fmt: skip
    assert {task: done[task] for task in workflow.results} == dict(workflow.results)
    states = {task.name: str(task.state) for task in done.tasks.values()}
    expected = dict.fromkeys(states, "succeeded") if not workflow.states else workflow.states
    assert {task: states[task] for task in expected} == expected


@each_workflow
def test_the_flow_is_shorter_than_the_original(tool):
    workflow = WORKFLOWS[tool]
    written = [line for line in workflow.text.splitlines() if line.strip()]
    assert len(written) < workflow.lines
    assert max(map(len, written)) <= 100


@each_workflow
def test_it_is_the_same_flow_when_it_is_written_out(tool):
    flow = parse_dsl(WORKFLOWS[tool].text)
    assert parse_dsl(to_dsl(flow)) == flow
