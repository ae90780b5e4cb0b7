"""The devices that networks run on: what there could be, what was found, and what would be used.

OpenVINO computes on CPUs and on the GPUs and NPUs of Intel, ONNX Runtime on the others. The CPU is what "auto" takes:
the others are used by whoever asks for them.
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agelens.errors import AgeLensError

Engine = Literal["OpenVINO", "ONNX Runtime"]


@dataclass(frozen=True)
class Device:
    """A kind of device.

    Attributes:
        name: what `--device` takes.
        engine: what runs networks there.
        target: OpenVINO's name of the device, or ONNX Runtime's of its execution provider.
        what: in words.
        way_out: what to install where it is missing.
    """

    name: str
    engine: Engine
    target: str
    what: str
    way_out: str


_GPU_WAY = "install the driver of Intel's GPU (apt install intel-opencl-icd)"
_NPU_WAY = "install the driver of Intel's NPU (apt install intel-driver-compiler-npu intel-level-zero-npu)"
_ALL = (
    Device("cpu", "OpenVINO", "CPU", "the processor", "pip install openvino"),
    Device("gpu", "OpenVINO", "GPU", "a GPU of Intel", _GPU_WAY),
    Device("npu", "OpenVINO", "NPU", "an NPU of Intel", _NPU_WAY),
    Device("onnxruntime", "ONNX Runtime", "CPUExecutionProvider", "the processor", "pip install onnxruntime"),
    Device(
        "cuda", "ONNX Runtime", "CUDAExecutionProvider", "a GPU of NVIDIA",
        "pip install 'onnxruntime-gpu[cuda,cudnn]'",
    ),
    Device(
        "tensorrt", "ONNX Runtime", "TensorrtExecutionProvider", "a GPU of NVIDIA with TensorRT",
        "pip install 'onnxruntime-gpu[cuda,cudnn]' tensorrt",
    ),
    Device("coreml", "ONNX Runtime", "CoreMLExecutionProvider", "Apple silicon", "pip install onnxruntime"),
    Device(
        "directml", "ONNX Runtime", "DmlExecutionProvider", "a GPU of Windows", "pip install onnxruntime-directml"
    ),
)  # fmt: skip
# Devices of one system alone; elsewhere nothing that is installed would bring them.
_SYSTEMS = {"coreml": ("darwin",), "directml": ("win32",)}
DEVICES = {device.name: device for device in _ALL}
AUTO = "auto"
NAMES = (AUTO, *DEVICES)


@dataclass(frozen=True)
class FoundDevice:
    """A device that is there, as `agelens devices` lists it."""

    device: Device
    full_name: str
    used: bool

    def __str__(self) -> str:
        mark = "  (what auto takes)" if self.used else ""
        return f"{self.device.name:12} {self.device.engine:13} {self.full_name}{mark}"


def resolve_device(name: str) -> Device:
    """Return the device that is meant by a name.

    Raises:
        AgeLensError: the name is not known, or the device is missing; then the sentence says what to install.
    """
    if name == AUTO:
        return DEVICES["cpu"]
    if name not in DEVICES:
        raise AgeLensError(f"Device {name!r} is not one of {', '.join(NAMES)}.")
    device = DEVICES[name]
    if not _is_there(device):
        raise AgeLensError(f"{device.engine} finds no device {name} ({device.what}) here; {device.way_out}.")
    return device


def openvino_target(name: str) -> str:
    """Return OpenVINO's name of a device, for networks that are no ONNX files.

    Raises:
        AgeLensError: the device is missing, or is none of OpenVINO's.
    """
    device = resolve_device(name)
    if device.engine != "OpenVINO":
        raise AgeLensError(
            f"Features are computed by OpenVINO; give --device cpu, gpu or npu, and not {name}."
        )
    return device.target


def find_devices() -> list[FoundDevice]:
    """Return the devices that are there, and which of them "auto" takes."""
    used = resolve_device(AUTO)
    return [FoundDevice(device, _full_name(device), device == used) for device in _ALL if _is_there(device)]


def _is_there(device: Device) -> bool:
    if device.engine == "OpenVINO":
        return any(one.split(".")[0] == device.target for one in _openvino_devices())
    return device.target in _providers()


def _openvino_devices() -> list[str]:
    import openvino as ov

    return list(ov.Core().available_devices)


def _providers() -> list[str]:
    if importlib.util.find_spec("onnxruntime") is None:
        return []
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def _full_name(device: Device) -> str:
    if device.engine == "OpenVINO":
        import openvino as ov

        return str(ov.Core().get_property(device.target, "FULL_DEVICE_NAME"))
    return device.target


def each_line() -> Iterator[str]:
    """Return a line for each device that is there, and then one for each that is not, with what to install."""
    found = find_devices()
    yield from map(str, found)
    there = {one.device.name for one in found}
    for device in _ALL:
        if device.name not in there and sys.platform in _SYSTEMS.get(device.name, (sys.platform,)):
            yield f"{device.name:12} not found: {device.way_out}"
