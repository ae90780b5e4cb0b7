"""The picture of a synthetic face: each part of it is one function of the face's traits."""

import numpy as np
from PIL import Image, ImageFilter

from agelens.data.synthetic.canvas import Canvas, Colour, Points, arc, mirrored, mix, rgb, smooth
from agelens.data.synthetic.traits import Traits

# Shapes are drawn at twice the size and averaged down: Pillow's own edges are jagged.
_SUPERSAMPLING = 2
_SOFT = 6  # soft shadows are drawn this many times smaller, where a wide blur costs nothing
_EYE_X = 0.332
_STRANDS = 28


def paint(traits: Traits, rng: np.random.Generator, image_size: int) -> Image.Image:
    """Draw a face.

    Args:
        traits: how it looks.
        rng: what is left to chance: strands, spots, backdrop, grain.
        image_size: pixels of each side of the picture.

    Returns:
        an RGB image of side x side.
    """
    canvas = Canvas(_backdrop(traits, rng, image_size * _SUPERSAMPLING), traits.pose)
    strands = _strands(canvas, traits, rng)
    _long_hair(canvas, traits, strands, rng)
    _head(canvas, traits)
    _shade(canvas, traits)
    _spots(canvas, traits, rng)
    _wrinkles(canvas, traits)
    _beard(canvas, traits)
    _nose(canvas, traits)
    _mouth(canvas, traits)
    for sign in (-1, 1):
        _eye(canvas, traits, sign)
    _cap(canvas, traits, strands, rng)
    return _photograph(canvas.image.reduce(_SUPERSAMPLING), traits, rng)


