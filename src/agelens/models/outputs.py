"""Which output of a network its features are: chosen by what it is, never by its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import openvino as ov

from agelens.errors import AgeLensError

# Whether one output, by its place, is all that another is computed from.
Leads = Callable[[int, int], bool]
# Other layers give something else altogether; precisions and orders of adding differ by far less.
_SAME = 0.1


@dataclass(frozen=True)
class Output:
    """An output of a network.

    Attributes:
        name: as its file says.
        shape: of what it gives for one image, channels last; a 0 stands for a length that is not known.
        numbers: whether it gives floating-point numbers.
    """

    name: str
    shape: tuple[int, ...]
    numbers: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({' x '.join(str(length or '?') for length in self.shape) or 'a number'})"

    @property
    def is_map(self) -> bool:
        """Whether it gives features at more than one place of an image."""
        return self.numbers and len(self.shape) == 3 and self.shape[:2] != (1, 1)

    @property
    def is_vector(self) -> bool:
        """Whether it gives features of the whole image."""
        return self.numbers and (len(self.shape) == 1 or (len(self.shape) == 3 and not self.is_map))


def choose_output(
    outputs: Sequence[Output], file: str, named: str = "", leads: Leads = lambda first, second: False
) -> int:
    """The place of the output that holds a backbone's features.

    Of several it is the map at the end of the network: the coarsest, of those the one with most channels, and of those
    the one that no other is computed from. Where there is no map it is the vector from which all others are computed.
    Outputs of which none is that have to be told apart by the person.

    Args:
        file: what the person typed, up to the preprocessing.
        named: the name that the person gave; "" leaves it to this rule.
        leads: whether one output, by its place, is all that another is computed from.

    Raises:
        AgeLensError: there is no such output, or more than one could be meant.
    """
    told = ", ".join(str(output) for output in outputs)
    if named:
        for number, output in enumerate(outputs):
            if output.name == named:
                return number
        raise AgeLensError(f"{file} has no output {named!r}; it gives {told}.")
    if len(outputs) == 1:
        return 0
    maps = [number for number, output in enumerate(outputs) if output.is_map]
    vectors = [number for number, output in enumerate(outputs) if output.is_vector]
    if maps:
        rows = [(shape[0] * shape[1], -shape[2]) for shape in (outputs[number].shape for number in maps)]
        best = [number for number, row in zip(maps, rows, strict=True) if row == min(rows)]
        chosen = [one for one in best if not any(leads(one, other) for other in best if other != one)]
    else:
        best = vectors
        chosen = [one for one in best if all(leads(one, other) for other in best if other != one)]
    if len(chosen) == 1:
        return chosen[0]
    example = outputs[best[0] if best else 0].name
    raise AgeLensError(
        f"{file} gives {told}, and it is not clear which of them its features are; name one, as {file}:{example}."
    )


def leads_in_keras(model: keras.Model, names: Sequence[str]) -> Leads:
    """Tell for the outputs of a Keras model, with the names of their layers, which lead to which."""
    layers = [next((layer for layer in model.layers if layer.name == name), None) for name in names]
    tensors = [
        # What only gives an output its name is on nobody's way.
        layer.input if isinstance(layer, keras.layers.Identity) else tensor
        for layer, tensor in zip(layers, model.outputs, strict=True)
    ]

    def leads(first: int, second: int) -> bool:
        try:
            keras.Model(tensors[first], tensors[second])
        except ValueError:
            # Something else goes into it too.
            return False
        return tensors[first] is not tensors[second]

    return leads


def leads_in_openvino(nodes: Sequence[ov.Node]) -> Leads:
    """Tell for nodes of an OpenVINO model which lead to which."""

    def leads(first: int, second: int) -> bool:
        stop = nodes[first].get_name()
        ahead, seen = [nodes[second]], {stop}
        while ahead:
            node = ahead.pop()
            if node.get_name() in seen:
                continue
            if node.get_type_name() == "Parameter":
                return False
            seen.add(node.get_name())
            ahead += [value.get_node() for value in node.input_values()]
        return nodes[second].get_name() != stop

    return leads


def only_features(network: ov.Model, model: keras.Model, name: str) -> ov.Model:
    """A network that was converted from Keras, with that output alone which gives what Keras gives.

    Converters add outputs of layers inside, in any order, and the features need not come first.

    Args:
        network: uint8 (faces, side, side, 3) to any number of outputs.
        model: what it was converted from, with one output.
        name: of the backbone.

    Raises:
        AgeLensError: no output gives it.
    """
    pictures = _pictures(model.input_shape[1])
    # Called and not predicted: tracing a deep network takes longer than running it once.
    right = _float32(model(pictures, training=False))
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([pictures])
    errors = [_distance(found[number], right) for number in range(len(network.outputs))]
    if not min(errors) < _SAME:
        raise AgeLensError(
            f"{name} cannot be used: OpenVINO does not compute the features that Keras computes from the same pictures."
        )
    # Of equals the last: what a network itself gives comes after what its layers give.
    chosen = len(errors) - 1 - int(np.argmin(errors[::-1]))
    source = network.get_results()[chosen].input(0).get_source_output()
    return ov.Model([ov.opset13.result(source)], network.get_parameters(), network.get_friendly_name())


def _pictures(image_size: int) -> np.ndarray:
    """Noise, coarse and fine, uint8 (2, side, side, 3); always the same."""
    chance = np.random.default_rng(0)
    coarse, fine = (chance.integers(0, 256, (length, length, 3), np.uint8) for length in (8, image_size))
    block = -(-image_size // 8)
    return np.stack([np.kron(coarse, np.ones((block, block, 1), np.uint8))[:image_size, :image_size], fine])


def _float32(features: keras.KerasTensor) -> np.ndarray:
    # Some precisions are unknown to NumPy.
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(features, "float32")))


def _distance(found: np.ndarray, right: np.ndarray) -> float:
    """The L2 distance relative to what is right; endless for another shape and for what are no numbers."""
    if found.shape != right.shape or found.dtype.kind != "f":
        return np.inf
    apart, size = (
        float(np.linalg.norm(values.astype(np.float64).ravel())) for values in (found - right, right)
    )
    if apart == 0:
        return 0.0
    return apart / size if size > 0 and np.isfinite(apart) else np.inf
