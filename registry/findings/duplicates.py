"""The same media twice, byte by byte or as they look."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Ask, Subject, Unanswered, check


def asks(subject: Subject) -> Iterator[Ask | Unanswered]:
    hashes = subject.made_by("image_stats", "phash")
    for column in subject.media:
        yield Ask(
            "exact_duplicates", check("no_exact_duplicates", column=column), _cure(subject, content=column), column
        )
    if not subject.media:
        yield Unanswered("exact_duplicates", "it has no column of media")
    for column in hashes:
        yield Ask("near_duplicates", check("no_near_duplicates", column=column), _cure(subject, hash=column), column)
    if not hashes:
        yield Unanswered("near_duplicates", "no pass with 'use: image_stats' has made perceptual hashes")


def _cure(subject: Subject, **inputs: str) -> str:
    """The pass that finds them, unless it is there, and the selection that leaves them out."""
    name = subject.row.dataset
    keep = "{{from: {}, into: NAME, use: filter, where: {}}}"
    if kept := subject.made_by("dedup", "dedup_kept"):
        return keep.format(name, kept[0])
    said = ", ".join(f"{own}: {column}" for own, column in inputs.items())
    return f"dedup: {{from: {name}, use: dedup, inputs: {{{said}}}}}, and {keep.format(name, 'dedup_kept')}"
