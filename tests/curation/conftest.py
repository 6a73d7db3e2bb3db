"""Images as a lake holds them, and a way to run a pass on a column."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import LoadedModel, Recipe
from mmreg.registry.weights import digest_weights
from mmreg.schemas.arrow import media_type


@pytest.fixture(scope="session")
def opened() -> Callable[..., Callable[..., list[dict[str, Any]]]]:
    """``opened("image_stats", ["image"])(image=[...bytes...])``: a pass, and the rows that it makes of cells."""

    def opened(
        use: str, names: Sequence[str], params: dict[str, Any] | None = None, model: LoadedModel | None = None
    ) -> Callable[..., list[dict[str, Any]]]:
        recipe = Recipe(params=params or {}, model=model, columns={name: name for name in names})
        operator = load_pass(use)(recipe)
        operator.open()

        def rows(**columns: Sequence[Any]) -> list[dict[str, Any]]:
            made = operator(pa.record_batch({name: _column(name, cells) for name, cells in columns.items()}))
            promised = operator.outputs()
            assert made.schema.names[: len(promised)] == promised.names
            assert [made.schema.field(name).type for name in promised.names] == promised.types
            return made.to_pylist()

        return rows

    return opened


@pytest.fixture(scope="session")
def answer(opened: Callable[..., Callable[..., list[dict[str, Any]]]]) -> Callable[..., list[dict[str, Any]]]:
    """``answer("image_stats", image=[...bytes...])``: open a pass for one batch."""

    def answer(
        use: str, params: dict[str, Any] | None = None, model: LoadedModel | None = None, **columns: Sequence[Any]
    ) -> list[dict[str, Any]]:
        return opened(use, list(columns), params, model)(**columns)

    return answer


def _column(name: str, cells: Sequence[Any]) -> pa.Array[Any]:
    if name != "image":
        return pa.array(cells, pa.string())
    return pa.array([None if cell is None else {"bytes": cell} for cell in cells], media_type("image"))


@pytest.fixture(scope="session")
def open_clip_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A small open_clip model of random weights, saved as its trainings save one."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("open_clip")
    vision = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64}
    text = {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1}
    config = {"embed_dim": 12, "vision_cfg": vision, "text_cfg": text}
    declared = tmp_path_factory.mktemp("configs") / "mmreg-tiny.json"
    declared.write_text(json.dumps(config))
    open_clip.add_model_config(declared)
    torch.manual_seed(0)
    model = open_clip.create_model("mmreg-tiny")
    preprocess = open_clip.get_model_preprocess_cfg(model)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return LoadedModel(digest_weights(folder, name="tiny"), folder)


@pytest.fixture(scope="session")
def transformers_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A small CLIP of transformers of random weights, with a tokenizer trained on a few words."""
    import tokenizers
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("transformers")
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    words = tokenizers.Tokenizer(tokenizers.models.BPE())
    words.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train_from_iterator(["a red circle above a blue square", "two dogs"], trainer)
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 0), ("<|endoftext|>", 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    config = transformers.CLIPConfig(
        text_config={
            **tower, "vocab_size": len(words.get_vocab()), "max_position_embeddings": 12,
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
        },
        vision_config={**tower, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    return LoadedModel(digest_weights(folder, name="tiny-hf"), folder)


@pytest.fixture(params=["open_clip", "transformers"])
def clip_model(request: pytest.FixtureRequest) -> LoadedModel:
    """Either of the two."""
    model: LoadedModel = request.getfixturevalue(f"{request.param}_model")
    return model


@pytest.fixture(scope="session")
def llava_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A small LLaVA of random weights: what it says has no sense, and depends on prompt and images."""
    import tokenizers
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("llava")
    words = tokenizers.Tokenizer(tokenizers.models.BPE())
    words.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    words.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "<s>", "</s>", "<image>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train_from_iterator(["a red circle above a blue square", "two dogs"], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer=tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for message in messages %}{{ message.role }}: {% for part in message.content %}"
            "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}"
            "{% endfor %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
        ),
    ).save_pretrained(folder)
    size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**size, image_size=32, patch_size=16),
        text_config=transformers.LlamaConfig(
            **size, vocab_size=len(words.get_vocab()), max_position_embeddings=512,
            bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.5,
        ),
        image_token_index=3,
        vision_feature_layer=-1,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlavaForConditionalGeneration(config)
    for parameter in model.model.multi_modal_projector.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # so that images matter
    transformers.logging.disable_progress_bar()
    model.save_pretrained(folder)
    transformers.logging.enable_progress_bar()
    return LoadedModel(digest_weights(folder, name="llava"), folder)
