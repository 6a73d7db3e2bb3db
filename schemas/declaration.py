"""What ``mmreg.yaml`` declares, as frozen values. `mmreg.schemas.document` parses the file into these.

The Python twin is to build a `ProjectSpec` by hand: same classes, same checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from mmreg.config import DEFAULT_CATALOG, DEFAULT_LAKE
from mmreg.errors import UsageError
from mmreg.schemas.refs import NAME, ModelRef, VersionRef, check_name
from mmreg.schemas.secrets import in_address, in_option


class Wrong(ValueError):
    """What is wrong with a value, and ``path``: the keys and indexes below it that lead to the culprit.

    ``key`` asks to point at the last key of ``path`` rather than at its value. ``secret`` marks a culprit
    that must not be shown.
    """

    def __init__(self, message: str, *path: str | int, key: bool = False, secret: bool = False) -> None:
        super().__init__(message)
        self.path, self.key, self.secret = path, key, secret


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return str(parse(text))
        except UsageError as error:
            raise ValueError(error.message) from None

    return AfterValidator(check)


def _column_name(name: str) -> str:
    if name in ("sample_id", "parent", "source") or name.startswith("_"):
        raise UsageError(f"the column name {name!r} is mmreg's own")
    return _dotless(name, "column name")


def _pass_name(name: str) -> str:
    if name == "source":
        raise UsageError("a pass cannot be called 'source': that names where a dataset's rows come from")
    return _dotless(name, "pass name")


def _dotless(name: str, what: str) -> str:
    """A name that can be a Lance column or a part of one, where '.' reaches into a struct."""
    if "." in name:
        raise UsageError(f"{name!r} is no {what}: '.' is not allowed in it")
    return check_name(name, what)


def _without_password(text: str) -> str:
    if in_address(text):
        raise Wrong(
            "an address must not carry a password or a signature; keep secrets out of the file", secret=True
        )
    return text


Name = Annotated[str, _checked(check_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
_DOTLESS = Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"})
ColumnName = Annotated[str, _checked(_column_name), _DOTLESS]
PassName = Annotated[str, _checked(_pass_name), _DOTLESS]
ModelRefText = Annotated[str, _checked(ModelRef.parse)]
VersionRefText = Annotated[str, _checked(VersionRef.parse)]
Address = Annotated[str, AfterValidator(_without_password)]
"""A path or a URI, never with a secret inside."""
Severity = Literal["error", "warning"]


class Declared(BaseModel):
    """Base of all that a declaration can say: strict, frozen, unknown keys refused.

    Python says ``from_`` where the file says ``from``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True
    )


class Limits(Declared):
    """What a source may bring; past it a record is rejected, undecoded."""

    max_pixels: int = Field(default=64_000_000, gt=0, description="pixels of one image, by its header")
    max_bytes: int = Field(default=256 * 1024 * 1024, gt=0, description="bytes of one media cell")
    max_text: int = Field(default=65_536, gt=0, description="bytes of one text cell in UTF-8")


class SourceSpec(Declared):
    """Where rows come from. ``path`` is relative to the file that declares it."""

    type: Literal["imagefolder", "jsonl", "parquet", "lance", "dvc"]
    path: Address
    captions: str | None = Field(
        default=None, description="imagefolder: a .jsonl or .csv of captions; default sidecar .txt"
    )
    repo: Address | None = Field(default=None, description="dvc: the repository's path or URL")
    rev: str | None = Field(default=None, description="dvc: a Git revision")
    read_as: Literal["imagefolder", "jsonl", "parquet"] | None = Field(
        default=None, description="dvc: how to read what was fetched; default by its suffix"
    )
    media_root: str | None = Field(
        default=None, description="jsonl, parquet: the folder that media paths start from"
    )
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _belonging(self) -> SourceSpec:
        for key, kinds in _SOURCE_KEYS.items():
            if getattr(self, key) is not None and self.type not in kinds:
                raise Wrong(f"{key!r} belongs to sources of type {' or '.join(kinds)}", key, key=True)
        return self


