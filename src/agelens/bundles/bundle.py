"""A bundle: a network in a folder that can be handed to somebody.

    network.onnx          from RGB bytes to the estimate, preprocessing inside
    card.json             what it was trained on, how, its limits and its licence
    training_images.csv   digest and split of every image that made it, so that nobody measures it on its own training
    card.html             the card as a page, where the network was exported for others
    SHA256SUMS            of these, verified at loading (and by `sha256sum -c`)

Nothing in a bundle is executed on loading.
"""

import csv
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agelens.bundles.hub import fetch_bundle, read_hub_address
from agelens.bundles.names import CARD, NETWORK, PAGE, SUMS, TRAINING_IMAGES
from agelens.errors import AgeLensError
from agelens.utils.files import aside, digest_file, replacing_folder
from agelens.utils.onnx_digests import external_files
from agelens.utils.replacing import restore

FORMAT = 2
# What format 1 called the training manifest.
_OLD_MANIFEST = "seen.csv"
TASKS = ("age", "gender")
# What a network for both tasks says of its task, and the folder in which a run keeps it.
BOTH = "both"
# Of a side of a network's input; more would fill the memory of any machine.
_MOST_PIXELS = 4096
# How often a bundle that is being replaced is read anew.
_TRIES = 100
# How often a bundle that is not whole, though no other took its place, is read again.
_MOMENTS = 5
BUNDLED = Path(__file__).parent / "bundled"
# The bundles that come with AgeLens, by the names that stand for them where no such folder lies: the one that is
# taken if none is named, and one for little space and time.
OWN = {"agelens": BUNDLED, "small": Path(__file__).parent / "small"}
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files have been verified.

    Attributes:
        folder: where it lies.
        card: the content of ``card.json``.
        network: the bytes of the ONNX file.
        training_images: for each image that made the network, its SHA-256 and its split ("train", "validation" or
            "calibration").
    """

    folder: Path
    card: dict[str, Any]
    network: bytes
    training_images: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the network."""
        return hashlib.sha256(self.network).hexdigest()

    @property
    def task(self) -> str:
        """What it estimates: "age" (years), "gender" (probability of female) or "both"."""
        return str(self.card["task"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """The same as the tasks that it is made of."""
        return TASKS if self.task == BOTH else (self.task,)

    @property
    def image_size(self) -> int:
        """Pixels of the square input that the network was made for."""
        return int(self.card["network"]["image_size"])

    def read(self, entry: str, reader: Callable[[Any], Entry]) -> Entry | None:
        """An entry of the card as a value; None where the card has none.

        Raises:
            AgeLensError: it is not what the reader takes.
        """
        if self.card.get(entry) is None:
            return None
        try:
            return reader(self.card[entry])
        except (KeyError, TypeError, ValueError) as error:
            raise AgeLensError(
                f"{self.folder / CARD} holds an odd {entry} ({error}); copy or make the bundle again."
            ) from None


def write_bundle(
    target: Path, network: Path, card: dict[str, Any], training_images: dict[str, str], page: str = ""
) -> None:
    """Write a bundle; an older one in its place is replaced only when the new one is whole.

    Args:
        network: an ONNX file from uint8 (faces, side, side, 3), RGB, to some of the outputs that
            `agelens.inference.predictor` reads; it is moved into the bundle.
        card: JSON with at least ``task`` and ``network.image_size``.
        training_images: split by digest of the images that made the network.
        page: the card as HTML, if it is to lie in the bundle.

    Raises:
        AgeLensError: the network keeps weights in other files.
    """
    with replacing_folder(target) as folder:
        shutil.move(network, folder / NETWORK)
        _refuse_outside((folder / NETWORK).read_bytes(), target)
        text = json.dumps({"format": FORMAT, **card}, indent=1, allow_nan=False, ensure_ascii=False)
        (folder / CARD).write_text(text + "\n", encoding="utf-8")
        with (folder / TRAINING_IMAGES).open("w", newline="", encoding="ascii") as file:
            csv.writer(file).writerows([("digest", "split"), *sorted(training_images.items())])
        names = [NETWORK, CARD, TRAINING_IMAGES]
        if page:
            (folder / PAGE).write_text(page, encoding="utf-8")
            names.append(PAGE)
        sums = "".join(f"{digest_file(folder / name)}  {name}\n" for name in names)
        (folder / SUMS).write_text(sums, encoding="ascii")


def open_bundle(folder: Path) -> Bundle:
    """Read and verify a bundle.

    Raises:
        AgeLensError: a file is missing, altered or truncated, the network keeps weights in other files, or the
            format is one this version does not know.
    """
    failures = 0
    for _ in range(_TRIES):
        restore(folder, aside(folder))
        # A disk may be read-only.
        place = folder if folder.exists() or not aside(folder).is_dir() else aside(folder)
        before = _state(place)
        try:
            return _read(place)
        except (AgeLensError, FileNotFoundError):
            # A program that writes a new one in its place, while this one reads, leaves it whole.
            # The same folder may have been away for a moment, while another was to take its place, and put back.
            failures += _state(place) == before
            if failures > _MOMENTS:
                raise
            time.sleep(0.002)
    raise AgeLensError(f"{folder} is replaced again and again; wait until that is over.")


def _state(folder: Path) -> tuple[int, ...]:
    """What tells a folder from another that took its place; empty where there is none."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _read(folder: Path) -> Bundle:
    if not (folder / SUMS).is_file():
        raise AgeLensError(f"{folder} is not a bundle: it has no {SUMS}.")
    if (folder / _OLD_MANIFEST).is_file():
        raise AgeLensError(
            f"{folder} is a bundle of format 1, which an earlier AgeLens wrote; train its network anew, or use "
            f"that version."
        )
    contents = _verified(folder)
    try:
        card = json.loads(contents[CARD])
        form, task, image_size = (
            card.get("format"),
            card.get("task"),
            card.get("network", {}).get("image_size"),
        )
        training_images = dict(csv.reader(contents[TRAINING_IMAGES].decode("ascii").splitlines()[1:]))
    except (ValueError, AttributeError, csv.Error, RecursionError) as error:
        raise AgeLensError(
            f"{folder} is not a bundle of AgeLens: {CARD} or {TRAINING_IMAGES} is odd ({error})."
        ) from None
    if form != FORMAT or task not in (*TASKS, BOTH):
        raise AgeLensError(
            f"{folder} is a bundle of format {form} for {task!r}, which this version of AgeLens does not know; "
            "update AgeLens."
        )
    if type(image_size) is not int or not 1 <= image_size <= _MOST_PIXELS:
        raise AgeLensError(
            f"{folder / CARD} does not tell the image size of the network's input; copy or make the bundle again."
        )
    _refuse_outside(contents[NETWORK], folder)
    return Bundle(folder, card, contents[NETWORK], training_images)


def _refuse_outside(network: bytes, folder: Path) -> None:
    """Refuse a network that keeps weights in files of which a bundle knows nothing."""
    if outside := external_files(network):
        raise AgeLensError(
            f"The network of the bundle {folder} keeps weights in other files ({', '.join(outside)}), which nobody has "
            "verified; save it as one file, and make the bundle anew."
        )


def _is_bundle(folder: Path) -> bool:
    # A bundle that is replaced stands aside for a moment. Between the two looks the new one may have taken its place,
    # so the first is looked for again, and with it the second.
    return any((place / SUMS).is_file() for _ in range(3) for place in (folder, aside(folder)))


def _verified(folder: Path) -> dict[str, bytes]:
    """The bytes of the files of a bundle, read once, so that what was verified is what is used."""
    lines = (folder / SUMS).read_text(encoding="ascii", errors="replace").splitlines()
    expected = {}
    for line in lines:
        match = re.fullmatch(r"([0-9a-f]{64})  ([\w.]+)", line)
        if match:
            expected[match[2]] = match[1]
    contents = {}
    for name in (NETWORK, CARD, TRAINING_IMAGES, PAGE):
        path = folder / name
        if name == PAGE and name not in expected and not path.exists():
            # Only what was packed for others has a page.
            continue
        if name not in expected or not path.is_file():
            raise AgeLensError(
                f"The bundle {folder} is incomplete: {name} or its checksum is missing; copy it again."
            )
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != expected[name]:
            raise AgeLensError(
                f"{path} is altered or truncated (its checksum differs); copy the bundle again."
            )
        contents[name] = data
    return contents


def find_bundles(folder: Path | None = None) -> list[Bundle]:
    """The bundle in a folder, or those in its subfolders as a run leaves them: ``both``, or ``age`` and ``gender``.

    Args:
        folder: None is the bundle that comes with AgeLens; a name of `OWN` is that one of AgeLens's own, unless a
            folder of that name holds a bundle; an address such as ``hf://owner/name@commit`` is one of the hub (see
            `agelens.bundles.hub`).

    Raises:
        AgeLensError: there is none, or a run holds networks of both kinds.
    """
    if folder is None:
        return [open_bundle(BUNDLED)]
    if str(folder) in OWN and not any(_is_bundle(folder / name) for name in ("", BOTH, *TASKS)):
        # A folder of that name without a bundle, such as a checkout, is not meant.
        return [open_bundle(OWN[str(folder)])]
    if (address := read_hub_address(str(folder))) is not None:
        return [open_bundle(fetch_bundle(address))]
    if _is_bundle(folder):
        return [open_bundle(folder)]
    names = [name for name in (BOTH, *TASKS) if _is_bundle(folder / name)]
    if not names:
        raise AgeLensError(
            f"{folder} holds no bundle; give a bundle, or the folder of a study with trained networks "
            "('agelens train FOLDER --out RUN' makes one)."
        )
    if BOTH in names and len(names) > 1:
        others = " and ".join(str(folder / name) for name in names[1:])
        raise AgeLensError(
            f"{folder} holds {folder / BOTH} beside {others}; say which with --bundle {folder / BOTH}, for example."
        )
    return [open_bundle(folder / name) for name in names]


def find_one_bundle(place: Path | str) -> Bundle:
    """The bundle in a folder or run, or one of AgeLens's own, which holds one network.

    Raises:
        AgeLensError: there is none, or there are two.
    """
    found = find_bundles(Path(place))
    if len(found) != 1:
        folders = " or ".join(str(one.folder) for one in found)
        raise AgeLensError(
            f"{place} holds a network for each task, and one is wanted: name {folders}, or the folder of a run of "
            "'agelens train' with --task age, --task gender, --recipe finetune or --recipe adapt."
        )
    return found[0]


def intact_card(target: Path) -> dict[str, Any] | None:
    """The card of a bundle, or None where there is none or it is damaged."""
    try:
        return open_bundle(target).card
    except AgeLensError:
        return None
