"""A plug-in begun beside mmreg.yaml: its module, and a test that passes at once."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from mmreg.errors import UsageError


def new_module(folder: Path, name: str, kind: str, command: str) -> tuple[Path, Path]:
    """Where the module ``name`` and its test go. Nothing is written yet.

    Raises `UsageError` for a name that is no module of its own and for files that are there already; ``command`` is
    what makes a plug-in of this ``kind``: `mmreg pass new`.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} can be no module's name: lower-case letters, digits and '_', a letter first",
            hint=f"{command} brightness",
        )
    module, test = folder / f"{name}.py", folder / f"test_{name}.py"
    if name in sys.stdlib_module_names or (find_spec(name) is not None and not module.exists()):
        raise UsageError(
            f"there is a module {name!r} already, which this one would hide from whoever runs here",
            hint=f"{command} {name}_{kind}",
        )
    for file in (module, test):
        if file.exists():
            raise UsageError(f"{file} is there already", hint="another name, or remove the file")
    return module, test


def class_name(module: str) -> str:
    """``small_words`` is the module of ``SmallWords``."""
    return "".join(part.capitalize() for part in module.split("_"))
