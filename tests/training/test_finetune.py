import contextlib
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import openvino as ov
import pandas as pd
import pytest

from agelens.bundles.bundle import open_bundle
from agelens.data.loaders import read_faces_at
from agelens.data.splits import without_conflicts
from agelens.errors import AgeLensError
from agelens.export.pipeline import TrainedModel, ship
from agelens.export.validation import validate
from agelens.models.backbones import build_backbone
from agelens.models.registry import FEATURES, BackboneSpec
from agelens.runtime.execution import run_outputs
from agelens.study.train_finetuned import train_finetuned
from agelens.study.train_network import train_network
from agelens.training.finetune import (
    build_network,
    compile_fine_tuning,
    finetune,
    kept_epochs,
    standardize_features,
)
from agelens.training.finetune_recipe import FineTuning
from agelens.training.losses import AGES, AgeLoss, expectation
from agelens.training.mixup import train_batches
from agelens.training.partial_freezing import freeze_encoder, pad_crops
from agelens.training.pretrained_encoders import (
    KNOWN,
    KnownEncoder,
    PretrainedEncoder,
    RunSpec,
    find_pretrained,
)
from agelens.training.recipes import find_recipe
from agelens.training.transfer import Settings
from agelens.utils.images import load_face, read_rgb
from agelens.utils.progress import Track, quiet
from tests.models.encoder_files import IMAGE_SIZE, write_h5, write_onnx

RECIPE = FineTuning(
    unfreeze_stages=2,
    augmented_views=2,
    hidden=16,
    warmup=1,
    epochs=3,
    batch_size=16,
    precision="float32",
    learning_rate=1e-3,
    ema_momentum=0.5,
)


@pytest.fixture(scope="module")
def faces(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(group=table["digest"].str[:12])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_h5(tmp_path_factory.mktemp("pretrained") / "face.h5")


def weights_of(network: keras.Model) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in network.weights]


def test_the_loss_is_the_cross_entropy_to_a_normal_distribution_and_the_error_of_the_mean() -> None:
    chance = np.random.default_rng(0)
    logits, ages = chance.normal(size=(5, AGES)).astype("f4"), np.array([[0], [116], [30.5], [7], [61]], "f4")
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    years = np.arange(AGES)
    wanted = np.exp(-((years - ages) ** 2) / (2 * 3.0**2))
    wanted /= wanted.sum(axis=1, keepdims=True)
    mean = (p * years).sum(axis=1)
    expected = -(wanted * np.log(p)).sum(axis=1) + 0.25 * np.abs(mean - ages[:, 0])
    loss = AgeLoss(label_std=3.0, mae_weight=0.25)
    assert float(loss(ages, logits)) == pytest.approx(expected.mean(), rel=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(expectation(logits)), mean, rtol=1e-5)
    assert AgeLoss.from_config(loss.get_config()).label_std == 3.0


