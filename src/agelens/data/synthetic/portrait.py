"""The picture of a synthetic face: each part of it is one function of the face's traits."""

import numpy as np
from PIL import Image, ImageFilter

from agelens.data.synthetic.canvas import RING, Canvas, Colour, Points, arc, grown, mirrored, mix, smooth
from agelens.data.synthetic.hair import paint_beard, paint_brow, paint_cap, paint_long_hair, strands
from agelens.data.synthetic.traits import Traits

# Shapes are drawn at twice the size and averaged down: Pillow's own edges are jagged.
_SUPERSAMPLING = 2
_DAPPLES = 12  # patches of light and shade along a side


def paint(traits: Traits, rng: np.random.Generator, image_size: int) -> Image.Image:
    """Draw a face.

    Args:
        traits: how it looks.
        rng: what is left to chance: strands, spots, backdrop, grain.
        image_size: pixels of each side of the picture.

    Returns:
        an RGB image of side x side.
    """
    size = image_size * _SUPERSAMPLING
    canvas = Canvas(_backdrop(traits, rng, size), traits.pose)
    head = _head(traits)
    texture = strands(canvas, traits, rng)
    paint_long_hair(canvas, traits, texture, rng)
    _body(canvas, traits)
    _ears(canvas, traits)
    canvas.fill(head, traits.skin)
    _shade(canvas, traits, head)
    _skin_marks(canvas, traits, rng)
    _wrinkles(canvas, traits)
    paint_beard(canvas, traits)
    _nose(canvas, traits)
    _mouth(canvas, traits)
    for sign in (-1, 1):
        _eye(canvas, traits, sign)
        paint_brow(canvas, traits, sign, rng)
    paint_cap(canvas, traits, texture, rng)
    if traits.glasses:
        _glasses(canvas, traits)
    return _photograph(canvas.image.reduce(_SUPERSAMPLING), traits, rng)


def _backdrop(traits: Traits, rng: np.random.Generator, size: int) -> Image.Image:
    """Something out of focus, never alike: a perceptual hash, blind to fine detail, must tell faces apart."""
    blotches = np.array(traits.backdrop) + rng.normal(0, 10, (9, 9, 3)) + rng.normal(0, 40, (9, 9, 1))
    return grown(Image.fromarray(np.clip(blotches, 0, 255).astype(np.uint8)), size)


def _head(t: Traits) -> Points:
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


def _body(canvas: Canvas, t: Traits) -> None:
    neck, shade = 0.30 + 0.09 * t.jaw, mix(t.skin, (60.0, 30.0, 20.0), 0.28)
    canvas.fill(np.array([(-neck, 0.4), (neck, 0.4), (neck + 0.03, 1.3), (-neck - 0.03, 1.3)]), shade)
    collar = [(-1.4, 1.3), (-0.8, 1.0), (-neck, 0.94), (0.0, 1.06), (neck, 0.94), (0.8, 1.0), (1.4, 1.3)]
    canvas.fill(smooth(collar), t.shirt)


def _ears(canvas: Canvas, t: Traits) -> None:
    dark = mix(t.skin, (110.0, 40.0, 30.0), 0.3)
    for sign in (-1, 1):
        x, y = sign * 0.70 - t.yaw * 0.5, t.eye_y + 0.20
        canvas.oval(x, y, 0.085 * t.ear, 0.19 * t.ear, t.skin)
        canvas.oval(x + sign * 0.015, y, 0.045 * t.ear, 0.12 * t.ear, dark, 0.55)
        if t.earrings:
            canvas.oval(x + sign * 0.02, y + 0.2 * t.ear, 0.035, 0.035, (236.0, 205.0, 120.0))


