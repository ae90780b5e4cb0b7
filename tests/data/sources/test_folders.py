import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from agelens.data.sources import folders as module
from agelens.data.sources.reading import read_faces
from agelens.data.table import Faces
from agelens.errors import AgeLensError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links need rights there")


def write(folder: Path, *names: str, data: bytes = b"face") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data + name.encode())


def rejected(faces: Faces) -> dict[str, str]:
    return {one.file: one.reason for one in faces.rejected}


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, "JPEG")
    return file.getvalue()


def test_hidden_folders_are_none_of_a_source(tmp_path: Path) -> None:
    write(
        tmp_path,
        "1_0_0_1.jpg",
        ".git/2_0_0_1.jpg",
        "@eaDir/3_0_0_1.jpg",
        "__MACOSX/._1_0_0_1.jpg",
        "Thumbs.db",
    )
    faces = read_faces(tmp_path)
    assert faces.table["age"].tolist() == [1]
    assert (faces.rejected, faces.notes) == ([], [])
    write(tmp_path, ".old/4_0_0_1.jpg")
    assert read_faces(tmp_path).notes == ["skipped: 1 hidden folder"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path, "faces/1_0_0_1.jpg", "more/2_0_0_1.jpg")
    (tmp_path / "faces" / "up").symlink_to("..")
    (tmp_path / "faces" / "more").symlink_to("../more")
    (tmp_path / "faces" / "again").symlink_to("../more")
    assert sorted(read_faces(tmp_path / "faces").table["age"]) == [1, 2]


def test_images_with_wrong_names_are_taken_by_their_bytes(tmp_path: Path) -> None:
    write(tmp_path, "30_0_0_1", "31_0_0_2.jpg_large", "32_0_0_3.JPG.txt", data=jpeg())
    write(tmp_path, "33_0_0_4.txt", "34_0_0_5")
    faces = read_faces(tmp_path)
    assert faces.table["age"].tolist() == [30, 31, 32]
    assert rejected(faces) == {"33_0_0_4.txt": "is not an image file", "34_0_0_5": "is not an image file"}
    assert faces.notes == ["skipped: 1 .txt, 1 without a suffix"]


def test_what_is_no_file_is_told_by_name_and_kind(tmp_path: Path) -> None:
    write(tmp_path, "1_0_0_1.jpg")
    os.mkfifo(tmp_path / "2_0_0_1.jpg")
    (tmp_path / "3_0_0_1.jpg").mkdir()
    (tmp_path / "4_0_0_1.jpg").symlink_to("nowhere")
    (tmp_path / "notes").symlink_to("nowhere")
    faces = read_faces(tmp_path)
    assert faces.table["age"].tolist() == [1]
    assert rejected(faces) == {"2_0_0_1.jpg": "is a named pipe", "notes": "is a dangling link"}
    assert [one.reason for one in faces.unreadable] == ["cannot be read: No such file or directory"]
    assert faces.notes == ["skipped: 1 dangling link, 1 named pipe"]


def test_a_folder_that_may_not_be_entered_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "1_0_0_1.jpg")
    list_folder = module.list_folder

    def deny(folder: Path):
        listing = list_folder(folder)
        listing.unreadable[folder / place] = "Permission denied"
        return listing

    monkeypatch.setattr(module, "list_folder", deny)
    place = "deep"
    faces = read_faces(tmp_path)
    assert rejected(faces) == {"deep": "the folder cannot be read: Permission denied"}
    assert faces.notes == ["the folder deep cannot be read and is left out: Permission denied"]
    place = ""
    with pytest.raises(AgeLensError, match="cannot be read: Permission denied; give another folder"):
        read_faces(tmp_path)
