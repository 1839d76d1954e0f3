"""The language: every form of it, what it says about wrong texts, and the way back to text."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from taskinity_nb.dsl.read import parse_dsl, parse_flows
from taskinity_nb.dsl.write import to_dsl, to_mermaid
from taskinity_nb.errors import CycleError, DSLSyntaxError, FlowError, Span
from taskinity_nb.model.flow import Edge, Flow

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "dsl").glob("*.txt"))
RULE = "\n-----\n"


def edges(text):
    return [str(edge) for edge in parse_dsl(text).edges]


# ---- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -> b", ["a -> b"]),
        ("a->b", ["a -> b"]),
        ("a\t->\tb", ["a -> b"]),
        ("a -> [b, c]", ["a -> b", "a -> c"]),
        ("[b, c] -> d", ["b -> d", "c -> d"]),
        ("[a, b] -> [c, d]", ["a -> c", "a -> d", "b -> c", "b -> d"]),
        ("a -> b -> c", ["a -> b", "b -> c"]),
        ("a -> [b, c] -> d", ["a -> b", "a -> c", "b -> d", "c -> d"]),
        ("a -.-> e", ["a -.-> e"]),
        ("a-.->e", ["a -.-> e"]),
        ("a -> b -.-> c", ["a -> b", "b -.-> c"]),
        ("scan -> map work -> collect", ["scan -> map work", "work -> collect"]),
        ("a -> [map b, c]", ["a -> map b", "a -> c"]),
        ("classify.urgent -> answer", ["classify.urgent -> answer"]),
        ("a -> b.k -> c", ["a -> b", "b.k -> c"]),
        ("[a.x, a.y] -> b", ["a.x -> b", "a.y -> b"]),
        ("a.class -> b", ["a.class -> b"]),
        ("a -> b\na -> b", ["a -> b"]),
        ("[a, a] -> [b, b]", ["a -> b"]),
        ("[a] -> [b,]", ["a -> b"]),
        ("a -> [\n  b,  # first\n\n  # between\n  c\n  ,\n]", ["a -> b", "a -> c"]),
        ("a -> b # why\n# all\n\n   \n b -> c#x", ["a -> b", "b -> c"]),
        ("\ufeffa -> b", ["a -> b"]),
        ("a -> b\r\nb -> c\r\n", ["a -> b", "b -> c"]),
        ("a -> b\rb -> c", ["a -> b", "b -> c"]),
        ("a\xa0-> b\x0c", ["a -> b"]),
        ("żółć -> データ", ["żółć -> データ"]),
        ("किताब -> b", ["किताब -> b"]),
        ("ﬁt -> b\nfit -> c", ["fit -> b", "fit -> c"]),
        ("match -> case\ncase -> type", ["match -> case", "case -> type"]),
    ],
)
def test_statements(text, expected):
    assert edges(text) == expected


def test_tasks_stand_in_the_order_of_the_text():
    assert parse_dsl("[b, a] -> c\nd\ne -> a").tasks == ("b", "a", "c", "d", "e")


def test_header_and_description():
    flow = parse_dsl("""
        # the text of the guide
        flow DataProcessing:
            description: "Parallel \\"data\\" \\\\ flow\\nin two lines, 'quoted'"
            a -> b
    """)
    assert flow.name == "DataProcessing"
    assert flow.description == "Parallel \"data\" \\ flow\nin two lines, 'quoted'"
    assert parse_dsl("description: 'it\\'s'\na").description == "it's"
    assert parse_dsl("a\ndescription: '# no comment'").description == "# no comment"
    assert parse_dsl("a").name == "flow"
    assert parse_dsl("a").description == ""
    assert parse_dsl("flow class:\n  a").name == "class"


def test_a_function_has_several_nodes():
    flow = parse_dsl("split -> [work as w1, work as w2]\n[w1, w2] -> merge")
    assert dict(flow.functions) == {"w1": "work", "w2": "work"}
    assert flow.tasks == ("split", "w1", "w2", "merge")


def test_a_node_is_used_before_and_after_its_declaration():
    flow = parse_dsl("a -> w\nwork as w -> b\nwork as w\nwork as work -> w")
    assert dict(flow.functions) == {"w": "work"}
    assert [str(edge) for edge in flow.edges] == ["a -> w", "w -> b", "work -> w"]


def test_map_key_and_node_together():
    """In front of `as`, a dot leads to a function of a module; a key goes behind the node."""
    flow = parse_dsl("a -> map work.k as w\nw.k -> b")
    assert [str(edge) for edge in flow.edges] == ["a -> map w", "w.k -> b"]
    assert flow.function_of("w") == "work.k"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flow -> map", ["flow -> map"]),
        ("map -> flow", ["map -> flow"]),
        ("task -> description", ["task -> description"]),
        ("description -> task", ["description -> task"]),
        ("a -> map map", ["a -> map map"]),
        ("a -> map -> b", ["a -> map", "map -> b"]),
        ("a -> map map.k -> b", ["a -> map map", "map.k -> b"]),
        ("[map, flow] -> [task, description]", None),
        ("flow.k -> a", ["flow.k -> a"]),
        ("map.k -> a", ["map.k -> a"]),
        ("a -> map as m", ["a -> m"]),
        ("a -> map map as m", ["a -> map m"]),
        ("flow as f -> a", ["f -> a"]),
        ("task as t -> a", ["t -> a"]),
        ("a -> [map\n, b]", ["a -> map", "a -> b"]),
    ],
)
def test_words_of_the_language_are_names_too(text, expected):
    flow = parse_dsl(text)
    assert expected is None or [str(edge) for edge in flow.edges] == expected


@pytest.mark.parametrize("word", ["flow", "map", "task", "description"])
def test_a_word_alone_in_its_line_is_a_task(word):
    assert parse_dsl(word).tasks == (word,)
    assert parse_dsl(f"flow {word}:\n  {word}  # alone").tasks == (word,)


def test_several_flows():
    text = "a -> b\nflow X:\n  a -> c\nflow Y: # empty lines follow\n\n\n  description: 'y'\n  d"
    flows = parse_flows(text)
    assert [flow.name for flow in flows] == ["flow", "X", "Y"]
    assert flows[2].description == "y"
    assert flows[1].source.edges[Edge("a", "c")] == Span(3, 8, 1)
    assert parse_dsl(text) == flows[2]


def test_positions_are_those_of_the_whole_text():
    text = "flow X:\n  load -> [clean,\n     work as w1]\n  w1 -> last\n"
    source = parse_dsl(text).source
    assert source.text == text
    assert source.tasks == {
        "load": Span(2, 3, 4),
        "clean": Span(2, 12, 5),
        "w1": Span(3, 6, 10),
        "last": Span(4, 9, 4),
    }
    assert source.edges == {
        Edge("load", "clean"): Span(2, 12, 5),
        Edge("load", "w1"): Span(3, 6, 10),
        Edge("w1", "last"): Span(4, 9, 4),
    }


def test_a_cycle_is_shown_in_the_text():
    with pytest.raises(CycleError, match="a -> b -> a") as caught:
        parse_dsl("flow X:\n  a -> b\n  b -> a")
    assert caught.value.path == ("a", "b", "a")
    assert caught.value.span == Span(3, 8, 1)


def test_contradictions_are_shown_in_the_text():
    with pytest.raises(FlowError, match="contradicts") as caught:
        parse_dsl("a -> b\na -.-> b")
    assert caught.value.span == Span(2, 8, 1)


def test_a_short_text_cannot_fill_the_memory():
    many = ", ".join(f"t{i}" for i in range(2000))
    more = many.replace("t", "u")
    with pytest.raises(DSLSyntaxError, match="1,000,000 arrows"):
        parse_dsl(f"[{many}] -> [{more}]")


# ---- wrong texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path):
    content = path.read_bytes().decode()
    text, _, expected = content.partition(RULE)
    with pytest.raises(FlowError) as caught:
        parse_dsl(text)
    error = str(caught.value)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(f"{text}{RULE}{error}\n".encode())
    else:
        assert f"{error}\n" == expected
    if "contradicts" not in error and "mapped" not in error and "wait for" not in error:
        assert isinstance(caught.value, DSLSyntaxError)
    assert caught.value.remedy
    assert caught.value.text == text
    line, column, width = caught.value.span
    assert (line, column) >= (1, 1)
    assert width >= 1
    assert column + width - 1 <= len((text.splitlines() or [""])[line - 1]) + 1


def test_there_are_enough_golden_texts():
    assert len(GOLDEN) >= 180


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "a -> \0",
        "\ud800",
        "a -> b\ud800",
        'description: "\ud800"\n-> \udfff',
        "\u202ea -> b",
        "a" * 1_000_000 + " b",
        "a -> " * 40_000,
        "[" * 100_000,
        "a -> [" * 10_000,
        "." * 100_000,
        '"' * 100_001,
        "'\\" * 50_000,
        "#" * 100_000,
        " " * 100_000,
        "\ufeff",
        "\ufeff\ufeff",
        "\u0300",
        "²",
        "a -> ²b",
        "flow \0:",
        "flow :",
        "task",
        "task:",
        "a\u2028-> b c",
        "\x0b\x0c\x1c -> b",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_any_text_gives_a_flow_or_a_flow_error(text):
    try:
        parse_dsl(text)
    except FlowError as error:
        shown = str(error)
        assert len(shown) < 1000
        shown.encode()
        assert all(line.isprintable() for line in shown.splitlines())


WORDS = "flow map as task description code a b w1 class 2nd ﬁ my-task é データ Name import"
SIGNS = "-> -.-> -.- --> => <- <-> > - . .. , : ; [ ] ( ) { } @ % # | → – “ & ="
TEXTS = """"text" 'text' " ' "a\\d" \\"""
BLANKS = ["\n", "\n", "\n", "\r\n", "\t", "\0", "\u200b", "\u202e", "\ud800", "\ufeff"]
TOKENS = [*WORDS.split(), *SIGNS.split(), *TEXTS.split(), *BLANKS]


