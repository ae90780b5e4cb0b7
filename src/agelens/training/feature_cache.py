"""Frozen features: one pass of a backbone over all images, kept on disk, resumed where it stopped.

A frozen backbone gives the same features in every epoch and for both tasks, so it runs once, through OpenVINO. Rows
are kept in a folder of the cache whose name is made of all that decides their values: the weights, the preprocessing,
the image size, the precision, the pooling, the decoder, the versions of what computes them, and whether 8-bit weights
are fitted to the processor. Within it each row belongs to the digest of its image, so a larger or smaller table, or one
that lies elsewhere, still finds what is there. Each row has a checksum: one that a disk damaged is computed again, and
told.
"""

import os
import shutil
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import ml_dtypes
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.augmentation import AUGMENT_VERSION
from agelens.data.loaders import View, read_faces_at
from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone
from agelens.models.onnx_backbone import CONVERSION
from agelens.models.openvino_backbone import pooled as pooled_model
from agelens.models.openvino_backbone import to_openvino
from agelens.models.registry import Shape
from agelens.runtime.devices import openvino_target
from agelens.runtime.execution import resolve_precision, run_network
from agelens.runtime.int8 import overflows
from agelens.runtime.session import compile_on_device
from agelens.training.features import Features
from agelens.utils.cache import cache_folder
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json, naming_errors, read_json, write_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.locks import waited_lock
from agelens.utils.progress import Track, quiet, say

# bfloat16 keeps float32's range, which float16 does not: features of random networks are often below 1e-8.
_STORED = {"bf16": np.dtype(ml_dtypes.bfloat16), "f32": np.dtype(np.float32)}
_CHUNK = 256
_FIRST = 32
# Of a line: the digest of an image, a space, the checksum of the digest and of the row, and the end.
_DIGEST, _LINE = 64, 74


def extract(
    backbone: Backbone,
    table: pd.DataFrame,
    precision: str = "auto",
    pool: bool = False,
    cache: Path | None = None,
    track: Track = quiet,
    view: View | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
) -> Features:
    """The features of every row of a face table, computed for those images that the cache lacks.

    Args:
        backbone: from `build_backbone`.
        table: a face table.
        precision: "bf16", "f32", or "auto".
        pool: average each map over height and width. Maps that the cache holds already are averaged instead of
            running the backbone again.
        cache: the folder that keeps features; None is `cache_folder`.
        track: shows the progress.
        view: which randomly altered copy of each image to run; None runs the images as they are.
        device: one of OpenVINO's in `agelens.runtime.devices`. threads: of the processor; None is one for each core.

    Raises:
        AgeLensError: the device is missing or not OpenVINO's, an image cannot be decoded, or the disk is too small.
    """
    precision = resolve_precision(precision)
    target = openvino_target(device)
    cache = cache or cache_folder()
    pool = pool and len(backbone.feature_shape) == 3
    if pool:
        maps = _Store(cache, backbone, precision, False, view, target)
        if maps.exists():
            with waited_lock(maps.folder / "lock"):
                maps.repair()
                if not maps.missing(table):
                    return maps.view(table, pool=True)
    store = _Store(cache, backbone, precision, pool, view, target)
    store.folder.mkdir(parents=True, exist_ok=True)
    with waited_lock(store.folder / "lock"):
        store.repair()
        missing = store.missing(table)
        if missing:
            _fill(store, backbone, table, missing, precision, pool, cache, track, view, target, threads)
    return store.view(table, pool=False)


