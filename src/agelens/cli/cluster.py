"""`agelens predict --engine ray`: what its options must be, and the way to the engine."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agelens.errors import AgeLensError
from agelens.utils.extras import require

if TYPE_CHECKING:
    from agelens.inference.prediction_config import PredictionConfig


def predict_on_cluster(
    paths: list[Path], config: "PredictionConfig", address: str | None, actors: int | None
) -> int:
    """Estimate the photographs of one source through Ray.

    Returns:
        how many could not be read, and names that hold no photograph.

    Raises:
        AgeLensError: the options do not fit, Ray is not installed, or the job failed.
    """
    if len(paths) != 1 or config.out is None:
        raise AgeLensError(
            "--engine ray takes one folder, pattern, text file or Parquet file of paths, and a folder with --out."
        )
    if config.pictures is not None or config.form is not None:
        raise AgeLensError(
            "--engine ray writes Parquet alone; leave --annotate, --blur, --json and --csv out."
        )
    if config.age_limits or config.overwrite:
        raise AgeLensError(
            "--engine ray adds no --age-limit, which is the sum of age_distribution from the limit on, and replaces "
            "no folder; leave --age-limit and --overwrite out."
        )
    require("ray", "ray", "A cluster needs")
    from agelens.distributed.ray_engine import RayConfig, predict_with_ray
    from agelens.inference.addresses import name_of

    bundle = (
        config.bundle if config.bundle is None or not config.bundle.exists() else config.bundle.absolute()
    )
    detector = None if config.detector is None else config.detector.absolute()
    how = RayConfig(address, actors, config.threads or 1)
    return predict_with_ray(
        name_of(paths[0]), name_of(config.out), replace(config, bundle=bundle, detector=detector), how
    )
