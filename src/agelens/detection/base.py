"""What every detector is and gives, and how its network is run."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.runtime.compile_cache import compile_model
from agelens.runtime.compiled import Compiled
from agelens.runtime.devices import resolve_device
from agelens.runtime.execution import settle_arrays
from agelens.runtime.int8 import fit_processor
from agelens.runtime.onnx_session import OnnxSession
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.session import device_hints
from agelens.utils.files import digest_file
from agelens.utils.images import Pixels

Floats = NDArray[np.float32]
STEP = 32
# Pieces of compiled network that are kept: those of about six sizes.
_CACHE = 400


class Found(NamedTuple):
    """The faces in one image, in pixels of that image.

    Attributes:
        boxes: float32 (faces, 4), left, top, right, bottom.
        scores: float32 (faces,), 0 to 1.
        landmarks: float32 (faces, 5, 2), x and y of `agelens.inference.results.LANDMARKS`.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def take(self, rows: NDArray[np.generic]) -> "Found":
        """Some of the faces, by their numbers or by a mask."""
        return Found(self.boxes[rows], self.scores[rows], self.landmarks[rows])

    def scaled(self, factor: float) -> "Found":
        """The same in pixels of an image that is larger by this factor."""
        return Found(self.boxes * np.float32(factor), self.scores, self.landmarks * np.float32(factor))


NOTHING = Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


def join(parts: list[Found]) -> Found:
    """The faces of several looks, all in pixels of one image."""
    if not parts:
        return NOTHING
    return Found(*(np.concatenate(columns).astype(np.float32) for columns in zip(*parts, strict=True)))


class Detector(Protocol):
    """A network that finds faces; called from several threads at once.

    Attributes:
        file: of its network.
        least: the score from which on something counts as a face.
        confidence_threshold: the score from which on it is not called uncertain.
    """

    file: Path
    least: float
    confidence_threshold: float

    def detect(self, image: Pixels) -> Found:
        """The faces of an image, uint8 (height, width, 3), RGB, whose sides are multiples of STEP.

        Boxes of one face may lie over one another, and those below ``least`` are left out.
        """
        ...


class Runner:
    """A network made ready for images of any size, uint8 (height, width, 3), RGB; may be called from many threads."""

    def __init__(
        self, file: Path, options: RuntimeOptions | None = None, mean: float = 0.0, scale: float = 1.0
    ) -> None:
        settle_arrays()
        self._idle: list[ov.InferRequest] = []
        options = options or RuntimeOptions()
        self._made_of = (file, options, mean, scale)
        device = resolve_device(options.device)
        self._onnx = OnnxSession(file, device, options.threads) if device.engine == "ONNX Runtime" else None
        # NPUs take images of one size alone.
        target = "CPU" if device.target == "NPU" else device.target
        self._network = Compiled(partial(_compile, target, *self._made_of), self._idle.clear)

    def __reduce__(self) -> tuple[type["Runner"], tuple[Path, RuntimeOptions, float, float]]:
        return Runner, self._made_of

    @contextlib.contextmanager
    def __call__(self, image: Pixels) -> Iterator[dict[str, Floats]]:
        """The outputs by each of their names; valid within the block."""
        if self._onnx is not None:
            _, _, mean, scale = self._made_of
            maps = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
            yield self._onnx.run((maps - np.float32(mean)) / np.float32(scale))
            return
        network = self._network.get()
        # A request that has seen a size is quick with it: it is kept for the next call, whatever thread that is in.
        try:
            request = self._idle.pop()
        except IndexError:
            request = network.create_infer_request()
        request.infer([image[None]])
        yield {
            name: request.get_output_tensor(number).data
            for number, port in enumerate(network.outputs)
            for name in port.get_names()
        }
        # Unless the network was let go meanwhile, before a fork.
        if self._network.holds(network):
            self._idle.append(request)


def _compile(target: str, file: Path, options: RuntimeOptions, mean: float, scale: float) -> ov.CompiledModel:
    def build(core: ov.Core) -> ov.Model:
        model = fit_processor(core.read_model(file), str(file))
        model.reshape([1, 3, -1, -1])
        before = ov.preprocess.PrePostProcessor(model)
        pixels = before.input().tensor()
        pixels.set_element_type(ov.Type.u8)
        pixels.set_layout(ov.Layout("NHWC"))
        before.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(scale)
        before.input().model().set_layout(ov.Layout("NCHW"))
        return before.build()

    # One look is one request; looks run side by side. Their precision is the device's own.
    hints = device_hints(replace(options, precision="auto"), target)
    if target == "CPU":
        # OpenVINO keeps what it compiled for each size, 4 MB and more for one; photographs come in any number of them.
        hints["CPU_RUNTIME_CACHE_CAPACITY"] = _CACHE
    network = {"sha256": digest_file(file), "mean": mean, "scale": scale}
    return compile_model(build, target, hints, network, options.cache)
