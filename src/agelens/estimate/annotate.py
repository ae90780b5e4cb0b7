"""An annotated picture: boxes over the faces of a photograph, and what is estimated beside each."""

from collections.abc import Iterable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from agelens.estimate.results import Face
from agelens.images import Pixels

# One colour for all: a colour for a gender would say more than an estimate can. Readable on light and dark alike.
_LINE, _SHADOW, _TEXT, _BACK = (64, 224, 208), (0, 0, 0), (255, 255, 255), (16, 42, 48)
_UNCERTAIN = (255, 190, 92)


def describe(face: Face) -> str:
    """What is estimated, in a few words: ``31 (24–40) · female 97 %``, where the second half is a probability."""
    words = []
    if face.age_years is not None:
        words.append(f"{face.age_years:.0f}")
        if face.age_interval is not None:
            words[-1] += f" ({face.age_interval[0]:.0f}–{face.age_interval[1]:.0f})"
    if face.p_female is not None:
        words.append(describe_gender(face.p_female))
    if face.uncertain:
        words.append("perhaps no face")
    return " · ".join(words)


def describe_gender(p_female: float) -> str:
    """The likelier of the dataset's two labels and its probability, never rounded up to certainty."""
    likelier = max(p_female, 1 - p_female)
    return f"{'female' if p_female >= 0.5 else 'male'} {min(round(100 * likelier), 99)} %"


def annotate(image: Pixels | Image.Image, faces: Iterable[Face]) -> Image.Image:
    """Draw faces over their photograph.

    Args:
        image: the upright photograph, uint8 (height, width, 3), RGB, or a Pillow image.
        faces: of it; those without a box (crops) are left out.

    Returns:
        a new RGB image of the same size. Dashed boxes are those that the detector is unsure of.
    """
    picture = (Image.fromarray(image) if not isinstance(image, Image.Image) else image).convert("RGB").copy()
    draw = ImageDraw.Draw(picture)
    placed: list[tuple[float, float, float, float]] = []
    boxed = [face for face in faces if face.box is not None]
    for face in boxed:
        _draw_box(draw, face, picture.size)
    for face in boxed:
        _draw_words(draw, face, picture.size, placed)
    return picture


def _thickness(size: tuple[int, int]) -> int:
    return max(2, round(max(size) / 500))


def _draw_box(draw: ImageDraw.ImageDraw, face: Face, size: tuple[int, int]) -> None:
    assert face.box is not None
    thick = _thickness(size)
    left, top, right, bottom = face.box
    outer = (left - 1, top - 1, right + 1, bottom + 1)
    if not face.uncertain:
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
            draw.line(line, fill=_UNCERTAIN, width=thick)
            place += 2 * step


def _draw_words(
    draw: ImageDraw.ImageDraw,
    face: Face,
    size: tuple[int, int],
    placed: list[tuple[float, float, float, float]],
) -> None:
    words = describe(face)
    if not words:
        return
    assert face.box is not None
    left, top, right, bottom = face.box
    font = _font(round(min(max(max(size) / 75, 11, (right - left) / 9), 40)))
    _, _, width, height = draw.textbbox((0, 0), words, font=font, anchor="lt")
    pad = max(2, height // 4)
    wide, high = width + 2 * pad, height + 2 * pad
    x = min(max(0, (left + right - wide) / 2), max(0, size[0] - wide))
    # Below the box, above it, then further down: where no other words stand.
    places = [bottom + 2, top - high - 2, *(bottom + 2 + step * (high + 2) for step in range(1, 5))]
    inside = [y for y in places if 0 <= y <= size[1] - high] or [max(0, size[1] - high)]
    free = [y for y in inside if not any(_meet((x, y, x + wide, y + high), other) for other in placed)]
    y = (free or inside)[0]
    placed.append((x, y, x + wide, y + high))
    draw.rounded_rectangle(placed[-1], radius=pad, fill=_BACK)
    draw.text((x + pad, y + pad), words, font=font, fill=_UNCERTAIN if face.uncertain else _TEXT, anchor="lt")


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
