"""Whose a folder is: what is ours and dead goes, and nothing else, whatever it is called."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing, suppress
from pathlib import Path

import pytest

from taskinity_nb.engine.transport import folder, ownership, workspace
from taskinity_nb.engine.transport.ownership import MARKER, PREFIX, new_file, sweep_place
from taskinity_nb.engine.transport.workspace import WorkDir

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs /proc, and processes that are killed"
)

MAKE = """
import os, signal, sys
from taskinity_nb.engine.transport import ownership
from taskinity_nb.engine.transport.ownership import MARKER, Root, new_file

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_marking(root, part):
    with open(root.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        file.write(ownership._marker(root)[:part])
    die()

def make_and_tell(path, mode, *, dir_fd=None, mkdir=os.mkdir):
    mkdir(path, mode, dir_fd=dir_fd)
    if dir_fd is None:
        print(path, flush=True)

os.mkdir = make_and_tell
place = sys.argv[1]
{change}
root = Root(place)
for _ in range(2):
    folder = root.make()
    for _ in range(3):
        with new_file(os.path.join(root.path, folder)) as file:
            file.write(b"a large value")
print("made", flush=True)
{end}
"""

OURS = f"of-the-tests-{os.getpid()}"
_made = set()
"""How the names of the roots begin that were made here."""


NURSERY = """
import json, os, sys
from taskinity_nb.engine.transport import ownership

for line in sys.stdin:
    code, *sys.argv[1:] = json.loads(line)
    if not (pid := os.fork()):
        exec(code, {})
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    print(".", flush=True)
"""
"""A process that has imported what is needed; each code runs in a child of it, to its end."""


@pytest.fixture(scope="module", autouse=True)
def nursery():
    global _nursery
    start = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(
        start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as _nursery:
        yield


def make_root(place, change="", end="die()"):
    """Have a process make a root and die; return the root."""
    code = MAKE.format(change=textwrap.dedent(change), end=end)
    print(json.dumps([code, str(place)]), file=_nursery.stdin, flush=True)
    out = list(iter(_nursery.stdout.readline, ".\n"))
    return known(out[0].rstrip("\n") if out else "")


def known(path):
    """Return a root that was made here, and remember that it was."""
    assert path, "the process has ended before it had made a root"
    root = Path(path)
    _made.add(root.name.rpartition("-")[0])
    return root


def names(place):
    """Return what these tests have put there; in the real places, others do that too."""
    ours = {os.path.basename(root.path) for root in workspace._roots.values()}  # in use here
    found = set(os.listdir(place)) - ours
    return {n for n in found if OURS in n or any(n.lower().startswith(made) for made in _made)}


def tree(path):
    """Return all that there is to a path, without following a link."""
    status = os.lstat(path)
    kind = oct(status.st_mode), status.st_uid, status.st_ino
    if path.is_symlink():
        return kind, os.readlink(path)
    if path.is_dir():
        return kind, {name: tree(path / name) for name in sorted(os.listdir(path))}
    return kind, path.read_bytes() if path.is_file() else None


def private(path):
    """Make an empty file that looks like one of ours."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


def run_of(root):
    return min(root.glob("run-*"))


# What must stay. Each gets the place, and a folder of the user's elsewhere, and returns what is to
# be kept alive for as long as it must stay.


def a_clone(place, home):
    git = place / f"taskinity_nb-main-{OURS}" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (place / f"taskinity_nb-main-{OURS}" / "notes.txt").write_text("a year of work")


def a_release(place, home):
    (place / f"taskinity_nb-0.1.0-{OURS}" / "src").mkdir(parents=True)
    (place / f"taskinity_nb-0.1.0-{OURS}" / "src" / "a.py").write_text("1\n")


def an_old_root(place, home):
    run = place / f"taskinity_nb-k3x_9abc-{OURS}" / "run-h2j4k5l6"
    run.mkdir(parents=True, mode=0o700)
    private(run / "0123456789abcdef")


def old_fonts(place, home):
    (place / f"taskinity-fonts-{OURS}" / "cache").mkdir(parents=True)


def our_prefix(place, home):
    (place / f"{PREFIX}{OURS}").mkdir(mode=0o700)
    (place / f"{PREFIX}{OURS}.txt").write_text("a file")


def our_form_without_a_marker(place, home):
    root = make_root(place)
    (root / MARKER).unlink()


def our_form_for_another(place, home):
    """Empty, but of no machine that is known here."""
    known(place / f"{PREFIX}{'0' * 16}-{os.getpid()}-1-{'a' * 32}").mkdir(mode=0o700)


def almost_our_form(place, home):
    """Empty, so that nothing but the name tells; of a process that has died."""
    for change in (str.upper, lambda name: f"{name}\n", lambda name: f"{name}0"):
        root = make_root(place, "ownership._claim = die")
        root.rename(place / (PREFIX + change(root.name.removeprefix(PREFIX))))


def a_marker_of_another(place, home):
    root, other = make_root(place), make_root(home)
    shutil.copy2(other / MARKER, root / MARKER)


def put_copy(original, path):
    """Copy a root at once: as yet without its marker, it would be swept by who begins meanwhile."""
    whole = original.with_name("copy")
    shutil.copytree(original, whole)
    whole.rename(path)


def a_copy_of_another_name(place, home):
    original = make_root(home)
    token = original.name.rpartition("-")[2]
    put_copy(original, place / original.name.replace(token, "b" * 32))


def a_copy_of_the_same_name(place, home):
    original = make_root(home)
    put_copy(original, place / original.name)


def a_copy_in_the_same_place(place, home):
    original = make_root(place)
    original.rename(home / original.name)
    put_copy(home / original.name, original)


def one_that_was_moved_here(place, home):
    original = make_root(home)
    shutil.move(original, place / original.name)


def living_root(place):
    """Have a process make a root and wait; return both."""
    code = MAKE.format(change="", end="sys.stdin.read()")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    root = known(process.stdout.readline().decode().strip())
    assert process.stdout.readline() == b"made\n"
    return process, root


def of_a_living_process(place, home):
    return living_root(place)[0]


def of_a_process_that_has_no_lock_yet(place, home):
    """Its number and start are those of this process."""
    code = f"ownership.os.getpid = lambda: {os.getpid()}"
    make_root(place, code, end="os.kill(int(os.readlink('/proc/self')), signal.SIGKILL)")


def held_in_another_container(place, home):
    """There is no process of that number here, but somebody has the lock."""
    held = os.open(make_root(place), os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def of_another_boot(place, home):
    make_root(place, 'ownership._machine = lambda: [os.uname().nodename, str(os.geteuid()), "b"]')


def of_another_host(place, home):
    make_root(
        place, 'real = [*ownership._machine()]; ownership._machine = lambda: ["h", *real[1:]]'
    )


def a_marker_that_is_a_link(place, home):
    root = make_root(place)
    (root / MARKER).rename(home / "the marker")
    (root / MARKER).symlink_to(home / "the marker")


def a_marker_that_has_two_names(place, home):
    root = make_root(place)
    os.link(root / MARKER, home / "the same marker")


def a_marker_that_is_a_folder(place, home):
    root = make_root(place)
    (root / MARKER).unlink()
    (root / MARKER).mkdir()


def a_marker_that_is_a_pipe(place, home):
    root = make_root(place)
    (root / MARKER).unlink()
    os.mkfifo(root / MARKER, 0o600)
    root = make_root(place, "ownership._claim = die")
    os.mkfifo(root / MARKER, 0o600)


def a_marker_that_anybody_may_write(place, home):
    (make_root(place) / MARKER).chmod(0o666)


def markers_of_garbage(place, home):
    for text in (b"", b"\0\xff" * 50, b"x" * 2_000_000):
        (make_root(place) / MARKER).write_bytes(text)
    for text in (b"\0\xff" * 50, b"x" * 2_000_000):
        private(make_root(place, "ownership._claim = die") / MARKER).write_bytes(text)
    marker = make_root(place) / MARKER
    marker.write_bytes(marker.read_bytes() + b"\n")
    marker = make_root(place) / MARKER
    marker.write_bytes(marker.read_bytes()[:-1])


def a_half_written_one_with_more(place, home):
    root = make_root(place, "ownership._claim = lambda root: die_marking(root, 20)")
    (root / "notes.txt").write_text("mine")
    root = make_root(place, "ownership._claim = die")
    (root / "run-0123456789abcdef").mkdir(mode=0o700)


def a_file_beside_the_runs(place, home):
    (make_root(place) / "notes.txt").write_text("mine")


def a_folder_beside_the_runs(place, home):
    (make_root(place) / "figures").mkdir(mode=0o700)


def a_file_among_the_values(place, home):
    (run_of(make_root(place)) / "result.npy").write_text("mine")
    private(run_of(make_root(place)) / "result.npy")


def a_value_that_is_a_pipe(place, home):
    os.mkfifo(run_of(make_root(place)) / "0123456789abcdef", 0o600)


def a_value_that_is_a_link(place, home):
    (run_of(make_root(place)) / "0123456789abcdef").symlink_to(home / "thesis.txt")


def a_value_that_has_another_name(place, home):
    os.link(private(home / "other"), run_of(make_root(place)) / "0123456789abcdef")


def a_value_that_others_may_read(place, home):
    private(run_of(make_root(place)) / "0123456789abcdef").chmod(0o644)


def a_run_that_is_a_link(place, home):
    (make_root(place) / "run-0123456789abcdef").symlink_to(home)


def a_run_that_is_a_file(place, home):
    private(make_root(place) / "run-0123456789abcdef")


def a_run_that_anybody_may_enter(place, home):
    run_of(make_root(place)).chmod(0o755)


def a_folder_within_a_run(place, home):
    (run_of(make_root(place)) / "0123456789abcdef").mkdir(mode=0o700)


def one_within_a_run(place, home):
    process, root = living_root(place)  # of a dead one, another process may remove the run first
    with process:
        make_root(run_of(root))
        process.kill()


def one_within_a_folder_of_the_users(place, home):
    (place / OURS).mkdir()
    make_root(place / OURS)


def a_link_to_one(place, home):
    root = make_root(place)
    root.rename(home / root.name)
    root.symlink_to(home / root.name)


def a_link_to_the_users(place, home):
    root = make_root(place, "ownership._claim = die")
    root.rmdir()
    root.symlink_to(home)


def what_is_no_folder(place, home):
    roots = [make_root(place, "ownership._claim = die") for _ in range(3)]
    for root in roots:
        with suppress(FileNotFoundError):  # whoever begins to work here sweeps what is dead
            root.rmdir()
    private(roots[0])
    os.mkfifo(roots[1])
    with socket.socket(socket.AF_UNIX) as bound:
        where = os.open(place, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{where}/{roots[2].name}"[:107])
        os.close(where)


def one_that_anybody_may_enter(place, home):
    make_root(place).chmod(0o755)


def one_of_another_user(place, home):
    if os.geteuid() == 0:
        os.chown(make_root(place), 12345, 12345)
        os.chown(make_root(place) / MARKER, 12345, 12345)
        os.chown(run_of(make_root(place)), 12345, 12345)
        os.chown(min(run_of(make_root(place)).iterdir()), 12345, 12345)
        os.chown(make_root(place, "ownership._claim = die"), 12345, 12345)


LOOK_ALIKES = [
    a_clone, a_release, an_old_root, old_fonts, our_prefix, our_form_without_a_marker,
    our_form_for_another, almost_our_form, a_marker_of_another, a_copy_of_another_name,
    a_copy_of_the_same_name, a_copy_in_the_same_place, one_that_was_moved_here, of_a_living_process,
    of_a_process_that_has_no_lock_yet, held_in_another_container, of_another_boot, of_another_host,
    a_marker_that_is_a_link, a_marker_that_has_two_names, a_marker_that_is_a_folder,
    a_marker_that_is_a_pipe, a_marker_that_anybody_may_write, markers_of_garbage,
    a_half_written_one_with_more, a_file_beside_the_runs, a_folder_beside_the_runs,
    a_file_among_the_values, a_value_that_is_a_pipe, a_value_that_is_a_link,
    a_value_that_has_another_name, a_value_that_others_may_read,
    a_run_that_is_a_link, a_run_that_is_a_file, a_run_that_anybody_may_enter, a_folder_within_a_run,
    one_within_a_run, one_within_a_folder_of_the_users, a_link_to_one, a_link_to_the_users,
    what_is_no_folder, one_that_anybody_may_enter, one_of_another_user,
]  # fmt: skip

OTHER_START = "real = ownership._start_of; ownership._start_of = lambda pid: real(pid) - 1"

DEAD = {
    "killed": "",
    "killed before the lock": "ownership._claim = die",
    "killed before the marker": "ownership._claim = lambda root: die_marking(root, 0)",
    "killed within the marker": "ownership._claim = lambda root: die_marking(root, 70)",
    "killed with the marker": "ownership._claim = lambda root: die_marking(root, None)",
    "its number has come again": f"ownership.os.getpid = lambda: {os.getpid()}; {OTHER_START}",
}
"""What must go: what has happened to the process that made it."""

DIE = "os.kill(int(os.readlink('/proc/self')), signal.SIGKILL)"


@pytest.fixture
def place(tmp_path):
    made = tmp_path / "place"
    made.mkdir()
    return made


@pytest.fixture
def home(tmp_path):
    """A folder of the user's."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    (made / "thesis.txt").write_text("years")
    return made


@pytest.fixture
def keep():
    """Keep what must live until the end of a test."""
    kept = []
    yield kept.append
    for one in kept:
        if isinstance(one, int):
            os.close(one)
        elif one is not None:
            with one:
                one.kill()


class TestSweep:
    @pytest.mark.parametrize("make", LOOK_ALIKES, ids=lambda make: make.__name__)
    def test_what_stays(self, make, place, home, keep):
        keep(make(place, home))
        before = tree(place), tree(home)
        sweep_place(str(place))
        assert (tree(place), tree(home)) == before

    @pytest.mark.parametrize("how", DEAD)
    def test_what_goes(self, how, place):
        make_root(place, DEAD[how], end=DIE)
        sweep_place(str(place))
        assert os.listdir(place) == []

    @pytest.mark.slow
    def test_what_another_sweep_was_doing(self, place):
        """A process is killed at each line of a sweep, and another one goes on."""
        driven(place, "sweep_place(place)")

    @pytest.mark.slow
    def test_a_root_that_was_being_made(self, place):
        """A process is killed at each line of what makes a root, and of what it does there."""
        driven(place, "root = Root(place); made = root.make(); root.remove(made); root.leave()")


DRIVE = """
import os, signal, sys
from taskinity_nb.engine.transport import folder, ownership
from taskinity_nb.engine.transport.ownership import Root, new_file, sweep_place

place = sys.argv[1]
OURS = {folder.__file__, ownership.__file__}

def fork(do):
    pid = os.fork()
    if pid == 0:
        do()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def make_dead():
    root = Root(place)
    made = root.make()
    new_file(os.path.join(root.path, made)).close()

def killed_at(moment):
    steps = 0
    def trace(frame, event, _):
        nonlocal steps
        if frame.f_code.co_filename not in OURS:
            return None
        if event == "line":
            steps += 1
            if steps == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    DO

moment = 0
code = -signal.SIGKILL
while code == -signal.SIGKILL:
    moment += 1
    fork(make_dead)
    code = fork(lambda: killed_at(moment))
    sweep_place(place)
    assert os.listdir(place) == [], (moment, os.listdir(place))
print([moment, code])
"""


def driven(place, lines):
    code = DRIVE.replace("DO", lines)
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    moments, code = ast.literal_eval(done.stdout)
    assert code == 0
    assert moments > 40


class TestRaces:
    """Somebody swaps a folder for a link to the user's, between a look and what follows it."""

    @pytest.fixture
    def theirs(self, home):
        """A folder that looks like a root in all but its marker."""
        run = home / "run-0123456789abcdef"
        run.mkdir(mode=0o700)
        private(run / "0123456789abcdef").write_text("mine")
        private(home / MARKER)
        (home / "thesis.txt").unlink()
        return home

    @pytest.mark.parametrize("moment", ["_is_alive", "_is_private", "_is_whole", "_clear_root"])
    def test_a_root(self, moment, place, theirs, monkeypatch):
        root = make_root(place)
        before = tree(theirs)
        real = getattr(ownership, moment)

        def swap(*args):
            found = real(*args) if moment != "_clear_root" else None
            if not root.is_symlink():
                root.rename(theirs.parent / "moved")
                root.symlink_to(theirs)
            return found if moment != "_clear_root" else real(*args)

        monkeypatch.setattr(ownership, moment, swap)
        sweep_place(str(place))
        assert root.is_symlink()
        assert tree(theirs) == before

    @pytest.mark.parametrize("moment", ["_is_run", "_is_value", "_clear_folder", "identity"])
    def test_a_run(self, moment, place, theirs, monkeypatch):
        root = make_root(place)
        run, *_ = root.glob("run-*")
        before = tree(theirs)
        real = getattr(ownership, moment)

        def swap(*args):
            found = real(*args) if moment != "_clear_folder" else None
            if not run.is_symlink():
                run.rename(theirs.parent / "moved")
                run.symlink_to(theirs / "run-0123456789abcdef")
            return found if moment != "_clear_folder" else real(*args)

        monkeypatch.setattr(ownership, moment, swap)
        sweep_place(str(place))
        assert tree(theirs) == before

    def test_what_somebody_puts_there_meanwhile(self, place, monkeypatch):
        root = make_root(place)
        real = ownership._clear_root

        def put(folder):
            (run_of(root) / "notes.txt").write_text("mine")
            (root / "notes.txt").write_text("mine")
            real(folder)

        monkeypatch.setattr(ownership, "_clear_root", put)
        sweep_place(str(place))
        assert len(list(root.rglob("notes.txt"))) == 2


@pytest.fixture(params=["held open", "by its path"])
def places(request, tmp_path, monkeypatch):
    """Stand-ins for the memory file system and the temporary folder, as on Linux and on Windows."""
    made = [tmp_path / "memory", tmp_path / "temporary"]
    for one in made:
        one.mkdir()
    monkeypatch.setattr(workspace, "MEMORY", str(made[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(made[1]))
    monkeypatch.setattr(workspace, "_roots", {})
    if request.param == "by its path":
        monkeypatch.setattr(folder, "CAN_HOLD", False)
        monkeypatch.setattr(ownership, "CAN_HOLD", False)
        monkeypatch.setattr(ownership, "fcntl", None)
    yield made
    for root in workspace._roots.values():
        root.leave()
        root.part()


class TestOwn:
    """What a process removes of its own, when it has remembered a path for a while."""

    def test_all_goes(self, places):
        with closing(WorkDir()) as made:
            new_file(made.folders[0]).close()
            new_file(made.folders[1]).close()
        assert not any(map(os.path.exists, made.folders))
        workspace._end()
        assert [os.listdir(place) for place in places] == [[], []]

    def test_a_root_that_was_replaced(self, places, home):
        made = WorkDir()
        run = Path(made.folders[0])
        new_file(str(run)).close()
        run.parent.rename(home / "saved")
        shutil.copytree(home / "saved", run.parent)
        before = tree(run.parent), tree(home)
        made.close()
        workspace._end()
        assert (tree(run.parent), tree(home)) == before

    def test_a_root_that_is_now_a_link(self, places, home):
        made = WorkDir()
        run = Path(made.folders[0])
        new_file(str(run)).close()
        run.parent.rename(home / "saved")
        run.parent.symlink_to(home / "saved")
        before = tree(home)
        made.close()
        workspace._end()
        assert tree(home) == before

    def test_a_run_that_was_replaced(self, places, home):
        made = WorkDir()
        run = Path(made.folders[0])
        value = private(run / "0123456789abcdef")
        run.rename(home / "saved")
        run.mkdir(mode=0o700)
        private(run / value.name)
        before = tree(run), tree(home)
        made.close()
        workspace._end()
        assert (tree(run), tree(home)) == before
        assert (home / "saved" / value.name).exists()

    def test_a_run_that_is_now_a_link(self, places, home):
        made = WorkDir()
        run = Path(made.folders[0])
        new_file(str(run)).close()
        run.rename(home / "saved")
        run.symlink_to(home / "saved")
        before = tree(home)
        made.close()
        workspace._end()
        assert tree(home) == before
        assert run.is_symlink()

    def test_what_the_user_put_there(self, places):
        """It stays, but a large value does not: it is the memory that counts."""
        made = WorkDir()
        run = Path(made.folders[0])
        new_file(str(run)).close()
        (run / "notes.txt").write_text("mine")
        (run / "figures").mkdir()
        made.close()
        workspace._end()
        assert sorted(os.listdir(run)) == ["figures", "notes.txt"]
        assert sorted(os.listdir(run.parent)) == [MARKER, run.name]

    def test_a_new_root_takes_the_place_of_one_that_was_replaced(self, places, home):
        first = WorkDir()
        root = Path(first.folders[0]).parent
        root.rename(home / "saved")
        root.mkdir()
        second = WorkDir()
        assert Path(second.folders[0]).parent not in (root, home / "saved")
        assert os.listdir(root) == []
        first.close()
        second.close()

    def test_what_cannot_be_made_leaves_nothing(self, places, monkeypatch):
        def full(*_):
            raise OSError("no space left")

        monkeypatch.setattr(ownership, "_marker", full)
        made = WorkDir()
        assert made.folders == ()
        assert [os.listdir(place) for place in places] == [[], []]

    def test_a_marker_that_finds_no_room(self, place):
        code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))"
        code = MAKE.format(change=code, end="")
        done = subprocess.run(
            [sys.executable, "-c", code, str(place)], capture_output=True, text=True, timeout=60
        )
        assert "there is no room for the marker" in done.stderr
        assert os.listdir(place) == []


def test_sweeps_take_a_hundredth_of_the_time(places, monkeypatch):
    """However full the folders are, not every run looks through them."""
    now, swept = 1000.0, []

    def look(place):
        nonlocal now
        now += 0.25
        swept.append(place)

    monkeypatch.setattr(workspace.time, "monotonic", lambda: now)
    monkeypatch.setattr(workspace, "sweep_place", look)
    for then, sweeps in [(1000.0, 1), (1000.6, 1), (1050.0, 1), (1050.6, 2), (1051.2, 2)]:
        now = then
        with closing(WorkDir()) as made:
            assert len(made.folders) == 2
        assert swept == [*map(str, places)] * sweeps


class TestReal:
    """Real runs, in processes of their own, with the real places."""

    @pytest.fixture
    def tmp_path(self, tmp_path_factory):
        """A short path, since that of a fork server's socket may have 107 characters."""
        return tmp_path_factory.mktemp("s")

    @pytest.mark.slow
    def test_on_all_executors(self, tmp_path, home, keep):
        """Forty kinds of look-alikes stay, and six kinds of dead ones go."""
        places = {Path("/dev/shm"): Path(tempfile.mkdtemp(dir="/dev/shm")), tmp_path / "t": home}
        (tmp_path / "t").mkdir()
        stay, go = {}, []
        try:
            for place, elsewhere in places.items():
                stay[place] = []
                go += [make_root(place, how, end=DIE) for how in DEAD.values()]
                for make in LOOK_ALIKES:
                    beside = elsewhere / make.__name__
                    beside.mkdir(mode=0o700)
                    (beside / "thesis.txt").write_text("years")
                    there = names(place)
                    keep(make(place, beside))
                    stay[place] += names(place) - there
            assert [len(made) > len(LOOK_ALIKES) for made in stay.values()] == [True, True]
            before = self.all_trees(places, stay)
            run_script(tmp_path, ALL_EXECUTORS, TMPDIR=str(tmp_path / "t"))
            assert self.all_trees(places, stay) == before
            assert not any(map(os.path.lexists, go))
            assert sorted(os.listdir(tmp_path / "t")) == sorted(stay[tmp_path / "t"])
        finally:
            shutil.rmtree(places[Path("/dev/shm")])
            for name in stay[Path("/dev/shm")]:
                remove(Path("/dev/shm", name))

    @staticmethod
    def all_trees(places, stay):
        there = {str(place / name): tree(place / name) for place in stay for name in stay[place]}
        return there | {str(home): tree(home) for home in places.values()}

    def test_a_run_inside_a_worker_that_is_held_at_the_end(self, tmp_path):
        out = run_script(tmp_path, NESTED, TMPDIR=str(tmp_path))
        roots = ast.literal_eval(out)
        assert roots
        assert not any(map(os.path.exists, roots))
        assert [path for path in tmp_path.iterdir() if path.name.startswith(PREFIX)] == []

    def test_a_run_inside_a_pool_that_ends(self, tmp_path):
        out = run_script(tmp_path, IN_A_POOL, TMPDIR=str(tmp_path))
        roots = ast.literal_eval(out)
        assert roots
        assert not any(map(os.path.exists, roots))


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_script(folder, text, **environ):
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True, text=True, timeout=300, env={**os.environ, **environ},
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


ALL_EXECUTORS = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from taskinity_nb import run

    def make():
        return bytes(3_000_000)

    def size(make):
        return len(make)

    def check(executor):
        names = {"make": make, "size": size}
        assert run("make -> size", namespace=names, executor=executor)["size"] == 3_000_000

    if __name__ == "__main__":
        for word in ("sequential", "threads", "processes"):
            check(word)
        with ThreadPoolExecutor(2) as pool:
            check(pool)
        for method in ("forkserver", "spawn", "fork"):
            context = multiprocessing.get_context(method)
            with ProcessPoolExecutor(2, context) as pool:
                check(pool)
"""

NESTED = """
    from taskinity_nb import run

    held = []

    def make():
        return bytes(3_000_000)

    def outer():
        import script_held as held
        from taskinity_nb.engine.transport import workspace
        result = run("make", namespace={"make": make}, executor="processes", workers=1)
        assert len(result["make"]) == 3_000_000
        held.runs.append(result)
        return [root.path for root in workspace._roots.values()]

    if __name__ == "__main__":
        import sys, types, pathlib
        pathlib.Path(__file__).with_name("script_held.py").write_text("runs = []")
        print(run("outer", namespace={"outer": outer}, executor="processes", workers=1)["outer"])
"""

IN_A_POOL = """
    from concurrent.futures import ProcessPoolExecutor
    from taskinity_nb import run

    held = []

    def make():
        return bytes(3_000_000)

    def outer():
        from taskinity_nb.engine.transport import workspace
        held.append(run("make", namespace={"make": make}, executor="processes", workers=1))
        return [root.path for root in workspace._roots.values()]

    if __name__ == "__main__":
        import multiprocessing
        with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
            print(pool.submit(outer).result())
"""
