"""Annotated pictures: nothing that was not drawn here, or of another photograph, is replaced."""

from pathlib import Path

import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference import pictures
from agelens.inference import predict_files as predict
from agelens.inference.pictures import draw, name_pictures
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.results import ImagePrediction
from tests.inference.named_faces import NamedPredictor, draw_photo


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [draw_photo(tmp_path / "photos" / name) for name in ("1.png", "2.png", "0.png")]


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> NamedPredictor:
    made = NamedPredictor()
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: made)
    return made


def name(file: Path, folder: Path) -> str:
    return name_pictures({file: Path(file.name)}, folder)[file].name


def test_pictures_of_other_photographs_stay(photos: list[Path], tmp_path: Path) -> None:
    other = draw_photo(tmp_path / "other" / "1.png")
    drawn = tmp_path / "drawn"
    draw(ImagePrediction(str(photos[0]), 64, 48), drawn / name(photos[0], drawn))
    assert name(photos[0], drawn) == "1.png.jpg"
    assert name(other, drawn) == "1.png-2.jpg"
    # The order of names does not change whose picture is whose.
    both = name_pictures({other: Path("1.png"), photos[0]: Path("1.png")}, drawn)
    assert [both[file].name for file in (other, photos[0])] == ["1.png-2.jpg", "1.png.jpg"]


def test_what_was_not_drawn_here_is_refused(photos: list[Path], tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    Image.new("RGB", (8, 8)).save(drawn / "1.png.jpg", comment="by hand")
    for content in ((drawn / "1.png.jpg").read_bytes(), b"", b"text"):
        (drawn / "1.png.jpg").write_bytes(content)
        with pytest.raises(AgeLensError, match=r"would replace .*1\.png\.jpg, which was not drawn here"):
            name(photos[0], drawn)
        assert (drawn / "1.png.jpg").read_bytes() == content


def test_names_too_long_for_a_picture_are_cut(tmp_path: Path) -> None:
    long = [draw_photo(tmp_path / (f"1{letter}" + "ä" * 124)) for letter in "ab"]
    names = name_pictures({file: Path(file.name) for file in long}, tmp_path / "drawn")
    assert len({target.name for target in names.values()}) == 2
    for file, target in names.items():
        draw(ImagePrediction(str(file), 64, 48), target)
        assert name(file, tmp_path / "drawn") == target.name


def test_a_picture_that_cannot_be_written_ends_nothing(
    photos: list[Path], tmp_path: Path, predictor, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def fail(photo: ImagePrediction, target: Path, *more: object) -> None:
        if target.name.startswith("1"):
            raise OSError(28, "No space left on device", str(target))
        draw(photo, target, *more)

    monkeypatch.setattr(predict, "draw", fail)
    config = PredictionConfig(out=tmp_path / "faces.jsonl", pictures=tmp_path / "drawn")
    assert predict_files(photos, config) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"agelens: The annotated picture of {photos[0]} cannot be written: No space left on device.",
        f"{tmp_path / 'faces.jsonl'}: 3 faces in 2 photographs, 1 photograph without a face.",
        f"{tmp_path / 'drawn'}: 2 annotated pictures.",
    ]
    # Given again, it does what is missing and that alone.
    monkeypatch.setattr(predict, "draw", draw)
    predictor.asked.clear()
    assert predict_files(photos, config) == 0
    assert predictor.asked == photos[:1]
    (tmp_path / "drawn" / "2.png.jpg").unlink()
    predictor.asked.clear()
    assert predict_files(photos, config) == 0
    assert predictor.asked == photos[1:2]
    assert len(list((tmp_path / "drawn").iterdir())) == 3


def test_one_reason_for_many_pictures_is_told_once(
    tmp_path: Path, predictor, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def fail(photo: ImagePrediction, target: Path, *more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predict, "draw", fail)
    files = [draw_photo(tmp_path / "photos" / f"1 {number}.png") for number in range(9)]
    assert predict_files(files, PredictionConfig(pictures=tmp_path / "drawn", form="json")) == 9
    said = capsys.readouterr()
    assert said.out.count("\n") == 9
    assert said.err.count("No space left") == 6
    assert "pictures of 4 more cannot be written" in said.err


def test_a_folder_that_takes_no_picture_is_told_before_any_work(
    photos: list[Path], tmp_path: Path, predictor
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        predict_files(photos, PredictionConfig(pictures=tmp_path / "file"))
    with pytest.raises(
        AgeLensError, match=r"^--annotate takes a folder, and .*drawn\.PNG is called as a picture is"
    ):
        predict_files(photos, PredictionConfig(pictures=tmp_path / "drawn.PNG"))
    assert not (tmp_path / "drawn.PNG").exists()
    assert predictor.asked == []


def test_the_mark_does_not_tell_the_place(photos: list[Path], tmp_path: Path) -> None:
    draw(ImagePrediction(str(photos[0]), 64, 48), tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    assert pictures.MARK in data
    assert b"photos" not in data


def test_pictures_among_their_photographs_are_not_drawn_again(photos: list[Path], predictor) -> None:
    folder = photos[0].parent
    for _ in range(2):
        predictor.asked.clear()
        assert predict_files([folder], PredictionConfig(pictures=folder, form="json")) == 0
        assert predictor.asked == sorted(photos)
    assert len(list(folder.iterdir())) == 6
    drawn = folder / "1.png.jpg"
    predict_files([drawn], PredictionConfig(pictures=folder / "more", form="json"))
    assert predictor.asked[-1] == drawn
    for photo in photos:
        photo.unlink()
    with pytest.raises(AgeLensError, match="holds no photograph but those that were drawn here"):
        predict_files([folder], PredictionConfig(pictures=folder, form="json"))
