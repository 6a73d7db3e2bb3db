"""``mmreg erase`` as a person types it: the plan first, then for good, then what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def typed(project: Callable[..., Any]) -> Callable[..., tuple[int, str, str]]:
    small = project()
    small.apply()

    def mmreg(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "mmreg", *arguments],
            cwd=small.folder,
            env=os.environ | {"CALLS": str(small.folder / "calls.log")},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return mmreg


ASKED = ("erase", "pairs", "--where", "caption = 'picture number 4'")


def test_from_the_plan_to_its_end(typed: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = typed(*ASKED)
    assert status == 0
    assert "asked for" in out and "train@v2 refers to it" in out and "not reached" in out
    digest = out.splitlines()[-1].removeprefix("Plan ").rstrip(".")
    assert f"--apply --approve {digest}" in err
    status, _, err = typed(*ASKED, "--apply")
    assert (status, "nobody is there to be asked" in err) == (2, True)
    status, _, err = typed(*ASKED, "--apply", "--approve", "0" * 12)
    assert (status, "no longer the plan" in err) == (1, True)
    status, out, _ = typed(*ASKED, "--apply", "--approve", digest, "--reason", "by request")
    assert (status, "Nothing of it is left." in out) == (0, True)
    status, _, err = typed(*ASKED, "--apply", "--yes")
    assert (status, "no such sample" in err) == (3, True)
    status, _, err = typed("erase", "--resume")
    assert (status, "unfinished" in err) == (3, True)
    status, _, err = typed("erase", "--resume", "--id", "ab")
    assert (status, "what was asked before" in err) == (2, True)


def test_what_is_left_ends_with_five(typed: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "page.txt").write_text("I saw picture number 4 there")
    status, out, _ = typed(*ASKED, "--apply", "--yes", "--scan", str(tmp_path / "reports"), "--json")
    report = json.loads(out)
    assert status == 5
    assert [Path(left["place"]).name for left in report["left"]] == ["page.txt"]
    assert report["ok"] is False and report["samples"] == 1
