"""What ``mmreg.yaml`` declares, as frozen values. `mmreg.schemas.document` parses the file into these.

The Python twin is to build a `ProjectSpec` by hand: same classes, same checks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Address, ColumnName, Declared, ModelRefText, Name, PassName, Secret, Wrong
from mmreg.schemas.declared_models import ModelSpec, TrainingSpec
from mmreg.schemas.places import DEFAULT_CATALOG, DEFAULT_LAKE
from mmreg.schemas.secrets import in_option


class Limits(Declared):
    """What a source may bring; past it a record is rejected, undecoded."""

    max_pixels: int = Field(default=64_000_000, gt=0, description="pixels of one image, by its header")
    max_bytes: int = Field(default=256 * 1024 * 1024, gt=0, description="bytes of one media cell")
    max_text: int = Field(default=65_536, gt=0, description="bytes of one text cell in UTF-8")


class SourceSpec(Declared):
    """Where rows come from. ``path`` is relative to the file that declares it."""

    type: Literal["imagefolder", "jsonl", "parquet", "lance", "dvc"] = Field(description="how it is read")
    path: Address = Field(description="a folder or a file; for dvc a path within the repository")
    captions: str | None = Field(
        default=None, description="imagefolder: a .jsonl or .csv of captions; default sidecar .txt"
    )
    repo: Address | None = Field(default=None, description="dvc: the repository's path or URL")
    rev: str | None = Field(default=None, description="dvc: a Git revision")
    read_as: Literal["imagefolder", "jsonl", "parquet"] | None = Field(
        default=None, description="dvc: how to read what was fetched; default by its suffix"
    )
    media_root: str | None = Field(default=None, description="jsonl, parquet: the folder that media paths start from")
    limits: Limits = Field(default=Limits(), description="past these a record is rejected, undecoded")

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
    ]  = Field(description="what its cells are")  # fmt: skip
    storage: Literal["inline", "reference"] = Field(
        default="inline", description="media: their bytes in the lake, or where they are and their digest"
    )
    nullable: bool = Field(default=False, description="whether a row may lack it")
    dim: int | None = Field(default=None, gt=0, description="embedding: its length")
    dtype: Literal["float16", "float32", "float64"] = Field(
        default="float32", description="embedding: the type of its numbers"
    )
    items: Literal["image", "audio", "video", "text", "string", "int", "float"] | None = Field(
        default=None, description="list: what its items are"
    )
    dataset: Name | None = Field(default=None, description="ref: the dataset referred to")
    field: str | None = Field(default=None, description="the source's own name of this column, where it differs")
    renamed_from: ColumnName | None = Field(
        default=None, description="what it was called: the column is renamed, nothing is read or computed again"
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


class RetentionSpec(Declared):
    """Which versions ``mmreg gc`` keeps although nothing needs them. A version stays while one of the two says so."""

    keep_versions: int | None = Field(default=None, ge=1, description="so many of the newest versions; default 1")
    keep_days: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="what was the newest at some time in so many days; default 30",
    )


class DatasetSpec(Declared):
    """A root dataset: where it comes from, what a sample is, and which columns it has."""

    source: SourceSpec = Field(description="where its rows come from")
    identity: tuple[str, ...] = Field(
        default=("source",),
        strict=False,
        min_length=1,
        description="what makes two samples one: `source` (its address and content), or declared columns",
    )
    columns: dict[ColumnName, ColumnSpec] = Field(min_length=1, description="its columns by name")
    license: str | None = Field(default=None, description="the licence of the data, as text")
    description: str | None = Field(default=None, description="what a person should know of it")
    retention: RetentionSpec | None = Field(
        default=None, description="which old versions clean-up keeps, where it differs from the project's"
    )

    @model_validator(mode="after")
    def _renamed(self) -> DatasetSpec:
        read_by_name = self.source.type != "imagefolder" or self.source.captions is not None
        for name, column in self.columns.items():
            if column.renamed_from is None:
                continue
            if column.renamed_from in self.columns:
                raise Wrong(f"{column.renamed_from!r} is declared as well", "columns", name, "renamed_from")
            if column.field is None and read_by_name:
                raise Wrong(
                    f"say what the source calls it now: 'field: {column.renamed_from}' where it has not changed there",
                    "columns",
                    name,
                    "renamed_from",
                )
        return self

    @model_validator(mode="after")
    def _identified(self) -> DatasetSpec:
        for at, name in enumerate(self.identity):
            if name != "source" and name not in self.columns:
                raise Wrong(f"identity names the column {name!r}, which is not declared", "identity", at)
        return self


class SampleSpec(Declared):
    """How many rows a selection keeps, drawn with ``seed``: a number, a share, or as many as another has."""

    rows: int | None = Field(default=None, gt=0, description="so many rows")
    fraction: float | None = Field(default=None, gt=0, le=1, description="this share of the rows")
    like: Name | None = Field(default=None, description="as many rows as this dataset has")
    seed: int = Field(default=0, description="another seed, other rows")

    @model_validator(mode="after")
    def _one(self) -> SampleSpec:
        if sum(v is not None for v in (self.rows, self.fraction, self.like)) != 1:
            raise ValueError("a sample has exactly one of 'rows', 'fraction' and 'like'")
        return self


class TopSpec(Declared):
    """The rows with the highest values of a column: so many of them, or a share of those that have a value."""

    column: str = Field(description="a column of numbers or times, or a field of one, as in `image.width`")
    fraction: float | None = Field(default=None, gt=0, le=1, description="this share of the rows that have a value")
    rows: int | None = Field(default=None, gt=0, description="so many rows")

    @model_validator(mode="after")
    def _one(self) -> TopSpec:
        if (self.fraction is None) == (self.rows is None):
            raise ValueError("a top has exactly one of 'fraction' and 'rows'")
        return self


class BandSpec(Declared):
    """The rows between two quantiles of a column."""

    column: str = Field(description="a column of numbers or times, or a field of one, as in `image.width`")
    low: float = Field(default=0.0, ge=0, le=1, description="the share of the rows with a value that lies below")
    high: float = Field(default=1.0, ge=0, le=1, description="the share of them below which it ends")

    @model_validator(mode="after")
    def _wide(self) -> BandSpec:
        if self.low >= self.high:
            raise ValueError("the 'low' of a band lies below its 'high'")
        return self


class Budget(Declared):
    """What one apply may spend without being approved."""

    model_calls: int | None = Field(default=None, ge=0, description="calls of models")
    money: float | None = Field(default=None, ge=0, description="in the currency that prices are declared in")


class PassSpec(Declared):
    """One curation pass: what it reads, which code it uses, what it writes."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["from"]}, {"required": ["datasets"]}]})

    from_: Name = Field(
        default_factory=str,
        validation_alias="from",
        serialization_alias="from",
        description="the dataset that is read; a `mix` has `datasets` instead",
    )
    use: str = Field(description="a built-in pass, a plug-in's name, or `module:Class`")
    inputs: dict[str, str] = Field(
        default_factory=dict, description="which column each input of the pass reads, by the pass's own names"
    )
    outputs: dict[str, ColumnName] = Field(
        default_factory=dict, description="what its outputs are called as columns; list all that other passes read"
    )
    into: Name | None = Field(
        default=None, description="the dataset that a selection, a filter or a pass that makes rows fills"
    )
    where: str | None = Field(default=None, description="`filter`: the predicate that rows must fulfil")
    rows: str | None = Field(default=None, description="only rows that fulfil this predicate")
    split: str | None = Field(default=None, description="only rows of this split of a derived dataset")
    sample: SampleSpec | None = Field(default=None, description="a selection keeps only some of the rows")
    top: TopSpec | None = Field(default=None, description="`filter`: only the rows with the highest values")
    band: BandSpec | None = Field(default=None, description="`filter`: only the rows between two quantiles")
    all_of: tuple[Name, ...] = Field(
        default=(), strict=False, description="`filter`: only rows that all of these datasets have"
    )
    any_of: tuple[Name, ...] = Field(
        default=(), strict=False, description="`filter`: only rows that one of these datasets has, or several"
    )
    none_of: tuple[Name, ...] = Field(
        default=(), strict=False, description="`filter`: only rows that none of these datasets has"
    )
    datasets: dict[Name, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description="`mix`: the datasets to draw from, each with its weight"
    )
    model: ModelRefText | None = Field(
        default=None, description="`name`, `name@alias` or `name@<beginning of its digest>`"
    )
    prompt: str | None = Field(default=None, description="a file with the prompt's text")
    params: dict[str, Any] = Field(default_factory=dict, description="the pass's own parameters")
    on_error: Literal["skip", "fail", "retry"] = Field(
        default="skip",
        description="what a row's error does: stay with the row, end the pass, or be tried again now and by "
        "every apply",
    )
    max_error_rate: float = Field(
        default=0.5, ge=0, le=1, description="with more errors than this share of its rows a pass publishes nothing"
    )
    on_change: Literal["new_version", "backfill", "freeze", "fail"] = Field(
        default="new_version",
        description="what a changed recipe does: compute all anew (old versions stay), compute only rows that are "
        "missing or whose inputs changed, compute nothing, or be an error",
    )
    allow: tuple[Literal["nan", "constant", "empty"], ...] = Field(
        default=(),
        strict=False,
        description="answers that are else refused: NaN or infinite numbers; a column that is constant, or null, "
        "throughout",
    )
    workers: int = Field(
        default=1, ge=1, le=256, description="processes that call it at once, each with the pass and its model loaded"
    )
    budget: Budget | None = Field(default=None, description="what one apply may spend on this pass, as for the project")
    renamed_from: PassName | None = Field(
        default=None, description="what the pass was called: what it has made stays, nothing is computed again"
    )
    retention: RetentionSpec | None = Field(
        default=None, description="with `into`: which old versions of that dataset clean-up keeps, as for the project"
    )

    @property
    def reads(self) -> tuple[str, ...]:
        """Every dataset whose rows it needs, each once."""
        like = self.sample.like if self.sample else None
        named = (self.from_, *self.datasets, *self.all_of, *self.any_of, *self.none_of, like)
        return tuple(dict.fromkeys(name for name in named if name))

    @model_validator(mode="after")
    def _belonging_to_its_use(self) -> PassSpec:
        if self.use != "mix" and not self.from_:
            raise Wrong("the key 'from' is missing", key=True)
        if self.use == "mix" and not self.datasets:
            raise Wrong("a mix needs 'datasets', each with its weight", key=True)
        if self.retention is not None and self.into is None:
            raise Wrong("'retention' belongs to a pass with 'into'", "retention", key=True)
        for key in _FILTER_KEYS if self.use != "filter" else ():
            if getattr(self, key):
                raise Wrong(f"{key!r} belongs to a pass with use: filter", key, key=True)
        for key in ("from", "where", "split") if self.use == "mix" else ("datasets",):
            if getattr(self, "from_" if key == "from" else key):
                other = "is no key of a mix" if self.use == "mix" else "belongs to a pass with use: mix"
                raise Wrong(f"{key!r} {other}", key, key=True)
        return self


