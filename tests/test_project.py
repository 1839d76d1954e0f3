"""The files around the package agree with each other."""

from __future__ import annotations

import doctest
import importlib
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import taskinity_nb

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"graphviz": "python-graphviz"}


def test_environment_equals_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    listed = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"]
    renamed = []
    for requirement in wanted:
        name, version = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        renamed.append(CONDA_NAMES.get(name, name) + version)
    python = f"python{PROJECT['requires-python']}"
    assert sorted(listed) == sorted([*renamed, python, "pip"])


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


THREAD = pytest.mark.leaves("threads", reason="a mailbox looks for more to send, for a while")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=THREAD if n.endswith(".mail") else ()) for n in modules()]
)
def test_examples_of_the_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed
