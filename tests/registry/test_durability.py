"""``durability: fsync``: what a commit needs is on the disk, in order; without it mmreg asks the disk for nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import SpecError
from mmreg.registry.api import Registry

PASSES = """
version: 1
project: small
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}, max_error_rate: 1}}
"""


def calls(made: Any, *steps: str) -> list[tuple[str, str]]:
    """The fsyncs, links, renames and removals of one apply in turn, each with the last path that it names."""
    trace = made.folder / "trace"
    command = [
        "strace", "-f", "-y", "-s", "4096", "-o", str(trace),
        "-e", "trace=fsync,fdatasync,sync,syncfs,link,linkat,rename,renameat,renameat2",
        sys.executable, "-m", "mmreg", "apply", *steps,
    ]  # fmt: skip
    env = {
        "PATH": "/usr/bin:/bin",
        "CALLS": str(made.folder / "calls.log"),
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }
    subprocess.run(command, cwd=made.folder, env=env, check=True, capture_output=True)
    seen, begun = [], dict[str, str]()
    for line in trace.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):  # told in two lines, as another thread came between
            begun[thread] = rest.removesuffix("<unfinished ...>")
            continue
        if rest.startswith("<... "):
            rest = begun.pop(thread) + rest.partition("resumed>")[2]
        if found := re.match(r"(\w+)\((.*?) *\) += 0", rest):
            paths = re.findall(r'<([^>]*)>(?!,)|"([^"]+)"', found[2])
            if paths:
                seen.append((found[1].removesuffix("at2").removesuffix("at"), "".join(paths[-1])))
    return seen


def test_data_is_on_the_disk_before_the_manifest_is_linked_and_the_manifest_after(project: Callable[..., Any]) -> None:
    made = project(3, PASSES, {"uri": "./lake", "durability": "fsync"})
    seen = calls(made)
    table = made.folder / "lake" / "pairs.lance"
    steps = [(call, Path(path)) for call, path in seen if str(table) in path]
    links = [place for place, (call, path) in enumerate(steps) if call == "link" and path.suffix == ".manifest"]
    assert len(links) == 2, "rows, and a column"
    written = {path for path in table.glob("data/*")}
    assert len(written) == 2
    before = 0
    for link in links:
        synced = [path for call, path in steps[before:link] if call == "fsync"]
        assert written & set(synced) and table / "data" in synced
        assert synced.index(next(p for p in synced if p in written)) < synced.index(table / "data")
        after = [path for call, path in steps[link:] if call == "fsync"]
        manifest = steps[link][1]
        assert after.index(manifest) < after.index(table / "_versions")
        before = link
    assert written <= {path for call, path in steps if call == "fsync"}
    ours = [(call, Path(path)) for call, path in seen if "/_mmreg/runs/" in path or path.endswith("/_mmreg/runs")]
    linked = next(place for place, (call, path) in enumerate(ours) if call == "link")
    assert ours[linked - 1][0] == "fsync" and ours[linked - 1][1].name.startswith(".tmp-")
    assert ours[linked + 1] == ("fsync", ours[linked][1].parent)


def test_without_it_mmreg_asks_the_disk_nothing(project: Callable[..., Any]) -> None:
    made = project(3, PASSES)
    lake = str(made.folder / "lake")
    assert [path for call, path in calls(made) if "sync" in call and path.startswith(lake)] == []


def test_it_belongs_to_local_lakes(project: Callable[..., Any]) -> None:
    made = project(1, PASSES)
    text = (made.folder / "mmreg.yaml").read_text()
    lake = json.dumps({"uri": "s3://bucket/lake", "durability": "fsync"})
    (made.folder / "mmreg.yaml").write_text(text.replace('"./lake"', lake))
    with pytest.raises(SpecError, match="local disk"):
        Registry.open(made.folder).ls()
