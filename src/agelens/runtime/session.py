"""The network of a bundle, compiled for this machine."""

from dataclasses import dataclass
from functools import partial

import openvino as ov

from agelens.bundles.bundle import Bundle
from agelens.errors import AgeLensError
from agelens.runtime.compiled import Compiled
from agelens.runtime.execution import settle_arrays
from agelens.runtime.int8 import fit_processor

# What a network may give for each face: years, probability of female, probability of each whole age, logit of female.
OUTPUTS = ("age_years", "p_female", "age_distribution", "female_logit")


@dataclass(frozen=True)
class Network:
    """A network; ``outputs`` are the shapes of what it gives for one face, by name, in its order."""

    image_size: int
    network: Compiled
    outputs: dict[str, tuple[int, ...]]

    @property
    def compiled(self) -> ov.CompiledModel:
        """The compiled network. Raises AgeLensError where it cannot be compiled."""
        return self.network.get()


def compile_bundle(bundle: Bundle, precision: str) -> Network:
    """The network of a bundle, for a precision of PRECISIONS; it is read here and compiled at its first use.

    Raises:
        AgeLensError: it cannot be read, or gives something unknown.
    """
    settle_arrays()
    try:
        model = ov.Core().read_model(bundle.network)
    except RuntimeError as error:
        raise _unusable(bundle, error) from None
    outputs = {}
    for port in model.outputs:
        name = next((name for name in OUTPUTS if name in port.get_names()), None)
        if name is None:
            raise AgeLensError(
                f"The network in {bundle.folder} gives {port.get_any_name()}, which is not known."
            )
        shape = tuple(length.get_length() for length in list(port.get_partial_shape())[1:])
        # One number a face comes as (faces, 1).
        outputs[name] = () if shape == (1,) else shape
    return Network(bundle.image_size, Compiled(partial(_compile, bundle, precision)), outputs)


def _compile(bundle: Bundle, precision: str) -> ov.CompiledModel:
    hints = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if precision != "auto":
        hints["INFERENCE_PRECISION_HINT"] = precision
    try:
        core = ov.Core()
        network = fit_processor(core.read_model(bundle.network), f"The network in {bundle.folder}")
        return core.compile_model(network, "CPU", hints)
    except RuntimeError as error:
        raise _unusable(bundle, error) from None


def _unusable(bundle: Bundle, error: RuntimeError) -> AgeLensError:
    # OpenVINO's first lines are places in its own source; the reason comes last.
    reason = str(error).strip().splitlines()[-1]
    return AgeLensError(f"The network in {bundle.folder} cannot be used: {reason}")


def compile_on_cpu(network: ov.Model, precision: str, name: str = "The network") -> ov.CompiledModel:
    """Compile for throughput on this CPU, in bf16 or f32; weights in 8 bits are fitted to it, in place."""
    hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
    return ov.Core().compile_model(fit_processor(network, name), "CPU", hints)
