"""What is asked of photographs and videos on the command line, and what of it decides the estimates."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agelens._version import __version__
from agelens.errors import AgeLensError
from agelens.inference.blur import Blur
from agelens.inference.output_formats import Form, form_of_file, form_of_output
from agelens.inference.predictor import Predictor, load
from agelens.inference.selection import Selection
from agelens.utils.files import digest_file, digest_json
from agelens.utils.images import DECODER_VERSION


@dataclass(frozen=True)
class PredictionConfig:
    """How files are estimated and what becomes of it.

    Attributes:
        crops: each image is one face, cropped as in the training.
        bundle: a bundle, or a run's folder; None is the one that comes with AgeLens.
        detector: an ONNX file of a detector; None is the one that is installed.
        precision: of the networks.
        form: what an option asks for; None is a table on a terminal and JSON lines elsewhere, or what the name of the
            file says.
        out: a file for it; None is standard output.
        pictures: folder that takes annotated pictures.
        overwrite: whether a file that stands at ``out`` is replaced, whatever it is.
        max_pixels: of an image; None is `agelens.utils.images.MAX_PIXELS`.
        as_they_are: whole photographs are taken for crops, too.
        age_limits: years; the probability to be that old is told for each.
        device: what computes. threads: of the processor; None is one for each core.
        cache: keep compiled networks for the next start.
        selection: which faces, and what of each, are written.
        blur: what ``pictures`` shows are photographs with these faces made unrecognisable; None draws boxes.
    """

    crops: bool = False
    bundle: Path | None = None
    detector: Path | None = None
    precision: str = "auto"
    form: Literal["table", "json", "csv"] | None = None
    out: Path | None = None
    pictures: Path | None = None
    overwrite: bool = False
    max_pixels: int | None = None
    as_they_are: bool = False
    age_limits: tuple[int, ...] = ()
    device: str = "auto"
    threads: int | None = None
    cache: bool = False
    selection: Selection = field(default_factory=Selection)
    blur: Blur | None = None

    def load(self) -> Predictor:
        """Return the predictor. Raises AgeLensError where a bundle, a detector or a device is missing."""
        return load(
            self.bundle, self.precision, self.detector, self.max_pixels, self.device, self.threads, self.cache
        )

    @property
    def pictures_option(self) -> str:
        """The option that names ``pictures``."""
        return "--annotate" if self.blur is None else "--blur"

    @property
    def crops_option(self) -> str:
        """The option that asks for ``crops``."""
        return "--crops-as-they-are" if self.as_they_are else "--crops"

    @property
    def written_form(self) -> Form:
        """What is written. Raises AgeLensError where the name of the file asks for what is not."""
        return form_of_output(self.form) if self.out is None else form_of_file(self.out, self.form)


def check_out(out: Path | None) -> None:
    """Refuse, with an AgeLensError, an ``--out`` that is no file."""
    if out is None or not out.exists() or out.is_file():
        return
    if out.is_dir():
        raise AgeLensError(f"{out} is a folder; give a file with --out.")
    raise AgeLensError(f"{out} is no file that could be written anew; give another with --out.")


def fingerprint(predictor: Predictor, config: PredictionConfig) -> dict[str, Any]:
    """What decides the estimates."""
    return {
        "networks": [digest_json(bundle.card) for bundle in predictor.bundles],
        "crops": config.crops,
        "detector": None
        if config.crops
        else digest_file(config.detector)
        if config.detector
        else "installed",
        "version": [__version__, DECODER_VERSION],
        "precision": config.precision,
        "device": config.device,
        "max_pixels": config.max_pixels,
        **({"age_limits": list(config.age_limits)} if config.age_limits else {}),
        **config.selection.to_json(),
        **({"blur": config.blur.under or "all"} if config.blur else {}),
    }
