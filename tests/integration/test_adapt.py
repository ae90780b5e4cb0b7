"""Adapting a bundle, and learning from one, through the command line."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import agelens as package
from agelens.bundles.bundle import open_bundle, write_bundle
from tests.models.encoder_files import write_h5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, faces_folder: Path) -> Path:
    """A folder with a face network, and a study that fine-tuned it."""
    from tests.conftest import agelens

    place = tmp_path_factory.mktemp("adapted")
    pretrained = write_h5(place / "face.h5")
    answer = agelens(
        "train", faces_folder, "--recipe", "finetune", "--pretrained", pretrained, "--epochs", 1,
        "--augmented-views", 1, "--cache", place / "cache", "--out", place / "first",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    # As `export` leaves it, with what was measured with this network.
    made = open_bundle(place / "first" / "both")
    measured = {"evaluation": {}, "over_seeds": {"figures": []}, "stress": {"levels": []}}
    (place / "network.onnx").write_bytes(made.network)
    write_bundle(
        place / "first" / "both", place / "network.onnx", {**made.card, **measured}, made.training_images
    )
    return place


def adapt(agelens, place: Path, faces_folder: Path, out: Path, *options: object):
    return agelens(
        "train", faces_folder, "--recipe", "adapt", "--pretrained", place / "first", "--cache", place / "cache",
        "--out", out, *options,
    )  # fmt: skip


def test_the_heads_learn_and_the_encoders_stay(
    agelens, place: Path, faces_folder: Path, tmp_path: Path
) -> None:
    answer = adapt(agelens, place, faces_folder, tmp_path / "run", "--epochs", 3, "--learning-rate", 0.003)
    assert answer.status == 0, answer.err
    before, after = (open_bundle(folder / "both") for folder in (place / "first", tmp_path / "run"))
    learned = [
        name
        for name, (old, new) in arrays_of(before.network, after.network).items()
        if not np.array_equal(old, new)
    ]
    assert len(learned) == 6, "kernel and bias of the hidden layer and of two outputs"
    training = after.card["training"]
    assert training["recipe"] == "adapt"
    assert training["adapted"][0]["network_sha256"] == before.digest
    # What was measured with the network that was adapted says nothing of this one.
    assert {"over_seeds", "stress", "evaluation"} <= set(before.card)
    assert not {"over_seeds", "stress", "evaluation"} & set(after.card)
    assert training["history"]["loss"][-1] < training["history"]["loss"][0]
    assert after.card["calibrated"]["fingerprint"] != before.card["calibrated"]["fingerprint"]
    assert before.training_images.items() <= after.training_images.items()
    assert training["command"] == (
        "agelens train faces --out RUN --recipe adapt --pretrained first --epochs 3 --learning-rate 0.003 --seed 42"
    )


def tensors(network: bytes) -> list[onnx.TensorProto]:
    return list(onnx.load_from_string(network).graph.initializer)


def arrays_of(*networks: bytes) -> dict[str, list[np.ndarray]]:
    columns = [{one.name: numpy_helper.to_array(one) for one in tensors(network)} for network in networks]
    return {name: [column[name] for column in columns] for name in columns[0]}


def test_without_learning_the_bundle_answers_as_before(
    agelens, place: Path, faces_folder: Path, tmp_path: Path
) -> None:
    """The heads are read, run in Keras and written back as they are."""
    answer = adapt(agelens, place, faces_folder, tmp_path / "run", "--epochs", 1, "--learning-rate", 1e-8)
    assert answer.status == 0, answer.err
    crops = sorted(faces_folder.glob("*.jpg"))[:20]
    ages = []
    for folder in (place / "first", tmp_path / "run"):
        with_faces = package.load(folder, precision="f32").predict(crops, crops=True)
        ages.append([photo.faces[0].age_distribution for photo in with_faces])
    np.testing.assert_allclose(ages[1], ages[0], atol=2e-4)
    # What Keras says of the validation split is what the bundle says: its own figures, by another way.
    card = open_bundle(tmp_path / "run" / "both").card
    first = open_bundle(place / "first" / "both").card
    assert card["training"]["validation"]["int8"] == pytest.approx(
        first["training"]["validation"]["int8"], abs=0.02
    )


def test_a_network_learns_from_a_teacher(agelens, place: Path, faces_folder: Path, tmp_path: Path) -> None:
    answer = agelens(
        "train", faces_folder, "--recipe", "finetune", "--pretrained", place / "face.h5", "--epochs", 2,
        "--augmented-views", 1, "--teacher", place / "first", "--cache", place / "cache", "--out", tmp_path / "run",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    card = open_bundle(tmp_path / "run" / "both").card
    assert card["training"]["settings"]["teacher"] == open_bundle(place / "first" / "both").digest
    assert "--teacher first" in card["training"]["command"]
    history = card["training"]["history"]
    assert history["age_taught_loss"][-1] < history["age_taught_loss"][0]
    assert len(list((tmp_path / "run" / "training" / "both").glob("teacher-*.npz"))) == 2


def test_several_bundles_are_averaged_and_learn_together(
    agelens, place: Path, faces_folder: Path, tmp_path: Path
) -> None:
    second = agelens(
        "train", faces_folder, "--recipe", "finetune", "--pretrained", place / "face.h5", "--epochs", 1,
        "--augmented-views", 1, "--learning-rate", 0.001, "--cache", place / "cache", "--out", place / "second",
    )  # fmt: skip
    assert second.status == 0, second.err
    answer = adapt(
        agelens, place, faces_folder, tmp_path / "run", "--pretrained", place / "second", "--epochs", 1,
        "--learning-rate", 1e-8,
    )  # fmt: skip
    assert answer.status == 0, answer.err
    crops = sorted(faces_folder.glob("*.jpg"))[:20]
    first, other, both = (
        np.array(
            [
                photo.faces[0].age_distribution
                for photo in package.load(folder, "f32").predict(crops, crops=True)
            ]
        )
        for folder in (place / "first", place / "second", tmp_path / "run")
    )
    assert np.abs(first - other).max() > 1e-3
    np.testing.assert_allclose(both, (first + other) / 2, atol=2e-4)
    card = open_bundle(tmp_path / "run" / "both").card
    assert card["network"]["ensemble_weights"] == [{"age": 0.5, "gender": 0.5}] * 2
    assert len(card["training"]["adapted"]) == 2


def test_what_cannot_be_adapted_is_refused_in_a_sentence(
    agelens, place: Path, faces_folder: Path, study, tmp_path: Path
) -> None:
    answer = adapt(agelens, place, faces_folder, tmp_path / "other", "--seed", 7)
    assert answer.status == 2
    assert "faces of the validation split; split the faces as they were" in answer.err.replace("\n", " ")
    answer = agelens(
        "train", faces_folder, "--recipe", "adapt", "--pretrained", study.folder / "age", "--task", "age",
        "--out", tmp_path / "notebook",
    )  # fmt: skip
    assert answer.status == 2
    assert "has no heads that can be adapted" in answer.err.replace("\n", " ")
    answer = agelens("train", faces_folder, "--teacher", place / "first", "--out", tmp_path / "third")
    assert answer.status == 2
    assert "--teacher belongs to --recipe finetune." in answer.err.replace("\n", " ")
    answer = adapt(agelens, place, faces_folder, tmp_path / "fourth", "--task", "age")
    assert answer.status == 2
    assert "leave out --task" in answer.err.replace("\n", " ")
    assert not list(tmp_path.glob("*/both"))
