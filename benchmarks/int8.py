"""What a bundle in 8 bits gives on this processor: as its file says, with 7-bit weights, and computed exactly.

    agelens audit UTKFACE_FOLDER --out RUN --seed 2026 --split-ratios 86/4/10
    python benchmarks/int8.py --run RUN

Processors without VNNI add products of bytes in 16 bits, where they overflow (see `agelens.runtime.int8`). Four ways:

    as the file says    8-bit weights, whatever the processor makes of them
    7 bits, rounded     each weight halved and rounded to the nearest (to even)
    7 bits, in turn     halved, odd ones rounded down and up in turn: what AgeLens does on such processors
    exact               the same weights and limits of maps in float32, nothing rounded between layers

For each: figures on the validation split, how far its expected ages lie from the exact ones on average, and faces a
second of the network alone. All are timed in turn, three times; the middle is shown. On processors that add exactly
the first is what AgeLens uses. Networks of 8 bits with other layers than AgeLens writes are not understood here.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pandas as pd
from onnx import helper, numpy_helper

from agelens.bundles.bundle import BUNDLED, open_bundle
from agelens.data.loaders import read_faces_at
from agelens.data.table import read_table
from agelens.inference.intervals import median
from agelens.runtime import int8
from agelens.runtime.execution import run_outputs, settle_arrays
from agelens.training.losses import AGES
from agelens.utils.environment import machine

HINTS = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a run that 'agelens audit' began")
    parser.add_argument(
        "--bundle", type=Path, default=BUNDLED, help="default: the one that AgeLens comes with"
    )
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    rows = table[table["split"] == "validation"]
    bundle = open_bundle(options.bundle)
    settle_arrays()
    started = time.perf_counter()
    overflow = int8.overflows()
    recognised = time.perf_counter()
    fitted = ov.Core().read_model(bundle.network)
    read = time.perf_counter()
    int8.fit_processor(fitted)
    print(
        f"machine    {machine()}; byte products overflow: {overflow}, recognised in {recognised - started:.2f} s"
    )
    print(f"fitting the network took {time.perf_counter() - read:.2f} s")
    compiled = {
        name: ov.Core().compile_model(network, "CPU", HINTS) for name, network in arms(bundle.network).items()
    }
    faces = read_faces_at(rows["path"].tolist(), bundle.image_size)
    seconds: dict[str, list[float]] = {name: [] for name in compiled}
    said: dict[str, list[np.ndarray]] = {}
    for _ in range(ROUNDS):
        for name, network in compiled.items():
            started = time.perf_counter()
            said[name] = run_outputs(network, faces, [(AGES,), ()])
            seconds[name].append(time.perf_counter() - started)
    exact = said["exact"][0] @ np.arange(AGES)
    grown = rows["age"].to_numpy() >= 16
    print(f"{len(rows)} faces of the validation split")
    for name, (ages, logit) in said.items():
        values = scores(rows, ages, logit)
        rate = len(rows) / np.median(seconds[name])
        print(
            f"{name:17} MAE {values['MAE, years'].mean():.2f}, CS@5 {values['CS@5'].mean():.1%}, gender "
            f"{values['gender'].mean():.1%}, at 16 and over {values['gender'][grown].mean():.1%}; log loss: age "
            f"{values['age, log loss'].mean():.4f}, gender {values['gender, log loss'].mean():.4f}; off by "
            f"{np.abs(ages @ np.arange(AGES) - exact).mean():.2f} years; {rate:.0f} faces/s"
        )


def arms(file: bytes) -> dict[str, ov.Model]:
    """The network of a file in each of the ways, by name."""
    core = ov.Core()
    found = {"as the file says": core.read_model(file)}
    ways = {
        "7 bits, rounded": lambda weights: np.round(weights / 2).astype(np.int8),
        "7 bits, in turn": int8.reduce_range,
    }
    # This program asks for 7 bits on any processor.
    kept = int8.overflows, int8.reduce_range
    for name, way in ways.items():
        int8.overflows, int8.reduce_range = (lambda: True), way  # type: ignore[assignment]
        found[name] = int8.fit_processor(core.read_model(file))
    int8.overflows, int8.reduce_range = kept
    return {**found, "exact": core.read_model(exact(file).SerializeToString())}


def exact(file: bytes) -> onnx.ModelProto:
    """The same network in float32: weights as they are after rounding, maps clipped to their limits but not rounded."""
    model = onnx.load_model_from_string(file)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    nodes = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            continue
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
            continue
        scale, zero = (constants[name].astype(np.float32) for name in node.input[1:3])
        source = made_by.get(node.input[0])
        if source is None:
            values = constants[node.input[0]].astype(np.float32)
            # One scale for each output of a convolution.
            shape = (-1, *[1] * (values.ndim - 1)) if scale.size > 1 else ()
            values = (values - zero.reshape(shape)) * scale.reshape(shape)
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
            continue
        limits = [f"{node.output[0]}/{end}" for end in ("low", "high")]
        for name, byte in zip(limits, (0, 255), strict=True):
            graph.initializer.append(numpy_helper.from_array(np.float32((byte - zero) * scale), name))
        nodes.append(helper.make_node("Clip", [source.input[0], *limits], [node.output[0]]))
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def scores(rows: pd.DataFrame, said: np.ndarray, logit: np.ndarray) -> dict[str, np.ndarray]:
    """One value a face for each figure, from distributions of age, (faces, AGES), and logits of female, (faces,)."""
    ages, female = rows["age"].to_numpy(), (rows["gender"] == 1).to_numpy()
    errors, right = np.abs(median(said) - ages), ((logit > 0) == female).astype(float)
    return {
        "MAE, years": errors,
        "CS@5": (errors <= 5).astype(float),
        "age, log loss": -np.log(np.maximum(said[np.arange(len(ages)), ages], 1e-9)),
        "gender": right,
        "gender at 16 and over": right,
        "gender, log loss": np.logaddexp(0, np.where(female, -logit, logit)),
    }


if __name__ == "__main__":
    main()
