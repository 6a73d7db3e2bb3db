"""What runs have recorded: checks that failed, and records that did not become rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmreg.registry.findings.subject import Subject, Unanswered
from mmreg.registry.show import show
from mmreg.schemas.diagnosis import Diagnosis
from mmreg.schemas.refs import VersionRef

BOMBS = ("pixel_limit", "too_large", "text_too_long")
"""Why a record was rejected before anything decoded it."""
SHOWN = 5


def look(subject: Subject) -> Iterator[Diagnosis | Unanswered]:
    row = subject.row
    failed = int(row.failed)
    yield Diagnosis(
        "failed_checks", f"in run {row.judged_by}" if failed else "", failed, 1, f"mmreg validate {row.ref}"
    )
    if row.kind == "derived":
        why = "its rows are of other datasets"
        yield from (Unanswered("bombs", why), Unanswered("rejected", why))
        return
    detail = show(subject.workspace, VersionRef.parse(row.ref))
    records = detail.rows + detail.rejected
    bombs = {reason: count for reason, count in detail.rejected_reasons.items() if reason in BOMBS}
    others = {reason: count for reason, count in detail.rejected_reasons.items() if reason not in BOMBS}
    cure = "mend or remove them at the source; what is meant to be so large: 'limits:' of the source"
    yield _rejected("bombs", bombs, records, detail.rejected_records, cure)
    cure = f"mmreg show {row.ref} lists them; mend them at the source, then mmreg apply {row.dataset}"
    yield _rejected("rejected", others, records, detail.rejected_records, cure)


def _rejected(
    code: str, reasons: Mapping[str, int], of: int, records: tuple[Mapping[str, Any], ...], cure: str
) -> Diagnosis:
    examples = [
        {"source": str(one["source"]), "reason": f"{one['reason']}: {one['detail']}".removesuffix(": ")}
        for one in records
        if one["reason"] in reasons
    ]
    said = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    return Diagnosis(code, said, sum(reasons.values()), of, cure, tuple(examples[:SHOWN]), note=True)