def _backdrop(traits: Traits, rng: np.random.Generator, size: int) -> Image.Image:
    """Something out of focus, never alike: a perceptual hash, blind to fine detail, must tell faces apart."""
    blotches = np.array(traits.backdrop) + rng.normal(0, 10, (9, 9, 3)) + rng.normal(0, 40, (9, 9, 1))
    small = Image.fromarray(np.clip(blotches, 0, 255).astype(np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def _strands(canvas: Canvas, t: Traits, rng: np.random.Generator) -> Image.Image:
    """Strands over the whole picture; the hair's outline cuts it to shape."""
    white: Colour = (214.0, 212.0, 210.0)
    texture = Canvas(Image.new("RGB", canvas.image.size, rgb(mix(t.hair, white, t.grey))), t.pose)
    for root in rng.uniform(-1.1, 1.1, _STRANDS).tolist():
        # Greying is uneven: some strands are white long before others.
        shade = float(np.clip(t.grey + rng.normal(0, 0.12 + 0.5 * t.grey * (1 - t.grey)), 0, 1))
        bright = rng.normal(1.0, 0.16)
        red, green, blue = mix(t.hair, white, shade)
        strand = arc((root * 0.3, -1.15), (root * 1.15, -1.05), (root * 1.25, 1.2))
        texture.stroke(strand, rng.uniform(0.02, 0.08), (red * bright, green * bright, blue * bright), 0.75)
    return texture.image


def _long_hair(canvas: Canvas, t: Traits, strands: Image.Image, rng: np.random.Generator) -> None:
    """The hair behind the face, for those who wear it over the ears."""
    if t.length <= 0.15:
        return
    end, wide = -0.1 + 1.4 * t.length, 0.80 + 0.14 * t.length
    sides = [(0.55, -0.94), (wide - 0.04, -0.45), (wide, 0.2 * end), (wide * 0.95, end)]
    outline = np.array(mirrored([(0.0, -1.04), *sides, (0.0, end + 0.05)]))
    mask = canvas.mask()
    mask.fill(smooth(outline + rng.normal(0, 0.02, outline.shape)), min(1.0, t.density + 0.2))
    canvas.tint(mask, strands)


def _outline(t: Traits) -> Points:
    soft = 0.03 * t.sag  # the jowls that sag past the jaw
    return smooth(
        mirrored(
            [
                (0.0, -1.0),
                (0.36, -0.94),
                (0.62, -0.68),
                (0.70, t.eye_y),
                (0.655 + 0.06 * t.cheek, 0.08 + 0.12 * t.cheek),
                (0.53 + 0.10 * t.jaw + 0.05 * t.cheek + soft, 0.44 + soft * 2),
                (0.28 + 0.10 * t.jaw + soft, t.chin_y - 0.12),
                (0.0, t.chin_y),
            ]
        )
    )


def _head(canvas: Canvas, t: Traits) -> None:
    """Neck, shirt, ears and face, without form or features."""
    neck, dark = 0.30 + 0.09 * t.jaw, mix(t.skin, (60.0, 30.0, 20.0), 0.28)
    canvas.fill(np.array([(-neck, 0.4), (neck, 0.4), (neck + 0.03, 1.3), (-neck - 0.03, 1.3)]), dark)
    canvas.fill(smooth(mirrored([(0.0, 1.06), (neck, 0.94), (0.8, 1.0), (1.4, 1.5)])), t.shirt)
    for sign in (-1, 1):
        canvas.oval(sign * 0.70, t.eye_y + 0.20, 0.09, 0.2, t.skin)
        canvas.oval(sign * 0.715, t.eye_y + 0.20, 0.05, 0.13, dark, 0.55)
    canvas.fill(_outline(t), t.skin)


def _shade(canvas: Canvas, t: Traits) -> None:
    """Soft form: shadow at the rim, in the sockets, beside the nose and under the lip; light on top."""
    dark, red, light = (canvas.mask(_SOFT) for _ in range(3))
    dark.fill(_outline(t), 0.62)
    dark.fill(_outline(t) * (0.86, 0.88), 0.0)
    for sign in (-1, 1):
        dark.oval(sign * _EYE_X, t.eye_y - 0.02, t.eye_size * 1.25, t.eye_size * 0.9, 0.32 + 0.16 * t.bags)
        dark.oval(sign * _EYE_X, t.eye_y + t.eye_size * 0.95, t.eye_size, t.eye_size * 0.4, 0.75 * t.bags)
        # Lost fat hollows the cheeks of the old.
        dark.oval(sign * 0.47, 0.28, 0.09, 0.24, 0.42 * t.sag)
        dark.oval(sign * 0.16, t.nose_y - 0.12, 0.05, 0.2, 0.3)
        red.oval(sign * 0.43, t.nose_y + 0.06, 0.2, 0.15, 0.2 + 0.5 * t.cheek)
        light.oval(sign * 0.44, t.nose_y - 0.12, 0.15, 0.09, 0.3)
    dark.oval(0.0, t.mouth_y + 0.17, 0.16, 0.05, 0.4)
    light.oval(0.0, (t.eye_y - 1) / 2 - 0.06, 0.34, 0.14, 0.32 + 0.3 * t.recession)
    light.oval(0.0, t.nose_y - 0.15, 0.04, 0.2, 0.5)
    canvas.tint(dark, mix(t.skin, (70.0, 28.0, 20.0), 0.5), blur=0.06)
    canvas.tint(red, mix(t.skin, (225.0, 70.0, 60.0), 0.45), blur=0.06)
    canvas.tint(light, mix(t.skin, (255.0, 248.0, 235.0), 0.55), blur=0.06)


def _spots(canvas: Canvas, t: Traits, rng: np.random.Generator) -> None:
    """Age spots."""
    for x, y in rng.uniform((-0.58, -0.85), (0.58, 0.6), (rng.poisson(26 * t.spots), 2)).tolist():
        size = rng.uniform(0.007, 0.012 + 0.016 * t.spots)
        canvas.oval(x, y, size * 1.2, size, mix(t.skin, (95.0, 50.0, 25.0), 0.5), 0.5)


def _wrinkles(canvas: Canvas, t: Traits) -> None:
    line = mix(t.skin, (60.0, 22.0, 15.0), 0.6)
    brow = t.eye_y - 0.33
    for step in range(4):
        # The middle lines come first, the outer ones with the years.
        deep = min(max(1.6 * t.forehead - 0.22 * step, 0.0), 1.0)
        y, wide = brow - (0.82 + brow) * (0.08 + 0.24 * step), 0.28 + 0.14 * deep
        canvas.stroke(arc((-wide, y), (0.0, y - 0.06), (wide, y)), 0.03, line, 0.85 * deep)
    fold = max(t.folds, 0.35 * t.smile)
    for sign in (-1, 1):
        eye, size = sign * _EYE_X, t.eye_size
        outer = eye + sign * size * 1.12
        for step, tilt in enumerate((-0.06, 0.03, 0.11, -0.12)):
            deep = min(max(1.5 * t.crows_feet - 0.16 * step, 0.0), 1.0)
            end = (outer + sign * (0.07 + 0.06 * deep), t.eye_y + tilt)
            ray = arc((outer, t.eye_y + tilt * 0.3), (outer + sign * 0.06, t.eye_y + tilt * 0.5), end)
            canvas.stroke(ray, 0.022, line, 0.85 * deep)
        wing = (sign * (t.nose_width + 0.03), t.nose_y - 0.02)
        corner = (sign * (t.mouth_width + 0.07), t.mouth_y + 0.02 + 0.16 * t.folds)
        bend = (corner[0] + sign * 0.015, t.nose_y + 0.1)
        canvas.stroke(arc(wing, bend, corner), 0.018 + 0.022 * t.folds, line, 0.85 * fold)
        under = t.eye_y + size * 0.62
        bag = arc((eye - size, under), (eye, under + size * (0.4 + 0.5 * t.bags)), (eye + size, under))
        canvas.stroke(bag, 0.024, line, 0.85 * t.bags)
        # From the corners of the mouth down.
        low = (sign * (t.mouth_width + 0.03), t.mouth_y + 0.04)
        drop = arc(low, (low[0] + sign * 0.05, low[1] + 0.08), (low[0] + sign * 0.02, low[1] + 0.2))
        canvas.stroke(drop, 0.026, line, 0.8 * t.sag)


def _beard(canvas: Canvas, t: Traits) -> None:
    if t.beard < 0.03:
        return
    mask, low = canvas.mask(_SOFT), t.mouth_y + 0.02
    sides = [(0.2, low + 0.14), (0.44, low), (0.60 + 0.04 * t.jaw, 0.05), (0.62 + 0.05 * t.jaw, 0.4)]
    chin = [(0.34 + 0.1 * t.jaw, t.chin_y - 0.04), (0.0, t.chin_y + 0.03 + 0.1 * t.beard)]
    mask.fill(smooth(mirrored([(0.0, low + 0.16), *sides, *chin])), 0.92 * t.beard)
    mask.oval(0.0, t.mouth_y - 0.08, t.mouth_width, 0.05, 0.92 * t.beard)
    canvas.tint(mask, mix(mix(t.hair, (30.0, 24.0, 20.0), 0.2), (205.0, 203.0, 200.0), t.grey), blur=0.022)


def _nose(canvas: Canvas, t: Traits) -> None:
    y, wide, line = t.nose_y, t.nose_width, mix(t.skin, (70.0, 25.0, 18.0), 0.55)
    for sign in (-1, 1):
        wing = arc(
            (sign * wide * 0.8, y - 0.11), (sign * wide * 1.35, y + 0.01), (sign * wide * 0.7, y + 0.03)
        )
        canvas.stroke(wing, 0.03, line, 0.8)
        canvas.oval(sign * wide * 0.45, y + 0.02, wide * 0.26, 0.022, (60.0, 25.0, 20.0), 0.75)
    canvas.stroke(arc((-wide * 0.5, y + 0.03), (0.0, y + 0.075), (wide * 0.5, y + 0.03)), 0.025, line, 0.7)


def _mouth(canvas: Canvas, t: Traits) -> None:
    y, wide, lip = t.mouth_y, t.mouth_width, t.lip
    left, right = (-wide, y - 0.10 * t.smile), (wide, y - 0.10 * t.smile)
    middle = arc(left, (0.0, y + 0.06 * t.smile), right)
    upper = [
        arc(right, (wide * 0.4, y - lip * 1.1), (0.0, y - lip * 0.62)),
        arc((0.0, y - lip * 0.62), (-wide * 0.4, y - lip * 1.1), left),
    ]
    lower = arc(right, (0.0, y + 0.07 * t.smile + 2.5 * lip), left)
    canvas.fill(np.concatenate([middle, *upper]), mix(t.lip_colour, (60.0, 10.0, 10.0), 0.14))
    canvas.fill(np.concatenate([middle, lower]), t.lip_colour)
    canvas.stroke(middle, 0.03, mix(t.lip_colour, (50.0, 10.0, 10.0), 0.6), 0.9)


def _eye(canvas: Canvas, t: Traits, sign: int) -> None:
    """An eye and its brow."""
    x, y, size, high = sign * _EYE_X, t.eye_y, t.eye_size, t.eye_size * t.eye_open
    droop = 0.2 * size * t.sag
    inner, outer = (x - sign * size, y + 0.1 * size), (x + sign * size, y + droop)
    lid = arc(inner, (x + sign * 0.1 * size, y - 1.65 * high + droop), outer)
    white = np.concatenate([lid, arc(outer, (x, y + 1.35 * high), inner)])
    canvas.fill(white, mix((250.0, 249.0, 247.0), (228.0, 214.0, 200.0), min(1.0, t.bags)))
    ball, middle = size * 0.54, y - 0.08 * high
    canvas.oval(x, middle, ball, min(ball, high * 0.92), mix(t.eye_colour, (10.0, 10.0, 10.0), 0.45))
    canvas.oval(x, middle, ball * 0.8, min(ball * 0.8, high * 0.85), t.eye_colour)
    canvas.oval(x, middle, ball * 0.42, min(ball * 0.42, high * 0.6), (14.0, 12.0, 12.0))
    canvas.oval(x - ball * 0.3, middle - ball * 0.3, ball * 0.22, ball * 0.22, (255.0, 255.0, 255.0), 0.9)
    canvas.stroke(lid, 0.028 + 0.045 * t.lash, mix(t.skin, (25.0, 14.0, 12.0), 0.75 + 0.25 * t.lash))
    # The fold of the upper lid sinks onto the eye with the years and hoods it.
    crease = y - high * (1.35 - 0.45 * t.sag)
    start, end = (
        (x - sign * size * 0.9, crease + 0.2 * high),
        (x + sign * size * 1.1, crease + 0.35 * high + droop),
    )
    fold = arc(start, (x, crease - 0.55 * high), end)
    canvas.stroke(fold, 0.02 + 0.02 * t.sag, mix(t.skin, (60.0, 25.0, 18.0), 0.55), 0.8)
    height = y - size * 1.25 - 0.02
    colour = mix(mix(t.hair, (35.0, 25.0, 20.0), 0.35), (200.0, 198.0, 195.0), 0.85 * t.grey)
    brow = arc((x - sign * 0.16, height), (x + sign * 0.07, height - 0.11), (x + sign * 0.19, height + 0.02))
    canvas.stroke(brow, 0.03 + 0.075 * t.brow, colour, 0.35 + 0.6 * min(1.0, t.brow))


def _cap(canvas: Canvas, t: Traits, strands: Image.Image, rng: np.random.Generator) -> None:
    """The hair before the face: a cap over the crown, cut off at the hairline."""
    bare = min(1.0, t.recession)
    # Baldness lowers the cap under the skull, so that only the sides stand out.
    top, low = -1.05 + 0.3 * max(0.0, bare - 0.55), t.eye_y + 0.08 + 0.25 * t.length
    sides = [(0.45, top + 0.05), (0.72, -0.66), (0.76, low - 0.25), (0.70, low), (0.645, low)]
    line = [(0.62, t.eye_y - 0.10), (0.52, -0.68 - 0.42 * bare), (0.0, -0.80 - 0.2 * bare)]
    outline = np.array(mirrored([(0.0, top), *sides, *line]))
    mask = canvas.mask()
    mask.fill(smooth(outline + rng.normal(0, 0.015, outline.shape)), t.density)
    canvas.tint(mask, strands)


def _photograph(image: Image.Image, t: Traits, rng: np.random.Generator) -> Image.Image:
    """What a camera adds: blur, uneven light, grain."""
    if t.blur > 0.25:
        image = image.filter(ImageFilter.BoxBlur(1.5 * t.blur * image.width / 200))
    ramp = np.linspace(-1, 1, image.width, dtype=np.float32)
    level, sideways, downwards = t.light
    light = level * (1 + sideways * ramp[None, :] + downwards * ramp[:, None])
    grain = rng.standard_normal((image.width, image.width), dtype=np.float32) * t.noise
    pixels = np.asarray(image, dtype=np.float32) * light[:, :, None] + grain[:, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
