"""What ``mmreg.yaml`` declares, as frozen values. `mmreg.schemas.document` parses the file into these.

The Python twin is to build a `ProjectSpec` by hand: same classes, same checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.model import Stage
from mmreg.schemas.places import DEFAULT_CATALOG, DEFAULT_LAKE
from mmreg.schemas.refs import NAME, ModelRef, VersionRef, check_name
from mmreg.schemas.secrets import in_address, in_option, is_reference


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
        raise Wrong("an address must not carry a password or a signature; keep secrets out of the file", secret=True)
    return text


def _reference(text: str) -> str:
    if not is_reference(text):
        raise Wrong("must be env:NAME or file:PATH, never the secret itself", secret=True)
    return text


Name = Annotated[str, _checked(check_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
_DOTLESS = Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"})
ColumnName = Annotated[str, _checked(_column_name), _DOTLESS]
PassName = Annotated[str, _checked(_pass_name), _DOTLESS]
ModelRefText = Annotated[str, _checked(ModelRef.parse)]
VersionRefText = Annotated[str, _checked(VersionRef.parse)]
Address = Annotated[str, AfterValidator(_without_password)]
"""A path or a URI, never with a secret inside."""
Secret = Annotated[str, AfterValidator(_reference), Field(json_schema_extra={"pattern": "^(env|file):."})]


class Declared(BaseModel):
    """Base of all that a declaration can say: strict, frozen, unknown keys refused.

    Python says ``from_`` where the file says ``from``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True)

    @property
    def digest(self) -> str:
        """16 hex digits of all that is declared here and decides what comes of it."""
        import xxhash

        free = {"description", "budget", "renamed_from", "retention", "workers"}
        return xxhash.xxh3_64_hexdigest(self.model_dump_json(exclude=free, exclude_defaults=True).encode())


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


class ComponentSpec(Declared):
    """One part of a model: what its files do not tell."""

    model: ModelRefText | None = Field(
        default=None, description="the registered model that it is, or was before the training"
    )
    frozen: bool = Field(default=False, description="whether training left it as it was; told by itself from digests")
    stage: Stage | None = Field(default=None, description="for what it was trained last")
    trained_on: tuple[VersionRefText, ...] = Field(
        default=(), strict=False, description="versions of datasets that it was trained on"
    )


class ModelSpec(Declared):
    """A model that exists: a local path or an address. Its identity is the digest of its weights."""

    uri: Address = Field(description="a folder or file with its weights, or an address")
    name: str | None = Field(default=None, description="what a server calls it")
    revision: str | None = Field(default=None, description="a revision of the address")
    framework: Literal["open_clip", "transformers", "openai", "torch", "other"] = Field(
        default="other", description="what loads it"
    )
    base: ModelRefText | None = Field(default=None, description="the model that it was made from")
    license: str | None = Field(default=None, description="the licence of the weights, as text")
    components: dict[Name, ComponentSpec] = Field(default_factory=dict, description="what is known of its parts")
    api_key: Secret | None = Field(default=None, description="`env:NAME` or `file:PATH`, never the key")

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it was made from, as far as that is declared."""
        named = (self.base, *(part.model for part in self.components.values()))
        return tuple(dict.fromkeys(ref for ref in named if ref))


class TrainingData(Declared):
    """Data that a training reads: a dataset, or one split of it, or of that the rows that fulfil a predicate."""

    from_: Name = Field(
        validation_alias="from", serialization_alias="from", description="the dataset that is trained on"
    )
    split: str | None = Field(default=None, description="only this split of a derived dataset")
    where: str | None = Field(default=None, description="only rows that fulfil this predicate; the command applies it")
    weight: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="its share of what the training draws"
    )
    component: Name | None = Field(default=None, description="the part of the model that is trained on it")


class TrainingSpec(Declared):
    """A training: the versions that it reads, the command that it runs and the model that it makes."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["from"]}, {"required": ["data"]}]})

    from_: Name = Field(
        default_factory=str,
        validation_alias="from",
        serialization_alias="from",
        description="the dataset that is trained on; where there are several, they stand in `data` instead",
    )
    split: str | None = Field(default=None, description="only this split of a derived dataset")
    where: str | None = Field(default=None, description="only rows that fulfil this predicate; the command applies it")
    data: tuple[TrainingData, ...] = Field(
        default=(), strict=False, description="several datasets, each for the part of the model that it trains"
    )
    command: tuple[str, ...] = Field(
        strict=False, min_length=1, description="the program and its arguments, run in the project's folder"
    )
    output: str = Field(description="the directory that the command writes; one folder a seed where there are several")
    model: Name = Field(description="the name that the checkpoint gets")
    alias: Name | None = Field(default=None, description="an alias that moves to it, as in `model@alias`")
    seeds: tuple[int, ...] = Field(
        default=(0,), strict=False, min_length=1, description="one run and one checkpoint for each"
    )
    init_from: ModelRefText | None = Field(default=None, description="the model that it starts from")
    components: dict[Name, ComponentSpec] = Field(default_factory=dict, description="the parts of the model")
    evaluate_on: dict[Name, str | None] = Field(
        default_factory=dict,
        description="datasets that the command evaluates on, each with its split or null",
    )
    framework: Literal["open_clip", "transformers", "torch", "other"] = Field(
        default="other", description="what loads the checkpoint"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="handed to the command")
    license: str | None = Field(default=None, description="the licence of the weights, as text")
    on_change: Literal["keep", "retrain"] = Field(
        default="keep",
        description="where the data moved on: keep the model and say so, or train anew",
    )

    @property
    def trained_on(self) -> tuple[TrainingData, ...]:
        """What it is trained on, one or several."""
        return self.data or (TrainingData(from_=self.from_, split=self.split, where=self.where),)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it needs."""
        named = (self.init_from, *(part.model for part in self.components.values()))
        return tuple(dict.fromkeys(ref for ref in named if ref))

    @property
    def reads(self) -> tuple[str, ...]:
        """Every dataset that it needs, each once: first what it is trained on."""
        return tuple(dict.fromkeys((*(data.from_ for data in self.trained_on), *self.evaluate_on)))

    @model_validator(mode="after")
    def _either(self) -> TrainingSpec:
        if not self.from_ and not self.data:
            raise Wrong("the key 'from' is missing", key=True)
        for key in ("from", "split", "where") if self.data else ():
            if getattr(self, "from_" if key == "from" else key):
                raise Wrong(f"{key!r} and 'data' cannot both be given: put it into 'data'", key, key=True)
        return self


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
