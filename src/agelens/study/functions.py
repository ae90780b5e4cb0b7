"""The steps of a study as single functions, for those who keep no folder of it.

They take a face table wherever one is needed: a DataFrame, or anything that holds one as ``table``, as the results of
`read_faces`, `audit` and `split` do.
"""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from agelens.bundles.bundle import Bundle, find_bundles
from agelens.data import audit as auditing
from agelens.data import splits
from agelens.data.picture_quality import can_check, check_pictures
from agelens.data.sources.reading import read_faces
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, SplitRatios
from agelens.data.table import Faces, check_table
from agelens.errors import AgeLensError
from agelens.evaluation import evaluate as evaluating
from agelens.evaluation.evaluate import framed_of
from agelens.evaluation.overlap import Overlap
from agelens.inference.predictor import Predictor
from agelens.study.audit_step import usable_faces
from agelens.study.folder import DEFAULT_SEED
from agelens.study.network_results import ComparisonResult, EvaluationResult, TrainingResult
from agelens.study.results import AuditResult, SplitResult
from agelens.study.study import Study
from agelens.utils.arguments import MOST_SEED, as_path, whole_number
from agelens.utils.extras import naming_extras
from agelens.utils.notebook import reporter


class HasTable(Protocol):
    """What holds a face table: what `agelens.read_faces` gives, and the results of `audit` and `split`."""

    @property
    def table(self) -> pd.DataFrame: ...


FaceTable = pd.DataFrame | HasTable


def audit(faces: Faces | Path | str, *, progress: bool = True) -> AuditResult:
    """Return which images of a dataset cannot be used, which show the same picture, and whose labels contradict.

    Args:
        faces: what `agelens.read_faces` gave, or a folder or manifest that it takes.
        progress: show a bar.

    Returns:
        the faults, and as ``table`` the usable images with the column ``group``, which `split` needs.

    Raises:
        AgeLensError: the source cannot be read, or not one of its images can be used.

    Example:
        ::

            audited = agelens.audit("UTKFace")
            audited.to_frame().query("issue == 'different gender'")
    """
    faces = faces if isinstance(faces, Faces) else read_faces(faces)
    track = reporter(progress).track
    with naming_extras():
        found = auditing.audit(faces, track)
    table = usable_faces(found, faces)
    quality = check_pictures(table, faces.source, track) if can_check() else None
    return AuditResult({**found.to_json(), "picture_quality": quality and quality.to_json()}, table)


def split(
    table: FaceTable, seed: int = DEFAULT_SEED, split_ratios: SplitRatios = DEFAULT_SPLIT_RATIOS
) -> SplitResult:
    """Return a split of the faces into train, validation and test that tears no group of near duplicates.

    Args:
        table: audited faces, with the column ``group``.
        seed: another seed draws another split.
        split_ratios: shares of train, validation and test, each above 0, together 1.

    Returns:
        the split, and as ``table`` the faces with the column ``split``.

    Raises:
        AgeLensError: the table was not audited, there are too few faces, or the ratios are not shares of a whole.

    Example:
        ::

            faces = agelens.split(agelens.audit("UTKFace"), seed=42).table
            train = faces[faces["split"] == "train"]
    """
    return SplitResult(splits.split(_table_of(table), whole_number("seed", seed, 0, MOST_SEED), split_ratios))


def compare_backbones(
    table: FaceTable,
    backbones: str | Sequence[str] = "seven",
    *,
    seed: int = DEFAULT_SEED,
    out: Path | str | None = None,
    cache: Path | str | None = None,
    crops_as_they_are: bool = False,
    progress: bool = True,
    **settings: Any,
) -> ComparisonResult:
    """Return how well frozen backbones tell age and gender, each from one pass over the faces.

    Args:
        table: a face table that is split.
        backbones: names, or FILE.onnx@IMAGE_SIZE:PREPROCESSING for your own; "seven" are the notebook's.
        seed: of what is drawn by chance.
        out: folder of a study that keeps the work; None keeps nothing but features in the cache.
        cache: as for `agelens.Study`.
        crops_as_they_are: as for `agelens.Study`.
        progress: as for `agelens.Study`.
        settings: further arguments of `agelens.Study.compare`: ``weights``, ``image_size``, ``head``, ``epochs``,
            ``precision``, ``notebook_exact``.

    Raises:
        AgeLensError: the table is not split, a backbone or its weights are missing, or the images are no face crops.

    Example:
        ::

            faces = agelens.split(agelens.audit("UTKFace"))
            compared = agelens.compare_backbones(faces, ["VGG16", "Xception"], image_size=96)
            compared.plot("learning_curves_age")
    """
    with tempfile.TemporaryDirectory() as temporary:
        study = _study(table, out or temporary, seed, cache, crops_as_they_are, progress)
        return study.compare(backbones, **settings)


