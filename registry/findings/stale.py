"""Rows of which a pass has made nothing, or something that is no longer true."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Ask, Subject, Unanswered, check


def asks(subject: Subject) -> Iterator[Ask | Unanswered]:
    if any(root.passes for root in subject.world.roots()):
        cure = "mmreg status, then mmreg apply; for rows that failed mmreg errors PASS, then mmreg apply --errors-only"
        yield Ask("stale", check("lineage.fresh"), cure)
    else:
        yield Unanswered("stale", "no pass has made columns of it")
