import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from agelens.bundles.bundle import (
    BUNDLED,
    CARD,
    NETWORK,
    PAGE,
    SUMS,
    TRAINING_IMAGES,
    find_bundles,
    open_bundle,
    write_bundle,
)
from agelens.data.table import digest_table, read_table
from agelens.errors import AgeLensError
from agelens.utils.files import digest_file

FILES = (NETWORK, CARD, TRAINING_IMAGES)
TRAINING_IMAGES_MADE = {"b" * 64: "validation", "a" * 64: "train"}


def make(folder: Path, network: bytes = b"a network", **card: object) -> Path:
    source = folder.with_name("source.onnx")
    source.write_bytes(network)
    write_bundle(folder, source, {"task": "age", "network": {"image_size": 32}, **card}, TRAINING_IMAGES_MADE)
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "bundle")


def forge(folder: Path, name: str, content: bytes) -> None:
    """Change a file and its checksum, as somebody who means it would."""
    (folder / name).write_bytes(content)
    sums = "".join(f"{digest_file(folder / file)}  {file}\n" for file in FILES)
    (folder / SUMS).write_text(sums)


def test_what_is_written_is_read(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert (opened.task, opened.image_size, opened.network) == ("age", 32, b"a network")
    assert opened.training_images == TRAINING_IMAGES_MADE
    assert opened.card["format"] == 2
    assert sorted(path.name for path in bundle.iterdir()) == sorted([*FILES, SUMS])
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["bundle"]


def test_the_page_of_an_exported_bundle_is_verified_too(tmp_path: Path) -> None:
    (tmp_path / "network").write_bytes(b"a network")
    card = {"task": "age", "network": {"image_size": 32}}
    write_bundle(tmp_path / "bundle", tmp_path / "network", card, TRAINING_IMAGES_MADE, page="the page")
    open_bundle(tmp_path / "bundle")
    (tmp_path / "bundle" / PAGE).write_text("altered")
    with pytest.raises(AgeLensError, match=r"card\.html is altered"):
        open_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("image_size", [0, -5, 10**9, True, "32", 3.5])
def test_a_size_that_no_network_has_is_refused(bundle: Path, image_size: object) -> None:
    card = json.loads((bundle / CARD).read_text())
    forge(bundle, CARD, json.dumps({**card, "network": {"image_size": image_size}}).encode())
    with pytest.raises(AgeLensError, match="does not tell the image size"):
        open_bundle(bundle)


def test_a_card_that_is_nested_too_deep_is_refused(bundle: Path) -> None:
    forge(bundle, CARD, b"[" * 100_000)
    with pytest.raises(AgeLensError, match="is not a bundle of AgeLens"):
        open_bundle(bundle)


def test_sha256sum_verifies_a_bundle_too(bundle: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=bundle, check=True, capture_output=True)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_named(bundle: Path, name: str) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[-2] ^= 1
    (bundle / name).write_bytes(data)
    with pytest.raises(AgeLensError, match=rf"{name} is altered or truncated"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_named(bundle: Path, name: str) -> None:
    data = (bundle / name).read_bytes()
    (bundle / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(AgeLensError, match=rf"{name} is altered or truncated"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(AgeLensError, match=rf"is incomplete: {name} or its checksum is missing"):
        open_bundle(bundle)


def test_checksums_that_are_missing_or_cut_are_told(bundle: Path) -> None:
    lines = (bundle / SUMS).read_text().splitlines()
    (bundle / SUMS).write_text("\n".join(lines[:2]))
    with pytest.raises(AgeLensError, match=rf"{TRAINING_IMAGES} or its checksum is missing"):
        open_bundle(bundle)
    (bundle / SUMS).unlink()
    with pytest.raises(AgeLensError, match=f"is not a bundle: it has no {SUMS}"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (CARD, b"not JSON", "is not a bundle of AgeLens"),
        (CARD, b"[1, 2]", "is not a bundle of AgeLens"),
        (CARD, b"\xff\xfe", "is not a bundle of AgeLens"),
        (
            CARD,
            b'{"format": 3, "task": "age"}',
            "format 3 for 'age', which this version of AgeLens does not know",
        ),
        (
            CARD,
            b'{"format": 2, "task": "race"}',
            "format 2 for 'race', which this version of AgeLens does not know",
        ),
        (CARD, b'{"format": 2, "task": "age", "network": {"image_size": 0}}', "does not tell the image size"),
        (CARD, b'{"format": 2, "task": "age"}', "does not tell the image size"),
        (TRAINING_IMAGES, b"digest,split\na,b,c\n", "is not a bundle of AgeLens"),
        (TRAINING_IMAGES, b"digest,split\n\xff\n", "is not a bundle of AgeLens"),
    ],
)
def test_a_forged_bundle_is_refused(bundle: Path, name: str, content: bytes, words: str) -> None:
    forge(bundle, name, content)
    with pytest.raises(AgeLensError, match=words):
        open_bundle(bundle)


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(bundle: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        make(bundle, b"another", score=float("nan"))
    assert open_bundle(bundle).network == b"a network"
    make(bundle, b"another")
    assert open_bundle(bundle).network == b"another"


def test_a_run_holds_its_bundles_and_a_folder_without_any_says_so(
    bundle: Path, tmp_path: Path, study
) -> None:
    assert [one.folder for one in find_bundles(bundle)] == [bundle]
    assert [one.task for one in find_bundles(study.folder)] == ["age", "gender"]
    with pytest.raises(AgeLensError, match="holds no bundle; give a bundle, or the folder of a study"):
        find_bundles(tmp_path)


def test_a_folder_that_is_called_as_a_bundled_network_hides_it_only_with_a_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agelens").mkdir()
    assert find_bundles(Path("agelens"))[0].folder == BUNDLED
    shutil.copytree(bundle, tmp_path / "agelens", dirs_exist_ok=True)
    assert find_bundles(Path("agelens"))[0].network == b"a network"
    with pytest.raises(AgeLensError, match="holds no bundle"):
        find_bundles(Path("./other"))


def test_the_working_folder_is_a_place_of_bundles(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle)
    assert find_bundles(Path())[0].network == (bundle / NETWORK).read_bytes()
    monkeypatch.chdir("/")
    with pytest.raises(AgeLensError, match="holds no bundle; give a bundle"):
        find_bundles(Path())


def test_a_trained_bundle_knows_what_it_was_made_of(study) -> None:
    table = read_table(study.folder / "table.csv")
    for bundle in find_bundles(study.folder):
        made = table[table["split"] != "test"]
        assert bundle.training_images == dict(zip(made["digest"], made["split"], strict=True))
        card = bundle.card
        assert card["network"]["image_size"] == 32
        assert card["network"]["input"].startswith("uint8 (faces, side, side, 3), RGB")
        assert card["network"]["output"] == {"age": "age_years", "gender": "p_female"}[bundle.task]
        assert card["data"]["images"] == {
            split: int((table["split"] == split).sum()) for split in ("train", "validation")
        }
        assert card["data"]["split_digest"] == digest_table(table)
        assert card["data"]["labels"]["gender"] == {"0": "male", "1": "female"}
        assert card["data"]["licence"] == "synthetic faces by AgeLens: nobody in these pictures exists"
        assert card["training"]["epochs_run"] == len(card["training"]["history"]["val_loss"]) == 2
        assert {"python", "keras", "keras_backend"} <= set(card["training"]["versions"])
        assert "must not decide about a person" in card["intended_use"]
        # A card is handed on: it tells no path of the machine that made it.
        assert str(study.folder.parent) not in json.dumps(card)


def test_seen_images_are_a_plain_csv(study) -> None:
    with (study.folder / "age" / TRAINING_IMAGES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"train", "validation"}
    assert [row["digest"] for row in rows] == sorted(row["digest"] for row in rows)
