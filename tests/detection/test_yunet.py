"""What of the options of computing reaches OpenCV."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from agelens.detection import yunet
from agelens.detection.yunet import YuNet
from agelens.runtime.options import RuntimeOptions


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def test_threads_are_opencvs_also_in_a_copy() -> None:
    detector = YuNet(Path("yunet.onnx"), RuntimeOptions(threads=1))
    assert cv2.getNumThreads() == 1
    cv2.setNumThreads(2)
    assert pickle.loads(pickle.dumps(detector)).file == detector.file  # noqa: S301
    assert cv2.getNumThreads() == 1


def test_a_device_that_yunet_has_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(yunet, "say", said.append)
    YuNet(Path("yunet.onnx"), RuntimeOptions(device="cpu"))
    assert said == []
    YuNet(Path("yunet.onnx"), RuntimeOptions(device="gpu"))
    assert said == ["YuNet is computed by OpenCV on the processor, whatever --device names."]
