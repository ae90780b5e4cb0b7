"""An annotated picture: boxes over the faces of a photograph, and what is estimated beside each."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from agelens.inference.given import Source, read_one
from agelens.inference.results import Face

# One colour for all: a colour for a gender would say more than an estimate can. Readable on light and dark alike.
_LINE, _SHADOW, _TEXT, _BACK = (64, 224, 208), (0, 0, 0), (255, 255, 255), (16, 42, 48)
_LOW_CONFIDENCE = (255, 190, 92)
Area: TypeAlias = tuple[float, float, float, float]


def describe(face: Face) -> str:
    """What is estimated, in a few words: ``31 (24-40) · female 97 %``, where the second half is a probability."""
    # A hyphen, for Pillow's own font has no dash.
    words = []
    if face.age_years is not None:
        words.append(f"{face.age_years:.0f}")
        if face.prediction_interval is not None:
            words[-1] += f" ({face.prediction_interval[0]:.0f}-{face.prediction_interval[1]:.0f})"
    if face.p_female is not None:
        words.append(describe_gender(face.p_female))
    if face.low_confidence:
        words.append("perhaps no face")
    return " · ".join(words)


def describe_gender(p_female: float) -> str:
    """The likelier of the dataset's two labels and its probability, never rounded up to certainty."""
    likelier = max(p_female, 1 - p_female)
    return f"{'female' if p_female >= 0.5 else 'male'} {min(round(100 * likelier), 99)} %"


def annotate(image: Source, faces: Iterable[Face]) -> Image.Image:
    """Draw faces over their photograph.

    Args:
        image: the photograph, of any kind that `Predictor.predict` takes; EXIF orientation is obeyed as there.
        faces: of it; those without a box (crops) are left out.

    Returns:
        a new RGB image of the upright size. Dashed boxes are those that the detector is unsure of.

    Raises:
        ImageError: the photograph cannot be read. NoImageError: it is nothing that could be an image.
    """
    picture = Image.fromarray(read_one(image).copy())
    draw = ImageDraw.Draw(picture)
    boxed = [face for face in faces if face.box is not None]
    for face in boxed:
        _draw_box(draw, face, picture.size)
    taken: list[Area] = [face.box for face in boxed if face.box is not None]
    for face in boxed:
        _draw_words(draw, face, picture.size, taken)
    return picture


def _thickness(size: tuple[int, int]) -> int:
    return max(2, round(max(size) / 500))


def _draw_box(draw: ImageDraw.ImageDraw, face: Face, size: tuple[int, int]) -> None:
    assert face.box is not None
    thick = _thickness(size)
    left, top, right, bottom = face.box
    outer = (left - 1, top - 1, right + 1, bottom + 1)
    if not face.low_confidence:
        draw.rounded_rectangle(outer, radius=3 * thick, outline=_SHADOW, width=thick + 2)
        draw.rounded_rectangle(face.box, radius=3 * thick, outline=_LINE, width=thick)
        return
    step = 4 * thick
    for start, end, fixed, upright in (
        (left, right, top, False), (left, right, bottom, False), (top, bottom, left, True), (top, bottom, right, True),
    ):  # fmt: skip
        place = start
        while place < end:
            stop = min(place + step, end)
            line = (fixed, place, fixed, stop) if upright else (place, fixed, stop, fixed)
            draw.line(line, fill=_LOW_CONFIDENCE, width=thick)
            place += 2 * step


def _draw_words(draw: ImageDraw.ImageDraw, face: Face, size: tuple[int, int], taken: list[Area]) -> None:
    words = describe(face)
    if not words:
        return
    assert face.box is not None
    left, top, right, bottom = face.box
    font = _font(round(min(max((right - left) / 8, 11), max(size) / 50, 60)))
    _, _, width, height = draw.textbbox((0, 0), words, font=font, anchor="lt")
    pad = max(2, height // 4)
    wide, high = width + 2 * pad, height + 2 * pad
    middle = (left + right - wide) / 2
    places = [(middle, bottom + 2), (middle, top - high - 2)]
    places += [(column, row) for column in (right + 2, left - wide - 2) for row in (bottom - high, top)]
    places += [(middle, bottom + 2 + step * (high + 2)) for step in range(1, 4)]
    areas = [_within(x, y, wide, high, size) for x, y in places]
    # The first of the places that covers least of other faces and words.
    best = min(areas, key=lambda area: sum(_shared(area, other) for other in taken))
    taken.append(best)
    draw.rounded_rectangle(best, radius=pad, fill=_BACK)
    at = (best[0] + pad, best[1] + pad)
    draw.text(at, words, font=font, fill=_LOW_CONFIDENCE if face.low_confidence else _TEXT, anchor="lt")


def _within(x: float, y: float, wide: float, high: float, size: tuple[int, int]) -> Area:
    x, y = min(max(0, x), max(0, size[0] - wide)), min(max(0, y), max(0, size[1] - high))
    return x, y, x + wide, y + high


def _shared(one: Area, other: Area) -> float:
    """Square pixels that two areas share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
