"""Faces made unrecognisable: whom it takes, what is left, and nothing of the file beside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import agelens
from agelens.errors import AgeLensError
from agelens.inference.blur import Blur, VideoBlur, blur_boxes
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.results import Face
from tests.inference.named_faces import NamedPredictor

NOISE = np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)


def face(low: float | None, box: tuple[float, float, float, float] | None = (20, 20, 60, 60)) -> Face:
    high = None if low is None else low + 20
    return Face(30.0, 0.5, age_low=low, age_high=high, box=box)


def test_a_few_cells_are_left_of_a_face_and_its_surroundings_stay() -> None:
    blurred = blur_boxes(NOISE, [(20, 20, 60, 60)])
    inner = blurred[10:70, 10:70].reshape(-1, 3)
    assert len(np.unique(inner, axis=0)) <= 36
    outside = np.ones(NOISE.shape[:2], bool)
    outside[10:70, 10:70] = False
    assert np.array_equal(blurred[outside], NOISE[outside])
    # Not even the mean of noise of one cell tells its pixels.
    assert blurred[10:70, 10:70].std() < 0.2 * NOISE[10:70, 10:70].std()


def test_a_face_at_the_edge_and_one_without_area() -> None:
    assert not np.array_equal(blur_boxes(NOISE, [(90, -5, 120, 20)])[:20, 92:], NOISE[:20, 92:])
    assert np.array_equal(blur_boxes(NOISE, [(200, 200, 210, 210)]), NOISE)


@pytest.mark.parametrize(
    ("low", "under", "applies"),
    [(17.0, 18, True), (18.0, 18, False), (None, 18, True), (40.0, None, True)],
)
def test_doubt_blurs(low: float | None, under: float | None, applies: bool) -> None:
    assert Blur(under).applies_to(face(low)) is applies
    assert not Blur(under).applies_to(face(low, box=None))


def test_the_public_function_takes_what_predict_takes(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    faces = [face(40.0), face(10.0, (70, 50, 90, 70))]
    assert np.array_equal(
        agelens.blur(tmp_path / "a.png", faces, under=18), blur_boxes(NOISE, [(70, 50, 90, 70)])
    )


def test_in_a_video_a_face_that_is_lost_for_a_moment_stays_hidden() -> None:
    hide = VideoBlur(Blur())
    first = hide(NOISE, 0.0, [face(40.0)])
    assert np.array_equal(hide(NOISE, 0.4, []), first)
    assert np.array_equal(hide(NOISE, 0.6, []), NOISE)


def test_the_command_writes_pictures_without_faces_or_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.fromarray(NOISE).save(tmp_path / "2 two.jpg", exif=exif, quality=100)
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: NamedPredictor())
    blurred = PredictionConfig(pictures=tmp_path / "out", blur=Blur(), out=tmp_path / "a.jsonl")
    assert predict_files([tmp_path / "2 two.jpg"], blurred) == 0
    assert "1 picture with its faces blurred" in capsys.readouterr().err
    content = (tmp_path / "out" / "2 two.jpg").read_bytes()
    assert b"taken at home" not in content
    shown = np.asarray(Image.open(tmp_path / "out" / "2 two.jpg")).astype(int)
    # The places that `named_faces` tells.
    assert shown[2:35, 2:22].std() < 0.3 * NOISE[2:35, 2:22].std()
    assert shown[50:, 50:].std() > 0.5 * NOISE[50:, 50:].std()


def test_options_that_do_not_fit_are_told(agelens, tmp_path: Path) -> None:
    said = agelens("predict", tmp_path, "--blur", tmp_path / "a", "--annotate", tmp_path / "b")
    assert (said.status, "Give --annotate or --blur, not both." in said.err) == (2, True)
    said = agelens("predict", tmp_path, "--blur-under", "18")
    assert (said.status, "--blur-under belongs to --blur" in said.err) == (2, True)
    with pytest.raises(AgeLensError, match="--blur needs faces with boxes, and --crops-as-they-are has none"):
        predict_files(
            [tmp_path], PredictionConfig(crops=True, as_they_are=True, pictures=tmp_path, blur=Blur())
        )


def test_what_would_be_replaced_is_told_with_the_option_that_was_given(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.jpg")
    (tmp_path / "out").mkdir()
    Image.fromarray(NOISE).save(tmp_path / "out" / "a.jpg")
    with pytest.raises(AgeLensError, match=r"^--blur .* would replace .*a\.jpg, which was not drawn here"):
        predict_files([tmp_path / "a.jpg"], PredictionConfig(pictures=tmp_path / "out", blur=Blur()))
