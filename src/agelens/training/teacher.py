"""What a bundle says of the faces of a table, for a network that learns from it (knowledge distillation).

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network": the probabilities that a larger network
gives tell a smaller one more of a face than its label does.
"""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.bundles.bundle import Bundle
from agelens.data.loaders import read_faces_at
from agelens.errors import AgeLensError
from agelens.inference.temperature import Temperature
from agelens.models.bundle_heads import OUTPUTS
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.session import compile_bundle
from agelens.training.losses import AGES
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json, replacing_file
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track

# What the outputs that learn from a teacher are called.
TAUGHT = "{}_taught"
_CHUNK = 256


def ask_teacher(
    bundle: Bundle, rows: pd.DataFrame, tasks: tuple[str, ...], folder: Path, track: Track
) -> dict[str, NDArray[np.float32]]:
    """Return what a bundle predicts for the faces of a table, and keep it in a folder.

    Args:
        rows: of a face table.
        tasks: what is learned.
        folder: takes the predictions, so that a training that goes on need not ask again.

    Returns:
        by `TAUGHT` of each task, float32: of age the probabilities of the ages, (rows, AGES); of gender the probability
        of female, (rows, 1).

    Raises:
        AgeLensError: the bundle does not predict probabilities of these tasks.
    """
    key = digest_json(
        [
            bundle.digest, rows["digest"].tolist(), sorted(tasks), DECODER_VERSION,
            made_with("openvino"),
        ]
    )[:16]  # fmt: skip
    file = folder / f"teacher-{key}.npz"
    if not file.is_file():
        _ask(bundle, rows, tasks, file, track)
    try:
        with np.load(file) as kept:
            values = {task: np.asarray(kept[task], np.float32) for task in tasks}
    except (ValueError, KeyError, zipfile.BadZipFile):
        raise AgeLensError(f"{file} is damaged; delete it, and the teacher is asked again.") from None
    if "gender" in values:
        values["gender"] = Temperature().apply(values["gender"]).astype(np.float32)
    return {TAUGHT.format(task): value for task, value in values.items()}


def _ask(bundle: Bundle, rows: pd.DataFrame, tasks: tuple[str, ...], file: Path, track: Track) -> None:
    """Write what a bundle predicts for the faces of a table, float32 (rows, values) by task."""
    network = compile_bundle(bundle, RuntimeOptions("f32"))
    missing = [task for task in tasks if OUTPUTS[task] not in network.outputs]
    if missing or ("age" in tasks and network.outputs["age_distribution"] != (AGES,)):
        raise AgeLensError(
            f"{bundle.folder} gives no probabilities of {' and '.join(missing) or 'the ages 0 to 116'} that another "
            "network could learn; name a bundle that --recipe finetune or adapt made, or agelens."
        )
    parts: dict[str, list[NDArray[np.float32]]] = {task: [] for task in tasks}
    paths = rows["path"].tolist()
    with track("teacher", len(paths)) as advance:
        for start in range(0, len(paths), _CHUNK):
            faces = read_faces_at(paths[start : start + _CHUNK], network.image_size)
            given = network.run(faces)
            for task in tasks:
                parts[task].append(given[OUTPUTS[task]].reshape(len(faces), -1))
            advance(len(faces))
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing_file(file) as temporary, temporary.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **{task: np.concatenate(parts[task]) for task in tasks})
