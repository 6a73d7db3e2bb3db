"""On a store that loses answers, is busy, slow or cut off, everything ends as on a healthy one, and once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty_s3 import Fault, FaultyS3

from mmreg.errors import LeaseHeld, StorageError
from mmreg.registry import leases
from mmreg.registry.runs import archive, iter_runs
from mmreg.registry.store import Store, open_store, probe

SEEDS = int(os.environ.get("MMREG_SEEDS", "1"))
PUTS = "PUT"
OF_PUTS = ("lost", "lost in a gateway", "busy")
DECLARATION = """
version: 1
project: small
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 2"}}
"""
FAULTS = {
    "lost answers to puts": Fault("lost", PUTS, share=0.3, times=10**6),
    "gateways that lose answers to puts": Fault("lost in a gateway", PUTS, share=0.3, times=10**6),
    "busy": Fault("busy", share=0.1, times=10**6),
    "slow": Fault("slow", share=0.3, times=10**6, delay_s=0.1),
    "cut reads": Fault("cut", "GET", path="^(?!.*(list-type|_versions/)).*$", share=0.3, times=10**6),
}


@pytest.fixture
def declared(s3_lake: Callable[[], dict[str, Any]], faulty_s3: FaultyS3) -> Callable[[], dict[str, Any]]:
    """What ``lake:`` declares for a new bucket behind the proxy."""

    def declare() -> dict[str, Any]:
        lake = s3_lake()
        return {**lake, "options": {**lake["options"], "aws_endpoint": faulty_s3.address}}

    return declare


@pytest.fixture
def store(declared: Callable[[], dict[str, Any]]) -> Store:
    return opened(declared())


def opened(lake: dict[str, Any], **more: str) -> Store:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return open_store(lake["uri"], {**lake["options"], **keys, **more})


@pytest.mark.parametrize("kind", OF_PUTS)
def test_who_put_first_is_told_so(store: Store, faulty_s3: FaultyS3, kind: Any) -> None:
    store.put_new("theirs", b"theirs")
    for times in (1, 2):
        faulty_s3.fail(lost := Fault(kind, PUTS, times=times))
        assert store.put_new(f"mine {times}", b"mine")
        assert lost.done == times
    faulty_s3.fail(lost := Fault(kind, PUTS))
    assert not store.put_new("theirs", b"mine")
    assert (lost.done, store.get("theirs")) == (1, b"theirs")


def test_a_lease_is_not_held_against_its_own_holder(store: Store, faulty_s3: FaultyS3) -> None:
    faulty_s3.fail(lost := Fault("lost", PUTS))
    with leases.lease(store, "work"):
        assert lost.done == 1
        faulty_s3.fail(Fault("lost", PUTS))
        with pytest.raises(LeaseHeld), leases.lease(store, "work"):
            raise AssertionError("two hold one lease")
    assert leases.holder(store, "work") is None


@pytest.mark.parametrize("kind", OF_PUTS)
def test_a_store_is_known_for_honest_though_its_answers_get_lost(store: Store, faulty_s3: FaultyS3, kind: Any) -> None:
    faulty_s3.fail(lost := Fault(kind, PUTS, share=0.5, times=10**6))
    facts = probe(store)
    assert facts.conditional_put, facts.reason
    assert lost.done


def test_a_store_that_is_deaf_to_conditions_is_found_out(store: Store, faulty_s3: FaultyS3) -> None:
    faulty_s3.fail(Fault("deaf", PUTS, times=10**6))
    assert not probe(store).conditional_put


@pytest.mark.parametrize("kind", ["lost", "lost in a gateway", "busy", "cut"])
def test_reads_lists_and_deletions_are_repeated(store: Store, faulty_s3: FaultyS3, kind: Any) -> None:
    large = os.urandom(3 << 20)
    store.put("a/large", large)
    store.put("a/small", b"small")
    looks: dict[str, Callable[[], Any]] = {
        "get": lambda: store.get("a/large") == large,
        "stream": lambda: b"".join(store.stream("a/large")) == large,
        "list": lambda: list(store.list("")) == ["a/large", "a/small"],
        "scan": lambda: sum(entry.size for entry in store.scan("a")) == len(large) + 5,
        "folders": lambda: list(store.folders()) == ["a"],
        "delete": lambda: store.delete("a/small") or store.get("a/small") is None,
    }
    for name, look in looks.items():
        faulty_s3.fail(fault := Fault(kind, times=1))
        assert look(), name
        assert fault.done == 1, name


def test_a_long_list_goes_on_where_it_broke_off(store: Store, faulty_s3: FaultyS3) -> None:
    keys = [f"keys/{number}" for number in range(5)]
    for key in keys:
        store.put(key, b"")
    for after in range(3):
        faulty_s3.fail(cut := Fault("cut", "GET", after=after), Fault("short", "GET", times=10))
        assert list(store.list("keys")) == keys
        assert cut.done == 1


@pytest.mark.parametrize("kind", ["lost", "busy", "cut"])
def test_patience_ends_with_what_to_do(declared: Callable[[], dict[str, Any]], faulty_s3: FaultyS3, kind: Any) -> None:
    store = opened(declared(), client_max_retries="2")
    store.put("key", b"bytes")
    faulty_s3.fail(Fault(kind, times=10**6))
    for do in (lambda: store.get("key"), lambda: list(store.list("")), lambda: store.delete("key")):
        with pytest.raises(StorageError, match=r"cannot (read|list|delete) '(key)?' in the lake") as said:
            do()
        assert said.value.exit_status == 6
        assert "repeat the command" in str(said.value.hint)


@pytest.fixture(scope="module")
def known() -> list[Any]:
    """Holds what `healthy` has found out."""
    return []


@pytest.fixture
def healthy(project: Callable[..., Any], rows: Callable[..., Any], known: list[Any]) -> Any:
    """What comes of a project where nothing fails, and the calls that it takes."""
    if not known:
        made = project(images=4, declaration=DECLARATION, name="healthy")
        live(made)
        known.append((told(made, rows), sorted(made.calls())))
    return known[0]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_everything_ends_as_on_a_healthy_store(
    project: Callable[..., Any],
    rows: Callable[..., Any],
    healthy: Any,
    declared: Callable[[], dict[str, Any]],
    faulty_s3: FaultyS3,
    fault: str,
    seed: int,
) -> None:
    made = project(images=4, declaration=DECLARATION, lake=declared())
    kind = FAULTS[fault]
    faulty_s3.fail(
        failing := Fault(kind.kind, kind.method, kind.path, 0, kind.times, kind.share, kind.delay_s, seed=seed)
    )
    live(made)
    assert failing.done >= 10
    faulty_s3.fail()
    assert (told(made, rows), sorted(made.calls())) == healthy
    assert_once(made)


@pytest.mark.parametrize("kind", ["lost", "lost in a gateway"])
def test_a_version_whose_answer_got_lost_is_found_landed(
    project: Callable[..., Any],
    rows: Callable[..., Any],
    healthy: Any,
    declared: Callable[[], dict[str, Any]],
    faulty_s3: FaultyS3,
    kind: Any,
) -> None:
    made = project(images=4, declaration=DECLARATION, lake=declared())

    # Repeated, the put is told that there is one; or it loses that answer too, until the client gives up.
    faulty_s3.fail(lost := Fault(kind, PUTS, r"\.lance/_versions/\d+\.manifest$", times=10**6, share=0.8))
    live(made)
    assert lost.done >= sum(healthy[0]["versions"].values())
    faulty_s3.fail()
    assert (told(made, rows), sorted(made.calls())) == healthy
    assert_once(made)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_fails_repeating_the_command_is_enough(
    project: Callable[..., Any],
    rows: Callable[..., Any],
    healthy: Any,
    declared: Callable[[], dict[str, Any]],
    faulty_s3: FaultyS3,
    seed: int,
) -> None:
    """Also lists that Lance itself reads may break off, and stores be down for longer than clients have patience."""
    lake = declared()
    lake["options"] |= {"client_max_retries": "2"}
    made = project(images=4, declaration=DECLARATION, lake=lake)
    kinds: tuple[Any, ...] = ("lost", "lost in a gateway", "busy", "cut")
    faults = [Fault(kind, times=10**6, share=0.05, seed=seed * 10 + n) for n, kind in enumerate(kinds)]
    faulty_s3.fail(*faults)
    refused = live(made, repeated)
    faulty_s3.fail()
    assert refused and all(fault.done for fault in faults)
    assert all(finding.fixed for finding in made.open().doctor().findings)
    ended = told(made, rows)
    assert (ended["rows"], ended["current"]) == (healthy[0]["rows"], healthy[0]["current"])
    assert ended["versions"] == healthy[0]["versions"]
    assert set(made.calls()) == set(healthy[1])
    assert_once(made)


def test_an_archive_whose_answers_get_lost_loses_and_doubles_no_run(
    project: Callable[..., Any],
    answers: Callable[..., Any],
    declared: Callable[[], dict[str, Any]],
    faulty_s3: FaultyS3,
) -> None:
    made = project(lake=declared(), images=2)
    made.apply()
    before = answers(made.open())
    store = made.open().lake.store
    faulty_s3.fail(lost := Fault("lost", PUTS, "_mmreg/runs.lance/_versions"))
    archive(store)
    assert lost.done == 1
    faulty_s3.fail()
    assert max(Counter(run.id for run in iter_runs(store)).values()) == 1
    (made.folder / ".mmreg" / "catalog.db").unlink()
    assert answers(made.open()) == before


def live(made: Any, do: Callable[[Callable[[], Any]], int] = lambda step: step() and 0) -> int:
    """Ingest, score, select, promote; then the source moves on and all of it again."""
    refused = 0
    for turn in range(2):
        if turn:
            made.draw("new", "a new picture")
            made.erase("002")
        refused += do(made.apply)
        refused += do(lambda: made.open().promote("train@latest"))
    return refused


def repeated(step: Callable[[], Any]) -> int:
    """Repeat ``step`` for as long as the store fails it; returns how often that was."""
    for refused in range(50):
        try:
            step()
        except StorageError as error:
            assert error.exit_status == 6
        else:
            return refused
    raise AssertionError("no patience is enough")


def told(made: Any, rows: Callable[..., Any]) -> dict[str, Any]:
    registry = made.open()
    datasets = registry.ls()
    return {
        "rows": {dataset.name: by_source(rows(registry, f"{dataset.name}@latest")) for dataset in datasets},
        "versions": {dataset.name: dataset.versions for dataset in datasets},
        "current": {dataset.name: (dataset.current, dataset.promoted) for dataset in datasets},
        "runs": Counter((run.job.kind, run.job.name, run.state.value) for run in registry.runs()),
    }


def by_source(rows: dict[bytes, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows by what they were made from, without times of files."""
    said = {}
    for row in rows.values():
        source = row.pop("_source")
        said[source["uri"]] = row
    return said


def assert_once(made: Any) -> None:
    """Versions are numbered without gap or double, each has its run; nothing is left to mend or to clear away."""
    registry = made.open()
    for summary in registry.ls():
        versions = registry.log(summary.name)
        assert [entry.ref for entry in reversed(versions)] == [f"{summary.name}@v{n + 1}" for n in range(len(versions))]
        assert registry.lake.table(summary.name).version == len(versions)
    assert registry.doctor().findings == ()
    assert not [key for key in registry.lake.store.list("_mmreg/leases")]
    assert not [key for key in registry.lake.store.list("_mmreg/stage") if key.endswith(".arrow")]


def test_the_proxy_hands_on_what_it_gets(faulty_s3: FaultyS3, store: Store, tmp_path: Path) -> None:
    store.put("a", data := os.urandom(1 << 20))
    assert store.get("a") == data
    assert {seen.fault for seen in faulty_s3.seen} == {None}
