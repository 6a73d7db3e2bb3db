"""Which core expectations mmreg answers itself: the table of docs/great-expectations.md."""

from __future__ import annotations

from mmreg.validators.expectations.compile import MEASURES, QUESTIONS, from_samples, is_incremental
from mmreg.validators.expectations.load import DATABASES
from mmreg.validators.expectations.names import CORE


def table() -> str:
    """A Markdown table, and below it the share."""
    own = [name for name in CORE if name in QUESTIONS or name in MEASURES]
    lines = [
        "| expectation | arguments | answered by | seen rows kept | sample |",
        "|---|---|---|---|---|",
        *map(_row, CORE),
        "",
        f"mmreg itself answers {len(own)} of {len(CORE)} core expectations ({len(own) / len(CORE):.0%}).",
    ]
    return "\n".join(lines)


def _row(name: str) -> str:
    arguments = ", ".join(f"`{argument.rstrip('!')}`" for argument in CORE[name].split())
    if name in DATABASES:
        return f"| `{name}` | {arguments} | refused: asks a database | | |"
    own = name in QUESTIONS or name in MEASURES
    kept = "yes" if own and is_incremental(name) else ""
    by = "mmreg, streamed" if own else "Great Expectations"
    return f"| `{name}` | {arguments} | {by} | {kept} | {'yes' if from_samples(name) else ''} |"
