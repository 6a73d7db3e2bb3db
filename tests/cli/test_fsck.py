"""``mmreg fsck`` at the terminal: what it says, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def test_a_whole_lake(project: Any) -> None:
    assert project.text("fsck").splitlines()[-1] == "No damage; --deep reads every byte, too."
    assert project.text("fsck", "--deep", "train").splitlines()[-1] == "No damage."
    answer = project.json("fsck", "--deep")
    assert answer["damages"] == [] and answer["ok"] and answer["cells"] > 0


def test_a_flipped_bit(project: Any) -> None:
    file = max((project.folder / ".mmreg" / "lake" / "pairs.lance" / "data").iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    assert project.json("fsck")["ok"]
    answer = project.json("fsck", "--deep", status=5)
    (found,) = answer["damages"]
    assert found["file"] == f"pairs.lance/data/{file.name}" and found["sample_ids"] == []
    text = project.text("fsck", "--deep", status=5)
    assert file.name in text and "rows in sample_id, image, caption" in text and "Try: copy the file back" in text
    assert text.splitlines()[-1] == "1 damaged."


def test_a_repair_and_a_rollback(project: Any) -> None:
    lake = project.folder / ".mmreg" / "lake"
    pin = next((lake / "pairs.lance" / "_refs" / "tags").glob("mmreg-*.json"))
    pin.write_text("")
    assert "Try: mmreg fsck --repair" in project.text("fsck", status=5)
    assert "mended  tag" in project.text("fsck", "--repair")
    assert project.text("fsck", "--rollback", "pairs", status=2) == ""
    assert project.text("fsck", "--rollback", status=2) == ""
    os.truncate(min((lake / "pairs.lance" / "_versions").glob("*.manifest")), 10)
    answer = project.json("fsck", "--rollback", "pairs")
    assert Path(lake, answer["file"]).stat().st_size == 10
