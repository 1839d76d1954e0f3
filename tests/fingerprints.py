"""Cells and the fingerprints of what is in them."""

from __future__ import annotations

from textwrap import dedent

from taskinity_nb.engine.rerun.fingerprint import fingerprint

__all__ = ["Changes", "cases", "cell", "print_of"]


def cell(source, space=None, *, file="<cell>", line=1):
    """Run a cell of a notebook, at a line of a file, and return the namespace."""
    space = {"__name__": "__main__"} if space is None else space
    exec(compile("\n" * (line - 1) + dedent(source), file, "exec", dont_inherit=True), space)
    return space


def print_of(source, name="f", **values):
    """Return the fingerprint of what a cell calls `name`, in a notebook of its own."""
    return fingerprint(cell(source, {"__name__": "__main__"} | values)[name])


def cases(text):
    """Read cases, each under its name; those that have a `+++` are pairs of before and after."""
    found = {}
    for case in text.strip().removeprefix("--- ").split("\n--- "):
        name, _, source = case.partition("\n")
        found[name] = source.split("\n+++\n") if "\n+++\n" in source else source
    return found


class Changes:
    """What counts: each of its cases is a cell before and after a change."""

    def test_changes_the_fingerprint(self, before, after):
        assert print_of(before) == print_of(before) != print_of(after)

    def test_changes_that_of_what_names_it(self, before, after):
        space = cell(f"{before}\ndef caller(*a): return f(*a)")
        earlier, caller = fingerprint(space["f"]), fingerprint(space["caller"])
        cell(after, space)
        assert fingerprint(space["f"]) != earlier
        assert fingerprint(space["caller"]) != caller
