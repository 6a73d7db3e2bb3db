"""Thumbnails for reports: small, made anew, of just the samples asked for, and never an error."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from mmreg.cli.reports import write
from mmreg.schemas.gate import GateReport

DECLARATION = """
version: 1
project: pictures
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image, storage: %s}}
      caption: {{type: text, nullable: true}}
passes:
  keep: {{from: pairs, into: kept, use: filter, where: "caption IS NOT NULL"}}
checks:
  pairs:
    - {{check: not_null, column: caption}}
"""


@pytest.fixture(params=["inline", "reference"])
def made(request: pytest.FixtureRequest, project: Callable[..., Any]) -> Any:
    """Six small pictures, one of them large and with notes in it."""
    made = project(6, DECLARATION % request.param)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "where I live")
    Image.new("RGBA", (640, 320), (200, 30, 30, 128)).save(made.folder / "images" / "large.png", pnginfo=notes)
    made.apply()
    return made


def ids_of(registry: Any, ref: str) -> dict[str, str]:
    """Sample ids in hexadecimal by the file that each is of."""
    return {row["_source"]["uri"]: row["sample_id"] for row in registry.query(ref, columns=["sample_id", "_source"])}


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def test_small_pictures_of_those_that_are_asked_for(made: Any) -> None:
    registry = made.open()
    ids = ids_of(registry, "pairs@latest")
    found = registry.thumbnails("pairs@latest", "image", [ids["large.png"], ids["000.png"]])
    assert set(found) == {ids["large.png"], ids["000.png"]}
    large, small = opened(found[ids["large.png"]]), opened(found[ids["000.png"]])
    assert (large.format, large.size, small.size) == ("JPEG", (96, 48), (24, 18))
    assert large.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"where I live" not in found[ids["large.png"]]
    red, green, blue = large.convert("RGB").getpixel((50, 20))
    assert abs(red - 227) < 6 and abs(green - 142) < 6 and abs(blue - 142) < 6, "what is transparent lies on white"


def test_of_a_text_the_picture_beside_it_and_of_a_selection_that_of_its_root(made: Any) -> None:
    registry = made.open()
    ids = ids_of(registry, "kept@latest")
    assert len(ids) == 6
    samples = list(ids.values())
    found = registry.thumbnails("kept@latest", "caption", samples)
    assert set(found) == set(samples) and found == registry.thumbnails("kept@latest", None, samples)
    assert registry.thumbnails("kept@latest", "image.width", samples[:1]).keys() == {samples[0]}


def test_what_has_no_picture_is_left_out(made: Any) -> None:
    registry = made.open()
    ids = ids_of(registry, "pairs@latest")
    assert registry.thumbnails("pairs@latest", "image", ["ff" * 16, "no id", ""]) == {}
    for file in (made.folder / "images").glob("*.png"):
        file.write_bytes(b"\x89PNG\r\n\x1a\n gone bad")
    still = registry.thumbnails("pairs@latest", "image", list(ids.values()))
    inline = "storage: inline" in (made.folder / "mmreg.yaml").read_text()
    assert len(still) == (7 if inline else 0), "what the lake holds itself is there; what lay in these files is not"


def test_the_report_shows_them(made: Any) -> None:
    registry = made.open()
    answer = GateReport(tuple(registry.validate("pairs@latest")))
    text = write("html", answer, thumbnails=registry.thumbnails)
    (sample,) = [example["sample_id"] for example in answer.reports[0].results[0].examples]
    assert len(re.findall(r'<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]{400,}" alt=', text)) == 1
    assert f"The picture of sample {sample[:12]}" in text
