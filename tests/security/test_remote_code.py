"""Directories of models that bring code along: it is never run, and the error says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmreg.curation.captioner import Params, open_captioner
from mmreg.curation.encoder import open_encoder
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MmregError
from mmreg.registry.weights import digest_weights

CODE = "import os; os.mkdir({nest!r})\n" + "".join(
    f"class {name}: pass\n" for name in ("Model", "Processor", "Config", "Tokenizer")
)
AUTO = {
    "AutoConfig": "code.Config",
    "AutoModel": "code.Model",
    "AutoModelForImageTextToText": "code.Model",
    "AutoProcessor": "code.Processor",
    "AutoTokenizer": ["code.Tokenizer", None],
    "AutoImageProcessor": "code.Processor",
}


@pytest.fixture
def nest(tmp_path: Path) -> Path:
    """What must not be there in the end."""
    return tmp_path / "it_ran"


def model(folder: Path, nest: Path, kind: str) -> LoadedModel:
    folder.mkdir()
    (folder / "code.py").write_text(CODE.format(nest=str(nest)))
    (folder / "__init__.py").write_text(CODE.format(nest=str(nest)))
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(CODE.format(nest=str(nest)))
    config = {"model_type": kind, "auto_map": AUTO, "architectures": ["Model"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "Processor", "auto_map": AUTO}))
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"auto_map": AUTO, "image_processor_type": "Processor"})
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": AUTO, "tokenizer_class": "Tokenizer"}))
    header = b"{}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return LoadedModel(digest_weights(folder, name="coded"), folder)


@pytest.mark.parametrize("kind", ["clip", "mmreg_never_heard_of"])
def test_code_beside_the_weights_never_runs(tmp_path: Path, nest: Path, kind: str) -> None:
    coded = model(tmp_path / "model", nest, kind)
    with pytest.raises(MmregError):
        open_encoder(coded)
    with pytest.raises(MmregError, match=r"cannot load|chat template"):
        open_captioner(coded, Params(), None)
    assert not nest.exists()


def test_open_clip_fetches_no_tower_and_runs_none(tmp_path: Path, nest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        asked.append(where)  # a library may catch what is raised here, and go on without
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    towers = [
        ({"timm_model_name": "hf-hub:somebody/model"}, {}),
        ({"timm_model_name": "resnet18", "timm_model_pretrained": True}, {}),
        ({"timm_model_name": f"local-dir:{tmp_path}"}, {}),
        ({}, {"hf_model_name": "somebody/model"}),
    ]
    for number, (vision, text) in enumerate(towers):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        config = {"model_cfg": {"embed_dim": 8, "vision_cfg": vision, "text_cfg": text}, "preprocess_cfg": {}}
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        (folder / "open_clip_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        with pytest.raises(MmregError, match="none is fetched"):
            open_encoder(LoadedModel(digest_weights(folder, name="far"), folder))
    assert asked == []


def test_a_configuration_that_is_a_tower_of_brackets(tmp_path: Path) -> None:
    for name in ("config.json", "open_clip_config.json"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("[" * 100_000)
        (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        with pytest.raises(MmregError, match="is no JSON object"):
            open_encoder(LoadedModel(digest_weights(folder, name="deep"), folder))


def test_nothing_of_ours_trusts_remote_code() -> None:
    import mmreg

    for file in Path(mmreg.__file__).parent.rglob("*.py"):
        assert "trust_remote_code=True" not in file.read_text(), file
