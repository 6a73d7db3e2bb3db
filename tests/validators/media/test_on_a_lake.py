"""The checks of media where they run: on a lake, with the address of each row, its splits and other versions."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.schemas.check import CheckResult

DECLARATION = """
version: 1
project: media
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image, storage: STORAGE}}
  evals:
    source: {{type: imagefolder, path: evals}}
    columns:
      image: {{type: image}}
passes:
  parts: {{from: pairs, into: parts, use: split, params: {{test: 0.4, seed: 7}}}}
checks:
  pairs:
    - {{check: image_decodes, column: image}}
    - {{check: image_format, column: image}}
    - {{check: image_size, column: image, min_width: 30}}
    - {{check: not_blank, column: image}}
    - {{check: not_blurred, column: image, min_value: 10}}
    - {{check: no_exact_duplicates, column: image}}
    - {{check: no_near_duplicates, column: image}}
    - {{check: no_exact_duplicates, column: image, across: evals@v1, name: exact leak}}
    - {{check: no_near_duplicates, column: image, across: evals@v1, name: near leak}}
  parts:
    - {{check: no_exact_duplicates, column: image, across: splits}}
    - {{check: no_near_duplicates, column: image, across: splits}}
"""
Scene = Callable[..., Image.Image]


@pytest.fixture(params=["inline", "reference"])
def lake_of_pictures(request: Any, project: Callable[..., Any], scene: Scene) -> Any:
    """Twelve scenes, and beside them one of each defect."""
    small = project(images=0, declaration=DECLARATION.replace("STORAGE", request.param))
    images, evals = small.folder / "images", small.folder / "evals"
    evals.mkdir()
    for number in range(12):
        scene(number).save(images / f"{number:02}.png")
    (images / "20 twice.png").write_bytes((images / "03.png").read_bytes())
    scene(4).resize((120, 90)).save(images / "21 alike.jpg", quality=70)
    scene(20).save(images / "22 named.png", "JPEG")
    Image.new("RGB", (64, 64), "white").save(images / "23 blank.png")
    (images / "24 cut.jpg").write_bytes(_jpeg(scene(21))[:-400])
    scene(22).resize((20, 15)).save(images / "25 small.png")
    (evals / "a.png").write_bytes((images / "05.png").read_bytes())
    scene(6).save(evals / "b.jpg", quality=80)
    scene(50).save(evals / "c.png")
    apply(small.open())
    return small


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


def found(registry: Registry, ref: str) -> dict[str, tuple[int, list[str]]]:
    """For each check its failures and the files of its examples."""
    [report] = registry.validate(ref)
    reader = registry.open_version(ref)
    names = {
        row["sample_id"].hex(): Path(row["_source.uri"]).stem
        for batch in reader.batches(["sample_id", "_source.uri"])
        for row in batch.to_pylist()
    }
    results: list[CheckResult] = list(report.results)
    return {
        result.key.removesuffix(":image"): (
            result.failed, sorted(names[example["sample_id"]] for example in result.examples)
        )
        for result in results
    }  # fmt: skip


def test_every_defect_is_found_where_it_is(lake_of_pictures: Any) -> None:
    registry = lake_of_pictures.open()
    due = {
        "image_decodes": (1, ["24 cut"]),
        "image_format": (1, ["22 named"]),
        "image_size": (1, ["25 small"]),
        "not_blank": (1, ["23 blank"]),
        "not_blurred": (1, ["23 blank"]),
        "no_exact_duplicates": (1, ["20 twice"]),
        "no_near_duplicates": (2, ["20 twice", "21 alike"]),
        "exact leak": (1, ["05"]),
        "near leak": (2, ["05", "06"]),
    }
    assert found(registry, "pairs@v1") == due
    assert found(registry, "pairs@v1") == due, "and again, out of what was kept"


def test_splits_share_what_was_there_twice(lake_of_pictures: Any) -> None:
    """With this seed both pictures lie in the larger split, and what is like them in the smaller one."""
    registry = lake_of_pictures.open()
    train, test = (registry.open_version("parts@v1", name) for name in ("train", "test"))
    assert len(train) > len(test)
    assert found(registry, "parts@v1") == {
        "no_exact_duplicates": (1, ["20 twice"]),
        "no_near_duplicates": (2, ["20 twice", "21 alike"]),
    }
