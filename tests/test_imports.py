"""What is importable from `mmreg`, and what importing costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mmreg

LIGHT = {
    "mmreg",
    "mmreg.__main__",
    "mmreg.cli",
    "mmreg.cli.command",
    "mmreg.cli.main",
    "mmreg.cli.session",
    "mmreg.errors",
}


def modules_after(code: str) -> set[str]:
    """The modules of a fresh interpreter after ``code``, less those that it starts with."""
    script = (
        "import json, sys\nbefore = set(sys.modules)\ntry:\n"
        + "".join(f"    {line}\n" for line in code.splitlines())
        + "except SystemExit: pass\nprint('\\n' + json.dumps(sorted(set(sys.modules) - before)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout.splitlines()[-1]))


def foreign(modules: set[str]) -> set[str]:
    """Top-level packages that are neither Python's own nor ours."""
    return {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"mmreg"}


def test_help_needs_click_and_nothing_else() -> None:
    loaded = modules_after("import sys; sys.argv = ['mmreg', '--help']\nfrom mmreg.__main__ import main; main()")
    assert foreign(loaded) == {"click"}
    assert {name for name in loaded if name.partition(".")[0] == "mmreg"} <= LIGHT


def test_help_needs_no_more_of_python_than_click_does_but_a_little() -> None:
    ours = modules_after("import sys; sys.argv = ['mmreg', '--help']\nfrom mmreg.__main__ import main; main()")
    clicks = modules_after("import click")
    assert len(ours - clicks - LIGHT) <= 25, sorted(ours - clicks - LIGHT)


@pytest.mark.parametrize("command", ["ls", "show", "lineage", "apply", "model", "validate"])
def test_help_of_a_command_loads_no_library(command: str) -> None:
    arguments = f"['mmreg', {command!r}, '--help']"
    loaded = modules_after(f"import sys; sys.argv = {arguments}\nfrom mmreg.__main__ import main; main()")
    assert foreign(loaded) == {"click"}


def test_importing_mmreg_loads_no_library() -> None:
    loaded = modules_after("import mmreg; dir(mmreg)")
    assert foreign(loaded) == set()
    assert {name for name in loaded if name.startswith("mmreg")} == {"mmreg"}


def test_every_public_name_is_there_and_listed() -> None:
    assert mmreg.__all__ == sorted(mmreg.__all__)
    assert set(mmreg.__all__) <= set(dir(mmreg))
    for name in mmreg.__all__:
        assert getattr(mmreg, name) is not None
    assert callable(mmreg.plan) and callable(mmreg.apply) and callable(mmreg.status) and callable(mmreg.open)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'mmreg' has no attribute 'nothing'"):
        mmreg.nothing  # noqa: B018


def test_the_version_is_the_one_of_the_project() -> None:
    assert f'version = "{mmreg.__version__}"' in (Path(__file__).parents[1] / "pyproject.toml").read_text()


def test_rooms_are_not_importable_bare() -> None:
    from importlib.util import find_spec

    code = "import importlib.util\nfor room in ('registry', 'schemas', 'curation', 'validators', 'sources'):\n"
    code += "    assert importlib.util.find_spec(room) is None, room"
    subprocess.run([sys.executable, "-c", code], cwd="/", check=True)
    assert find_spec("mmreg.registry") is not None


@pytest.mark.parametrize("asked", [["pairs"], ["pairs:text"], ["pairs", "--through", "used", "--kind", "version"]])
def test_looking_at_lineage_loads_nothing_that_writes(tmp_path: Path, asked: list[str]) -> None:
    """No table is opened, no row read: neither Lance nor what commits, digests and threads need."""
    (tmp_path / "texts.jsonl").write_text('{"text": "one"}\n')
    source = "{type: jsonl, path: texts.jsonl}"
    (tmp_path / "mmreg.yaml").write_text(
        f"version: 1\nproject: p\ndatasets:\n  pairs: {{source: {source}, columns: {{text: {{type: text}}}}}}\n"
    )
    for verb in ("init", "apply"):
        subprocess.run([sys.executable, "-m", "mmreg", verb], cwd=tmp_path, capture_output=True, check=True)
    command = ["mmreg", "-C", str(tmp_path), "lineage", "up", *asked]
    loaded = modules_after(f"import sys; sys.argv = {command!r}\nfrom mmreg.__main__ import main; main()")
    assert "mmreg.registry.lineage.walk" in loaded
    assert foreign(loaded) <= {"click", "ruamel", "xxhash"}
    assert not loaded & {"concurrent.futures", "hashlib", "socket", "mmreg.registry.commit"}
