import os
import sys
from pathlib import Path

import pytest

from agelens.utils import folders
from agelens.utils.folders import Listing, describe_kinds, expand, list_folder, once, what_is

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def link(place: Path, target: str | Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def below(folder: Path, listing: Listing) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in listing.files]


def test_hidden_things_are_left_out_and_only_peoples_own_are_told(tmp_path: Path) -> None:
    litter = (
        ".DS_Store",
        "._a.jpg",
        ".git/x.jpg",
        "@eaDir/a.jpg",
        "__MACOSX/a.jpg",
        "Thumbs.db",
        "sub/desktop.ini",
    )
    touch(tmp_path, "a.jpg", "sub/b.jpg", *litter, ".partial.x.jpg", ".out.jsonl.partial.jsonl")
    touch(tmp_path, ".thumbs/deep/c.jpg", "sub/.secret.jpg", ".gitignore", "sub/.picasa.ini")
    listing = list_folder(tmp_path)
    assert below(tmp_path, listing) == ["a.jpg", "sub/b.jpg"]
    assert listing.hidden == {
        tmp_path / ".thumbs": "hidden folder",
        tmp_path / "sub" / ".secret.jpg": "hidden file",
    }
    # Whoever names a hidden folder means it.
    assert below(tmp_path / ".thumbs", list_folder(tmp_path / ".thumbs")) == ["deep/c.jpg"]


def test_a_link_to_a_folder_is_followed_once_and_files_are_called_by_where_they_lie(tmp_path: Path) -> None:
    touch(tmp_path, "photos/z/one.jpg", "elsewhere/deep/two.jpg")
    link(tmp_path / "photos" / "a", "z")
    link(tmp_path / "photos" / "out", tmp_path / "elsewhere")
    link(tmp_path / "photos" / "out-again", tmp_path / "elsewhere" / "deep")
    link(tmp_path / "photos" / "z" / "up", "..")
    link(tmp_path / "photos" / "self", ".")
    listing = list_folder(tmp_path / "photos")
    assert below(tmp_path / "photos", listing) == ["out/deep/two.jpg", "z/one.jpg"]
    assert (listing.odd, listing.unreadable) == ({}, {})


def test_a_link_above_the_folder_does_not_give_its_files_again(tmp_path: Path) -> None:
    touch(tmp_path, "all/other.jpg", "all/photos/one.jpg")
    link(tmp_path / "all" / "photos" / "up", "..")
    assert below(tmp_path / "all/photos", list_folder(tmp_path / "all/photos")) == ["one.jpg", "up/other.jpg"]


def test_two_links_to_one_file_stay_two(tmp_path: Path) -> None:
    touch(tmp_path, "store/x")
    link(tmp_path / "photos" / "a.jpg", "../store/x")
    link(tmp_path / "photos" / "b.jpg", "../store/x")
    assert below(tmp_path / "photos", list_folder(tmp_path / "photos")) == ["a.jpg", "b.jpg"]


def test_what_is_no_file_is_told_and_never_opened(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    link(tmp_path / "ring", "ring")
    link(tmp_path / "gone.txt", "nowhere")
    link(tmp_path / "lost.jpg", "nowhere")
    link(tmp_path / "null", "/dev/null")
    listing = list_folder(tmp_path)
    # A photograph that is lost is missed: whoever reads it says so.
    assert below(tmp_path, listing) == ["a.jpg", "lost.jpg"]
    told = {path.name: kind for path, kind in listing.odd.items()}
    assert told == {
        "pipe.jpg": "named pipe",
        "ring": "dangling link",
        "gone.txt": "dangling link",
        "null": "device",
    }
    assert what_is(tmp_path / "folder.jpg") == "folder"
    assert what_is(tmp_path / ("x" * 300)) == "dangling link"


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def deny(folder: Path):
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(folders.os, "scandir", deny)
    listing = list_folder(tmp_path)
    assert below(tmp_path, listing) == ["a.jpg"]
    assert listing.unreadable == {tmp_path / "closed": "Permission denied"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jpg", ["a.jpg"]),
        ("**/*.jpg", ["a.jpg", "deep/b.jpg", "deep/er/c.jpg"]),
        ("deep/**/*.jpg", ["deep/b.jpg", "deep/er/c.jpg", "deep/er/over/a.jpg"]),
        ("*/*.jpg", ["deep/b.jpg"]),
        ("[ab].*", ["a.jpg"]),
        ("d?ep/e*/c.jpg", ["deep/er/c.jpg"]),
        (".hid*/*.jpg", [".hidden/h.jpg"]),
        (".hidden/**/*.jpg", [".hidden/h.jpg"]),
        ("de*", ["deep"]),
        ("*.png", []),
        ("a.jpg/*", []),
        ("nowhere/**/*", []),
    ],
)
def test_a_pattern_gives_each_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, names: list[str]
) -> None:
    touch(tmp_path, "a.jpg", "deep/b.jpg", "deep/er/c.jpg", ".hidden/h.jpg")
    # Each of these doubles the ways to a file at every step.
    link(tmp_path / "deep" / "er" / "up", "..")
    link(tmp_path / "deep" / "er" / "over", "../..")
    link(tmp_path / "deep" / "self", ".")
    monkeypatch.chdir(tmp_path)
    found = [path.as_posix() for path in expand(Path(pattern))]
    assert [name for name in found if not name.startswith("deep/self")] == names
    absolute = [path.relative_to(tmp_path).as_posix() for path in expand(tmp_path / pattern)]
    assert absolute == found


def test_paths_that_name_the_same_are_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "photos/a.jpg")
    link(tmp_path / "other", "photos")
    monkeypatch.chdir(tmp_path)
    paths = [
        Path("photos/a.jpg"),
        tmp_path / "photos/a.jpg",
        Path("other/a.jpg"),
        Path("photos/../photos/a.jpg"),
    ]
    assert list(once(paths)) == paths[:1]
    assert list(once([Path("photos/.."), Path(), tmp_path])) == [Path("photos/..")]


def test_kinds_are_counted_for_a_person(tmp_path: Path) -> None:
    kinds = {Path(f"{number}.txt"): ".txt" for number in range(1200)} | {
        Path("a"): "hidden folder",
        Path("b"): "hidden folder",
        Path("c"): "without a suffix",
        Path("d"): "device",
        Path("./d"): "device",
    }
    assert describe_kinds(kinds) == "1,200 .txt, 2 hidden folders, 1 device, 1 without a suffix"
    many = {Path(str(number)): f".{number}" for number in range(11)}
    assert describe_kinds(many).endswith(", 3 of other kinds")
    assert describe_kinds({}) == ""
