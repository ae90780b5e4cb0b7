"""Photographs through the predictor: the astronaut of scikit-image (NASA, public domain), in many disguises."""

import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import agelens
from agelens.bundles.bundle import BUNDLED, open_bundle
from agelens.detection.base import Found
from agelens.inference.annotate import annotate, describe
from agelens.inference.predictor import Predictor, load
from agelens.inference.results import COLUMNS, Face, ImagePrediction
from tests.bundles.amending import amend_card

skimage_data = pytest.importorskip(
    "skimage.data", reason="scikit-image, whose photographs these are, is not there"
)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return agelens.load()


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.uint8]:
    return np.asarray(skimage_data.astronaut())


def check_astronaut(photo: ImagePrediction) -> Face:
    assert photo.error == ""
    (face,) = photo.faces
    assert face.age_years is not None
    assert face.p_female is not None
    assert 25 <= face.age_years <= 50
    assert face.p_female > 0.9
    assert face.box is not None
    left, top, right, bottom = (value * 512 / photo.width for value in face.box)
    assert abs((left + right) / 2 - 224) < 20
    assert abs((top + bottom) / 2 - 125) < 20
    assert not face.low_confidence
    return face


def test_the_astronaut_is_one_woman_between_25_and_50(
    predictor: Predictor, astronaut: NDArray[np.uint8]
) -> None:
    found = predictor.predict(astronaut)
    assert (found[0].width, found[0].height) == (512, 512)
    face = check_astronaut(found[0])
    assert face.prediction_interval is not None
    assert face.prediction_interval[0] <= face.age_years <= face.prediction_interval[1]
    assert 10 < face.prediction_interval[1] - face.prediction_interval[0] < 50