def _shade(canvas: Canvas, t: Traits, head: Points) -> None:
    """Soft form: shadow at the rim, in the sockets, beside the nose and under the lip; light on top."""
    dark, face = canvas.soft(), 0.62
    dark.fill(head, face)
    dark.fill(head * (0.86, 0.88) + (t.yaw * 0.6, 0.0), 0.0)
    light, red = canvas.soft(), canvas.soft()
    for sign in (-1, 1):
        x = sign * t.eye_gap + t.yaw
        dark.oval(x, t.eye_y - 0.02, t.eye_size * 1.25, t.eye_size * 0.9, 0.32 + 0.16 * t.bags)
        dark.oval(x, t.eye_y + t.eye_size * 0.95, t.eye_size, t.eye_size * 0.4, 0.75 * t.bags)
        # Lost fat hollows the cheeks of the old.
        dark.oval(sign * 0.47 + t.yaw, 0.28, 0.09, 0.24, 0.42 * t.sag)
        dark.oval(sign * 0.16 + t.yaw * 1.4, t.nose_y - 0.12, 0.05, 0.2, 0.3)
        red.oval(sign * 0.43 + t.yaw, t.nose_y + 0.06, 0.2, 0.15, t.blush)
        light.oval(sign * 0.44 + t.yaw, t.nose_y - 0.12, 0.15, 0.09, 0.3)
    dark.oval(t.yaw, t.mouth_y + 0.17, 0.16, 0.05, 0.4)
    light.oval(t.yaw, (t.eye_y - 1) / 2 - 0.06, 0.34, 0.14, 0.32 + 0.3 * t.recession)
    light.oval(t.yaw, t.chin_y - 0.12, 0.12, 0.08, 0.25)
    light.fill(arc((t.yaw - 0.05, t.eye_y), (t.yaw * 1.7, t.nose_y), (t.yaw + 0.05, t.eye_y)), 0.5)
    layers = [
        (dark, mix(t.skin, (70.0, 28.0, 20.0), 0.5)),
        (red, mix(t.skin, (225.0, 70.0, 60.0), 0.45)),
        (light, mix(t.skin, (255.0, 248.0, 235.0), 0.55)),
    ]
    canvas.glaze(layers, blur=0.06)


def _skin_marks(canvas: Canvas, t: Traits, rng: np.random.Generator) -> None:
    """Freckles and age spots."""
    brown = mix(t.skin, (95.0, 50.0, 25.0), 0.5)
    count = rng.poisson(26 * t.spots)
    places = rng.uniform((-0.58, -0.85), (0.58, 0.6), (count, 2))
    sizes = rng.uniform(0.007, 0.012 + 0.016 * t.spots, count)
    for (x, y), size in zip(places.tolist(), sizes.tolist(), strict=True):
        canvas.oval(x, y, size * 1.2, size, brown, 0.5)


def _wrinkles(canvas: Canvas, t: Traits) -> None:
    line = mix(t.skin, (60.0, 22.0, 15.0), 0.6)
    top, brow = -0.82, t.eye_y - 0.33
    for step in range(4):
        # The middle lines come first, the outer ones with the years.
        deep = min(1.0, 1.6 * t.forehead - 0.22 * step)
        y = brow + (top - brow) * (0.08 + 0.24 * step)
        if deep > 0.05:
            wide = 0.28 + 0.14 * deep
            canvas.stroke(
                arc((t.yaw - wide, y), (t.yaw, y - 0.06), (t.yaw + wide, y)), 0.03, line, 0.85 * deep
            )
    for sign in (-1, 1):
        _wrinkles_of_side(canvas, t, sign, line)
    for step in range(-3, 4):
        x = t.yaw + step * 0.07
        above = t.mouth_y - 0.06
        if t.lip_lines > 0.05 and step:
            canvas.stroke(
                arc((x, above), (x, above - 0.05), (x * 1.1, above - 0.1)), 0.016, line, 0.7 * t.lip_lines
            )


def _wrinkles_of_side(canvas: Canvas, t: Traits, sign: int, line: Colour) -> None:
    eye, size = sign * t.eye_gap + t.yaw, t.eye_size
    outer = eye + sign * size * 1.12
    for step in range(4):
        deep = min(1.0, 1.5 * t.crows_feet - 0.16 * step)
        if deep > 0.05:
            tilt = (-0.06, 0.03, 0.11, -0.12)[step]
            ray = arc((outer, t.eye_y + tilt * 0.3), (outer + sign * 0.06, t.eye_y + tilt * 0.5),
                       (outer + sign * (0.07 + 0.06 * deep), t.eye_y + tilt))  # fmt: skip
            canvas.stroke(ray, 0.022, line, 0.85 * deep)
    wing = (sign * (t.nose_width + 0.03) + t.yaw * 1.3, t.nose_y - 0.02)
    corner = (sign * (t.mouth_width + 0.07) + t.yaw, t.mouth_y + 0.02 + 0.16 * t.folds)
    fold = max(t.folds, 0.35 * max(t.smile, 0.0))
    canvas.stroke(
        arc(wing, (corner[0] + sign * 0.015, t.nose_y + 0.1), corner),
        0.018 + 0.022 * t.folds,
        line,
        0.85 * fold,
    )
    under = t.eye_y + size * 0.62
    bag = arc((eye - size, under), (eye, under + size * (0.4 + 0.5 * t.bags)), (eye + size, under))
    canvas.stroke(bag, 0.024, line, 0.85 * t.bags)
    # Marionette lines and frown lines.
    low = (sign * (t.mouth_width + 0.03) + t.yaw, t.mouth_y + 0.04)
    drop = (low[0] + sign * 0.02, t.mouth_y + 0.24)
    canvas.stroke(arc(low, (low[0] + sign * 0.05, t.mouth_y + 0.12), drop), 0.026, line, 0.8 * t.sag)
    x = t.yaw * 1.2 + sign * 0.05
    canvas.stroke(
        arc((x, t.eye_y - 0.24), (x * 0.9, t.eye_y - 0.16), (x, t.eye_y - 0.08)),
        0.022,
        line,
        0.7 * t.forehead,
    )


