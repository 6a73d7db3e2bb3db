"""References parse and format themselves: parse after format is the identity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.refs import NAME, ModelRef, NodeRef, VersionRef, check_name

names = st.from_regex(NAME, fullmatch=True).filter(lambda name: not name.endswith(".lock"))
selectors = st.none() | names
versions = st.builds(VersionRef, names, selectors)
models = st.builds(ModelRef, names, selectors)
nodes = st.one_of(
    versions.map(lambda ref: NodeRef("version", str(ref))),
    models.map(lambda ref: NodeRef("model", str(ref))),
    st.from_regex(r"[A-Za-z0-9.-]{1,40}", fullmatch=True).map(lambda run: NodeRef("run", run)),
    st.from_regex(r"[0-9a-f]{4,64}", fullmatch=True).map(lambda digest: NodeRef("digest", digest)),
    st.builds(
        lambda ref, column: NodeRef("version", str(ref), column),
        versions.filter(lambda ref: ref.dataset not in ("model", "run", "source", "sha256")),
        st.text(min_size=1),
    ),
)


@settings(deadline=None, max_examples=100)
@given(versions)
def test_versions(ref: VersionRef) -> None:
    assert VersionRef.parse(str(ref)) == ref


@settings(deadline=None, max_examples=100)
@given(models)
def test_models(ref: ModelRef) -> None:
    assert ModelRef.parse(str(ref)) == ref


@settings(deadline=None, max_examples=100)
@given(nodes)
def test_nodes(ref: NodeRef) -> None:
    assert NodeRef.parse(str(ref)) == ref


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30) | st.from_regex(r"[a-z:@./ -]{0,20}", fullmatch=True))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    for kind in (VersionRef, ModelRef, NodeRef):
        try:
            ref = kind.parse(text)
        except UsageError as error:
            assert error.exit_status == 2
        else:
            assert str(ref) == text and kind.parse(str(ref)) == ref


@settings(deadline=None, max_examples=100)
@given(names, st.integers(1, 10**8))
def test_ordinals(name: str, ordinal: int) -> None:
    ref = VersionRef.at(name, ordinal, "0" * 32)
    assert str(ref) == f"{name}@v{ordinal}" and ref.ordinal == ordinal and ref.uuid_prefix is None


@settings(deadline=None, max_examples=100)
@given(names, st.uuids(), st.integers(4, 36))
def test_every_beginning_of_a_uuid_may_be_one(name: str, uuid: object, length: int) -> None:
    prefix = str(uuid)[:length]
    assert VersionRef.parse(f"{name}@{prefix}").uuid_prefix == prefix


@pytest.mark.parametrize("selector", ["latest", "champion", "v0", "v01", "abc", "2024"])
def test_other_selectors_are_no_ordinals(selector: str) -> None:
    assert VersionRef("d", selector).ordinal is None


@pytest.mark.parametrize(
    "text",
    ["", "@v1", "a@", "a b", "../a", "a/b", "-a", ".a", "_a", "ä", "a\n", "a" * 101, "a@b@c", "a.lock", "a@x.lock"],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(UsageError):
        VersionRef.parse(text)
    with pytest.raises(UsageError):
        ModelRef.parse(text)


@pytest.mark.parametrize(
    "text", ["model:", "run:", "sha256:", "sha256:xyz", "sha256:abc", "a b:c", "a:", ":a", "model:a b"]
)
def test_what_is_no_node(text: str) -> None:
    with pytest.raises(UsageError):
        NodeRef.parse(text)


def test_messages_say_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"Try: clip@champion or clip"):
        ModelRef.parse("clip@")
    with pytest.raises(UsageError, match="'a b' is no pass name"):
        check_name("a b", "pass name")