def test_paths_arrays_and_pillow_images_in_any_mix(
    predictor: Predictor, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    coffee = np.asarray(skimage_data.coffee())
    found = predictor.predict([path, astronaut, coffee, Image.fromarray(astronaut), str(path)])
    assert [len(photo.faces) for photo in found] == [1, 1, 0, 1, 1]
    assert len({photo.faces for photo in found if photo.faces}) == 1
    assert [photo.file for photo in found] == [str(path), "", "", "", str(path)]
    assert found[2].to_dict() == {"width": 600, "height": 400, "faces": []}


def _save(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _turned(image: Image.Image) -> bytes:
    """Lying on its side, with the note of a camera that it does."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(image.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def _with_alpha(image: Image.Image) -> bytes:
    image = image.convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(120, 255, 512).astype(np.uint8), (512, 1))))
    return _save(image, "PNG")


DISGUISES: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda image: _save(image, "JPEG"),
    "turned by EXIF": _turned,
    "grey": lambda image: _save(image.convert("L"), "JPEG"),
    "CMYK": lambda image: _save(image.convert("CMYK"), "JPEG"),
    "16 bits": lambda image: _save(Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257), "PNG"),
    "alpha": _with_alpha,
    "palette": lambda image: _save(image.quantize(128), "PNG"),
    "webp": lambda image: _save(image, "WEBP"),
    "animated webp": lambda image: _save(image, "WEBP", save_all=True, append_images=[image.rotate(180)]),
    "gif": lambda image: _save(image, "GIF", save_all=True, append_images=[image.rotate(180)]),
    "tiff": lambda image: _save(image, "TIFF"),
    "bmp": lambda image: _save(image, "BMP"),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_every_kind_of_file(
    predictor: Predictor, astronaut: NDArray[np.uint8], tmp_path: Path, disguise: str
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(DISGUISES[disguise](Image.fromarray(astronaut)))
    check_astronaut(predictor.predict(path)[0])


def test_a_file_that_cannot_be_read_stands_in_its_place(
    predictor: Predictor, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    good = tmp_path / "good.jpg"
    good.write_bytes(_save(Image.fromarray(astronaut), "JPEG"))
    for name, content in {"cut.jpg": good.read_bytes()[:9000], "text.jpg": b"text", "empty.jpg": b""}.items():
        (tmp_path / name).write_bytes(content)
    found = predictor.predict([tmp_path / name for name in ("cut.jpg", "good.jpg", "text.jpg", "empty.jpg")])
    assert [bool(photo.error) for photo in found] == [True, False, True, True]
    check_astronaut(found[1])
    frame = found.to_frame()
    assert list(frame.columns) == ["image", *COLUMNS, "error"]
    assert frame["image"].tolist() == [0, 1, 2, 3]
    assert frame["face"].isna().tolist() == [True, False, True, True]
    assert frame["error"].tolist() == [photo.error for photo in found]


def test_straightening_undoes_the_turn_of_a_head(predictor: Predictor, astronaut: NDArray[np.uint8]) -> None:
    image = Image.fromarray(astronaut)
    upright = check_astronaut(predictor.predict(image)[0])
    turned = predictor.predict(
        [image.rotate(angle, Image.Resampling.BICUBIC, center=(224, 125)) for angle in (-35, 35)]
    )
    for photo in turned:
        (face,) = photo.faces
        assert face.age_distribution is not None
        assert upright.age_distribution is not None
        # Half the sum of differences: 0 for the same distribution, 1 for two that share nothing.
        apart = np.abs(np.subtract(face.age_distribution, upright.age_distribution)).sum() / 2
        assert apart < 0.35
        assert face.p_female is not None
        assert face.p_female > 0.9


def test_the_geometry_of_the_bundle_is_used(
    predictor: Predictor, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    bundle = open_bundle(BUNDLED)
    card = bundle.card["geometry"]
    assert predictor.geometry.to_card() == card
    tight = {**card, "landmarks": [[x * 1.4 - 0.2, y * 1.4 - 0.2] for x, y in card["landmarks"]]}
    other = Predictor([dataclasses.replace(bundle, card={**bundle.card, "geometry": tight})])
    one, two = (each.predict(astronaut)[0].faces[0] for each in (predictor, other))
    assert one.box == two.box
    assert one.age_distribution != two.age_distribution


def test_many_faces_and_many_photographs_keep_their_order(
    predictor: Predictor, astronaut: NDArray[np.uint8]
) -> None:
    face = Image.fromarray(astronaut[:260, 90:350])
    photos = []
    for count in (0, 40, 1, 0, 3, 70):
        sheet = Image.new("RGB", (1300, 1100), (90, 90, 90))
        for number in range(count):
            sheet.paste(face.resize((110, 110)), (number % 10 * 125 + 10, number // 10 * 125 + 10))
        photos.append(sheet)
    found = predictor.predict(photos)
    assert [len(photo.faces) for photo in found] == [0, 40, 1, 0, 3, 70]
    assert all(face.p_female is not None and face.p_female > 0.5 for face in found.faces)


def test_the_age_of_an_average_is_that_of_its_distribution(
    predictor: Predictor, astronaut: NDArray[np.uint8]
) -> None:
    image = Image.fromarray(astronaut)
    faces = [
        photo.faces[0] for photo in predictor.predict([image, image.convert("L"), image.resize((300, 300))])
    ]
    assert [predictor.update_age(face) for face in faces] == faces
    mean = np.mean([face.age_distribution for face in faces], axis=0)
    average = predictor.update_age(replace(faces[0], age_distribution=tuple(mean.tolist())))
    assert average.age_years == np.searchsorted(np.cumsum(mean), 0.5)
    assert average.prediction_interval is not None
    assert average.prediction_interval[0] < average.age_years < average.prediction_interval[1]
    assert (average.box, average.p_female) == (faces[0].box, faces[0].p_female)


def test_an_annotated_picture_shows_box_and_words(predictor: Predictor, astronaut: NDArray[np.uint8]) -> None:
    found = predictor.predict(astronaut)[0]
    picture = annotate(astronaut, found.faces)
    assert picture.size == (512, 512)
    changed = np.argwhere(np.asarray(picture) != astronaut)
    left, top, right, bottom = found.faces[0].box or (0, 0, 0, 0)
    assert abs(changed[:, 1].min() - min(left, changed[:, 1].min())) < 4
    assert top - 5 < changed[:, 0].min() < top + 5
    assert bottom < changed[:, 0].max() < bottom + 40
    assert right - 5 < changed[:, 1].max()
    assert np.array_equal(np.asarray(annotate(astronaut, [])), astronaut)
    # A picture that lies on its side is drawn upright, as it was searched.
    lying = Image.fromarray(np.rot90(astronaut))
    lying.getexif()[0x0112] = 6
    again = predictor.predict(lying)[0]
    assert again.faces[0].box == pytest.approx(found.faces[0].box)
    assert np.array_equal(np.asarray(annotate(lying, again.faces)), np.asarray(picture))
    # Words beside the face at the very edge, and a box beyond it.
    edge = Face(
        31.0, 0.9951, age_low=24.0, age_high=40.0, box=(470.0, 480.0, 540.0, 530.0), low_confidence=True
    )
    assert annotate(astronaut, [edge]).size == (512, 512)
    assert describe(edge) == "31 (24-40) · female 99 % · perhaps no face"
    assert describe(Face(4.0, 0.2)) == "4 · male 80 %"


def test_a_face_checks_itself() -> None:
    with pytest.raises(ValueError, match="left, top, right, bottom"):
        Face(1.0, 0.5, box=(10.0, 0.0, 5.0, 5.0))
    with pytest.raises(ValueError, match="5 points"):
        Face(1.0, 0.5, landmarks=((1.0, 2.0),))
    with pytest.raises(ValueError, match="p_female is a probability"):
        Face(1.0, 1.5)
    with pytest.raises(ValueError, match="from age_low to age_high"):
        Face(1.0, 0.5, age_low=5.0, age_high=4.0)
    with pytest.raises(ValueError, match="from age_low to age_high"):
        Face(1.0, 0.5, age_low=5.0)


def test_an_odd_card_is_a_sentence(study, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(study.folder / "age", tmp_path / "age")
    amend_card(tmp_path / "age", {"geometry": {"landmarks": 3}})
    with pytest.raises(agelens_error(), match=r"card\.json holds an odd geometry"):
        load(tmp_path / "age")


def agelens_error() -> type[Exception]:
    from agelens.errors import AgeLensError

    return AgeLensError


def test_the_command_finds_draws_and_tells(agelens, astronaut: NDArray[np.uint8], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    Image.fromarray(astronaut).save(photos / "a.png")
    Image.fromarray(astronaut).save(photos / "deep" / "b.jpg")
    Image.fromarray(np.asarray(skimage_data.coffee())).save(photos / "c.jpg")
    (photos / "bad.jpg").write_bytes(b"no image")
    answer = agelens("predict", photos, "--annotate", tmp_path / "drawn", "--out", tmp_path / "lines.jsonl")
    assert answer.status == 1
    assert "bad.jpg is not an image of a known format" in answer.err
    assert "1 file that could not be read" in answer.err
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [len(line["faces"]) for line in lines] == [1, 0, 1]
    assert lines[0]["faces"][0]["box"] == pytest.approx(lines[2]["faces"][0]["box"], abs=6)
    drawn = sorted(
        path.relative_to(tmp_path / "drawn").as_posix() for path in (tmp_path / "drawn").rglob("*.jpg")
    )
    assert drawn == ["a.png.jpg", "c.jpg", "deep/b.jpg"]
    table = agelens("predict", photos / "a.png", "--csv")
    assert table.out.splitlines()[0] == ",".join(COLUMNS)
    assert len(table.out.splitlines()) == 2


class _Odd:
    """A detector whose first box has no area and whose second lies outside."""

    least, confidence_threshold = 0.5, 0.6

    def detect(self, image: NDArray[np.uint8]) -> Found:
        image_size = float(min(image.shape[:2]))
        boxes = np.array(
            [[9, 9, 9, 9], [-90, -90, -9, -9], [0, 0, image_size / 2, image_size / 2]], np.float32
        )
        points = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]], np.float32)
        scores = np.array([0.9, 0.8, 0.7], np.float32)
        return Found(boxes, scores, boxes[:, None, :2] + points * image_size / 2)


def test_boxes_that_are_none_are_left_out_and_the_face_is_estimated(astronaut: NDArray[np.uint8]) -> None:
    odd = Predictor([open_bundle(BUNDLED)], detector=_Odd())
    photos = list(odd.stream([astronaut[:400, :400], np.zeros((3, 9, 3), np.uint8)], rotations=False))
    assert photos[0].faces
    for photo in photos:
        assert photo.error == ""
        assert all(face.age_years is not None for face in photo.faces)
        for box in (face.box for face in photo.faces):
            assert box is not None
            assert 0 <= box[0] < box[2] <= photo.width
            assert 0 <= box[1] < box[3] <= photo.height
