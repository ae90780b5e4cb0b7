"""What a bundle says of the faces of a table, for a network that learns from it (knowledge distillation).

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network": the probabilities that a larger network
gives tell a smaller one more of a face than its label does.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.bundles.bundle import Bundle
from agelens.data.loaders import read_faces_at
from agelens.errors import AgeLensError
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.session import compile_bundle
from agelens.training.losses import AGES
from agelens.utils.files import digest_json, replacing_file
from agelens.utils.progress import Track

# What the outputs that learn from a teacher are called.
TAUGHT = "{}_taught"
_CHUNK = 256
Predictions = Mapping[str, NDArray[np.float32]]


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
    network = compile_bundle(bundle, RuntimeOptions("f32"))
    wanted = {"age": "age_distribution", "gender": "female_logit"}
    missing = [task for task in tasks if wanted[task] not in network.outputs]
    if missing or ("age" in tasks and network.outputs["age_distribution"] != (AGES,)):
        raise AgeLensError(
            f"{bundle.folder} gives no probabilities of {' and '.join(missing) or 'the ages 0 to 116'} that another "
            "network could learn; name a bundle that --recipe finetune or adapt made, or agelens."
        )
    key = digest_json([bundle.card["identity"], rows["digest"].tolist()])[:16]
    file = folder / f"teacher-{key}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        parts: dict[str, list[NDArray[np.float32]]] = {task: [] for task in tasks}
        paths = rows["path"].tolist()
        with track("teacher", len(paths)) as advance:
            for start in range(0, len(paths), _CHUNK):
                faces = read_faces_at(paths[start : start + _CHUNK], network.image_size)
                given = network.run(faces)
                for task in tasks:
                    parts[task].append(given[wanted[task]].reshape(len(faces), -1))
                advance(len(faces))
        with replacing_file(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **{task: np.concatenate(parts[task]) for task in tasks})
    with np.load(file) as kept:
        values = {task: np.asarray(kept[task], np.float32) for task in tasks}
    if "gender" in values:
        values["gender"] = (1 / (1 + np.exp(-values["gender"]))).astype(np.float32)
    return {TAUGHT.format(task): value for task, value in values.items()}
