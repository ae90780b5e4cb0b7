"""A predictor that finds as many faces in a photograph as its name says, and nothing where it cannot be read."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from agelens.errors import ImageError
from agelens.inference.results import Face, ImagePrediction
from agelens.utils.images import read_rgb


def draw_photo(file: Path, colour: str = "teal") -> Path:
    """A photograph in which `NamedPredictor` finds as many faces as the digit says that its name begins with."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return file


class NamedPredictor:
    """Stands for `agelens.inference.predictor.Predictor`.

    Args:
        interrupted_after: so many photographs come before a Ctrl-C; None lets all come.

    Attributes:
        asked: the files that were estimated, in order.
    """

    bundles = ()

    def __init__(self, interrupted_after: int | None = None) -> None:
        self._after = interrupted_after
        self.asked: list[Path] = []

    def stream(self, files: Iterable[Path], crops: bool) -> Iterator[ImagePrediction]:
        for file in files:
            if len(self.asked) == self._after:
                raise KeyboardInterrupt
            self.asked.append(file)
            try:
                image = read_rgb(file)
            except ImageError as error:
                yield ImagePrediction(str(file), 0, 0, error=str(error))
                continue
            faces = () if crops else tuple(_face(file, number) for number in range(int(file.name[0])))
            if crops:
                faces = (Face(31.0, 0.25),)
            yield ImagePrediction(str(file), image.shape[1], image.shape[0], faces)


def _face(file: Path, number: int) -> Face:
    shares = tuple(1 / 117 for _ in range(117))
    box = (4.0 + number, 5.5, 20.0 + number, 30.25)
    landmarks = tuple((5.0 + number, 6.0 + one) for one in range(5))
    years = float(20 + number + len(file.stem))
    return Face(years, 0.9, shares, years - 4, years + 6, box, landmarks, 0.75, number % 2 == 1)
