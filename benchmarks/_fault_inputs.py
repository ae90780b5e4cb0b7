"""Hostile inputs: mutated images through audit and predict, manifests and bundles that want to do harm."""

import hashlib
import io
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from _faults import Count, Ended, agelens
from onnx import TensorProto, helper
from PIL import Image

from agelens.bundles.bundle import BUNDLED, CARD, NETWORK, SUMS, TRAINING_IMAGES

Chance = np.random.Generator
# As the bundled network takes them.
_FACES: list[int | str] = ["faces", 144, 144, 3]
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_ENDINGS = {"JPEG": "jpg", "WEBP": "webp", "TIFF": "tif"}
_BATCH = 250
_INPUT_SECONDS = 240


def mutated_images(faces: Path, place: Path, total: int, chance: Chance) -> list[Count]:
    """Altered, cut and grown image files of six formats, in batches, through audit and predict.

    An image counts as equal where both commands took it or named it; a batch that ended otherwise counts whole.
    """
    counts = [Count("mutated images: audit"), Count("mutated images: predict")]
    whole = list(_whole(faces))
    for first in range(0, total, _BATCH):
        shutil.rmtree(place, ignore_errors=True)
        images = place / "images"
        images.mkdir(parents=True)
        names = []
        for number in range(first, min(total, first + _BATCH)):
            form, data = whole[int(chance.integers(len(whole)))]
            names.append(f"{20 + number % 50}_{number % 2}_0_{number}.{_ENDINGS.get(form, form.lower())}")
            (images / names[-1]).write_bytes(mutate(data, chance))
        run = place / "run"
        ended = agelens(["audit", images, "--out", run], timeout=_INPUT_SECONDS)
        _count(counts[0], ended, names, lambda run=run: _audited(run))
        out = place / "found.jsonl"
        ended = agelens(["predict", images, "--out", out, "--crops-as-they-are"], timeout=_INPUT_SECONDS)
        _count(counts[1], ended, names, lambda out=out, ended=ended: _predicted(out, ended))
    return counts


def _whole(faces: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(faces.glob("*.jpg"))[:10]:
        for form in FORMATS:
            file = io.BytesIO()
            Image.open(path).convert("RGB").save(file, form)
            yield form, file.getvalue()


def mutate(data: bytes, chance: Chance) -> bytes:
    """One of six kinds of harm: bits, bytes, a cut, a hole, a doubled part, a header of random bytes."""
    array = bytearray(data)
    kind = int(chance.integers(6))
    place = int(chance.integers(len(array)))
    if kind == 0:
        for bit in chance.integers(8 * len(array), size=int(chance.integers(1, 20))):
            array[bit // 8] ^= 1 << int(bit) % 8
    elif kind == 1:
        array[place : place + 16] = chance.bytes(16)
    elif kind == 2:
        del array[place:]
    elif kind == 3:
        del array[place : place + int(chance.integers(1, 200))]
    elif kind == 4:
        array[place:place] = array[: int(chance.integers(1, len(array)))]
    else:
        end = min(len(array), int(chance.integers(4, 64)))
        array[2:end] = chance.bytes(end - 2)
    return bytes(array)


def _count(count: Count, ended: Ended, names: list[str], told: Callable[[], set[str]]) -> None:
    """Each image counts by itself; where the command crashed or hung nothing is known of any, and it counts once."""
    if ended.hung or ended.crashed:
        count.add(f"a batch of {len(names)}", [ended], None)
        count.tried += len(names) - 1
        return
    known = told()
    for name in names:
        count.add(name, [Ended(0, ended.said, 0)], name in known)


def _audited(run: Path) -> set[str]:
    """The files that an audit took or named."""
    if not (run / "audit.json").exists():
        return set()
    lists = json.loads((run / "audit.json").read_text())["lists"]
    table = {Path(line.split(",")[0]).name for line in (run / "table.csv").read_text().splitlines()[1:]}
    return table | {one["file"] for kind in ("malformed", "unreadable") for one in lists[kind]}


def _predicted(out: Path, ended: Ended) -> set[str]:
    """The files that are in the result, or are told with their reason."""
    found = (
        {Path(json.loads(line)["file"]).name for line in out.read_text().splitlines()}
        if out.exists()
        else set()
    )
    return found | {
        Path(word).name for line in ended.said.splitlines() for word in line.split() if "/images/" in word
    }


def manifests(faces: Path, place: Path) -> Count:
    """Manifests that lead elsewhere, name devices, are huge or are no text; each must end in a table or a sentence."""
    count = Count("hostile manifests")
    good = sorted(faces.glob("*.jpg"))[0]
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.mkfifo(place / "pipe.jpg")
    (place / "loop.jpg").symlink_to("loop.jpg")
    head, row = "path,age,gender\n", f"{good},30,1\n"
    texts: dict[str, bytes] = {
        "path traversal": (head + "../../../../../../etc/passwd,30,1\n").encode(),
        "device of zeros": (head + "/dev/zero,30,1\n").encode(),
        "device of chance": (head + row + "/dev/random,30,1\n").encode(),
        "pipe": (head + row + "pipe.jpg,30,1\n").encode(),
        "link to itself": (head + row + "loop.jpg,30,1\n").encode(),
        "null bytes": (head + row + "a\0b.jpg,30,1\n").encode(),
        "a number of a million digits": (head + row + f"{good},{'9' * 1_000_000},1\n").encode(),
        "not a number": (head + row + f"{good},nan,1\n{good},inf,1\n{good},1e999,1\n").encode(),
        "a million columns": ("path,age,gender" + ",x" * 1_000_000 + "\n" + row).encode(),
        "an open quote": (head + row + '"' + "x" * 5_000_000).encode(),
        "UTF-16": (head + row).encode("utf-16"),
        "random bytes": np.random.default_rng(1).bytes(200_000),
        "a formula": (head + row + "=cmd|'/c calc'!A1,30,1\n").encode(),
        "an address": (head + row + "file:///etc/passwd,30,1\nhttp://127.0.0.1:9/x.jpg,30,1\n").encode(),
        "the same column twice": (f"path,age,age,gender\n{good},1,2,1\n").encode(),
    }  # fmt: skip
    for name, text in texts.items():
        file = place / "manifest.csv"
        file.write_bytes(text)
        shutil.rmtree(place / "run", ignore_errors=True)
        count.add(name, [agelens(["audit", file, "--out", place / "run"], timeout=_INPUT_SECONDS)], None)
    return count


def bundles(photo: Path, place: Path) -> Count:
    """Bundles with checksums that are right and contents that are not; a pickle in them must not be run."""
    count = Count("hostile bundles")
    marker = place / "executed"
    for name, harm in _HARMS.items():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        bundle = place / "bundle"
        shutil.copytree(BUNDLED, bundle)
        harm(bundle, marker)
        ended = agelens(
            ["predict", photo, "--bundle", bundle, "--out", place / "found.csv"], timeout=_INPUT_SECONDS
        )
        # Whoever runs what is in a bundle has lost: that is worse than any other ending.
        count.add(name, [ended], False if marker.exists() else None)
    return count


def _sign(bundle: Path) -> None:
    """Checksums that fit what is there now, as whoever does harm makes them."""
    names = [name for name in (NETWORK, CARD, TRAINING_IMAGES, "card.html") if (bundle / name).is_file()]
    sums = "".join(f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (bundle / SUMS).write_text(sums)


def _amend(**entries: object) -> Callable[[Path, Path], None]:
    def harm(bundle: Path, marker: Path) -> None:
        card = json.loads((bundle / CARD).read_text())
        for key, value in entries.items():
            inner = card
            *way, last = key.split("__")
            for step in way:
                inner = inner[step]
            inner[last] = value
        (bundle / CARD).write_text(json.dumps(card))
        _sign(bundle)

    return harm


def _write(name: str, data: Callable[[Path], bytes]) -> Callable[[Path, Path], None]:
    def harm(bundle: Path, marker: Path) -> None:
        (bundle / name).write_bytes(data(marker))
        _sign(bundle)

    return harm


class _Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.marker,)


def _network(shape: list[int | str], dims: list[int], nodes: int = 1) -> bytes:
    """A small network whose input or weights claim to be of some shape, or that is a chain of many nodes."""
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [1.0])
    weight.dims[:] = dims
    # The last has a name that AgeLens knows, or nothing else of the network would be looked at.
    names = ["faces", *(f"t{number}" for number in range(nodes - 1)), "age_years"]
    chain = [helper.make_node("Cast", ["faces"], [names[1]], to=TensorProto.FLOAT)] + [
        helper.make_node("Mul", [one, "weight"], [other]) for one, other in pairwise(names[1:])
    ]
    graph = helper.make_graph(
        chain, "harm",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, None)], [weight],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def _external(marker: Path) -> bytes:
    model = onnx.load(BUNDLED / NETWORK)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../../../etc/passwd"
    return model.SerializeToString()


