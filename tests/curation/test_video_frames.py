"""video_frames on small real videos: which frames, when they were, and what cannot be used."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mmreg.curation.protocol import Recipe
from mmreg.curation.video_frames import VideoFrames
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type


@pytest.fixture(scope="module")
def video() -> Callable[..., bytes]:
    """``video(frames=20, rate=10)``: a video whose n-th frame has the grey level 10 * n."""

    def make(frames: int = 20, rate: int = 10, width: int = 64, container: str = "mp4") -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as out:
            stream = out.add_stream("mpeg4", rate=rate)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            for number in range(frames):
                pixels = np.full((48, width, 3), 10 * number % 250, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode())
        return buffer.getvalue()

    return make


def frames(data: list[bytes | None], **params: Any) -> list[dict[str, Any]]:
    operator = VideoFrames(Recipe(params=params, columns={"video": "video"}))
    operator.open()
    cells = [None if cell is None else {"bytes": cell} for cell in data]
    answer = operator(pa.record_batch({"video": pa.array(cells, media_type("video"))}))
    assert answer.schema.names == ["_row", *operator.outputs().names, "error"]
    assert [answer.schema.field(name).type for name in operator.outputs().names] == operator.outputs().types
    return answer.to_pylist()


def grey(row: dict[str, Any]) -> float:
    return float(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("L")).mean())


def test_a_frame_every_half_second(video: Callable[..., bytes]) -> None:
    rows = frames([video(frames=20, rate=10), video(frames=3, rate=10)], every_s=0.5, format="png")
    assert [row["_row"] for row in rows] == [0, 0, 0, 0, 1]
    assert [row["index"] for row in rows] == [0, 1, 2, 3, 0]
    assert [row["time_s"] for row in rows] == pytest.approx([0, 0.5, 1.0, 1.5, 0])
    assert [grey(row) for row in rows] == pytest.approx([0, 50, 100, 150, 0], abs=4)
    assert {(row["image"]["format"], row["image"]["width"], row["image"]["height"]) for row in rows} == {
        ("PNG", 64, 48)
    }
    assert all(row["error"] is None and len(row["image"]["sha256"]) == 32 for row in rows)


def test_tenths_of_seconds_are_met_though_no_float_is_one(video: Callable[..., bytes]) -> None:
    rows = frames([video(frames=12, rate=10)], every_s=0.1)
    assert [row["time_s"] for row in rows] == pytest.approx([number / 10 for number in range(12)])


def test_every_frame_up_to_a_number(video: Callable[..., bytes]) -> None:
    rows = frames([video(frames=9)], every_s=0, max_frames=4)
    assert [grey(row) for row in rows] == pytest.approx([0, 10, 20, 30], abs=4)
    assert {row["image"]["format"] for row in rows} == {"JPEG"}


def test_frames_between_the_steps_are_the_next_ones(video: Callable[..., bytes]) -> None:
    rows = frames([video(frames=20, rate=4)], every_s=0.6)
    assert [row["time_s"] for row in rows] == pytest.approx([0, 0.75, 1.25, 2.0, 2.5, 3.0, 3.75, 4.25])


def test_the_same_video_gives_the_same_bytes(video: Callable[..., bytes]) -> None:
    data = video()
    assert frames([data]) == frames([data])


def test_what_is_no_video_is_an_error_row_beside_its_neighbours(video: Callable[..., bytes]) -> None:
    whole = video()
    silent = io.BytesIO()
    with av.open(silent, "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    rows = frames([whole, None, b"no video at all", whole[: len(whole) // 2], silent.getvalue(), whole], every_s=1.5)
    assert [(row["_row"], row["error"] and row["error"].partition(":")[0]) for row in rows] == [
        (0, None), (0, None), (1, "null_value"), (2, "unreadable"), (3, "unreadable"), (4, "no_video"),
        (5, None), (5, None),
    ]  # fmt: skip
    assert all(row["image"] is None and row["index"] is None for row in rows if row["error"])


def test_too_many_pixels_are_not_decoded(video: Callable[..., bytes]) -> None:
    [row] = frames([video(frames=2)], max_pixels=1000)
    assert row["error"] == "pixel_limit: 64 x 48 = 3,072 pixels, the limit is 1,000"


@pytest.mark.parametrize("params", [{"every_s": -1.0}, {"max_frames": 0}, {"format": "webp"}, {"rate": 1}])
def test_senseless_params_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        VideoFrames(Recipe(params=params))


DECLARATION = """
version: 1
project: moving
lake: {lake}
datasets:
  clips:
    source: {{type: jsonl, path: clips.jsonl, media_root: clips}}
    columns:
      video: {{type: video, storage: reference}}
      title: {{type: text}}
passes:
  frames:
    {{from: clips, into: stills, use: video_frames, inputs: {{video: video}}, params: {{every_s: 0.5, format: png}}}}
  stats:  {{from: stills, use: image_stats, inputs: {{image: image}}}}
  bright: {{from: stills, into: bright, use: filter, where: "brightness > 0.3"}}
checks:
  stills:
    - {{check: image_decodes, column: image}}
    - {{check: lineage.single_generation, column: brightness}}
"""


def test_frames_are_a_dataset_of_images_with_their_videos(
    project: Callable[..., Any], video: Callable[..., bytes]
) -> None:
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "clips").mkdir()
    lines = []
    for number, frames_ in enumerate((20, 12)):
        (small.folder / "clips" / f"{number}.mp4").write_bytes(video(frames=frames_))
        lines.append(json.dumps({"video": f"{number}.mp4", "title": f"clip {number}"}))
    (small.folder / "clips.jsonl").write_text("\n".join(lines) + "\n")
    report = {step.name: step for step in small.apply().steps}
    assert (report["frames"].computed, report["stats"].computed, report["bright"].rows) == (2, 7, 3)
    registry = small.open()
    titles = {row["sample_id"]: row["title"] for row in registry.query("clips@latest")}
    found = [
        (
            titles[row["parent"]["sample_id"]],
            row["time_s"],
            row["index"],
            row["image"]["width"],
            row["parent"]["dataset"],
        )
        for row in registry.query("stills@latest")
    ]
    times = [("clip 0", 0.0, 0), ("clip 0", 0.5, 1), ("clip 0", 1.0, 2), ("clip 0", 1.5, 3)]
    times += [("clip 1", 0.0, 0), ("clip 1", 0.5, 1), ("clip 1", 1.0, 2)]
    assert sorted(found) == [(title, time, index, 64, "clips") for title, time, index in times]
    [checked] = registry.validate("stills@latest")
    assert checked.ok
    kinds = {column.name: column.type for column in registry.show("stills@latest").columns}
    assert (kinds["image"], kinds["time_s"]) == ("image", "double")
    assert {node.ref.partition("@")[0] for node in registry.lineage("bright@latest").nodes} >= {
        "clips",
        "stills",
        "bright",
    }
    assert {step.outcome for step in small.apply().steps} == {"unchanged"}
