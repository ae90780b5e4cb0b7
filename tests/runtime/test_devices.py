"""Devices: what is there, what is said of what is not, and the same answers from both engines."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from agelens.detection.detector import find_detector
from agelens.errors import AgeLensError
from agelens.inference.predictor import load
from agelens.runtime import devices, onnx_session
from agelens.runtime.devices import DEVICES, each_line, find_devices, resolve_device
from agelens.runtime.onnx_session import OnnxSession
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.session import device_hints
from tests.inference.named_faces import draw_photo

# 8-bit layers round otherwise from engine to engine: medians may move by a year or two, probabilities by little.
YEARS, PROBABILITY = 2.0, 0.06


def test_the_processor_is_what_auto_takes() -> None:
    assert resolve_device("auto") == resolve_device("cpu") == DEVICES["cpu"]
    (used,) = [found for found in find_devices() if found.used]
    assert used.device.name == "cpu"
    assert {"cpu", "onnxruntime", "cuda"} <= {line.split()[0] for line in each_line()} <= set(DEVICES)


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("gpu", "apt install intel-opencl-icd"),
        ("npu", "apt install intel-driver-compiler-npu"),
        ("cuda", r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"),
        ("tensorrt", r"pip install 'onnxruntime-gpu\[cuda,cudnn\]' tensorrt"),
        ("coreml", "pip install onnxruntime"),
        ("directml", "pip install onnxruntime-directml"),
        ("onnxruntime", "pip install onnxruntime"),
    ],
)
def test_a_missing_device_is_told_with_what_to_install(
    name: str, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_openvino_devices", lambda: ["CPU"])
    monkeypatch.setattr(devices, "_providers", lambda: [])
    with pytest.raises(AgeLensError, match=f"finds no device {name} .* here; .*{way_out}"):
        resolve_device(name)


def test_several_gpus_are_one_kind_of_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_openvino_devices", lambda: ["CPU", "GPU.0", "GPU.1"])
    assert resolve_device("gpu").target == "GPU"


def test_odd_options_are_told() -> None:
    with pytest.raises(AgeLensError, match="Device 'tpu' is not one of auto, cpu, gpu"):
        resolve_device("tpu")
    with pytest.raises(AgeLensError, match="threads is a number from 1 up, not 0"):
        RuntimeOptions(threads=0)
    with pytest.raises(AgeLensError, match="Precision 'f8' is not one of"):
        load(precision="f8")


def test_shares_of_the_cores_are_not_pinned() -> None:
    assert device_hints(RuntimeOptions(threads=2), "CPU") == {
        "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": 2, "ENABLE_CPU_PINNING": False
    }  # fmt: skip
    # Intel's GPUs know no bfloat16.
    assert "INFERENCE_PRECISION_HINT" not in device_hints(RuntimeOptions("bf16", threads=2), "GPU")


def test_both_engines_give_the_same_answers(faces_folder: Path) -> None:
    crops = [path for path in sorted(faces_folder.glob("*.jpg")) if path.stat().st_size][:8]
    ours, theirs = (
        [
            photo.faces[0]
            for photo in load(precision="f32", device=device, threads=1).predict(crops, crops=True)
        ]
        for device in ("cpu", "onnxruntime")
    )
    for mine, its in zip(ours, theirs, strict=True):
        assert mine.age_years == pytest.approx(its.age_years, abs=YEARS)
        assert mine.p_female == pytest.approx(its.p_female, abs=PROBABILITY)


def test_both_engines_find_the_same_faces() -> None:
    data = pytest.importorskip("skimage.data", reason="no scikit-image here, which holds the photograph")
    image = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    ours, theirs = (
        find_detector(None, RuntimeOptions(device=device, threads=1)).detect(image)
        for device in ("cpu", "onnxruntime")
    )
    best, its_best = int(ours.scores.argmax()), int(theirs.scores.argmax())
    assert ours.scores[best] == pytest.approx(theirs.scores[its_best], abs=0.02)
    assert np.abs(ours.boxes[best] - theirs.boxes[its_best]).max() < 1


def test_a_predictor_with_options_can_be_pickled(tmp_path: Path) -> None:
    import pickle

    crop = draw_photo(tmp_path / "1.png")
    predictor = load(precision="f32", threads=1)
    again = pickle.loads(pickle.dumps(predictor))  # noqa: S301  (of our own making)
    assert again.predict(crop, crops=True)[0] == predictor.predict(crop, crops=True)[0]


def test_a_network_that_onnx_runtime_cannot_use_is_told() -> None:
    with pytest.raises(AgeLensError, match="ONNX Runtime cannot use the network"):
        _ = OnnxSession(b"no network", DEVICES["onnxruntime"]).session


def test_a_session_that_nobody_holds_is_let_go() -> None:
    session = OnnxSession(b"no network", DEVICES["onnxruntime"])
    watched = weakref.ref(session)
    del session
    gc.collect()
    assert watched() is None


def test_after_a_fork_nobody_holds_the_lock() -> None:
    session = OnnxSession(b"no network", DEVICES["onnxruntime"])
    with session._lock:
        onnx_session._renew_locks()
        assert session._lock.acquire(timeout=0)
