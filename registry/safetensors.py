"""What safetensors files say of themselves: their tensors by header, and digests of tensors while a file is read.

A set of tensors is known by the SHA-256 over one line ``["<type>",[<shape>],"<sha256>"]`` (JSON) for each, sorted: the
names that a model gives to its tensors, their order and the files that they lie in do not count. So an encoder has the
same digest in a file of its own and as a part of a larger model.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mmreg.errors import IntegrityError
from mmreg.schemas.model import Component

TENSORS = "tensors_sha256"
"""The fact of a checkpoint that is the digest of its tensors, as that of a component is of its own."""
_MOST_HEADER = 100_000_000
"""Bytes of a header; the format's own limit."""
_WRAPPERS = ("module.", "model.", "base_model.")
_PARTS = (
    ("vision", ("vision_tower.", "vision_model.", "visual.", "vision_encoder.", "image_encoder.", "vision_backbone.")),
    ("audio", ("audio_tower.", "audio_model.", "audio_encoder.", "speech_encoder.")),
    ("projector", ("multi_modal_projector.", "mm_projector.", "projector.", "connector.", "language_projection.")),
    ("projector", ("visual_projection.", "text_projection", "audio_projection.")),
    ("qformer", ("qformer.", "query_tokens")),
    ("text", ("text_model.", "text_encoder.", "text.", "language_model.", "text_decoder.", "llm.", "lm_head.")),
    ("text", ("transformer.", "token_embedding.", "positional_embedding", "ln_final.")),
    ("text", ("layers.", "embed_tokens.", "norm.")),
)
"""The parts that models have, by the beginnings of their tensors' names. The connector of some is in their encoder."""
_CONNECTOR = re.compile(r"(visual|vision_tower)\.merger\.")


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: it lies from byte ``begin`` up to ``end``."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)

    @property
    def part(self) -> str:
        """Which part of a model it belongs to, by its name: ``rest`` for one that does not tell."""
        name = self.name
        while bare := next((name.removeprefix(w) for w in _WRAPPERS if name.startswith(w)), None):
            name = bare
        if _CONNECTOR.match(name):
            return "projector"
        return next((part for part, beginnings in _PARTS if name.startswith(beginnings)), "rest")


def tensors_of(file: Path, size: int) -> list[Tensor]:
    """From the header of a file of ``size`` bytes: 8 bytes of length, JSON; the last tensor ends with the file.

    Raises `IntegrityError` for a file that is not whole.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        text = stream.read(length) if length <= min(_MOST_HEADER, size) else b""
    try:
        header = json.loads(text)
        tensors = [_tensor(name, entry, 8 + length) for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"{file} is no safetensors file: its header cannot be read", hint="copy or save it again"
        ) from error
    if any(before.end > after.begin for before, after in pairwise(sorted(tensors, key=_place))):
        raise IntegrityError(f"{file}: two of its tensors share bytes", hint="save it again")
    due = max((tensor.end for tensor in tensors), default=8 + length)
    if due != size:
        raise IntegrityError(
            f"{file} is not whole: its header announces {due:,} bytes, it has {size:,}", hint="copy or save it again"
        )
    return tensors


class TensorDigests:
    """The digests of a file's tensors, fed with its bytes from the first to the last. No byte is kept.

    ``digested`` are the tensors that were fed whole.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._waiting = sorted(tensors, key=_place, reverse=True)
        self._sha = hashlib.sha256()
        self._at = 0
        self.digested: list[tuple[Tensor, str]] = []

    def update(self, chunk: bytes) -> None:
        view, first = memoryview(chunk), self._at
        self._at += len(chunk)
        while self._waiting and (tensor := self._waiting[-1]).begin < self._at:
            self._sha.update(view[max(0, tensor.begin - first) : tensor.end - first])
            if tensor.end > self._at:
                return
            self._finish()
        while self._waiting and self._waiting[-1].end <= self._at:  # one of no bytes
            self._finish()

    def _finish(self) -> None:
        self.digested.append((self._waiting.pop(), self._sha.hexdigest()))
        self._sha = hashlib.sha256()


Digested = Sequence[tuple[Tensor, str]]
"""Tensors, each with its digest."""


def digest_of_tensors(digested: Digested) -> str:
    """The digest of a set of tensors."""
    lines = sorted(json.dumps([t.dtype, t.shape, sha256], separators=(",", ":")) for t, sha256 in digested)
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def components(digested: Digested) -> tuple[Component, ...]:
    """The parts of a model of several, told by the names of its tensors; none for a model of one part."""
    parts: dict[str, list[tuple[Tensor, str]]] = defaultdict(list)
    for tensor, sha256 in digested:
        parts[tensor.part].append((tensor, sha256))
    if len(parts) < 2 or not {"vision", "audio"} & parts.keys():
        return ()
    return tuple(
        Component(name, digest_of_tensors(own), parameters=sum(tensor.parameters for tensor, _ in own))
        for name, own in sorted(parts.items())
    )


def _place(tensor: Tensor) -> tuple[int, int]:
    return tensor.begin, tensor.end


def _tensor(name: str, entry: Mapping[str, object], data: int) -> Tensor:
    """Raises `ValueError`, `LookupError` or `TypeError` for what is no tensor. ``data`` is where tensors begin."""
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not re.fullmatch(r"[A-Z0-9_]{1,16}", dtype):
        raise ValueError("no type of numbers")
    if not isinstance(shape, list) or not isinstance(offsets, list):
        raise ValueError("no shape")
    begin, end = _size(offsets[0]), _size(offsets[1])
    if begin > end:
        raise ValueError("no place")
    return Tensor(name, dtype, tuple(map(_size, shape)), data + begin, data + end)


def _size(number: object) -> int:
    """One dimension of a tensor, or a place in the file. Raises `ValueError`."""
    if not isinstance(number, int) or not 0 <= number < 2**48:
        raise ValueError("no size")
    return number
