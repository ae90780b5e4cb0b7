"""A pretrained encoder in its written form as a PyTorch module, with heads for age and gender.

`gpu_prepare.py` writes an encoder as NAME.json (its layers) and NAME.npz (their arrays, axes in Keras's order).
PyTorch is not in the project's lock file: `pip install torch`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

AGES = 117
Tensors = list[torch.Tensor]


class PretrainedEncoder(nn.Module):
    """From scaled pixels, (faces, 3, image_size, image_size), to the channel means of its last two resolutions.

    Args:
        path: of the two files, without their suffixes.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        description = json.loads(path.with_suffix(".json").read_text())
        arrays = np.load(path.with_suffix(".npz"))
        self.layers: list[dict[str, Any]] = description["layers"]
        self.image_size: int = description["image_size"]
        self.outputs: list[str] = description["last"][-2:]
        self.values = nn.ParameterDict()
        for layer in self.layers:
            count = len(layer.get("weights", ()))
            weights = [
                torch.from_numpy(arrays[f"{layer['name']}/{number}"].astype(np.float32))
                for number in range(count)
            ]
            for number, value in enumerate(_from_keras(layer["kind"], weights)):
                # The statistics of batch normalisation stay as they are.
                frozen = layer["kind"] == "BatchNormalization" and number >= count - 2
                self.values[f"{layer['name']}__{number}"] = nn.Parameter(value, requires_grad=not frozen)
        self._unused_after = self._find_last_uses()

    def _find_last_uses(self) -> dict[str, list[str]]:
        """For each layer the maps that no later layer takes, so that their memory can be freed."""
        last_use = {name: layer["name"] for layer in self.layers for name in layer["inputs"]}
        unused_after: dict[str, list[str]] = {}
        for name, user in last_use.items():
            if name not in self.outputs:
                unused_after.setdefault(user, []).append(name)
        return unused_after

    def forward(self, pixels: torch.Tensor) -> Tensors:
        maps: dict[str, torch.Tensor] = {}
        for layer in self.layers:
            name, kind = layer["name"], layer["kind"]
            if kind == "Input":
                maps[name] = pixels
            else:
                inputs = [maps[source] for source in layer["inputs"]]
                maps[name] = _LAYERS[kind](layer["config"], self._weights(layer), inputs)
            if all(output in maps for output in self.outputs):
                break
            for unused in self._unused_after.get(name, ()):
                del maps[unused]
        return [maps[output].mean(dim=(2, 3), dtype=torch.float32) for output in self.outputs]

    def _weights(self, layer: dict[str, Any]) -> Tensors:
        return [self.values[f"{layer['name']}__{number}"] for number in range(len(layer.get("weights", ())))]

    def keras_weights(self) -> dict[str, np.ndarray]:
        """Return the arrays as the Keras layers hold them, by "layer/number"."""
        result = {}
        for layer in self.layers:
            tensors = [weight.detach().float().cpu() for weight in self._weights(layer)]
            for number, array in enumerate(_to_keras(layer["kind"], tensors)):
                result[f"{layer['name']}/{number}"] = array
        return result


class AgeGenderNetwork(nn.Module):
    """A pretrained encoder and a head: logits of the ages 0 to 116, (faces, AGES), and the logit of female, (faces,).

    Args:
        path: of the encoder's two files, without their suffixes.
        hidden: units of the layer that both tasks share.
        dropout: share of the features, and of the hidden units, that are set to 0 while it learns.
        standardize_features: scale each feature by fixed statistics; otherwise layer normalisation.
    """

    def __init__(
        self, path: Path, hidden: int = 512, dropout: float = 0.4, standardize_features: bool = False
    ) -> None:
        super().__init__()
        self.encoder = PretrainedEncoder(path)
        self.standardize_features = standardize_features
        size = self.encoder.image_size
        with torch.no_grad():
            widths = [features.shape[1] for features in self.encoder(torch.zeros(1, 3, size, size))]
        if standardize_features:
            self.means = nn.ParameterList(nn.Parameter(torch.zeros(w), requires_grad=False) for w in widths)
            self.variances = nn.ParameterList(
                nn.Parameter(torch.ones(w), requires_grad=False) for w in widths
            )
        else:
            self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-3) for width in widths)
        self.dropout = dropout
        self.hidden = nn.Linear(sum(widths), hidden)
        nn.init.kaiming_normal_(self.hidden.weight)
        nn.init.zeros_(self.hidden.bias)
        self.age, self.gender = nn.Linear(hidden, AGES), nn.Linear(hidden, 1)
        for output in (self.age, self.gender):
            nn.init.xavier_uniform_(output.weight)
            nn.init.zeros_(output.bias)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.encoder(pixels)
        # The head computes in float32.
        with torch.autocast("cuda", enabled=False):
            x = functional.dropout(torch.cat(self._scaled(features), 1), self.dropout, self.training)
            x = functional.dropout(functional.relu(self.hidden(x)), self.dropout, self.training)
            return self.age(x), self.gender(x)[:, 0]

    def _scaled(self, features: Tensors) -> Tensors:
        if not self.standardize_features:
            return [norm(one) for norm, one in zip(self.norms, features, strict=True)]
        statistics = zip(features, self.means, self.variances, strict=True)
        return [(one - mean) * torch.rsqrt(variance + 1e-6) for one, mean, variance in statistics]

    def keras_weights(self) -> dict[str, np.ndarray]:
        """Return all arrays, axes in Keras's order, by "layer/number"."""
        result = {f"encoder/{name}": array for name, array in self.encoder.keras_weights().items()}
        if self.standardize_features:
            pairs = list(zip(self.means, self.variances, strict=True))
        else:
            pairs = [(norm.weight, norm.bias) for norm in self.norms]
        for i, pair in enumerate(pairs):
            for number, value in enumerate(pair):
                result[f"pooled_{i}/{number}"] = value.detach().cpu().numpy()
        for name in ("hidden", "age", "gender"):
            layer = getattr(self, name)
            result[f"{name}/0"] = layer.weight.detach().float().cpu().numpy().T.copy()
            result[f"{name}/1"] = layer.bias.detach().float().cpu().numpy()
        return result


