from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.data.loaders import Batches, FaceBatches, read_faces_at
from agelens.errors import AgeLensError
from agelens.models.registry import find_backbone

LABELS = np.arange(70, dtype=np.float32)


def numbers(seed: int | None = 1) -> Batches:
    return Batches(lambda rows: rows.astype(np.float32)[:, None], LABELS, 32, seed)


def labels_of(batches: Batches) -> list[float]:
    return [float(label) for index in range(len(batches)) for label in batches[index][1][:, 0]]


def test_every_row_comes_once_an_epoch_with_its_own_label() -> None:
    batches = numbers()
    assert [len(batches[index][0]) for index in range(len(batches))] == [32, 32, 6]
    for index in range(len(batches)):
        inputs, labels = batches[index]
        np.testing.assert_array_equal(inputs, labels)
    assert sorted(labels_of(batches)) == LABELS.tolist()


def test_the_order_changes_with_the_epoch_and_the_seed_only() -> None:
    batches, again = numbers(), numbers()
    first = labels_of(batches)
    assert first == labels_of(again) != LABELS.tolist()
    batches.on_epoch_end()
    second = labels_of(batches)
    assert second != first
    again.start_at(1)
    assert labels_of(again) == second
    assert labels_of(numbers(seed=2)) != first
    assert labels_of(numbers(seed=None)) == LABELS.tolist()


def test_several_labels_come_by_name() -> None:
    batches = Batches(lambda rows: rows, {"age": LABELS, "gender": LABELS % 2}, 32, 1)
    assert len(batches) == 3
    inputs, labels = batches[0]
    assert labels["age"][:, 0].tolist() == inputs.tolist()
    assert labels["gender"][:, 0].tolist() == (inputs % 2).tolist()


def test_keras_sees_the_batches_in_their_order() -> None:
    """Through Keras's own worker threads, started at epoch 2 as in an undisturbed training."""
    seen: list[float] = []

    class Spy(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
            seen.append(float(keras.ops.convert_to_numpy(inputs)[0, 0]))
            return self.dense(inputs)

    batches = numbers()
    model = Spy()
    model.compile("sgd", "mae", run_eagerly=True)
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    start = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: batches.start_at(epoch))
    seen.clear()
    model.fit(batches, initial_epoch=2, epochs=4, shuffle=False, verbose=0, callbacks=[start])
    expected = []
    for epoch in (2, 3):
        batches.start_at(epoch)
        expected += [float(batches[index][0][0, 0]) for index in range(len(batches))]
    # Keras may call the network once more before the first epoch, to build it.
    assert seen[-len(expected) :] == expected


def test_faces_come_as_bytes_with_their_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 256, (image_size, image_size, 3)).astype(np.uint8) for image_size in (40, 64, 90)
    ]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    table = pd.DataFrame(
        {"path": [str(tmp_path / f"{n}.png") for n in range(3)], "age": [5, 6, 7], "gender": [0, 1, 0]}
    )
    batch, ages = FaceBatches(table, "age", 64)[0]
    assert batch.shape == (3, 64, 64, 3)
    assert batch.dtype == np.uint8
    np.testing.assert_array_equal(batch[1], pictures[1])
    assert ages.tolist() == [[5], [6], [7]]
    assert FaceBatches(table, "gender", 64, batch_size=2)[1][1].tolist() == [[0]]


def test_both_labels_come_by_name_and_pixels_as_a_backbone_expects_them(table: pd.DataFrame) -> None:
    vgg16 = find_backbone("VGG16")
    plain = FaceBatches(table, "both", 48, batch_size=8, shuffle_seed=3)
    batches = FaceBatches(table, "both", 48, backbone=vgg16, batch_size=8, shuffle_seed=3)
    images, labels = batches[0]
    assert images.shape == (8, 48, 48, 3)
    assert images.dtype == np.float32
    assert {name: column.shape for name, column in labels.items()} == {"age": (8, 1), "gender": (8, 1)}
    expected = keras.applications.vgg16.preprocess_input(plain[0][0].astype(np.float32))
    np.testing.assert_allclose(images, expected, atol=1e-3)
    batches.on_epoch_end()
    assert not np.array_equal(batches[0][1]["age"], labels["age"])
    assert FaceBatches(table.head(1), backbone=vgg16)[0][0].shape == (1, 224, 224, 3)


def test_unknown_labels_are_a_sentence(table: pd.DataFrame) -> None:
    with pytest.raises(AgeLensError, match="no labels 'race'; give 'age', 'gender' or 'both'"):
        FaceBatches(table, "race")


def test_rows_without_a_label_are_a_sentence(table: pd.DataFrame) -> None:
    some = table.head(4).assign(age=[20, np.nan, 30, np.nan])
    for labels in ("age", "both"):
        with pytest.raises(
            AgeLensError, match=r"2 of the 4 rows have no label age, such as .*table\['age'\]"
        ):
            FaceBatches(some, labels)
    assert len(FaceBatches(some, "gender")) == 1


def test_a_network_with_two_outputs_learns_from_them(table: pd.DataFrame) -> None:
    faces = keras.Input((32, 32, 3))
    maps = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(faces))
    outputs = {
        "age": keras.layers.Dense(1, name="age")(maps),
        "gender": keras.layers.Dense(1, activation="sigmoid", name="gender")(maps),
    }
    model = keras.Model(faces, outputs)
    model.compile("adam", {"age": "mae", "gender": "binary_crossentropy"})
    batches = FaceBatches(table, "both", 32, backbone=find_backbone("MobileNetV3Small"), shuffle_seed=1)
    losses = model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_a_file_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not an image")
    with pytest.raises(AgeLensError, match=r"text\.jpg .*agelens audit"):
        read_faces_at([str(tmp_path / "text.jpg")], 64)
