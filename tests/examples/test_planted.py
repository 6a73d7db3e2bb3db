"""The corpus with planted defects: what the checks find of them is what the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "planted"


def test_the_page_says_what_is_measured(tmp_path: Path) -> None:
    for file in [*EXAMPLE.glob("*.py"), EXAMPLE / "mmreg.yaml"]:
        shutil.copy2(file, tmp_path)
    ended = subprocess.run([sys.executable, "measure.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    page = (ROOT / "docs" / "planted-defects.md").read_text(encoding="utf-8")
    said = re.search(r"<!-- measured -->\n(.*?)\n<!-- /measured -->", page, re.DOTALL)
    assert said is not None
    assert ended.stdout.strip() == said[1].strip()
