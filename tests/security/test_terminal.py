"""Text from data on a terminal, in JSON and in pictures: it can be read and does nothing."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from mmreg.cli.failure import fail
from mmreg.cli.main import guard
from mmreg.cli.output import Output
from mmreg.cli.progress import Lines, watched
from mmreg.cli.render.dot import dot
from mmreg.cli.render.mermaid import mermaid
from mmreg.errors import UsageError
from mmreg.schemas.lineage import Edge, Lineage, Node

HOSTILE = [
    "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07", "\x1b]52;c;c2VjcmV0\x07",
    "\x1b[2J\x1b[H", "\x9b31m",
    "\x9d0;x\x9c", "\u202egnp.exe", "\u2066a\u2069", "a\rb", "a\nmmreg: all is well", "\x08\x08", "\x00", "[/x]",
    "[red]a[/red]",
    "[link=http://evil.example]a[/link]", "\ud800", "\U000e0041", "\u200b", "\x7f", "\x1bP1;2|x\x1b\\", "\u2028",
]  # fmt: skip
EVERYTHING = " ".join(HOSTILE)


def assert_clean(text: str) -> None:
    """Nothing but lines of what can be seen."""
    for character in text:
        kind = unicodedata.category(character)
        assert character == "\n" or kind not in ("Cc", "Cf", "Cs", "Zl", "Zp"), f"U+{ord(character):04X}"
    text.encode()


@pytest.fixture
def hostile(place: Any, png: Callable[..., bytes]) -> Any:
    """A project whose captions, file names, licences and errors are all hostile."""
    images = place.folder / "images"
    images.mkdir()
    for number, text in enumerate(HOSTILE):
        name = f"{number}" + re.sub(r"[\x00/\ud800]", "", text)[:40]
        (images / f"{name}.png").write_bytes(png(9, 9) if number % 2 else b"broken")
        (images / f"{name}.txt").write_text(text.replace("\ud800", ""), encoding="utf-8")
    (place.folder / "shouting.py").write_text(
        "import pyarrow as pa\n"
        "class Shout:\n"
        "    version, kind, scope, role, inputs = '1', 'map', 'row', 'mapper', {'image': 'image'}\n"
        "    def __init__(self, recipe): pass\n"
        "    def open(self): pass\n"
        "    def outputs(self): return pa.schema([('said', pa.string())])\n"
        f"    def __call__(self, batch): raise ValueError({EVERYTHING!r})\n"
    )
    place.declare("""
        version: 1
        project: small
        datasets:
          pairs:
            source: {type: imagefolder, path: images}
            columns: {image: {type: image}, caption: {type: text, nullable: true}}
            license: "\\e]0;title\\a [/x]"
        passes:
          shout: {from: pairs, use: "shouting:Shout", inputs: {image: image}, max_error_rate: 1}
    """)
    place.call("init")
    place.call("apply")
    yield place
    sys.modules.pop("shouting", None)


def test_every_verb_prints_what_can_be_seen(hostile: Any) -> None:
    for verb in (
        ["ls"], ["show", "pairs"], ["head", "pairs"], ["query", "pairs", "--where", "caption IS NOT NULL"], ["log",
        "pairs"],
        ["errors", "shout"], ["status"], ["plan"], ["lineage", "up", "pairs"], ["lineage", "up", "pairs",
        "--format", "dot"],
        ["lineage", "up", "pairs", "--format", "mermaid"], ["plan", "--markdown"], ["doctor"], ["diff", "pairs@v1",
        "pairs@v2"],
    ):  # fmt: skip
        for shape in ([], ["--json"]):
            result = hostile.call(*verb, *shape, status=None)
            assert result.exit_code in (0, 1, 2), result.stderr
            assert_clean(result.stdout)
            assert_clean(result.stderr)
            if shape and result.exit_code == 0 and "--format" not in verb and "--markdown" not in verb:
                json.loads(result.stdout)
    assert any(
        "\\x1b" in row["caption"] or "\x1b" in row["caption"] for row in hostile.json("head", "pairs") if row["caption"]
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_messages_answers_and_talk(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Output().say(text)
    for error in (UsageError(text, hint=text), ValueError(text), click.UsageError(text)):
        for as_json in (False, True):
            fail(error, json=as_json, debug=False)
    with watched(quiet=False) as progress:
        progress.start(f"pass {text}", 3)
        progress.message(text)
        progress.done()
    Lines(sys.stderr).message(text)
    told = capsys.readouterr()
    lines = told.err.replace("\nmmreg: all is well", "")  # our own messages may have lines
    assert_clean(told.out)
    assert_clean(lines)


def test_a_traceback_is_clean_too(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise RuntimeError(EVERYTHING)

    assert guard(broken, json=False, debug=True) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told and "\\x1b]52" in told
    assert_clean(told)


def test_names_that_a_person_types(place: Any) -> None:
    place.declare("version: 1\nproject: small\n")
    place.call("init")
    for text in HOSTILE[:11]:
        for verb in (
            ["show", text],
            ["lineage", "up", text],
            [text],
            ["--profile", text, "plan"],
            ["model", "add", text, "x"],
        ):
            result = place.call(*verb, status=None)
            assert result.exit_code in (2, 3, 6)
            assert_clean(result.stderr)


def test_labels_draw_nothing_of_their_own() -> None:
    labels = [
        *HOSTILE,
        "<b>x</b>",
        "</text><script>alert(1)</script>",
        '"]; x [label="',
        "%%{init: {}}%%",
        "a]-->b",
        "\\",
        "\\N",
        "&lt;",
    ]
    nodes = tuple(Node(f"run:{n}", "run", text, text, {"job": text}) for n, text in enumerate(labels))
    edges = tuple(Edge(nodes[0].id, node.id, "used") for node in nodes[1:])
    drawn = Lineage(nodes[0].id, "down", nodes, edges)
    for picture in (dot, mermaid):
        lines = list(picture(drawn))
        assert_clean("\n".join(lines))
        assert "<script" not in "".join(lines)
    assert "%%{" not in "".join(mermaid(drawn)), "where it is a directive"
    for line in dot(drawn):
        label = re.search(r'label="((?:[^"\\]|\\.)*)"', line)
        assert "label=" not in line or (label and not label[1].startswith("<")), line
        assert re.sub(r"\\.", "", line).count('"') % 2 == 0, line


def test_the_corpus_is_not_read_by_rich_as_markup() -> None:
    """`[/x]` in a caption would end rich with an error: what data say is never markup."""
    import mmreg

    for file in (Path(mmreg.__file__).parent / "cli").rglob("*.py"):
        assert "markup=True" not in file.read_text(), file
