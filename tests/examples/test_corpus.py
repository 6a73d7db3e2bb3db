"""Laying the corpus out: real clip art where it can be had, drawn scenes elsewhere, and nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

Example = Callable[[str], ModuleType]

SVG = """<svg xmlns="http://www.w3.org/2000/svg"><metadata>
<rdf:RDF xmlns:cc="http://web.resource.org/cc/" xmlns:dc="http://purl.org/dc/elements/1.1/"
         xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<cc:Work rdf:about=""><dc:title> {title} </dc:title><dc:description>It is &amp; was</dc:description>
<dc:subject><rdf:Bag><rdf:li>animal</rdf:li><rdf:li></rdf:li><rdf:li>dog</rdf:li></rdf:Bag></dc:subject>
<dc:creator><cc:Agent><dc:title>Somebody</dc:title></cc:Agent></dc:creator>{license}
</cc:Work></rdf:RDF></metadata><path d="M0,0"/></svg>"""
LICENSE = '<cc:license rdf:resource="http://web.resource.org/cc/PublicDomain"/>'


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache in which the packages lie unpacked: two pictures, and a link to one of them."""
    art = tmp_path / "cache" / "unpacked" / "usr" / "share" / "openclipart"
    for name, title, license in (("animals/dog_01", "Bored dog", LICENSE), ("people/nobody", "", "")):
        png, svg = art / "png" / f"{name}.png", art / "svg" / f"{name}.svg"
        for path in (png, svg):
            path.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8), "red" if title else "blue").save(png)
        svg.write_text(SVG.format(title=title, license=license))
    (art / "png" / "people" / "dog.png").symlink_to("../animals/dog_01.png")
    (art / "svg" / "people" / "dog.svg").symlink_to("../animals/dog_01.svg")
    return tmp_path / "cache"


def run(folder: Path, *options: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "corpus.py", "--out", str(folder / "data"), *options],
        cwd=Path(__file__).resolve().parents[2] / "examples" / "openclipart",
        env={**os.environ, "PATH": str(path or folder)},
        capture_output=True,
        text=True,
    )


def records(folder: Path) -> list[dict[str, str | None]]:
    return [json.loads(line) for line in (folder / "data" / "records.jsonl").read_text().splitlines()]


def test_pictures_are_paired_with_their_metadata(tmp_path: Path, cache: Path) -> None:
    ran = run(tmp_path, "--cache", str(cache), "--corpus", "openclipart")
    assert ran.stdout == f"corpus: openclipart, 3 records in {tmp_path / 'data'}\n"
    assert records(tmp_path) == [
        {
            "image": "animals/dog_01.png",
            "name": "dog_01",
            "category": "animals",
            "title": "Bored dog",
            "keywords": "animal, , dog",
            "description": "It is & was",
            "license": "http://web.resource.org/cc/PublicDomain",
        },
        {**records(tmp_path)[0], "image": "people/dog.png", "name": "dog", "category": "people"},
        {
            "image": "people/nobody.png",
            "name": "nobody",
            "category": "people",
            "title": "",
            "keywords": "animal, , dog",
            "description": "It is & was",
            "license": None,
        },
    ]
    images = tmp_path / "data" / "images"
    assert not (images / "people" / "dog.png").is_symlink()
    assert (images / "people" / "dog.png").read_bytes() == (images / "animals" / "dog_01.png").read_bytes()


def test_a_smaller_size_is_a_part_of_a_larger_one(example: Example, tmp_path: Path, cache: Path) -> None:
    clipart = example("clipart")
    art = clipart.fetch(cache)
    by_size = [{r["image"] for r in clipart.lay_out(art, tmp_path / "images", size)} for size in (1, 2, 3)]
    assert [len(names) for names in by_size] == [1, 2, 3]
    assert by_size[0] < by_size[1] < by_size[2]


def test_a_second_call_keeps_what_was_added_by_hand(tmp_path: Path) -> None:
    first = run(tmp_path, "--size", "12", "--corpus", "drawn")
    file = tmp_path / "data" / "records.jsonl"
    with file.open("a") as lines:
        lines.write(json.dumps({**records(tmp_path)[0], "image": "mine.png"}) + "\n")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    for again in (run(tmp_path, "--size", "12", "--corpus", "drawn"), run(tmp_path, "--size", "12")):
        assert again.stdout == first.stdout == f"corpus: drawn, 12 records in {tmp_path / 'data'}\n"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == times
    run(tmp_path, "--size", "14", "--corpus", "drawn")
    assert len(records(tmp_path)) == 14


def test_without_apt_scenes_are_drawn_and_the_reason_is_said(tmp_path: Path) -> None:
    ran = run(tmp_path, "--size", "5", "--cache", str(tmp_path / "cache"))
    assert ran.stdout == f"corpus: drawn, 5 records in {tmp_path / 'data'}\n"
    assert ran.stderr == "corpus: there is no apt-get on this machine; drawing scenes instead\n"


def test_a_download_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    apt.chmod(0o755)
    options = ("--size", "5", "--cache", str(tmp_path / "cache"), "--corpus", "openclipart")
    ran = run(tmp_path, *options, path=apt.parent)
    assert ran.returncode == 1
    assert ran.stderr == "corpus: 'apt-get download openclipart-png' failed (E: Unable to locate package)\n"
    assert list((tmp_path / "cache").iterdir()) == []
