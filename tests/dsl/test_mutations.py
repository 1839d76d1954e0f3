"""Right texts with one slip in them: whatever it is, the error shows it where it is."""

from __future__ import annotations

import random
import re

import pytest
from sizes import sized

from taskinity_nb.dsl.read import parse_dsl
from taskinity_nb.errors import DSLSyntaxError, FlowError
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
SOLID = re.compile(r"\w+|[-=<>~|.]+|[^\w\s]")


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
    """Return the words of the lines that a slip is in, and of those that brackets tie to them."""
    start = min([start, *(place for place in opened(text, start) if text[place] in "[({")])
    begin = text.rfind("\n", 0, max(0, start)) + 1
    stop = text.find("\n", end)
    while stop >= 0 and any(begin <= place for place in opened(text, stop) if text[place] == "["):
        stop = text.find("\n", stop + 1)
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


def offsets(text, span):
    """Return where a span begins and ends in a text."""
    lines = re.split("(\r\n?|\n)", text)[::2]
    line, column, width = span
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1
    assert column + width - 1 <= len(lines[line - 1]) + 1
    breaks = [match.end() for match in re.finditer("\r\n?|\n", text)]
    begin = ([0, *breaks])[line - 1] + column - 1
    return begin, begin + width


def touched(text, start, end):
    """Return from where to where a slip goes, with the token in front of it and the one behind."""
    around = [match.span() for match in SOLID.finditer(text)]
    before = [first for first, last in around if last <= start]
    behind = [last for first, last in around if first >= end]
    inside = [span for span in around if span[0] < end and span[1] > start]
    low = min([first for first, _ in inside] + [start])
    high = max([last for _, last in inside] + [end])
    before = [first for first, last in around if last <= low]
    behind = [last for first, last in around if first >= high]
    return (before or [low])[-1], (behind or [len(text)])[0]


def without_comments(text):
    return re.sub("#[^\n]*", lambda match: " " * len(match[0]), text)


def opened(text, place):
    """Return where the brackets and quotation marks stand that are open at a place."""
    found = []
    for match in re.finditer(r"[\[({]|[\])}]", without_comments(text)[:place]):
        if match[0] in "[({":
            found.append(match.start())
        elif found:
            found.pop()
    line = text.rfind("\n", 0, place) + 1
    return found + [line + m.start() for m in re.finditer("[\"']", text[line:place])]


def closed(text, place):
    """Return where the brackets stand behind a place that close what is not open there."""
    depth, found = 0, []
    for match in re.finditer(r"[\[({]|[\])}]", without_comments(text)[place:]):
        depth += 1 if match[0] in "[({" else -1
        if depth < 0:
            depth = 0
            found.append(place + match.start())
    return found


def is_at(error, old, new, start, end):
    """Tell whether an error is shown where the slip is, or at what the slip has broken.

    That is the slip itself with the token in front of it and the one behind; a bracket that has
    lost its partner, or in the same line a quotation mark; the head of a flow that lacks its end,
    or a line that lacks its beginning; a place where a name stands that was changed; or, of a text
    that can be read, a name that stands in the lines that were changed. What stands in a bracket
    that was opened, or behind it, is broken too, and a line that says in another way what it is.
    """
    removed = old[start : start + max(0, len(old) - len(new) + end - start)]
    words = words_around(new, start, end) | words_around(old, start, start + len(removed))
    if error.span is None:
        return error.input is not None or bool(words & set(re.findall(r"\w+", str(error))))
    first, last = offsets(new, error.span)
    low, high = touched(new, start, end)
    if first <= high and last >= low:
        return True
    if first in {*opened(new, start), *opened(new, end), *closed(new, end)[:2]}:
        return True
    is_same_line = "\n" not in new[min(first, start) : max(first, end)]
    if start == end == len(new) and first >= new.rfind("flow ") >= 0:
        return True
    if error.message.endswith("has no tasks") and "flow " not in new[first:start]:
        return True
    if start == end == 0 and "\n" not in new[:first].strip():
        return True
    slip = removed + new[start:end]
    if new[first : first + 1] in ('"', "'") and is_same_line and set("\"'") & set(slip):
        return True
    if is_same_line and {"input", "flow", "description"} & set(slip.split()):
        return True
    for place in (place for place in opened(new, end) if place >= start):
        behind = closed(new, place + 1)
        if place <= first <= touched(new, *([behind[0] + 1] * 2 if behind else [len(new)] * 2))[1]:
            return True
    old_low, old_high = touched(old, start, start + len(removed))
    changed = set(re.findall(r"\w+", new[low:high] + " " + old[old_low:old_high]))
    if type(error) is not DSLSyntaxError:
        changed |= words
    return bool(changed & set(re.findall(r"\w+", new[first:last])))


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
