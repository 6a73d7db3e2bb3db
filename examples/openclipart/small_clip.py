"""A CLIP that learns in minutes on two cores: open_clip's model and loss, tensors in, numbers out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

PIXELS = 64
SHIFT = 4
WHITE = 1.0
"""A white pixel, normalised."""
RANKS = (1, 5, 10)
WARM_UP = 20

SIZES: dict[str, dict[str, Any]] = {
    "small": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": PIXELS, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 2},
    },
    "tiny": {
        "embed_dim": 64,
        "vision_cfg": {"image_size": PIXELS, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
    },
}
PREPROCESS = {
    "size": PIXELS, "mode": "RGB", "mean": [0.5] * 3, "std": [0.5] * 3,
    "interpolation": "bicubic", "resize_mode": "longest", "fill_color": 255,
}  # fmt: skip

Tokenizer = Callable[[Sequence[str]], torch.Tensor]


def create(size: str) -> tuple[open_clip.CLIP, Tokenizer]:
    """A fresh model of `SIZES`, drawn by torch's own seed, with its tokenizer."""
    model = open_clip.CLIP(**SIZES[size])
    return model, open_clip.SimpleTokenizer(context_length=model.context_length)


def save(model: open_clip.CLIP, size: str, folder: Path) -> None:
    """Write ``folder`` so that open_clip opens it as ``local-dir:<folder>``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": SIZES[size], "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")


def train(
    model: open_clip.CLIP,
    images: torch.Tensor,
    tokens: torch.Tensor,
    *,
    steps: int,
    batch: int,
    seed: int,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Contrast ``images`` (n x 64 x 64 x 3 bytes) with ``tokens`` for ``steps`` batches."""
    draw = torch.Generator().manual_seed(seed)
    loss_of = open_clip.ClipLoss()
    model.to(memory_format=torch.channels_last)  # a third less time in the convolutions of a CPU
    optimizer = _optimizer(model)
    model.train()
    for step, chosen in zip(range(steps), _batches(len(images), batch, draw), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * _schedule(step, steps)
        loss = loss_of(*model(_shifted(_normalised(images[chosen]), draw), tokens[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        report(step, loss.item())
    model.eval()


@torch.inference_mode()
def recall(model: open_clip.CLIP, images: torch.Tensor, tokens: torch.Tensor) -> dict[str, dict[int, float]]:
    """The share of pairs whose partner is among the k nearest, by direction (`t2i`, `i2t`) and k."""
    image = torch.cat([model.encode_image(_normalised(part), normalize=True) for part in images.split(256)])
    text = torch.cat([model.encode_text(part, normalize=True) for part in tokens.split(256)])
    likeness = text @ image.T
    return {"t2i": _recall(likeness), "i2t": _recall(likeness.T)}


def _optimizer(model: open_clip.CLIP) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    # Fused: a tenth of the time that the plain one takes over the vocabulary.
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)


def _schedule(step: int, steps: int) -> float:
    """Warm-up, then half a cosine down to nothing."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def _batches(rows: int, size: int, draw: torch.Generator) -> Iterator[torch.Tensor]:
    """Shuffled batches of ``size`` rows, epoch after epoch; what fills no batch is left out of its epoch."""
    while True:
        order = torch.randperm(rows, generator=draw)
        yield from (part for part in order.split(size) if len(part) == size)


def _normalised(images: torch.Tensor) -> torch.Tensor:
    """Bytes as `PREPROCESS` has them: channels first, -1 to 1."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def _shifted(images: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Each image moved by up to ``SHIFT`` pixels, white coming in."""
    padded = torch.nn.functional.pad(images, (SHIFT,) * 4, value=WHITE)
    offsets = torch.randint(0, 2 * SHIFT + 1, (len(images), 2), generator=draw).tolist()
    moved = [image[:, y : y + PIXELS, x : x + PIXELS] for image, (y, x) in zip(padded, offsets, strict=True)]
    return torch.stack(moved).contiguous(memory_format=torch.channels_last)


def _recall(likeness: torch.Tensor) -> dict[int, float]:
    # Where several are equally near, the partner counts as the last of them: a constant model scores nothing.
    own = likeness.diagonal().unsqueeze(1)
    before = (likeness >= own).sum(dim=1) - 1
    return {k: (before < k).float().mean().item() for k in RANKS}
