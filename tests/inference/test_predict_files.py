import csv
import errno
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference.image_files import find_images
from agelens.inference.journal import Journal
from agelens.inference.output_formats import Form
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.predictor import load
from agelens.inference.results import COLUMNS


@pytest.fixture(scope="module")
def paths(study) -> list[Path]:
    return [Path(path) for path in pd.read_csv(study.folder / "table.csv")["path"][:4]]


def visible(folder: Path) -> list[str]:
    """The names in a folder; the record of an output is hidden."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".agelens.json"))


def config(study, **options: Any) -> PredictionConfig:
    return PredictionConfig(**{"crops": True, "bundle": study.folder, "precision": "f32", **options})


def test_images_are_found_in_order_below_folders(tmp_path: Path) -> None:
    for name in (
        "b.JPG",
        "a.png",
        "deep/c.webp",
        "deep/d.HEIC",
        "deep/e.avif",
        "deep/f.hif",
        "notes.txt",
        "d.jpg.txt",
    ):
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
        "deep/d.HEIC",
        "deep/e.avif",
        "deep/f.hif",
    ]
    assert [path.as_posix() for path in found.values()][:4] == ["notes.txt", "a.png", "b.JPG", "deep/c.webp"]
    assert list(find_images([tmp_path / "*.png", tmp_path / "a.png"])) == [tmp_path / "a.png"]
    assert list(find_images([tmp_path / "**" / "*.webp"])) == [tmp_path / "deep" / "c.webp"]


def test_no_image_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="holds no image"):
        find_images([tmp_path])
    with pytest.raises(AgeLensError, match=r"gone\.jpg does not exist"):
        find_images([tmp_path / "gone.jpg"])
    with pytest.raises(AgeLensError, match=r"\*\.jpg fits no file"):
        find_images([tmp_path / "*.jpg"])
    with pytest.raises(AgeLensError, match=r"memory://gone/\*\.jpg holds no image"):
        find_images([Path("memory://gone/*.jpg")])


def test_lines_go_to_standard_output_or_to_a_file(
    study, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict_files(paths, config(study)) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [json.loads(line) for line in printed.out.splitlines()]
    expected = load(study.folder, "f32").predict(paths, crops=True)
    for line, path, face in zip(lines, paths, expected.faces, strict=True):
        assert face.age_years is not None
        assert face.prediction_interval is not None
        assert face.p_female is not None
        wanted = {
            "age_years": round(face.age_years, 2),
            "age_low": face.prediction_interval[0],
            "age_high": face.prediction_interval[1],
            "p_female": round(face.p_female, 4),
        }
        assert line == {"file": str(path), "faces": [wanted]}
    assert predict_files(paths, config(study, out=tmp_path / "deep" / "lines.jsonl")) == 0
    assert (tmp_path / "deep" / "lines.jsonl").read_text(encoding="utf-8") == printed.out
    assert visible(tmp_path / "deep") == ["lines.jsonl"]
    assert capsys.readouterr().out == ""


def test_csv_by_the_name_of_the_file(study, paths: list[Path], tmp_path: Path) -> None:
    assert predict_files(paths, config(study, out=tmp_path / "faces.csv")) == 0
    with (tmp_path / "faces.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS
    assert [row["file"] for row in found] == [str(path) for path in paths]
    frame = load(study.folder, "f32").predict(paths, crops=True).to_frame()
    np.testing.assert_allclose([float(row["age_years"]) for row in found], frame["age_years"])
    assert [row["left"] for row in found] == [""] * len(paths)


def test_a_table_for_a_person(study, paths: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert predict_files(paths[:2], config(study, form="table")) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["file", "face", "age", "90", "%", "interval", "gender"]
    assert len(rows) >= 2
    assert re.search(r"\b(fe)?male \d\d %", rows[0])


def test_bad_files_are_told_and_counted(
    study, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    for out in (None, tmp_path / "lines.jsonl"):
        assert predict_files([paths[0], tmp_path / "bad.jpg"], config(study, out=out)) == 1
        printed = capsys.readouterr()
        lines = printed.out if out is None else out.read_text()
        assert len(lines.splitlines()) == 1
        told = "agelens: 1 of 2 files could not be read."
        if out is not None:
            told = f"{out}: 1 face in 1 image, 1 file that could not be read."
        assert printed.err.splitlines()[-1] == told
        assert "bad.jpg" in printed.err.splitlines()[0]


def test_nothing_but_bad_files_leaves_no_file_behind(study, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(AgeLensError, match="not one of the files can be read"):
        predict_files([tmp_path / "bad.jpg"], config(study, out=tmp_path / "lines.jsonl"))
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jpg"]


def test_a_folder_in_place_of_the_file_for_the_lines(study, paths: list[Path], tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="is a folder; give a file with --out"):
        predict_files(paths, config(study, out=tmp_path))


class _Interrupting:
    """A predictor that is interrupted after some files, and counts what it is asked for."""

    def __init__(self, predictor: Any, after: int) -> None:
        self._predictor, self._after = predictor, after
        self.bundles = predictor.bundles
        self.detector, self.geometry = predictor.detector, predictor.geometry
        self.asked: list[Path] = []

    def stream(self, files: list[Path], crops: bool) -> Any:
        for number, photo in enumerate(self._predictor.stream(files, crops)):
            if number == self._after:
                raise KeyboardInterrupt
            self.asked.append(Path(photo.file))
            yield photo


@pytest.mark.parametrize("form", ["json", "table"])
def test_interrupted_without_a_file_what_is_estimated_stands(
    study,
    paths: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: Form,
) -> None:
    predictor = _Interrupting(load(study.folder, "f32"), 2)
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: predictor)
    with pytest.raises(KeyboardInterrupt, match="with --out FILE a command goes on where it was"):
        predict_files(paths, config(study, form=form))
    printed = capsys.readouterr().out
    # The table folds the names of files; each face is a line of its own with its gender, or an object with its odds.
    assert len(re.findall(r"male \d|p_female", printed)) == 2


def test_an_interrupted_command_goes_on_and_ends_as_an_undisturbed_one(
    study,
    paths: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "lines.jsonl"
    predict_files(paths, config(study, out=whole))
    predictor = load(study.folder, "f32")
    first, second = _Interrupting(predictor, 2), _Interrupting(predictor, 99)
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: first)
    with pytest.raises(KeyboardInterrupt):
        predict_files(paths, config(study, out=out))
    journal = tmp_path / ".lines.jsonl.partial.jsonl"
    assert journal.exists()
    assert not out.exists()
    # What a killed program left half written is dropped.
    with journal.open("ab") as file:
        file.write(b'{"photo": {"file": "')
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: second)
    capsys.readouterr()
    predict_files(paths, config(study, out=out))
    assert second.asked == paths[2:]
    assert "2 of 4 are done already" in capsys.readouterr().err
    assert out.read_text() == whole.read_text()
    assert not journal.exists()


def test_two_commands_do_not_write_into_one_file(study, paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    lock = tmp_path / ".lines.jsonl.partial.lock"
    with FileLock(lock), pytest.raises(AgeLensError, match="Another agelens is at work on"):
        predict_files(paths, config(study, out=out))
    assert not out.exists()
    assert not (tmp_path / ".lines.jsonl.partial.jsonl").exists()
    predict_files(paths, config(study, out=out))
    assert visible(tmp_path) == ["lines.jsonl"]


def test_a_journal_is_one_programs_until_it_lets_go(tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    for end in (Journal.close, Journal.remove):
        journal = Journal(out, {})
        with pytest.raises(AgeLensError, match="Another agelens"):
            Journal(out, {})
        end(journal)
        # Once more does nothing to whoever has it then.
        other = Journal(out, {})
        end(journal)
        with pytest.raises(AgeLensError, match="Another agelens"):
            Journal(out, {})
        other.remove()
    assert not list(tmp_path.iterdir())


def test_a_journal_that_cannot_begin_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    out = tmp_path / "lines.jsonl"
    monkeypatch.setattr(Journal, "_write", full)
    with pytest.raises(OSError, match="no space"), Journal(out, {}) as journal:
        journal.begin()
    monkeypatch.undo()
    with Journal(out, {}) as journal:
        journal.begin()
        journal.remove()
    assert not list(tmp_path.iterdir())


def test_what_was_begun_otherwise_is_kept_and_a_changed_file_is_estimated_again(
    study,
    paths: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, path in zip(files, paths, strict=False):
        Image.open(path).save(file)
    out = tmp_path / "out" / "lines.jsonl"
    predictor = load(study.folder, "f32")
    asked = []
    other = {"precision": "auto"}
    for after, options in ((2, {}), (2, {**other, "overwrite": True}), (99, other)):
        found = _Interrupting(predictor, after)
        monkeypatch.setattr(PredictionConfig, "load", lambda *_, found=found: found)
        if after == 2:
            if options:
                with pytest.raises(AgeLensError, match=r"was begun with another --precision; finish it so"):
                    predict_files(files, config(study, out=out, **other))
            with pytest.raises(KeyboardInterrupt):
                predict_files(files, config(study, out=out, **options))
        else:
            Image.open(paths[3]).save(files[0])
            predict_files(files, config(study, out=out, **options))
        asked.append(found.asked)
    assert asked == [files[:2], files[:2], [files[0], files[2]]]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["file"] for line in lines] == [str(file) for file in files]
    again = predictor.predict(files[0], crops=True).to_json()[0]
    assert lines[0] == again


def test_no_photograph_is_ever_replaced(study, paths: list[Path], tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"
    for file in (one, other):
        file.parent.mkdir()
        Image.open(paths[0]).save(file)
    before = one.read_bytes()
    with pytest.raises(AgeLensError, match=r"--annotate .*a would replace"):
        predict_files([other, one], PredictionConfig(bundle=study.folder, pictures=one.parent))
    # Nor one that this command does not look at.
    with pytest.raises(
        AgeLensError, match=r"--annotate .*a would replace .*x\.jpg, which was not drawn here"
    ):
        predict_files([other], PredictionConfig(bundle=study.folder, pictures=one.parent))
    # A file that is named is a photograph whatever it is called, and stays one with every option.
    named = one.rename(tmp_path / "x.csv")
    with pytest.raises(AgeLensError, match=r"--out .*x\.csv would replace a photograph"):
        predict_files([other, named], config(study, out=named, overwrite=True))
    assert named.read_bytes() == before


def test_pictures_that_were_drawn_are_no_photographs(tmp_path: Path) -> None:
    for name in ("a.jpg", "drawn/a.jpg", "drawn/deep/b.jpg", ".partial.x.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(find_images([tmp_path], tmp_path / "drawn")) == [tmp_path / "a.jpg"]
    assert list(find_images([tmp_path / "**" / "*.jpg"], tmp_path / "drawn")) == [tmp_path / "a.jpg"]
    assert len(find_images([tmp_path])) == 3


def test_the_same_command_draws_again(study, paths: list[Path], tmp_path: Path) -> None:
    photo = tmp_path / "deep" / "a.png"
    photo.parent.mkdir()
    Image.open(paths[0]).save(photo)
    made = PredictionConfig(bundle=study.folder, pictures=tmp_path / "drawn", out=tmp_path / "o.csv")
    for _ in range(2):
        assert predict_files([tmp_path / "**" / "*.*g"], made) == 0
    assert [file.name for file in (tmp_path / "drawn").iterdir()] == ["a.png.jpg"]


def test_a_picture_longer_than_jpeg_can_be_is_drawn_smaller(study, tmp_path: Path) -> None:
    Image.new("RGB", (66_000, 32), "white").save(tmp_path / "long.png")
    made = PredictionConfig(bundle=study.folder, pictures=tmp_path / "drawn", out=tmp_path / "o.csv")
    assert predict_files([tmp_path / "long.png"], made) == 0
    with Image.open(tmp_path / "drawn" / "long.png.jpg") as drawn:
        assert drawn.width == 65_500


def test_names_that_are_no_text_or_look_like_markup(
    study, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "M\udcfcller [bold].jpg"
    try:
        odd.write_bytes(paths[0].read_bytes())
    except (OSError, UnicodeEncodeError):
        pytest.skip("this system has no names that are not text")
    marked = tmp_path / "party [final].jpg"
    marked.write_bytes(paths[0].read_bytes())
    assert predict_files([odd], config(study, out=tmp_path / "lines.jsonl")) == 0
    assert json.loads((tmp_path / "lines.jsonl").read_text())["file"] == str(odd)
    assert predict_files([odd], config(study, out=tmp_path / "faces.csv")) == 0
    assert predict_files([odd], config(study, form="json")) == 0
    capsys.readouterr()
    assert predict_files([marked], config(study, form="table")) == 0
    assert "[final]" in capsys.readouterr().out.replace("\n", "")


def test_a_file_that_became_unreadable_is_not_told_from_before(
    study, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "photos" / f"{number}.png" for number in range(2)]
    files[0].parent.mkdir()
    for file in files:
        Image.open(paths[0]).save(file)
    predictor = load(study.folder, "f32")
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: _Interrupting(predictor, 1))
    with pytest.raises(KeyboardInterrupt):
        predict_files(files, config(study, out=tmp_path / "lines.jsonl"))
    files[0].write_bytes(b"no image")
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: _Interrupting(predictor, 9))
    assert predict_files(files, config(study, out=tmp_path / "lines.jsonl")) == 1
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == [str(files[1])]
