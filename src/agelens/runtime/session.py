"""The network of a bundle, ready for a device of this machine."""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.bundles.bundle import Bundle
from agelens.errors import AgeLensError
from agelens.runtime.compile_cache import compile_model
from agelens.runtime.compiled import Compiled
from agelens.runtime.devices import Device, resolve_device
from agelens.runtime.execution import run_outputs, settle_arrays
from agelens.runtime.int8 import fit_processor, overflows
from agelens.runtime.onnx_session import OnnxSession
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.shared_results import eight_bit_layers
from agelens.utils.reasons import last_line

# The bundled network has 9,456, weights included. OpenVINO takes minutes and more to compile many more than these.
_MOST_OPERATIONS = 40_000
_MOST_AGES = 200
# What a network may give for each face: years, probability of female, probability of each whole age, logit of female.
OUTPUTS = ("age_years", "p_female", "age_distribution", "female_logit")
Shapes = dict[str, tuple[int, ...]]


class Session(Protocol):
    """A network on a device, by whatever engine."""

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the outputs of a batch, uint8 (n, side, side, 3), each float32 (n, ...), in the network's order."""
        ...


class OpenVinoSession:
    """A network that OpenVINO runs; ``outputs`` are the shapes of what it gives for one face."""

    def __init__(self, network: Compiled, outputs: Shapes) -> None:
        self.network, self._outputs = network, outputs

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return run_outputs(self.network.get(), images, list(self._outputs.values()))


class OnnxRuntimeSession:
    """The same by ONNX Runtime."""

    def __init__(self, session: OnnxSession, outputs: Shapes) -> None:
        self._session, self._outputs = session, outputs

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        found = self._session.run(images).values()
        return [
            np.asarray(output, np.float32).reshape(-1, *shape)
            for output, shape in zip(found, self._outputs.values(), strict=True)
        ]


@dataclass(frozen=True)
class Network:
    """A network; ``outputs`` are the shapes of what it gives for one face, by name, in its order."""

    image_size: int
    session: Session
    outputs: Shapes

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of a batch, uint8 (n, side, side, 3), by name."""
        return dict(zip(self.outputs, self.session.run(images), strict=True))

    @property
    def compiled(self) -> ov.CompiledModel:
        """OpenVINO's compiled network. Raises AgeLensError where it cannot be compiled."""
        assert isinstance(self.session, OpenVinoSession)
        return self.session.network.get()


def compile_bundle(bundle: Bundle, options: RuntimeOptions | str) -> Network:
    """Return the network of a bundle; it is read here and compiled at its first use.

    Args:
        options: how it is run, or a precision alone.

    Raises:
        AgeLensError: it cannot be read, gives something unknown, or the device is missing.
    """
    options = RuntimeOptions(options) if isinstance(options, str) else options
    device = resolve_device(options.device)
    settle_arrays()
    try:
        model = ov.Core().read_model(bundle.network)
    except RuntimeError as error:
        raise _unusable(bundle, error) from None
    _check_input(bundle, model)
    outputs = _outputs_of(model, bundle)
    if device.engine == "ONNX Runtime":
        _refuse_overflow(model, bundle, device)
        session: Session = OnnxRuntimeSession(OnnxSession(bundle.network, device, options.threads), outputs)
    else:
        session = OpenVinoSession(Compiled(partial(_compile, bundle, options, device.target)), outputs)
    return Network(bundle.image_size, session, outputs)


def _outputs_of(model: ov.Model, bundle: Bundle) -> Shapes:
    outputs = {}
    for port in model.outputs:
        name = next((name for name in OUTPUTS if name in port.get_names()), None)
        if name is None:
            raise AgeLensError(
                f"The network in {bundle.folder} gives {port.get_any_name()}, which is not known."
            )
        outputs[name] = _shape_for_a_face(bundle, name, port.get_partial_shape())
    return outputs


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


def _refuse_overflow(model: ov.Model, bundle: Bundle, device: Device) -> None:
    """ONNX Runtime adds products of bytes as the processor does, also where that overflows."""
    if device.target == "CPUExecutionProvider" and any(eight_bit_layers(model)) and overflows():
        raise AgeLensError(
            f"The network in {bundle.folder} has 8-bit layers, which ONNX Runtime computes wrongly on this processor; "
            "leave --device out."
        )


def device_hints(options: RuntimeOptions, target: str) -> dict[str, Any]:
    """Return OpenVINO's options for a device, with all of the threads at work on many requests."""
    hints: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if options.precision != "auto" and (target == "CPU" or options.precision == "f32"):
        hints["INFERENCE_PRECISION_HINT"] = options.precision
    if options.threads is not None and target == "CPU":
        # Processes that have a share of the cores each would pin their threads to the same ones.
        hints |= {"INFERENCE_NUM_THREADS": options.threads, "ENABLE_CPU_PINNING": False}
    return hints


def _compile(bundle: Bundle, options: RuntimeOptions, target: str) -> ov.CompiledModel:
    def build(core: ov.Core) -> ov.Model:
        return fit_processor(core.read_model(bundle.network), f"The network in {bundle.folder}")

    network = {"sha256": hashlib.sha256(bundle.network).hexdigest()}
    try:
        return compile_model(build, target, device_hints(options, target), network, options.cache)
    except RuntimeError as error:
        raise _unusable(bundle, error) from None


def _unusable(bundle: Bundle, error: RuntimeError) -> AgeLensError:
    # OpenVINO's first lines are places in its own source; the reason comes last.
    return AgeLensError(f"The network in {bundle.folder} cannot be used: {last_line(error)}.")


def compile_on_device(
    network: ov.Model,
    precision: str,
    name: str = "The network",
    target: str = "CPU",
    threads: int | None = None,
) -> ov.CompiledModel:
    """Compile for throughput, in bf16 or f32; weights in 8 bits are fitted to this processor, in place.

    Args:
        target: OpenVINO's name of the device. threads: of the processor; None is one for each core.
    """
    hints = device_hints(RuntimeOptions(precision, threads=threads), target)
    return ov.Core().compile_model(fit_processor(network, name), target, hints)
