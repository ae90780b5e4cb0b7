"""Faces drawn by the program: a dataset with no network and no real people, for the demo and the tests.

Age and gender show in a synthetic face as in a real one, blurred by chance: proportions up to eighteen; lines,
sagging, spots, grey and thin hair after; hair, jaw, brows, lashes, lips and beards between the sexes. A small
network can learn both from some 1,600 faces. What it learns says nothing about people.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from agelens.data.labels import AGE_RANGE, RACES
from agelens.data.synthetic.portrait import paint
from agelens.data.synthetic.traits import choose_traits
from agelens.errors import AgeLensError
from agelens.utils.files import read_json, replacing_folder, write_json

# Changes whenever the same arguments could give other files: an older folder is then not taken for a new one.
SYNTHETIC_VERSION = 2
# A name with a leading dot: readers of a folder of faces pass over it.
MARKER = ".drawn.json"
MIN_SIDE, MAX_SIDE = 32, 1024

_QUALITY = 90
_FIRST_DAY = datetime(2017, 1, 1)


@dataclass(frozen=True)
class SyntheticFaults:
    """How many faults `synthesize_faces` plants when it is asked to, each on a different face.

    Attributes:
        age_conflicts: byte-identical copies whose name gives another age.
        gender_conflicts: byte-identical copies whose name gives the other gender.
        near_duplicates: copies with the same labels, slightly brighter and compressed more.
        truncated: copies with the same labels of which only the first part of the file is there.
        unreadable_names: copies whose name is not AGE_GENDER_RACE_TIME (the gender is missing).
    """

    age_conflicts: int = 3
    gender_conflicts: int = 1
    near_duplicates: int = 4
    truncated: int = 1
    unreadable_names: int = 1

    @property
    def files(self) -> int:
        """Files that the faults add to a folder."""
        return sum(vars(self).values())


FAULTS = SyntheticFaults()


def synthesize_face(age: int, gender: int, rng: np.random.Generator, image_size: int = 200) -> Image.Image:
    """Draw one face, framed like an UTKFace crop.

    Args:
        age: years, 0 to 116.
        gender: 0 male, 1 female.
        rng: everything that age and gender leave open; the same state gives the same picture.
        image_size: pixels of each side, 32 to 1024.

    Returns:
        an RGB image of side x side.

    Raises:
        AgeLensError: an argument is out of range.
    """
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        raise AgeLensError(f"A face of {age} years cannot be drawn; give {AGE_RANGE[0]} to {AGE_RANGE[1]}.")
    if gender not in (0, 1):
        raise AgeLensError(f"Gender code {gender} is not 0 (male) or 1 (female).")
    _check_side(image_size)
    return paint(choose_traits(age, gender, rng), rng, image_size)


def synthesize_faces(
    folder: Path,
    count: int,
    seed: int,
    image_size: int = 200,
    with_faults: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Draw a folder of faces named AGE_GENDER_RACE_TIME.jpg.chip.jpg as in UTKFace.

    Ages are spread as in UTKFace: many small children, a bulge from 20 to 40, a tail to 100. The race code is
    drawn by chance and changes nothing in the picture, since a synthetic face has no race: an audit by race then
    shows what it looks like where there is no difference.

    A folder is complete or absent. Face number i depends on the seed, i and the side alone, so that a larger
    folder begins with the faces of a smaller one.

    Args:
        folder: where to; if it holds what the same call has drawn before, nothing is done.
        count: faces, at least 1; with faults, at least as many as there are faults.
        seed: 0 or more.
        image_size: pixels of each side, 32 to 1024.
        with_faults: add the files that `FAULTS` counts, for an audit to find.
        progress: called with 1 after each face.

    Returns:
        the faces in order of number, then the faults in the order of `SyntheticFaults`.

    Raises:
        AgeLensError: an argument is out of range, or the folder holds something else.
    """
    least = FAULTS.files if with_faults else 1
    if count < least:
        raise AgeLensError(f"{count} faces cannot be drawn; give at least {least}.")
    if seed < 0:
        raise AgeLensError(f"The seed {seed} is negative; give 0 or more.")
    _check_side(image_size)
    order = {
        "version": SYNTHETIC_VERSION,
        "count": count,
        "seed": seed,
        "image_size": image_size,
        "with_faults": with_faults,
    }
    if folder.exists():
        return _written_before(folder, order)
    with replacing_folder(folder) as temporary:
        names = []
        for index in range(count):
            names.append(_write_numbered(temporary, index, seed, image_size))
            if progress:
                progress(1)
        if with_faults:
            names += _plant_faults(temporary, names, seed)
        write_json(temporary / MARKER, {**order, "files": names})
    return [folder / name for name in names]


