"""The network of a bundle, compiled for this machine."""

from dataclasses import dataclass
from functools import partial

import openvino as ov

from agelens.bundles.bundle import Bundle
from agelens.errors import AgeLensError
from agelens.runtime.compiled import Compiled
from agelens.runtime.execution import settle_arrays
from agelens.runtime.int8 import fit_processor

# The bundled network has 9,456, weights included. OpenVINO takes minutes and more to compile many more than these.
_MOST_OPERATIONS = 40_000
_MOST_AGES = 200
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
    _check_input(bundle, model)
    outputs = {}
    for port in model.outputs:
        name = next((name for name in OUTPUTS if name in port.get_names()), None)
        if name is None:
            raise AgeLensError(
                f"The network in {bundle.folder} gives {port.get_any_name()}, which is not known."
            )
        outputs[name] = _shape_for_a_face(bundle, name, port.get_partial_shape())
    return Network(bundle.image_size, Compiled(partial(_compile, bundle, precision)), outputs)


def _shape_for_a_face(bundle: Bundle, name: str, shape: ov.PartialShape) -> tuple[int, ...]:
    """What an output gives for one face: one number, or the probability of each age. Anything else is refused."""
    lengths = (
        [length.get_length() if length.is_static else 0 for length in list(shape)[1:]]
        if shape.rank.is_static
        else [0]
    )
    # One number a face comes as (faces, 1).
    if name != "age_distribution" and lengths in ([], [1]):
        return ()
    if name == "age_distribution" and len(lengths) == 1 and 1 < lengths[0] <= _MOST_AGES:
        return (lengths[0],)
    raise AgeLensError(
        f"The network in {bundle.folder} gives {name} in the shape {shape}, which is not known."
    )


def _check_input(bundle: Bundle, model: ov.Model) -> None:
    """Refuse a network that does not take what it will be given, or that would be compiled for minutes."""
    faces = ov.PartialShape([-1, bundle.image_size, bundle.image_size, 3])
    ports = model.inputs
    if (
        len(ports) != 1
        or not ports[0].get_partial_shape().compatible(faces)
        or ports[0].get_element_type() != ov.Type.u8
    ):
        raise AgeLensError(
            f"The network in {bundle.folder} does not take faces of {bundle.image_size} x {bundle.image_size} pixels "
            "as bytes, as its card says; make the bundle again."
        )
    if (count := len(model.get_ops())) > _MOST_OPERATIONS:
        raise AgeLensError(
            f"The network in {bundle.folder} has {count:,} operations, more than the {_MOST_OPERATIONS:,} that any "
            "network of faces needs; take it from somebody else."
        )


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