@pytest.mark.long
@settings(max_examples=sized(200, 4_000), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from(["", " ", "  "])), max_size=14).map(
        lambda pairs: "".join(token + blank for token, blank in pairs)
    )
    | st.text(max_size=40)
)
def test_random_texts(text):
    try:
        flows = parse_flows(text)
    except FlowError as error:
        assert (
            isinstance(error, DSLSyntaxError)
            or "contradicts" in str(error)
            or "mapped" in str(error)
        )
        assert error.remedy
        assert error.span is not None
        lines = error.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= error.span.column <= len(lines[error.span.line - 1]) + 1
        str(error).encode()
    else:
        for flow in flows:
            assert parse_dsl(to_dsl(flow)) == flow


# ---- and back -----------------------------------------------------------------------------------


def test_canonical_text():
    text = """\
flow DataProcessing:
    description: "It's \\"parallel\\""
    fetch -> split
    split -> [work as w1, work as w2]
    [w1, w2] -> merge
    alone
    [merge.rows, fetch.names] -> report
    report -> [map clean as c1, send]
    merge -.-> [clean, archive]"""
    assert to_dsl(parse_dsl(text)) == text


def test_a_long_list_takes_a_line_for_each_task():
    names = [f"process_batch_{number}" for number in range(8)]
    flow = Flow("Wide", [("split", name) for name in names])
    text = to_dsl(flow)
    assert text.splitlines()[1:3] == ["    split -> [", "        process_batch_0,"]
    assert max(map(len, text.splitlines())) < 30
    assert parse_dsl(text).edges == flow.edges


