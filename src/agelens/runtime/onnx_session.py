"""Running an ONNX file through ONNX Runtime, on CPUs and on devices that OpenVINO does not know."""

import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agelens.errors import AgeLensError
from agelens.runtime.devices import Device
from agelens.utils.reasons import first_line

# ONNX Runtime's number for what ends the process; the rest is raised.
_QUIET = 4


class OnnxSession:
    """An ONNX network with one input, made ready at its first use in each process; may be used from many threads.

    Args:
        source: the file, or its bytes.
        device: one of ONNX Runtime's.
        threads: of the CPU; None is one for each core.
    """

    def __init__(self, source: Path | bytes, device: Device, threads: int | None = None) -> None:
        self._source, self._device, self._threads = source, device, threads
        self._session: Any = None
        self._process = 0
        self._lock = threading.Lock()
        _SESSIONS.add(self)

    def renew_lock(self) -> None:
        """Forget who holds the lock: in a fork that thread may not live on."""
        self._lock = threading.Lock()

    def run(self, images: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of a batch, by name."""
        session = self.session
        outputs = session.run(None, {session.get_inputs()[0].name: images})
        return dict(zip((port.name for port in session.get_outputs()), outputs, strict=True))

    @property
    def session(self) -> Any:
        """ONNX Runtime's session. Raises AgeLensError where it cannot be made, or not on this device."""
        with self._lock:
            # Threads do not live on in a fork.
            if self._session is None or self._process != os.getpid():
                self._session, self._process = self._open(), os.getpid()
            return self._session

    def _open(self) -> Any:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        levels = onnxruntime.GraphOptimizationLevel
        failures = (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented, RuntimeError)
        try:
            try:
                session = self._make(levels.ORT_ENABLE_ALL)
            except state.Fail:
                # Its own changes to a valid network fail at resizing with two axes (seen in ONNX Runtime 1.32).
                session = self._make(levels.ORT_ENABLE_BASIC)
        except failures as error:
            raise AgeLensError(f"ONNX Runtime cannot use the network: {first_line(error)}.") from None
        # It falls back to the CPU in silence where a library of the device is missing.
        if session.get_providers()[0] != self._device.target:
            raise AgeLensError(
                f"ONNX Runtime cannot use the device {self._device.name} ({self._device.what}) here; "
                f"{self._device.way_out}."
            )
        return session

    def _make(self, level: Any) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.graph_optimization_level = _QUIET, level
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        source = self._source if isinstance(self._source, bytes) else str(self._source)
        return onnxruntime.InferenceSession(source, options, providers=[self._device.target])


# One hook for all: Python keeps what is registered for ever, and a network with it.
_SESSIONS: "weakref.WeakSet[OnnxSession]" = weakref.WeakSet()


def _renew_locks() -> None:
    for session in list(_SESSIONS):
        session.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
