"""What ``mmreg.yaml`` declares, as frozen values. `mmreg.schemas.document` parses the file into these.

The Python twin is to build a `ProjectSpec` by hand: same classes, same checks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mmreg.errors import UsageError
from mmreg.schemas.refs import ModelRef, VersionRef, check_name


def _name(text: str) -> str:
    try:
        return check_name(text)
    except UsageError as error:
        raise ValueError(error.message) from None


def _model_ref(text: str) -> str:
    try:
        return str(ModelRef.parse(text))
    except UsageError as error:
        raise ValueError(error.message) from None


def _version_ref(text: str) -> str:
    try:
        return str(VersionRef.parse(text))
    except UsageError as error:
        raise ValueError(error.message) from None


Name = Annotated[str, AfterValidator(_name)]
ModelRefText = Annotated[str, AfterValidator(_model_ref)]
VersionRefText = Annotated[str, AfterValidator(_version_ref)]
Severity = Literal["error", "warning"]


class Declared(BaseModel):
    """Base of all that a declaration can say: strict, frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Limits(Declared):
    """What a source may bring; past it a record is rejected, undecoded."""

    max_pixels: int = Field(64_000_000, gt=0, description="pixels of one image, by its header")
    max_bytes: int = Field(256 * 1024 * 1024, gt=0, description="bytes of one media cell")
    max_text: int = Field(65_536, gt=0, description="bytes of one text cell in UTF-8")


class SourceSpec(Declared):
    """Where rows come from. ``path`` is relative to the file that declares it."""

    type: Literal["imagefolder", "jsonl", "parquet", "lance", "dvc"]
    path: str
    captions: str | None = Field(None, description="imagefolder: a .jsonl or .csv of captions; default sidecar .txt")
    repo: str | None = Field(None, description="dvc: the repository's path or URL")
    rev: str | None = Field(None, description="dvc: a Git revision")
    read_as: Literal["imagefolder", "jsonl", "parquet"] | None = Field(
        None, description="dvc: how to read what was fetched; default by its suffix"
    )
    media_root: str | None = Field(None, description="jsonl, parquet: the folder that media paths start from")
    limits: Limits = Limits()


class ColumnSpec(Declared):
    """One column. Media are cells of bytes (``storage: inline``) or of a reference, each with its digest."""

    type: Literal[
        "image", "audio", "video", "text", "string", "int", "float", "bool", "timestamp",
        "embedding", "messages", "preference", "ref", "list",
    ]  # fmt: skip
    storage: Literal["inline", "reference"] = "inline"
    nullable: bool = False
    dim: int | None = Field(None, gt=0, description="embedding: its length")
    dtype: Literal["float16", "float32", "float64"] = "float32"
    items: Literal["image", "audio", "video", "text", "string", "int", "float"] | None = None
    dataset: Name | None = Field(None, description="ref: the dataset referred to")
    field: str | None = Field(None, description="the source's own name of this column, where it differs")

    @model_validator(mode="after")
    def _complete(self) -> ColumnSpec:
        for kind, needed in (("embedding", "dim"), ("list", "items"), ("ref", "dataset")):
            if self.type == kind and getattr(self, needed) is None:
                raise ValueError(f"a column of type {kind} needs '{needed}'")
            if self.type != kind and getattr(self, needed) is not None:
                raise ValueError(f"'{needed}' belongs to columns of type {kind}")
        return self


class DatasetSpec(Declared):
    """A root dataset: where it comes from, what a sample is, and which columns it has."""

    source: SourceSpec
    identity: tuple[str, ...] = Field(("source",), strict=False)
    columns: dict[str, ColumnSpec]
    license: str | None = None
    description: str | None = None

    @model_validator(mode="after")
    def _columns(self) -> DatasetSpec:
        if not self.columns:
            raise ValueError("a dataset needs at least one column")
        for name in self.columns:
            if name in ("sample_id", "parent", "source") or name.startswith("_"):
                raise ValueError(f"the column name {name!r} is mmreg's own")
            _name(name)
        for name in self.identity:
            if name != "source" and name not in self.columns:
                raise ValueError(f"identity names the column {name!r}, which is not declared")
        return self


