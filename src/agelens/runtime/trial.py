"""Small networks that find out what the processor does."""

import openvino as ov


def compile_trial(network: ov.Model) -> ov.CompiledModel:
    """Make a small network ready in float32 on one core, so that only what is tried decides its results."""
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    return ov.Core().compile_model(network, "CPU", hints)
