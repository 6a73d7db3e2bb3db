"""A text file that is replaced as a whole: whoever reads it sees the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Let ``path`` hold ``text`` and nothing else; a file that does so already is not touched. Raises `OSError`."""
    if path.exists() and path.read_bytes() == text.encode():
        return
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
