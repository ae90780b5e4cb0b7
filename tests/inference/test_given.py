"""Images of all kinds that callers give, taken out of their hands before they change them."""

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

import agelens
from agelens.errors import AgeLensError, ImageError, NoImageError
from agelens.inference import preparing
from agelens.inference.given import decode, decode_crop, separate, take
from agelens.inference.predictor import Predictor, load
from agelens.inference.preparing import Prepared
from agelens.utils.images import Pixels
from tests.utils.decoding.made import encoded, gamma_curve, oriented, rgb_profile, texture

RGB = texture()
LOCK = threading.Lock()


def read(source: object, stays: bool = True) -> Pixels:
    return decode(take(source, stays, None), None, LOCK).to_rgb()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(RGB, "PNG"))
    return path


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize(
    "give",
    [
        lambda path: path, str, lambda path: path.read_bytes(), lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()), lambda path: io.BytesIO(path.read_bytes()), Image.open,
        lambda path: RGB, lambda path: RGB.astype(np.uint16) * 257, lambda path: RGB / 255,
        lambda path: Image.fromarray(RGB), lambda path: np.dstack([RGB, RGB[..., 0] * 0 + 255]), np.str_,
        lambda path: np.asfortranarray(RGB), lambda path: RGB[::-1][::-1],
    ],
    ids=["path", "str", "bytes", "bytearray", "memoryview", "BytesIO", "opened", "array", "uint16", "float", "Pillow",
         "RGBA", "str of NumPy", "Fortran", "view"],
)  # fmt: skip
def test_every_kind_of_image_is_the_same_picture(
    file: Path, give: Callable[[Path], object], stays: bool
) -> None:
    source = give(file)
    one, stay = separate(source)
    (image,) = list(one)
    assert stay
    assert np.array_equal(read(image, stays), RGB)
    if isinstance(source, Image.Image):
        source.close()


def test_open_files_are_read_from_their_beginning_and_have_a_name(file: Path) -> None:
    with file.open("rb") as stream:
        stream.seek(50)
        given = take(stream, False, None)
    assert given.file == str(file)
    assert np.array_equal(decode(given, None, LOCK).to_rgb(), RGB)
    written = io.BytesIO()
    Image.fromarray(RGB).save(written, "PNG")
    assert np.array_equal(read(written), RGB)
    with (
        pytest.raises(NoImageError, match=r"opened for bytes, not for text: open\(name, 'rb'\)"),
        file.open() as text,
    ):
        take(text, True, None)
    with pytest.raises(ImageError, match="closed file"):
        read(stream)


def test_what_may_change_is_copied(file: Path) -> None:
    array, image, data = RGB.copy(), Image.fromarray(RGB.copy()), bytearray(file.read_bytes())
    taken = [take(one, False, None) for one in (array, array[..., 0], array[::2], image, data)]
    array[:] = 0
    image.paste((0, 0, 0), (0, 0, *image.size))
    data[:] = bytes(len(data))
    found = [decode(one, None, LOCK).to_rgb() for one in taken]
    for pixels, expected in zip(found, (RGB, RGB[..., :1].repeat(3, 2), RGB[::2], RGB, RGB), strict=True):
        assert np.array_equal(pixels, expected)


def test_memory_mapped_arrays_are_read_when_they_are_taken(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "raw", np.uint8, "w+", shape=RGB.shape)
    mapped[:] = RGB
    taken = take(mapped, False, None)
    mapped[:] = 0
    assert np.array_equal(decode(taken, None, LOCK).to_rgb(), RGB)


@pytest.mark.parametrize(
    "several",
    [
        lambda path: [path, str(path)],
        lambda path: (path, str(path)),
        lambda path: np.array([str(path)] * 2),
        lambda path: np.array([path, str(path)], dtype=object),
        lambda path: pd.Series([str(path)] * 2, index=[7, 9]),
        lambda path: pd.Series([path, path]),
        lambda path: pd.Series([RGB, RGB]),
        lambda path: np.stack([RGB, RGB]),
        lambda path: np.stack([RGB, RGB]) / 255,
        lambda path: (path for _ in range(2)),
        lambda path: map(str, [path, path]),
        lambda path: {path: None, str(path): None}.keys(),
    ],
    ids=["list", "tuple", "array of str", "array of paths", "column", "column of paths", "column of arrays", "batch",
         "batch of floats", "generator", "map", "keys"],
)  # fmt: skip
def test_many_images_come_in_many_ways(file: Path, several: Callable[[Path], object]) -> None:
    images, _ = separate(several(file))
    found = [read(image, stays=False) for image in images]
    assert len(found) == 2
    assert all(np.array_equal(pixels, RGB) for pixels in found)


