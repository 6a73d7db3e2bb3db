"""The README's walk-through runs as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def block(language: str, holding: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return next(text for text in blocks if holding in text)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the walk-through's declaration and a corpus that the project draws itself."""
    (tmp_path / "mmreg.yaml").write_text(block("yaml", "project: shop"))
    corpus = ROOT / "examples" / "openclipart" / "corpus.py"
    subprocess.run(
        [sys.executable, corpus, "--corpus", "drawn", "--size", "120", "--out", "data"], cwd=tmp_path, check=True
    )
    return tmp_path


def test_the_walk_through(shop: Path) -> None:
    outputs = {}
    for line in block("sh", "mmreg plan").splitlines():
        command = line.partition("#")[0].split()
        done = subprocess.run([sys.executable, "-m", *command], cwd=shop, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stderr)
        assert "Traceback" not in done.stderr
        outputs[" ".join(command)] = done.stdout
    assert "train@v1" in outputs["mmreg lineage up train"]
    assert "data/records.jsonl" in outputs["mmreg lineage up train"]
    again = subprocess.run([sys.executable, "-m", "mmreg", "plan", "--check"], cwd=shop, capture_output=True)
    assert again.returncode == 0, "a second apply would find nothing to do"
    python = subprocess.run(
        [sys.executable, "-c", block("python", "import mmreg")], cwd=shop, capture_output=True, text=True
    )
    assert python.returncode == 0, python.stderr


def test_every_page_it_links_is_there() -> None:
    for target in re.findall(r"\]\(([^):#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
