"""What ``models:`` and ``trainings:`` of a declaration say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from mmreg.schemas.declared import Address, Declared, ModelRefText, Name, Secret, VersionRefText, Wrong
from mmreg.schemas.model import Stage


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