def _nose(canvas: Canvas, t: Traits) -> None:
    x, y, wide = t.yaw * 1.6, t.nose_y, t.nose_width
    line = mix(t.skin, (70.0, 25.0, 18.0), 0.55)
    canvas.oval(x, y - 0.03, wide * 0.62, wide * 0.55, mix(t.skin, (255.0, 235.0, 220.0), 0.22), 0.6)
    for sign in (-1, 1):
        wing = arc(
            (x + sign * wide * 0.8, y - 0.11),
            (x + sign * wide * 1.35, y + 0.01),
            (x + sign * wide * 0.7, y + 0.03),
        )
        canvas.stroke(wing, 0.03, line, 0.8)
        canvas.oval(x + sign * wide * 0.45, y + 0.02, wide * 0.26, 0.022, (60.0, 25.0, 20.0), 0.75)
    canvas.stroke(
        arc((x - wide * 0.5, y + 0.03), (x, y + 0.075), (x + wide * 0.5, y + 0.03)), 0.025, line, 0.7
    )


def _mouth(canvas: Canvas, t: Traits) -> None:
    x, y, wide, lip = t.yaw * 1.1, t.mouth_y, t.mouth_width, t.lip
    ends = y - 0.10 * t.smile
    gap = 0.09 * t.mouth_open
    upper = np.concatenate([
        arc((x - wide, ends), (x - wide * 0.4, y - lip * 1.1), (x, y - lip * 0.62)),
        arc((x, y - lip * 0.62), (x + wide * 0.4, y - lip * 1.1), (x + wide, ends)),
        arc((x + wide, ends), (x, y + 0.06 * t.smile), (x - wide, ends)),
    ])  # fmt: skip
    lower = np.concatenate([
        arc((x - wide * 0.96, ends), (x, y + 0.06 * t.smile + gap), (x + wide * 0.96, ends)),
        arc((x + wide * 0.96, ends), (x, y + 0.07 * t.smile + gap + 2.5 * lip), (x - wide * 0.96, ends)),
    ])  # fmt: skip
    if gap > 0.01:
        inside = [(x - wide, ends), (x, y + 0.05 * t.smile + gap * 1.6), (x + wide, ends)]
        canvas.fill(arc(*inside), (92.0, 28.0, 30.0))
        teeth = arc(
            (x - wide * 0.8, ends + 0.01), (x, y + 0.04 * t.smile + gap), (x + wide * 0.8, ends + 0.01)
        )
        canvas.fill(teeth, (242.0, 238.0, 226.0))
    canvas.fill(upper, mix(t.lip_colour, (60.0, 10.0, 10.0), 0.14))
    canvas.fill(lower, t.lip_colour)
    if gap <= 0.01:
        middle = arc((x - wide, ends), (x, y + 0.06 * t.smile), (x + wide, ends))
        canvas.stroke(middle, 0.03, mix(t.lip_colour, (50.0, 10.0, 10.0), 0.6), 0.9)


