"""What `mmreg doctor` saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that ``mmreg doctor`` saw; ``fixed`` where it mended it."""

    code: str
    message: str
    fixed: bool = False
    hint: str | None = None


@dataclass(frozen=True)
class DoctorReport:
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(f.fixed for f in self.findings)
