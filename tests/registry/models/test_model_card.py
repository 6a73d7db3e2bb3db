"""Directories as the Hugging Face hub has them: configuration, model card, adapters; hostile ones say nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.registry.model_card import Card, read_card
from mmreg.schemas.model import Component

CARD = """---
license: apache-2.0
base_model: org/llm
datasets: [org/pairs, org/chats]
tags: [x]
---
# A model
"""
CONFIG = {
    "architectures": ["LlavaForConditionalGeneration"],
    "model_type": "llava",
    "_name_or_path": "/home/somebody/out",
    "vision_config": {"hidden_size": 8},
    "text_config": {"hidden_size": 8},
}


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., Card]:
    """What is read of files with these contents."""

    def read(**files: str | bytes | dict[str, Any]) -> Card:
        paths = {}
        for name, content in files.items():
            file = tmp_path / {"readme": "README.md"}.get(name, f"{name}.json")
            text = json.dumps(content) if isinstance(content, dict) else content
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths[file.name] = file
        return read_card(paths)

    return read


def test_what_a_directory_says_of_itself(card: Callable[..., Card]) -> None:
    found = card(readme=CARD, config=CONFIG)
    assert found.license == "apache-2.0"
    assert found.components == (Component("vision"), Component("text"))
    assert found.facts == {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "base_model": ["org/llm"],
        "datasets": ["org/pairs", "org/chats"],
    }
    assert "somebody" not in str(found), "no path of somebody's machine"
    assert card(readme="---\nlicense: other\nlicense_name: qwen\n---\n").license == "qwen"
    assert card(config={"_name_or_path": "org/before"}).facts == {"base_model": ["org/before"]}


@pytest.mark.parametrize(
    "readme",
    [
        "# no front matter",
        "---\nlicense: [mit\n---\n",
        "---\nlicense: !!python/object/apply:os.system [id]\n---\n",
        "---\n- a list\n---\n",
        "---\nlicense: {a: b}\ndatasets: {c: d}\nbase_model: [1, null, '../../etc/passwd', 'a b', \"\\e[31m\"]\n---\n",
        '---\nlicense: "\\e[31mmit"\n---\n',
        b"\xff\xfe---\n",
        "---\n" + "a: " + "[" * 5000 + "\n---\n",
    ],
)
def test_cards_that_say_nothing(card: Callable[..., Card], readme: str | bytes) -> None:
    assert card(readme=readme) == Card()


@pytest.mark.parametrize(
    "config", ["{", "[]", b"\xff", "[" * 100_000, '{"architectures": {"a": 1}, "vision_config": 3}']
)
def test_configurations_that_say_nothing(card: Callable[..., Card], config: str | bytes) -> None:
    assert card(config=config, adapter_config=config) == Card()


def test_a_directory_of_the_hub_registers_with_its_licence_and_its_parts(
    notes: Any, weights: Callable[..., Path]
) -> None:
    registry = notes.open()
    folder = weights("vlm", vision_tower__x=1, language_model__x=2)
    (folder / "README.md").write_text(CARD)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    model = registry.model_add(folder, "vlm")
    assert (model.license, model.framework, model.base) == ("apache-2.0", "transformers", None)
    assert [part.name for part in model.components if part.digest] == ["text", "vision"], (
        "files know more than the card"
    )
    assert model.facts["datasets"] == ["org/pairs", "org/chats"]
    assert registry.model_add(folder, "vlm", license="mit").license == "mit", "who says it here is believed"


def test_an_adapter_finds_the_model_that_it_is_for(notes: Any, weights: Callable[..., Path]) -> None:
    registry = notes.open()
    folder = weights("lora", base_model__model__layers__0__lora_A=1)
    said = {"base_model_name_or_path": "org/llm", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(said))
    alone = registry.model_add(folder, "lora")
    assert (alone.base, alone.framework, alone.facts["adapter"]) == (None, "peft", "LORA")
    assert alone.facts["base_model"] == ["org/llm"], "known by name, as it is not registered here"

    base = weights("llm", layers__0=3)
    declared = f"\nmodels:\n  llm: {{uri: 'hf://org/llm', revision: {'a' * 40}, framework: transformers}}\n"
    hub = notes.folder / "hub" / "models--org--llm" / "snapshots" / ("a" * 40)
    hub.parent.mkdir(parents=True)
    base.rename(hub)
    (notes.folder / "mmreg.yaml").write_text((notes.folder / "mmreg.yaml").read_text() + declared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(notes.folder / "hub"))
        notes.apply("llm")
        registry = notes.open()
        known = registry.model("llm")
        found = registry.model_add(folder, "lora")
    assert found.base == f"llm@{known.digest[:16]}"
    (part,) = found.components
    assert (part.name, part.frozen, part.model) == ("base", True, found.base)
    assert any(node.name == "llm" for node in registry.lineage("model:lora").nodes)