def _eye(canvas: Canvas, t: Traits, sign: int) -> None:
    x, y, size = sign * t.eye_gap + t.yaw, t.eye_y, t.eye_size
    high = size * t.eye_open
    droop = 0.2 * size * t.sag
    inner, outer = (x - sign * size, y + 0.1 * size), (x + sign * size, y + droop)
    lid = arc(inner, (x + sign * 0.1 * size, y - 1.65 * high + droop), outer)
    white = np.concatenate([lid, arc(outer, (x, y + 1.35 * high), inner)])
    canvas.fill(white, mix((250.0, 249.0, 247.0), (228.0, 214.0, 200.0), min(1.0, t.bags)))
    ball, look = size * t.iris, x + t.yaw * 0.35
    canvas.oval(
        look, y - 0.08 * high, ball, min(ball, high * 0.92), mix(t.eye_colour, (10.0, 10.0, 10.0), 0.45)
    )
    canvas.oval(look, y - 0.08 * high, ball * 0.8, min(ball * 0.8, high * 0.85), t.eye_colour)
    canvas.oval(look, y - 0.08 * high, ball * 0.42, min(ball * 0.42, high * 0.6), (14.0, 12.0, 12.0))
    canvas.oval(
        look - ball * 0.3, y - 0.1 * high - ball * 0.3, ball * 0.22, ball * 0.22, (255.0, 255.0, 255.0), 0.9
    )
    dark = mix(mix(t.skin, (35.0, 18.0, 14.0), 0.75), (18.0, 12.0, 12.0), min(1.0, t.lash))
    canvas.stroke(lid, 0.028 + 0.034 * t.lash, dark)
    canvas.stroke(arc(outer, (x, y + 1.35 * high), inner), 0.014, dark, 0.6)
    for step in range(3):
        tip = (outer[0] + sign * (0.05 - 0.03 * step), outer[1] - 0.03 - 0.03 * step)
        root = (outer[0] - sign * 0.035 * step, outer[1] - 0.02 * step)
        if t.lash > 0.15:
            canvas.stroke(arc(root, (tip[0], root[1]), tip), 0.02, dark, t.lash)
    # The fold of the upper lid sinks onto the eye with the years and hoods it.
    crease = y - high * (1.35 - 0.45 * t.sag)
    fold = arc(
        (x - sign * size * 0.9, crease + 0.2 * high),
        (x, crease - 0.55 * high),
        (x + sign * size * 1.1, crease + 0.35 * high + droop),
    )
    canvas.stroke(fold, 0.02 + 0.02 * t.sag, mix(t.skin, (60.0, 25.0, 18.0), 0.55), 0.8)


def _glasses(canvas: Canvas, t: Traits) -> None:
    frame = mix((25.0, 22.0, 25.0), (150.0, 110.0, 70.0), t.glasses)
    wide, high = 0.235, 0.19
    for sign in (-1, 1):
        x = sign * t.eye_gap + t.yaw * 1.15
        rim = RING * (wide, high)
        rim = np.sign(rim) * np.abs(rim) ** 0.8 * (wide**0.2, high**0.2) + (x, t.eye_y + 0.03)
        canvas.fill(rim, (225.0, 235.0, 245.0), 0.12)
        canvas.line(np.concatenate([rim, rim[:2]]), 0.024, frame, 0.95)
        canvas.line(np.array([(x + sign * wide, t.eye_y), (sign * 0.73, t.eye_y - 0.02)]), 0.026, frame)
    bridge = t.eye_gap - wide
    canvas.line(
        arc(
            (t.yaw * 1.15 - bridge, t.eye_y), (t.yaw * 1.3, t.eye_y - 0.06), (t.yaw * 1.15 + bridge, t.eye_y)
        ),
        0.026,
        frame,
    )


def _photograph(image: Image.Image, t: Traits, rng: np.random.Generator) -> Image.Image:
    """What a camera adds: blur, uneven light, grain."""
    if t.blur > 0.25:
        image = image.filter(ImageFilter.BoxBlur(1.5 * t.blur * image.width / 200))
    ramp = np.linspace(-1, 1, _DAPPLES)
    level, sideways, downwards = t.light
    patches = rng.normal(level, t.dapple, (_DAPPLES, _DAPPLES))
    patches *= 1 + sideways * ramp[None, :] + downwards * ramp[:, None]
    small = Image.fromarray(patches.astype(np.float32))
    light = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))
    grain = rng.standard_normal((image.width, image.width), dtype=np.float32) * t.noise
    pixels = np.asarray(image, dtype=np.float32) * light[:, :, None]
    pixels += grain[:, :, None]
    return Image.fromarray(pixels.clip(0, 255, out=pixels).astype(np.uint8))
