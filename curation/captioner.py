"""One interface to models that say something about images, whether their weights are here or behind an address.

Two kinds are known: a directory that transformers loads as ``image-text-to-text``, and any server that speaks the
chat completions of OpenAI's interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mmreg.curation import decode
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import UsageError


@dataclass(frozen=True)
class Params:
    """What a declaration may say under ``params:`` of a caption pass.

    The first four decide what is said, and are a part of the generation. The others, `INCIDENTAL`, decide how fast it
    is said and what it costs. ``temperature`` 0 always takes the likeliest word; above it, ``seed`` decides. Prices
    are for a million tokens, in whatever currency the budget is in.
    """

    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_pixels: int = decode.MAX_PIXELS
    batch_size: int = 8
    concurrency: int = 8
    requests_per_minute: int = 0
    timeout_s: float = 120.0
    retries: int = 6
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        decode.check_limit(self.max_pixels)
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise UsageError(f"caption: {name!r} is {getattr(self, name)}; it must be {least} or more")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"caption: 'top_p' is {self.top_p}; it must be above 0 and at most 1")
        if self.timeout_s == 0:
            raise UsageError("caption: 'timeout_s' is 0; no answer comes in no time")


_LEAST = {
    "max_new_tokens": 1, "temperature": 0, "seed": 0, "batch_size": 1, "concurrency": 1, "requests_per_minute": 0,
    "timeout_s": 0, "retries": 0, "price_in": 0, "price_out": 0,
}  # fmt: skip
INCIDENTAL = frozenset(
    {"batch_size", "concurrency", "requests_per_minute", "timeout_s", "retries", "price_in", "price_out"}
)


@dataclass(frozen=True)
class Question:
    """What a row asks: a prompt and the files of its images, as bytes, in their order."""

    prompt: str
    images: tuple[bytes, ...]


@dataclass(frozen=True)
class Reply:
    """What a model said, or why it said nothing: exactly one of ``text`` and ``error``."""

    text: str | None = None
    error: str | None = None


@dataclass
class Spending:
    """What answers have cost since a model was opened, also those that turned out to be of no use.

    ``truncated`` counts texts that ended because they had ``max_new_tokens``, not because all was said.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    truncated: int = 0
    served: set[str] = field(default_factory=set)

    def totals(self, params: Params) -> dict[str, float]:
        money = (self.tokens_in * params.price_in + self.tokens_out * params.price_out) / 1e6
        counted = {"tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "truncated": self.truncated}
        return {**counted, "money": round(money, 9)}


class Captioner(Protocol):
    """A model that is ready to answer."""

    spending: Spending

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply for each question, in their order. An image that does not decode is an error of its reply.

        Raises `MmregError` where nothing that is asked can be answered: a wrong key, an unknown model, no server.
        """


def open_captioner(model: LoadedModel, params: Params, schema: Mapping[str, Any] | None) -> Captioner:
    """Load or reach ``model``; ``schema`` is the JSON Schema that a server is asked to keep to.

    Raises `MissingExtra` where its library is absent, `NotFound` and `UsageError` where the model cannot be used.
    """
    if is_served(model):
        from mmreg.curation.captioner_openai import OpenAICaptioner

        return OpenAICaptioner(model, params, schema)
    if model.path is None:
        raise UsageError(
            f"model {model.checkpoint.name}: nothing here can ask {model.checkpoint.uri}",
            hint="framework: openai for a server, or the folder of its weights as uri",
        )
    from mmreg.curation.captioner_transformers import TransformersCaptioner

    return TransformersCaptioner(model.path, params)


def is_served(model: LoadedModel) -> bool:
    """Whether the model answers behind an address."""
    return model.path is None and model.checkpoint.framework == "openai"
