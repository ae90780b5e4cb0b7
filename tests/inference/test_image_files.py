import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference.image_files import LeftOut, find_images
from agelens.inference.pictures import name_pictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links need rights there")


def photo(place: Path, form: str = "JPEG") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(place.name)).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(place, form)
    return place


def names(found: dict[Path, Path], folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in found]


def errors(left_out: LeftOut) -> dict[str, str]:
    return {Path(photo.file).name: photo.error for photo in left_out.errors}


def kinds(left_out: LeftOut) -> str:
    said: list[str] = []
    left_out.tell_skipped(said.append)
    return said[0] if said else ""


def test_a_folder_gives_what_is_read_singly_and_says_what_it_skips(tmp_path: Path) -> None:
    forms = {
        "a.jpg": "JPEG",
        "b.ppm": "PPM",
        "c.jp2": "JPEG2000",
        "d.jpg_large": "JPEG",
        "e": "PNG",
        "f.txt": "WEBP",
    }
    for name, form in forms.items():
        photo(tmp_path / name, form)
    for name in ("x.txt", "y.txt", "z.JSON", "clip.mp4", ".private.jpg", ".DS_Store"):
        (tmp_path / name).write_text("no image")
    left_out = LeftOut()
    assert names(find_images([tmp_path], left_out=left_out), tmp_path) == list(forms)
    assert kinds(left_out) == "agelens: skipped: 2 .txt, 1 .json, 1 .mp4, 1 hidden file."
    assert left_out.errors == []
    # A pattern means the same as the folder.
    left_out = LeftOut()
    assert names(find_images([tmp_path / "*"], left_out=left_out), tmp_path) == list(forms)
    assert kinds(left_out) == "agelens: skipped: 2 .txt, 1 .json, 1 .mp4."


@pytest.mark.parametrize("pattern", ["", "**/*.jpg", "**", "*", "a/**/*.jpg"])
def test_links_in_a_ring_give_each_photograph_once(tmp_path: Path, pattern: str) -> None:
    photo(tmp_path / "photos" / "a" / "one.jpg")
    (tmp_path / "photos" / "a" / "up").symlink_to("..")
    (tmp_path / "photos" / "a" / "top").symlink_to(tmp_path)
    (tmp_path / "photos" / "me").symlink_to(".")
    named = tmp_path / "photos" / pattern
    assert [file.name for file in find_images([named, named])] == ["one.jpg"]


def test_one_photograph_under_several_names_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = photo(tmp_path / "photos" / "one.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(find_images([Path("photos"), one, Path("photos/*.jpg"), Path("./photos/../photos")])) == [
        Path("photos/one.jpg")
    ]


def test_what_is_wrong_with_one_path_does_not_keep_the_others(tmp_path: Path) -> None:
    one = photo(tmp_path / "one.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "lost.jpg").symlink_to("nowhere")
    wrong = [
        "gone.jpg",
        "empty",
        "pipe.jpg",
        "lost.jpg",
        "*.gif",
        "*.txt",
        "x" * 300 + ".jpg",
        "one.jpg/a.jpg",
    ]
    (tmp_path / "b.txt").touch()
    left_out = LeftOut()
    found = find_images(
        [*(tmp_path / name for name in wrong), one, Path("memory://gone/*.jpg")], None, left_out
    )
    assert list(found) == [one]
    assert errors(left_out) == {
        "gone.jpg": "does not exist",
        "empty": "holds no image",
        "pipe.jpg": "is no plain file; a camera is read with --video",
        "lost.jpg": "is a link that leads nowhere",
        "*.gif": "fits no file",
        "*.txt": "fits no image",
        "*.jpg": "holds no image",
        "x" * 300 + ".jpg": "is too long for a name",
        "a.jpg": "does not exist",
    }
    assert sum(error.error == "does not exist" for error in left_out.errors) == 2
    said: list[str] = []
    left_out.tell_errors(said.append)
    assert f"agelens: {tmp_path / 'gone.jpg'} does not exist" in said
    assert "agelens: memory://gone/*.jpg holds no image" in said


def test_devices_and_pipes_in_folders_are_never_opened(tmp_path: Path) -> None:
    one = photo(tmp_path / "one.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "album.jpg").mkdir()
    left_out = LeftOut()
    assert list(find_images([tmp_path], left_out=left_out)) == [one]
    assert kinds(left_out) == "agelens: skipped: 1 device, 1 named pipe."
    left_out = LeftOut()
    assert list(find_images([tmp_path / "*.jpg"], left_out=left_out)) == [one]
    assert kinds(left_out) == "agelens: skipped: 1 device, 1 named pipe."


def test_a_lost_photograph_in_a_folder_is_taken_so_that_it_is_told(tmp_path: Path) -> None:
    photo(tmp_path / "one.jpg")
    (tmp_path / "lost.jpg").symlink_to("nowhere")
    assert names(find_images([tmp_path]), tmp_path) == ["lost.jpg", "one.jpg"]


def test_without_any_image_the_sentence_says_why(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        AgeLensError, match=r"holds no image \(skipped: 1 \.txt\); give image files or a folder"
    ):
        find_images([tmp_path])
    with pytest.raises(
        AgeLensError, match=r"0 does not exist, .*1 does not exist, .*2 does not exist, and 2 more;"
    ):
        find_images([tmp_path / str(number) for number in range(5)])


def test_pictures_of_names_as_long_as_can_be_have_room(tmp_path: Path) -> None:
    long = ["x" * 251 + ".png", "x" * 251 + ".gif", "é" * 125 + ".webp", "x" * 250 + ".jpeg", "short.png"]
    pictures = name_pictures({Path(name): Path(name) for name in long}, tmp_path, "--annotate")
    assert len(set(pictures.values())) == len(long)
    for picture in pictures.values():
        picture.touch()
    assert pictures[Path("short.png")] == tmp_path / "short.png.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are files there")
def test_what_another_program_says_is_read_through_its_descriptor(tmp_path: Path) -> None:
    read, write = os.pipe()
    try:
        assert list(find_images([Path(f"/dev/fd/{read}")])) == [Path(f"/dev/fd/{read}")]
    finally:
        os.close(read)
        os.close(write)


def test_mistyped_paths_are_told_at_the_end_and_the_others_are_done(agelens, study, tmp_path: Path) -> None:
    source = next(path for path in sorted(study.source.iterdir()) if path.suffix == ".jpg")
    one = Path(shutil.copy(source, tmp_path / "one.jpg"))
    (tmp_path / "notes.txt").touch()
    said = agelens(
        "predict", "--crops", "--bundle", study.folder, tmp_path / "gone.jpg", tmp_path, "x" * 300, one
    )
    assert said.status == 1
    assert said.out.count('"faces": [{') == 1
    lines = said.err.splitlines()
    assert lines[0] == "agelens: skipped: 1 .txt."
    assert lines[1:] == [
        f"agelens: {tmp_path / 'gone.jpg'} does not exist",
        f"agelens: {'x' * 300} is too long for a name",
    ]
