"""A finished network as a Keras model: one file for people who go on in Keras."""

from pathlib import Path

import keras

from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone
from agelens.models.registry import BackboneSpec
from agelens.training.transfer import join
from agelens.utils.files import replacing_file
from agelens.utils.reasons import first_line


def keras_file(bundle: Path) -> Path:
    """Return where the Keras model of a bundle lies: beside it, ``age.keras`` for ``age/``."""
    return bundle.with_name(f"{bundle.name}.keras")


def has_keras_model(spec: BackboneSpec) -> bool:
    """Return whether networks on this backbone are Keras models; those on ONNX files are not."""
    return spec.file is None or spec.file.suffix != ".onnx"


def write_keras_model(
    backbone: Backbone, network: keras.Model | None, head: keras.Model, target: Path
) -> None:
    """Write a network from RGB bytes to its estimates as a ``.keras`` file that Keras loads with ``safe_mode`` on.

    The file holds layers of Keras alone, so that it loads where AgeLens is not installed. It is not compiled: the
    state of the optimizer, twice as large as the network, stays with the training. What an older network left in
    its place is removed where there is no Keras model.

    Args:
        backbone: gives the features; its preprocessing is part of the file.
        network: the whole network, if its backbone learned too; else None.
        head: from features to estimates.
        target: the ``.keras`` file, replaced only when the new one is whole.
    """
    if backbone.model is None:
        target.unlink(missing_ok=True)
        return
    whole = join(backbone, head) if network is None else keras.Model(network.input, network.output)
    with replacing_file(target) as temporary:
        whole.save(temporary)


def read_keras_model(file: Path) -> keras.Model:
    """Return the model of a ``.keras`` file; no code inside the file is run.

    Raises:
        AgeLensError: the file is missing or is not a Keras model.
    """
    if not file.is_file():
        raise AgeLensError(
            f"{file} does not exist: fine-tuned and adapted networks, and networks on ONNX files, have no Keras model; "
            f"agelens.load('{file.parent}') uses them."
        )
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise AgeLensError(
            f"{file} cannot be loaded as a Keras model ({first_line(error)}); delete it and train again."
        ) from None