def _link(bundle: Path, marker: Path) -> None:
    (bundle / NETWORK).unlink()
    (bundle / NETWORK).symlink_to("/dev/zero")


def _pipe(bundle: Path, marker: Path) -> None:
    (bundle / NETWORK).unlink()
    os.mkfifo(bundle / NETWORK)


def _climbing_sums(bundle: Path, marker: Path) -> None:
    with (bundle / SUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../../../etc/passwd\n{'0' * 64}  /etc/passwd\n")


_HARMS: dict[str, Callable[[Path, Path], None]] = {
    "network is a pickle": _write(NETWORK, lambda marker: pickle.dumps(_Payload(marker))),
    "card is a pickle": _write(CARD, lambda marker: pickle.dumps(_Payload(marker))),
    "weights outside": _write(NETWORK, _external),
    "weights of a huge shape": _write(NETWORK, lambda marker: _network(_FACES, [1 << 40, 1 << 20], 2)),
    "input of a huge shape": _write(NETWORK, lambda marker: _network([1, 1 << 20, 1 << 20, 3], [1], 2)),
    "a chain of 50,000 nodes": _write(NETWORK, lambda marker: _network(_FACES, [1], 50_000)),
    "odd numbers for a face": _write(NETWORK, lambda marker: _network(_FACES, [1], 2)),
    "empty network": _write(NETWORK, lambda marker: b""),
    "random network": _write(NETWORK, lambda marker: np.random.default_rng(2).bytes(100_000)),
    "card nested 100,000 deep": _write(CARD, lambda marker: b"[" * 100_000),
    "card is a list": _write(CARD, lambda marker: b"[]"),
    "card of not numbers": _amend(calibration=float("nan")),
    "image size of a billion": _amend(network__image_size=10**9),
    "image size below zero": _amend(network__image_size=-5),
    "image size is true": _amend(network__image_size=True),
    "network is a list": _amend(network=[]),
    "geometry is odd": _amend(geometry={"landmarks": [[1e308, 1]] * 5, "spread": [1e-300] * 5, "image_size": 10**9}),
    "calibration is odd": _amend(calibration={"bands": "x"}),
    "task is a list": _amend(task=["age"]),
    "training images are binary": _write(TRAINING_IMAGES, lambda marker: b"\xff\0" * 1000),
    "network is a device": _link,
    "network is a pipe": _pipe,
    "checksums climb": _climbing_sums,
}  # fmt: skip
