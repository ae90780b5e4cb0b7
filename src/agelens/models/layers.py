"""A convolution in groups that every backend and every converter knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("agelens")
class GroupedConv2D(keras.layers.Layer):
    """What ``Conv2D(filters, kernel_size, groups=groups)`` computes, channels last and without padding.

    Keras on TensorFlow hands a convolution in groups to a compiler of its own, whose result neither tf2onnx nor
    OpenVINO reads. Here it is one over all channels, whose weights between different groups are zeros and stay so;
    `agelens.export.graph_passes` finds the groups in the exported file again.

    Args:
        filters: channels of the output, a multiple of ``groups``.
        kernel_size: (height, width).
        groups: into which the channels of input and output are divided, in order.
        strides: pixels from one place to the next, on both axes.
        use_bias: whether a number is added to each channel of the output.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int],
        groups: int,
        strides: int = 1,
        use_bias: bool = True,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.filters, self.kernel_size, self.groups = filters, tuple(kernel_size), groups
        self.strides, self.use_bias = strides, use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of Conv2D: kernel, (height, width, channels of a group, filters), and bias."""
        channels = input_shape[-1]
        if channels is None or channels % self.groups or self.filters % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} and {self.filters} channels.")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Of (faces, height, width, channels)."""
        groups = np.arange(self.groups)
        within = np.repeat(groups, self.kernel.shape[2])[:, None] == np.repeat(
            groups, self.filters // self.groups
        )
        kernel = keras.ops.tile(self.kernel, (1, 1, self.groups, 1)) * keras.ops.cast(
            within, self.kernel.dtype
        )
        maps = keras.ops.conv(
            inputs,
            keras.ops.cast(kernel, inputs.dtype),
            self.strides,
            "valid",
            data_format="channels_last",
        )
        return maps + keras.ops.cast(self.bias, maps.dtype) if self.use_bias else maps

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        sides = (
            None if length is None else (length - size) // self.strides + 1
            for length, size in zip(input_shape[1:3], self.kernel_size, strict=True)
        )
        return (input_shape[0], *sides, self.filters)

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "kernel_size", "groups", "strides", "use_bias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers that compute in this precision, "float32" or "mixed_bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
