"""In a real kernel: what tasks display and log in processes appears in the cell as from threads."""

from __future__ import annotations

import re

import pytest
from kernels import new_kernel

pytestmark = pytest.mark.slow

RUN = 'run("work", executor={!r}, workers=1)["work"]'


@pytest.fixture(scope="module")
def kernel():
    with new_kernel() as (kernel, _):
        cell = kernel.run("from taskinity_nb import run, task\nimport os")
        assert not cell.error
        # The first picture of a kernel differs from later ones: its backend is set up by it.
        assert not kernel.run("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()").error
        yield kernel


def shown(kernel, code):
    """Return what a task shows from threads and from processes; the cell's value comes last."""
    found = []
    for executor in ("threads", "processes"):
        cell = kernel.run(f"{code}\n{RUN.format(executor)}")
        assert not cell.error, cell.error
        outputs = [
            {kind: re.sub(r"[0-9a-f]{32}", "", str(text)) for kind, text in each.items()}
            for each in cell.outputs
        ]
        found.append((sorted(outputs, key=str), cell.printed))
    return found


@pytest.mark.parametrize(
    "body",
    [
        "display('seen', [1, 2])",
        "import pandas as pd; display(pd.DataFrame({'a': [1]}))",
        "from IPython.display import HTML; display(HTML('<b>x</b>'), metadata={'a': 1})",
        "from IPython.display import Markdown, display as show; show(Markdown('*x*'))",
        "handle = display('first', display_id=True); handle.update('second')",
        "display({'text/plain': 'raw'}, raw=True)",
        "print('before'); display('seen'); print('after')",
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
        "import matplotlib.pyplot as plt; plt.figure(figsize=(2, 1)); plt.plot([1]); return 3",
        "import matplotlib.pyplot as plt; fig, ax = plt.subplots(); plt.close(fig); display(fig)",
    ],
)
def test_what_a_task_displays(kernel, body):
    here, there = shown(kernel, f"def work():\n    {body}")
    assert here == there
    assert here[0]


def test_a_name_that_the_notebook_has_imported(kernel):
    here, there = shown(
        kernel,
        "from IPython.display import display as show, HTML\n"
        "import matplotlib.pyplot as plt\n"
        "plt.rcParams['figure.figsize'] = 2, 1\n"
        "%config InlineBackend.figure_formats = ['svg']\n"
        "plt.rcParams['svg.hashsalt'] = 'x'\n"
        "def work():\n    show(HTML('x'))\n    plt.plot([1, 2])\n    plt.show()",
    )
    assert [set(each) for each in here[0]] == [set(each) for each in there[0]]
    assert any("image/svg+xml" in each for each in there[0])
    assert not kernel.run("%config InlineBackend.figure_formats = ['png']").error


def test_figures_that_are_only_to_be_shown_when_they_are_shown(kernel):
    here, there = shown(
        kernel,
        "import matplotlib.pyplot as plt\nplt.ioff()\n"
        "def work():\n    plt.figure(figsize=(2, 1))\n    plt.plot([1])\n    return 5",
    )
    assert here == there == ([{"text/plain": "5"}], "")
    assert not kernel.run("plt.close('all'); plt.ion()").error


def test_basic_config(kernel):
    here, there = shown(
        kernel,
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO, force=True, format='%(name)s: %(message)s')\n"
        "def work():\n    logging.getLogger('users').info('heard')",
    )
    assert here == there
    assert "users: heard" in here[1]


def test_an_environment_that_was_set_by_a_magic(kernel):
    here, there = shown(kernel, "%env OF_TODAY=5\ndef work():\n    return os.environ['OF_TODAY']")
    assert here == there


def test_what_autoreload_mends(kernel, tmp_path):
    file = tmp_path / "users_tasks.py"
    file.write_text(
        "from taskinity_nb import task\ndef plain(): return 1\n@task\ndef work(): return plain()"
    )
    setup = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "%load_ext autoreload\n%autoreload 2\nfrom users_tasks import work, plain"
    )
    assert not kernel.run(setup).error
    for executor in ("threads", "processes"):
        assert kernel.value(RUN.format(executor)) == "1"
    file.write_text(
        "from taskinity_nb import task\ndef plain(): return 20\n"
        "@task(retries=2)\ndef work(): return plain() + 2"
    )
    for executor in ("threads", "processes"):
        assert kernel.value(RUN.format(executor)) == "22"
    assert kernel.value("work(), work.retries") == "(22, 2)"
    kernel.run("%autoreload 0\ndel work")