def _convolve(config: dict[str, Any], weights: Tensors, inputs: Tensors) -> torch.Tensor:
    x, kernel = inputs[0], weights[0]
    bias = weights[1] if len(weights) > 1 else None
    stride = config["strides"] if isinstance(config["strides"], int) else config["strides"][0]
    padding = (0, 0)
    if config.get("padding") == "same":
        if stride != 1:
            raise ValueError("A convolution with a stride and the padding 'same' is not written here.")
        padding = (kernel.shape[2] // 2, kernel.shape[3] // 2)
    return functional.conv2d(x, kernel, bias, stride, padding, groups=x.shape[1] // kernel.shape[1])


def _normalize(config: dict[str, Any], weights: Tensors, inputs: Tensors) -> torch.Tensor:
    names = ["gamma"] * config["scale_on"] + ["beta"] * config["center"] + ["mean", "variance"]
    values, x = dict(zip(names, weights, strict=True)), inputs[0]
    factor = torch.rsqrt(values["variance"] + config["epsilon"])
    if "gamma" in values:
        factor = factor * values["gamma"]
    shift = values.get("beta", 0) - values["mean"] * factor
    return x * factor.to(x.dtype)[:, None, None] + shift.to(x.dtype)[:, None, None]


def _activate(config: dict[str, Any], _weights: Tensors, inputs: Tensors) -> torch.Tensor:
    if config["activation"] not in ("relu", "linear"):
        raise ValueError(f"The activation {config['activation']!r} is not written here.")
    return functional.relu(inputs[0]) if config["activation"] == "relu" else inputs[0]


def _pool(config: dict[str, Any], _weights: Tensors, inputs: Tensors) -> torch.Tensor:
    if config["padding"] != "valid":
        raise ValueError("Pooling with the padding 'same' is not written here.")
    return functional.max_pool2d(inputs[0], config["pool_size"], config["strides"])


def _pad(config: dict[str, Any], _weights: Tensors, inputs: Tensors) -> torch.Tensor:
    (top, bottom), (left, right) = config["padding"]
    return functional.pad(inputs[0], (left, right, top, bottom))


# What each kind of layer computes, from its configuration, its weights and its inputs.
_LAYERS: dict[str, Callable[[dict[str, Any], Tensors, Tensors], torch.Tensor]] = {
    "Conv2D": _convolve,
    "DepthwiseConv2D": _convolve,
    "GroupedConv2D": _convolve,
    "BatchNormalization": _normalize,
    "PReLU": lambda _, weights, inputs: functional.prelu(inputs[0], weights[0].to(inputs[0].dtype)),
    "Activation": _activate,
    "MaxPooling2D": _pool,
    "Concatenate": lambda _config, _weights, inputs: torch.cat(inputs, 1),
    "Rescaling": lambda config, _weights, inputs: inputs[0] * config["scale"],
    "Add": lambda _config, _weights, inputs: inputs[0] + inputs[1],
    "ZeroPadding2D": _pad,
}


def _from_keras(kind: str, weights: Tensors) -> Tensors:
    if kind in ("Conv2D", "GroupedConv2D"):
        return [weights[0].permute(3, 2, 0, 1).contiguous(), *weights[1:]]
    if kind == "DepthwiseConv2D":
        return [weights[0].permute(2, 3, 0, 1).contiguous(), *weights[1:]]
    if kind == "PReLU":
        return [weights[0].reshape(-1)]
    return weights


def _to_keras(kind: str, weights: Tensors) -> list[np.ndarray]:
    if kind in ("Conv2D", "GroupedConv2D"):
        weights = [weights[0].permute(2, 3, 1, 0), *weights[1:]]
    elif kind == "DepthwiseConv2D":
        weights = [weights[0].permute(2, 3, 0, 1), *weights[1:]]
    elif kind == "PReLU":
        weights = [weights[0].reshape(1, 1, -1)]
    return [np.ascontiguousarray(weight.numpy()) for weight in weights]
