"""Right texts with one slip in them: whatever it is, the error shows it where it is."""

from __future__ import annotations

import random
import re

import pytest
from sizes import sized

from taskinity_nb.dsl.read import parse_dsl
from taskinity_nb.errors import FlowError
from taskinity_nb.model.binding import resolve

TEXTS = [
    "load -> clean -> save",
    "load -> [clean, count]\n[clean, count] -> report\nload -.-> log",
    """\
flow Train:
    description: "With all that one needs"
    input files, depth = 3, options = {"loss": [1, -2.5e3], "how": None}
    files -> map load(options=options) as each -> join
    X, y = split
    join -> split
    [X, y] -> fit(depth=depth, loss="mse, not 'mae'") -> save
""",
    """\
[models, grid] -> product fit -> best
[left, right] -> zip pair.up as both  # side by side
both.0 -> first
both.name -> second
""",
    """\
check -> report
report when check
repair unless check
publish when kind == "big"
[report?, repair?] -> publish
kind
""",
    """\
flow Prep:
    input rows
    rows -> clean -> count

flow Main:
    read -> Prep -> train(n=3, flags=[True, False])
    train.loss -> draw
""",
    "scan -> map read? -> collect\nscan -> [\n    first,  # one\n    second,\n]\nalone",
    "a = load.left\nb = load.0\n[a, b] -> work(x='a', y=(1, 2)) as w1\nw1 -> map żółć -> データ",
]
SIGNS = [*"()[]{}.,:;=-><?\"'#*@!&|\\ \n\t_0aXé", "->", "==", "when ", "map ", " as ", "input "]
TOKEN = re.compile(r"\w+|[^\w\s]+|\s+")


def mutated(text, chance):
    """Return the text with one slip, and the characters before and behind which it is as it was."""
    tokens = [match.span() for match in TOKEN.finditer(text)]
    at = chance.randrange(len(text))
    first, end = chance.choice(tokens)
    other = chance.choice(tokens)
    kind = chance.randrange(9)
    if kind == 0:
        return text[:at] + text[at + 1 :], at, at
    if kind == 1:
        sign = chance.choice(SIGNS)
        return text[:at] + sign + text[at:], at, at + len(sign)
    if kind == 2:
        return text[:at] + text[at : at + 2][::-1] + text[at + 2 :], at, at + 2
    if kind == 3:
        return text[:at] + text[at] + text[at:], at, at + 1
    if kind == 4:
        return text[:first] + text[end:], first, first
    if kind == 5:
        return text[:end] + text[first:end] + text[end:], first, 2 * end - first
    if kind == 6:
        (a, b), (c, d) = sorted([(first, end), other])
        if b > c:
            return mutated(text, chance)
        return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:], a, d
    if kind == 7:
        return text[:at], at, at
    return text[at:], 0, 0


def words_around(text, start, end):
    """Return the words of the lines that a slip is in."""
    begin = text.rfind("\n", 0, max(0, start)) + 1
    stop = text.find("\n", end)
    return set(re.findall(r"\w+", text[begin : len(text) if stop < 0 else stop]))


def function_of(flow, task):
    """Return a function that takes what leads to a task, and its constants."""
    brought = [edge for edge in flow.incoming[task] if "w" != edge.kind[0] != "u"]
    names = [f"p{number}{'=0' * edge.optional}" for number, edge in enumerate(brought)]
    names.sort(key=lambda name: "=" in name)
    names += [f"{name}=0" for name in flow.constants.get(task, ())]
    made = {}
    exec(f"def made({', '.join(names)}): ...", made)
    return made["made"]


def namespace_of(flow):
    class pair:  # what is behind a dot, in one of the texts
        up = staticmethod(lambda a, b: ...)

    known = {"pair": pair}
    for task in flow.tasks:
        known.setdefault(flow.function_of(task), function_of(flow, task))
    for other in flow.flows.values():
        known |= namespace_of(other)
    return known


RIGHT = [(text, parse_dsl(text)) for text in TEXTS]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_texts_are_right(text):
    flow = parse_dsl(text)
    if not flow.flows:
        resolve(flow, dict.fromkeys(flow.inputs, 1), namespace_of(flow))


def told(text, flow):
    """Return the error of a text, if it has one."""
    try:
        read = parse_dsl(text)
        resolve(read, dict.fromkeys(flow.inputs, 1), namespace_of(flow))
    except FlowError as error:
        return error
    return None


def is_at(error, old, new, start, end):
    """Tell whether an error is shown where the slip is, or where its lines are torn apart."""
    removed = len(old) - len(new) + end - start
    words = words_around(new, start, end) | words_around(old, start, start + max(0, removed))
    if error.span is None:
        return error.input is not None or bool(words & set(re.findall(r"\w+", str(error))))
    lines = re.split("\r\n?|\n", new)
    line, column, width = error.span
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1
    assert column + width - 1 <= len(lines[line - 1]) + 1
    if start == end == len(new) and "flow" in new:  # cut: what is left of the last flow
        start = new.rfind("flow")
    opened = new.rfind("[", 0, start)
    if opened > new.rfind("]", 0, start):
        start = opened
    low, high = new.count("\n", 0, start) + 1, new.count("\n", 0, end) + 1
    at = {*range(low - 1, high + 2)}
    return line in at or bool(words & set(re.findall(r"\w+", lines[line - 1])))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_slip_is_shown_where_it_is(seed):
    chance = random.Random(seed)
    wrong = 0
    for _ in range(sized(150, 2_500)):
        old, flow = chance.choice(RIGHT)
        new, start, end = mutated(old, chance)
        error = told(new, flow)
        if error is None:
            continue
        wrong += 1
        assert error.remedy, new
        assert is_at(error, old, new, start, end), f"{new}\n{error}"
        shown = "\n".join(error._render_traceback_())
        assert error.message.split("\n")[0] in shown
        assert ".py" not in shown
        assert len(str(error)) < 1_500
        assert str(error).encode()
    assert wrong


def test_what_goes_on_in_the_next_line_is_shown_in_its_first():
    with pytest.raises(FlowError) as caught:
        parse_dsl("flow Main: a -> b(n=\n    3) -> c")
    assert caught.value.span == (1, 12, 9)
