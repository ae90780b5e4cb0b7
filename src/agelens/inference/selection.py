"""Which faces, and what of each, a result holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from agelens.errors import AgeLensError
from agelens.inference.results import Face, ImagePrediction

# What a person may ask for, as it stands in the JSON.
FIELDS = (
    "box", "landmarks", "score", "low_confidence", "age_years", "age_low", "age_high", "p_female", "age_distribution",
)  # fmt: skip
# Where a part of `Face` stands for several fields of the JSON.
_PARTS = {"score": ("score", "low_confidence")}


@dataclass(frozen=True)
class Selection:
    """What of the faces is kept.

    Attributes:
        fields: of FIELDS; None keeps all.
        min_face: least length of the shorter side of a face's box, pixels.
        min_score: least score of the detector, 0 to 1.
    """

    fields: tuple[str, ...] | None = None
    min_face: float = 0
    min_score: float = 0

    def __post_init__(self) -> None:
        for name in self.fields or ():
            if name not in FIELDS:
                raise AgeLensError(f"--fields takes {', '.join(FIELDS)}, and not {name!r}.")
        if not 0 <= self.min_score <= 1:
            raise AgeLensError(f"--min-score is a number from 0 to 1, not {self.min_score:g}.")

    @classmethod
    def of(cls, names: str | None, min_face: float = 0, min_score: float = 0) -> "Selection":
        """Return a selection whose fields are named with commas. Raises AgeLensError where none or one unknown is."""
        wanted = None if names is None else tuple(name.strip() for name in names.split(",") if name.strip())
        if wanted == ():
            raise AgeLensError(f"--fields names no field; give some of {', '.join(FIELDS)}, or leave it out.")
        return cls(wanted, min_face, min_score)

    def to_json(self) -> dict[str, Any]:
        """Return what of it decides results; empty where all is kept."""
        known = {"fields": list(self.fields) if self.fields is not None else None}
        return {
            name: value
            for name, value in {**known, "min_face": self.min_face, "min_score": self.min_score}.items()
            if value
        }

    def faces(self, photo: ImagePrediction) -> ImagePrediction:
        """Return a photograph with those of its faces that are large and sure enough; crops are."""
        kept = tuple(face for face in photo.faces if self._is_kept(face))
        return photo if len(kept) == len(photo.faces) else replace(photo, faces=kept)

    def values(self, photo: ImagePrediction) -> ImagePrediction:
        """Return a photograph whose faces have no values but those that are wanted."""
        if self.fields is None:
            return photo
        unwanted: dict[str, Any] = {
            field.name: None
            for field in fields(Face)
            if field.name != "low_confidence"
            and not set(_PARTS.get(field.name, (field.name,))) & set(self.fields)
        }
        return replace(photo, faces=tuple(replace(face, **unwanted) for face in photo.faces))

    def _is_kept(self, face: Face) -> bool:
        if face.box is not None:
            left, top, right, bottom = face.box
            if min(right - left, bottom - top) < self.min_face:
                return False
        return face.score is None or face.score >= self.min_score


class SelectivePredictor:
    """A predictor that gives only the faces of a selection; for the rest it is the one that it stands for."""

    def __init__(self, predictor: Any, selection: Selection) -> None:
        self._predictor, self._selection = predictor, selection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def stream(self, images: Iterable[Any], **options: Any) -> Iterator[ImagePrediction]:
        """As `Predictor.stream`."""
        return map(self._selection.faces, self._predictor.stream(images, **options))