@pytest.mark.parametrize(
    ("nothing", "reason"),
    [
        (None, "not NoneType"),
        (3, "not int"),
        ({"a.jpg": 1}, "not dict"),
        (pd.DataFrame({"path": ["a.jpg"]}), r"give its column of paths, as in table\['path'\]"),
    ],
    ids=["None", "number", "dict", "table"],
)
def test_what_is_no_image_is_told(nothing: object, reason: str) -> None:
    with pytest.raises(NoImageError, match=reason):
        separate(nothing)


@pytest.mark.parametrize(
    "address",
    ["rtsp://camera", "data:image/png;base64,iVBORw0KGgo=", Path("udp://camera/1")],
)
def test_addresses_that_hold_no_file_are_not_fetched(address: str | Path) -> None:
    with pytest.raises(ImageError, match="is an address of a kind that is not fetched; give the file"):
        read(address)


def test_what_is_behind_an_address_is_an_image_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(RGB, "PNG"))
    assert np.array_equal(read(f"file://{tmp_path}/a.png"), RGB)
    assert np.array_equal(read(Path(f"file://{tmp_path}/a.png")), RGB)
    with pytest.raises(ImageError, match="does not exist"):
        read("memory://gone/a.png")
    with pytest.raises(ImageError, match="Addresses of nothing:// are not known"):
        read("nothing://a.png")


def test_a_file_may_have_the_name_of_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data:1").write_bytes(encoded(RGB, "PNG"))
    assert np.array_equal(read("data:1"), RGB)
    with pytest.raises(ImageError, match="No such file"):
        read("x:1")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("n" * 300 + ".jpg", "cannot be read: File name too long"),
        ("a\0b.jpg", "cannot be read: embedded null byte"),
        ("\ud800.jpg", "cannot be read: .*surrogates not allowed"),
        ("", "has an empty name"),
        (".", "cannot be read: Is a directory; give the image files in it"),
        ("gone.jpg", "cannot be read: No such file"),
    ],
    ids=["too long", "null byte", "half a letter", "empty", "folder", "missing"],
)
def test_names_that_cannot_be_read_are_errors_of_their_own(name: str, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        read(name)


def test_an_animation_given_as_a_list_of_its_frames_says_how_to_give_it() -> None:
    frames = [Image.fromarray(texture(seed=seed)) for seed in range(3)]
    animation = Image.open(io.BytesIO(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])))
    found = [read(frame, stays=False) for frame in separate(ImageSequence.Iterator(animation))[0]]
    assert all(np.array_equal(one, np.asarray(frame)) for one, frame in zip(found, frames, strict=True))
    copies = [frame.copy() for frame in ImageSequence.Iterator(animation)]
    assert [read(copy).tobytes() for copy in separate(copies)[0]] == [frame.tobytes() for frame in frames]
    for frame in separate(list(ImageSequence.Iterator(animation)))[0]:
        with pytest.raises(
            ImageError, match=r"shows the same frame each time; give copies, as in \[frame\.copy\(\)"
        ):
            read(frame)
    # A picture that does not move may well be given twice.
    assert len([read(one) for one in separate([frames[0], frames[0]])[0]]) == 2


def test_crops_of_jpeg_files_are_decoded_small_and_others_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(texture(800, 600), "JPEG"))
    for source in (tmp_path / "a.jpg", (tmp_path / "a.jpg").read_bytes()):
        assert decode_crop(take(source, True, None), 300, None, LOCK).shape == (400, 300, 3)
    assert decode_crop(take(RGB, True, None), 30, None, LOCK) is not None


def test_a_limit_of_pixels_counts_for_files_and_for_images_that_are_opened(file: Path) -> None:
    for source in (file, file.read_bytes(), Image.open(file)):
        for stays in (True, False):
            given = take(source, stays, 100)
            with pytest.raises(ImageError, match="has 128 x 96 pixels, more than the limit of 100"):
                decode(given, 100, LOCK)
        if isinstance(source, Image.Image):
            source.close()


# From here on with a network.


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return agelens.load()


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.uint8]:
    data = pytest.importorskip("skimage.data", reason="scikit-image, whose photograph this is, is not there")
    return np.asarray(data.astronaut())


