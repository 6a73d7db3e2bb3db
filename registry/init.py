"""A new project: a commented ``mmreg.yaml``, a lake whose store was probed, and a ``.gitignore`` line."""

from __future__ import annotations

import re
from pathlib import Path

from mmreg.config import load
from mmreg.errors import UsageError
from mmreg.registry.lake import Lake
from mmreg.schemas.refs import check_name
from mmreg.schemas.summary import Created

_TEMPLATE = """\
version: 1
project: {name}
lake: {lake}

datasets:
  pairs:
    source: {{type: imagefolder, path: data/images}}   # sidecar .txt captions; also jsonl, parquet, dvc
    columns:
      image:   {{type: image}}
      caption: {{type: text, nullable: true}}

passes:
  stats: {{from: pairs, use: image_stats, inputs: {{image: image}}}}
  keep:  {{from: pairs, into: train, use: filter, where: "width >= 64 AND caption IS NOT NULL"}}

checks:
  train:
    - {{check: not_null, column: caption}}
    - {{check: image_decodes, column: image}}
"""


def init_project(
    folder: Path,
    name: str | None = None,
    lake: str | None = None,
    *,
    force: bool = False,
    single_writer: bool = False,
) -> Created:
    """Write ``mmreg.yaml`` into ``folder`` and make its lake.

    An existing declaration is kept unless ``force``, and only its lake is made. Raises `StoreUnsafe` for a store where
    two writers could lose each other's versions, unless ``single_writer``.
    """
    file = folder / "mmreg.yaml"
    if file.exists() and not force and (name is not None or lake is not None):
        raise UsageError(f"{file} is there already", hint="edit it; mmreg init makes its lake; --force replaces it")
    folder.mkdir(parents=True, exist_ok=True)
    written = force or not file.exists()
    if written:
        title = check_name(name, "project name") if name else _name_from(folder)
        file.write_text(_TEMPLATE.format(name=title, lake=lake or ".mmreg/lake"), encoding="utf-8")
    project = load(folder)
    made = Lake.create(project.lake_uri, project.lake_options, single_writer=single_writer, durable=project.durable)
    _ignore(folder)
    return Created(str(file), written, project.lake_uri, made.writers)


def _name_from(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._") or "project"


def _ignore(folder: Path) -> None:
    file = folder / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if ".mmreg/" not in lines:
        file.write_text("\n".join([*lines, ".mmreg/"]) + "\n", encoding="utf-8")