def _check_side(image_size: int) -> None:
    if not MIN_SIDE <= image_size <= MAX_SIDE:
        raise AgeLensError(f"A side of {image_size} pixels is not {MIN_SIDE} to {MAX_SIDE}.")


def _written_before(folder: Path, order: dict[str, int]) -> list[Path]:
    if not (folder / MARKER).is_file():
        raise AgeLensError(
            f"{folder} exists and was not drawn by AgeLens; give a folder that does not exist."
        )
    found = read_json(folder / MARKER)
    names = found.pop("files", []) if isinstance(found, dict) else []
    if found != order:
        raise AgeLensError(
            f"{folder} holds other synthetic faces ({found}); give another folder or delete it."
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise AgeLensError(
            f"{folder} lacks {len(missing)} of its files ({missing[0]}); delete it to draw it again."
        )
    return [folder / name for name in names]


def _write_numbered(folder: Path, index: int, seed: int, image_size: int) -> str:
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    age, gender, race = _choose_age(rng), int(rng.random() < 0.48), int(rng.integers(len(RACES)))
    name = _name(age, gender, race, index, rng)
    synthesize_face(age, gender, rng, image_size).save(folder / name, "JPEG", quality=_QUALITY)
    return name


def _choose_age(rng: np.random.Generator) -> int:
    """An age, spread as in UTKFace."""
    # The share and the spread of small children, the young, the bulge, the middle-aged and the old.
    parts = (
        (0.13, lambda: rng.exponential(2.6)),
        (0.10, lambda: rng.uniform(4, 20)),
        (0.47, lambda: rng.normal(29, 6.5)),
        (0.18, lambda: rng.normal(50, 9)),
        (0.12, lambda: rng.triangular(56, 62, 102)),
    )
    draw = parts[rng.choice(len(parts), p=[share for share, _ in parts])][1]
    return int(np.clip(draw(), *AGE_RANGE))


def _name(age: int, gender: int, race: int, index: int, rng: np.random.Generator) -> str:
    # One hour a face and the place in the hour by chance: no two names meet.
    moment = _FIRST_DAY + timedelta(hours=index, milliseconds=int(rng.integers(3_600_000)))
    stamp = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"
    return f"{age}_{gender}_{race}_{stamp}.jpg.chip.jpg"


def _plant_faults(folder: Path, names: list[str], seed: int) -> list[str]:
    """Add the faults of `FAULTS`, each on a face of its own; returns the names of the new files."""
    # Spawned, so that the draw shares no stream with any face.
    rng = np.random.default_rng(np.random.SeedSequence([seed]).spawn(1)[0])
    victims = iter([names[index] for index in rng.permutation(len(names))[: FAULTS.files]])
    planted: list[str] = []

    def plant(name: str) -> Path:
        planted.append(name)
        return folder / name

    for _ in range(FAULTS.age_conflicts):
        age, rest = _split_name(victim := next(victims))
        other = int(age) + 20 if int(age) < 60 else int(age) - 20
        shutil.copyfile(folder / victim, plant(f"{other}_{rest}"))
    for _ in range(FAULTS.gender_conflicts):
        age, rest = _split_name(victim := next(victims))
        shutil.copyfile(folder / victim, plant(f"{age}_{1 - int(rest[0])}{rest[1:]}"))
    for _ in range(FAULTS.near_duplicates):
        victim = next(victims)
        with Image.open(folder / victim) as image:
            brighter = image.point(lambda level: min(255, level * 1.05))
        brighter.save(plant(_later(victim)), "JPEG", quality=70)
    for _ in range(FAULTS.truncated):
        data = (folder / (victim := next(victims))).read_bytes()
        plant(_later(victim)).write_bytes(data[: len(data) * 2 // 5])
    for _ in range(FAULTS.unreadable_names):
        age, rest = _split_name(victim := next(victims))
        shutil.copyfile(folder / victim, plant(f"{age}_{rest[2:]}"))
    return planted


def _split_name(name: str) -> tuple[str, str]:
    age, _, rest = name.partition("_")
    return age, rest


def _later(name: str) -> str:
    """The same labels and a time of its own: fifty years on, which no face of a folder reaches."""
    labels, _, stamp = name.rpartition("_")
    return f"{labels}_{int(stamp[:4]) + 50}{stamp[4:]}"
