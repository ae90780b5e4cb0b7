"""How a synthetic face looks: traits that follow its age and gender, and much more that follows chance."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from agelens.data.synthetic.canvas import Colour, Pose, mix


@dataclass(frozen=True)
class Traits:
    """All that decides how a face looks.

    Lengths are half-sides of the picture, colours RGB from 0 to 255, and strengths run from 0 (absent) to 1
    (full), a little beyond for extremes.
    """

    # Proportions
    eye_y: float
    eye_size: float
    eye_open: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip: float
    chin_y: float
    cheek: float
    jaw: float
    # Marks of years
    forehead: float
    crows_feet: float
    folds: float
    bags: float
    sag: float
    spots: float
    # Hair
    hair: Colour
    grey: float
    density: float
    length: float
    recession: float
    brow: float
    lash: float
    beard: float
    # Colours, pose and picture
    skin: Colour
    eye_colour: Colour
    lip_colour: Colour
    shirt: Colour
    backdrop: Colour
    smile: float
    pose: Pose
    light: tuple[float, float, float]
    blur: float
    noise: float


_NATURAL_HAIR = ((28, 22, 20), (52, 34, 24), (84, 54, 34), (122, 80, 46), (196, 158, 96), (146, 66, 34))
_EYES = ((70, 42, 24), (98, 62, 34), (92, 112, 60), (84, 128, 160))


def choose_traits(age: int, gender: int, rng: np.random.Generator) -> Traits:
    """Invent a face.

    Args:
        age: years, 0 to 116.
        gender: 0 male, 1 female; it moves the chances of traits, and rules out none but a beard on a woman.
        rng: everything else.
    """
    person = _Person(age, gender, rng)
    return Traits(**_proportions(person), **_marks_of_years(person), **_hair(person), **_picture(person))


class _Person:
    """Age and gender as they show: blurred by chance, and in every trait anew."""

    def __init__(self, age: int, gender: int, rng: np.random.Generator) -> None:
        self.age = age
        self.woman = gender == 1
        self.rng = rng
        # People look older or younger than they are, the more so the older they are.
        self._looks = age + rng.normal(0, 0.5 + 0.045 * age)
        # The sexes differ little in small children.
        differ = 0.35 + 0.65 * np.tanh(age / 14)
        self.female = float(0.5 + (gender - 0.5) * differ + rng.normal(0, 0.12))
        self.male = 1 - self.female
        self.grown = self.growth()
        self.sag = self.rise(35, 95)

    def cue(self) -> float:
        """The age that one trait shows, in years: no mark of age keeps step with the others."""
        return float(max(self._looks + self.rng.normal(0, 0.4 + 0.055 * self.age), 0.0))

    def growth(self) -> float:
        """How far one proportion has grown up: 0 at birth, 0.5 at six and a half, 0.9 at eighteen."""
        return float(np.tanh(self.cue() / 12))

    def rise(self, start: float, full: float) -> float:
        """How far one mark of age has come: 0 up to ``start`` years, 1 at ``full``, and a little beyond."""
        return float(min(max((self.cue() - start) / (full - start), 0.0), 1.1))

    def jitter(self, spread: float) -> float:
        return float(self.rng.normal(0, spread))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def happens(self, chance: float) -> bool:
        return bool(self.rng.random() < chance)


def _proportions(p: _Person) -> dict[str, Any]:
    # A child's eyes are large and lie low, its nose is short, its cheeks are full and its chin is small.
    later = p.growth()
    eye_y = -0.19 - 0.15 * p.grown + p.jitter(0.018)
    return {
        "eye_y": eye_y,
        "eye_size": 0.185 - 0.045 * later + 0.008 * p.female - 0.012 * p.sag + p.jitter(0.007),
        "eye_open": 0.74 - 0.14 * p.grown - 0.16 * p.sag + 0.05 * p.female + p.jitter(0.04),
        "nose_y": eye_y + 0.28 + 0.16 * later + 0.05 * p.rise(40, 100) + p.jitter(0.018),
        "nose_width": 0.10 + 0.03 * p.grown + 0.015 * p.male + 0.02 * p.rise(30, 100) + p.jitter(0.012),
        "mouth_y": 0.36 + 0.10 * p.grown + 0.02 * p.sag + p.jitter(0.018),
        "mouth_width": 0.185 + 0.075 * p.grown + p.jitter(0.02),
        "lip": max(0.02, 0.045 + 0.022 * p.female * p.grown - 0.03 * p.rise(35, 95) + p.jitter(0.006)),
        "chin_y": 0.78 + 0.11 * later + 0.03 * p.male * p.grown + p.jitter(0.015),
        "cheek": 1.0 - 0.8 * p.grown + p.jitter(0.1),
        "jaw": 0.25 + 0.75 * p.male * p.grown + p.jitter(0.12),
    }


def _marks_of_years(p: _Person) -> dict[str, Any]:
    return {
        "forehead": p.rise(25, 85) * p.between(0.7, 1.15),
        "crows_feet": p.rise(24, 80) * p.between(0.75, 1.15),
        "folds": p.rise(18, 80),
        "bags": p.rise(22, 85),
        "sag": p.sag,
        "spots": p.rise(45, 95),
    }


def _hair(p: _Person) -> dict[str, Any]:
    red, green, blue = _NATURAL_HAIR[p.rng.choice(len(_NATURAL_HAIR), p=[0.3, 0.24, 0.18, 0.12, 0.1, 0.06])]
    grey = 1 / (1 + np.exp(-(p.cue() - 55 + p.jitter(5)) / 8))
    if p.happens(0.2 if p.woman else 0.03):
        grey *= 0.25  # dyed
    long = 0.05 + (0.72 if p.woman else 0.02) * min(1.0, p.age / 5) * (1 - 0.45 * p.rise(50, 90))
    # Babies have down, and the hair of the old grows thin.
    density = min(1.0, 0.25 + 0.3 * p.cue()) * (1 - 0.4 * p.rise(60, 100))
    brow = 0.2 + 0.35 * p.grown + 0.45 * p.male * p.grown - 0.15 * p.rise(50, 100) + p.jitter(0.1)
    lash = p.female * (0.5 + 0.35 * p.grown) + p.jitter(0.12)
    bearded = not p.woman and p.age > 15
    return {
        "hair": (float(red), float(green), float(blue)),
        "grey": float(grey),
        "density": density,
        "length": p.between(0.5, 1.0)
        if p.happens(long)
        else max(0.0, p.between(-0.1, 0.15) + 0.22 * p.woman),
        "recession": 0.0 if p.woman else p.rise(24 + p.jitter(5), 85) * p.between(0.15, 1.35),
        "brow": min(max(brow, 0.05), 1.1),
        "lash": min(max(lash, 0.0), 1.0) * (1 - 0.4 * p.sag),
        # Stubble most days, a full beard at times.
        "beard": (p.between(0.6, 1) if p.happens(0.25) else p.between(0, 0.4)) if bearded else 0.0,
    }


def _picture(p: _Person) -> dict[str, Any]:
    skin = mix((250.0, 218.0, 192.0), (92.0, 58.0, 40.0), p.between(0, 1) ** 1.3)
    lipstick = 0.6 * p.between(0, 1) if p.woman and p.age > 14 else 0.0
    red, green, blue = _EYES[p.rng.choice(len(_EYES), p=[0.45, 0.25, 0.12, 0.18])]
    return {
        "skin": mix(skin, (200.0, 170.0, 120.0), p.between(0, 0.2)),
        "eye_colour": (float(red), float(green), float(blue)),
        "lip_colour": mix(mix(skin, (170.0, 60.0, 60.0), 0.42), (190.0, 30.0, 50.0), lipstick),
        "shirt": tuple(p.between(30, 230) for _ in range(3)),
        "backdrop": tuple(p.between(50, 210) for _ in range(3)),
        "smile": p.between(-0.3, 1.0),
        "pose": Pose(p.jitter(6), 1 + p.jitter(0.05), (p.jitter(0.05), p.jitter(0.045))),
        "light": (p.between(0.8, 1.1), p.between(-0.25, 0.25), p.between(-0.15, 0.15)),
        "blur": p.between(0, 1.1),
        "noise": p.between(0, 7),
    }