_FILTER_KEYS = ("top", "band", "all_of", "any_of", "none_of")
SELECTIONS = ("filter", "split", "mix")
"""What ``use:`` says of passes that choose rows and make no columns."""


class LakeSpec(Declared):
    """Where the lake is; options for an object store, secrets only as ``env:NAME`` or ``file:PATH``."""

    uri: Address = Field(description="a path, or s3://, gs:// or az://")
    options: dict[str, str] = Field(
        default_factory=dict, description="the store's options; secrets as `env:NAME` or `file:PATH`"
    )
    durability: Literal["none", "fsync"] = Field(
        default="none",
        description="`fsync`: a local lake has on its disk what it acknowledges, also after a power loss; slower",
    )

    @model_validator(mode="after")
    def _local(self) -> LakeSpec:
        if self.durability == "fsync" and "://" in self.uri and not self.uri.startswith("file://"):
            raise Wrong("'durability' belongs to lakes on a local disk", "durability", key=True)
        return self

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


class EmitSpec(Declared):
    """Where lineage events are sent as runs happen."""

    to: Address = Field(
        description="`http(s)://` an OpenLineage server, a file that they are appended to, or a `.yml` file: the "
        "configuration of openlineage-python"
    )
    api_key: Secret | None = Field(default=None, description="of the server: `env:NAME` or `file:PATH`, never the key")

    @model_validator(mode="after")
    def _of_a_server(self) -> EmitSpec:
        if self.api_key is not None and not self.to.startswith(("http://", "https://")):
            raise Wrong("'api_key' belongs to a server, http:// or https://", "api_key", key=True)
        return self


