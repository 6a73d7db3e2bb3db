"""A run is an on-disk format: what was written is read back, by this and by later releases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.run import FORMAT, Job, JobKind, Run, RunInput, RunState, VersionOutput

texts = st.text(st.characters(codec="utf-8"), max_size=12)
facts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
columns = st.lists(texts, max_size=3).map(tuple)
inputs = st.builds(
    RunInput,
    kind=st.sampled_from(["version", "checkpoint", "source"]),
    id=texts,
    ref=texts,
    role=st.sampled_from(["used", "curated_by", "trained_on", "init_from", "evaluated_on"]),
    columns=columns,
)
outputs = st.builds(
    VersionOutput,
    dataset=texts,
    uuid=texts,
    ordinal=st.integers(1),
    kind=st.sampled_from(["root", "derived"]),
    rows=st.integers(0),
    rejected=st.integers(0),
    lance_version=st.none() | st.integers(1),
    roots=st.lists(st.dictionaries(texts, facts, max_size=2), max_size=2).map(tuple),
    columns=columns,
)
checkpoints = st.builds(
    Checkpoint,
    name=texts,
    digest=texts,
    path=st.none() | texts,
    files=st.dictionaries(texts, texts, max_size=2),
    size_bytes=st.integers(0),
    opaque=st.booleans(),
    components=st.lists(
        st.builds(Component, name=texts, digest=st.none() | texts, frozen=st.booleans()), max_size=2
    ).map(tuple),
    facts=st.dictionaries(texts, facts, max_size=2),
)
runs = st.builds(
    Run,
    id=texts,
    job=st.builds(Job, kind=st.sampled_from(get_args(JobKind)), name=texts),
    state=st.sampled_from(RunState),
    started_at=texts,
    ended_at=texts,
    inputs=st.lists(inputs, max_size=3).map(tuple),
    outputs=st.lists(outputs, max_size=3).map(tuple),
    checkpoints=st.lists(checkpoints.map(lambda c: json.loads(json.dumps(c.to_dict()))), max_size=2).map(tuple),
    facets=st.dictionaries(texts, facts, max_size=3),
    declared=st.booleans(),
    tool=texts,
)


@settings(deadline=None, max_examples=40)
@given(runs)
def test_a_run_reads_back_as_itself(run: Run) -> None:
    written = run.to_json()
    assert "\n" not in written
    assert Run.from_json(written) == run
    assert Run.from_json(written).to_json() == written


@settings(deadline=None, max_examples=40)
@given(checkpoints)
def test_a_checkpoint_reads_back_as_itself(checkpoint: Checkpoint) -> None:
    written = json.loads(json.dumps(checkpoint.to_dict()))
    assert Checkpoint.from_dict(written) == checkpoint


@settings(deadline=None, max_examples=40)
@given(runs)
def test_fields_of_a_later_release_are_passed_over(run: Run) -> None:
    later = json.loads(run.to_json())
    later["new"] = 1
    for part in (*later["inputs"], *later["outputs"]):
        part["new"] = {"x": 1}
    assert Run.from_json(json.dumps(later)) == run


def test_the_format_of_the_first_release() -> None:
    """What this release wrote once must stay readable: change this text never, only add texts beside it."""
    text = (
        '{"checkpoints":[],"declared":true,"ended_at":"2026-01-01T00:00:01.000000Z",'
        '"facets":{"pass":{"generation":"00ff"}},"format":1,"id":"20260101T000000.000000Z-0123456789",'
        '"inputs":[{"columns":["image"],"id":"u0","kind":"version","ref":"pairs@v1","role":"used"}],'
        '"job":{"kind":"pass","name":"stats"},'
        '"outputs":[{"columns":["width"],"dataset":"pairs","kind":"root","lance_version":null,"ordinal":2,'
        '"rejected":1,"roots":[],"rows":3,"uuid":"u1"}],'
        '"started_at":"2026-01-01T00:00:00.000000Z","state":"complete","tool":"mmreg 0.1.0"}'
    )
    run = Run(
        id="20260101T000000.000000Z-0123456789",
        job=Job("pass", "stats"),
        state=RunState.COMPLETE,
        started_at="2026-01-01T00:00:00.000000Z",
        ended_at="2026-01-01T00:00:01.000000Z",
        inputs=(RunInput("version", "u0", "pairs@v1", columns=("image",)),),
        outputs=(VersionOutput("pairs", "u1", 2, "root", 3, rejected=1, columns=("width",)),),
        facets={"pass": {"generation": "00ff"}},
        tool="mmreg 0.1.0",
    )
    assert Run.from_json(text) == run and run.format == FORMAT
    assert json.loads(text).keys() <= json.loads(run.to_json()).keys()
    assert run.outputs[0].ref == "pairs@v2"


@settings(deadline=None, max_examples=40)
@given(runs, outputs)
def test_an_output_takes_the_place_of_its_own_kind(run: Run, output: VersionOutput) -> None:
    once = run.with_output(output)
    assert output in once.outputs
    landed = replace(output, lance_version=7)
    assert once.with_output(landed).outputs.count(landed) == 1
    assert output.lance_version == 7 or output not in once.with_output(landed).outputs
    kept = [o for o in run.outputs if o.uuid != output.uuid]
    assert [o for o in once.outputs if o.uuid != output.uuid] == kept
