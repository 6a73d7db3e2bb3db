"""How much of what was planted each check finds, and how much it finds that was not planted.

    python measure.py [--folder .]

Lays the corpus out, applies mmreg.yaml, runs its checks and compares every failing sample with the truth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import corpus

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project
from mmreg.schemas.check import CheckResult

MISMATCHED = {"swapped", "boilerplate", "blank", "blurred", "foreign", "tiny", "thin"}
SHOULD_FAIL: Mapping[str, set[str]] = {
    "image_decodes": {"truncated", "bomb"},
    "image_format": {"wrong_suffix"},
    "image_size": {"tiny", "bomb"},
    "aspect": {"thin"},
    "not_blank": {"blank"},
    "not_blurred": {"blank", "blurred"},
    "no_exact_duplicates": {"exact_duplicate"},
    "no_near_duplicates": {"exact_duplicate", "near_duplicate"},
    "paired": {"missing_caption"},
    "not_null": {"missing_caption"},
    "boilerplate": {"boilerplate"},
    "language": {"foreign"},
    "length": {"long_caption"},
    "utf8": {"mojibake"},
    "pii": {"pii"},
    "compatible": MISMATCHED,
    "one_of": {"nc_license"},
    "lineage.license": {"nc_license"},
    "lineage.fresh": {"missing_caption", "truncated", "bomb"},
    "lineage.no_leak": {"leak"},
    "lineage.no_similar": {"leak", "near_leak"},
    "audio_decodes": {"truncated_sound"},
    "audio_duration": {"short_sound"},
    "not_silent": {"silent"},
    "not_clipped": {"clipped"},
    "video_decodes": {"truncated_film"},
    "video_duration": {"short_film"},
    "video_frames": {"short_film"},
    "embedding": {"zero_vector", "long_vector"},
}
"""By check: the defects with which a sample should fail it, and no other sample should."""


@dataclass(frozen=True)
class Measured:
    """What a check found: samples that should fail and did, that should and did not, that should not and did."""

    dataset: str
    check: str
    defects: tuple[str, ...]
    found: frozenset[str]
    missed: frozenset[str]
    wrongly: frozenset[str]

    @property
    def precision(self) -> float:
        told = len(self.found) + len(self.wrongly)
        return len(self.found) / told if told else 1.0

    @property
    def recall(self) -> float:
        planted = len(self.found) + len(self.missed)
        return len(self.found) / planted if planted else 1.0


def measure(folder: Path) -> tuple[list[Measured], list[tuple[str, CheckResult]]]:
    """Checks of samples, measured; and checks of whole versions, with their dataset."""
    corpus.lay_out(folder / "data")
    init_project(folder)
    samples, versions = [], []
    with Registry.open(folder) as registry:
        apply(registry)
        for dataset in registry.spec.checks:
            (report,) = registry.validate(f"{dataset}@latest")
            names = _names(registry, dataset) if dataset in _ROOTS else {}
            for result in report.results:
                key = _plain(result.key)
                if key in SHOULD_FAIL:
                    samples.append(_measured(dataset, key, result, names, _truth(folder, dataset)))
                else:
                    versions.append((dataset, result))
    return samples, versions


_ROOTS = ("pairs", "sounds", "films", "vectors")


def _plain(key: str) -> str:
    return key.partition(":")[0]


def _measured(
    dataset: str, key: str, result: CheckResult, names: Mapping[str, str], truth: Mapping[str, str]
) -> Measured:
    told = {names[example["sample_id"]] for example in result.examples}
    wanted = {name for name, defect in truth.items() if defect in SHOULD_FAIL[key]}
    # Of two samples that are the same either may be called the copy.
    twins = {copy: of for copy, of in corpus.originals().items() if copy in wanted} if "duplicates" in key else {}
    missed = {name for name in wanted - told if twins.get(name) not in told}
    return Measured(
        dataset, key, tuple(sorted(SHOULD_FAIL[key])),
        frozenset(wanted - missed), frozenset(missed), frozenset(told - wanted - set(twins.values())),
    )  # fmt: skip


def _names(registry: Registry, dataset: str) -> dict[str, str]:
    rows = registry.query(f"{dataset}@latest", columns=["sample_id", "name"])
    return {row["sample_id"]: row["name"] for row in rows}


def _truth(folder: Path, dataset: str) -> dict[str, str]:
    lines = (folder / "data" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    said = [one for one in map(json.loads, lines) if one["dataset"] == dataset]
    truth = {one["name"]: one["defect"] for one in said}
    if dataset == "pairs":  # a sound picture that is in the held-out set, too
        truth |= {name: defect for defect, names in corpus.leaked().items() for name in names}
    return truth


def table(samples: list[Measured], versions: list[tuple[str, CheckResult]]) -> Iterator[str]:
    """The lines of docs/planted-defects.md's tables."""
    yield "| check | should find | planted | found | wrongly | precision | recall |"
    yield "|---|---|---|---|---|---|---|"
    for one in samples:
        planted = len(one.found) + len(one.missed)
        yield (
            f"| `{one.check}` | {', '.join(one.defects).replace('_', ' ')} | {planted} | {len(one.found)} "
            f"| {len(one.wrongly)} | {one.precision:.2f} | {one.recall:.2f} |"
        )
    yield ""
    yield "| version | check | answer | |"
    yield "|---|---|---|---|"
    for dataset, result in versions:
        yield f"| {dataset} | `{result.check}` | {result.status} | {result.message} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(), help="where mmreg.yaml lies")
    for line in table(*measure(parser.parse_args().folder)):
        print(line)