def test_what_stands_for_a_label_widens_with_it() -> None:
    logits, ages = np.zeros((4, AGES), "f4"), np.array([[0], [1], [40], [116]], "f4")
    logits[:] = np.random.default_rng(2).normal(size=AGES)
    years = np.arange(AGES)
    spread = 0.5 + 0.08 * ages
    wanted = np.exp(-((years - ages) ** 2) / (2 * spread**2))
    wanted /= wanted.sum(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = AgeLoss(label_std=0.5, mae_weight=0.0, label_std_slope=0.08, reduction="none")
    np.testing.assert_allclose(np.asarray(loss(ages, logits)), -(wanted * log_p).sum(axis=1), rtol=1e-5)
    again = AgeLoss.from_config(loss.get_config())
    assert (again.label_std, again.label_std_slope, again.mae_weight) == (0.5, 0.08, 0.0)


def test_of_mixed_faces_the_loss_is_that_of_both_by_their_shares() -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(size=(4, AGES)).astype("f4")
    first, second = np.array([[3], [20], [60], [116]], "f4"), np.array([[30], [20], [1], [0]], "f4")
    share = np.array([[0.9], [0.5], [0.6], [1.0]], "f4")
    mixed = np.concatenate([first, second, share], axis=1)

    def entropy(ages: np.ndarray) -> np.ndarray:
        return np.asarray(AgeLoss(3.0, 0.0, reduction="none")(ages, logits))

    splits = share[:, 0] * entropy(first) + (1 - share[:, 0]) * entropy(second)
    error = np.abs(np.asarray(expectation(logits)) - (share * first + (1 - share) * second)[:, 0])
    given = np.asarray(AgeLoss(3.0, 0.25, reduction="none")(mixed, logits))
    np.testing.assert_allclose(given, splits + 0.25 * error, rtol=1e-5)


def test_faces_are_mixed_with_their_labels_and_the_same_way_again(
    faces: pd.DataFrame, pretrained: Path, cache: Path
) -> None:
    parts = freeze_encoder(pretrained, "tf", RECIPE)
    rows = faces[faces["split"] == "train"].reset_index(drop=True)
    plain, mixed, again = (
        train_batches(
            parts, rows, replace(RECIPE, mixup_alpha=mixing, epochs_without_mixup=1), 1, cache, quiet, True
        )
        for mixing in (0.0, 0.4, 0.4)
    )
    maps, labels = plain[1]
    values, told = mixed[1]
    age, other, share = told["age"].T
    assert np.array_equal(age, labels["age"][:, 0])
    assert (share >= 0.5).all()
    assert (share < 0.99).any()
    partner = [int(np.flatnonzero(labels["age"][:, 0] == one)[0]) for one in other]
    for row in np.flatnonzero(np.bincount(age.astype(int), minlength=200)[other.astype(int)] == 1):
        expected = share[row] * maps[row] + (1 - share[row]) * maps[partner[row]]
        np.testing.assert_allclose(values[row], expected, rtol=1e-5, atol=1e-5)
        female = share[row] * labels["gender"][row] + (1 - share[row]) * labels["gender"][partner[row]]
        np.testing.assert_allclose(told["gender"][row], female, rtol=1e-6)
    assert np.array_equal(again[1][0], values)
    mixed.start_at(1)
    assert (mixed[1][1]["age"][:, 2] < 0.99).any()
    assert not np.array_equal(mixed[1][1]["age"][:, 2], share)
    # The last epoch mixes nothing, in the form that a mixed one has.
    mixed.start_at(RECIPE.epochs - 1)
    plain.start_at(RECIPE.epochs - 1)
    values, told = mixed[1]
    assert np.array_equal(values, plain[1][0])
    assert (told["age"][:, 2] == 1).all()
    assert np.array_equal(told["age"][:, :1], plain[1][1]["age"])
    assert np.array_equal(told["gender"], plain[1][1]["gender"])
    # What is validated on is never mixed.
    still = train_batches(parts, rows, replace(RECIPE, mixup_alpha=0.4), 1, cache, quiet, False)
    assert still[0][1]["age"].shape[1] == 1


@pytest.mark.parametrize(
    ("inner", "image_size", "down", "top", "left"),
    [(90, 100, 0.03, 8, 5), (103, 112, 0.14, 20, 4), (100, 100, 0.07, 7, 0), (100, 100, 0.0, 0, 0)],
)
def test_a_frame_repeats_the_edges_and_cuts_off_what_runs_out_of_it(
    inner: int, image_size: int, down: float, top: int, left: int
) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, inner, inner, 3), np.uint8)
    inputs = keras.Input((inner, inner, 3), dtype="uint8")
    framed = keras.ops.convert_to_numpy(keras.Model(inputs, pad_crops(inputs, image_size, down))(crops))
    for crop, one in zip(crops, framed, strict=True):
        around = cv2.copyMakeBorder(crop, top, image_size, left, image_size, cv2.BORDER_REPLICATE)
        assert np.array_equal(one, around[:image_size, :image_size])


def test_groups_that_contradict_themselves_are_left_out() -> None:
    rows = pd.DataFrame(
        {"group": list("aabbccd"), "age": [3, 3, 20, 40, 8, 8, 9], "gender": [0, 0, 1, 1, 0, 1, 1]}
    )
    assert without_conflicts(rows)["group"].tolist() == ["a", "a", "d"]