def boxes(photos: object) -> list[list[tuple[float, ...]]]:
    return [[face.box for face in photo.faces] for photo in photos]  # type: ignore[attr-defined]


def test_each_image_of_an_iterator_has_its_own_answer(
    predictor: Predictor, astronaut: NDArray[np.uint8]
) -> None:
    pictures = [astronaut, np.zeros_like(astronaut), np.ascontiguousarray(astronaut[:, ::-1])]
    expected = boxes(predictor.predict(pictures))
    assert [len(found) for found in expected] == [1, 0, 1]
    assert expected[0] != expected[2]

    def one_buffer() -> Iterator[NDArray[np.uint8]]:
        buffer = np.empty_like(astronaut)
        for picture in pictures:
            buffer[:] = picture
            yield buffer

    def one_image() -> Iterator[Image.Image]:
        image = Image.new("RGB", (512, 512))
        for picture in pictures:
            image.paste(Image.fromarray(picture))
            yield image

    def opened_in_turn() -> Iterator[Image.Image]:
        for picture in pictures:
            with Image.open(io.BytesIO(encoded(picture, "PNG"))) as image:
                yield image

    def one_stream() -> Iterator[io.BytesIO]:
        stream = io.BytesIO()
        for picture in pictures:
            stream.seek(0)
            stream.truncate()
            Image.fromarray(picture).save(stream, "PNG")
            yield stream

    assert boxes(predictor.predict(one_buffer())) == expected
    for images in (one_buffer, one_image, opened_in_turn, one_stream):
        assert boxes(predictor.stream(images())) == expected


