"""Models by their name on the Hugging Face hub, ``hf://org/name``, as they lie in its cache on this machine.

The package huggingface_hub fetches and keeps them; all else here looks at what is kept, and asks no network.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from mmreg.errors import MissingExtra, StorageError, UsageError

SCHEME = "hf://"


def is_hub(uri: str | None) -> bool:
    return uri is not None and uri.startswith(SCHEME)


def cached_snapshot(uri: str, revision: str | None) -> Path | None:
    """The folder of a whole snapshot that was fetched before; None where there is none."""
    hub = _hub()
    try:
        return Path(hub.snapshot_download(_name(uri), revision=revision, local_files_only=True))
    except (hub.errors.LocalEntryNotFoundError, hub.errors.IncompleteSnapshotError):
        return None


def fetched_snapshot(uri: str, revision: str | None) -> Path:
    """The folder of a snapshot, fetched where it is not here yet. Raises `StorageError` where it cannot be."""
    hub = _hub()
    try:
        return Path(hub.snapshot_download(_name(uri), revision=revision))
    except (hub.errors.HfHubHTTPError, hub.errors.LocalEntryNotFoundError, OSError) as error:
        said = " ".join(str(error).split())[:300]
        raise StorageError(
            f"{uri} at {revision or 'main'} cannot be fetched: {said}",
            hint="try again with a network, or put its files into a folder and give that as uri",
        ) from error


def _name(uri: str) -> str:
    name = uri.removeprefix(SCHEME)
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", name, re.ASCII) or ".." in name:
        raise UsageError(f"{uri} names no model", hint="hf://ORGANISATION/NAME, with its revision under 'revision'")
    return name


def _hub() -> Any:
    try:
        hub: Any = importlib.import_module("huggingface_hub")
        importlib.import_module("huggingface_hub.errors")
    except ImportError as error:
        raise MissingExtra("a model of the Hugging Face hub", extra="mllm") from error
    return hub
