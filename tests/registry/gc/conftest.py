"""A project of a few notes, whose clean-up keeps nothing for its age."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

NOTES = """
version: 1
project: notes
lake: {lake}
retention: {{keep_days: 0}}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [name]
    columns: {{name: {{type: string}}, text: {{type: text}}}}
passes:
  stats: {{from: notes, use: text_stats, inputs: {{text: text}}}}
  keep:  {{from: notes, into: kept, use: filter, where: "n_chars > 3"}}
"""


@pytest.fixture
def make_notes(project: Callable[..., Any]) -> Callable[..., Any]:
    """Make the project, applied with two notes and again with three: notes has v1 to v4, kept v1 and v2."""

    def make(**options: Any) -> Any:
        small = project(images=0, declaration=NOTES, **options)
        for texts in (["a", "bbbb"], ["a", "bbbb", "cccccc"]):
            write(small, texts)
            small.apply()
        return small

    return make


@pytest.fixture
def notes(make_notes: Callable[..., Any]) -> Any:
    return make_notes()


@pytest.fixture
def say() -> Callable[..., None]:
    """Make ``texts`` the notes of a project, each named by its text."""
    return write


def write(small: Any, texts: list[str]) -> None:
    lines = [json.dumps({"name": text, "text": text}) + "\n" for text in texts]
    (small.folder / "notes.jsonl").write_text("".join(lines))


@pytest.fixture
def fates() -> Callable[..., dict[str, list[str]]]:
    """Why each version is kept, by the kinds of its reasons; nothing for one that goes."""

    def told(report: Any) -> dict[str, list[str]]:
        assert all(bool(version.reasons) == version.keep for version in report.versions)
        return {version.ref: [reason.kind for reason in version.reasons] for version in report.versions}

    return told
