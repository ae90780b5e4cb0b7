"""The network of a bundle, compiled for this machine."""

from dataclasses import dataclass

import openvino as ov

from agelens.eight_bits import fit_processor
from agelens.errors import AgeLensError
from agelens.estimate.bundle import Bundle
from agelens.inference import settle_arrays

PRECISIONS = ("auto", "bf16", "f32")
# What a network may give for each face: years, probability of female, probability of each whole age, logit of female.
OUTPUTS = ("age_years", "p_female", "age_distribution", "female_logit")


@dataclass(frozen=True)
class Network:
    """A compiled network; ``outputs`` are the shapes of what it gives for one face, by name, in its order."""

    side: int
    compiled: ov.CompiledModel
    outputs: dict[str, tuple[int, ...]]


def compile_bundle(bundle: Bundle, precision: str) -> Network:
    """Compile the network of a bundle for a precision of PRECISIONS.

    Raises:
        AgeLensError: it cannot be compiled, or gives something unknown.
    """
    hints = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if precision != "auto":
        hints["INFERENCE_PRECISION_HINT"] = precision
    settle_arrays()
    try:
        core = ov.Core()
        network = fit_processor(core.read_model(bundle.network), f"The network in {bundle.folder}")
        compiled = core.compile_model(network, "CPU", hints)
    except RuntimeError as error:
        # OpenVINO's first lines are places in its own source; the reason comes last.
        reason = str(error).strip().splitlines()[-1]
        raise AgeLensError(f"The network in {bundle.folder} cannot be used: {reason}") from None
    outputs = {}
    for port in compiled.outputs:
        name = next((name for name in OUTPUTS if name in port.get_names()), None)
        if name is None:
            raise AgeLensError(
                f"The network in {bundle.folder} gives {port.get_any_name()}, which is not known."
            )
        shape = tuple(length.get_length() for length in list(port.get_partial_shape())[1:])
        # One number a face comes as (faces, 1).
        outputs[name] = () if shape == (1,) else shape
    return Network(bundle.side, compiled, outputs)
