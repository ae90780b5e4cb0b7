"""What is estimated: frozen values that check themselves, and become JSON, a table or a picture.

Positions are pixels of the upright photograph (EXIF orientation obeyed), x to the right and y down, counted from the
upper left corner of the first pixel.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, overload

if TYPE_CHECKING:
    import pandas as pd

LANDMARKS = (
    "eye on the left",
    "eye on the right",
    "nose",
    "mouth corner on the left",
    "mouth corner on the right",
)
# What is written of each value; a distribution keeps five digits of each share.
_DIGITS = {"age_years": 2, "p_female": 4, "p_at_least": 4, "score": 3}


def limit_column(limit: int) -> str:
    """Return the name under which the probability to be at least so many years old is written."""
    return f"p_at_least_{limit}"


class Described:
    """A value whose fields each carry a description, from which the server's OpenAPI description is made too."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"use_attribute_docstrings": True}


@dataclass(frozen=True)
class Face(Described):
    """What is predicted of one face: age, gender, and where the face is.

    Example:
        >>> face = Face(age_years=31.0, p_female=0.97, age_low=24.0, age_high=40.0)
        >>> face.prediction_interval
        (24.0, 40.0)
    """

    age_years: float | None = None
    """Age, years; None where no age network was loaded. Of a network that gives a distribution it is the median, a
    whole number as labels are: of all single numbers it errs least if the distribution is right."""
    p_female: float | None = None
    """Probability, 0 to 1, that the dataset's binary label is female; None without a gender network."""
    age_distribution: tuple[float, ...] | None = field(default=None, repr=False)
    """Probability of each whole age, from 0 years on; together 1. None where the network gives a single number."""
    age_low: float | None = None
    """Lower end of the prediction interval, years, included. The interval holds 90 % of the true ages of faces like
    those that the bundle was calibrated on; None where the bundle has no calibration."""
    age_high: float | None = None
    """Upper end of the prediction interval, years, included."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom: pixels of the upright photograph, within it. None for crops."""
    landmarks: tuple[tuple[float, float], ...] | None = None
    """x and y, pixels, of the eye on the left, the eye on the right, the nose, and the corners of the mouth on the
    left and on the right; left and right as one sees them. None for crops."""
    score: float | None = None
    """Score of the detector, 0 to 1; None for crops."""
    low_confidence: bool = False
    """Whether the score is below the detector's confidence threshold, so that this may be no face."""

    def __post_init__(self) -> None:
        if self.box is not None and (
            len(self.box) != 4 or self.box[0] > self.box[2] or self.box[1] > self.box[3]
        ):
            raise ValueError(f"A box is (left, top, right, bottom) in pixels, not {self.box}.")
        if self.landmarks is not None and [len(point) for point in self.landmarks] != [2] * len(LANDMARKS):
            raise ValueError(f"Landmarks are {len(LANDMARKS)} points (x, y), not {self.landmarks}.")
        for name, value in (("p_female", self.p_female), ("score", self.score)):
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is a probability from 0 to 1, not {value}.")
        if (self.age_low is None) != (self.age_high is None) or (
            self.age_low is not None and self.age_high is not None and self.age_low > self.age_high
        ):
            raise ValueError(
                f"A prediction interval is from age_low to age_high in years, not {self.age_low} to {self.age_high}."
            )

    @property
    def prediction_interval(self) -> tuple[float, float] | None:
        """``(age_low, age_high)``, years; None where there is none."""
        return None if self.age_low is None or self.age_high is None else (self.age_low, self.age_high)

    def at_least(self, limit: int) -> float | None:
        """Return the probability, 0 to 1, that the age is this many whole years or more, from the age distribution.

        It says how often faces like this one are that old, as far as the network knows; it proves nobody's age and
        decides about nobody. None where the network estimates a single number.

        Args:
            limit: whole years, from 0 up.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(limit, Integral) or isinstance(limit, bool) or limit < 0:
            raise ValueError(f"An age limit is a number of whole years from 0 up, not {limit!r:.60}.")
        if self.age_distribution is None:
            return None
        return min(1.0, max(0.0, sum(self.age_distribution[int(limit) :]) / sum(self.age_distribution)))

    def to_dict(self, age_limits: Sequence[int] = ()) -> dict[str, Any]:
        """JSON with what is known of the face; values that are None are left out.

        Args:
            age_limits: years; for each the probability to be that old is added as ``p_at_least_LIMIT``.
        """
        values: dict[str, Any] = {}
        if self.box is not None:
            values["box"] = [round(value, 1) for value in self.box]
        if self.landmarks is not None:
            values["landmarks"] = [[round(x, 1), round(y, 1)] for x, y in self.landmarks]
        if self.score is not None:
            values |= {"score": round(self.score, _DIGITS["score"]), "low_confidence": self.low_confidence}
        if self.age_years is not None:
            values["age_years"] = round(self.age_years, _DIGITS["age_years"])
        if self.age_low is not None:
            values |= {"age_low": self.age_low, "age_high": self.age_high}
        if self.p_female is not None:
            values["p_female"] = round(self.p_female, _DIGITS["p_female"])
        if self.age_distribution is not None:
            values["age_distribution"] = [round(share, 5) for share in self.age_distribution]
        for limit in age_limits:
            if (probability := self.at_least(limit)) is not None:
                values[limit_column(limit)] = round(probability, _DIGITS["p_at_least"])
        return values


@dataclass(frozen=True)
class ImagePrediction(Described):
    """An image and its faces, or the reason why it could not be read."""

    file: str
    """Its path, or the name under which it was sent; empty for an array or a Pillow image."""
    width: int
    """Pixels of the upright image (EXIF orientation obeyed); 0 for crops, and where it could not be read."""
    height: int
    """Pixels of the upright image, as the width."""
    faces: tuple[Face, ...] = ()
    """From the largest to the smallest; empty where there is none."""
    error: str = ""
    """Why it could not be read, without the name of the file; empty where it could."""

    def to_dict(self, age_limits: Sequence[int] = ()) -> dict[str, Any]:
        """JSON; ``error`` only where there is one. ``age_limits`` are as for `Face.to_dict`."""
        start: dict[str, Any] = {"file": self.file} if self.file else {}
        if self.error:
            return {**start, "error": self.error, "faces": []}
        size = {"width": self.width, "height": self.height} if self.width else {}
        return {**start, **size, "faces": [face.to_dict(age_limits) for face in self.faces]}


# The columns of the command line's CSV; distributions are in the JSON alone.
COLUMNS = (
    "file", "face", "left", "top", "right", "bottom", "score", "low_confidence",
    "age_years", "age_low", "age_high", "p_female",
)  # fmt: skip


# Those of `Predictions.to_frame`, and of them the types that know a missing value.
FRAME_COLUMNS = ("image", *COLUMNS, "error")
_FRAME_TYPES = {"image": "int64", "face": "Int64", "low_confidence": "boolean"}


def rows(photo: dict[str, Any], age_limits: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """For each face one dict of COLUMNS, from what `Photo.to_dict` gives; a photograph without a face has none.

    ``face`` counts from 1, from the largest to the smallest. Age limits add a column each.
    """
    for number, face in enumerate(photo["faces"], 1):
        box = face.get("box", [None] * 4)
        interval = (face.get("age_low"), face.get("age_high"))
        values = (
            photo.get("file", ""), number, *box, face.get("score"), face.get("low_confidence", False),
            face.get("age_years"), *interval, face.get("p_female"),
        )  # fmt: skip
        limits = {limit_column(limit): face.get(limit_column(limit)) for limit in age_limits}
        yield {**dict(zip(COLUMNS, values, strict=True)), **limits}


class Predictions(Sequence[ImagePrediction]):
    """The photographs of one call, in its order; a list of `ImagePrediction` that also becomes a table or JSON."""

    def __init__(self, photos: Iterable[ImagePrediction]) -> None:
        self._photos = tuple(photos)

    @overload
    def __getitem__(self, index: int) -> ImagePrediction: ...
    @overload
    def __getitem__(self, index: slice) -> "Predictions": ...
    def __getitem__(self, index: int | slice) -> "ImagePrediction | Predictions":
        return Predictions(self._photos[index]) if isinstance(index, slice) else self._photos[index]

    def __len__(self) -> int:
        return len(self._photos)

    def __repr__(self) -> str:
        unread = sum(bool(photo.error) for photo in self)
        images, faces = ("1 image" if len(self) == 1 else f"{len(self)} images"), len(self.faces)
        told = f"{images}, {'1 face' if faces == 1 else f'{faces} faces'}"
        return f"Predictions({told}{f', {unread} not read' if unread else ''})"

    @property
    def faces(self) -> tuple[Face, ...]:
        """The faces of all photographs, in order."""
        return tuple(face for photo in self._photos for face in photo.faces)

    def at_least(self, limit: int) -> tuple[float | None, ...]:
        """The probability of each of `faces`, in order, to be at least so many years old; see `Face.at_least`."""
        return tuple(face.at_least(limit) for face in self.faces)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row a face, and one row for each image without a face; distributions are in `to_json`.

        Returns:
            the columns FRAME_COLUMNS. ``image`` is the place of the image in the call, from 0, so that ``self[image]``
            is its `ImagePrediction`; ``face`` counts from 1, from the largest to the smallest, and is missing where
            an image has none; ``error`` says why an image could not be read, and is empty where it could. The faces
            alone are ``frame.dropna(subset="face")``.
        """
        import pandas as pd

        found = [
            {"image": number, **row, "error": photo.error}
            for number, photo in enumerate(self._photos)
            for row in (list(rows(photo.to_dict())) or [{"file": photo.file}])
        ]
        frame = pd.DataFrame(found, columns=list(FRAME_COLUMNS))
        numbers = dict.fromkeys(COLUMNS[2:], "float64")
        return frame.astype({**numbers, "file": "str", "error": "str", **_FRAME_TYPES})

    def to_json(self) -> list[dict[str, Any]]:
        """JSON values, one dict a photograph."""
        return [photo.to_dict() for photo in self._photos]
