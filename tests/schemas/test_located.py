"""Reading YAML: what it means, where it stands, and what is refused before it costs anything."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import MmregError, SpecError
from mmreg.schemas.located import MAX_BYTES, MAX_DEPTH, MAX_VALUES, Table, find, plain, read


def value(text: str) -> object:
    return plain(read(text, "mmreg.yaml"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a: 1", 1),
        ("a: -0x1F", "-0x1F"),
        ("a: 0x1F", 31),
        ("a: 0o17", 15),
        ("a: 017", 17),
        ("a: 1.10", 1.1),
        ("a: .5e1", 5.0),
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: yes", "yes"),
        ("a: True", True),
        ("a: false", False),
        ("a: ~", None),
        ("a:", None),
        ("a: 12:30:00", "12:30:00"),
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 1_000", "1_000"),
        ("a: '1'", "1"),
        ('a: "x\\ty"', "x\ty"),
        ("a: !!str 1", "1"),
        ("a: ! 1", "1"),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
        ("x: &x {b: 1}\na: *x", {"b": 1}),
        ("x: &x {b: 1, c: 2}\na: {<<: *x, c: 3}", {"b": 1, "c": 3}),
        ("x: &x {b: 1}\ny: &y {b: 2, c: 3}\na: {<<: [*x, *y]}", {"b": 1, "c": 3}),
        ("a: {'<<': 1}", {"<<": 1}),
        ('a: "\\ud83d\\ude00"', "\U0001f600"),
        ("\ufeffa: 1", 1),
    ],
)
def test_what_yaml_means(text: str, meant: object) -> None:
    document = value(text)
    assert isinstance(document, dict)
    assert document["a"] == meant and type(document["a"]) is type(meant)


def test_an_empty_file_is_an_empty_map() -> None:
    assert value("") == {} and value("# only a remark\n") == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key 'a'; the first is in line 1"),
        ("a: {b: 1, b: 2}", 1, 11, "duplicate key 'b'"),
        ("a: !!python/object/apply:os.system [id]", 1, 4, "!!python/object/apply:os.system"),
        ("a: !!binary aGk=", 1, 4, "the tag '!!binary' is not allowed"),
        ("a: !secret x", 1, 4, "the tag '!secret' is not allowed"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document"),
        ("1: x", 1, 1, "a key must be text"),
        ("a: 1\n? [x]\n: 2\n", 2, 3, "a key must be text"),
        ("true: x", 1, 1, "a key must be text"),
        ("a: *b", 1, 4, "the alias *b"),
        ("a: &b [*b]", 1, 8, "the alias *b"),
        ("a: .inf", 1, 4, "not finite"),
        ("a: 1e999", 1, 4, "not finite"),
        ("a: .nan", 1, 4, "not finite"),
        ("a: 99999999999999999999", 1, 4, "does not fit into 64 bits"),
        (f"a: {'9' * 5000}", 1, 4, "does not fit into 64 bits"),
        ('a: "x\\0"', 1, 4, "U+0000"),
        ('a: "\\ud800"', 1, 4, "a surrogate stands alone"),
        ("a: {<<: 3}", 1, 5, "'<<' merges"),
        ("a: [1,\n  2", 2, 4, "not YAML"),
        ("a: 'x", 1, 6, "not YAML"),
        ("a:\n\t- 1", 2, 1, "not YAML"),
        ("a: 1\nb: x\x07y\n", 2, 5, "the character U+0007 is not allowed"),
        ("a: b: c", 1, 5, "not YAML"),
        ("a\r\nb: [", 2, 2, "not YAML"),
    ],
)
def test_what_is_refused_and_where(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text, "mmreg.yaml")
    assert reason in caught.value.reason
    assert (caught.value.file, caught.value.line, caught.value.column) == ("mmreg.yaml", line, column)
    assert str(caught.value).startswith(f"mmreg.yaml:{line}:{column}: ")


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 3000,
        "a: " + "{b: " * 3000,
        "- " * 3000,
        "a: " + "[[1," * 200_000,
        "[" + "1," * 500_000 + "]",
        "".join(f"k{i}: v\n" for i in range(MAX_VALUES)),
        "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}]\n" for i in range(200)),
        "l0: &l0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 30)),
        "l0: &l0 {a: x, b: x, c: x}\n"
        + "".join(f"l{i}: &l{i} {{a: *l{i - 1}, b: *l{i - 1}, c: *l{i - 1}}}\n" for i in range(1, 60)),
        "x" * (MAX_BYTES + 1),
        "é" * (MAX_BYTES // 2 + 1),
    ],
    ids=lambda text: text[:20],
)
def test_bombs_end_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(SpecError):
        read(text, "mmreg.yaml")
    # Reading a bomb to its end takes minutes or all memory; the slowest of these needs about three seconds.
    assert time.process_time() - began < 20


def test_the_limits_are_where_they_are_said_to_be() -> None:
    deep = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert value(deep)
    with pytest.raises(SpecError, match=f"deeper than {MAX_DEPTH} levels"):
        read("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, "x")
    aliased = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 23 + "*a" + "]" * 23
    assert value(aliased)
    with pytest.raises(SpecError, match="deeper"):
        read(aliased.replace("*a", "[*a]"), "x")


def test_every_value_and_key_knows_its_place() -> None:
    tree = read("a: 1\nb:\n  - {c: x,\n     d: y}\n", "f")
    assert isinstance(tree, Table)
    places = {
        ("a",): (1, 4),
        ("b",): (3, 3),
        ("b", 0): (3, 5),
        ("b", 0, "d"): (4, 9),
    }
    for path, (line, column) in places.items():
        assert (find(tree, path).line, find(tree, path).column) == (line, column)
    assert str(find(tree, ("b", 0, "d"), key=True)) == "f:4:6"
    assert str(find(tree, ("b", 0, "nothing", "deeper"))) == "f:3:5"
    assert str(find(tree, ("nothing",))) == "f:1:1"


def test_messages_show_the_line_and_point_at_the_column() -> None:
    with pytest.raises(SpecError) as caught:
        read("a: 1\nbb:  !x y\n", "f")
    assert str(caught.value).splitlines()[1:] == ["  | bb:  !x y", "  |      ^"]


@pytest.mark.parametrize(
    "line",
    [
        "{api_key: hf_abc, a: !x 1}",
        "{aws_secret_access_key: 'hf_abc', a: !x 1}",
        "{u: 'https://me:hf_abc@host/x', a: !x 1}",
        "{u: s3://b?sig=hf_abc, a: !x 1}",
    ],
)
def test_messages_do_not_repeat_secrets(line: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(line, "f")
    assert "hf_abc" not in str(caught.value) and "******" in str(caught.value)
    shown, pointer = str(caught.value).splitlines()[1:]
    assert shown[pointer.index("^") :].startswith("!x")


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=" \n:-[]{},&*!|>'\"%@`#?~\\\tab1é\u2028\x85", max_size=40))
def test_any_text_is_read_or_refused_by_us(text: str) -> None:
    try:
        read(text, "f")
    except MmregError as error:
        assert str(error)


text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(text, json, max_size=4))
def test_json_reads_as_itself(document: dict[str, object]) -> None:
    from json import dumps

    assert value(dumps(document, ensure_ascii=True)) == document