class SampleSpec(Declared):
    """How many rows a selection keeps, drawn with ``seed``: a number, a share, or as many as another has."""

    rows: int | None = Field(None, gt=0)
    fraction: float | None = Field(None, gt=0, le=1)
    like: Name | None = Field(None, description="as many rows as this dataset has")
    seed: int = 0

    @model_validator(mode="after")
    def _one(self) -> SampleSpec:
        if sum(v is not None for v in (self.rows, self.fraction, self.like)) != 1:
            raise ValueError("a sample has exactly one of 'rows', 'fraction' and 'like'")
        return self


class PassSpec(Declared):
    """One curation pass: what it reads, which code it uses, what it writes."""

    from_: Name = Field(alias="from")
    use: str = Field(description="a built-in pass, a plug-in's name, or module:Class")
    inputs: dict[str, str] = Field(default_factory=dict, description="the pass's own name of an input: column")
    outputs: dict[str, str] = Field(default_factory=dict, description="the pass's own name of an output: column")
    into: Name | None = Field(None, description="the derived dataset that a selection makes")
    where: str | None = Field(None, description="filter: the predicate that rows must fulfil")
    rows: str | None = Field(None, description="only rows that fulfil this predicate")
    split: str | None = Field(None, description="only rows of this split of a derived dataset")
    sample: SampleSpec | None = None
    model: ModelRefText | None = None
    prompt: str | None = Field(None, description="a file with the prompt's text")
    params: dict[str, Any] = Field(default_factory=dict)
    on_error: Literal["skip", "fail"] = "skip"
    max_error_rate: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _state_column(self) -> PassSpec:
        for column in self.outputs.values():
            if column.startswith("_") or column == "sample_id":
                raise ValueError(f"the column name {column!r} is mmreg's own")
        return self


class ModelSpec(Declared):
    """A model that exists: a local path or an address. Its identity is the digest of its weights."""

    uri: str
    name: str | None = None
    revision: str | None = None
    framework: Literal["open_clip", "transformers", "openai", "torch", "other"] = "other"
    base: ModelRefText | None = None
    license: str | None = None
    api_key: str | None = Field(None, pattern=r"^(env|file):.+", description="env:NAME or file:PATH, never the key")


class TrainingSpec(Declared):
    """A training: the version that it reads, the command that it runs and the model that it makes."""

    from_: Name = Field(alias="from")
    split: str | None = None
    command: tuple[str, ...] = Field(strict=False, min_length=1)
    output: str = Field(description="the directory that the command writes; one folder a seed where there are several")
    model: Name
    alias: Name | None = None
    seeds: tuple[int, ...] = Field((0,), strict=False, min_length=1)
    init_from: ModelRefText | None = None
    evaluate_on: dict[Name, str | None] = Field(
        default_factory=dict, description="datasets that the command also reads, to evaluate on: name: split or null"
    )
    framework: Literal["open_clip", "transformers", "torch", "other"] = "other"
    params: dict[str, Any] = Field(default_factory=dict)
    license: str | None = None
    on_change: Literal["keep", "retrain"] = Field(
        "keep", description="what apply does where the data moved on: keep the model and say so, or train anew"
    )


class CheckSpec(BaseModel):
    """One check of a dataset: ``check`` names it, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    check: str
    severity: Severity = "error"
    max_failure_rate: float = Field(0.0, ge=0, le=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """The check's own arguments, in the order they were declared."""
        return dict(self.model_extra or {})


class LakeSpec(Declared):
    """Where the lake is; options for an object store, secrets only as ``env:NAME`` or ``file:PATH``."""

    uri: str
    options: dict[str, str] = Field(default_factory=dict)


class Budget(Declared):
    model_calls: int | None = Field(None, ge=0)
    money: float | None = Field(None, ge=0, strict=False)


class ProjectSpec(Declared):
    """The whole of ``mmreg.yaml``."""

    version: Literal[1]
    project: Name
    lake: str | LakeSpec = ".mmreg/lake"
    catalog: str = "sqlite:///.mmreg/catalog.db"
    budget: Budget | None = None
    models: dict[Name, ModelSpec] = Field(default_factory=dict)
    datasets: dict[Name, DatasetSpec] = Field(default_factory=dict)
    passes: dict[Name, PassSpec] = Field(default_factory=dict)
    trainings: dict[Name, TrainingSpec] = Field(default_factory=dict)
    checks: dict[Name, Annotated[tuple[CheckSpec, ...], Field(strict=False)]] = Field(default_factory=dict)
