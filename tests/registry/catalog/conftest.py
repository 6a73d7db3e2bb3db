"""A history of runs, and an index of each kind to take it in."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmreg.registry.catalog import Catalog
from mmreg.registry.store import Store, open_store
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput


@pytest.fixture(params=["sqlite", "postgresql"])
def open_catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Catalog]:
    """Open the index of one lake, of each kind, as another process would."""
    if request.param == "sqlite":
        return lambda: Catalog.open("sqlite:///.mmreg/catalog.db", tmp_path)
    server, lake = request.getfixturevalue("postgres_server"), str(uuid.uuid4())
    return lambda: Catalog.open(server, tmp_path, lake)


@pytest.fixture
def catalog(open_catalog: Callable[[], Catalog]) -> Iterator[Catalog]:
    opened = open_catalog()
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "lake"), {})


@pytest.fixture
def a_run() -> Callable[..., Run]:
    return _a_run


@pytest.fixture
def pairs() -> Callable[..., VersionOutput]:
    return _pairs


@pytest.fixture
def a_model() -> Callable[..., dict[str, Any]]:
    return _a_model


@pytest.fixture
def look() -> Callable[[Catalog], dict[str, Any]]:
    return _look


@pytest.fixture
def history() -> list[Run]:
    return HISTORY


@pytest.fixture
def trained() -> list[Run]:
    return TRAINED


def _a_run(number: int, kind: JobKind = "pass", name: str = "stats", **parts: Any) -> Run:
    """Run ``number`` of a history in which each takes a second."""
    run = Run(
        id=f"20260101T0000{number:02}.000000Z-{number:010x}",
        job=Job(kind, name),
        state=RunState.COMPLETE,
        started_at=f"2026-01-01T00:00:{number:02}.000000Z",
        ended_at=f"2026-01-01T00:00:{number:02}.500000Z",
    )
    return replace(run, **parts)


def _pairs(ordinal: int, **changes: Any) -> VersionOutput:
    output = VersionOutput("pairs", f"{ordinal:04x}0000-0000", ordinal, "root", 10 * ordinal)
    return replace(output, lance_version=ordinal, **changes)


def _a_model(name: str, digest: str, **facts: Any) -> dict[str, Any]:
    return {"name": name, "digest": digest * 32, "framework": "open_clip", **facts}


HISTORY = [
    _a_run(1, "ingest", "pairs", outputs=(_pairs(1, rejected=2),), inputs=(RunInput("source", "s1", "data/"),)),
    _a_run(2, outputs=(_pairs(2, columns=("width", "blur")),), inputs=(RunInput("version", "x", "pairs@v1"),)),
    _a_run(3, "select", "train", outputs=(VersionOutput("train", "7777aaaa-0", 1, "derived", 4),)),
    _a_run(4, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": _pairs(1).uuid}}),
    _a_run(5, outputs=(_pairs(3),)),
]


TRAINED = [
    _a_run(
        11, "training", "clip",
        inputs=(RunInput("version", _pairs(1).uuid, "pairs", "trained_on"), RunInput("version", "other", "pairs@v8")),
        checkpoints=(_a_model("clip", "aa", size_bytes=7, license="mit", base="b", path="ckpt"),),
        facets={"metrics": {"loss": 0.5}, "alias": {"model": "clip", "alias": "champion", "digest": "aa" * 32}},
    ),
    _a_run(12, "training", "clip", checkpoints=(_a_model("clip", "bb"), _a_model("aux", "cc")),
          facets={"metrics": {"bb" * 32: {"loss": 0.25}, "cc" * 32: {"loss": math.nan}}}),
    _a_run(13, "evaluation", "zero-shot",
          inputs=(RunInput("checkpoint", "aa" * 32, "clip"), RunInput("version", "v", "pairs@v1", "evaluated_on")),
          facets={"metrics": {"recall@1": 0.75, "loss": 0.375}}),
    _a_run(14, "alias", "clip", facets={"alias": {"model": "clip", "alias": "champion", "digest": "bb" * 32}}),
    _a_run(15, "alias", "clip", facets={"alias": {"model": "clip", "alias": "control", "digest": "aa" * 32}}),
    _a_run(16, "ingest", "pairs", outputs=(_pairs(1),)),
]  # fmt: skip


def _look(catalog: Catalog) -> dict[str, Any]:
    """All that a person can see of an index."""
    names = [summary.name for summary in catalog.datasets()]
    return {
        "ls": catalog.datasets(),
        "log": {name: catalog.log(name) for name in names},
        "models": catalog.models(),
        "runs": {run.id for run in catalog.runs()},
    }