_SOURCE_KEYS = {
    "captions": ("imagefolder", "dvc"), "media_root": ("jsonl", "parquet", "dvc"),
    "repo": ("dvc",), "rev": ("dvc",), "read_as": ("dvc",),
}  # fmt: skip


class ColumnSpec(Declared):
    """One column. Media are cells of bytes (``storage: inline``) or of a reference, each with its digest."""

    type: Literal[
        "image", "audio", "video", "text", "string", "int", "float", "bool", "timestamp",
        "embedding", "messages", "preference", "ref", "list",
    ]  # fmt: skip
    storage: Literal["inline", "reference"] = "inline"
    nullable: bool = False
    dim: int | None = Field(default=None, gt=0, description="embedding: its length")
    dtype: Literal["float16", "float32", "float64"] = "float32"
    items: Literal["image", "audio", "video", "text", "string", "int", "float"] | None = None
    dataset: Name | None = Field(default=None, description="ref: the dataset referred to")
    field: str | None = Field(
        default=None, description="the source's own name of this column, where it differs"
    )

    @model_validator(mode="after")
    def _complete(self) -> ColumnSpec:
        for kind, needed in (("embedding", "dim"), ("list", "items"), ("ref", "dataset")):
            if self.type == kind and getattr(self, needed) is None:
                raise ValueError(f"a column of type {kind} needs {needed!r}")
            if self.type != kind and getattr(self, needed) is not None:
                raise Wrong(f"{needed!r} belongs to columns of type {kind}", needed, key=True)
        if "dtype" in self.model_fields_set and self.type != "embedding":
            raise Wrong("'dtype' belongs to columns of type embedding", "dtype", key=True)
        if "storage" in self.model_fields_set and not {self.type, self.items} & {"image", "audio", "video"}:
            raise Wrong("'storage' belongs to columns of images, audio or video", "storage", key=True)
        return self


class DatasetSpec(Declared):
    """A root dataset: where it comes from, what a sample is, and which columns it has."""

    source: SourceSpec
    identity: tuple[str, ...] = Field(
        default=("source",),
        strict=False,
        min_length=1,
        description="what makes a sample the same: source, or columns",
    )
    columns: dict[ColumnName, ColumnSpec] = Field(min_length=1)
    license: str | None = None
    description: str | None = None

    @model_validator(mode="after")
    def _identified(self) -> DatasetSpec:
        for at, name in enumerate(self.identity):
            if name != "source" and name not in self.columns:
                raise Wrong(f"identity names the column {name!r}, which is not declared", "identity", at)
        return self


class SampleSpec(Declared):
    """How many rows a selection keeps, drawn with ``seed``: a number, a share, or as many as another has."""

    rows: int | None = Field(default=None, gt=0)
    fraction: float | None = Field(default=None, gt=0, le=1)
    like: Name | None = Field(default=None, description="as many rows as this dataset has")
    seed: int = 0

    @model_validator(mode="after")
    def _one(self) -> SampleSpec:
        if sum(v is not None for v in (self.rows, self.fraction, self.like)) != 1:
            raise ValueError("a sample has exactly one of 'rows', 'fraction' and 'like'")
        return self


