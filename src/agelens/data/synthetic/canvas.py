"""Shapes in face coordinates: a canvas that knows the pose, and the curves that outlines are made of.

Positions are in half-sides of the picture from its middle: x from -1 (left edge) to 1, y from -1 (top edge)
to 1. Colours are RGB from 0 to 255; strengths and mask levels run from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[float, float, float]
Points = NDArray[np.float64]
Corners = list[tuple[float, float]]


@dataclass(frozen=True)
class Pose:
    """How a face lies in the picture: roll in degrees, scale as a factor, shift in half-sides."""

    roll: float
    scale: float
    shift: tuple[float, float]


class Canvas:
    """An image drawn on in face coordinates; the pose is applied to every point, so nothing is ever resampled."""

    def __init__(self, image: Image.Image, pose: Pose) -> None:
        self.image = image
        self.pose = pose
        # Mode RGBA on an RGB image makes Pillow blend half-transparent fills.
        self._draw = ImageDraw.Draw(image, "RGBA" if image.mode == "RGB" else None)
        half, turn = image.width / 2, np.radians(pose.roll)
        cosine, sine = np.cos(turn) * pose.scale * half, np.sin(turn) * pose.scale * half
        self._matrix = np.array([[cosine, sine], [-sine, cosine]])
        self._origin = half + half * np.array(pose.shift)

    def mask(self, shrink: int = 1) -> "Canvas":
        """Return an empty mask with the same pose, so many times smaller: soft shadows need no more."""
        size = self.image.width // shrink
        return Canvas(Image.new("L", (size, size)), self.pose)

    def fill(self, points: Points, colour: Colour | float, strength: float = 1.0) -> None:
        """Fill an outline with a colour, or a mask with a level from 0 to 1."""
        level = round(255 * min(max(strength if isinstance(colour, tuple) else colour, 0.0), 1.0))
        ink = (*rgb(colour), level) if isinstance(colour, tuple) else level
        self._draw.polygon((points @ self._matrix + self._origin).ravel().tolist(), fill=ink)

    def stroke(self, points: Points, width: float, colour: Colour, strength: float = 1.0) -> None:
        """Draw a line that swells to its width in the middle and ends in points, like a brush's."""
        # Most marks of years are absent from most faces.
        if strength < 0.01:
            return
        along = np.gradient(points, axis=0)
        swell = np.sin(np.linspace(0.12, np.pi - 0.12, len(points)))[:, None]
        across = (
            along[:, ::-1] * (-width / 2, width / 2) * swell / (np.linalg.norm(along, axis=1)[:, None] + 1e-9)
        )
        self.fill(np.concatenate([points + across, (points - across)[::-1]]), colour, strength)

    def oval(
        self, x: float, y: float, wide: float, high: float, colour: Colour | float, strength: float = 1.0
    ) -> None:
        """Fill an ellipse with its half-width and half-height."""
        self.fill(_RING * (wide, high) + (x, y), colour, strength)

    def tint(self, mask: "Canvas", colour: Colour | Image.Image, blur: float = 0.0) -> None:
        """Lay a colour or a texture over the picture where the mask is light; the blur is in half-sides."""
        shape = (
            mask.image.filter(ImageFilter.GaussianBlur(blur * mask.image.width / 2)) if blur else mask.image
        )
        ink = colour if isinstance(colour, Image.Image) else rgb(colour)
        self.image.paste(ink, (0, 0), shape.resize(self.image.size, Image.Resampling.BILINEAR))


def rgb(colour: Colour) -> tuple[int, int, int]:
    """Return a colour as Pillow takes it."""
    red, green, blue = (round(min(max(part, 0.0), 255.0)) for part in colour)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a colour between two: the first at share 0, the second at share 1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


_TURNS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_RING = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_T = np.linspace(0, 1, 9)[:, None]
_BEZIER = np.concatenate([(1 - _T) ** 2, 2 * _T * (1 - _T), _T**2], axis=1)


def arc(*points: tuple[float, float]) -> Points:
    """Return a quadratic curve of nine points from the first point to the third, drawn towards the second."""
    curve: Points = _BEZIER @ np.array(points)
    return curve


def smooth(points: Corners | Points) -> Points:
    """Return a closed Catmull-Rom curve through the points."""
    knots = np.array(points)
    a, b, c, d = (np.roll(knots, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    t = np.linspace(0, 1, 6, endpoint=False)[None, :, None]
    curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return curve.reshape(-1, 2)


def mirrored(right: Corners) -> Corners:
    """Return a closed outline from its right half, which runs from the top down."""
    return right + [(-x, y) for x, y in reversed(right) if x > 1e-6]
