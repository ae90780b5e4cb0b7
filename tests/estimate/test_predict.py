import json
from pathlib import Path

import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.estimate.estimator import Face, FileResult, load
from agelens.estimate.predict import find_images, predict_files, to_line


@pytest.fixture(scope="module")
def paths(study) -> list[Path]:
    return [Path(path) for path in pd.read_csv(study.folder / "table.csv")["path"][:4]]


def test_a_line_is_json_with_two_places_of_years_and_four_of_probability() -> None:
    line = to_line(FileResult("Zoë.jpg", (Face(31.4159, 0.97126),)))
    assert line == '{"file": "Zoë.jpg", "faces": [{"age_years": 31.42, "p_female": 0.9713}]}'
    assert json.loads(to_line(FileResult("a", (Face(None, 0.5),)))) == {
        "file": "a",
        "faces": [{"p_female": 0.5}],
    }
    assert json.loads(to_line(FileResult("a", ()))) == {"file": "a", "faces": []}


def test_images_are_found_in_order_below_folders(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "deep/c.webp", "notes.txt", "d.jpg.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = find_images([tmp_path / "notes.txt", tmp_path])
    # A file that is named is taken whatever it is called; a folder gives its images only.
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "notes.txt",
        "a.png",
        "b.JPG",
        "deep/c.webp",
    ]


def test_no_image_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="holds no image"):
        find_images([tmp_path])
    with pytest.raises(AgeLensError, match=r"gone\.jpg does not exist"):
        find_images([tmp_path / "gone.jpg"])


def test_lines_go_to_standard_output_or_to_a_file(
    study, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict_files(paths, study.folder, precision="f32") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [json.loads(line) for line in printed.out.splitlines()]
    expected = load(study.folder, "f32").estimate_files(paths)
    for line, path, result in zip(lines, paths, expected, strict=True):
        face = result.faces[0]
        assert face.age_years is not None
        assert face.p_female is not None
        assert line == {
            "file": str(path),
            "faces": [{"age_years": round(face.age_years, 2), "p_female": round(face.p_female, 4)}],
        }
    assert predict_files(paths, study.folder, tmp_path / "deep" / "lines.jsonl", "f32") == 0
    assert (tmp_path / "deep" / "lines.jsonl").read_text(encoding="utf-8") == printed.out
    assert capsys.readouterr().out == ""


def test_bad_files_are_told_and_counted(
    study, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    assert predict_files([paths[0], tmp_path / "bad.jpg"], study.folder) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert printed.err.splitlines()[-1] == "agelens: 1 of 2 files could not be read."
    assert "bad.jpg" in printed.err.splitlines()[0]


def test_nothing_but_bad_files_leaves_no_file_behind(study, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(AgeLensError, match="not one of the files can be read"):
        predict_files([tmp_path / "bad.jpg"], study.folder, tmp_path / "lines.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jpg"]


def test_a_folder_in_place_of_the_file_for_the_lines(study, paths: list[Path], tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="is a folder; give a file with --out"):
        predict_files(paths, study.folder, tmp_path)