@pytest.mark.parametrize("kind", ["h5", "onnx"])
@pytest.mark.parametrize("unfreeze_stages", [2, 3])
def test_what_is_cut_computes_what_the_whole_does(kind: str, unfreeze_stages: int, tmp_path: Path) -> None:
    file = (write_h5 if kind == "h5" else write_onnx)(tmp_path / f"face.{kind}")
    whole = freeze_encoder(file, "tf", replace(RECIPE, unfreeze_stages=0))
    parts = freeze_encoder(file, "tf", replace(RECIPE, unfreeze_stages=unfreeze_stages))
    image_size = round(IMAGE_SIZE * RECIPE.crop_scale)
    assert parts.frozen.image_size == image_size
    images = np.random.default_rng(1).integers(0, 256, (3, image_size, image_size, 3), np.uint8)
    expected, given = (
        keras.ops.convert_to_numpy(one.learning(one.frozen.model(images)))
        for one in (whole, parts)  # type: ignore[misc]
    )
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert given.shape == (3, 16 + 24)
    assert parts.learning.count_params() <= whole.learning.count_params()


def test_views_come_round_and_the_validation_part_is_seen_as_it_is(
    faces: pd.DataFrame, pretrained: Path, cache: Path
) -> None:
    parts = freeze_encoder(pretrained, "tf", RECIPE)
    rows = faces[faces["split"] == "train"].reset_index(drop=True)
    learning = train_batches(parts, rows, RECIPE, 1, cache, quiet, True)
    still = train_batches(parts, rows, RECIPE, 1, cache, quiet, False)
    order = np.arange(len(rows))
    first = learning.take(order)
    learning.start_at(1)
    second = learning.take(order)
    learning.start_at(2)
    assert np.array_equal(learning.take(order), first)
    assert not np.isclose(first, second).all(axis=(1, 2, 3)).any()
    maps = keras.ops.convert_to_numpy(
        parts.frozen.model(read_faces_at(rows["path"].tolist(), parts.frozen.image_size))
    )  # type: ignore[misc]
    given = np.concatenate([still[number][0] for number in range(len(still))])
    np.testing.assert_allclose(given, maps, rtol=0.05, atol=0.05)


class KilledError(Exception):
    """Stands for a kill after an epoch."""


