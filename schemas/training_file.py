"""The file by which a training tells of itself that had no access to the lake. Format, as JSON:

    {
      "mmreg_training": 1,
      "name": "clip",
      "data": [{"ref": "train@v3", "uuid": "7c0e...", "split": "train", "where": null, "weight": 1.0,
                "component": null, "rows": "rows.txt"}],
      "checkpoint": "checkpoints/clip",
      "model": "clip", "sha256": "9f2c...", "framework": "open_clip", "license": "mit",
      "init_from": "clip@3f9a", "components": {"vision": {"frozen": true}},
      "seed": 0, "params": {"lr": 0.001}, "samples_seen": 32000, "parameters": 8100000,
      "metrics": {"recall@1": 0.09}, "cost": {"gpu_s": 3600},
      "started_at": "2026-01-31T12:00:00Z", "ended_at": "2026-01-31T13:00:00Z"
    }

Needed are ``mmreg_training``, ``name``, ``data``, and of ``checkpoint`` and ``sha256`` one. A version is named by its
``ref``, by its ``uuid``, or by both, which must then agree. ``checkpoint`` and ``rows`` are paths from the file's
folder. Where the weights are not beside it, ``sha256`` says which they are: their digest as 'mmreg model add' prints
it; where both are given, they must agree.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from mmreg.errors import SpecError
from mmreg.schemas.declared import Declared, ModelRefText, Name, VersionRefText, Wrong
from mmreg.schemas.declared_models import ComponentSpec
from mmreg.schemas.suggest import did_you_mean


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time needs its zone, as in 2026-01-31T12:00:00Z")
    return text


Moment = Annotated[str, AfterValidator(_moment)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FileData(Declared):
    """One version that was read, as `mmreg.schemas.training.TrainedOn`; ``rows`` is a file."""

    ref: VersionRefText | None = None
    uuid: str | None = Field(default=None, pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    split: str | None = None
    where: str | None = None
    weight: float | None = Field(default=None, gt=0, allow_inf_nan=False, strict=False)
    component: Name | None = None
    rows: str | None = None

    @model_validator(mode="after")
    def _named(self) -> FileData:
        if self.ref is None and self.uuid is None:
            raise Wrong("a version needs its 'ref' or its 'uuid'")
        return self


class TrainingFile(Declared):
    """What such a file says."""

    mmreg_training: Literal[1]
    name: Name
    data: tuple[FileData, ...] = Field(strict=False, min_length=1)
    checkpoint: str | None = None
    model: Name | None = None
    sha256: Digest | None = None
    framework: str | None = None
    license: str | None = None
    alias: Name | None = None
    init_from: ModelRefText | None = None
    components: dict[Name, ComponentSpec] = Field(default_factory=dict)
    seed: int | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    samples_seen: int | None = Field(default=None, ge=0)
    parameters: int | None = Field(default=None, ge=0)
    metrics: dict[str, float] = Field(default_factory=dict, strict=False)
    cost: dict[str, Any] = Field(default_factory=dict)
    started_at: Moment | None = None
    ended_at: Moment | None = None

    @model_validator(mode="after")
    def _weights(self) -> TrainingFile:
        if self.checkpoint is None and self.sha256 is None:
            raise Wrong("the weights need a 'checkpoint', the path to them, or their 'sha256'")
        return self


def parse(text: str, file: str) -> TrainingFile:
    """What ``file`` says. Raises `SpecError`, which names the key."""
    hint = "mmreg train ingest --help, and docs/trainings.md"
    try:
        return TrainingFile.model_validate(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SpecError(f"{file} is no JSON: {error}", hint=hint) from error
    except ValidationError as error:
        raise SpecError(f"{file}: {_reason(error)}", hint=hint) from error


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong; a key that is none comes first, as it explains one that is missing."""
    found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")[0]
    place = ".".join(map(str, found["loc"]))
    if found["type"] == "extra_forbidden":
        known = FileData if found["loc"][0] == "data" else TrainingFile
        return f"no key {place!r}{did_you_mean(str(found['loc'][-1]), known.model_fields)}"
    message = found["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
