"""Erasing on an object store, and in a lake that cannot be written to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import MmregError
from mmreg.registry.erase.tombstones import load
from mmreg.schemas.erasure import Asked, ErasureReport

LISTS = """
version: 1
project: lists
lake: {lake}
datasets:
  talks:
    source: {{type: jsonl, path: talks.jsonl, media_root: images}}
    columns:
      images: {{type: list, items: image}}
      turns: {{type: messages}}
"""


def test_on_an_object_store(project: Callable[..., Any], s3_lake: Any, rows: Any) -> None:
    small = project(images=4, lake=s3_lake())
    small.apply()
    before = rows(small.open(), "train@latest")
    picture = (small.folder / "images" / "002.png").read_bytes()
    asked = Asked("pairs", where="caption = 'picture number 2'")

    def with_it() -> list[str]:
        store = small.open().lake.store
        everything = ((entry.key, b"".join(store.stream(entry.key))) for entry in store.scan(""))
        return [key for key, data in everything if picture[40:] in data or b"picture number 2" in data]

    assert with_it()
    report = small.open().erase(asked)
    assert isinstance(report, ErasureReport) and report.ok
    assert with_it() == []
    after = rows(small.open(), "train@latest")
    assert after == {sample: row for sample, row in before.items() if row["caption"] != "picture number 2"}
    assert len(after) == len(before) - 1
    small.apply()
    assert small.open().show("pairs@latest").rows == 3


def test_a_picture_within_a_list(project: Callable[..., Any], rows: Any, files_with: Any, erased: Any) -> None:
    small = project(images=4, declaration=LISTS)
    said = [{"role": "user", "content": f"which of these is picture {n}?"} for n in range(3)]
    talks = [
        {"images": ["000.png", "001.png"], "turns": [said[0]]},
        {"images": ["001.png", "002.png"], "turns": [said[1]]},
        {"images": ["003.png"], "turns": [said[2]]},
    ]
    (small.folder / "talks.jsonl").write_text("".join(json.dumps(talk) + "\n" for talk in talks))
    small.apply()
    [third] = [sample for sample, row in rows(small.open(), "talks").items() if len(row["images"]) == 1]
    [first] = [row for row in rows(small.open(), "talks").values() if row["turns"][0]["content"] == said[0]["content"]]
    planned = small.open().erase_plan(Asked(digests=(first["images"][0]["sha256"].hex(),)))
    assert [sample.because for sample in planned.samples] == ["asked for", "the same media"], "both have picture 1"
    erased(small, digests=first["images"][0]["sha256"].hex())
    gone = [(small.folder / "images" / f"00{n}.png").read_bytes()[40:] for n in range(3)]
    places = [small.folder / "lake", small.folder / ".mmreg"]
    assert files_with(places, *gone, said[0]["content"].encode(), said[1]["content"].encode()) == []
    assert set(rows(small.open(), "talks")) == {third}
    small.apply()
    assert dict(small.open().show("talks@latest").rejected_reasons) == {"erased": 2}


def test_a_lake_that_cannot_be_written_to(project: Callable[..., Any]) -> None:
    small = project(images=3)
    small.apply()
    registry = small.open()
    assert registry.erase_plan(Asked("pairs", where="caption = 'one'")).samples
    refused = small.folder / "lake" / "_mmreg" / "erasures"
    refused.write_text("a file where the folder is due")
    with pytest.raises(MmregError, match="erasures") as failed:
        registry.erase(Asked("pairs", where="caption = 'one'"))
    assert failed.value.exit_status == 6
    refused.unlink()
    assert small.open().show("pairs@latest").rows == 3 and not load(small.open().lake.store)
