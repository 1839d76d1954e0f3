"""What is run by hand, before a commit and by `.ci/run`: `nox -s quick`, and `nox -l` for the list.

A session uses the environment that nox is in, `.venv`; only `pythons` makes one for each Python.
"""

from __future__ import annotations

import subprocess
import sys

import nox

OWN = "python{}.{}".format(*sys.version_info)
OTHERS = [
    path
    for path in subprocess.check_output([sys.executable, ".ci/pythons.py"], text=True).split()
    if not path.endswith(OWN)
]
PYTEST = ("-m", "pytest", "-n", "2", "--dist", "loadgroup")
QUICK = ("-m", "not slow and not browser")

nox.options.sessions = ["lint", "types", "quick"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=False)
def quick(session: nox.Session) -> None:
    """Try each feature, in less than two minutes."""
    session.run(sys.executable, *PYTEST, *QUICK, *session.posargs)


@nox.session(python=False)
def full(session: nox.Session) -> None:
    """Try everything: also what takes long, browsers and clusters."""
    session.run(sys.executable, *PYTEST, *session.posargs)


@nox.session(python=False)
def long(session: nox.Session) -> None:
    """Try all of what the other sessions try a sample of, which takes long."""
    options = ("-m", "long", "--timeout", "3600")
    session.run(sys.executable, *PYTEST, *options, *session.posargs, env={"TASKINITY_NB_LONG": "1"})


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Run the examples of the docs and docstrings, look at the tutorials, and build the site."""
    files = ("tests/test_project.py", "tests/test_language.py", "tests/test_notebooks.py")
    session.run(sys.executable, *PYTEST, *files, *session.posargs)
    site(session)


@nox.session(python=False)
def site(session: nox.Session) -> None:
    """Build the site of the docs, in docs/_build; what is wrong with a page or a link ends it."""
    project = nox.project.load_toml("pyproject.toml")
    wanted = nox.project.dependency_groups(project, "docs")
    session.run(sys.executable, "-m", "pip", "install", "-q", *wanted)
    options = ("-b", "html", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    session.run(sys.executable, "-m", "sphinx", *options, "docs", "docs/_build")


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Look at style and format; change nothing."""
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".")
    session.run(sys.executable, "-m", "ruff", "check", ".")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Check the types."""
    session.run(sys.executable, "-m", "mypy")


@nox.session(python=False)
def lowest(session: nox.Session) -> None:
    """Install the lowest versions that are allowed, in a place of their own, and try them."""
    session.run(".ci/lowest", *session.posargs, external=True)


@nox.session(python=OTHERS or False)
def pythons(session: nox.Session) -> None:
    """Try each feature on each other Python that is found and that the classifiers name."""
    if not OTHERS:
        session.skip("no other Python is found")
    session.install("-q", "-e", ".[test]")
    session.run("python", *PYTEST, *QUICK, *session.posargs)
