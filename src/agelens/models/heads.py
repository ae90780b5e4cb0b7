"""What stands on a backbone: the layers from features to one number a face."""

from typing import Protocol

import keras

from agelens.models.registry import Shape
from agelens.models.standardization import LAYER, Standardisation

HEADS = ("flatten", "avg-pool")


# Ages are learned as hundredths where a network starts from nothing; see Recipe.centred.
AGE_SCALE = 100.0


class HeadConfig(Protocol):
    """What a head needs of a recipe: see `agelens.training.recipes.Recipe`."""

    @property
    def task(self) -> str: ...
    @property
    def dropout(self) -> float: ...
    @property
    def pooling(self) -> str: ...
    @property
    def hidden(self) -> int: ...
    @property
    def centred(self) -> bool: ...


def build_head(
    recipe: HeadConfig,
    feature_shape: Shape,
    median_age: float = 0.0,
    standardisation: Standardisation | None = None,
) -> keras.Sequential:
    """The layers from features to one number a face, not yet compiled.

    Args:
        feature_shape: (height, width, channels) or (channels,).
        median_age: years, of the training split; where a centred or standardized age network starts.
        standardization: of the features of a frozen backbone, unless the recipe goes without.

    Returns:
        a model from float32 (faces, *feature_shape) to (faces, 1): years, or the probability of female.
    """
    layers: list[keras.layers.Layer] = [keras.Input(feature_shape, name="features")]
    if standardisation is not None:
        layers.append(standardisation.layer())
    if recipe.pooling == "avg-pool" and len(feature_shape) == 3:
        # The notebook drops whole-map features before it averages them; the order is kept.
        layers += [keras.layers.Dropout(recipe.dropout), keras.layers.GlobalAveragePooling2D()]
    else:
        layers += [keras.layers.Dropout(recipe.dropout), keras.layers.Flatten()]
    if recipe.hidden:
        layers.append(keras.layers.Dense(recipe.hidden, activation="relu", kernel_initializer="he_normal"))
    layers += _last_layers(recipe, median_age, standardisation is not None)
    return keras.Sequential(layers, name=f"{recipe.task}_head")


def _last_layers(recipe: HeadConfig, median_age: float, standardised: bool) -> list[keras.layers.Layer]:
    if recipe.task == "gender":
        return [keras.layers.Dense(1, activation="sigmoid", name="p_female")]
    if recipe.centred:
        start = keras.initializers.Constant(median_age / AGE_SCALE)
        return [
            keras.layers.Dense(1, bias_initializer=start, name="age_hundredths"),
            keras.layers.Rescaling(AGE_SCALE, name="age_years"),
        ]
    # Standardised features have mean 0, so the bias alone must say the mean age, and Adam moves it by 2 years in 5
    # epochs.
    start = keras.initializers.Constant(median_age if standardised else 0.0)
    return [keras.layers.Dense(1, bias_initializer=start, name="age_years")]


def describe_layers(head: keras.Model) -> list[str]:
    """The layers of a head in words, for the card."""
    words = []
    for layer in head.layers:
        if layer.name == LAYER:
            words.append("Standardise")
            continue
        config = layer.get_config()
        detail = {
            "Dropout": lambda c: f" {c['rate']:g}",
            "Dense": lambda c: f" {c['units']} {c['activation']}",
            "Rescaling": lambda c: f" x{c['scale']:g}",
        }.get(type(layer).__name__, lambda c: "")(config)
        words.append(type(layer).__name__ + detail)
    return words
