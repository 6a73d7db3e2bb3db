"""The drawn corpus: true captions, and each planted defect what it claims to be."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

Example = Callable[[str], ModuleType]


@pytest.fixture
def scenes(example: Example) -> ModuleType:
    return example("scenes")


@pytest.fixture
def drawn(scenes: ModuleType, tmp_path: Path) -> list[dict[str, Any]]:
    return list(scenes.draw(tmp_path, 100))


def of_defect(scenes: ModuleType, defect: str) -> list[int]:
    return [index for index, name in scenes.DEFECTS.items() if name == defect]


def test_a_larger_corpus_begins_with_the_smaller_one(scenes: ModuleType, tmp_path: Path) -> None:
    small, large = list(scenes.draw(tmp_path / "small", 30)), list(scenes.draw(tmp_path / "large", 60))
    assert large[:30] == small
    for record in small:
        name = record["image"]
        assert (tmp_path / "small" / name).read_bytes() == (tmp_path / "large" / name).read_bytes()


def test_drawing_again_touches_no_file(scenes: ModuleType, tmp_path: Path) -> None:
    first = list(scenes.draw(tmp_path, 20))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert list(scenes.draw(tmp_path, 20)) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == times


def test_captions_are_true_of_the_pixels(scenes: ModuleType, tmp_path: Path) -> None:
    """The first object's colour is found in its part of the picture, and more of it than anywhere else."""
    looked = 0
    for index in range(40):
        scene = scenes.Scene.of(index)
        colours = [colour for colour, _, _ in scene.objects]
        if len(set(colours)) == len(colours):
            pixels = np.asarray(scenes._drawn(index), np.int16)
            for place, colour in enumerate(colours):
                wanted = np.array(ImageColor.getrgb(scenes.COLOURS[colour]))
                found = np.argwhere((abs(pixels - wanted) < 12).all(axis=2))[:, int(scene.relation == "left of")]
                parts = np.bincount(found * len(colours) // len(pixels), minlength=len(colours))
                assert parts.argmax() == place
                looked += 1
    assert looked > 30


def test_swapped_captions_are_false_and_use_the_same_words(scenes: ModuleType, drawn: list[dict[str, Any]]) -> None:
    for index in of_defect(scenes, "order_swapped"):
        true, told = scenes.Scene.of(index).caption, drawn[index]["title"]
        assert true != told
        assert sorted(true.split()) == sorted(told.split())


def test_duplicates_are_of_the_scene_before(scenes: ModuleType, drawn: list[dict[str, Any]], tmp_path: Path) -> None:
    for index in of_defect(scenes, "exact_duplicate"):
        assert _file(tmp_path, drawn[index]) == _file(tmp_path, drawn[index - 1])
    for index in of_defect(scenes, "near_duplicate"):
        assert _file(tmp_path, drawn[index]) != _file(tmp_path, drawn[index - 1])
        assert drawn[index]["title"] == drawn[index - 1]["title"]


def test_broken_files_have_a_good_header_only(scenes: ModuleType, drawn: list[dict[str, Any]], tmp_path: Path) -> None:
    for defect, kind in (("truncated_png", "PNG"), ("truncated_jpeg", "JPEG")):
        (index,) = of_defect(scenes, defect)
        image = Image.open(io.BytesIO(_file(tmp_path, drawn[index])))
        assert (image.format, image.size) == (kind, (96, 96))
        with pytest.raises(OSError, match="truncated"):
            image.load()
    (bomb,) = of_defect(scenes, "bomb")
    data = _file(tmp_path, drawn[bomb])
    assert len(data) < 1000
    assert int.from_bytes(data[16:20]) * int.from_bytes(data[20:24]) == 900_000_000


def test_records_are_json_and_say_which_lack_what(scenes: ModuleType, drawn: list[dict[str, Any]]) -> None:
    assert json.loads(json.dumps(drawn)) == drawn
    assert [r["image"] for r in drawn if r["title"] == ""] == [
        drawn[index]["image"] for index in of_defect(scenes, "empty_caption")
    ]
    assert sum(r["title"] == scenes.BOILERPLATE for r in drawn) == 8
    assert sum(r["license"] is None for r in drawn) == 1


def _file(folder: Path, record: dict[str, Any]) -> bytes:
    return (folder / record["image"]).read_bytes()