class _Store:
    """Rows of one kind of feature: ``rows.bin`` and, line for line, the digests of their images and a checksum."""

    def __init__(
        self,
        cache: Path,
        backbone: Backbone,
        precision: str,
        pool: bool,
        view: View | None,
        target: str = "CPU",
    ) -> None:
        self.key = {
            "backbone": backbone.spec.name,
            "weights": backbone.digest,
            "preprocessing": backbone.spec.preprocessing,
            "image_size": backbone.image_size,
            "precision": precision,
            "pooled": pool,
            "decoder": DECODER_VERSION,
            "conversion": CONVERSION,
            "rows": "crc32",
            "made_with": made_with("openvino") if backbone.model is None else made_with("keras", "openvino"),
        }
        # Keras's backbones are float; a file may hold 8-bit weights, which some processors get as 7-bit ones.
        if backbone.model is None and overflows():
            self.key["weight_bits"] = 7
        if target != "CPU":
            self.key["device"] = target
        if view is not None:
            self.key["view"] = [view.seed, view.number, AUGMENT_VERSION]
        name = f"{backbone.spec.name}-{backbone.image_size}-{precision}-{'pooled' if pool else 'maps'}"
        self.folder = cache / "features" / f"{name}-{digest_json(self.key)[:16]}"
        self.shape: Shape = backbone.feature_shape[-1:] if pool else backbone.feature_shape
        self.dtype = _STORED[precision]
        self.row_bytes = int(np.prod(self.shape)) * self.dtype.itemsize
        self._rows, self._digests = self.folder / "rows.bin", self.folder / "digests.txt"
        self._pace = self.folder / "pace.json"
        self._known: list[str] = []
        self.precision = precision

    def exists(self) -> bool:
        return self._digests.exists()

    def repair(self) -> None:
        """Cut off what a killed pass left half-written, and forget rows that are not as they were written.

        A row counts once its digest's line is whole.
        """
        if not self.exists():
            self._rows.write_bytes(b"")
            self._digests.write_text("")
            write_json(self.folder / "key.json", self.key)
            return
        text = self._digests.read_bytes()
        whole = min(len(text) // _LINE, self._rows.stat().st_size // self.row_bytes)
        os.truncate(self._digests, whole * _LINE)
        os.truncate(self._rows, whole * self.row_bytes)
        self._known = self._sound([text[place * _LINE : (place + 1) * _LINE] for place in range(whole)])
        if damaged := self._known.count(""):
            say(f"{damaged:,} rows in {self.folder} were damaged on the disk and are computed again.")

    def _sound(self, lines: list[bytes]) -> list[str]:
        """The digest of each row, or "" where the row or its line is not as it was written."""
        if not lines:
            return []
        rows = np.memmap(self._rows, np.uint8, "r", shape=(len(lines), self.row_bytes))
        return [
            line[:_DIGEST].decode() if line == _line(line[:_DIGEST], row) else ""
            for line, row in zip(lines, rows, strict=True)
        ]

    def missing(self, table: pd.DataFrame) -> list[int]:
        """Positions of the rows of the table whose image has no features yet, each image once."""
        seen = set(self._known)
        positions = []
        for position, digest in enumerate(table["digest"]):
            if digest not in seen:
                seen.add(digest)
                positions.append(position)
        return positions

    def append(self, digests: list[str], rows: NDArray[np.float32]) -> None:
        """Rows first, digests after them, so that a digest never stands without its row."""
        stored = np.ascontiguousarray(rows.astype(self.dtype)).reshape(len(rows), -1).view(np.uint8)
        lines = b"".join(_line(digest.encode(), row) for digest, row in zip(digests, stored, strict=True))
        for path, data in ((self._rows, stored.tobytes()), (self._digests, lines)):
            with naming_errors(path), path.open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        self._known += digests

    def record_pace(self, images: int, seconds: float) -> None:
        """Add to what all passes into this store took, so that a short top-up does not stand for the whole."""
        kept = read_json(self._pace) if self._pace.exists() else {"images": 0, "seconds": 0.0}
        write_json(self._pace, {"images": kept["images"] + images, "seconds": kept["seconds"] + seconds})

    def view(self, table: pd.DataFrame, pool: bool) -> Features:
        known = {digest: row for row, digest in enumerate(self._known)}
        index = np.array([known[digest] for digest in table["digest"]], np.int64)
        rows: NDArray[np.generic] = np.memmap(self._rows, self.dtype, "r", shape=(len(known), *self.shape))
        pace = read_json(self._pace) if self._pace.exists() else None
        rate = pace["images"] / pace["seconds"] if pace else None
        shape = self.shape[-1:] if pool else self.shape
        row_bytes = int(np.prod(shape)) * self.dtype.itemsize
        return Features(rows, index, pool, shape, self.precision, rate, row_bytes)


def _line(digest: bytes, row: NDArray[np.uint8]) -> bytes:
    """The line of a row: the digest of its image, and the checksum of both."""
    return digest + b" %08x\n" % zlib.crc32(row.data, zlib.crc32(digest))


def _fill(
    store: _Store,
    backbone: Backbone,
    table: pd.DataFrame,
    missing: list[int],
    precision: str,
    pool: bool,
    cache: Path,
    track: Track,
    view: View | None,
    target: str,
    threads: int | None,
) -> None:
    _check_disk(store, len(missing))
    with track(f"{backbone.spec.name}, making it ready", None):
        network = to_openvino(backbone, cache / "networks")
        compiled = compile_on_device(
            pooled_model(network) if pool else network, precision, backbone.spec.name, target, threads
        )
    paths = table["path"].to_numpy()[missing].tolist()
    digests = table["digest"].to_numpy()[missing].tolist()
    started = lap = time.perf_counter()
    done = 0
    shown = f"{backbone.spec.name} features" + (f", view {view.number + 1}" if view else "")
    with track(shown, len(paths)) as advance, ThreadPoolExecutor(1) as decoder:
        # The first chunks are small, so that the bar soon moves and tells the rate.
        bounds = [*range(0, _CHUNK, _FIRST), *range(_CHUNK, len(paths), _CHUNK)]
        chunks = [slice(*pair) for pair in pairwise([*(b for b in bounds if b < len(paths)), len(paths)])]
        # The next chunk is decoded while the network works on this one.
        ahead = decoder.submit(read_faces_at, paths[chunks[0]], backbone.image_size, view)
        for number, chunk in enumerate(chunks):
            images = ahead.result()
            if number + 1 < len(chunks):
                ahead = decoder.submit(read_faces_at, paths[chunks[number + 1]], backbone.image_size, view)
            store.append(digests[chunk], run_network(compiled, images, store.shape))
            now = time.perf_counter()
            store.record_pace(len(images), now - lap)
            lap = now
            done += len(images)
            advance(len(images), f"{done / (time.perf_counter() - started):.0f} images/s")


def _check_disk(store: _Store, images: int) -> None:
    needed, free = images * store.row_bytes, shutil.disk_usage(store.folder).free
    if needed > free:
        raise AgeLensError(
            f"The features of {images:,} images need {needed / 1e9:.1f} GB in {store.folder.parent}, where "
            f"{free / 1e9:.1f} GB are free; give another --cache FOLDER, or --head avg-pool, which needs little."
        )
