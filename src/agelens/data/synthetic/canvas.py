"""Strokes in face coordinates: a canvas that knows the pose, and the curves that outlines are made of.

Positions are in half-sides of the picture from its middle: x from -1 (left edge) to 1, y from -1 (top edge)
to 1. Colours are RGB from 0 to 255; strengths and mask levels run from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[float, float, float]
Points = NDArray[np.float64]

_SOFT = 6  # soft shadows are drawn this many times smaller, where a wide blur costs nothing


@dataclass(frozen=True)
class Pose:
    """How a face lies in the picture: roll in degrees, scale as a factor, shift in half-sides."""

    roll: float
    scale: float
    shift: tuple[float, float]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: the first at share 0, the second at share 1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def grown(image: Image.Image, image_size: int) -> Image.Image:
    """A small soft image at full size; the last doubling is plain, since supersampling averages it away."""
    half = image.resize((image_size // 2, image_size // 2), Image.Resampling.BICUBIC)
    return half.resize((image_size, image_size), Image.Resampling.NEAREST)


class Canvas:
    """An image drawn on in face coordinates; pose is applied to every point, so nothing is ever resampled."""

    def __init__(self, image: Image.Image, pose: Pose) -> None:
        self.image = image
        self.pose = pose
        # Mode RGBA on an RGB image makes Pillow blend half-transparent fills.
        self._draw = ImageDraw.Draw(image, "RGBA" if image.mode == "RGB" else None)
        half, turn = image.width / 2, np.radians(pose.roll)
        cosine, sine = np.cos(turn) * pose.scale * half, np.sin(turn) * pose.scale * half
        self._matrix = np.array([[cosine, sine], [-sine, cosine]])
        self._origin = half + half * np.array(pose.shift)
        self.unit = half * pose.scale

    def blank(self, colour: Colour) -> "Canvas":
        """A picture of one colour with the same size and pose."""
        return Canvas(Image.new("RGB", self.image.size, self.rgb(colour)), self.pose)

    def soft(self) -> "Canvas":
        """A small empty mask with the same pose."""
        image_size = self.image.width // _SOFT
        return Canvas(Image.new("L", (image_size, image_size)), self.pose)

    def mask(self) -> "Canvas":
        """An empty mask of full size with the same pose."""
        return Canvas(Image.new("L", self.image.size), self.pose)

    def pixels(self, points: Points) -> list[float]:
        """Points in face coordinates as a flat list of pixel coordinates."""
        flat: list[float] = (points @ self._matrix + self._origin).ravel().tolist()
        return flat

    def fill(self, points: Points, colour: Colour | float, strength: float = 1.0) -> None:
        """Fill an outline with a colour, or a mask with a level from 0 to 1."""
        self._draw.polygon(self.pixels(points), fill=self._ink(colour, strength))

    def line(self, points: Points, width: float, colour: Colour | float, strength: float = 1.0) -> None:
        """A stroke of even width."""
        pixels = max(1, round(width * self.unit))
        self._draw.line(self.pixels(points), fill=self._ink(colour, strength), width=pixels, joint="curve")

    def stroke(self, points: Points, width: float, colour: Colour | float, strength: float = 1.0) -> None:
        """A stroke that swells to its width in the middle and ends in points, like a brush's."""
        along = np.concatenate(
            [points[1:2] - points[:1], points[2:] - points[:-2], points[-1:] - points[-2:-1]]
        )
        across = along[:, ::-1] * ((-width / 2, width / 2) / (np.hypot(along[:, :1], along[:, 1:]) + 1e-9))
        across *= _SWELL if len(points) == len(_SWELL) else _swell(len(points))
        self.fill(np.concatenate([points + across, (points - across)[::-1]]), colour, strength)

    def oval(
        self, x: float, y: float, wide: float, high: float, colour: Colour | float, s: float = 1.0
    ) -> None:
        """A filled ellipse with its half-width and half-height."""
        self.fill(RING * (wide, high) + (x, y), colour, s)

    def tint(self, mask: "Canvas", colour: Colour | Image.Image, blur: float = 0.0) -> None:
        """Lay a colour or a texture over the picture where the mask is light; the blur is in half-sides."""
        shape = mask.image.filter(ImageFilter.GaussianBlur(blur * mask.unit)) if blur else mask.image
        if shape.size != self.image.size:
            shape = grown(shape, self.image.width)
        ink = colour if isinstance(colour, Image.Image) else self.rgb(colour)
        self.image.paste(ink, (0, 0), shape)

    def glaze(self, layers: list[tuple["Canvas", Colour]], blur: float) -> None:
        """Lay three small masks over the picture, each in its colour: blurred and mixed while small."""
        bands = Image.merge("RGB", [mask.image for mask, _ in layers])
        levels = np.asarray(
            bands.filter(ImageFilter.GaussianBlur(blur * layers[0][0].unit)), dtype=np.float32
        )
        total = levels.sum(axis=-1, keepdims=True)
        colours = np.array([colour for _, colour in layers], dtype=np.float32)
        # Where no mask reaches, the mean of the colours keeps a foreign tint from the borders.
        blend = np.where(total > 0, levels @ colours / np.maximum(total, 1), colours.mean(axis=0))
        ink = grown(Image.fromarray(blend.astype(np.uint8)), self.image.width)
        strength = Image.fromarray(total[:, :, 0].clip(0, 255).astype(np.uint8))
        self.tint(Canvas(strength, self.pose), ink)

    def _ink(self, colour: Colour | float, strength: float) -> int | tuple[int, ...]:
        if not isinstance(colour, tuple):
            return round(255 * min(max(colour * strength, 0.0), 1.0))
        return (*self.rgb(colour), round(255 * min(max(strength, 0.0), 1.0)))

    @staticmethod
    def rgb(colour: Colour) -> tuple[int, int, int]:
        """A colour as Pillow takes it."""
        red, green, blue = (round(min(max(part, 0.0), 255.0)) for part in colour)
        return red, green, blue


def _swell(count: int) -> Points:
    return np.sin(np.linspace(0.12, np.pi - 0.12, count))[:, None]


_SWELL = _swell(9)
_TURNS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
RING = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_T = np.linspace(0, 1, 9)[:, None]
_BEZIER = np.concatenate([(1 - _T) ** 2, 2 * _T * (1 - _T), _T**2], axis=1)


def arc(*points: tuple[float, float]) -> Points:
    """A quadratic curve of nine points from the first point to the third, drawn towards the second."""
    curve: Points = _BEZIER @ np.array(points)
    return curve


def smooth(points: list[tuple[float, float]] | Points, closed: bool = True) -> Points:
    """A Catmull-Rom curve through the points."""
    knots = np.array(points)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    k = np.concatenate([ends[0], knots, ends[1]])
    a, b, c, d = k[:-3, None], k[1:-2, None], k[2:-1, None], k[3:, None]
    t = np.linspace(0, 1, 6, endpoint=False)[None, :, None]
    curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return curve.reshape(-1, 2) if closed else np.concatenate([curve.reshape(-1, 2), knots[-1:]])


def mirrored(right: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A closed outline from its right half, which runs from the top down."""
    return right + [(-x, y) for x, y in reversed(right) if x > 1e-6]