@pytest.mark.parametrize(
    "flow",
    [
        Flow("My flow", [("a", "b")]),
        Flow("", [("a", "b")]),
        Flow("Empty"),
        Flow("X", [("a", "class")]),
        Flow("X", [("a", "b")], functions={"b": "module..b"}),
        Flow("X", [("a", "b")], functions={"b": "class"}),
        Flow("X", [Edge("a", "b", "result", "0")]),
        Flow("X", [Edge("a", "b", "each"), Edge("b", "c", parameter="x")]),
        Flow("X", [Edge("a", "b", "wait", "k")]),
        Flow("X", [("ﬁt", "b")]),
    ],
    ids=repr,
)
def test_what_the_language_cannot_express(flow):
    with pytest.raises(FlowError):
        to_dsl(flow)


def test_mermaid():
    flow = parse_dsl("end.k -> map work as w -> subgraph\nend -.-> subgraph\nalone")
    assert (
        to_mermaid(flow)
        == """\
flowchart TD
    t1["end"]
    t2["work as w"]
    t3["subgraph"]
    t4["alone"]
    t1 -->|".k map"| t2
    t2 --> t3
    t1 -.-> t3"""
    )


def test_mermaid_escapes_labels():
    flow = Flow("X", [Edge("a", "b", "result", 'k"]<b>')])
    assert to_mermaid(flow).splitlines()[-1] == '    t1 -->|".k#34;#93;#60;b#62;"| t2'


def test_ten_thousand_edges_are_read_quickly():
    text = "\n".join(f"task_{i % 997} -> task_{997 + i % 9973}" for i in range(10_000))
    started = time.process_time()
    flow = parse_dsl(text)
    assert time.process_time() - started < 1.5  # on any machine; about 0.1 s on a good one
    assert len(flow.edges) == 10_000


@pytest.mark.parametrize(
    "line",
    [
        "input i{0} = {0}",
        "x{0}, y{0} = s{0}\n[x{0}, y{0}] -> t{0}",
        "t{0}(x={0}, y='a') -> u{0}",
        "t when c == {0}",
        "t{0}? -> u",
        "t{0}(x=",
    ],
)
def test_ten_thousand_lines_are_read_quickly(line):
    text = "\n".join(line.format(number) for number in range(10_000)) + "\na"
    started = time.process_time()
    with contextlib.suppress(FlowError):
        parse_dsl(text)
    assert time.process_time() - started < 3  # on any machine; about 0.4 s on a good one


@pytest.mark.parametrize(
    "text",
    [
        "t(" + ", ".join(f"x{number}={number}" for number in range(7_000)) + ")",
        "input " + ", ".join(f"x{number} = {number}" for number in range(6_000)) + "\na",
        ", ".join(f"x{number}" for number in range(10_000)) + " = t",
        "t(x=" + "[" * 49_000 + "]" * 49_000 + ")",
        "t(x=" + "[" * 99_000,
        "input x = " + "-" * 98_000 + "1\nt",
        "a when b == " + "(" * 49_000 + "1" + ")" * 49_000,
        "t(x='" + "a" * 99_000 + "')",
    ],
    ids=lambda text: text[:20],
)
def test_long_lines_are_read_quickly(text):
    started = time.process_time()
    with contextlib.suppress(FlowError):
        parse_dsl(text)
    assert time.process_time() - started < 2