def test_a_fine_tuning_that_was_broken_off_ends_like_an_undisturbed_one(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path
) -> None:
    def once(folder: Path, track: Track = quiet) -> tuple[keras.Model, object]:
        return finetune(
            faces, freeze_encoder(pretrained, "tf", RECIPE), RECIPE, folder, 3, {"a": 1}, cache, track
        )

    undisturbed, training = once(tmp_path / "one")

    @contextlib.contextmanager
    def killing(title: str, total: int):
        def advance(steps: int = 1, note: str = "") -> None:
            if note and title == "finetune":
                raise KilledError

        yield advance

    for _ in range(RECIPE.epochs):
        with pytest.raises(KilledError):
            once(tmp_path / "two", killing)
    resumed, again = once(tmp_path / "two")
    assert again.history == training.history  # type: ignore[attr-defined]
    for one, other in zip(weights_of(undisturbed), weights_of(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_gender_counts_as_often_as_the_recipe_says(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path
) -> None:
    for weight in (1.0, 3.0):
        recipe, folder = replace(RECIPE, epochs=1, gender_loss_weight=weight), tmp_path / str(weight)
        _, training = finetune(
            faces, freeze_encoder(pretrained, "tf", recipe), recipe, folder, 3, {"a": 1}, cache
        )
        age, gender, both = (training.history[f"val_{name}loss"][0] for name in ("age_", "gender_", ""))
        assert both == pytest.approx(age + weight * gender, rel=1e-4)


def test_the_loss_of_age_is_as_wide_as_the_recipe_says(pretrained: Path) -> None:
    recipe = replace(RECIPE, label_std=1.5, label_std_slope=0.1, mae_weight=0.2)
    network = build_network(freeze_encoder(pretrained, "tf", recipe).learning, recipe)
    compile_fine_tuning(network, recipe, 4, warming=False)
    loss = network.loss["age"]
    assert (loss.label_std, loss.label_std_slope, loss.mae_weight) == (1.5, 0.1, 0.2)


def test_the_network_that_is_kept_has_the_weights_of_the_best_and_the_last_epoch_averaged(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agelens.training.trainer.best_epoch", lambda recipe, history: 0)
    network, training = finetune(
        faces, freeze_encoder(pretrained, "tf", RECIPE), RECIPE, tmp_path, 3, {"a": 1}, cache
    )
    assert (training.best_epoch, training.epochs_run) == (1, 3)
    assert kept_epochs(training) == [1, 3]
    ends = []
    for epoch in (1, 3):
        raw = keras.saving.load_model(tmp_path / f"epoch-{epoch:03d}.keras")
        ends.append([np.asarray(one) for one in raw.optimizer._model_variables_moving_average])
    kept = [np.asarray(keras.ops.convert_to_numpy(one)) for one in network.trainable_variables]
    for one, first, last in zip(kept, *ends, strict=True):
        np.testing.assert_allclose(one, (first.astype(float) + last) / 2, rtol=1e-6, atol=1e-9)
    assert any(not np.array_equal(first, last) for first, last in zip(*ends, strict=True))


def test_the_network_that_is_kept_has_the_averaged_weights(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "agelens.training.trainer.best_epoch", lambda recipe, history: len(history["loss"]) - 1
    )
    network, training = finetune(
        faces, freeze_encoder(pretrained, "tf", RECIPE), RECIPE, tmp_path, 3, {"a": 1}, cache
    )
    raw = keras.saving.load_model(tmp_path / f"epoch-{training.best_epoch:03d}.keras")
    averages = [np.asarray(one) for one in raw.optimizer._model_variables_moving_average]
    kept = [np.asarray(keras.ops.convert_to_numpy(one)) for one in network.trainable_variables]
    assert len(kept) == len(averages)
    for one, average in zip(kept, averages, strict=True):
        np.testing.assert_array_equal(one, average)
    assert any(
        not np.array_equal(one, np.asarray(w)) for one, w in zip(kept, raw.trainable_variables, strict=True)
    )
    # The figures of an epoch are those of the averaged weights, too.
    parts = freeze_encoder(pretrained, "tf", RECIPE)
    rows = faces[faces["split"] == "validation"].reset_index(drop=True)
    out = network.predict(train_batches(parts, rows, RECIPE, 3, cache, quiet, False), verbose=0)
    mae = np.abs(keras.ops.convert_to_numpy(expectation(out["age"])) - rows["age"]).mean()
    assert mae == pytest.approx(training.history["val_age_mae"][training.best_epoch - 1], rel=1e-4)


def test_what_is_shipped_computes_what_was_trained(
    faces: pd.DataFrame, pretrained: Path, tmp_path: Path
) -> None:
    parts = freeze_encoder(pretrained, "tf", RECIPE)
    keras.utils.set_random_seed(1)
    network = build_network(parts.learning, RECIPE)
    files = ship([TrainedModel(network, pretrained, "tf", RECIPE)], faces, tmp_path)
    paths = [Path(path) for path in faces["path"][:20]]
    crops = np.stack([load_face(path, parts.frozen.image_size) for path in paths])
    out = network(parts.frozen.model(crops))  # type: ignore[misc]
    age = keras.ops.convert_to_numpy(keras.ops.softmax(out["age"]))
    female = keras.ops.convert_to_numpy(out["gender"])[:, 0]
    given = {name: estimate(file, crops) for name, file in files.items()}
    np.testing.assert_allclose(given["float32"][0], age, atol=1e-5)
    np.testing.assert_allclose(given["float32"][1], female, atol=1e-4)
    assert np.abs(given["int8"][1] - female).mean() < 0.1 * np.abs(female).mean() + 0.05
    # The files of 64 pixels go in as they are, and are brought to the side in the network.
    whole = np.stack([read_rgb(path) for path in paths])
    assert whole.shape[1] == 64
    difference = np.abs(estimate(files["float32"], whole)[1] - female).mean()
    assert difference < 0.25 * female.std()


def estimate(file: Path, faces: np.ndarray) -> list[np.ndarray]:
    compiled = ov.Core().compile_model(ov.Core().read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert [port.get_any_name() for port in compiled.outputs] == ["age_distribution", "female_logit"]
    return run_outputs(compiled, faces, [(AGES,), ()])


def test_a_bundle_is_made_and_its_features_are_a_backbone(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, epochs=1, soup_size=2)
    card = train_finetuned(
        faces,
        [RunSpec(PretrainedEncoder(pretrained), recipe)],
        tmp_path / "training",
        tmp_path / "both",
        Settings(cache=cache, seed=3),
    )
    assert card["task"] == "both"
    assert [one["seed"] for one in card["training"]["soup_members"]] == [4, 5]
    # Both began with the same head, without which averaging their weights would mean nothing.
    assert len(list((tmp_path / "training").glob("*/warmup"))) == 1
    assert len(list((tmp_path / "training").glob("*/state.json"))) == 2
    validation = faces[faces["split"] == "validation"]
    assert (
        validate(tmp_path / "both" / "network.onnx", validation, 29, recipe.tasks)
        == card["training"]["validation"]["int8"]
    )
    spec = BackboneSpec(
        "Own", None, 29, 16, "raw", 0, "", file=tmp_path / "both" / "network.onnx", output=FEATURES
    )
    assert build_backbone(spec).feature_shape == (40,)
    # A network on this backbone has learned from what the backbone learned from.
    fewer = faces.groupby("split").head(10).reset_index(drop=True)
    heads = find_recipe("notebook", "gender").replace(epochs=1)
    train_network(fewer, heads, spec, tmp_path / "heads", tmp_path / "gender", Settings(cache=cache))
    learned = faces[faces["split"] != "test"]
    assert open_bundle(tmp_path / "gender").training_images == dict(
        zip(learned["digest"], learned["split"], strict=True)
    )


@pytest.mark.parametrize("change", ["shipping", "ensemble_weights"])
def test_a_bundle_is_written_anew_from_what_was_learned_where_only_shipping_changed(
    faces: pd.DataFrame,
    pretrained: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    def train() -> dict:
        return train_finetuned(
            faces,
            [RunSpec(PretrainedEncoder(pretrained), replace(RECIPE, epochs=1))],
            tmp_path / "training",
            tmp_path / "both",
            Settings(cache=cache, seed=3),
        )

    first = train()
    states = {path: path.stat().st_mtime_ns for path in (tmp_path / "training").rglob("*.keras")}
    assert states
    written = (tmp_path / "both" / "network.onnx").stat().st_mtime_ns
    assert train() == first
    assert (tmp_path / "both" / "network.onnx").stat().st_mtime_ns == written
    if change == "shipping":
        monkeypatch.setattr("agelens.study.train_finetuned.SHIPPING_VERSION", -1)
    else:
        monkeypatch.setitem(
            KNOWN, PretrainedEncoder(pretrained).digest, KnownEncoder("", ensemble_weights={"age": 0.5})
        )
    again = train()
    assert again["identity"] != first["identity"]
    assert (tmp_path / "both" / "network.onnx").stat().st_mtime_ns > written
    assert {path: path.stat().st_mtime_ns for path in states} == states


def test_networks_of_several_sides_are_averaged_in_one_file(
    faces: pd.DataFrame, pretrained: Path, tmp_path: Path
) -> None:
    second = write_onnx(tmp_path / "other.onnx")
    recipes = (RECIPE, replace(RECIPE, image_size=24, crop_scale=1.0, crop_shift_y=0.0, hidden=8))
    learned = []
    for number, (file, recipe) in enumerate(zip((pretrained, second), recipes, strict=True)):
        keras.utils.set_random_seed(number)
        network = build_network(freeze_encoder(file, "tf", recipe).learning, recipe)
        learned.append(TrainedModel(network, file, "tf", recipe, {"gender": 0.25} if number else {}))
    assert [one.image_size for one in learned] == [29, 24]
    crops = np.stack([read_rgb(Path(path)) for path in faces["path"][:12]])
    alone = []
    for number, one in enumerate(learned):
        (tmp_path / str(number)).mkdir()
        alone.append(estimate(ship([one], faces, tmp_path / str(number))["float32"], crops))
    files = ship(learned, faces, tmp_path)
    given = estimate(files["float32"], crops)
    assert list(files) == ["float32", "int8", f"{pretrained.stem} alone", f"{second.stem} alone"]
    for output, share in enumerate((0.5, 0.2)):
        expected = (1 - share) * alone[0][output] + share * alone[1][output]
        np.testing.assert_allclose(given[output], expected, atol=1e-5)
        assert np.abs(alone[0][output] - alone[1][output]).max() > 0.01
    assert np.abs(estimate(files["int8"], crops)[1] - given[1]).mean() < 0.1 * given[1].std() + 0.05
    spec = BackboneSpec("Own", None, 29, 16, "raw", 0, "", file=files["int8"], output=FEATURES)
    assert build_backbone(spec).feature_shape == (40 + 40,)


@pytest.mark.parametrize(
    "wrong", [{"label_std": 0.0}, {"crop_scale": 0.0}, {"crop_scale": 1.2}, {"dropout": 1.0}]
)
def test_a_recipe_by_which_nothing_could_learn_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FineTuning(**wrong)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"age_balance": 2.0}, {"augmented_views": 0}])
def test_an_option_by_which_nothing_could_learn_is_named(wrong: dict) -> None:
    with pytest.raises(AgeLensError, match="--" + next(iter(wrong)).replace("_", "-")):
        FineTuning(**wrong)


def test_a_known_network_is_trained_in_the_way_that_suits_it(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PretrainedEncoder(pretrained)
    assert one.suited(RECIPE) == RECIPE
    assert one.origin == "as its source says"
    monkeypatch.setitem(
        KNOWN, one.digest, KnownEncoder("from a friend", {"image_size": 24, "crop_scale": 1.0})
    )
    assert one.origin == "from a friend"
    assert one.suited(RECIPE) == replace(RECIPE, image_size=24, crop_scale=1.0)
    assert freeze_encoder(pretrained, "tf", one.suited(RECIPE)).frozen.image_size == 24
    # Every setting that a known network brings is one of the recipe's.
    for known in KNOWN.values():
        replace(RECIPE, **known.recipe)


def test_an_init_is_a_file_and_a_scaling(pretrained: Path) -> None:
    assert find_pretrained(str(pretrained)) == PretrainedEncoder(pretrained, "tf")
    assert find_pretrained(f"{pretrained}:unit") == PretrainedEncoder(pretrained, "unit")
    with pytest.raises(AgeLensError, match="no preprocessing 'odd'"):
        find_pretrained(f"{pretrained}:odd")
    with pytest.raises(AgeLensError, match="does not exist"):
        find_pretrained("nowhere.h5")


def test_batch_normalisation_keeps_the_statistics_of_its_file(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path
) -> None:
    def statistics(learning: keras.Model) -> list[np.ndarray]:
        layers = [layer for layer in learning.layers if isinstance(layer, keras.layers.BatchNormalization)]
        return [weight for layer in layers for weight in layer.get_weights()]

    before = statistics(freeze_encoder(pretrained, "tf", RECIPE).learning)
    network, _ = finetune(
        faces, freeze_encoder(pretrained, "tf", RECIPE), RECIPE, tmp_path, 3, {"a": 1}, cache
    )
    after = statistics(network.get_layer("learning_part"))
    assert len(before) == len(after) > 0
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_averages_are_standardised_over_the_training_faces_and_stay_so(
    faces: pd.DataFrame, pretrained: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, standardize_features=True)
    parts = freeze_encoder(pretrained, "tf", recipe)
    train = train_batches(
        parts, faces[faces["split"] == "train"].reset_index(drop=True), recipe, 3, cache, quiet, True
    )
    maps = train.take(np.arange(train.rows))
    raw = parts.learning.predict(maps, verbose=0)
    standardize_features(parts.learning, train, recipe.batch_size)
    given = parts.learning.predict(maps, verbose=0)
    np.testing.assert_allclose(given.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(given.std(axis=0)[raw.std(axis=0) > 0.02], 1, atol=1e-2)
    network, _ = finetune(
        faces, freeze_encoder(pretrained, "tf", recipe), recipe, tmp_path, 3, {"a": 1}, cache
    )
    for name in ("pooled_0", "pooled_1"):
        kept = network.get_layer("learning_part").get_layer(name).get_weights()
        for one, other in zip(kept, parts.learning.get_layer(name).get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4)


def test_more_stages_than_there_are_is_a_sentence(pretrained: Path) -> None:
    with pytest.raises(AgeLensError, match="has 3 resolutions that can learn, not 4"):
        freeze_encoder(pretrained, "tf", replace(RECIPE, unfreeze_stages=4))
