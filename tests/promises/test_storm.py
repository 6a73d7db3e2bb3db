"""Two passes, one who adds and one who removes, each again and again, all at once: nothing wrong, nothing twice.

Whoever publishes loses races against the others and builds again on what they left; what a model answered is never
asked again for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageStat

START, TURNS = 6, 6

DECLARATION = """
version: 1
project: storm
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text}}
passes:
  light: {{from: pairs, use: "counted:Brightness", inputs: {{image: image}}}}
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
"""

AGAIN = """
import sys
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry

sys.stdin.readline()
for turn in range(int(sys.argv[2])):
    apply(Registry.open("."), [sys.argv[1]])
"""

ADD = """
import os, sys
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry

sys.stdin.readline()
for turn in range(int(sys.argv[1])):
    os.rename(f"pool/new{turn}.txt", f"images/new{turn}.txt")
    os.rename(f"pool/new{turn}.png", f"images/new{turn}.png")
    apply(Registry.open("."), ["pairs"])
"""

REMOVE = """
import os, sys
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry

sys.stdin.readline()
for turn in range(int(sys.argv[1])):
    os.unlink(f"images/old{turn}.png")
    os.unlink(f"images/old{turn}.txt")
    apply(Registry.open("."), ["pairs"])
"""


@pytest.mark.parametrize("published", [False, True], ids=["first columns", "columns that are there"])
def test_a_storm_of_publishers(project: Callable[..., Any], rows: Callable[..., Any], published: bool) -> None:
    made = project(images=0, declaration=DECLARATION)
    words = {f"old{number}": number + 1 for number in range(START)} | {f"new{turn}": turn + 9 for turn in range(TURNS)}
    for number, (name, count) in enumerate(words.items()):
        folder = "" if name.startswith("old") else "../pool/"
        made.draw(f"{folder}{name}", " ".join(f"{name}w{n}" for n in range(count)), seed=number)
    made.apply(*([] if published else ["pairs"]))
    turns = str(TURNS)
    processes = [made.python(AGAIN, name, turns) for name in ("light", "words")]
    processes += [made.python(code, turns) for code in (ADD, REMOVE)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
    made.apply()

    registry = made.open()
    there = {row["_source"]["uri"].removesuffix(".png"): row for row in rows(registry, "pairs").values()}
    assert {name: row["n_words"] for name, row in there.items()} == {f"new{t}": t + 9 for t in range(TURNS)}
    assert {name: row["brightness"] for name, row in there.items()} == {
        name: ImageStat.Stat(Image.open(made.folder / "images" / f"{name}.png").convert("L")).mean[0] for name in there
    }
    calls = Counter(made.calls())
    assert set(calls.values()) == {1}, "a lost race asked again"
    assert registry.doctor().findings == ()
    assert not list((made.folder / "lake" / "_mmreg" / "stage").rglob("*.arrow"))
