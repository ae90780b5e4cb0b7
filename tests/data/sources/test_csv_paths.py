import os
import sys
import unicodedata
from pathlib import Path

import pytest

from agelens.data.sources.csv_paths import Places


def touch(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    return place


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A manifest in ``lists``, while the working folder is ``work``."""
    for name in ("lists", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Places(tmp_path / "lists")


def test_the_manifests_folder_comes_before_the_working_folder(places: Places, tmp_path: Path) -> None:
    beside = touch(tmp_path / "lists" / "img" / "a.jpg")
    touch(tmp_path / "work" / "img" / "a.jpg")
    only = touch(tmp_path / "work" / "img" / "b.jpg")
    assert places.find("img/a.jpg") == beside
    assert places.from_working_folder == 0
    assert places.find("img/b.jpg") == only
    assert places.find("./img/b.jpg") == only
    assert places.from_working_folder == 2
    assert places.find(str(only)) == only
    assert places.from_working_folder == 2


@pytest.mark.skipif(sys.platform == "win32", reason="backslashes part folders there")
def test_backslashes_are_slashes_where_no_file_has_them(places: Places, tmp_path: Path) -> None:
    file = touch(tmp_path / "lists" / "img" / "a.jpg")
    assert places.find("img\\a.jpg") == file
    assert places.find(".\\img\\a.jpg") == file
    literal = touch(tmp_path / "lists" / "img\\a.jpg")
    assert places.find("img\\a.jpg") == literal


@pytest.mark.skipif(sys.platform == "darwin", reason="its disks take both forms for one")
@pytest.mark.parametrize(("stands", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_are_found_in_either_form(places: Places, tmp_path: Path, stands: str, asked: str) -> None:
    name = "Zoë/É/né 가.jpg"
    file = touch(tmp_path / "lists" / unicodedata.normalize(stands, name))
    assert places.find(unicodedata.normalize(asked, name)) == file
    # Also in a mixture, and from the working folder.
    mixed = unicodedata.normalize("NFC", "Zoë/É/") + unicodedata.normalize("NFD", "né 가.jpg")
    assert places.find(mixed) == file
    other = touch(tmp_path / "work" / unicodedata.normalize(stands, "ü.jpg"))
    assert places.find(unicodedata.normalize(asked, "ü.jpg")) == other
    assert str(places.find("ï.jpg")).startswith("the file does not exist")


@pytest.mark.parametrize("start", ["file://", "file:", "FILE://localhost"])
def test_addresses_of_files_are_paths(places: Places, tmp_path: Path, start: str) -> None:
    file = touch(tmp_path / "lists" / "a b.jpg")
    odd = touch(tmp_path / "lists" / "100%25 c.jpg")
    assert places.find(start + str(file).replace(" ", "%20")) == file
    assert places.find(start + str(file)) == file
    assert places.find(start + str(odd)) == odd


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the path is empty"),
        ("gone.jpg", "the file does not exist, neither in the manifest's folder nor in the working folder"),
        ("/gone.jpg", "the file does not exist"),
        ("img", "is a folder and no file"),
        ("x" * 300, "the file does not exist, neither in the manifest's folder nor in the working folder"),
        (
            "a.jpg/b.jpg",
            "the file does not exist, neither in the manifest's folder nor in the working folder",
        ),
        ("a\nb.jpg", "the path has letters that are no text"),
        ("a\0b.jpg", "the path has letters that are no text"),
        ("https://example.org/a.jpg", "the path is an address, and addresses are not fetched"),
        ("s3://bucket/a.jpg", "the path is an address, and addresses are not fetched"),
    ],
)
def test_what_is_not_found_has_a_reason(places: Places, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "lists" / "img").mkdir()
    touch(tmp_path / "lists" / "a.jpg")
    assert places.find(text) == reason


def test_one_folder_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = Places(Path())
    assert places.find("gone.jpg") == "the file does not exist in the manifest's folder"
    assert places.roots == [tmp_path]


def test_a_folder_that_may_not_be_entered_is_told(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = Path.lstat

    def deny(path: Path) -> os.stat_result:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", deny)
    assert places.find("closed/a.jpg") == "the file cannot be reached: Permission denied"
