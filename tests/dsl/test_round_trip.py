"""Any flow that the language can express is written as a text that gives it back."""

from __future__ import annotations

import keyword
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sizes import sized

from taskinity_nb.dsl.read import parse_dsl, parse_flows
from taskinity_nb.dsl.write import to_dsl, to_mermaid
from taskinity_nb.errors import FlowError
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.model.forms.edges import Part
from taskinity_nb.model.forms.literals import Constant, InputName, written

COMMON = "a b c d load clean_data w1 match end żółć データ किताब"
WORDS = "flow map zip product when unless input task description"
NAMES = st.sampled_from([*COMMON.split(), *WORDS.split()]) | (
    st.text("xyzXYZ_19éßяﬁ中\u0301\u093f", min_size=1, max_size=5)
    .map(lambda text: unicodedata.normalize("NFKC", text))
    .filter(lambda word: word.isidentifier() and not keyword.iskeyword(word) and word != "_")
)
KEYS = NAMES | st.integers(0, 99) | st.just("class")

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["# no comment", "->", "a, b", ")", "]\n[", "\"'", "\\", "\r\u2028\ud800"])
    | st.binary(max_size=5)
)
LITERALS = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(ATOMS, inner, max_size=3)
        | st.sets(ATOMS, max_size=3)
    ),
    max_leaves=6,
)

# Each is made once, since what is made in a draw is looked through in each.
TEXTS = LITERALS.map(written)
CONSTANTS = TEXTS.map(Constant)
INPUTS = st.none() | CONSTANTS
CONDITIONS = st.none() | TEXTS
KEYS_OR_NONE = st.none() | KEYS
KINDS = st.sampled_from(["result"] * 3 + ["wait", "map", "zip", "product", "when", "unless"])
BLANKS = st.sampled_from([["_"], []])


@st.composite
def flows(draw, others=()):
    """Draw a flow of all forms; some of its functions are the `others`, which are flows."""
    flow_names = {other.name for other in others}
    own = NAMES.filter(lambda name: name not in flow_names) if others else NAMES
    names = draw(st.lists(own, min_size=1, max_size=14, unique=True))
    count = draw(st.integers(1, min(9, len(names))))
    tasks, rest = names[:count], names[count:]
    inputs = {name: draw(INPUTS) for name in rest[:2]}
    functions = draw(
        st.dictionaries(
            st.sampled_from(tasks),
            own | st.lists(own, min_size=2, max_size=3).map(".".join),
            max_size=3,
        )
    )
    functions |= {draw(st.sampled_from(tasks)): other.name for other in others}
    used = {functions.get(task, task) for task in tasks}
    parts = _parts(draw, tasks, rest[2:])
    arrows = _arrows(draw, tasks, inputs, parts)
    givable = [InputName(name) for name in inputs] or [InputName("undeclared_zz")]
    values = CONSTANTS | st.sampled_from(givable)
    constants = draw(
        st.dictionaries(
            st.sampled_from(tasks), st.dictionaries(NAMES, values, min_size=1, max_size=3),
            max_size=3,
        )
    )  # fmt: skip
    return Flow(
        draw((own | st.just("class")).filter(lambda name: name not in used)),
        arrows,
        draw(st.permutations(tasks)),
        draw(st.text(max_size=20)),
        functions,
        constants=constants,
        inputs=inputs,
        parts=parts,
        flows={other.name: other for other in others if other.name in used},
    )


def _parts(draw, tasks, names):
    parts, apart = {}, set()
    while names and draw(st.booleans()):
        task, count = draw(st.sampled_from(tasks)), draw(st.integers(1, 3))
        if task not in apart and draw(st.booleans()):
            apart.add(task)
            whole = draw(st.permutations([*names[:count], *draw(BLANKS)]))
            parts |= {name: Part(task, whole.index(name), tuple(whole)) for name in names[:count]}
        else:
            parts[names[0]] = Part(task, draw(KEYS))
            count = 1
        names = names[count:]
    return parts


