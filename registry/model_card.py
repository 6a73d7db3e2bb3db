"""What a directory of weights says of itself, the way models of the Hugging Face hub do: its configuration, the front
matter of its README.md, and of an adapter what it is made for. Read, never believed beyond these few facts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmreg.schemas.model import Component

_MOST_BYTES = 1 << 20
"""Of a file that is looked at."""
_MOST_NAMED = 50
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_TEXT = re.compile(r"[\x20-\x7e]{1,200}")
_MODALITIES = {"vision_config": "vision", "audio_config": "audio", "text_config": "text", "qformer_config": "qformer"}


@dataclass(frozen=True)
class Card:
    """``components`` are those that the configuration names: their digests are unknown.

    ``facts``: ``architectures``, ``model_type``, ``base_model`` and ``datasets`` (names on the hub), ``adapter``.
    """

    license: str | None = None
    framework: str | None = None
    components: tuple[Component, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_card(files: Mapping[str, Path]) -> Card:
    """From the files of a directory, by their relative names. What cannot be read as what it should be says nothing."""
    config, adapter = _json(files.get("config.json")), _json(files.get("adapter_config.json"))
    front = _front_matter(files.get("README.md"))
    base = _names(adapter.get("base_model_name_or_path")) or _names(front.get("base_model"))
    before = _names(config.get("_name_or_path"))
    facts = {
        "architectures": _names(config.get("architectures")),
        "model_type": next(iter(_names(config.get("model_type"))), None),
        "base_model": base or [name for name in before if "/" in name],
        "datasets": _names(front.get("datasets")),
        "adapter": next(iter(_names(adapter.get("peft_type"))), None),
    }
    parts = [Component(part) for key, part in _MODALITIES.items() if isinstance(config.get(key), dict)]
    return Card(
        license=_license(front),
        framework="peft" if facts["adapter"] else None,
        components=tuple(parts) if len(parts) > 1 else (),
        facts={name: fact for name, fact in facts.items() if fact},
    )


def _json(file: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(_read(file))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _front_matter(file: Path | None) -> dict[str, Any]:
    """The YAML between two lines of dashes at the beginning."""
    text = _read(file).replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return {}
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(text[4:].partition("\n---")[0])
    except (YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(file: Path | None) -> str:
    if file is None:
        return ""
    with file.open("rb") as stream:
        return stream.read(_MOST_BYTES).decode("utf-8", "replace")


def _license(front: Mapping[str, Any]) -> str | None:
    """As an SPDX identifier, which the hub writes in lower case; ``other`` is told by its own name."""
    said = [front.get("license_name") if front.get("license") == "other" else None, front.get("license")]
    return next((text.lower() for text in said if isinstance(text, str) and _TEXT.fullmatch(text)), None)


def _names(said: Any) -> list[str]:
    """One name of the hub, or several: what is none, like a path of somebody's machine, is left out."""
    several = said if isinstance(said, list) else [said]
    return [name for name in several[:_MOST_NAMED] if isinstance(name, str) and _HUB_NAME.fullmatch(name)]
