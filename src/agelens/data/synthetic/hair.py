"""The hair of a synthetic face: strands, long hair, the cap over the crown, brows and beard."""

import numpy as np
from PIL import Image

from agelens.data.synthetic.canvas import Canvas, Colour, arc, mirrored, mix, smooth
from agelens.data.synthetic.traits import Traits

_STRANDS = 28


def strands(canvas: Canvas, t: Traits, rng: np.random.Generator) -> Image.Image:
    """Strands over the whole picture; the hair's outline cuts it to shape."""
    white: Colour = (214.0, 212.0, 210.0)
    texture = canvas.blank(mix(t.hair, white, t.grey))
    roots = rng.uniform(-1.1, 1.1, _STRANDS)
    # Greying is uneven: some strands are white long before others.
    shades = np.clip(t.grey + rng.normal(0, 0.12 + 0.5 * t.grey * (1 - t.grey), _STRANDS), 0, 1)
    glow = rng.normal(1.0, 0.16, _STRANDS)
    widths = rng.uniform(0.012, 0.05, _STRANDS)
    for root, shade, bright, width in np.stack([roots, shades, glow, widths], axis=1).tolist():
        red, green, blue = mix(t.hair, white, shade)
        strand = arc((t.parting + root * 0.3, -1.15), (root * 1.15, -1.05), (root * 1.25, 1.2))
        texture.line(strand, width, (red * bright, green * bright, blue * bright), 0.75)
    return texture.image


def paint_long_hair(canvas: Canvas, t: Traits, texture: Image.Image, rng: np.random.Generator) -> None:
    """The hair behind the face, for those who wear it over the ears."""
    if t.length <= 0.15:
        return
    end, wide = -0.1 + 1.4 * t.length, 0.80 + 0.14 * t.length
    sides = [(0.55, -0.94), (wide - 0.04, -0.45), (wide, 0.2 * end), (wide * 0.95, end)]
    outline = np.array(mirrored([(0.0, -1.04), *sides, (0.0, end + 0.05)]))
    mask = canvas.mask()
    mask.fill(smooth(outline + rng.normal(0, 0.02, outline.shape)), 1.0, min(1.0, t.density + 0.2))
    canvas.tint(mask, texture)


def paint_cap(canvas: Canvas, t: Traits, texture: Image.Image, rng: np.random.Generator) -> None:
    """The hair before the face: a cap over the crown, cut off at the hairline."""
    mask = canvas.mask()
    bare = min(1.0, t.recession)
    # Baldness lowers the cap under the skull, so that only the sides stand out.
    top, low = -1.05 + 0.3 * max(0.0, bare - 0.55), t.eye_y + 0.08 + 0.25 * t.length
    right = [(0.0, top), (0.45, top + 0.07), (0.71, -0.64), (0.76, t.eye_y - 0.18), (0.70, low)]
    cap = np.array(mirrored([*right, (0.62, low + 0.1), (0.0, low)]))
    mask.fill(smooth(cap + rng.normal(0, 0.015, cap.shape)), 1.0, t.density)
    centre = t.hairline - 0.03 - 0.55 * max(0.0, bare - 0.35)
    corner, corner_y = 0.52 + 0.05 * bare, t.hairline + 0.10 - 0.42 * bare
    temple, temple_y = 0.645 - 0.02 * t.length, t.eye_y - 0.10
    left = [(-temple, low + 0.3), (-temple, temple_y), (-corner, corner_y)]
    line = np.array([*left, (t.parting, centre), (corner, corner_y), (temple, temple_y), (temple, low + 0.3)])
    mask.fill(smooth(line + rng.normal(0, 0.02, line.shape), closed=False), 0.0)
    if t.fringe > 0.05:
        end = t.hairline + 0.3 * t.fringe
        crown = [(-0.6, end + 0.1), (-0.4, -0.88), (0.0, -1.0), (0.4, -0.88), (0.6, end + 0.1)]
        bangs = np.array([*crown, (0.3, end), (t.parting, end - 0.06), (-0.3, end)])
        mask.fill(smooth(bangs + rng.normal(0, 0.02, bangs.shape)), 1.0, t.density)
    canvas.tint(mask, texture)


def paint_beard(canvas: Canvas, t: Traits) -> None:
    colour = mix(mix(t.hair, (30.0, 24.0, 20.0), 0.2), (205.0, 203.0, 200.0), t.grey)
    if max(t.stubble, t.beard) > 0.03:
        mask, low = canvas.soft(), t.mouth_y + 0.02
        right = [(0.2, low + 0.14), (0.44, low), (0.60 + 0.04 * t.jaw, 0.05), (0.62 + 0.05 * t.jaw, 0.4)]
        shape = [*right, (0.34 + 0.1 * t.jaw, t.chin_y - 0.04), (0.0, t.chin_y + 0.03 + 0.1 * t.beard)]
        mask.fill(smooth(mirrored([(0.0, low + 0.16), *shape])), max(0.42 * t.stubble, 0.92 * t.beard))
        canvas.tint(mask, colour, blur=0.022)
    if max(t.stubble, t.moustache) > 0.03:
        upper, wide = t.mouth_y - 0.09, t.mouth_width * 0.95
        level = max(0.4 * t.stubble, 0.95 * t.moustache)
        for sign in (-1, 1):
            half = arc(
                (t.yaw - sign * 0.02, upper + 0.02),
                (t.yaw + sign * wide * 0.6, upper - 0.03),
                (t.yaw + sign * wide * 1.05, t.mouth_y - 0.02),
            )
            canvas.stroke(half, 0.095, colour, level)


def paint_brow(canvas: Canvas, t: Traits, sign: int, rng: np.random.Generator) -> None:
    y = t.eye_y - t.eye_size * 1.25 - 0.02
    start, end = sign * (t.eye_gap - 0.16) + t.yaw, sign * (t.eye_gap + 0.19) + t.yaw
    colour = mix(mix(t.hair, (35.0, 25.0, 20.0), 0.35), (200.0, 198.0, 195.0), 0.85 * t.grey)
    peak = y - 0.05 - 0.12 * t.brow_arch
    brow = arc((start, y), ((start + end * 2) / 3, peak), (end, y + 0.02 + 0.04 * t.sag))
    canvas.stroke(brow, 0.03 + 0.075 * t.brow, colour, 0.35 + 0.6 * min(1.0, t.brow))
    hairs = brow[1:-1] + rng.normal(0, 0.004, (len(brow) - 2, 2))
    for hx, hy in hairs.tolist():
        tip = np.array([(hx - sign * 0.012, hy + 0.03 * t.brow), (hx + sign * 0.03, hy - 0.045 * t.brow)])
        canvas.line(tip, 0.012, mix(colour, (20.0, 15.0, 12.0), 0.25), 0.6)