def _arrows(draw, tasks, inputs, parts):
    """Draw edges that are no circle and do not contradict each other."""
    arrows, kinds, mapped = [], {}, {}
    sources = [*inputs, *tasks]
    pairs = st.tuples(st.integers(0, len(sources) - 1), st.integers(0, len(tasks) - 1))
    for first, second in draw(st.lists(pairs, max_size=16)):
        source, target = sources[first], tasks[second]
        if first >= len(inputs) and first - len(inputs) >= second:
            continue
        kind = draw(KINDS)
        names = [name for name, part in parts.items() if part.task == source]
        key = draw(st.sampled_from([None, *names]) if names else KEYS_OR_NONE)
        edge = Edge(source, target, kind, None if kind == "wait" else key, draw(st.booleans()))
        if kind in ("when", "unless"):
            equals = draw(CONDITIONS)
            edge = edge._replace(equals=equals)
            other = edge._replace(kind="when" if kind == "unless" else "unless")
        else:
            if kind == "wait" and source in inputs:
                continue
            if kinds.setdefault((source, target), kind) != kind:
                continue
            other = edge._replace(optional=not edge.optional)
            if kind in ("map", "zip", "product"):
                if mapped.get(target, kind) != kind or (kind == "map" and target in mapped):
                    continue
                if other not in arrows:
                    mapped[target] = kind
        if other not in arrows:
            arrows.append(edge)
    return draw(st.permutations(arrows))


def check(flow):
    text = to_dsl(flow)
    again = parse_dsl(text)
    assert again == flow, text
    assert again.edges == flow.edges
    assert again.description == flow.description
    assert dict(again.inputs) == dict(flow.inputs)
    assert list(again.inputs) == list(flow.inputs)
    assert to_dsl(again) == text
    to_mermaid(flow).encode()
    return text


@pytest.mark.long
@settings(max_examples=sized(150, 3_000), deadline=None)
@given(flows())
def test_every_form(flow):
    check(flow)


@pytest.mark.slow
@pytest.mark.long
@settings(
    max_examples=sized(50, 1_000), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(flows(), st.data())
def test_flows_that_use_flows(first, data):
    second = data.draw(flows([first]))
    third = data.draw(flows([first, second]))
    assume(len({first.name, second.name, third.name}) == 3)
    assume(not {third.function_of(task) for task in third.tasks} & {third.name})
    try:
        text = to_dsl(third)
    except FlowError as error:
        expected = ("must stand above it", "two flows", "keyword")
        assert any(words in str(error) for words in expected)
        return
    assert [flow.name for flow in parse_flows(text)][-1] == third.name
    check(third)


@given(LITERALS)
def test_literals(value):
    text = written(value)
    flow = parse_dsl(f"a(x={text})\ninput_ when a == {text}\n")
    assert flow.constants["a"]["x"] == Constant(text)
    assert flow.edges[0].equals == text


@pytest.mark.parametrize(
    "text",
    [
        "input when check",
        "flow unless check",
        "task when check",
        "map when check",
        "a -> map when\nwhen -> b",
        "a -> zip when as w\nb -> zip w",
        "a -> map when check",
        "when when check",
        "report when when",
        "report when unless unless when",
        "input as x -> b",
        "input, map = when",
        "flow = when.k\nflow -> b",
    ],
)
def test_words_of_the_language_stand_for_tasks(text):
    check(parse_dsl(text))


@pytest.mark.parametrize(
    "flow",
    [
        Flow("X", tasks=["a"], constants={"a": {"class": 1}}),
        Flow("X", tasks=["a"], constants={"a": {"x y": 1}}),
        Flow("X", tasks=["a", "b"], constants={"a": {"x": InputName("b")}}),
        Flow("X", tasks=["a"], inputs={"n": ...}, constants={"a": {"x": InputName("m")}}),
        Flow("X", tasks=["a"], constants={"a": {"x": InputName("true")}}),
        Flow("X", [Edge("a", "b", "result", equals="1")]),
        Flow("X", ["ab", "bc"][:0] or [("a", "Y")], flows={"Z": Flow("Z", [("Y", "c")],
             flows={"Y": Flow("Y", tasks=["d"])})}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_written(flow):
    with pytest.raises(FlowError):
        to_dsl(flow)


@pytest.mark.parametrize("equals", ["big", "1+1", "", "(" * 200, "x" * 200_000])
def test_a_condition_compares_with_a_literal(equals):
    with pytest.raises(FlowError, match="compares with a literal"):
        Flow("X", [Edge("a", "b", "when", equals=equals)])


@pytest.mark.parametrize(("equals", "text"), [("'big'", '"big"'), ("[1,2]", "[1, 2]")])
def test_a_literal_may_be_written_in_any_way(equals, text):
    flow = Flow("X", [Edge("a", "b", "when", equals=equals)])
    assert flow == Flow("X", [Edge("a", "b", "when", equals=text)])
    assert to_dsl(flow).endswith(f"b when a == {text}")
