"""Videos that are no films, or films without end: nothing is fetched, and the work is bounded."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest

from mmreg.curation.protocol import Recipe
from mmreg.curation.video_frames import VideoFrames
from mmreg.schemas.arrow import media_type
from mmreg.validators.media.decode import MAX_PIXELS
from mmreg.validators.media.films import Unusable, opened


def film(frames: int = 20, side: int = 32, rate: int = 10, container: str = "mp4") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        for number in range(frames):
            pixels = np.full((side, side, 3), 10 * number % 250, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()


def taken(*videos: bytes, **params: Any) -> list[str]:
    """For each row of the answer its error's code, or '' for a frame."""
    operator = VideoFrames(Recipe(params=params, columns={"video": "video"}))
    operator.open()
    cells = pa.array([{"bytes": video} for video in videos], media_type("video"))
    answer = operator(pa.record_batch({"video": cells}))
    return [(error or "").partition(":")[0] for error in answer.column("error").to_pylist()]


def test_playlists_and_scripts_fetch_nothing(tmp_path: Path, listener: Any) -> None:
    """FFmpeg would take them for films, and open the files and addresses that they name."""
    (tmp_path / "secret.txt").write_text("secret")
    address = f"{listener.address}/segment.ts"
    playlist = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{address}\n#EXT-X-ENDLIST\n"
    local = playlist.replace(address, f"file://{tmp_path}/secret.txt")
    concat = f"ffconcat version 1.0\nfile '{tmp_path}/secret.txt'\nfile '{address}'\n"
    dash = f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{address}</BaseURL></MPD>'
    sdp = "v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    scripts = [text.encode() for text in (playlist, local, concat, dash, sdp)]
    assert taken(*scripts) == ["unreadable"] * len(scripts)
    assert listener.asked == []


def test_no_source_takes_them_for_films(tmp_path: Path, read: Callable[..., Any]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"#EXTM3U\n")
    (tmp_path / "all.jsonl").write_text('{"video": "a.mp4"}\n')
    assert read({"type": "jsonl", "path": "all.jsonl"}, {"video": {"type": "video"}}).reason == "not_video"


@pytest.mark.parametrize("container", ["mp4", "avi", "matroska"])
def test_cut_and_damaged_films_are_error_rows(container: str) -> None:
    whole = film(container=container)
    rng = np.random.default_rng(7)
    assert taken(whole)[0] == ""
    for _ in range(15):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 8):
            damaged[at] = rng.integers(0, 256)
        assert set(taken(bytes(damaged))) <= {"", "unreadable", "no_video", "pixel_limit", "frame_limit"}
    assert set(taken(whole[:40], whole[: len(whole) // 3], b"")) <= {"", "unreadable"}


def test_a_header_of_huge_pictures(peak: Callable[..., tuple[str, int]], tmp_path: Path) -> None:
    """The track says 60,000 x 60,000; so may the pictures themselves, later than the header."""
    data = bytearray(film())
    at = data.index(b"mp4v") + 28
    assert data[at : at + 4] == b"\0\x20\0\x20"
    data[at : at + 4] = b"\xea\x60\xea\x60"
    (tmp_path / "huge.mp4").write_bytes(data)
    code = """
        import pyarrow as pa
        from mmreg.curation.protocol import Recipe
        from mmreg.curation.video_frames import VideoFrames
        from mmreg.schemas.arrow import media_type
        operator = VideoFrames(Recipe(params={}, columns={"video": "video"}))
        operator.open()
        cells = pa.array([{"bytes": open(sys.argv[1], "rb").read()}], media_type("video"))
        BEGIN
        print(operator(pa.record_batch({"video": cells})).column("error")[0])
    """
    said, grown = peak(code, tmp_path / "huge.mp4")
    assert grown < 200, f"{grown} MiB"
    assert said.startswith(("pixel_limit", "None"))


def test_frames_larger_than_allowed_are_not_taken() -> None:
    assert taken(film(side=64), max_pixels=64 * 64 - 1) == ["pixel_limit"]


def test_frames_without_end_are_not_decoded_without_end() -> None:
    """A film of a thousand frames within a second: 64 are taken of it at most, one at a second's distance."""
    endless = film(frames=120, rate=1000)
    assert taken(endless) == [""]
    assert decoded(endless, most_frames=100) == 100
    assert decoded(endless, most_pixels=100 * 32 * 32) == 100


def decoded(video: bytes, **limits: int) -> int:
    """How many frames come of it, before the limit stops it."""
    frames = 0
    with pytest.raises(Unusable, match="frame_limit"), opened(av, video, MAX_PIXELS, **limits) as found:
        for _ in found.frames():
            frames += 1
    return frames