class PassSpec(Declared):
    """One curation pass: what it reads, which code it uses, what it writes."""

    from_: Name = Field(
        validation_alias="from", serialization_alias="from", description="the dataset that is read"
    )
    use: str = Field(description="a built-in pass, a plug-in's name, or module:Class")
    inputs: dict[str, str] = Field(
        default_factory=dict, description="the pass's own name of an input: column"
    )
    outputs: dict[str, ColumnName] = Field(
        default_factory=dict, description="the pass's own name of an output: column"
    )
    into: Name | None = Field(default=None, description="the derived dataset that a selection makes")
    where: str | None = Field(default=None, description="filter: the predicate that rows must fulfil")
    rows: str | None = Field(default=None, description="only rows that fulfil this predicate")
    split: str | None = Field(default=None, description="only rows of this split of a derived dataset")
    sample: SampleSpec | None = None
    model: ModelRefText | None = None
    prompt: str | None = Field(default=None, description="a file with the prompt's text")
    params: dict[str, Any] = Field(default_factory=dict)
    on_error: Literal["skip", "fail"] = "skip"
    max_error_rate: float = Field(default=0.5, ge=0, le=1)
    on_change: Literal["new_version"] = Field(
        default="new_version",
        description="what a changed recipe does: compute anew into a new version, the old one stays",
    )


class ModelSpec(Declared):
    """A model that exists: a local path or an address. Its identity is the digest of its weights."""

    uri: Address
    name: str | None = None
    revision: str | None = None
    framework: Literal["open_clip", "transformers", "openai", "torch", "other"] = "other"
    base: ModelRefText | None = None
    license: str | None = None
    api_key: str | None = Field(
        default=None, pattern=r"^(env|file):.+", description="env:NAME or file:PATH, never the key"
    )


class TrainingSpec(Declared):
    """A training: the version that it reads, the command that it runs and the model that it makes."""

    from_: Name = Field(
        validation_alias="from", serialization_alias="from", description="the dataset that is read"
    )
    split: str | None = None
    command: tuple[str, ...] = Field(strict=False, min_length=1)
    output: str = Field(
        description="the directory that the command writes; one folder a seed where there are several"
    )
    model: Name
    alias: Name | None = None
    seeds: tuple[int, ...] = Field(default=(0,), strict=False, min_length=1)
    init_from: ModelRefText | None = None
    evaluate_on: dict[Name, str | None] = Field(
        default_factory=dict,
        description="datasets that the command also reads, to evaluate on: name: split or null",
    )
    framework: Literal["open_clip", "transformers", "torch", "other"] = "other"
    params: dict[str, Any] = Field(default_factory=dict)
    license: str | None = None
    on_change: Literal["keep", "retrain"] = Field(
        default="keep",
        description="what apply does where the data moved on: keep the model and say so, or train anew",
    )


class CheckSpec(BaseModel):
    """One check of a dataset: ``check`` names it, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    check: str
    severity: Severity = "error"
    max_failure_rate: float = Field(default=0.0, ge=0, le=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """The check's own arguments, in the order they were declared."""
        return dict(self.model_extra or {})


class LakeSpec(Declared):
    """Where the lake is; options for an object store, secrets only as ``env:NAME`` or ``file:PATH``."""

    uri: Address
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_secret(self) -> LakeSpec:
        for key, value in self.options.items():
            if in_option(key, value):
                raise Wrong(
                    f"{key!r} must be env:NAME or file:PATH, never the secret itself",
                    "options",
                    key,
                    secret=True,
                )
        return self


class Budget(Declared):
    model_calls: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0, strict=False)


class ProjectSpec(Declared):
    """The whole of ``mmreg.yaml``."""

    version: Literal[1]
    project: Name
    lake: Annotated[
        Annotated[Address, Tag("<path>")] | Annotated[LakeSpec, Tag("<map>")],
        Discriminator(lambda value: "<path>" if isinstance(value, str) else "<map>"),
    ] = DEFAULT_LAKE
    catalog: Address = DEFAULT_CATALOG
    budget: Budget | None = None
    models: dict[Name, ModelSpec] = Field(default_factory=dict)
    datasets: dict[Name, DatasetSpec] = Field(default_factory=dict)
    passes: dict[PassName, PassSpec] = Field(default_factory=dict)
    trainings: dict[Name, TrainingSpec] = Field(default_factory=dict)
    checks: dict[Name, Annotated[tuple[CheckSpec, ...], Field(strict=False)]] = Field(default_factory=dict)