class ProjectSpec(Declared):
    """The whole of ``mmreg.yaml``."""

    version: Literal[1] = Field(description="of this format")
    project: Name = Field(description="its name")
    lake: Annotated[
        Annotated[Address, Tag("<path>")] | Annotated[LakeSpec, Tag("<map>")],
        Discriminator(lambda value: "<path>" if isinstance(value, str) else "<map>"),
    ] = Field(default=DEFAULT_LAKE, description="where the data is: a path or an address, or `uri` and `options`")
    catalog: Address = Field(
        default=DEFAULT_CATALOG, description="where the index is, which can be made anew from the lake at any time"
    )
    budget: Budget | None = Field(
        default=None, description="what one apply may spend on all passes; above it, `apply --approve` is needed"
    )
    retention: RetentionSpec = Field(
        default=RetentionSpec(), description="which old versions `mmreg gc` keeps although nothing needs them"
    )
    emit: EmitSpec | None = Field(default=None, description="where OpenLineage events are sent as runs happen")
    models: dict[Name, ModelSpec] = Field(default_factory=dict, description="models that exist, by name")
    datasets: dict[Name, DatasetSpec] = Field(default_factory=dict, description="root datasets, by name")
    passes: dict[PassName, PassSpec] = Field(
        default_factory=dict, description="curation, by name; the order follows from what they read"
    )
    trainings: dict[Name, TrainingSpec] = Field(default_factory=dict, description="trainings, by name")
    checks: dict[Name, Annotated[tuple[CheckSpec, ...], Field(strict=False)]] = Field(
        default_factory=dict, description="for each dataset a list of checks"
    )
