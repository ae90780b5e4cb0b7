"""What the card of a bundle tells whoever predicts with it; None where it does not."""

from agelens.bundles.bundle import Bundle
from agelens.detection.alignment import Geometry
from agelens.inference.intervals import Calibration
from agelens.inference.temperature import Temperature


def geometry_of(bundle: Bundle) -> Geometry | None:
    return bundle.read("geometry", Geometry.from_card)


def calibration_of(bundle: Bundle) -> Calibration | None:
    # A network of gender has none.
    return bundle.read("calibration", Calibration.from_card)


def temperature_of(bundle: Bundle) -> Temperature | None:
    # A network of age has none, nor have bundles of earlier versions.
    return bundle.read("gender_temperature", Temperature.from_card)
