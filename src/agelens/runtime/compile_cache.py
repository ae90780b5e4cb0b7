"""Compiled networks that are kept for the next start, which then takes a fraction of the time.

An entry is known by the digest of the network, the version of OpenVINO, the processor and the options, and is verified
before it is used. Whatever is wrong with it, or with the folder, the network is compiled as if there were none.
"""

import contextlib
import hashlib
import io
import json
import os
import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openvino as ov

from agelens.utils.cache import cache_folder
from agelens.utils.environment import RESULTS, cores
from agelens.utils.files import digest_json, replacing_file, write_json

# Entries that are kept, of some 35 MB each: those that were used last.
_KEPT = 8
# Count it up when the same network would be made ready for a processor in another way.
_ENTRIES = 1


def compile_model(
    build: Callable[[ov.Core], ov.Model],
    device: str,
    hints: dict[str, Any],
    network: dict[str, Any],
    keep: bool,
) -> ov.CompiledModel:
    """Compile a network, or take it from what an earlier start has kept.

    Args:
        build: reads the network and makes it ready for the device; not called where the network is kept.
        device: OpenVINO's name of it. hints: OpenVINO's options.
        network: JSON that tells the network: the digest of its file, and what is done to it.
        keep: use and fill the cache.

    Raises:
        RuntimeError: OpenVINO cannot compile it. AgeLensError: ``build`` refuses it.
    """
    core = ov.Core()
    entry = Entry(_key(core, device, hints, network)) if keep else None
    if entry is not None and (kept := entry.read()) is not None:
        # A file of another build of OpenVINO under the same version, for example.
        with contextlib.suppress(RuntimeError):
            return core.import_model(io.BytesIO(kept), device, hints)
    compiled = core.compile_model(build(core), device, hints)
    if entry is not None:
        entry.write(compiled.export_model())
    return compiled


class Entry:
    """One compiled network on disk: its bytes, and beside them their digest and what they are of."""

    def __init__(self, key: dict[str, Any]) -> None:
        self._key = key
        self.file = cache_folder() / "compiled" / f"{digest_json(key)[:32]}.blob"
        self._facts = self.file.with_suffix(".json")

    def read(self) -> bytes | None:
        """Return the bytes; None where there are none, or not those that were written."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if not self._facts.is_file():
                return None
            facts, data = json.loads(self._facts.read_bytes()), self.file.read_bytes()
            if facts["key"] == self._key and facts["sha256"] == hashlib.sha256(data).hexdigest():
                # Those that were used last are kept.
                os.utime(self._facts)
                return data
        return None

    def write(self, data: bytes | io.BytesIO) -> None:
        """Keep the bytes, where the disk takes them."""
        content = data.getvalue() if isinstance(data, io.BytesIO) else bytes(data)
        with contextlib.suppress(OSError):
            with replacing_file(self.file) as temporary:
                temporary.write_bytes(content)
            write_json(self._facts, {"key": self._key, "sha256": hashlib.sha256(content).hexdigest()})
            _remove_old(self.file.parent)


def _remove_old(folder: Path) -> None:
    by_use = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for facts in by_use[_KEPT:]:
        facts.unlink(missing_ok=True)
        facts.with_suffix(".blob").unlink(missing_ok=True)


def _key(core: ov.Core, device: str, hints: dict[str, Any], network: dict[str, Any]) -> dict[str, Any]:
    return {
        "network": network,
        "device": [device, core.get_property(device, "FULL_DEVICE_NAME"), _processor()],
        "hints": {name: str(value) for name, value in sorted(hints.items())},
        "made_by": [version("openvino"), _ENTRIES, RESULTS],
    }


@cache
def _processor() -> str:
    """Tells processors apart that have one name: by what they can do, which decides how networks are made ready."""
    flags = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    known = f"{platform.machine()} {platform.processor()} {cores()} {flags}"
    return hashlib.sha256(known.encode()).hexdigest()[:16]
