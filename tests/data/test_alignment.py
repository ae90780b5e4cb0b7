"""Aligning a data set with a detector that knows where the faces of the tests are."""

import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from agelens.data import alignment as module
from agelens.data.aligned_folder import align_folder
from agelens.data.alignment import JOURNAL, align_table
from agelens.data.rows import Rejected
from agelens.data.sources.reading import read_faces
from agelens.data.table import digest_files
from agelens.detection.alignment import UTKFACE
from agelens.detection.detector import find_detector
from agelens.errors import AgeLensError
from agelens.utils import locks
from agelens.utils.progress import quiet


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Four pictures, of which the third shows no face and the fourth is broken; each search is counted."""
    for number in range(3):
        pixels = np.full((40, 60, 3), 60 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"\x89PNG broken")
    (tmp_path / "faces.csv").write_text(
        "path,age,gender,site\n0.png,20-29,m,a\n1.png,3,f,b\n2.png,4,f,b\n3.png,5,f,b\n", encoding="utf-8"
    )
    looked: list[int] = []

    def cut(image: NDArray[np.uint8], *rest: object) -> NDArray[np.uint8] | str:
        looked.append(int(image[0, 0, 0]))
        return "no face is found" if image[0, 0, 0] == 120 else image[:20, :20]

    monkeypatch.setattr(module, "align_labelled_face", cut)
    table = read_faces(tmp_path / "faces.csv").table
    table.attrs["looked"] = looked
    return table


def test_crops_take_the_place_of_photographs_and_reasons_are_told(
    photographs: pd.DataFrame, tmp_path: Path
) -> None:
    done = align_table(photographs, tmp_path / "crops", find_detector())
    assert done.table["site"].tolist() == ["a", "b"]
    assert done.table[["age_min", "age_max"]].to_numpy().tolist() == [[20, 29], [3, 3]]
    assert done.table["original"].tolist() == photographs["path"].tolist()[:2]
    assert done.table["original_digest"].tolist() == photographs["digest"].tolist()[:2]
    assert done.table["digest"].tolist() == digest_files(done.table["path"])
    for path in done.table["path"]:
        with Image.open(path) as crop:
            assert crop.size == (20, 20)
    assert [Path(one.file).name for one in done.left_out] == ["2.png", "3.png"]
    assert done.left_out[0].reason == "no face is found"
    assert (done.unreadable, done.looked_at) == (1, 4)


def test_a_killed_alignment_goes_on_where_it_was(photographs: pd.DataFrame, tmp_path: Path) -> None:
    whole = align_table(photographs, tmp_path / "whole", find_detector())
    part = tmp_path / "part"
    align_table(photographs.head(2), part, find_detector())
    with (part / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write('["half a li')
    (part / Path(whole.table["path"][1]).name).unlink()
    photographs.attrs["looked"].clear()
    done = align_table(photographs, part, find_detector())
    assert sorted(photographs.attrs["looked"]) == [60, 120], (
        "the crop that is gone, and what was not looked at"
    )
    pd.testing.assert_frame_equal(done.table.drop(columns="path"), whole.table.drop(columns="path"))
    again = align_table(photographs, part, find_detector())
    assert (again.looked_at, again.images_per_second) == (0, None)
    assert again.left_out == done.left_out
    with pytest.raises(AgeLensError, match="cut by another detector, geometry or size"):
        align_table(photographs, part, find_detector(), image_size=64)


def test_the_folder_for_others_is_a_manifest_that_is_read_again(
    photographs: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "aligned"
    done = align_folder(photographs, [], out, find_detector(), UTKFACE, None, quiet)
    assert done.found == 2
    assert done.left_out["no face is found"] == 1
    assert done.lines()[0].startswith("2 of 4 faces found and aligned (50.0 %), ")
    again = read_faces(out / "faces.csv").table
    assert again["age"].tolist() == [24, 3]
    assert again["age_max"].tolist() == [29, 3]
    assert again["gender"].tolist() == [0, 1]
    assert again["source"].tolist() == ["faces", "faces"]
    assert again["original_digest"].tolist() == photographs["digest"].tolist()[:2]
    assert (out / "left_out.csv").read_text(encoding="utf-8").count("\n") == 3


@pytest.mark.parametrize("name", ["faces.csv", "left_out.csv"])
def test_files_of_others_are_not_replaced(photographs: pd.DataFrame, tmp_path: Path, name: str) -> None:
    source, out = tmp_path / "faces.csv", tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(AgeLensError, match=r"was not written by 'agelens align' and would be replaced"):
        align_folder(photographs, [], out, find_detector())
    assert [path.name for path in out.iterdir()] == [name]
    (out / name).unlink()
    assert [align_folder(photographs, [], out, find_detector()).found for _ in range(2)] == [2, 2]
    # Aligned or not, what is read is not written over.
    for folder, given in ((tmp_path, source), (out, out / "faces.csv")):
        with pytest.raises(
            AgeLensError, match=r"faces\.csv is a source, which the aligned faces would replace"
        ):
            align_folder(photographs, [], folder, find_detector(), sources=[given])


def test_rows_that_the_source_could_not_be_read_from_are_counted_and_listed(
    photographs: pd.DataFrame, tmp_path: Path
) -> None:
    malformed = [Rejected("x.png (line 6)", "age 200 is odd"), Rejected("y.png (line 7)", "age -1 is odd")]
    done = align_folder(photographs, [], tmp_path / "out", find_detector(), malformed=malformed)
    assert done.lines()[0].startswith("2 of 6 faces found and aligned (33.3 %)")
    assert "left out: 2 where the name or row is malformed (left_out.csv tells each)" in done.lines()
    assert done.unreadable == 1, "a malformed row is no photograph that could not be read"
    told = (tmp_path / "out" / "left_out.csv").read_text(encoding="utf-8").splitlines()
    assert "x.png (line 6),age 200 is odd" in told
    assert len(told) == 5


def test_without_one_face_there_is_a_sentence(photographs: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(
        AgeLensError, match=r"Not one of the 2 photographs gives a crop: .*2\.png: no face is found"
    ):
        align_table(photographs.tail(2), tmp_path / "crops", find_detector())


def test_a_kill_at_the_first_line_of_the_journal_is_no_other_detector(
    photographs: pd.DataFrame, tmp_path: Path
) -> None:
    for left in ("", '{"made_'):
        (tmp_path / "crops").mkdir(exist_ok=True)
        (tmp_path / "crops" / JOURNAL).write_text(left, encoding="utf-8")
        assert align_table(photographs, tmp_path / "crops", find_detector()).looked_at == 4


def test_crops_and_lines_that_are_damaged_are_done_again(photographs: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    paths = [Path(path) for path in align_table(photographs, folder, find_detector()).table["path"]]
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:-50])
    assert align_table(photographs, folder, find_detector()).looked_at == 2
    assert all(path.stat().st_size > 50 for path in paths)
    altered = bytearray(paths[0].read_bytes())
    altered[len(altered) // 2] ^= 1
    paths[0].write_bytes(bytes(altered))
    assert align_table(photographs, folder, find_detector()).looked_at == 1
    assert paths[0].read_bytes() != bytes(altered)
    assert align_table(photographs, folder, find_detector()).looked_at == 0
    lines = (folder / JOURNAL).read_bytes().splitlines()
    odd = b'5|["abc|{"a": 1, "b": 2, "c": 3}|["a", "", 1]|null|"abc"|["a", ""]|["a/b", "", ""]'.split(b"|")
    damaged = [*odd, b"[" * 9999, b"\xff\x00\xfe", lines[0]]
    (folder / JOURNAL).write_bytes(b"\n".join([*lines[:2], *damaged, *lines[3:]]) + b"\n")
    assert align_table(photographs, folder, find_detector()).looked_at == 1
    assert sorted((folder / JOURNAL).read_bytes().splitlines()) == sorted(lines)


def test_another_file_of_the_same_kind_of_detector_does_not_go_on(
    photographs: pd.DataFrame, tmp_path: Path
) -> None:
    detector = find_detector()
    align_table(photographs, tmp_path / "crops", detector)
    detector.file = tmp_path / "0.png"
    with pytest.raises(AgeLensError, match="cut by another detector, geometry or size"):
        align_table(photographs, tmp_path / "crops", detector)


def test_a_second_program_waits_for_the_folder_and_says_so(
    photographs: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.1)
    (tmp_path / "crops").mkdir()
    held, leave = threading.Event(), threading.Event()
    said: list[str] = []

    def hear(text: str) -> None:
        said.append(text)
        leave.set()

    def hold() -> None:
        with FileLock(tmp_path / "crops" / ".lock"):
            held.set()
            leave.wait(20)

    monkeypatch.setattr(locks, "say", hear)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    done = align_table(photographs, tmp_path / "crops", find_detector())
    other.join()
    assert done.looked_at == 4
    assert said == [f"Waiting for another agelens, which is at work in {tmp_path / 'crops'}."]