def test_one_file_may_be_streamed_and_annotated_by_its_name(
    predictor: Predictor, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "1.png"
    Image.fromarray(astronaut).save(path)
    for one in (str(path), path, path.read_bytes(), astronaut):
        (photo,) = predictor.stream(one)
        assert len(photo.faces) == 1
        assert np.array_equal(
            np.asarray(agelens.annotate(one, photo.faces)),
            np.asarray(agelens.annotate(astronaut, photo.faces)),
        )
    with pytest.raises(ImageError, match=r"gone\.png cannot be read: No such file"):
        agelens.annotate(str(tmp_path / "gone.png"), [])
    with pytest.raises(ImageError, match="The image is empty"):
        agelens.annotate(b"", [])


def test_a_table_says_which_image_a_face_is_of(predictor: Predictor, astronaut: NDArray[np.uint8]) -> None:
    two = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    found = predictor.predict([np.zeros_like(astronaut), astronaut, "gone.jpg", two])
    frame = found.to_frame()
    assert frame["image"].tolist() == [0, 1, 2, 3, 3]
    assert frame["face"].tolist() == [pd.NA, 1, pd.NA, 1, 2]
    assert frame["file"].tolist() == ["", "", "gone.jpg", "", ""]
    assert frame["error"].tolist() == ["", "", "cannot be read: No such file or directory", "", ""]
    for _, row in frame.dropna(subset="face").iterrows():
        face = found[row["image"]].faces[row["face"] - 1]
        assert row["age_years"] == face.age_years
        assert row["left"] == pytest.approx(face.box[0], abs=0.06)  # type: ignore[index]
    # Types do not depend on what was found, so that tables can be put together.
    assert (predictor.predict([]).to_frame().dtypes == frame.dtypes).all()
    assert (frame[frame["low_confidence"]].empty, len(frame[~frame["low_confidence"]])) == (True, 3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_what_pillow_makes_of_a_lying_image_is_found_as_it_is_and_turned(
    predictor: Predictor, astronaut: NDArray[np.uint8], orientation: int
) -> None:
    upright = astronaut[:, 20:420]
    turned = {3: np.rot90(upright, 2), 6: np.rot90(upright), 8: np.rot90(upright, -1)}[orientation]
    image = Image.open(io.BytesIO(encoded(np.ascontiguousarray(turned), "PNG", exif=oriented(orientation))))
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[
        orientation
    ]
    # Something at the edge is, on some processors, just enough of a face to be told with low confidence.
    faces = predictor.predict(upright)[0].faces
    plain = faces[0]
    for same in (image, image.transpose(back), image.convert("RGB").transpose(back)):
        photo = predictor.predict(same)[0]
        assert (photo.width, photo.height, photo.faces) == (400, 512, faces)
    # In the pixels of the image that was given.
    photo = predictor.predict(image.convert("RGB"))[0]
    (face,) = (face for face in photo.faces if not face.low_confidence)
    assert (photo.width, photo.height) == image.size
    assert plain.box is not None
    left, top, right, bottom = plain.box
    expected = {
        3: (400 - right, 512 - bottom, 400 - left, 512 - top),
        6: (top, 400 - right, bottom, 400 - left),
        8: (512 - bottom, left, 512 - top, right),
    }[orientation]
    assert face.box == pytest.approx(expected, abs=2)
    assert face.age_years == pytest.approx(plain.age_years, abs=4)


def test_positions_in_a_reduced_photograph_are_those_of_the_full_one(
    predictor: Predictor, astronaut: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(np.repeat(np.repeat(astronaut, 2, 0), 2, 1), "JPEG", quality=95, exif=oriented(1))
    full = predictor.predict(data)[0]
    monkeypatch.setattr("agelens.utils.images.FULL_PIXELS", 500_000)
    reduced = predictor.predict(data)[0]
    assert (reduced.width, reduced.height) == (full.width, full.height) == (1024, 1024)
    # Of a face of 180 x 240 pixels; other sizes are searched, which moves a box a little.
    assert reduced.faces[0].box == pytest.approx(full.faces[0].box, abs=25)
    assert np.array(reduced.faces[0].landmarks) == pytest.approx(np.array(full.faces[0].landmarks), abs=8)


def test_networks_see_faces_in_srgb(
    predictor: Predictor, astronaut: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    predict_crops = Predictor.predict_crops

    def spy(self: Predictor, crops: dict[int, Pixels]) -> list[agelens.Face]:
        seen.append(next(iter(crops.values())).astype(int))
        return predict_crops(self, crops)

    monkeypatch.setattr(Predictor, "predict_crops", spy)
    # The primaries of sRGB and no curve: linear in light, and far too dark without its profile.
    linear = rgb_profile(
        ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)), gamma_curve(1)
    )
    light = np.where(astronaut <= 10, astronaut / 3294.6, ((astronaut / 255 + 0.055) / 1.055) ** 2.4)
    dark = np.rint(light * 255).astype(np.uint8)
    with_profile = encoded(dark, "PNG", icc_profile=linear)
    predictor.predict([astronaut, dark, with_profile, Image.open(io.BytesIO(with_profile))])
    plain, bare, noted, opened = np.concatenate(seen)
    # Faces are searched in the file's own colours, which moves landmarks a little.
    assert np.abs(noted - plain).mean() < 8
    assert np.array_equal(noted, opened)
    assert np.abs(bare - plain).mean() > 20


def test_a_limit_that_is_set_refuses_larger_images(astronaut: NDArray[np.uint8]) -> None:
    strict = load(max_pixels=1000)
    photo = strict.predict(encoded(astronaut, "JPEG"))[0]
    assert photo.error == "has 512 x 512 pixels, more than the limit of 1,000"
    with pytest.raises(AgeLensError, match="max_pixels is a number of pixels from 1 up, not 0"):
        load(max_pixels=0)


def test_what_is_no_image_is_told_behind_the_images_before_it(
    predictor: Predictor, astronaut: NDArray[np.uint8]
) -> None:
    stream = predictor.stream(iter([astronaut, astronaut, None, astronaut]))
    assert len(next(stream).faces) == len(next(stream).faces) == 1
    with pytest.raises(NoImageError, match="not NoneType"):
        next(stream)


def test_few_images_are_held_when_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat, also where the caller's images are faster than the search for faces."""
    gate, held, most = threading.Event(), 0, 0

    def slow(self: object, given: object, *_: object) -> Prepared:
        nonlocal held
        assert gate.wait(20)
        held -= 1
        return Prepared(preparing.ImagePrediction("", 1, 1), None, {})

    def images() -> Iterator[NDArray[np.uint8]]:
        nonlocal held, most
        for number in range(12):
            held += 1
            most = max(most, held)
            if number == 3:
                gate.set()
            yield RGB

    monkeypatch.setattr(preparing.Preparation, "prepare", slow)
    monkeypatch.setattr(preparing, "HELD_BYTES", 3 * RGB.nbytes)
    config = preparing.Preparation(None, agelens.load().geometry, [32], None, True)
    threading.Timer(0.3, gate.set).start()
    assert sum(len(group) for group in preparing.prepare_ahead(images(), False, config)) == 12
    assert most <= 4
