"""Names on the command line: those that hold photographs, and a sentence for the others."""

from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.inference.addresses import hide_password, is_address, is_live, names_video
from agelens.inference.inputs import about_video, locate


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "photos" / name for name in ("a.jpg", "b.png")]
    files[0].parent.mkdir()
    for file in files:
        file.touch()
    return files


def test_a_mistyped_name_keeps_the_others(photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    wrong = [tmp_path / "gone.jpg", tmp_path / "*.gif", tmp_path / "empty", tmp_path / ("x" * 300 + ".jpg")]
    located = locate([wrong[0], photos[0], *wrong[1:], tmp_path / "photos"])
    assert list(located.found) == photos
    assert located.found[photos[1]] == Path("b.png")
    assert [str(name) in sentence for name, sentence in zip(wrong, located.errors, strict=True)] == [True] * 4
    assert "does not exist" in located.errors[0]
    assert "fits no file" in located.errors[1]
    assert "holds no image" in located.errors[2]


def test_all_names_that_are_mistyped_are_told(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError) as caught:
        locate([tmp_path / "gone.jpg", tmp_path / "lost.jpg"])
    for name in ("gone.jpg", "lost.jpg"):
        assert f"{tmp_path / name} does not exist" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://camera/1", "rtsp://camera/1"),
        ("rtsp://me:secret@10.0.0.7:554/live?x=1", "rtsp://me:***@10.0.0.7:554/live?x=1"),
        ("http://example.org/live/index.m3u8", "http://example.org/live/index.m3u8"),
        ("https://example.org/index.m3u8?token=a/b", "https://example.org/index.m3u8?token=a/b"),
        ("https://example.org/clip.MP4", "https://example.org/clip.MP4"),
        ("rtmp://example.org/app", "rtmp://example.org/app"),
        ("udp://239.0.0.1:1234", "udp://239.0.0.1:1234"),
    ],
)
def test_the_address_of_a_video_names_the_option(text: str, shown: str) -> None:
    assert (
        about_video(Path(text)) == f"{shown} is a video and not a photograph; give it as --video '{shown}'."
    )
    assert names_video(text)
    assert is_address(text)
    with pytest.raises(AgeLensError, match="--video"):
        locate([Path(text)])


def test_what_is_no_video_is_left_to_others(tmp_path: Path) -> None:
    for text in ("https://example.org/a.jpg", "https://example.org/", "C:/a.mp4", "a.mp4", "photos/a.jpg"):
        assert about_video(Path(text)) is None
    assert not is_address("C:/clip.mp4")
    assert not is_address("rtsp:/camera")
    assert [is_live(text) for text in ("rtsp://a/b", "RTSP://a", "https://a/b.m3u8", "clip.mp4")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert hide_password("rtsp://a/b:c@d") == "rtsp://a/b:c@d"


HEADS = {
    "clip.mp4": b"", "CLIP.MOV": b"", "no ending": b"\0\0\0\x20ftypisom\0\0\2\0", "phone.tmp": b"\0\0\0\x14ftypqt  ",
    "recording": b"\x1aE\xdf\xa3\x9fB\x86", "old.bin": b"RIFF\0\0\0\0AVI LIST",
}  # fmt: skip
NO_VIDEOS = {
    "a.jpg": b"\xff\xd8\xff", "heic": b"\0\0\0\x18ftypheic", "avif": b"\0\0\0\x18ftypavif",
    "webp": b"RIFF\0\0\0\0WEBPVP8 ",
    "video.jpg": b"\0\0\0\x20ftypisom", "empty": b"",
}  # fmt: skip


def test_a_video_among_photographs_names_the_option(photos: list[Path], tmp_path: Path) -> None:
    for name, head in {**HEADS, **NO_VIDEOS}.items():
        (tmp_path / name).write_bytes(head)
    for name in HEADS:
        located = locate([photos[0], tmp_path / name])
        assert list(located.found) == photos[:1]
        (error,) = located.errors
        assert (
            error
            == f"{tmp_path / name} is a video and not a photograph; give it as --video '{tmp_path / name}'."
        )
    for name in NO_VIDEOS:
        assert about_video(tmp_path / name) is None
