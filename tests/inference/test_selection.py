"""Which faces, and what of each, a result holds."""

import json
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.results import Face, ImagePrediction
from agelens.inference.selection import Selection, SelectivePredictor
from tests.inference.named_faces import NamedPredictor, draw_photo

LARGE = Face(30.0, 0.5, (0.5, 0.5), 20, 40, (0, 0, 50, 40), ((1, 1),) * 5, 0.9)
SMALL = Face(40.0, 0.4, (0.5, 0.5), 30, 50, (0, 0, 50, 12), ((1, 1),) * 5, 0.5)
PHOTO = ImagePrediction("a", 60, 60, (LARGE, SMALL))


def test_small_and_unsure_faces_are_left_out() -> None:
    assert Selection(min_face=13).faces(PHOTO).faces == (LARGE,)
    assert Selection(min_face=12).faces(PHOTO) is PHOTO
    assert Selection(min_score=0.6).faces(PHOTO).faces == (LARGE,)
    crop = ImagePrediction("a", 0, 0, (Face(30.0, 0.5),))
    assert Selection(min_face=99, min_score=1).faces(crop) is crop


def test_fields_that_are_not_wanted_are_left_out() -> None:
    (one, _) = Selection.of("box, age_years,age_low, age_high").values(PHOTO).faces
    assert one.to_dict() == {"box": [0, 0, 50, 40], "age_years": 30, "age_low": 20, "age_high": 40}
    assert Selection().values(PHOTO) is PHOTO
    assert Selection(()).values(PHOTO).faces[0].to_dict() == {}


def test_odd_selections_are_told() -> None:
    with pytest.raises(AgeLensError, match=r"--fields takes box, .*, and not 'race'"):
        Selection.of("box,race")
    for empty in ("", ",,", " , "):
        with pytest.raises(AgeLensError, match="--fields names no field; give some of box"):
            Selection.of(empty)
    with pytest.raises(AgeLensError, match=r"--min-score is a number from 0 to 1, not 1\.5"):
        Selection(min_score=1.5)


def test_the_command_writes_what_is_wanted_and_knows_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = draw_photo(tmp_path / "3 three.png"), tmp_path / "a.jsonl"
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: NamedPredictor())
    wanted = PredictionConfig(out=out, selection=Selection.of("p_female"))
    assert predict_files([file], wanted) == 0
    assert json.loads(out.read_text())["faces"] == [{"p_female": 0.9}] * 3
    with pytest.raises(AgeLensError, match="with another --min-face; give another --out"):
        predict_files([file], PredictionConfig(out=out, selection=Selection.of("p_female", min_face=10)))


def test_a_selective_predictor_is_otherwise_the_one_it_stands_for() -> None:
    class Plain:
        bundles = ("a",)

        def stream(self, images, rotations: bool):
            return iter([PHOTO] * len(images)) if rotations else iter(())

    chosen = SelectivePredictor(Plain(), Selection(min_face=13))
    assert chosen.bundles == ("a",)
    assert [len(photo.faces) for photo in chosen.stream([1, 2], rotations=True)] == [1, 1]
