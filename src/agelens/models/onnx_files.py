"""ONNX files: reading, checking, and writing a Keras model as one."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import version_converter

from agelens.errors import AgeLensError
from agelens.utils.files import replacing_file
from agelens.utils.reasons import first_line

INPUT = "faces"


# Understood by every runtime of the last years and by OpenVINO; files in older dialects are converted to it.
OPSET = 18


IR_VERSION = 9


@contextlib.contextmanager
def muffled() -> Iterator[None]:
    """Keep the converters' chatter (deprecations inside them, lists of nodes) from the person."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def export_onnx(model: keras.Model, outputs: str | Sequence[str], target: Path) -> None:
    """Write a Keras model as ONNX, with its input called ``faces`` and its outputs by the names given, in order.

    Raises:
        AgeLensError: the converter of the Keras backend in use is not installed.
    """
    # Keras exports only what has run once, and a network that was loaded has not.
    model(np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype))
    with replacing_file(target) as temporary, muffled():
        try:
            model.export(str(temporary), format="onnx", opset_version=OPSET, verbose=False)
        except ImportError as error:
            raise AgeLensError(
                f"Writing ONNX with the Keras backend {keras.backend.backend()} needs a package "
                f"that is missing ({error}): tf2onnx for TensorFlow, jax2onnx for JAX, onnxscript for PyTorch."
            ) from None
        written = onnx.load(temporary)
        _rename(written.graph, written.graph.input[0].name, INPUT)
        for value, name in zip(
            written.graph.output, [outputs] if isinstance(outputs, str) else outputs, strict=True
        ):
            _rename(written.graph, value.name, name)
        # The converter notes here how many functions the process had made before, so that equal networks would differ.
        written.graph.doc_string = ""
        onnx.save(written, temporary)


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read and check an ONNX file, brought to OPSET.

    Raises:
        AgeLensError: it is not one.
    """
    try:
        network = modern(onnx.load(path))
        onnx.checker.check_model(network)
    except (onnx.checker.ValidationError, ValueError, OSError, RuntimeError) as error:
        raise AgeLensError(f"{path} is not a usable ONNX file: {first_line(error)}.") from None
    except Exception as error:
        # protobuf's DecodeError derives from Exception itself and lives under two names, by implementation.
        if type(error).__name__ != "DecodeError":
            raise
        raise AgeLensError(f"{path} is not an ONNX file.") from None
    return network


def modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in OPSET and IR_VERSION, so that graphs from different tools can be joined."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset != OPSET:
        model = version_converter.convert_version(model, OPSET)
    model.ir_version = IR_VERSION
    return model


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