def train(
    table: FaceTable,
    task: str = "both",
    recipe: str = "notebook",
    *,
    seed: int = DEFAULT_SEED,
    out: Path | str | None = None,
    cache: Path | str | None = None,
    crops_as_they_are: bool = False,
    progress: bool = True,
    **settings: Any,
) -> TrainingResult:
    """Return an age network, a gender network or both, trained on faces that are split.

    Args:
        table: a face table that is split.
        task: "age", "gender" or "both".
        recipe: "notebook", "scratch", "finetune" or "adapt", as for `agelens.Study.train`.
        seed: of what is drawn by chance.
        out: folder of a study that keeps the networks; None keeps them as long as the result is in use.
        cache: as for `agelens.Study`.
        crops_as_they_are: as for `agelens.Study`.
        progress: as for `agelens.Study`.
        settings: further arguments of `agelens.Study.train`, such as ``epochs`` or ``age_backbone``.

    Raises:
        AgeLensError: the table is not split, weights are missing, or the images are no face crops.

    Example:
        ::

            faces = agelens.split(agelens.audit("UTKFace"))
            trained = agelens.train(faces, "age", age_backbone="VGG16", epochs=5)
            keras_model = trained.model("age")
    """
    if out is not None:
        return _study(table, out, seed, cache, crops_as_they_are, progress).train(task, recipe, **settings)
    with contextlib.ExitStack() as failed:
        folder = tempfile.mkdtemp(prefix="agelens-")
        failed.callback(shutil.rmtree, folder, ignore_errors=True)
        study = _study(table, folder, seed, cache, crops_as_they_are, progress)
        trained = study.train(task, recipe, **settings)
        # The networks live as long as what names them, and at most as long as the process.
        weakref.finalize(trained, shutil.rmtree, folder, ignore_errors=True)
        failed.pop_all()
    return trained


def evaluate(
    table: FaceTable,
    networks: TrainingResult | Predictor | Path | str | None = None,
    split: str | None = None,
    *,
    overlap: Overlap = "refuse",
    seed: int = DEFAULT_SEED,
    precision: str = "auto",
    align: bool = False,
    crops_as_they_are: bool = False,
    progress: bool = True,
) -> EvaluationResult:
    """Return how well networks do on faces they have not seen, with intervals, baselines and figures by group.

    Args:
        table: a face table; audited faces let ``overlap="skip"`` find near duplicates of training images too.
        networks: what `train` or `agelens.load` gave, a bundle, or the folder of a study; None is the network that
            comes with AgeLens.
        split: "train", "validation", "test" or "all"; None is "test" where the table has one, else "all".
        overlap: what becomes of images that made the network: "refuse", "skip" or "allow".
        seed: of the bootstrap of the intervals.
        precision: of the networks, "auto", "bf16" or "f32".
        align: find the largest face of each image and align it; else the images must be face crops.
        crops_as_they_are: take the images for face crops even if they look like whole photographs.
        progress: show bars.

    Raises:
        AgeLensError: some of the images made the network, are no face crops, or none can be decoded.

    Example:
        ::

            result = agelens.evaluate(agelens.read_faces("my-faces.csv"), align=True)
            result.to_frame()
    """
    framed = framed_of(align, crops_as_they_are)
    rows, bundles, seed = _table_of(table), _bundles_of(networks), whole_number("seed", seed, 0, MOST_SEED)
    chosen = split or ("test" if "split" in rows.columns else "all")
    with naming_extras():
        found = evaluating.evaluate(
            rows, bundles, chosen, overlap, seed, precision, reporter(progress).track, framed
        )
    return EvaluationResult(found.figures, found.predictions)


def _table_of(faces: FaceTable) -> pd.DataFrame:
    table = faces if isinstance(faces, pd.DataFrame) else getattr(faces, "table", None)
    if not isinstance(table, pd.DataFrame):
        raise AgeLensError(
            "A face table is a DataFrame, or what agelens.read_faces, audit or split gave, and not "
            f"{type(faces).__name__}."
        )
    check_table(table)
    return table


def _bundles_of(networks: TrainingResult | Predictor | Path | str | None) -> list[Bundle]:
    if isinstance(networks, Predictor):
        return list(networks.bundles)
    place = networks.folder if isinstance(networks, TrainingResult) else networks
    return find_bundles(None if place is None else as_path("networks", place))


def _study(
    faces: FaceTable,
    out: Path | str,
    seed: int,
    cache: Path | str | None,
    crops_as_they_are: bool,
    progress: bool,
) -> Study:
    table = _table_of(faces)
    if "split" not in table.columns:
        raise AgeLensError("The face table is not split; split it with agelens.split first.")
    return Study(table, out, seed=seed, cache=cache, crops_as_they_are=crops_as_they_are, progress=progress)
