"""What `mmreg doctor` saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CODES: Mapping[str, str] = {
    "store_unsafe": "the store does not honour conditional put, so two writers could lose each other's commits",
    "lake_read_only": "the lake can be looked at from here, but not written to",
    "lake_format": "the lake has the format of an older mmreg, which may thus still write to it",
    "clock_off": "this machine's clock and the store's are more than a minute apart",
    "disk_space": "little space is left where the lake or the index is",
    "library_untried": "a library or Python itself is older or newer than what mmreg is made for",
    "declaration": "mmreg.yaml cannot be read",
    "index_behind": "runs were in the lake and not in the index",
    "index_disagrees": "the index and the lake tell different things of a dataset",
    "run_object_missing": "a commit was in the lake without a run object",
    "derived_behind": "the second half of a pass or of a change of columns was missing",
    "lease_left": "a lease's holder is gone",
    "lease_long": "a lease has been held for more than a day",
    "stage_left": "results of a pass were computed more than a week ago and never published",
    "decisions_left": "a file of decisions is more than a week old, and no run names it",
    "erasure_unfinished": "an erasure was stopped before its end, or what it erased came back",
    "unreadable": "the newest version of a dataset cannot be opened",
}
"""Every code that a finding may have, and what it says."""


@dataclass(frozen=True)
class Finding:
    """One thing that ``mmreg doctor`` saw; ``fixed`` where it mended it, ``note`` where nothing needs mending."""

    code: str
    message: str
    fixed: bool = False
    hint: str | None = None
    note: bool = False


@dataclass(frozen=True)
class DoctorReport:
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(f.fixed or f.note for f in self.findings)
