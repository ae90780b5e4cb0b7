"""Running a network through OpenVINO on all cores, and in which precision."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.runtime.precision import check_precision

# Small enough that a batch of 32 keeps two streams busy, large enough that each runs at full speed.
_PIECE = 16


def supports_bfloat16() -> bool:
    """Whether this CPU computes bfloat16 in hardware."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def resolve_precision(precision: str) -> str:
    """ "auto" is bf16 where the CPU computes it in hardware, else f32."""
    check_precision(precision)
    if precision == "auto":
        return "bf16" if supports_bfloat16() else "f32"
    return precision


def run_network(
    compiled: ov.CompiledModel, images: NDArray[np.uint8], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Run images through a network with one output, several pieces at once.

    Args:
        compiled: from OpenVINO, with one input and one output.
        images: uint8 (n, side, side, 3), RGB.
        shape: of the output for one image.

    Returns:
        float32 (n, *shape), in the order of the images.
    """
    return run_outputs(compiled, images, [shape])[0]


def run_outputs(
    compiled: ov.CompiledModel, images: NDArray[np.uint8], shapes: Sequence[tuple[int, ...]]
) -> list[NDArray[np.float32]]:
    """The same for a network with several outputs, given the shape of each for one image."""
    results = [np.empty((len(images), *shape), np.float32) for shape in shapes]
    # Requests are waited for in turn. AsyncInferQueue would call back into Python: a thread of OpenVINO then needs the
    # GIL to let go of the callback, and waits for ever if Python is freeing the network (seen in OpenVINO 2026.4).
    count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    idle = [compiled.create_infer_request() for _ in range(count)]
    running: deque[tuple[ov.InferRequest, int]] = deque()

    def collect() -> ov.InferRequest:
        request, start = running.popleft()
        request.wait()
        for number, (result, shape) in enumerate(zip(results, shapes, strict=True)):
            output = request.get_output_tensor(number).data
            result[start : start + len(output)] = output.reshape(-1, *shape)
        return request

    # Few images are shared out, or one core would work while the other waits.
    piece = max(1, min(_PIECE, -(-len(images) // count)))
    for start in range(0, len(images), piece):
        request = idle.pop() if idle else collect()
        request.start_async([images[start : start + piece]])
        running.append((request, start))
    while running:
        collect()
    return results


def settle_arrays() -> None:
    """Let OpenVINO's binding look NumPy up, in a thread that is alone; whoever compiles a network calls it.

    The binding does so at its first array, under a lock that it keeps while Python runs. Two threads that both come to
    their first array wait for each other for ever (seen in OpenVINO 2026.4 when a collection of garbage came between).
    """
    _ = ov.Tensor(ov.Type.u8, ov.Shape([1])).data
