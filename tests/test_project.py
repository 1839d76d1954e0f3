"""The files around the package agree with each other."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import taskinity_nb

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"graphviz": "python-graphviz"}


def listed_in_environment():
    """Return what conda users get, from conda and by pip."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    entries = environment["dependencies"]
    by_pip = [each for entry in entries if isinstance(entry, dict) for each in entry["pip"]]
    assert by_pip[-1] == "-e ."
    return [entry for entry in entries if isinstance(entry, str)] + by_pip[:-1]


def test_the_extension_of_the_editor_has_the_version_of_the_package():
    folder = ROOT / "share" / "jupyter" / "labextensions" / "taskinity-nb"
    described = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert described["version"] == taskinity_nb.__version__
    assert (folder / described["jupyterlab"]["_build"]["load"]).is_file()


def test_environment_equals_pyproject():
    listed = listed_in_environment()
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"]
    renamed = []
    for requirement in wanted:
        name, version = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        renamed.append(CONDA_NAMES.get(name, name) + version)
    python = f"python{PROJECT['requires-python']}"
    assert sorted(listed) == sorted([*renamed, python, "pip"])


def lowest(*extras):
    """Return the lowest versions, as `.ci/lowest.py` prints them for pip."""
    script = [sys.executable, str(ROOT / ".ci" / "lowest.py"), *extras]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    return dict(line.split("==") for line in told.splitlines())


def test_the_lowest_versions_are_those_of_environment_too():
    listed = [entry.split(",")[0] for entry in listed_in_environment() if entry != "pip"]
    bounds = dict(entry.split(">=") for entry in listed)
    assert PROJECT["requires-python"] == f">={bounds.pop('python')}"
    known = {CONDA_NAMES.get(name, name): version for name, version in lowest("lab").items()}
    assert known == bounds


def test_each_requirement_of_the_tests_has_a_lowest_version():
    told = lowest("test")
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    for extra in ("dask", "lab", "ray"):
        wanted += PROJECT["optional-dependencies"][extra]
    own = PROJECT["name"]
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in wanted} - {own}
    assert told.keys() == names


def test_who_works_on_it_has_the_tools_of_the_tests():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = groups["dependency-groups"]
    assert {*groups["lint"], *groups["types"]} <= set(PROJECT["optional-dependencies"]["test"])


def test_the_readme_and_ruff_know_the_oldest_python():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or later" in (ROOT / "README.md").read_text(encoding="utf-8")
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert ruff["target-version"] == "py" + "".join(oldest.split(".")[:2])
    versions = re.findall(r"Python :: (\d+\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert versions[0] == ".".join(oldest.split(".")[:2])


def test_the_lowest_versions_are_tried():
    assert " lowest" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".ci/lowest" in (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert ".ci/lowest" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_requirements_of_the_notebooks():
    lines = (ROOT / "notebooks" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted == PROJECT["optional-dependencies"]["lab"]


def test_changelog_tells_of_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.escape(taskinity_nb.__version__)
    assert re.search(rf"^## \[({version}|Unreleased)\]", changelog, re.M)


def test_the_test_command_of_the_readme_is_what_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", readme, re.M | re.S)
    run, test = (block.strip() for block in blocks[:2])
    assert "\n" not in run
    assert "\n" not in test
    assert "python -m taskinity_nb" in run
    assert "pytest" in test
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_reference_has_each_public_name_once():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"^   (\w+)$", page, re.M)
    assert sorted(names) == sorted(taskinity_nb.__all__)


def test_who_cites_it_names_this_version():
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert told["version"] == taskinity_nb.__version__
    assert told["license"] == PROJECT["license"]


def test_the_site_is_built_by_ci():
    assert " site " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert any("sphinx" in name for name in groups["dependency-groups"]["docs"])


@pytest.mark.parametrize("name", ["README.md", "benchmarks/README.md", "CONTRIBUTING.md"])
def test_examples_of_the_docs(name):
    failed, _ = doctest.testfile(str(ROOT / name), module_relative=False)
    assert not failed


def modules():
    for package in ("taskinity_nb", "taskinity"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name != "__main__.py":
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__")


THREAD = pytest.mark.leaves("threads", reason="a sender looks for more to send, for a while")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=THREAD if n.endswith(".reporter") else ()) for n in modules()]
)
def test_examples_of_the_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed
